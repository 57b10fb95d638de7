// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to the guest's memory by linear address, and to the instruction at CS:RIP. See
 * guest.h.
 *
 * A linear address is translated by the guest's page tables, and the result by the
 * regions of the VM. A failure is an exception for the guest, or an exit.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "insn/assist.h"
#include "insn/gva_walk.h"
#include "mm/memory.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* Report an unknown exit after this many decodes in a row of another instruction. */
#define GUEST_MAX_MISMATCHES	256

static_assert(sizeof(struct linear_seg) == sizeof(struct vmcb_segment));
static_assert(offsetof(struct linear_seg, attr) == offsetof(struct vmcb_segment, attrib));
static_assert(offsetof(struct linear_seg, limit) == offsetof(struct vmcb_segment, limit));
static_assert(offsetof(struct linear_seg, base) == offsetof(struct vmcb_segment, base));

static struct linear_env guest_env(const struct vcpu *vcpu)
{
	return (struct linear_env) {
		.mode = vcpu_mode(vcpu),
		.la_bits = vcpu_la_bits(vcpu),
		.seg = (const struct linear_seg *)vcpu->vmcb->save.seg,
	};
}

/* Compute the linear address of @bytes bytes at @mem. Returns 0 or the vector of a fault. */
int guest_linear(const struct vcpu *vcpu, const struct ginsn *insn,
		 const struct ginsn_mem *mem, unsigned int bytes, bool write, u64 *linear)
{
	u64 offset = ginsn_offset(mem, vcpu->gprs, guest_rip_after(vcpu, insn));
	const struct linear_env env = guest_env(vcpu);

	return linear_address(&env, mem->seg, offset, bytes,
			      write ? LINEAR_WRITE : LINEAR_READ, linear);
}

static enum exit_result exit_memory_fault(struct vcpu *vcpu, u64 gpa, u64 linear, u32 flags)
{
	struct svmvcpu_exit_memory mem = { .gpa = gpa, .gva = linear, .flags = flags };
	const u8 *bytes = mem.insn;
	unsigned int len;

	if (!(flags & SVMVCPU_FAULT_EXEC)) {
		mem.insn_len = guest_peek_code(vcpu, mem.insn, SVMVCPU_INSN_MAX);
		/* The CPU saves no bytes of the next page; memory may have changed since. */
		len = assist_bytes(vcpu->vmcb, svm_caps.features, &bytes);
		if (mem.insn_len < len || memcmp(mem.insn, bytes, len)) {
			memcpy(mem.insn, bytes, len);
			mem.insn_len = len;
		}
	}
	if (apic_page_visible(vcpu, gpa))
		mem.flags |= SVMVCPU_FAULT_APIC;
	vcpu->run->memory = mem;
	return exit_to_user(vcpu, SVMVCPU_EXIT_MEMORY_FAULT);
}

/*
 * An access to guest memory has failed with @err: exit with MEMORY_FAULT, or as the error
 * requires. @flags: SVMVCPU_FAULT_*
 */
enum exit_result guest_memory_exit(struct vcpu *vcpu, int err, u64 gpa, u64 linear, u32 flags)
{
	switch (err) {
	case -EINTR:	/* asked to stop; the guest will access it again */
		return EXIT_RESUME;
	case -ENOENT:
	case -EACCES:
	case -ENXIO:
		break;
	case -EFAULT:
		flags |= SVMVCPU_FAULT_USER_MEM;
		break;
	case -EDQUOT:
		flags |= SVMVCPU_FAULT_LIMIT;
		break;
	default:
		return exit_error(vcpu, err);
	}
	return exit_memory_fault(vcpu, gpa, linear, flags);
}

/* @err: result of an access of the module to guest memory at @gpa. @access: GVA_* */
static enum exit_result access_result(struct vcpu *vcpu, int err, u64 gpa, u64 linear,
				      unsigned int access, u32 flags)
{
	if (!err)
		return EXIT_CONTINUE;
	if (err == -EAGAIN)
		return EXIT_SLEEP;
	if (access & GVA_WRITE)
		flags |= SVMVCPU_FAULT_WRITE;
	if (access & GVA_FETCH)
		flags |= SVMVCPU_FAULT_EXEC;
	return guest_memory_exit(vcpu, err, gpa, linear,
				 flags | SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL);
}

/* The reads of a page walk and of an instruction fetch */
struct guest_reader {
	struct vcpu *vcpu;
	bool atomic;			/* interrupts are off */
	struct mem_region cursor;	/* the region of the last atomic read */
};

/* Read aligned quadwords of a page, each by one access. */
static int read_words(struct guest_reader *r, u64 gpa, u64 *words, unsigned int nr, u32 prot)
{
	struct guest_memory *mem = &r->vcpu->vm->mem;
	bool done;

	if (!r->atomic)
		return guest_memory_read(mem, gpa, words, nr * sizeof(u64), false, prot);
	pagefault_disable();
	done = guest_cursor_read(mem, &r->cursor, gpa, words, nr, prot);
	pagefault_enable();
	return done ? 0 : -EAGAIN;
}

static int walk_read(void *arg, u64 gpa, unsigned int size, u64 *pte)
{
	int err = read_words(arg, round_down(gpa, sizeof(u64)), pte, 1, SVMVCPU_MEM_READ);

	if (!err)
		*pte >>= 8 * (gpa % sizeof(u64));
	return err;
}

static int walk_cmpxchg(void *arg, u64 gpa, unsigned int size, u64 old, u64 new)
{
	struct guest_reader *r = arg;

	return guest_memory_cmpxchg(&r->vcpu->vm->mem, gpa, size, old, new, r->atomic);
}

static const struct gva_walk_ops walk_ops = {
	.read_pte = walk_read,
	.cmpxchg_pte = walk_cmpxchg,
};

static const struct gva_walk_ops peek_ops = {
	.read_pte = walk_read,
};

static __always_inline struct gva_mmu mmu_of(const struct vcpu *vcpu)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return (struct gva_mmu) {
		.cr0 = save->cr0,
		.cr3 = save->cr3,
		.cr4 = save->cr4,
		.efer = save->efer,
		.rflags = save->rflags,
		.cpl = save->cpl,
		.maxphyaddr = svm_caps.phys_bits,
		/* The CPU uses these whether or not the guest's CPUID reports them. */
		.page1gb = boot_cpu_has(X86_FEATURE_GBPAGES),
		.pdpte_accessed = svm_has(SVMVCPU_FEAT_UNDER_HYPERVISOR),
	};
}

static __always_inline int quick_read(void *arg, u64 gpa, unsigned int size, u64 *pte)
{
	struct guest_reader *r = arg;

	return guest_cursor_read(&r->vcpu->vm->mem, &r->cursor, gpa, pte, 1, SVMVCPU_MEM_READ) ?
	       0 : -EAGAIN;
}

static const struct gva_walk_ops quick_ops = {
	.read_pte = quick_read,
};

static enum exit_result translate(struct guest_reader *r, u64 linear, unsigned int access,
				  u64 *gpa)
{
	struct vcpu *vcpu = r->vcpu;
	const struct gva_mmu mmu = mmu_of(vcpu);
	struct gva_fault fault;
	int err = gva_translate(&mmu, linear, access, &walk_ops, r, gpa, &fault);

	if (err == GVA_FAULT)
		event_raise_pf(vcpu, linear, fault.error_code);
	/* -EBUSY: another CPU keeps changing the entry. Let the guest retry. */
	if (err == GVA_FAULT || err == -EBUSY)
		return EXIT_RESUME;
	return access_result(vcpu, err, fault.table_gpa, linear, access, SVMVCPU_FAULT_WALK);
}

static int copy_part(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		     unsigned int access, bool atomic)
{
	if (!buf)
		return guest_memory_allows(mem, gpa, SVMVCPU_MEM_WRITE) ? 0 : -ENXIO;
	if (access & GVA_WRITE)
		return guest_memory_write(mem, gpa, buf, len, atomic);
	return guest_memory_read(mem, gpa, buf, len, atomic, SVMVCPU_MEM_READ);
}

/**
 * guest_copy() - read or write guest memory at a linear address
 * @vcpu: the vCPU
 * @linear: address; wraps as the guest's addresses do
 * @buf: kernel memory. NULL with GVA_WRITE: only check that all bytes can be written
 * @len: bytes
 * @access: GVA_WRITE, or 0 for a read
 * @atomic: see exit.h
 *
 * One, two, four or eight bytes within a page are copied by one access. After a failure,
 * the pages before the one that failed have been copied.
 */
enum exit_result guest_copy(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			    unsigned int access, bool atomic)
{
	struct guest_reader r = { .vcpu = vcpu, .atomic = atomic };

	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(linear));
		enum exit_result ret;
		u64 gpa;
		int err;

		ret = translate(&r, linear, access, &gpa);
		if (ret)
			return ret;
		err = copy_part(&vcpu->vm->mem, gpa, buf, part, access, atomic);
		if (err)
			return access_result(vcpu, err, gpa, linear, access, 0);
		linear += part;
		if (vcpu_mode(vcpu) != GUEST_LONG64)
			linear = (u32)linear;
		if (buf)
			buf += part;
		len -= part;
	}
	return EXIT_CONTINUE;
}

/* Bytes at CS:RIP, in aligned quadwords */
struct guest_code {
	unsigned int nr;	/* number of bytes */
	unsigned int skip;	/* offset of the first byte in @words */
	u64 words[DIV_ROUND_UP(sizeof(u64) - 1 + INSN_MAX_LEN, sizeof(u64))];
};

static const u8 *code_bytes(const struct guest_code *code)
{
	return (const u8 *)code->words + code->skip;
}

/*
 * Append @len bytes, which end in the page of @gpa. Each quadword is read by one access,
 * because a CPU may replace an instruction that another one executes by one store into
 * an aligned quadword (APM volume 2, 7.6.1).
 */
static int append_code(struct guest_reader *r, u64 gpa, struct guest_code *code,
		       unsigned int len, u32 prot)
{
	unsigned int skip = gpa % sizeof(u64);
	int err;

	if (!code->nr)
		code->skip = skip;
	err = read_words(r, gpa - skip, &code->words[(code->skip + code->nr) / sizeof(u64)],
			 DIV_ROUND_UP(skip + len, sizeof(u64)), prot);
	if (!err)
		code->nr += len;
	return err;
}

/*
 * Number of bytes that follow those in @code in the same page, at most @want in total,
 * and their address. 0: fetching the next byte raises #GP.
 */
static unsigned int fetch_span(const struct vcpu *vcpu, const struct guest_code *code,
			       unsigned int want, u64 *linear)
{
	const struct linear_env env = guest_env(vcpu);
	unsigned int span;

	span = linear_fetch_span(&env, ginsn_next_rip(env.mode, vcpu_rip(vcpu), code->nr),
				 want - code->nr, linear);
	return min_t(u64, span, PAGE_SIZE - offset_in_page(*linear));
}

/*
 * Append the bytes up to the end of the page. The next page is read only if the
 * instruction extends into it, since reading it may raise a fault.
 */
static noinline enum exit_result fetch(struct guest_reader *r, struct guest_code *code)
{
	enum exit_result ret;
	unsigned int span;
	u64 linear, gpa;
	int err;

	span = fetch_span(r->vcpu, code, INSN_MAX_LEN, &linear);
	if (!span)
		return guest_raise(r->vcpu, VEC_GP, 0);
	ret = translate(r, linear, GVA_FETCH, &gpa);
	if (ret)
		return ret;
	err = append_code(r, gpa, code, span, SVMVCPU_MEM_EXEC);
	return access_result(r->vcpu, err, gpa, linear, GVA_FETCH, 0);
}

/*
 * Fetch in 64-bit code with interrupts off, up to the end of the page, if no fault is raised
 * and no accessed bit has to be set. If this fails, fetch() finds the reason.
 */
static __always_inline bool quick_fetch(struct guest_reader *r, struct guest_code *code)
{
	const struct gva_mmu mmu = mmu_of(r->vcpu);
	u64 rip = vcpu_rip(r->vcpu), gpa;
	unsigned int skip = rip % sizeof(u64);
	unsigned int span = min_t(u64, INSN_MAX_LEN, PAGE_SIZE - offset_in_page(rip));
	bool done;

	if (!r->atomic || vcpu_mode(r->vcpu) != GUEST_LONG64 ||
	    !linear_is_canonical(vcpu_la_bits(r->vcpu), rip))
		return false;
	pagefault_disable();
	done = !gva_walk_long(&mmu, rip, GVA_FETCH, &quick_ops, r, &gpa) &&
	       guest_cursor_read(&r->vcpu->vm->mem, &r->cursor, gpa - skip, code->words,
				 DIV_ROUND_UP(skip + span, sizeof(u64)), SVMVCPU_MEM_EXEC);
	pagefault_enable();
	code->skip = skip;
	code->nr = done ? span : 0;
	return done;
}

/*
 * Decode the instruction at CS:RIP. @insn has class INSN_NONE if the decoder does not
 * know it.
 */
enum exit_result guest_decode(struct vcpu *vcpu, struct ginsn *insn, bool atomic)
{
	struct guest_reader r = { .vcpu = vcpu, .atomic = atomic };
	const enum guest_mode mode = vcpu_mode(vcpu);
	struct guest_code code;
	enum exit_result ret;
	int err;

	if (svm_has(SVMVCPU_FEAT_DECODE_ASSISTS) &&
	    assist_decode(vcpu->vmcb, svm_caps.features, insn))
		return EXIT_CONTINUE;
	code.nr = 0;
	ret = quick_fetch(&r, &code) ? EXIT_CONTINUE : fetch(&r, &code);
	while (!ret) {
		err = ginsn_decode(insn, code_bytes(&code), code.nr, mode);
		if (err != INSN_TRUNCATED || code.nr == INSN_MAX_LEN)
			break;
		ret = fetch(&r, &code);
	}
	if (ret)
		return ret;
	if (err == INSN_TOO_LONG)
		return guest_raise(vcpu, VEC_GP, 0);
	if (err == INSN_INVALID)
		return guest_raise(vcpu, VEC_UD, NO_ERROR);
	return EXIT_CONTINUE;
}

/* Exit with UNKNOWN, which shows the VMCB's description of the exit. */
enum exit_result guest_unknown_exit(struct vcpu *vcpu)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;

	vcpu->run->unknown = (struct svmvcpu_exit_unknown) {
		.code = control->exit_code,
		.info1 = control->exit_info_1,
		.info2 = control->exit_info_2,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_UNKNOWN);
}

/*
 * The bytes are not those of the instruction that the CPU intercepted: another CPU has
 * changed them. Let the guest execute again, but report an exit that keeps coming back.
 */
enum exit_result guest_mismatch(struct vcpu *vcpu)
{
	if (++vcpu->mismatches < GUEST_MAX_MISMATCHES)
		return EXIT_RESUME;
	vcpu->mismatches = 0;
	return guest_unknown_exit(vcpu);
}

/* guest_decode() for an exit that only instructions of @classes (BIT_ULL(INSN_*)) cause */
enum exit_result guest_decode_as(struct vcpu *vcpu, struct ginsn *insn, u64 classes,
				 bool atomic)
{
	enum exit_result ret = guest_decode(vcpu, insn, atomic);

	if (ret)
		return ret;
	if (insn->class == INSN_NONE || !(classes & BIT_ULL(insn->class)))
		return guest_mismatch(vcpu);
	vcpu->mismatches = 0;
	return EXIT_CONTINUE;
}

static noinline enum exit_result decode_next_rip(struct vcpu *vcpu, u64 classes, bool atomic)
{
	struct ginsn insn;
	enum exit_result ret = guest_decode_as(vcpu, &insn, classes, atomic);

	if (!ret)
		vcpu->next_rip = guest_rip_after(vcpu, &insn);
	return ret;
}

/* guest_next_rip() on a CPU that has not saved the next RIP */
enum exit_result guest_fetch_next_rip(struct vcpu *vcpu, u64 classes, bool atomic)
{
	struct guest_reader r = { .vcpu = vcpu, .atomic = atomic };
	struct guest_code code;
	unsigned int len = 0;

	/* Most of these instructions have neither prefixes nor operands. */
	if (quick_fetch(&r, &code) && code.nr >= 3)
		len = ginsn_bare_len(code_bytes(&code), classes);
	if (unlikely(!len))
		return decode_next_rip(vcpu, classes, atomic);
	vcpu->mismatches = 0;
	vcpu->next_rip = vcpu_rip(vcpu) + len;
	return EXIT_CONTINUE;
}

/**
 * guest_walk() - translate an address for the VMM, without raising an exception
 * @vcpu: the vCPU
 * @linear: address
 * @access: GVA_*
 * @cpl: privilege level of the access
 * @mark: set accessed and dirty bits
 * @gpa: out
 * @fault: out
 *
 * Context: process context; current->mm is the VM's.
 * Return: as gva_translate().
 */
int guest_walk(struct vcpu *vcpu, u64 linear, unsigned int access, u8 cpl, bool mark,
	       u64 *gpa, struct gva_fault *fault)
{
	struct guest_reader r = { .vcpu = vcpu };
	struct gva_mmu mmu = mmu_of(vcpu);

	mmu.cpl = cpl;
	return gva_translate(&mmu, linear, access, mark ? &walk_ops : &peek_ops, &r, gpa, fault);
}

/**
 * guest_peek_code() - read the resident bytes at CS:RIP
 * @vcpu: the vCPU
 * @buf: memory for @want bytes
 * @want: number of bytes; the result is INSN_MAX_LEN at most
 *
 * Raises nothing and sets no accessed bits.
 *
 * Return: number of bytes read.
 */
unsigned int guest_peek_code(struct vcpu *vcpu, u8 *buf, unsigned int want)
{
	struct guest_reader r = { .vcpu = vcpu, .atomic = true };
	const struct gva_mmu mmu = mmu_of(vcpu);
	struct guest_code code = { };
	struct gva_fault fault;
	unsigned int span, phase;
	unsigned long flags;
	u64 linear, gpa;

	want = min_t(unsigned int, want, INSN_MAX_LEN);
	/* UNMAP sends no IPI to this CPU if the vCPU is not loaded. */
	phase = guest_memory_access_begin(&vcpu->vm->mem);
	local_irq_save(flags);
	while (code.nr < want) {
		span = fetch_span(vcpu, &code, want, &linear);
		if (!span ||
		    gva_translate(&mmu, linear, GVA_FETCH, &peek_ops, &r, &gpa, &fault) ||
		    append_code(&r, gpa, &code, span, SVMVCPU_MEM_READ))
			break;
	}
	local_irq_restore(flags);
	guest_memory_access_end(&vcpu->vm->mem, phase);
	memcpy(buf, code_bytes(&code), code.nr);
	return code.nr;
}

/*
 * Clear TF in the flags that the guest has just pushed. If the page has been unmapped
 * meanwhile there is nothing to fix up. Returns EXIT_CONTINUE or EXIT_SLEEP.
 */
enum exit_result guest_clear_pushed_tf(struct vcpu *vcpu, bool atomic)
{
	struct guest_reader r = { .vcpu = vcpu, .atomic = atomic };
	const struct gva_mmu mmu = mmu_of(vcpu);
	struct guest_memory *mem = &vcpu->vm->mem;
	struct gva_fault fault;
	const struct linear_env env = guest_env(vcpu);
	u64 rsp = vcpu->gprs[INSN_RSP], linear, gpa;
	u8 byte;
	int err;

	if (env.mode != GUEST_LONG64)
		rsp = vcpu->vmcb->save.ss.attrib & SEG_DB ? (u32)rsp : (u16)rsp;
	/* TF is bit 0 of the second byte. */
	if (linear_address(&env, INSN_SS, rsp + 1, 1, LINEAR_WRITE, &linear))
		return EXIT_CONTINUE;
	err = gva_translate(&mmu, linear, GVA_WRITE, &peek_ops, &r, &gpa, &fault);
	if (!err)
		err = guest_memory_read(mem, gpa, &byte, 1, atomic, SVMVCPU_MEM_READ);
	if (!err) {
		byte &= ~(X86_EFLAGS_TF >> 8);
		err = guest_memory_write(mem, gpa, &byte, 1, atomic);
	}
	return err == -EAGAIN ? EXIT_SLEEP : EXIT_CONTINUE;
}

/* Trap after an instruction: for a step of the VMM, and for TF. */
void guest_trap(struct vcpu *vcpu)
{
	step_completed(vcpu);
	if (vcpu->vmcb->save.rflags & X86_EFLAGS_TF)
		event_raise_db(vcpu, DR_STEP);
}
