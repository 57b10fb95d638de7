// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: a server for GDB: what stops the vCPUs, and what lets them go on.
 *
 * A vCPU stops only where no answer to an exit is outstanding: at a DEBUG or INTERRUPTED
 * exit, or where the guest would end. Registers can be written there without a device being
 * asked twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gdb_command.h"
#include "machine.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

/* GDB's numbers of signals, which are not those of every system */
enum {
	SIGNAL_INT = 2, SIGNAL_ILL = 4, SIGNAL_TRAP = 5, SIGNAL_ABRT = 6, SIGNAL_FPE = 8,
	SIGNAL_BUS = 10, SIGNAL_SEGV = 11,
};

#define INT3	0xcc

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void input_ready(void *arg)
{
	struct gdb *g = arg;
	unsigned int i;

	for (i = 0; i < g->target.nr; i++)
		g->target.kick(g->target.arg, i);
}

/* also if the watch has not called since it was armed */
static void watch_input(struct gdb *g)
{
	watch_rearm(&g->watch);
	watch_arm(&g->watch);
}

struct gdb *gdb_open(const char *address, const struct gdb_target *target)
{
	struct gdb *g = calloc(1, sizeof(*g));
	unsigned int i;

	if (!g) {
		svmvcpu_fail(ENOMEM, "--gdb: out of memory");
		return NULL;
	}
	g->target = *target;
	for (i = 0; i < target->nr; i++)
		g->threads[i].resumed = true;
	g->watch.ready = input_ready;
	g->watch.arg = g;
	if (gdb_socket_open(&g->socket, address) ||
	    watch_start(&g->watch, g->socket.events)) {
		gdb_socket_close(&g->socket);
		free(g);
		return NULL;
	}
	gdb_park_init(&g->park, target->nr);
	watch_arm(&g->watch);
	return g;
}

void gdb_close(struct gdb *g)
{
	if (!g)
		return;
	watch_stop(&g->watch);
	gdb_park_destroy(&g->park);
	gdb_socket_close(&g->socket);
	free(g);
}

/* --- the connection --------------------------------------------------------------- */

/*
 * The guest keeps no breakpoints of a debugger that has gone. It goes on if the debugger went
 * before it heard of the last stop: for the debugger, the guest was running.
 */
static void drop_client(struct gdb *g)
{
	gdb_socket_drop(&g->socket);
	if (g->reported)
		g->resume = GDB_RESUME;
	g->reported = false;
	gdb_break_clear(&g->breaks);
	g->awaited = false;
	g->in_at = 0;
	g->in_len = 0;
}

static void send_reply(struct gdb *g)
{
	if (gdb_socket_write(&g->socket, g->reply.data, g->reply.len, g->target.stopping) ==
	    -ENOTCONN)
		drop_client(g);
}

/*
 * An acknowledgment. If the client has gone, the next reply or read finds out: what it sent
 * last still counts.
 */
static void send_char(struct gdb *g, char c)
{
	gdb_socket_write(&g->socket, &c, 1, g->target.stopping);
}

static bool attach(struct gdb *g)
{
	if (!gdb_socket_accept(&g->socket))
		return false;
	memset(&g->parser, 0, sizeof(g->parser));
	g->no_ack = false;
	g->swbreak = false;
	g->hwbreak = false;
	g->layout = (struct gdb_layout){ .arch = GDB_X86_64 };
	if (!g->target.read_cpu(g->target.arg, g->stopped_cpu, &g->cpu))
		g->layout.arch = gdb_arch(&g->cpu.state);
	g->current = g->stopped_cpu;
	return true;
}

/* the next byte of input: -EAGAIN if there is none, -ENOTCONN if the client has gone */
static int next_byte(struct gdb *g)
{
	int ret;

	if (g->in_at == g->in_len) {
		ret = gdb_socket_read(&g->socket, g->in, sizeof(g->in));
		if (ret <= 0)
			return ret ?: -EAGAIN;
		g->in_at = 0;
		g->in_len = ret;
	}
	return g->in[g->in_at++];
}

void gdb_put_stop(struct gdb *g)
{
	static const char * const watches[] = {
		[GDB_WATCH_WRITE] = "watch", [GDB_WATCH_ACCESS] = "awatch",
	};
	const struct gdb_event *e = &g->event;

	gdb_put(&g->reply, "T%02xthread:%x;", e->signal, g->stopped_cpu + 1);
	if (e->cause == GDB_SOFT && g->swbreak)
		gdb_put(&g->reply, "swbreak:;");
	else if (e->cause == GDB_HARD && e->type != GDB_BREAK_HARD)
		gdb_put(&g->reply, "%s:%llx;", watches[e->type], e->address);
	else if (e->cause == GDB_HARD && g->hwbreak)
		gdb_put(&g->reply, "hwbreak:;");
}

static void run_command(struct gdb *g)
{
	g->reported = false;
	if (gdb_command(g)) {
		gdb_reply_end(&g->reply);
		send_reply(g);
	}
	if (g->resume == GDB_RESUME)
		g->awaited = true;
	if (g->resume == GDB_DETACH)
		drop_client(g);
}

static void take_byte(struct gdb *g, __u8 byte)
{
	switch (gdb_parse(&g->parser, byte)) {
	case GDB_PACKET:
		if (!g->no_ack)
			send_char(g, '+');
		run_command(g);
		break;
	case GDB_DAMAGED:
		if (!g->no_ack)
			send_char(g, '-');
		break;
	case GDB_NAK:
		if (!g->no_ack && g->reply.len)
			send_reply(g);
		break;
	case GDB_NOTHING:
	case GDB_ACK:
	case GDB_INTERRUPT:
		break;
	}
}

/*
 * All vCPUs are stopped: carry out commands until one resumes them. Without a client, or
 * after it has gone, the guest stays stopped until another one comes.
 */
static int serve(struct gdb *g)
{
	int byte;

	while (g->resume == GDB_STAY) {
		if (g->target.stopping())
			return STATUS_INTERRUPTED;
		if (g->socket.client < 0) {
			if (gdb_socket_wait(&g->socket, g->target.stopping))
				return STATUS_INTERRUPTED;
			attach(g);
			continue;
		}
		byte = next_byte(g);
		if (byte >= 0)
			take_byte(g, byte);
		else if (byte == -ENOTCONN)
			drop_client(g);
		else if (gdb_socket_wait(&g->socket, g->target.stopping))
			return STATUS_INTERRUPTED;
	}
	return g->resume == GDB_KILL ? STATUS_KILLED : MACHINE_CONTINUE;
}

/*
 * Input while the guest runs: a new debugger stops the guest, and so does a Ctrl-C. Anything
 * else is an acknowledgment, or not allowed. Returns whether to stop.
 */
static bool input_stops(struct gdb *g)
{
	unsigned int nr;
	int byte;

	if (g->socket.client < 0) {
		g->event.signal = SIGNAL_TRAP;
		return attach(g);
	}
	g->event.signal = SIGNAL_INT;
	/* bounded: a flood must not keep the caller from looking at SIGTERM and the deadline */
	for (nr = 0; nr < sizeof(g->in); nr++) {
		byte = next_byte(g);
		if (byte == -ENOTCONN)
			drop_client(g);
		if (byte < 0)
			return false;
		if (gdb_parse(&g->parser, byte) == GDB_INTERRUPT)
			return true;
	}
	return false;
}

/* --- stopping and going on -------------------------------------------------------- */

static void apply_debug(struct gdb *g)
{
	struct svmvcpu_set_debug debug;
	unsigned int i;

	for (i = 0; i < g->target.nr; i++) {
		gdb_break_debug(&g->breaks, &debug);
		if (g->threads[i].step)
			debug.flags |= SVMVCPU_DEBUG_STEP;
		g->target.set_debug(g->target.arg, i, &debug);
	}
}

/* no steps without a debugger to report them to, and none at the end */
static void forget_steps(struct gdb *g)
{
	unsigned int i;

	for (i = 0; i < g->target.nr; i++) {
		g->threads[i].step = false;
		g->threads[i].resumed = true;
	}
}

static bool input_waits(const struct gdb *g)
{
	return g->in_at < g->in_len || gdb_socket_ready(&g->socket);
}

/* let the vCPUs go that the debugger has resumed */
static void release(struct gdb *g, unsigned int nr, int status)
{
	bool run[GDB_CPUS_MAX];
	unsigned int i;

	if (g->socket.client < 0 || status != MACHINE_CONTINUE)
		forget_steps(g);
	apply_debug(g);
	for (i = 0; i < g->target.nr; i++) {
		run[i] = g->threads[i].resumed;
		if (run[i])
			g->threads[i].written = 0;
	}
	watch_input(g);
	/* a Ctrl-C that came together with the command, which the watch does not see */
	if (g->in_at < g->in_len)
		input_ready(g);
	gdb_park_leave(&g->park, nr, run);
}

static int stop(struct gdb *g)
{
	__u64 start = now_ns();
	int status;

	g->resume = GDB_STAY;
	if (g->awaited) {
		g->awaited = false;
		g->reported = true;
		gdb_reply_begin(&g->reply);
		gdb_put_stop(g);
		gdb_reply_end(&g->reply);
		send_reply(g);
	}
	status = serve(g);
	g->paused_ns += now_ns() - start;
	return status;
}

/* the debugger decides with a signal whether the guest gets its exception */
static void deliver(struct gdb_thread *t, struct svmvcpu_run *run)
{
	if (!t->signal)
		return;
	if (!(t->written & SVMVCPU_STATE_GPRS)) {
		run->in_flags |= SVMVCPU_RUN_INJECT;
		return;
	}
	/* the exit no longer asks for it */
	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | run->exception.vector;
	run->inject_error = run->exception.error_code;
	run->inject_address = run->exception.address;
}

/* after a stop for @cause: the status that counts */
static int go_on(struct gdb *g, unsigned int nr, enum gdb_cause cause, struct svmvcpu_run *run,
		 int status)
{
	struct gdb_thread *t = &g->threads[nr];

	/* the debugger may have detached */
	if (cause == GDB_EXCEPTION && g->socket.client >= 0) {
		deliver(t, run);
		return MACHINE_CONTINUE;
	}
	/* whoever has written registers may have mended it */
	if (cause == GDB_END && t->written && run->reason != SVMVCPU_EXIT_SHUTDOWN)
		return MACHINE_CONTINUE;
	return status;
}

/* report @event of vCPU @nr, which stops; another one may come first */
static int report(struct gdb *g, unsigned int nr, const struct gdb_event *event,
		  struct svmvcpu_run *run, int status)
{
	int ret = MACHINE_CONTINUE;

	while (!gdb_park_enter(&g->park, nr, g->target.kick, g->target.arg)) {
		/* what is still there will happen again */
		if (event->cause == GDB_INPUT || event->cause == GDB_SOFT ||
		    event->cause == GDB_STEP)
			return status;
		if (g->socket.client < 0)
			return status;
	}
	g->event = *event;
	g->stopped_cpu = nr;
	g->current = nr;
	if (event->cause == GDB_INPUT ? input_stops(g) : g->socket.client >= 0)
		ret = stop(g);
	if (ret == MACHINE_CONTINUE)
		ret = go_on(g, nr, event->cause, run, status);
	release(g, nr, ret);
	return ret;
}

int gdb_wait(struct gdb *g, unsigned int nr)
{
	int status;

	if (!gdb_park_enter(&g->park, nr, g->target.kick, g->target.arg))
		return MACHINE_CONTINUE;
	g->event = (struct gdb_event){ .signal = SIGNAL_TRAP };
	status = stop(g);
	g->paused_ns = 0;
	release(g, nr, status);
	return status;
}

/* --- exits ------------------------------------------------------------------------ */

static int exception_signal(unsigned int vector)
{
	switch (vector) {
	case 0: case 16: case 19:
		return SIGNAL_FPE;
	case 1: case 3:
		return SIGNAL_TRAP;
	case 6: case 7:
		return SIGNAL_ILL;
	case 17:
		return SIGNAL_BUS;
	}
	return SIGNAL_SEGV;
}

/* An INT3 of ours, of the guest, or one that has been removed since. */
static void check_int3(struct gdb *g, unsigned int nr, struct svmvcpu_run *run,
		       struct gdb_event *e)
{
	const __u8 *at = g->target.memory(g->target.arg, nr, run->debug.rip);

	if (at && gdb_soft_at(&g->breaks, at))
		*e = (struct gdb_event){ .cause = GDB_SOFT, .signal = SIGNAL_TRAP };
	else if (!at || *at == INT3)
		run->in_flags |= SVMVCPU_RUN_INJECT;
}

static void check_debug(struct gdb *g, unsigned int nr, struct svmvcpu_run *run,
			struct gdb_event *e)
{
	const struct gdb_thread *t = &g->threads[nr];
	const struct gdb_hard *h = gdb_hard_hit(&g->breaks, run->debug.dr6);
	__u64 rip = run->debug.rip;

	if (run->debug.cause & SVMVCPU_DEBUG_INT3)
		check_int3(g, nr, run, e);
	else if (h && (run->debug.cause & SVMVCPU_DEBUG_BREAKPOINTS))
		*e = (struct gdb_event){ .cause = GDB_HARD, .signal = SIGNAL_TRAP,
			.type = h->type, .address = h->linear };
	else if (t->step && (rip < t->range_start || rip >= t->range_end))
		*e = (struct gdb_event){ .cause = GDB_STEP, .signal = SIGNAL_TRAP };
}

static void check_end(const struct svmvcpu_run *run, int status, struct gdb_event *e)
{
	switch (status) {
	case STATUS_EXCEPTION:
		*e = (struct gdb_event){ .cause = GDB_EXCEPTION,
			.signal = exception_signal(run->exception.vector) };
		break;
	case STATUS_MEMORY_FAULT:
		*e = (struct gdb_event){ .cause = GDB_END, .signal = SIGNAL_BUS };
		break;
	case STATUS_SHUTDOWN:
	case STATUS_FAIL_ENTRY:
	case STATUS_UNKNOWN:
		*e = (struct gdb_event){ .cause = GDB_END, .signal = SIGNAL_ABRT };
		break;
	}
}

int gdb_exit(struct gdb *g, unsigned int nr, struct svmvcpu_run *run, int status)
{
	struct gdb_event e = { .cause = GDB_NONE };

	if (!g)
		return status;
	if (status >= 0 && g->socket.client >= 0)
		check_end(run, status, &e);
	else if (status < 0 && run->reason == SVMVCPU_EXIT_DEBUG)
		check_debug(g, nr, run, &e);
	else if (status < 0 && run->reason == SVMVCPU_EXIT_INTERRUPTED &&
		 (gdb_park_led(&g->park) || input_waits(g)))
		e.cause = GDB_INPUT;
	return e.cause == GDB_NONE ? status : report(g, nr, &e, run, status);
}

int gdb_completed(struct gdb *g, unsigned int nr, struct svmvcpu_run *run)
{
	const struct gdb_event e = { .cause = GDB_STEP, .signal = SIGNAL_TRAP };

	if (!g || !g->threads[nr].step || run->inject)
		return MACHINE_CONTINUE;
	return report(g, nr, &e, run, MACHINE_CONTINUE);
}

__u64 gdb_paused_ns(const struct gdb *g)
{
	return g ? g->paused_ns : 0;
}

void gdb_end(struct gdb *g, unsigned int nr, int status)
{
	if (!g)
		return;
	while (!gdb_park_enter(&g->park, nr, g->target.kick, g->target.arg))
		;
	if (g->socket.client >= 0 && g->awaited) {
		gdb_reply_begin(&g->reply);
		gdb_put(&g->reply, "W%02x", status < 0 ? STATUS_ERROR : status & 0xff);
		gdb_reply_end(&g->reply);
		send_reply(g);
	}
	drop_client(g);
	gdb_park_end(&g->park);
}
