// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that could reach the host: in each mode and at CPL 0 and 3 the guest
 * gets the result of a CPU without the feature, and the host's MSRs and XCR0 do not
 * change.
 *
 * At CPL 3 an SVM instruction may also give #GP: the CPU checks the CPL before the
 * intercept, and EFER.SVME is set while a guest runs.
 */
#include "msr_list.h"

/* Allowed results, as a set */
#define R_NOP		(1U << 0)
#define R_UD		(1U << 1)
#define R_GP		(1U << 2)

#define M_64		(1U << 0)	/* encoding for 64-bit mode only */
#define M_ECX0		(1U << 1)	/* another ECX is #GP before the intercept */

struct insn_case {
	const char *name;
	const char *code;
	unsigned int len;
	unsigned int kernel;	/* CPL 0: R_* */
	unsigned int user;	/* CPL 3 */
	unsigned int flags;	/* M_* */
};

#define INSN(name, code, ...)	{ name, CODE(code), __VA_ARGS__ }

static const struct insn_case insn_cases[] = {
	INSN("vmrun",		"\x0f\x01\xd8",		R_UD, R_UD | R_GP, 0),
	INSN("vmload",		"\x0f\x01\xda",		R_UD, R_UD | R_GP, 0),
	INSN("vmsave",		"\x0f\x01\xdb",		R_UD, R_UD | R_GP, 0),
	INSN("stgi",		"\x0f\x01\xdc",		R_UD, R_UD | R_GP, 0),
	INSN("clgi",		"\x0f\x01\xdd",		R_UD, R_UD | R_GP, 0),
	INSN("skinit",		"\x0f\x01\xde",		R_UD, R_UD | R_GP, 0),
	INSN("invlpga",		"\x0f\x01\xdf",		R_UD, R_UD | R_GP, 0),
	INSN("vmcall",		"\x0f\x01\xc1",		R_UD, R_UD, 0),
	INSN("monitor",		"\x0f\x01\xc8",		R_UD, R_UD, M_ECX0),
	INSN("mwait",		"\x0f\x01\xc9",		R_UD, R_UD, M_ECX0),
	INSN("monitorx",	"\x0f\x01\xfa",		R_UD, R_UD, M_ECX0),
	INSN("mwaitx",		"\x0f\x01\xfb",		R_UD, R_UD, M_ECX0),
	INSN("mcommit",		"\xf3\x0f\x01\xfa",	R_UD, R_UD, M_ECX0),
	INSN("rdpru",		"\x0f\x01\xfd",		R_UD, R_UD, 0),
	INSN("invlpgb",		"\x0f\x01\xfe",		R_UD, R_UD | R_GP, 0),
	INSN("tlbsync",		"\x0f\x01\xff",		R_UD, R_UD | R_GP, 0),
	INSN("psmash",		"\xf3\x0f\x01\xff",	R_UD, R_UD | R_GP, M_64),
	INSN("rdtscp",		"\x0f\x01\xf9",		R_NOP, R_NOP, 0),
	INSN("rdpid",		"\xf3\x0f\xc7\xf8",	R_UD | R_NOP, R_UD | R_NOP, 0),
	INSN("invpcid",		"\x66\x0f\x38\x82\x07",	R_UD, R_UD | R_GP, 0),
	INSN("xgetbv",		"\x0f\x01\xd0",		R_UD, R_UD, 0),
	INSN("xsetbv",		"\x0f\x01\xd1",		R_UD, R_UD | R_GP, 0),
	INSN("xsave",		"\x0f\xae\x27",		R_UD, R_UD, 0),
	INSN("xrstor",		"\x0f\xae\x2f",		R_UD, R_UD, 0),
	INSN("xsaves",		"\x0f\xc7\x2f",		R_UD, R_UD | R_GP, 0),
	INSN("vzeroupper",	"\xc5\xf8\x77",		R_UD, R_UD, M_64),
	INSN("rsm",		"\x0f\xaa",		R_UD, R_UD, 0),
	INSN("getsec",		"\x0f\x37",		R_UD, R_UD, 0),
	INSN("pconfig",		"\x0f\x01\xc5",		R_UD, R_UD, 0),
	INSN("rdfsbase",	"\xf3\x48\x0f\xae\xc0",	R_UD, R_UD, M_64),
	INSN("rdpmc",		"\x0f\x33",		R_GP, R_GP, 0),
	INSN("invd",		"\x0f\x08",		R_NOP, R_GP, 0),
	INSN("wbinvd",		"\x0f\x09",		R_NOP, R_GP, 0),
	INSN("wbnoinvd",	"\xf3\x0f\x09",		R_NOP, R_GP, 0),
	INSN("rdmsr",		"\x0f\x32",		R_NOP, R_GP, 0),
	INSN("wrmsr",		"\x0f\x30",		R_GP, R_GP, 0),
	INSN("hlt",		"\xf4",			R_NOP, R_GP, 0),
	INSN("cpuid",		"\x0f\xa2",		R_NOP, R_NOP, 0),
	INSN("rdtsc",		"\x0f\x31",		R_NOP, R_NOP, 0),
	INSN("pause",		"\xf3\x90",		R_NOP, R_NOP, 0),
};

/* Registers of the host that no guest may change; those that the CPU lacks read as an error. */
static const uint32_t host_msrs[] = {
	0x1b, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x1d9, 0x200, 0x201, 0x277, 0x2ff,
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000103,
	0xc0010010, 0xc0010015, 0xc0010016, 0xc0010017, 0xc001001a, 0xc0010114,
	0xc0010117,
};

#define NR_HOST_MSRS	ARRAY_SIZE(host_msrs)

FIXTURE(isolation_insns) {
	struct test_vm vm;
	uint64_t msrs[NR_HOST_MSRS];
	uint64_t xcr0;
};

static uint64_t read_xcr0(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & (1U << 27)))
		return 0;
	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return (uint64_t)edx << 32 | eax;
}

FIXTURE_SETUP(isolation_insns)
{
	vm_open_and_run(&self->vm);
	host_read_msrs(host_msrs, NR_HOST_MSRS, self->msrs);
	self->xcr0 = read_xcr0();
}

VM_TEARDOWN(isolation_insns)

/* R_* for the end of a run; 0 for anything else */
static unsigned int outcome_bit(const struct test_vm *vm, const struct insn_case *insn,
				const struct idt_outcome *out)
{
	bool halted = vm->run->reason == SVMVCPU_EXIT_HALT && !strcmp(insn->name, "hlt");

	if (out->vector == VEC_UD && out->rip == TEST_CODE)
		return R_UD;
	if (out->vector == VEC_GP && out->rip == TEST_CODE && out->error + 1 <= 1)
		return R_GP;
	if (out->vector == NO_VECTOR && (halted || idt_finished(vm, insn->len)))
		return R_NOP;
	return 0;
}

static unsigned int run_case(struct test_vm *vm, const struct insn_case *insn,
			     enum idt_mode mode, struct idt_outcome *out)
{
	idt_put(vm, insn->code, insn->len);
	idt_setup(vm, mode);
	/* EFER: RDMSR works, WRMSR of these bits does not; DI points to memory. */
	IDT_REGS(vm, regs->rcx = insn->flags & M_ECX0 ? 0 : 0xc0000080; regs->rax = EFER_SVME;
		 regs->rdi = TEST_DATA; regs->rbx = TEST_DATA);
	if (idt_run(vm, out))
		vm_die("RUN");
	return outcome_bit(vm, insn, out);
}

static unsigned int allowed_outcomes(const struct insn_case *insn, enum idt_mode mode)
{
	unsigned int allowed = idt_mode_is_user(mode) ? insn->user : insn->kernel;

	/* In vm86 mode and real mode, instructions that need protected mode give #UD. */
	if (mode == IDT_VM86 && (allowed & R_GP) && insn->code[0] == 0x0f &&
	    insn->code[1] == 0x01)
		allowed |= R_UD;
	return allowed;
}

TEST_F(isolation_insns, every_mode)
{
	const unsigned int nr = ARRAY_SIZE(insn_cases);
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i, got, mode;

	for (i = 0; i < nr; i++) {
		const struct insn_case *insn = &insn_cases[i];

		for (mode = 0; mode < IDT_NR_MODES; mode++) {
			if ((insn->flags & M_64) && mode < IDT_LONG64)
				continue;
			got = run_case(vm, insn, mode, &out);
			EXPECT_NE(0U, got & allowed_outcomes(insn, mode)) {
				TH_LOG("%s in %s: vector %d error %#x rip %#llx, exit %s",
				       insn->name, idt_mode_names[mode], out.vector, out.error,
				       (unsigned long long)out.rip,
				       svmvcpu_exit_name(vm->run->reason));
			}
		}
	}
}

/* After all of them the host is unchanged, and the guest still runs. */
TEST_F(isolation_insns, host_unharmed)
{
	const unsigned int nr = ARRAY_SIZE(insn_cases);
	struct test_vm *vm = &self->vm;
	uint64_t after[NR_HOST_MSRS];
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < nr; i++)
		run_case(vm, &insn_cases[i], IDT_LONG64, &out);
	host_read_msrs(host_msrs, NR_HOST_MSRS, after);
	for (i = 0; i < NR_HOST_MSRS; i++) {
		EXPECT_EQ(self->msrs[i], after[i])
			TH_LOG("host MSR %#x changed", host_msrs[i]);
	}
	EXPECT_EQ(self->xcr0, read_xcr0());
	idt_exec(vm, IDT_LONG64, CODE("\x90"), &out);
	EXPECT_TRUE(idt_finished(vm, 1));
}

/*
 * The register operands of SVM instructions are host-physical addresses: that memory is
 * neither read nor written.
 */
TEST_F(isolation_insns, vmload_vmsave_touch_nothing)
{
	static const char * const code[] = { "\x0f\x01\xda", "\x0f\x01\xdb", "\x0f\x01\xd8" };
	struct test_vm *vm = &self->vm;
	unsigned char before[4096];
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		idt_put(vm, code[i], 3);
		idt_setup(vm, IDT_LONG64);
		memset(vm->mem + TEST_DATA, 0x5a, 4096);
		memcpy(before, vm->mem + TEST_DATA, 4096);
		IDT_REGS(vm, regs->rax = TEST_DATA);
		RUN_VECTOR(vm, VEC_UD, &out);
		EXPECT_EQ(TEST_DATA, vm->run->gprs.rax);
		EXPECT_EQ(0, memcmp(before, vm->mem + TEST_DATA, 4096));
	}
}

TEST_HARNESS_MAIN
