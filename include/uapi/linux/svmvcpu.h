/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * svmvcpu: AMD SVM virtual CPUs through /dev/svmvcpu.
 *
 * The whole contract between the module and a VMM. Four sections:
 *
 *   1. what several calls share: exit names, modes, registers;
 *   2. ioctls of /dev/svmvcpu    (numbers 0x00-0x1f);
 *   3. ioctls of a VM file       (numbers 0x20-0x3f);
 *   4. ioctls and mapping of a vCPU file (numbers 0x40-0x7f).
 *
 *   /dev/svmvcpu --CREATE_VM--> VM file --CREATE_VCPU--> vCPU file --mmap--> run page
 *
 * Rules for every structure: fixed-width types, no implicit padding, pointers
 * as __u64. Whatever can grow starts with @size (bytes the caller knows) and
 * @flags; unknown flags and non-zero bytes the kernel does not know are
 * refused with EINVAL and E2BIG. Fields named "mbz" must be zero. Each call
 * either happens whole or not at all.
 *
 * Documentation/api.rst lists for every ioctl the states it is valid in and
 * every errno with its cause.
 */
#ifndef _UAPI_LINUX_SVMVCPU_H
#define _UAPI_LINUX_SVMVCPU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when a program built for an older header could misbehave. */
#define SVMVCPU_API_VERSION	1

/* 1. Shared ------------------------------------------------------------- */

/*
 * Every reason a RUN can return with, as X(number, NAME, "name"). Kernel,
 * tracepoints, library, CLI and tests all take the names from here. Numbers
 * are final.
 */
#define SVMVCPU_EXITS(X)						\
	X(0,  NONE,		"none")					\
	X(1,  IO,		"io")					\
	X(2,  MEMORY_FAULT,	"memory-fault")				\
	X(3,  HYPERCALL,	"hypercall")				\
	X(4,  MSR_READ,		"msr-read")				\
	X(5,  MSR_WRITE,	"msr-write")				\
	X(6,  HALT,		"halt")					\
	X(7,  SYSTEM_DOWN,	"system-down")				\
	X(8,  SHUTDOWN,		"shutdown")				\
	X(9,  EXCEPTION,	"exception")				\
	X(10, INTERRUPTED,	"interrupted")				\
	X(11, FAIL_ENTRY,	"fail-entry")				\
	X(12, UNKNOWN,		"unknown")				\
	X(13, IRQ_WINDOW,	"irq-window")				\
	X(14, MMIO,		"mmio")					\
	X(15, IOAPIC_EOI,	"ioapic-eoi")				\
	X(16, DEBUG,		"debug")

/*
 * enum svmvcpu_exit_reason - why RUN returned
 * @SVMVCPU_EXIT_NONE: no RUN has completed since the vCPU was set up
 * @SVMVCPU_EXIT_IO: a port access; see &struct svmvcpu_exit_io
 * @SVMVCPU_EXIT_MEMORY_FAULT: an access no memory region allows; see
 *	&struct svmvcpu_exit_memory. The instruction has not been executed
 * @SVMVCPU_EXIT_HYPERCALL: VMMCALL; see &struct svmvcpu_exit_hypercall
 * @SVMVCPU_EXIT_MSR_READ: RDMSR of a register the kernel does not answer
 * @SVMVCPU_EXIT_MSR_WRITE: WRMSR of a register the kernel does not answer
 * @SVMVCPU_EXIT_HALT: HLT; RIP is behind it. With a local APIC only when
 *	RFLAGS.IF is clear
 * @SVMVCPU_EXIT_SYSTEM_DOWN: the guest asked for power-off or reset
 * @SVMVCPU_EXIT_SHUTDOWN: triple fault, or on family 10h a machine check that the
 *	guest caused (#MC as the only fault). The vCPU must be set up again
 * @SVMVCPU_EXIT_EXCEPTION: an exception chosen with SVMVCPU_SET_EXITS, not
 *	yet delivered to the guest
 * @SVMVCPU_EXIT_INTERRUPTED: a signal, a kick or the deadline; nothing
 *	happened in the guest that the VMM has to answer
 * @SVMVCPU_EXIT_FAIL_ENTRY: the vCPU's state is one VMRUN refuses
 * @SVMVCPU_EXIT_UNKNOWN: an exit this module has no answer for, raw
 * @SVMVCPU_EXIT_MMIO: a mov to or from device memory, decoded; see &struct
 *	svmvcpu_exit_mmio. Only after SVMVCPU_DECODE_MMIO
 * @SVMVCPU_EXIT_IRQ_WINDOW: an interrupt injected by the next RUN is taken at
 *	once; only after SVMVCPU_RUN_IRQ_WINDOW
 * @SVMVCPU_EXIT_IOAPIC_EOI: the guest has done with a level-triggered
 *	interrupt of its local APIC
 * @SVMVCPU_EXIT_DEBUG: a step or a breakpoint of the VMM's; only after
 *	SVMVCPU_SET_DEBUG
 */
enum svmvcpu_exit_reason {
#define SVMVCPU_EXIT_ENUM(nr, name, str) SVMVCPU_EXIT_##name = nr,
	SVMVCPU_EXITS(SVMVCPU_EXIT_ENUM)
#undef SVMVCPU_EXIT_ENUM
};

/**
 * enum svmvcpu_cpu_mode - what the guest CPU was executing at the exit
 * @SVMVCPU_MODE_REAL: CR0.PE clear
 * @SVMVCPU_MODE_VM86: virtual-8086
 * @SVMVCPU_MODE_PROTECTED: protected mode, 16 or 32-bit code (CS.D)
 * @SVMVCPU_MODE_COMPATIBILITY: 16 or 32-bit code under long mode
 * @SVMVCPU_MODE_64BIT: 64-bit code
 */
enum svmvcpu_cpu_mode {
	SVMVCPU_MODE_REAL		= 0,
	SVMVCPU_MODE_VM86		= 1,
	SVMVCPU_MODE_PROTECTED		= 2,
	SVMVCPU_MODE_COMPATIBILITY	= 3,
	SVMVCPU_MODE_64BIT		= 4,
};

/**
 * struct svmvcpu_gprs - the registers an instruction names, plus RIP, RFLAGS
 * @rax: in the encoding order of the hardware, like all up to @r15
 * @rcx: .
 * @rdx: .
 * @rbx: .
 * @rsp: .
 * @rbp: .
 * @rsi: .
 * @rdi: .
 * @r8: .
 * @r9: .
 * @r10: .
 * @r11: .
 * @r12: .
 * @r13: .
 * @r14: .
 * @r15: .
 * @rip: offset in CS
 * @rflags: bit 1 is always set; reserved bits must be clear
 */
struct svmvcpu_gprs {
	__u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	__u64 r8, r9, r10, r11, r12, r13, r14, r15;
	__u64 rip;
	__u64 rflags;
};

/**
 * struct svmvcpu_segment - one segment register with its hidden part
 * @base: linear base address
 * @limit: in bytes, scaled already (a flat segment has 0xffffffff)
 * @selector: visible part
 * @attrib: descriptor attributes as the VMCB packs them: type in bits 0-3,
 *	S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11; bits 12-15 are zero
 */
struct svmvcpu_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u16 attrib;
};

/**
 * struct svmvcpu_segments - all segment and table registers
 * @es: .
 * @cs: .
 * @ss: its DPL is the CPL
 * @ds: .
 * @fs: .
 * @gs: .
 * @ldtr: .
 * @tr: .
 * @gdtr: base and 16-bit limit; selector and attrib are zero
 * @idtr: base and 16-bit limit; selector and attrib are zero
 */
struct svmvcpu_segments {
	struct svmvcpu_segment es, cs, ss, ds, fs, gs;
	struct svmvcpu_segment ldtr, tr, gdtr, idtr;
};

/**
 * struct svmvcpu_control - control registers as the guest sees them
 * @cr0: .
 * @cr2: .
 * @cr3: .
 * @cr4: only bits of the @cr4_guest mask of GET_INFO
 * @cr8: 0-15
 * @efer: without SVME, which the guest never sees; bits of @efer_guest
 */
struct svmvcpu_control {
	__u64 cr0, cr2, cr3, cr4, cr8, efer;
};

/**
 * struct svmvcpu_debug - debug registers
 * @db: DR0 to DR3
 * @dr6: .
 * @dr7: .
 */
struct svmvcpu_debug {
	__u64 db[4];
	__u64 dr6, dr7;
};

/**
 * struct svmvcpu_events - what is on its way into the guest
 * @exception: SVMVCPU_INJECT_VALID | kind | vector of an event whose delivery
 *	an exit interrupted, or which is about to be delivered; 0 for none.
 *	Kind 4 << 8 is a software interrupt, with RIP behind it
 * @exception_error: its error code, for a vector that has one; otherwise zero
 * @irq: SVMVCPU_INJECT_VALID | vector of an interrupt that waits; 0 for none
 * @nmis: 1 if an NMI waits: there is one latch, as in hardware
 * @nmi_masked: 1 in an NMI handler, until its IRET
 * @shadow: 1 in the interrupt shadow of STI or MOV SS
 * @halted: 1 in a HLT that waits for an interrupt; zero without a local APIC
 */
struct svmvcpu_events {
	__u32 exception;
	__u32 exception_error;
	__u32 irq;
	__u8  nmis;
	__u8  nmi_masked;
	__u8  shadow;
	__u8  halted;
};

/**
 * struct svmvcpu_msrs - registers the guest reaches by RDMSR and WRMSR
 * @star: .
 * @lstar: .
 * @cstar: .
 * @sfmask: .
 * @kernel_gs_base: .
 * @sysenter_cs: .
 * @sysenter_esp: .
 * @sysenter_eip: .
 * @pat: each byte a defined memory type
 * @tsc: time stamp counter at the moment of the call
 * @tsc_aux: what RDTSCP returns in ECX; 32 bits, 0 on a CPU without
 *
 * EFER is with the control registers, the bases of FS and GS are with the
 * segments, SPEC_CTRL and VIRT_SPEC_CTRL at the end of struct svmvcpu_state. Together
 * with the other components this is all a guest can change without an exit to the VMM.
 */
struct svmvcpu_msrs {
	__u64 star, lstar, cstar, sfmask, kernel_gs_base;
	__u64 sysenter_cs, sysenter_esp, sysenter_eip;
	__u64 pat, tsc, tsc_aux;
};

/* svmvcpu_lapic.pins: besides LINT0 and LINT1, an INIT that RUN has yet to report */
#define SVMVCPU_LAPIC_INIT	(1U << 31)

/**
 * struct svmvcpu_lapic - a local APIC at rest
 * @base: IA32_APIC_BASE
 * @tsc_deadline: IA32_TSC_DEADLINE, in the guest's TSC; 0 for none
 * @timer_remaining: ns to the timer's next expiry in the other modes; 0 when
 *	it is stopped
 * @esr_pending: errors that the next write to ESR shows
 * @pins: bit n: LINTn is asserted; SVMVCPU_LAPIC_INIT
 * @regs: the register at n * 16 of the register page, or MSR 0x800 + n. PPR,
 *	APR and the current count follow from the others and are ignored by
 *	SET_STATE; in x2APIC mode the ID is 32 bits wide, ICR's upper half is
 *	register 0x31, and LDR is ignored too
 *
 * All zero for a vCPU without one.
 */
struct svmvcpu_lapic {
	__u64 base;
	__u64 tsc_deadline;
	__u64 timer_remaining;
	__u32 esr_pending;
	__u32 pins;
	__u32 regs[64];
};

/* 2. /dev/svmvcpu ------------------------------------------------------- */

/* SVM features of the host (svmvcpu_info.features) */
#define SVMVCPU_FEAT_NRIP		(1ULL << 0)  /* next RIP is saved */
#define SVMVCPU_FEAT_DECODE_ASSISTS	(1ULL << 1)  /* instruction bytes are saved */
#define SVMVCPU_FEAT_FLUSH_BY_ASID	(1ULL << 2)
#define SVMVCPU_FEAT_VMCB_CLEAN		(1ULL << 3)
#define SVMVCPU_FEAT_VGIF		(1ULL << 4)
#define SVMVCPU_FEAT_PAUSE_FILTER	(1ULL << 5)
#define SVMVCPU_FEAT_TSC_SCALE		(1ULL << 6)
#define SVMVCPU_FEAT_V_SPEC_CTRL	(1ULL << 7)  /* VMRUN switches SPEC_CTRL */
#define SVMVCPU_FEAT_UNDER_HYPERVISOR	(1ULL << 63) /* the host itself is virtual */

/* Speculation mitigations applied at the world switch (svmvcpu_info.mitigations) */
#define SVMVCPU_MIT_RSB_FILL		(1ULL << 0)
#define SVMVCPU_MIT_UNTRAIN_RET		(1ULL << 1)
#define SVMVCPU_MIT_IBPB_ON_EXIT	(1ULL << 2)
#define SVMVCPU_MIT_IBPB_ON_SWITCH	(1ULL << 3)
#define SVMVCPU_MIT_IBPB_TO_USER	(1ULL << 4)
#define SVMVCPU_MIT_CLEAR_BUFFERS	(1ULL << 5)
#define SVMVCPU_MIT_CLEAR_DIVIDER	(1ULL << 6)
#define SVMVCPU_MIT_GPR_CLEAR		(1ULL << 7)

/**
 * struct svmvcpu_info - what this module and host can do
 * @size: in: bytes the caller has room for; out: bytes the kernel knows
 * @flags: zero
 * @api_version: SVMVCPU_API_VERSION of the module
 * @run_size: bytes to mmap from a vCPU file
 * @features: SVMVCPU_FEAT_*
 * @mitigations: SVMVCPU_MIT_*
 * @max_regions: memory regions of one VM
 * @max_vcpus: vCPUs of one VM
 * @max_batch: entries of one MAP or UNMAP
 * @gpa_bits: guest-physical addresses are below 1 << gpa_bits
 * @asids: address space identifiers the host offers per CPU
 * @io_data_size: bytes of the data window behind the run page
 * @cr4_guest: CR4 bits a guest may set, if its CPUID has the feature
 * @efer_guest: EFER bits a guest may set, likewise
 * @components: SVMVCPU_STATE_* that GET_STATE and SET_STATE know
 * @exits: bit n set when the module can return exit reason n
 * @xcr0_guest: XCR0 bits a guest may set; 0 when it has no XSAVE
 * @xstate_size: bytes of the XSTATE component
 * @max_cpuid: entries of a CPUID table
 * @tsc_khz: frequency of a guest's time stamp counter; 0 when the host does
 *	not know it
 * @mbz: zero
 */
struct svmvcpu_info {
	__u32 size;
	__u32 flags;
	__u32 api_version;
	__u32 run_size;
	__u64 features;
	__u64 mitigations;
	__u32 max_regions;
	__u32 max_vcpus;
	__u32 max_batch;
	__u32 gpa_bits;
	__u32 asids;
	__u32 io_data_size;
	__u64 cr4_guest;
	__u64 efer_guest;
	__u64 components;
	__u64 exits;
	__u64 xcr0_guest;
	__u32 xstate_size;
	__u32 max_cpuid;
	__u32 tsc_khz;
	__u32 mbz;
};

/**
 * struct svmvcpu_create_vm - argument of SVMVCPU_CREATE_VM
 * @size: sizeof(struct svmvcpu_create_vm)
 * @flags: zero
 */
struct svmvcpu_create_vm {
	__u32 size;
	__u32 flags;
};

#define SVMVCPU_IOC_TYPE	0xb5

/* what this host can do; works on the device file alone */
#define SVMVCPU_GET_INFO	_IOWR(SVMVCPU_IOC_TYPE, 0x00, struct svmvcpu_info)
/* returns a VM file, close-on-exec, usable only from the calling process' memory */
#define SVMVCPU_CREATE_VM	_IOW(SVMVCPU_IOC_TYPE, 0x01, struct svmvcpu_create_vm)

/* 3. VM file ------------------------------------------------------------ */

#define SVMVCPU_MEM_READ	(1U << 0)
#define SVMVCPU_MEM_WRITE	(1U << 1)
#define SVMVCPU_MEM_EXEC	(1U << 2)

/**
 * struct svmvcpu_region - a piece of guest-physical memory
 * @gpa: guest-physical address, 4 KiB aligned
 * @bytes: length, 4 KiB aligned, not zero
 * @hva: address in the VMM's own memory, 4 KiB aligned. Need not be mapped
 *	yet; what is there when the guest touches it counts
 * @prot: SVMVCPU_MEM_*; READ is required
 * @mbz: zero
 */
struct svmvcpu_region {
	__u64 gpa;
	__u64 bytes;
	__u64 hva;
	__u32 prot;
	__u32 mbz;
};

/**
 * struct svmvcpu_map - argument of SVMVCPU_MAP: add regions, all or none
 * @size: sizeof(struct svmvcpu_map)
 * @flags: zero
 * @nr: number of regions, 1 to max_batch
 * @mbz: zero
 * @regions: address of an array of @nr &struct svmvcpu_region
 */
struct svmvcpu_map {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 regions;
};

/**
 * struct svmvcpu_range - a range of guest-physical addresses
 * @gpa: 4 KiB aligned
 * @bytes: 4 KiB aligned, not zero
 */
struct svmvcpu_range {
	__u64 gpa;
	__u64 bytes;
};

/**
 * struct svmvcpu_unmap - argument of SVMVCPU_UNMAP: take ranges away
 * @size: sizeof(struct svmvcpu_unmap)
 * @flags: zero
 * @nr: number of ranges, 1 to max_batch
 * @mbz: zero
 * @ranges: address of an array of @nr &struct svmvcpu_range. A range may
 *	cover a part of a region (the rest stays) or several; each must cover
 *	some memory
 */
struct svmvcpu_unmap {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 ranges;
};

/* svmvcpu_prefault.flags */
#define SVMVCPU_PREFAULT_WRITE	(1U << 0)	/* as if the guest wrote */

/**
 * struct svmvcpu_prefault - argument of SVMVCPU_PREFAULT: map memory before
 *	the guest touches it
 * @size: sizeof(struct svmvcpu_prefault)
 * @flags: SVMVCPU_PREFAULT_*
 * @gpa: 4 KiB aligned
 * @bytes: 4 KiB aligned, not zero. Regions must cover all of it
 * @done: in: zero. Out: how far it went, in bytes from @gpa; @bytes on success
 */
struct svmvcpu_prefault {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
	__u64 done;
};

/**
 * struct svmvcpu_stats - argument of SVMVCPU_GET_STATS: what happened to the
 *	VM's memory since it was created
 * @size: in: room; out: bytes this kernel knows
 * @flags: zero
 * @faults: nested page faults that ended with memory mapped
 * @mapped_4k: 4 KiB pages that were mapped, by faults and SVMVCPU_PREFAULT
 * @mapped_2m: 2 MiB pages
 * @mapped_1g: 1 GiB pages
 * @zapped: pages of all sizes that were taken away, by unmapping or because
 *	the VMM's memory changed
 * @flushes: how often all vCPUs had to flush their translations
 * @tables: pages of nested page tables at this moment
 */
struct svmvcpu_stats {
	__u32 size;
	__u32 flags;
	__u64 faults;
	__u64 mapped_4k;
	__u64 mapped_2m;
	__u64 mapped_1g;
	__u64 zapped;
	__u64 flushes;
	__u64 tables;
};

/* svmvcpu_create_vcpu.flags */
#define SVMVCPU_VCPU_LAPIC	(1U << 0)	/* with a local APIC in the kernel */

/**
 * struct svmvcpu_create_vcpu - argument of SVMVCPU_CREATE_VCPU
 * @size: sizeof(struct svmvcpu_create_vcpu)
 * @flags: SVMVCPU_VCPU_*
 * @id: 0 to max_vcpus - 1, unique in the VM; the guest's APIC ID
 * @mbz: zero
 */
struct svmvcpu_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 mbz;
};

#define SVMVCPU_CPUID_SUBLEAF	(1U << 0)	/* answers only this ECX */

/**
 * struct svmvcpu_cpuid_entry - what CPUID returns for one leaf
 * @leaf: EAX in
 * @subleaf: ECX in, with flag SUBLEAF; otherwise zero
 * @flags: SVMVCPU_CPUID_*
 * @eax: .
 * @ebx: .
 * @ecx: .
 * @edx: .
 * @mbz: zero
 *
 * A leaf without an entry reads as zero. A vCPU does not have a feature whose bit
 * is clear: control bits that belong to it are reserved, its MSRs are #GP.
 *
 * What depends on the vCPU is filled in when the guest asks: OSXSAVE (leaf 1 ECX
 * 27, with XSAVE), the size for the current XCR0 (leaf 0xd EBX), and the APIC ID:
 * leaf 1 EBX 31:24, EDX of leaves 0xb, 0x1f and 80000026, leaf 8000001e EAX.
 * Without a local APIC the latter four are zero and its bits are hidden: leaf 1
 * EDX 9, ECX 21 (x2APIC) and 24 (TSC-deadline), leaf 6 EAX 2 (ARAT), leaf
 * 80000001 EDX 9; bits 9 also while the guest has it disabled.
 *
 * In a vCPU's own table the bits and IDs of the APIC are taken as they are, unless
 * the vCPU has a local APIC in the kernel.
 */
struct svmvcpu_cpuid_entry {
	__u32 leaf;
	__u32 subleaf;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 mbz;
};

/**
 * struct svmvcpu_cpuid - argument of the four calls that read and set tables
 * @size: sizeof(struct svmvcpu_cpuid)
 * @flags: zero
 * @nr: in: entries at @entries; GET: out: entries of the table
 * @mbz: zero
 * @entries: address of an array of &struct svmvcpu_cpuid_entry
 */
struct svmvcpu_cpuid {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 entries;
};

/* svmvcpu_message.mode */
#define SVMVCPU_MSG_FIXED	0
#define SVMVCPU_MSG_LOWEST	1	/* one of the destinations */
#define SVMVCPU_MSG_NMI		4

/* svmvcpu_message.flags */
#define SVMVCPU_MSG_LOGICAL	(1U << 0)	/* @dest is a set */
#define SVMVCPU_MSG_LEVEL	(1U << 1)	/* its end exits with IOAPIC_EOI */

/**
 * struct svmvcpu_message - argument of SVMVCPU_MESSAGE: an MSI, or what an
 *	I/O APIC sends
 * @size: sizeof(struct svmvcpu_message)
 * @flags: SVMVCPU_MSG_*
 * @dest: APIC ID, 0xff for all; with LOGICAL a logical destination
 * @vector: 16 to 255; for NMI 0
 * @mode: SVMVCPU_MSG_FIXED, _LOWEST or _NMI
 * @mbz: zero
 */
struct svmvcpu_message {
	__u32 size;
	__u32 flags;
	__u32 dest;
	__u8  vector;
	__u8  mode;
	__u8  mbz[2];
};

/**
 * struct svmvcpu_snapshot - argument of SVMVCPU_SNAPSHOT
 * @size: sizeof(struct svmvcpu_snapshot)
 * @flags: zero
 * @max_bytes: what the copies of pages may take, 4 KiB aligned; 0 for whatever
 *	the caller's memory cgroup allows
 *
 * Records every vCPU of the VM, and has each page saved before it is written.
 * Takes the place of a snapshot there was before. A write that would need more
 * than @max_bytes exits with MEMORY_FAULT and SVMVCPU_FAULT_LIMIT, not executed.
 */
struct svmvcpu_snapshot {
	__u32 size;
	__u32 flags;
	__u64 max_bytes;
};

/**
 * struct svmvcpu_restore - argument of SVMVCPU_RESTORE
 * @size: sizeof(struct svmvcpu_restore)
 * @flags: zero
 * @pages: out: how many pages were put back
 *
 * Memory that the guest wrote, and the VMM after SVMVCPU_PRESERVE, is what it was
 * at the snapshot; so are the vCPUs that existed then, with their local APICs,
 * clocks, pending events, the question of their last exit and the kernel's part
 * of the run page. What the VMM wrote WITHOUT SVMVCPU_PRESERVE stays.
 */
struct svmvcpu_restore {
	__u32 size;
	__u32 flags;
	__u64 pages;
};

/**
 * struct svmvcpu_preserve - argument of SVMVCPU_PRESERVE
 * @size: sizeof(struct svmvcpu_preserve)
 * @flags: zero
 * @nr: number of ranges, 1 to max_batch
 * @mbz: zero
 * @ranges: address of an array of @nr &struct svmvcpu_range; there must be memory
 *	everywhere in them
 *
 * To be called before the VMM writes there. Until the snapshot is dropped or
 * replaced, every RESTORE puts these pages back, written or not.
 */
struct svmvcpu_preserve {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 ranges;
};

/* svmvcpu_dirty_log.flags: one of them */
#define SVMVCPU_LOG_START	(1U << 0)
#define SVMVCPU_LOG_STOP	(1U << 1)

/**
 * struct svmvcpu_dirty_log - argument of SVMVCPU_DIRTY_LOG
 * @size: sizeof(struct svmvcpu_dirty_log)
 * @flags: SVMVCPU_LOG_START or SVMVCPU_LOG_STOP
 * @gpa: first address of the range, 4 KiB aligned
 * @bytes: its length, 4 KiB aligned, not zero
 *
 * The range is one of addresses: whatever memory is mapped there, now or later.
 * START of what is logged, and STOP of what is not, change nothing.
 */
struct svmvcpu_dirty_log {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
};

/* what mmap() of a VM file at offset 0 gives, to be read: addresses, __u64 each */
#define SVMVCPU_DIRTY_LIST_BYTES	0x10000
#define SVMVCPU_DIRTY_LIST_MAX		(SVMVCPU_DIRTY_LIST_BYTES / 8)

/* svmvcpu_dirty_collect.flags */
#define SVMVCPU_COLLECT_BITMAP	(1U << 0)	/* to @bitmap instead of the list */

/**
 * struct svmvcpu_dirty_collect - argument of SVMVCPU_DIRTY_COLLECT
 * @size: sizeof(struct svmvcpu_dirty_collect)
 * @flags: SVMVCPU_COLLECT_*
 * @gpa: first address of the range, 4 KiB aligned
 * @bytes: its length, 4 KiB aligned, not zero
 * @first: list: index of the first element to fill; BITMAP: zero
 * @max: list: how many, at least 1, up to the end of the list; BITMAP: zero
 * @bitmap: BITMAP: address of as many __u64 as it takes, a bit for each page of
 *	the range, the first in bit 0; all of it is written. List: zero
 * @nr: out: dirty pages; list: in elements @first and behind it
 * @more: out: 1 when the list is full, or a guest writes faster than a bitmap is
 *	filled, and more pages may be dirty; they stay so
 *
 * The pages are in no order. One written by the guest, by the module for the guest
 * or by RESTORE is dirty; what the VMM writes itself is not.
 */
struct svmvcpu_dirty_collect {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
	__u32 first;
	__u32 max;
	__u64 bitmap;
	__u32 nr;
	__u32 more;
};

#define SVMVCPU_MAP		_IOW(SVMVCPU_IOC_TYPE, 0x20, struct svmvcpu_map)
#define SVMVCPU_UNMAP		_IOW(SVMVCPU_IOC_TYPE, 0x21, struct svmvcpu_unmap)
/* the table all vCPUs answer CPUID from; SET before the first vCPU is created */
#define SVMVCPU_GET_CPUID	_IOWR(SVMVCPU_IOC_TYPE, 0x23, struct svmvcpu_cpuid)
#define SVMVCPU_SET_CPUID	_IOW(SVMVCPU_IOC_TYPE, 0x24, struct svmvcpu_cpuid)
/* to the local APICs of the VM; returns how many took it */
#define SVMVCPU_MESSAGE		_IOW(SVMVCPU_IOC_TYPE, 0x25, struct svmvcpu_message)
#define SVMVCPU_PREFAULT	_IOWR(SVMVCPU_IOC_TYPE, 0x26, struct svmvcpu_prefault)
/* all vCPUs and the memory as they are now; no vCPU may be in RUN */
#define SVMVCPU_SNAPSHOT	_IOW(SVMVCPU_IOC_TYPE, 0x27, struct svmvcpu_snapshot)
/* back to that, as often as one likes; no vCPU may be in RUN */
#define SVMVCPU_RESTORE		_IOWR(SVMVCPU_IOC_TYPE, 0x28, struct svmvcpu_restore)
/* pages the VMM is going to write itself, for RESTORE to put back too */
#define SVMVCPU_PRESERVE	_IOW(SVMVCPU_IOC_TYPE, 0x29, struct svmvcpu_preserve)
/* forget the snapshot; argument 0 */
#define SVMVCPU_DROP_SNAPSHOT	_IO(SVMVCPU_IOC_TYPE, 0x2a)
/* start or stop noticing which pages of a range are written */
#define SVMVCPU_DIRTY_LOG	_IOW(SVMVCPU_IOC_TYPE, 0x2b, struct svmvcpu_dirty_log)
/* which were since the last call; they count as clean afterwards */
#define SVMVCPU_DIRTY_COLLECT	_IOWR(SVMVCPU_IOC_TYPE, 0x2c, struct svmvcpu_dirty_collect)
#define SVMVCPU_GET_STATS	_IOWR(SVMVCPU_IOC_TYPE, 0x2d, struct svmvcpu_stats)
/* returns a vCPU file, close-on-exec */
#define SVMVCPU_CREATE_VCPU	_IOW(SVMVCPU_IOC_TYPE, 0x22, struct svmvcpu_create_vcpu)

/* 4. vCPU file ---------------------------------------------------------- */

/**
 * enum svmvcpu_preset - starting points of SVMVCPU_SETUP
 * @SVMVCPU_PRESET_REAL: real mode, every segment base 0, CS:RIP = 0:@entry
 * @SVMVCPU_PRESET_RESET: the state after RESET, CS:RIP = f000:fff0 with CS
 *	base ffff0000; @entry and @stack must be zero
 * @SVMVCPU_PRESET_PROT32: 32-bit flat protected mode, paging off
 * @SVMVCPU_PRESET_LONG64: 64-bit mode with the page tables at @cr3
 *
 * In the latter two the segment registers hold flat segments (code selector
 * 0x08, data 0x10) while GDTR and IDTR are empty: the guest loads its own
 * before it loads a segment register or takes an exception.
 */
enum svmvcpu_preset {
	SVMVCPU_PRESET_REAL	= 0,
	SVMVCPU_PRESET_RESET	= 1,
	SVMVCPU_PRESET_PROT32	= 2,
	SVMVCPU_PRESET_LONG64	= 3,
};

/**
 * struct svmvcpu_setup - argument of SVMVCPU_SETUP: reset the vCPU
 * @size: sizeof(struct svmvcpu_setup)
 * @flags: zero
 * @preset: &enum svmvcpu_preset
 * @mbz: zero
 * @entry: first RIP
 * @stack: first RSP
 * @cr3: LONG64: guest-physical address of the PML4; otherwise zero
 * @arg: first RDI in PROT32 and LONG64 (a pointer for the guest); otherwise
 *	zero
 */
struct svmvcpu_setup {
	__u32 size;
	__u32 flags;
	__u32 preset;
	__u32 mbz;
	__u64 entry;
	__u64 stack;
	__u64 cr3;
	__u64 arg;
};

/* components of struct svmvcpu_state */
#define SVMVCPU_STATE_GPRS	(1ULL << 0)
#define SVMVCPU_STATE_SEGMENTS	(1ULL << 1)
#define SVMVCPU_STATE_CONTROL	(1ULL << 2)
#define SVMVCPU_STATE_DEBUG	(1ULL << 3)
#define SVMVCPU_STATE_EVENTS	(1ULL << 4)
#define SVMVCPU_STATE_MSRS	(1ULL << 5)
#define SVMVCPU_STATE_XSTATE	(1ULL << 6)
#define SVMVCPU_STATE_LAPIC	(1ULL << 7)

/**
 * struct svmvcpu_state - argument of GET_STATE and SET_STATE
 * @size: sizeof(struct svmvcpu_state)
 * @flags: zero
 * @components: SVMVCPU_STATE_* to read or write; only these members are used
 * @gprs: SVMVCPU_STATE_GPRS
 * @segments: SVMVCPU_STATE_SEGMENTS
 * @control: SVMVCPU_STATE_CONTROL
 * @debug: SVMVCPU_STATE_DEBUG
 * @events: SVMVCPU_STATE_EVENTS
 * @msrs: SVMVCPU_STATE_MSRS
 * @xcr0: SVMVCPU_STATE_XSTATE: bit 0 set, no more than @xcr0_guest of GET_INFO
 * @xstate: SVMVCPU_STATE_XSTATE: address of a buffer in the standard (not
 *	compacted) XSAVE layout
 * @xstate_size: SVMVCPU_STATE_XSTATE: its size, exactly @xstate_size of
 *	GET_INFO
 * @mbz: zero
 * @lapic: SVMVCPU_STATE_LAPIC
 * @spec_ctrl: SVMVCPU_STATE_MSRS: SPEC_CTRL
 * @virt_spec_ctrl: SVMVCPU_STATE_MSRS: VIRT_SPEC_CTRL
 *
 * The first version ends with @lapic. A caller that knows no more sets the other
 * two to 0.
 */
struct svmvcpu_state {
	__u32 size;
	__u32 flags;
	__u64 components;
	struct svmvcpu_gprs gprs;
	struct svmvcpu_segments segments;
	struct svmvcpu_control control;
	struct svmvcpu_debug debug;
	struct svmvcpu_events events;
	struct svmvcpu_msrs msrs;
	__u64 xcr0;
	__u64 xstate;
	__u32 xstate_size;
	__u32 mbz;
	struct svmvcpu_lapic lapic;
	__u64 spec_ctrl;
	__u64 virt_spec_ctrl;
};

/* svmvcpu_exits.decode */
#define SVMVCPU_DECODE_MMIO	(1U << 0)	/* mov to where no region is: MMIO */

/* svmvcpu_exits.flags */
#define SVMVCPU_EXITS_FAULTS	(1U << 0)	/* SHUTDOWN knows every fault before it */

/**
 * struct svmvcpu_exits - argument of SVMVCPU_SET_EXITS: what the VMM asks to see
 * @size: sizeof(struct svmvcpu_exits)
 * @flags: SVMVCPU_EXITS_*
 * @exceptions: bit n: exception vector n exits with EXCEPTION before the
 *	guest sees it. Bits 2 (NMI), 18 (#MC) and reserved vectors are refused
 * @decode: SVMVCPU_DECODE_*
 */
struct svmvcpu_exits {
	__u32 size;
	__u32 flags;
	__u32 exceptions;
	__u32 decode;
};

/* svmvcpu_set_debug.flags and svmvcpu_exit_debug.cause */
#define SVMVCPU_DEBUG_STEP		(1U << 0)	/* after each instruction */
#define SVMVCPU_DEBUG_BREAKPOINTS	(1U << 1)	/* @db and @dr7 instead of the guest's */
#define SVMVCPU_DEBUG_INT3		(1U << 2)	/* at INT3 */

/**
 * struct svmvcpu_set_debug - argument of SVMVCPU_SET_DEBUG: when to exit with DEBUG
 * @size: sizeof(struct svmvcpu_set_debug)
 * @flags: SVMVCPU_DEBUG_*; 0 ends it
 * @db: BREAKPOINTS: linear addresses; otherwise zero
 * @dr7: BREAKPOINTS: bits 0-9 and 16-31 of DR7, bit 10 is ignored; no
 *	breakpoints on ports (R/W 2). Otherwise zero
 */
struct svmvcpu_set_debug {
	__u32 size;
	__u32 flags;
	__u64 db[4];
	__u64 dr7;
};

/* svmvcpu_translation.access: none is a read with the privilege of the moment */
#define SVMVCPU_ACCESS_WRITE		(1U << 0)
#define SVMVCPU_ACCESS_FETCH		(1U << 1)
#define SVMVCPU_ACCESS_USER		(1U << 2)	/* as at CPL 3 */
#define SVMVCPU_ACCESS_SUPERVISOR	(1U << 3)	/* as at CPL 0 */
#define SVMVCPU_ACCESS_MARK		(1U << 4)	/* set accessed and dirty bits */

/* What TRANSLATE found, as X(number, NAME, "what it is"). */
#define SVMVCPU_TRANSLATIONS(X)						\
	X(0,  DONE,		"translated")				\
	X(1,  PAGE_FAULT,	"page fault")				\
	X(2,  NO_TABLE,		"page table not in memory")		\
	X(3,  NOT_CANONICAL,	"not a canonical address")

/*
 * enum svmvcpu_translated - svmvcpu_translation.result
 * @SVMVCPU_TRANSLATE_DONE: @gpa is the answer
 * @SVMVCPU_TRANSLATE_PAGE_FAULT: the access would be #PF with @error_code
 * @SVMVCPU_TRANSLATE_NO_TABLE: the page table entry at @gpa is in no region, or
 *	the VMM's memory behind it cannot be accessed
 * @SVMVCPU_TRANSLATE_NOT_CANONICAL: the access would be #GP(0), or #SS(0)
 */
enum svmvcpu_translated {
#define SVMVCPU_TRANSLATE_ENUM(nr, name, str) SVMVCPU_TRANSLATE_##name = nr,
	SVMVCPU_TRANSLATIONS(SVMVCPU_TRANSLATE_ENUM)
#undef SVMVCPU_TRANSLATE_ENUM
};

/**
 * struct svmvcpu_translation - argument of SVMVCPU_TRANSLATE
 * @size: sizeof(struct svmvcpu_translation)
 * @flags: zero
 * @linear: linear address: an offset with its segment's base added. Outside
 *	long mode the low 32 bits count
 * @access: SVMVCPU_ACCESS_*: WRITE or FETCH; USER or SUPERVISOR
 * @result: out: &enum svmvcpu_translated
 * @gpa: out: DONE: guest-physical address; NO_TABLE: that of the entry
 * @error_code: out: PAGE_FAULT: what would be pushed
 * @mbz: zero
 *
 * Goes by CR0, CR3, CR4, EFER and RFLAGS.AC of the moment. Nothing is raised in
 * the guest, and without MARK nothing is written.
 */
struct svmvcpu_translation {
	__u32 size;
	__u32 flags;
	__u64 linear;
	__u32 access;
	__u32 result;
	__u64 gpa;
	__u32 error_code;
	__u32 mbz;
};

/* svmvcpu_apic_access.flags */
#define SVMVCPU_APIC_WRITE	(1U << 0)	/* otherwise it is a read */

/**
 * struct svmvcpu_apic_access - argument of SVMVCPU_APIC_ACCESS
 * @size: sizeof(struct svmvcpu_apic_access)
 * @flags: SVMVCPU_APIC_*
 * @offset: in the register page, 0 to 4095
 * @width: bytes, 1 to 8; the access ends in the page
 * @data: write: the value, of which the low @width bytes count. Read: out: the
 *	value, zero-extended
 * @exit: in: zero. Out: &enum svmvcpu_exit_reason: the exit that the same access
 *	by the guest would have ended in, which the run page now describes; 0 for
 *	none
 * @mbz: zero
 *
 * Does what an access by the guest does, side effects included. For instructions
 * that the kernel does not decode: MEMORY_FAULT with SVMVCPU_FAULT_APIC.
 */
struct svmvcpu_apic_access {
	__u32 size;
	__u32 flags;
	__u32 offset;
	__u32 width;
	__u64 data;
	__u32 exit;
	__u32 mbz;
};

/* run until something needs the VMM; argument 0. Everything else is in the run page */
#define SVMVCPU_RUN		_IO(SVMVCPU_IOC_TYPE, 0x40)
/* make the running or the next RUN return INTERRUPTED, once; argument 0 */
#define SVMVCPU_KICK		_IO(SVMVCPU_IOC_TYPE, 0x41)
#define SVMVCPU_SETUP		_IOW(SVMVCPU_IOC_TYPE, 0x42, struct svmvcpu_setup)
/* The size in these two numbers stays that of the first version, 832 bytes. */
#define SVMVCPU_GET_STATE	_IOC(_IOC_READ | _IOC_WRITE, SVMVCPU_IOC_TYPE, 0x43, 832)
#define SVMVCPU_SET_STATE	_IOC(_IOC_WRITE, SVMVCPU_IOC_TYPE, 0x44, 832)
#define SVMVCPU_SET_EXITS	_IOW(SVMVCPU_IOC_TYPE, 0x45, struct svmvcpu_exits)
/* single steps and breakpoints that the guest does not see */
#define SVMVCPU_SET_DEBUG	_IOW(SVMVCPU_IOC_TYPE, 0x46, struct svmvcpu_set_debug)
/* linear to guest-physical, as the guest's next access would; a debugger's peek */
#define SVMVCPU_TRANSLATE	_IOWR(SVMVCPU_IOC_TYPE, 0x47, struct svmvcpu_translation)
/* drive the pins of the local APIC; argument: bit n: LINTn is asserted */
#define SVMVCPU_LINT		_IO(SVMVCPU_IOC_TYPE, 0x48)
/* an access to the register page of the local APIC, made for the guest */
#define SVMVCPU_APIC_ACCESS	_IOWR(SVMVCPU_IOC_TYPE, 0x4a, struct svmvcpu_apic_access)
/* a CPUID table for this vCPU alone; resets it; before its guest first runs */
#define SVMVCPU_SET_VCPU_CPUID	_IOW(SVMVCPU_IOC_TYPE, 0x49, struct svmvcpu_cpuid)
/* the table it answers from: its own, the VM's or the default */
#define SVMVCPU_GET_VCPU_CPUID	_IOWR(SVMVCPU_IOC_TYPE, 0x4b, struct svmvcpu_cpuid)

/* svmvcpu_exit_io.flags */
#define SVMVCPU_IO_IN		(1U << 0)	/* the guest reads; otherwise it writes */
#define SVMVCPU_IO_STRING	(1U << 1)	/* INS or OUTS: data in the data window */
#define SVMVCPU_IO_REP		(1U << 2)	/* with a REP prefix */

/**
 * struct svmvcpu_exit_io - SVMVCPU_EXIT_IO
 * @port: first port
 * @width: bytes per element: 1, 2 or 4
 * @mbz: zero
 * @flags: SVMVCPU_IO_*
 * @count: elements of this exit; 1 unless STRING. A long REP is split into
 *	several exits
 * @data: OUT: the value. IN: the VMM answers in &svmvcpu_run.answer
 *
 * For STRING the elements stand @width bytes apart in the data window (the
 * bytes from &svmvcpu_run.io_data_offset): OUTS finds them there, for INS the
 * VMM writes them there before the next RUN. Elements go in guest order, also
 * when the direction flag is set.
 */
struct svmvcpu_exit_io {
	__u16 port;
	__u8  width;
	__u8  mbz;
	__u32 flags;
	__u32 count;
	__u32 data;
};

/* svmvcpu_exit_memory.flags */
#define SVMVCPU_FAULT_WRITE	(1U << 0)
#define SVMVCPU_FAULT_EXEC	(1U << 1)
#define SVMVCPU_FAULT_WALK	(1U << 2)	/* the guest's own page tables are there */
#define SVMVCPU_FAULT_GVA	(1U << 3)	/* @gva is valid */
#define SVMVCPU_FAULT_USER_MEM	(1U << 4)	/* region there, VMM's memory behind it not */
#define SVMVCPU_FAULT_KERNEL	(1U << 5)	/* by the module for the guest: INS, OUTS, fetch */
#define SVMVCPU_FAULT_LIMIT	(1U << 6)	/* the snapshot has max_bytes of pages */
#define SVMVCPU_FAULT_APIC	(1U << 7)	/* the register page of the local APIC */
#define SVMVCPU_INSN_MAX	15

/**
 * struct svmvcpu_exit_memory - SVMVCPU_EXIT_MEMORY_FAULT
 * @gpa: guest-physical address of the first byte that failed
 * @gva: linear address where known (flag GVA)
 * @flags: SVMVCPU_FAULT_*; neither WRITE nor EXEC means a read
 * @mbz: zero
 * @insn_len: bytes in @insn; 0 when they could not be read
 * @insn: instruction bytes at CS:RIP
 *
 * The next RUN executes the instruction again.
 */
struct svmvcpu_exit_memory {
	__u64 gpa;
	__u64 gva;
	__u32 flags;
	__u32 mbz;
	__u8  insn_len;
	__u8  insn[SVMVCPU_INSN_MAX];
};

/**
 * struct svmvcpu_exit_hypercall - SVMVCPU_EXIT_HYPERCALL
 * @nr: RAX
 * @args: RDI, RSI, RDX, RCX, R8, R9
 *
 * &svmvcpu_run.answer goes to RAX. &svmvcpu_run.cpl tells who called.
 */
struct svmvcpu_exit_hypercall {
	__u64 nr;
	__u64 args[6];
};

/**
 * struct svmvcpu_exit_msr - SVMVCPU_EXIT_MSR_READ and SVMVCPU_EXIT_MSR_WRITE
 * @index: ECX
 * @mbz: zero
 * @value: EDX:EAX of a write
 *
 * A read returns &svmvcpu_run.answer in EDX:EAX. With SVMVCPU_RUN_FAIL either
 * gets #GP(0) instead.
 */
struct svmvcpu_exit_msr {
	__u32 index;
	__u32 mbz;
	__u64 value;
};

#define SVMVCPU_DOWN_POWEROFF	0	/* 0x2000 written as a word to port 0x604 */
#define SVMVCPU_DOWN_RESET	1	/* a write to port 0xcf9 */
#define SVMVCPU_DOWN_INIT	2	/* an INIT by its local APIC: an ICR write, or a pin */

/**
 * struct svmvcpu_exit_down - SVMVCPU_EXIT_SYSTEM_DOWN
 * @kind: SVMVCPU_DOWN_*
 * @data: the value written; INIT: 0
 *
 * RIP is behind the instruction.
 */
struct svmvcpu_exit_down {
	__u32 kind;
	__u32 data;
};

/* svmvcpu_exit_exception.flags and svmvcpu_fault.flags */
#define SVMVCPU_EXC_ERROR_CODE	(1U << 0)	/* @error_code is valid */
#define SVMVCPU_EXC_ADDRESS	(1U << 1)	/* #PF: @address, #DB: DR6 */
#define SVMVCPU_EXC_INTERRUPT	(1U << 2)	/* svmvcpu_fault: interrupt, NMI, INT n */

/**
 * struct svmvcpu_exit_exception - SVMVCPU_EXIT_EXCEPTION
 * @vector: exception vector
 * @error_code: with flag ERROR_CODE
 * @flags: SVMVCPU_EXC_*
 * @mbz: zero
 * @address: #PF: linear address that would go to CR2. #DB: what would go to
 *	DR6
 *
 * EXCEPTION: the next RUN executes the instruction again, or delivers the
 * exception to the guest when SVMVCPU_RUN_INJECT is set.
 */
struct svmvcpu_exit_exception {
	__u32 vector;
	__u32 error_code;
	__u32 flags;
	__u32 mbz;
	__u64 address;
};

/**
 * struct svmvcpu_fault - an event that could not be delivered
 * @vector: .
 * @mbz: zero
 * @flags: SVMVCPU_EXC_*
 * @error_code: with flag ERROR_CODE
 * @address: with flag ADDRESS: #PF: what CR2 is, #DB: DR6
 * @rip: the guest's when it came up
 * @rsp: .
 */
struct svmvcpu_fault {
	__u8  vector;
	__u8  mbz;
	__u16 flags;
	__u32 error_code;
	__u64 address;
	__u64 rip;
	__u64 rsp;
};

#define SVMVCPU_FAULTS_MAX	5

/**
 * struct svmvcpu_exit_shutdown - SVMVCPU_EXIT_SHUTDOWN
 * @nr: entries of @faults
 * @left_out: how many there were between the first and the second entry
 * @faults: what led here, oldest first: each came up while the one before it
 *	was being delivered
 *
 * With SVMVCPU_EXITS_FAULTS that is everything, a #DF that two faults became
 * included. Without, it is what the module had to do with: what it raised or
 * injected, and what an exit interrupted. CR3 is on the run page.
 */
struct svmvcpu_exit_shutdown {
	__u32 nr;
	__u32 left_out;
	struct svmvcpu_fault faults[SVMVCPU_FAULTS_MAX];
};

#define SVMVCPU_BY_SIGNAL	(1U << 0)
#define SVMVCPU_BY_KICK		(1U << 1)
#define SVMVCPU_BY_DEADLINE	(1U << 2)

/**
 * struct svmvcpu_exit_interrupted - SVMVCPU_EXIT_INTERRUPTED
 * @by: SVMVCPU_BY_*, one or more
 * @mbz: zero
 */
struct svmvcpu_exit_interrupted {
	__u32 by;
	__u32 mbz;
};

/*
 * Consistency rules of VMRUN (APM volume 2, 15.5.1), and of this module, as
 * X(number, NAME, "what is wrong").
 */
#define SVMVCPU_RULES(X)							\
	X(0,  UNKNOWN,		"a rule this module does not know")		\
	X(1,  EFER_SVME,	"EFER.SVME is clear")				\
	X(2,  CR0_CD_NW,	"CR0.CD is clear while CR0.NW is set")		\
	X(3,  CR0_HIGH,		"CR0 bits 63:32 are not zero")			\
	X(4,  CR3_MBZ,		"CR3 has reserved bits set")			\
	X(5,  CR4_MBZ,		"CR4 has reserved bits set")			\
	X(6,  DR6_HIGH,		"DR6 bits 63:32 are not zero")			\
	X(7,  DR7_HIGH,		"DR7 bits 63:32 are not zero")			\
	X(8,  EFER_MBZ,		"EFER has reserved bits set")			\
	X(9,  LONG_NO_PAE,	"EFER.LME and CR0.PG are set, CR4.PAE is clear")	\
	X(10, LONG_NO_PE,	"EFER.LME and CR0.PG are set, CR0.PE is clear")	\
	X(11, LONG_CS_L_D,	"long mode with both CS.L and CS.D set")	\
	X(12, PG_NO_PE,		"CR0.PG is set, CR0.PE is clear")		\
	X(13, VMRUN_OPEN,	"the VMRUN intercept is clear")			\
	X(14, ASID_ZERO,	"the ASID is zero")				\
	X(15, MAP_ADDRESS,	"a permission map is beyond physical memory")	\
	X(16, EVENTINJ,		"the event to inject is not a legal one")	\
	X(17, NCR3_MBZ,		"nCR3 has reserved bits set")			\
	X(18, G_PAT,		"the guest PAT holds a reserved memory type")	\
	X(19, RIP_RANGE,	"RIP is beyond 32 bits outside 64-bit mode")	\
	X(20, RFLAGS_MBZ,	"RFLAGS has reserved bits set or bit 1 clear")	\
	X(21, LMA_MISMATCH,	"EFER.LMA is not EFER.LME and CR0.PG")	\
	X(22, INTR_OPEN,	"V_INTR_MASKING is clear")

/*
 * enum svmvcpu_rule - which consistency rule an entry failed
 */
enum svmvcpu_rule {
#define SVMVCPU_RULE_ENUM(nr, name, str) SVMVCPU_RULE_##name = nr,
	SVMVCPU_RULES(SVMVCPU_RULE_ENUM)
#undef SVMVCPU_RULE_ENUM
};

/**
 * struct svmvcpu_exit_fail - SVMVCPU_EXIT_FAIL_ENTRY
 * @code: raw EXITCODE when the CPU refused; 0 when the module's own check
 *	found the violation first and did not try
 * @rule: &enum svmvcpu_rule
 * @mbz: zero
 *
 * When the module's check found it, the vCPU is as it was: correct it with
 * SET_STATE and run again. When the CPU refused, it must be set up again.
 */
struct svmvcpu_exit_fail {
	__u64 code;
	__u32 rule;
	__u32 mbz;
};

/**
 * struct svmvcpu_exit_unknown - SVMVCPU_EXIT_UNKNOWN
 * @code: EXITCODE
 * @info1: EXITINFO1
 * @info2: EXITINFO2
 */
struct svmvcpu_exit_unknown {
	__u64 code;
	__u64 info1;
	__u64 info2;
};

/**
 * struct svmvcpu_exit_mmio - SVMVCPU_EXIT_MMIO
 * @gpa: guest-physical address, the access lies in one page
 * @data: a write: the value
 * @width: bytes: 1, 2, 4 or 8
 * @write: 1 for a write
 * @mbz: zero
 *
 * A read takes &svmvcpu_run.answer; it is extended and merged as the
 * instruction demands. With SVMVCPU_RUN_RETRY the instruction executes again
 * instead, after the VMM mapped memory there, say. REP MOVS and REP STOS exit
 * once per element.
 */
struct svmvcpu_exit_mmio {
	__u64 gpa;
	__u64 data;
	__u8  width;
	__u8  write;
	__u8  mbz[6];
};

/**
 * struct svmvcpu_exit_eoi - SVMVCPU_EXIT_IOAPIC_EOI
 * @vector: of the interrupt whose handler has written EOI
 * @mbz: zero
 *
 * The I/O APIC may send its next one. RIP is behind the instruction.
 */
struct svmvcpu_exit_eoi {
	__u32 vector;
	__u32 mbz;
};

/**
 * struct svmvcpu_exit_debug - SVMVCPU_EXIT_DEBUG
 * @cause: SVMVCPU_DEBUG_*: STEP and BREAKPOINTS, one or both, or INT3
 * @mbz: zero
 * @dr6: bits 0-3: breakpoints that were hit; bit 14: a step
 * @rip: linear address of the next instruction; INT3: of the INT3
 *
 * STEP: an instruction is finished, or an event was delivered and its handler
 * is next. BREAKPOINTS: in front of an instruction breakpoint, with RFLAGS.RF
 * set so that the next RUN passes it; behind the access to data. INT3: as
 * EXCEPTION, the next RUN executes it again or, with SVMVCPU_RUN_INJECT, gives
 * the guest its #BP.
 */
struct svmvcpu_exit_debug {
	__u32 cause;
	__u32 mbz;
	__u64 dr6;
	__u64 rip;
};

/* svmvcpu_run.in_flags */
#define SVMVCPU_RUN_SET_GPRS	(1U << 0)	/* take &svmvcpu_run.gprs first */
#define SVMVCPU_RUN_FAIL	(1U << 1)	/* MSR exits: answer with #GP(0) */
#define SVMVCPU_RUN_INJECT	(1U << 2)	/* EXCEPTION, INT3: deliver it to the guest */
#define SVMVCPU_RUN_IRQ_WINDOW	(1U << 3)	/* exit when the guest can take an interrupt */
#define SVMVCPU_RUN_RETRY	(1U << 4)	/* MMIO: execute the instruction again */

/*
 * svmvcpu_run.inject: kind in bits 8-10, vector in bits 0-7, VALID. One event
 * per RUN; what cannot be delivered at once waits in the kernel.
 */
#define SVMVCPU_INJECT_VECTOR	0xffU
#define SVMVCPU_INJECT_IRQ	(0U << 8)	/* waits for IF, the end of a shadow, and LINT0 */
#define SVMVCPU_INJECT_NMI	(2U << 8)	/* vector 2; waits for the end of an NMI handler */
#define SVMVCPU_INJECT_EXC	(3U << 8)	/* with inject_error and inject_address */
#define SVMVCPU_INJECT_VALID	(1U << 31)

/* svmvcpu_run.events */
#define SVMVCPU_EV_IRQ_READY	(1U << 0)	/* an interrupt would be taken at once */
#define SVMVCPU_EV_IRQ_WAITS	(1U << 1)	/* an injected one waits */
#define SVMVCPU_EV_NMI_WAITS	(1U << 2)
#define SVMVCPU_EV_NMI_MASKED	(1U << 3)	/* in an NMI handler, until IRET */

/**
 * struct svmvcpu_run - the run page, first page of a vCPU file's mapping
 * @in_flags: SVMVCPU_RUN_*; read and cleared by RUN. One that fails later leaves
 *	IRQ_WINDOW if that has yet to come
 * @in_mbz: zero
 * @answer: what the last exit asked for: value of an IN (the low @io.width
 *	bytes) or of an RDMSR, return value of a hypercall
 * @deadline_ns: CLOCK_MONOTONIC time at which RUN returns INTERRUPTED; 0 for
 *	none
 * @inject: SVMVCPU_INJECT_*, or 0; read and cleared by RUN
 * @inject_error: EXC: error code, for a vector that has one; otherwise zero
 * @inject_address: EXC #PF: what goes to CR2; #DB: bits set in DR6; otherwise
 *	zero
 * @in_reserved: zero
 * @reason: &enum svmvcpu_exit_reason
 * @mode: &enum svmvcpu_cpu_mode
 * @cpl: current privilege level, 0-3
 * @events: SVMVCPU_EV_*
 * @out_reserved8: zero
 * @io_data_offset: where the data window starts in the mapping
 * @out_reserved32: zero
 * @exits: exits since the vCPU was created, those answered in the kernel too
 * @io: SVMVCPU_EXIT_IO
 * @memory: SVMVCPU_EXIT_MEMORY_FAULT
 * @hypercall: SVMVCPU_EXIT_HYPERCALL
 * @msr: SVMVCPU_EXIT_MSR_READ, SVMVCPU_EXIT_MSR_WRITE
 * @down: SVMVCPU_EXIT_SYSTEM_DOWN
 * @exception: SVMVCPU_EXIT_EXCEPTION
 * @shutdown: SVMVCPU_EXIT_SHUTDOWN
 * @interrupted: SVMVCPU_EXIT_INTERRUPTED
 * @fail: SVMVCPU_EXIT_FAIL_ENTRY
 * @unknown: SVMVCPU_EXIT_UNKNOWN
 * @mmio: SVMVCPU_EXIT_MMIO
 * @eoi: SVMVCPU_EXIT_IOAPIC_EOI
 * @debug: SVMVCPU_EXIT_DEBUG
 * @exit_bytes: room for exits to come
 * @gprs: registers at the exit; taken back with SVMVCPU_RUN_SET_GPRS
 * @cr0: as the guest sees it, like the following
 * @cr2: .
 * @cr3: .
 * @cr4: .
 * @efer: .
 *
 * The first 64 bytes belong to the VMM, the rest to the kernel, which never
 * reads it back except for @gprs when asked to. Reserved fields among the
 * first 64 bytes must be zero, or RUN fails with EINVAL.
 *
 * An answer is taken once, by the next RUN, even when that returns at once.
 * SETUP, SET_STATE of GPRs and a @gprs.rip changed with SVMVCPU_RUN_SET_GPRS
 * withdraw the question: the instruction then executes again when the guest
 * comes by it. A flag in @in_flags that does not fit the last exit is EINVAL.
 */
struct svmvcpu_run {
	__u32 in_flags;
	__u32 in_mbz;
	__u64 answer;
	__u64 deadline_ns;
	__u32 inject;
	__u32 inject_error;
	__u64 inject_address;
	__u64 in_reserved[3];

	__u32 reason;
	__u8  mode;
	__u8  cpl;
	__u8  events;
	__u8  out_reserved8;
	__u32 io_data_offset;
	__u32 out_reserved32;
	__u64 exits;
	union {
		struct svmvcpu_exit_io io;
		struct svmvcpu_exit_memory memory;
		struct svmvcpu_exit_hypercall hypercall;
		struct svmvcpu_exit_msr msr;
		struct svmvcpu_exit_down down;
		struct svmvcpu_exit_exception exception;
		struct svmvcpu_exit_shutdown shutdown;
		struct svmvcpu_exit_interrupted interrupted;
		struct svmvcpu_exit_fail fail;
		struct svmvcpu_exit_unknown unknown;
		struct svmvcpu_exit_mmio mmio;
		struct svmvcpu_exit_eoi eoi;
		struct svmvcpu_exit_debug debug;
		__u8 exit_bytes[168];
	};
	struct svmvcpu_gprs gprs;
	__u64 cr0, cr2, cr3, cr4, efer;
};

#endif /* _UAPI_LINUX_SVMVCPU_H */
