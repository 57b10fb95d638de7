// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's view of memory and of its own instruction stream.
 *
 * Every address goes segment -> linear -> guest page tables -> region table,
 * and what fails on the way becomes the guest's fault or an exit, never the
 * host's problem. Called by the exit handlers.
 */
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

/* Decodes in a row that miss the instruction before it is called a mystery */
#define GUEST_MAX_MISMATCHES	16

static void env_segment(struct linear_seg *out, const struct vmcb_segment *seg)
{
	out->base = seg->base;
	out->limit = seg->limit;
	out->attr = seg->attrib;
}

/**
 * guest_env() - what address arithmetic needs to know
 * @vcpu: .
 * @env: out
 */
void guest_env(const struct vcpu *vcpu, struct linear_env *env)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	env->mode = vcpu_mode(vcpu);
	env->la_bits = vcpu_la_bits(vcpu);
	env_segment(&env->seg[INSN_ES], &save->es);
	env_segment(&env->seg[INSN_CS], &save->cs);
	env_segment(&env->seg[INSN_SS], &save->ss);
	env_segment(&env->seg[INSN_DS], &save->ds);
	env_segment(&env->seg[INSN_FS], &save->fs);
	env_segment(&env->seg[INSN_GS], &save->gs);
}

/* Is it for the VMM to mend? */
static bool is_memory_error(int err)
{
	return err == -ENXIO || err == -EFAULT || err == -EDQUOT;
}

/* The module's own access for the guest found no memory. */
static enum exit_result memory_exit(struct vcpu *vcpu, u64 gpa, u64 linear, unsigned int access,
				    u32 flags, int err)
{
	struct svmvcpu_exit_memory mem = {
		.gpa = gpa,
		.gva = linear,
		.flags = flags | SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL,
	};

	if (access & GUEST_WRITE)
		mem.flags |= SVMVCPU_FAULT_WRITE;
	if (access & GUEST_FETCH)
		mem.flags |= SVMVCPU_FAULT_EXEC;
	else
		mem.insn_len = guest_peek_insn(vcpu, mem.insn);
	if (err == -EFAULT)
		mem.flags |= SVMVCPU_FAULT_USER_MEM;
	if (err == -EDQUOT)
		mem.flags |= SVMVCPU_FAULT_LIMIT;
	if (apic_page_visible(vcpu, gpa))
		mem.flags |= SVMVCPU_FAULT_APIC;
	vcpu->run->memory = mem;
	return exit_to_user(vcpu, SVMVCPU_EXIT_MEMORY_FAULT);
}

/* The same, except that memory is missing: @err of guest_memory_read() and its like */
static enum exit_result access_result(struct vcpu *vcpu, int err)
{
	switch (err) {
	case 0:
		return EXIT_CONTINUE;
	case -EAGAIN:
		return EXIT_SLEEP;
	case -EINTR:
		return EXIT_RESUME;
	default:
		return exit_error(vcpu, err);
	}
}

static unsigned int gva_access(unsigned int access)
{
	return (access & GUEST_WRITE ? GVA_WRITE : 0) | (access & GUEST_FETCH ? GVA_FETCH : 0);
}

struct walk_ctx {
	struct vcpu *vcpu;
	bool atomic;
};

static int walk_read(void *arg, u64 gpa, unsigned int size, u64 *pte)
{
	struct walk_ctx *ctx = arg;

	*pte = 0;
	return guest_memory_read(&ctx->vcpu->vm->mem, gpa, pte, size, ctx->atomic,
				 SVMVCPU_MEM_READ);
}

static int walk_cmpxchg(void *arg, u64 gpa, unsigned int size, u64 old, u64 new)
{
	struct walk_ctx *ctx = arg;

	return guest_memory_cmpxchg(&ctx->vcpu->vm->mem, gpa, size, old, new, ctx->atomic);
}

static const struct gva_walk_ops walk_ops = {
	.read_pte = walk_read,
	.cmpxchg_pte = walk_cmpxchg,
};

static int peek_cmpxchg(void *arg, u64 gpa, unsigned int size, u64 old, u64 new)
{
	return 0;
}

static const struct gva_walk_ops peek_ops = {
	.read_pte = walk_read,
	.cmpxchg_pte = peek_cmpxchg,
};

/* What a page walk needs to know */
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
		/* The CPU walks as it can, whatever CPUID shows. */
		.page1gb = boot_cpu_has(X86_FEATURE_GBPAGES),
		.pdpte_accessed = svm_has(SVMVCPU_FEAT_UNDER_HYPERVISOR),
	};
}

/**
 * struct quick_ctx - a walk with interrupts off in long mode, where all is in order
 * @cursor: .
 * @mem: the VM's memory
 */
struct quick_ctx {
	struct guest_memory *mem;
	struct mem_region cursor;
};

static __always_inline int quick_read(void *arg, u64 gpa, unsigned int size, u64 *pte)
{
	struct quick_ctx *ctx = arg;

	return guest_cursor_read(ctx->mem, &ctx->cursor, gpa, pte, 1, SVMVCPU_MEM_READ) ?
	       0 : -EAGAIN;
}

static const struct gva_walk_ops quick_ops = {
	.read_pte = quick_read,
};

/*
 * Translates what needs neither a fault nor a change of the tables. False: nothing has
 * happened; gva_translate() says what is the matter. Page faults are disabled.
 */
static __always_inline bool quick_walk(const struct vcpu *vcpu, struct quick_ctx *ctx, u64 linear,
				       unsigned int access, u64 *gpa)
{
	const struct gva_mmu mmu = mmu_of(vcpu);

	return (mmu.efer & EFER_LMA) && (mmu.cr0 & X86_CR0_PG) &&
	       !gva_walk_long(&mmu, linear, svm_caps.frame_mask, access, &quick_ops, ctx, gpa);
}

static noinline enum exit_result translate(struct vcpu *vcpu, u64 linear, unsigned int access,
					   bool atomic, u64 *gpa)
{
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = atomic };
	struct gva_mmu mmu = mmu_of(vcpu);
	struct gva_fault fault;
	int err;

	err = gva_translate(&mmu, linear, gva_access(access), &walk_ops, &ctx, gpa, &fault);
	switch (err) {
	case GVA_FAULT:
		event_raise_pf(vcpu, linear, fault.error_code);
		return EXIT_RESUME;
	case -EBUSY:
		/* Somebody else changes the entry all the time: let the guest retry. */
		return EXIT_RESUME;
	}
	if (is_memory_error(err))
		return memory_exit(vcpu, fault.table_gpa, linear, access, SVMVCPU_FAULT_WALK, err);
	return access_result(vcpu, err);
}

/**
 * guest_translate() - linear to guest-physical, as the guest would
 * @vcpu: .
 * @linear: address
 * @access: GUEST_*
 * @atomic: see exit.h
 * @gpa: out
 *
 * Return: EXIT_CONTINUE; EXIT_RESUME after a #PF was raised; EXIT_USER when the
 * guest's page tables lie outside its memory; EXIT_SLEEP; EXIT_ERROR.
 */
enum exit_result guest_translate(struct vcpu *vcpu, u64 linear, unsigned int access,
				 bool atomic, u64 *gpa)
{
	struct quick_ctx ctx = { .mem = &vcpu->vm->mem };
	bool done;

	if (!atomic)
		return translate(vcpu, linear, access, false, gpa);
	pagefault_disable();
	done = quick_walk(vcpu, &ctx, linear, gva_access(access), gpa);
	pagefault_enable();
	return done ? EXIT_CONTINUE : translate(vcpu, linear, access, true, gpa);
}

static int copy_part(struct vcpu *vcpu, u64 gpa, void *buf, unsigned int len,
		     unsigned int access, bool atomic)
{
	struct guest_memory *mem = &vcpu->vm->mem;

	if (access & GUEST_WRITE)
		return guest_memory_write(mem, gpa, buf, len, atomic);
	return guest_memory_read(mem, gpa, buf, len, atomic, SVMVCPU_MEM_READ);
}

static u64 linear_behind(const struct vcpu *vcpu, u64 linear, unsigned int bytes)
{
	linear += bytes;
	return vcpu_mode(vcpu) == GUEST_LONG64 ? linear : (u32)linear;
}

/**
 * guest_copy() - read or write guest memory at a linear address
 * @vcpu: .
 * @linear: address; wraps where the guest's would
 * @buf: kernel memory
 * @len: bytes
 * @access: GUEST_WRITE, or 0 for a read
 * @atomic: see exit.h
 *
 * One, two, four or eight bytes within a page are one access.
 *
 * Return: as guest_translate(). Bytes before the page that failed have been
 * copied.
 */
enum exit_result guest_copy(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			    unsigned int access, bool atomic)
{
	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(linear));
		enum exit_result ret;
		u64 gpa;
		int err;

		ret = guest_translate(vcpu, linear, access, atomic, &gpa);
		if (ret)
			return ret;
		err = copy_part(vcpu, gpa, buf, part, access, atomic);
		if (is_memory_error(err))
			return memory_exit(vcpu, gpa, linear, access, 0, err);
		if (err)
			return access_result(vcpu, err);
		linear = linear_behind(vcpu, linear, part);
		buf += part;
		len -= part;
	}
	return EXIT_CONTINUE;
}

/**
 * guest_probe_write() - can the guest write here, every byte of it?
 * @vcpu: .
 * @linear: address; wraps where the guest's would
 * @len: bytes
 * @memory: out: is there a region for all of them that can be written? NULL: if not,
 *	that is an exit
 *
 * For what must be known before a device is read.
 *
 * Context: process context.
 * Return: as guest_translate().
 */
enum exit_result guest_probe_write(struct vcpu *vcpu, u64 linear, unsigned int len,
				   bool *memory)
{
	if (memory)
		*memory = true;
	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(linear));
		enum exit_result ret;
		u64 gpa;

		ret = guest_translate(vcpu, linear, GUEST_WRITE, false, &gpa);
		if (ret)
			return ret;
		if (!guest_memory_allows(&vcpu->vm->mem, gpa, SVMVCPU_MEM_WRITE)) {
			if (!memory)
				return memory_exit(vcpu, gpa, linear, GUEST_WRITE, 0, -ENXIO);
			*memory = false;
		}
		linear = linear_behind(vcpu, linear, part);
		len -= part;
	}
	return EXIT_CONTINUE;
}

/**
 * struct code - bytes at CS:RIP
 * @nr: how many there are
 * @skip: offset of the first in @words
 * @words: aligned quadwords of guest memory
 */
struct code {
	unsigned int nr;
	unsigned int skip;
	u64 words[(sizeof(u64) - 1 + INSN_MAX_LEN + sizeof(u64) - 1) / sizeof(u64)];
};

static const u8 *code_bytes(const struct code *code)
{
	return (const u8 *)code->words + code->skip;
}

/* Makes room behind what is there. @gpa: of the next byte */
static u64 *code_next(struct code *code, u64 gpa)
{
	if (!code->nr)
		code->skip = gpa % sizeof(u64);
	return &code->words[(code->skip + code->nr) / sizeof(u64)];
}

/*
 * Code within a page, in aligned quadwords, each read by one access: a CPU may
 * replace an instruction while another executes it by one store into such a
 * quadword (APM volume 2, 7.6.1).
 */
static int read_code(struct vcpu *vcpu, u64 gpa, struct code *code, unsigned int len,
		     bool atomic, u32 access)
{
	unsigned int skip = gpa % sizeof(u64);
	int err;

	err = guest_memory_read(&vcpu->vm->mem, gpa - skip, code_next(code, gpa),
				round_up(skip + len, sizeof(u64)), atomic, access);
	if (!err)
		code->nr += len;
	return err;
}

/*
 * Where the byte behind those in @code is, and how many of @want bytes are there and in
 * its page; 0: none, fetching it is #GP.
 */
static unsigned int fetch_span(const struct vcpu *vcpu, const struct code *code,
			       unsigned int want, u64 *linear)
{
	struct linear_env env;
	unsigned int span;

	guest_env(vcpu, &env);
	span = linear_fetch_span(&env, ginsn_next_rip(env.mode, vcpu_rip(vcpu), code->nr),
				 want - code->nr, linear);
	return min_t(u64, span, PAGE_SIZE - offset_in_page(*linear));
}

/*
 * Adds the bytes behind those in @code, up to the end of their page. Steps as usual.
 *
 * The second page is looked at only when the instruction reaches into it, so
 * that no fault is raised which the CPU would not have.
 */
static noinline enum exit_result fetch(struct vcpu *vcpu, struct code *code, bool atomic)
{
	enum exit_result ret;
	unsigned int span;
	u64 linear, gpa;
	int err;

	span = fetch_span(vcpu, code, INSN_MAX_LEN, &linear);
	if (!span) {
		/* The code segment ends inside the instruction. */
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	ret = translate(vcpu, linear, GUEST_FETCH, atomic, &gpa);
	if (ret)
		return ret;
	err = read_code(vcpu, gpa, code, span, atomic, SVMVCPU_MEM_EXEC);
	if (is_memory_error(err))
		return memory_exit(vcpu, gpa, linear, GUEST_FETCH, 0, err);
	return access_result(vcpu, err);
}

/* In 64-bit code with interrupts off, where all is in order. False: fetch() has to. */
static __always_inline bool quick_fetch(const struct vcpu *vcpu, struct code *code)
{
	struct quick_ctx ctx = { .mem = &vcpu->vm->mem };
	u64 rip = vcpu_rip(vcpu), gpa;
	unsigned int skip = rip % sizeof(u64);
	unsigned int span = min_t(u64, INSN_MAX_LEN, PAGE_SIZE - offset_in_page(rip));
	bool done;

	if (!(vcpu->vmcb->save.cs.attrib & SEG_L) ||
	    !linear_is_canonical(vcpu_la_bits(vcpu), rip))
		return false;
	pagefault_disable();
	done = quick_walk(vcpu, &ctx, rip, GVA_FETCH, &gpa) &&
	       guest_cursor_read(ctx.mem, &ctx.cursor, gpa - skip, code->words,
				 DIV_ROUND_UP(skip + span, sizeof(u64)), SVMVCPU_MEM_EXEC);
	pagefault_enable();
	code->skip = skip;
	code->nr = done ? span : 0;
	return done;
}

/* Bytes at CS:RIP up to the end of their page. Steps as usual. */
static __always_inline enum exit_result fetch_first(struct vcpu *vcpu, struct code *code,
						    bool atomic)
{
	if (atomic && quick_fetch(vcpu, code))
		return EXIT_CONTINUE;
	return fetch(vcpu, code, atomic);
}

/* What ginsn_decode() says when the bytes are not an instruction of ours. */
static enum exit_result decode_failed(struct vcpu *vcpu, int err)
{
	switch (err) {
	case INSN_TOO_LONG:
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	case INSN_INVALID:
		event_raise_ud(vcpu);
		return EXIT_RESUME;
	default:
		return EXIT_CONTINUE;
	}
}

/* @code: what has been fetched so far, maybe nothing */
static noinline enum exit_result decode_code(struct vcpu *vcpu, struct code *code,
					     struct ginsn *insn, bool atomic)
{
	const enum guest_mode mode = vcpu_mode(vcpu);
	enum exit_result ret;
	int err;

	for (;;) {
		err = ginsn_decode(insn, code_bytes(code), code->nr, mode);
		if (err != INSN_TRUNCATED || code->nr == INSN_MAX_LEN)
			return err ? decode_failed(vcpu, err) : EXIT_CONTINUE;
		ret = fetch(vcpu, code, atomic);
		if (ret)
			return ret;
	}
}

/**
 * guest_decode() - decode the instruction at CS:RIP
 * @vcpu: .
 * @insn: out; class INSN_NONE when it is none the decoder knows
 * @atomic: see exit.h
 *
 * As the CPU describes it where it does; otherwise it is fetched.
 *
 * Return: as guest_translate(), plus EXIT_RESUME for a #GP or #UD raised
 * because of the bytes.
 */
enum exit_result guest_decode(struct vcpu *vcpu, struct ginsn *insn, bool atomic)
{
	struct code code = { };
	enum exit_result ret;

	if (svm_has(SVMVCPU_FEAT_DECODE_ASSISTS) &&
	    assist_decode(vcpu->vmcb, svm_caps.features, insn))
		return EXIT_CONTINUE;
	ret = fetch_first(vcpu, &code, atomic);
	if (ret)
		return ret;
	if (!ginsn_decode(insn, code_bytes(&code), code.nr, vcpu_mode(vcpu)))
		return EXIT_CONTINUE;
	return decode_code(vcpu, &code, insn, atomic);
}

/**
 * guest_retry() - is it worth executing the instruction again?
 * @vcpu: has found something else than the CPU did
 *
 * Another CPU may have changed it meanwhile. When that happens again and again, there
 * must be another reason.
 */
bool guest_retry(struct vcpu *vcpu)
{
	if (++vcpu->mismatches < GUEST_MAX_MISMATCHES)
		return true;
	vcpu->mismatches = 0;
	return false;
}

/**
 * guest_mismatch() - the bytes are not what the CPU intercepted
 * @vcpu: .
 *
 * Another CPU changed them, and executing again is right. When it does not
 * help, the VMM is told.
 *
 * Return: EXIT_RESUME or EXIT_USER.
 */
enum exit_result guest_mismatch(struct vcpu *vcpu)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;

	if (guest_retry(vcpu))
		return EXIT_RESUME;
	vcpu->run->unknown = (struct svmvcpu_exit_unknown) {
		.code = control->exit_code,
		.info1 = control->exit_info_1,
		.info2 = control->exit_info_2,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_UNKNOWN);
}

static enum exit_result is_one_of(struct vcpu *vcpu, const struct ginsn *insn, u64 classes)
{
	if (insn->class == INSN_NONE || !(classes & BIT_ULL(insn->class)))
		return guest_mismatch(vcpu);
	vcpu->mismatches = 0;
	return EXIT_CONTINUE;
}

/**
 * guest_decode_as() - decode an instruction that must be one of a few
 * @vcpu: .
 * @insn: out
 * @classes: BIT_ULL(INSN_*) of those the exit stands for
 * @atomic: see exit.h
 *
 * Return: as guest_decode(), plus EXIT_RESUME or EXIT_USER when it is another.
 */
enum exit_result guest_decode_as(struct vcpu *vcpu, struct ginsn *insn, u64 classes,
				 bool atomic)
{
	enum exit_result ret = guest_decode(vcpu, insn, atomic);

	return ret ? ret : is_one_of(vcpu, insn, classes);
}

/**
 * guest_walk() - translate for the VMM: nothing is raised
 * @vcpu: its mutex held
 * @linear: address
 * @access: GVA_*
 * @cpl: with whose rights
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
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = false };
	struct gva_mmu mmu = mmu_of(vcpu);

	mmu.cpl = cpl;
	return gva_translate(&mmu, linear, access, mark ? &walk_ops : &peek_ops, &ctx, gpa,
			     fault);
}

static bool peek_translate(struct vcpu *vcpu, u64 linear, u64 *gpa)
{
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = true };
	struct gva_mmu mmu = mmu_of(vcpu);
	struct gva_fault fault;

	return !gva_translate(&mmu, linear, GVA_FETCH, &peek_ops, &ctx, gpa, &fault);
}

/* Page by page, until something is not there. */
static unsigned int peek_pages(struct vcpu *vcpu, u8 *buf, unsigned int want)
{
	struct code code = { };
	unsigned int part;
	u64 linear, gpa;

	while (code.nr < want) {
		part = fetch_span(vcpu, &code, want, &linear);
		if (!part || !peek_translate(vcpu, linear, &gpa) ||
		    read_code(vcpu, gpa, &code, part, true, SVMVCPU_MEM_READ))
			break;
	}
	memcpy(buf, code_bytes(&code), code.nr);
	return code.nr;
}

/* Not loaded, a vCPU has nothing that keeps UNMAP waiting. */
static unsigned int peek_bytes(struct vcpu *vcpu, u8 *buf, unsigned int want)
{
	unsigned int phase, got;

	if (vcpu->on_cpu >= 0)
		return peek_pages(vcpu, buf, want);
	phase = guest_memory_access_begin(&vcpu->vm->mem);
	got = peek_pages(vcpu, buf, want);
	guest_memory_access_end(&vcpu->vm->mem, phase);
	return got;
}

/**
 * guest_peek_code() - the bytes at CS:RIP as they are now, up to @want
 * @vcpu: .
 * @buf: .
 * @want: bytes in @buf
 *
 * Raises nothing and sets no accessed bit. Sleeps, for UNMAP, only where the vCPU
 * is not loaded.
 *
 * Return: how many bytes are there, 0 when they cannot be read.
 */
unsigned int guest_peek_code(struct vcpu *vcpu, u8 *buf, unsigned int want)
{
	return peek_bytes(vcpu, buf, want);
}

/**
 * guest_linear_rip() - CS:RIP as a linear address
 * @vcpu: .
 */
u64 guest_linear_rip(const struct vcpu *vcpu)
{
	if (vcpu_mode(vcpu) == GUEST_LONG64)
		return vcpu_rip(vcpu);
	return (u32)(vcpu->vmcb->save.cs.base + vcpu_rip(vcpu));
}

/**
 * guest_clear_pushed() - clear bits in the word on top of the guest's stack
 * @vcpu: .
 * @bits: of the low 16
 * @atomic: see exit.h
 *
 * For what the guest has pushed this moment. Should another CPU have taken the
 * page away since, that is that.
 *
 * Return: EXIT_CONTINUE or EXIT_SLEEP.
 */
enum exit_result guest_clear_pushed(struct vcpu *vcpu, u16 bits, bool atomic)
{
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = atomic };
	struct guest_memory *mem = &vcpu->vm->mem;
	struct gva_mmu mmu = mmu_of(vcpu);
	struct gva_fault fault;
	struct linear_env env;
	u64 rsp = vcpu->gprs[INSN_RSP], linear, gpa;
	unsigned int i;
	u8 byte;
	int ret;

	guest_env(vcpu, &env);
	if (env.mode != GUEST_LONG64)
		rsp = vcpu->vmcb->save.ss.attrib & SEG_DB ? (u32)rsp : (u16)rsp;
	for (i = 0; i < 2; i++) {
		if (!(bits >> (8 * i) & 0xff))
			continue;
		if (linear_address(&env, INSN_SS, rsp + i, 1, LINEAR_WRITE, &linear))
			return EXIT_CONTINUE;
		ret = gva_translate(&mmu, linear, GVA_WRITE, &peek_ops, &ctx, &gpa, &fault);
		if (!ret)
			ret = guest_memory_read(mem, gpa, &byte, 1, atomic, SVMVCPU_MEM_READ);
		if (ret)
			return ret == -EAGAIN ? EXIT_SLEEP : EXIT_CONTINUE;
		byte &= ~(bits >> (8 * i));
		ret = guest_memory_write(mem, gpa, &byte, 1, atomic);
		if (ret)
			return ret == -EAGAIN ? EXIT_SLEEP : EXIT_CONTINUE;
	}
	return EXIT_CONTINUE;
}

/**
 * guest_peek_insn() - the bytes at CS:RIP, for somebody to look at
 * @vcpu: .
 * @buf: SVMVCPU_INSN_MAX bytes
 *
 * Raises nothing and sets no accessed bit. Sleeps, for UNMAP, only where the vCPU
 * is not loaded.
 *
 * Return: how many bytes are there, 0 when they cannot be read.
 */
unsigned int guest_peek_insn(struct vcpu *vcpu, u8 *buf)
{
	const u8 *bytes = buf;
	unsigned int len = assist_bytes(vcpu->vmcb, svm_caps.features, &bytes);
	unsigned int there = peek_bytes(vcpu, buf, SVMVCPU_INSN_MAX);

	/* The CPU saves no more than the page has; memory may have changed since. */
	if (there >= len && !memcmp(buf, bytes, len))
		return there;
	memcpy(buf, bytes, len);
	return len;
}

/**
 * guest_trap() - an instruction is done that somebody traps behind
 * @vcpu: .
 *
 * The VMM steps, or has breakpoints; or the guest has TF set.
 */
void guest_trap(struct vcpu *vcpu)
{
	step_completed(vcpu);
	if (vcpu->vmcb->save.rflags & X86_EFLAGS_TF)
		event_raise_db(vcpu, DR_STEP);
}

/* Length of a fetched instruction, which has to be one of @classes */
static noinline enum exit_result decode_len(struct vcpu *vcpu, struct code *code, u64 classes,
					    bool atomic, unsigned int *len)
{
	struct ginsn insn;
	enum exit_result ret;

	ret = decode_code(vcpu, code, &insn, atomic);
	if (!ret)
		ret = is_one_of(vcpu, &insn, classes);
	*len = insn.len;
	return ret;
}

/**
 * guest_decode_next_rip() - guest_next_rip() where nobody knows
 * @vcpu: .
 * @classes: as there
 * @atomic: as there
 *
 * Return: as there.
 */
enum exit_result guest_decode_next_rip(struct vcpu *vcpu, u64 classes, bool atomic)
{
	struct code code = { };
	unsigned int len = 0;
	enum exit_result ret;

	ret = fetch_first(vcpu, &code, atomic);
	if (ret)
		return ret;
	if (code.nr >= 3)
		len = ginsn_bare_len(code_bytes(&code), classes);
	if (!len) {
		ret = decode_len(vcpu, &code, classes, atomic, &len);
		if (ret)
			return ret;
	}
	vcpu->mismatches = 0;
	vcpu->next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), len);
	return EXIT_CONTINUE;
}
