/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu: functions that most users of /dev/svmvcpu need.
 *
 * It has thin wrappers around the ioctls, names and one-line descriptions of
 * exits, an ELF reader that trusts nothing in the file, a walker for guest page
 * tables, and page tables that map memory one to one. It has no policy and no
 * devices. The ABI header defines the interface.
 *
 * Calls that can fail return a negative errno and store one line that explains
 * the failure, which svmvcpu_last_error() returns. Functions print only to a
 * stream that the caller passes, and never exit.
 */
#ifndef SVMVCPU_LIB_H
#define SVMVCPU_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/svmvcpu.h>

#define SVMVCPU_DEVICE		"/dev/svmvcpu"
#define SVMVCPU_PAGE		4096ULL

/* Errors (error.c) */

/* the text of this thread's last failure; never NULL */
const char *svmvcpu_last_error(void);
/* store the text of a failure and return -@error; for code that extends the library */
[[gnu::format(printf, 2, 3)]]
int svmvcpu_fail(int error, const char *fmt, ...);

/* what an errno of CREATE_VM or RUN means for the host */
const char *svmvcpu_host_error(int error);

/* Device and VM (device.c) */

/**
 * svmvcpu_open() - open the device
 * @path: device node, or NULL for SVMVCPU_DEVICE
 *
 * Return: a file descriptor or a negative errno.
 */
int svmvcpu_open(const char *path);

/**
 * svmvcpu_get_info() - capabilities of the module and the host
 * @dev: device file
 * @info: out; members that an older module does not know are 0
 *
 * Return: 0, -EPROTO if the module has another API version (@info is set
 * in this case, too), or the errno of the ioctl.
 */
int svmvcpu_get_info(int dev, struct svmvcpu_info *info);

/* a new VM file or a negative errno */
int svmvcpu_vm_create(int dev);
/* add regions, all or none; after a failure, the text names the first region */
int svmvcpu_vm_map(int vm, const struct svmvcpu_region *regions, unsigned int nr);
/* the same in place of what is mapped there; a region without rights makes a hole */
int svmvcpu_vm_replace(int vm, const struct svmvcpu_region *regions, unsigned int nr);
/* remove guest-physical ranges, all or none */
int svmvcpu_vm_unmap(int vm, const struct svmvcpu_range *ranges, unsigned int nr);

/**
 * svmvcpu_vm_prefault() - map memory before the guest accesses it
 * @vm: VM file
 * @gpa: first address
 * @bytes: length
 * @flags: SVMVCPU_PREFAULT_*
 * @done: out: number of bytes that were mapped, also after an error; may be NULL
 *
 * Return: 0 or a negative errno; after -EINTR, call again for the rest.
 */
int svmvcpu_vm_prefault(int vm, __u64 gpa, __u64 bytes, __u32 flags, __u64 *done);

/* counters of the VM's memory; members that an older module does not know are 0 */
int svmvcpu_vm_get_stats(int vm, struct svmvcpu_stats *stats);

/* the counters as an array: the members behind size and flags */
#define SVMVCPU_VM_STAT_NR	(sizeof(struct svmvcpu_stats) / sizeof(__u64) - 1)
static inline __u64 *svmvcpu_vm_stat(struct svmvcpu_stats *stats, unsigned int stat)
{
	return (__u64 *)stats + 1 + stat;
}

/*
 * send an interrupt to the VM's local APICs, at any time, from any thread; sets
 * @message->size. Returns how many local APICs accepted it, or a negative errno
 */
int svmvcpu_vm_message(int vm, const struct svmvcpu_message *message);

/* add or remove a doorbell; sets @arg->size. @arg->fd can be closed afterwards */
int svmvcpu_vm_ioeventfd(int vm, const struct svmvcpu_ioeventfd *arg);
/* let an eventfd send interrupts, replace its message, or remove it; sets @arg->size */
int svmvcpu_vm_irqfd(int vm, const struct svmvcpu_irqfd *arg);
/* add or remove a range of coalesced writes; @flags: SVMVCPU_COALESCED_* */
int svmvcpu_vm_coalesced(int vm, __u32 flags, __u64 address, __u64 bytes);

/* record all vCPUs and the memory; @max_bytes: limit of all copies, 0 for none */
int svmvcpu_vm_snapshot(int vm, __u64 max_bytes);
/* go back to the snapshot; @pages: out: number of pages restored, or NULL */
int svmvcpu_vm_restore(int vm, __u64 *pages);
/* name ranges that the caller will write itself, so that RESTORE restores them */
int svmvcpu_vm_preserve(int vm, const struct svmvcpu_range *ranges, unsigned int nr);
int svmvcpu_vm_drop_snapshot(int vm);

/* @flags: SVMVCPU_LOG_START or SVMVCPU_LOG_STOP */
int svmvcpu_vm_dirty_log(int vm, __u32 flags, __u64 gpa, __u64 bytes);
/* sets @collect->size; the results are @collect->nr and @collect->more */
int svmvcpu_vm_dirty_collect(int vm, struct svmvcpu_dirty_collect *collect);
/* map the list of dirty pages, SVMVCPU_DIRTY_LIST_MAX addresses; NULL after a failure */
const __u64 *svmvcpu_vm_dirty_list(int vm);
void svmvcpu_vm_dirty_list_free(const __u64 *list);

/* zeroed page-aligned memory, allocated on first access; NULL after a failure */
void *svmvcpu_alloc(size_t bytes);
void svmvcpu_free(void *mem, size_t bytes);

/* vCPU (vcpu.c) */

/**
 * struct svmvcpu_vcpu - an open vCPU
 * @fd: vCPU file
 * @run: the run page
 * @mapped: bytes mapped from @fd, starting at @run
 */
struct svmvcpu_vcpu {
	int fd;
	struct svmvcpu_run *run;
	size_t mapped;
};

/**
 * svmvcpu_vcpu_create() - create a vCPU and map its run page
 * @vm: VM file
 * @id: number in the VM, the guest's APIC ID
 * @info: from svmvcpu_get_info()
 * @vcpu: out; release it with svmvcpu_vcpu_close()
 *
 * Return: 0 or a negative errno.
 */
int svmvcpu_vcpu_create(int vm, unsigned int id, const struct svmvcpu_info *info,
			struct svmvcpu_vcpu *vcpu);
/* the same, with SVMVCPU_VCPU_* flags */
int svmvcpu_vcpu_create_flags(int vm, unsigned int id, __u32 flags,
			      const struct svmvcpu_info *info, struct svmvcpu_vcpu *vcpu);
void svmvcpu_vcpu_close(struct svmvcpu_vcpu *vcpu);

/* reset the vCPU; sets @setup->size */
int svmvcpu_vcpu_setup(struct svmvcpu_vcpu *vcpu, const struct svmvcpu_setup *setup);
/* run until the next exit, which @vcpu->run describes */
int svmvcpu_vcpu_run(struct svmvcpu_vcpu *vcpu);
/* the same with a stop byte or a signal mask; @args->size need not be set */
int svmvcpu_vcpu_run_args(struct svmvcpu_vcpu *vcpu, const struct svmvcpu_run_args *args);
/* make the current or the next RUN return, once; safe in a signal handler */
int svmvcpu_vcpu_kick(const struct svmvcpu_vcpu *vcpu);
/*
 * read or write SVMVCPU_STATE_* @components of @state. With XSTATE the caller sets
 * @state->xstate and @state->xstate_size, and clears @state->mbz for a write
 */
int svmvcpu_vcpu_get_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state);
int svmvcpu_vcpu_set_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state);
/* bit n: exception vector n exits before it is delivered to the guest */
int svmvcpu_vcpu_set_exits(struct svmvcpu_vcpu *vcpu, __u32 exceptions);
/* the same with all options of SET_EXITS; sets @exits->size */
int svmvcpu_vcpu_choose_exits(struct svmvcpu_vcpu *vcpu, struct svmvcpu_exits *exits);
/* single steps and breakpoints; sets @debug->size */
int svmvcpu_vcpu_set_debug(struct svmvcpu_vcpu *vcpu, struct svmvcpu_set_debug *debug);

/*
 * CPUID tables; the device has the default table. SET works for a VM until its first vCPU is
 * created, and for a vCPU until its guest first runs. GET: @nr: in: number of entries that
 * fit at @entries (info.max_cpuid is enough); out: number of entries in the table
 */
int svmvcpu_device_get_cpuid(int dev, struct svmvcpu_cpuid_entry *entries, unsigned int *nr);
int svmvcpu_vm_get_cpuid(int vm, struct svmvcpu_cpuid_entry *entries, unsigned int *nr);
int svmvcpu_vm_set_cpuid(int vm, const struct svmvcpu_cpuid_entry *entries, unsigned int nr);
int svmvcpu_vcpu_get_cpuid(const struct svmvcpu_vcpu *vcpu, struct svmvcpu_cpuid_entry *entries,
			   unsigned int *nr);
/* keeps the state, which must not need a feature that the table hides (-EOPNOTSUPP) */
int svmvcpu_vcpu_set_cpuid(const struct svmvcpu_vcpu *vcpu,
			   const struct svmvcpu_cpuid_entry *entries, unsigned int nr);
/* the entry for @leaf and @subleaf, or NULL */
struct svmvcpu_cpuid_entry *svmvcpu_cpuid_find(struct svmvcpu_cpuid_entry *entries,
					       unsigned int nr, __u32 leaf, __u32 subleaf);

/*
 * counters of the vCPU, at any time, from any thread; those that an older module does not
 * know are 0
 */
int svmvcpu_vcpu_get_stats(const struct svmvcpu_vcpu *vcpu, struct svmvcpu_vcpu_stats *stats);

/* set the local APIC's pins, bit n for LINTn; at any time, from any thread */
int svmvcpu_vcpu_lint(const struct svmvcpu_vcpu *vcpu, unsigned int pins);

/*
 * access the register page of the local APIC as if the guest did; sets @access->size.
 * If the result is 0 and @access->exit is set, the run page describes an exit that
 * must be handled
 */
int svmvcpu_vcpu_apic_access(struct svmvcpu_vcpu *vcpu, struct svmvcpu_apic_access *access);

/**
 * svmvcpu_vcpu_translate() - translate a linear address of the guest
 * @vcpu: the vCPU
 * @linear: the address
 * @access: SVMVCPU_ACCESS_*
 * @out: out; @out->result is the result
 *
 * Checks permissions, unlike svmvcpu_translate(), which needs no vCPU.
 *
 * Return: 0 or a negative errno. 0 does not mean that there is a translation.
 */
int svmvcpu_vcpu_translate(struct svmvcpu_vcpu *vcpu, __u64 linear, __u32 access,
			   struct svmvcpu_translation *out);

/**
 * svmvcpu_vcpu_window() - the data of a string IO exit
 * @vcpu: the vCPU, stopped at SVMVCPU_EXIT_IO with SVMVCPU_IO_STRING
 * @bytes: out: number of bytes of this exit
 *
 * Return: the data, or NULL if the run page points outside the mapping.
 */
void *svmvcpu_vcpu_window(const struct svmvcpu_vcpu *vcpu, size_t *bytes);

/**
 * svmvcpu_vcpu_take_writes() - the coalesced writes that the last RUN has reported
 * @vcpu: the vCPU, after a RUN that has succeeded
 * @nr: out: number of writes; 0 if they have been taken before
 *
 * The guest made them before the exit, in this order: handle them first.
 *
 * Return: the writes, valid until the next RUN, or NULL if there is none or if the run page
 * points outside the mapping.
 */
const struct svmvcpu_write *svmvcpu_vcpu_take_writes(const struct svmvcpu_vcpu *vcpu,
						     unsigned int *nr);

/* Names (names.c); "?" for numbers that the ABI header does not have */

const char *svmvcpu_exit_name(unsigned int reason);
const char *svmvcpu_rule_text(unsigned int rule);
const char *svmvcpu_translation_text(unsigned int result);
/* name and description of a vCPU's counter, SVMVCPU_STAT_* */
const char *svmvcpu_stat_name(unsigned int stat);
const char *svmvcpu_stat_text(unsigned int stat);
/* the same of a VM's counter, 0 to SVMVCPU_VM_STAT_NR - 1 */
const char *svmvcpu_vm_stat_name(unsigned int stat);
const char *svmvcpu_vm_stat_text(unsigned int stat);
const char *svmvcpu_mode_name(unsigned int mode);
const char *svmvcpu_preset_name(unsigned int preset);
const char *svmvcpu_down_name(unsigned int kind);
/* "#UD" and so on */
const char *svmvcpu_vector_name(unsigned int vector);
/* names of the bits of svmvcpu_info.features and .mitigations; NULL for other bits */
const char *svmvcpu_feature_name(unsigned int bit);
const char *svmvcpu_mitigation_name(unsigned int bit);

/* Text (print.c) */

/**
 * svmvcpu_describe_exit() - an exit in one line, without a newline
 * @run: the run page or a copy of it
 * @window: data of a string IO exit, or NULL
 * @buf: receives the text, always terminated
 * @len: bytes in @buf
 *
 * Return: @buf.
 */
char *svmvcpu_describe_exit(const struct svmvcpu_run *run, const void *window,
			    char *buf, size_t len);
/* whether the next RUN uses &svmvcpu_run.answer */
bool svmvcpu_exit_asks(const struct svmvcpu_run *run);
/* general and control registers of the run page, in several lines */
void svmvcpu_print_regs(FILE *out, const struct svmvcpu_run *run);
/* segment, table, control and debug registers, as far as @state has them */
void svmvcpu_print_state(FILE *out, const struct svmvcpu_state *state);

/* Guest memory (guest.c) */

/**
 * struct svmvcpu_memory - a range of guest-physical memory and the memory behind it
 * @gpa: guest-physical address
 * @bytes: length
 * @hva: address in the caller's memory
 */
struct svmvcpu_memory {
	__u64 gpa;
	__u64 bytes;
	void *hva;
};

/**
 * struct svmvcpu_guest - memory of a guest, for the functions below
 * @mem: ranges, which do not overlap
 * @nr: number of ranges
 */
struct svmvcpu_guest {
	const struct svmvcpu_memory *mem;
	unsigned int nr;
};

/* address of @gpa in the caller's memory; NULL unless one range has all @bytes */
void *svmvcpu_gpa_to_hva(const struct svmvcpu_guest *guest, __u64 gpa, __u64 bytes);

/**
 * svmvcpu_translate() - walk the guest's page tables
 * @guest: its memory
 * @control: CR0, CR3, CR4 and EFER are used
 * @linear: linear address (segment base added)
 * @gpa: out: guest-physical address
 *
 * Supports disabled paging, 32-bit, PAE, 4-level and 5-level paging, and large
 * pages. Checks present bits only, not permissions.
 *
 * Return: 0, or -EFAULT if nothing is mapped there.
 */
int svmvcpu_translate(const struct svmvcpu_guest *guest,
		      const struct svmvcpu_control *control, __u64 linear, __u64 *gpa);

/* copy from linear addresses; returns the number of bytes that could be read */
size_t svmvcpu_read_linear(const struct svmvcpu_guest *guest,
			   const struct svmvcpu_control *control, __u64 linear,
			   void *buf, size_t len);

/* size of the page tables with which svmvcpu_identity_map() maps [0, @top) */
__u64 svmvcpu_identity_bytes(__u64 top);

/**
 * svmvcpu_identity_map() - write long-mode tables that map [0, @top) one to one
 * @tables: svmvcpu_identity_bytes(@top) zeroed bytes
 * @gpa: guest-physical address of @tables, page aligned; becomes CR3
 * @top: end of the mapping, at most 512 GiB; rounded up to 1 GiB
 *
 * Pages are 2 MiB, writable and executable, for supervisor and user.
 *
 * Return: 0 or -EINVAL.
 */
int svmvcpu_identity_map(void *tables, __u64 gpa, __u64 top);

/* ELF (elf.c) */

#define SVMVCPU_ELF_SEGMENTS	32

/**
 * struct svmvcpu_elf - how to load an ELF file
 * @bits: 32 or 64
 * @nr: number of segments, at least 1
 * @entry: first instruction as a guest-physical address
 * @segments: in file order, not overlapping in memory
 * @segments.gpa: load address (the program header's physical address)
 * @segments.bytes: size in memory, not zero
 * @segments.offset: offset in the file
 * @segments.filled: number of bytes in the file; the rest is zero
 */
struct svmvcpu_elf {
	unsigned int bits;
	unsigned int nr;
	__u64 entry;
	struct {
		__u64 gpa;
		__u64 bytes;
		__u64 offset;
		__u64 filled;
	} segments[SVMVCPU_ELF_SEGMENTS];
};

/* whether a file starts like an ELF file */
bool svmvcpu_elf_probe(const void *file, size_t len);

/**
 * svmvcpu_elf_parse() - check an ELF file and determine how to load it
 * @file: contents of the file
 * @len: number of bytes
 * @elf: out
 *
 * Accepts little-endian executables for i386 and x86-64, linked to a fixed
 * address. After success, every segment lies inside the file, no segments overlap,
 * and no sum of @elf's members overflows.
 *
 * Return: 0, -ENOEXEC, or -E2BIG for more than SVMVCPU_ELF_SEGMENTS segments.
 */
int svmvcpu_elf_parse(const void *file, size_t len, struct svmvcpu_elf *elf);

/* copy the segments of a parsed file; -ENOSPC if one is not in guest memory */
int svmvcpu_elf_load(const struct svmvcpu_elf *elf, const void *file,
		     const struct svmvcpu_guest *guest);

#endif /* SVMVCPU_LIB_H */
