/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-insn: finishes instructions that the kernel leaves to the VMM.
 *
 * Owns the execution of one guest instruction that touched memory which is not
 * RAM. VMMs call it on SVMVCPU_EXIT_MEMORY_FAULT. A library apart from
 * libsvmvcpu because it needs Zydis: link with -lsvmvcpu-insn -lsvmvcpu -lZydis.
 *
 * Executed, where they have an operand in memory, with every operand size, address
 * size and prefix, in all modes:
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
 * Everything else is -ENOTSUP, with the reason in svmvcpu_last_error().
 *
 * NEITHER SNAPSHOT NOR DIRTY LOG SEES WHAT THE LIBRARY WRITES TO RAM: it writes through
 * the VMM's own mapping. That is an operand in RAM, accessed and dirty bits in the
 * guest's page tables, and the busy bit of a TSS. A VMM that has a snapshot names the
 * pages where that can happen with SVMVCPU_PRESERVE before the call, or RESTORE leaves
 * them as they are; one that collects dirty pages counts them as dirty itself. Which
 * pages operands write it learns when @guest holds the page tables and the GDT only:
 * then all other addresses come to @read and @write.
 */
#ifndef SVMVCPU_INSN_LIB_H
#define SVMVCPU_INSN_LIB_H

#include "svmvcpu_lib.h"

/* svmvcpu_emulate(): the instruction faults, see svmvcpu_emul.fault */
#define SVMVCPU_EMUL_FAULT	1

/* most elements of a repeated instruction per call, unless the caller says */
#define SVMVCPU_EMUL_ELEMENTS	1024

/**
 * struct svmvcpu_emul_fault - an exception the guest has to take
 * @address: #PF: what goes to CR2
 * @error_code: goes on the stack; a selector from LLDT and LTR, else 0 unless #PF
 * @vector: 11 (#NP), 12 (#SS), 13 (#GP) or 14 (#PF)
 */
struct svmvcpu_emul_fault {
	__u64 address;
	__u32 error_code;
	__u32 vector;
};

/**
 * struct svmvcpu_emul - an instruction to finish, and the machine around it
 * @insn: its bytes, a private copy
 * @insn_len: how many are known; those after the instruction do not count
 * @max_elements: elements to do in this call, 0 for SVMVCPU_EMUL_ELEMENTS
 * @gpa: the address that faulted. Its page goes to @read and @write even if it
 *	is part of @guest (ROM, write-protected)
 * @gprs: in and out; on success RIP is behind the instruction, unless elements
 *	remain: then the guest comes back by itself
 * @segments: as GET_STATE returned them; LLDT and LTR change LDTR and TR
 * @control: CR0, CR3, CR4 and EFER count
 * @guest: RAM, which the caller may write at any time; the library's writes are
 *	unknown to snapshot and dirty log, see the top of this file
 * @phys_bits: width of the host's physical addresses; 0 for 52
 * @pkru: the guest's PKRU, 0 while CR4.PKE is clear
 * @features: features of GET_INFO; 0 for a host that is not virtual
 * @read: read @len bytes (1 to 8) at @gpa from what is not RAM; 0 or -errno
 * @write: the same, writing
 * @in: INS: read from a port; NULL refuses the instruction
 * @out: OUTS: write to a port; NULL refuses the instruction
 * @opaque: passed to all four
 * @xstate: in and out: XSAVE image with the SSE registers, in the standard layout;
 *	NULL refuses instructions that use them
 * @xstate_size: svmvcpu_vcpu_emulate(): xstate_size of GET_INFO; 0 refuses them, too
 * @fault: out: after SVMVCPU_EMUL_FAULT
 * @trap: out: RFLAGS.TF was set and the call made progress: #DB with DR6.BS is due
 * @exit: out: svmvcpu_vcpu_emulate(): an access to the local APIC ended in this
 *	exit, which the run page describes; 0 for none
 *
 * An access is one call of @read or @write, unless it crosses a page boundary or is
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
	void *opaque;
	void *xstate;
	__u32 xstate_size;
	struct svmvcpu_emul_fault fault;
	bool trap;
	__u32 exit;
};

/**
 * svmvcpu_emulate() - execute one instruction
 * @emul: see there
 *
 * Segment limits and types, the guest's page tables with permissions, accessed
 * and dirty bits, sign and zero extension and the defined flags are as the
 * processor has them. Memory operands are translated, for writing where they
 * will be written, before anything is read, so a fault has no effect on a
 * device. Not done: alignment checks (#AC), data breakpoints, and atomicity
 * towards other vCPUs: serialize accesses to one device.
 *
 * Flags that the manual leaves undefined: AF after and, or, xor, test and shifts is
 * cleared; bt and its kin change CF only, bsf and bsr ZF only, products CF and OF
 * only. bsf and bsr of 0 leave the destination alone, as AMD's do.
 *
 * Another vCPU may have replaced the instruction since the processor checked it, so
 * privilege is checked again: LLDT and LTR outside CPL 0, and SMSW, SLDT and STR there
 * with CR4.UMIP, are #GP(0). Refused are INS and OUTS above IOPL and in virtual-8086
 * mode, PUSHF there, and LLDT, LTR, SLDT and STR outside protected mode.
 *
 * Return: 0; SVMVCPU_EMUL_FAULT; -ENOTSUP for an instruction that is not among
 * those above, is refused, has no memory operand or is cut off; -EBUSY when the guest
 * kept changing its page tables, or when no operand of the instruction is on the page
 * of @emul->gpa (any more): nothing has been accessed, run the guest again; -EFAULT
 * for page tables outside RAM; or what @read and @write returned. Unless it is 0, RIP
 * is at the instruction and the other registers are as before it, or before the
 * element that failed.
 */
int svmvcpu_emulate(struct svmvcpu_emul *emul);

/**
 * svmvcpu_vcpu_emulate() - finish the instruction of a MEMORY_FAULT exit
 * @vcpu: the vCPU, stopped there
 * @emul: what concerns memory: @guest, @phys_bits, @pkru, @features, @max_elements,
 *	@read, @write, @in, @out, @opaque and @xstate_size; the rest is filled in
 *
 * Takes instruction and registers from the run page, the segments from
 * GET_STATE, and leaves the registers on the run page for the next RUN, with
 * SVMVCPU_RUN_SET_GPRS set. An interrupt shadow ends with the instruction.
 *
 * Accesses to the register page of the vCPU's local APIC are made by APIC_ACCESS,
 * not by @read and @write. If @emul->exit is set afterwards, whatever the call
 * returned, the run page has that exit to be handled before the next RUN. A repeated
 * string instruction stops there.
 *
 * An INS whose data the caller has provided already, and which then found no memory,
 * must not be finished by this: RUN stores the data when there is memory.
 *
 * After SVMVCPU_EMUL_FAULT the caller injects @emul->fault, after 0 with
 * @emul->trap a #DB: both with SVMVCPU_INJECT_EXC, before the next RUN.
 *
 * Return: as svmvcpu_emulate(); also -ENOTSUP for an exit that is not a data
 * access by a guest instruction but, say, by the delivery of an event, and the
 * errors of GET_STATE and SET_STATE. If SET_STATE fails, all registers are as before
 * the instruction, but its accesses have been made, and @emul->exit may be set: the
 * guest would repeat them.
 */
int svmvcpu_vcpu_emulate(struct svmvcpu_vcpu *vcpu, struct svmvcpu_emul *emul);

#endif /* SVMVCPU_INSN_LIB_H */
