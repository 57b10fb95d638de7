// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: host CPUs for the threads of vCPUs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pin.h"
#include "svmvcpu_lib.h"

/* a decimal number below CPU_SETSIZE: 0, -EINVAL or -ERANGE; @text moves behind it */
static int parse_cpu(const char **text, unsigned int *cpu)
{
	const char *p = *text;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (*cpu = 0; *p >= '0' && *p <= '9'; p++) {
		*cpu = *cpu * 10 + (*p - '0');
		if (*cpu >= CPU_SETSIZE)
			return -ERANGE;
	}
	*text = p;
	return 0;
}

int parse_pins(const char *text, struct pin_list *list)
{
	unsigned int first, last;
	int ret;

	list->nr = 0;
	for (;; text++) {
		ret = parse_cpu(&text, &first);
		last = first;
		if (!ret && *text == '-') {
			text++;
			ret = parse_cpu(&text, &last);
		}
		if (ret)
			return ret;
		if (last < first)
			return -EINVAL;
		for (; first <= last; first++) {
			if (list->nr == PIN_MAX)
				return -ERANGE;
			list->cpus[list->nr++] = first;
		}
		if (!*text)
			return 0;
		if (*text != ',')
			return -EINVAL;
	}
}

int pin_choose(struct pin_list *list, const cpu_set_t *allowed)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (!CPU_ISSET(list->cpus[i], allowed))
			return svmvcpu_fail(EINVAL, "--pin: this process may not use CPU %u",
					    list->cpus[i]);
	if (list->nr)
		return 0;
	for (i = 0; i < CPU_SETSIZE && list->nr < PIN_MAX; i++)
		if (CPU_ISSET(i, allowed))
			list->cpus[list->nr++] = i;
	return list->nr ? 0 : svmvcpu_fail(EINVAL, "--pin: this process may not use any CPU");
}

int pin_check(struct pin_list *list)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return svmvcpu_fail(errno, "--pin: sched_getaffinity: %s", strerror(errno));
	return pin_choose(list, &allowed);
}

int pin_thread(pthread_attr_t *attr, const struct pin_list *list, unsigned int nr)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(list->cpus[nr % list->nr], &set);
	return pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}
