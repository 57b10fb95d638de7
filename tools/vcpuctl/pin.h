/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: host CPUs for the threads of vCPUs.
 */
#ifndef VCPUCTL_PIN_H
#define VCPUCTL_PIN_H

#include <pthread.h>
#include <sched.h>

#define PIN_MAX	1024

/**
 * struct pin_list - host CPUs; vCPU n is on the one at index n modulo @nr
 * @nr: number of elements; 0: all that this process may use
 * @cpus: numbers of CPUs
 */
struct pin_list {
	unsigned int nr;
	unsigned short cpus[PIN_MAX];
};

/* a list like "0,2-5": 0; -EINVAL; or -ERANGE for numbers that are too large, or too many */
int parse_pins(const char *text, struct pin_list *list);

/*
 * all CPUs of @list must be in @allowed; an empty list is filled with those: 0, or a
 * negative errno with a reason
 */
int pin_choose(struct pin_list *list, const cpu_set_t *allowed);
/* the same, with the CPUs that this process may use */
int pin_check(struct pin_list *list);

/* have the thread of vCPU @nr start on its CPU: 0 or an errno; pin_check() has passed */
int pin_thread(pthread_attr_t *attr, const struct pin_list *list, unsigned int nr);

#endif /* VCPUCTL_PIN_H */
