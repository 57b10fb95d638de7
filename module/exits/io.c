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
 * As many elements as lie in one page, in the data window and before the
 * offset wraps. An element that crosses into the next page, and all that run
 * downwards or are single-stepped, go one by one.
 */
static unsigned int batch_limit(struct vcpu *vcpu, const struct io_batch *batch, u64 offset)
{
	u64 room = PAGE_SIZE - offset_in_page(batch->linear);
	u64 wrap = ginsn_low_bytes(-offset, batch->insn.addr_bytes);

	if (vcpu->vmcb->save.rflags & (X86_EFLAGS_DF | X86_EFLAGS_TF))
		return 1;
	if (wrap)
		room = min(room, wrap);
	return max_t(u64, room / batch->width, 1);
}

/* Finds segment, offset and count. EXIT_RESUME when there is nothing to do. */
static enum exit_result batch_prepare(struct vcpu *vcpu, struct io_batch *batch, bool in)
{
	u64 classes = in ? BIT_ULL(INSN_INS) : BIT_ULL(INSN_OUTS);
	u64 next_rip, offset, count;
	struct linear_env env;
	enum exit_result ret;
	int fault;

	ret = guest_decode_as(vcpu, &batch->insn, classes, false);
	if (ret)
		return ret;
	next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), batch->insn.len);
	count = ginsn_count(&batch->insn, vcpu->gprs);
	if (!count) {
		guest_skip_to(vcpu, next_rip);
		return EXIT_RESUME;
	}

	guest_env(vcpu, &env);
	offset = ginsn_offset(&batch->insn.mem, vcpu->gprs, next_rip);
	fault = linear_address(&env, batch->insn.mem.seg, offset, batch->width,
			       in ? LINEAR_WRITE : LINEAR_READ, &batch->linear);
	if (!fault) {
		batch->count = min_t(u64, count, batch_limit(vcpu, batch, offset));
		if (batch->count > 1)
			fault = linear_address(&env, batch->insn.mem.seg, offset,
					       batch->count * batch->width,
					       in ? LINEAR_WRITE : LINEAR_READ,
					       &batch->linear);
		/* A limit in the middle: the elements before it do happen. */
		if (fault && batch->count > 1) {
			batch->count = 1;
			fault = 0;
		}
	}
	if (!fault)
		return EXIT_CONTINUE;
	event_raise(vcpu, event_exception(fault, 0));
	return EXIT_RESUME;
}

static void advance_reg(struct vcpu *vcpu, unsigned int reg, unsigned int bytes, s64 by)
{
	u64 value = ginsn_reg_read(vcpu->gprs, reg, bytes, false);

	ginsn_reg_write(vcpu->gprs, reg, bytes, false, value + by);
}

/* @count elements are done: registers move, RIP too when they were the last. */
static void batch_done(struct vcpu *vcpu, const struct ginsn *insn, unsigned int width,
		       unsigned int count, bool in)
{
	s64 step = (s64)width * count;
	u64 left = 0;

	if (vcpu->vmcb->save.rflags & X86_EFLAGS_DF)
		step = -step;
	advance_reg(vcpu, in ? INSN_RDI : INSN_RSI, insn->addr_bytes, step);
	if (ginsn_is_rep(insn)) {
		advance_reg(vcpu, INSN_RCX, insn->addr_bytes, -(s64)count);
		left = ginsn_reg_read(vcpu->gprs, INSN_RCX, insn->addr_bytes, false);
	}
	if (!left)
		guest_skip_to(vcpu, ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn->len));
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
	batch_done(vcpu, &batch.insn, width, batch.count, false);
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
	ret = guest_probe_write(vcpu, batch.linear, batch.count * width, NULL);
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
			 GUEST_WRITE, false);
	if (!ret)
		batch_done(vcpu, &batch.insn, ask.width, ask.count, true);
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
