/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's view of memory and of its own instruction stream: fetch,
 * translate, copy, step over. Steps as exit.h describes them: EXIT_CONTINUE, or
 * what the handler has to return.
 */
#ifndef SVMVCPU_GUEST_H
#define SVMVCPU_GUEST_H

#include <linux/types.h>
#include <asm/processor-flags.h>

#include "insn/operand.h"
#include "svm/cpu.h"
#include "vcpu/vcpu.h"

struct gva_fault;

/* access of guest_translate() and guest_copy() */
#define GUEST_WRITE	BIT(0)
#define GUEST_FETCH	BIT(1)

void guest_env(const struct vcpu *vcpu, struct linear_env *env);
enum exit_result guest_translate(struct vcpu *vcpu, u64 linear, unsigned int access,
				 bool atomic, u64 *gpa);
enum exit_result guest_copy(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			    unsigned int access, bool atomic);
enum exit_result guest_probe_write(struct vcpu *vcpu, u64 linear, unsigned int len,
				   bool *memory);
int guest_walk(struct vcpu *vcpu, u64 linear, unsigned int access, u8 cpl, bool mark,
	       u64 *gpa, struct gva_fault *fault);
unsigned int guest_peek_code(struct vcpu *vcpu, u8 *buf, unsigned int want);
unsigned int guest_peek_insn(struct vcpu *vcpu, u8 *buf);
u64 guest_linear_rip(const struct vcpu *vcpu);
enum exit_result guest_clear_pushed(struct vcpu *vcpu, u16 bits, bool atomic);

enum exit_result guest_decode(struct vcpu *vcpu, struct ginsn *insn, bool atomic);
bool guest_retry(struct vcpu *vcpu);
enum exit_result guest_mismatch(struct vcpu *vcpu);
enum exit_result guest_decode_as(struct vcpu *vcpu, struct ginsn *insn, u64 classes,
				 bool atomic);
void guest_trap(struct vcpu *vcpu);
enum exit_result guest_decode_next_rip(struct vcpu *vcpu, u64 classes, bool atomic);

/**
 * guest_repeat() - an element of a repeated instruction is done, others follow
 * @vcpu: .
 *
 * RIP stays. TF traps behind each element, so callers do one at a time then.
 */
static inline void guest_repeat(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;

	vmcb->control.int_state &= ~INT_SHADOW;
	if (unlikely(vcpu->debug.flags || (vmcb->save.rflags & X86_EFLAGS_TF)))
		guest_trap(vcpu);
}

/**
 * guest_skip_to() - the instruction at RIP is done
 * @vcpu: .
 * @next_rip: where the guest goes on
 *
 * The one place where RIP moves over an instruction: the interrupt shadow
 * before it and RF end with it, and TF traps behind it.
 */
static inline void guest_skip_to(struct vcpu *vcpu, u64 next_rip)
{
	struct vmcb *vmcb = vcpu->vmcb;

	vmcb->save.rip = next_rip;
	vmcb->save.rflags &= ~(u64)X86_EFLAGS_RF;
	guest_repeat(vcpu);
}

/**
 * guest_next_rip() - where the intercepted instruction ends
 * @vcpu: .
 * @classes: BIT_ULL(INSN_*) of those the exit stands for
 * @atomic: see exit.h
 *
 * Return: as guest_decode_as(); with EXIT_CONTINUE it is in vcpu->next_rip.
 */
static inline enum exit_result guest_next_rip(struct vcpu *vcpu, u64 classes, bool atomic)
{
	u64 saved = vcpu->vmcb->control.next_rip;

	if (svm_has(SVMVCPU_FEAT_NRIP) && saved) {
		/* Not every CPU cuts what it saves where EIP wraps. */
		vcpu->next_rip = ginsn_next_rip(vcpu_mode(vcpu), saved, 0);
		return EXIT_CONTINUE;
	}
	return guest_decode_next_rip(vcpu, classes, atomic);
}

/**
 * guest_step() - step over the intercepted instruction
 * @vcpu: .
 * @classes: BIT_ULL(INSN_*) of those the exit stands for
 * @atomic: see exit.h
 *
 * Return: as guest_decode_as().
 */
static inline enum exit_result guest_step(struct vcpu *vcpu, u64 classes, bool atomic)
{
	enum exit_result ret = guest_next_rip(vcpu, classes, atomic);

	if (!ret)
		guest_skip_to(vcpu, vcpu->next_rip);
	return ret;
}

#endif /* SVMVCPU_GUEST_H */
