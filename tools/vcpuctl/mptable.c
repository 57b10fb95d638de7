// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: writing the MP tables (MP specification 1.4, chapter 4). Plain bytes
 * and lengths: the layouts have no padding, and there is nothing to parse.
 */
#include <string.h>

#include "ioapic.h"
#include "mptable.h"

#define SPEC_1_4	4
#define LAPIC_VERSION	0x14
#define CPU_ENABLED	0x01
#define CPU_BOOT	0x02
#define IOAPIC_USABLE	0x01
#define BUS_ISA		0
#define ISA_IRQS	16
#define CASCADE		2	/* ISA has no interrupt of this number */
#define EVERY_LAPIC	0xff

/* kinds of interrupts */
#define KIND_INT	0
#define KIND_NMI	1
#define KIND_EXTINT	3

#define ENTRY_CPU	0
#define ENTRY_BUS	1
#define ENTRY_IOAPIC	2
#define ENTRY_IOINT	3
#define ENTRY_LINT	4

struct mp_pointer {
	char signature[4];
	__u32 table;
	__u8 length;		/* in units of 16 bytes */
	__u8 revision;
	__u8 checksum;
	__u8 features[5];
};

struct mp_header {
	char signature[4];
	__u16 length;
	__u8 revision;
	__u8 checksum;
	char oem[8];
	char product[12];
	__u32 oem_table;
	__u16 oem_length;
	__u16 entries;
	__u32 lapic;
	__u16 extended_length;
	__u8 extended_checksum;
	__u8 reserved;
};

struct mp_cpu {
	__u8 type;
	__u8 id;
	__u8 version;
	__u8 flags;
	__u32 signature;
	__u32 features;
	__u32 reserved[2];
};

struct mp_bus {
	__u8 type;
	__u8 id;
	char name[6];
};

struct mp_ioapic {
	__u8 type;
	__u8 id;
	__u8 version;
	__u8 flags;
	__u32 address;
};

/* of an I/O APIC's pin, or of a local APIC's */
struct mp_interrupt {
	__u8 type;
	__u8 kind;
	__u16 flags;		/* 0: as usual for the bus */
	__u8 bus;
	__u8 irq;
	__u8 apic;
	__u8 pin;
};

struct table {
	unsigned char *at;
	size_t len;
	unsigned int entries;
};

static void add(struct table *t, const void *entry, size_t len)
{
	memcpy(t->at + t->len, entry, len);
	t->len += len;
	t->entries++;
}

static __u8 checksum(const void *at, size_t len)
{
	const __u8 *p = at;
	__u8 sum = 0;

	while (len--)
		sum += *p++;
	return -sum;
}

static void add_cpus(struct table *t, unsigned int cpus)
{
	struct mp_cpu cpu = {
		.type = ENTRY_CPU, .version = LAPIC_VERSION, .flags = CPU_ENABLED | CPU_BOOT,
	};
	unsigned int i;

	for (i = 0; i < cpus; i++) {
		cpu.id = i;
		add(t, &cpu, sizeof(cpu));
		cpu.flags = CPU_ENABLED;
	}
}

static void add_devices(struct table *t, __u8 ioapic_id)
{
	const struct mp_bus bus = { ENTRY_BUS, BUS_ISA, { 'I', 'S', 'A', ' ', ' ', ' ' } };
	const struct mp_ioapic ioapic = {
		ENTRY_IOAPIC, ioapic_id, IOAPIC_VERSION, IOAPIC_USABLE, IOAPIC_GPA,
	};

	add(t, &bus, sizeof(bus));
	add(t, &ioapic, sizeof(ioapic));
}

static void add_interrupts(struct table *t, __u8 ioapic_id)
{
	struct mp_interrupt i = { .type = ENTRY_IOINT, .kind = KIND_INT, .apic = ioapic_id };

	for (i.irq = 0; i.irq < ISA_IRQS; i.irq++) {
		i.pin = i.irq ? i.irq : CASCADE;
		if (i.irq != CASCADE)
			add(t, &i, sizeof(i));
	}
	i = (struct mp_interrupt){ .type = ENTRY_LINT, .kind = KIND_EXTINT, .apic = EVERY_LAPIC };
	add(t, &i, sizeof(i));
	i.kind = KIND_NMI;
	i.pin = 1;
	add(t, &i, sizeof(i));
}

size_t mptable_write(void *at, unsigned int cpus)
{
	struct mp_header header = {
		.signature = { 'P', 'C', 'M', 'P' }, .revision = SPEC_1_4, .lapic = MPTABLE_LAPIC,
	};
	struct mp_pointer pointer = {
		.signature = { '_', 'M', 'P', '_' }, .length = 1, .revision = SPEC_1_4,
		.table = MPTABLE_GPA + sizeof(pointer),
	};
	struct table t = { (unsigned char *)at + sizeof(pointer), sizeof(header), 0 };

	memcpy(header.oem, "SVMVCPU ", sizeof(header.oem));
	memcpy(header.product, "VCPUCTL     ", sizeof(header.product));
	add_cpus(&t, cpus);
	/* a number that no local APIC has */
	add_devices(&t, cpus);
	add_interrupts(&t, cpus);
	header.length = t.len;
	header.entries = t.entries;
	memcpy(t.at, &header, sizeof(header));
	header.checksum = checksum(t.at, t.len);
	memcpy(t.at, &header, sizeof(header));
	pointer.checksum = checksum(&pointer, sizeof(pointer));
	memcpy(at, &pointer, sizeof(pointer));
	return sizeof(pointer) + t.len;
}
