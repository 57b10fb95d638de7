// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: the kernel completes an access, or it becomes an IO exit. A string instruction exits
 * once per batch of elements, with their data in the window behind the run page.
 */
#include <linux/bitfield.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "exits/exit.h"
#include "vcpu/coalesced.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* Power-off and reset as in the seed and in QEMU */
#define PORT_POWEROFF	0x604
#define DATA_POWEROFF	0x2000
#define PORT_RESET	0xcf9

/* Fill the run page, then complete the instruction: the VMM sees RIP after it. */
static __always_inline enum exit_result io_out_exit(struct vcpu *vcpu, u16 port,
						    unsigned int width, u64 next_rip)
{
	struct svmvcpu_run *run = vcpu->run;

	run->reason = SVMVCPU_EXIT_IO;
	run->io = (struct svmvcpu_exit_io) {
		.port = port, .width = width, .count = 1,
		.data = ginsn_low_bytes(vcpu->gprs[INSN_RAX], width),
	};
	guest_skip_to(vcpu, next_rip);
	return EXIT_USER;
}

/* The ports of SYSTEM_DOWN. Out of line, so that exit_io() need not save registers. */
static noinline enum exit_result io_out_down(struct vcpu *vcpu, unsigned int width, u64 next_rip)
{
	const u16 port = vcpu->vmcb->control.exit_info_1 >> IOIO_PORT_SHIFT;
	const u32 data = ginsn_low_bytes(vcpu->gprs[INSN_RAX], width);
	const bool reset = port == PORT_RESET;

	if (vcpu->ports_exit || (!reset && (width != 2 || data != DATA_POWEROFF)))
		return io_out_exit(vcpu, port, width, next_rip);
	vcpu->run->reason = SVMVCPU_EXIT_SYSTEM_DOWN;
	vcpu->run->down = (struct svmvcpu_exit_down) {
		.kind = reset ? SVMVCPU_DOWN_RESET : SVMVCPU_DOWN_POWEROFF,
		.data = data,
	};
	guest_skip_to(vcpu, next_rip);
	return EXIT_USER;
}

static __always_inline enum exit_result io_out(struct vcpu *vcpu, u16 port,
					       unsigned int width, u64 next_rip)
{
	if (unlikely(port == PORT_RESET || port == PORT_POWEROFF))
		return io_out_down(vcpu, width, next_rip);
	return io_out_exit(vcpu, port, width, next_rip);
}

/* In a VM with doorbells or ranges. Out of line, so that exit_io() need not save registers. */
static noinline enum exit_result io_out_or_complete(struct vcpu *vcpu, u16 port,
						    unsigned int width, u64 next_rip)
{
	u32 data = ginsn_low_bytes(vcpu->gprs[INSN_RAX], width);

	if (!vcpu_complete_write(vcpu, DOORBELL_PIO | port, width, data))
		return io_out(vcpu, port, width, next_rip);
	guest_skip_to(vcpu, next_rip);
	return EXIT_RESUME;
}

static enum exit_result complete_in(struct vcpu *vcpu, u64 answer, u32 flags)
{
	/* Four bytes clear the upper half of RAX, fewer leave the rest of it alone. */
	ginsn_reg_write(vcpu->gprs, INSN_RAX, vcpu->pending_exit.width, false, answer);
	guest_skip_to(vcpu, vcpu->pending_exit.next_rip);
	return EXIT_CONTINUE;
}

static enum exit_result io_in(struct vcpu *vcpu, u16 port, unsigned int width, u64 next_rip)
{
	exit_set_pending(vcpu, complete_in, 0, next_rip);
	vcpu->pending_exit.width = width;
	vcpu->run->io = (struct svmvcpu_exit_io) {
		.port = port, .width = width, .count = 1, .flags = SVMVCPU_IO_IN,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_IO);
}

/* The elements of a string instruction that one exit transfers */
struct io_batch {
	struct ginsn insn;
	unsigned int width;	/* bytes per element */
	unsigned int count;
	u64 linear;		/* address of the first element */
};

/*
 * The elements that lie in one page and before the offset wraps, so that they fit the data
 * window. One if the first crosses into the next page, with DF, and with TF.
 */
static unsigned int batch_limit(const struct vcpu *vcpu, const struct io_batch *batch)
{
	const struct ginsn_mem *mem = &batch->insn.mem;
	u64 room = PAGE_SIZE - offset_in_page(batch->linear);
	u64 wrap = ginsn_low_bytes(-vcpu->gprs[mem->base], mem->addr_bytes);

	if (vcpu->vmcb->save.rflags & (X86_EFLAGS_DF | X86_EFLAGS_TF))
		return 1;
	if (wrap)
		room = min(room, wrap);
	return max_t(u64, room / batch->width, 1);
}

/* Decode, and compute address and count. EXIT_RESUME: there is nothing to transfer. */
static enum exit_result batch_prepare(struct vcpu *vcpu, struct io_batch *batch, bool in)
{
	const struct ginsn *insn = &batch->insn;
	enum exit_result ret;
	u64 count, linear;

	ret = guest_decode_as(vcpu, &batch->insn, BIT_ULL(in ? INSN_INS : INSN_OUTS), false);
	if (ret)
		return ret;
	count = ginsn_count(insn, vcpu->gprs);
	if (!count) {
		guest_skip_to(vcpu, guest_rip_after(vcpu, insn));
		return EXIT_RESUME;
	}
	ret = guest_operand(vcpu, insn, &insn->mem, batch->width, in, &batch->linear);
	if (ret)
		return ret;
	batch->count = min_t(u64, count, batch_limit(vcpu, batch));
	/* If the segment ends inside the batch, transfer the first element alone. */
	if (batch->count > 1 && guest_linear(vcpu, insn, &insn->mem,
					     batch->count * batch->width, in, &linear))
		batch->count = 1;
	return EXIT_CONTINUE;
}

/* @count elements have been transferred. */
static void batch_done(struct vcpu *vcpu, const struct io_batch *batch, unsigned int count)
{
	if (ginsn_advance(&batch->insn, vcpu->gprs, vcpu->vmcb->save.rflags, batch->width, count))
		guest_skip_to(vcpu, guest_rip_after(vcpu, &batch->insn));
	else
		guest_repeat(vcpu);
}

static enum exit_result batch_exit(struct vcpu *vcpu, const struct io_batch *batch, u16 port,
				   bool in)
{
	vcpu->run->io = (struct svmvcpu_exit_io) {
		.port = port,
		.width = batch->width,
		.count = batch->count,
		.flags = SVMVCPU_IO_STRING | (in ? SVMVCPU_IO_IN : 0) |
			 (ginsn_is_rep(&batch->insn) ? SVMVCPU_IO_REP : 0),
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_IO);
}

static noinline enum exit_result io_outs(struct vcpu *vcpu, u16 port, unsigned int width)
{
	struct io_batch batch = { .width = width };
	enum exit_result ret;

	ret = batch_prepare(vcpu, &batch, false);
	if (ret)
		return ret;
	ret = guest_copy(vcpu, batch.linear, vcpu->io_data, batch.count * width, 0, false);
	if (ret)
		return ret;
	batch_done(vcpu, &batch, batch.count);
	return batch_exit(vcpu, &batch, port, false);
}

/*
 * The VMM has filled the data window. Decode again, because the registers and memory may
 * have changed. If the transfer no longer fits, the guest executes the instruction again.
 */
static enum exit_result complete_ins(struct vcpu *vcpu, u64 answer, u32 flags)
{
	const unsigned int count = vcpu->pending_exit.count;
	struct io_batch batch = { .width = vcpu->pending_exit.width };
	enum exit_result ret;

	ret = batch_prepare(vcpu, &batch, true);
	if (ret)
		return ret;
	if (batch.count < count)
		return EXIT_RESUME;
	ret = guest_copy(vcpu, batch.linear, vcpu->io_data, count * batch.width, GVA_WRITE, false);
	if (!ret)
		batch_done(vcpu, &batch, count);
	return ret;
}

/* Check the destination first, so that no value read from the device is lost. */
static noinline enum exit_result io_ins(struct vcpu *vcpu, u16 port, unsigned int width)
{
	struct io_batch batch = { .width = width };
	enum exit_result ret;

	ret = batch_prepare(vcpu, &batch, true);
	if (ret)
		return ret;
	ret = guest_copy(vcpu, batch.linear, NULL, batch.count * width, GVA_WRITE, false);
	if (ret)
		return ret;
	exit_set_pending(vcpu, complete_ins, 0, 0);
	vcpu->pending_exit.width = width;
	vcpu->pending_exit.count = batch.count;
	return batch_exit(vcpu, &batch, port, true);
}

/* VMEXIT_IOIO */
enum exit_result exit_io(struct vcpu *vcpu, bool atomic)
{
	u64 info = vcpu->vmcb->control.exit_info_1;
	u64 next_rip = vcpu->vmcb->control.exit_info_2;
	u16 port = info >> IOIO_PORT_SHIFT;
	/* Bit SZ8, SZ16 or SZ32: the value of the three is the width. */
	unsigned int width = FIELD_GET(IOIO_WIDTH, info);

	if (info & IOIO_STR) {
		if (atomic)
			return EXIT_SLEEP;
		return info & IOIO_IN ? io_ins(vcpu, port, width) : io_outs(vcpu, port, width);
	}
	/* Some CPUs do not truncate it where EIP wraps. */
	if (unlikely(next_rip > U32_MAX))
		next_rip = ginsn_next_rip(vcpu_mode(vcpu), next_rip, 0);
	if (info & IOIO_IN)
		return io_in(vcpu, port, width, next_rip);
	if (unlikely(READ_ONCE(vcpu->vm->completes_writes)))
		return io_out_or_complete(vcpu, port, width, next_rip);
	return io_out(vcpu, port, width, next_rip);
}
