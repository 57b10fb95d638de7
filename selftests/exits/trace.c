// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: a guest's entries and exits and the exits that RUN returned, in their
 * order; none when they are off. And, with kprobes, the XCR0 that host interrupts find.
 *
 * emulator: qemu, Bochs: its kernel, for speed, has no tracing
 */
#include "guest_idt.h"
#include "tracefs.h"

#define ENABLE		TRACEFS "events/svmvcpu/enable"

FIXTURE(trace) {
	struct test_vm vm;
	char text[1 << 18];
};

FIXTURE_SETUP(trace)
{
	vm_open(&self->vm);
	put_file(TRACEFS "tracing_on", "1");
	put_file(TRACEFS "trace", "\n");
}

FIXTURE_TEARDOWN(trace)
{
	put_file(ENABLE, "0");
	put_file(TRACEFS "trace", "\n");
	vm_close(&self->vm);
}

GUEST64(three,
	"cpuid\n"		/* 0x1000 */
	"out %al, $0x80\n"
	"hlt");

static int run_guest(struct test_vm *vm)
{
	load_guest(vm, three);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_IO)
		return 1;
	return vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HALT;
}

TEST_F(trace, in_order)
{
	static const char * const lines[] = {
		"svmvcpu_entry: vcpu 0 rip 0x1000 event 0x0\n",
		"svmvcpu_exit: vcpu 0 code 0x72 rip 0x1000 ",
		"svmvcpu_entry: vcpu 0 rip 0x1002 event 0x0\n",
		"svmvcpu_exit: vcpu 0 code 0x7b rip 0x1002 info1 0x80",
		"svmvcpu_user: vcpu 0 reason io direction 0x0 port 0x80 width 0x1 ",
		"svmvcpu_entry: vcpu 0 rip 0x1004 event 0x0\n",
		"svmvcpu_exit: vcpu 0 code 0x78 rip 0x1004 ",
		"svmvcpu_user: vcpu 0 reason halt\n",
	};
	const char *at = self->text;
	unsigned int i;

	put_file(ENABLE, "1");
	ASSERT_EQ(0, run_guest(&self->vm));
	put_file(ENABLE, "0");
	read_trace(self->text, sizeof(self->text));
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		at = strstr(at, lines[i]);
		ASSERT_NE(NULL, at)
			TH_LOG("missing: %s in\n%s", lines[i], self->text);
	}
}

GUEST64(payloads,
	"mov $0x41, %eax\n"
	"out %al, $0x80\n"
	"mov $1, %edi\n"
	"xor %esi, %esi\n"
	"mov $2, %edx\n"
	"xor %ecx, %ecx\n"
	"xor %r8d, %r8d\n"
	"xor %r9d, %r9d\n"
	"vmmcall\n"
	"xor %edx, %edx\n"
	"mov $0x12345, %ecx\n"
	"wrmsr\n"
	"ud2");

/* The trace has the payload, under the names of the library. */
TEST_F(trace, payload)
{
	static const unsigned int reasons[] = {
		SVMVCPU_EXIT_IO, SVMVCPU_EXIT_HYPERCALL, SVMVCPU_EXIT_MSR_WRITE,
		SVMVCPU_EXIT_EXCEPTION,
	};
	static const char * const lines[] = {
		"svmvcpu_user: vcpu 0 reason io direction 0x0 port 0x80 width 0x1 count 0x1 data 0x41\n",
		"svmvcpu_user: vcpu 0 reason hypercall nr 0x41 args 0x1 0x0 0x2\n",
		"svmvcpu_user: vcpu 0 reason msr-write msr 0x12345 value 0x0\n",
		"svmvcpu_user: vcpu 0 reason exception vector 0x6 exception 0x6 error_code 0x0 address 0x0\n",
	};
	struct svmvcpu_exits exits = { .size = sizeof(exits), .exceptions = 1 << 6 };
	const char *at = self->text;
	unsigned int i;

	load_guest(&self->vm, payloads);
	vm_setup(&self->vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, ioctl(self->vm.vcpu.fd, SVMVCPU_SET_EXITS, &exits));
	put_file(ENABLE, "1");
	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		ASSERT_EQ(0, vm_run(&self->vm));
		ASSERT_EQ(reasons[i], self->vm.run->reason);
	}
	put_file(ENABLE, "0");
	read_trace(self->text, sizeof(self->text));
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		at = strstr(at, lines[i]);
		ASSERT_NE(NULL, at)
			TH_LOG("missing: %s in\n%s", lines[i], self->text);
	}
}

TEST_F(trace, off)
{
	ASSERT_EQ(0, run_guest(&self->vm));
	read_trace(self->text, sizeof(self->text));
	EXPECT_EQ(NULL, strstr(self->text, "svmvcpu"));
}

#define KPROBES		TRACEFS "kprobe_events"
#define TIMER		TRACEFS "events/irq_vectors/local_timer_entry/enable"
#define CR4_OSXSAVE	(1ULL << 18)

GUEST64(spin, "1: jmp 1b");

/* A guest with its own XCR0, for several ticks of the host's timer */
static int spin_with_xcr0(struct test_vm *vm)
{
	struct svmvcpu_state state;

	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	vm_get_state(vm, &state);
	state.control.cr4 |= CR4_OSXSAVE;
	state.xcr0 = 1;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_XSTATE);
	vm->run->deadline_ns = now_ns() + 300000000;
	return vm_run(vm);
}

/* Ticks that found the host's XCR0, and the guest's */
static void count_ticks(char *text, unsigned int *good, unsigned int *bad)
{
	bool loaded = false;
	char *line;

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strstr(line, "[000]"))
			continue;
		if (strstr(line, "xcr0_load"))
			loaded = true;
		else if (strstr(line, "xcr0_unload"))
			loaded = false;
		else if (strstr(line, "local_timer_entry"))
			++*(loaded ? bad : good);
	}
}

/*
 * A host interrupt handler never runs with the guest's XCR0: the tick that ends the
 * guest's turn comes after xcr0_unload(). The test needs several ticks, and so several
 * turns on a busy machine.
 */
TEST_F(trace, ticks_find_the_hosts_xcr0)
{
	unsigned int good = 0, bad = 0, turn;

	if (access(KPROBES, W_OK) || !self->vm.info.xcr0_guest)
		SKIP(return, "no kprobe events, or no XSAVE");
	ASSERT_EQ(0, pin_to_cpu(0));
	put_file(KPROBES, "p:svmtest/enter svmvcpu:xcr0_load");
	append_file(KPROBES, "p:svmtest/leave svmvcpu:xcr0_unload");
	for (turn = 0; turn < 20 && good <= 5 && !bad; turn++) {
		put_file(TRACEFS "trace", "\n");
		put_file(TRACEFS "events/svmtest/enable", "1");
		put_file(TIMER, "1");
		EXPECT_EQ(0, spin_with_xcr0(&self->vm));
		put_file(TIMER, "0");
		put_file(TRACEFS "events/svmtest/enable", "0");
		read_trace(self->text, sizeof(self->text));
		count_ticks(self->text, &good, &bad);
	}
	put_file(KPROBES, "\n");
	EXPECT_LT(5U, good);
	EXPECT_EQ(0U, bad);
}

TEST_HARNESS_MAIN
