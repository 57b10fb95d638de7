// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers: what MOV CR, LMSW, SMSW, CLTS and MOV DR do.
 */
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
/* changes of these make cached translations wrong */
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

/* false: the guest gets #GP(0) */
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

static bool set_cr4(struct vcpu *vcpu, u64 cr4)
{
	if (cr4 & ~vcpu->cpuid->limits.cr4_guest)
		return false;
	if ((vcpu->vmcb->save.efer & EFER_LMA) && !(cr4 & X86_CR4_PAE))
		return false;
	guest_put_cr4(vcpu, cr4);
	return true;
}

static bool set_cr8(struct vcpu *vcpu, u64 cr8)
{
	if (cr8 & ~V_TPR_MASK)
		return false;
	guest_put_cr8(vcpu, cr8);
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

static bool write_cr(struct vcpu *vcpu, unsigned int cr, u64 value)
{
	switch (cr) {
	case 0:
		return set_cr0(vcpu, value);
	case 4:
		return set_cr4(vcpu, value);
	case 8:
		return set_cr8(vcpu, value);
	default:
		return false;
	}
}

static void step_over(struct vcpu *vcpu, const struct ginsn *insn)
{
	guest_skip_to(vcpu, ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn->len));
}

/* Memory operand of LMSW and SMSW: two bytes. */
static enum exit_result access_msw(struct vcpu *vcpu, const struct ginsn *insn, u16 *msw,
				   bool store, bool atomic)
{
	u64 next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn->len);
	struct linear_env env;
	u64 linear, offset;
	int fault;

	guest_env(vcpu, &env);
	offset = ginsn_offset(&insn->mem, vcpu->gprs, next_rip);
	fault = linear_address(&env, insn->mem.seg, offset, sizeof(*msw),
			       store ? LINEAR_WRITE : LINEAR_READ, &linear);
	if (fault) {
		event_raise(vcpu, event_exception(fault, 0));
		return EXIT_RESUME;
	}
	return guest_copy(vcpu, linear, msw, sizeof(*msw), store ? GUEST_WRITE : 0, atomic);
}

static enum exit_result do_lmsw(struct vcpu *vcpu, const struct ginsn *insn, u64 *cr0,
				bool atomic)
{
	u64 old = guest_cr0(vcpu);
	u16 msw;
	enum exit_result ret;

	if (insn->flags & INSN_F_MEM) {
		ret = access_msw(vcpu, insn, &msw, false, atomic);
		if (ret)
			return ret;
	} else {
		msw = vcpu->gprs[insn->rm];
	}
	/* LMSW can set PE, never clear it. */
	*cr0 = (old & ~CR0_LMSW) | (msw & CR0_LMSW) | (old & X86_CR0_PE);
	return EXIT_CONTINUE;
}

static enum exit_result do_smsw(struct vcpu *vcpu, const struct ginsn *insn, bool atomic)
{
	u16 msw = guest_cr0(vcpu);

	if (insn->flags & INSN_F_MEM)
		return access_msw(vcpu, insn, &msw, true, atomic);
	ginsn_reg_write(vcpu->gprs, insn->rm, insn->op_bytes, false, guest_cr0(vcpu));
	return EXIT_CONTINUE;
}

static enum exit_result cr_write_value(struct vcpu *vcpu, const struct ginsn *insn,
				       unsigned int *cr, u64 *value, bool atomic)
{
	*cr = 0;
	switch (insn->class) {
	case INSN_CLTS:
		*value = guest_cr0(vcpu) & ~(u64)X86_CR0_TS;
		return EXIT_CONTINUE;
	case INSN_LMSW:
		return do_lmsw(vcpu, insn, value, atomic);
	default:
		*cr = insn->reg;
		*value = ginsn_reg_read(vcpu->gprs, insn->rm, insn->op_bytes, false);
		return EXIT_CONTINUE;
	}
}

static enum exit_result cr_write(struct vcpu *vcpu, const struct ginsn *insn, bool atomic)
{
	unsigned int cr;
	u64 value;
	enum exit_result ret;

	ret = cr_write_value(vcpu, insn, &cr, &value, atomic);
	if (ret)
		return ret;
	if (cr != 0 && cr != 4 && cr != 8) {
		event_raise_ud(vcpu);
		return EXIT_RESUME;
	}
	if (!write_cr(vcpu, cr, value)) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	step_over(vcpu, insn);
	return EXIT_RESUME;
}

static enum exit_result cr_read(struct vcpu *vcpu, const struct ginsn *insn, bool atomic)
{
	enum exit_result ret;

	if (insn->class == INSN_SMSW) {
		ret = do_smsw(vcpu, insn, atomic);
		if (ret)
			return ret;
	} else {
		ginsn_reg_write(vcpu->gprs, insn->rm, insn->op_bytes, false,
				read_cr(vcpu, insn->reg));
	}
	step_over(vcpu, insn);
	return EXIT_RESUME;
}

/*
 * VMEXIT_CRn_READ and _WRITE. Which register it is the instruction says, not
 * the exit code: QEMU 10 calls every read one of CR0. But what the CPU has
 * checked is what it intercepted, not what another vCPU may have put there
 * since: a read stays a read, and user code can reach SMSW only.
 */
enum exit_result exit_cr(struct vcpu *vcpu, bool atomic)
{
	bool write = vcpu->vmcb->control.exit_code >= VMEXIT_CR0_WRITE;
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
	return write ? cr_write(vcpu, &insn, atomic) : cr_read(vcpu, &insn, atomic);
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
	    !xcr0_valid(value, vcpu->cpuid->limits.xcr0)) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
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
	/* DR4 and DR5 are other names for DR6 and DR7 unless CR4.DE forbids it. */
	if (dr > 7 || ((dr == 4 || dr == 5) && (vmcb->save.cr4 & X86_CR4_DE))) {
		event_raise_ud(vcpu);
		return EXIT_RESUME;
	}
	if (dr == 4 || dr == 5)
		dr += 2;
	if (vmcb->save.dr7 & BIT_ULL(13)) {
		event_raise_db(vcpu, BIT_ULL(13));
		return EXIT_RESUME;
	}

	if (insn.class == INSN_MOV_FROM_DR) {
		ginsn_reg_write(vcpu->gprs, insn.rm, insn.op_bytes, false, read_dr(vcpu, dr));
	} else if (!write_dr(vcpu, dr, ginsn_reg_read(vcpu->gprs, insn.rm, insn.op_bytes,
						      false))) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	step_over(vcpu, &insn);
	return EXIT_RESUME;
}
