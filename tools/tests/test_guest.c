// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: lookups, walks of page tables in each mode, identity maps */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "svmvcpu_lib.h"
#include "tap.h"

#define RAM	0x10000ULL
#define PG	0x80000001ULL
#define PSE	0x10ULL
#define PAE	0x20ULL
#define LMA	0x500ULL

static unsigned char *ram;
static struct svmvcpu_memory mem;
static const struct svmvcpu_guest guest = { &mem, 1 };

static void fresh(void)
{
	memset(ram, 0, RAM);
}

static void entry64(__u64 at, __u64 value)
{
	memcpy(ram + at, &value, 8);
}

static void entry32(__u64 at, __u32 value)
{
	memcpy(ram + at, &value, 4);
}

static __u64 walk(const struct svmvcpu_control *c, __u64 linear)
{
	__u64 gpa = 0;

	return svmvcpu_translate(&guest, c, linear, &gpa) ? ~0ULL : gpa;
}

static void test_lookup(void)
{
	OK(svmvcpu_gpa_to_hva(&guest, 0, RAM) == ram, "all of it");
	OK(svmvcpu_gpa_to_hva(&guest, RAM - 1, 1) == ram + RAM - 1, "the last byte");
	OK(!svmvcpu_gpa_to_hva(&guest, RAM - 1, 2), "one more");
	OK(!svmvcpu_gpa_to_hva(&guest, RAM + 1, 0), "beyond the end");
	OK(!svmvcpu_gpa_to_hva(&guest, 8, ~0ULL), "a length that wraps");
	OK(!svmvcpu_gpa_to_hva(&guest, ~0ULL, 1), "the last address");
}

static void test_off(void)
{
	const struct svmvcpu_control c = { .cr0 = 1 };

	OK(walk(&c, 0x1234) == 0x1234, "no paging, no change");
	OK(walk(&c, 0x100001234) == 0x1234, "linear addresses have 32 bits");
}

static void test_32bit(void)
{
	struct svmvcpu_control c = { .cr0 = PG, .cr3 = 0x1018 };

	fresh();
	entry32(0x1000 + 4 * 1, 0x2003);
	entry32(0x2000 + 4 * 2, 0x5001);
	entry32(0x1000 + 4 * 2, 0x00c02083);
	OK(walk(&c, 0x402345) == 0x5345, "two levels; flag bits in CR3 do not matter");
	OK(walk(&c, 0x403345) == ~0ULL, "not present");
	OK(walk(&c, 0x812345) == ~0ULL, "bit 7 without PSE is no large page");
	c.cr4 = PSE;
	OK(walk(&c, 0x812345) == 0x100c12345, "4 MiB page above 4 GiB");
	c.cr3 = 0xfffff000;
	OK(walk(&c, 0x402345) == ~0ULL, "tables outside memory");
}

static void test_pae(void)
{
	const struct svmvcpu_control c = { .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE };

	fresh();
	entry64(0x1020 + 8 * 3, 0x2001);
	entry64(0x2000 + 8 * 1, 0x3003);
	entry64(0x3000 + 8 * 5, 0x8000000123456001);
	entry64(0x2000 + 8 * 2, 0x40000083);
	OK(walk(&c, 0xc0205678) == 0x123456678, "three levels, NX is no address bit");
	OK(walk(&c, 0xc0412345) == 0x40012345, "2 MiB page");
	OK(walk(&c, 0x80205678) == ~0ULL, "pointer not present");
}

static void test_long(void)
{
	struct svmvcpu_control c = { .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA };

	fresh();
	entry64(0x1000 + 8 * 256, 0x2007);
	entry64(0x2000, 0x3007);
	entry64(0x2000 + 8, 0x80000087);
	entry64(0x3000, 0x4007);
	entry64(0x3000 + 8, 0x600087);
	entry64(0x4000 + 8 * 7, 0x9007);
	OK(walk(&c, 0xffff800000007abc) == 0x9abc, "4 KiB page");
	OK(walk(&c, 0xffff800000212345) == 0x612345, "2 MiB page");
	OK(walk(&c, 0xffff800041234567) == 0x81234567, "1 GiB page");
	OK(walk(&c, 0xffff800000008abc) == ~0ULL, "not present");
	entry64(0x1000 + 8 * 256, 0x2087);
	OK(walk(&c, 0xffff800000007abc) == 0x9abc, "there are no pages of 512 GiB");
	entry64(0x5000 + 8 * 0x1ff, 0x1007);
	c.cr4 |= 0x1000;
	c.cr3 = 0x5000;
	OK(walk(&c, 0xffff800000007abc) == 0x9abc, "five levels");
}

static void test_loop(void)
{
	const struct svmvcpu_control c = { .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA };

	fresh();
	entry64(0x1000, 0x1007);
	OK(walk(&c, 0x123) == 0x1123, "a table that points to itself ends the walk all the same");
	entry64(0x1000, 0x000ffffffffff007);
	OK(walk(&c, 0x123) == ~0ULL, "the highest physical address is not followed");
}

static void test_read(void)
{
	const struct svmvcpu_control c = { .cr0 = PG, .cr3 = 0x1000 };
	char buf[8] = "";

	fresh();
	entry32(0x1000, 0x2003);
	entry32(0x2000, 0x7001);
	entry32(0x2004, 0x4001);
	memcpy(ram + 0x7ffe, "ab", 2);
	memcpy(ram + 0x4000, "cd", 2);
	OK(svmvcpu_read_linear(&guest, &c, 0xffe, buf, 4) == 4 && !memcmp(buf, "abcd", 4),
	   "reading across pages that are not neighbors");
	OK(svmvcpu_read_linear(&guest, &c, 0x1ffc, buf, 8) == 4, "up to what is mapped");
	OK(svmvcpu_read_linear(&guest, &c, 0x5000, buf, 8) == 0, "unmapped memory");
}

static bool identity_holds(__u64 top)
{
	const __u64 at = 0x3000;
	__u64 bytes = svmvcpu_identity_bytes(top);
	struct svmvcpu_memory m = { at, bytes, calloc(1, bytes) };
	const struct svmvcpu_guest g = { &m, 1 };
	const struct svmvcpu_control c = { .cr0 = PG, .cr3 = at, .cr4 = PAE, .efer = LMA };
	__u64 step = top / 7 + 1, linear, gpa;
	bool ok = !svmvcpu_identity_map(m.hva, at, top);

	for (linear = 0; linear < top; linear += step)
		ok = ok && !svmvcpu_translate(&g, &c, linear, &gpa) && gpa == linear;
	ok = ok && !svmvcpu_translate(&g, &c, top - 1, &gpa) && gpa == top - 1;
	/* nothing is mapped beyond the end, rounded up to 1 GiB */
	top = (top + 0x3fffffff) & ~0x3fffffffULL;
	ok = ok && svmvcpu_translate(&g, &c, top, &gpa);
	free(m.hva);
	return ok;
}

static void test_identity(void)
{
	__u64 page[512];

	OK(svmvcpu_identity_bytes(1) == 3 * 4096, "three pages map a gibibyte");
	OK(identity_holds(0x1000), "a page");
	OK(identity_holds(0x100000000), "4 GiB");
	OK(identity_holds(0x140000001), "5 GiB and a byte");
	OK(svmvcpu_identity_map(page, 0, 0) == -EINVAL, "nothing to map");
	OK(svmvcpu_identity_map(page, 8, 4096) == -EINVAL, "tables off a page");
	OK(svmvcpu_identity_map(page, 0, 0x8000000001) == -EINVAL, "more than 512 GiB");
}

int main(void)
{
	ram = calloc(1, RAM);
	mem = (struct svmvcpu_memory){ 0, RAM, ram };
	test_lookup();
	test_off();
	test_32bit();
	test_pae();
	test_long();
	test_loop();
	test_read();
	test_identity();
	free(ram);
	return tap_done();
}
