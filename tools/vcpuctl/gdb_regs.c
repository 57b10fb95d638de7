// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the registers of a vCPU as GDB numbers them. GDB prescribes the order within
 * the features org.gnu.gdb.i386.*; svmvcpu.system is ours.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gdb_regs.h"
#include "vcpuctl.h"

#define XSAVE_FCW	0
#define XSAVE_FSW	2
#define XSAVE_FTW	4	/* a bit for each register that is not empty */
#define XSAVE_FOP	6
#define XSAVE_FIP	8
#define XSAVE_FCS	12
#define XSAVE_FDP	16
#define XSAVE_FDS	20
#define XSAVE_MXCSR	24
#define XSAVE_ST	32
#define XSAVE_XMM	160
#define XSAVE_LEGACY	416	/* end of the XMM registers */
#define XSAVE_BV	512
#define BV_X87		1ULL
#define BV_SSE		2ULL
#define FCW_INITIAL	0x37f

#define CR0_PE		1ULL
#define EFER_LMA	0x400ULL
#define RFLAGS_VM	0x20000ULL
#define ATTRIB_L	0x200
#define ATTRIB_DB	0x400

enum source {
	IN_STATE,	/* @at is an offset in struct svmvcpu_state */
	IN_XSAVE,
	IN_RIP,		/* linear */
	IN_SELECTOR,
	IN_TAGS,	/* two bits for each x87 register */
};

/**
 * struct reg - a register
 * @name: name for GDB
 * @type: type for GDB
 * @group: for "info registers GROUP", or NULL for GDB's own
 * @component: SVMVCPU_STATE_*
 * @source: where it is
 * @at: offset there
 * @stored: bytes there
 * @size: bytes for GDB, of which those beyond @stored are zero; 0 if they are as many
 */
struct reg {
	const char *name;
	const char *type;
	const char *group;
	__u64 component;
	enum source source;
	__u16 at;
	__u8 stored;
	__u8 size;
};

#define STATE(name, type, group, component, member, bytes)			\
	{ name, type, group, SVMVCPU_STATE_##component, IN_STATE,		\
	  offsetof(struct svmvcpu_state, member), bytes, 0 }
#define XSAVE(name, type, group, at, stored, size)				\
	{ name, type, group, SVMVCPU_STATE_XSTATE, IN_XSAVE, at, stored, size }
#define GPR64(name, type)	STATE(#name, type, NULL, GPRS, gprs.name, 8)
#define GPR32(name, type)	STATE("e" #name, type, NULL, GPRS, gprs.r##name, 4)
#define RIP(name, bytes)							\
	{ name, "code_ptr", NULL, SVMVCPU_STATE_GPRS, IN_RIP,			\
	  offsetof(struct svmvcpu_state, gprs.rip), bytes, 0 }
#define SELECTOR(name)								\
	{ #name, "int32", NULL, SVMVCPU_STATE_SEGMENTS, IN_SELECTOR,		\
	  offsetof(struct svmvcpu_state, segments.name), 2, 4 }
#define ST(n)		XSAVE("st" #n, "i387_ext", NULL, XSAVE_ST + 16 * (n), 10, 0)
#define X87(name, at, bytes)	XSAVE(name, "int", "float", at, bytes, 4)
#define XMM(n)		XSAVE("xmm" #n, "vec128", NULL, XSAVE_XMM + 16 * (n), 16, 0)
#define SYSTEM(name, type, component, member, bytes)				\
	STATE(name, type, NULL, component, member, bytes)

static const struct reg gprs_64[] = {
	GPR64(rax, "int64"), GPR64(rbx, "int64"), GPR64(rcx, "int64"), GPR64(rdx, "int64"),
	GPR64(rsi, "int64"), GPR64(rdi, "int64"), GPR64(rbp, "data_ptr"), GPR64(rsp, "data_ptr"),
	GPR64(r8, "int64"), GPR64(r9, "int64"), GPR64(r10, "int64"), GPR64(r11, "int64"),
	GPR64(r12, "int64"), GPR64(r13, "int64"), GPR64(r14, "int64"), GPR64(r15, "int64"),
	RIP("rip", 8),
};

static const struct reg gprs_32[] = {
	GPR32(ax, "int32"), GPR32(cx, "int32"), GPR32(dx, "int32"), GPR32(bx, "int32"),
	GPR32(sp, "data_ptr"), GPR32(bp, "data_ptr"), GPR32(si, "int32"), GPR32(di, "int32"),
	RIP("eip", 4),
};

static const struct reg core[] = {
	STATE("eflags", "i386_eflags", NULL, GPRS, gprs.rflags, 4),
	SELECTOR(cs), SELECTOR(ss), SELECTOR(ds), SELECTOR(es), SELECTOR(fs), SELECTOR(gs),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	X87("fctrl", XSAVE_FCW, 2), X87("fstat", XSAVE_FSW, 2),
	{ "ftag", "int", "float", SVMVCPU_STATE_XSTATE, IN_TAGS, XSAVE_FTW, 1, 4 },
	X87("fiseg", XSAVE_FCS, 2), X87("fioff", XSAVE_FIP, 4),
	X87("foseg", XSAVE_FDS, 2), X87("fooff", XSAVE_FDP, 4), X87("fop", XSAVE_FOP, 2),
};

static const struct reg xmm_low[] = {
	XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
};

static const struct reg xmm_high[] = {
	XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
};

static const struct reg mxcsr[] = {
	XSAVE("mxcsr", "i386_mxcsr", "vector", XSAVE_MXCSR, 4, 0),
};

static const struct reg bases[] = {
	STATE("fs_base", "int64", NULL, SEGMENTS, segments.fs.base, 8),
	STATE("gs_base", "int64", NULL, SEGMENTS, segments.gs.base, 8),
};

static const struct reg system_regs[] = {
	SYSTEM("k_gs_base", "int64", MSRS, msrs.kernel_gs_base, 8),
	SYSTEM("cr0", "cr0", CONTROL, control.cr0, 8),
	SYSTEM("cr2", "int64", CONTROL, control.cr2, 8),
	SYSTEM("cr3", "int64", CONTROL, control.cr3, 8),
	SYSTEM("cr4", "cr4", CONTROL, control.cr4, 8),
	SYSTEM("cr8", "int64", CONTROL, control.cr8, 8),
	SYSTEM("efer", "efer", CONTROL, control.efer, 8),
	SYSTEM("cs_base", "int64", SEGMENTS, segments.cs.base, 8),
	SYSTEM("ss_base", "int64", SEGMENTS, segments.ss.base, 8),
	SYSTEM("ds_base", "int64", SEGMENTS, segments.ds.base, 8),
	SYSTEM("es_base", "int64", SEGMENTS, segments.es.base, 8),
	SYSTEM("tr_base", "int64", SEGMENTS, segments.tr.base, 8),
	SYSTEM("gdt_base", "int64", SEGMENTS, segments.gdtr.base, 8),
	SYSTEM("gdt_limit", "int32", SEGMENTS, segments.gdtr.limit, 4),
	SYSTEM("idt_base", "int64", SEGMENTS, segments.idtr.base, 8),
	SYSTEM("idt_limit", "int32", SEGMENTS, segments.idtr.limit, 4),
};

static const char core_feature[] = "org.gnu.gdb.i386.core";
static const char sse_feature[] = "org.gnu.gdb.i386.sse";
static const char segments_feature[] = "org.gnu.gdb.i386.segments";
static const char system_feature[] = "svmvcpu.system";

#define ONLY_32		1U
#define ONLY_64		2U
#define BOTH		3U
#define DESCRIBED	4U	/* not without a target description */

/* in the order of GDB's numbers; those of a feature follow each other */
static const struct part {
	const char *feature;
	const struct reg *regs;
	unsigned int nr;
	unsigned int use;
} parts[] = {
	{ core_feature, gprs_64, ARRAY_SIZE(gprs_64), ONLY_64 },
	{ core_feature, gprs_32, ARRAY_SIZE(gprs_32), ONLY_32 },
	{ core_feature, core, ARRAY_SIZE(core), BOTH },
	{ sse_feature, xmm_low, ARRAY_SIZE(xmm_low), BOTH },
	{ sse_feature, xmm_high, ARRAY_SIZE(xmm_high), ONLY_64 },
	{ sse_feature, mxcsr, ARRAY_SIZE(mxcsr), BOTH },
	{ segments_feature, bases, ARRAY_SIZE(bases), ONLY_64 | DESCRIBED },
	{ system_feature, bases, ARRAY_SIZE(bases), ONLY_32 | DESCRIBED },
	{ system_feature, system_regs, ARRAY_SIZE(system_regs), BOTH | DESCRIBED },
};

/* names of the bits of a register, from bit 0, with a blank between; "-" for one without */
static const struct flags {
	const char *feature;
	const char *id;
	unsigned int size;
	const char *bits;
} flags[] = {
	{ core_feature, "i386_eflags", 4,
	  "CF - PF - AF - ZF SF TF IF DF OF - - NT - RF VM AC VIF VIP ID" },
	{ sse_feature, "i386_mxcsr", 4, "IE DE ZE OE UE PE DAZ IM DM ZM OM UM PM - - FZ" },
	{ system_feature, "cr0", 8,
	  "PE MP EM TS ET NE - - - - - - - - - - WP - AM - - - - - - - - - - NW CD PG" },
	{ system_feature, "cr4", 8,
	  "VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP LA57 - - - FSGSBASE\n"
	  "PCIDE OSXSAVE - SMEP SMAP PKE" },
	{ system_feature, "efer", 8, "SCE - - - - - - - LME - LMA NXE SVME LMSLE FFXSR TCE" },
};

enum gdb_arch gdb_arch(const struct svmvcpu_state *state)
{
	__u16 attrib = state->segments.cs.attrib;

	if ((state->control.efer & EFER_LMA) && (attrib & ATTRIB_L))
		return GDB_X86_64;
	return attrib & ATTRIB_DB ? GDB_I386 : GDB_I8086;
}

static bool real_segments(const struct svmvcpu_state *state)
{
	return !(state->control.cr0 & CR0_PE) || (state->gprs.rflags & RFLAGS_VM);
}

/* 64-bit code ignores the base of CS */
static __u64 code_base(const struct svmvcpu_state *state)
{
	return gdb_arch(state) == GDB_X86_64 ? 0 : state->segments.cs.base;
}

__u64 gdb_pc(const struct svmvcpu_state *state)
{
	return code_base(state) + state->gprs.rip;
}

void gdb_xsave_complete(struct gdb_cpu *cpu)
{
	const __u16 fcw = FCW_INITIAL;
	__u64 bv;

	memcpy(&bv, cpu->xsave + XSAVE_BV, sizeof(bv));
	if (!(bv & BV_X87)) {
		memset(cpu->xsave, 0, XSAVE_MXCSR);
		memcpy(cpu->xsave + XSAVE_FCW, &fcw, sizeof(fcw));
		memset(cpu->xsave + XSAVE_ST, 0, XSAVE_XMM - XSAVE_ST);
	}
	if (!(bv & BV_SSE))
		memset(cpu->xsave + XSAVE_XMM, 0, XSAVE_LEGACY - XSAVE_XMM);
	bv |= BV_X87 | BV_SSE;
	memcpy(cpu->xsave + XSAVE_BV, &bv, sizeof(bv));
}

static bool part_used(const struct gdb_layout *l, const struct part *p)
{
	if ((p->use & DESCRIBED) && !l->described)
		return false;
	return p->use & (l->arch == GDB_X86_64 ? ONLY_64 : ONLY_32);
}

static const struct reg *find_reg(const struct gdb_layout *l, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!part_used(l, &parts[i]))
			continue;
		if (nr < parts[i].nr)
			return &parts[i].regs[nr];
		nr -= parts[i].nr;
	}
	return NULL;
}

unsigned int gdb_reg_count(const struct gdb_layout *l)
{
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (part_used(l, &parts[i]))
			nr += parts[i].nr;
	return nr;
}

static size_t bytes_of(const struct reg *r)
{
	return r->size ?: r->stored;
}

size_t gdb_reg_size(const struct gdb_layout *l, unsigned int nr)
{
	const struct reg *r = find_reg(l, nr);

	return r ? bytes_of(r) : 0;
}

/* 0 valid, 1 zero, 2 special, 3 empty: what FSAVE stores, from what FXSAVE stores */
static __u16 full_tags(const struct gdb_cpu *cpu)
{
	unsigned int top = cpu->xsave[XSAVE_FSW + 1] >> 3 & 7, i;
	__u16 tags = 0;

	for (i = 0; i < 8; i++) {
		const __u8 *st = cpu->xsave + XSAVE_ST + 16 * ((i - top) & 7);
		unsigned int tag = 0;
		__u16 exponent;
		__u64 mantissa;

		memcpy(&mantissa, st, 8);
		memcpy(&exponent, st + 8, 2);
		exponent &= 0x7fff;
		if (!(cpu->xsave[XSAVE_FTW] & (1 << i)))
			tag = 3;
		else if (!exponent && !mantissa)
			tag = 1;
		else if (!exponent || exponent == 0x7fff || !(mantissa >> 63))
			tag = 2;
		tags |= tag << (2 * i);
	}
	return tags;
}

static __u8 short_tags(__u16 tags)
{
	__u8 valid = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if ((tags >> (2 * i) & 3) != 3)
			valid |= 1 << i;
	return valid;
}

void gdb_reg_read(const struct gdb_layout *l, const struct gdb_cpu *cpu, unsigned int nr,
		  void *bytes)
{
	const struct reg *r = find_reg(l, nr);
	__u64 value;

	if (!r)
		return;
	memset(bytes, 0, bytes_of(r));
	switch (r->source) {
	case IN_STATE:
	case IN_SELECTOR:
		/* a selector is not the first member of its segment */
		memcpy(bytes, (const char *)&cpu->state + r->at + (r->source == IN_SELECTOR ?
		       offsetof(struct svmvcpu_segment, selector) : 0), r->stored);
		break;
	case IN_XSAVE:
		memcpy(bytes, cpu->xsave + r->at, r->stored);
		break;
	case IN_RIP:
		value = gdb_pc(&cpu->state);
		memcpy(bytes, &value, r->stored);
		break;
	case IN_TAGS:
		value = full_tags(cpu);
		memcpy(bytes, &value, sizeof(__u16));
		break;
	}
}

/* as a load does it, except that the descriptor tables are not read */
static void write_selector(struct svmvcpu_state *state, __u16 at, const void *bytes)
{
	struct svmvcpu_segment *seg = (void *)((char *)state + at);

	memcpy(&seg->selector, bytes, sizeof(seg->selector));
	if (real_segments(state))
		seg->base = seg->selector << 4;
}

__u64 gdb_reg_write(const struct gdb_layout *l, struct gdb_cpu *cpu, unsigned int nr,
		    const void *bytes)
{
	const struct reg *r = find_reg(l, nr);
	__u8 old[GDB_REG_MAX];
	__u64 value = 0;

	if (!r)
		return 0;
	gdb_reg_read(l, cpu, nr, old);
	/* the layout may not show all bits of it */
	if (!memcmp(old, bytes, bytes_of(r)))
		return 0;
	switch (r->source) {
	case IN_STATE:
		memcpy((char *)&cpu->state + r->at, bytes, r->stored);
		break;
	case IN_SELECTOR:
		write_selector(&cpu->state, r->at, bytes);
		break;
	case IN_XSAVE:
		memcpy(cpu->xsave + r->at, bytes, r->stored);
		break;
	case IN_RIP:
		memcpy(&value, bytes, r->stored);
		value -= code_base(&cpu->state);
		memcpy(&cpu->state.gprs.rip, &value, r->stored);
		break;
	case IN_TAGS:
		memcpy(&value, bytes, sizeof(__u16));
		cpu->xsave[r->at] = short_tags(value);
		break;
	}
	return r->component;
}

/* text that is being collected; counts also what does not fit */
struct text {
	char *buf;
	size_t room;
	size_t len;
};

[[gnu::format(printf, 2, 3)]]
static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->len < t->room ? t->buf + t->len : NULL,
		      t->len < t->room ? t->room - t->len : 0, fmt, args);
	va_end(args);
	t->len += n;
}

static void put_flags(struct text *t, const struct flags *f)
{
	const char *p = f->bits;
	unsigned int bit;

	put(t, "<flags id=\"%s\" size=\"%u\">", f->id, f->size);
	for (bit = 0; *p; bit++) {
		int len = strcspn(p, "\n ");

		put(t, "<field name=\"%.*s\" start=\"%u\" end=\"%u\"/>", *p == '-' ? 0 : len, p,
		    bit, bit);
		p += len + !!p[len];
	}
	put(t, "</flags>\n");
}

static const char vector_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>\n"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>\n"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>\n"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>\n"
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>\n"
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>\n"
	"<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/>\n"
	"</union>\n";

static void put_types(struct text *t, const char *feature)
{
	unsigned int i;

	if (feature == sse_feature)
		put(t, "%s", vector_types);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].feature == feature)
			put_flags(t, &flags[i]);
}

static void put_regs(struct text *t, const struct part *p)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		const struct reg *r = &p->regs[i];

		put(t, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->name,
		    (unsigned int)bytes_of(r) * 8, r->type);
		if (r->group)
			put(t, " group=\"%s\"", r->group);
		put(t, "/>\n");
	}
}

size_t gdb_description(const struct gdb_layout *l, char *buf, size_t len)
{
	static const char * const arches[] = {
		[GDB_I8086] = "i8086", [GDB_I386] = "i386", [GDB_X86_64] = "i386:x86-64",
	};
	struct text t = { .buf = buf, .room = len };
	const char *feature = NULL;
	unsigned int i;

	put(&t, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
	    "<target version=\"1.0\"><architecture>%s</architecture>\n", arches[l->arch]);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!part_used(l, &parts[i]))
			continue;
		if (parts[i].feature != feature) {
			put(&t, "%s<feature name=\"%s\">\n", feature ? "</feature>\n" : "",
			    parts[i].feature);
			feature = parts[i].feature;
			put_types(&t, feature);
		}
		put_regs(&t, &parts[i]);
	}
	put(&t, "</feature></target>\n");
	return t.len;
}
