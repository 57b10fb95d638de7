// SPDX-License-Identifier: GPL-2.0-only
/*
 * When vcpuctl says that a guest has been silent.
 */
#include "hint.h"
#include "tap.h"

#define SEC	1000000000ULL

static struct svmvcpu_run stopped(__u32 by)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_INTERRUPTED };

	run.interrupted.by = by;
	return run;
}

int main(void)
{
	struct svmvcpu_run run = stopped(SVMVCPU_BY_DEADLINE);
	struct hint h = { .wanted = true };

	hint_alive(&h, SEC);
	OK(hint_deadline(&h, 0) == 4 * SEC && hint_deadline(&h, 9 * SEC) == 4 * SEC,
	   "it is due after a while");
	OK(hint_deadline(&h, 2 * SEC) == 2 * SEC, "unless the user's deadline is earlier");
	OK(!hint_due(&h, &run, 5 * SEC, 2 * SEC) && run.interrupted.by == SVMVCPU_BY_DEADLINE,
	   "which remains what it is");
	OK(!hint_due(&h, &run, 4 * SEC - 1, 0), "not before");
	run = stopped(SVMVCPU_BY_KICK | SVMVCPU_BY_DEADLINE);
	OK(hint_due(&h, &run, 4 * SEC, 9 * SEC) && run.interrupted.by == SVMVCPU_BY_KICK,
	   "when it is given the run goes on");
	OK(hint_deadline(&h, 0) == 0 && hint_deadline(&h, 9 * SEC) == 9 * SEC &&
	   !hint_due(&h, &run, 5 * SEC, 0), "and it is given once");
	h.wanted = true;
	hint_alive(&h, SEC);
	run.reason = SVMVCPU_EXIT_IO;
	run.io.port = 7;
	OK(hint_due(&h, &run, 4 * SEC, 0) && run.io.port == 7, "an exit may be what ends the time");
	return tap_done();
}
