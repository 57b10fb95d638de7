// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: stopping all vCPUs for a debugger.
 */
#include <string.h>

#include "gdb_park.h"

void gdb_park_init(struct gdb_park *p, unsigned int nr)
{
	*p = (struct gdb_park){ .nr = nr, .threads = nr };
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
}

void gdb_park_destroy(struct gdb_park *p)
{
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

bool gdb_park_led(struct gdb_park *p)
{
	bool led;

	pthread_mutex_lock(&p->lock);
	led = p->led;
	pthread_mutex_unlock(&p->lock);
	return led;
}

/*
 * A thread that has been let go counts as parked until it has the lock again. If another
 * leads by then, it waits on.
 */
static void wait_parked(struct gdb_park *p, unsigned int me)
{
	p->parked++;
	pthread_cond_broadcast(&p->changed);
	while (p->led || p->held[me])
		pthread_cond_wait(&p->changed, &p->lock);
	p->parked--;
}

bool gdb_park_enter(struct gdb_park *p, unsigned int me,
		    void (*kick)(void *arg, unsigned int nr), void *arg)
{
	bool leads;
	unsigned int i;

	pthread_mutex_lock(&p->lock);
	leads = !p->led;
	if (leads) {
		p->led = true;
		for (i = 0; i < p->nr; i++)
			if (i != me)
				kick(arg, i);
		while (p->parked < p->threads - 1)
			pthread_cond_wait(&p->changed, &p->lock);
	} else {
		wait_parked(p, me);
	}
	pthread_mutex_unlock(&p->lock);
	return leads;
}

void gdb_park_leave(struct gdb_park *p, unsigned int me, const bool *run)
{
	unsigned int i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < p->nr; i++)
		p->held[i] = !run[i];
	p->led = false;
	if (p->held[me])
		wait_parked(p, me);
	else
		pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void gdb_park_end(struct gdb_park *p)
{
	pthread_mutex_lock(&p->lock);
	memset(p->held, 0, sizeof(p->held));
	p->led = false;
	p->threads--;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}
