// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 64-bit guest: freestanding C with identity page tables. A check that fails ends
 * the guest with its number as exit code.
 */
#include "guest.h"

enum failure { FAIL_WALK = 1, FAIL_PRIMES, FAIL_SSE, FAIL_VMMCALL };

#define PTE_PRESENT	0x1ul
#define PTE_LARGE	0x80ul
#define PTE_ADDRESS	0x000ffffffffff000ul
#define UNKNOWN_CALL	(-38l)
#define CALL_NR		0x77

static void put(const char *text)
{
	unsigned long len = 0;

	while (text[len])
		len++;
	asm volatile("rep outsb" : "+S" (text), "+c" (len) : "d" (PORT_SERIAL) : "memory");
}

static void put_number(unsigned long value)
{
	char digits[21];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = '0' + value % 10;
		value /= 10;
	} while (value);
	put(p);
}

static void fail(enum failure code)
{
	put("failed\n");
	asm volatile("outl %0, %w1" :: "a" (code), "Nd" (PORT_EXIT));
}

/* walk the page tables in CR3 instead of reading the address */
static unsigned long walk(unsigned long address)
{
	unsigned long entry, span;
	int shift;

	asm("mov %%cr3, %0" : "=r" (entry));
	for (shift = 39; shift >= 12; shift -= 9) {
		const unsigned long *table = (const unsigned long *)(entry & PTE_ADDRESS);

		entry = table[(address >> shift) & 511];
		if (!(entry & PTE_PRESENT))
			return ~0ul;
		if (shift < 39 && (shift == 12 || (entry & PTE_LARGE)))
			break;
	}
	span = 1ul << shift;
	return (entry & PTE_ADDRESS & ~(span - 1)) | (address & (span - 1));
}

static unsigned int count_primes(unsigned int below)
{
	static unsigned char composite[1000];
	unsigned int i, j, count = 0;

	for (i = 2; i < below; i++) {
		if (composite[i])
			continue;
		count++;
		for (j = i * i; j < below; j += i)
			composite[j] = 1;
	}
	return count;
}

/* the square root of two in millionths, in an SSE register */
static unsigned long root_of_two(void)
{
	double x = 2.0;

	asm volatile("sqrtsd %0, %0" : "+x" (x));
	return (unsigned long)(x * 1000000.0);
}

static long hypercall(long nr, long arg)
{
	long ret;

	asm volatile("vmmcall" : "=a" (ret) : "a" (nr), "D" (arg) : "memory");
	return ret;
}

int guest_main(void)
{
	unsigned int primes;
	unsigned long root;

	put("hello from 64-bit mode\n");
	if (walk((unsigned long)guest_main) != (unsigned long)guest_main)
		fail(FAIL_WALK);
	put("page tables: this code is where it should be\n");
	primes = count_primes(1000);
	put("primes below 1000: ");
	put_number(primes);
	put("\n");
	if (primes != 168)
		fail(FAIL_PRIMES);
	root = root_of_two();
	put("square root of 2 in millionths: ");
	put_number(root);
	put("\n");
	if (root != 1414213)
		fail(FAIL_SSE);
	if (hypercall(CALL_NR, 42) != UNKNOWN_CALL)
		fail(FAIL_VMMCALL);
	put("vmmcall: answered\n");
	return 0;
}
