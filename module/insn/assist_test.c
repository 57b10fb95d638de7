// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: when the CPU's own description of an instruction is believed, and what
 * it comes to. No emulator has decode assists, so VMCBs are filled in here.
 */
#include <kunit/test.h>

#include "assist.c"

#define ALL_FEATURES	(SVMVCPU_FEAT_DECODE_ASSISTS | SVMVCPU_FEAT_NRIP)
#define RIP		0x1000ULL

static const u64 npf_write = NPF_FINAL | NPF_USER | NPF_WRITE;

static void set_mode(struct vmcb *vmcb, enum guest_mode mode)
{
	vmcb->save.cr0 = mode == GUEST_REAL ? 0 : GUEST_CR0_PE;
	vmcb->save.efer = mode == GUEST_LONG64 ? GUEST_EFER_LMA : 0;
	vmcb->save.cs.attrib = mode == GUEST_LONG64 ? GUEST_SEG_L :
			       mode == GUEST_PROT32 ? GUEST_SEG_DB : 0;
}

/* A VMCB after a nested page fault of a write in 64-bit mode */
static struct vmcb *npf_vmcb(struct kunit *test, const char *bytes, unsigned int len)
{
	struct vmcb *vmcb = kunit_kzalloc(test, sizeof(*vmcb), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vmcb);
	set_mode(vmcb, GUEST_LONG64);
	vmcb->save.rip = RIP;
	vmcb->control.exit_code = VMEXIT_NPF;
	vmcb->control.exit_info_1 = npf_write;
	vmcb->control.insn_len = len;
	memcpy(vmcb->control.insn_bytes, bytes, min_t(unsigned int, len, INSN_MAX_LEN));
	return vmcb;
}

/* mov %eax, (%rbx), and what follows it */
#define STORE	"\x89\x03\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4"
/* movl $0x12345678, 0x10(%rbx) */
#define STORE_IMM	"\xc7\x43\x10\x78\x56\x34\x12"

static void assist_test_bytes(struct kunit *test)
{
	struct vmcb *vmcb = npf_vmcb(test, STORE, 15);
	struct ginsn insn;
	const u8 *bytes;

	KUNIT_EXPECT_EQ(test, assist_bytes(vmcb, ALL_FEATURES, &bytes), 15U);
	KUNIT_EXPECT_PTR_EQ(test, bytes, (const u8 *)vmcb->control.insn_bytes);
	KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	KUNIT_EXPECT_EQ(test, insn.class, INSN_MOV);
	KUNIT_EXPECT_EQ(test, insn.len, 2);
	KUNIT_EXPECT_EQ(test, insn.op_bytes, 4);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RBX);
	/* A saved next RIP is not needed. */
	KUNIT_EXPECT_TRUE(test, assist_decode(vmcb, SVMVCPU_FEAT_DECODE_ASSISTS, &insn));
	/* The bytes are of the mode at the exit. */
	set_mode(vmcb, GUEST_REAL);
	KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	KUNIT_EXPECT_EQ(test, insn.op_bytes, 2);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RBP);
}

/* Just as many as the instruction has, then fewer */
static void assist_test_cut_off(struct kunit *test)
{
	unsigned int len = sizeof(STORE_IMM) - 1;
	struct vmcb *vmcb = npf_vmcb(test, STORE_IMM, len);
	struct ginsn insn;

	KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	KUNIT_EXPECT_EQ(test, insn.imm, 0x12345678ULL);
	KUNIT_EXPECT_EQ(test, (unsigned int)insn.len, len);
	while (len--) {
		vmcb->control.insn_len = len;
		KUNIT_EXPECT_FALSE_MSG(test, assist_decode(vmcb, ALL_FEATURES, &insn),
				       "%u bytes", len);
	}
}

static void assist_test_not_used(struct kunit *test)
{
	struct vmcb *vmcb = npf_vmcb(test, STORE, 15);
	struct ginsn insn;
	const u8 *bytes;

	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, SVMVCPU_FEAT_NRIP, &insn));
	KUNIT_EXPECT_EQ(test, assist_bytes(vmcb, SVMVCPU_FEAT_NRIP, &bytes), 0U);
	/* Left from an earlier exit */
	vmcb->control.exit_code = VMEXIT_CPUID;
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	vmcb->control.exit_code = VMEXIT_IOIO;
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	/* A fetch that faulted has not brought any. */
	vmcb->control.exit_code = VMEXIT_NPF;
	vmcb->control.exit_info_1 |= NPF_FETCH;
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	/* Erratum 1096: none, or zeros; only the low four bits count. */
	vmcb->control.exit_info_1 = npf_write;
	vmcb->control.insn_len = 0xf0;
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	vmcb->control.insn_len = 15;
	memset(vmcb->control.insn_bytes, 0, 15);
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	/* lock add %eax, (%rbx): not an instruction of the decoder's */
	memcpy(vmcb->control.insn_bytes, "\xf0\x01\x03", 3);
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
}

/* A VMCB after MOV CR */
static void put_mov_cr(struct vmcb *vmcb, u64 code, unsigned int gpr, u64 next_rip)
{
	vmcb->control.exit_code = code;
	vmcb->control.exit_info_1 = CR_IS_MOV | gpr;
	vmcb->control.next_rip = next_rip;
	/* Must not count: some CPUs leave what an earlier exit saved. */
	vmcb->control.insn_len = 15;
}

static void assist_test_mov_cr(struct kunit *test)
{
	struct vmcb *vmcb = npf_vmcb(test, STORE, 15);
	unsigned int code, gpr;
	struct ginsn insn;

	for (code = VMEXIT_CR0_READ; code < VMEXIT_CR0_WRITE + 16; code++) {
		for (gpr = 0; gpr < 16; gpr++) {
			put_mov_cr(vmcb, code, gpr, RIP + 3);
			KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
			KUNIT_EXPECT_EQ(test, (int)insn.class, code < VMEXIT_CR0_WRITE ?
					INSN_MOV_FROM_CR : INSN_MOV_TO_CR);
			KUNIT_EXPECT_EQ(test, (unsigned int)insn.reg, code % 16);
			KUNIT_EXPECT_EQ(test, (unsigned int)insn.rm, gpr);
			KUNIT_EXPECT_EQ(test, insn.op_bytes, 8);
			KUNIT_EXPECT_EQ(test, insn.len, 3);
			KUNIT_EXPECT_EQ(test, insn.flags, 0);
		}
	}
	set_mode(vmcb, GUEST_PROT32);
	KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	KUNIT_EXPECT_EQ(test, insn.op_bytes, 4);
}

/* The same instruction, from its bytes: what cr.c looks at is the same. */
static void assist_test_mov_cr_decoded(struct kunit *test)
{
	struct vmcb *vmcb = npf_vmcb(test, "", 0);
	struct ginsn told, decoded;

	put_mov_cr(vmcb, VMEXIT_CR0_WRITE + 4, 9, RIP + 4);
	KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &told));
	/* mov %r9, %cr4 */
	KUNIT_ASSERT_EQ(test, 0, ginsn_decode(&decoded, (const u8 *)"\x41\x0f\x22\xe1", 4,
					      GUEST_LONG64));
	KUNIT_EXPECT_EQ(test, told.class, decoded.class);
	KUNIT_EXPECT_EQ(test, told.reg, decoded.reg);
	KUNIT_EXPECT_EQ(test, told.rm, decoded.rm);
	KUNIT_EXPECT_EQ(test, told.op_bytes, decoded.op_bytes);
	KUNIT_EXPECT_EQ(test, told.len, decoded.len);
}

static void assist_test_cr_not_used(struct kunit *test)
{
	static const u64 implausible[] = { 0, RIP, RIP + 16, RIP - 1, RIP + 0x100000003 };
	struct vmcb *vmcb = npf_vmcb(test, STORE, 15);
	struct ginsn insn;
	unsigned int i;

	put_mov_cr(vmcb, VMEXIT_CR0_WRITE, 0, RIP + 3);
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, SVMVCPU_FEAT_NRIP, &insn));
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, SVMVCPU_FEAT_DECODE_ASSISTS, &insn));
	for (i = 0; i < ARRAY_SIZE(implausible); i++) {
		put_mov_cr(vmcb, VMEXIT_CR0_WRITE, 0, implausible[i]);
		KUNIT_EXPECT_FALSE_MSG(test, assist_decode(vmcb, ALL_FEATURES, &insn),
				       "next RIP %llx", implausible[i]);
	}
	/* LMSW, SMSW and CLTS */
	put_mov_cr(vmcb, VMEXIT_CR0_WRITE, 3, RIP + 3);
	vmcb->control.exit_info_1 &= ~CR_IS_MOV;
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	/* MOV DR has no flag. */
	put_mov_cr(vmcb, VMEXIT_DR0_READ, 3, RIP + 3);
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
	put_mov_cr(vmcb, VMEXIT_DR0_WRITE + 7, 3, RIP + 3);
	KUNIT_EXPECT_FALSE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
}

/* EIP wraps at 32 bits, and some CPUs do not cut the saved next RIP. */
static void assist_test_eip_wraps(struct kunit *test)
{
	static const u64 next_rips[] = { 1, 0x100000001 };
	struct vmcb *vmcb = npf_vmcb(test, "", 0);
	struct ginsn insn;
	unsigned int i;

	set_mode(vmcb, GUEST_PROT32);
	vmcb->save.rip = 0xfffffffe;
	for (i = 0; i < ARRAY_SIZE(next_rips); i++) {
		put_mov_cr(vmcb, VMEXIT_CR0_READ, 0, next_rips[i]);
		KUNIT_ASSERT_TRUE(test, assist_decode(vmcb, ALL_FEATURES, &insn));
		KUNIT_EXPECT_EQ(test, insn.len, 3);
	}
}

static struct kunit_case assist_test_cases[] = {
	KUNIT_CASE(assist_test_bytes),
	KUNIT_CASE(assist_test_cut_off),
	KUNIT_CASE(assist_test_not_used),
	KUNIT_CASE(assist_test_mov_cr),
	KUNIT_CASE(assist_test_mov_cr_decoded),
	KUNIT_CASE(assist_test_cr_not_used),
	KUNIT_CASE(assist_test_eip_wraps),
	{}
};

static struct kunit_suite assist_test_suite = {
	.name = "svmvcpu_assist",
	.test_cases = assist_test_cases,
};

kunit_test_suite(assist_test_suite);
