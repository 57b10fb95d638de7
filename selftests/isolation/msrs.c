// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest writes and reads each MSR of the three ranges of the permission map: all exit
 * to the VMM except the ten that VMLOAD switches and the four that the kernel handles,
 * and none reaches the host. (The debug kernel tests half of each range, with the same
 * map.)
 *
 * timeout: 240
 */
#include "msr_list.h"

#define RANGE		0x2000
#define VALUE		0x5a5a5a5a5a5aULL	/* canonical; illegal for EFER, PAT and TSC_AUX */

#define SAW_WRITE	1	/* exits */
#define SAW_READ	2
#define SAW_GP		4	/* the guest got #GP without an exit */

static const uint32_t bases[3] = { 0, 0xc0000000, 0xc0010000 };

/* Switched by VMLOAD and VMSAVE, so the guest has its own */
static const uint32_t open_msrs[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000100, 0xc0000101, 0xc0000102,
};

#define NR_OPEN		ARRAY_SIZE(open_msrs)

/* Registers of the host that would show a change */
static const uint32_t host_msrs[] = {
	0x1b, 0x174, 0x175, 0x176, 0x179, 0x1d9, 0x200, 0x201, 0x250, 0x277, 0x2ff,
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
	0xc0000102, 0xc0000103, 0xc0010010, 0xc0010015, 0xc0010016, 0xc001001a, 0xc0010114,
	0xc0010117, 0xc0010118,
};

#define NR_HOST		ARRAY_SIZE(host_msrs)

FIXTURE(isolation_msrs) {
	struct test_vm vm;
	unsigned char saw[3][RANGE];
	uint64_t host[NR_HOST];
};

FIXTURE_SETUP(isolation_msrs)
{
	vm_open_and_run(&self->vm);
	host_read_msrs(host_msrs, NR_HOST, self->host);
}

VM_TEARDOWN(isolation_msrs)

/* MSR numbers from RBX on, EBP of them */
GUEST64(msrs,
	"mov %ebx, %ecx\n"
	"1: mov $0x5a5a5a5a, %eax\n"
	"mov $0x5a5a, %edx\n"
	"wrmsr\n"
	"rdmsr\n"
	"inc %ecx\n"
	"dec %ebp\n"
	"jnz 1b\n"
	"vmmcall");

/* The guest's handler skips the two bytes of RDMSR or WRMSR. */
static void skip_instruction(struct test_vm *vm, const struct idt_outcome *out)
{
	uint64_t rip = out->rip + 2;

	memcpy(vm->mem + out->frame, &rip, 8);
}

static bool account(struct test_vm *vm, unsigned char *saw, uint32_t base,
		    const struct idt_outcome *out)
{
	uint32_t ecx = vm->run->gprs.rcx, index = ecx - base;

	if (index >= RANGE)
		return false;
	if (out->vector == VEC_GP) {
		saw[index] |= SAW_GP;
		skip_instruction(vm, out);
		return true;
	}
	if (vm->run->msr.index != ecx)
		return false;
	if (vm->run->reason == SVMVCPU_EXIT_MSR_WRITE) {
		saw[index] |= SAW_WRITE;
		return vm->run->msr.value == VALUE;
	}
	saw[index] |= SAW_READ;
	return vm->run->reason == SVMVCPU_EXIT_MSR_READ;
}

static unsigned char expected(uint32_t msr)
{
	unsigned int i;

	for (i = 0; i < NR_OPEN; i++)
		if (msr == open_msrs[i])
			return 0;
	if (msr == 0x10)
		return 0;
	if (msr == 0x277 || msr == 0xc0000080 || msr == 0xc0000103)
		return SAW_GP;
	/* SPEC_CTRL, PRED_CMD, VIRT_SPEC_CTRL: VALUE is illegal for each that exists */
	if (msr == 0x48 || msr == 0x49 || msr == 0xc001011f)
		return SAW_GP;
	return SAW_WRITE | SAW_READ;
}

static void start(struct test_vm *vm, uint32_t base, uint32_t count)
{
	load_guest(vm, msrs);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rbx = base; regs->rbp = count);
}

TEST_F_TIMEOUT(isolation_msrs, every_msr, 240)
{
	struct test_vm *vm = &self->vm;
	uint64_t after[NR_HOST];
	struct idt_outcome out;
	unsigned int r, i, range = debug_kernel() ? RANGE / 2 : RANGE;

	for (r = 0; r < 3; r++) {
		start(vm, bases[r], range);
		for (;;) {
			ASSERT_EQ(0, idt_run(vm, &out));
			if (vm->run->reason == SVMVCPU_EXIT_HYPERCALL)
				break;
			ASSERT_TRUE(account(vm, self->saw[r], bases[r], &out))
				TH_LOG("MSR %#llx: exit %s vector %d", vm->run->gprs.rcx,
				       svmvcpu_exit_name(vm->run->reason), out.vector);
		}
	}
	for (r = 0; r < 3; r++)
		for (i = 0; i < range; i++) {
			EXPECT_EQ(expected(bases[r] + i), self->saw[r][i])
				TH_LOG("MSR %#x", bases[r] + i);
		}
	host_read_msrs(host_msrs, NR_HOST, after);
	for (i = 0; i < NR_HOST; i++) {
		EXPECT_EQ(self->host[i], after[i])
			TH_LOG("host MSR %#x changed", host_msrs[i]);
	}
}

/* Outside the ranges all MSRs exit. */
TEST_F(isolation_msrs, outside_the_ranges)
{
	static const uint32_t outside[] = {
		0x2000, 0x4b564d00, 0x40000000, 0x7fffffff, 0xbfffffff, 0xc0002000,
		0xc000ffff, 0xc0012000, 0xc0020000, 0xffffffff,
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		start(vm, outside[i], 1);
		RUN_EXPECT(vm, MSR_WRITE);
		EXPECT_EQ(outside[i], vm->run->msr.index);
		RUN_EXPECT(vm, MSR_READ);
		EXPECT_EQ(outside[i], vm->run->msr.index);
		vm->run->answer = 0x1234;
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(0x1234ULL, vm->run->gprs.rax);
	}
}

TEST_HARNESS_MAIN
