// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: finishing instructions. The library makes the accesses to the local
 * APIC; those to the I/O APIC, to ROM and to nothing come here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../insn/svmvcpu_insn.h"
#include "finish.h"
#include "vcpuctl.h"

#define VECTOR_DB	1
#define DR6_BS		(1U << 14)

/* what the callbacks need */
struct finish {
	struct machine *m;
	const struct guest *g;
};

static bool is_ioapic(const struct machine *m, __u64 gpa)
{
	return m->apic && gpa >= IOAPIC_GPA && gpa - IOAPIC_GPA < IOAPIC_BYTES;
}

static int finish_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	const struct finish *f = opaque;
	const void *rom = svmvcpu_gpa_to_hva(&f->g->view, gpa, len);
	__u64 value;

	if (is_ioapic(f->m, gpa)) {
		value = ioapic_read(&f->m->ioapic, gpa - IOAPIC_GPA, len);
		memcpy(buf, &value, len);
		return 0;
	}
	if (!rom && !f->m->ignore)
		return svmvcpu_fail(ENXIO, "no memory or device at %#llx", gpa);
	if (rom)
		memcpy(buf, rom, len);
	else
		memset(buf, 0xff, len);
	return 0;
}

/* ROM ignores what is written. */
static int finish_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	const struct finish *f = opaque;
	__u64 value = 0;

	memcpy(&value, buf, len);
	if (is_ioapic(f->m, gpa))
		ioapic_write(&f->m->ioapic, gpa - IOAPIC_GPA, len, value);
	else if (!f->m->ignore && !svmvcpu_gpa_to_hva(&f->g->view, gpa, len))
		return svmvcpu_fail(ENXIO, "no memory or device at %#llx", gpa);
	return 0;
}

static void inject(struct svmvcpu_run *run, unsigned int vector, __u32 error_code,
		   __u64 address)
{
	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | vector;
	run->inject_error = error_code;
	run->inject_address = address;
}

static int execute(struct finish *f, const struct svmvcpu_guest *ram,
		   const struct svmvcpu_info *info, struct svmvcpu_vcpu *vcpu)
{
	struct svmvcpu_emul emul = {
		.guest = ram, .read = finish_read, .write = finish_write, .opaque = f,
		.xstate_size = info->xstate_size, .features = info->features,
	};
	int ret = svmvcpu_vcpu_emulate(vcpu, &emul);

	/* The exit comes first; the guest repeats an instruction that failed. */
	if (ret < 0 && ret != -EBUSY && !emul.exit)
		return STATUS_MEMORY_FAULT;
	if (ret == SVMVCPU_EMUL_FAULT)
		inject(vcpu->run, emul.fault.vector, emul.fault.error_code,
		       emul.fault.address);
	else if (emul.trap)
		inject(vcpu->run, VECTOR_DB, 0, DR6_BS);
	return emul.exit ? FINISH_EXIT : MACHINE_CONTINUE;
}

/* a data access where nothing is mapped, which can be completed without memory */
static bool is_unclaimed(const struct machine *m, const struct svmvcpu_exit_memory *mem)
{
	const __u32 others = SVMVCPU_FAULT_EXEC | SVMVCPU_FAULT_WALK | SVMVCPU_FAULT_USER_MEM |
			     SVMVCPU_FAULT_KERNEL | SVMVCPU_FAULT_LIMIT;

	return m->ignore && !(mem->flags & others);
}

int finish_insn(struct machine *m, const struct guest *g, const struct svmvcpu_info *info,
		struct svmvcpu_vcpu *vcpu)
{
	const struct svmvcpu_exit_memory mem = vcpu->run->memory;
	struct finish f = { .m = m, .g = g };
	struct svmvcpu_memory pieces[MAX_PIECES];
	struct svmvcpu_guest ram = { .mem = pieces };
	unsigned int i;
	int status;

	if (!(mem.flags & SVMVCPU_FAULT_APIC) && !is_ioapic(m, mem.gpa) &&
	    !is_unclaimed(m, &mem))
		return STATUS_MEMORY_FAULT;
	for (i = 0; i < g->view.nr; i++)
		if (g->prot[i] & SVMVCPU_MEM_WRITE)
			pieces[ram.nr++] = g->mem[i];
	status = execute(&f, &ram, info, vcpu);
	if (status == STATUS_MEMORY_FAULT)
		fprintf(stderr, "vcpuctl run: %s\n", svmvcpu_last_error());
	return status;
}
