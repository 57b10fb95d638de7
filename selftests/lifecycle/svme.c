// SPDX-License-Identifier: GPL-2.0-only
/*
 * EFER.SVME and KVM. SVM is on where a vCPU runs or ran, nowhere before the first RUN,
 * and off on all CPUs within a second after the last VM ends. KVM and this module never
 * use SVM at the same time, report that, and do not disturb each other's guests.
 *
 * cost: 14
 */
#include "guest_thread.h"
#include "host_state.h"

/* Twice the time in which the module turns SVM off when nobody uses it */
#define WELL_AFTER_US	700000

FIXTURE(svme) {
	struct test_vm vm;
	struct guest_thread gt;
};

FIXTURE_SETUP(svme)
{
	ASSERT_TRUE(msr_readable());
	ASSERT_LT(1, host_cpus());
	ASSERT_TRUE(svme_goes_off()) {
		TH_LOG("SVM is already on");
	}
}

FIXTURE_TEARDOWN(svme)
{
}

/* A short run of the spinning guest on a CPU; returns the reason of its exit */
static int turn_on(struct test_vm *vm, int cpu)
{
	int ret = pin_to_cpu(cpu);

	if (ret)
		return ret;
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	return run_for_ms(vm, 200);
}

TEST_F_TIMEOUT(svme, only_where_a_vcpu_ran, 60)
{
	struct test_vm *vm = &self->vm;

	vm_open(vm);
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(0, svme_count()) {
		TH_LOG("nothing has run yet");
	}
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 1));
	EXPECT_FALSE(svme_on(0));
	EXPECT_TRUE(svme_on(1));
	EXPECT_NE(0ULL, host_msr(1, MSR_VM_HSAVE_PA));
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 0));
	EXPECT_TRUE(svme_on(0));
	EXPECT_TRUE(svme_on(1));
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
	EXPECT_EQ(0ULL, host_msr(0, MSR_VM_HSAVE_PA));
	EXPECT_EQ(0ULL, host_msr(1, MSR_VM_HSAVE_PA));
}

TEST_F_TIMEOUT(svme, on_as_long_as_a_vm_exists, 60)
{
	struct test_vm *vm = &self->vm, other;

	vm_open(vm);
	vm_open(&other);
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 0));
	vm_close(vm);
	/* The other VM has never run, but it exists. */
	usleep(WELL_AFTER_US);
	EXPECT_TRUE(svme_on(0));
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(&other, 0));
	/* A vCPU file alone keeps its VM. */
	close(other.vm);
	other.vm = -1;
	usleep(WELL_AFTER_US);
	EXPECT_TRUE(svme_on(0));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(&other, 0));
	vm_close(&other);
	EXPECT_TRUE(svme_goes_off());
}

/* SVM is turned off and on several times: each VM works. */
TEST_F_TIMEOUT(svme, again_and_again, 60)
{
	struct test_vm *vm = &self->vm;
	int i;

	for (i = 0; i < 5; i++) {
		vm_open(vm);
		ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, i % 2));
		vm_close(vm);
		/* around the time at which SVM is turned off */
		usleep(280000 + 20000 * i);
	}
	EXPECT_TRUE(svme_goes_off());
}

GUEST64(ins,
	"mov $0x200000, %edi\n"
	"mov $0x60, %dx\n"
	"insb\n"
	"hlt");

/*
 * The page that INS writes to is gone from the guest's page tables when the exit is
 * completed. The guest is due a #PF, which the VMM intercepts; but on that CPU someone
 * else uses SVM. The state holds the fault until the next RUN can report it.
 */
TEST_F_TIMEOUT(svme, fault_not_yet_told, 60)
{
	struct svmvcpu_exits exits = { .exceptions = 1 << 14 };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	__u64 efer;

	vm_open(vm);
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	load_guest(vm, ins);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, pin_to_cpu(0));
	RUN_EXPECT(vm, IO);
	EXPECT_TRUE(vm->run->io.flags & SVMVCPU_IO_STRING);
	((__u64 *)(vm->mem + TEST_TABLES + 0x2000))[TEST_FREE >> 21] = 0;

	ASSERT_EQ(0, pin_to_cpu(1));
	efer = host_msr(1, MSR_EFER);
	ASSERT_EQ(0, host_wrmsr(1, MSR_EFER, efer | EFER_SVME));
	EXPECT_EQ(EBUSY, vm_run(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_CONTROL |
					    SVMVCPU_STATE_EVENTS, &state));
	EXPECT_EQ(SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | 14, state.events.exception);
	EXPECT_EQ(2U, state.events.exception_error);
	EXPECT_EQ(TEST_FREE, state.control.cr2);
	ASSERT_EQ(0, host_wrmsr(1, MSR_EFER, efer));
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ(14U, vm->run->exception.vector);
	EXPECT_EQ(TEST_FREE, vm->run->exception.address);
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
}

FIXTURE(kvm) {
	struct test_vm vm;
	struct guest_thread gt;
	struct kvm_guest kvm;
};

FIXTURE_SETUP(kvm)
{
	ASSERT_TRUE(msr_readable());
	ASSERT_TRUE(!kvm_there() || kvm_load());
	ASSERT_TRUE(svme_goes_off());
}

#define NO_KVM	"this kernel has no KVM"

/* The module stays loaded for the next test: loading takes a debug kernel ten seconds. */
FIXTURE_TEARDOWN(kvm)
{
	kvm_guest_close(&self->kvm);
}

TEST_F_TIMEOUT(kvm, loaded_but_idle, 60)
{
	struct test_vm *vm = &self->vm;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	vm_open(vm);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 0));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 1));
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
	EXPECT_EQ(0, kvm_works());
}

TEST_F_TIMEOUT(kvm, holds_svm, 60)
{
	struct svmvcpu_create_vm create = { .size = sizeof(create) };
	int dev = svmvcpu_open(NULL);
	int log = log_open();

	if (!kvm_there())
		SKIP(return, NO_KVM);
	ASSERT_LE(0, dev);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, kvm_guest_open(&self->kvm));
	ASSERT_EQ(host_cpus(), svme_count());
	EXPECT_EQ(EBUSY, ioctl_errno(dev, SVMVCPU_CREATE_VM, &create));
	EXPECT_TRUE(log_has(log, "svmvcpu: SVM is in use by kvm_amd"));
	/* KVM uses SVM: this module must not turn it off, now or later. */
	usleep(WELL_AFTER_US);
	EXPECT_EQ(host_cpus(), svme_count());
	EXPECT_EQ(0, kvm_guest_run(&self->kvm));
	kvm_guest_close(&self->kvm);

	EXPECT_EQ(0, ioctl_errno(dev, SVMVCPU_CREATE_VM, &create));
	close(log);
	close(dev);
}

/* The VM of this module is older, but had not run: the first to run gets SVM. */
TEST_F_TIMEOUT(kvm, comes_between_create_and_run, 60)
{
	struct test_vm *vm = &self->vm;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	vm_open(vm);
	ASSERT_EQ(0, kvm_guest_open(&self->kvm));
	EXPECT_EQ(-EBUSY, turn_on(vm, 0));
	EXPECT_EQ(-EBUSY, turn_on(vm, 1));
	EXPECT_EQ(0, kvm_guest_run(&self->kvm));
	/* The end of this module's last VM does not affect KVM. */
	vm_close(vm);
	usleep(WELL_AFTER_US);
	EXPECT_EQ(host_cpus(), svme_count());
	EXPECT_EQ(0, kvm_guest_run(&self->kvm));
}

/* After EBUSY, RUN works once SVM is free. */
TEST_F_TIMEOUT(kvm, goes_away, 60)
{
	struct test_vm *vm = &self->vm;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	vm_open(vm);
	ASSERT_EQ(0, kvm_guest_open(&self->kvm));
	EXPECT_EQ(-EBUSY, turn_on(vm, 0));
	kvm_guest_close(&self->kvm);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, 0));
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
}

/* A RUN that fails leaves on its page what is still to be done, and no more. */
TEST_F_TIMEOUT(kvm, leaves_the_request, 60)
{
	struct svmvcpu_state state;
	struct test_vm *vm = &self->vm;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	vm_open(vm);
	ASSERT_EQ(0, kvm_guest_open(&self->kvm));
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS | SVMVCPU_RUN_IRQ_WINDOW;
	vm->run->gprs.rax = 0x77;
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 33;
	ASSERT_EQ(EBUSY, vm_run(vm));
	EXPECT_EQ(SVMVCPU_RUN_IRQ_WINDOW, vm->run->in_flags);
	EXPECT_EQ(0U, vm->run->inject);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_EVENTS,
					    &state));
	EXPECT_EQ(0x77U, state.gprs.rax);
	EXPECT_EQ(SVMVCPU_INJECT_VALID | 33, state.events.irq);
	/* The guest cannot handle it. */
	state.events.irq = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	ASSERT_EQ(EBUSY, vm_run(vm));
	kvm_guest_close(&self->kvm);
	RUN_EXPECT(vm, IRQ_WINDOW);
	EXPECT_EQ(0U, vm->run->in_flags);
	vm->run->deadline_ns = now_ns() + 100000000;
	RUN_EXPECT(vm, INTERRUPTED);
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
}

TEST_F_TIMEOUT(kvm, finds_us_running, 60)
{
	struct test_vm *vm = &self->vm;
	int i;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	vm_open(vm);
	START_GUEST(&self->gt, vm, spin);
	ASSERT_EQ(0, pin_thread(&self->gt, 0));
	ASSERT_TRUE(guest_beats(vm));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(EBUSY, kvm_guest_open(&self->kvm));
		kvm_guest_close(&self->kvm);
		ASSERT_TRUE(guest_beats(vm)) {
			TH_LOG("our guest ended: %d, %s", self->gt.err,
			       svmvcpu_exit_name(vm->run->reason));
		}
	}
	EXPECT_TRUE(svme_on(0));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	vm_close(vm);
	EXPECT_TRUE(svme_goes_off());
	EXPECT_EQ(0, kvm_works());
}

/* Alternately, several times */
TEST_F_TIMEOUT(kvm, takes_turns_with_us, 90)
{
	struct test_vm *vm = &self->vm;
	int i;

	if (!kvm_there())
		SKIP(return, NO_KVM);
	for (i = 0; i < 5; i++) {
		vm_open(vm);
		ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, turn_on(vm, i % 2));
		vm_close(vm);
		ASSERT_TRUE(svme_goes_off());
		ASSERT_EQ(0, kvm_works());
	}
}

/* After all these tests nothing holds it. */
TEST_F(kvm, unloads)
{
	if (!kvm_there())
		SKIP(return, NO_KVM);
	EXPECT_TRUE(kvm_unload());
	EXPECT_FALSE(access("/dev/svmvcpu", F_OK));
}

TEST_HARNESS_MAIN
