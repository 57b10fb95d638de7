// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl run: from a command line to a guest's end. Files are read and
 * checked first, then the module is asked; the loop runs the vCPU, lets the
 * machine answer and tells the output what happened.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "input.h"
#include "load.h"
#include "machine.h"
#include "output.h"
#include "vcpuctl.h"

/* everything one run holds; closed in reverse order */
struct session {
	struct run_options options;
	struct guest guest;
	struct input input;
	struct output output;
	struct machine machine;
	struct svmvcpu_info info;
	int dev;
	int vm;
	struct svmvcpu_vcpu vcpu;
};

static int stop;	/* set by a signal handler */
static const struct svmvcpu_vcpu *kicked;

static int stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* the kick sticks: it also stops a RUN that has not begun yet */
static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	svmvcpu_vcpu_kick(kicked);
	errno = saved;
}

static void catch_signals(const struct svmvcpu_vcpu *vcpu)
{
	struct sigaction act = { .sa_handler = on_signal };

	kicked = vcpu;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void release_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	kicked = NULL;
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void send_serial(void *arg, __u8 byte)
{
	struct session *s = arg;

	s->input.idle = 0;
	output_byte(&s->output, CHANNEL_SERIAL, byte);
}

static int receive_serial(void *arg)
{
	struct session *s = arg;

	/* a prompt without a newline must be seen before waiting for the answer */
	if (!s->output.json && s->input.at == s->input.len)
		fflush(s->output.out);
	return input_byte(&s->input);
}

static void send_debug(void *arg, __u8 byte)
{
	struct session *s = arg;

	output_byte(&s->output, CHANNEL_DEBUG, byte);
}

static void power_on(struct session *s)
{
	struct machine *m = &s->machine;

	m->uart.send = send_serial;
	m->uart.receive = receive_serial;
	m->uart.arg = s;
	m->platform.now_ns = now_ns;
	m->debug = send_debug;
	m->arg = s;
	m->msr_ignore = s->options.msr_ignore;
	machine_reset(m, s->options.mem);
}

static int open_device(struct session *s)
{
	int ret;

	s->dev = svmvcpu_open(NULL);
	if (s->dev < 0)
		return s->dev;
	ret = svmvcpu_get_info(s->dev, &s->info);
	if (ret)
		return ret;
	s->vm = svmvcpu_vm_create(s->dev);
	return s->vm < 0 ? s->vm : 0;
}

static int choose_exits(struct session *s)
{
	struct svmvcpu_exits exits = {
		.flags = s->options.no_faults ? 0 : SVMVCPU_EXITS_FAULTS,
		.exceptions = s->options.catch,
	};

	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	int ret = svmvcpu_vcpu_choose_exits(&s->vcpu, &exits);

	if (!ret && s->options.step)
		ret = svmvcpu_vcpu_set_debug(&s->vcpu, &debug);
	return ret;
}

static int open_vcpu(struct session *s)
{
	int ret;

	ret = guest_map(&s->guest, s->vm);
	if (!ret)
		ret = svmvcpu_vcpu_create(s->vm, 0, &s->info, &s->vcpu);
	if (!ret)
		ret = svmvcpu_vcpu_setup(&s->vcpu, &s->guest.setup);
	return ret ?: choose_exits(s);
}

static int session_open(struct session *s)
{
	int ret;

	ret = guest_build(&s->guest, &s->options);
	if (!ret)
		ret = input_open(&s->input, s->options.serial_in);
	if (!ret)
		ret = open_device(s);
	return ret ?: open_vcpu(s);
}

static void session_close(struct session *s)
{
	svmvcpu_vcpu_close(&s->vcpu);
	if (s->vm >= 0)
		close(s->vm);
	if (s->dev >= 0)
		close(s->dev);
	input_close(&s->input);
	guest_free(&s->guest);
	free_run(&s->options);
}

static void *window_of(const struct session *s)
{
	const struct svmvcpu_run *run = s->vcpu.run;
	size_t bytes;

	if (run->reason != SVMVCPU_EXIT_IO || !(run->io.flags & SVMVCPU_IO_STRING))
		return NULL;
	return svmvcpu_vcpu_window(&s->vcpu, &bytes);
}

static int answer(struct session *s)
{
	struct svmvcpu_run *run = s->vcpu.run;
	void *window = window_of(s);
	int status = machine_exit(&s->machine, run, window);

	output_exit(&s->output, run, window, s->machine.refused);
	if (status != MACHINE_CONTINUE)
		return status;
	if (stopping())
		return STATUS_INTERRUPTED;
	if (s->options.max_exits && s->output.exits >= s->options.max_exits)
		return STATUS_MAX_EXITS;
	return MACHINE_CONTINUE;
}

/* run to the guest's end: an exit status, or a negative errno from RUN */
static int loop(struct session *s)
{
	__u64 deadline = 0;
	int ret;

	if (s->options.timeout_ns)
		deadline = now_ns() + s->options.timeout_ns;
	for (;;) {
		s->vcpu.run->deadline_ns = deadline;
		ret = svmvcpu_vcpu_run(&s->vcpu);
		if (ret == -EINTR && stopping())
			return STATUS_INTERRUPTED;
		if (ret == -EINTR)
			continue;
		if (ret)
			return ret;
		ret = answer(s);
		if (ret != MACHINE_CONTINUE)
			return ret;
	}
}

/* the code at RIP: from the exit where it carries it, else from guest memory */
static void read_insn(const struct session *s, struct ending *end)
{
	const struct svmvcpu_run *run = end->run;
	const struct svmvcpu_control control = {
		.cr0 = run->cr0, .cr3 = run->cr3, .cr4 = run->cr4, .efer = run->efer,
	};
	__u64 base = end->state ? end->state->segments.cs.base : 0;

	if (run->mode == SVMVCPU_MODE_64BIT)
		base = 0;
	if (run->reason == SVMVCPU_EXIT_MEMORY_FAULT && run->memory.insn_len &&
	    run->memory.insn_len <= sizeof(end->insn)) {
		end->insn_len = run->memory.insn_len;
		memcpy(end->insn, run->memory.insn, end->insn_len);
		return;
	}
	end->insn_len = svmvcpu_read_linear(&s->guest.view, &control, base + run->gprs.rip,
					    end->insn, sizeof(end->insn));
}

static void report(struct session *s, int status)
{
	struct svmvcpu_state state;
	struct ending end = { .status = status, .run = s->vcpu.run };

	end.code = s->machine.code;
	end.window = window_of(s);
	if (!svmvcpu_vcpu_get_state(&s->vcpu, s->info.components &
				    (SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_DEBUG), &state))
		end.state = &state;
	read_insn(s, &end);
	output_end(&s->output, &end);
}

static int run_session(struct session *s)
{
	int status = session_open(s);

	if (!status) {
		power_on(s);
		catch_signals(&s->vcpu);
		status = loop(s);
		release_signals();
	}
	if (status >= 0) {
		report(s, status);
		return status;
	}
	fflush(stdout);
	fprintf(stderr, "vcpuctl run: %s\n", svmvcpu_last_error());
	if (s->dev < 0 && status != -EINVAL)
		fputs("Try 'vcpuctl info'.\n", stderr);
	return STATUS_ERROR;
}

int cmd_run(int argc, char **argv)
{
	struct session s = { .dev = -1, .vm = -1, .vcpu.fd = -1, .input.fd = -1 };
	int ret = parse_run(argc, argv, &s.options, stderr);

	if (ret) {
		free_run(&s.options);
		return ret > 0 ? 0 : STATUS_USAGE;
	}
	s.output.out = stdout;
	s.output.err = stderr;
	s.output.json = s.options.json;
	s.output.trace = s.options.trace;
	s.output.quiet = s.options.quiet;
	ret = run_session(&s);
	session_close(&s);
	return ret;
}
