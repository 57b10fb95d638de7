// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the low memory of a PC that its firmware has set up.
 */
#include <string.h>

#include "acpi.h"
#include "board.h"
#include "mptable.h"

#define BDA_GPA		0x400ULL
#define BDA_BYTES	0x100
#define BDA_COM1	0x00
#define BDA_EQUIPMENT	0x10
#define BDA_LOW_KIB	0x13
#define COM1_PORT	0x3f8
#define EQUIPMENT_COM1	0x0200
/* interrupts 0 to 255 of real mode go to one handler, in the segment of the BIOS */
#define IVT_GPA		0ULL
#define IVT_VECTORS	256
#define BIOS_SEGMENT	0xf000U
#define BIOS_HANDLER	0xff00U
#define TABLES_START	ACPI_GPA
#define HIGH_START	0x100000ULL

void board_map(__u64 ram, struct board_range ranges[BOARD_RANGES])
{
	ranges[0] = (struct board_range){ 0, BOARD_LOW_END, BOARD_RAM };
	ranges[1] = (struct board_range){ TABLES_START, HIGH_START - TABLES_START, BOARD_RESERVED };
	ranges[2] = (struct board_range){ HIGH_START, ram - HIGH_START, BOARD_RAM };
}

static int place_bda(struct guest *g)
{
	const __u16 com1 = COM1_PORT, equipment = EQUIPMENT_COM1, kib = BOARD_LOW_END / 1024;
	__u8 bda[BDA_BYTES] = { 0 };

	memcpy(bda + BDA_COM1, &com1, sizeof(com1));
	memcpy(bda + BDA_EQUIPMENT, &equipment, sizeof(equipment));
	memcpy(bda + BDA_LOW_KIB, &kib, sizeof(kib));
	return guest_place(g, BDA_GPA, bda, sizeof(bda), "the BIOS data area");
}

/*
 * There are no BIOS services: each returns with CF set. Kernels that ask in real mode,
 * as Xen does, go on without.
 */
static int place_services(struct guest *g)
{
	/* push %bp; mov %sp,%bp; orb $1,6(%bp); pop %bp; iret */
	static const __u8 handler[] = { 0x55, 0x89, 0xe5, 0x80, 0x4e, 0x06, 0x01, 0x5d, 0xcf };
	__u32 ivt[IVT_VECTORS];
	unsigned int i;
	int ret;

	for (i = 0; i < IVT_VECTORS; i++)
		ivt[i] = BIOS_SEGMENT << 16 | BIOS_HANDLER;
	ret = guest_place(g, IVT_GPA, ivt, sizeof(ivt), "the interrupt vectors");
	return ret ?: guest_place(g, (BIOS_SEGMENT << 4) + BIOS_HANDLER, handler,
				  sizeof(handler), "the BIOS");
}

static int place_acpi(struct guest *g)
{
	struct acpi a;
	int ret;

	acpi_build(&a, g->cpus);
	acpi_fix(&a.rsdp, ACPI_TABLES_GPA);
	acpi_fix(&a.tables, ACPI_TABLES_GPA);
	ret = guest_place(g, ACPI_GPA, a.rsdp.bytes, a.rsdp.len, "the ACPI tables");
	return ret ?: guest_place(g, ACPI_TABLES_GPA, a.tables.bytes, a.tables.len,
				  "the ACPI tables");
}

static int place_mptable(struct guest *g)
{
	int ret = guest_claim(g, MPTABLE_GPA, MPTABLE_BYTES, "the MP tables");

	if (!ret)
		mptable_write((char *)g->mem[0].hva + MPTABLE_GPA, g->cpus);
	return ret;
}

int board_place(struct guest *g)
{
	int ret = place_bda(g);

	if (!ret)
		ret = place_services(g);
	if (!ret)
		ret = place_acpi(g);
	return ret ?: place_mptable(g);
}
