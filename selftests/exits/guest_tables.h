/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of instructions and operands that the module finds through the guest's page
 * tables: a guest in 64-bit mode with page tables that the test changes between exits.
 */
#ifndef GUEST_TABLES_H
#define GUEST_TABLES_H

#include "guest_thread.h"

#define PML4		0x20000UL
#define PDPT		0x21000UL
#define PD		0x22000UL
#define PT		0x23000UL
#define OTHER		0x10000UL	/* offset of another set of tables */
#define LINEAR		0x1000UL	/* linear address of the code */
#define CODE		0x40000UL	/* its memory: page n has n prefixes */
#define DEVICE		0x10000000UL	/* no region */
#define DEVICE_LINEAR	0x2000UL

#define PTE_PW		3ULL

static inline void put_entry(struct test_vm *t, unsigned long table, unsigned int index,
			     uint64_t value)
{
	((uint64_t *)(t->mem + table))[index] = value;
}

/* Maps LINEAR to the page with @prefixes, in the tables at @offset. */
static inline void put_tables(struct test_vm *t, unsigned long offset, unsigned int prefixes)
{
	put_entry(t, PML4 + offset, 0, (PDPT + offset) | PTE_PW);
	put_entry(t, PDPT + offset, 0, (PD + offset) | PTE_PW);
	put_entry(t, PD + offset, 0, (PT + offset) | PTE_PW);
	put_entry(t, PT + offset, LINEAR >> 12, (CODE + (prefixes << 12)) | PTE_PW);
}

#endif /* GUEST_TABLES_H */
