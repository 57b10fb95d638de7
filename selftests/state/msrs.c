// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRS component: GET_STATE reads what the guest writes and the other way round,
 * values that are refused, the time stamp counter, and TSC_AUX, which RDTSCP and RDPID
 * read in the guest and getcpu() on the host.
 */
#include <sys/syscall.h>

#include "msr_list.h"

#define MSRS		SVMVCPU_STATE_MSRS
#define TSC_AUX		0xc0000103U

#define LIST		TEST_DATA
#define VALUES		(TEST_DATA + 0x400)

/* Each register of the component except the TSC, in the order of its members */
static const struct msr_case {
	const char *name;
	uint32_t index;
	unsigned int member;	/* of struct svmvcpu_msrs, as an array of __u64 */
	uint64_t value;
	uint64_t bad;		/* refused by SET_STATE, 0 for none */
} cases[] = {
	{ "STAR",	    0xc0000081, 0, 0x0023001012345678ULL, 0 },
	{ "LSTAR",	    0xc0000082, 1, 0xffff812345678888ULL, 0 },
	{ "CSTAR",	    0xc0000083, 2, 0x00007ffffffffff0ULL, 0 },
	{ "SFMASK",	    0xc0000084, 3, 0x00047700, 0 },
	{ "KERNEL_GS_BASE", 0xc0000102, 4, 0xffff800000000000ULL, 0xffff7fffffffffffULL },
	{ "SYSENTER_CS",    0x174,	5, 0x1230, 0 },
	{ "SYSENTER_ESP",   0x175,	6, 0x00007edcba987654ULL, 0 },
	{ "SYSENTER_EIP",   0x176,	7, 0xffffffffffffffffULL, 0 },
	{ "PAT",	    0x277,	8, 0x0001040506070605ULL, 0x0007040600070402ULL },
	{ "TSC_AUX",	    TSC_AUX,	10, 0x89abcdef, 1ULL << 32 },
};

#define NR		ARRAY_SIZE(cases)
#define MEMBER_TSC	9
#define NR_MEMBERS	11

FIXTURE(msrs) {
	struct test_vm vm;
	struct svmvcpu_state state;
	__u64 *member;		/* the member of the component in @state */
};

FIXTURE_SETUP(msrs)
{
	vm_open(&self->vm);
	self->member = (__u64 *)&self->state.msrs;
}

VM_TEARDOWN(msrs)

static void start(struct test_vm *vm)
{
	load_guest(vm, msr_list);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	for (unsigned int i = 0; i < NR; i++)
		memcpy(vm->mem + LIST + i * 4, &cases[i].index, 4);
}

static void access_all(struct test_vm *vm, bool write, uint64_t *values)
{
	memcpy(vm->mem + VALUES, values, NR * 8);
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rbx = LIST; regs->rbp = NR;
		 regs->rsi = VALUES; regs->rdi = write);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HALT)
		vm_die("RUN");
	memcpy(values, vm->mem + VALUES, NR * 8);
}

static void get(struct test_vm *vm, struct svmvcpu_state *state)
{
	if (svmvcpu_vcpu_get_state(&vm->vcpu, MSRS, state))
		vm_die("GET_STATE");
}

static int set(struct test_vm *vm, struct svmvcpu_state *state)
{
	return -svmvcpu_vcpu_set_state(&vm->vcpu, MSRS, state);
}

TEST_F(msrs, after_setup)
{
	uint64_t values[NR] = { 0 };

	start(&self->vm);
	get(&self->vm, &self->state);
	for (unsigned int i = 0; i < NR_MEMBERS; i++)
		if (i != MEMBER_TSC)
			EXPECT_EQ(i == 8 ? 0x0007040600070406ULL : 0, self->member[i]);
	access_all(&self->vm, false, values);
	for (unsigned int i = 0; i < NR; i++) {
		EXPECT_EQ(self->member[cases[i].member], values[i])
			TH_LOG("%s", cases[i].name);
	}
}

TEST_F(msrs, guest_to_vmm)
{
	uint64_t values[NR];

	start(&self->vm);
	for (unsigned int i = 0; i < NR; i++)
		values[i] = cases[i].value;
	access_all(&self->vm, true, values);
	get(&self->vm, &self->state);
	for (unsigned int i = 0; i < NR; i++) {
		EXPECT_EQ(cases[i].value, self->member[cases[i].member])
			TH_LOG("%s", cases[i].name);
	}
}

TEST_F(msrs, vmm_to_guest)
{
	uint64_t values[NR] = { 0 };
	struct svmvcpu_state seen;

	start(&self->vm);
	for (unsigned int i = 0; i < NR; i++)
		self->member[cases[i].member] = cases[i].value;
	ASSERT_EQ(0, set(&self->vm, &self->state));
	get(&self->vm, &seen);
	seen.msrs.tsc = self->state.msrs.tsc;
	EXPECT_EQ(0, memcmp(&self->state.msrs, &seen.msrs, sizeof(seen.msrs)));
	access_all(&self->vm, false, values);
	for (unsigned int i = 0; i < NR; i++) {
		EXPECT_EQ(cases[i].value, values[i])
			TH_LOG("%s", cases[i].name);
	}
}

/* Values that a CPU lets a guest write (QEMU's accepts many) can be set again. */
TEST_F(msrs, not_canonical)
{
	static const unsigned int targets[] = { 1, 2, 6, 7 };	/* index into @cases */
	uint64_t values[NR], want = 1ULL << 62 | 0x1230;
	struct svmvcpu_state seen;

	start(&self->vm);
	for (unsigned int i = 0; i < NR; i++)
		values[i] = cases[i].value;
	/* Where the CPU refuses it, only the VMM writes it. */
	if (host_is_tcg())
		values[1] = want;
	access_all(&self->vm, true, values);
	get(&self->vm, &self->state);
	EXPECT_EQ(values[1], self->member[1]);
	for (unsigned int i = 0; i < ARRAY_SIZE(targets); i++)
		self->member[cases[targets[i]].member] = want;
	ASSERT_EQ(0, set(&self->vm, &self->state));
	get(&self->vm, &seen);
	seen.msrs.tsc = self->state.msrs.tsc;
	EXPECT_EQ(0, memcmp(&self->state.msrs, &seen.msrs, sizeof(seen.msrs)));
}

/* A refused value changes nothing, not even members before it. */
TEST_F(msrs, refused)
{
	struct svmvcpu_state before;

	start(&self->vm);
	get(&self->vm, &before);
	for (unsigned int i = 0; i < NR; i++) {
		if (!cases[i].bad)
			continue;
		self->state = before;
		self->state.msrs.star = 0x5555;
		self->member[cases[i].member] = cases[i].bad;
		EXPECT_EQ(EINVAL, set(&self->vm, &self->state))
			TH_LOG("%s", cases[i].name);
	}
	/* Each byte of PAT, every value */
	for (unsigned int byte = 0; byte < 8; byte++)
		for (uint64_t type = 0; type < 256; type++) {
			bool good = type <= 7 && type != 2 && type != 3;

			self->state = before;
			self->state.msrs.pat &= ~(0xffULL << byte * 8);
			self->state.msrs.pat |= type << byte * 8;
			ASSERT_EQ(good ? 0 : EINVAL, set(&self->vm, &self->state));
		}
	ASSERT_EQ(0, set(&self->vm, &before));
	get(&self->vm, &self->state);
	self->state.msrs.tsc = before.msrs.tsc;
	EXPECT_EQ(0, memcmp(&before.msrs, &self->state.msrs, sizeof(before.msrs)));
}

GUEST64(read_tsc, "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n vmmcall\n jmp guest_read_tsc");

/* The TSC continues from a value that is set, up or down, for the guest and for the VMM. */
TEST_F(msrs, tsc)
{
	static const uint64_t from[] = { 1ULL << 40, 0, 1ULL << 62, 12345678 };
	struct test_vm *vm = &self->vm;
	uint64_t last;

	load_guest(vm, read_tsc);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	for (unsigned int i = 0; i < ARRAY_SIZE(from); i++) {
		get(vm, &self->state);
		last = from[i];
		self->state.msrs.tsc = last;
		ASSERT_EQ(0, set(vm, &self->state));
		for (int round = 0; round < 20; round++) {
			get(vm, &self->state);
			EXPECT_LE(last, self->state.msrs.tsc);
			last = self->state.msrs.tsc;
			RUN_EXPECT(vm, HYPERCALL);
			EXPECT_LE(last, vm->run->hypercall.nr);
			last = vm->run->hypercall.nr;
		}
		/* much less than a minute for any clock rate */
		EXPECT_GT(from[i] + (1ULL << 38), last);
	}
}

/* A guest's TSC starts with its VM and so differs from the host's. */
TEST_F(msrs, tsc_starts_with_the_vm)
{
	uint64_t before = __builtin_ia32_rdtsc(), guest;
	struct test_vm vm;

	vm_open(&vm);
	load_guest(&vm, read_tsc);
	for (int round = 0; round < 2; round++) {
		vm_setup(&vm, SVMVCPU_PRESET_LONG64);
		RUN_EXPECT(&vm, HYPERCALL);
		guest = vm.run->hypercall.nr;
		EXPECT_LE(guest, __builtin_ia32_rdtsc() - before);
		get(&vm, &self->state);
		EXPECT_LE(guest, self->state.msrs.tsc);
		EXPECT_LE(self->state.msrs.tsc, __builtin_ia32_rdtsc() - before);
	}
	vm_close(&vm);
}

GUEST64(aux,
	"rdtscp\n"
	"mov %rcx, %rbx\n"
	"mov $0xc0000103, %ecx\n"
	"mov $0x7654321, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"rdtscp\n"
	"hlt");

static unsigned int vdso_cpu(void)
{
	unsigned int eax, edx, aux;

	/* what getcpu() of the vDSO reads, unless it uses RDPID or the GDT */
	asm volatile("rdtscp" : "=a" (eax), "=d" (edx), "=c" (aux));
	return aux & 0xfff;
}

/* The guest has its own value on both CPUs, and the host keeps its values. */
TEST_F(msrs, tsc_aux)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, aux);
	for (int round = 0; round < 6; round++) {
		ASSERT_EQ(0, pin_to_cpu(round & 1));
		vm_setup(vm, SVMVCPU_PRESET_LONG64);
		get(vm, &self->state);
		self->state.msrs.tsc_aux = 0xfeed0000 + round;
		ASSERT_EQ(0, set(vm, &self->state));
		RUN_EXPECT(vm, HALT);
		EXPECT_EQ(0xfeed0000ULL + round, vm->run->gprs.rbx);
		EXPECT_EQ(0x7654321ULL, vm->run->gprs.rcx);
		EXPECT_EQ((unsigned int)(round & 1), vdso_cpu());
		EXPECT_EQ(round & 1, sched_getcpu());
		get(vm, &self->state);
		EXPECT_EQ(0x7654321ULL, self->state.msrs.tsc_aux);
	}
}

GUEST64(pid, "xor %eax, %eax\n rdpid %rax\n hlt");

TEST_F(msrs, rdpid)
{
	unsigned int eax, ebx, ecx = 0, edx;
	struct test_vm *vm = &self->vm;

	__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	if (!(ecx & 1 << 22))
		SKIP(return, "the host has no RDPID");
	load_guest(vm, pid);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	get(vm, &self->state);
	self->state.msrs.tsc_aux = 0xabcdef01;
	ASSERT_EQ(0, set(vm, &self->state));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0xabcdef01ULL, vm->run->gprs.rax);
}

/* WRMSR in the guest has the same limits as SET_STATE. */
TEST_F(msrs, guest_gets_gp)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_put(vm, CODE("\x0f\x30"));
	for (unsigned int i = 0; i < NR; i++) {
		/* The emulator does not check what a CPU checks itself. */
		if (cases[i].index != 0x277 && cases[i].index != TSC_AUX)
			continue;
		idt_setup(vm, IDT_LONG64);
		IDT_REGS(vm, regs->rcx = cases[i].index; regs->rax = (uint32_t)cases[i].bad;
			 regs->rdx = cases[i].bad >> 32);
		RUN_VECTOR(vm, VEC_GP, &out);
		get(vm, &self->state);
		EXPECT_NE(cases[i].bad, self->member[cases[i].member]);
	}
}

TEST_HARNESS_MAIN
