// SPDX-License-Identifier: GPL-2.0-only
/* Control and debug registers: MOV CR, LMSW, SMSW, CLTS, MOV DR, XSETBV. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "exits/exit.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/xstate.h"

#define CR0_KNOWN	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS |	\
			 X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |	\
			 X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define CR0_LMSW	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)
/* Changes of these bits require a TLB flush. */
#define CR0_TLB		(X86_CR0_PG | X86_CR0_WP | X86_CR0_CD | X86_CR0_NW)

static bool cr0_legal(const struct vcpu *vcpu, u64 cr0)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	bool code64 = save->cs.attrib & SEG_L;
	u64 old = save->cr0;

	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return false;
	if (!((cr0 ^ old) & X86_CR0_PG))
		return true;
	if (cr0 & X86_CR0_PG)
		return !(guest_efer(vcpu) & EFER_LME) ||
		       ((save->cr4 & X86_CR4_PAE) && !code64);
	return !(save->efer & EFER_LMA) || !code64;
}

/* Returns false if the value raises #GP(0). */
static bool set_cr0(struct vcpu *vcpu, u64 cr0)
{
	u64 old = guest_cr0(vcpu), efer;
	bool flush = vcpu->want_flush;

	if (!cr0_legal(vcpu, cr0))
		return false;
	cr0 = (cr0 & CR0_KNOWN) | X86_CR0_ET;
	efer = guest_efer(vcpu);
	guest_put_cr0(vcpu, cr0);
	guest_put_efer(vcpu, efer_with_lma(efer, cr0));
	vcpu->want_flush = flush || ((old ^ cr0) & CR0_TLB);
	return true;
}

static u64 read_cr(const struct vcpu *vcpu, unsigned int cr)
{
	switch (cr) {
	case 0:
		return guest_cr0(vcpu);
	case 2:
		return vcpu->vmcb->save.cr2;
	case 3:
		return vcpu->vmcb->save.cr3;
	case 4:
		return guest_cr4(vcpu);
	case 8:
		return guest_cr8(vcpu);
	default:
		return 0;
	}
}

/* Returns false if the value raises #GP(0). @cr: 0, 4 or 8 */
static bool write_cr(struct vcpu *vcpu, unsigned int cr, u64 value)
{
	if (cr == 0)
		return set_cr0(vcpu, value);
	if (cr == 8) {
		if (value & ~V_TPR_MASK)
			return false;
		guest_put_cr8(vcpu, value);
		return true;
	}
	if ((value & ~vcpu->cpuid->limits.cr4_guest) ||
	    ((vcpu->vmcb->save.efer & EFER_LMA) && !(value & X86_CR4_PAE)))
		return false;
	guest_put_cr4(vcpu, value);
	return true;
}

/* The 16-bit operand of LMSW and SMSW */
static enum exit_result access_msw(struct vcpu *vcpu, const struct ginsn *insn, u16 *msw,
				   bool store, bool atomic)
{
	u64 linear;
	enum exit_result ret;

	if (!(insn->flags & INSN_F_MEM)) {
		if (store)	/* A register takes more of CR0 than 16 bits. */
			ginsn_reg_write(vcpu->gprs, insn->rm, insn->op_bytes, false,
					guest_cr0(vcpu));
		else
			*msw = vcpu->gprs[insn->rm];
		return EXIT_CONTINUE;
	}
	ret = guest_operand(vcpu, insn, &insn->mem, sizeof(*msw), store, &linear);
	if (ret)
		return ret;
	return guest_copy(vcpu, linear, msw, sizeof(*msw), store ? GVA_WRITE : 0, atomic);
}

static enum exit_result cr_write(struct vcpu *vcpu, const struct ginsn *insn, bool atomic)
{
	u64 cr0 = guest_cr0(vcpu), value;
	enum exit_result ret;
	unsigned int cr = 0;
	u16 msw;

	switch (insn->class) {
	case INSN_CLTS:
		value = cr0 & ~(u64)X86_CR0_TS;
		break;
	case INSN_LMSW:
		ret = access_msw(vcpu, insn, &msw, false, atomic);
		if (ret)
			return ret;
		/* LMSW can set PE, but not clear it. */
		value = (cr0 & ~(CR0_LMSW & ~X86_CR0_PE)) | (msw & CR0_LMSW);
		break;
	default:
		cr = insn->reg;
		value = ginsn_reg_read(vcpu->gprs, insn->rm, insn->op_bytes, false);
	}
	if (cr != 0 && cr != 4 && cr != 8)
		return guest_raise(vcpu, VEC_UD, NO_ERROR);
	return write_cr(vcpu, cr, value) ? EXIT_CONTINUE : guest_raise(vcpu, VEC_GP, 0);
}

static enum exit_result cr_read(struct vcpu *vcpu, const struct ginsn *insn, bool atomic)
{
	u16 msw = guest_cr0(vcpu);

	if (insn->class == INSN_SMSW)
		return access_msw(vcpu, insn, &msw, true, atomic);
	ginsn_reg_write(vcpu->gprs, insn->rm, insn->op_bytes, false, read_cr(vcpu, insn->reg));
	return EXIT_CONTINUE;
}

/*
 * VMEXIT_CRn_READ and _WRITE. The register comes from the instruction, because QEMU 10
 * reports every read as one of CR0. Another vCPU may have replaced the instruction since
 * the CPU checked its privilege: a read remains a read, and user code reaches SMSW only.
 */
enum exit_result exit_cr(struct vcpu *vcpu, bool atomic)
{
	bool write = vcpu->vmcb->control.exit_code >= VMEXIT_CR0_WRITE;
	const u8 cr8 = guest_cr8(vcpu);
	u64 classes = BIT_ULL(INSN_SMSW);
	struct ginsn insn;
	enum exit_result ret;

	if (write)
		classes = BIT_ULL(INSN_MOV_TO_CR) | BIT_ULL(INSN_LMSW) | BIT_ULL(INSN_CLTS);
	else if (!vcpu->vmcb->save.cpl)
		classes |= BIT_ULL(INSN_MOV_FROM_CR);
	ret = guest_decode_as(vcpu, &insn, classes, atomic);
	if (ret)
		return ret;
	ret = write ? cr_write(vcpu, &insn, atomic) : cr_read(vcpu, &insn, atomic);
	if (ret)
		return ret;
	guest_skip_to(vcpu, guest_rip_after(vcpu, &insn));
	if (unlikely(vcpu->tpr_exits) && guest_cr8(vcpu) < cr8)
		return exit_to_user(vcpu, SVMVCPU_EXIT_TPR);
	return EXIT_RESUME;
}

/* VMEXIT_XSETBV: the hardware has checked CPL and CR4.OSXSAVE. */
enum exit_result exit_xsetbv(struct vcpu *vcpu, bool atomic)
{
	u64 value = vcpu_edx_eax(vcpu);
	enum exit_result ret;

	ret = guest_next_rip(vcpu, BIT_ULL(INSN_XSETBV), atomic);
	if (ret)
		return ret;
	if ((u32)vcpu->gprs[INSN_RCX] != 0 || vcpu->vmcb->save.cpl ||
	    !xcr0_valid(value, vcpu->cpuid->limits.xcr0))
		return guest_raise(vcpu, VEC_GP, 0);
	xcr0_set(vcpu, value);
	guest_skip_to(vcpu, vcpu->next_rip);
	return EXIT_RESUME;
}

static u64 read_dr(const struct vcpu *vcpu, unsigned int dr)
{
	if (dr < 4)
		return vcpu->db[dr];
	return dr == 6 ? vcpu->vmcb->save.dr6 : vcpu->vmcb->save.dr7;
}

#define DR6_FIXED	0xffff0ff0ULL
#define DR6_SETTABLE	0x0000e00fULL
#define DR7_FIXED	0x00000400ULL
#define DR7_SETTABLE	0xffff2bffULL
#define DR7_GD		BIT_ULL(13)
#define DR6_BD		BIT_ULL(13)

static bool write_dr(struct vcpu *vcpu, unsigned int dr, u64 value)
{
	if (dr < 4) {
		vcpu->db[dr] = value;
		return true;
	}
	if (value >> 32)
		return false;
	if (dr == 6)
		vmcb_set_dr6(vcpu->vmcb, (value & DR6_SETTABLE) | DR6_FIXED);
	else
		vmcb_set_dr7(vcpu->vmcb, (value & DR7_SETTABLE) | DR7_FIXED);
	return true;
}

/* VMEXIT_DRn_READ and _WRITE */
enum exit_result exit_dr(struct vcpu *vcpu, bool atomic)
{
	struct vmcb *vmcb = vcpu->vmcb;
	bool write = vmcb->control.exit_code >= VMEXIT_DR0_WRITE;
	struct ginsn insn;
	unsigned int dr;
	enum exit_result ret;

	ret = guest_decode_as(vcpu, &insn,
			      BIT_ULL(write ? INSN_MOV_TO_DR : INSN_MOV_FROM_DR), atomic);
	if (ret)
		return ret;
	dr = insn.reg;
	if (dr == 4 || dr == 5) {
		/* Aliases of DR6 and DR7, unless CR4.DE is set */
		if (vmcb->save.cr4 & X86_CR4_DE)
			return guest_raise(vcpu, VEC_UD, NO_ERROR);
		dr += 2;
	}
	if (vmcb->save.dr7 & DR7_GD) {
		event_raise_db(vcpu, DR6_BD);
		return EXIT_RESUME;
	}
	if (!write)
		ginsn_reg_write(vcpu->gprs, insn.rm, insn.op_bytes, false, read_dr(vcpu, dr));
	else if (!write_dr(vcpu, dr, ginsn_reg_read(vcpu->gprs, insn.rm, insn.op_bytes, false)))
		return guest_raise(vcpu, VEC_GP, 0);
	guest_skip_to(vcpu, guest_rip_after(vcpu, &insn));
	return EXIT_RESUME;
}
