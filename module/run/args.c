// SPDX-License-Identifier: GPL-2.0-only
/*
 * The argument of RUN: a byte that keeps the guest from running, and the signals that may
 * end RUN.
 *
 * If a VMM tests a flag of its signal handler and then calls RUN, a signal that arrives in
 * between is missed. So RUN tests it: the handler of an earlier signal has set the flag,
 * and a later signal is pending when run_loop() tests for signals, because no handler runs
 * before RUN returns.
 *
 * A signal mask does the same for signals that the thread blocks. They end RUN and stay
 * pending; the thread can take them with sigwait().
 */
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/svmvcpu.h>

#include "run/run.h"
#include "uaccess.h"

/*
 * The kernel treats the signals in real_blocked as blocked when they are sent: it neither
 * drops one that is ignored, nor ends the process at once for one without a handler.
 */
static void mask_signals(u64 blocked)
{
	sigset_t set;

	siginitset(&set, blocked);
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &set, &current->real_blocked);
}

static void restore_signals(void)
{
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

/**
 * vcpu_run_args() - SVMVCPU_RUN with an argument
 * @vcpu: a vCPU whose VM belongs to current->mm
 * @arg: struct svmvcpu_run_args
 *
 * Return: as vcpu_run(). -EINVAL, -E2BIG or -EFAULT if the argument is invalid or cannot be
 * read; nothing has changed then.
 */
long vcpu_run_args(struct vcpu *vcpu, const void __user *arg)
{
	struct svmvcpu_run_args args;
	bool mask;
	u8 stop = 0;
	long ret;

	ret = COPY_ARG(&args, SVMVCPU_RUN_ARGS_SIGMASK, arg);
	if (ret)
		return ret;
	mask = args.flags & SVMVCPU_RUN_ARGS_SIGMASK;
	if (args.sigmask && !mask)
		return -EINVAL;
	if (args.stop && get_user(stop, (u8 __user *)u64_to_user_ptr(args.stop)))
		return -EFAULT;
	if (mask)
		mask_signals(args.sigmask);
	ret = vcpu_run(vcpu, stop);
	if (mask)
		restore_signals();
	return ret;
}
