// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of permmap.c: every port and every MSR, against the positions
 * the manual gives and against a list of its own.
 */
#include <kunit/test.h>

/* spec_ctrl_test.c has one, too. */
#define svm_caps	permmap_test_caps
#include "permmap.c"

struct svm_caps svm_caps;

static bool map_bit(const u8 *map, unsigned int bit)
{
	return map[bit / 8] & BIT(bit % 8);
}

/* Does an access to @width ports from @port on exit? One intercepted port suffices. */
static bool iopm_intercepts(const u8 *map, u16 port, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < width; i++)
		if (map_bit(map, port + i))
			return true;
	return false;
}

/* Does WRMSR (@write) or RDMSR exit? */
static bool msrpm_intercepts(const u8 *map, u32 msr, bool write)
{
	return map_bit(map, msrpm_bit(msr) + write);
}

static u8 *map_alloc(struct kunit *test, size_t bytes)
{
	u8 *map = kunit_kzalloc(test, bytes, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	return map;
}

/* Compare every access with "touches an open port and no closed one" */
static void check_ports(struct kunit *test, const u8 *map, int open)
{
	unsigned int port, width;
	int wrong = -1;

	for (port = 0; port <= U16_MAX; port++)
		for (width = 1; width <= 4; width *= 2)
			if (iopm_intercepts(map, port, width) !=
			    !((int)port == open && width == 1))
				wrong = port;
	KUNIT_EXPECT_EQ_MSG(test, wrong, -1, "open port %x", open);
}

static void permmap_test_ports(struct kunit *test)
{
	static const u16 ports[] = { 0, 7, 8, 0x80, 0x3f8, 0xfffe, 0xffff };
	u8 *map = map_alloc(test, IOPM_BYTES);
	unsigned int i;

	memset(map, 0xff, IOPM_BYTES);
	check_ports(test, map, -1);
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		memset(map, 0xff, IOPM_BYTES);
		map[ports[i] / 8] &= ~(1 << ports[i] % 8);
		check_ports(test, map, ports[i]);
	}
}

/* The bits behind port 0xffff belong to the map and count. */
static void permmap_test_last_ports(struct kunit *test)
{
	u8 *map = map_alloc(test, IOPM_BYTES);

	map[0x10002 / 8] = 1 << 2;
	KUNIT_EXPECT_FALSE(test, iopm_intercepts(map, 0xffff, 1));
	KUNIT_EXPECT_FALSE(test, iopm_intercepts(map, 0xffff, 2));
	KUNIT_EXPECT_TRUE(test, iopm_intercepts(map, 0xffff, 4));
	KUNIT_EXPECT_FALSE(test, iopm_intercepts(map, 0xfffe, 4));
	KUNIT_EXPECT_GE(test, IOPM_BYTES * 8, IOPM_BITS);
}

/* What VMLOAD and VMSAVE carry besides segments, from the manual */
static bool vmload_switches(u32 msr)
{
	switch (msr) {
	case 0x174 ... 0x176:		/* SYSENTER_CS, ESP, EIP */
	case 0xc0000081 ... 0xc0000084:	/* STAR, LSTAR, CSTAR, SFMASK */
	case 0xc0000100 ... 0xc0000102:	/* FS, GS, kernel GS base */
		return true;
	}
	return false;
}

static bool msr_as_listed(const u8 *map, u32 msr)
{
	bool open = vmload_switches(msr);

	return msrpm_intercepts(map, msr, false) == !open &&
	       msrpm_intercepts(map, msr, true) == !open;
}

static void permmap_test_msr_default(struct kunit *test)
{
	static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };
	u8 *map = map_alloc(test, MSRPM_BYTES);
	unsigned int i, n, wrong = 0;

	msrpm_init(map);
	for (i = 0; i < ARRAY_SIZE(first); i++)
		for (n = 0; n < MSRPM_RANGE; n++)
			wrong += !msr_as_listed(map, first[i] + n);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* The reserved last quarter stays closed, too. */
static void permmap_test_msr_reserved(struct kunit *test)
{
	u8 *map = map_alloc(test, MSRPM_BYTES);

	msrpm_init(map);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(map + 0x1800, 0xff, 0x800), NULL);
}

/* Bytes worked out from the manual: two bits per MSR, read first */
static void permmap_test_msr_position(struct kunit *test)
{
	static const struct {
		u32 msr, byte;
		u8 rd, wr;
	} at[] = {
		{ 0x00000000, 0x0000, 0x01, 0x02 },
		{ 0x0000001b, 0x0006, 0x40, 0x80 },	/* APIC base */
		{ 0x00001fff, 0x07ff, 0x40, 0x80 },
		{ 0xc0000000, 0x0800, 0x01, 0x02 },
		{ 0xc0000080, 0x0820, 0x01, 0x02 },	/* EFER */
		{ 0xc0001fff, 0x0fff, 0x40, 0x80 },
		{ 0xc0010000, 0x1000, 0x01, 0x02 },
		{ 0xc0010117, 0x1045, 0x40, 0x80 },	/* VM_HSAVE_PA */
		{ 0xc0011fff, 0x17ff, 0x40, 0x80 },
	};
	u8 *map = map_alloc(test, MSRPM_BYTES);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		memset(map, 0xff, MSRPM_BYTES);
		map[at[i].byte] = 0xff & ~at[i].rd;
		KUNIT_EXPECT_FALSE(test, msrpm_intercepts(map, at[i].msr, false));
		KUNIT_EXPECT_TRUE(test, msrpm_intercepts(map, at[i].msr, true));
		map[at[i].byte] = 0xff & ~at[i].wr;
		KUNIT_EXPECT_TRUE(test, msrpm_intercepts(map, at[i].msr, false));
		KUNIT_EXPECT_FALSE(test, msrpm_intercepts(map, at[i].msr, true));
	}
}

static void permmap_test_list(struct kunit *test)
{
	unsigned int i, j;

	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(permmap_open_msrs), 10);
	for (i = 0; i < ARRAY_SIZE(permmap_open_msrs); i++) {
		const struct permmap_msr *open = &permmap_open_msrs[i];

		KUNIT_EXPECT_TRUE(test, vmload_switches(open->msr));
		KUNIT_EXPECT_GT(test, strlen(open->name), 0);
		KUNIT_EXPECT_GT(test, strlen(open->why), 0);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, open->msr, permmap_open_msrs[j].msr);
	}
}

static struct kunit_case permmap_test_cases[] = {
	KUNIT_CASE(permmap_test_ports),
	KUNIT_CASE(permmap_test_last_ports),
	KUNIT_CASE(permmap_test_msr_default),
	KUNIT_CASE(permmap_test_msr_reserved),
	KUNIT_CASE(permmap_test_msr_position),
	KUNIT_CASE(permmap_test_list),
	{}
};

static struct kunit_suite permmap_test_suite = {
	.name = "svmvcpu_permmap",
	.test_cases = permmap_test_cases,
};

kunit_test_suite(permmap_test_suite);
