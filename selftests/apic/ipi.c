// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPIs between two to four vCPUs that run at the same time. Each write of ICR, with
 * every destination and shorthand, must run the handler of each target exactly once,
 * whatever exits happen meanwhile. The sender waits for all handlers before it goes on.
 *
 * timeout: 240
 */
#include <pthread.h>
#include <sys/mman.h>

#include "guest_apic.h"

#define NODES		4U
#define PATIENCE_NS	200000000000ULL
#define STACK(node)	(TEST_STACK - (node) * 0x400)

/* Words of guest memory, one per node, from TEST_DATA on */
#define HANDLED		0U
#define EXPECTED	4U
#define NESTED		8U
#define TABLE_END	12U

/* At TEST_FREE: values of ICR, and the targets of each */
struct send {
	uint32_t icr2, icr, nodes;
};

/*
 * EBX: index of this node, EBP: number of sends. A handler that finds IF clear in its
 * frame was interrupted with interrupts off.
 */
GUEST32(sender,
	"sti\n"
	"1: mov 8(%esi), %edx\n"
	"xor %ecx, %ecx\n"
	"2: bt %ecx, %edx\n"
	"adcl $0, 0x8010(, %ecx, 4)\n"
	"inc %ecx\n"
	"cmp $4, %ecx\n"
	"jb 2b\n"
	"mov (%esi), %eax\n"
	"mov %eax, 0xfee00310\n"
	"mov 4(%esi), %eax\n"
	"mov %eax, 0xfee00300\n"
	"xor %ecx, %ecx\n"
	"3: pause\n"
	"mov 0x8000(, %ecx, 4), %eax\n"
	"cmp 0x8010(, %ecx, 4), %eax\n"
	"jb 3b\n"
	"inc %ecx\n"
	"cmp $4, %ecx\n"
	"jb 3b\n"
	"add $12, %esi\n"
	"cmp 0x8030, %esi\n"
	"jb 4f\n"
	"mov $0x200000, %esi\n"
	"4: dec %ebp\n"
	"jnz 1b\n"
	"vmmcall");

GUEST32(receiver,
	"1: sti\n"
	"hlt\n"
	"jmp 1b");

GUEST32(handler,
	"testl $0x200, 8(%esp)\n"
	"jz 1f\n"
	"incl 0x8000(, %ebx, 4)\n"
	"movl $0, 0xfee000b0\n"
	"iret\n"
	"1: incl 0x8020(, %ebx, 4)\n"
	"iret");

#define RECEIVER	(TEST_CODE + 0x800)

struct node {
	struct svmvcpu_vcpu vcpu;
	pthread_t thread;
	int err;
};

FIXTURE(ipi) {
	struct test_vm vm;
	struct node nodes[NODES];
	unsigned int nr;
	struct send *table;
	unsigned int sends;
	volatile bool stop;
};

FIXTURE_SETUP(ipi)
{
	vm_open_empty(&self->vm);
	self->table = (struct send *)(self->vm.mem + TEST_FREE);
}

FIXTURE_TEARDOWN(ipi)
{
	self->vm.vcpu.fd = -1;
	vm_close(&self->vm);
}

/* Creates a vCPU whose local APIC is enabled, in xAPIC mode. */
static void node_open(struct test_vm *vm, struct node *node, unsigned int id, uint32_t apic_id,
		      uint32_t ldr, uint32_t dfr)
{
	struct svmvcpu_state state;

	if (svmvcpu_vcpu_create_flags(vm->vm, id, SVMVCPU_VCPU_LAPIC, &vm->info, &node->vcpu))
		vm_die("CREATE_VCPU");
	vm->vcpu = node->vcpu;
	vm->run = node->vcpu.run;
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &state);
	state.gprs.rbx = id;
	state.gprs.rsi = TEST_FREE;
	state.gprs.rip = id ? RECEIVER : TEST_CODE;
	state.gprs.rsp = STACK(id);
	state.lapic.regs[APIC_ID / 16] = apic_id << 24;
	state.lapic.regs[APIC_LDR / 16] = ldr << 24;
	state.lapic.regs[APIC_DFR / 16] = dfr;
	state.lapic.regs[APIC_SVR / 16] = 0x1ff;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_LAPIC);
}

static void add(FIXTURE_DATA(ipi) * self, uint32_t dest, uint32_t icr, uint32_t nodes)
{
	/* Mostly the same vector, sometimes another one */
	self->table[self->sends] = (struct send){
		dest << 24, icr | (self->sends % 3 ? 0x80 : 0x91), nodes,
	};
	self->sends++;
}

#define ICR_LOGICAL	0x800
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000

/* All destinations; @ids are the APIC IDs of the nodes. */
static void add_all(FIXTURE_DATA(ipi) * self, const uint8_t *ids, uint32_t cluster)
{
	uint32_t all = (1U << self->nr) - 1, set, id, nodes, i;

	for (id = 0; id <= NODES; id++) {
		for (nodes = 0, i = 0; i < self->nr; i++)
			nodes |= ids[i] == id ? 1U << i : 0;
		add(self, id, 0, nodes);
	}
	add(self, 0xff, 0, all);
	add(self, 0, ICR_SELF, 1);
	add(self, 0, ICR_ALL, all);
	add(self, 0, ICR_OTHERS, all & ~1U);
	for (set = 1; set <= all; set++)
		add(self, cluster | set, ICR_LOGICAL, set);
}

/* RUN until the end or the deadline; ignores exits that disturb() causes. */
static void *run_node(void *arg)
{
	struct node *node = arg;
	struct svmvcpu_run *run = node->vcpu.run;

	do {
		node->err = ioctl(node->vcpu.fd, SVMVCPU_RUN, 0) ? errno : 0;
	} while (!node->err && (run->reason == SVMVCPU_EXIT_MEMORY_FAULT ||
				(run->reason == SVMVCPU_EXIT_INTERRUPTED &&
				 !(run->interrupted.by & SVMVCPU_BY_DEADLINE))));
	return NULL;
}

/* Write-protects and restores the page with the stacks, and kicks, until the test ends. */
static void *disturb(void *arg)
{
	FIXTURE_DATA(ipi) * self = arg;
	unsigned char *stacks = self->vm.mem + STACK(NODES) / 4096 * 4096;
	unsigned int i = 0;

	while (!self->stop) {
		mprotect(stacks, 4096, PROT_READ);
		usleep(100);
		mprotect(stacks, 4096, PROT_READ | PROT_WRITE);
		usleep(1000);
		svmvcpu_vcpu_kick(&self->nodes[i++ % self->nr].vcpu);
		usleep(500);
	}
	return NULL;
}

static volatile uint32_t *word(FIXTURE_DATA(ipi) * self, unsigned int i)
{
	return (volatile uint32_t *)(self->vm.mem + TEST_DATA) + i;
}

static void load(FIXTURE_DATA(ipi) * self)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, sender);
	vm_load(vm, RECEIVER, guest_receiver, guest_receiver_end - guest_receiver);
	load_handler(vm, 0x80, handler);
	load_handler(vm, 0x91, handler);
	*word(self, TABLE_END) = TEST_FREE + self->sends * sizeof(struct send);
}

/* The receivers' RUN ends because their deadline has passed. */
static void stop_receivers(FIXTURE_DATA(ipi) * self)
{
	for (unsigned int i = 1; i < self->nr; i++) {
		self->nodes[i].vcpu.run->deadline_ns = 1;
		svmvcpu_vcpu_kick(&self->nodes[i].vcpu);
		pthread_join(self->nodes[i].thread, NULL);
	}
}

/* Did the sender finish? It waits for the handlers of each send. */
static bool run_all(FIXTURE_DATA(ipi) * self, unsigned int rounds)
{
	struct svmvcpu_run *run = self->nodes[0].vcpu.run;
	pthread_t thread;
	unsigned int i;

	load(self);
	self->vm.vcpu = self->nodes[0].vcpu;
	IDT_REGS(&self->vm, regs->rbp = rounds * self->sends);
	run->deadline_ns = now_ns() + PATIENCE_NS;
	for (i = 0; i < self->nr; i++)
		if (pthread_create(&self->nodes[i].thread, NULL, run_node, &self->nodes[i]))
			vm_die("thread");
	if (pthread_create(&thread, NULL, disturb, self))
		vm_die("thread");
	pthread_join(self->nodes[0].thread, NULL);
	self->stop = true;
	pthread_join(thread, NULL);
	stop_receivers(self);
	return run->reason == SVMVCPU_EXIT_HYPERCALL;
}

/* 0 if each send was handled and IRR and ISR are empty */
static int check(FIXTURE_DATA(ipi) * self, unsigned int rounds, unsigned int node)
{
	struct svmvcpu_state state;
	uint32_t expected = 0, i;

	for (i = 0; i < self->sends; i++)
		expected += self->table[i].nodes >> node & 1;
	if (*word(self, HANDLED + node) != expected * rounds)
		return 1;
	self->vm.vcpu = self->nodes[node].vcpu;
	idt_get(&self->vm, &state);
	for (i = 0; i < 8; i++)
		if (state.lapic.regs[(APIC_IRR / 16) + i] | state.lapic.regs[(APIC_ISR / 16) + i])
			return 2;
	/* TCG can deliver an injected interrupt twice when it leaves its loop: testing.rst. */
	return *word(self, NESTED + node) && !host_is_tcg() ? 3 : 0;
}

static const struct config {
	const char *name;
	uint8_t nr;
	uint8_t ids[NODES];
	uint32_t dfr, cluster;
} configs[] = {
	{ "two", 2, { 0, 1 }, ~0U, 0 },
	{ "three", 3, { 0, 1, 2 }, ~0U, 0 },
	{ "four", 4, { 0, 1, 2, 3 }, ~0U, 0 },
	{ "four in a cluster", 4, { 0, 1, 2, 3 }, 0x0fffffff, 0x20 },
	{ "shared IDs", 4, { 0, 2, 2, 0 }, ~0U, 0 },
};

TEST_F_TIMEOUT(ipi, each_handler_once, 1200)
{
	unsigned int rounds = slow_machine() ? 5 : 30, c, i;

	for (c = 0; c < ARRAY_SIZE(configs); c++) {
		const struct config *config = &configs[c];

		self->nr = config->nr;
		self->sends = 0;
		self->stop = false;
		memset(self->vm.mem + TEST_DATA, 0, 0x40);
		for (i = 0; i < self->nr; i++)
			node_open(&self->vm, &self->nodes[i], i, config->ids[i],
				  config->cluster | 1U << i, config->dfr);
		add_all(self, config->ids, config->cluster);
		EXPECT_TRUE(run_all(self, rounds));
		for (i = 0; i < self->nr; i++) {
			EXPECT_EQ(0, self->nodes[i].err);
			EXPECT_EQ(0, check(self, rounds, i))
				TH_LOG("%s, node %u: %u handled, %u nested", config->name, i,
				       *word(self, HANDLED + i), *word(self, NESTED + i));
			svmvcpu_vcpu_close(&self->nodes[i].vcpu);
		}
	}
}

TEST_HARNESS_MAIN
