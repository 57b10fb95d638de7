/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VMM wrote on the run page for a RUN: read once, then checked.
 *
 * Inline, for run.c: with all of it in sight the compiler keeps none of it on the
 * stack.
 */
#ifndef SVMVCPU_INPUT_H
#define SVMVCPU_INPUT_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "exits/exit.h"
#include "vcpu/inject.h"
#include "vcpu/preset.h"
#include "vcpu/vcpu.h"

/**
 * struct run_input - what the VMM wrote on the run page, each read once
 * @flags: SVMVCPU_RUN_*
 * @mbz: what is to be zero, ORed
 * @answer: .
 * @deadline_ns: .
 * @inject: event to inject, 0 for none
 * @inject_error: .
 * @inject_address: .
 * @rip: with SVMVCPU_RUN_SET_GPRS
 * @rflags: the same
 */
struct run_input {
	u32 flags;
	u64 mbz;
	u64 answer;
	u64 deadline_ns;
	u32 inject;
	u32 inject_error;
	u64 inject_address;
	u64 rip;
	u64 rflags;
};

static __always_inline struct run_input run_input_read(const struct svmvcpu_run *run)
{
	u32 flags = READ_ONCE(run->in_flags);
	bool gprs = flags & SVMVCPU_RUN_SET_GPRS;

	return (struct run_input) {
		.flags = flags,
		.mbz = READ_ONCE(run->in_mbz) | READ_ONCE(run->in_reserved[0]) |
		       READ_ONCE(run->in_reserved[1]) | READ_ONCE(run->in_reserved[2]),
		.answer = READ_ONCE(run->answer),
		.deadline_ns = READ_ONCE(run->deadline_ns),
		.inject = READ_ONCE(run->inject),
		.inject_error = READ_ONCE(run->inject_error),
		.inject_address = READ_ONCE(run->inject_address),
		/* Of the others any value will do. */
		.rip = gprs ? READ_ONCE(run->gprs.rip) : 0,
		.rflags = gprs ? READ_ONCE(run->gprs.rflags) : 0,
	};
}

/* Does the VMM want no more than that the guest goes on? */
static __always_inline bool run_input_is_plain(const struct run_input *in)
{
	return !(in->flags | in->inject | in->mbz);
}

/* 0, or what RUN returns, and then nothing has happened */
static __always_inline int run_input_check(const struct vcpu *vcpu, const struct run_input *in)
{
	const u32 answers = SVMVCPU_RUN_FAIL | SVMVCPU_RUN_INJECT | SVMVCPU_RUN_RETRY;
	const u32 known = answers | SVMVCPU_RUN_SET_GPRS | SVMVCPU_RUN_IRQ_WINDOW;

	if ((in->flags & ~known) | in->mbz)
		return -EINVAL;
	if ((in->flags & answers) && !exit_answer_fits(vcpu, in->flags))
		return -EINVAL;
	if ((in->flags & SVMVCPU_RUN_SET_GPRS) && !rflags_valid(in->rflags))
		return -EINVAL;
	if (!in->inject)
		return 0;
	if (!inject_valid(in->inject, in->inject_error, in->inject_address))
		return -EINVAL;
	return inject_room(vcpu, in->inject) ? 0 : -EAGAIN;
}

#endif /* SVMVCPU_INPUT_H */
