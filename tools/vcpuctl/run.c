// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl run: from a command line to a guest's end. Files are read and
 * checked first, then the module is asked. cpus.c runs the vCPUs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "firmware.h"
#include "linux.h"
#include "session.h"
#include "topology.h"
#include "vcpuctl.h"

static __u64 timer_clock(void *arg)
{
	(void)arg;
	return cpus_now_ns();
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

/* What cannot be sent is lost, as on a bus. */
static int send_message(void *arg, const struct apic_message *msg)
{
	const struct session *s = arg;
	struct svmvcpu_message out;

	if (!apic_message_encode(msg, &out))
		return 0;
	return svmvcpu_vm_message(s->vm, &out);
}

/* in the thread that waits for input: the thread of any vCPU looks for itself */
static void input_ready(void *arg)
{
	const struct session *s = arg;

	svmvcpu_vcpu_kick(&s->vcpus[0]);
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
	m->platform.pit.now = timer_clock;
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

/*
 * An operating system takes page faults all the time: there it would cost too much. An INIT
 * of the first vCPU is a reset; the kernel handles those of the others.
 */
static int choose_exits(struct session *s, unsigned int nr)
{
	bool faults = !s->options.no_faults && s->guest.boot == BOOT_NONE && !s->guest.fed;
	struct svmvcpu_exits exits = {
		.flags = (nr ? 0 : SVMVCPU_EXITS_INIT) | (faults ? SVMVCPU_EXITS_FAULTS : 0),
		.exceptions = s->options.catch,
		.decode = s->guest.lapic || s->guest.ignore ? SVMVCPU_DECODE_MMIO : 0,
	};
	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	int ret = svmvcpu_vcpu_choose_exits(&s->vcpus[nr], &exits);

	if (!ret && s->options.step)
		ret = svmvcpu_vcpu_set_debug(&s->vcpus[nr], &debug);
	return ret;
}

static int open_vcpu(struct session *s, const struct svmvcpu_setup *setup)
{
	__u32 flags = s->guest.lapic ? SVMVCPU_VCPU_LAPIC : 0;
	unsigned int nr = s->nr;
	int ret;

	ret = svmvcpu_vcpu_create_flags(s->vm, nr, flags, &s->info, &s->vcpus[nr]);
	if (ret)
		return ret;
	s->nr++;
	ret = svmvcpu_vcpu_setup(&s->vcpus[nr], setup);
	return ret ?: choose_exits(s, nr);
}

/* the first vCPU starts the others */
static int open_vcpus(struct session *s)
{
	const struct svmvcpu_setup waiting = {
		.flags = SVMVCPU_SETUP_WAIT_SIPI, .preset = SVMVCPU_PRESET_RESET,
	};
	unsigned int cpus = s->guest.cpus;
	int ret = 0;

	if (cpus > s->info.max_vcpus)
		return svmvcpu_fail(EINVAL, "--cpus %u: the module allows %u", cpus,
				    s->info.max_vcpus);
	if (cpus > 1)
		ret = topology_set(s->vm, &s->info, cpus);
	if (!ret)
		ret = open_vcpu(s, &s->guest.setup);
	while (!ret && s->nr < cpus)
		ret = open_vcpu(s, &waiting);
	return ret;
}

static int open_guest(struct session *s)
{
	int ret = guest_map(&s->guest, s->vm);

	if (!ret)
		ret = open_vcpus(s);
	if (!ret && s->guest.fed)
		ret = firmware_start(&s->guest, &s->options, s->info.tsc_khz);
	if (!ret && s->guest.boot == BOOT_LINUX)
		ret = linux_start(&s->guest, &s->options, s->info.tsc_khz, &s->vcpus[0]);
	else if (!ret && s->guest.boot != BOOT_NONE)
		ret = boot_start(&s->guest, &s->vcpus[0]);
	return ret;
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
		.vcpus = s->vcpus, .nr = s->nr, .guest = &s->guest.view, .info = &s->info,
	};
	s->gdb = gdb_vcpu_open(s->options.gdb, &s->gdb_vcpus, cpus_stopping);
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
		ret = open_guest(s);
	if (!ret)
		ret = open_gdb(s);
	return ret ?: watch_input(s);
}

static void session_close(struct session *s)
{
	watch_stop(&s->watch);
	gdb_close(s->gdb);
	while (s->nr)
		svmvcpu_vcpu_close(&s->vcpus[--s->nr]);
	if (s->vm >= 0)
		close(s->vm);
	if (s->dev >= 0)
		close(s->dev);
	input_close(&s->input);
	guest_free(&s->guest);
	free_run(&s->options);
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

/* counters of all vCPUs, or NULL */
static struct svmvcpu_vcpu_stats *read_stats(struct session *s)
{
	struct svmvcpu_vcpu_stats *stats = calloc(s->nr, sizeof(*stats));
	unsigned int i;

	for (i = 0; stats && i < s->nr; i++) {
		if (!svmvcpu_vcpu_get_stats(&s->vcpus[i], &stats[i]))
			continue;
		fprintf(stderr, "vcpuctl run: no counters: %s\n", svmvcpu_last_error());
		free(stats);
		return NULL;
	}
	return stats;
}

static void report(struct session *s)
{
	struct svmvcpu_vcpu *vcpu = &s->vcpus[s->end.cpu];
	struct svmvcpu_state state;
	struct ending end = {
		.status = s->end.status, .run = &s->end.run, .cpu = s->end.cpu, .nr = s->nr,
		.code = s->machine.code,
	};
	unsigned int i;

	/* the data is behind the page, which may have another exit by now */
	if (vcpu->run->reason == s->end.run.reason)
		end.window = session_window(vcpu);
	for (i = 0; i < s->nr; i++)
		end.exits += s->vcpus[i].run->exits;
	if (!svmvcpu_vcpu_get_state(vcpu, s->info.components &
				    (SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_DEBUG), &state))
		end.state = &state;
	if (s->options.stats)
		end.stats = read_stats(s);
	read_insn(s, &end);
	output_end(&s->output, &end);
	free((void *)end.stats);
}

static int run_session(struct session *s)
{
	int status = session_open(s);

	if (!status) {
		power_on(s);
		status = cpus_run(s);
	}
	if (!status && s->end.status < 0)
		status = svmvcpu_fail(-s->end.status, "%s", s->end.error);
	if (!status) {
		report(s);
		return s->end.status;
	}
	fflush(stdout);
	fprintf(stderr, "vcpuctl run: %s\n", svmvcpu_last_error());
	if (s->no_device)
		fputs("Try 'vcpuctl info'.\n", stderr);
	return STATUS_ERROR;
}

int cmd_run(int argc, char **argv)
{
	struct session s = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .dev = -1, .vm = -1, .input.fd = -1,
	};
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
	s.output.vcpus = s.options.cpus;
	ret = run_session(&s);
	session_close(&s);
	return ret;
}
