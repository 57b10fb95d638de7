// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: LLDT and LTR with the selector in memory. The descriptor comes
 * from the guest's GDT, with the checks of the manual (APM volume 3); privilege and
 * mode have been checked by the processor before it accessed the selector.
 */
#include <errno.h>

#include "machine.h"

#define VECTOR_NP	11
#define SELECTOR_TI	0x4
#define SELECTOR_RPL	0x3
#define SELECTOR_INDEX	0xfff8

/* The access byte of a descriptor: byte 5 */
#define ACCESS_BYTE	5
#define ACCESS_P	0x80
#define ACCESS_TYPE	0x1f	/* with S, which is clear in system descriptors */
#define TYPE_LDT	0x02
#define TYPE_TSS16	0x01
#define TYPE_TSS	0x09
#define TYPE_BUSY	0x02

/**
 * struct descriptor - a system descriptor in the guest's GDT
 * @linear: where it is
 * @low: eight bytes
 * @high: eight more in long mode, else 0
 */
struct descriptor {
	u64 linear;
	u64 low;
	u64 high;
};

static bool is_long(const struct machine *m)
{
	return m->emul->control->efer & GUEST_EFER_LMA;
}

static int raise_selector(struct machine *m, unsigned int vector, u16 selector)
{
	return raise_fault(m, vector, selector & ~SELECTOR_RPL, 0);
}

static int read_descriptor(struct machine *m, u16 selector, struct descriptor *d)
{
	const struct svmvcpu_segment *gdtr = &m->emul->segments->gdtr;
	unsigned int offset = selector & SELECTOR_INDEX, bytes = is_long(m) ? 16 : 8;
	u64 value[2] = { 0 };
	struct place place;
	int err;

	if ((selector & SELECTOR_TI) || offset + bytes - 1 > gdtr->limit)
		return raise_selector(m, VECTOR_GP, selector);
	d->linear = gdtr->base + offset;
	if (!is_long(m))
		d->linear = (u32)d->linear;
	err = place_find_linear(m, d->linear, bytes, GVA_IMPLICIT, &place);
	if (!err)
		err = place_read_bytes(m, &place, (u8 *)value);
	d->low = value[0];
	d->high = value[1];
	return err;
}

static u8 access_of(const struct descriptor *d)
{
	return d->low >> (8 * ACCESS_BYTE);
}

static struct svmvcpu_segment to_segment(u16 selector, const struct descriptor *d)
{
	struct svmvcpu_segment s = { .selector = selector };

	s.base = (d->low >> 16 & 0xffffff) | (d->low >> 56) << 24 | d->high << 32;
	s.limit = (d->low & 0xffff) | (d->low >> 32 & 0xf0000);
	s.attrib = access_of(d) | (d->low >> 44 & 0xf00);
	if (s.attrib & GUEST_SEG_G)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

/* Long mode: the type of the upper half is 0, and the base is canonical. */
static bool is_wide_valid(const struct machine *m, const struct descriptor *d, u64 base)
{
	unsigned int shift = 64 - m->env.la_bits;

	if (!is_long(m))
		return true;
	return !(d->high >> 40 & ACCESS_TYPE) && (u64)((s64)(base << shift) >> shift) == base;
}

/* A descriptor of the right type, as the register will hold it */
static int load(struct machine *m, u16 selector, bool right_type, const struct descriptor *d,
		struct svmvcpu_segment *s)
{
	if (!right_type)
		return raise_selector(m, VECTOR_GP, selector);
	if (!(access_of(d) & ACCESS_P))
		return raise_selector(m, VECTOR_NP, selector);
	*s = to_segment(selector, d);
	return is_wide_valid(m, d, s->base) ? 0 : raise_selector(m, VECTOR_GP, selector);
}

static int read_selector(struct machine *m, const struct einsn *insn, u16 *selector)
{
	struct place place;
	u64 value;
	int err;

	err = place_find(m, &insn->operand[0], 0, false, &place);
	if (!err)
		err = place_read(m, &place, &value);
	*selector = value;
	return err;
}

int execute_lldt(struct machine *m, const struct einsn *insn)
{
	struct svmvcpu_segment s;
	struct descriptor d;
	u16 selector;
	int err;

	err = read_selector(m, insn, &selector);
	if (err)
		return err;
	/* no table: every use of it is a fault */
	if (!(selector & ~SELECTOR_RPL)) {
		m->emul->segments->ldtr = (struct svmvcpu_segment){ .selector = selector };
		return 0;
	}
	err = read_descriptor(m, selector, &d);
	if (!err)
		err = load(m, selector, (access_of(&d) & ACCESS_TYPE) == TYPE_LDT, &d, &s);
	if (!err)
		m->emul->segments->ldtr = s;
	return err;
}

static bool is_free_tss(const struct machine *m, const struct descriptor *d)
{
	u8 type = access_of(d) & ACCESS_TYPE;

	return type == TYPE_TSS || (type == TYPE_TSS16 && !is_long(m));
}

/* The descriptor in memory becomes busy, and the one in the register is. */
static int set_busy(struct machine *m, const struct descriptor *d)
{
	struct place place;
	int err;

	err = place_find_linear(m, d->linear + ACCESS_BYTE, 1, GVA_IMPLICIT | GVA_WRITE, &place);
	return err ? err : place_write(m, &place, access_of(d) | TYPE_BUSY);
}

int execute_ltr(struct machine *m, const struct einsn *insn)
{
	struct svmvcpu_segment s;
	struct descriptor d;
	u16 selector;
	int err;

	err = read_selector(m, insn, &selector);
	if (err)
		return err;
	if (!(selector & ~SELECTOR_RPL))
		return raise_fault(m, VECTOR_GP, 0, 0);
	err = read_descriptor(m, selector, &d);
	if (!err)
		err = load(m, selector, is_free_tss(m, &d), &d, &s);
	if (!err)
		err = set_busy(m, &d);
	if (err)
		return err;
	s.attrib |= TYPE_BUSY;
	m->emul->segments->tr = s;
	return 0;
}
