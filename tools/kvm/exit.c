// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: exits of svmvcpu, as exits of KVM or handled here. One function for each
 * reason; see exit_handle() for their results.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"
#include "vm.h"

/* Results of hypercalls in the guest: include/uapi/linux/kvm_para.h */
#define HYPERCALL_UNKNOWN	(-1000LL)
#define HYPERCALL_NOT_ALLOWED	(-1LL)

#define VECTOR_DB	1
#define VECTOR_BP	3
#define DR6_FIXED	0xffff0ff0ULL
#define DR7_FIXED	0x400ULL

static void *io_data(struct vcpu *vcpu)
{
	return (char *)vcpu->run + IO_DATA_OFFSET;
}

/* --- ports ---------------------------------------------------------------- */

static void set_io(struct kvm_run *run, bool in, unsigned int width, unsigned int port,
		   unsigned int count)
{
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = width;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = IO_DATA_OFFSET;
}

void exit_io(struct vcpu *vcpu, const struct access *access)
{
	set_io(vcpu->run, access->kind == ACCESS_IN, access->len, access->address, 1);
	memcpy(io_data(vcpu), &access->data, access->len);
}

static long complete_in(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	run->answer = 0;
	memcpy(&run->answer, io_data(vcpu), run->io.width);
	return RESUME;
}

static long complete_ins(struct vcpu *vcpu)
{
	size_t bytes;
	void *window = svmvcpu_vcpu_window(&vcpu->dev, &bytes);

	if (!window || bytes > RUN_BYTES)
		return -EIO;
	memcpy(window, io_data(vcpu), bytes);
	return RESUME;
}

static long string_io(struct vcpu *vcpu, bool in)
{
	size_t bytes;
	const void *window = svmvcpu_vcpu_window(&vcpu->dev, &bytes);

	if (!window || bytes > RUN_BYTES)
		return -EIO;
	if (in)
		vcpu->complete = complete_ins;
	else
		memcpy(io_data(vcpu), window, bytes);
	return LEAVE;
}

static long on_io(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_io *io = &vcpu->dev.run->io;
	const bool in = io->flags & SVMVCPU_IO_IN;

	set_io(vcpu->run, in, io->width, io->port, io->count);
	if (io->flags & SVMVCPU_IO_STRING)
		return string_io(vcpu, in);
	if (in)
		vcpu->complete = complete_in;
	else
		memcpy(io_data(vcpu), &io->data, sizeof(io->data));
	return LEAVE;
}

/* --- memory --------------------------------------------------------------- */

void exit_mmio(struct vcpu *vcpu, const struct access *access)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = access->address;
	run->mmio.len = access->len;
	run->mmio.is_write = access->kind == ACCESS_WRITE;
	memcpy(run->mmio.data, &access->data, sizeof(run->mmio.data));
}

static long complete_mmio_read(struct vcpu *vcpu)
{
	memcpy(&vcpu->dev.run->answer, vcpu->run->mmio.data, sizeof(__u64));
	return RESUME;
}

static long on_mmio(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_mmio *mmio = &vcpu->dev.run->mmio;
	const struct access access = {
		.kind = mmio->write ? ACCESS_WRITE : ACCESS_READ,
		.address = mmio->gpa, .len = mmio->width,
		.data = mmio->write ? mmio->data : 0,
	};

	exit_mmio(vcpu, &access);
	if (!mmio->write)
		vcpu->complete = complete_mmio_read;
	return LEAVE;
}

static long on_memory_fault(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_memory *memory = &vcpu->dev.run->memory;

	if (memory->flags & SVMVCPU_FAULT_USER_MEM)
		return refuse(EFAULT, "RUN: the memory behind gpa %#llx cannot be accessed",
			      memory->gpa);
	return emulate(vcpu);
}

/* --- registers ------------------------------------------------------------ */

static long complete_msr(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	run->answer = vcpu->run->msr.data;
	if (vcpu->run->msr.error)
		run->in_flags |= SVMVCPU_RUN_FAIL;
	return RESUME;
}

/*
 * A register that nobody knows, or that the program's filter denies: #GP, unless the program
 * wants to answer for it. @exit: KVM_EXIT_X86_RDMSR or _WRMSR
 */
static long refuse_msr(struct vcpu *vcpu, __u32 exit, __u32 reason, __u64 data)
{
	struct svmvcpu_run *in = vcpu->dev.run;
	struct kvm_run *run = vcpu->run;

	if (!(vcpu->vm->msr_exits & reason)) {
		log_at(LOG_REFUSED, "the guest's access to MSR %#x raises #GP", in->msr.index);
		in->in_flags |= SVMVCPU_RUN_FAIL;
		return RESUME;
	}
	run->exit_reason = exit;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = reason;
	run->msr.index = in->msr.index;
	run->msr.data = data;
	vcpu->complete = complete_msr;
	return LEAVE;
}

static long on_msr_read(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;
	__u32 index = run->msr.index;
	__u64 value = 0;

	if (!filter_allows(&vcpu->vm->filter, index, false))
		return refuse_msr(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, 0);
	if (!msr_read(vcpu, index, &value))
		return refuse_msr(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_UNKNOWN, 0);
	run->answer = value;
	return RESUME;
}

static long on_msr_write(struct vcpu *vcpu)
{
	__u32 index = vcpu->dev.run->msr.index;
	__u64 value = vcpu->dev.run->msr.value;

	if (!filter_allows(&vcpu->vm->filter, index, true))
		return refuse_msr(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, value);
	if (!msr_write(vcpu, index, value))
		return refuse_msr(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_UNKNOWN, value);
	return RESUME;
}

/* KVM knows a few calls, all of features that CPUID does not offer. */
static long on_hypercall(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	run->answer = run->cpl ? HYPERCALL_NOT_ALLOWED : HYPERCALL_UNKNOWN;
	if (run->mode != SVMVCPU_MODE_64BIT)
		run->answer = (__u32)run->answer;
	return RESUME;
}

/* --- stops ---------------------------------------------------------------- */

/*
 * With a local APIC, KVM keeps the vCPU in the kernel, whatever RFLAGS.IF is: an NMI or an
 * INIT may still come.
 */
static long on_halt(struct vcpu *vcpu)
{
	struct svmvcpu_state state;
	int err;

	if (!vcpu_has_lapic(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return LEAVE;
	}
	err = state_get(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (err)
		return err;
	state.events.activity = SVMVCPU_ACTIVITY_HALTED;
	err = state_set(vcpu, SVMVCPU_STATE_EVENTS, &state);
	return err ? err : RESUME;
}

/* Nothing defined is left of the vCPU: KVM resets it, too. */
static long on_shutdown(struct vcpu *vcpu)
{
	int err;

	if (log_level >= LOG_REFUSED) {
		char text[256];

		log_write("%s", svmvcpu_describe_exit(vcpu->dev.run, NULL, text, sizeof(text)));
	}
	err = vcpu_reset(vcpu);
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return err ? err : LEAVE;
}

/* immediate_exit leaves the reason as it was. */
static long on_interrupted(struct vcpu *vcpu)
{
	if (vcpu->dev.run->interrupted.by & SVMVCPU_BY_SIGNAL)
		vcpu->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

static long on_fail_entry(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_fail *fail = &vcpu->dev.run->fail;

	log_at(LOG_REFUSED, "VMRUN refuses the state: %s", svmvcpu_rule_text(fail->rule));
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = fail->code ? fail->code : ~0ULL;
	vcpu->run->fail_entry.cpu = 0;
	return LEAVE;
}

static long on_irq_window(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	return LEAVE;
}

/* A lower priority may let an interrupt of the program's local APIC through. */
static long on_tpr(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return LEAVE;
}

static long on_eoi(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	vcpu->run->eoi.vector = vcpu->dev.run->eoi.vector;
	return LEAVE;
}

static long on_debug(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_debug *debug = &vcpu->dev.run->debug;
	struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;
	struct svmvcpu_state state;
	int err;

	err = state_get(vcpu, SVMVCPU_STATE_DEBUG, &state);
	if (err)
		return err;
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	memset(arch, 0, sizeof(*arch));
	arch->exception = debug->cause & SVMVCPU_DEBUG_INT3 ? VECTOR_BP : VECTOR_DB;
	arch->pc = debug->rip;
	arch->dr6 = debug->dr6 | DR6_FIXED;
	arch->dr7 = state.debug.dr7 | DR7_FIXED;
	return LEAVE;
}

/* There is nobody to send it to, as in KVM. */
static long on_ipi(struct vcpu *vcpu)
{
	(void)vcpu;
	return RESUME;
}

static long on_unexpected(struct vcpu *vcpu)
{
	const struct svmvcpu_run *run = vcpu->dev.run;

	log_at(LOG_REFUSED, "exit %u is not expected", run->reason);
	vcpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu->run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	vcpu->run->internal.ndata = 2;
	vcpu->run->internal.data[0] = run->reason == SVMVCPU_EXIT_UNKNOWN ?
				      run->unknown.code : run->reason;
	vcpu->run->internal.data[1] = 0;
	return LEAVE;
}

/*
 * The library asks for no exit on exceptions, leaves INIT to the kernel, and gets accesses to
 * all ports as IO.
 */
static long (*const handlers[])(struct vcpu *vcpu) = {
	[SVMVCPU_EXIT_NONE] = on_unexpected,
	[SVMVCPU_EXIT_IO] = on_io,
	[SVMVCPU_EXIT_MEMORY_FAULT] = on_memory_fault,
	[SVMVCPU_EXIT_HYPERCALL] = on_hypercall,
	[SVMVCPU_EXIT_MSR_READ] = on_msr_read,
	[SVMVCPU_EXIT_MSR_WRITE] = on_msr_write,
	[SVMVCPU_EXIT_HALT] = on_halt,
	[SVMVCPU_EXIT_SYSTEM_DOWN] = on_unexpected,
	[SVMVCPU_EXIT_SHUTDOWN] = on_shutdown,
	[SVMVCPU_EXIT_EXCEPTION] = on_unexpected,
	[SVMVCPU_EXIT_INTERRUPTED] = on_interrupted,
	[SVMVCPU_EXIT_FAIL_ENTRY] = on_fail_entry,
	[SVMVCPU_EXIT_UNKNOWN] = on_unexpected,
	[SVMVCPU_EXIT_IRQ_WINDOW] = on_irq_window,
	[SVMVCPU_EXIT_MMIO] = on_mmio,
	[SVMVCPU_EXIT_IOAPIC_EOI] = on_eoi,
	[SVMVCPU_EXIT_DEBUG] = on_debug,
	[SVMVCPU_EXIT_IPI] = on_ipi,
	[SVMVCPU_EXIT_TPR] = on_tpr,
};

long exit_handle(struct vcpu *vcpu)
{
	__u32 reason = vcpu->dev.run->reason;

	if (reason >= sizeof(handlers) / sizeof(*handlers))
		return on_unexpected(vcpu);
	return handlers[reason](vcpu);
}
