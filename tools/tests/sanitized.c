// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends well where the host lets sanitizers do their work: their memory is mapped
 * before main(), and leaks are searched for after it.
 */
#include <stdlib.h>

static char *volatile kept;

int main(void)
{
	kept = malloc(1);
	return !kept;
}
