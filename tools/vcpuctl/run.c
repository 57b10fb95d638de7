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

#include "boot.h"
#include "finish.h"
#include "firmware.h"
#include "gdb_vcpu.h"
#include "hint.h"
#include "input.h"
#include "linux.h"
#include "load.h"
#include "machine.h"
#include "output.h"
#include "vcpuctl.h"
#include "watch.h"

/* everything one run holds; closed in reverse order */
struct session {
	struct run_options options;
	struct guest guest;
	struct input input;
	struct watch watch;
	struct hint hint;
	struct output output;
	struct machine machine;
	struct svmvcpu_info info;
	int dev;
	bool no_device;	/* it could not be opened */
	int vm;
	struct svmvcpu_vcpu vcpu;
	struct gdb_vcpus gdb_vcpus;
	struct gdb *gdb;	/* NULL without --gdb */
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

static __s64 wall_s(void)
{
	return time(NULL);
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
	return input_byte(&s->input, !uart_wants_input(&s->machine.uart));
}

static void serial_irq(void *arg, bool level)
{
	struct session *s = arg;

	machine_irq(&s->machine, IRQ_SERIAL, level);
}

static void send_message(void *arg, const struct apic_message *msg)
{
	const struct session *s = arg;
	const struct svmvcpu_message out = {
		.flags = (msg->logical ? SVMVCPU_MSG_LOGICAL : 0) |
			 (msg->level ? SVMVCPU_MSG_LEVEL : 0),
		.dest = msg->dest,
		.vector = msg->vector,
		.mode = msg->mode,
	};

	/* nobody there, or a vector below 16: lost, as on a bus */
	svmvcpu_vm_message(s->vm, &out);
}

/* in the thread that waits for input: the vCPU's thread looks for itself */
static void input_ready(void *arg)
{
	const struct session *s = arg;

	svmvcpu_vcpu_kick(&s->vcpu);
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
	m->uart.irq = serial_irq;
	m->uart.arg = s;
	m->ioapic.send = send_message;
	m->ioapic.arg = s;
	m->apic = s->guest.lapic;
	m->ignore = s->guest.ignore;
	m->fwcfg = s->guest.fwcfg;
	m->platform.now_ns = now_ns;
	m->platform.wall_s = wall_s;
	m->debug = send_debug;
	m->arg = s;
	m->msr_ignore = s->options.msr_ignore;
	machine_reset(m, s->guest.mem[0].bytes);
}

static int open_device(struct session *s)
{
	int ret;

	s->dev = svmvcpu_open(NULL);
	s->no_device = s->dev < 0;
	if (s->dev < 0)
		return s->dev;
	ret = svmvcpu_get_info(s->dev, &s->info);
	if (ret)
		return ret;
	s->vm = svmvcpu_vm_create(s->dev);
	return s->vm < 0 ? s->vm : 0;
}

/* an operating system takes page faults all the time: there it would cost too much */
static int choose_exits(struct session *s)
{
	bool faults = !s->options.no_faults && s->guest.boot == BOOT_NONE && !s->guest.fed;
	struct svmvcpu_exits exits = {
		.flags = SVMVCPU_EXITS_INIT | (faults ? SVMVCPU_EXITS_FAULTS : 0),
		.exceptions = s->options.catch,
		.decode = s->guest.lapic || s->guest.ignore ? SVMVCPU_DECODE_MMIO : 0,
	};
	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	int ret = svmvcpu_vcpu_choose_exits(&s->vcpu, &exits);

	if (!ret && s->options.step)
		ret = svmvcpu_vcpu_set_debug(&s->vcpu, &debug);
	return ret;
}

static int open_vcpu(struct session *s)
{
	__u32 flags = s->guest.lapic ? SVMVCPU_VCPU_LAPIC : 0;
	int ret;

	ret = guest_map(&s->guest, s->vm);
	if (!ret)
		ret = svmvcpu_vcpu_create_flags(s->vm, 0, flags, &s->info, &s->vcpu);
	if (!ret)
		ret = svmvcpu_vcpu_setup(&s->vcpu, &s->guest.setup);
	if (!ret && s->guest.fed)
		ret = firmware_start(&s->guest, &s->options, s->info.tsc_khz);
	if (!ret && s->guest.boot == BOOT_LINUX)
		ret = linux_start(&s->guest, &s->options, s->info.tsc_khz, &s->vcpu);
	else if (!ret && s->guest.boot != BOOT_NONE)
		ret = boot_start(&s->guest, &s->vcpu);
	return ret ?: choose_exits(s);
}

/* a guest that sleeps in the kernel cannot look for input */
static int watch_input(struct session *s)
{
	if (!s->guest.lapic || s->input.fd < 0)
		return 0;
	s->watch.ready = input_ready;
	s->watch.arg = s;
	return watch_start(&s->watch, s->input.fd);
}

static int open_gdb(struct session *s)
{
	char name[128];

	if (!s->options.gdb)
		return 0;
	s->gdb_vcpus = (struct gdb_vcpus){
		.vcpus = &s->vcpu, .nr = 1, .guest = &s->guest.view, .info = &s->info,
	};
	s->gdb = gdb_vcpu_open(s->options.gdb, &s->gdb_vcpus, stopping);
	if (!s->gdb)
		return -EIO;
	gdb_socket_name(&s->gdb->socket, name, sizeof(name));
	if (!s->options.quiet)
		fprintf(stderr, "vcpuctl: gdb can connect to %s\n", name);
	return 0;
}

static int session_open(struct session *s)
{
	int ret;

	ret = guest_build(&s->guest, &s->options);
	if (!ret)
		ret = input_open(&s->input, s->options.serial_in);
	if (!ret)
		ret = open_device(s);
	if (!ret)
		ret = open_vcpu(s);
	if (!ret)
		ret = open_gdb(s);
	return ret ?: watch_input(s);
}

static void session_close(struct session *s)
{
	watch_stop(&s->watch);
	gdb_close(s->gdb);
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

static int answer_exit(struct session *s)
{
	struct svmvcpu_run *run = s->vcpu.run;
	void *window = window_of(s);
	int status;

	if (run->reason == SVMVCPU_EXIT_INTERRUPTED && (run->interrupted.by & SVMVCPU_BY_KICK))
		watch_rearm(&s->watch);
	status = machine_exit(&s->machine, run, window);
	output_exit(&s->output, run, window, s->machine.refused);
	if (status == STATUS_MEMORY_FAULT && run->reason == SVMVCPU_EXIT_MEMORY_FAULT)
		status = finish_insn(&s->machine, &s->guest, &s->info, &s->vcpu);
	if (status == MACHINE_CONTINUE && run->reason == SVMVCPU_EXIT_MEMORY_FAULT)
		status = gdb_completed(s->gdb, 0, run);
	return status;
}

static int answer(struct session *s)
{
	int status = answer_exit(s);

	/* an EOI, say: an instruction makes no more than one */
	if (status == FINISH_EXIT)
		status = answer_exit(s);
	status = gdb_exit(s->gdb, 0, s->vcpu.run, status);
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
	__u64 deadline = 0, until = 0, used;
	int ret = MACHINE_CONTINUE;

	if (s->options.wait)
		ret = gdb_wait(s->gdb, 0);
	if (ret != MACHINE_CONTINUE)
		return ret;
	if (s->options.timeout_ns)
		deadline = now_ns() + s->options.timeout_ns;
	/* with a local APIC, a guest may sleep in the kernel */
	s->hint.wanted = !s->guest.lapic && !s->gdb && !s->output.json && !s->output.quiet &&
			 isatty(STDERR_FILENO);
	hint_alive(&s->hint, now_ns());
	for (;;) {
		if (s->input.fd >= 0 && uart_wants_input(&s->machine.uart))
			watch_arm(&s->watch);
		if (deadline)
			until = deadline + gdb_paused_ns(s->gdb);
		s->vcpu.run->deadline_ns = hint_deadline(&s->hint, until);
		ret = svmvcpu_vcpu_run(&s->vcpu);
		if (ret == -EINTR && stopping())
			return STATUS_INTERRUPTED;
		if (ret == -EINTR)
			continue;
		if (ret)
			return ret;
		if (s->hint.wanted && hint_due(&s->hint, s->vcpu.run, now_ns(), until))
			output_silence(&s->output, s->vcpu.run, HINT_SECONDS);
		used = s->machine.used;
		ret = answer(s);
		if (s->hint.wanted && used != s->machine.used)
			hint_alive(&s->hint, now_ns());
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
	struct svmvcpu_vcpu_stats stats;
	struct svmvcpu_state state;
	struct ending end = { .status = status, .run = s->vcpu.run };

	end.code = s->machine.code;
	end.window = window_of(s);
	if (!svmvcpu_vcpu_get_state(&s->vcpu, s->info.components &
				    (SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_DEBUG), &state))
		end.state = &state;
	if (s->options.stats && !svmvcpu_vcpu_get_stats(&s->vcpu, &stats))
		end.stats = &stats;
	else if (s->options.stats)
		fprintf(stderr, "vcpuctl run: no counters: %s\n", svmvcpu_last_error());
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
		gdb_end(s->gdb, 0, status);
	}
	if (status >= 0) {
		report(s, status);
		return status;
	}
	fflush(stdout);
	fprintf(stderr, "vcpuctl run: %s\n", svmvcpu_last_error());
	if (s->no_device)
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
