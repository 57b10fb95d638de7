// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: from the RUN ioctl into the guest and back.
 *
 * The inner loop, run_inner_loop(), enters the guest repeatedly on one CPU while the
 * vCPU is loaded: interrupts are off and the guest's xstate is in the registers, except
 * in open_irq_window(). The host's FS, GS and syscall MSRs are saved at load, and again
 * at the end of open_irq_window() if the VMM has an LDT. The outer loop, run_loop(),
 * leaves the inner loop for exits that need to sleep and for everything that the host
 * wants this CPU for.
 *
 * All functions but vcpu_run() expect vcpu.mutex held. Functions that run between
 * vcpu_load() and vcpu_unload(), and these two, also expect interrupts off.
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/asm.h>
#include <asm/debugreg.h>
#include <asm/nospec-branch.h>

#include "compat.h"
#include "exits/exit.h"
#include "run/run.h"
#include "run/trace.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/inject.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/state.h"
#include "vcpu/stats.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"

#define DR7_ENABLED	0xffULL

/* Thread flags that end the inner loop */
#define HOST_WANTS_CPU \
	(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | COMPAT_TIF_RESCHED | _TIF_NOTIFY_RESUME)

static bool host_wants_cpu(void)
{
	const unsigned long flags = READ_ONCE(current_thread_info()->flags);

	if (likely(!(flags & (HOST_WANTS_CPU | _TIF_BLOCKSTEP))))
		return false;
	/* DEBUGCTL.BTF must be clear while the guest runs; see debugctl.c. */
	if (flags & _TIF_BLOCKSTEP)
		debugctl_clear();
	return flags & HOST_WANTS_CPU;
}

/*
 * On preemptible kernels cond_resched() may do nothing, and RUN has no other preemption
 * point because the inner loop runs with interrupts off.
 */
static void reschedule(void)
{
	if (READ_ONCE(current_thread_info()->flags) & COMPAT_TIF_RESCHED)
		schedule();
	else
		cond_resched();
}

static bool must_leave(const struct vcpu *vcpu, const struct svm_cpu *cpu)
{
	return host_wants_cpu() || READ_ONCE(vcpu->requests) || !READ_ONCE(cpu->enabled);
}

/*
 * Assign a new ASID, or request a flush, if nested page table entries have been removed or
 * the vCPU ran on another CPU before.
 */
static void prepare_tlb(struct vcpu *vcpu, struct svm_cpu *cpu)
{
	const u64 tlb_gen = atomic64_read(&vcpu->vm->mem.tlb_gen);
	const u64 asid_gen = vcpu->asid.generation;
	struct vmcb *vmcb = vcpu->vmcb;

	if (tlb_gen != vcpu->tlb_gen) {
		vcpu->tlb_gen = tlb_gen;
		vcpu->want_flush = true;
	}
	/* Usually nothing has changed; asid_assign() would come to the same result. */
	if (likely(!vcpu->want_flush && asid_current(&cpu->asid, &vcpu->asid)))
		return;
	vmcb->control.tlb_control = asid_assign(&cpu->asid, smp_processor_id(), &vcpu->asid,
						vcpu->want_flush,
						svm_has(SVMVCPU_FEAT_FLUSH_BY_ASID));
	if (vmcb->control.asid != vcpu->asid.asid)
		vmcb_set_asid(vmcb, vcpu->asid.asid);
	/*
	 * SVM may have been off since the last generation, so the CPU must load the whole
	 * VMCB again.
	 */
	if (vcpu->asid.generation != asid_gen)
		vmcb_dirty(vmcb, VMCB_CLEAN_ALL);
}

/*
 * There is one set of DR0-DR3 for the breakpoints of the host, the VMM's debugger and
 * the guest. VMRUN loads the guest's DR6 and DR7. #VMEXIT saves them, but does not restore
 * the host's values: it disables all breakpoints in DR7 and leaves the guest's DR6.
 */
static void set_breakpoints(const u64 *db)
{
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

static noinline void switch_with_breakpoints(struct vcpu *vcpu, const struct svm_cpu *cpu)
{
	bool guest_breaks = vcpu->vmcb->save.dr7 & DR7_ENABLED;
	bool host_breaks = hw_breakpoint_active();
	u64 host_db[4];

	if (host_breaks)
		set_debugreg(0, 7);
	if (guest_breaks) {
		get_debugreg(host_db[0], 0);
		get_debugreg(host_db[1], 1);
		get_debugreg(host_db[2], 2);
		get_debugreg(host_db[3], 3);
		set_breakpoints(step_breakpoints(vcpu));
	}
	svmvcpu_enter(vcpu->gprs, vcpu->vmcb_pa, cpu->host_pa);
	if (guest_breaks)
		set_breakpoints(host_db);
	if (host_breaks)
		set_debugreg(__this_cpu_read(cpu_dr7), 7);
}

/* amd_clear_divider() without the function call */
static __always_inline void clear_divider(void)
{
	if (static_cpu_has_bug(X86_BUG_DIV0))
		asm volatile("div %2" : : "a" (0), "d" (0), "r" (1));
}

static __always_inline void world_switch(struct vcpu *vcpu, struct vmcb *vmcb,
					 const struct svm_cpu *cpu)
{
	const struct vmcb_save_area *save = &vmcb->save;

	clear_divider();
	if (unlikely((save->dr7 & DR7_ENABLED) || hw_breakpoint_active()))
		switch_with_breakpoints(vcpu, cpu);
	else
		svmvcpu_enter(vcpu->gprs, vcpu->vmcb_pa, cpu->host_pa);
	/* The host must not see the guest's DR6. */
	if (unlikely(save->dr6 != DR6_RESERVED))
		set_debugreg(DR6_RESERVED, 6);
}

static void put_event(struct vcpu *vcpu)
{
	u64 event = vcpu->event;

	/* A CPU that saves the next RIP pushes next_rip for a software interrupt. */
	if (unlikely(event_is_software(event))) {
		vcpu->vmcb->control.next_rip = vcpu_rip(vcpu);
		event = event_injected_as(event, svm_has(SVMVCPU_FEAT_NRIP));
	}
	vcpu->vmcb->control.event_inj = event;
	vcpu->injected = vcpu->event;
	if (unlikely(vcpu->event)) {
		vcpu->injected_rip = vcpu_rip(vcpu);
		event_entering(vcpu);
	}
}

/*
 * Report state that VMRUN would refuse. The guest has not been entered, so the VMM can
 * correct the state and call RUN again.
 */
static enum exit_result check_state(struct vcpu *vcpu)
{
	const struct check_limits limits = {
		.cr4 = svm_limits.cr4_guest | X86_CR4_MCE,
		.efer = svm_limits.efer_guest | EFER_SVME,
		.phys_bits = svm_caps.phys_bits,
	};
	int rule = check_vmcb(vcpu->vmcb, &limits);

	/* These bits are not in the VMCB, so check_vmcb() cannot see them. */
	if (vcpu->cr0_hidden == X86_CR0_NW)
		rule = SVMVCPU_RULE_CR0_CD_NW;
	if (rule == CHECK_OK) {
		vcpu->unchecked = false;
		return EXIT_CONTINUE;
	}
	/* The event stays in vcpu.event and is injected by the next entry. */
	vcpu->vmcb->control.event_inj = 0;
	vcpu->run->fail = (struct svmvcpu_exit_fail) { .rule = rule };
	return exit_to_user(vcpu, SVMVCPU_EXIT_FAIL_ENTRY);
}

/*
 * VMRUN refused a state that check_vmcb() accepted. Emulators leave the host's state in
 * the save area in this case: wipe it before the VMM can read it.
 */
static enum exit_result entry_refused(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;
	u64 code = vmcb->control.exit_code;

	memset(&vmcb->save, 0, sizeof(vmcb->save));
	vmcb->save.efer = EFER_SVME;
	vcpu->efer_hidden = 0;
	vmcb->save.dr6 = DR6_RESERVED;
	vmcb->save.g_pat = PAT_RESET;
	vmcb_dirty(vmcb, VMCB_CLEAN_ALL);
	vcpu->dead = true;
	vcpu->event = 0;
	vcpu->run->fail = (struct svmvcpu_exit_fail) {
		.code = code, .rule = SVMVCPU_RULE_UNKNOWN,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_FAIL_ENTRY);
}

/* Enter the guest and return with its next exit. */
static void enter_once(struct vcpu *vcpu, struct vmcb *vmcb, struct svm_cpu *cpu)
{
	xcr0_enter(vcpu);
	vmcb->save.rax = vcpu->gprs[INSN_RAX];
	vmcb->save.rsp = vcpu->gprs[INSN_RSP];
	vmcb->control.exit_code = VMEXIT_NOTHING32;
	/*
	 * An outer hypervisor might leave insn_len unchanged at some nested page faults;
	 * see assist.c.
	 */
	vmcb->control.insn_len = 0;
	if (trace_svmvcpu_entry_enabled())
		trace_entry(vcpu);
	world_switch(vcpu, vmcb, cpu);
	vcpu->exits++;
}

/*
 * After an exit from the guest: read RAX and RSP back, and update the TLB, clean bit and
 * event bookkeeping.
 */
static void finish_entry(struct vcpu *vcpu, struct vmcb *vmcb, struct svm_cpu *cpu, bool work)
{
	vcpu->gprs[INSN_RAX] = vmcb->save.rax;
	vcpu->gprs[INSN_RSP] = vmcb->save.rsp;
	asid_flushed(&cpu->asid);
	vcpu->want_flush = false;
	vmcb->control.tlb_control = TLB_CONTROL_NOTHING;
	if (svm_has(SVMVCPU_FEAT_VMCB_CLEAN))
		vmcb->control.clean = VMCB_CLEAN_ALL;
	if (work)
		step_leave(vcpu);
	if (unlikely(work || (vmcb->control.exit_int_info & EVENT_V))) {
		event_collect(vcpu);
		inject_collect(vcpu);
	}
}

/*
 * Save the state that VMLOAD restores after each exit. VMSAVE faults, and is skipped, if
 * SVM was turned off on this CPU, by a reboot or a write to EFER. CLGI then faults as
 * well, and not_entered() handles that.
 */
static __always_inline void save_host(const struct svm_cpu *cpu)
{
	asm volatile("1: vmsave %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "a" (cpu->host_pa) : "memory");
}

/*
 * Of the state that save_host() saves, an interrupt can change only LDTR: modify_ldt() in
 * another thread frees the old table as soon as this CPU has loaded the new one. Test
 * for the presence of an LDT, not for a change: context.ldt is set before the IPI is
 * sent.
 */
static void save_host_ldt(const struct svm_cpu *cpu)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	if (unlikely(READ_ONCE(current->mm->context.ldt)))
		save_host(cpu);
#endif
}

/*
 * Take pending host interrupts: after each exit that a host interrupt caused, and after
 * every 64th exit (irq_window_due()). A handler may use the FPU. Interrupts are off again
 * at preempt_enable(), so it does not reschedule; must_leave() checks for that.
 */
static noinline void open_irq_window(struct vcpu *vcpu, const struct svm_cpu *cpu)
{
	xcr0_leave(vcpu);
	xstate_leave(vcpu->xstate);
	spec_ctrl_leave(vcpu);
	preempt_disable();
	current->flags |= PF_VCPU;
	local_irq_enable();
	asm volatile("nop");
	local_irq_disable();
	current->flags &= ~PF_VCPU;
	preempt_enable();
	save_host_ldt(cpu);
	spec_ctrl_enter(vcpu);
	xstate_enter(vcpu->xstate);
}

/*
 * Ends the guest's HLT if there is an event for it. Returns true if the guest can run.
 * take_signals() ends the wait for a STARTUP.
 */
static bool guest_runs(struct vcpu *vcpu)
{
	apic_sync(vcpu);
	if (vcpu->activity == SVMVCPU_ACTIVITY_HALTED && inject_wakes(vcpu))
		vcpu->activity = SVMVCPU_ACTIVITY_RUNNING;
	return vcpu->activity == SVMVCPU_ACTIVITY_RUNNING;
}

/*
 * Report a pending exception or step, end a HLT, inject an event, set the intercepts, and
 * check the state. Returns EXIT_CONTINUE, or the reason not to enter.
 */
static noinline enum exit_result prepare_entry(struct vcpu *vcpu)
{
	struct vmcb_policy policy = vcpu->policy;

	if (vcpu->pending_exception)
		return exit_pending_exception(vcpu);
	if (vcpu->debug.hit)
		return step_report(vcpu);
	if (vcpu->activity && !guest_runs(vcpu))
		return EXIT_LEAVE;
	vcpu->init_reported = false;
	inject_prepare(vcpu, &policy);
	step_policy(vcpu, &policy);
	vcpu_set_policy(vcpu, &policy);
	put_event(vcpu);
	if (vcpu->unchecked) {
		enum exit_result ret = check_state(vcpu);

		if (ret)
			return ret;
	}
	step_enter(vcpu);
	return EXIT_CONTINUE;
}

/* VMRUN did not enter the guest: SVM was turned off, or the state was refused. */
static noinline enum exit_result not_entered(struct vcpu *vcpu)
{
	/* The event was not injected, so there is no step to report. */
	vcpu->step.injecting = false;
	step_leave(vcpu);
	vcpu_count(vcpu, SVMVCPU_STAT_EXIT_OTHER);
	if (vcpu->vmcb->control.exit_code == VMEXIT_NOTHING32)
		return svm_cpu_lost() ? exit_error(vcpu, -EBUSY) : EXIT_LEAVE;
	return entry_refused(vcpu);
}

static enum exit_result run_once(struct vcpu *vcpu, struct svm_cpu *cpu)
{
	struct vmcb *vmcb = vcpu->vmcb;
	bool work;
	u64 code;

	apic_sync(vcpu);
	if (unlikely(must_leave(vcpu, cpu)))
		return EXIT_LEAVE;
	work = vcpu_has_entry_work(vcpu);
	prepare_tlb(vcpu, cpu);
	if (work) {
		enum exit_result ret = prepare_entry(vcpu);

		if (ret)
			return ret;
	}
	enter_once(vcpu, vmcb, cpu);

	code = vmcb->control.exit_code;
	if (unlikely(!vmcb_has_entered(code)))
		return not_entered(vcpu);
	if (trace_svmvcpu_exit_enabled())
		trace_exit(vcpu);
	vcpu_count_exit(vcpu, code);
	finish_entry(vcpu, vmcb, cpu, work);
	if (unlikely(irq_window_due(code, vcpu->exits)))
		open_irq_window(vcpu, cpu);
	return exit_handle(vcpu, code, true);
}

static void flush_predictors(struct svm_cpu *cpu, const struct vcpu *vcpu)
{
	if (ibpb_due(cpu->last_vcpu, vcpu->serial, static_cpu_has(X86_FEATURE_IBPB_ON_VMEXIT),
		     static_cpu_has(X86_FEATURE_USE_IBPB), vcpu->wants_ibpb))
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	cpu->last_vcpu = vcpu->serial;
}

/*
 * Returns EXIT_CONTINUE, or why the vCPU was not loaded. Interrupts stay off until
 * vcpu_unload() except in open_irq_window().
 */
static enum exit_result vcpu_load(struct vcpu *vcpu, struct svm_cpu *cpu)
{
	int this_cpu = smp_processor_id();
	int ret;

	if (unlikely(!cpu->enabled)) {
		ret = svm_cpu_enable();
		/* This CPU is going offline. The task migrates at the next reschedule. */
		if (ret == -EAGAIN)
			return EXIT_LEAVE;
		if (ret)
			return exit_error(vcpu, ret);
	}
	if (unlikely(vcpu->tsc_lost != svm_tsc_lost)) {
		vmcb_set_tsc_offset(vcpu->vmcb, vcpu->vmcb->control.tsc_offset +
				    svm_tsc_lost - vcpu->tsc_lost);
		vcpu->tsc_lost = svm_tsc_lost;
	}
	/* Cached VMCB state and TLB entries are valid on one CPU only. */
	if (unlikely(vcpu->asid.cpu != this_cpu)) {
		vmcb_dirty(vcpu->vmcb, VMCB_CLEAN_ALL);
		asid_moved(&vcpu->asid);
	}
	flush_predictors(cpu, vcpu);
	save_host(cpu);
	/* Both are 0 on CPUs without TSC_AUX. */
	if (vcpu->tsc_aux != cpu->host_tsc_aux)
		wrmsrl(MSR_TSC_AUX, vcpu->tsc_aux);
	if (static_cpu_has(X86_FEATURE_BUS_LOCK_DETECT))
		debugctl_clear();
	spec_ctrl_enter(vcpu);
	xstate_enter(vcpu->xstate);

	stat_time_begin(&vcpu->stats[SVMVCPU_STAT_LOADED_NS]);
	WRITE_ONCE(vcpu->on_cpu, this_cpu);
	cpumask_set_cpu(this_cpu, vcpu->vm->mem.cpus);
	/*
	 * Pairs with the barriers in guest_memory_flush() and vcpu_kick(): either they
	 * see this CPU, or the next entry sees what they wrote before.
	 */
	smp_mb__after_atomic();
	return EXIT_CONTINUE;
}

static void vcpu_unload(struct vcpu *vcpu, const struct svm_cpu *cpu)
{
	int this_cpu = vcpu->on_cpu;

	stat_time_end(&vcpu->stats[SVMVCPU_STAT_LOADED_NS]);
	xcr0_leave(vcpu);
	xstate_leave(vcpu->xstate);
	cpumask_clear_cpu(this_cpu, vcpu->vm->mem.cpus);
	WRITE_ONCE(vcpu->on_cpu, -1);
	spec_ctrl_leave(vcpu);
	if (vcpu->tsc_aux != cpu->host_tsc_aux)
		wrmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
	if (unlikely(cpu->debugctl))
		debugctl_restore();
	compat_ibpb_before_user();
}

static enum exit_result run_inner_loop(struct vcpu *vcpu)
{
	enum exit_result ret;
	struct svm_cpu *cpu;

	local_irq_disable();
	cpu = this_cpu_ptr(&svm_cpu);
	ret = vcpu_load(vcpu, cpu);
	if (ret == EXIT_CONTINUE) {
		do {
			ret = run_once(vcpu, cpu);
		} while (ret == EXIT_RESUME);
		vcpu_unload(vcpu, cpu);
	}
	local_irq_enable();
	return ret;
}

/*
 * Sleep until the guest runs or a request arrives. Returns true instead if there are
 * coalesced writes to report first: otherwise a prompt would stay in the list while the
 * guest waits for the answer.
 */
static noinline bool wait_to_run(struct vcpu *vcpu)
{
	if (!guest_runs(vcpu) && vcpu->nr_coalesced)
		return true;
	stat_time_begin(&vcpu->stats[SVMVCPU_STAT_HALTED_NS]);
	while (!guest_runs(vcpu)) {
		int ret = rcuwait_wait_event(&vcpu->wait, READ_ONCE(vcpu->requests) ||
					     apic_posted(vcpu), TASK_INTERRUPTIBLE);

		vcpu_count(vcpu, SVMVCPU_STAT_WAKEUPS);
		/* Other vCPUs may post all the time: rcuwait_wait_event() then tests no signal. */
		if (ret || READ_ONCE(vcpu->requests) || signal_pending(current))
			break;
		cond_resched();
	}
	stat_time_end(&vcpu->stats[SVMVCPU_STAT_HALTED_NS]);
	return false;
}

/* Handle INIT, then STARTUP. A STARTUP that no vCPU waits for is dropped. */
static noinline enum exit_result take_signals(struct vcpu *vcpu)
{
	int err;

	if (test_bit(VCPU_REQ_INIT, &vcpu->requests)) {
		if (vcpu->init_exits) {
			clear_bit(VCPU_REQ_INIT, &vcpu->requests);
			vcpu->init_reported = true;
			vcpu->run->down = (struct svmvcpu_exit_down) {
				.kind = SVMVCPU_DOWN_INIT,
			};
			return exit_to_user(vcpu, SVMVCPU_EXIT_SYSTEM_DOWN);
		}
		err = state_init_signal(vcpu);
		if (err)
			return exit_error(vcpu, err);
		clear_bit(VCPU_REQ_INIT, &vcpu->requests);
	}
	if (test_and_clear_bit(VCPU_REQ_STARTUP, &vcpu->requests) &&
	    vcpu->activity == SVMVCPU_ACTIVITY_WAIT_SIPI)
		state_startup(vcpu);
	return EXIT_CONTINUE;
}

/* Handle work outside the inner loop: sleep, requests, signals, rescheduling. */
static enum exit_result do_host_work(struct vcpu *vcpu)
{
	u32 by = 0;

	if (unlikely(vcpu->pending_exception))
		return exit_pending_exception(vcpu);
	if (vcpu->activity && !vcpu->debug.hit) {
		if (vcpu->activity == SVMVCPU_ACTIVITY_HALTED && inject_window_in_halt(vcpu))
			return exit_to_user(vcpu, SVMVCPU_EXIT_IRQ_WINDOW);
		if (wait_to_run(vcpu))
			by = SVMVCPU_BY_COALESCED;
	}
	if (READ_ONCE(vcpu->requests) & (BIT(VCPU_REQ_INIT) | BIT(VCPU_REQ_STARTUP))) {
		enum exit_result ret = take_signals(vcpu);

		if (ret)
			return ret;
	}
	if (test_and_clear_bit(VCPU_REQ_PAUSE, &vcpu->requests)) {
		vcpu->policy.pause = true;
		vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
	}
	by |= vcpu_take_interruptions(vcpu);
	if (by) {
		vcpu->run->interrupted = (struct svmvcpu_exit_interrupted) { .by = by };
		return exit_to_user(vcpu, SVMVCPU_EXIT_INTERRUPTED);
	}
	compat_task_work();
	reschedule();
	return EXIT_RESUME;
}

static enum exit_result run_loop(struct vcpu *vcpu)
{
	enum exit_result ret;

	do {
		ret = run_inner_loop(vcpu);
		if (likely(ret == EXIT_USER))
			break;
		if (ret == EXIT_SLEEP)
			ret = exit_handle(vcpu, vcpu->vmcb->control.exit_code, false);
		WARN_ON_ONCE(ret == EXIT_SLEEP);
		if (ret == EXIT_LEAVE || ret == EXIT_RESUME)
			ret = do_host_work(vcpu);
	} while (ret == EXIT_RESUME);
	return ret;
}

/* --- the run page ---------------------------------------------------------- */

/* What the VMM wrote to the run page. Each member is read exactly once, then checked. */
struct run_input {
	u32 flags;		/* SVMVCPU_RUN_* */
	u64 mbz;		/* OR of all members that must be zero */
	u64 answer;
	u64 deadline_ns;
	u32 inject;		/* event to inject, or 0 */
	u32 inject_error;
	u64 inject_address;
	u64 rip;		/* valid with SVMVCPU_RUN_SET_GPRS */
	u64 rflags;		/* likewise */
};

/* Inline, like its caller, so that the compiler keeps the structure in registers. */
static __always_inline struct run_input read_run_page(const struct svmvcpu_run *run)
{
	u32 flags = READ_ONCE(run->in_flags);
	bool gprs = flags & SVMVCPU_RUN_SET_GPRS;

	return (struct run_input) {
		.flags = flags,
		.mbz = READ_ONCE(run->in_mbz) | READ_ONCE(run->in_reserved[0]) |
		       READ_ONCE(run->in_reserved[1]) | READ_ONCE(run->in_reserved[2]),
		.answer = READ_ONCE(run->answer),
		.deadline_ns = READ_ONCE(run->deadline_ns),
		.inject = READ_ONCE(run->inject),
		.inject_error = READ_ONCE(run->inject_error),
		.inject_address = READ_ONCE(run->inject_address),
		/* Other registers need no check: every value is valid. */
		.rip = gprs ? READ_ONCE(run->gprs.rip) : 0,
		.rflags = gprs ? READ_ONCE(run->gprs.rflags) : 0,
	};
}

/* Returns 0, or an error. On an error, RUN fails and nothing has changed. */
static __always_inline int run_input_check(const struct vcpu *vcpu, const struct run_input *in)
{
	const u32 answers = SVMVCPU_RUN_FAIL | SVMVCPU_RUN_INJECT | SVMVCPU_RUN_RETRY;
	const u32 known = answers | SVMVCPU_RUN_SET_GPRS | SVMVCPU_RUN_SET_CR8 |
			  SVMVCPU_RUN_IRQ_WINDOW;

	if ((in->flags & ~known) | in->mbz)
		return -EINVAL;
	if (in->flags & answers & ~vcpu->pending_exit.flags)
		return -EINVAL;
	if ((in->flags & SVMVCPU_RUN_SET_GPRS) && !rflags_valid(in->rflags))
		return -EINVAL;
	if (!in->inject)
		return 0;
	if (!inject_valid(in->inject, in->inject_error, in->inject_address))
		return -EINVAL;
	return inject_room(vcpu, in->inject) ? 0 : -EAGAIN;
}

/* Act on what the VMM wrote. EXIT_RESUME means that the guest may run. */
static __always_inline enum exit_result sync_run_page_in(struct vcpu *vcpu,
							 const struct run_input *in)
{
	struct svmvcpu_run *run = vcpu->run;
	enum exit_result ret = EXIT_CONTINUE;

	vcpu->want_window = false;
	if (in->flags) {
		vcpu->want_window = in->flags & SVMVCPU_RUN_IRQ_WINDOW;
		if (in->flags & SVMVCPU_RUN_SET_GPRS)
			state_put_gprs(vcpu, &run->gprs, in->rip, in->rflags);
		if (in->flags & SVMVCPU_RUN_SET_CR8)
			state_put_cr8(vcpu, READ_ONCE(run->cr8) & V_TPR_MASK);
	}
	if (vcpu->pending_exit.complete)
		ret = exit_complete(vcpu, in->answer, in->flags);
	/* The answer completes the instruction; the event is delivered after it. */
	if (unlikely(in->inject))
		inject_request(vcpu, in->inject, in->inject_error, in->inject_address);
	if (unlikely(vcpu->shutdown))
		ret = exit_third_fault(vcpu);
	return ret == EXIT_CONTINUE ? EXIT_RESUME : ret;
}

static __always_inline int run_locked(struct vcpu *vcpu, bool stop)
{
	const struct run_input in = read_run_page(vcpu->run);
	enum exit_result ret;
	int err;

	if (unlikely(vcpu->dead))
		return -EBADFD;
	if (in.flags | in.inject | in.mbz) {
		err = run_input_check(vcpu, &in);
		if (unlikely(err))
			return err;
		WRITE_ONCE(vcpu->run->in_flags, 0);
		WRITE_ONCE(vcpu->run->inject, 0);
	}
	/* Stays set if there is another exit to report, as a kick does. */
	if (unlikely(stop))
		set_bit(VCPU_REQ_STOP, &vcpu->requests);
	ret = sync_run_page_in(vcpu, &in);
	if (unlikely(in.deadline_ns))
		vcpu_deadline_start(vcpu, in.deadline_ns);
	/* run_loop() checks for kicks, signals and activity before it enters the guest. */
	if (likely(ret == EXIT_RESUME))
		ret = run_loop(vcpu);
	if (unlikely(in.deadline_ns))
		vcpu_deadline_stop(vcpu);
	if (unlikely(ret != EXIT_USER)) {
		if (vcpu->error == -EBUSY)
			svm_cpu_explain_busy();
		/*
		 * Keep a request for IRQ_WINDOW for the next RUN. All other input has been
		 * used or is stored in the vCPU.
		 */
		if (vcpu->want_window)
			WRITE_ONCE(vcpu->run->in_flags, SVMVCPU_RUN_IRQ_WINDOW);
		return vcpu->error;
	}
	vcpu_count(vcpu, SVMVCPU_STAT_USER_EXITS);
	sync_run_page_out(vcpu, vcpu->nr_coalesced);
	vcpu->nr_coalesced = 0;
	if (trace_svmvcpu_user_enabled())
		trace_user(vcpu);
	return 0;
}

/**
 * vcpu_run() - SVMVCPU_RUN
 * @vcpu: a vCPU whose VM belongs to current->mm
 * @stop: return INTERRUPTED before the guest runs
 *
 * Return: 0, with the exit on the run page. -EINVAL if the run page is invalid; -EAGAIN if
 * an interrupt is injected while another one waits, or an exception while another one has
 * not been reported yet; neither error changes the vCPU. -EBADFD if the vCPU must be set
 * up first. -EBUSY, -EOPNOTSUPP or -ESHUTDOWN if SVM is not available on this CPU, and
 * -ENOMEM: the next RUN continues where this one stopped. -EINTR on a fatal signal.
 */
long vcpu_run(struct vcpu *vcpu, bool stop)
{
	int ret;

	/* Usually uncontended; trylock avoids mutex_lock()'s might_sleep(). */
	if (!mutex_trylock(&vcpu->mutex) && mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	ret = run_locked(vcpu, stop);
	mutex_unlock(&vcpu->mutex);
	return ret;
}
