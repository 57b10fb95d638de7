// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory: an access to guest-physical addresses without a region. If an
 * instruction of the mov family made it, it becomes an access to the local APIC, a write
 * that the kernel completes, or an MMIO exit with address, width and data. All others become
 * MEMORY_FAULT with the instruction's bytes. mmio.c knows what each instruction does.
 */
#include <linux/kernel.h>
#include <linux/mm.h>

#include "exits/exit.h"
#include "insn/mmio.h"
#include "mm/memory.h"
#include "vcpu/apic.h"
#include "vcpu/coalesced.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/*
 * MOVS: read the other operand, or check that it can be written later. @known: it is in
 * memory. If not, both operands may be on devices, which is for user space.
 */
static enum exit_result prepare_other(struct vcpu *vcpu, bool atomic, bool *known)
{
	const struct ginsn *insn = &vcpu->mmio.insn;
	struct mmio_op *op = &vcpu->mmio.op;
	const struct ginsn_mem *mem = mmio_other(op, insn);
	u64 linear;
	enum exit_result ret;

	*known = true;
	if (!mem)
		return EXIT_CONTINUE;
	if (atomic)
		return EXIT_SLEEP;
	ret = guest_operand(vcpu, insn, mem, op->width, !op->write, &linear);
	if (ret)
		return ret;
	if (op->write)
		return guest_copy(vcpu, linear, &op->value, op->width, 0, false);
	ret = guest_copy(vcpu, linear, NULL, op->width, GVA_WRITE, false);
	*known = ret != EXIT_USER;
	return *known ? ret : EXIT_CONTINUE;
}

/* Decode the instruction to vcpu.mmio. @known: the module can complete it. */
static enum exit_result decode_access(struct vcpu *vcpu, u64 gpa, bool write, bool atomic,
				      bool *known)
{
	const struct ginsn *insn = &vcpu->mmio.insn;
	struct mmio_op *op = &vcpu->mmio.op;
	enum exit_result ret;
	u64 linear;
	int err;

	*known = false;
	vcpu->mmio.answered = false;
	ret = guest_decode(vcpu, &vcpu->mmio.insn, atomic);
	if (ret)
		return ret;
	err = mmio_decode(op, insn, vcpu->gprs, write);
	if (err == MMIO_STALE)
		return guest_mismatch(vcpu);
	if (err)
		return EXIT_CONTINUE;
	ret = guest_operand(vcpu, insn, mmio_device(op, insn), op->width, write, &linear);
	if (ret)
		return ret;
	if (offset_in_page(linear) + op->width > PAGE_SIZE)
		return EXIT_CONTINUE;
	/*
	 * The CPU has translated the operand to @gpa and checked the access to this page.
	 * A different offset in the page shows that the instruction has been replaced.
	 */
	if (offset_in_page(linear) != offset_in_page(gpa))
		return guest_mismatch(vcpu);
	vcpu->mismatches = 0;
	return prepare_other(vcpu, atomic, known);
}

/* MOVS from a device: store the value, and keep it while there is no memory for it. */
static enum exit_result store_other(struct vcpu *vcpu, u64 data)
{
	struct vcpu_mmio *mmio = &vcpu->mmio;
	const struct ginsn_mem *mem = mmio_other(&mmio->op, &mmio->insn);
	u64 linear;
	enum exit_result ret;

	if (!mem || mmio->op.write)
		return EXIT_CONTINUE;
	if (!mmio->answered)
		mmio->answer = data;
	mmio->answered = true;
	ret = guest_operand(vcpu, &mmio->insn, mem, mmio->op.width, true, &linear);
	if (ret)
		return ret;
	return guest_copy(vcpu, linear, &mmio->answer, mmio->op.width, GVA_WRITE, false);
}

/* The access has been made: store the value that was read, and complete the instruction. */
static enum exit_result finish_access(struct vcpu *vcpu, u64 data)
{
	const struct vcpu_mmio *mmio = &vcpu->mmio;
	enum exit_result ret = store_other(vcpu, data);

	if (ret)
		return ret;
	/* The next element of a string instruction is an access of its own. */
	if (mmio_complete(&mmio->op, &mmio->insn, vcpu->gprs, vcpu->vmcb->save.rflags, data))
		guest_skip_to(vcpu, guest_rip_after(vcpu, &mmio->insn));
	else
		guest_repeat(vcpu);
	return EXIT_CONTINUE;
}

static enum exit_result complete_mmio(struct vcpu *vcpu, u64 answer, u32 flags)
{
	return flags & SVMVCPU_RUN_RETRY ? EXIT_CONTINUE : finish_access(vcpu, answer);
}

static enum exit_result report_mmio(struct vcpu *vcpu, u64 gpa, bool write)
{
	const struct mmio_op *op = &vcpu->mmio.op;

	exit_set_pending(vcpu, complete_mmio, SVMVCPU_RUN_RETRY, 0);
	vcpu->run->mmio = (struct svmvcpu_exit_mmio) {
		.gpa = gpa, .data = write ? op->value : 0, .width = op->width, .write = write,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_MMIO);
}

/* An access to the register page of the local APIC */
static enum exit_result access_apic(struct vcpu *vcpu, u64 gpa, bool write)
{
	const struct mmio_op op = vcpu->mmio.op;
	u64 data = write ? 0 : apic_page_read(vcpu, gpa, op.width);
	enum exit_result ret = finish_access(vcpu, data);

	if (ret)
		return ret;
	return write ? apic_page_write(vcpu, gpa, op.width, op.value) : EXIT_RESUME;
}

/* In a VM with doorbells or ranges. Out of line, so that access_vmm() need not save registers. */
static noinline enum exit_result write_or_complete(struct vcpu *vcpu, u64 gpa)
{
	const struct mmio_op *op = &vcpu->mmio.op;
	enum exit_result ret;

	if (!vcpu_complete_write(vcpu, gpa, op->width, op->value))
		return vcpu->decode_mmio ? report_mmio(vcpu, gpa, true) : EXIT_CONTINUE;
	ret = finish_access(vcpu, 0);
	return ret ? ret : EXIT_RESUME;
}

static enum exit_result access_vmm(struct vcpu *vcpu, u64 gpa, bool write)
{
	if (write && READ_ONCE(vcpu->vm->completes_writes))
		return write_or_complete(vcpu, gpa);
	return vcpu->decode_mmio ? report_mmio(vcpu, gpa, write) : EXIT_CONTINUE;
}

/* Handle an access without a region, or return EXIT_CONTINUE to report MEMORY_FAULT. */
static enum exit_result access_device(struct vcpu *vcpu, u64 gpa, bool write, bool atomic)
{
	bool apic = apic_owns_page(vcpu, gpa);
	struct mem_region region;
	enum exit_result ret;
	bool known;

	/* A region hides the register page, also from accesses that it does not allow. */
	if (unlikely(apic && !atomic))
		apic = !guest_memory_allows(&vcpu->vm->mem, gpa, 0);
	if (!apic && !vcpu->decode_mmio && !(write && vm_completes_writes_at(vcpu->vm, gpa)))
		return EXIT_CONTINUE;
	if (atomic && region_lookup_atomic(&vcpu->vm->mem, gpa, &region))
		return EXIT_SLEEP;
	ret = decode_access(vcpu, gpa, write, atomic, &known);
	if (ret || !known)
		return ret;
	return apic ? access_apic(vcpu, gpa, write) : access_vmm(vcpu, gpa, write);
}

/* May sleep: map the page, or report why it cannot be mapped. */
static noinline enum exit_result handle_fault(struct vcpu *vcpu, u64 gpa, u64 info, bool device)
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
	if (!err) {
		vcpu_count(vcpu, SVMVCPU_STAT_PAGE_FAULTS);
		return EXIT_RESUME;
	}
	if (device && (err == -ENOENT || err == -EACCES))
		ret = access_device(vcpu, gpa, info & NPF_WRITE, false);
	return ret ? ret : guest_memory_exit(vcpu, err, gpa, 0, flags);
}

/* VMEXIT_NPF. A device access is handled at once; mapping memory may sleep. */
enum exit_result exit_npf(struct vcpu *vcpu, bool atomic)
{
	u64 info = vcpu->vmcb->control.exit_info_1;
	u64 gpa = vcpu->vmcb->control.exit_info_2;
	/* If an event is being delivered, the instruction at RIP has not caused the fault. */
	bool device = !vcpu->event && !(info & (NPF_FETCH | NPF_WALK));
	enum exit_result ret;

	if (!atomic)
		return handle_fault(vcpu, gpa, info, device);
	ret = device ? access_device(vcpu, gpa, info & NPF_WRITE, true) : EXIT_SLEEP;
	return ret == EXIT_CONTINUE ? EXIT_SLEEP : ret;
}
