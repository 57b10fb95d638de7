// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the threads of the vCPUs. Each runs its vCPU and answers its exits, under the
 * session's lock. The first whose exit ends the run makes the others end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "finish.h"
#include "pin.h"
#include "session.h"
#include "vcpuctl.h"

#define RFLAGS_IF	(1ULL << 9)

static int stop;	/* set by a signal handler */
static const struct session *running;

int cpus_stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_SEQ_CST);
}

__u64 cpus_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* A kick stays pending, so it also stops a RUN that has not begun yet. */
static void kick_others(const struct session *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (i != nr)
			svmvcpu_vcpu_kick(&s->vcpus[i]);
}

/*
 * The first thread that gets the signal sends it to those of all vCPUs, because one may wait
 * for a debugger. A thread that has not stored its ID yet will see @stop.
 */
static void on_signal(int sig)
{
	int saved = errno, tid;
	unsigned int i;

	if (!__atomic_exchange_n(&stop, 1, __ATOMIC_SEQ_CST)) {
		for (i = 0; i < running->nr; i++) {
			tid = __atomic_load_n(&running->cpus[i].tid, __ATOMIC_SEQ_CST);
			if (tid)
				tgkill(getpid(), tid, sig);
		}
	}
	kick_others(running, MAX_CPUS);
	errno = saved;
}

static void catch_signals(const struct session *s)
{
	struct sigaction act = { .sa_handler = on_signal };

	running = s;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void release_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	running = NULL;
}

void *session_window(const struct svmvcpu_vcpu *vcpu)
{
	const struct svmvcpu_run *run = vcpu->run;
	size_t bytes;

	if (run->reason != SVMVCPU_EXIT_IO || !(run->io.flags & SVMVCPU_IO_STRING))
		return NULL;
	return svmvcpu_vcpu_window(vcpu, &bytes);
}

/* --- the end ---------------------------------------------------------------------- */

/* the first caller decides how the run ends; s->lock is held */
static void end_run(struct cpu *c, int status)
{
	struct session_end *end = &c->s->end;

	if (end->over)
		return;
	end->over = true;
	end->status = status;
	if (status < 0)
		snprintf(end->error, sizeof(end->error), "%s", svmvcpu_last_error());
	/* cpu_halts() has stored what the last vCPU that halted did */
	if (status != STATUS_HALT || c->s->nr == 1) {
		end->cpu = c->nr;
		end->run = *c->s->vcpus[c->nr].run;
	}
	kick_others(c->s, c->nr);
}

/* --- HLT with interrupts disabled ------------------------------------------------- */

/*
 * Such a vCPU waits for an INIT or NMI of another one: Linux stops CPUs like this. The run
 * ends when all vCPUs wait, for that or for a STARTUP. A vCPU is examined by its own thread,
 * because GET_STATE waits for RUN, so each HLT makes all threads examine their vCPUs. The last
 * vCPU that stops executing does so by a HLT. All vCPUs are examined after that HLT; if all
 * wait then, none can wake another one.
 */
static int cpu_halts(struct cpu *c)
{
	struct session *s = c->s;
	struct svmvcpu_vcpu *vcpu = &s->vcpus[c->nr];
	struct svmvcpu_state state;
	int ret;

	if (s->nr == 1)
		return STATUS_HALT;
	ret = svmvcpu_vcpu_get_state(vcpu, SVMVCPU_STATE_EVENTS, &state);
	state.events.activity = SVMVCPU_ACTIVITY_HALTED;
	/* An NMI that arrives between the two calls is not in @state. It ends the HLT. */
	if (!ret)
		ret = svmvcpu_vcpu_set_state(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (ret)
		return ret;
	s->end.cpu = c->nr;
	s->end.run = *vcpu->run;
	s->halts++;
	kick_others(s, MAX_CPUS);
	return MACHINE_CONTINUE;
}

static bool all_idle(const struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!s->cpus[i].idle || s->cpus[i].asked != s->halts)
			return false;
	return true;
}

/* The thread has been kicked, perhaps because another vCPU has halted. */
static int check_idle(struct cpu *c)
{
	struct session *s = c->s;
	struct svmvcpu_vcpu *vcpu = &s->vcpus[c->nr];
	struct svmvcpu_state state;
	int ret;

	if (!s->halts)
		return MACHINE_CONTINUE;
	/* An INIT or NMI may have arrived that the next RUN handles: examine the vCPU after it. */
	if (c->asked != s->halts) {
		c->asked = s->halts;
		c->idle = false;
		svmvcpu_vcpu_kick(vcpu);
		return MACHINE_CONTINUE;
	}
	ret = svmvcpu_vcpu_get_state(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (ret)
		return ret;
	c->idle = state.events.activity == SVMVCPU_ACTIVITY_WAIT_SIPI ||
		  (state.events.activity == SVMVCPU_ACTIVITY_HALTED &&
		   !(vcpu->run->gprs.rflags & RFLAGS_IF));
	return all_idle(s) ? STATUS_HALT : MACHINE_CONTINUE;
}

/* --- exits ------------------------------------------------------------------------ */

static int answer_kick(struct cpu *c)
{
	watch_rearm(&c->s->watch);
	return check_idle(c);
}

static int answer_exit(struct cpu *c)
{
	struct session *s = c->s;
	struct svmvcpu_vcpu *vcpu = &s->vcpus[c->nr];
	struct svmvcpu_run *run = vcpu->run;
	void *window = session_window(vcpu);
	int status;

	status = machine_exit(&s->machine, run, window);
	output_exit(&s->output, c->nr, run, window, s->machine.refused);
	if (status == STATUS_MEMORY_FAULT && run->reason == SVMVCPU_EXIT_MEMORY_FAULT)
		status = finish_insn(&s->machine, &s->guest, &s->info, vcpu);
	if (status == STATUS_HALT)
		status = cpu_halts(c);
	if (status == MACHINE_CONTINUE && run->reason == SVMVCPU_EXIT_INTERRUPTED &&
	    (run->interrupted.by & SVMVCPU_BY_KICK))
		status = answer_kick(c);
	return status;
}

static bool exits_spent(const struct session *s)
{
	return s->options.max_exits && s->output.exits >= s->options.max_exits;
}

static int answer_locked(struct cpu *c)
{
	struct session *s = c->s;
	int status;

	if (exits_spent(s))
		return STATUS_MAX_EXITS;
	status = answer_exit(c);
	/* the instruction has caused an exit, such as an EOI; it causes one at most */
	if (status == FINISH_EXIT)
		status = answer_exit(c);
	if (status != MACHINE_CONTINUE && !s->gdb)
		end_run(c, status);
	if (s->input.fd >= 0 && uart_wants_input(&s->machine.uart))
		watch_arm(&s->watch);
	return status;
}

static int answer(struct cpu *c)
{
	struct session *s = c->s;
	struct svmvcpu_run *run = s->vcpus[c->nr].run;
	bool spent, wait, over;
	int status, fd;

	pthread_mutex_lock(&s->lock);
	over = s->end.over;
	status = over ? s->end.status : answer_locked(c);
	spent = exits_spent(s);
	wait = input_must_wait(&s->input, &fd);
	pthread_mutex_unlock(&s->lock);
	/* the debugger has heard of the end from the thread that caused it */
	if (over)
		return status;
	if (wait)
		input_wait(fd);
	if (status == MACHINE_CONTINUE && run->reason == SVMVCPU_EXIT_MEMORY_FAULT)
		status = gdb_completed(s->gdb, c->nr, run);
	status = gdb_exit(s->gdb, c->nr, run, status);
	if (status != MACHINE_CONTINUE)
		return status;
	if (cpus_stopping())
		return STATUS_INTERRUPTED;
	return spent ? STATUS_MAX_EXITS : MACHINE_CONTINUE;
}

/* --- the threads ------------------------------------------------------------------ */

/* run until the guest's end: an exit status, or a negative errno from RUN */
static int loop(struct cpu *c)
{
	struct session *s = c->s;
	struct svmvcpu_vcpu *vcpu = &s->vcpus[c->nr];
	__u64 deadline = 0, until = 0, used;
	int ret = MACHINE_CONTINUE;

	if (s->options.wait)
		ret = gdb_wait(s->gdb, c->nr);
	if (ret != MACHINE_CONTINUE)
		return ret;
	if (s->options.timeout_ns)
		deadline = cpus_now_ns() + s->options.timeout_ns;
	hint_alive(&s->hint, cpus_now_ns());
	for (;;) {
		if (deadline)
			until = deadline + gdb_paused_ns(s->gdb);
		vcpu->run->deadline_ns = hint_deadline(&s->hint, until);
		ret = svmvcpu_vcpu_run(vcpu);
		if (ret == -EINTR && cpus_stopping())
			return STATUS_INTERRUPTED;
		if (ret == -EINTR)
			continue;
		if (ret)
			return ret;
		if (s->hint.wanted && hint_due(&s->hint, vcpu->run, cpus_now_ns(), until))
			output_silence(&s->output, vcpu->run, HINT_SECONDS);
		used = s->machine.used;
		ret = answer(c);
		if (s->hint.wanted && used != s->machine.used)
			hint_alive(&s->hint, cpus_now_ns());
		if (ret != MACHINE_CONTINUE)
			return ret;
	}
}

static void *cpu_thread(void *arg)
{
	struct cpu *c = arg;
	struct session *s = c->s;
	bool over;
	int status;

	__atomic_store_n(&c->tid, gettid(), __ATOMIC_SEQ_CST);
	/* wait until all threads have been created */
	pthread_mutex_lock(&s->lock);
	over = s->end.over;
	pthread_mutex_unlock(&s->lock);
	if (over)
		return NULL;
	status = loop(c);
	pthread_mutex_lock(&s->lock);
	end_run(c, status);
	status = s->end.status;
	pthread_mutex_unlock(&s->lock);
	gdb_end(s->gdb, c->nr, status);
	return NULL;
}

static int start(struct session *s, unsigned int nr, const struct pin_list *pins)
{
	struct cpu *c = &s->cpus[nr];
	pthread_attr_t attr;
	char name[16];
	int ret;

	*c = (struct cpu){ .s = s, .nr = nr };
	ret = pthread_attr_init(&attr);
	if (!ret && s->options.pin)
		ret = pin_thread(&attr, pins, nr);
	if (!ret)
		ret = pthread_create(&c->thread, &attr, cpu_thread, c);
	pthread_attr_destroy(&attr);
	if (ret)
		return svmvcpu_fail(ret, "cannot create the thread of vCPU %u: %s", nr,
				    strerror(ret));
	snprintf(name, sizeof(name), "vcpu%u", nr);
	pthread_setname_np(c->thread, name);
	return 0;
}

static int run_threads(struct session *s, const struct pin_list *pins)
{
	unsigned int nr;
	int ret = 0;

	pthread_mutex_lock(&s->lock);
	for (nr = 0; nr < s->nr && !ret; nr++)
		ret = start(s, nr, pins);
	if (ret) {
		s->end.over = true;
		nr--;
	}
	pthread_mutex_unlock(&s->lock);
	while (nr)
		pthread_join(s->cpus[--nr].thread, NULL);
	return ret;
}

int cpus_run(struct session *s)
{
	struct pin_list pins = s->options.pins;
	int ret = 0;

	if (s->options.pin)
		ret = pin_check(&pins);
	if (ret)
		return ret;
	/* with a local APIC, a guest may sleep in the kernel */
	s->hint.wanted = !s->guest.lapic && !s->gdb && !s->output.json && !s->output.quiet &&
			 isatty(STDERR_FILENO);
	catch_signals(s);
	ret = run_threads(s, &pins);
	release_signals();
	return ret;
}
