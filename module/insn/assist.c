// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decode assists: see assist.h.
 *
 * Uses only fields whose validity is known: instruction bytes have a length, MOV CR has a
 * flag. The register number of MOV DR and the vector of INT n have neither; a hypervisor
 * below this one may leave them stale when it emulates the instruction.
 */
#include <linux/svmvcpu.h>

#include "insn/assist.h"
#include "insn/operand.h"

/* EXITINFO1 of CR exits: MOV CR with this general register, not LMSW, SMSW or CLTS */
#define CR_IS_MOV	BIT_ULL(63)
#define CR_GPR		GENMASK_ULL(3, 0)

/**
 * assist_bytes() - instruction bytes that the CPU saved at the last exit
 * @vmcb: VMCB of a vCPU
 * @features: SVMVCPU_FEAT_* of the CPU
 * @bytes: out: pointer to the bytes
 *
 * The CPU saves them for nested page faults except those of instruction fetches. Other
 * exits do not clear the field on every CPU.
 *
 * Return: number of bytes. They end with the page, so the instruction may be longer; with
 * SMAP there may be none (erratum 1096).
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

/**
 * assist_decode() - decode the intercepted instruction from what the CPU saved
 * @vmcb: VMCB of a vCPU after an exit
 * @features: SVMVCPU_FEAT_* of the CPU
 * @insn: out. For MOV CR: class, registers, widths and length only
 *
 * Return: false if the CPU saved nothing or too little, or if the decoder does not know
 * the instruction. @insn is undefined then.
 */
bool assist_decode(const struct vmcb *vmcb, u64 features, struct ginsn *insn)
{
	const struct vmcb_control_area *control = &vmcb->control;
	const struct vmcb_save_area *save = &vmcb->save;
	const enum guest_mode mode = guest_mode(save->cr0, save->efer, save->rflags,
						save->cs.attrib);
	u64 code = control->exit_code, len = control->next_rip - save->rip;
	const u8 *bytes;
	unsigned int nr = assist_bytes(vmcb, features, &bytes);

	if (nr)
		return !ginsn_decode(insn, bytes, nr, mode);
	if (mode != GUEST_LONG64)
		len = (u32)len;
	if (!(features & SVMVCPU_FEAT_DECODE_ASSISTS) || !(features & SVMVCPU_FEAT_NRIP) ||
	    code >= VMEXIT_CR0_WRITE + 16 || !(control->exit_info_1 & CR_IS_MOV) ||
	    !len || len > INSN_MAX_LEN)
		return false;
	*insn = (struct ginsn) {
		.class = code >= VMEXIT_CR0_WRITE ? INSN_MOV_TO_CR : INSN_MOV_FROM_CR,
		.len = len,
		.op_bytes = mode == GUEST_LONG64 ? 8 : 4,
		.reg = code & 15,
		.rm = control->exit_info_1 & CR_GPR,
		.seg_override = INSN_NO_SEGMENT,
	};
	return true;
}
