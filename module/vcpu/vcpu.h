/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct vcpu, which everything that runs or changes a virtual CPU works on.
 *
 * In the names of functions that change the guest's registers, put stores a value without
 * checks (guest_put_efer(), state_put()), and guest_set_efer() first checks it as the
 * instruction does, like the setters in emulated_msr.h. vcpu_put() drops a reference.
 */
#ifndef SVMVCPU_VCPU_H
#define SVMVCPU_VCPU_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/stddef.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <asm/local.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "insn/insn.h"
#include "insn/mmio.h"
#include "insn/mode.h"
#include "svm/cpu.h"
#include "vcpu/event.h"
#include "vcpu/step.h"

struct cpuid_table;
struct svm_vm;
struct vcpu;
struct vcpu_apic;
struct vcpu_snapshot;

/**
 * enum exit_result - outcome of an exit handler or of one step of it
 * @EXIT_CONTINUE: a step succeeded; go on with the next one. It is 0: callers test
 *	"if (ret)"
 * @EXIT_RESUME: enter the guest again
 * @EXIT_USER: return to the VMM; the run page holds the reason
 * @EXIT_SLEEP: the handler needs to sleep and has changed nothing; call it again in
 *	process context
 * @EXIT_LEAVE: leave the inner loop for do_host_work(), because the host needs this
 *	CPU or the guest does not run (vcpu.activity); there is no exit to handle
 * @EXIT_ERROR: RUN fails with vcpu.error, which exit_error() has set
 */
enum exit_result {
	EXIT_CONTINUE,
	EXIT_RESUME,
	EXIT_USER,
	EXIT_SLEEP,
	EXIT_LEAVE,
	EXIT_ERROR,
};

/* Pages of a vCPU file's mapping: struct svmvcpu_run, then the data window */
#define RUN_PAGES	2

/* Bits of vcpu.requests, which end the inner loop of the current or the next RUN */
#define VCPU_REQ_KICK		0
#define VCPU_REQ_DEADLINE	1
#define VCPU_REQ_INIT		2	/* the local APIC received an INIT */
#define VCPU_REQ_STARTUP	3	/* and, later, a STARTUP with @startup_vector */
#define VCPU_REQ_PAUSE		4	/* intercept PAUSE from now on */
#define VCPU_REQ_STOP		5	/* RUN was called with a stop byte that is set */

/*
 * Completes an exit at the next RUN, in process context, unless the VMM has moved RIP. If it
 * returns EXIT_USER or EXIT_ERROR, the RUN after that calls it again. @flags: SVMVCPU_RUN_*
 */
typedef enum exit_result (*exit_completion)(struct vcpu *vcpu, u64 answer, u32 flags);

/* The exit that the next RUN completes */
struct vcpu_pending {
	exit_completion complete;	/* NULL if there is none */
	u32 flags;		/* SVMVCPU_RUN_* that the VMM may answer with */
	u64 rip;		/* RIP of the instruction */
	u64 next_rip;		/* RIP after it; 0 for INS, MMIO, most exceptions */
	u32 count;		/* INS: number of elements */
	u8 width;		/* IN, INS: bytes per element */
	u64 event;		/* EXCEPTION: in EVENTINJ layout */
	u64 address;		/* EXCEPTION: the new CR2 (#PF) or DR6 (#DB) */
};

/* The device access that an MMIO exit reported */
struct vcpu_mmio {
	struct ginsn insn;
	struct mmio_op op;
	bool answered;		/* @answer is valid but not yet stored in guest memory */
	u64 answer;
};

/*
 * One virtual CPU.
 *
 * @mutex is held by every ioctl except KICK, LINT and GET_VCPU_STATS. It protects
 * everything except the members that have a rule of their own below.
 */
struct vcpu {
	/*
	 * Guest state that a snapshot copies as is. struct vcpu_snapshot lists what else
	 * belongs to the state of the guest's CPU.
	 *
	 * @gprs are in hardware order; RAX and RSP are in the VMCB while the guest runs.
	 */
	struct_group_tagged(vcpu_guest, guest, u64 gprs[16];
		u64 xcr0;		/* loaded between xcr0_enter() and xcr0_leave() */
		u64 cr0_hidden;		/* the guest's CR0.CD and NW; never in the VMCB */
		u64 cr4_hidden;		/* the guest's CR4.MCE; the VMCB has the host's */
		u64 efer_hidden;	/* the guest's EFER.LME while CR0.PG is clear */
		u64 db[4];		/* DR0-DR3; loaded only if DR7 enables one */
		u32 tsc_aux;
		union {
			struct {
				u32 spec_ctrl;
				u32 virt_spec_ctrl;
			};
			u64 spec_ctrl_any;	/* both, for a single test */
		};
		bool dead;		/* SHUTDOWN or refused VMRUN; needs SETUP */
		bool shutdown;		/* a triple fault is to be reported */
		u8 startup_vector;	/* with VCPU_REQ_STARTUP */

		u64 event;		/* to inject at the next entry, in EVENTINJ layout, or 0 */
		u64 pending_exception;	/* to report to the VMM before delivery, or 0 */
		u64 pending_address;	/* its CR2 or DR6 */
		/*
		 * If @event is a software interrupt and RIP is @soft_next, @soft_rip is
		 * the RIP of its instruction. Both are equal if the VMM injected it.
		 */
		u64 soft_rip;
		u64 soft_next;
		u64 injected;		/* what the last entry injected, and at which RIP */
		u64 injected_rip;
		struct fault_history fault_history;
		u64 irq;		/* waiting interrupt, in EVENTINJ layout, or 0 */
		u64 nmi_iret_rip;	/* RIP of the IRET if @nmi_iret is set */
		union {
			struct {
				bool nmi_latched;	/* an NMI waits */
				bool nmi_masked;	/* until the handler's IRET completes */
				bool nmi_iret;		/* that IRET is about to execute */
				bool nmi_step;		/* a waiting NMI needs a single step */
				bool want_window;	/* the VMM asked for IRQ_WINDOW */
				u8 activity;		/* SVMVCPU_ACTIVITY_* */
				bool unchecked;		/* changed since check_vmcb() passed */
				bool init_reported;	/* by SYSTEM_DOWN; until the guest runs */
			};
			u64 event_flags;	/* all of these, for a single test */
		};
		unsigned int mismatches;	/* consecutive decodes of another instruction */
		struct vcpu_pending pending_exit;
		struct vcpu_mmio mmio;
	);

	struct vmcb *vmcb;
	u64 vmcb_pa;			/* with the encryption bit */
	struct svm_vm *vm;		/* one reference */
	const struct cpuid_table *cpuid;	/* never NULL */
	struct cpuid_table *own_cpuid;	/* @cpuid if it belongs to this vCPU, or NULL */
	struct svmvcpu_run *run;	/* shared with the VMM: read once, then check */
	void *io_data;			/* the data window, one page */
	void *xstate;			/* guest FPU state (XSAVE format) while not loaded */
	bool xcr0_loaded;

	u64 tsc_lost;			/* svm_tsc_lost that the TSC offset includes */
	struct asid_tag asid;		/* valid on one CPU */
	u64 tlb_gen;			/* guest_memory.tlb_gen of the last flush */
	bool want_flush;		/* flush the guest's TLB entries at the next entry */

	struct vcpu_apic *apic;		/* NULL without a local APIC */
	struct vcpu_step step;
	struct vcpu_debug debug;
	bool decode_mmio;		/* the VMM asked for MMIO exits */
	bool init_exits;		/* the VMM handles INIT */
	bool ipi_exits;			/* the VMM sends INIT, STARTUP and SMI */
	bool ports_exit;		/* no port exits with SYSTEM_DOWN */
	bool tpr_exits;			/* the VMM wants to see CR8 become lower */
	struct vmcb_policy policy;	/* the variable part of the intercepts */
	union {
		struct {
			u32 exceptions;	/* vectors that exit to the VMM */
			u32 followed;	/* vectors intercepted for @fault_history */
		};
		u64 watched;		/* both, for a single test */
	};
	u64 next_rip;			/* result of guest_next_rip() */
	u64 exits;			/* since creation; read without @mutex too */
	int error;			/* errno of EXIT_ERROR */
	u8 nr_coalesced;		/* writes in the list that no exit has reported yet */

	int on_cpu;			/* CPU this is loaded on, or -1; vcpu_kick() reads it */
	unsigned long requests;		/* VCPU_REQ_* bits, atomic */
	struct rcuwait wait;		/* RUN sleeps here: @activity, or a nested fault */
	struct hrtimer deadline;	/* sets VCPU_REQ_DEADLINE */
	struct mutex mutex;		/* see above */
	struct list_head in_vm;		/* in svm_vm.vcpus, under svm_vm.lock */
	struct vcpu_snapshot *snapshot;	/* under svm_vm.snapshot_lock, or NULL */
	struct kref ref;		/* held by its file, and by svm_vm.stopped */
	u64 serial;			/* never reused: identifies predictor state, for IBPB */
	bool wants_ibpb;		/* the guest requested an IBPB */
	u32 id;				/* APIC ID */

	/*
	 * For GET_VCPU_STATS, by enum svmvcpu_stat; see stats.c. Only the thread that holds
	 * @mutex changes @stats; anybody may read it.
	 */
	local_t stats[SVMVCPU_STAT_NR];
	atomic64_t kicks;		/* calls of vcpu_kick() */
};

/* Count an event: one instruction. Expects vcpu.mutex held. */
static inline void vcpu_count(struct vcpu *vcpu, enum svmvcpu_stat stat)
{
	local_inc(&vcpu->stats[stat]);
}

static inline u64 vcpu_rip(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.rip;
}

static inline u64 guest_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->vmcb->control.tsc_offset + svm_tsc_lost - vcpu->tsc_lost;
}

/* EDX:EAX: the operand of RDMSR, WRMSR and XSETBV */
static inline u64 vcpu_edx_eax(const struct vcpu *vcpu)
{
	return (u64)(u32)vcpu->gprs[INSN_RDX] << 32 | (u32)vcpu->gprs[INSN_RAX];
}

static inline void vcpu_put_edx_eax(struct vcpu *vcpu, u64 value)
{
	vcpu->gprs[INSN_RAX] = (u32)value;
	vcpu->gprs[INSN_RDX] = value >> 32;
}

static inline enum guest_mode vcpu_mode(const struct vcpu *vcpu)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	return guest_mode(save->cr0, save->efer, save->rflags, save->cs.attrib);
}

/* Width of a linear address in 64-bit mode */
static inline unsigned int vcpu_la_bits(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.cr4 & X86_CR4_LA57 ? 57 : 48;
}

static inline u64 guest_cr0(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.cr0 | vcpu->cr0_hidden;
}

static inline u64 guest_cr4(const struct vcpu *vcpu)
{
	return (vcpu->vmcb->save.cr4 & ~(u64)X86_CR4_MCE) | vcpu->cr4_hidden;
}

static inline u64 guest_efer(const struct vcpu *vcpu)
{
	return (vcpu->vmcb->save.efer & ~(u64)EFER_SVME) | vcpu->efer_hidden;
}

/* A local APIC keeps V_TPR equal to the upper half of its TPR. */
static inline u8 guest_cr8(const struct vcpu *vcpu)
{
	return vcpu->vmcb->control.int_ctl & V_TPR_MASK;
}

/* The CPU sets LMA if LME and PG are set (APM volume 2, 14.6). */
static inline u64 efer_with_lma(u64 efer, u64 cr0)
{
	if ((efer & EFER_LME) && (cr0 & X86_CR0_PG))
		return efer | EFER_LMA;
	return efer & ~(u64)EFER_LMA;
}

/* RUN returns with @reason, SVMVCPU_EXIT_*. The caller has filled in the payload. */
static inline enum exit_result exit_to_user(struct vcpu *vcpu, u32 reason)
{
	vcpu->run->reason = reason;
	return EXIT_USER;
}

/* RUN fails with @err, a negative errno. */
static inline enum exit_result exit_error(struct vcpu *vcpu, int err)
{
	vcpu->error = err;
	return EXIT_ERROR;
}

/* control.c */
void guest_put_cr0(struct vcpu *vcpu, u64 cr0);
void guest_put_cr4(struct vcpu *vcpu, u64 cr4);
void guest_put_efer(struct vcpu *vcpu, u64 efer);
bool guest_set_efer(struct vcpu *vcpu, u64 efer);
void guest_put_cr8(struct vcpu *vcpu, u64 cr8);
void vcpu_set_policy(struct vcpu *vcpu, const struct vmcb_policy *policy);

/* request.c */
void vcpu_kick(struct vcpu *vcpu);
void vcpu_deadline_init(struct vcpu *vcpu);
void vcpu_deadline_start(struct vcpu *vcpu, u64 ns);
void vcpu_deadline_stop(struct vcpu *vcpu);
u32 vcpu_take_interruptions(struct vcpu *vcpu);

/* state.c */
u64 vcpu_new_serial(void);

/* vm/vcpu_file.c */
int vcpu_create(struct svm_vm *vm, const struct svmvcpu_create_vcpu *create);
void vcpu_put(struct vcpu *vcpu);

#endif /* SVMVCPU_VCPU_H */
