// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest reads and writes each of the 65,536 ports: each access exits to the VMM
 * exactly once with the value the guest wrote, and the guest reads the value that the
 * VMM passes. (Slow machines test each 17th port, with the same map.)
 *
 * timeout: 240
 * cost: 5
 */
#include "guest_idt.h"

#define PORTS		0x10000

VM_FIXTURE(isolation_ports, unsigned char in[PORTS], out[PORTS];)

/* IN, then OUT of the inverted value, then the port EBX further */
GUEST64(ports,
	"xor %edx, %edx\n"
	"1: in %dx, %al\n"
	"not %al\n"
	"out %al, %dx\n"
	"add %ebx, %edx\n"
	"cmp $0x10000, %edx\n"
	"jb 1b\n"
	"hlt");

static unsigned char answer(unsigned int port)
{
	return port * 31 + (port >> 8);
}

/* Counts an access; false if it is not the expected one. */
static bool account(struct _test_data_isolation_ports *self)
{
	struct svmvcpu_run *run = self->vm.run;
	unsigned int port = run->io.port, want = (unsigned char)~answer(port);

	if (run->reason == SVMVCPU_EXIT_SYSTEM_DOWN) {
		self->out[0xcf9]++;
		return run->down.kind == SVMVCPU_DOWN_RESET &&
		       run->down.data == (unsigned char)~answer(0xcf9);
	}
	if (run->reason != SVMVCPU_EXIT_IO || run->io.width != 1 || run->io.count != 1)
		return false;
	if (run->io.flags & SVMVCPU_IO_IN) {
		self->in[port]++;
		run->answer = answer(port);
		return true;
	}
	self->out[port]++;
	return run->io.data == want;
}

TEST_F_TIMEOUT(isolation_ports, every_port, 240)
{
	struct test_vm *vm = &self->vm;
	unsigned int port, want, wrong = 0, stride = slow_machine() ? 17 : 1;

	load_guest(vm, ports);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rbx = stride);
	for (;;) {
		ASSERT_EQ(0, vm_run(vm));
		if (vm->run->reason == SVMVCPU_EXIT_HALT)
			break;
		ASSERT_TRUE(account(self))
			TH_LOG("exit %s port %#x", svmvcpu_exit_name(vm->run->reason),
			       vm->run->io.port);
	}
	for (port = 0; port < PORTS; port++) {
		want = port % stride == 0;
		wrong += self->in[port] != want || self->out[port] != want;
	}
	EXPECT_EQ(0U, wrong);
}

TEST_HARNESS_MAIN
