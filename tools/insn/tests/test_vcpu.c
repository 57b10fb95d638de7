// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: completion of an instruction on a vCPU whose ioctls are simulated here.
 */
#include <stdarg.h>
#include <sys/ioctl.h>

#include "test_machine.h"

/* A vCPU whose state is here, and which has a local APIC at DEVICE */
static struct {
	struct svmvcpu_state state;
	unsigned int accesses;
	u64 set;		/* components of the last SET_STATE */
	int set_error;
} fake;

static int fake_get(struct svmvcpu_state *out)
{
	out->segments = fake.state.segments;
	out->control = fake.state.control;
	if (out->components & SVMVCPU_STATE_EVENTS)
		out->events = fake.state.events;
	out->lapic = fake.state.lapic;
	return 0;
}

static int fake_set(const struct svmvcpu_state *in)
{
	errno = fake.set_error;
	if (errno)
		return -1;
	fake.set |= in->components;
	if (in->components & SVMVCPU_STATE_EVENTS)
		fake.state.events = in->events;
	return 0;
}

/* A write to ICR is an NMI for itself, one to EOI an exit. */
static int fake_access(struct svmvcpu_apic_access *access)
{
	fake.accesses++;
	if (!(access->flags & SVMVCPU_APIC_WRITE))
		return 0;
	if (access->offset == 0x300)
		fake.state.events.nmis = 1;
	else if (access->offset == 0xb0)
		access->exit = SVMVCPU_EXIT_IOAPIC_EOI;
	return 0;
}

/* In place of the C library's */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (request == SVMVCPU_GET_STATE)
		return fake_get(arg);
	if (request == SVMVCPU_SET_STATE)
		return fake_set(arg);
	return fake_access(arg);
}

/* xchg [ebx + offset], eax in the shadow of STI; returns what the library does. */
static int run_fake(struct svmvcpu_run *page, u32 offset, int set_error)
{
	struct svmvcpu_vcpu vcpu = { .fd = 1, .run = page };

	set_up();
	memset(&fake, 0, sizeof(fake));
	fake.state.segments = segments;
	fake.state.control = control;
	fake.state.events.shadow = 1;
	fake.state.lapic.base = DEVICE | 0x900;
	fake.set_error = set_error;
	memset(page, 0, sizeof(*page));
	page->reason = SVMVCPU_EXIT_MEMORY_FAULT;
	page->memory.flags = SVMVCPU_FAULT_APIC;
	page->memory.gpa = DEVICE + offset;
	page->memory.insn_len = 6;
	memcpy(page->memory.insn, (u8 [6]) { 0x87, 0x83, offset, offset >> 8 }, 6);
	page->gprs = gprs;
	page->gprs.rax = 0x1234;
	page->gprs.rflags |= FLAG_TF;
	return svmvcpu_vcpu_emulate(&vcpu, &emul);
}

static void test_vcpu_state(void)
{
	struct svmvcpu_run *page = calloc(1, sizeof(*page));

	if (!page)
		abort();
	OK(!run_fake(page, 0x300, 0) && fake.accesses == 2 && emul.trap &&
	   page->gprs.rip == 0x106 && !page->gprs.rax &&
	   (page->in_flags & SVMVCPU_RUN_SET_GPRS), "xchg with ICR");
	OK(fake.set == SVMVCPU_STATE_EVENTS && !fake.state.events.shadow &&
	   fake.state.events.nmis == 1, "ends the shadow, and leaves the NMI that it sent");
	OK(run_fake(page, 0xb0, ENOMEM) == -ENOMEM && fake.accesses == 2 &&
	   page->gprs.rip == 0x100 && page->gprs.rax == 0x1234 && !page->in_flags && !emul.trap,
	   "SET_STATE fails: the registers are as before");
	OK(emul.exit == SVMVCPU_EXIT_IOAPIC_EOI, "and the exit is reported");
	free(page);
}

static void test_vcpu(void)
{
	struct svmvcpu_run *page = calloc(1, sizeof(*page));
	struct svmvcpu_vcpu vcpu = { .fd = -1, .run = page };

	if (!page)
		abort();
	set_up();
	page->reason = SVMVCPU_EXIT_HALT;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "not a memory fault");
	page->reason = SVMVCPU_EXIT_MEMORY_FAULT;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "without bytes");
	page->memory.insn_len = 200;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "with too many");
	page->memory.insn_len = 2;
	page->memory.flags = SVMVCPU_FAULT_EXEC;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "an instruction fetch");
	page->memory.flags = SVMVCPU_FAULT_WALK;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "a page table");
	page->memory.flags = 0;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -EBADF && !page->in_flags,
	   "a vCPU whose state cannot be read");
	free(page);
}

int main(void)
{
	test_vcpu_state();
	test_vcpu();
	return tap_done();
}
