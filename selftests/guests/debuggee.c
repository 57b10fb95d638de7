// SPDX-License-Identifier: GPL-2.0-only
/*
 * 64-bit guest for a debugger: works on its variables until the debugger sets @quit, then
 * ends with EXIT_CODE. Compiled without optimization, with line numbers.
 */
#include "guest.h"

#define EXIT_CODE	0x2a

volatile unsigned long counter, quit, squares[4];
double root = 1.5;

/* not inlined: the debugger steps into it, and out of it */
unsigned long square(unsigned long n)
{
	unsigned long result = n * n;

	return result;
}

void work(unsigned long n)
{
	squares[n & 3] = square(n);
	counter++;
}

int guest_main(void)
{
	unsigned long n = 1;

	asm volatile("movsd %0, %%xmm3" :: "m" (root) : "xmm3");
	while (!quit) {
		work(n);
		n++;
	}
	asm volatile("outl %0, %w1" :: "a" (EXIT_CODE), "Nd" (PORT_EXIT));
	return 0;
}
