// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn against the processor: every form runs with random operands in
 * the library and on the CPU, and registers, memory and flags are compared.
 *
 * Flags that the manual leaves undefined are not compared. The accesses that the
 * device saw are checked: at most one per direction, of the operand's width.
 *
 *	insn_native [--strict] [--bochs] [CASES]
 *
 * What an emulator gets wrong is left out there (quirks[]). TCG is found by CPUID,
 * Bochs by --bochs.
 *
 * On the host, what its kernel or its CPU refuses is a skip. The test machine has
 * everything: there --strict makes it a failure, and saves trying each form in a
 * process of its own first.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/tap.h"
#include "forms.h"

#define MAX_REPORTS	3
#define STATUS_FLAGS	(NOT_CF | FLAG_CF | FLAG_DF)
#define FLAT_CODE	0xc9b
#define FLAT_CODE64	0xa9b
#define FLAT_DATA	0xc93

static u8 shadow[NATIVE_BYTES];
static u8 *const native = (u8 *)NATIVE_DATA;
static unsigned int reads, writes;
static unsigned int cases = 1500;	/* cases of each form, in each mode */
static bool strict;

enum emulator {
	EMULATOR_NONE,
	EMULATOR_TCG,
	EMULATOR_BOCHS,
};

static enum emulator emulator;

static bool is_rip_relative(const struct sample *s)
{
	return s->rip_relative;
}

static bool is_16_in_64(const struct sample *s)
{
	return s->long64 && s->opsize;
}

/* Samples for which an emulator differs from the manual and from CPUs */
static const struct quirk {
	enum emulator emulator;
	const char *form;
	bool (*applies)(const struct sample *s);
	const char *why;
} quirks[] = {
	{ EMULATOR_TCG, "shld rm, r, imm8", is_rip_relative,
	  "QEMU 7.2 does not count the immediate in a RIP-relative address" },
	{ EMULATOR_TCG, "shrd rm, r, imm8", is_rip_relative,
	  "QEMU 7.2 does not count the immediate in a RIP-relative address" },
	{ EMULATOR_BOCHS, "leave", is_16_in_64, "Bochs ignores 66 in 64-bit code" },
};

static const struct quirk *find_quirk(const struct form *form)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(quirks); i++)
		if (quirks[i].emulator == emulator && !strcmp(quirks[i].form, form->name))
			return &quirks[i];
	return NULL;
}

static bool in_data(u64 gpa, size_t len)
{
	return gpa >= NATIVE_DATA && gpa + len <= NATIVE_DATA + NATIVE_BYTES;
}

static int device_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	if (!in_data(gpa, len))
		return -EFAULT;
	memcpy(buf, (u8 *)opaque + (gpa - NATIVE_DATA), len);
	reads++;
	return 0;
}

static int device_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	if (!in_data(gpa, len))
		return -EFAULT;
	memcpy((u8 *)opaque + (gpa - NATIVE_DATA), buf, len);
	writes++;
	return 0;
}

/* Memory that compares equal often enough for REPE and REPNE to continue */
static void refill(void)
{
	unsigned int i;

	memset(shadow, rng(), NATIVE_BYTES);
	for (i = 0; i < NATIVE_BYTES / 40; i++)
		shadow[below(NATIVE_BYTES)] = rng();
	memcpy(native, shadow, NATIVE_BYTES);
}

/* With the page at @device as the page that faulted */
static int emulate_at(const struct sample *s, u64 device, struct svmvcpu_gprs *gprs)
{
	const struct svmvcpu_memory memory = { NATIVE_DATA, NATIVE_BYTES, shadow };
	const struct svmvcpu_guest guest = { &memory, 1 };
	const struct svmvcpu_segment data = { 0, 0xffffffff, 0x10, FLAT_DATA };
	struct svmvcpu_segments segments = {
		.es = data, .ss = data, .ds = data, .fs = data, .gs = data,
		.cs = { 0, 0xffffffff, 8, s->long64 ? FLAT_CODE64 : FLAT_CODE },
	};
	const struct svmvcpu_control control = {
		.cr0 = GUEST_CR0_PE, .efer = s->long64 ? GUEST_EFER_LMA : 0,
	};
	struct svmvcpu_emul emul = {
		.insn = s->bytes, .insn_len = s->len, .gpa = device,
		.gprs = gprs, .segments = &segments, .control = &control,
		.guest = &guest, .read = device_read, .write = device_write,
		.opaque = shadow,
	};

	segments.gs.base = NATIVE_GS;
	memcpy(gprs, s->before.gprs, sizeof(s->before.gprs));
	gprs->rflags = s->before.rflags;
	gprs->rip = NATIVE_CODE;
	reads = 0;
	writes = 0;
	return svmvcpu_emulate(&emul);
}

/* Bit offsets and string instructions may access another page: -EBUSY, and no access. */
static int emulate(const struct sample *s, struct svmvcpu_gprs *gprs)
{
	int ret = emulate_at(s, s->device, gprs);
	u64 device = NATIVE_DATA;

	for (; ret == -EBUSY && device < NATIVE_DATA + NATIVE_BYTES; device += SVMVCPU_PAGE)
		ret = emulate_at(s, device, gprs);
	return ret;
}

static void explain(const struct sample *s, const struct native_state *n,
		    const struct svmvcpu_gprs *gprs, int ret)
{
	const u64 *mine = &gprs->rax;
	unsigned int i;

	printf("#");
	for (i = 0; i < s->len; i++)
		printf(" %02x", s->bytes[i]);
	printf(": returned %d (%s), rip %+lld\n", ret, svmvcpu_last_error(),
	       (long long)(gprs->rip - NATIVE_CODE));
	for (i = 0; i < 16; i++)
		if (mine[i] != n->gprs[i])
			printf("#   register %u: %#llx, is %#llx, was %#llx\n", i, n->gprs[i],
			       mine[i], s->before.gprs[i]);
	printf("#   flags %#llx, are %#llx, were %#llx\n", n->rflags, gprs->rflags,
	       s->before.rflags);
	for (i = 0; i < NATIVE_BYTES; i++)
		if (native[i] != shadow[i])
			printf("#   memory %+d: %#x, is %#x\n",
			       (int)(i + NATIVE_DATA - s->target), native[i], shadow[i]);
}

/* An instruction other than these makes at most one access in each direction. */
static bool accesses_fit(const struct sample *s, const struct form *form)
{
	unsigned int parts = (s->target & 0xfff) > 0xff8 ? 2 : 1;

	if (form->flags & (F_STRING | F_BITS))
		return true;
	if (form->flags & F_PAIR)
		parts *= 2;
	if (form->flags & F_STACK)
		return reads <= 2 && writes <= 2;
	return reads <= parts && writes <= parts && reads + writes > 0;
}

static bool same(const struct sample *s, const struct form *form,
		 const struct native_state *n, const struct svmvcpu_gprs *gprs)
{
	const u64 mask = s->long64 ? ~0ULL : 0xffffffff;
	const u64 *mine = &gprs->rax;
	unsigned int i;

	/* 32-bit code leaves R8 to R15 and upper halves undefined */
	for (i = 0; i < (s->long64 ? 16 : 8); i++)
		if ((mine[i] ^ n->gprs[i]) & mask)
			return false;
	if ((gprs->rflags ^ n->rflags) & STATUS_FLAGS & ~form->undefined)
		return false;
	return gprs->rip == NATIVE_CODE + s->len &&
	       !memcmp(native, shadow, NATIVE_BYTES) && accesses_fit(s, form);
}

/* Operands that are compared are equal half the time. */
static void prepare_memory(struct sample *s, const struct form *form)
{
	u64 at = (form->flags & F_STRING ? (u32)s->before.gprs[INSN_RDI] : s->target) -
		 NATIVE_DATA;

	if (form->flags & F_NONZERO) {
		shadow[at] |= 1;
		native[at] |= 1;
	}
	if ((form->flags & F_PAIR) && below(2)) {
		unsigned int half = s->rex & 8 ? 8 : 4;

		memcpy(shadow + at, &s->before.gprs[INSN_RAX], half);
		memcpy(shadow + at + half, &s->before.gprs[INSN_RDX], half);
		memcpy(native + at, shadow + at, 2 * half);
	}
	if (!(form->flags & F_EQUAL) || below(2))
		return;
	memcpy(shadow + at, &s->before.gprs[INSN_RAX], 8);
	memcpy(native + at, &s->before.gprs[INSN_RAX], 8);
}

static bool run_case(const struct form *form, bool long64, const struct quirk *quirk,
		     bool report)
{
	struct svmvcpu_gprs gprs;
	struct native_state n;
	struct sample s;
	int ret;

	do {
		sample_make(&s, form, long64);
	} while (quirk && quirk->applies(&s));
	prepare_memory(&s, form);
	ret = emulate(&s, &gprs);
	n = s.before;
	native_run(&n, s.bytes, s.len, long64);
	if (!ret && same(&s, form, &n, &gprs))
		return true;
	if (report)
		explain(&s, &n, &gprs, ret);
	memcpy(shadow, native, NATIVE_BYTES);
	return false;
}

/* Skips what the host lacks; the test machine has everything. */
static void refused(const char *name, const char *why)
{
	if (strict)
		OK(false, "%s: %s", name, why);
	else
		tap_skip(name, why);
}

static void run_form(const struct form *form, bool long64)
{
	const struct quirk *quirk = find_quirk(form);
	const char *mode = long64 ? "64" : "32";
	unsigned int i, bad = 0;
	struct sample s;
	char name[64];

	sample_make(&s, form, long64);
	if (!strict && !native_has_insn(&s.before, s.bytes, s.len, long64)) {
		snprintf(name, sizeof(name), "%.31s in %s-bit code", form->name, mode);
		tap_skip(name, "the CPU does not have this instruction");
		return;
	}
	if (quirk && long64)
		printf("# %s: %s: such cases are left out\n", form->name, quirk->why);
	for (i = 0; i < cases; i++) {
		if (i % 16 == 0)
			refill();
		if (!run_case(form, long64, quirk, bad < MAX_REPORTS))
			bad++;
	}
	OK(!bad, "%s in %s-bit code, %u cases, %u differ", form->name, mode, cases, bad);
}

static void run_forms(bool long64)
{
	static struct form forms[MAX_FORMS];
	unsigned int i, nr = forms_list(forms);

	for (i = 0; i < nr; i++)
		if (long64 || !(forms[i].flags & F_LONG))
			run_form(&forms[i], long64);
}

/* Whatever ends the child that tries an instruction, the test continues. */
static void test_probe(void)
{
	static const u8 nop = 0x90, int3 = 0xcc, ud2[] = { 0x0f, 0x0b };
	const struct native_state state = { .rflags = 2 };

	OK(native_has_insn(&state, &nop, 1, true), "nop exists");
	OK(native_has_insn(&state, &int3, 1, true), "int3 exists, although it traps");
	OK(!native_has_insn(&state, ud2, 2, true), "ud2 does not");
}

static enum emulator find_emulator(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	return ebx == 0x54474354 ? EMULATOR_TCG : EMULATOR_NONE;	/* "TCGT" */
}

static bool parse(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--strict"))
			strict = true;
		else if (!strcmp(argv[i], "--bochs"))
			emulator = EMULATOR_BOCHS;
		else
			cases = strtoul(argv[i], NULL, 0);
	}
	return cases > 0;
}

int main(int argc, char **argv)
{
	int error;

	emulator = find_emulator();
	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: insn_native [--strict] [--bochs] [CASES]\n");
		return 2;
	}
	error = native_init();
	if (error == EACCES || error == EPERM) {
		refused("writable and executable memory", strerror(error));
		return tap_done();
	}
	OK(!error, "memory at fixed addresses: %s", strerror(error));
	if (error)
		return tap_done();
	test_probe();
	run_forms(true);
	if (native_has_32())
		run_forms(false);
	else
		refused("32-bit code", "the host's kernel does not run it");
	return tap_done();
}
