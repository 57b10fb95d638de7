/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * svmvcpu: AMD SVM virtual CPUs through /dev/svmvcpu.
 *
 * This file is the complete interface between the module and a VMM (a virtual
 * machine monitor). It has four sections:
 *
 *   1. definitions that several calls share: exit names, modes, registers;
 *   2. ioctls of /dev/svmvcpu    (numbers 0x00-0x1f);
 *   3. ioctls of a VM file       (numbers 0x20-0x3f);
 *   4. ioctls and mapping of a vCPU file (numbers 0x40-0x7f).
 *
 *   /dev/svmvcpu --CREATE_VM--> VM file --CREATE_VCPU--> vCPU file --mmap--> run page
 *
 * All structures use fixed-width types, have no implicit padding and hold
 * pointers as __u64. A structure that can grow starts with @size (the number of
 * bytes that the caller knows) and @flags. The kernel refuses unknown flags with
 * EINVAL, and non-zero bytes that it does not know with E2BIG. Fields named "mbz"
 * must be zero. A call that fails changes nothing, except where api.rst says
 * otherwise.
 *
 * Documentation/api.rst lists, for every ioctl, the states in which it is valid,
 * and every errno with its cause.
 */
#ifndef _UAPI_LINUX_SVMVCPU_H
#define _UAPI_LINUX_SVMVCPU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Changes when a program that was built with an older header could misbehave. */
#define SVMVCPU_API_VERSION	1

/* 1. Shared definitions ------------------------------------------------- */

/*
 * All exit reasons, as X(number, NAME, "name"). Kernel, tracepoints, library,
 * vcpuctl and tests take the names from this list. A number never changes.
 */
#define SVMVCPU_EXITS(X)							\
	/* RUN has not completed since the vCPU was set up */			\
	X(0,  NONE,		"none")						\
	/* a port access */							\
	X(1,  IO,		"io")						\
	/* an access that no memory region allows; it was not executed */	\
	X(2,  MEMORY_FAULT,	"memory-fault")					\
	/* VMMCALL */								\
	X(3,  HYPERCALL,	"hypercall")					\
	/* RDMSR of a register that the kernel does not handle */		\
	X(4,  MSR_READ,		"msr-read")					\
	/* WRMSR of a register that the kernel does not handle */		\
	X(5,  MSR_WRITE,	"msr-write")					\
	/* HLT; RIP is after it. With a local APIC only if RFLAGS.IF is clear */	\
	X(6,  HALT,		"halt")						\
	/* the guest requested power-off or reset; or INIT, see EXITS_INIT */	\
	X(7,  SYSTEM_DOWN,	"system-down")					\
	/* a triple fault, or an #MC by the guest on family 10h; SETUP is needed */	\
	X(8,  SHUTDOWN,		"shutdown")					\
	/* an exception selected with SVMVCPU_SET_EXITS, not yet delivered */	\
	X(9,  EXCEPTION,	"exception")					\
	/* SVMVCPU_BY_*, such as a signal; the VMM need not answer */		\
	X(10, INTERRUPTED,	"interrupted")					\
	/* VMRUN refuses the state of the vCPU */				\
	X(11, FAIL_ENTRY,	"fail-entry")					\
	/* an exit that the module does not handle; the raw exit code */		\
	X(12, UNKNOWN,		"unknown")					\
	/* the guest can take an interrupt; after SVMVCPU_RUN_IRQ_WINDOW */	\
	X(13, IRQ_WINDOW,	"irq-window")					\
	/* a mov to or from device memory; needs SVMVCPU_DECODE_MMIO */		\
	X(14, MMIO,		"mmio")						\
	/* the guest has finished a level-triggered interrupt of its APIC */	\
	X(15, IOAPIC_EOI,	"ioapic-eoi")					\
	/* a step or a breakpoint of the VMM; needs SVMVCPU_SET_DEBUG */	\
	X(16, DEBUG,		"debug")					\
	/* an INIT, STARTUP or SMI of the guest that the kernel does not send */	\
	X(17, IPI,		"ipi")						\
	/* the guest has lowered CR8; needs SVMVCPU_EXITS_TPR */			\
	X(18, TPR,		"tpr")

/* enum svmvcpu_exit_reason - why RUN returned: SVMVCPU_EXIT_* */
enum svmvcpu_exit_reason {
#define SVMVCPU_EXIT_ENUM(nr, name, str) SVMVCPU_EXIT_##name = nr,
	SVMVCPU_EXITS(SVMVCPU_EXIT_ENUM)
#undef SVMVCPU_EXIT_ENUM
};

/**
 * enum svmvcpu_cpu_mode - mode of the guest's CPU at the exit
 * @SVMVCPU_MODE_REAL: real mode; CR0.PE is clear
 * @SVMVCPU_MODE_VM86: virtual-8086 mode
 * @SVMVCPU_MODE_PROTECTED: protected mode, with 16-bit or 32-bit code (CS.D)
 * @SVMVCPU_MODE_COMPATIBILITY: 16-bit or 32-bit code in long mode
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
 * struct svmvcpu_gprs - general registers, RIP and RFLAGS
 * @rax: RAX
 * @rcx: RCX
 * @rdx: RDX
 * @rbx: RBX
 * @rsp: RSP
 * @rbp: RBP
 * @rsi: RSI
 * @rdi: RDI
 * @r8: R8
 * @r9: R9
 * @r10: R10
 * @r11: R11
 * @r12: R12
 * @r13: R13
 * @r14: R14
 * @r15: R15
 * @rip: offset in CS
 * @rflags: RFLAGS. Bit 1 is always set; reserved bits must be clear
 *
 * The general registers are in the order in which instructions encode them.
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
 * @limit: limit in bytes, with the granularity applied: a flat segment has
 *	0xffffffff
 * @selector: selector, the visible part
 * @attrib: descriptor attributes in the format of the VMCB: type in bits 0-3,
 *	S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11; bits 12-15 are zero
 */
struct svmvcpu_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u16 attrib;
};

/**
 * struct svmvcpu_segments - segment and descriptor-table registers
 * @es: ES
 * @cs: CS
 * @ss: SS. Its DPL is the current privilege level
 * @ds: DS
 * @fs: FS
 * @gs: GS
 * @ldtr: LDTR
 * @tr: TR
 * @gdtr: GDTR: base and 16-bit limit; selector and attrib are zero
 * @idtr: IDTR: base and 16-bit limit; selector and attrib are zero
 */
struct svmvcpu_segments {
	struct svmvcpu_segment es, cs, ss, ds, fs, gs;
	struct svmvcpu_segment ldtr, tr, gdtr, idtr;
};

/**
 * struct svmvcpu_control - control registers as the guest sees them
 * @cr0: CR0
 * @cr2: CR2
 * @cr3: CR3
 * @cr4: CR4. Only bits of @cr4_guest of GET_INFO can be set
 * @cr8: CR8, 0 to 15
 * @efer: EFER without SVME, which the guest never sees. Only bits of @efer_guest
 *	of GET_INFO can be set
 */
struct svmvcpu_control {
	__u64 cr0, cr2, cr3, cr4, cr8, efer;
};

/**
 * struct svmvcpu_debug - debug registers
 * @db: DR0 to DR3
 * @dr6: DR6
 * @dr7: DR7
 */
struct svmvcpu_debug {
	__u64 db[4];
	__u64 dr6, dr7;
};

/* svmvcpu_events.activity: what the vCPU does in RUN */
#define SVMVCPU_ACTIVITY_RUNNING	0
#define SVMVCPU_ACTIVITY_HALTED		1	/* in a HLT that waits for an interrupt */
#define SVMVCPU_ACTIVITY_WAIT_SIPI	2	/* waits for a STARTUP */

/**
 * struct svmvcpu_events - pending events and interrupt state
 * @exception: SVMVCPU_INJECT_VALID | kind | vector of an event that is about to
 *	be delivered, or whose delivery an exit interrupted; 0 for none. Kind
 *	4 << 8 is a software interrupt; RIP is then after its instruction
 * @exception_error: error code of @exception if its vector has one, otherwise
 *	zero
 * @irq: SVMVCPU_INJECT_VALID | vector of an interrupt that waits; 0 for none
 * @nmis: 1 if an NMI waits. Only one can wait, as in hardware
 * @nmi_masked: 1 in an NMI handler, until its IRET
 * @shadow: 1 in the interrupt shadow of STI or MOV SS
 * @activity: SVMVCPU_ACTIVITY_*; RUNNING without a local APIC
 */
struct svmvcpu_events {
	__u32 exception;
	__u32 exception_error;
	__u32 irq;
	__u8  nmis;
	__u8  nmi_masked;
	__u8  shadow;
	__u8  activity;
};

/**
 * struct svmvcpu_msrs - registers that the guest accesses with RDMSR and WRMSR
 * @star: STAR
 * @lstar: LSTAR
 * @cstar: CSTAR
 * @sfmask: SFMASK
 * @kernel_gs_base: KERNEL_GS_BASE
 * @sysenter_cs: SYSENTER_CS
 * @sysenter_esp: SYSENTER_ESP
 * @sysenter_eip: SYSENTER_EIP
 * @pat: PAT. Each byte is a defined memory type
 * @tsc: time stamp counter at the time of the call
 * @tsc_aux: TSC_AUX, which RDTSCP returns in ECX: 32 bits, 0 on a CPU without it
 *
 * Other MSRs are elsewhere in &struct svmvcpu_state: EFER is in @control, the bases
 * of FS and GS are in @segments, and SPEC_CTRL and VIRT_SPEC_CTRL are at its end.
 * All components together are everything that a guest can change without an exit
 * to the VMM.
 */
struct svmvcpu_msrs {
	__u64 star, lstar, cstar, sfmask, kernel_gs_base;
	__u64 sysenter_cs, sysenter_esp, sysenter_eip;
	__u64 pat, tsc, tsc_aux;
};

/*
 * svmvcpu_lapic.pins: an INIT or a STARTUP has arrived, and the next RUN handles it. INIT
 * comes first if both have. Bits 16-23 are the vector of the STARTUP.
 */
#define SVMVCPU_LAPIC_INIT	(1U << 31)
#define SVMVCPU_LAPIC_SIPI	(1U << 30)
#define SVMVCPU_LAPIC_SIPI_SHIFT	16

/**
 * struct svmvcpu_lapic - state of a local APIC
 * @base: IA32_APIC_BASE
 * @tsc_deadline: IA32_TSC_DEADLINE, a value of the guest's TSC; 0 for none
 * @timer_remaining: one-shot and periodic mode: nanoseconds until the timer
 *	expires next; 0 if it is stopped
 * @esr_pending: errors that become visible with the next write to ESR
 * @pins: bit n is set if LINTn is asserted, n is 0 or 1; SVMVCPU_LAPIC_INIT;
 *	SVMVCPU_LAPIC_SIPI with a vector
 * @regs: element n is the register at offset n * 16 of the register page, which
 *	is MSR 0x800 + n. SET_STATE ignores the version, PPR, APR and the current
 *	count, which follow from the other registers, and bits that a register
 *	does not have. In x2APIC mode the ID has 32 bits, the upper half of ICR is
 *	element 0x31, and SET_STATE ignores LDR too
 *
 * All members are zero if the vCPU has no local APIC.
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
#define SVMVCPU_FEAT_NRIP		(1ULL << 0)  /* exits save the next RIP */
#define SVMVCPU_FEAT_DECODE_ASSISTS	(1ULL << 1)  /* exits save instruction bytes */
#define SVMVCPU_FEAT_FLUSH_BY_ASID	(1ULL << 2)
#define SVMVCPU_FEAT_VMCB_CLEAN		(1ULL << 3)
#define SVMVCPU_FEAT_VGIF		(1ULL << 4)
#define SVMVCPU_FEAT_PAUSE_FILTER	(1ULL << 5)
#define SVMVCPU_FEAT_TSC_SCALE		(1ULL << 6)
#define SVMVCPU_FEAT_V_SPEC_CTRL	(1ULL << 7)  /* VMRUN switches SPEC_CTRL */
#define SVMVCPU_FEAT_UNDER_HYPERVISOR	(1ULL << 63) /* the host itself is a guest */

/* Speculation mitigations at the world switch (svmvcpu_info.mitigations) */
#define SVMVCPU_MIT_RSB_FILL		(1ULL << 0)
#define SVMVCPU_MIT_UNTRAIN_RET		(1ULL << 1)
#define SVMVCPU_MIT_IBPB_ON_EXIT	(1ULL << 2)
#define SVMVCPU_MIT_IBPB_ON_SWITCH	(1ULL << 3)
#define SVMVCPU_MIT_IBPB_TO_USER	(1ULL << 4)
#define SVMVCPU_MIT_CLEAR_BUFFERS	(1ULL << 5)
#define SVMVCPU_MIT_CLEAR_DIVIDER	(1ULL << 6)
#define SVMVCPU_MIT_GPR_CLEAR		(1ULL << 7)

/**
 * struct svmvcpu_info - capabilities of the module and the host
 * @size: in: bytes that the caller has room for; out: bytes that the kernel knows
 * @flags: zero
 * @api_version: SVMVCPU_API_VERSION of the module
 * @run_size: bytes to mmap from a vCPU file
 * @features: SVMVCPU_FEAT_*
 * @mitigations: SVMVCPU_MIT_*
 * @max_regions: maximum number of memory regions in a VM
 * @max_vcpus: maximum number of vCPUs in a VM
 * @max_batch: maximum number of entries in one MAP or UNMAP
 * @gpa_bits: guest-physical addresses are below 1 << gpa_bits
 * @asids: number of address space identifiers on each host CPU
 * @io_data_size: size in bytes of the data window, which follows the run page
 * @cr4_guest: CR4 bits that a guest may set if its CPUID table has the feature
 * @efer_guest: EFER bits that a guest may set if its CPUID table has the feature
 * @components: SVMVCPU_STATE_* that GET_STATE and SET_STATE know
 * @exits: bit n is set if the module can return exit reason n
 * @xcr0_guest: XCR0 bits that a guest may set; 0 if guests have no XSAVE
 * @xstate_size: size in bytes of the XSTATE component
 * @max_cpuid: maximum number of entries in a CPUID table
 * @tsc_khz: frequency of the guests' time stamp counters in kHz; 0 if the host
 *	does not know it
 * @max_coalesced: maximum number of coalesced writes that one exit reports; 0 if the
 *	module has no SVMVCPU_SET_COALESCED
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
	__u32 max_coalesced;
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

/* capabilities of this host; needs only the device file */
#define SVMVCPU_GET_INFO	_IOWR(SVMVCPU_IOC_TYPE, 0x00, struct svmvcpu_info)
/* returns a VM file with close-on-exec; it works only in the caller's address space */
#define SVMVCPU_CREATE_VM	_IOW(SVMVCPU_IOC_TYPE, 0x01, struct svmvcpu_create_vm)
/* the default CPUID table, with which a VM starts; see section 3 for the structure */
#define SVMVCPU_GET_DEVICE_CPUID	_IOWR(SVMVCPU_IOC_TYPE, 0x02, struct svmvcpu_cpuid)

/* 3. VM file ------------------------------------------------------------ */

#define SVMVCPU_MEM_READ	(1U << 0)
#define SVMVCPU_MEM_WRITE	(1U << 1)
#define SVMVCPU_MEM_EXEC	(1U << 2)

/* svmvcpu_map.flags */
#define SVMVCPU_MAP_REPLACE	(1U << 0)	/* replace what is mapped at the regions */

/**
 * struct svmvcpu_region - a range of guest-physical memory
 * @gpa: guest-physical address, 4 KiB aligned
 * @bytes: length, 4 KiB aligned, not zero
 * @hva: address in the VMM's memory, 4 KiB aligned. The VMM can map memory there
 *	later: the guest accesses the memory that is mapped at the time of the
 *	access
 * @prot: SVMVCPU_MEM_*; READ is required. With REPLACE, 0 together with @hva 0 makes the
 *	range a hole, as UNMAP does
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
 * struct svmvcpu_map - argument of SVMVCPU_MAP: add all of the regions, or none
 * @size: sizeof(struct svmvcpu_map)
 * @flags: SVMVCPU_MAP_*
 * @nr: number of regions, 1 to max_batch
 * @mbz: zero
 * @regions: address of an array of @nr &struct svmvcpu_region
 *
 * Without REPLACE, nothing may be mapped at the regions. With REPLACE, they take the place
 * of what is mapped there, and other parts of regions that they overlap stay. All changes
 * become visible to the guest at once, and it never finds memory missing that is mapped
 * before and after the call. When the call returns, no vCPU can access the old memory.
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
 * struct svmvcpu_unmap - argument of SVMVCPU_UNMAP: remove all of the ranges, or none
 * @size: sizeof(struct svmvcpu_unmap)
 * @flags: zero
 * @nr: number of ranges, 1 to max_batch
 * @mbz: zero
 * @ranges: address of an array of @nr &struct svmvcpu_range. A range may cover
 *	several regions, or a part of a region, of which the rest stays mapped.
 *	Each range must cover some memory
 */
struct svmvcpu_unmap {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 ranges;
};

/* svmvcpu_prefault.flags */
#define SVMVCPU_PREFAULT_WRITE	(1U << 0)	/* as for a write by the guest */

/**
 * struct svmvcpu_prefault - argument of SVMVCPU_PREFAULT: map memory before the
 *	guest accesses it
 * @size: sizeof(struct svmvcpu_prefault)
 * @flags: SVMVCPU_PREFAULT_*
 * @gpa: 4 KiB aligned
 * @bytes: 4 KiB aligned, not zero. Regions must cover the whole range
 * @done: in: zero. Out: bytes from @gpa on that have been mapped, also if the call
 *	fails; @bytes on success
 */
struct svmvcpu_prefault {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
	__u64 done;
};

/**
 * struct svmvcpu_stats - argument of SVMVCPU_GET_STATS: counters of the VM's memory
 *	since the VM was created
 * @size: in: bytes that the caller has room for; out: bytes that the kernel knows
 * @flags: zero
 * @faults: nested page faults that mapped memory
 * @mapped_4k: 4 KiB pages mapped by faults and SVMVCPU_PREFAULT
 * @mapped_2m: 2 MiB pages mapped by faults and SVMVCPU_PREFAULT
 * @mapped_1g: 1 GiB pages mapped by faults and SVMVCPU_PREFAULT
 * @zapped: pages of all sizes that SVMVCPU_UNMAP or a change of the VMM's memory
 *	has removed
 * @flushes: how often all vCPUs had to flush their translations
 * @tables: pages that the nested page tables have now
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

/*
 * The counters of struct svmvcpu_stats, as X(member, "description"). The member is also
 * the name of the counter's line in /proc/PID/fdinfo/FD of a VM file.
 */
#define SVMVCPU_VM_STATS(X)							\
	X(faults,	"nested page faults that mapped memory")		\
	X(mapped_4k,	"4 KiB pages mapped")					\
	X(mapped_2m,	"2 MiB pages mapped")					\
	X(mapped_1g,	"1 GiB pages mapped")					\
	X(zapped,	"pages removed")					\
	X(flushes,	"TLB flushes of all vCPUs")				\
	X(tables,	"pages of the nested page tables now")

/* svmvcpu_create_vcpu.flags */
#define SVMVCPU_VCPU_LAPIC	(1U << 0)	/* the vCPU has a local APIC in the kernel */

/**
 * struct svmvcpu_create_vcpu - argument of SVMVCPU_CREATE_VCPU
 * @size: sizeof(struct svmvcpu_create_vcpu)
 * @flags: SVMVCPU_VCPU_*
 * @id: number of the vCPU, 0 to max_vcpus - 1, unique in the VM. It is also the
 *	guest's APIC ID
 * @mbz: zero
 */
struct svmvcpu_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 mbz;
};

#define SVMVCPU_CPUID_SUBLEAF	(1U << 0)	/* the entry is for one subleaf only */

/**
 * struct svmvcpu_cpuid_entry - result of CPUID for a leaf or a subleaf
 * @leaf: EAX before CPUID
 * @subleaf: ECX before CPUID if @flags has SUBLEAF, otherwise zero
 * @flags: SVMVCPU_CPUID_*
 * @eax: EAX after CPUID
 * @ebx: EBX after CPUID
 * @ecx: ECX after CPUID
 * @edx: EDX after CPUID
 * @mbz: zero
 *
 * A leaf without an entry reads as zero. A vCPU does not have a feature whose bit is
 * clear: the control bits of the feature are reserved, and its MSRs raise #GP.
 *
 * The kernel fills in values that depend on the vCPU when the guest executes CPUID:
 * OSXSAVE (leaf 1 ECX 27, if the table has XSAVE), the size for the current XCR0
 * (leaf 0xd EBX), and the APIC ID (leaf 1 EBX 31:24, EDX of leaves 0xb, 0x1f and
 * 80000026, leaf 8000001e EAX).
 *
 * If the vCPU has no local APIC, leaves 0xb, 0x1f and 80000026 and leaf 8000001e EAX
 * are zero, and the bits of the APIC are clear: leaf 1 EDX 9, ECX 21 (x2APIC) and 24
 * (TSC-deadline), leaf 6 EAX 2 (ARAT), leaf 80000001 EDX 9. The two bits EDX 9 and leaf
 * 8000001e EAX are also zero while the guest has disabled its APIC.
 *
 * If the table belongs to a single vCPU that has no local APIC in the kernel, CPUID
 * returns the APIC's bits and IDs as the table has them.
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
 * struct svmvcpu_cpuid - argument of the five calls that get and set CPUID tables
 * @size: sizeof(struct svmvcpu_cpuid)
 * @flags: zero
 * @nr: in: number of entries at @entries; GET: out: number of entries in the table
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
#define SVMVCPU_MSG_LOWEST	1	/* to the destination with the lowest priority */
#define SVMVCPU_MSG_NMI		4
#define SVMVCPU_MSG_INIT	5
#define SVMVCPU_MSG_STARTUP	6	/* starts a vCPU that waits, at @vector << 12 */

/* svmvcpu_message.flags */
#define SVMVCPU_MSG_LOGICAL	(1U << 0)	/* @dest is a logical destination */
#define SVMVCPU_MSG_LEVEL	(1U << 1)	/* level-triggered: its EOI exits with IOAPIC_EOI */

/**
 * struct svmvcpu_message - argument of SVMVCPU_MESSAGE: an interrupt message from a
 *	device (MSI) or an I/O APIC
 * @size: sizeof(struct svmvcpu_message)
 * @flags: SVMVCPU_MSG_*
 * @dest: APIC ID, or 0xff for all; with LOGICAL, a logical destination
 * @vector: FIXED, LOWEST: 16 to 255; STARTUP: any; NMI, INIT: 0
 * @mode: SVMVCPU_MSG_FIXED, _LOWEST, _NMI, _INIT or _STARTUP
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
 * @max_bytes: maximum size of all copies of pages, 4 KiB aligned; 0 for no limit
 *	but that of the caller's memory cgroup
 *
 * SNAPSHOT records every vCPU of the VM. From then on, the kernel copies each page
 * before it is written. An earlier snapshot is replaced. A write that would need more
 * than @max_bytes is not executed: it exits with MEMORY_FAULT and
 * SVMVCPU_FAULT_LIMIT.
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
 * @pages: out: number of pages restored
 *
 * RESTORE restores the memory that the guest has written, and the memory that the VMM
 * named with SVMVCPU_PRESERVE. It does NOT restore other memory that the VMM has
 * written. It also restores the vCPUs that existed at the snapshot: their registers,
 * local APICs, clocks and pending events, whether the last exit waits for an answer,
 * and the kernel's part of the run page.
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
 * @ranges: address of an array of @nr &struct svmvcpu_range. Regions must cover
 *	all of each range
 *
 * The VMM calls PRESERVE before it writes to these pages. Every RESTORE then restores
 * them, whether they have been written or not, until the snapshot is dropped or
 * replaced.
 */
struct svmvcpu_preserve {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 mbz;
	__u64 ranges;
};

/* svmvcpu_dirty_log.flags: exactly one of these */
#define SVMVCPU_LOG_START	(1U << 0)
#define SVMVCPU_LOG_STOP	(1U << 1)

/**
 * struct svmvcpu_dirty_log - argument of SVMVCPU_DIRTY_LOG
 * @size: sizeof(struct svmvcpu_dirty_log)
 * @flags: SVMVCPU_LOG_START or SVMVCPU_LOG_STOP
 * @gpa: first address of the range, 4 KiB aligned
 * @bytes: length of the range, 4 KiB aligned, not zero
 *
 * The log covers a range of guest-physical addresses, and all memory that is mapped
 * there now or later. START has no effect on addresses that are already logged, and
 * STOP has no effect on addresses that are not.
 */
struct svmvcpu_dirty_log {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
};

/*
 * The list of dirty pages, a read-only mapping at offset 0 of a VM file. Each element
 * is a guest-physical address, a __u64.
 */
#define SVMVCPU_DIRTY_LIST_BYTES	0x10000
#define SVMVCPU_DIRTY_LIST_MAX		(SVMVCPU_DIRTY_LIST_BYTES / 8)

/* svmvcpu_dirty_collect.flags */
#define SVMVCPU_COLLECT_BITMAP	(1U << 0)	/* fill @bitmap instead of the list */

/**
 * struct svmvcpu_dirty_collect - argument of SVMVCPU_DIRTY_COLLECT
 * @size: sizeof(struct svmvcpu_dirty_collect)
 * @flags: SVMVCPU_COLLECT_*
 * @gpa: first address of the range, 4 KiB aligned
 * @bytes: length of the range, 4 KiB aligned, not zero
 * @first: list: index of the first element to fill; BITMAP: zero
 * @max: list: maximum number of elements to fill, at least 1, not beyond the end
 *	of the list; BITMAP: zero
 * @bitmap: BITMAP: address of an array of __u64 with one bit for each page of the
 *	range; bit 0 of the first element is the first page. The kernel writes all
 *	of it. List: zero
 * @nr: out: number of dirty pages. For the list, they are in the elements from
 *	@first on
 * @more: out: 1 if the list is full, or if the guest writes faster than the bitmap
 *	is filled. Other pages may then be dirty, and stay dirty
 *
 * The list is in no particular order. Pages become dirty when the guest, the module
 * on behalf of the guest, or RESTORE writes them. Writes of the VMM itself are not
 * logged.
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

/* svmvcpu_ioeventfd.flags */
#define SVMVCPU_IOEVENTFD_REMOVE	(1U << 0)	/* remove the doorbell */
#define SVMVCPU_IOEVENTFD_PIO		(1U << 1)	/* @address is a port */
#define SVMVCPU_IOEVENTFD_DATA		(1U << 2)	/* only if @data is written */

/**
 * struct svmvcpu_ioeventfd - argument of SVMVCPU_SET_IOEVENTFD: add or remove a doorbell
 * @size: sizeof(struct svmvcpu_ioeventfd)
 * @flags: SVMVCPU_IOEVENTFD_*
 * @fd: eventfd to signal
 * @width: number of bytes of the write: 1, 2, 4 or, without PIO, 8; 0 for any. With
 *	DATA, not 0
 * @address: guest-physical address or, with PIO, port of the first byte
 * @data: DATA: the value; otherwise zero
 *
 * A write of the guest that matches a doorbell signals the eventfd and is complete; RUN
 * does not return. The guest makes it with OUT or, where no writable region is, with an
 * instruction that could exit with MMIO, whether or not the vCPU has
 * SVMVCPU_DECODE_MMIO. Two doorbells cannot match the same write. With REMOVE, all
 * members have the values with which the doorbell was added.
 */
struct svmvcpu_ioeventfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 width;
	__u64 address;
	__u64 data;
};

/* svmvcpu_coalesced.flags */
#define SVMVCPU_COALESCED_REMOVE	(1U << 0)	/* remove the range */
#define SVMVCPU_COALESCED_PIO		(1U << 1)	/* @address is a port */

/**
 * struct svmvcpu_coalesced - argument of SVMVCPU_SET_COALESCED: add or remove a range whose
 *	writes are reported together
 * @size: sizeof(struct svmvcpu_coalesced)
 * @flags: SVMVCPU_COALESCED_*
 * @address: guest-physical address or, with PIO, port of the first byte
 * @bytes: length of the range in bytes or ports, not zero
 *
 * A write of the guest to the range is complete without an exit: the kernel adds it to the
 * vCPU's list of &struct svmvcpu_write, and the next exit reports the list. The guest makes
 * the write with OUT or, where no writable region is, with an instruction that could exit with
 * MMIO, whether or not the vCPU has SVMVCPU_DECODE_MMIO. A write exits as usual if a part
 * of it is outside the range, or if the list is full; it is not in the list then. Ranges
 * cannot overlap. With REMOVE, all members have the values with which the range was added.
 */
struct svmvcpu_coalesced {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u64 bytes;
};

/* svmvcpu_irqfd.flags */
#define SVMVCPU_IRQFD_REMOVE	(1U << 0)	/* signals of @fd have no effect any more */
#define SVMVCPU_IRQFD_RESAMPLE	(1U << 1)	/* EOI signals @resample_fd; the message is LEVEL */

/**
 * struct svmvcpu_irqfd - argument of SVMVCPU_SET_IRQFD: signals of an eventfd send an
 *	interrupt message
 * @size: sizeof(struct svmvcpu_irqfd)
 * @flags: SVMVCPU_IRQFD_*
 * @fd: eventfd
 * @resample_fd: RESAMPLE: eventfd to signal when the guest writes EOI for @vector;
 *	otherwise zero
 * @dest: as in &struct svmvcpu_message
 * @vector: as in &struct svmvcpu_message
 * @mode: as in &struct svmvcpu_message
 * @mbz: zero
 * @msg_flags: SVMVCPU_MSG_*
 * @mbz32: zero
 *
 * Each signal sends the message once, and the kernel sets the counter of @fd back. A
 * second call with the same @fd replaces the message. REMOVE needs only @fd; all other
 * members are zero. The eventfd is also removed when its last descriptor is closed.
 */
struct svmvcpu_irqfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__s32 resample_fd;
	__u32 dest;
	__u8  vector;
	__u8  mode;
	__u8  mbz[2];
	__u32 msg_flags;
	__u32 mbz32;
};

#define SVMVCPU_MAP		_IOW(SVMVCPU_IOC_TYPE, 0x20, struct svmvcpu_map)
#define SVMVCPU_UNMAP		_IOW(SVMVCPU_IOC_TYPE, 0x21, struct svmvcpu_unmap)
/* the CPUID table of all vCPUs; SET works only before the first vCPU is created */
#define SVMVCPU_GET_CPUID	_IOWR(SVMVCPU_IOC_TYPE, 0x23, struct svmvcpu_cpuid)
#define SVMVCPU_SET_CPUID	_IOW(SVMVCPU_IOC_TYPE, 0x24, struct svmvcpu_cpuid)
/* sends an interrupt message; returns how many local APICs accepted it */
#define SVMVCPU_MESSAGE		_IOW(SVMVCPU_IOC_TYPE, 0x25, struct svmvcpu_message)
#define SVMVCPU_PREFAULT	_IOWR(SVMVCPU_IOC_TYPE, 0x26, struct svmvcpu_prefault)
/* records all vCPUs and the memory; no vCPU may be in RUN */
#define SVMVCPU_SNAPSHOT	_IOW(SVMVCPU_IOC_TYPE, 0x27, struct svmvcpu_snapshot)
/* goes back to the snapshot; can be repeated; no vCPU may be in RUN */
#define SVMVCPU_RESTORE		_IOWR(SVMVCPU_IOC_TYPE, 0x28, struct svmvcpu_restore)
/* names pages that the VMM will write, so that RESTORE restores them too */
#define SVMVCPU_PRESERVE	_IOW(SVMVCPU_IOC_TYPE, 0x29, struct svmvcpu_preserve)
/* drops the snapshot; argument 0 */
#define SVMVCPU_DROP_SNAPSHOT	_IO(SVMVCPU_IOC_TYPE, 0x2a)
/* starts or stops logging which pages of a range are written */
#define SVMVCPU_DIRTY_LOG	_IOW(SVMVCPU_IOC_TYPE, 0x2b, struct svmvcpu_dirty_log)
/* returns the pages written since the last call, and makes them clean */
#define SVMVCPU_DIRTY_COLLECT	_IOWR(SVMVCPU_IOC_TYPE, 0x2c, struct svmvcpu_dirty_collect)
#define SVMVCPU_GET_STATS	_IOWR(SVMVCPU_IOC_TYPE, 0x2d, struct svmvcpu_stats)
/* adds or removes a doorbell: writes to an address signal an eventfd */
#define SVMVCPU_SET_IOEVENTFD	_IOW(SVMVCPU_IOC_TYPE, 0x2e, struct svmvcpu_ioeventfd)
/* signals of an eventfd send an interrupt message */
#define SVMVCPU_SET_IRQFD	_IOW(SVMVCPU_IOC_TYPE, 0x2f, struct svmvcpu_irqfd)
/* adds or removes a range: exits report the writes to it together */
#define SVMVCPU_SET_COALESCED	_IOW(SVMVCPU_IOC_TYPE, 0x30, struct svmvcpu_coalesced)
/* returns a vCPU file with close-on-exec */
#define SVMVCPU_CREATE_VCPU	_IOW(SVMVCPU_IOC_TYPE, 0x22, struct svmvcpu_create_vcpu)

/* 4. vCPU file ---------------------------------------------------------- */

/**
 * enum svmvcpu_preset - initial states for SVMVCPU_SETUP
 * @SVMVCPU_PRESET_REAL: real mode, all segment bases 0, CS:RIP = 0:@entry
 * @SVMVCPU_PRESET_RESET: the state after RESET, CS:RIP = f000:fff0 with CS
 *	base ffff0000; @entry and @stack must be zero
 * @SVMVCPU_PRESET_PROT32: 32-bit flat protected mode, paging off
 * @SVMVCPU_PRESET_LONG64: 64-bit mode with the page tables at @cr3
 *
 * In PROT32 and LONG64, the segment registers hold flat segments (selector 0x08 for
 * code, 0x10 for data), but GDTR and IDTR are empty. The guest must load its own
 * descriptor tables before it loads a segment register or takes an exception.
 */
enum svmvcpu_preset {
	SVMVCPU_PRESET_REAL	= 0,
	SVMVCPU_PRESET_RESET	= 1,
	SVMVCPU_PRESET_PROT32	= 2,
	SVMVCPU_PRESET_LONG64	= 3,
};

/* svmvcpu_setup.flags */
#define SVMVCPU_SETUP_WAIT_SIPI	(1U << 0)	/* RESET: the vCPU waits for a STARTUP */

/**
 * struct svmvcpu_setup - argument of SVMVCPU_SETUP: reset the vCPU
 * @size: sizeof(struct svmvcpu_setup)
 * @flags: SVMVCPU_SETUP_*
 * @preset: &enum svmvcpu_preset
 * @mbz: zero
 * @entry: initial RIP
 * @stack: initial RSP
 * @cr3: LONG64: guest-physical address of the PML4; otherwise zero
 * @arg: PROT32 and LONG64: initial RDI, for example a pointer for the guest;
 *	otherwise zero
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
 * @components: SVMVCPU_STATE_* to get or set; the call uses only members of these
 * @gprs: SVMVCPU_STATE_GPRS
 * @segments: SVMVCPU_STATE_SEGMENTS
 * @control: SVMVCPU_STATE_CONTROL
 * @debug: SVMVCPU_STATE_DEBUG
 * @events: SVMVCPU_STATE_EVENTS
 * @msrs: SVMVCPU_STATE_MSRS
 * @xcr0: SVMVCPU_STATE_XSTATE: bit 0 is set; only bits of @xcr0_guest of GET_INFO
 *	can be set
 * @xstate: SVMVCPU_STATE_XSTATE: address of a buffer in the standard (not
 *	compacted) format of XSAVE
 * @xstate_size: SVMVCPU_STATE_XSTATE: size of the buffer, exactly @xstate_size of
 *	GET_INFO
 * @mbz: zero
 * @lapic: SVMVCPU_STATE_LAPIC
 * @spec_ctrl: SVMVCPU_STATE_MSRS: SPEC_CTRL
 * @virt_spec_ctrl: SVMVCPU_STATE_MSRS: VIRT_SPEC_CTRL
 *
 * The first version of this structure ends with @lapic. For a caller with that size,
 * GET_STATE and SET_STATE leave out @spec_ctrl and @virt_spec_ctrl.
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
#define SVMVCPU_DECODE_MMIO	(1U << 0)	/* device accesses by mov exit with MMIO */

/* svmvcpu_exits.flags */
#define SVMVCPU_EXITS_FAULTS	(1U << 0)	/* SHUTDOWN lists every fault that led to it */
#define SVMVCPU_EXITS_INIT	(1U << 1)	/* an INIT exits with SYSTEM_DOWN */
#define SVMVCPU_EXITS_IPI	(1U << 2)	/* sending INIT or STARTUP exits with IPI */
#define SVMVCPU_EXITS_PORTS	(1U << 3)	/* OUT exits with IO, never with SYSTEM_DOWN */
#define SVMVCPU_EXITS_TPR	(1U << 4)	/* lowering CR8 exits with TPR; no local APIC */

/**
 * struct svmvcpu_exits - argument of SVMVCPU_SET_EXITS: select optional exits
 * @size: sizeof(struct svmvcpu_exits)
 * @flags: SVMVCPU_EXITS_*
 * @exceptions: bit n: exception vector n exits with EXCEPTION before it is
 *	delivered to the guest. Bit 2 (NMI), bit 18 (#MC) and bits of reserved
 *	vectors are refused
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
#define SVMVCPU_DEBUG_BREAKPOINTS	(1U << 1)	/* @db and @dr7 replace the guest's */
#define SVMVCPU_DEBUG_INT3		(1U << 2)	/* at each INT3 */

/**
 * struct svmvcpu_set_debug - argument of SVMVCPU_SET_DEBUG: select when RUN exits
 *	with DEBUG
 * @size: sizeof(struct svmvcpu_set_debug)
 * @flags: SVMVCPU_DEBUG_*; 0 turns debugging off
 * @db: BREAKPOINTS: linear addresses; otherwise zero
 * @dr7: BREAKPOINTS: bits 0-9 and 16-31 of DR7; bit 10 is ignored. Breakpoints on
 *	ports (R/W 2) are refused. Otherwise zero
 */
struct svmvcpu_set_debug {
	__u32 size;
	__u32 flags;
	__u64 db[4];
	__u64 dr7;
};

/* svmvcpu_translation.access; 0 is a read at the current privilege level */
#define SVMVCPU_ACCESS_WRITE		(1U << 0)
#define SVMVCPU_ACCESS_FETCH		(1U << 1)
#define SVMVCPU_ACCESS_USER		(1U << 2)	/* as at CPL 3 */
#define SVMVCPU_ACCESS_SUPERVISOR	(1U << 3)	/* as at CPL 0 */
#define SVMVCPU_ACCESS_MARK		(1U << 4)	/* set accessed and dirty bits */

/* Results of TRANSLATE, as X(number, NAME, "text"). */
#define SVMVCPU_TRANSLATIONS(X)						\
	X(0,  DONE,		"translated")				\
	X(1,  PAGE_FAULT,	"page fault")				\
	X(2,  NO_TABLE,		"page table not in memory")		\
	X(3,  NOT_CANONICAL,	"not a canonical address")

/*
 * enum svmvcpu_translated - svmvcpu_translation.result
 * @SVMVCPU_TRANSLATE_DONE: @gpa is the translated address
 * @SVMVCPU_TRANSLATE_PAGE_FAULT: the access would raise #PF with @error_code
 * @SVMVCPU_TRANSLATE_NO_TABLE: the page table entry at @gpa is in no region, or
 *	the VMM's memory behind it cannot be accessed
 * @SVMVCPU_TRANSLATE_NOT_CANONICAL: the access would raise #GP(0) or #SS(0)
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
 * @linear: linear address: the offset plus the base of its segment. Outside long
 *	mode, only the low 32 bits are used
 * @access: SVMVCPU_ACCESS_*: not both WRITE and FETCH, not both USER and
 *	SUPERVISOR
 * @result: out: &enum svmvcpu_translated
 * @gpa: out: DONE: guest-physical address; NO_TABLE: that of the page table entry
 * @error_code: out: PAGE_FAULT: the error code that #PF would push
 * @mbz: zero
 *
 * TRANSLATE uses the current CR0, CR3, CR4, EFER and RFLAGS.AC. It raises no
 * exception in the guest. Without MARK it writes nothing to the guest's memory.
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
#define SVMVCPU_APIC_WRITE	(1U << 0)	/* write; otherwise read */

/**
 * struct svmvcpu_apic_access - argument of SVMVCPU_APIC_ACCESS
 * @size: sizeof(struct svmvcpu_apic_access)
 * @flags: SVMVCPU_APIC_*
 * @offset: offset in the register page, 0 to 4095
 * @width: number of bytes, 1 to 8. The access must not go beyond the page
 * @data: write: the value; only the low @width bytes are used. Read: out: the
 *	value, zero-extended
 * @exit: in: zero. Out: if the same access by the guest would have ended in an
 *	exit, its &enum svmvcpu_exit_reason, and the run page describes the exit;
 *	otherwise 0
 * @mbz: zero
 *
 * The access has all effects that it has when the guest makes it. It is meant for
 * instructions that the kernel does not decode, which exit with MEMORY_FAULT and
 * SVMVCPU_FAULT_APIC.
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

/*
 * The counters of a vCPU, as X(number, NAME, "name", "description"). The name is also that
 * of the counter's line in /proc/PID/fdinfo/FD of a vCPU file. New counters are added at
 * the end. Each exit from the guest counts in EXITS and in one EXIT_* counter, whether the
 * kernel handles it or RUN returns.
 */
#define SVMVCPU_VCPU_STATS(X)							\
	X(0,  EXITS,		"exits",	"exits from the guest")		\
	X(1,  USER_EXITS,	"user_exits",	"returns of RUN with an exit")	\
	X(2,  EXIT_IO,		"exit_io",	"port accesses")		\
	X(3,  EXIT_NPF,		"exit_npf",	"nested page faults, device accesses") \
	X(4,  EXIT_CPUID,	"exit_cpuid",	"CPUID")			\
	X(5,  EXIT_MSR,		"exit_msr",	"RDMSR and WRMSR")		\
	X(6,  EXIT_HLT,		"exit_hlt",	"HLT")				\
	X(7,  EXIT_HOST,	"exit_host",	"interrupts and NMIs of the host") \
	X(8,  EXIT_VMMCALL,	"exit_vmmcall",	"VMMCALL")			\
	X(9,  EXIT_CR,		"exit_cr",	"control register accesses")	\
	X(10, EXIT_DR,		"exit_dr",	"debug register accesses")	\
	X(11, EXIT_EXCEPTION,	"exit_exception", "exceptions and INT n")	\
	X(12, EXIT_WINDOW,	"exit_window",	"interrupt and NMI windows")	\
	X(13, EXIT_PAUSE,	"exit_pause",	"PAUSE")			\
	X(14, EXIT_SHUTDOWN,	"exit_shutdown", "triple faults")		\
	X(15, EXIT_OTHER,	"exit_other",	"all other exits, refused entries") \
	X(16, PAGE_FAULTS,	"page_faults",	"nested page faults that mapped memory") \
	X(17, IRQS,		"irqs",		"interrupts injected")		\
	X(18, NMIS,		"nmis",		"NMIs injected")		\
	X(19, HALTS,		"halts",	"HLTs that waited in the kernel") \
	X(20, WAKEUPS,		"wakeups",	"wakeups from HLT")		\
	X(21, KICKS,		"kicks",	"kicks, deadlines, posted interrupts") \
	X(22, LOADED_NS,	"loaded_ns",	"ns loaded on a CPU")		\
	X(23, HALTED_NS,	"halted_ns",	"ns asleep in HLT")

/* enum svmvcpu_stat - index of a counter: SVMVCPU_STAT_* */
enum svmvcpu_stat {
#define SVMVCPU_STAT_ENUM(nr, name, str, text) SVMVCPU_STAT_##name = nr,
	SVMVCPU_VCPU_STATS(SVMVCPU_STAT_ENUM)
#undef SVMVCPU_STAT_ENUM
	SVMVCPU_STAT_NR	/* the number of counters that this header knows */
};

/**
 * struct svmvcpu_vcpu_stats - argument of SVMVCPU_GET_VCPU_STATS: counters of one vCPU
 *	since it was created
 * @size: in: bytes that the caller has room for; out: bytes that the kernel knows
 * @flags: zero
 * @values: the counters, indexed by SVMVCPU_STAT_*
 *
 * The call does not wait for a running vCPU. Each counter is read atomically, but not
 * all at the same time.
 */
struct svmvcpu_vcpu_stats {
	__u32 size;
	__u32 flags;
	__u64 values[SVMVCPU_STAT_NR];
};

/* svmvcpu_run_args.flags */
#define SVMVCPU_RUN_ARGS_SIGMASK	(1U << 0)	/* use @sigmask */

/**
 * struct svmvcpu_run_args - argument of SVMVCPU_RUN, or 0
 * @size: sizeof(struct svmvcpu_run_args)
 * @flags: SVMVCPU_RUN_ARGS_*
 * @stop: address of a byte, or 0. If the byte is not zero, RUN uses the answer to the last
 *	exit and returns INTERRUPTED before the guest runs
 * @sigmask: SIGMASK: the signals that are blocked during the call: bit n - 1 is signal n;
 *	otherwise zero
 *
 * A handler that sets the byte loses no signal: if it comes before RUN reads the byte, RUN
 * returns because of the byte, and if it comes later, because of the signal.
 */
struct svmvcpu_run_args {
	__u32 size;
	__u32 flags;
	__u64 stop;
	__u64 sigmask;
};

/*
 * Runs the guest until an exit. Input and output are in the run page. The argument is 0 or
 * the address of a struct svmvcpu_run_args.
 */
#define SVMVCPU_RUN		_IO(SVMVCPU_IOC_TYPE, 0x40)
/* makes the current or the next RUN return INTERRUPTED, once; argument 0 */
#define SVMVCPU_KICK		_IO(SVMVCPU_IOC_TYPE, 0x41)
#define SVMVCPU_SETUP		_IOW(SVMVCPU_IOC_TYPE, 0x42, struct svmvcpu_setup)
/* These two numbers contain the size of the first version, 832 bytes, and never change. */
#define SVMVCPU_GET_STATE	_IOC(_IOC_READ | _IOC_WRITE, SVMVCPU_IOC_TYPE, 0x43, 832)
#define SVMVCPU_SET_STATE	_IOC(_IOC_WRITE, SVMVCPU_IOC_TYPE, 0x44, 832)
#define SVMVCPU_SET_EXITS	_IOW(SVMVCPU_IOC_TYPE, 0x45, struct svmvcpu_exits)
/* sets single steps and breakpoints that the guest does not see */
#define SVMVCPU_SET_DEBUG	_IOW(SVMVCPU_IOC_TYPE, 0x46, struct svmvcpu_set_debug)
/* translates a linear address as the guest's next access would; for debuggers */
#define SVMVCPU_TRANSLATE	_IOWR(SVMVCPU_IOC_TYPE, 0x47, struct svmvcpu_translation)
/* sets the pins of the local APIC; argument: bit n is set if LINTn is asserted */
#define SVMVCPU_LINT		_IO(SVMVCPU_IOC_TYPE, 0x48)
/* accesses the register page of the local APIC on behalf of the guest */
#define SVMVCPU_APIC_ACCESS	_IOWR(SVMVCPU_IOC_TYPE, 0x4a, struct svmvcpu_apic_access)
/* sets a CPUID table for this vCPU only, before its guest first runs; the state stays */
#define SVMVCPU_SET_VCPU_CPUID	_IOW(SVMVCPU_IOC_TYPE, 0x49, struct svmvcpu_cpuid)
/* gets the table that the vCPU uses: its own, the VM's or the default */
#define SVMVCPU_GET_VCPU_CPUID	_IOWR(SVMVCPU_IOC_TYPE, 0x4b, struct svmvcpu_cpuid)
/* gets the counters; the number contains the size of the first version, 200 bytes */
#define SVMVCPU_GET_VCPU_STATS	_IOC(_IOC_READ | _IOC_WRITE, SVMVCPU_IOC_TYPE, 0x4c, 200)

/* svmvcpu_exit_io.flags */
#define SVMVCPU_IO_IN		(1U << 0)	/* the guest reads; otherwise it writes */
#define SVMVCPU_IO_STRING	(1U << 1)	/* INS or OUTS: the data is in the data window */
#define SVMVCPU_IO_REP		(1U << 2)	/* with a REP prefix */

/**
 * struct svmvcpu_exit_io - SVMVCPU_EXIT_IO
 * @port: first port
 * @width: bytes per element: 1, 2 or 4
 * @mbz: zero
 * @flags: SVMVCPU_IO_*
 * @count: number of elements in this exit; 1 unless STRING. A long REP is split
 *	into several exits
 * @data: OUT: the value. For IN, the VMM writes the value to &svmvcpu_run.answer
 *
 * With STRING, the data window, which starts &svmvcpu_run.io_data_offset bytes into
 * the mapping, holds the elements without gaps. For OUTS, the kernel has written them
 * there. For INS, the VMM writes them there before the next RUN. They are in the order
 * in which the guest transfers them, also if the direction flag is set.
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
#define SVMVCPU_FAULT_WALK	(1U << 2)	/* a page table of the guest is at @gpa */
#define SVMVCPU_FAULT_GVA	(1U << 3)	/* @gva is valid */
#define SVMVCPU_FAULT_USER_MEM	(1U << 4)	/* the region allows it, VMM's memory does not */
#define SVMVCPU_FAULT_KERNEL	(1U << 5)	/* by module: INS, OUTS, MOVS, LMSW, SMSW, fetch */
#define SVMVCPU_FAULT_LIMIT	(1U << 6)	/* the snapshot would exceed max_bytes */
#define SVMVCPU_FAULT_APIC	(1U << 7)	/* @gpa is in the register page of the local APIC */
#define SVMVCPU_INSN_MAX	15

/**
 * struct svmvcpu_exit_memory - SVMVCPU_EXIT_MEMORY_FAULT
 * @gpa: guest-physical address of the first byte that failed
 * @gva: linear address, if known (flag GVA)
 * @flags: SVMVCPU_FAULT_*; neither WRITE nor EXEC means a read
 * @mbz: zero
 * @insn_len: number of bytes in @insn; 0 if they could not be read
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
 * The next RUN puts &svmvcpu_run.answer into RAX. &svmvcpu_run.cpl is the privilege
 * level of the caller.
 */
struct svmvcpu_exit_hypercall {
	__u64 nr;
	__u64 args[6];
};

/**
 * struct svmvcpu_exit_msr - SVMVCPU_EXIT_MSR_READ and SVMVCPU_EXIT_MSR_WRITE
 * @index: ECX
 * @mbz: zero
 * @value: write: EDX:EAX
 *
 * For a read, the next RUN puts &svmvcpu_run.answer into EDX:EAX. With
 * SVMVCPU_RUN_FAIL, a read or a write raises #GP(0) instead.
 */
struct svmvcpu_exit_msr {
	__u32 index;
	__u32 mbz;
	__u64 value;
};

#define SVMVCPU_DOWN_POWEROFF	0	/* the word 0x2000 was written to port 0x604 */
#define SVMVCPU_DOWN_RESET	1	/* port 0xcf9 was written */
#define SVMVCPU_DOWN_INIT	2	/* an INIT has arrived; with SVMVCPU_EXITS_INIT */

/**
 * struct svmvcpu_exit_down - SVMVCPU_EXIT_SYSTEM_DOWN
 * @kind: SVMVCPU_DOWN_*
 * @data: the value written; INIT: 0
 *
 * RIP is at the next instruction.
 */
struct svmvcpu_exit_down {
	__u32 kind;
	__u32 data;
};

/* svmvcpu_exit_exception.flags and svmvcpu_fault.flags */
#define SVMVCPU_EXC_ERROR_CODE	(1U << 0)	/* @error_code is valid */
#define SVMVCPU_EXC_ADDRESS	(1U << 1)	/* @address is valid: #PF, #DB */
#define SVMVCPU_EXC_INTERRUPT	(1U << 2)	/* svmvcpu_fault: an interrupt, an NMI or INT n */

/**
 * struct svmvcpu_exit_exception - SVMVCPU_EXIT_EXCEPTION
 * @vector: exception vector
 * @error_code: error code, with flag ERROR_CODE
 * @flags: SVMVCPU_EXC_*
 * @mbz: zero
 * @address: #PF: linear address, the value for CR2. #DB: the bits for DR6
 *
 * The next RUN executes the instruction again. With SVMVCPU_RUN_INJECT, it delivers
 * the exception to the guest instead.
 */
struct svmvcpu_exit_exception {
	__u32 vector;
	__u32 error_code;
	__u32 flags;
	__u32 mbz;
	__u64 address;
};

/**
 * struct svmvcpu_fault - an event whose delivery failed
 * @vector: vector
 * @mbz: zero
 * @flags: SVMVCPU_EXC_*
 * @error_code: error code, with flag ERROR_CODE
 * @address: with flag ADDRESS: #PF: CR2, #DB: DR6
 * @rip: RIP of the guest when the event occurred
 * @rsp: RSP of the guest when the event occurred
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
 * @nr: number of entries in @faults
 * @left_out: number of faults between the first and the second entry that are
 *	left out
 * @faults: the faults that led to the shutdown, oldest first. Each occurred during
 *	the delivery of the one before it
 *
 * With SVMVCPU_EXITS_FAULTS, the list is complete: if two faults became a #DF, the
 * #DF is an entry too. Without it, the list has the events that the module raised or
 * injected, and events whose delivery an exit interrupted. The run page has CR3.
 */
struct svmvcpu_exit_shutdown {
	__u32 nr;
	__u32 left_out;
	struct svmvcpu_fault faults[SVMVCPU_FAULTS_MAX];
};

#define SVMVCPU_BY_SIGNAL	(1U << 0)
#define SVMVCPU_BY_KICK		(1U << 1)
#define SVMVCPU_BY_DEADLINE	(1U << 2)
#define SVMVCPU_BY_COALESCED	(1U << 3)	/* the vCPU would sleep before it reports writes */
#define SVMVCPU_BY_STOP		(1U << 4)	/* svmvcpu_run_args.stop */

/**
 * struct svmvcpu_exit_interrupted - SVMVCPU_EXIT_INTERRUPTED
 * @by: one or more of SVMVCPU_BY_*
 * @mbz: zero
 */
struct svmvcpu_exit_interrupted {
	__u32 by;
	__u32 mbz;
};

/*
 * Consistency rules of VMRUN (APM volume 2, 15.5.1) and of this module, as
 * X(number, NAME, "how the state violates the rule").
 */
#define SVMVCPU_RULES(X)							\
	X(0,  UNKNOWN,		"a rule that this module does not check")	\
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
	X(16, EVENTINJ,		"the event to inject is not valid")	\
	X(17, NCR3_MBZ,		"nCR3 has reserved bits set")			\
	X(18, G_PAT,		"the guest PAT holds a reserved memory type")	\
	X(19, RIP_RANGE,	"RIP is beyond 32 bits outside 64-bit mode")	\
	X(20, RFLAGS_MBZ,	"RFLAGS has reserved bits set or bit 1 clear")	\
	X(21, LMA_MISMATCH,	"EFER.LMA differs from EFER.LME & CR0.PG")	\
	X(22, INTR_OPEN,	"V_INTR_MASKING is clear")

/*
 * enum svmvcpu_rule - consistency rule that the state of a vCPU violates
 */
enum svmvcpu_rule {
#define SVMVCPU_RULE_ENUM(nr, name, str) SVMVCPU_RULE_##name = nr,
	SVMVCPU_RULES(SVMVCPU_RULE_ENUM)
#undef SVMVCPU_RULE_ENUM
};

/**
 * struct svmvcpu_exit_fail - SVMVCPU_EXIT_FAIL_ENTRY
 * @code: raw EXITCODE if the CPU refused the state; 0 if the module found the
 *	violation and did not execute VMRUN
 * @rule: &enum svmvcpu_rule
 * @mbz: zero
 *
 * If @code is 0, the state of the vCPU has not changed: correct it with SET_STATE and
 * call RUN again. Otherwise the vCPU must be set up again.
 */
struct svmvcpu_exit_fail {
	__u64 code;
	__u32 rule;
	__u32 mbz;
};

/**
 * struct svmvcpu_exit_unknown - SVMVCPU_EXIT_UNKNOWN
 * @code: raw EXITCODE
 * @info1: raw EXITINFO1
 * @info2: raw EXITINFO2
 */
struct svmvcpu_exit_unknown {
	__u64 code;
	__u64 info1;
	__u64 info2;
};

/**
 * struct svmvcpu_exit_mmio - SVMVCPU_EXIT_MMIO
 * @gpa: guest-physical address; the access does not cross a page
 * @data: write: the value
 * @width: number of bytes: 1, 2, 4 or 8
 * @write: 1 for a write
 * @mbz: zero
 *
 * For a read, the next RUN uses &svmvcpu_run.answer, and extends and merges it as the
 * instruction requires. With SVMVCPU_RUN_RETRY, it executes the instruction again
 * instead, for example after the VMM has mapped memory at @gpa. REP MOVS and REP STOS
 * exit once per element.
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
 * @vector: vector of the interrupt for which the guest has written EOI
 * @mbz: zero
 *
 * The I/O APIC may now send the interrupt again. RIP is at the next instruction.
 */
struct svmvcpu_exit_eoi {
	__u32 vector;
	__u32 mbz;
};

/* svmvcpu_exit_ipi.flags */
#define SVMVCPU_IPI_LOGICAL	(1U << 0)	/* @dest is a logical destination */
#define SVMVCPU_IPI_ALL		(1U << 1)	/* to all local APICs; @dest has no meaning */
#define SVMVCPU_IPI_SELF	(1U << 2)	/* the sender is a destination, too */

/* svmvcpu_exit_ipi.mode: also SVMVCPU_MSG_INIT and _STARTUP */
#define SVMVCPU_MSG_SMI		2

/**
 * struct svmvcpu_exit_ipi - SVMVCPU_EXIT_IPI
 * @dest: APIC ID or logical destination; 8 bits wide from an xAPIC
 * @flags: SVMVCPU_IPI_*
 * @vector: STARTUP: page number of the entry point
 * @mode: SVMVCPU_MSG_INIT, _STARTUP or _SMI
 * @mbz: zero
 *
 * The kernel has not sent the message to any vCPU. RIP is at the next instruction.
 */
struct svmvcpu_exit_ipi {
	__u32 dest;
	__u32 flags;
	__u8  vector;
	__u8  mode;
	__u8  mbz[6];
};

/**
 * struct svmvcpu_exit_debug - SVMVCPU_EXIT_DEBUG
 * @cause: SVMVCPU_DEBUG_*: STEP, BREAKPOINTS or both; or INT3
 * @mbz: zero
 * @dr6: bits 0-3: breakpoints that were hit; bit 14: a step
 * @rip: linear address of the next instruction; INT3: of the INT3 itself
 *
 * STEP: the guest has completed an instruction, or an event has been delivered and its
 * handler is next. BREAKPOINTS: a breakpoint on code exits before the instruction, with
 * RFLAGS.RF set so that the next RUN passes it; a breakpoint on data exits after the
 * access. INT3: as for EXCEPTION, the next RUN executes the instruction again or, with
 * SVMVCPU_RUN_INJECT, delivers #BP to the guest.
 */
struct svmvcpu_exit_debug {
	__u32 cause;
	__u32 mbz;
	__u64 dr6;
	__u64 rip;
};

/**
 * struct svmvcpu_write - a coalesced write, in the list at &svmvcpu_run.coalesced_offset
 * @address: guest-physical address or port of the first byte
 * @data: the value
 * @width: number of bytes: 1, 2, 4 or, without @pio, 8
 * @pio: 1 if @address is a port
 * @mbz: zero
 */
struct svmvcpu_write {
	__u64 address;
	__u64 data;
	__u8  width;
	__u8  pio;
	__u8  mbz[6];
};

/* svmvcpu_run.in_flags */
#define SVMVCPU_RUN_SET_GPRS	(1U << 0)	/* load &svmvcpu_run.gprs first */
#define SVMVCPU_RUN_FAIL	(1U << 1)	/* MSR exits: raise #GP(0) */
#define SVMVCPU_RUN_INJECT	(1U << 2)	/* EXCEPTION, INT3: deliver the exception */
#define SVMVCPU_RUN_IRQ_WINDOW	(1U << 3)	/* exit when the guest can take an interrupt */
#define SVMVCPU_RUN_RETRY	(1U << 4)	/* MMIO: execute the instruction again */
#define SVMVCPU_RUN_SET_CR8	(1U << 5)	/* load &svmvcpu_run.cr8 first */

/*
 * svmvcpu_run.inject: VALID, the kind in bits 8-10 and the vector in bits 0-7. RUN
 * takes one event. An event that cannot be delivered at once waits in the kernel.
 */
#define SVMVCPU_INJECT_VECTOR	0xffU
#define SVMVCPU_INJECT_IRQ	(0U << 8)	/* waits for IF, the end of a shadow, and LINT0 */
#define SVMVCPU_INJECT_NMI	(2U << 8)	/* vector 2; waits for the end of an NMI handler */
#define SVMVCPU_INJECT_EXC	(3U << 8)	/* uses inject_error and inject_address */
#define SVMVCPU_INJECT_VALID	(1U << 31)

/* svmvcpu_run.events */
#define SVMVCPU_EV_IRQ_READY	(1U << 0)	/* the guest would take an interrupt at once */
#define SVMVCPU_EV_IRQ_WAITS	(1U << 1)	/* an injected interrupt waits */
#define SVMVCPU_EV_NMI_WAITS	(1U << 2)	/* an NMI waits */
#define SVMVCPU_EV_NMI_MASKED	(1U << 3)	/* the guest is in an NMI handler, until IRET */

/**
 * struct svmvcpu_run - the run page, the first page of a vCPU file's mapping
 * @in_flags: SVMVCPU_RUN_*; RUN reads and clears it. If RUN fails after that,
 *	IRQ_WINDOW stays set, unless that exit has been reported
 * @in_mbz: zero
 * @answer: the answer to the last exit: the value of an IN (the low @io.width
 *	bytes), an MMIO read or an RDMSR, or the return value of a hypercall
 * @deadline_ns: CLOCK_MONOTONIC time at which RUN returns INTERRUPTED; 0 for
 *	none
 * @inject: SVMVCPU_INJECT_*, or 0; RUN reads and clears it
 * @inject_error: EXC: error code if the vector has one; otherwise zero
 * @inject_address: EXC: #PF: value for CR2, #DB: bits to set in DR6; otherwise
 *	zero
 * @in_reserved: zero
 * @reason: &enum svmvcpu_exit_reason
 * @mode: &enum svmvcpu_cpu_mode
 * @cpl: current privilege level, 0-3
 * @events: SVMVCPU_EV_*
 * @cr8: CR8: the upper half of TPR if the vCPU has a local APIC. RUN loads it with
 *	SVMVCPU_RUN_SET_CR8, which uses the low four bits
 * @io_data_offset: offset of the data window in the mapping
 * @coalesced: number of coalesced writes since the exit before this one
 * @coalesced_offset: offset of the list of coalesced writes in the mapping: @coalesced
 *	elements of &struct svmvcpu_write. They precede this exit, and are in program order
 * @exits: number of exits since the vCPU was created, including those that the
 *	kernel handled itself
 * @exit_bytes: reserves space for future exits
 * @gprs: general registers at the exit. RUN loads them with SVMVCPU_RUN_SET_GPRS
 * @cr0: CR0 as the guest sees it
 * @cr2: CR2
 * @cr3: CR3
 * @cr4: CR4 as the guest sees it
 * @efer: EFER as the guest sees it
 *
 * The VMM writes the first 64 bytes, and the kernel writes the rest. The kernel never
 * reads the rest back, except for @gprs with SVMVCPU_RUN_SET_GPRS and @cr8 with
 * SVMVCPU_RUN_SET_CR8. If a reserved field in the first 64 bytes is not zero, RUN fails with
 * EINVAL.
 *
 * The next RUN takes the answer to an exit, once, even if that RUN returns at once.
 * SETUP, SET_STATE of GPRS, and SVMVCPU_RUN_SET_GPRS with another @gprs.rip cancel the
 * pending answer: the guest then executes the instruction again when it reaches it
 * again. If @in_flags has a flag that does not fit the last exit, RUN fails with
 * EINVAL.
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
	__u8  cr8;
	__u32 io_data_offset;
	__u16 coalesced;
	__u16 coalesced_offset;
	__u64 exits;
	union {
		/** @io: SVMVCPU_EXIT_IO */
		struct svmvcpu_exit_io io;
		/** @memory: SVMVCPU_EXIT_MEMORY_FAULT */
		struct svmvcpu_exit_memory memory;
		/** @hypercall: SVMVCPU_EXIT_HYPERCALL */
		struct svmvcpu_exit_hypercall hypercall;
		/** @msr: SVMVCPU_EXIT_MSR_READ, SVMVCPU_EXIT_MSR_WRITE */
		struct svmvcpu_exit_msr msr;
		/** @down: SVMVCPU_EXIT_SYSTEM_DOWN */
		struct svmvcpu_exit_down down;
		/** @exception: SVMVCPU_EXIT_EXCEPTION */
		struct svmvcpu_exit_exception exception;
		/** @shutdown: SVMVCPU_EXIT_SHUTDOWN */
		struct svmvcpu_exit_shutdown shutdown;
		/** @interrupted: SVMVCPU_EXIT_INTERRUPTED */
		struct svmvcpu_exit_interrupted interrupted;
		/** @fail: SVMVCPU_EXIT_FAIL_ENTRY */
		struct svmvcpu_exit_fail fail;
		/** @unknown: SVMVCPU_EXIT_UNKNOWN */
		struct svmvcpu_exit_unknown unknown;
		/** @mmio: SVMVCPU_EXIT_MMIO */
		struct svmvcpu_exit_mmio mmio;
		/** @eoi: SVMVCPU_EXIT_IOAPIC_EOI */
		struct svmvcpu_exit_eoi eoi;
		/** @debug: SVMVCPU_EXIT_DEBUG */
		struct svmvcpu_exit_debug debug;
		/** @ipi: SVMVCPU_EXIT_IPI */
		struct svmvcpu_exit_ipi ipi;
		__u8 exit_bytes[168];
	};
	struct svmvcpu_gprs gprs;
	__u64 cr0, cr2, cr3, cr4, efer;
};

#endif /* _UAPI_LINUX_SVMVCPU_H */
