// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: privilege, and LLDT and LTR with the selector in memory. The
 * descriptor comes from the guest's GDT, with the checks of the manual (APM
 * volume 3).
 *
 * The processor checked privilege and mode before the access that faulted, but the
 * instruction may not be the one that it checked: another vCPU can replace the bytes
 * before the kernel reads them.
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

#define CR4_UMIP	BIT_ULL(11)

static bool may_use_ports(const struct machine *m)
{
	return m->env.mode != GUEST_VM86 &&
	       m->mmu.cpl <= (m->rflags & FLAG_IOPL) >> FLAG_IOPL_SHIFT;
}

/**
 * check_privilege() - may the guest execute this, where it is?
 * @m: the machine
 * @insn: the instruction
 *
 * What only the permission bitmap of the TSS, IOPL in virtual-8086 mode, or #UD
 * could answer is refused.
 *
 * Return: 0, SVMVCPU_EMUL_FAULT or -ENOTSUP.
 */
int check_privilege(struct machine *m, const struct einsn *insn)
{
	if ((insn->flags & E_PROTECTED) && guest_mode_is_real_like(m->env.mode))
		return svmvcpu_fail(ENOTSUP, "not emulated: LDTR or TR in real mode");
	if ((insn->flags & E_NO_VM86) && m->env.mode == GUEST_VM86)
		return svmvcpu_fail(ENOTSUP, "not emulated: pushf in virtual-8086 mode");
	if ((insn->flags & (E_IN | E_OUT)) && !may_use_ports(m))
		return svmvcpu_fail(ENOTSUP, "not emulated: ports at privilege level %u",
				    m->mmu.cpl);
	if ((insn->flags & E_CPL0) && m->mmu.cpl)
		return raise_fault(m, VECTOR_GP, 0, 0);
	if ((insn->flags & E_UMIP) && (m->emul->control->cr4 & CR4_UMIP) && m->mmu.cpl)
		return raise_fault(m, VECTOR_GP, 0, 0);
	return 0;
}

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

static bool is_canonical(const struct machine *m, u64 address)
{
	unsigned int shift = 64 - m->env.la_bits;

	return (u64)((s64)(address << shift) >> shift) == address;
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
	else if (!is_canonical(m, d->linear) || !is_canonical(m, d->linear + bytes - 1))
		return raise_fault(m, VECTOR_GP, 0, 0);
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
	if (!is_long(m))
		return true;
	return !(d->high >> 40 & ACCESS_TYPE) && is_canonical(m, base);
}

/* A descriptor of the right type, in the format of the register */
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
	if (selector & ~SELECTOR_RPL) {
		err = read_descriptor(m, selector, &d);
		if (!err)
			err = load(m, selector, (access_of(&d) & ACCESS_TYPE) == TYPE_LDT, &d, &s);
	} else {
		/* no table: each use is a fault */
		s = (struct svmvcpu_segment){ .selector = selector };
	}
	if (!err)
		err = begin_access(m);
	if (!err)
		m->emul->segments->ldtr = s;
	return err;
}

static bool is_free_tss(const struct machine *m, const struct descriptor *d)
{
	u8 type = access_of(d) & ACCESS_TYPE;

	return type == TYPE_TSS || (type == TYPE_TSS16 && !is_long(m));
}

/*
 * Marks the descriptor busy in memory and in the register. If two vCPUs load it at the
 * same time, one gets #GP.
 */
static int set_busy(struct machine *m, u16 selector, const struct descriptor *d)
{
	struct place place;
	u8 old;
	int err;

	err = place_find_linear(m, d->linear + ACCESS_BYTE, 1, GVA_IMPLICIT | GVA_WRITE, &place);
	if (!err)
		err = place_set_bits(m, &place, TYPE_BUSY, &old);
	if (err)
		return err;
	return old & TYPE_BUSY ? raise_selector(m, VECTOR_GP, selector) : 0;
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
		err = set_busy(m, selector, &d);
	if (err)
		return err;
	s.attrib |= TYPE_BUSY;
	m->emul->segments->tr = s;
	return 0;
}
