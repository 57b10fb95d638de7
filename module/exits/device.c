// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory: an access to guest-physical addresses without a region, made
 * by an instruction of the mov family, becomes an MMIO exit with address,
 * width and data. mmio.c knows what each instruction does; here it is tied to
 * a vCPU. What it does not know goes to the VMM as MEMORY_FAULT, with the
 * bytes.
 */
#include <linux/kernel.h>
#include <linux/mm.h>

#include "exits/exit.h"
#include "insn/mmio.h"
#include "mm/memory.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

static noinline int linear_legacy(const struct vcpu *vcpu, unsigned int seg, u64 offset,
				  unsigned int width, bool write, u64 *linear)
{
	struct linear_env env;

	guest_env(vcpu, &env);
	return linear_address(&env, seg, offset, width, write ? LINEAR_WRITE : LINEAR_READ, linear);
}

/* Linear address of a memory operand. Steps as exit.h describes them. */
static enum exit_result operand_linear(struct vcpu *vcpu, const struct ginsn *insn,
				       const struct ginsn_mem *mem, unsigned int width,
				       bool write, u64 *linear)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const enum guest_mode mode = vcpu_mode(vcpu);
	u64 offset = ginsn_offset(mem, vcpu->gprs, ginsn_next_rip(mode, save->rip, insn->len));
	int fault;

	if (mode == GUEST_LONG64)
		fault = linear_address64(vcpu_la_bits(vcpu), mem->seg,
					 mem->seg == INSN_FS ? save->fs.base : save->gs.base,
					 offset, width, linear);
	else
		fault = linear_legacy(vcpu, mem->seg, offset, width, write, linear);
	if (!fault)
		return EXIT_CONTINUE;
	event_raise(vcpu, event_exception(fault, 0));
	return EXIT_RESUME;
}

/*
 * Is the decoded operand the access that faulted, whole? One within a page that
 * went elsewhere is another instruction's, or by other page tables: another CPU
 * changed them since the access.
 */
static enum exit_result check_device(struct vcpu *vcpu, u64 gpa, bool atomic, bool *whole)
{
	const struct vcpu_mmio *mmio = &vcpu->mmio;
	const struct mmio_op *op = &mmio->op;
	u64 linear, device;
	bool one_page;
	enum exit_result ret;

	*whole = false;
	ret = operand_linear(vcpu, &mmio->insn, mmio_device(op, &mmio->insn), op->width,
			     op->write, &linear);
	if (!ret)
		ret = guest_translate(vcpu, linear, op->write ? GUEST_WRITE : 0, atomic, &device);
	if (ret)
		return ret;
	one_page = offset_in_page(linear) + op->width <= PAGE_SIZE;
	*whole = device == gpa && one_page;
	if (*whole || !one_page)
		return EXIT_CONTINUE;
	return guest_retry(vcpu) ? EXIT_RESUME : EXIT_CONTINUE;
}

/*
 * MOVS: the other operand is read now, or seen to be writable later. Where no
 * memory is for it, it may be a device's as well: not for this file.
 */
static enum exit_result prepare_other(struct vcpu *vcpu, const struct ginsn *insn,
				      struct mmio_op *op, bool atomic, bool *memory)
{
	const struct ginsn_mem *mem = mmio_other(op, insn);
	u64 linear;
	enum exit_result ret;

	*memory = true;
	if (!mem)
		return EXIT_CONTINUE;
	if (atomic)
		return EXIT_SLEEP;
	ret = operand_linear(vcpu, insn, mem, op->width, !op->write, &linear);
	if (ret)
		return ret;
	if (op->write)
		return guest_copy(vcpu, linear, &op->value, op->width, 0, false);
	return guest_probe_write(vcpu, linear, op->width, memory);
}

/* The instruction in vcpu->mmio, and what it does. @known: this file can make it. */
static enum exit_result decode_access(struct vcpu *vcpu, u64 gpa, bool write, bool atomic,
				      bool *known)
{
	struct vcpu_mmio *mmio = &vcpu->mmio;
	enum exit_result ret;
	int err;

	*known = false;
	ret = guest_decode(vcpu, &mmio->insn, atomic);
	if (ret)
		return ret;
	mmio->op = (struct mmio_op) { };
	mmio->answered = false;
	err = mmio_decode(&mmio->op, &mmio->insn, vcpu->gprs, write);
	if (err == MMIO_STALE)
		return guest_mismatch(vcpu);
	if (err)
		return EXIT_CONTINUE;
	ret = check_device(vcpu, gpa, atomic, known);
	if (ret || !*known)
		return ret;
	ret = prepare_other(vcpu, &mmio->insn, &mmio->op, atomic, known);
	if (!ret)
		vcpu->mismatches = 0;
	return ret;
}

static enum exit_result ask_mmio(struct vcpu *vcpu, u64 gpa, bool write)
{
	const struct mmio_op *op = &vcpu->mmio.op;

	vcpu->ask = (struct vcpu_ask) { .what = ASK_MMIO, .rip = vcpu_rip(vcpu) };
	vcpu->run->mmio = (struct svmvcpu_exit_mmio) {
		.gpa = gpa, .data = write ? op->value : 0, .width = op->width, .write = write,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_MMIO);
}

/*
 * MOVS from a device: what it answered goes to memory, and is kept until there
 * is some.
 */
static enum exit_result store_other(struct vcpu *vcpu, u64 data)
{
	struct vcpu_mmio *mmio = &vcpu->mmio;
	const struct ginsn_mem *mem = mmio_other(&mmio->op, &mmio->insn);
	u64 linear;
	enum exit_result ret;

	if (!mem || mmio->op.write)
		return EXIT_CONTINUE;
	if (!mmio->answered)
		mmio->answer = data;
	mmio->answered = true;
	ret = operand_linear(vcpu, &mmio->insn, mem, mmio->op.width, true, &linear);
	if (ret)
		return ret;
	return guest_copy(vcpu, linear, &mmio->answer, mmio->op.width, GUEST_WRITE, false);
}

/* The register page of the local APIC: answered here. */
static enum exit_result access_apic(struct vcpu *vcpu, u64 gpa, bool write)
{
	const struct mmio_op op = vcpu->mmio.op;
	u64 data = write ? 0 : apic_page_read(vcpu, gpa, op.width);
	enum exit_result ret;

	ret = exit_mmio_answer(vcpu, data);
	if (ret)
		return ret;
	return write ? apic_page_write(vcpu, gpa, op.width, op.value) : EXIT_RESUME;
}

/**
 * exit_device() - an access to where no region is, or none for it
 * @vcpu: its mutex held
 * @gpa: where
 * @write: the access was a write
 * @atomic: see exit.h. Then it is looked here whether a region is there at all
 *
 * Return: EXIT_USER with the run page filled; EXIT_CONTINUE when it is nothing
 * this file knows, for the caller to report; EXIT_RESUME, EXIT_SLEEP or EXIT_ERROR.
 */
enum exit_result exit_device(struct vcpu *vcpu, u64 gpa, bool write, bool atomic)
{
	bool apic = apic_owns_page(vcpu, gpa);
	struct mem_region region;
	enum exit_result ret;
	bool known;

	/* A region that cannot be written hides the page from writes as well. */
	if (unlikely(apic && !atomic))
		apic = !guest_memory_allows(&vcpu->vm->mem, gpa, 0);
	if (!apic && !vcpu->decode_mmio)
		return EXIT_CONTINUE;
	if (atomic && region_lookup_atomic(&vcpu->vm->mem, gpa, &region))
		return EXIT_SLEEP;
	ret = decode_access(vcpu, gpa, write, atomic, &known);
	if (ret || !known)
		return ret;
	return apic ? access_apic(vcpu, gpa, write) : ask_mmio(vcpu, gpa, write);
}

/**
 * exit_mmio_answer() - the VMM did, or answered, a device access
 * @vcpu: its mutex held; vcpu->mmio describes it
 * @data: answer to a read
 *
 * Context: any but NMI where no other operand is in memory, else process context.
 * Return: EXIT_CONTINUE, EXIT_RESUME, EXIT_USER or EXIT_ERROR.
 */
enum exit_result exit_mmio_answer(struct vcpu *vcpu, u64 data)
{
	const struct vcpu_mmio *mmio = &vcpu->mmio;
	enum exit_result ret;

	ret = store_other(vcpu, data);
	if (ret)
		return ret;
	/* One element of a REP: the next comes by itself. */
	if (mmio_complete(&mmio->op, &mmio->insn, vcpu->gprs, vcpu->vmcb->save.rflags, data))
		guest_skip_to(vcpu, ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu),
						   mmio->insn.len));
	else
		guest_repeat(vcpu);
	return EXIT_CONTINUE;
}
