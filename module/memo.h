/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations and decoded instructions that the module has made for a vCPU
 * lately.
 *
 * A memo is no TLB: nothing in it is believed. It holds everything its answer
 * was computed from, the registers, each page table entry on the way, the bytes
 * of the instruction, and where to find them; and it is an answer only if all
 * of that, read again, is what it was. So it may be used wherever the long way
 * may be gone, and says the same.
 */
#ifndef SVMVCPU_MEMO_H
#define SVMVCPU_MEMO_H

#include <linux/types.h>

#include "insn.h"

struct vcpu;

#define MEMOS		8
/* Five levels of page tables and an instruction */
#define MEMO_WORDS	6

/**
 * struct memo_word - eight bytes of guest memory that an answer depends on
 * @at: where
 * @value: what was there
 * @mask: those of the bytes that matter
 */
struct memo_word {
	const u64 __user *at;
	u64 value;
	u64 mask;
};

/**
 * struct memo - one answer
 * @linear: the page; of an instruction RIP
 * @how: access and privilege
 * @cs: selector, attributes and limit, as in the VMCB
 * @cs_base: .
 * @cr0: .
 * @cr3: .
 * @cr4: .
 * @efer: .
 * @table_gen: guest_memory.table_gen: no region has gone since
 * @nr: words
 * @word: .
 * @gpa: the page's guest-physical address
 * @next_rip: of an instruction: RIP behind it
 * @insn: decoded
 */
struct memo {
	u64 linear;
	u64 how;
	u64 cs;
	u64 cs_base;
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 table_gen;
	unsigned int nr;
	struct memo_word word[MEMO_WORDS];
	u64 gpa;
	u64 next_rip;
	struct ginsn insn;
};

const struct memo *memo_insn(struct vcpu *vcpu);
bool memo_next_rip(struct vcpu *vcpu, u64 classes);
void memo_keep_insn(struct vcpu *vcpu, const struct ginsn *insn);
bool memo_translate(struct vcpu *vcpu, u64 linear, bool write, u64 *gpa);
void memo_keep_translation(struct vcpu *vcpu, u64 linear, bool write);

#endif /* SVMVCPU_MEMO_H */
