// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 *
 * RESTORE and the vCPUs: each component of the state is restored bit by bit, and so are
 * state outside of all components, the run page and the clocks.
 */
#include "guest_apic.h"
#include "guest_thread.h"

#define ALL	0xffULL

FIXTURE(snap) {
	struct test_vm vm;
};

FIXTURE_SETUP(snap)
{
	vm_open(&self->vm);
	ASSERT_EQ(ALL, self->vm.info.components);
}

VM_TEARDOWN(snap)

static int snapshot(struct test_vm *vm)
{
	return -svmvcpu_vm_snapshot(vm->vm, 0);
}

static int restore(struct test_vm *vm)
{
	return -svmvcpu_vm_restore(vm->vm, NULL);
}

/* Other contents of all registers */
GUEST64(change,
	"in $0x60, %al\n"
	"mov $0xc0000081, %ecx\n 1: mov %ecx, %eax\n mov $0x23, %edx\n wrmsr\n"
	"inc %ecx\n cmp $0xc0000084, %ecx\n jbe 1b\n"
	"mov $0xc0000100, %ecx\n 1: mov %ecx, %eax\n xor %edx, %edx\n wrmsr\n"
	"inc %ecx\n cmp $0xc0000103, %ecx\n jbe 1b\n"
	"mov $0x174, %ecx\n 1: mov %ecx, %eax\n xor %edx, %edx\n wrmsr\n"
	"inc %ecx\n cmp $0x176, %ecx\n jbe 1b\n"
	"mov $0x277, %ecx\n mov $0x04040404, %eax\n mov $0x06060606, %edx\n wrmsr\n"
	"mov $0x10, %ecx\n xor %eax, %eax\n mov $0x7000, %edx\n wrmsr\n"
	"mov $0x5000, %eax\n mov %rax, %cr2\n"
	"mov $5, %eax\n mov %rax, %cr8\n"
	"mov %cr4, %rax\n or $0x80, %eax\n mov %rax, %cr4\n"
	"mov %cr0, %rax\n or $0x10000, %eax\n mov %rax, %cr0\n"
	"mov $0x1000, %eax\n mov %rax, %dr0\n mov %rax, %dr1\n mov %rax, %dr2\n"
	"mov %rax, %dr3\n mov $4, %eax\n mov %rax, %dr6\n mov $0x700, %eax\n mov %rax, %dr7\n"
	"sub $16, %rsp\n movw $0x7f, (%rsp)\n lgdt (%rsp)\n lidt (%rsp)\n"
	"xor %eax, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %fs\n mov %eax, %gs\n"
	"lldt %ax\n"
	"fld1\n fldz\n movl $0x1fa0, (%rsp)\n ldmxcsr (%rsp)\n"
	"pcmpeqd %xmm0, %xmm0\n movdqa %xmm0, %xmm5\n movdqa %xmm0, %xmm15\n"
	"mov $-1, %rax\n mov %rax, %rbx\n mov %rax, %rcx\n mov %rax, %rdx\n mov %rax, %rsi\n"
	"mov %rax, %rdi\n mov %rax, %rbp\n mov %rax, %r8\n mov %rax, %r9\n mov %rax, %r10\n"
	"mov %rax, %r11\n mov %rax, %r12\n mov %rax, %r13\n mov %rax, %r14\n mov %rax, %r15\n"
	"std\n sti\n"
	"vmmcall\n out %al, $0x10");

/* A guest in the middle of its work: no register has the value that SETUP gave it. */
static void odd_state(struct test_vm *vm, struct svmvcpu_state *state)
{
	unsigned int i;

	vm_get_state(vm, state);
	for (i = 0; i < 16; i++)
		(&state->gprs.rax)[i] = 0x0101010101010101ULL * (i + 1);
	state->gprs.rsp = TEST_STACK;
	state->segments.fs.base = 0x1111;
	state->segments.gs.base = 0xffff800000002222;
	state->control.cr2 = 0xffff800012345678;
	state->control.cr8 = 3;
	state->debug.db[0] = 0x1234;
	state->debug.db[3] = 0x5678;
	state->debug.dr6 = 0xffff4ff0;
	state->msrs.star = 0x0023001000000000;
	state->msrs.lstar = 0xffff800000000000;
	state->msrs.cstar = 0x1000;
	state->msrs.sfmask = 0x700;
	state->msrs.kernel_gs_base = 0x7fff00000000;
	state->msrs.sysenter_cs = 8;
	state->msrs.sysenter_esp = 0x9000;
	state->msrs.sysenter_eip = 0xa000;
	state->msrs.pat = 0x0706050400010406;
	state->msrs.tsc = 0x100000000000;
	for (i = 160; i < 416; i++)
		vm->xstate[i] = i * 7;
	if (svmvcpu_vcpu_set_state(&vm->vcpu, ALL, state))
		vm_die("SET_STATE");
}

/* Except the clock */
static bool same(const struct svmvcpu_state *a, const struct svmvcpu_state *b)
{
	struct svmvcpu_state copy = *a;

	copy.msrs.tsc = b->msrs.tsc;
	return !memcmp(&copy, b, sizeof(copy));
}

TEST_F(snap, every_component)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state before, after, changed;
	unsigned char xstate[sizeof(vm->xstate)];
	__u64 ticks, since;
	unsigned int round;

	/* The emulated CPUs' clocks differ. */
	ASSERT_EQ(0, pin_to_cpu(0));
	load_guest(vm, change);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	odd_state(vm, &before);
	RUN_EXPECT(vm, IO);
	ticks = __builtin_ia32_rdtsc();
	vm_get_state(vm, &before);
	memcpy(xstate, vm->xstate, sizeof(xstate));
	ASSERT_EQ(0, snapshot(vm));
	ticks = __builtin_ia32_rdtsc() - ticks;
	for (round = 0; round < 3; round++) {
		RUN_EXPECT(vm, HYPERCALL);
		vm_get_state(vm, &changed);
		EXPECT_NE(0, memcmp(&before.gprs, &changed.gprs, sizeof(before.gprs)));
		EXPECT_NE(0, memcmp(&before.msrs, &changed.msrs, sizeof(before.msrs)));
		EXPECT_NE(0, memcmp(&before.debug, &changed.debug, sizeof(before.debug)));
		EXPECT_NE(0, memcmp(&before.control, &changed.control, sizeof(before.control)));
		EXPECT_NE(0, memcmp(&before.segments, &changed.segments,
				    sizeof(before.segments)));
		EXPECT_NE(0, memcmp(xstate, vm->xstate, vm->info.xstate_size));
		EXPECT_LT(before.msrs.tsc, changed.msrs.tsc);
		since = __builtin_ia32_rdtsc();
		ASSERT_EQ(0, restore(vm));
		vm_get_state(vm, &after);
		since = __builtin_ia32_rdtsc() - since;
		/*
		 * The clock continues from its value at the snapshot: it shows only the
		 * time since RESTORE.
		 */
		EXPECT_LE(before.msrs.tsc, after.msrs.tsc);
		EXPECT_GE(before.msrs.tsc + ticks + since, after.msrs.tsc);
		EXPECT_TRUE(same(&before, &after));
		EXPECT_EQ(0, memcmp(xstate, vm->xstate, vm->info.xstate_size));
	}
}

GUEST32(ask,
	"in $0x60, %al\n"
	"out %al, $0x61\n"
	"hlt");

/* The exit at the snapshot is pending again, and the run page shows it. */
TEST_F(snap, question)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_run before;
	unsigned int i;

	load_guest(vm, ask);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, IO);
	before = *vm->run;
	ASSERT_EQ(0, snapshot(vm));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(SVMVCPU_EXIT_IO, vm->run->reason);
		ASSERT_EQ(0x60, vm->run->io.port);
		ASSERT_TRUE(vm->run->io.flags & SVMVCPU_IO_IN);
		EXPECT_EQ(0, memcmp(&before.gprs, &vm->run->gprs, sizeof(before.gprs)));
		vm->run->answer = 0x30 + i;
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(0x61, vm->run->io.port);
		EXPECT_EQ(0x30 + i, vm->run->io.data);
		if (i % 2)
			RUN_EXPECT(vm, HALT);
		ASSERT_EQ(0, restore(vm));
		EXPECT_LT(before.exits, vm->run->exits);
	}
}

/* Pending events, and one that was injected since */
TEST_F(snap, events)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state before, after;

	load_guest(vm, ask);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	vm_get_state(vm, &before);
	before.events.irq = SVMVCPU_INJECT_VALID | 0x40;
	before.events.nmis = 1;
	before.events.nmi_masked = 1;
	before.events.shadow = 1;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, ALL, &before));
	vm_get_state(vm, &before);
	ASSERT_EQ(0, snapshot(vm));

	before.events.irq = 0;
	before.events.nmis = 0;
	before.events.nmi_masked = 0;
	before.events.shadow = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &before));
	ASSERT_EQ(0, restore(vm));
	vm_get_state(vm, &after);
	EXPECT_EQ(SVMVCPU_INJECT_VALID | 0x40, after.events.irq);
	EXPECT_EQ(1, after.events.nmis);
	EXPECT_EQ(1, after.events.nmi_masked);
	EXPECT_EQ(1, after.events.shadow);
}

GUEST32(ready, "sti\n 1: out %al, $0x10\n jmp 1b");

/*
 * An interrupt that is pending in a guest that cannot be entered is not part of the
 * snapshot. (The guest's IDT is empty: it would not survive one.)
 */
TEST_F(snap, event_of_no_entry)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	unsigned int i;

	load_guest(vm, ready);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	for (i = 0; i < 3; i++)
		RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, snapshot(vm));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_CONTROL, &state));
		/* paging without protection */
		state.control.cr0 = (state.control.cr0 | 1U << 31) & ~1ULL;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_CONTROL, &state));
		vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 33;
		RUN_EXPECT(vm, FAIL_ENTRY);
		ASSERT_EQ(0, restore(vm));
		RUN_EXPECT(vm, IO);
		RUN_EXPECT(vm, IO);
	}
}

GUEST32(triple, "out %al, $0x10\n lidt 0x9000\n ud2");

/* RESTORE revives a vCPU that shut down. */
TEST_F(snap, after_shutdown)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	load_guest(vm, triple);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, snapshot(vm));
	for (i = 0; i < 3; i++) {
		RUN_EXPECT(vm, SHUTDOWN);
		EXPECT_EQ(EBADFD, vm_run(vm));
		ASSERT_EQ(0, restore(vm));
		EXPECT_EQ(SVMVCPU_EXIT_IO, vm->run->reason);
	}
}

/* A kick is not part of the state, and neither are the VMM's settings. */
TEST_F(snap, not_the_vmms)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, snapshot(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	ASSERT_EQ(0, restore(vm));
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(SVMVCPU_BY_KICK, vm->run->interrupted.by);

	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1 << 6));
	memcpy(vm->mem + TEST_CODE, "\x0f\x0b", 2);
	ASSERT_EQ(0, restore(vm));
	RUN_EXPECT(vm, EXCEPTION);
}

/* Two vCPUs are restored together; their clocks agree as before. */
TEST_F(snap, several)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state a = { }, b = { };
	struct svmvcpu_vcpu other, late;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .stack = TEST_STACK,
	};
	unsigned int i;

	ASSERT_EQ(0, pin_to_cpu(0));
	load_guest(vm, ask);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &other));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&other, &setup));
	ASSERT_EQ(0, snapshot(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 2, &vm->info, &late));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&late, &setup));
	for (i = 0; i < 3; i++) {
		RUN_EXPECT(vm, IO);
		ASSERT_EQ(0, svmvcpu_vcpu_run(&other));
		ASSERT_EQ(SVMVCPU_EXIT_IO, other.run->reason);
		usleep(20000);
		ASSERT_EQ(0, restore(vm));
		ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS |
						    SVMVCPU_STATE_MSRS, &a));
		ASSERT_EQ(0, svmvcpu_vcpu_get_state(&other, SVMVCPU_STATE_GPRS |
						    SVMVCPU_STATE_MSRS, &b));
		EXPECT_EQ(TEST_CODE, a.gprs.rip);
		EXPECT_EQ(TEST_CODE, b.gprs.rip);
		EXPECT_LE(a.msrs.tsc, b.msrs.tsc);
	}
	/* A vCPU created later is left alone, a closed one is no error. */
	ASSERT_EQ(0, svmvcpu_vcpu_run(&late));
	ASSERT_EQ(0, restore(vm));
	EXPECT_EQ(SVMVCPU_EXIT_IO, late.run->reason);
	/* After SETUP it has the clock of the others, which was restored. */
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_MSRS, &a));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&late, &setup));
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&late, SVMVCPU_STATE_MSRS, &b));
	EXPECT_LE(a.msrs.tsc, b.msrs.tsc);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_MSRS, &a));
	EXPECT_LE(b.msrs.tsc, a.msrs.tsc);
	svmvcpu_vcpu_close(&other);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, restore(vm));
	svmvcpu_vcpu_close(&late);
	ASSERT_EQ(0, restore(vm));
}

TEST_F(snap, busy)
{
	struct test_vm *vm = &self->vm;
	struct guest_thread gt;

	ASSERT_EQ(0, snapshot(vm));
	START_GUEST(&gt, vm, spin);
	ASSERT_TRUE(guest_beats(vm));
	EXPECT_EQ(EBUSY, restore(vm));
	EXPECT_EQ(EBUSY, snapshot(vm));
	/* These two do not need the vCPUs to stop. */
	EXPECT_EQ(0, svmvcpu_vm_preserve(vm->vm, &(struct svmvcpu_range) { 0, PAGE }, 1));
	EXPECT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	ASSERT_TRUE(guest_beats(vm));
	guest_thread_stop(&gt);
	EXPECT_EQ(0, snapshot(vm));
	EXPECT_EQ(0, restore(vm));
}

/* The maximum number of vCPUs */
TEST_F(snap, all_vcpus)
{
	struct test_vm *vm = &self->vm;
	static struct svmvcpu_vcpu vcpus[64];
	unsigned int i;

	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	for (i = 1; i < vm->info.max_vcpus && i < 64; i++)
		ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, i, &vm->info, &vcpus[i]));
	EXPECT_EQ(0, snapshot(vm));
	EXPECT_EQ(0, restore(vm));
	while (--i)
		svmvcpu_vcpu_close(&vcpus[i]);
	EXPECT_EQ(0, restore(vm));
}

X2APIC_FIXTURE(apic)

/* The registers, a running timer, and messages posted since */
TEST_F(apic, state_and_timer)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_message message = { .dest = 0, .vector = 0x55 };
	struct svmvcpu_state before, after;
	unsigned int i;

	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TDCR, 0xb));
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_LVT_TIMER, 0xe0));
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TMICT, 4000000000U));
	vm_get_state(vm, &before);
	ASSERT_NE(0U, before.lapic.timer_remaining);
	ASSERT_EQ(0, snapshot(vm));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x30));
		ASSERT_EQ(FINISHED, x2_write(vm, APIC_LVT_TIMER, 0x10000));
		ASSERT_EQ(1, svmvcpu_vm_message(vm->vm, &message));
		usleep(50000);
		ASSERT_EQ(0, restore(vm));
		vm_get_state(vm, &after);
		EXPECT_GE(before.lapic.timer_remaining, after.lapic.timer_remaining);
		EXPECT_LT(before.lapic.timer_remaining - 2000000000U, after.lapic.timer_remaining);
		after.lapic.timer_remaining = before.lapic.timer_remaining;
		after.lapic.regs[0x39] = before.lapic.regs[0x39];
		EXPECT_EQ(0, memcmp(&before.lapic, &after.lapic, sizeof(after.lapic)));
	}
}

#define TIMER_NS	100000000

/* It fires in each round, as late as in the first. */
TEST_F(apic, timer_goes_off)
{
	struct test_vm *vm = &self->vm;
	__u64 begin;
	__s64 left;
	unsigned int i;

	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TDCR, 0xb));
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_LVT_TIMER, 0xe0));
	begin = now_ns();
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TMICT, TIMER_NS));
	ASSERT_EQ(0, snapshot(vm));
	/* at least; a part has passed at the snapshot */
	left = TIMER_NS - (now_ns() - begin);
	for (i = 0; i < 3; i++) {
		apic_start(vm, CODE("\xfb\xf4"));
		EXPECT_EQ(0xe0, apic_run(vm));
		EXPECT_LE(i ? left : TIMER_NS, (__s64)(now_ns() - begin));
		begin = now_ns();
		ASSERT_EQ(0, restore(vm));
	}
}

TEST_HARNESS_MAIN
