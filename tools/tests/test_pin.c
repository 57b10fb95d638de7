// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of host CPUs, and which of them the threads of vCPUs get.
 */
#include <errno.h>
#include <string.h>

#include "pin.h"
#include "svmvcpu_lib.h"
#include "tap.h"

static struct pin_list list;

static void test_lists(void)
{
	static const struct {
		const char *text;
		int ret;
		unsigned int nr, first, last;
	} cases[] = {
		{ "0", 0, 1, 0, 0 }, { "7,3", 0, 2, 7, 3 }, { "2-5", 0, 4, 2, 5 },
		{ "1,1,1", 0, 3, 1, 1 }, { "0,2-3,1", 0, 4, 0, 1 }, { "5-5", 0, 1, 5, 5 },
		{ "0-1023", 0, 1024, 0, 1023 }, { "0007", 0, 1, 7, 7 },
		{ "0-1023,0", -ERANGE, 0, 0, 0 }, { "1024", -ERANGE, 0, 0, 0 },
		{ "0-1024", -ERANGE, 0, 0, 0 }, { "4294967296", -ERANGE, 0, 0, 0 },
		{ "99999999999999999999", -ERANGE, 0, 0, 0 },
		{ "", -EINVAL, 0, 0, 0 }, { ",", -EINVAL, 0, 0, 0 }, { "1,", -EINVAL, 0, 0, 0 },
		{ "1,,2", -EINVAL, 0, 0, 0 }, { "-1", -EINVAL, 0, 0, 0 },
		{ "1-", -EINVAL, 0, 0, 0 }, { "3-2", -EINVAL, 0, 0, 0 },
		{ "1-2-3", -EINVAL, 0, 0, 0 }, { "1 ", -EINVAL, 0, 0, 0 },
		{ "+1", -EINVAL, 0, 0, 0 }, { "0x1", -EINVAL, 0, 0, 0 },
		{ "all", -EINVAL, 0, 0, 0 },
	};
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ret = parse_pins(cases[i].text, &list);
		OK(ret == cases[i].ret &&
		   (ret || (list.nr == cases[i].nr && list.cpus[0] == cases[i].first &&
			    list.cpus[list.nr - 1] == cases[i].last)),
		   "list '%s' is %d", cases[i].text, ret);
	}
}

static void test_choice(void)
{
	cpu_set_t allowed, got;
	pthread_attr_t attr;
	unsigned int nr;
	int right = 0;

	CPU_ZERO(&allowed);
	CPU_SET(2, &allowed);
	CPU_SET(700, &allowed);
	list.nr = 0;
	OK(!pin_choose(&list, &allowed) && list.nr == 2 && list.cpus[0] == 2 &&
	   list.cpus[1] == 700, "without a list, all CPUs that are allowed");
	pthread_attr_init(&attr);
	for (nr = 0; nr < 5; nr++) {
		pin_thread(&attr, &list, nr);
		pthread_attr_getaffinity_np(&attr, sizeof(got), &got);
		right += CPU_COUNT(&got) == 1 && CPU_ISSET(nr % 2 ? 700 : 2, &got);
	}
	pthread_attr_destroy(&attr);
	OK(right == 5, "vCPUs take them in turn");
	parse_pins("700,2,700", &list);
	OK(!pin_choose(&list, &allowed) && list.nr == 3, "a list of those is left as it is");
	parse_pins("2,3", &list);
	OK(pin_choose(&list, &allowed) == -EINVAL && strstr(svmvcpu_last_error(), "CPU 3"),
	   "others are refused: %s", svmvcpu_last_error());
	CPU_ZERO(&allowed);
	list.nr = 0;
	OK(pin_choose(&list, &allowed) == -EINVAL, "there must be one");
}

int main(void)
{
	test_lists();
	test_choice();
	return tap_done();
}
