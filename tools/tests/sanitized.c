// SPDX-License-Identifier: GPL-2.0-only
/*
 * Succeeds where sanitizers work: they map their memory before main(), and search for
 * leaks after it.
 */
#include <stdlib.h>

static char *volatile kept;

int main(void)
{
	kept = malloc(1);
	return !kept;
}
