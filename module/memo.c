// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memos of translations and decoded instructions: see memo.h.
 *
 * Without a saved next RIP an exit costs a fetch through the guest's page
 * tables, some two thousand instructions, to learn that CPUID is two bytes long.
 * Here it is some seventy. Callers are in atomic context: with interrupts off a
 * region's user address stays the guest's (see memory_access.c).
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "guest.h"
#include "gva.h"
#include "memo.h"
#include "memory.h"
#include "vcpu.h"
#include "vm.h"

#define HOW_WRITE	BIT(0)
#define HOW_INSN	BIT(1)
#define HOW_CPL_SHIFT	2
#define HOW_RFLAGS	((u64)X86_EFLAGS_VM | X86_EFLAGS_AC)

/* An access to a device takes one of each half, which must not be the same. */
static struct memo *memo_slot(struct vcpu *vcpu, u64 linear, u64 how)
{
	unsigned int slot = (linear + (linear >> PAGE_SHIFT)) % (MEMOS / 2);

	return &vcpu->memo[how & HOW_INSN ? slot : MEMOS / 2 + slot];
}

static u64 how_now(const struct vcpu *vcpu, u64 how)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return how | save->cpl << HOW_CPL_SHIFT | (save->rflags & HOW_RFLAGS);
}

/* Selector, attributes and limit in one */
static u64 cs_now(const struct vcpu *vcpu)
{
	const struct vmcb_segment *cs = &vcpu->vmcb->save.cs;

	return cs->selector | (u64)cs->attrib << 16 | (u64)cs->limit << 32;
}

static __always_inline bool same_registers(const struct vcpu *vcpu, const struct memo *memo,
					   u64 linear, u64 how)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return !((memo->linear ^ linear) | (memo->how ^ how_now(vcpu, how)) |
		 (memo->cs ^ cs_now(vcpu)) | (memo->cs_base ^ save->cs.base) |
		 (memo->cr0 ^ save->cr0) | (memo->cr3 ^ save->cr3) |
		 (memo->cr4 ^ save->cr4) | (memo->efer ^ save->efer) |
		 (memo->table_gen ^ READ_ONCE(vcpu->vm->mem.table_gen)));
}

static void keep_registers(const struct vcpu *vcpu, struct memo *memo, u64 linear, u64 how)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	memo->linear = linear;
	memo->how = how_now(vcpu, how);
	memo->cs = cs_now(vcpu);
	memo->cs_base = save->cs.base;
	memo->cr0 = save->cr0;
	memo->cr3 = save->cr3;
	memo->cr4 = save->cr4;
	memo->efer = save->efer;
}

/* What is not resident is not the same. */
static __always_inline bool same_words(const struct memo *memo)
{
	const struct memo_word *word = memo->word, *end = word + memo->nr;
	u64 differ = 0, now;

	if (word == end)
		return true;
	pagefault_disable();
	if (!user_read_access_begin(word->at, sizeof(now)))
		goto out;
	do {
		unsafe_get_user(now, word->at, fault);
		differ |= (now ^ word->value) & word->mask;
	} while (++word < end);
	user_read_access_end();
	pagefault_enable();
	return !differ;
fault:
	user_read_access_end();
out:
	pagefault_enable();
	return false;
}

static __always_inline const struct memo *memo_find(struct vcpu *vcpu, u64 linear, u64 how)
{
	const struct memo *memo = memo_slot(vcpu, linear, how);

	return same_registers(vcpu, memo, linear, how) && same_words(memo) ? memo : NULL;
}

/* One more word that the answer depends on; false when it cannot be noted. */
static bool note_word(struct vcpu *vcpu, struct memo *memo, u64 gpa, u32 access, u64 mask)
{
	struct guest_memory *mem = &vcpu->vm->mem;
	struct memo_word *word = &memo->word[memo->nr];

	if (memo->nr == MEMO_WORDS)
		return false;
	word->at = guest_memory_user_ptr(mem, gpa, sizeof(u64), access);
	if (!word->at || guest_memory_read(mem, gpa, &word->value, sizeof(u64), true, access))
		return false;
	word->mask = mask;
	memo->nr++;
	return true;
}

struct note_ctx {
	struct vcpu *vcpu;
	struct memo *memo;
};

/* Only entries of eight bytes are noted: all but those of 32-bit paging. */
static int note_pte(void *ctx, u64 gpa, unsigned int size, u64 *pte)
{
	struct note_ctx *note = ctx;
	struct memo *memo = note->memo;

	*pte = 0;
	if (size != sizeof(u64) ||
	    !note_word(note->vcpu, memo, gpa, SVMVCPU_MEM_READ, ~0ULL))
		return -EAGAIN;
	*pte = memo->word[memo->nr - 1].value;
	return 0;
}

/* An accessed bit is missing: the long way sets it. */
static int note_no_cmpxchg(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	return -EAGAIN;
}

static const struct gva_walk_ops note_ops = {
	.read_pte = note_pte,
	.cmpxchg_pte = note_no_cmpxchg,
};

/* Starts a memo: what the translation of @linear depends on, and its result. */
static bool note_walk(struct vcpu *vcpu, struct memo *memo, u64 linear, unsigned int access)
{
	struct note_ctx ctx = { .vcpu = vcpu, .memo = memo };
	struct gva_mmu mmu = guest_mmu(vcpu);
	struct gva_fault fault;

	memo->nr = 0;
	/* Before anything is looked up: a region that goes meanwhile is noticed. */
	memo->table_gen = smp_load_acquire(&vcpu->vm->mem.table_gen);
	return !gva_translate(&mmu, linear, access, &note_ops, &ctx, &memo->gpa, &fault);
}

/* A memo that no exit finds. */
static void forget(struct memo *memo)
{
	memo->how = ~0ULL;
}

/**
 * memo_insn() - the instruction at CS:RIP
 * @vcpu: its mutex held; interrupts off
 *
 * Return: a memo with its @insn and @next_rip, or NULL: go the long way.
 */
const struct memo *memo_insn(struct vcpu *vcpu)
{
	return memo_find(vcpu, vcpu_rip(vcpu), HOW_INSN);
}

/**
 * memo_next_rip() - where the instruction at CS:RIP ends, for guest_next_rip()
 * @vcpu: as before
 * @classes: BIT_ULL(INSN_*) of what it may be
 *
 * Return: false: go the long way.
 */
bool memo_next_rip(struct vcpu *vcpu, u64 classes)
{
	const struct memo *memo = memo_find(vcpu, vcpu_rip(vcpu), HOW_INSN);

	if (!memo || !(classes & BIT_ULL(memo->insn.class)))
		return false;
	vcpu->mismatches = 0;
	vcpu->next_rip = memo->next_rip;
	return true;
}

/**
 * memo_keep_insn() - the long way has been gone
 * @vcpu: as before
 * @insn: and what was found
 *
 * Instructions up to eight bytes of which the page holds eight are kept.
 */
void memo_keep_insn(struct vcpu *vcpu, const struct ginsn *insn)
{
	u64 rip = vcpu_rip(vcpu), linear = guest_linear_rip(vcpu);
	struct memo *memo = memo_slot(vcpu, rip, HOW_INSN);
	u64 bytes;

	forget(memo);
	if (insn->len > sizeof(u64) || offset_in_page(linear) > PAGE_SIZE - sizeof(u64))
		return;
	if (!note_walk(vcpu, memo, linear, GVA_FETCH) ||
	    !note_word(vcpu, memo, memo->gpa, SVMVCPU_MEM_EXEC,
		       GENMASK_ULL(insn->len * 8 - 1, 0)))
		return;
	/* Another CPU may have changed them since: the answer is to be theirs. */
	bytes = memo->word[memo->nr - 1].value;
	if (ginsn_decode(&memo->insn, (const u8 *)&bytes, sizeof(bytes), vcpu_mode(vcpu)) ||
	    memo->insn.len != insn->len)
		return;
	memo->next_rip = ginsn_next_rip(vcpu_mode(vcpu), rip, insn->len);
	keep_registers(vcpu, memo, rip, HOW_INSN);
}

/**
 * memo_translate() - a linear address of data
 * @vcpu: its mutex held; interrupts off
 * @linear: .
 * @write: the access is a write
 * @gpa: out
 *
 * Return: false: go the long way.
 */
bool memo_translate(struct vcpu *vcpu, u64 linear, bool write, u64 *gpa)
{
	const struct memo *memo = memo_find(vcpu, linear & PAGE_MASK, write ? HOW_WRITE : 0);

	if (memo)
		*gpa = memo->gpa | offset_in_page(linear);
	return memo;
}

/**
 * memo_keep_translation() - the long way has been gone
 * @vcpu: as before
 * @linear: as before
 * @write: as before
 */
void memo_keep_translation(struct vcpu *vcpu, u64 linear, bool write)
{
	u64 how = write ? HOW_WRITE : 0;
	struct memo *memo = memo_slot(vcpu, linear & PAGE_MASK, how);

	forget(memo);
	if (note_walk(vcpu, memo, linear & PAGE_MASK, write ? GVA_WRITE : 0))
		keep_registers(vcpu, memo, linear & PAGE_MASK, how);
}
