// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: every access exits to the VMM, decoded. A string instruction
 * exits once per batch, with the data in the window behind the run page.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "exits/exit.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"

/* How the seed's guests, and QEMU's, say that they are done */
#define PORT_POWEROFF	0x604
#define DATA_POWEROFF	0x2000
#define PORT_RESET	0xcf9

static unsigned int io_width(u64 info)
{
	return (info & IOIO_SZ8) ? 1 : (info & IOIO_SZ16) ? 2 : 4;
}

static u32 low_bytes(u32 value, unsigned int width)
{
	return width == 1 ? (u8)value : width == 2 ? (u16)value : value;
}

static enum exit_result system_down(struct vcpu *vcpu, u32 kind, u32 data)
{
	vcpu->run->down = (struct svmvcpu_exit_down) { .kind = kind, .data = data };
	return exit_to_user(vcpu, SVMVCPU_EXIT_SYSTEM_DOWN);
}

static enum exit_result tell_out(struct vcpu *vcpu, u16 port, unsigned int width, u32 data)
{
	if (port == PORT_POWEROFF && width == 2 && data == DATA_POWEROFF)
		return system_down(vcpu, SVMVCPU_DOWN_POWEROFF, data);
	if (port == PORT_RESET)
		return system_down(vcpu, SVMVCPU_DOWN_RESET, data);

	vcpu->run->io = (struct svmvcpu_exit_io) {
		.port = port, .width = width, .count = 1, .data = data,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_IO);
}

/* The access is over as soon as the VMM knows of it: RIP is behind it. */
static enum exit_result io_out(struct vcpu *vcpu, u16 port, unsigned int width, u64 next_rip)
{
	tell_out(vcpu, port, width, low_bytes(vcpu->gprs[INSN_RAX], width));
	guest_skip_to(vcpu, next_rip);
	return EXIT_USER;
}

static enum exit_result io_in(struct vcpu *vcpu, u16 port, unsigned int width, u64 next_rip)
{
	vcpu->ask = (struct vcpu_ask) {
		.what = ASK_IN, .width = width, .rip = vcpu_rip(vcpu), .next_rip = next_rip,
	};
	vcpu->run->io = (struct svmvcpu_exit_io) {
		.port = port, .width = width, .count = 1, .flags = SVMVCPU_IO_IN,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_IO);
}

/**
 * struct io_batch - the elements of a string instruction one exit covers
 * @insn: decoded
 * @width: bytes per element
 * @count: elements
 * @linear: address of the first
 */
struct io_batch {
	struct ginsn insn;
	unsigned int width;
	unsigned int count;
	u64 linear;
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

/* The destination is checked first: a device must not be read in vain. */
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
	vcpu->ask = (struct vcpu_ask) {
		.what = ASK_INS, .width = width, .count = batch.count, .rip = vcpu_rip(vcpu),
	};
	return batch_exit(vcpu, &batch, port, true);
}

/*
 * The VMM filled the window. The instruction is decoded again: the registers
 * may be the VMM's by now, and the guest's memory may have changed. What does
 * not fit the question any more is dropped, and the guest executes again.
 */
static enum exit_result io_ins_answer(struct vcpu *vcpu)
{
	const struct vcpu_ask ask = vcpu->ask;
	struct io_batch batch = { .width = ask.width };
	enum exit_result ret;

	ret = batch_prepare(vcpu, &batch, true);
	if (ret)
		return ret;
	if (batch.count < ask.count)
		return EXIT_RESUME;
	ret = guest_copy(vcpu, batch.linear, vcpu->io_data, ask.count * ask.width,
			 GVA_WRITE, false);
	if (!ret)
		batch_done(vcpu, &batch, ask.count);
	return ret;
}

/**
 * exit_io_answer() - the VMM answered an IN or INS
 * @vcpu: .
 * @answer: value of an IN
 *
 * Context: process context.
 * Return: EXIT_CONTINUE, EXIT_RESUME, EXIT_USER or EXIT_ERROR.
 */
enum exit_result exit_io_answer(struct vcpu *vcpu, u64 answer)
{
	if (vcpu->ask.what == ASK_INS)
		return io_ins_answer(vcpu);
	/* Four bytes clear the upper half, fewer leave the rest of RAX alone. */
	ginsn_reg_write(vcpu->gprs, INSN_RAX, vcpu->ask.width, false, answer);
	guest_skip_to(vcpu, vcpu->ask.next_rip);
	return EXIT_CONTINUE;
}

/* VMEXIT_IOIO */
enum exit_result exit_io(struct vcpu *vcpu, bool atomic)
{
	u64 info = vcpu->vmcb->control.exit_info_1;
	u64 next_rip = vcpu->vmcb->control.exit_info_2;
	u16 port = info >> IOIO_PORT_SHIFT;
	unsigned int width = io_width(info);

	if (info & IOIO_STR) {
		if (atomic)
			return EXIT_SLEEP;
		return info & IOIO_IN ? io_ins(vcpu, port, width) : io_outs(vcpu, port, width);
	}
	/* Not every CPU cuts it where EIP wraps. */
	if (unlikely(next_rip > U32_MAX))
		next_rip = ginsn_next_rip(vcpu_mode(vcpu), next_rip, 0);
	return info & IOIO_IN ? io_in(vcpu, port, width, next_rip) :
				io_out(vcpu, port, width, next_rip);
}
