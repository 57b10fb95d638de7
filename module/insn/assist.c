// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decode assists: see assist.h.
 *
 * Only fields that tell whether they are valid are used: instruction bytes have
 * a length, MOV CR has a flag. The register number of MOV DR and the vector of
 * INT n have neither, and a hypervisor below this one may leave them stale when
 * it emulates the instruction, so those are decoded from memory.
 */
#include <linux/svmvcpu.h>

#include "insn/assist.h"
#include "insn/operand.h"

/* EXITINFO1 of CR exits: MOV CR with this general register, not LMSW, SMSW or CLTS */
#define CR_IS_MOV	BIT_ULL(63)
#define CR_GPR		GENMASK_ULL(3, 0)

static enum guest_mode mode_at_exit(const struct vmcb *vmcb)
{
	const struct vmcb_save_area *save = &vmcb->save;

	return guest_mode(save->cr0, save->efer, save->rflags, save->cs.attrib);
}

/**
 * assist_bytes() - instruction bytes that the CPU saved at the last exit
 * @vmcb: a vCPU's
 * @features: SVMVCPU_FEAT_* of the CPU
 * @bytes: out: where they are
 *
 * Nested page faults have them, except those of instruction fetches. Other exits
 * do not clear the field on every CPU.
 *
 * Return: how many there are. There may be fewer than the instruction has, at the
 * end of a page, or none (erratum 1096, with SMAP).
 */
unsigned int assist_bytes(const struct vmcb *vmcb, u64 features, const u8 **bytes)
{
	const struct vmcb_control_area *control = &vmcb->control;

	if (!(features & SVMVCPU_FEAT_DECODE_ASSISTS) || control->exit_code != VMEXIT_NPF ||
	    (control->exit_info_1 & NPF_FETCH))
		return 0;
	*bytes = control->insn_bytes;
	return control->insn_len & INSN_MAX_LEN;
}

static bool decode_bytes(const struct vmcb *vmcb, u64 features, struct ginsn *insn)
{
	const u8 *bytes;
	unsigned int nr = assist_bytes(vmcb, features, &bytes);

	return nr && !ginsn_decode(insn, bytes, nr, mode_at_exit(vmcb));
}

/* Length of the instruction by the saved next RIP, 0 if that is not plausible */
static unsigned int saved_len(const struct vmcb *vmcb, u64 features)
{
	u64 rip = vmcb->save.rip, len = vmcb->control.next_rip - rip;

	if (!(features & SVMVCPU_FEAT_NRIP))
		return 0;
	if (mode_at_exit(vmcb) != GUEST_LONG64)
		len = (u32)len;
	return len <= INSN_MAX_LEN ? len : 0;
}

static bool decode_mov_cr(const struct vmcb *vmcb, u64 features, struct ginsn *insn)
{
	const struct vmcb_control_area *control = &vmcb->control;
	bool write = control->exit_code >= VMEXIT_CR0_WRITE;
	unsigned int len = saved_len(vmcb, features);

	if (!len || !(control->exit_info_1 & CR_IS_MOV))
		return false;
	*insn = (struct ginsn) {
		.class = write ? INSN_MOV_TO_CR : INSN_MOV_FROM_CR,
		.len = len,
		.op_bytes = mode_at_exit(vmcb) == GUEST_LONG64 ? 8 : 4,
		.reg = control->exit_code & 15,
		.rm = control->exit_info_1 & CR_GPR,
		.seg_override = INSN_NO_SEGMENT,
	};
	return true;
}

/**
 * assist_decode() - the intercepted instruction as the CPU describes it
 * @vmcb: a vCPU's, after an exit
 * @features: SVMVCPU_FEAT_* of the CPU
 * @insn: out. Of MOV CR class, registers, widths and length, of others all
 *
 * Return: false when the CPU says nothing, too little, or has an instruction that
 * the decoder does not know. @insn is undefined then.
 */
bool assist_decode(const struct vmcb *vmcb, u64 features, struct ginsn *insn)
{
	u64 code = vmcb->control.exit_code;

	if (!(features & SVMVCPU_FEAT_DECODE_ASSISTS))
		return false;
	if (code == VMEXIT_NPF)
		return decode_bytes(vmcb, features, insn);
	return code < VMEXIT_CR0_WRITE + 16 && decode_mov_cr(vmcb, features, insn);
}
