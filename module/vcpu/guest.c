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
#include "insn/gva.h"
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
	env->la_bits = save->cr4 & X86_CR4_LA57 ? 57 : 48;
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

struct walk_ctx {
	struct vcpu *vcpu;
	bool atomic;
};

static int walk_read(void *ctx, u64 gpa, unsigned int size, u64 *pte)
{
	struct walk_ctx *walk = ctx;

	*pte = 0;
	return guest_memory_read(&walk->vcpu->vm->mem, gpa, pte, size, walk->atomic,
				 SVMVCPU_MEM_READ);
}

static int walk_cmpxchg(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	struct walk_ctx *walk = ctx;

	return guest_memory_cmpxchg(&walk->vcpu->vm->mem, gpa, size, old, new,
				    walk->atomic);
}

static const struct gva_walk_ops walk_ops = {
	.read_pte = walk_read,
	.cmpxchg_pte = walk_cmpxchg,
};

/* What a page walk needs to know */
struct gva_mmu guest_mmu(const struct vcpu *vcpu)
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
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = atomic };
	struct gva_mmu mmu = guest_mmu(vcpu);
	struct gva_fault fault = { };
	int ret;

	ret = gva_translate(&mmu, linear, (access & GUEST_WRITE ? GVA_WRITE : 0) |
			    (access & GUEST_FETCH ? GVA_FETCH : 0),
			    &walk_ops, &ctx, gpa, &fault);
	if (!ret)
		return EXIT_CONTINUE;
	if (ret == GVA_FAULT) {
		event_raise_pf(vcpu, linear, fault.error_code);
		return EXIT_RESUME;
	}
	/* Somebody else changes the entry all the time: let the guest retry. */
	if (ret == -EBUSY)
		return EXIT_RESUME;
	if (is_memory_error(ret))
		return memory_exit(vcpu, fault.table_gpa, linear, access, SVMVCPU_FAULT_WALK, ret);
	return access_result(vcpu, ret);
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

/*
 * Code within a page, in aligned quadwords, each read by one access: a CPU may
 * replace an instruction while another executes it by one store into such a
 * quadword (APM volume 2, 7.6.1).
 */
static int read_code(struct vcpu *vcpu, u64 gpa, u8 *buf, unsigned int len, bool atomic,
		     u32 access)
{
	u64 words[3];
	unsigned int skip = gpa % sizeof(u64);
	int ret;

	static_assert(sizeof(words) >= sizeof(u64) - 1 + INSN_MAX_LEN);
	ret = guest_memory_read(&vcpu->vm->mem, gpa - skip, words,
				round_up(skip + len, sizeof(u64)), atomic, access);
	if (!ret)
		memcpy(buf, (u8 *)words + skip, len);
	return ret;
}

/*
 * Bytes at CS:RIP up to the end of their page, at most @want. Steps as usual,
 * with the number of bytes in @got.
 */
static enum exit_result fetch_page(struct vcpu *vcpu, const struct linear_env *env, u64 rip,
				   u8 *buf, unsigned int want, bool atomic, unsigned int *got)
{
	enum exit_result ret;
	u64 linear, gpa;
	int err;

	*got = linear_fetch_span(env, rip, want, &linear);
	if (!*got) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	*got = min_t(u64, *got, PAGE_SIZE - offset_in_page(linear));
	ret = guest_translate(vcpu, linear, GUEST_FETCH, atomic, &gpa);
	if (ret)
		return ret;
	err = read_code(vcpu, gpa, buf, *got, atomic, SVMVCPU_MEM_EXEC);
	if (is_memory_error(err))
		return memory_exit(vcpu, gpa, linear, GUEST_FETCH, 0, err);
	return access_result(vcpu, err);
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

/*
 * The second page is looked at only when the instruction reaches into it, so
 * that no fault is raised which the CPU would not have.
 */
static noinline enum exit_result fetch_and_decode(struct vcpu *vcpu, struct ginsn *insn,
						  bool atomic)
{
	unsigned int have = 0, more;
	struct linear_env env;
	u8 buf[INSN_MAX_LEN];
	enum exit_result ret;
	int err;

	guest_env(vcpu, &env);
	do {
		/* Raises #GP when the code segment ends inside the instruction. */
		ret = fetch_page(vcpu, &env, ginsn_next_rip(env.mode, vcpu_rip(vcpu), have),
				 buf + have, sizeof(buf) - have, atomic, &more);
		if (ret)
			return ret;
		have += more;
		err = ginsn_decode(insn, buf, have, env.mode);
	} while (err == INSN_TRUNCATED && have < sizeof(buf));
	return err ? decode_failed(vcpu, err) : EXIT_CONTINUE;
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
	const struct memo *memo;
	enum exit_result ret;

	if (assist_decode(vcpu->vmcb, svm_caps.features, insn))
		return EXIT_CONTINUE;
	memo = atomic ? memo_insn(vcpu) : NULL;
	if (memo) {
		*insn = memo->insn;
		return EXIT_CONTINUE;
	}
	ret = fetch_and_decode(vcpu, insn, atomic);
	/* What decode_failed() let pass is none that is known. */
	if (!ret && atomic && insn->class != INSN_NONE)
		memo_keep_insn(vcpu, insn);
	return ret;
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

	if (ret)
		return ret;
	if (insn->class == INSN_NONE || !(classes & BIT_ULL(insn->class)))
		return guest_mismatch(vcpu);
	vcpu->mismatches = 0;
	return EXIT_CONTINUE;
}

static int peek_cmpxchg(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	return 0;
}

static const struct gva_walk_ops peek_ops = {
	.read_pte = walk_read,
	.cmpxchg_pte = peek_cmpxchg,
};

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
	struct gva_mmu mmu = guest_mmu(vcpu);

	mmu.cpl = cpl;
	return gva_translate(&mmu, linear, access, mark ? &walk_ops : &peek_ops, &ctx, gpa,
			     fault);
}

static bool peek_translate(struct vcpu *vcpu, u64 linear, u64 *gpa)
{
	struct walk_ctx ctx = { .vcpu = vcpu, .atomic = true };
	struct gva_mmu mmu = guest_mmu(vcpu);
	struct gva_fault fault;

	return !gva_translate(&mmu, linear, GVA_FETCH, &peek_ops, &ctx, gpa, &fault);
}

/* Page by page, until something is not there. */
static unsigned int peek_pages(struct vcpu *vcpu, u8 *buf, unsigned int want)
{
	enum guest_mode mode = vcpu_mode(vcpu);
	unsigned int got = 0, part;
	struct linear_env env;
	u64 linear, gpa;

	guest_env(vcpu, &env);
	while (got < want) {
		part = linear_fetch_span(&env, ginsn_next_rip(mode, vcpu_rip(vcpu), got),
					 want - got, &linear);
		part = min_t(u64, part, PAGE_SIZE - offset_in_page(linear));
		if (!part || !peek_translate(vcpu, linear, &gpa) ||
		    read_code(vcpu, gpa, buf + got, part, true, SVMVCPU_MEM_READ))
			break;
		got += part;
	}
	return got;
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
	struct gva_mmu mmu = guest_mmu(vcpu);
	struct linear_env env;
	u64 rsp = vcpu->gprs[INSN_RSP], linear, gpa;
	struct gva_fault fault;
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
	struct ginsn insn;
	enum exit_result ret;

	ret = guest_decode_as(vcpu, &insn, classes, atomic);
	if (!ret)
		vcpu->next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn.len);
	return ret;
}
