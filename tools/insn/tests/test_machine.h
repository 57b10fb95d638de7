/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For host tests of libsvmvcpu-insn: a machine with 64 KiB of RAM and a device that
 * records the accesses to it. Included once per program.
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/tap.h"
#include "../machine.h"

#define DEVICE		0xfee00000ULL
#define RAM_BYTES	0x10000
#define TABLES		0x8000		/* four of them, in RAM */
#define CODE64		0xa9b
#define CODE32		0xc9b
#define CODE16		0x09b
#define DATA32		0xc93
#define DATA_RO		0xc91
#define REAL		0x093

struct access {
	u64 gpa;
	u64 value;
	size_t len;
	bool write;
};

/* one machine for all tests; each starts by setting it up */
static alignas(4096) u8 ram[RAM_BYTES];
static struct svmvcpu_gprs gprs;
static struct svmvcpu_segments segments;
static struct svmvcpu_control control;
static struct svmvcpu_emul emul;
static struct access seen[8];
static unsigned int nr_seen, fail_at;
static u64 answer;
static alignas(64) u8 xstate[576];

/* writes to RAM that the library has told */
static struct access told[8];
static unsigned int nr_told;

static inline void wrote(void *opaque, __u64 gpa, size_t len)
{
	(void)opaque;
	if (nr_told < ARRAY_SIZE(told))
		told[nr_told] = (struct access){ gpa, 0, len, true };
	nr_told++;
}

static inline bool told_of(unsigned int i, u64 gpa, size_t len)
{
	return i < nr_told && told[i].gpa == gpa && told[i].len == len;
}

static inline int note(u64 gpa, u64 value, size_t len, bool write)
{
	if (nr_seen < ARRAY_SIZE(seen))
		seen[nr_seen] = (struct access){ gpa, value, len, write };
	return ++nr_seen == fail_at ? -EIO : 0;
}

static inline int device_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	memcpy(buf, opaque, len);
	return note(gpa, 0, len, false);
}

static inline int port_in(void *opaque, __u16 port, unsigned int width, __u32 *value)
{
	(void)opaque;
	*value = 0x88776655;
	return note(port, 0, width, false);
}

static inline int port_out(void *opaque, __u16 port, unsigned int width, __u32 value)
{
	(void)opaque;
	return note(port, value, width, true);
}

static inline int device_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	u64 value = 0;

	(void)opaque;
	memcpy(&value, buf, len);
	return note(gpa, value, len, true);
}

static inline void set_segments(u16 code, u16 data, u32 limit)
{
	const struct svmvcpu_segment d = { .limit = limit, .attrib = data };

	segments = (struct svmvcpu_segments){
		.es = d, .ss = d, .ds = d, .fs = d, .gs = d,
		.cs = { .limit = limit, .attrib = code },
	};
}

/* Flat 32-bit protected mode without paging, RBX pointing at the device. */
static inline void set_up(void)
{
	static const struct svmvcpu_memory memory = { 0, RAM_BYTES, ram };
	static const struct svmvcpu_guest guest = { &memory, 1 };

	memset(ram, 0, sizeof(ram));
	memset(&gprs, 0, sizeof(gprs));
	gprs.rbx = DEVICE;
	gprs.rip = 0x100;
	gprs.rflags = 2;
	set_segments(CODE32, DATA32, 0xffffffff);
	control = (struct svmvcpu_control){ .cr0 = GUEST_CR0_PE };
	emul = (struct svmvcpu_emul){
		.gpa = DEVICE, .gprs = &gprs, .segments = &segments,
		.control = &control, .guest = &guest,
		.read = device_read, .write = device_write, .opaque = &answer,
		.in = port_in, .out = port_out, .wrote = wrote, .xstate = xstate,
	};
	memset(xstate, 0, sizeof(xstate));
	nr_seen = 0;
	nr_told = 0;
	fail_at = 0;
	answer = 0;
}

static inline u64 *pte(unsigned int page)
{
	return (u64 *)(ram + TABLES + 0x3000) + page;
}

/*
 * 64-bit mode. Linear pages: 1 RAM, 2 the device, 3 RAM read-only, 4 RAM for the
 * supervisor, 5 not there.
 */
static inline void set_up_long(void)
{
	unsigned int level;

	set_up();
	set_segments(CODE64, DATA32, 0xffffffff);
	control.cr0 |= GUEST_CR0_PG | GUEST_CR0_WP;
	control.cr4 = 0x20;
	control.efer = GUEST_EFER_LMA | 0x100;
	control.cr3 = TABLES;
	for (level = 0; level < 3; level++)
		*(u64 *)(ram + TABLES + 0x1000 * level) = (TABLES + 0x1000 * (level + 1)) | 7;
	*pte(1) = 0x1007;
	*pte(2) = DEVICE | 7;
	*pte(3) = 0x3005;
	*pte(4) = 0x4003;
	gprs.rbx = 0x2000;
}

static inline int run(const char *bytes, unsigned int len)
{
	emul.insn = (const u8 *)bytes;
	emul.insn_len = len;
	return svmvcpu_emulate(&emul);
}

#define RUN(literal)	run(literal, sizeof(literal) - 1)

static inline bool saw(unsigned int i, u64 gpa, size_t len, bool write, u64 value)
{
	return i < nr_seen && seen[i].gpa == gpa && seen[i].len == len &&
	       seen[i].write == write && seen[i].value == value;
}

static inline bool faulted(int ret, unsigned int vector, u32 error_code, u64 address)
{
	return ret == SVMVCPU_EMUL_FAULT && emul.fault.vector == vector &&
	       emul.fault.error_code == error_code && emul.fault.address == address &&
	       gprs.rip == 0x100;
}

#define GDT	0x1800
#define LLDT	"\x0f\x00\x13"
#define LTR	"\x0f\x00\x1b"

/* The selector @answer selects this descriptor of the GDT. */
static inline u64 *set_descriptor(bool long64, u64 low, u64 high)
{
	if (long64)
		set_up_long();
	else
		set_up();
	segments.gdtr.base = GDT;
	segments.gdtr.limit = 0x3f;
	answer = 0x2b;
	memcpy(ram + GDT + 0x28, &low, 8);
	memcpy(ram + GDT + 0x30, &high, 8);
	return (u64 *)(ram + GDT + 0x28);
}

/* The segment registers of a privilege level */
static inline void set_cpl(unsigned int cpl)
{
	segments.ss.attrib |= cpl << 5;
	segments.cs.attrib |= cpl << 5;
}

static inline void set_vm86(void)
{
	set_up();
	set_segments(CODE16, REAL, 0xffff);
	segments.ds.base = DEVICE;
	segments.es.base = DEVICE;
	segments.ss.base = DEVICE;
	gprs.rbx = 0x10;
	gprs.rsp = 0x100;
	gprs.rflags |= GUEST_RFLAGS_VM | FLAG_IOPL;
}

static inline void set_real(void)
{
	set_vm86();
	control.cr0 = 0;
	gprs.rflags = 2;
}

#endif /* TEST_MACHINE_H */
