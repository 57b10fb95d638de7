// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for Linux guests with several CPUs: smpstress ROUNDS. Messages through pipes
 * between many processes, futexes, TLB shootdowns, timers and clocks, on all CPUs. Each part
 * verifies its result. The last line is "guest: stress passed" or says what has failed.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096
#define MAX_THREADS	64

static unsigned int cpus, rounds;
static pthread_barrier_t barrier;

static void __attribute__((noreturn)) fail(const char *what, long got, long expected)
{
	printf("guest: stress failed: %s: %ld, expected %ld\n", what, got, expected);
	fflush(stdout);
	_exit(1);
}

static void pin(unsigned int nr)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(nr % cpus, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity", -1, 0);
	if (sched_getcpu() != (int)(nr % cpus))
		fail("CPU of a thread", sched_getcpu(), nr % cpus);
}

/* thread n is on CPU n modulo @cpus, except where it moves */
static void run_threads(unsigned int nr, void *(*body)(void *))
{
	pthread_t threads[MAX_THREADS];
	uintptr_t i;

	pthread_barrier_init(&barrier, NULL, nr);
	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, body, (void *)i))
			fail("pthread_create", i, nr);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

/* --- pipes: each of several senders writes to each of several receivers ------------- */

#define SENDERS		5
#define RECEIVERS	5

struct message {
	uint32_t sender;
	uint32_t seq;
	uint32_t sum;
	uint32_t data[13];
};

static uint32_t checksum(const struct message *m)
{
	uint32_t sum = m->sender * 31 + m->seq;
	unsigned int i;

	for (i = 0; i < 13; i++)
		sum = sum * 33 + m->data[i];
	return sum;
}

static void __attribute__((noreturn)) sender(unsigned int nr, int pipes[][2])
{
	struct message m = { .sender = nr };
	unsigned int i, to;

	for (m.seq = 0; m.seq < rounds; m.seq++) {
		for (i = 0; i < 13; i++)
			m.data[i] = m.seq * 7 + nr + i;
		m.sum = checksum(&m);
		for (to = 0; to < RECEIVERS; to++)
			if (write(pipes[to][1], &m, sizeof(m)) != sizeof(m))
				fail("write to a pipe", -1, sizeof(m));
	}
	_exit(0);
}

static void __attribute__((noreturn)) receiver(int fd)
{
	uint32_t next[SENDERS] = { 0 };
	unsigned int i, total = 0;
	struct message m;
	ssize_t n;

	/* a write of this size is atomic, and all have the same */
	while ((n = read(fd, &m, sizeof(m))) == sizeof(m)) {
		if (m.sender >= SENDERS || m.seq != next[m.sender])
			fail("sequence of messages", m.seq,
			     m.sender < SENDERS ? next[m.sender] : 0);
		if (m.sum != checksum(&m))
			fail("checksum of a message", m.sum, checksum(&m));
		next[m.sender]++;
		total++;
	}
	if (n)
		fail("read from a pipe", n, 0);
	for (i = 0; i < SENDERS; i++)
		if (next[i] != rounds)
			fail("messages of a sender", next[i], rounds);
	_exit(0);
}

static void close_pipes(int pipes[][2], int end)
{
	unsigned int i;

	for (i = 0; i < RECEIVERS; i++)
		close(pipes[i][end]);
}

static void test_pipes(void)
{
	int pipes[RECEIVERS][2], status;
	unsigned int i;

	fflush(stdout);
	for (i = 0; i < RECEIVERS; i++)
		if (pipe(pipes[i]))
			fail("pipe", -1, 0);
	for (i = 0; i < SENDERS + RECEIVERS; i++) {
		if (fork())
			continue;
		close_pipes(pipes, i < SENDERS ? 0 : 1);
		if (i < SENDERS)
			sender(i, pipes);
		receiver(pipes[i - SENDERS][0]);
	}
	close_pipes(pipes, 0);
	close_pipes(pipes, 1);
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		if (wait(&status) < 0 || status)
			fail("process with pipes", status, 0);
}

/* --- futexes: a counter under a lock, and a token that goes round ------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned long counter, token;
static unsigned int players;

static void *count(void *arg)
{
	unsigned int nr = (uintptr_t)arg, i;

	pin(nr);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < rounds * 4; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	for (i = 0; i < rounds / 4; i++) {
		pthread_mutex_lock(&lock);
		while (token % players != nr)
			pthread_cond_wait(&moved, &lock);
		token++;
		pthread_cond_broadcast(&moved);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void test_futexes(void)
{
	players = cpus < 4 ? 4 : cpus;
	run_threads(players, count);
	if (counter != (unsigned long)rounds * 4 * players)
		fail("a counter under a lock", counter, rounds * 4 * players);
	if (token != (unsigned long)(rounds / 4) * players)
		fail("a token that goes round", token, rounds / 4 * players);
}

/* --- TLB shootdowns: no CPU sees a page or a permission that has been replaced ------- */

#define WRITABLE	0
#define READ_ONLY	1

static uint64_t *replaced, *protected;
static atomic_ullong published;	/* @replaced has at least this number */
static atomic_uint phase;	/* odd: @protected is read-only */
static atomic_bool over;
static __thread sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

static bool try_write(unsigned int nr)
{
	if (sigsetjmp(fault, 1))
		return false;
	((volatile uint64_t *)protected)[nr] = nr;
	return true;
}

static void change_pages(void)
{
	uint64_t i, *fresh;

	for (i = 1; i <= rounds; i++) {
		fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (fresh == MAP_FAILED)
			fail("mmap", -1, 0);
		*fresh = i;
		if (mremap(fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, replaced) ==
		    MAP_FAILED)
			fail("mremap", -1, 0);
		atomic_store(&published, i);
		mprotect(protected, PAGE, PROT_READ);
		atomic_fetch_add(&phase, 1);
		sched_yield();
		atomic_fetch_add(&phase, 1);
		mprotect(protected, PAGE, PROT_READ | PROT_WRITE);
	}
	atomic_store(&over, true);
}

static void *shoot(void *arg)
{
	unsigned int nr = (uintptr_t)arg, before;
	uint64_t least, got;
	bool written;

	pin(nr);
	pthread_barrier_wait(&barrier);
	if (!nr) {
		change_pages();
		return NULL;
	}
	while (!atomic_load(&over)) {
		least = atomic_load(&published);
		if (sigsetjmp(fault, 1))
			continue;	/* between the two pages */
		got = *(volatile uint64_t *)replaced;
		if (got < least)
			fail("a page that has been replaced", got, least);
		before = atomic_load(&phase);
		written = try_write(nr);
		if (written && before % 2 == READ_ONLY && atomic_load(&phase) == before)
			fail("a write to a read-only page", before, WRITABLE);
		sched_yield();
	}
	return NULL;
}

static void test_tlb(void)
{
	struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	replaced = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	protected = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	run_threads(cpus, shoot);
	if (*replaced != rounds)
		fail("the last page", *replaced, rounds);
	signal(SIGSEGV, SIG_DFL);
}

/* --- clocks and timers: none goes back, none is early, on any CPU ------------------- */

static atomic_llong latest;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void check_clock(void)
{
	long long before = atomic_load(&latest), after = now();

	if (after < before)
		fail("the clock of another CPU", after, before);
	while (before < after && !atomic_compare_exchange_weak(&latest, &before, after))
		;
}

static void *sleep_often(void *arg)
{
	unsigned int nr = (uintptr_t)arg, i, k;
	struct timespec until;
	int64_t at;

	pthread_barrier_wait(&barrier);
	for (i = 0; i < rounds / 8; i++) {
		pin(nr + i);
		for (k = 0; k < 20; k++)
			check_clock();
		at = now() + 100000 * (1 + (nr + i) % 8);
		until = (struct timespec){ at / 1000000000, at % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		if (now() < at)
			fail("a timer", now(), at);
	}
	return NULL;
}

static void test_timers(void)
{
	run_threads(cpus, sleep_often);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
		{ "pipes", test_pipes }, { "futexes", test_futexes }, { "tlb", test_tlb },
		{ "timers", test_timers },
	};
	unsigned int i;
	int64_t begin;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	rounds = argc > 1 ? atoi(argv[1]) : 0;
	if (!rounds || cpus > MAX_THREADS)
		fail("rounds or CPUs", rounds, cpus);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		begin = now();
		parts[i].run();
		printf("guest: stress %s on %u CPUs, %lld ms\n", parts[i].name, cpus,
		       (long long)(now() - begin) / 1000000);
	}
	puts("guest: stress passed");
	return 0;
}
