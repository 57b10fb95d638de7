// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: memory operands. From segment and offset through the guest's
 * page tables to RAM or to the caller's device, and the exceptions on the way.
 */
#include <errno.h>

#include "machine.h"

#define CR4_LA57	BIT_ULL(12)
#define VECTOR_PF	14

static struct linear_seg segment(const struct svmvcpu_segment *s)
{
	return (struct linear_seg){ .base = s->base, .limit = s->limit, .attr = s->attrib };
}

static void init_env(struct machine *m, const struct svmvcpu_emul *emul)
{
	const struct svmvcpu_control *c = emul->control;
	const struct svmvcpu_segments *s = emul->segments;

	m->env.mode = guest_mode(c->cr0, c->efer, emul->gprs->rflags, s->cs.attrib);
	m->env.la_bits = c->cr4 & CR4_LA57 ? 57 : 48;
	m->env.seg = m->seg;
	m->seg[INSN_ES] = segment(&s->es);
	m->seg[INSN_CS] = segment(&s->cs);
	m->seg[INSN_SS] = segment(&s->ss);
	m->seg[INSN_DS] = segment(&s->ds);
	m->seg[INSN_FS] = segment(&s->fs);
	m->seg[INSN_GS] = segment(&s->gs);
}

/**
 * machine_init() - the machine before the instruction
 * @m: result; @m->rip_next is the caller's
 * @emul: what the user of the library passed
 */
void machine_init(struct machine *m, struct svmvcpu_emul *emul)
{
	const struct svmvcpu_control *c = emul->control;

	memset(m, 0, sizeof(*m));
	m->emul = emul;
	m->rflags = emul->gprs->rflags;
	memcpy(m->gprs, emul->gprs, sizeof(m->gprs));
	init_env(m, emul);
	m->mmu = (struct gva_mmu){
		.cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer,
		.rflags = m->rflags,
		.pkru = emul->pkru,
		.cpl = (emul->segments->ss.attrib & GUEST_SEG_DPL) >> 5,
		.maxphyaddr = emul->phys_bits ? emul->phys_bits : 52,
		.page1gb = true,
		.pdpte_accessed = emul->features & SVMVCPU_FEAT_UNDER_HYPERVISOR,
	};
	if (m->env.mode == GUEST_VM86)
		m->mmu.cpl = 3;
	else if (m->env.mode == GUEST_REAL)
		m->mmu.cpl = 0;
}

/**
 * begin_access() - called before the first access that has an effect
 * @m: the machine, all operands found
 *
 * Another vCPU may have replaced the instruction since it faulted, or the page
 * tables. Only an instruction that still accesses the page that faulted is for
 * the library: any other one the guest executes better by itself.
 *
 * Return: 0, from the second call on always, or -EBUSY.
 */
int begin_access(struct machine *m)
{
	if (!m->on_page && !m->started)
		return svmvcpu_fail(EBUSY, "the instruction does not access %#llx any more",
				    m->emul->gpa);
	m->started = true;
	return 0;
}

static void note_write(const struct machine *m, u64 gpa, unsigned int bytes)
{
	if (m->emul->wrote)
		m->emul->wrote(m->emul->opaque, gpa, bytes);
}

/* Page table entries, which the guest may be changing. */

static int read_pte(void *ctx, u64 gpa, unsigned int size, u64 *pte)
{
	struct machine *m = ctx;
	const void *at = svmvcpu_gpa_to_hva(m->emul->guest, gpa, size);

	if (!at)
		return -EFAULT;
	*pte = size == 4 ? __atomic_load_n((const u32 *)at, __ATOMIC_RELAXED) :
			   __atomic_load_n((const u64 *)at, __ATOMIC_RELAXED);
	return 0;
}

static int cmpxchg_pte(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	struct machine *m = ctx;
	void *at = svmvcpu_gpa_to_hva(m->emul->guest, gpa, size);
	u32 old32 = old;
	bool done;

	if (!at)
		return -EFAULT;
	if (size == 4)
		done = __atomic_compare_exchange_n((u32 *)at, &old32, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	else
		done = __atomic_compare_exchange_n((u64 *)at, &old, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	if (!done)
		return -EBUSY;
	note_write(m, gpa, size);
	return 0;
}

static const struct gva_walk_ops walk_ops = {
	.read_pte = read_pte,
	.cmpxchg_pte = cmpxchg_pte,
};

/**
 * raise_fault() - the guest has to take an exception
 * @m: the machine
 * @vector: which
 * @error_code: 0 unless it is a page fault, or about a selector
 * @address: of a page fault
 *
 * Return: SVMVCPU_EMUL_FAULT.
 */
int raise_fault(struct machine *m, unsigned int vector, u32 error_code, u64 address)
{
	m->emul->fault = (struct svmvcpu_emul_fault){
		.vector = vector, .error_code = error_code, .address = address,
	};
	return SVMVCPU_EMUL_FAULT;
}

static int translate(struct machine *m, u64 linear, unsigned int access, u64 *gpa)
{
	struct gva_fault fault;
	int err;

	err = gva_translate(&m->mmu, linear, access, &walk_ops, m, gpa, &fault);
	if (err == GVA_FAULT)
		return raise_fault(m, VECTOR_PF, fault.error_code, fault.address);
	if (err == -EBUSY)
		return svmvcpu_fail(EBUSY, "the guest keeps changing its page tables");
	if (err)
		return svmvcpu_fail(-err, "page table at %#llx is not in RAM",
				    fault.table_gpa);
	return 0;
}

static int add_part(struct machine *m, struct place *place, u64 linear,
		    unsigned int bytes, unsigned int access)
{
	u64 page = ~(SVMVCPU_PAGE - 1), gpa;
	int err;

	err = translate(m, linear, access, &gpa);
	if (err)
		return err;
	place->part[place->nr].gpa = gpa;
	place->part[place->nr].bytes = bytes;
	if ((gpa & page) == (m->emul->gpa & page))
		m->on_page = true;
	else
		place->part[place->nr].hva =
			svmvcpu_gpa_to_hva(m->emul->guest, gpa, bytes);
	place->nr++;
	return 0;
}

/* Long mode: system tables have 64-bit addresses, whatever the code. */
static bool is_wide_system(const struct machine *m, unsigned int access)
{
	return (access & GVA_IMPLICIT) && (m->emul->control->efer & GUEST_EFER_LMA);
}

/**
 * place_find_linear() - the same for a linear address
 * @m: the machine
 * @linear: address, canonical
 * @bytes: PLACE_MAX at most
 * @access: GVA_*
 * @place: result
 */
int place_find_linear(struct machine *m, u64 linear, unsigned int bytes, unsigned int access,
		      struct place *place)
{
	unsigned int first = SVMVCPU_PAGE - (linear & (SVMVCPU_PAGE - 1));
	int err;

	memset(place, 0, sizeof(*place));
	if (bytes <= first)
		return add_part(m, place, linear, bytes, access);
	err = add_part(m, place, linear, first, access);
	if (err)
		return err;
	linear += first;
	if (m->env.mode != GUEST_LONG64 && !is_wide_system(m, access))
		linear = (u32)linear;
	return add_part(m, place, linear, bytes - first, access);
}

static int find(struct machine *m, const struct eoperand *operand, s64 disp, bool write,
		unsigned int align, struct place *place)
{
	struct ginsn_mem mem = operand->mem;
	u64 offset, linear = 0;
	int vector;

	mem.disp += disp;
	offset = ginsn_offset(&mem, m->gprs, m->rip_next);
	vector = linear_address(&m->env, mem.seg, offset, operand->bytes,
				write ? LINEAR_WRITE : LINEAR_READ, &linear);
	if (!vector && (linear & (align - 1)))
		vector = VECTOR_GP;
	if (vector)
		return raise_fault(m, vector, 0, 0);
	return place_find_linear(m, linear, operand->bytes, write ? GVA_WRITE : 0, place);
}

/**
 * place_find() - translate a memory operand; no access is made
 * @m: the machine
 * @operand: the operand
 * @disp: added to its address (bit strings)
 * @write: it will be written
 * @place: result
 */
int place_find(struct machine *m, const struct eoperand *operand, s64 disp,
	       bool write, struct place *place)
{
	return find(m, operand, disp, write, 1, place);
}

/* The same for an operand that is #GP(0) unless aligned to its width. */
int place_find_aligned(struct machine *m, const struct eoperand *operand, bool write,
		       struct place *place)
{
	return find(m, operand, 0, write, operand->bytes, place);
}

/* RAM in one access where the width allows: other vCPUs may be looking. */
static void copy(void *to, const void *from, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		memcpy(to, from, 1);
		break;
	case 2:
		memcpy(to, from, 2);
		break;
	case 4:
		memcpy(to, from, 4);
		break;
	case 8:
		memcpy(to, from, 8);
		break;
	default:
		memcpy(to, from, bytes);
	}
}

/* Devices see no access that is wider than a general register. */
static int device_read(struct machine *m, u64 gpa, u8 *buf, unsigned int bytes)
{
	struct svmvcpu_emul *emul = m->emul;
	unsigned int at, n;
	int err = begin_access(m);

	for (at = 0; at < bytes && !err; at += n) {
		n = bytes - at < 8 ? bytes - at : 8;
		err = emul->read(emul->opaque, gpa + at, buf + at, n);
	}
	return err;
}

static int device_write(struct svmvcpu_emul *emul, u64 gpa, const u8 *buf, unsigned int bytes)
{
	unsigned int at, n;
	int err = 0;

	for (at = 0; at < bytes && !err; at += n) {
		n = bytes - at < 8 ? bytes - at : 8;
		err = emul->write(emul->opaque, gpa + at, buf + at, n);
	}
	return err;
}

/**
 * place_read_bytes() - read a memory operand
 * @m: the machine
 * @place: from place_find()
 * @buf: result, as many bytes as the operand has, PLACE_MAX at most
 */
int place_read_bytes(struct machine *m, const struct place *place, u8 *buf)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < place->nr && !err; i++) {
		unsigned int bytes = place->part[i].bytes;

		if (place->part[i].hva)
			copy(buf, place->part[i].hva, bytes);
		else
			err = device_read(m, place->part[i].gpa, buf, bytes);
		buf += bytes;
	}
	return err;
}

/**
 * place_write_bytes() - write a memory operand
 * @m: the machine
 * @place: from place_find() for writing
 * @buf: what to write
 */
int place_write_bytes(struct machine *m, const struct place *place, const u8 *buf)
{
	unsigned int i;
	int err = begin_access(m);

	for (i = 0; i < place->nr && !err; i++) {
		unsigned int bytes = place->part[i].bytes;

		if (place->part[i].hva) {
			copy(place->part[i].hva, buf, bytes);
			note_write(m, place->part[i].gpa, bytes);
		} else {
			err = device_write(m->emul, place->part[i].gpa, buf, bytes);
		}
		buf += bytes;
	}
	return err;
}

/* An operand of up to eight bytes, zero-extended. */
int place_read(struct machine *m, const struct place *place, u64 *value)
{
	*value = 0;
	return place_read_bytes(m, place, (u8 *)value);
}

int place_write(struct machine *m, const struct place *place, u64 value)
{
	return place_write_bytes(m, place, (const u8 *)&value);
}

/**
 * place_set_bits() - set bits of a byte; in RAM atomically
 * @m: the machine
 * @place: one byte, from place_find_linear() for writing
 * @bits: which
 * @old: what the byte was
 */
int place_set_bits(struct machine *m, const struct place *place, u8 bits, u8 *old)
{
	u8 *at = place->part[0].hva, value;
	int err;

	err = begin_access(m);
	if (err)
		return err;
	if (at) {
		*old = __atomic_fetch_or(at, bits, __ATOMIC_SEQ_CST);
		note_write(m, place->part[0].gpa, 1);
		return 0;
	}
	err = place_read_bytes(m, place, old);
	value = *old | bits;
	return err ? err : place_write_bytes(m, place, &value);
}
