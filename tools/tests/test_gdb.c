// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GDB server, with a vCPU that is made up: a thread that calls gdb_exit() as
 * "vcpuctl run" does, with the exits that the test wants. The test is the debugger, a
 * good one and then a bad one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gdb.h"
#include "machine.h"
#include "svmvcpu_lib.h"
#include "tap.h"
#include "vcpuctl.h"

#define MEMORY		0x10000ULL	/* linear address */
#define BYTES		0x3000ULL
#define NR		2

/* vCPU 0 and what it is to do next; vCPU 1 does nothing, and is interrupted */
static struct {
	pthread_t threads[NR];
	struct gdb *gdb;
	unsigned int nr;
	bool wait;
	bool kicked[NR];
	bool event;
	bool idle;
	bool ended;
	struct svmvcpu_run next;
	struct svmvcpu_run run;
	int status;
	int result;
} vcpu;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static __u8 memory[BYTES];
static struct gdb_cpu cpus[NR];
static struct svmvcpu_set_debug debug[NR];
static int refuse, stop;
static char path[64];

static int read_cpu(void *arg, unsigned int nr, struct gdb_cpu *cpu)
{
	(void)arg;
	*cpu = cpus[nr];
	return 0;
}

static int write_cpu(void *arg, unsigned int nr, struct gdb_cpu *cpu, __u64 components)
{
	(void)arg;
	if (refuse || !components)
		return -EINVAL;
	cpus[nr] = *cpu;
	return 0;
}

static __u8 *find(void *arg, unsigned int nr, __u64 linear)
{
	(void)arg;
	(void)nr;
	return linear >= MEMORY && linear - MEMORY < BYTES ? memory + (linear - MEMORY) : NULL;
}

static int set_debug(void *arg, unsigned int nr, struct svmvcpu_set_debug *set)
{
	(void)arg;
	debug[nr] = *set;
	return 0;
}

static void kick(void *arg, unsigned int nr)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	vcpu.kicked[nr] = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_SEQ_CST);
}

/* the next exit of vCPU 0: false at the end */
static bool next_exit(int *status)
{
	bool ended;

	pthread_mutex_lock(&lock);
	vcpu.idle = true;
	pthread_cond_broadcast(&changed);
	while (!vcpu.kicked[0] && !vcpu.event && !vcpu.ended)
		pthread_cond_wait(&changed, &lock);
	vcpu.idle = false;
	*status = MACHINE_CONTINUE;
	ended = vcpu.ended;
	if (vcpu.kicked[0]) {
		vcpu.kicked[0] = false;
		vcpu.run.reason = SVMVCPU_EXIT_INTERRUPTED;
	} else if (vcpu.event) {
		vcpu.event = false;
		vcpu.run = vcpu.next;
		*status = vcpu.status;
	}
	pthread_mutex_unlock(&lock);
	return !ended;
}

static bool next_kick(void)
{
	bool ended;

	pthread_mutex_lock(&lock);
	while (!vcpu.kicked[1] && !vcpu.ended)
		pthread_cond_wait(&changed, &lock);
	vcpu.kicked[1] = false;
	ended = vcpu.ended;
	pthread_mutex_unlock(&lock);
	return !ended;
}

/* the first thread that ends says how */
static void end(unsigned int nr, int result)
{
	pthread_mutex_lock(&lock);
	if (!vcpu.ended)
		vcpu.result = result;
	result = vcpu.result;
	vcpu.ended = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	gdb_end(vcpu.gdb, nr, result);
}

static void *run_vcpu(void *arg)
{
	int ret = vcpu.wait ? gdb_wait(vcpu.gdb, 0) : MACHINE_CONTINUE, status;

	(void)arg;
	while (ret == MACHINE_CONTINUE && next_exit(&status))
		ret = gdb_exit(vcpu.gdb, 0, &vcpu.run, status);
	end(0, ret);
	return NULL;
}

static void *run_other(void *arg)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_INTERRUPTED };
	int ret = vcpu.wait ? gdb_wait(vcpu.gdb, 1) : MACHINE_CONTINUE;

	(void)arg;
	while (ret == MACHINE_CONTINUE && next_kick())
		ret = gdb_exit(vcpu.gdb, 1, &run, MACHINE_CONTINUE);
	end(1, ret);
	return NULL;
}

/* vCPU 0 exits, once it runs */
static void exit_with(const struct svmvcpu_run *run, int status)
{
	pthread_mutex_lock(&lock);
	vcpu.next = *run;
	vcpu.status = status;
	vcpu.event = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* wait until vCPU 0 runs and has nothing to report, or has ended */
static void settle(void)
{
	pthread_mutex_lock(&lock);
	while ((!vcpu.idle || vcpu.event || vcpu.kicked[0]) && !vcpu.ended)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void exit_debug(__u32 cause, __u64 dr6, __u64 rip)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_DEBUG };

	run.debug.cause = cause;
	run.debug.dr6 = dr6;
	run.debug.rip = rip;
	exit_with(&run, MACHINE_CONTINUE);
}

static void start(bool wait, unsigned int nr)
{
	const struct gdb_target target = {
		.nr = nr, .read_cpu = read_cpu, .write_cpu = write_cpu, .memory = find,
		.set_debug = set_debug, .kick = kick, .stopping = stopping,
	};
	unsigned int i;

	for (i = 0; i < BYTES; i++)
		memory[i] = i;
	memset(cpus, 0, sizeof(cpus));
	cpus[0].state.segments.cs.attrib = 0x29b;
	cpus[0].state.control.efer = 0x500;
	cpus[0].state.gprs.rax = 0x1122334455667788;
	cpus[0].state.gprs.rip = MEMORY;
	memset(debug, 0, sizeof(debug));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.nr = nr;
	vcpu.wait = wait;
	vcpu.gdb = gdb_open(path, &target);
	if (!vcpu.gdb) {
		printf("Bail out! %s\n", svmvcpu_last_error());
		exit(1);
	}
	pthread_create(&vcpu.threads[0], NULL, run_vcpu, NULL);
	if (nr > 1)
		pthread_create(&vcpu.threads[1], NULL, run_other, NULL);
}

static int finish(void)
{
	unsigned int i;

	for (i = 0; i < vcpu.nr; i++)
		pthread_join(vcpu.threads[i], NULL);
	gdb_close(vcpu.gdb);
	return vcpu.result;
}

/* the debugger's end */

static int fd;

static void dial(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (void *)&un, sizeof(un)))
		abort();
}

static void send_raw(const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		printf("# cannot send\n");
}

static void send_packet(const char *data, size_t len)
{
	static char out[GDB_PACKET_MAX + 8];
	__u8 sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += data[i];
	out[0] = '$';
	memcpy(out + 1, data, len);
	snprintf(out + 1 + len, 4, "#%02x", sum);
	send_raw(out, len + 4);
}

/* the next byte, or -1 after five seconds or at the end of the connection */
static int get(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char c;

	if (poll(&p, 1, 5000) <= 0 || recv(fd, &c, 1, 0) != 1)
		return -1;
	return c;
}

/* the next packet without frame; acknowledgments in front of it are left out */
static const char *receive(void)
{
	static char in[GDB_PACKET_MAX + 1];
	size_t len = 0;
	int c;

	do {
		c = get();
	} while (c == '+' || c == '-');
	if (c != '$')
		return "nothing";
	while ((c = get()) >= 0 && c != '#' && len < sizeof(in) - 1)
		in[len++] = c;
	in[len] = '\0';
	get();
	get();
	return in;
}

static const char *ask(const char *packet)
{
	send_packet(packet, strlen(packet));
	return receive();
}

static void check(const char *packet, const char *answer)
{
	const char *got = ask(packet);

	OK(!strcmp(got, answer), "%.60s -> %.60s", packet, got);
}

/* the guest stops, or ends */
static void check_stop(const char *what, const char *answer)
{
	const char *got = receive();

	OK(!strcmp(got, answer), "%s: %s", what, got);
}

static void greet(void)
{
	dial();
	ask("qSupported:swbreak+;hwbreak+;xmlRegisters=i386");
	ask("QStartNoAckMode");
}

static void resume(const char *packet)
{
	send_packet(packet, strlen(packet));
}

static void test_queries(void)
{
	start(true, NR);
	dial();
	OK(strstr(ask("qSupported:xmlRegisters=i386"), "PacketSize=4000;"), "features");
	check("QStartNoAckMode", "OK");
	check("?", "T05thread:1;");
	check("vMustReplyEmpty", "");
	check("qCRC:0,1", "");
	check("!", "");
	check("vCont?", "vCont;c;C;s;S;r");
	check("qfThreadInfo", "m1,2");
	check("qsThreadInfo", "l");
	check("qC", "QC1");
	check("qAttached", "1");
	check("qThreadExtraInfo,2", "764350552031");
	check("qThreadExtraInfo,3", "E03");
	check("T2", "OK");
	check("T3", "E03");
	check("T0", "E03");
	check("Hg2", "OK");
	check("qC", "QC2");
	check("Hc-1", "OK");
	check("Hg0", "OK");
	check("Hg99", "E03");
	check("Hx1", "E16");
	check("Hg1", "OK");
	OK(!strncmp(ask("qXfer:features:read:target.xml:0,10"), "m<?xml version=", 15),
	   "the description begins");
	check("qXfer:features:read:target.xml:ffffff,10", "E16");
	check("qXfer:features:read:target.xml:0", "E16");
	check("qXfer:features:read:other.xml:0,10", "E02");
	OK(strlen(ask("qXfer:features:read:target.xml:0,ffffffffffffffff")) > 4000, "all of it");
	resume("k");
	OK(finish() == STATUS_KILLED, "killed");
	close(fd);
}

static void test_registers(void)
{
	const struct gdb_layout layout = { .arch = GDB_X86_64, .described = true };
	char last[8];

	struct gdb_layout l = { GDB_X86_64, true };
	char all[2048], packet[4096];
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < gdb_reg_count(&l); i++)
		bytes += gdb_reg_size(&l, i);
	start(true, 1);
	greet();
	snprintf(all, sizeof(all), "%s", ask("g"));
	OK(strlen(all) == 2 * bytes && !strncmp(all, "8877665544332211", 16), "all registers");
	check("p0", "8877665544332211");
	check("p10", "0000010000000000");
	check("P1=0100000000000080", "OK");
	OK(cpus[0].state.gprs.rbx == 0x8000000000000001, "one is written");
	memcpy(all, "ff", 2);
	snprintf(packet, sizeof(packet), "G%s", all);
	check(packet, "OK");
	OK(cpus[0].state.gprs.rax == 0x11223344556677ff && !cpus[0].state.gprs.rbx,
	   "all are written");
	check("G00", "E16");
	packet[strlen(packet) - 1] = '\0';
	check(packet, "E16");
	check("pff", "E16");
	snprintf(last, sizeof(last), "p%x", gdb_reg_count(&layout));
	check(last, "E16");
	check("p", "E16");
	check("P1=00", "E16");
	check("P1", "E16");
	check("P1=zz00000000000080", "E16");
	refuse = 1;
	check("P1=0100000000000080", "E16");
	refuse = 0;
	check("vKill;1", "OK");
	OK(finish() == STATUS_KILLED, "killed");
	close(fd);
}

static void test_memory(void)
{
	start(true, 1);
	greet();
	check("m10000,4", "00010203");
	check("m10ffe,4", "feff0001");
	check("m12fff,10", "ff");
	check("m13000,1", "E0e");
	check("mffffffffffffffff,2", "E0e");
	check("m10000,0", "");
	OK(strlen(ask("m10000,ffffffffffffffff")) == 2 * 0x2000, "what fits in a packet");
	OK(strlen(ask("m10001,ffffffffffffffff")) == 2 * 0x2000, "also if it ends inside a page");
	check("m10000", "E16");
	check("m10000,fffffffffffffffff", "E16");
	check("M10001,2:aabb", "OK");
	check("m10000,4", "00aabb03");
	check("M10001,2:aa", "E16");
	check("M10001,1:aabb", "E16");
	check("M12fff,2:aabb", "E0e");
	check("m12fff,1", "ff");
	check("M10001,ffffffff:aa", "E16");
	send_packet("X10001,4:a}\003b}\135", 15);
	check_stop("binary", "OK");
	OK(!memcmp(memory + 1, "a#b}", 4), "its bytes");
	check("X10001,0:", "OK");
	check("X10001,5:ab", "E16");
	resume("k");
	finish();
	close(fd);
}

static void test_breakpoints(void)
{
	start(true, 1);
	greet();
	check("Z0,10010,1", "OK");
	OK(memory[16] == 0xcc, "a breakpoint");
	check("m1000f,3", "0f1011");
	check("Z1,10020,1", "OK");
	check("Z2,10100,8", "OK");
	check("Z3,10100,8", "");
	check("Z0,20000,1", "E0e");
	check("Z5,10100,8", "E16");
	check("Z2,10100", "E16");
	check("Z4,10200,18", "E1c");
	resume("vCont;c");
	exit_debug(SVMVCPU_DEBUG_INT3, 0, MEMORY + 16);
	check_stop("it is hit", "T05thread:1;swbreak:;");
	OK(debug[0].flags == (SVMVCPU_DEBUG_INT3 | SVMVCPU_DEBUG_BREAKPOINTS), "how it was set");
	check("z0,10010,1", "OK");
	OK(memory[16] == 16, "it is removed");
	resume("vCont;s:1");
	exit_debug(SVMVCPU_DEBUG_STEP, 1 << 14, MEMORY + 17);
	check_stop("a step", "T05thread:1;");
	OK(debug[0].flags == (SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_BREAKPOINTS), "steps");
	resume("vCont;c");
	exit_debug(SVMVCPU_DEBUG_BREAKPOINTS, 1, MEMORY + 32);
	check_stop("a hardware breakpoint", "T05thread:1;hwbreak:;");
	resume("vCont;c:1");
	exit_debug(SVMVCPU_DEBUG_BREAKPOINTS, 2, MEMORY + 3);
	check_stop("a watchpoint", "T05thread:1;watch:10100;");
	resume("vCont;r10010,10020:1;c");
	exit_debug(SVMVCPU_DEBUG_STEP, 1 << 14, MEMORY + 0x1f);
	settle();
	exit_debug(SVMVCPU_DEBUG_STEP, 1 << 14, MEMORY + 0x20);
	check_stop("the end of a range", "T05thread:1;");
	check("vCont;c:2", "E03");
	check("vCont;x", "E16");
	check("vCont;c:", "E16");
	check("vCont;C:1", "E16");
	check("vCont", "E03");
	check("c1000", "E16");
	resume("k");
	finish();
	close(fd);
}

/* INT3 instructions that are the guest's go to the guest */
static void test_int3(void)
{
	start(true, 1);
	greet();
	check("Z0,10010,1", "OK");
	memory[0x80] = 0xcc;
	resume("vCont;c");
	exit_debug(SVMVCPU_DEBUG_INT3, 0, MEMORY + 0x80);
	settle();
	OK(vcpu.run.in_flags == SVMVCPU_RUN_INJECT, "an INT3 of the guest");
	exit_debug(SVMVCPU_DEBUG_INT3, 0, MEMORY + 0x81);
	settle();
	OK(!vcpu.run.in_flags, "one that is no longer there");
	send_raw("\003", 1);
	check_stop("Ctrl-C", "T02thread:1;");
	resume("k");
	finish();
	close(fd);
}

static void test_interrupt(void)
{
	static const char flood[1000] = "++++++++++";
	unsigned int i;

	start(false, 1);
	dial();
	OK(strstr(ask("qSupported:swbreak+"), "swbreak"), "it attaches to a guest that runs");
	check("?", "T05thread:1;");
	resume("c");
	settle();
	OK(gdb_paused_ns(vcpu.gdb), "the time for which it was stopped");
	send_raw("\003", 1);
	check_stop("Ctrl-C", "T02thread:1;");
	send_raw("$c#63\003", 6);
	check_stop("Ctrl-C at once", "T02thread:1;");
	send_raw("$s#73garbage$g#67", 17);
	exit_debug(SVMVCPU_DEBUG_STEP, 1 << 14, MEMORY);
	check_stop("what comes meanwhile is dropped", "T05thread:1;");
	resume("c");
	for (i = 0; i < 1000; i++)
		send_raw(flood, sizeof(flood));
	send_raw("\003", 1);
	check_stop("Ctrl-C behind a flood", "T02thread:1;");
	check("D", "OK");
	OK(get() == -1, "detached");
	close(fd);
	dial();
	check("?", "T05thread:1;");
	resume("c");
	exit_with(&(struct svmvcpu_run){ .reason = SVMVCPU_EXIT_HALT }, STATUS_HALT);
	check_stop("the end", "W41");
	OK(finish() == STATUS_HALT, "is the guest's");
	close(fd);
}

/* For the debugger the guest was running: nothing keeps it stopped. */
static void check_gone_at_stop(void)
{
	send_raw("\003", 1);
	check_stop("Ctrl-C", "T02thread:1;");
	check("Z1,10020,1", "OK");
	resume("c");
	exit_debug(SVMVCPU_DEBUG_BREAKPOINTS, 1, MEMORY + 32);
	check_stop("a hardware breakpoint", "T05thread:1;");
	close(fd);
	settle();
	OK(!debug[0].flags, "gone without a packet since the stop: the guest goes on");
}

/* The debugger cannot be answered any more; what it sent last still counts. */
static void test_gone_early(void)
{
	start(false, 1);
	dial();
	check("?", "T05thread:1;");
	shutdown(fd, SHUT_RD);
	send_packet("Z0,10010,1", 10);
	close(fd);
	dial();
	check("?", "T05thread:1;");
	OK(memory[16] == 16, "gone before the answer: no breakpoint is left");
	shutdown(fd, SHUT_RD);
	send_packet("c", 1);
	settle();
	OK(true, "the guest runs");
	close(fd);
	dial();
	check("?", "T05thread:1;");
	check("m10000,1", "00");
	shutdown(fd, SHUT_RD);
	send_packet("k", 1);
	close(fd);
	OK(finish() == STATUS_KILLED, "it is killed");
}

static void test_gone(void)
{
	start(false, 1);
	greet();
	check("Z0,10010,1", "OK");
	close(fd);
	dial();
	check("?", "T05thread:1;");
	OK(memory[16] == 16, "gone while stopped: no breakpoint is left, the guest stays");
	check("Z0,10010,1", "OK");
	check("Z1,10020,1", "OK");
	resume("s");
	close(fd);
	dial();
	check("?", "T05thread:1;");
	OK(memory[16] == 16, "gone while running: neither");
	send_raw("$m10000,", 8);
	close(fd);
	dial();
	check("m10000,1", "00");
	resume("c");
	settle();
	OK(!debug[0].flags, "the guest is no longer debugged");
	check_gone_at_stop();
	exit_with(&(struct svmvcpu_run){ .reason = SVMVCPU_EXIT_SHUTDOWN }, STATUS_SHUTDOWN);
	OK(finish() == STATUS_SHUTDOWN, "nobody looks at its end");
}

static void test_acks(void)
{
	start(true, 1);
	dial();
	send_raw("$?#00", 5);
	OK(get() == '-', "a damaged packet");
	send_raw("$?#3f", 5);
	OK(get() == '+' && !strcmp(receive(), "T05thread:1;"), "a good one");
	send_raw("-", 1);
	check_stop("sent again", "T05thread:1;");
	send_raw("+", 1);
	check("QStartNoAckMode", "OK");
	send_raw("$?#00$?#3f", 10);
	OK(get() == '$' && !strncmp(receive(), "nothing", 7), "no acknowledgment any more");
	resume("k");
	finish();
	close(fd);
}

static void test_ends(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_EXCEPTION };

	run.exception.vector = 13;
	run.exception.error_code = 0x18;
	run.exception.flags = SVMVCPU_EXC_ERROR_CODE;
	start(true, 1);
	greet();
	resume("vCont;c");
	exit_with(&run, STATUS_EXCEPTION);
	check_stop("an exception of --catch", "T0bthread:1;");
	resume("vCont;C0b:1");
	settle();
	OK(vcpu.run.in_flags == SVMVCPU_RUN_INJECT, "the guest gets it");
	exit_with(&run, STATUS_EXCEPTION);
	check_stop("again", "T0bthread:1;");
	check("P0=0000000000000000", "OK");
	resume("vCont;C0b:1");
	settle();
	OK(!vcpu.run.in_flags &&
	   vcpu.run.inject == (SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | 13) &&
	   vcpu.run.inject_error == 0x18, "also after registers were written");
	exit_with(&run, STATUS_EXCEPTION);
	check_stop("again", "T0bthread:1;");
	resume("vCont;c");
	settle();
	OK(!vcpu.run.in_flags && !vcpu.run.inject, "or not");

	run.reason = SVMVCPU_EXIT_MEMORY_FAULT;
	exit_with(&run, STATUS_MEMORY_FAULT);
	check_stop("a memory fault", "T0athread:1;");
	check("P10=0000010000000000", "OK");
	check("P10=0000020000000000", "OK");
	resume("vCont;c");
	run.reason = SVMVCPU_EXIT_SHUTDOWN;
	settle();
	exit_with(&run, STATUS_SHUTDOWN);
	check_stop("that was mended, then a triple fault", "T06thread:1;");
	check("P10=0000030000000000", "OK");
	resume("vCont;c");
	check_stop("is the end", "W42");
	OK(finish() == STATUS_SHUTDOWN, "with its status");
	close(fd);
}

static void test_signal(void)
{
	start(true, 1);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu.threads[0], SIGTERM);
	OK(finish() == STATUS_INTERRUPTED, "SIGTERM while it waits");
	__atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Packets that are almost right; the server neither dies nor hangs. */
static void test_hostile(void)
{
	static const char * const seeds[] = {
		"g", "G", "m10000,10", "M10000,4:01020304", "X10000,4:abcd", "p10",
		"P10=00",
		"Z0,10000,1", "z0,10000,1", "Z2,10000,8", "Hg1", "Hc-1", "T1", "vCont;s:1",
		"vCont?",
		"vCont;r1,2:1;c", "qSupported:xmlRegisters=i386", "qThreadExtraInfo,1", "?",
		"qXfer:features:read:target.xml:0,fff", "qfThreadInfo", "s", "c", "D", "S05", "C05",
		"vKill;1", "QStartNoAckMode", "k",
	};
	unsigned int seed = 1, i, j, ends = 0;

	for (i = 0; i < 300; i++) {
		start(i & 1, NR - (i & 1));
		dial();
		for (j = 0; j < 40; j++) {
			const char *from = seeds[rand_r(&seed) % (sizeof(seeds) / sizeof(*seeds))];
			char data[64];
			size_t len = strlen(from);

			memcpy(data, from, len);
			if (rand_r(&seed) & 1)
				data[rand_r(&seed) % len] = rand_r(&seed);
			if (!(rand_r(&seed) & 7))
				len = rand_r(&seed) % len;
			if (rand_r(&seed) & 15)
				send_packet(data, len);
			else
				send_raw(data, len);
			if (!(rand_r(&seed) & 7))
				exit_debug(rand_r(&seed) & 7, rand_r(&seed),
					   MEMORY + rand_r(&seed) % 64);
		}
		close(fd);
		__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
		exit_with(&(struct svmvcpu_run){ .reason = SVMVCPU_EXIT_HALT }, STATUS_HALT);
		pthread_kill(vcpu.threads[0], SIGTERM);
		ends += finish() != MACHINE_CONTINUE;
		__atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
	}
	OK(ends == i, "it survives what bad debuggers send");
}

static void test_addresses(void)
{
	static const char * const bad[] = { "/nonexistent/dir/x", "256.0.0.1:1", "[::2]:1" };
	struct gdb_socket s, t;
	char name[64];
	unsigned int i;

	OK(!gdb_socket_open(&s, "0"), "any port");
	gdb_socket_name(&s, name, sizeof(name));
	OK(!strncmp(name, "127.0.0.1:", 10) && strcmp(name, "127.0.0.1:0"), "its name: %s", name);
	OK(gdb_socket_open(&t, name) == -EADDRINUSE, "in use: %s", svmvcpu_last_error());
	gdb_socket_close(&s);
	OK(!gdb_socket_open(&s, path), "a path");
	OK(gdb_socket_open(&t, path) == -EADDRINUSE, "in use: %s", svmvcpu_last_error());
	OK(!access(path, F_OK), "and still there");
	close(s.listener);
	s.listener = -1;
	OK(!gdb_socket_open(&t, path), "left behind, it is replaced");
	gdb_socket_close(&t);
	OK(access(path, F_OK), "removed");
	s.path = NULL;
	gdb_socket_close(&s);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		OK(gdb_socket_open(&s, bad[i]) < 0, "%s", svmvcpu_last_error());
}

int main(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &act, NULL);
	snprintf(path, sizeof(path), "/tmp/test_gdb.%d", getpid());
	test_addresses();
	test_queries();
	test_registers();
	test_memory();
	test_breakpoints();
	test_int3();
	test_interrupt();
	test_gone();
	test_gone_early();
	test_acks();
	test_ends();
	test_signal();
	test_hostile();
	return tap_done();
}
