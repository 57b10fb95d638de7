// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of asid.c against a model of hardware TLBs. Each CPU's TLB says
 * for every ASID whose translations it holds and from which time (epoch). A
 * vCPU that wants a flush moves on to a new epoch. After an entry nothing but
 * the vCPU's own translations of its current epoch may be reachable.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "asid.c"

#define NR_CPUS_TEST	3
#define NR_VCPUS	6
#define NOBODY		0
#define SOMEBODY_ELSE	U32_MAX

struct tlb_entry {
	u32 owner;	/* vCPU + 1, NOBODY, SOMEBODY_ELSE */
	u32 epoch;
};

struct world {
	struct kunit *test;
	struct rnd_state rnd;
	u32 sev_asids;
	u32 nasid;
	bool by_asid;
	struct asid_cpu acpu[NR_CPUS_TEST];
	struct tlb_entry *tlb[NR_CPUS_TEST];
	struct asid_tag tag[NR_VCPUS];
	u32 epoch[NR_VCPUS];
	bool want_flush[NR_VCPUS];
	unsigned long flush_all, flush_asid;
};

static u32 roll(struct world *w, u32 below)
{
	return prandom_u32_state(&w->rnd) % below;
}

/* Another hypervisor has been here: every ASID is full of its translations. */
static void tlb_dirty(struct world *w, unsigned int cpu)
{
	u32 i;

	for (i = 0; i < w->nasid; i++)
		w->tlb[cpu][i] = (struct tlb_entry){ .owner = SOMEBODY_ELSE };
}

static void plug(struct world *w, unsigned int cpu)
{
	u64 before = w->acpu[cpu].generation;

	tlb_dirty(w, cpu);
	asid_cpu_reset(&w->acpu[cpu], w->sev_asids, w->nasid);
	KUNIT_EXPECT_GT(w->test, w->acpu[cpu].generation, before);
}

static void world_init(struct world *w, struct kunit *test, u32 sev_asids, u32 nasid,
		       bool by_asid)
{
	unsigned int cpu;

	memset(w, 0, sizeof(*w));
	w->test = test;
	w->sev_asids = sev_asids;
	w->nasid = nasid;
	w->by_asid = by_asid;
	prandom_seed_state(&w->rnd, nasid + by_asid);
	for (cpu = 0; cpu < NR_CPUS_TEST; cpu++) {
		w->tlb[cpu] = kvcalloc(nasid, sizeof(*w->tlb[cpu]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w->tlb[cpu]);
		plug(w, cpu);
	}
}

static void world_free(struct world *w)
{
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS_TEST; cpu++)
		kvfree(w->tlb[cpu]);
}

static void check_tag(struct world *w, unsigned int v, unsigned int cpu)
{
	const struct asid_tag *tag = &w->tag[v], *other;
	unsigned int i;

	KUNIT_EXPECT_GT(w->test, tag->asid, w->sev_asids);
	KUNIT_EXPECT_LT(w->test, tag->asid, w->nasid);
	KUNIT_EXPECT_EQ(w->test, tag->cpu, (int)cpu);
	KUNIT_EXPECT_EQ(w->test, tag->generation, w->acpu[cpu].generation);
	for (i = 0; i < NR_VCPUS; i++) {
		other = &w->tag[i];
		if (i != v && other->cpu == (int)cpu &&
		    other->generation == tag->generation)
			KUNIT_EXPECT_NE(w->test, other->asid, tag->asid);
	}
}

/* What the CPU does with TLB_CONTROL */
static void hw_flush(struct world *w, unsigned int cpu, u32 asid, u8 tlb_control)
{
	switch (tlb_control) {
	case TLB_CONTROL_NOTHING:
		break;
	case TLB_CONTROL_FLUSH_ALL:
		memset(w->tlb[cpu], 0, w->nasid * sizeof(*w->tlb[cpu]));
		w->flush_all++;
		break;
	case TLB_CONTROL_FLUSH_ASID:
		KUNIT_EXPECT_TRUE(w->test, w->by_asid);
		w->tlb[cpu][asid].owner = NOBODY;
		w->flush_asid++;
		break;
	default:
		KUNIT_FAIL(w->test, "TLB_CONTROL %u", tlb_control);
	}
}

static void vmrun(struct world *w, unsigned int v, unsigned int cpu, u8 tlb_control)
{
	struct tlb_entry *entry = &w->tlb[cpu][w->tag[v].asid];

	hw_flush(w, cpu, w->tag[v].asid, tlb_control);
	asid_flushed(&w->acpu[cpu]);
	w->want_flush[v] = false;
	if (entry->owner != NOBODY) {
		KUNIT_EXPECT_EQ(w->test, entry->owner, v + 1);
		KUNIT_EXPECT_EQ(w->test, entry->epoch, w->epoch[v]);
	}
	entry->owner = v + 1;
	entry->epoch = w->epoch[v];
}

static void enter(struct world *w, unsigned int v, unsigned int cpu, bool give_up)
{
	struct asid_tag before;
	u8 tlb_control;
	bool may_skip;

	if (w->tag[v].cpu != cpu)
		asid_moved(&w->tag[v]);
	may_skip = asid_current(&w->acpu[cpu], &w->tag[v]) && !w->want_flush[v];
	before = w->tag[v];
	tlb_control = asid_assign(&w->acpu[cpu], cpu, &w->tag[v], w->want_flush[v], w->by_asid);
	if (may_skip) {
		KUNIT_EXPECT_EQ(w->test, tlb_control, TLB_CONTROL_NOTHING);
		KUNIT_EXPECT_EQ(w->test, before.asid, w->tag[v].asid);
		KUNIT_EXPECT_EQ(w->test, before.generation, w->tag[v].generation);
	}

	check_tag(w, v, cpu);
	if (!give_up)
		vmrun(w, v, cpu, tlb_control);
}

static void invalidate(struct world *w, unsigned int v)
{
	w->epoch[v]++;
	w->want_flush[v] = true;
}

static void random_entries(struct kunit *test, u32 sev_asids, u32 nasid, bool by_asid)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	world_init(w, test, sev_asids, nasid, by_asid);
	for (i = 0; i < 8000 && test->status != KUNIT_FAILURE; i++) {
		if (!roll(w, 6))
			invalidate(w, roll(w, NR_VCPUS));
		if (!roll(w, 500))
			plug(w, roll(w, NR_CPUS_TEST));
		enter(w, roll(w, NR_VCPUS), roll(w, NR_CPUS_TEST), !roll(w, 5));
	}
	KUNIT_EXPECT_GT(test, w->flush_all, 0);
	/* with few ASIDs a vCPU never meets its old one again */
	if (nasid - sev_asids > NR_VCPUS)
		KUNIT_EXPECT_EQ(test, w->flush_asid > 0, by_asid);
	world_free(w);
}

static void asid_test_random(struct kunit *test)
{
	static const struct {
		u32 sev;
		u32 all;
	} asids[] = {
		{ 0, 2 }, { 0, 3 }, { 0, 16 }, { 0, 32768 },
		{ 14, 16 }, { 1006, 1024 }, { 509, 32768 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asids); i++) {
		random_entries(test, asids[i].sev, asids[i].all, false);
		random_entries(test, asids[i].sev, asids[i].all, true);
	}
}

/* Twice around with the usual number of a real CPU */
static void asid_test_wrap(struct kunit *test)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	world_init(w, test, 0, 32768, false);
	for (i = 0; i < 2 * 32767 + 1 && test->status != KUNIT_FAILURE; i++) {
		invalidate(w, 0);
		enter(w, 0, 0, false);
	}
	/* first entry, and each time the 32767 usable ones were gone */
	KUNIT_EXPECT_EQ(test, w->flush_all, 3);
	KUNIT_EXPECT_EQ(test, w->tag[0].asid, 1);
	world_free(w);
}

static void asid_test_stays(struct kunit *test)
{
	struct asid_cpu acpu = {};
	struct asid_tag a = {}, b = {};

	asid_cpu_reset(&acpu, 0, 16);
	/* even on CPU 0, which a zeroed tag names */
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 0, &a, false, true),
			TLB_CONTROL_FLUSH_ALL);
	KUNIT_EXPECT_EQ(test, a.asid, 1);
	asid_flushed(&acpu);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 0, &a, false, true),
			TLB_CONTROL_NOTHING);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 0, &b, false, true),
			TLB_CONTROL_NOTHING);
	KUNIT_EXPECT_EQ(test, b.asid, 2);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 0, &a, false, true),
			TLB_CONTROL_NOTHING);
	KUNIT_EXPECT_EQ(test, a.asid, 1);
}

static void asid_test_flush(struct kunit *test)
{
	struct asid_cpu acpu = {};
	struct asid_tag tag = {};

	asid_cpu_reset(&acpu, 0, 16);
	asid_assign(&acpu, 2, &tag, false, true);
	asid_flushed(&acpu);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 2, &tag, true, true),
			TLB_CONTROL_FLUSH_ASID);
	KUNIT_EXPECT_EQ(test, tag.asid, 1);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 2, &tag, true, false),
			TLB_CONTROL_NOTHING);
	KUNIT_EXPECT_EQ(test, tag.asid, 2);
}

/* A generation's flush must not get lost with an entry that was given up. */
static void asid_test_flush_all_kept(struct kunit *test)
{
	struct asid_cpu acpu = {};
	struct asid_tag a = {}, b = {};

	asid_cpu_reset(&acpu, 0, 16);
	asid_assign(&acpu, 1, &a, false, true);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 1, &b, false, true),
			TLB_CONTROL_FLUSH_ALL);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 1, &a, true, true),
			TLB_CONTROL_FLUSH_ALL);
	asid_flushed(&acpu);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 1, &a, false, true),
			TLB_CONTROL_NOTHING);
}

static void asid_test_migrate(struct kunit *test)
{
	struct asid_cpu acpu[2] = {};
	struct asid_tag tag = {};

	asid_cpu_reset(&acpu[0], 0, 16);
	asid_cpu_reset(&acpu[1], 0, 16);
	asid_assign(&acpu[0], 0, &tag, false, true);
	asid_flushed(&acpu[0]);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu[1], 1, &tag, false, true),
			TLB_CONTROL_FLUSH_ALL);
	/* back again: the old ASID's translations may be out of date */
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu[0], 0, &tag, false, true),
			TLB_CONTROL_NOTHING);
	KUNIT_EXPECT_EQ(test, tag.asid, 2);
}

/* Off and on again: tags of before are void, even if the numbers look alike. */
static void asid_test_reset(struct kunit *test)
{
	struct asid_cpu acpu = {};
	struct asid_tag tag = {};
	u64 generation;

	asid_cpu_reset(&acpu, 0, 4);
	asid_assign(&acpu, 0, &tag, false, true);
	asid_flushed(&acpu);
	generation = tag.generation;
	asid_cpu_reset(&acpu, 0, 4);
	KUNIT_EXPECT_EQ(test, asid_assign(&acpu, 0, &tag, false, true),
			TLB_CONTROL_FLUSH_ALL);
	KUNIT_EXPECT_GT(test, tag.generation, generation);
	/* nonsense from a broken CPUID does not produce ASID 0 */
	asid_cpu_reset(&acpu, 0, 0);
	asid_assign(&acpu, 0, &tag, true, false);
	KUNIT_EXPECT_EQ(test, tag.asid, 1);
}

/* Those of SEV guests are not given out, unless there are no others. */
static void asid_test_sev(struct kunit *test)
{
	static const struct {
		u32 sev;
		u32 first;
	} cases[] = {
		{ 0, 1 }, { 1, 2 }, { 13, 14 }, { 14, 15 }, { 15, 1 }, { 16, 1 }, { U32_MAX, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asid_cpu acpu = {};
		struct asid_tag tag = {};

		asid_cpu_reset(&acpu, cases[i].sev, 16);
		asid_assign(&acpu, 0, &tag, false, true);
		KUNIT_EXPECT_EQ_MSG(test, tag.asid, cases[i].first, "%u of SEV", cases[i].sev);
	}
}

static struct kunit_case asid_test_cases[] = {
	KUNIT_CASE(asid_test_stays),
	KUNIT_CASE(asid_test_flush),
	KUNIT_CASE(asid_test_flush_all_kept),
	KUNIT_CASE(asid_test_migrate),
	KUNIT_CASE(asid_test_reset),
	KUNIT_CASE(asid_test_sev),
	KUNIT_CASE(asid_test_wrap),
	KUNIT_CASE(asid_test_random),
	{}
};

static struct kunit_suite asid_test_suite = {
	.name = "svmvcpu_asid",
	.test_cases = asid_test_cases,
};

kunit_test_suite(asid_test_suite);
