/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu: what every user of /dev/svmvcpu would otherwise write again.
 *
 * Owns no policy and no devices: thin wrappers around the ioctls, names and
 * one-line descriptions of exits, an ELF reader that trusts nothing, a guest
 * page-table walker and identity page tables. vcpuctl, the kselftest programs
 * and other VMMs may call all of it; the ABI header remains the contract.
 *
 * Calls that can fail return a negative errno and leave one readable line,
 * which svmvcpu_last_error() returns, in storage of the calling thread.
 * Nothing here prints unless it is handed a stream, and nothing exits.
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

/* the reason of this thread's last failure; never NULL */
const char *svmvcpu_last_error(void);
/* record a reason and return -@error, for callers that extend the library */
[[gnu::format(printf, 2, 3)]]
int svmvcpu_fail(int error, const char *fmt, ...);

/* what an errno of CREATE_VM or RUN says about the host */
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
 * svmvcpu_get_info() - what module and host can do
 * @dev: device file
 * @info: filled in; members a module older than the header does not know are 0
 *
 * Return: 0, -EPROTO when the module speaks another API version (then @info
 * is filled in all the same), or the errno of the ioctl.
 */
int svmvcpu_get_info(int dev, struct svmvcpu_info *info);

/* a new VM file or a negative errno */
int svmvcpu_vm_create(int dev);
/* add regions, all or none; the text names the first region when there is one */
int svmvcpu_vm_map(int vm, const struct svmvcpu_region *regions, unsigned int nr);
/* take guest-physical ranges away, all or none */
int svmvcpu_vm_unmap(int vm, const struct svmvcpu_range *ranges, unsigned int nr);

/**
 * svmvcpu_vm_prefault() - map memory before the guest touches it
 * @vm: VM file
 * @gpa: first address
 * @bytes: length
 * @flags: SVMVCPU_PREFAULT_*
 * @done: receives the bytes that were mapped, also on error; may be NULL
 *
 * Return: 0 or a negative errno; after -EINTR one can go on behind @done.
 */
int svmvcpu_vm_prefault(int vm, __u64 gpa, __u64 bytes, __u32 flags, __u64 *done);

/* counts of what happened to the VM's memory; what the module does not know is 0 */
int svmvcpu_vm_get_stats(int vm, struct svmvcpu_stats *stats);

/*
 * send an interrupt to the VM's local APICs, at any time, from any thread;
 * @message->size is filled in. Returns how many took it, or a negative errno
 */
int svmvcpu_vm_message(int vm, const struct svmvcpu_message *message);

/* all vCPUs and the memory as they are now; @max_bytes: of copies, 0 for no bound */
int svmvcpu_vm_snapshot(int vm, __u64 max_bytes);
/* back to that; @pages, unless NULL, gets how many pages were put back */
int svmvcpu_vm_restore(int vm, __u64 *pages);
/* ranges the caller is about to write itself: RESTORE puts them back too */
int svmvcpu_vm_preserve(int vm, const struct svmvcpu_range *ranges, unsigned int nr);
int svmvcpu_vm_drop_snapshot(int vm);

/* @flags: SVMVCPU_LOG_START or SVMVCPU_LOG_STOP */
int svmvcpu_vm_dirty_log(int vm, __u32 flags, __u64 gpa, __u64 bytes);
/* @collect->size is filled in, and @nr and @more are the result */
int svmvcpu_vm_dirty_collect(int vm, struct svmvcpu_dirty_collect *collect);
/* the list that fills, SVMVCPU_DIRTY_LIST_MAX addresses to be read; NULL and a reason */
const __u64 *svmvcpu_vm_dirty_list(int vm);
void svmvcpu_vm_dirty_list_free(const __u64 *list);

/* zeroed page-aligned memory, populated on first touch; NULL and a reason */
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
 * @vcpu: filled in; release with svmvcpu_vcpu_close()
 *
 * Return: 0 or a negative errno.
 */
int svmvcpu_vcpu_create(int vm, unsigned int id, const struct svmvcpu_info *info,
			struct svmvcpu_vcpu *vcpu);
/* the same, with SVMVCPU_VCPU_* flags */
int svmvcpu_vcpu_create_flags(int vm, unsigned int id, __u32 flags,
			      const struct svmvcpu_info *info, struct svmvcpu_vcpu *vcpu);
void svmvcpu_vcpu_close(struct svmvcpu_vcpu *vcpu);

/* reset the vCPU; @setup->size is filled in by the call */
int svmvcpu_vcpu_setup(struct svmvcpu_vcpu *vcpu, const struct svmvcpu_setup *setup);
/* run to the next exit, described by @vcpu->run; -EINTR counts as no exit */
int svmvcpu_vcpu_run(struct svmvcpu_vcpu *vcpu);
/* stop the running or the next RUN, once; safe in a signal handler */
int svmvcpu_vcpu_kick(const struct svmvcpu_vcpu *vcpu);
/*
 * read or write SVMVCPU_STATE_* @components of @state; with XSTATE the caller
 * sets @state->xstate and @state->xstate_size, and zeroes @state->mbz for a write
 */
int svmvcpu_vcpu_get_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state);
int svmvcpu_vcpu_set_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state);
/* bit n: exception vector n exits to the caller instead of the guest */
int svmvcpu_vcpu_set_exits(struct svmvcpu_vcpu *vcpu, __u32 exceptions);
/* the same with everything SET_EXITS offers; @exits->size is filled in by the call */
int svmvcpu_vcpu_choose_exits(struct svmvcpu_vcpu *vcpu, struct svmvcpu_exits *exits);
/* single steps and breakpoints; @debug->size is filled in by the call */
int svmvcpu_vcpu_set_debug(struct svmvcpu_vcpu *vcpu, struct svmvcpu_set_debug *debug);

/*
 * CPUID tables: of a VM before its first vCPU is created, of a vCPU before its guest
 * first runs. @nr: in: room at @entries (info.max_cpuid is enough); out: entries
 */
int svmvcpu_vm_get_cpuid(int vm, struct svmvcpu_cpuid_entry *entries, unsigned int *nr);
int svmvcpu_vm_set_cpuid(int vm, const struct svmvcpu_cpuid_entry *entries, unsigned int nr);
int svmvcpu_vcpu_get_cpuid(const struct svmvcpu_vcpu *vcpu, struct svmvcpu_cpuid_entry *entries,
			   unsigned int *nr);
/* resets the vCPU: SETUP or SET_STATE comes after it */
int svmvcpu_vcpu_set_cpuid(const struct svmvcpu_vcpu *vcpu,
			   const struct svmvcpu_cpuid_entry *entries, unsigned int nr);
/* the entry that answers, or NULL */
struct svmvcpu_cpuid_entry *svmvcpu_cpuid_find(struct svmvcpu_cpuid_entry *entries,
					       unsigned int nr, __u32 leaf, __u32 subleaf);

/* drive the local APIC's pins, bit n for LINTn; at any time, from any thread */
int svmvcpu_vcpu_lint(const struct svmvcpu_vcpu *vcpu, unsigned int pins);

/*
 * an access to the register page of the local APIC, as if the guest made it;
 * @access->size is filled in. After 0 with @access->exit the run page describes
 * an exit to be handled
 */
int svmvcpu_vcpu_apic_access(struct svmvcpu_vcpu *vcpu, struct svmvcpu_apic_access *access);

/**
 * svmvcpu_vcpu_translate() - where a linear address of the guest lies
 * @vcpu: the vCPU
 * @linear: the address
 * @access: SVMVCPU_ACCESS_*
 * @out: filled in; @out->result says what was found
 *
 * Knows permissions, unlike svmvcpu_translate(), which needs no vCPU.
 *
 * Return: 0 or a negative errno; that there is no translation is none.
 */
int svmvcpu_vcpu_translate(struct svmvcpu_vcpu *vcpu, __u64 linear, __u32 access,
			   struct svmvcpu_translation *out);

/**
 * svmvcpu_vcpu_window() - the data of a string IO exit
 * @vcpu: the vCPU, stopped at SVMVCPU_EXIT_IO with SVMVCPU_IO_STRING
 * @bytes: set to the bytes this exit covers
 *
 * Return: the data, or NULL when the page describes something outside the
 * mapping.
 */
void *svmvcpu_vcpu_window(const struct svmvcpu_vcpu *vcpu, size_t *bytes);

/* Names (names.c); "?" for numbers the header does not know */

const char *svmvcpu_exit_name(unsigned int reason);
const char *svmvcpu_rule_text(unsigned int rule);
const char *svmvcpu_translation_text(unsigned int result);
const char *svmvcpu_mode_name(unsigned int mode);
const char *svmvcpu_preset_name(unsigned int preset);
const char *svmvcpu_down_name(unsigned int kind);
/* "#UD" and so on */
const char *svmvcpu_vector_name(unsigned int vector);
/* names of the bits of svmvcpu_info.features and .mitigations; NULL if none */
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
/* whether the next RUN takes &svmvcpu_run.answer */
bool svmvcpu_exit_asks(const struct svmvcpu_run *run);
/* general and control registers of the run page, four lines and more */
void svmvcpu_print_regs(FILE *out, const struct svmvcpu_run *run);
/* segment, table, control and debug registers, whichever @state holds */
void svmvcpu_print_state(FILE *out, const struct svmvcpu_state *state);

/* Guest memory (guest.c) */

/**
 * struct svmvcpu_memory - a piece of guest-physical memory and its backing
 * @gpa: guest-physical address
 * @bytes: length
 * @hva: where the caller sees it
 */
struct svmvcpu_memory {
	__u64 gpa;
	__u64 bytes;
	void *hva;
};

/**
 * struct svmvcpu_guest - all memory of a guest, as the helpers below see it
 * @mem: pieces, which do not overlap
 * @nr: number of pieces
 */
struct svmvcpu_guest {
	const struct svmvcpu_memory *mem;
	unsigned int nr;
};

/* where the caller sees @bytes at @gpa; NULL unless one piece holds them all */
void *svmvcpu_gpa_to_hva(const struct svmvcpu_guest *guest, __u64 gpa, __u64 bytes);

/**
 * svmvcpu_translate() - walk the guest's page tables
 * @guest: its memory
 * @control: CR0, CR3, CR4 and EFER count
 * @linear: linear address (segment base added)
 * @gpa: receives the guest-physical address
 *
 * Knows paging off, 32-bit, PAE, 4 and 5 levels, and large pages. Looks at
 * present bits only, not at permissions.
 *
 * Return: 0, or -EFAULT when nothing is mapped there.
 */
int svmvcpu_translate(const struct svmvcpu_guest *guest,
		      const struct svmvcpu_control *control, __u64 linear, __u64 *gpa);

/* copy from guest linear memory; returns the bytes that could be read */
size_t svmvcpu_read_linear(const struct svmvcpu_guest *guest,
			   const struct svmvcpu_control *control, __u64 linear,
			   void *buf, size_t len);

/* bytes of page tables svmvcpu_identity_map() needs to map [0, @top) */
__u64 svmvcpu_identity_bytes(__u64 top);

/**
 * svmvcpu_identity_map() - write long-mode tables that map [0, @top) one to one
 * @tables: svmvcpu_identity_bytes(@top) zeroed bytes
 * @gpa: guest-physical address of @tables, page aligned; becomes CR3
 * @top: end of the mapping, at most 512 GiB; rounded up to 1 GiB
 *
 * Pages are 2 MiB, writable and executable, for supervisor and user alike.
 *
 * Return: 0 or -EINVAL.
 */
int svmvcpu_identity_map(void *tables, __u64 gpa, __u64 top);

/* ELF (elf.c) */

#define SVMVCPU_ELF_SEGMENTS	32

/**
 * struct svmvcpu_elf - what loading an ELF file takes
 * @bits: 32 or 64
 * @nr: number of segments, at least 1
 * @entry: first instruction as a guest-physical address
 * @segments: in file order, not overlapping in memory
 * @segments.gpa: where it goes (the program header's physical address)
 * @segments.bytes: size in memory, not zero
 * @segments.offset: where it is in the file
 * @segments.filled: bytes from the file; the rest is zero
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

/* whether a file claims to be ELF */
bool svmvcpu_elf_probe(const void *file, size_t len);

/**
 * svmvcpu_elf_parse() - check an ELF file and say how to load it
 * @file: its bytes
 * @len: how many
 * @elf: filled in
 *
 * Accepts little-endian executables for i386 and x86-64, linked to a fixed
 * address. After success every segment lies inside the file, none overlap and
 * no sum of @elf's members wraps.
 *
 * Return: 0, -ENOEXEC, or -E2BIG for more than SVMVCPU_ELF_SEGMENTS segments.
 */
int svmvcpu_elf_parse(const void *file, size_t len, struct svmvcpu_elf *elf);

/* copy the segments of a parsed file; -ENOSPC when one is not in guest memory */
int svmvcpu_elf_load(const struct svmvcpu_elf *elf, const void *file,
		     const struct svmvcpu_guest *guest);

#endif /* SVMVCPU_LIB_H */
