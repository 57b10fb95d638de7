/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual CPU: the structure every later stage of an exit works on, and
 * the small accessors that know where the hardware keeps what.
 */
#ifndef SVMVCPU_VCPU_H
#define SVMVCPU_VCPU_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/stddef.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "insn/insn.h"
#include "insn/mmio.h"
#include "insn/mode.h"
#include "svm/asid.h"
#include "svm/check.h"
#include "svm/vmcb.h"
#include "svm/vmcb_init.h"
#include "vcpu/chain.h"
#include "vcpu/memo.h"
#include "vcpu/preset.h"
#include "vcpu/step.h"

struct cpuid_table;
struct svm_vm;
struct vcpu_apic;
struct vcpu_record;

/**
 * enum exit_result - what a handler of an exit, or a step of one, came to
 * @EXIT_CONTINUE: a step: nothing is in the way of the next one
 * @EXIT_RESUME: enter the guest again
 * @EXIT_USER: return to the VMM; the run page says why
 * @EXIT_SLEEP: in atomic context: nothing has been changed; call the handler again
 *	where it may sleep
 * @EXIT_LEAVE: the host needs this CPU; nothing is to be handled
 * @EXIT_ERROR: RUN fails with vcpu.error; set by exit_error()
 */
enum exit_result {
	EXIT_CONTINUE,
	EXIT_RESUME,
	EXIT_USER,
	EXIT_SLEEP,
	EXIT_LEAVE,
	EXIT_ERROR,
};

/* the mapping of a vCPU file: struct svmvcpu_run, then the data window */
#define RUN_PAGES	2

/* vcpu.wake: why the running or the next RUN is to stop; INIT: of its local APIC */
#define WAKE_KICK	0
#define WAKE_DEADLINE	1
#define WAKE_INIT	2

/* What the last exit asked the VMM; answered once, by the next RUN. */
enum vcpu_question {
	ASK_NOTHING,
	ASK_IN,
	ASK_INS,
	ASK_HYPERCALL,
	ASK_RDMSR,
	ASK_WRMSR,
	ASK_EXCEPTION,
	ASK_MMIO,
	ASK_MMIO_LOAD,		/* the two that have a struct mmio_plan */
	ASK_MMIO_STORE,
};

/**
 * struct vcpu_ask - the question and what it takes to act on the answer
 * @what: .
 * @width: IN, INS: bytes per element
 * @count: INS: elements
 * @rip: RIP of the instruction
 * @next_rip: RIP behind it; 0 for INS and when it has yet to be decoded
 * @event: EXCEPTION: in EVENTINJ layout
 * @address: EXCEPTION #PF: what goes to CR2
 */
struct vcpu_ask {
	enum vcpu_question what;
	u8 width;
	u32 count;
	u64 rip;
	u64 next_rip;
	u64 event;
	u64 address;
};

/**
 * struct vcpu_mmio - the device access of ASK_MMIO and ASK_MMIO_LOAD
 * @insn: decoded
 * @op: what it does
 * @load: with ASK_MMIO_LOAD, which needs nothing else
 * @answered: the device was read, but its answer has found no memory yet
 * @answer: .
 */
struct vcpu_mmio {
	struct ginsn insn;
	struct mmio_op op;
	struct mmio_load load;
	bool answered;
	u64 answer;
};

/**
 * struct vcpu - one virtual CPU
 * @guest: what a snapshot copies as it is; with the VMCB's save area, @xstate and
 *	@apic all of the guest's CPU
 * @gprs: guest registers in hardware order; while the guest runs, RAX and RSP
 *	are in the VMCB. First, for enter.S
 * @vmcb: .
 * @vmcb_pa: its physical address, with the encryption bit
 * @vm: one reference
 * @cpuid: what it answers CPUID from, and its limits; never NULL
 * @own_cpuid: that table, if it is the vCPU's own, to be freed; otherwise NULL
 * @run: the page shared with the VMM. Read every field once; believe nothing
 * @io_data: the data window behind it, one page
 * @xstate: guest x87 and SSE registers, XSAVE format, while not loaded
 * @tsc_lost: svm_tsc_lost that is in the TSC offset already
 * @xcr0: the guest's, in the CPU only between xcr0_enter() and xcr0_leave()
 * @xcr0_loaded: between the two
 * @tsc_aux: the guest's TSC_AUX
 * @spec_ctrl: the guest's SPEC_CTRL
 * @virt_spec_ctrl: the guest's VIRT_SPEC_CTRL
 * @spec_ctrl_any: both, for one look at them
 * @asid: address space identifier, valid on one CPU
 * @tlb_gen: guest_memory.tlb_gen up to which this vCPU's TLB was flushed
 * @want_flush: flush the guest's translations at the next entry
 * @dead: after SHUTDOWN or a refused VMRUN: must be set up again
 * @shutdown: a third fault came while one was being delivered
 * @cr0_hidden: CR0.CD and NW as the guest set them; never in the VMCB
 * @cr4_hidden: CR4.MCE as the guest set it; the VMCB has the host's
 * @efer_hidden: EFER.LME as the guest set it while CR0.PG is clear
 * @db: guest DR0-DR3, not loaded unless DR7 enables one
 * @event: event to inject at the next entry, EVENTINJ layout, 0 for none
 * @held: exception the module raised and the VMM is to see first, or 0
 * @held_address: its CR2 or DR6
 * @soft_rip: RIP of the instruction that @event comes from, if it is a software
 *	interrupt and RIP is @soft_next
 * @soft_next: RIP behind that instruction; equal to @soft_rip if the VMM injected it
 * @injected: what the last entry injected
 * @injected_rip: and where
 * @chain: what is under way into the guest, to explain a shutdown
 * @irq: interrupt that waits, EVENTINJ layout, 0 for none
 * @nmi_latched: an NMI waits
 * @nmi_masked: an NMI was delivered and its IRET has not completed
 * @nmi_iret: that IRET was reached, at @nmi_iret_rip
 * @nmi_iret_rip: .
 * @nmi_step: an NMI waits for the end of the next instruction, or of a delivery
 * @step: .
 * @debug: .
 * @want_window: the VMM asked for IRQ_WINDOW
 * @halted: in a HLT that an interrupt will end; only with a local APIC
 * @unchecked: state VMRUN checks was changed since check_vmcb() passed
 * @pending: all from @nmi_latched on, for one look at them
 * @apic: the local APIC, or NULL
 * @ask: .
 * @mmio: .
 * @decode_mmio: the VMM asked for MMIO exits
 * @policy: what of the intercepts is not fixed
 * @exceptions: vectors the VMM asked to see
 * @followed: vectors that are intercepted for the sake of @chain
 * @watched: both, for one look at them
 * @memo_insns: .
 * @memo_devices: .
 * @mismatches: decodes in a row that did not find the intercepted instruction
 * @next_rip: what guest_next_rip() found
 * @exits: since creation
 * @error: errno of EXIT_ERROR
 * @on_cpu: CPU this is loaded on, -1 for none; read by vcpu_poke() anywhere
 * @wake: WAKE_* bits
 * @wait: a halted vCPU's thread sleeps here
 * @deadline: sets WAKE_DEADLINE
 * @mutex: held by every ioctl but KICK; protects all the rest
 * @in_vm: in svm_vm.vcpus
 * @record: the vCPU as it was at the snapshot, or NULL; under svm_vm.still
 * @ref: held by its file, and in svm_vm.stopped
 * @serial: never used twice; a CPU whose predictors saw another one needs an IBPB
 * @wants_ibpb: the guest has asked for an IBPB, whatever the host does itself
 * @id: APIC ID
 */
struct vcpu {
	struct_group_tagged(vcpu_guest, guest, u64 gprs[16];
		u64 xcr0;
		u64 cr0_hidden;
		u64 cr4_hidden;
		u64 efer_hidden;
		u64 db[4];
		u32 tsc_aux;
		union {
			struct {
				u32 spec_ctrl;
				u32 virt_spec_ctrl;
			};
			u64 spec_ctrl_any;
		};
		bool dead;
		bool shutdown;

		u64 event;
		u64 held;
		u64 held_address;
		u64 soft_rip;
		u64 soft_next;
		u64 injected;
		u64 injected_rip;
		struct fault_chain chain;
		u64 irq;
		u64 nmi_iret_rip;
		union {
			struct {
				bool nmi_latched;
				bool nmi_masked;
				bool nmi_iret;
				bool nmi_step;
				bool want_window;
				bool halted;
				bool unchecked;
			};
			u64 pending;
		};
		unsigned int mismatches;
		struct vcpu_ask ask;
		struct vcpu_mmio mmio;
	);

	struct vmcb *vmcb;
	u64 vmcb_pa;
	struct svm_vm *vm;
	const struct cpuid_table *cpuid;
	struct cpuid_table *own_cpuid;
	struct svmvcpu_run *run;
	void *io_data;
	void *xstate;
	bool xcr0_loaded;

	u64 tsc_lost;
	struct asid_tag asid;
	u64 tlb_gen;
	bool want_flush;

	struct vcpu_apic *apic;
	struct vcpu_step step;
	struct vcpu_debug debug;
	bool decode_mmio;
	struct vmcb_policy policy;
	union {
		struct {
			u32 exceptions;
			u32 followed;
		};
		u64 watched;
	};
	struct memo_set memo_insns;
	struct memo_set memo_devices;
	u64 next_rip;
	u64 exits;
	int error;

	int on_cpu;
	unsigned long wake;
	wait_queue_head_t wait;
	struct hrtimer deadline;
	struct mutex mutex;	/* every ioctl but KICK */
	struct list_head in_vm;
	struct vcpu_record *record;
	struct kref ref;
	u64 serial;
	bool wants_ibpb;
	u32 id;
};

static inline u64 vcpu_rip(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.rip;
}

/* EDX:EAX, for RDMSR, WRMSR and XSETBV */
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

/**
 * exit_to_user() - the run page is filled, RUN returns
 * @vcpu: .
 * @reason: SVMVCPU_EXIT_*
 *
 * Return: EXIT_USER.
 */
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

int vcpu_create(struct svm_vm *vm, u32 id, u32 flags);
void vcpu_put(struct vcpu *vcpu);
u64 vcpu_new_serial(void);

#endif /* SVMVCPU_VCPU_H */
