// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a debugger in the VMM asks of a vCPU: where a linear address lies.
 *
 * Called by vcpu.c. Nothing here is seen by the guest.
 */
#include <linux/kernel.h>
#include <linux/svmvcpu.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "debug.h"
#include "guest.h"
#include "gva.h"
#include "uaccess.h"
#include "vcpu.h"

static bool access_valid(u32 access)
{
	const u32 rights = SVMVCPU_ACCESS_USER | SVMVCPU_ACCESS_SUPERVISOR;
	const u32 kinds = SVMVCPU_ACCESS_WRITE | SVMVCPU_ACCESS_FETCH;

	return !(access & ~(rights | kinds | SVMVCPU_ACCESS_MARK)) &&
	       (access & rights) != rights && (access & kinds) != kinds;
}

static bool canonical(const struct vcpu *vcpu, u64 linear)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	unsigned int shift = save->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return !(save->efer & EFER_LMA) || (u64)((s64)(linear << shift) >> shift) == linear;
}

static int translate(struct vcpu *vcpu, struct svmvcpu_translation *t)
{
	unsigned int access = 0;
	u8 cpl = vcpu->vmcb->save.cpl;
	struct gva_fault fault;
	int ret;

	if (t->access & SVMVCPU_ACCESS_WRITE)
		access |= GVA_WRITE;
	if (t->access & SVMVCPU_ACCESS_FETCH)
		access |= GVA_FETCH;
	if (t->access & SVMVCPU_ACCESS_USER)
		cpl = 3;
	if (t->access & SVMVCPU_ACCESS_SUPERVISOR)
		cpl = 0;
	ret = guest_walk(vcpu, t->linear, access, cpl, t->access & SVMVCPU_ACCESS_MARK, &t->gpa,
			 &fault);
	switch (ret) {
	case GVA_FAULT:
		t->result = SVMVCPU_TRANSLATE_PAGE_FAULT;
		t->error_code = fault.error_code;
		return 0;
	case -ENXIO:
	case -EFAULT:
		t->result = SVMVCPU_TRANSLATE_NO_TABLE;
		t->gpa = fault.table_gpa;
		return 0;
	case -EBUSY:
		return -EAGAIN;
	}
	return ret;
}

/**
 * debug_translate() - SVMVCPU_TRANSLATE
 * @vcpu: its mutex held
 * @arg: of the ioctl
 *
 * Return: 0; -EINVAL; -EFAULT; -EAGAIN when the page tables would not keep still.
 */
int debug_translate(struct vcpu *vcpu, void __user *arg)
{
	struct svmvcpu_translation t;
	int ret;

	ret = svmvcpu_copy_arg(&t, sizeof(t), sizeof(t), arg);
	if (ret)
		return ret;
	if (t.mbz || !access_valid(t.access))
		return -EINVAL;
	t.result = SVMVCPU_TRANSLATE_DONE;
	t.gpa = 0;
	t.error_code = 0;
	if (!canonical(vcpu, t.linear))
		t.result = SVMVCPU_TRANSLATE_NOT_CANONICAL;
	else
		ret = translate(vcpu, &t);
	if (ret)
		return ret;
	return copy_to_user(arg, &t, sizeof(t)) ? -EFAULT : 0;
}
