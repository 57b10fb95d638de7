// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that vcpuctl completes, on a vCPU whose ioctls are simulated here */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "finish.h"
#include "tap.h"
#include "vcpuctl.h"

#define APIC		0xfee00000ULL
#define EOI		0xb0
#define TPR		0x80
#define FLAT_CODE	0xc9b
#define FLAT_DATA	0xc93

static int set_error;
static unsigned int accesses;

static int get_state(struct svmvcpu_state *state)
{
	const struct svmvcpu_segment data = { .limit = ~0U, .attrib = FLAT_DATA };

	state->segments = (struct svmvcpu_segments){
		.es = data, .ss = data, .ds = data, .fs = data, .gs = data,
		.cs = { .limit = ~0U, .attrib = FLAT_CODE },
	};
	state->control.cr0 = 1;
	state->events.shadow = 1;
	state->lapic.base = APIC | 0x900;
	return 0;
}

static int set_state(void)
{
	errno = set_error;
	return errno ? -1 : 0;
}

static int apic_access(struct svmvcpu_apic_access *access)
{
	accesses++;
	if (access->offset == EOI && (access->flags & SVMVCPU_APIC_WRITE))
		access->exit = SVMVCPU_EXIT_IOAPIC_EOI;
	return 0;
}

/* Replaces the C library's */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	(void)fd;
	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (request == SVMVCPU_GET_STATE)
		return get_state(arg);
	if (request == SVMVCPU_SET_STATE)
		return set_state();
	return apic_access(arg);
}

/* xchg [ebx], eax with this address */
static int finish_at(struct machine *m, struct svmvcpu_run *run, __u64 gpa, __u32 flags)
{
	const struct guest g = { .lapic = true };
	const struct svmvcpu_info info = { 0 };
	struct svmvcpu_vcpu vcpu = { .run = run };

	accesses = 0;
	memset(run, 0, sizeof(*run));
	run->reason = SVMVCPU_EXIT_MEMORY_FAULT;
	run->memory.flags = flags;
	run->memory.gpa = gpa;
	run->memory.insn_len = 2;
	memcpy(run->memory.insn, "\x87\x03", 2);
	run->gprs.rbx = gpa;
	run->gprs.rip = 0x100;
	run->gprs.rflags = 2;
	return finish_insn(m, &g, &info, &vcpu);
}

/* the same with a register of the local APIC */
static int finish(struct svmvcpu_run *run, unsigned int reg, int error)
{
	static struct machine m = { .apic = true };

	set_error = error;
	return finish_at(&m, run, APIC + reg, SVMVCPU_FAULT_APIC);
}

static void test_unclaimed(void)
{
	struct machine m = { .apic = true };
	struct svmvcpu_run run;

	set_error = 0;
	OK(finish_at(&m, &run, 0xfed80000, 0) == STATUS_MEMORY_FAULT && run.gprs.rip == 0x100,
	   "an address where nothing is");
	m.ignore = true;
	OK(finish_at(&m, &run, 0xfed80000, 0) == MACHINE_CONTINUE && run.gprs.rip == 0x102 &&
	   run.gprs.rax == 0xffffffff, "reads as ones if it is to be ignored");
	OK(finish_at(&m, &run, 0xfed80000, SVMVCPU_FAULT_WALK) == STATUS_MEMORY_FAULT &&
	   finish_at(&m, &run, 0xfed80000, SVMVCPU_FAULT_EXEC) == STATUS_MEMORY_FAULT,
	   "but is no page table, and no code");
}

int main(void)
{
	struct svmvcpu_run run;

	OK(finish(&run, TPR, 0) == MACHINE_CONTINUE && accesses == 2 && run.gprs.rip == 0x102,
	   "the instruction is finished");
	OK(finish(&run, EOI, 0) == FINISH_EXIT && run.gprs.rip == 0x102,
	   "an instruction that ends in an exit");
	OK(finish(&run, EOI, ENOMEM) == FINISH_EXIT && run.gprs.rip == 0x100,
	   "an instruction that fails after an exit: the exit comes first");
	OK(finish(&run, TPR, ENOMEM) == STATUS_MEMORY_FAULT && run.gprs.rip == 0x100,
	   "an instruction that fails without an exit");
	test_unclaimed();
	return tap_done();
}
