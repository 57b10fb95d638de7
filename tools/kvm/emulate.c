// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: instructions that access memory of a device and that the kernel does not
 * decode. libsvmvcpu-insn executes them, and each access to a device is an exit for the
 * program. After it the instruction is executed again from the start, with the results of
 * earlier accesses, until none is missing; nothing else has happened to the guest then.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "log.h"
#include "svmvcpu_insn.h"
#include "vcpu.h"
#include "vm.h"

#define VECTOR_DB	1
#define DR6_STEP	(1ULL << 14)

/* --- accesses ------------------------------------------------------------- */

static bool same(const struct access *a, const struct access *b)
{
	return a->kind == b->kind && a->address == b->address && a->len == b->len;
}

/*
 * The result of @want, if it has been made before; -EAGAIN if the program must make it.
 * Another vCPU may have changed the instruction or its operands: then they start again.
 */
static int replay_access(struct replay *replay, struct access *want)
{
	struct access *made = &replay->access[replay->next];

	if (replay->next >= MAX_ACCESSES)
		return -ENOTSUP;
	if (replay->next++ >= replay->nr) {
		*made = *want;
		return -EAGAIN;
	}
	if (!same(made, want))
		return -EBUSY;
	want->data = made->data;
	return 0;
}

/* Memory that the guest may read, but not write, is a device for writes only. */
static void *memory_at(struct vcpu *vcpu, __u64 gpa, size_t len)
{
	return svmvcpu_gpa_to_hva(&vcpu->vm->slots.guest, gpa, len);
}

static int emulate_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	struct access want = { .kind = ACCESS_READ, .address = gpa, .len = len };
	struct vcpu *vcpu = opaque;
	const void *memory = memory_at(vcpu, gpa, len);
	int err;

	if (memory) {
		memcpy(buf, memory, len);
		return 0;
	}
	err = replay_access(&vcpu->replay, &want);
	if (!err)
		memcpy(buf, &want.data, len);
	return err;
}

static int emulate_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	struct access want = { .kind = ACCESS_WRITE, .address = gpa, .len = len };
	struct vcpu *vcpu = opaque;

	memcpy(&want.data, buf, len);
	return replay_access(&vcpu->replay, &want);
}

static int emulate_in(void *opaque, __u16 port, unsigned int width, __u32 *value)
{
	struct access want = { .kind = ACCESS_IN, .address = port, .len = width };
	struct vcpu *vcpu = opaque;
	int err = replay_access(&vcpu->replay, &want);

	*value = want.data;
	return err;
}

static int emulate_out(void *opaque, __u16 port, unsigned int width, __u32 value)
{
	struct access want = {
		.kind = ACCESS_OUT, .address = port, .len = width, .data = value,
	};
	struct vcpu *vcpu = opaque;

	return replay_access(&vcpu->replay, &want);
}

static void emulate_wrote(void *opaque, __u64 gpa, size_t len)
{
	struct vcpu *vcpu = opaque;

	(void)len;
	slots_wrote(&vcpu->vm->slots, gpa);
}

/* --- the program's part --------------------------------------------------- */

/* The program has made the access that was missing. */
static long complete_access(struct vcpu *vcpu)
{
	struct access *access = &vcpu->replay.access[vcpu->replay.nr++];

	access->data = 0;
	if (access->kind == ACCESS_READ)
		memcpy(&access->data, vcpu->run->mmio.data, access->len);
	else if (access->kind == ACCESS_IN)
		memcpy(&access->data, (char *)vcpu->run + IO_DATA_OFFSET, access->len);
	return emulate(vcpu);
}

static long let_program_access(struct vcpu *vcpu)
{
	const struct access *access = &vcpu->replay.access[vcpu->replay.nr];

	if (access->kind == ACCESS_READ || access->kind == ACCESS_WRITE)
		exit_mmio(vcpu, access);
	else
		exit_io(vcpu, access);
	vcpu->complete = complete_access;
	return LEAVE;
}

/* --- the instruction ------------------------------------------------------ */

/* KVM_EXIT_INTERNAL_ERROR with the bytes, as KVM does it */
static long fail(struct vcpu *vcpu)
{
	const struct svmvcpu_exit_memory *memory = &vcpu->dev.run->memory;
	struct kvm_run *run = vcpu->run;

	log_at(LOG_REFUSED, "an instruction at %#llx cannot be executed: %s",
	       vcpu->dev.run->gprs.rip, svmvcpu_last_error());
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 1;
	if (memory->insn_len && memory->insn_len <= sizeof(memory->insn)) {
		run->emulation_failure.ndata = 3;
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = memory->insn_len;
		memcpy(run->emulation_failure.insn_bytes, memory->insn, memory->insn_len);
	}
	return LEAVE;
}

static void inject(struct vcpu *vcpu, unsigned int vector, __u32 error, __u64 address)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | vector;
	run->inject_error = error;
	run->inject_address = address;
}

static int execute(struct vcpu *vcpu, struct svmvcpu_emul *emul)
{
	int ret;

	pthread_rwlock_rdlock(&vcpu->vm->slots.lock);
	vcpu->replay.next = 0;
	ret = svmvcpu_vcpu_emulate(&vcpu->dev, emul);
	pthread_rwlock_unlock(&vcpu->vm->slots.lock);
	return ret;
}

/* An access to the local APIC may end in an exit of its own, which follows. */
static long finish(struct vcpu *vcpu, const struct svmvcpu_emul *emul)
{
	if (emul->trap)
		inject(vcpu, VECTOR_DB, 0, DR6_STEP);
	return emul->exit ? exit_handle(vcpu) : RESUME;
}

long emulate(struct vcpu *vcpu)
{
	struct svmvcpu_emul emul = {
		.guest = &vcpu->vm->slots.guest,
		.phys_bits = vcpu->vm->info.gpa_bits,
		.features = vcpu->vm->info.features,
		.max_elements = 1,
		.read = emulate_read,
		.write = emulate_write,
		.in = emulate_in,
		.out = emulate_out,
		.wrote = emulate_wrote,
		.opaque = vcpu,
		.xstate_size = vcpu->vm->info.xstate_size,
	};
	int ret = execute(vcpu, &emul);

	if (ret == -EAGAIN)
		return let_program_access(vcpu);
	vcpu->replay.nr = 0;
	switch (ret) {
	case 0:
		return finish(vcpu, &emul);
	case SVMVCPU_EMUL_FAULT:
		inject(vcpu, emul.fault.vector, emul.fault.error_code, emul.fault.address);
		return RESUME;
	case -EBUSY:
		return RESUME;
	}
	return fail(vcpu);
}
