// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 * cost: 8
 * kernel: stock, debug
 *
 * CPU hotplug while vCPUs are interrupted from all sides: by IPIs, to a halted vCPU and to one
 * that runs, by their own doorbell through an irqfd, and by the timer of the local APIC. The
 * handler of each interrupt causes the next one, so a counter that stops shows that one was
 * lost.
 */
#include <sys/eventfd.h>

#include "guest_apic.h"
#include "guest_thread.h"
#include "host_state.h"

#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define ROUNDS		(slow_machine() ? 3 : 8)
#define VCPUS		3U
#define PORT		0x510

#define IPI		0x50
#define DOORBELL	0x51
#define TIMER		0x52

#define STACK(id)	(TEST_STACK - (id) * 0x400)
#define MAIN(id)	(TEST_CODE + 0x800 + (id) * 0x80)
#define HANDLER(vector)	(TEST_CODE + 0xc00 + ((vector) - IPI) * 0x80)

/* Counters in guest memory: IPIs to vCPU 0 and to vCPU 1, doorbells, timers */
#define COUNTERS	4U

/* vCPU 0 sends the first IPI, and halts. */
GUEST32(halts,
	"mov %ecx, 0xfee00310\n"
	"movl $0x4050, 0xfee00300\n"
	"sti\n"
	"1: hlt\n"
	"jmp 1b");

GUEST32(spins,
	"sti\n"
	"1: pause\n"
	"jmp 1b");

/* vCPU 2: EDX is the port. */
GUEST32(device,
	"movl $50000, 0xfee00380\n"
	"out %al, %dx\n"
	"sti\n"
	"1: hlt\n"
	"jmp 1b");

/*
 * EBX: this vCPU, ECX: the other one, as the destination of an IPI. TCG can deliver an
 * interrupt twice, the second time with IF clear (testing.rst): it must not cause another one.
 */
#define ONCE	"testl $0x200, 8(%esp)\n jz 1f\n"
#define END	"1: iret"
#define EOI	"movl $0, 0xfee000b0\n"

GUEST32(on_ipi,
	ONCE
	"incl 0x8000(, %ebx, 4)\n"
	EOI
	"mov %ecx, 0xfee00310\n"
	"movl $0x4050, 0xfee00300\n"
	END);

GUEST32(on_doorbell,
	ONCE
	"incl 0x8008\n"
	EOI
	"out %al, %dx\n"
	END);

GUEST32(on_timer,
	ONCE
	"incl 0x800c\n"
	EOI
	"movl $50000, 0xfee00380\n"
	END);

FIXTURE(hotplug) {
	struct test_vm vm;
	struct svmvcpu_vcpu vcpus[VCPUS];
	struct guest_thread threads[VCPUS];
};

#define LOAD(vm, gpa, name)	vm_load(vm, gpa, guest_##name, guest_##name##_end - guest_##name)

static void load_handler_at(struct test_vm *vm, unsigned int vector, const void *code,
			    unsigned int len)
{
	uint32_t stub = IDT_STUBS + vector * 16, distance = HANDLER(vector) - (stub + 5);

	vm_load(vm, HANDLER(vector), code, len);
	vm_load(vm, stub, "\xe9", 1);
	vm_load(vm, stub + 1, &distance, 4);
}

#define HANDLE(vm, vector, name)	\
	load_handler_at(vm, vector, guest_##name, guest_##name##_end - guest_##name)

static void vcpu_open(FIXTURE_DATA(hotplug) * self, unsigned int id)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	if (svmvcpu_vcpu_create_flags(vm->vm, id, SVMVCPU_VCPU_LAPIC, &vm->info,
				      &self->vcpus[id]))
		vm_die("CREATE_VCPU");
	vm->vcpu = self->vcpus[id];
	vm->run = vm->vcpu.run;
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &state);
	state.gprs.rbx = id;
	state.gprs.rcx = (id ^ 1) << 24;
	state.gprs.rdx = PORT;
	state.gprs.rip = MAIN(id);
	state.gprs.rsp = STACK(id);
	state.lapic.regs[APIC_SVR / 16] = 0x1ff;
	state.lapic.regs[APIC_LVT_TIMER / 16] = TIMER;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_LAPIC);
}

/* Writes to PORT interrupt vCPU 2. */
static void connect_doorbell(struct test_vm *vm)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	const struct svmvcpu_ioeventfd bell = {
		.flags = SVMVCPU_IOEVENTFD_PIO, .fd = fd, .address = PORT,
	};
	const struct svmvcpu_irqfd irqfd = { .fd = fd, .dest = 2, .vector = DOORBELL };

	/* The descriptor stays open: the irqfd ends with the eventfd's file. */
	if (fd < 0 || svmvcpu_vm_ioeventfd(vm->vm, &bell) || svmvcpu_vm_irqfd(vm->vm, &irqfd))
		vm_die("the doorbell");
}

FIXTURE_SETUP(hotplug)
{
	struct test_vm *vm = &self->vm;
	unsigned int id;

	ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
	vm_open_empty(vm);
	for (id = 0; id < VCPUS; id++)
		vcpu_open(self, id);
	LOAD(vm, MAIN(0), halts);
	LOAD(vm, MAIN(1), spins);
	LOAD(vm, MAIN(2), device);
	HANDLE(vm, IPI, on_ipi);
	HANDLE(vm, DOORBELL, on_doorbell);
	HANDLE(vm, TIMER, on_timer);
	connect_doorbell(vm);
	memset(vm->mem + TEST_DATA, 0, COUNTERS * 4);
	for (id = 0; id < VCPUS; id++)
		guest_thread_start(&self->threads[id], &self->vcpus[id]);
}

FIXTURE_TEARDOWN(hotplug)
{
	unsigned int id;

	write_file(CPU1_ONLINE, "1");
	for (id = 0; id < VCPUS; id++) {
		guest_thread_stop(&self->threads[id]);
		EXPECT_EQ(0, self->threads[id].err);
		svmvcpu_vcpu_close(&self->vcpus[id]);
	}
	self->vm.vcpu.fd = -1;
	vm_close(&self->vm);
}

/* Does each chain of interrupts go on? */
#define EXPECT_INTERRUPTS(self)						\
do {									\
	for (unsigned int i_ = 0; i_ < COUNTERS; i_++) {		\
		volatile __u32 *count_ =				\
			guest_word(&(self)->vm, TEST_DATA) + i_;	\
		__u32 before_ = *count_;				\
									\
		ASSERT_TRUE(WAIT_UNTIL(*count_ - before_ >= 3)) {	\
			TH_LOG("counter %u stays at %u", i_, before_);	\
		}							\
	}								\
} while (0)

static void unpin(struct guest_thread *gt)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	pthread_setaffinity_np(gt->thread, sizeof(set), &set);
}

/* One thread after the other is on the CPU that goes offline; at last, all are. */
TEST_F_TIMEOUT(hotplug, no_interrupt_is_lost, 600)
{
	unsigned int round, id;

	EXPECT_INTERRUPTS(self);
	for (round = 0; round < ROUNDS; round++) {
		for (id = 0; id < VCPUS; id++) {
			unpin(&self->threads[id]);
			if (round % 4 == id || round % 4 == VCPUS)
				ASSERT_EQ(0, pin_thread(&self->threads[id], 1));
		}
		EXPECT_INTERRUPTS(self);
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		EXPECT_INTERRUPTS(self);
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
		EXPECT_INTERRUPTS(self);
	}
}

TEST_HARNESS_MAIN
