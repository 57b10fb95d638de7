// SPDX-License-Identifier: GPL-2.0-only
/*
 * More vCPUs than CPUs that send each other interrupts, NMIs, INIT and STARTUP at the same
 * time. Each sender waits for the effect of what it has sent, so each has to be counted
 * exactly once.
 *
 * timeout: 240
 */
#include <pthread.h>
#include <sched.h>

#include "guest_apic.h"

#define NODES		16U
#define PATIENCE_NS	150000000000ULL

#define STACK(node)	(TEST_FREE + 0x10000 + ((node) + 1) * 0x1000)
#define VECTOR(node)	(0x40 + (node))
/* Counters, by sender and receiver; and NMIs by receiver */
#define COUNTS		(TEST_FREE + 0x100000)
#define NMIS		(TEST_FREE + 0x101000)
#define HANDLERS	(TEST_FREE + 0x102000)
#define AP_PAGE(node)	(0x20 + (node))

struct node {
	struct svmvcpu_vcpu vcpu;
	pthread_t thread;
	int err;
	volatile bool *stop;
};

FIXTURE(storm) {
	struct test_vm vm;
	struct node nodes[NODES];
	unsigned int nr;
	volatile bool stop;
};

FIXTURE_SETUP(storm)
{
	vm_open_empty(&self->vm);
}

FIXTURE_TEARDOWN(storm)
{
	self->vm.vcpu.fd = -1;
	vm_close(&self->vm);
}

/*
 * EBX: this node, EDI: number of nodes, EBP: rounds, ESI: the row of its counters. In each
 * round, send the vector of this node to all others, then an NMI to the next one, and wait
 * for all handlers. VMMCALL lets the next thread run; RAX is 0, and 1 at the end.
 */
GUEST32(node,
	"xor %edx, %edx\n"		/* rounds that are complete */
	"1: sti\n"
	"inc %edx\n"
	"test $1, %dl\n"
	"jz 2f\n"
	"lea 0xc4040(%ebx), %eax\n"	/* odd rounds: all but self */
	"mov %eax, 0xfee00300\n"
	"jmp 4f\n"
	"2: xor %ecx, %ecx\n"		/* even rounds: one after the other */
	"3: cmp %ecx, %ebx\n"
	"je 5f\n"
	"mov %ecx, %eax\n"
	"shl $24, %eax\n"
	"mov %eax, 0xfee00310\n"
	"lea 0x4040(%ebx), %eax\n"
	"mov %eax, 0xfee00300\n"
	"5: inc %ecx\n"
	"cmp %edi, %ecx\n"
	"jb 3b\n"
	"4: lea 1(%ebx), %ecx\n"
	"cmp %edi, %ecx\n"
	"jb 6f\n"
	"xor %ecx, %ecx\n"
	"6: mov %ecx, %eax\n"
	"shl $24, %eax\n"
	"mov %eax, 0xfee00310\n"
	"movl $0x4400, 0xfee00300\n"
	"7: cmp %edx, 0x301000(, %ecx, 4)\n"
	"jae 8f\n"
	"xor %eax, %eax\n"
	"vmmcall\n"
	"jmp 7b\n"
	"8: xor %ecx, %ecx\n"
	"9: cmp %ecx, %ebx\n"
	"je 11f\n"
	"10: cmp %edx, (%esi, %ecx, 4)\n"
	"jae 11f\n"
	"xor %eax, %eax\n"
	"vmmcall\n"
	"jmp 10b\n"
	"11: inc %ecx\n"
	"cmp %edi, %ecx\n"
	"jb 9b\n"
	"cmp %ebp, %edx\n"
	"jb 1b\n"
	"12: mov $1, %eax\n"
	"vmmcall\n"
	"hlt\n"
	"jmp 12b");

GUEST32(nmi,
	"incl 0x301000(, %ebx, 4)\n"
	"iret");

/* RUN until the sender has finished, then until the end of the test: others still send. */
static void *run_node(void *arg)
{
	struct node *node = arg;
	struct svmvcpu_run *run = node->vcpu.run;

	run->deadline_ns = now_ns() + PATIENCE_NS;
	while (!*node->stop) {
		node->err = ioctl(node->vcpu.fd, SVMVCPU_RUN, 0) ? errno : 0;
		if (node->err)
			break;
		if (run->reason == SVMVCPU_EXIT_HYPERCALL && run->hypercall.nr == 1)
			node->err = -1;
		else if (run->reason == SVMVCPU_EXIT_INTERRUPTED &&
			 (run->interrupted.by & SVMVCPU_BY_DEADLINE))
			break;
		if (node->err == -1)
			break;
		/* HALT: an AP that has been started waits for its next INIT. */
		if (run->reason == SVMVCPU_EXIT_HALT)
			usleep(500);
		else
			sched_yield();
	}
	return NULL;
}

/* A node that has finished takes the interrupts of the others. */
static void *run_receiver(void *arg)
{
	struct node *node = arg;
	struct svmvcpu_run *run = node->vcpu.run;

	run_node(node);
	while (node->err == -1 && !*node->stop) {
		if (ioctl(node->vcpu.fd, SVMVCPU_RUN, 0)) {
			node->err = errno;
			break;
		}
		if (run->reason == SVMVCPU_EXIT_INTERRUPTED &&
		    (run->interrupted.by & SVMVCPU_BY_DEADLINE))
			break;
		sched_yield();
	}
	return NULL;
}

static void node_open(struct test_vm *vm, struct node *node, unsigned int id)
{
	if (svmvcpu_vcpu_create_flags(vm->vm, id, SVMVCPU_VCPU_LAPIC, &vm->info, &node->vcpu))
		vm_die("CREATE_VCPU");
	vm->vcpu = node->vcpu;
	vm->run = node->vcpu.run;
}

static volatile uint32_t *words(FIXTURE_DATA(storm) * self, unsigned long gpa)
{
	return (volatile uint32_t *)(self->vm.mem + gpa);
}

/*
 * testl $0x200, 8(%esp); jz 1f; incl COUNTS + sender * 64(, %ebx, 4);
 * movl $0, 0xfee000b0; 1: iret. TCG can deliver an injected interrupt twice, the second time
 * with IF clear: testing.rst.
 */
static void load_handlers(FIXTURE_DATA(storm) * self)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < self->nr; i++) {
		unsigned char code[] = {
			0xf7, 0x44, 0x24, 0x08, 0x00, 0x02, 0x00, 0x00, 0x74, 0x11,
			0xff, 0x04, 0x9d, 0, 0, 0, 0,
			0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0xcf,
		};
		uint32_t counts = COUNTS + i * 64, stub = IDT_STUBS + VECTOR(i) * 16;
		uint32_t handler = HANDLERS + i * 64, distance = handler - (stub + 5);

		memcpy(code + 13, &counts, 4);
		vm_load(vm, handler, code, sizeof(code));
		vm_load(vm, stub, "\xe9", 1);
		vm_load(vm, stub + 1, &distance, 4);
	}
	load_handler(vm, 2, nmi);
}

static void node_start(FIXTURE_DATA(storm) * self, unsigned int id, unsigned int rounds)
{
	struct svmvcpu_state state;

	node_open(&self->vm, &self->nodes[id], id);
	self->nodes[id].stop = &self->stop;
	idt_setup(&self->vm, IDT_PROT32);
	idt_get(&self->vm, &state);
	state.gprs.rbx = id;
	state.gprs.rdi = self->nr;
	state.gprs.rbp = rounds;
	state.gprs.rsi = COUNTS + id * 64;
	state.gprs.rip = TEST_CODE;
	state.gprs.rsp = STACK(id);
	state.lapic.regs[APIC_SVR / 16] = 0x1ff;
	idt_set(&self->vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_LAPIC);
}

/* Creates and closes another vCPU to which the broadcasts go as well. */
static void *come_and_go(void *arg)
{
	FIXTURE_DATA(storm) * self = arg;
	const struct svmvcpu_setup setup = {
		.flags = SVMVCPU_SETUP_WAIT_SIPI, .preset = SVMVCPU_PRESET_RESET,
	};
	struct svmvcpu_vcpu vcpu;

	while (!self->stop) {
		if (svmvcpu_vcpu_create_flags(self->vm.vm, NODES, SVMVCPU_VCPU_LAPIC,
					      &self->vm.info, &vcpu))
			vm_die("CREATE_VCPU");
		if (svmvcpu_vcpu_setup(&vcpu, &setup))
			vm_die("SETUP");
		vcpu.run->deadline_ns = now_ns() + 1000000;
		ioctl(vcpu.fd, SVMVCPU_RUN, 0);
		svmvcpu_vcpu_close(&vcpu);
	}
	return NULL;
}

static bool all_finished(FIXTURE_DATA(storm) * self, unsigned int rounds)
{
	unsigned int s, r;

	for (s = 0; s < self->nr; s++) {
		if (words(self, NMIS)[s] < rounds)
			return false;
		for (r = 0; r < self->nr; r++)
			if (s != r && words(self, COUNTS)[s * 16 + r] < rounds)
				return false;
	}
	return true;
}

static void finish(FIXTURE_DATA(storm) * self)
{
	unsigned int i;

	self->stop = true;
	for (i = 0; i < self->nr; i++) {
		svmvcpu_vcpu_kick(&self->nodes[i].vcpu);
		pthread_join(self->nodes[i].thread, NULL);
		svmvcpu_vcpu_close(&self->nodes[i].vcpu);
	}
}

static void storm(struct __test_metadata *_metadata, FIXTURE_DATA(storm) * self,
		  unsigned int nr, unsigned int rounds)
{
	uint64_t end = now_ns() + PATIENCE_NS;
	unsigned int s, r;
	pthread_t thread;

	self->nr = nr;
	self->stop = false;
	memset(self->vm.mem + COUNTS, 0, 0x2000);
	for (s = 0; s < nr; s++)
		node_start(self, s, rounds);
	load_guest(&self->vm, node);
	load_handlers(self);
	for (s = 0; s < nr; s++)
		if (pthread_create(&self->nodes[s].thread, NULL, run_receiver, &self->nodes[s]))
			vm_die("thread");
	if (pthread_create(&thread, NULL, come_and_go, self))
		vm_die("thread");
	while (!all_finished(self, rounds) && now_ns() < end)
		usleep(10000);
	/* what would come in addition */
	usleep(50000);
	finish(self);
	pthread_join(thread, NULL);
	for (s = 0; s < nr; s++) {
		EXPECT_TRUE(self->nodes[s].err == 0 || self->nodes[s].err == -1)
			TH_LOG("node %u: errno %d", s, self->nodes[s].err);
		/* TCG can deliver an NMI twice, too. */
		EXPECT_GE(words(self, NMIS)[s], rounds) TH_LOG("NMIs of node %u", s);
		for (r = 0; r < nr; r++) {
			uint32_t count = words(self, COUNTS)[s * 16 + r];

			EXPECT_EQ(s == r ? 0 : rounds, count) TH_LOG("from %u to %u", s, r);
		}
	}
}

TEST_F_TIMEOUT(storm, four, 600)
{
	storm(_metadata, self, 4, slow_machine() ? 20 : 100);
}

TEST_F_TIMEOUT(storm, sixteen, 600)
{
	storm(_metadata, self, 16, slow_machine() ? 4 : 16);
}

/*
 * An AP counts its starts and then halts or, with an odd number, spins. 16 bits: lock incw
 * %cs:0x100; then 1: hlt; jmp 1b, or pause; jmp 1b
 */
static void load_ap(FIXTURE_DATA(storm) * self, unsigned int page, bool spins)
{
	vm_load(&self->vm, page << 12, "\xf0\x2e\xff\x06\x00\x01", 6);
	vm_load(&self->vm, (page << 12) + 6, spins ? "\xf3\x90\xeb\xfc" : "\xf4\xeb\xfd", 4);
	*(uint16_t *)(self->vm.mem + (page << 12) + 0x100) = 0;
}

static unsigned int starts(FIXTURE_DATA(storm) * self, unsigned int page)
{
	return *(volatile uint16_t *)(self->vm.mem + (page << 12) + 0x100);
}

static void sipi(FIXTURE_DATA(storm) * self, unsigned int dest, unsigned int page)
{
	struct svmvcpu_message msg = { .dest = dest, .mode = SVMVCPU_MSG_INIT };

	svmvcpu_vm_message(self->vm.vm, &msg);
	msg.mode = SVMVCPU_MSG_STARTUP;
	msg.vector = page;
	svmvcpu_vm_message(self->vm.vm, &msg);
	/* As operating systems do: the second one must not start it again. */
	svmvcpu_vm_message(self->vm.vm, &msg);
}

static bool wait_starts(FIXTURE_DATA(storm) * self, unsigned int page, unsigned int want)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (starts(self, page) < want && now_ns() < end)
		usleep(200);
	return starts(self, page) == want;
}

/* Starts all vCPUs again and again, alone, then all at once. */
static void cycles(struct __test_metadata *_metadata, FIXTURE_DATA(storm) * self,
		   unsigned int nr, unsigned int rounds)
{
	struct svmvcpu_setup setup = {
		.flags = SVMVCPU_SETUP_WAIT_SIPI, .preset = SVMVCPU_PRESET_RESET,
	};
	struct svmvcpu_state state;
	unsigned int i, round;

	self->nr = nr;
	self->stop = false;
	for (i = 0; i < nr; i++) {
		node_open(&self->vm, &self->nodes[i], i);
		self->nodes[i].stop = &self->stop;
		self->nodes[i].err = 0;
		if (svmvcpu_vcpu_setup(&self->nodes[i].vcpu, &setup))
			vm_die("SETUP");
		/* no bootstrap processor */
		idt_get(&self->vm, &state);
		state.lapic.base &= ~(uint64_t)BASE_BSP;
		idt_set(&self->vm, &state, SVMVCPU_STATE_LAPIC);
		load_ap(self, AP_PAGE(i), i & 1);
	}
	load_ap(self, AP_PAGE(nr), false);
	for (i = 0; i < nr; i++)
		if (pthread_create(&self->nodes[i].thread, NULL, run_node, &self->nodes[i]))
			vm_die("thread");
	for (round = 1; round <= rounds; round++) {
		for (i = 0; i < nr; i++)
			sipi(self, i, AP_PAGE(i));
		for (i = 0; i < nr; i++)
			ASSERT_TRUE(wait_starts(self, AP_PAGE(i), round))
				TH_LOG("node %u, round %u: %u starts", i, round,
				       starts(self, AP_PAGE(i)));
		sipi(self, 0xff, AP_PAGE(nr));
		ASSERT_TRUE(wait_starts(self, AP_PAGE(nr), round * nr))
			TH_LOG("round %u: %u starts", round, starts(self, AP_PAGE(nr)));
	}
	usleep(50000);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(rounds, starts(self, AP_PAGE(i)));
	EXPECT_EQ(rounds * nr, starts(self, AP_PAGE(nr)));
	finish(self);
}

TEST_F_TIMEOUT(storm, starts_of_four, 600)
{
	cycles(_metadata, self, 4, slow_machine() ? 20 : 100);
}

TEST_F_TIMEOUT(storm, starts_of_sixteen, 600)
{
	cycles(_metadata, self, 16, slow_machine() ? 4 : 20);
}

TEST_HARNESS_MAIN
