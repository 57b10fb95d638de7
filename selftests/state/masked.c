// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that was booted without features of its CPU: guests neither have these
 * features nor see them in CPUID.
 *
 * kernel: stock
 * emulator: qemu, its machine has a command line of its own
 * append: nofsgsbase noxsave clearcpuid=59,295,308,514
 */
#include "svmvcpu_test.h"

#define EAX	0
#define EBX	1
#define ECX	2
#define EDX	3

#define CR4_FSGSBASE	(1ULL << 16)
#define CR4_OSXSAVE	(1ULL << 18)
#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)
#define CR4_UMIP	(1ULL << 11)

/* Features that need a CR4 bit, an XCR0 or an MSR that guests of this host do not have */
static const struct {
	const char *name;
	uint32_t leaf;
	unsigned int reg;
	unsigned int bit;
	uint64_t cr4;
	bool there;		/* the test machine's CPU has it */
} features[] = {
	{ "FSGSBASE",	7, EBX, 0,  CR4_FSGSBASE, true },
	{ "SMEP",	7, EBX, 7,  CR4_SMEP, true },
	{ "SMAP",	7, EBX, 20, CR4_SMAP, true },
	{ "UMIP",	7, ECX, 2,  CR4_UMIP, false },
	{ "XSAVE",	1, ECX, 26, CR4_OSXSAVE, true },
	{ "AVX",	1, ECX, 28, CR4_OSXSAVE, true },
	{ "FMA",	1, ECX, 12, CR4_OSXSAVE, false },
	{ "F16C",	1, ECX, 29, CR4_OSXSAVE, false },
	{ "AVX2",	7, EBX, 5,  CR4_OSXSAVE, true },
	{ "VAES",	7, ECX, 9,  CR4_OSXSAVE, false },
	{ "VPCLMULQDQ",	7, ECX, 10, CR4_OSXSAVE, false },
	{ "RDPID",	7, ECX, 22, 0, false },
	{ "RDTSCP",	0x80000001, EDX, 27, 0, true },
};

FIXTURE(masked) {
	struct test_vm vm;
	struct svmvcpu_cpuid_entry table[256];
};

FIXTURE_SETUP(masked)
{
	struct svmvcpu_cpuid arg = {
		.size = sizeof(arg), .nr = ARRAY_SIZE(self->table),
		.entries = (uintptr_t)self->table,
	};

	vm_open(&self->vm);
	ASSERT_EQ(0, ioctl_errno(self->vm.vm, SVMVCPU_GET_CPUID, &arg));
}

VM_TEARDOWN(masked)

static uint32_t shown_reg(const struct svmvcpu_cpuid_entry *table, uint32_t leaf, unsigned int reg)
{
	while (table->leaf != leaf || table->subleaf)
		table++;
	return (&table->eax)[reg];
}

TEST_F(masked, not_told)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++) {
		uint32_t host[4], mask = 1U << features[i].bit;

		__cpuid_count(features[i].leaf, 0, host[EAX], host[EBX], host[ECX], host[EDX]);
		if (features[i].there)
			ASSERT_NE(0U, host[features[i].reg] & mask);
		EXPECT_EQ(0ULL, self->vm.info.cr4_guest & features[i].cr4);
		EXPECT_EQ(0U, shown_reg(self->table, features[i].leaf, features[i].reg) & mask)
			TH_LOG("%s", features[i].name);
	}
	/* Other features are still there */
	EXPECT_NE(0U, shown_reg(self->table, 1, ECX) & 1);
	EXPECT_NE(0U, shown_reg(self->table, 7, EBX) & 1 << 3);
}

TEST_HARNESS_MAIN
