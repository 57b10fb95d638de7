// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping vCPUs: many threads that run, and all of them report at any time. While one
 * leads, no other runs, and those that are held stay where they are.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gdb_park.h"
#include "tap.h"

#define NR	6
#define ROUNDS	2000

static struct gdb_park park;
static bool kicked[NR];
static int running, leaders, wrong, led[NR], done;
static bool hold[NR];

static int add(int *value, int n)
{
	return __atomic_add_fetch(value, n, __ATOMIC_SEQ_CST);
}

static void kick(void *arg, unsigned int nr)
{
	if (arg != &park)
		abort();
	__atomic_store_n(&kicked[nr], true, __ATOMIC_SEQ_CST);
}

static void lead(unsigned int me, unsigned int *seed)
{
	bool run[NR];
	unsigned int i;

	if (add(&leaders, 1) != 1 || __atomic_load_n(&running, __ATOMIC_SEQ_CST))
		add(&wrong, 1);
	led[me]++;
	if (!(rand_r(seed) & 15))
		sched_yield();
	for (i = 0; i < NR; i++) {
		run[i] = rand_r(seed) & 3;
		hold[i] = !run[i];
	}
	/* someone must go on */
	i = rand_r(seed) % NR;
	run[i] = true;
	hold[i] = false;
	add(&leaders, -1);
	gdb_park_leave(&park, me, run);
}

static bool stops(unsigned int me)
{
	return __atomic_exchange_n(&kicked[me], false, __ATOMIC_SEQ_CST);
}

static void *vcpu(void *arg)
{
	unsigned int me = (unsigned long)arg, seed = me + 1, rounds;

	for (rounds = 0; !__atomic_load_n(&done, __ATOMIC_SEQ_CST); rounds++) {
		add(&running, 1);
		if (hold[me])
			add(&wrong, 1);
		while (!stops(me) && rand_r(&seed) & 63)
			;
		add(&running, -1);
		if (gdb_park_enter(&park, me, kick, &park)) {
			if (led[me] == ROUNDS)
				__atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
			lead(me, &seed);
		}
	}
	while (!gdb_park_enter(&park, me, kick, &park))
		;
	memset(hold, 0, sizeof(hold));
	gdb_park_end(&park);
	return NULL;
}

int main(void)
{
	bool run[1] = { true };
	pthread_t threads[NR];
	unsigned long i;
	int most = 0;

	gdb_park_init(&park, 1);
	OK(gdb_park_enter(&park, 0, kick, &park) && gdb_park_led(&park), "a vCPU alone leads");
	gdb_park_leave(&park, 0, run);
	OK(!gdb_park_led(&park), "and goes on");
	gdb_park_destroy(&park);

	gdb_park_init(&park, NR);
	for (i = 0; i < NR; i++)
		pthread_create(&threads[i], NULL, vcpu, (void *)i);
	for (i = 0; i < NR; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NR; i++)
		most = led[i] > most ? led[i] : most;
	OK(most > ROUNDS, "many vCPUs stop each other, and end: the most often %d times", most);
	OK(!wrong, "while one leads, no other runs: %d did", wrong);
	gdb_park_destroy(&park);
	return tap_done();
}
