// SPDX-License-Identifier: GPL-2.0-only
/*
 * From EXITCODE to an answer: one table of handlers, and what the VMM's
 * answers do at the next RUN.
 *
 * run.c calls exit_handle() with interrupts off right after the exit and,
 * when that says EXIT_SLEEP, once more where sleeping is allowed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "exits/exit.h"
#include "mm/memory.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/inject.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

static enum exit_result exit_unknown(struct vcpu *vcpu, bool atomic)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;

	vcpu->run->unknown = (struct svmvcpu_exit_unknown) {
		.code = control->exit_code,
		.info1 = control->exit_info_1,
		.info2 = control->exit_info_2,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_UNKNOWN);
}

/* The host's interrupt, NMI, SMI or INIT: run.c let it in already. */
static enum exit_result exit_host_event(struct vcpu *vcpu, bool atomic)
{
	return EXIT_RESUME;
}

/* Instructions that a CPU without the feature does not know. */
static enum exit_result exit_ud(struct vcpu *vcpu, bool atomic)
{
	event_raise_ud(vcpu);
	return EXIT_RESUME;
}

/* RDPMC: the guest has no performance counters, so no index is valid. */
static enum exit_result exit_gp(struct vcpu *vcpu, bool atomic)
{
	event_raise_gp(vcpu);
	return EXIT_RESUME;
}

/*
 * INVD, WBINVD: a guest without devices that bypass the caches cannot tell;
 * executed, INVD would drop the host's dirty lines.
 */
static enum exit_result exit_cache(struct vcpu *vcpu, bool atomic)
{
	enum exit_result ret = guest_step(vcpu, BIT_ULL(INSN_INVD) | BIT_ULL(INSN_WBINVD) |
			     BIT_ULL(INSN_WBNOINVD), atomic);

	return ret ? ret : EXIT_RESUME;
}

/* VMEXIT_HLT */
enum exit_result exit_hlt(struct vcpu *vcpu, bool atomic)
{
	enum exit_result ret = guest_step(vcpu, BIT_ULL(INSN_HLT), atomic);

	if (ret)
		return ret;
	apic_sync(vcpu);
	if (inject_wakes(vcpu))
		return EXIT_RESUME;
	if (!vcpu->apic || !(vcpu->vmcb->save.rflags & X86_EFLAGS_IF))
		return exit_to_user(vcpu, SVMVCPU_EXIT_HALT);
	vcpu->halted = true;
	return EXIT_RESUME;
}

static enum exit_result exit_vmmcall(struct vcpu *vcpu, bool atomic)
{
	const u64 *gprs = vcpu->gprs;
	enum exit_result ret;

	ret = guest_next_rip(vcpu, BIT_ULL(INSN_VMMCALL), atomic);
	if (ret)
		return ret;
	vcpu->ask = (struct vcpu_ask) {
		.what = ASK_HYPERCALL, .rip = vcpu_rip(vcpu), .next_rip = vcpu->next_rip,
	};
	vcpu->run->hypercall = (struct svmvcpu_exit_hypercall) {
		.nr = gprs[INSN_RAX],
		.args = { gprs[INSN_RDI], gprs[INSN_RSI], gprs[INSN_RDX],
			  gprs[INSN_RCX], gprs[8], gprs[9] },
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_HYPERCALL);
}

/* A device, where no region is, is answered at once; memory takes its time. */
static enum exit_result npf_atomic(struct vcpu *vcpu, u64 gpa, u64 info)
{
	enum exit_result ret;

	if (vcpu->event || (info & (NPF_FETCH | NPF_WALK)))
		return EXIT_SLEEP;
	ret = exit_device(vcpu, gpa, info & NPF_WRITE, true);
	return ret == EXIT_CONTINUE ? EXIT_SLEEP : ret;
}

static noinline enum exit_result npf_fault(struct vcpu *vcpu, u64 gpa, u64 info)
{
	const struct fault_stop stop = { &vcpu->requests, &vcpu->wait };
	u32 access = SVMVCPU_MEM_READ, flags = 0;
	enum exit_result ret = EXIT_CONTINUE;
	int err;

	if (info & NPF_WRITE) {
		access |= SVMVCPU_MEM_WRITE;
		flags |= SVMVCPU_FAULT_WRITE;
	}
	if (info & NPF_FETCH) {
		access |= SVMVCPU_MEM_EXEC;
		flags |= SVMVCPU_FAULT_EXEC;
	}
	if (info & NPF_WALK)
		flags |= SVMVCPU_FAULT_WALK;

	err = guest_memory_fault(&vcpu->vm->mem, gpa, access, &stop);
	switch (err) {
	case 0:
	case -EINTR:	/* asked to stop; the guest faults again */
		return EXIT_RESUME;
	case -ENOENT:
	case -EACCES:
		/* With an event under way it is the delivery that faulted. */
		if (!vcpu->event && !(info & (NPF_FETCH | NPF_WALK)))
			ret = exit_device(vcpu, gpa, info & NPF_WRITE, false);
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
	return ret ? ret : guest_memory_exit(vcpu, gpa, 0, flags);
}

/* VMEXIT_NPF */
enum exit_result exit_npf(struct vcpu *vcpu, bool atomic)
{
	u64 info = vcpu->vmcb->control.exit_info_1;
	u64 gpa = vcpu->vmcb->control.exit_info_2;

	return atomic ? npf_atomic(vcpu, gpa, info) : npf_fault(vcpu, gpa, info);
}

static enum exit_result exit_shutdown(struct vcpu *vcpu, bool atomic)
{
	struct svmvcpu_exit_shutdown *told = &vcpu->fault_history.reported;

	vcpu->dead = true;
	memset(&told->faults[told->nr], 0,
	       (SVMVCPU_FAULTS_MAX - told->nr) * sizeof(*told->faults));
	vcpu->run->shutdown = *told;
	return exit_to_user(vcpu, SVMVCPU_EXIT_SHUTDOWN);
}

/* The #MC is the only fault that the VMM is told: what came before is not known. */
static enum exit_result shutdown_by_machine_check(struct vcpu *vcpu)
{
	const struct svmvcpu_fault where = {
		.rip = vcpu_rip(vcpu),
		.rsp = vcpu->gprs[INSN_RSP],
	};

	pr_err_ratelimited("vCPU %u: TLB multi-match (AMD erratum 383) caused by the guest\n",
			   vcpu->id);
	fault_history_reset(&vcpu->fault_history);
	fault_history_add(&vcpu->fault_history, event_exception(VEC_MC, NO_ERROR), &where);
	return exit_shutdown(vcpu, true);
}

/*
 * A machine check of the host, taken while the guest ran. Interrupts have been off
 * since: run.c lets none in before this (irq_window_due()).
 */
static enum exit_result exit_machine_check(struct vcpu *vcpu)
{
	if (machine_check_by_guest()) {
		svm_cpu_retire_asids();
		return shutdown_by_machine_check(vcpu);
	}
	machine_check_report();
	return EXIT_RESUME;
}

static enum exit_result ask_exception(struct vcpu *vcpu, u64 event, u64 address, u64 next_rip)
{
	struct svmvcpu_fault fault = { .address = address };

	vcpu->ask = (struct vcpu_ask) {
		.what = ASK_EXCEPTION,
		.rip = vcpu_rip(vcpu),
		.next_rip = next_rip,
		.event = event,
		.address = address,
	};
	event_describe(event, &fault);
	vcpu->run->exception = (struct svmvcpu_exit_exception) {
		.vector = fault.vector,
		.error_code = fault.error_code,
		.flags = fault.flags,
		.address = fault.address,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_EXCEPTION);
}

/**
 * exit_pending_exception() - report an exception that the module raised
 * @vcpu: vcpu->pending_exception is not 0
 *
 * Return: EXIT_USER.
 */
enum exit_result exit_pending_exception(struct vcpu *vcpu)
{
	u64 event = vcpu->pending_exception;

	vcpu->pending_exception = 0;
	return ask_exception(vcpu, event, vcpu->pending_address, 0);
}

/*
 * INT3 and INTO stop with RIP at the instruction, but return behind it: a
 * next RIP is needed to deliver them.
 */
static enum exit_result trap_next_rip(struct vcpu *vcpu, unsigned int vector, bool atomic)
{
	vcpu->next_rip = 0;
	if (vector == VEC_BP)
		return guest_next_rip(vcpu, BIT_ULL(INSN_INT3) | BIT_ULL(INSN_INT), atomic);
	if (vector == VEC_OF)
		return guest_next_rip(vcpu, BIT_ULL(INSN_INTO) | BIT_ULL(INSN_INT), atomic);
	return EXIT_CONTINUE;
}

/* The next event comes from the instruction at RIP, and returns to @next_rip. */
static void soft_leave(struct vcpu *vcpu, u64 next_rip)
{
	vcpu->soft_rip = vcpu_rip(vcpu);
	vcpu->soft_next = next_rip;
	vcpu->vmcb->save.rip = next_rip;
}

/* That could not be delivered: the fault is the instruction's. */
static void soft_return(struct vcpu *vcpu)
{
	if (!event_is_software(vcpu->event) || vcpu_rip(vcpu) != vcpu->soft_next ||
	    vcpu->soft_rip == vcpu->soft_next)
		return;
	vcpu->vmcb->save.rip = vcpu->soft_rip;
	/* Executed again, it comes again. */
	vcpu->event = 0;
}

static bool is_debug_trap(const struct vcpu *vcpu, unsigned int vector)
{
	return vector == VEC_BP && (vcpu->debug.flags & SVMVCPU_DEBUG_INT3);
}

/* A question like EXCEPTION, under another name */
static enum exit_result ask_int3(struct vcpu *vcpu, u64 event, u64 next_rip)
{
	ask_exception(vcpu, event, 0, next_rip);
	vcpu->run->debug = (struct svmvcpu_exit_debug) {
		.cause = SVMVCPU_DEBUG_INT3,
		.rip = guest_linear_rip(vcpu),
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_DEBUG);
}

/* VMEXIT_EXCEPTION + vector */
static enum exit_result exit_exception(struct vcpu *vcpu, bool atomic)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;
	unsigned int vector = control->exit_code - VMEXIT_EXCEPTION;
	u64 address = vector == VEC_PF ? control->exit_info_2 : vcpu->vmcb->save.dr6;
	u64 event, next_rip;
	enum exit_result ret;

	if (vector == VEC_MC)
		return exit_machine_check(vcpu);
	if (vector == VEC_DB) {
		ret = step_took_db(vcpu, atomic, &address);
		if (ret)
			return ret;
	}
	ret = trap_next_rip(vcpu, vector, atomic);
	if (ret)
		return ret;
	next_rip = vcpu->next_rip;
	soft_return(vcpu);
	event = event_exception(vector, event_has_error(vector) ? (u32)control->exit_info_1 :
				NO_ERROR);
	if (is_debug_trap(vcpu, vector))
		return ask_int3(vcpu, event, next_rip);
	if (vcpu->exceptions & BIT(vector))
		return ask_exception(vcpu, event, address, next_rip);
	if (next_rip)
		soft_leave(vcpu, next_rip);
	event_deliver(vcpu, event, address);
	return EXIT_RESUME;
}

/*
 * INT n, intercepted in a step, and while the VMM wants to see #BP or #OF:
 * emulators do not honor the exception intercept for the instructions that
 * cause these.
 */
static enum exit_result exit_intn(struct vcpu *vcpu, bool atomic)
{
	const u64 classes = BIT_ULL(INSN_INT3) | BIT_ULL(INSN_INTO) | BIT_ULL(INSN_INT);
	struct ginsn insn;
	unsigned int vector;
	u64 event, next_rip;
	enum exit_result ret;

	ret = guest_decode_as(vcpu, &insn, classes, atomic);
	if (ret)
		return ret;
	next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn.len);
	vector = insn.class == INSN_INT3 ? VEC_BP : insn.class == INSN_INTO ? VEC_OF : insn.imm;
	event = event_exception(vector, NO_ERROR);
	if (insn.class != INSN_INT && is_debug_trap(vcpu, vector))
		return ask_int3(vcpu, event, next_rip);
	if (insn.class != INSN_INT && (vcpu->exceptions & BIT(vector)))
		return ask_exception(vcpu, event, 0, next_rip);

	if (insn.class == INSN_INT)
		event = EVENT_V | EVENT_TYPE_SOFT | vector;
	soft_leave(vcpu, next_rip);
	vcpu->event = event;
	return EXIT_RESUME;
}

/**
 * exit_third_fault() - a fault came on top of a double fault
 * @vcpu: vcpu->shutdown is set
 *
 * Return: EXIT_USER.
 */
enum exit_result exit_third_fault(struct vcpu *vcpu)
{
	vcpu->shutdown = false;
	return exit_shutdown(vcpu, false);
}

/**
 * struct exit_entry - how one EXITCODE, or a run of them, is answered
 * @first: EXITCODE
 * @last: EXITCODE
 * @handler: .
 */
struct exit_entry {
	u16 first;
	u16 last;
	exit_handler handler;
};

/* What is not here is UNKNOWN to the VMM, never silently something else. */
static const struct exit_entry exit_entries[] = {
	{ VMEXIT_CR0_READ,	VMEXIT_CR0_READ + 15,	exit_cr },
	{ VMEXIT_CR0_WRITE,	VMEXIT_CR0_WRITE + 15,	exit_cr },
	{ VMEXIT_DR0_READ,	VMEXIT_DR0_READ + 15,	exit_dr },
	{ VMEXIT_DR0_WRITE,	VMEXIT_DR0_WRITE + 15,	exit_dr },
	{ VMEXIT_EXCEPTION,	VMEXIT_EXCEPTION + 31,	exit_exception },
	{ VMEXIT_INTR,		VMEXIT_INIT,		exit_host_event },
	{ VMEXIT_VINTR,		VMEXIT_VINTR,		exit_vintr },
	{ VMEXIT_IRET,		VMEXIT_IRET,		exit_iret },
	{ VMEXIT_RDPMC,		VMEXIT_RDPMC,		exit_gp },
	{ VMEXIT_CPUID,		VMEXIT_CPUID,		exit_cpuid },
	{ VMEXIT_RSM,		VMEXIT_RSM,		exit_ud },
	{ VMEXIT_INTN,		VMEXIT_INTN,		exit_intn },
	{ VMEXIT_INVD,		VMEXIT_INVD,		exit_cache },
	{ VMEXIT_HLT,		VMEXIT_HLT,		exit_hlt },
	{ VMEXIT_INVLPGA,	VMEXIT_INVLPGA,		exit_ud },
	{ VMEXIT_IOIO,		VMEXIT_IOIO,		exit_io },
	{ VMEXIT_MSR,		VMEXIT_MSR,		exit_msr },
	{ VMEXIT_SHUTDOWN,	VMEXIT_SHUTDOWN,	exit_shutdown },
	{ VMEXIT_VMRUN,		VMEXIT_VMRUN,		exit_ud },
	{ VMEXIT_VMMCALL,	VMEXIT_VMMCALL,		exit_vmmcall },
	{ VMEXIT_VMLOAD,	VMEXIT_RDTSCP,		exit_ud },
	{ VMEXIT_WBINVD,	VMEXIT_WBINVD,		exit_cache },
	{ VMEXIT_MONITOR,	VMEXIT_MWAIT_ARMED,	exit_ud },
	{ VMEXIT_XSETBV,	VMEXIT_XSETBV,		exit_xsetbv },
	{ VMEXIT_RDPRU,		VMEXIT_RDPRU,		exit_ud },
	{ VMEXIT_INVLPGB,	VMEXIT_TLBSYNC,		exit_ud },
	{ VMEXIT_NPF,		VMEXIT_NPF,		exit_npf },
};

/* The table spread out, so that an exit costs one load. */
static exit_handler exit_table[VMEXIT_MAX] __ro_after_init;

/**
 * exit_init() - prepare the dispatch table, once, at load
 */
void __init exit_init(void)
{
	unsigned int i, code;

	for (i = 0; i < ARRAY_SIZE(exit_entries); i++)
		for (code = exit_entries[i].first; code <= exit_entries[i].last; code++)
			exit_table[code] = exit_entries[i].handler;
}

/**
 * exit_by_table() - exit_handle() for all exits
 * @vcpu: its mutex held
 * @code: EXITCODE
 * @atomic: see exit.h
 *
 * Return: as a handler.
 */
enum exit_result exit_by_table(struct vcpu *vcpu, u64 code, bool atomic)
{
	exit_handler handler = NULL;

	if (code < VMEXIT_MAX)
		handler = exit_table[array_index_nospec(code, VMEXIT_MAX)];
	return handler ? handler(vcpu, atomic) : exit_unknown(vcpu, atomic);
}

static enum exit_result answer_exception(struct vcpu *vcpu, u32 flags)
{
	if (!(flags & SVMVCPU_RUN_INJECT))
		return EXIT_CONTINUE;
	if (vcpu->ask.next_rip)
		soft_leave(vcpu, vcpu->ask.next_rip);
	event_deliver(vcpu, vcpu->ask.event, vcpu->ask.address);
	return EXIT_CONTINUE;
}

/**
 * exit_answer_fits() - do the VMM's flags make sense after the last exit?
 * @vcpu: its mutex held
 * @flags: svmvcpu_run.in_flags, read once
 */
bool exit_answer_fits(const struct vcpu *vcpu, u32 flags)
{
	enum vcpu_question what = vcpu->ask.what;

	if ((flags & SVMVCPU_RUN_FAIL) && what != ASK_RDMSR && what != ASK_WRMSR)
		return false;
	if ((flags & SVMVCPU_RUN_RETRY) && what != ASK_MMIO)
		return false;
	return !(flags & SVMVCPU_RUN_INJECT) || what == ASK_EXCEPTION;
}

/**
 * exit_answer() - act on the VMM's answer to the last exit
 * @vcpu: its mutex held
 * @answer: svmvcpu_run.answer, read once
 * @flags: svmvcpu_run.in_flags, read once; they fit
 *
 * The question is gone afterwards, whatever comes of it, with one exception:
 * data for INS, or MOVS, is kept while there is no memory to put it in.
 *
 * Context: process context.
 * Return: EXIT_CONTINUE, EXIT_RESUME, EXIT_USER or EXIT_ERROR.
 */
enum exit_result exit_answer(struct vcpu *vcpu, u64 answer, u32 flags)
{
	enum exit_result ret = EXIT_CONTINUE;

	/* The VMM sent the guest elsewhere. */
	if (vcpu->ask.what != ASK_NOTHING && vcpu->ask.rip != vcpu_rip(vcpu))
		vcpu->ask.what = ASK_NOTHING;

	switch (vcpu->ask.what) {
	case ASK_NOTHING:
		break;
	case ASK_IN:
	case ASK_INS:
		ret = exit_io_answer(vcpu, answer);
		if (ret == EXIT_USER || ret == EXIT_ERROR)
			return ret;
		break;
	case ASK_HYPERCALL:
		vcpu->gprs[INSN_RAX] = answer;
		guest_skip_to(vcpu, vcpu->ask.next_rip);
		break;
	case ASK_RDMSR:
	case ASK_WRMSR:
		ret = exit_msr_answer(vcpu, answer, flags & SVMVCPU_RUN_FAIL);
		break;
	case ASK_EXCEPTION:
		ret = answer_exception(vcpu, flags);
		break;
	case ASK_MMIO:
		if (!(flags & SVMVCPU_RUN_RETRY))
			ret = exit_mmio_answer(vcpu, answer);
		if (ret == EXIT_USER || ret == EXIT_ERROR)
			return ret;
		break;
	}
	vcpu->ask.what = ASK_NOTHING;
	if (unlikely(vcpu->shutdown))
		return exit_third_fault(vcpu);
	return ret;
}
