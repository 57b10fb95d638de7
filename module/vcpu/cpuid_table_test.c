// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: every feature hidden and shown against what it gates, lookup against a
 * plain search, and the tables that are refused.
 */
#include <kunit/test.h>

#include "cpuid_table.c"

static const struct state_limits all = {
	.cr4_guest = ~0ULL, .efer_guest = ~0ULL, .xcr0 = ~0ULL, .spec_ctrl = ~0ULL, .has = ~0ULL,
	.gpa_bits = 48, .la_bits = 57,
};

static struct cpuid_table *alloc(struct kunit *test, unsigned int nr)
{
	struct cpuid_table *table;

	table = kunit_kzalloc(test, struct_size(table, entry, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	table->nr = nr;
	return table;
}

static const u32 gate_leaves[] = { 1, 7, 0x80000001, 0x80000008 };

/* All bits of the leaves that gate something, but for one gate's */
static struct cpuid_table *table_without(struct kunit *test, const struct cpuid_gate *hidden)
{
	const unsigned int nr = ARRAY_SIZE(gate_leaves) + 1;
	struct cpuid_table *table = alloc(test, nr);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gate_leaves); i++) {
		struct svmvcpu_cpuid_entry *entry = &table->entry[i];

		*entry = (struct svmvcpu_cpuid_entry) {
			.leaf = gate_leaves[i],
			.eax = ~0U, .ebx = ~0U, .ecx = ~0U, .edx = ~0U,
		};
		if (hidden && entry->leaf == hidden->leaf)
			(&entry->eax)[hidden->reg] &= ~BIT(hidden->bit);
	}
	table->entry[nr - 1] = (struct svmvcpu_cpuid_entry) {
		.leaf = 0xd, .flags = SVMVCPU_CPUID_SUBLEAF, .eax = 7,
	};
	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	return table;
}

/* What @gate gates and no other gate does */
static struct state_limits gated_alone(const struct cpuid_gate *gate)
{
	struct state_limits alone = gate->gates;
	unsigned int i, m;

	for (i = 0; i < cpuid_nr_gates; i++)
		for (m = 0; m < ARRAY_SIZE(alone.masks); m++)
			if (&cpuid_gates[i] != gate)
				alone.masks[m] &= ~cpuid_gates[i].gates.masks[m];
	return alone;
}

static void everything_shown(struct kunit *test)
{
	const struct cpuid_table *table = table_without(test, NULL);

	KUNIT_EXPECT_EQ(test, table->limits.cr4_guest, all.cr4_guest);
	KUNIT_EXPECT_EQ(test, table->limits.efer_guest, all.efer_guest);
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 7);
	KUNIT_EXPECT_EQ(test, table->limits.spec_ctrl, all.spec_ctrl);
	KUNIT_EXPECT_EQ(test, table->limits.has, all.has);
	KUNIT_EXPECT_EQ(test, table->limits.gpa_bits, all.gpa_bits);
	KUNIT_EXPECT_EQ(test, table->limits.la_bits, all.la_bits);
	KUNIT_EXPECT_NULL(test, cpuid_table_lacks(table, &(struct state_limits) {
		.cr4_guest = ~0ULL, .efer_guest = ~0ULL, .xcr0 = 7, .spec_ctrl = ~0ULL,
		.has = ~0ULL }));
}

/* Each bit hidden: what it alone gates is gone, and its name is the reason. */
static void each_hidden(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++) {
		const struct cpuid_gate *gate = &cpuid_gates[i];
		const struct cpuid_table *table = table_without(test, gate);
		const struct state_limits alone = gated_alone(gate);
		const char *lacks = cpuid_table_lacks(table, &alone);

		KUNIT_EXPECT_FALSE_MSG(test, limits_intersect(&table->limits, &alone), "%s",
				       gate->name);
		/* RDPID gates nothing that RDTSCP does not. */
		if (gate->leaf == 7 && gate->bit == 22) {
			KUNIT_EXPECT_NULL(test, lacks);
			continue;
		}
		KUNIT_ASSERT_NOT_NULL_MSG(test, lacks, "%s", gate->name);
		KUNIT_EXPECT_STREQ(test, lacks, gate->name);
	}
}

/* Hiding a feature takes away nothing but what it gates, and what depends on it. */
static void others_stay(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++) {
		const struct cpuid_gate *gate = &cpuid_gates[i];
		const struct cpuid_table *table = table_without(test, gate);
		u64 has = gate->gates.has;

		if (has & CPU_HAS_APIC)
			has |= CPU_HAS_X2APIC | CPU_HAS_DEADLINE;
		KUNIT_EXPECT_EQ(test, table->limits.cr4_guest | gate->gates.cr4_guest, ~0ULL);
		KUNIT_EXPECT_EQ(test, table->limits.efer_guest | gate->gates.efer_guest, ~0ULL);
		KUNIT_EXPECT_EQ(test, table->limits.spec_ctrl | gate->gates.spec_ctrl, ~0ULL);
		KUNIT_EXPECT_EQ(test, table->limits.has | has, ~0ULL);
	}
}

/* A table that shows everything does not give what the host has not. */
static void host_limits(struct kunit *test)
{
	struct state_limits host = { .cr4_guest = X86_CR4_OSXSAVE, .xcr0 = 3, .gpa_bits = 40 };
	struct cpuid_table *table = table_without(test, NULL);

	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &host));
	KUNIT_EXPECT_EQ(test, table->limits.cr4_guest, X86_CR4_OSXSAVE);
	KUNIT_EXPECT_EQ(test, table->limits.efer_guest, 0);
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 3);
	KUNIT_EXPECT_EQ(test, table->limits.has, 0);
	KUNIT_EXPECT_EQ(test, table->limits.gpa_bits, 40);
}

/* XCR0: no more than leaf 0xd lists, and x87 alone without XSAVE or the leaf */
static void xcr0_limits(struct kunit *test)
{
	struct cpuid_table *table = table_without(test, NULL);
	struct svmvcpu_cpuid_entry *leaf;

	leaf = (struct svmvcpu_cpuid_entry *)cpuid_table_find(table, 0xd, 0);
	KUNIT_ASSERT_NOT_NULL(test, leaf);
	leaf->eax = 3;
	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 3);
	leaf->eax = 0;
	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 1);
	leaf->leaf = 0xe;
	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 1);
}

static void empty_table(struct kunit *test)
{
	struct cpuid_table *table = alloc(test, 0);

	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	KUNIT_EXPECT_EQ(test, table->limits.xcr0, 1);
	KUNIT_EXPECT_EQ(test, table->limits.has & (CPU_HAS_PAT | CPU_HAS_APIC), 0);
	KUNIT_EXPECT_NULL(test, cpuid_table_find(table, 0, 0));
	KUNIT_EXPECT_NULL(test, cpuid_table_find(table, 0x12345678, 0));
}

static const struct svmvcpu_cpuid_entry *search(const struct cpuid_table *table, u32 leaf,
						u32 subleaf)
{
	u32 i;

	for (i = 0; i < table->nr; i++)
		if (table->entry[i].leaf == leaf &&
		    (!table->entry[i].flags || table->entry[i].subleaf == subleaf))
			return &table->entry[i];
	return NULL;
}

/* With and without subleaves, unsorted */
static const struct svmvcpu_cpuid_entry scattered[] = {
	{ .leaf = 0x8000003f, .eax = 1 },
	{ .leaf = ~0U, .eax = 2 },
	{ .leaf = 0, .flags = 1, .subleaf = 3, .eax = 3 },
	{ .leaf = 0x40000100, .flags = 1, .subleaf = 1, .eax = 4 },
	{ .leaf = 0x40, .eax = 5 },
	{ .leaf = 0x3f, .eax = 6 },
	{ .leaf = 0xd, .flags = 1, .subleaf = 2, .eax = 7 },
	{ .leaf = 0xd, .flags = 1, .subleaf = 0, .eax = 8 },
	{ .leaf = 0x40000000, .eax = 9 },
	{ .leaf = 0x80000000, .eax = 10 },
	{ .leaf = 0x40000100, .flags = 1, .subleaf = ~0U, .eax = 11 },
	{ .leaf = 0xd, .flags = 1, .subleaf = ~0U, .eax = 12 },
	{ .leaf = 0xc0000001, .eax = 13 },
	{ .leaf = 0xbfffffff, .eax = 14 },
};

static void lookup(struct kunit *test)
{
	static const u32 subleaves[] = { 0, 1, 2, 3, 4, 0x7fffffff, ~0U };
	struct cpuid_table *table = alloc(test, ARRAY_SIZE(scattered));
	unsigned int quarter, low, s;

	memcpy(table->entry, scattered, sizeof(scattered));
	KUNIT_ASSERT_TRUE(test, cpuid_table_finish(table, &all));
	for (quarter = 0; quarter < 4; quarter++)
		for (low = 0; low < 0x200; low++)
			for (s = 0; s < ARRAY_SIZE(subleaves); s++) {
				u32 leaf = quarter << 30 | low;

				KUNIT_EXPECT_PTR_EQ(test,
						    cpuid_table_find(table, leaf, subleaves[s]),
						    search(table, leaf, subleaves[s]));
			}
	KUNIT_EXPECT_EQ(test, cpuid_table_find(table, ~0U, 9)->eax, 2);
	KUNIT_EXPECT_EQ(test, cpuid_table_find(table, 0xbfffffff, 9)->eax, 14);
	KUNIT_EXPECT_NULL(test, cpuid_table_find(table, 0x7fffffff, 0));
}

static void refused(struct kunit *test)
{
	static const struct svmvcpu_cpuid_entry bad[][2] = {
		{ { .leaf = 1, .mbz = 1 }, { .leaf = 2 } },
		{ { .leaf = 1, .flags = 2 }, { .leaf = 2 } },
		{ { .leaf = 1, .subleaf = 1 }, { .leaf = 2 } },
		{ { .leaf = 1 }, { .leaf = 1 } },
		{ { .leaf = 1, .flags = 1 }, { .leaf = 1 } },
		{ { .leaf = 1, .flags = 1, .subleaf = 4 }, { .leaf = 1 } },
		{ { .leaf = 1, .flags = 1, .subleaf = 4 },
		  { .leaf = 1, .flags = 1, .subleaf = 4 } },
	};
	struct cpuid_table *table = alloc(test, 3);
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
		table->entry[0] = bad[i / 2][i & 1];
		table->entry[1] = (struct svmvcpu_cpuid_entry) { .leaf = 0x40000000 };
		table->entry[2] = bad[i / 2][!(i & 1)];
		KUNIT_EXPECT_FALSE_MSG(test, cpuid_table_finish(table, &all), "case %u", i);
	}
}

static struct kunit_case cpuid_table_test_cases[] = {
	KUNIT_CASE(everything_shown),
	KUNIT_CASE(each_hidden),
	KUNIT_CASE(others_stay),
	KUNIT_CASE(host_limits),
	KUNIT_CASE(xcr0_limits),
	KUNIT_CASE(empty_table),
	KUNIT_CASE(lookup),
	KUNIT_CASE(refused),
	{}
};

static struct kunit_suite cpuid_table_test_suite = {
	.name = "svmvcpu_cpuid_table",
	.test_cases = cpuid_table_test_cases,
};

kunit_test_suite(cpuid_table_test_suite);
