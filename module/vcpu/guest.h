/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to the guest's memory by linear address, and to the instruction at CS:RIP:
 * fetch, decode, step over. The functions expect vcpu.mutex held. @atomic is that of an
 * exit handler, see exit.h.
 *
 * Functions that return enum exit_result are steps of an exit handler: EXIT_CONTINUE, or
 * the result that the handler must return. This is EXIT_RESUME after an exception was
 * raised, EXIT_USER if guest memory is missing, EXIT_SLEEP if @atomic and a page is not
 * resident, or EXIT_ERROR.
 */
#ifndef SVMVCPU_GUEST_H
#define SVMVCPU_GUEST_H

#include <linux/types.h>
#include <asm/processor-flags.h>

#include "insn/gva.h"
#include "insn/operand.h"
#include "svm/cpu.h"
#include "vcpu/vcpu.h"

int guest_linear(const struct vcpu *vcpu, const struct ginsn *insn,
		 const struct ginsn_mem *mem, unsigned int bytes, bool write, u64 *linear);
enum exit_result guest_copy(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			    unsigned int access, bool atomic);
enum exit_result guest_memory_exit(struct vcpu *vcpu, int err, u64 gpa, u64 linear, u32 flags);
int guest_walk(struct vcpu *vcpu, u64 linear, unsigned int access, u8 cpl, bool mark,
	       u64 *gpa, struct gva_fault *fault);
unsigned int guest_peek_code(struct vcpu *vcpu, u8 *buf, unsigned int want);
enum exit_result guest_clear_pushed_tf(struct vcpu *vcpu, bool atomic);

enum exit_result guest_decode(struct vcpu *vcpu, struct ginsn *insn, bool atomic);
enum exit_result guest_decode_as(struct vcpu *vcpu, struct ginsn *insn, u64 classes,
				 bool atomic);
enum exit_result guest_fetch_next_rip(struct vcpu *vcpu, u64 classes, bool atomic);
enum exit_result guest_unknown_exit(struct vcpu *vcpu);
enum exit_result guest_mismatch(struct vcpu *vcpu);
void guest_trap(struct vcpu *vcpu);

/* Raise an exception with error code @error, or NO_ERROR. */
static inline enum exit_result guest_raise(struct vcpu *vcpu, unsigned int vector, s64 error)
{
	event_raise(vcpu, event_exception(vector, error));
	return EXIT_RESUME;
}

/* guest_linear() as a step: raises the fault. */
static inline enum exit_result guest_operand(struct vcpu *vcpu, const struct ginsn *insn,
					     const struct ginsn_mem *mem, unsigned int bytes,
					     bool write, u64 *linear)
{
	int vector = guest_linear(vcpu, insn, mem, bytes, write, linear);

	return likely(!vector) ? EXIT_CONTINUE : guest_raise(vcpu, vector, 0);
}

/* CS:RIP as a linear address */
static inline u64 guest_linear_rip(const struct vcpu *vcpu)
{
	u64 rip = vcpu_rip(vcpu);

	return vcpu_mode(vcpu) == GUEST_LONG64 ? rip : (u32)(vcpu->vmcb->save.cs.base + rip);
}

/* RIP after the decoded instruction at RIP */
static inline u64 guest_rip_after(const struct vcpu *vcpu, const struct ginsn *insn)
{
	return ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn->len);
}

/*
 * An instruction has been completed, or an element of a repeated one, whose callers complete
 * one element at a time if TF is set. Ends the interrupt shadow, and traps.
 */
static inline void guest_repeat(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;

	vmcb->control.int_state &= ~INT_SHADOW;
	if (unlikely(vcpu->debug.flags || (vmcb->save.rflags & X86_EFLAGS_TF)))
		guest_trap(vcpu);
}

/* Complete the instruction at RIP. Nothing else moves RIP over an instruction. */
static inline void guest_skip_to(struct vcpu *vcpu, u64 next_rip)
{
	struct vmcb *vmcb = vcpu->vmcb;

	vmcb->save.rip = next_rip;
	vmcb->save.rflags &= ~(u64)X86_EFLAGS_RF;
	guest_repeat(vcpu);
}

/*
 * Set vcpu.next_rip to RIP after the intercepted instruction, which must be one of
 * @classes.
 */
static inline enum exit_result guest_next_rip(struct vcpu *vcpu, u64 classes, bool atomic)
{
	u64 saved = vcpu->vmcb->control.next_rip;

	if (!svm_has(SVMVCPU_FEAT_NRIP) || !saved)
		return guest_fetch_next_rip(vcpu, classes, atomic);
	/* Some CPUs do not truncate it where EIP wraps. */
	vcpu->next_rip = ginsn_next_rip(vcpu_mode(vcpu), saved, 0);
	return EXIT_CONTINUE;
}

/* Step over the intercepted instruction, which must be one of @classes (BIT_ULL(INSN_*)). */
static inline enum exit_result guest_step(struct vcpu *vcpu, u64 classes, bool atomic)
{
	enum exit_result ret = guest_next_rip(vcpu, classes, atomic);

	if (!ret)
		guest_skip_to(vcpu, vcpu->next_rip);
	return ret;
}

#endif /* SVMVCPU_GUEST_H */
