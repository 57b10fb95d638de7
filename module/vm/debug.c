// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a debugger in the VMM asks of a vCPU: steps and breakpoints, and where a
 * linear address lies.
 *
 * Called by vcpu.c. Nothing here is seen by the guest.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "insn/gva.h"
#include "uaccess.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vm/debug.h"

/* DR7: enables, R/W and LEN; neither GD nor anything that is not of DR7 */
#define DR7_VALID	0xffff07ffULL
#define DR7_FIXED	0x00000400ULL
#define DR7_RW(dr7, i)	((dr7) >> (16 + 4 * (i)) & 3)
#define DR7_LEN(dr7, i)	((dr7) >> (18 + 4 * (i)) & 3)
#define DR7_RW_PORT	2

static bool breakpoints_valid(const struct svmvcpu_set_debug *set)
{
	unsigned int i;

	if (!(set->flags & SVMVCPU_DEBUG_BREAKPOINTS))
		return !set->dr7 && !memchr_inv(set->db, 0, sizeof(set->db));
	if (set->dr7 & ~DR7_VALID)
		return false;
	/* On ports only as the guest's CR4.DE has it: that is no choice of the VMM's. */
	for (i = 0; i < ARRAY_SIZE(set->db); i++)
		if (DR7_RW(set->dr7, i) == DR7_RW_PORT ||
		    (!DR7_RW(set->dr7, i) && DR7_LEN(set->dr7, i)))
			return false;
	return true;
}

/**
 * debug_set() - SVMVCPU_SET_DEBUG
 * @vcpu: its mutex held
 * @arg: of the ioctl
 *
 * Return: 0; -EINVAL; -EFAULT.
 */
int debug_set(struct vcpu *vcpu, const void __user *arg)
{
	const u32 known = SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_BREAKPOINTS | SVMVCPU_DEBUG_INT3;
	struct svmvcpu_set_debug set;
	int ret;

	ret = svmvcpu_copy_arg_flags(&set, sizeof(set), sizeof(set), known, arg);
	if (ret)
		return ret;
	if (!breakpoints_valid(&set))
		return -EINVAL;
	vcpu->debug.flags = set.flags;
	memcpy(vcpu->debug.db, set.db, sizeof(set.db));
	vcpu->debug.dr7 = set.dr7 | DR7_FIXED;
	/* What was asked for no longer is not told any more. */
	if (!(set.flags & SVMVCPU_DEBUG_STEP))
		vcpu->debug.hit &= ~(u32)DR_STEP;
	if (!(set.flags & SVMVCPU_DEBUG_BREAKPOINTS))
		vcpu->debug.hit &= DR_STEP;
	return 0;
}

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
	case -EDQUOT:
		return -ENOSPC;
	}
	return ret;
}

/**
 * debug_translate() - SVMVCPU_TRANSLATE
 * @vcpu: its mutex held
 * @arg: of the ioctl
 *
 * Return: 0; -EINVAL; -EFAULT; -EAGAIN when the page tables would not keep still;
 * with MARK and a snapshot, -ENOSPC when that must not grow, and -ENOMEM.
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
