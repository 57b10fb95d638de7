// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn compared with the CPU: the same instructions with the same registers
 * in three VMs, one with memory at their operand and two with a device, with and
 * without SVMVCPU_DECODE_MMIO. Registers, flags and all bytes they could have written
 * must be the same.
 *
 * timeout: 120
 * cost: 6
 */
#include "device.h"
#include "table.h"

#define FLAG_CF		0x001ULL
#define FLAG_ZF		0x040ULL
#define FLAG_OF		0x800ULL
#define FLAG_STATUS	0x8d5ULL	/* OF SF ZF AF PF CF */
#define BASE		0x7f000UL	/* of DS and ES in 16-bit code */
#define FS_OFFSET	0x1000UL	/* offset of FS's base from that */
#define SEEN		(DEVICE - 0x1000)	/* compared, from here */
#define SEEN_END	(DEVICE_END + 0x2000)	/* to here */
#define STACK		(TEST_STACK - 0x100)	/* compared too: around the stack */
#define STACK_BYTES	0x200
#define XSAVE_XMM	160			/* SSE registers in XSTATE */
#define XSAVE_BV	512
#define XMM_BYTES	256
#define PLACES		3		/* samples of each instruction */
#define SLOW_PLACES	1		/* the same where emulation is slow */
#define NOTED		8		/* failures that are printed */

enum { MEMORY, LIBRARY, KERNEL, NR_SIDES };

/* Distance of the operand from either end of the device */
static const struct {
	const char *name;
	unsigned long address;
} places[] = {
	{ "inside", DEVICE + 0x848 },
	{ "unaligned", DEVICE + 0x915 },
	{ "across device pages", DEVICE + 0x1fff },
	{ "from memory into the device", DEVICE - 1 },
	{ "from the device into memory", DEVICE_END - 1 },
};

/* An instruction to try, and its inputs */
struct sample {
	const struct insn_text *insn;
	const unsigned char *bytes;
	unsigned int len;
	unsigned int width;
	unsigned int place;
	struct svmvcpu_gprs gprs;
	uint64_t seed;
};

FIXTURE(insn_mmio) {
	struct device_vm side[NR_SIDES];
	struct svmvcpu_state start[NR_SIDES];
	enum idt_mode mode;
	unsigned int tried;
	unsigned int wrong;
	uint64_t random;
};

FIXTURE_SETUP(insn_mmio)
{
	vm_open(&self->side[MEMORY].vm);
	device_open(&self->side[LIBRARY], 0);
	device_open(&self->side[KERNEL], SVMVCPU_DECODE_MMIO);
	self->random = 20260101;
}

FIXTURE_TEARDOWN(insn_mmio)
{
	vm_close(&self->side[MEMORY].vm);
	device_close(&self->side[LIBRARY]);
	device_close(&self->side[KERNEL]);
}

/* splitmix64 */
static uint64_t rng(struct _test_data_insn_mmio *self)
{
	uint64_t z = self->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Random values, and values at which carries and signs change */
static uint64_t value(struct _test_data_insn_mmio *self)
{
	static const uint64_t edges[] = {
		0, 1, ~0ULL, 0x7f, 0x8080, 0x7fff, 0x80000000, 0x7fffffffffffffffULL,
	};
	uint64_t r = rng(self);

	return r % 3 ? r : edges[(r >> 8) % ARRAY_SIZE(edges)];
}

static bool is_16bit(enum idt_mode mode)
{
	return mode == IDT_REAL || mode == IDT_VM86;
}

static void set_base(struct svmvcpu_segment *seg, bool selector, uint64_t base)
{
	seg->base = base;
	if (selector)
		seg->selector = base >> 4;
}

/* Sets up all VMs in @mode, with the segments that the instructions use */
static void begin(struct _test_data_insn_mmio *self, enum idt_mode mode)
{
	unsigned long base = is_16bit(mode) ? BASE : 0;
	unsigned int i;

	self->mode = mode;
	for (i = 0; i < NR_SIDES; i++) {
		struct svmvcpu_state *start = &self->start[i];
		struct svmvcpu_segments *seg = &start->segments;

		idt_setup(&self->side[i].vm, mode);
		idt_get(&self->side[i].vm, start);
		set_base(&seg->ds, base, base);
		set_base(&seg->es, base, base);
		set_base(&seg->fs, base, base + FS_OFFSET);
		set_base(&seg->gs, base, BASE);
	}
}

static void set_pointers(struct _test_data_insn_mmio *self, struct sample *s)
{
	uint64_t address = places[s->place].address, other = DEVICE_END + 0x800, noise = 0;
	bool narrow = s->insn->flags & I_ADDR;

	if (s->width == 16 || (s->width == 32 && narrow))
		address -= BASE;
	if (s->width == 16)
		other -= BASE;
	/* Bits above the address size are ignored. */
	if ((s->width == 16 && !narrow) || (s->width == 32 && narrow))
		noise = rng(self) & 0xffff0000;
	if (s->width == 64 && narrow)
		noise = rng(self) << 32;
	s->gprs.rbx = address + noise;
	s->gprs.rbp = s->gprs.rbx;
	s->gprs.rsi = (s->seed & 1 ? address : other) + noise;
	s->gprs.rdi = (s->seed & 1 ? other : address) + noise;
	s->gprs.rcx = s->insn->flags & I_STR ? (s->seed >> 8) % 6 + noise :
		      (uint64_t)((int64_t)(rng(self) % 600) - 300);
	if (s->width != 64)
		s->gprs.rcx = (uint32_t)s->gprs.rcx;
}

static unsigned char fill_byte(const struct sample *s, unsigned long gpa)
{
	return (s->seed >> (gpa % 7 * 8)) ^ gpa * 3;
}

/* So that comparisons also succeed; not for larger sizes, where emulators differ */
static void set_equal(struct sample *s)
{
	unsigned long at = places[s->place].address;
	unsigned int i, bytes = s->width == 64 && strchr(s->insn->text, 'q') ? 8 : 4;

	s->gprs.rax = 0;
	for (i = 0; i < bytes; i++)
		s->gprs.rax |= (uint64_t)fill_byte(s, at + i) << (8 * i);
	if (!strstr(s->insn->text, "cmpxchg8b"))
		return;
	s->gprs.rdx = 0;
	for (i = 0; i < 4; i++)
		s->gprs.rdx |= (uint64_t)fill_byte(s, at + 4 + i) << (8 * i);
}

/* In 16-bit code the stack segment has base 0, and its stack does not reach the device. */
static uint64_t stack_at(const struct sample *s)
{
	return places[s->place].address - (s->width == 16 ? BASE : 0);
}

static void draw(struct _test_data_insn_mmio *self, struct sample *s)
{
	uint64_t *gprs = (uint64_t *)&s->gprs;
	uint64_t rsp = self->start[MEMORY].gprs.rsp, rflags = self->start[MEMORY].gprs.rflags;
	unsigned int i;

	s->seed = rng(self);
	for (i = 0; i < 16; i++)
		gprs[i] = s->width == 64 ? value(self) : (uint32_t)value(self);
	set_pointers(self, s);
	if ((s->insn->flags & I_EQ) && (s->seed & 2))
		set_equal(s);
	s->gprs.rsp = s->insn->flags & I_STACK ? stack_at(s) : rsp;
	s->gprs.rip = TEST_CODE;
	s->gprs.rflags = rflags | (rng(self) & FLAG_STATUS) | (s->seed & 4 ? FLAG_DF : 0);
}

static void fill(struct device_vm *d, const struct sample *s)
{
	unsigned char pattern[7 * 256];
	unsigned int i;

	/* period of fill_byte() */
	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = fill_byte(s, SEEN + i);
	for (i = 0; i < SEEN_END - SEEN; i += sizeof(pattern)) {
		unsigned int left = SEEN_END - SEEN - i;

		memcpy(d->vm.mem + SEEN + i, pattern,
		       left < sizeof(pattern) ? left : sizeof(pattern));
	}
	if (d->bytes)
		memcpy(d->bytes, d->vm.mem + DEVICE, DEVICE_BYTES);
}

/* SSE registers, derived from the sample's seed */
static void set_vectors(struct test_vm *vm, const struct sample *s)
{
	unsigned int i;

	for (i = 0; i < XMM_BYTES; i++)
		vm->xstate[XSAVE_XMM + i] = fill_byte(s, i + 3);
	vm->xstate[XSAVE_BV] |= 2;
}

/* 0, or the errno at which it ended */
static int run_side(struct _test_data_insn_mmio *self, unsigned int side, const struct sample *s,
		    struct idt_outcome *out)
{
	uint64_t components = SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |
			      SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_EVENTS;
	struct svmvcpu_state state = self->start[side];
	struct device_vm *d = &self->side[side];

	idt_put(&d->vm, s->bytes, s->len);
	fill(d, s);
	memset(d->vm.mem + STACK, s->seed, STACK_BYTES);
	state.gprs = s->gprs;
	if ((s->insn->flags & I_STACK) && s->width == 16)
		set_base(&state.segments.ss, true, BASE);
	if (s->insn->flags & I_SSE) {
		set_vectors(&d->vm, s);
		components |= SVMVCPU_STATE_XSTATE;
	}
	idt_set(&d->vm, &state, components);
	return -device_run(d, out);
}

static uint64_t undefined(const struct insn_text *insn)
{
	if (insn->flags & I_BITS)
		return FLAG_STATUS & ~FLAG_CF;
	if (insn->flags & I_PROD)
		return FLAG_STATUS & ~(FLAG_CF | FLAG_OF);
	if (insn->flags & I_SCAN)
		return FLAG_STATUS & ~FLAG_ZF;
	if (insn->flags & I_OF)
		return FLAG_OF | 0x10;
	return insn->flags & I_AF ? 0x10 : 0;
}

static bool same_memory(struct device_vm *a, struct device_vm *b)
{
	return !memcmp(a->vm.mem + STACK, b->vm.mem + STACK, STACK_BYTES) &&
	       !memcmp(a->vm.mem + SEEN, b->vm.mem + SEEN, DEVICE - SEEN) &&
	       !memcmp(device_bytes(a), device_bytes(b), DEVICE_BYTES) &&
	       !memcmp(a->vm.mem + DEVICE_END, b->vm.mem + DEVICE_END, SEEN_END - DEVICE_END);
}

static bool same_vectors(struct test_vm *a, struct test_vm *b)
{
	struct svmvcpu_state state;

	vm_get_state(a, &state);
	vm_get_state(b, &state);
	return !memcmp(a->xstate + XSAVE_XMM, b->xstate + XSAVE_XMM, XMM_BYTES);
}

/* What differs between memory and a device, or NULL */
static const char *compare(struct _test_data_insn_mmio *self, unsigned int side,
			   const struct sample *s)
{
	struct svmvcpu_gprs a = self->side[MEMORY].vm.run->gprs;
	struct svmvcpu_gprs b = self->side[side].vm.run->gprs;

	if (a.rip != b.rip)
		return "rip";
	if ((a.rflags ^ b.rflags) & ~undefined(s->insn))
		return "rflags";
	if (memcmp(&a, &b, offsetof(struct svmvcpu_gprs, rip)))
		return "registers";
	if (!same_memory(&self->side[MEMORY], &self->side[side]))
		return "memory";
	if ((s->insn->flags & I_SSE) &&
	    !same_vectors(&self->side[MEMORY].vm, &self->side[side].vm))
		return "SSE registers";
	return NULL;
}

static const char *try(struct _test_data_insn_mmio *self, const struct sample *s,
		       unsigned int *side)
{
	struct idt_outcome out;
	const char *what = NULL;

	for (*side = 0; !what && *side < NR_SIDES; ++*side) {
		if (run_side(self, *side, s, &out))
			what = svmvcpu_last_error();
		else if (!idt_finished(&self->side[*side].vm, s->len))
			what = svmvcpu_exit_name(self->side[*side].vm.run->reason);
		else if (*side != MEMORY)
			what = compare(self, *side, s);
	}
	return what;
}

static void report(struct __test_metadata *_metadata, struct _test_data_insn_mmio *self,
		   const struct sample *s, unsigned int side, const char *what)
{
	struct svmvcpu_gprs a = self->side[MEMORY].vm.run->gprs;
	struct svmvcpu_gprs b = self->side[side].vm.run->gprs;

	if (++self->wrong > NOTED)
		return;
	TH_LOG("%s, %s, %s, VM %u: %s", s->insn->text, idt_mode_names[self->mode],
	       places[s->place].name, side, what);
	TH_LOG("  rip %#llx %#llx rflags %#llx %#llx rax %#llx %#llx rcx %#llx %#llx",
	       a.rip, b.rip, a.rflags, b.rflags, a.rax, b.rax, a.rcx, b.rcx);
	TH_LOG("  rdx %#llx %#llx rsi %#llx %#llx rdi %#llx %#llx", a.rdx, b.rdx, a.rsi, b.rsi,
	       a.rdi, b.rdi);
}

static void run_table(struct __test_metadata *_metadata, struct _test_data_insn_mmio *self,
		      enum idt_mode mode, unsigned int width, const struct insn_text *texts,
		      unsigned int nr, const unsigned char *blob)
{
	unsigned int i, k, side, nr_places = slow_machine() ? SLOW_PLACES : PLACES;
	struct sample s = { .width = width };
	const char *what;

	begin(self, mode);
	for (i = 0; i < nr; i++) {
		s.insn = &texts[i];
		s.len = *blob++;
		s.bytes = blob;
		blob += s.len;
		for (k = 0; k < nr_places; k++) {
			s.place = (i * nr_places + k) % ARRAY_SIZE(places);
			draw(self, &s);
			what = try(self, &s, &side);
			self->tried++;
			if (what)
				report(_metadata, self, &s, side - 1, what);
		}
	}
}

/* Accessed and dirty bits of all page tables are the same, too. */
static void check_all(struct __test_metadata *_metadata, struct _test_data_insn_mmio *self)
{
	const struct device_vm *side = self->side;

	EXPECT_EQ(0U, self->wrong);
	EXPECT_LT(slow_machine() ? 160U : 500U, self->tried);
	EXPECT_EQ(0U, side[LIBRARY].mmio);
	EXPECT_LT(self->tried / 2, side[LIBRARY].finished);
	EXPECT_LT(self->tried / 20, side[KERNEL].mmio);
	EXPECT_LT(self->tried / 3, side[KERNEL].finished);
	EXPECT_EQ(side[LIBRARY].reads, side[KERNEL].reads);
	EXPECT_EQ(side[LIBRARY].writes, side[KERNEL].writes);
	EXPECT_EQ(0, memcmp(side[MEMORY].vm.mem + TEST_TABLES,
			    side[LIBRARY].vm.mem + TEST_TABLES, 0x8000));
	EXPECT_EQ(0, memcmp(side[MEMORY].vm.mem + TEST_TABLES,
			    side[KERNEL].vm.mem + TEST_TABLES, 0x8000));
}

#define TABLE_TEST(name, mode, width)						\
TEST_F(insn_mmio, name)								\
{										\
	run_table(_metadata, self, mode, width, insn_text##width,		\
		  ARRAY_SIZE(insn_text##width), insn_blob##width);		\
	check_all(_metadata, self);						\
}

TABLE_TEST(real, IDT_REAL, 16)
TABLE_TEST(vm86, IDT_VM86, 16)
TABLE_TEST(prot32, IDT_PROT32, 32)
TABLE_TEST(user32, IDT_USER32, 32)
TABLE_TEST(compat32, IDT_COMPAT32, 32)
TABLE_TEST(long64, IDT_LONG64, 64)
TABLE_TEST(user64, IDT_USER64, 64)

TEST_HARNESS_MAIN
