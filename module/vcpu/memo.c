// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memos of decoded instructions and device accesses: see memo.h.
 *
 * Without a saved next RIP an exit costs a fetch through the guest's page
 * tables, some two thousand instructions, to learn that CPUID is two bytes long;
 * a device access costs that and the translation of its operand. Here either is
 * some ninety. Callers are in atomic context: with interrupts off a region's
 * user address stays the guest's (see access.c).
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "insn/gva.h"
#include "mm/memory.h"
#include "vcpu/guest.h"
#include "vcpu/memo.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define HOW_WRITE	BIT(0)
#define HOW_KEPT	BIT(1)	/* in all of them, and not in one that is empty */
#define HOW_CPL_SHIFT	2
#define HOW_RFLAGS	((u64)X86_EFLAGS_VM | X86_EFLAGS_AC)

static u64 how_now(const struct vcpu *vcpu, bool write)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return HOW_KEPT | (write ? HOW_WRITE : 0) | save->cpl << HOW_CPL_SHIFT |
	       (save->rflags & HOW_RFLAGS);
}

/* Selector, attributes and limit in one */
static u64 cs_now(const struct vcpu *vcpu)
{
	const struct vmcb_segment *cs = &vcpu->vmcb->save.cs;

	return cs->selector | (u64)cs->attrib << 16 | (u64)cs->limit << 32;
}

static __always_inline bool is_for(const struct memo *memo, u64 rip, u64 device, u64 cr3)
{
	return memo->rip == rip && memo->device == device && memo->cr3 == cr3;
}

static noinline struct memo *look_further(struct memo_set *set, u64 rip, u64 device, u64 cr3)
{
	struct memo *memo;

	for (memo = set->memo; memo < set->memo + MEMOS; memo++) {
		if (is_for(memo, rip, device, cr3)) {
			set->last = memo;
			return memo;
		}
	}
	return NULL;
}

/* The memo for this place, whether it still holds or not */
static __always_inline struct memo *look_up(struct memo_set *set, u64 rip, u64 device, u64 cr3)
{
	struct memo *memo = set->last;

	if (likely(memo && is_for(memo, rip, device, cr3)))
		return memo;
	return look_further(set, rip, device, cr3);
}

/* Those that look_up() compared are left out. */
static __always_inline bool same_registers(const struct vcpu *vcpu, const struct memo *memo,
					   bool write)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return !((memo->how ^ how_now(vcpu, write)) | (memo->cs ^ cs_now(vcpu)) |
		 (memo->cs_base ^ save->cs.base) | (memo->cr0 ^ save->cr0) |
		 (memo->cr4 ^ save->cr4) | (memo->efer ^ save->efer) |
		 (memo->table_gen ^ READ_ONCE(vcpu->vm->mem.table_gen)));
}

static void keep_registers(const struct vcpu *vcpu, struct memo *memo, u64 device, bool write)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	memo->rip = vcpu_rip(vcpu);
	memo->device = device;
	memo->cr3 = save->cr3;
	memo->how = how_now(vcpu, write);
	memo->cs = cs_now(vcpu);
	memo->cs_base = save->cs.base;
	memo->cr0 = save->cr0;
	memo->cr4 = save->cr4;
	memo->efer = save->efer;
}

/* What is not resident is not the same. */
static __always_inline bool same_words(const struct memo *memo)
{
	const struct memo_word *word = memo->word, *end = word + memo->nr;
	u64 differ, now;

	pagefault_disable();
	if (!user_read_access_begin(word->at, sizeof(now)))
		goto out;
	unsafe_get_user(now, word->at, fault);
	differ = (now ^ word->value) & memo->mask;
	while (++word < end) {
		unsafe_get_user(now, word->at, fault);
		differ |= now ^ word->value;
	}
	user_read_access_end();
	pagefault_enable();
	return !differ;
fault:
	user_read_access_end();
out:
	pagefault_enable();
	return false;
}

static __always_inline const struct memo *find(struct vcpu *vcpu, struct memo_set *set,
					       u64 device, bool write)
{
	const struct memo *memo = look_up(set, vcpu_rip(vcpu), device, vcpu->vmcb->save.cr3);

	return memo && same_registers(vcpu, memo, write) && same_words(memo) ? memo : NULL;
}

/* One for what is not known, or not any more. No exit finds it for now. */
static struct memo *take(struct vcpu *vcpu, struct memo_set *set, u64 device)
{
	struct memo *memo = look_up(set, vcpu_rip(vcpu), device, vcpu->vmcb->save.cr3);

	if (!memo) {
		memo = &set->memo[set->next];
		set->next = (set->next + 1) % MEMOS;
	}
	memo->how = 0;
	/* Before anything is looked up: a region that comes or goes is noticed. */
	memo->table_gen = smp_load_acquire(&vcpu->vm->mem.table_gen);
	return memo;
}

static bool note_word(struct vcpu *vcpu, struct memo_word *word, u64 gpa, u32 access)
{
	struct guest_memory *mem = &vcpu->vm->mem;

	word->at = guest_memory_user_ptr(mem, gpa, sizeof(u64), access);
	return word->at &&
	       !guest_memory_read(mem, gpa, &word->value, sizeof(u64), true, access);
}

struct note_ctx {
	struct vcpu *vcpu;
	struct memo *memo;
};

/* Upper levels are often the same for an instruction and its operand. */
static bool is_noted(const struct memo *memo, const struct memo_word *new)
{
	unsigned int i;

	for (i = 1; i < memo->nr; i++)
		if (memo->word[i].at == new->at && memo->word[i].value == new->value)
			return true;
	return false;
}

/* Only entries of eight bytes are noted: all but those of 32-bit paging. */
static int note_pte(void *ctx, u64 gpa, unsigned int size, u64 *pte)
{
	struct note_ctx *note = ctx;
	struct memo *memo = note->memo;
	struct memo_word word;

	*pte = 0;
	if (size != sizeof(u64) || !note_word(note->vcpu, &word, gpa, SVMVCPU_MEM_READ))
		return -EAGAIN;
	*pte = word.value;
	if (is_noted(memo, &word))
		return 0;
	if (memo->nr == MEMO_WORDS)
		return -EAGAIN;
	memo->word[memo->nr++] = word;
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

/* What the translation of @linear depends on, and its result */
static bool note_walk(struct vcpu *vcpu, struct memo *memo, u64 linear, unsigned int access,
		      u64 *gpa)
{
	struct note_ctx ctx = { .vcpu = vcpu, .memo = memo };
	struct gva_mmu mmu = guest_mmu(vcpu);
	struct gva_fault fault;

	return !gva_translate(&mmu, linear, access, &note_ops, &ctx, gpa, &fault);
}

/* The instruction is the first word; instructions up to eight bytes are noted. */
static bool note_insn(struct vcpu *vcpu, struct memo *memo, unsigned int len,
		      struct ginsn *insn)
{
	u64 linear = guest_linear_rip(vcpu), bytes, gpa;

	if (len > sizeof(u64) || offset_in_page(linear) > PAGE_SIZE - sizeof(u64))
		return false;
	memo->nr = 1;
	if (!note_walk(vcpu, memo, linear, GVA_FETCH, &gpa) ||
	    !note_word(vcpu, &memo->word[0], gpa, SVMVCPU_MEM_EXEC))
		return false;
	memo->mask = GENMASK_ULL(len * 8 - 1, 0);
	/* Another CPU may have changed them since: the answer is to be theirs. */
	bytes = memo->word[0].value;
	memo->next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), len);
	return !ginsn_decode(insn, (const u8 *)&bytes, sizeof(bytes), vcpu_mode(vcpu)) &&
	       insn->len == len;
}

/**
 * memo_insn() - the instruction at CS:RIP
 * @vcpu: its mutex held; interrupts off
 *
 * Return: a memo with its @insn and @next_rip, or NULL: go the long way.
 */
const struct memo *memo_insn(struct vcpu *vcpu)
{
	return find(vcpu, &vcpu->memo_insns, 0, false);
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
	const struct memo *memo = memo_insn(vcpu);

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
 */
void memo_keep_insn(struct vcpu *vcpu, const struct ginsn *insn)
{
	struct memo *memo = take(vcpu, &vcpu->memo_insns, 0);

	if (note_insn(vcpu, memo, insn->len, &memo->insn))
		keep_registers(vcpu, memo, 0, false);
}

/**
 * memo_device() - the instruction at CS:RIP, and where its operand is
 * @vcpu: its mutex held; interrupts off
 * @gpa: where the access went that faulted
 * @write: it was a write
 *
 * Return: a memo with @next_rip and @plan or @insn, whose @operand is a page that
 * translates to that of @gpa for such an access, and no region is there; or NULL:
 * go the long way.
 */
const struct memo *memo_device(struct vcpu *vcpu, u64 gpa, bool write)
{
	return find(vcpu, &vcpu->memo_devices, gpa & PAGE_MASK, write);
}

/**
 * memo_keep_device() - the long way has been gone
 * @vcpu: as before
 * @insn: what was found
 * @linear: address of the operand
 * @gpa: as before
 * @write: as before
 */
void memo_keep_device(struct vcpu *vcpu, const struct ginsn *insn, u64 linear, u64 gpa,
		      bool write)
{
	struct memo *memo = take(vcpu, &vcpu->memo_devices, gpa & PAGE_MASK);
	struct ginsn now;
	u64 operand;

	memo->operand = linear & PAGE_MASK;
	if (!note_insn(vcpu, memo, insn->len, &now) ||
	    !note_walk(vcpu, memo, memo->operand, write ? GVA_WRITE : 0, &operand) ||
	    operand != (gpa & PAGE_MASK) || guest_memory_allows(&vcpu->vm->mem, gpa, 0))
		return;
	memo->planned = mmio_plan(&memo->plan, &now, memo->next_rip, write);
	if (!memo->planned)
		memo->insn = now;
	keep_registers(vcpu, memo, gpa & PAGE_MASK, write);
}
