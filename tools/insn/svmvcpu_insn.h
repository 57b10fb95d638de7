/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-insn: executes a guest instruction that accesses memory that is not RAM
 * and that the kernel does not decode. VMMs call it after SVMVCPU_EXIT_MEMORY_FAULT.
 * It is separate from libsvmvcpu because it needs Zydis: link with -lsvmvcpu-insn
 * -lsvmvcpu -lZydis.
 *
 * It executes these instructions if they have an operand in memory, with every operand
 * size, address size and prefix, in all modes:
 *
 *	mov, movzx, movsx, movsxd, movnti, xchg, cmov, set, add, adc, sub, sbb, and,
 *	or, xor, cmp, test, inc, dec, not, neg, mul, imul, shl, shr, sar, rol, ror,
 *	rcl, rcr, shld, shrd, bt, bts, btr, btc, bsf, bsr, cmpxchg, cmpxchg8b,
 *	cmpxchg16b, xadd;
 *	movs, stos, lods, cmps, scas, ins, outs;
 *	push, pushf, pop, leave, near call, ret and jmp;
 *	smsw, sldt, str, lldt, ltr, and mov from a segment register;
 *	movd, movq, movss, movsd, movdqu, movdqa, movups, movupd, movaps, movapd,
 *	lddqu, movntdq, movntdqa, movntps, movntpd of SSE registers.
 *
 * For all others it returns -ENOTSUP; svmvcpu_last_error() returns the reason.
 *
 * NEITHER A SNAPSHOT NOR THE DIRTY LOG SEES WHAT THE LIBRARY WRITES TO RAM, because it
 * writes through the VMM's own mapping. It writes operands in RAM, accessed and dirty
 * bits in the guest's page tables, and the busy bit of a TSS. If there is a snapshot,
 * call SVMVCPU_PRESERVE before the emulation for each page that the library may write;
 * otherwise RESTORE does not restore these pages. To learn which pages the operands write,
 * let @guest contain only the page tables and the GDT: all other accesses then go to @read
 * and @write. If there is a dirty log, count the pages as dirty that @wrote names.
 */
#ifndef SVMVCPU_INSN_LIB_H
#define SVMVCPU_INSN_LIB_H

#include "svmvcpu_lib.h"

/* svmvcpu_emulate(): the instruction faults, see svmvcpu_emul.fault */
#define SVMVCPU_EMUL_FAULT	1

/* maximum number of elements of a repeated instruction per call, by default */
#define SVMVCPU_EMUL_ELEMENTS	1024

/**
 * struct svmvcpu_emul_fault - an exception that the guest must take
 * @address: #PF: value for CR2
 * @error_code: error code: a selector for LLDT and LTR, otherwise 0 unless #PF
 * @vector: 11 (#NP), 12 (#SS), 13 (#GP) or 14 (#PF)
 */
struct svmvcpu_emul_fault {
	__u64 address;
	__u32 error_code;
	__u32 vector;
};

/**
 * struct svmvcpu_emul - an instruction to execute, and the state that it needs
 * @insn: instruction bytes, a private copy
 * @insn_len: number of bytes; bytes after the instruction are ignored
 * @max_elements: maximum number of elements in this call, 0 for
 *	SVMVCPU_EMUL_ELEMENTS
 * @gpa: the address that faulted. Accesses to its page go to @read and @write even
 *	if it is part of @guest (ROM, write-protected)
 * @gprs: in and out; on success RIP is after the instruction, unless elements
 *	remain: then the guest executes the instruction again
 * @segments: as GET_STATE returned them; LLDT and LTR change LDTR and TR
 * @control: CR0, CR3, CR4 and EFER are used
 * @guest: RAM, which may change at any time. Snapshots and the dirty log do not see
 *	the library's writes, see the top of this file
 * @phys_bits: width of the host's physical addresses; 0 for 52
 * @pkru: the guest's PKRU, 0 while CR4.PKE is clear
 * @features: features of GET_INFO; 0 for a host that is not virtual
 * @read: read @len bytes (1 to 8) at @gpa, which is not RAM; returns 0 or -errno
 * @write: likewise, write
 * @in: INS: read from a port; NULL refuses the instruction
 * @out: OUTS: write to a port; NULL refuses the instruction
 * @wrote: called after each write to RAM, which does not cross a page; may be NULL
 * @opaque: passed to all callbacks
 * @xstate: in and out: XSAVE image with the SSE registers, in the standard format;
 *	NULL refuses instructions that use them
 * @xstate_size: svmvcpu_vcpu_emulate(): xstate_size of GET_INFO; 0 refuses these
 *	instructions, too
 * @fault: out: the exception, after SVMVCPU_EMUL_FAULT
 * @trap: out: RFLAGS.TF was set and the call made progress: the guest must take a
 *	#DB with DR6.BS
 * @exit: out: svmvcpu_vcpu_emulate(): an access to the local APIC caused this exit,
 *	which the run page describes; 0 for none
 *
 * Each access is one call of @read or @write, unless it crosses a page boundary or is
 * wider than 8 bytes.
 */
struct svmvcpu_emul {
	const __u8 *insn;
	unsigned int insn_len;
	unsigned int max_elements;
	__u64 gpa;
	struct svmvcpu_gprs *gprs;
	struct svmvcpu_segments *segments;
	const struct svmvcpu_control *control;
	const struct svmvcpu_guest *guest;
	unsigned int phys_bits;
	__u32 pkru;
	__u64 features;
	int (*read)(void *opaque, __u64 gpa, void *buf, size_t len);
	int (*write)(void *opaque, __u64 gpa, const void *buf, size_t len);
	int (*in)(void *opaque, __u16 port, unsigned int width, __u32 *value);
	int (*out)(void *opaque, __u16 port, unsigned int width, __u32 value);
	void (*wrote)(void *opaque, __u64 gpa, size_t len);
	void *opaque;
	void *xstate;
	__u32 xstate_size;
	struct svmvcpu_emul_fault fault;
	bool trap;
	__u32 exit;
};

/**
 * svmvcpu_emulate() - execute one instruction
 * @emul: the instruction and the state
 *
 * Segment limits and types, the guest's page tables with permissions, accessed
 * and dirty bits, sign and zero extension and the defined flags work as on the
 * processor. All memory operands are translated, those that will be written for
 * writing, before anything is read, so a fault has no effect on a device. There are
 * no alignment checks (#AC), no data breakpoints, and no atomicity with respect to
 * other vCPUs: the caller must serialize accesses to one device.
 *
 * Flags that the manual leaves undefined: and, or, xor, test and shifts clear AF; bt,
 * bts, btr and btc change only CF; bsf and bsr change only ZF; multiplications change
 * only CF and OF. bsf and bsr of 0 do not change the destination, as on AMD CPUs.
 *
 * Another vCPU may have replaced the instruction since the processor checked it, so
 * privilege is checked again: LLDT and LTR outside CPL 0 raise #GP(0), and so do SMSW,
 * SLDT and STR outside CPL 0 with CR4.UMIP. INS and OUTS above IOPL and in virtual-8086
 * mode, PUSHF in virtual-8086 mode, and LLDT, LTR, SLDT and STR outside protected mode
 * are refused.
 *
 * Return: 0; SVMVCPU_EMUL_FAULT; -ENOTSUP for an instruction that is not in the list
 * above, is refused, has no memory operand or is incomplete; -EBUSY if the guest
 * kept changing its page tables, or if no operand of the instruction is on the page
 * of @emul->gpa (any more): nothing has been accessed, run the guest again; -EFAULT
 * for page tables outside RAM; or the result of @read or @write. If the result is not
 * 0, RIP is at the instruction and the other registers are as before it, or as before
 * the element that failed.
 */
int svmvcpu_emulate(struct svmvcpu_emul *emul);

/**
 * svmvcpu_vcpu_emulate() - execute the instruction of a MEMORY_FAULT exit
 * @vcpu: the vCPU, after this exit
 * @emul: the caller sets @guest, @phys_bits, @pkru, @features, @max_elements,
 *	@read, @write, @in, @out, @wrote, @opaque and @xstate_size; the function sets
 *	the rest
 *
 * The instruction and the registers come from the run page, the segments from
 * GET_STATE. The new registers are stored on the run page for the next RUN, with
 * SVMVCPU_RUN_SET_GPRS set. An interrupt shadow ends with the instruction.
 *
 * The register page of the vCPU's local APIC is accessed with APIC_ACCESS, not with
 * @read and @write. If @emul->exit is set afterwards, whatever the result, the run page
 * describes that exit, which must be handled before the next RUN. A repeated string
 * instruction stops there.
 *
 * Do not call this for an INS whose data the caller has already provided, and for which
 * there was no memory then: RUN stores the data when there is memory.
 *
 * After SVMVCPU_EMUL_FAULT the caller injects @emul->fault, and after 0 with
 * @emul->trap a #DB: both with SVMVCPU_INJECT_EXC, before the next RUN.
 *
 * Return: as svmvcpu_emulate(); also -ENOTSUP for an exit that is not a data
 * access of a guest instruction (for example, one by the delivery of an event), and the
 * errors of GET_STATE and SET_STATE. If SET_STATE fails, all registers are as before
 * the instruction, but its accesses have been made, and @emul->exit may be set: the
 * guest would repeat them.
 */
int svmvcpu_vcpu_emulate(struct svmvcpu_vcpu *vcpu, struct svmvcpu_emul *emul);

#endif /* SVMVCPU_INSN_LIB_H */
