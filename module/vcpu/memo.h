/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoded instructions and device accesses that the module has met on a vCPU
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

#include "insn/insn.h"
#include "insn/mmio.h"

struct vcpu;

/* Of each kind. With more of them a vCPU would not fit into 4 KiB. */
#define MEMOS		4
/* An instruction, five levels of page tables to it and five to its operand */
#define MEMO_WORDS	11

/**
 * struct memo_word - eight bytes of guest memory that an answer depends on
 * @at: where
 * @value: what was there
 */
struct memo_word {
	const u64 __user *at;
	u64 value;
};

/**
 * struct memo - one answer
 * @rip: of the instruction
 * @device: the page that a device access goes to, guest-physical; 0 for an
 *	instruction alone
 * @cr3: .
 * @how: direction of a device access, privilege
 * @cs: selector, attributes and limit, as in the VMCB
 * @cs_base: .
 * @cr0: .
 * @cr4: .
 * @efer: .
 * @table_gen: guest_memory.table_gen: the regions are the same
 * @nr: words
 * @mask: those bytes of the first word that are the instruction
 * @word: the instruction; page table entries that lead to it and to its operand
 * @operand: of a device access: the page of the operand, linear
 * @next_rip: RIP behind the instruction
 * @planned: of a device access: there is a @plan
 * @plan: all of the instruction that is left to know
 * @insn: the instruction, decoded, without a plan
 */
struct memo {
	u64 rip;
	u64 device;
	u64 cr3;
	u64 how;
	u64 cs;
	u64 cs_base;
	u64 cr0;
	u64 cr4;
	u64 efer;
	u64 table_gen;
	unsigned int nr;
	bool planned;
	u64 mask;
	struct memo_word word[MEMO_WORDS];
	u64 operand;
	u64 next_rip;
	union {
		struct mmio_plan plan;
		struct ginsn insn;
	};
};

/**
 * struct memo_set - the memos of one kind
 * @last: the one that was found last, or NULL
 * @next: the one to go next
 * @memo: .
 */
struct memo_set {
	struct memo *last;
	unsigned int next;
	struct memo memo[MEMOS];
};

const struct memo *memo_insn(struct vcpu *vcpu);
bool memo_next_rip(struct vcpu *vcpu, u64 classes);
void memo_keep_insn(struct vcpu *vcpu, const struct ginsn *insn);
const struct memo *memo_device(struct vcpu *vcpu, u64 gpa, bool write);
void memo_keep_device(struct vcpu *vcpu, const struct ginsn *insn, u64 linear, u64 gpa,
		      bool write);

#endif /* SVMVCPU_MEMO_H */
