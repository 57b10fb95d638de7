// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the state of a vCPU: what is set can be read again, and is what the guest
 * finds.
 *
 * kernel: stock, debug
 */
#include "kvm_client.h"

CLIENT_FIXTURE(state)

GUEST64(halt, "hlt");

/* --- registers ------------------------------------------------------------ */

TEST_F(state, regs)
{
	struct client *c = &self->c;
	struct kvm_regs in, out;

	client_load(c, halt);
	client_start(c, 64);
	for (unsigned int i = 0; i < sizeof(in) / 8; i++)
		((__u64 *)&in)[i] = 0x1111111111111111ULL * (i % 15 + 1);
	in.rip = TEST_CODE;
	in.rflags = 0xcd7;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_REGS, &in));
	out = client_regs(c);
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
	CLIENT_EXPECT(c, HLT);
	in.rip++;
	out = client_regs(c);
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
}

TEST_F(state, sregs)
{
	struct client *c = &self->c;
	struct kvm_sregs in, out;

	client_sregs(c, &in, 64);
	in.cr2 = 0xdeadbeef000ULL;
	in.cr8 = 5;
	in.fs.base = 0x123456789000ULL;
	in.gdt.base = 0x8000;
	in.gdt.limit = 0x7f;
	in.ds.dpl = 3;
	in.es.present = 0;
	in.es.unusable = 1;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_SREGS, &in));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS, &out));
	EXPECT_EQ(in.cr0, out.cr0);
	EXPECT_EQ(in.cr2, out.cr2);
	EXPECT_EQ(in.cr3, out.cr3);
	EXPECT_EQ(in.cr4, out.cr4);
	EXPECT_EQ(in.cr8, out.cr8);
	EXPECT_EQ(in.efer, out.efer);
	EXPECT_EQ(in.apic_base, out.apic_base);
	EXPECT_EQ(in.fs.base, out.fs.base);
	EXPECT_EQ(in.gdt.base, out.gdt.base);
	EXPECT_EQ(in.gdt.limit, out.gdt.limit);
	EXPECT_EQ(0, memcmp(&in.cs, &out.cs, sizeof(in.cs)));
	EXPECT_EQ(0, memcmp(&in.ds, &out.ds, sizeof(in.ds)));
	EXPECT_EQ(1, out.es.unusable);
}

TEST_F(state, refused_sregs)
{
	static const struct {
		__u64 cr0, cr4, efer;
		int bits;
	} bad[] = {
		{ C_CR0_PE | C_CR0_PG | C_CR0_ET, 0, C_EFER_LONG, 64 },		/* no PAE */
		{ C_CR0_PE | C_CR0_PG | C_CR0_ET, C_CR4_PAE, 0x100, 64 },	/* no LMA */
		{ C_CR0_PE | C_CR0_ET, C_CR4_PAE, C_EFER_LONG, 32 },		/* LMA, no PG */
		{ C_CR0_PE | C_CR0_ET, 0, 0, 64 },				/* CS.L */
		{ C_CR0_PE | C_CR0_ET, 1ULL << 40, 0, 32 },			/* reserved */
	};
	struct client *c = &self->c;
	struct kvm_sregs before, sregs, after;

	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS, &before));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		client_sregs(c, &sregs, bad[i].bits);
		sregs.cr0 = bad[i].cr0;
		sregs.cr4 = bad[i].cr4;
		sregs.efer = bad[i].efer;
		EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_SREGS, &sregs)) {
			TH_LOG("row %u", i);
		}
	}
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS, &after));
	EXPECT_EQ(before.cr0, after.cr0);
	EXPECT_EQ(before.cr4, after.cr4);
	EXPECT_EQ(before.efer, after.efer);
}

TEST_F(state, sregs2)
{
	struct client *c = &self->c;
	struct kvm_sregs2 in, out;
	struct kvm_sregs sregs;

	ASSERT_EQ(1, ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_SREGS2));
	client_sregs(c, &sregs, 64);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_SREGS, &sregs));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS2, &in));
	EXPECT_EQ(sregs.cr3, in.cr3);
	EXPECT_EQ(0ULL, in.flags);
	in.cr2 = 0x1000;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_SREGS2, &in));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS2, &out));
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
	in.flags = 1ULL << 63;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_SREGS2, &in));
	in.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_SREGS2, &in));
}

TEST_F(state, debugregs)
{
	struct kvm_debugregs in = {
		.db = { 0x1000, 0x2000, 0x3000, 0x4000 }, .dr6 = 0xffff0ff1, .dr7 = 0x455,
	}, out;
	struct client *c = &self->c;

	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_DEBUGREGS, &in));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_DEBUGREGS, &out));
	EXPECT_EQ(0, memcmp(in.db, out.db, sizeof(in.db)));
	EXPECT_EQ(in.dr6, out.dr6);
	EXPECT_EQ(in.dr7, out.dr7);
	in.flags = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_DEBUGREGS, &in));
	in.flags = 0;
	in.dr6 = 1ULL << 32;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_DEBUGREGS, &in));
}

/* --- MSRs ----------------------------------------------------------------- */

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[4];
};

TEST_F(state, msrs)
{
	struct msrs in = {
		.head.nmsrs = 3,
		.entry = { { .index = 0x174, .data = 8 }, { .index = 0xc0000082, .data = 0x1234 },
			   { .index = 0xc0000102, .data = 0x5678 } },
	}, out = in;
	struct client *c = &self->c;

	EXPECT_EQ(3, ioctl(c->vcpu, KVM_SET_MSRS, &in));
	for (int i = 0; i < 3; i++)
		out.entry[i].data = 0;
	EXPECT_EQ(3, ioctl(c->vcpu, KVM_GET_MSRS, &out));
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
	/* The first that does not exist ends the list. */
	in.entry[1].index = 0x12345678;
	EXPECT_EQ(1, ioctl(c->vcpu, KVM_SET_MSRS, &in));
	EXPECT_EQ(1, ioctl(c->vcpu, KVM_GET_MSRS, &in));
	/* as does the first value that is not allowed */
	in.entry[0] = (struct kvm_msr_entry) { .index = 0x174, .data = 9 };
	in.entry[1] = (struct kvm_msr_entry) { .index = 0x277, .data = 0x0202020202020202 };
	EXPECT_EQ(1, ioctl(c->vcpu, KVM_SET_MSRS, &in));
	out.head.nmsrs = 1;
	EXPECT_EQ(1, ioctl(c->vcpu, KVM_GET_MSRS, &out));
	EXPECT_EQ(9ULL, out.entry[0].data);
}

TEST_F(state, msr_lists)
{
	static const unsigned long lists[] = {
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST,
	};
	struct client *c = &self->c;
	struct {
		struct kvm_msr_list head;
		__u32 indices[1024];
	} list;
	struct msrs one = { .head.nmsrs = 1 };

	for (int i = 0; i < 2; i++) {
		list.head.nmsrs = 0;
		EXPECT_EQ(E2BIG, ioctl_errno(c->dev, lists[i], &list));
		EXPECT_LT(0U, list.head.nmsrs);
		ASSERT_GT(1024U, list.head.nmsrs);
		ASSERT_EQ(0, ioctl(c->dev, lists[i], &list));
		/* All that are listed can be read, and feature MSRs without a vCPU. */
		for (unsigned int n = 0; n < list.head.nmsrs; n++) {
			one.entry[0].index = list.indices[n];
			EXPECT_EQ(1, ioctl(i ? c->dev : c->vcpu, KVM_GET_MSRS, &one)) {
				TH_LOG("MSR %#x", list.indices[n]);
			}
		}
	}
}

GUEST64(msr, "mov $0x200, %ecx\n rdmsr\n mov %eax, %ebx\n mov $0x277, %ecx\n rdmsr\n hlt");

TEST_F(state, msr_of_guest)
{
	struct msrs in = {
		.head.nmsrs = 2,
		.entry = { { .index = 0x200, .data = 6 },
			   { .index = 0x277, .data = 0x0006060606060600 } },
	};
	struct client *c = &self->c;

	client_load(c, msr);
	client_start(c, 64);
	ASSERT_EQ(2, ioctl(c->vcpu, KVM_SET_MSRS, &in));
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(6ULL, client_regs(c).rbx);
	EXPECT_EQ(0x06060600ULL, client_regs(c).rax);
}

/* Setting other MSRs does not turn the time stamp counter back. */
TEST_F(state, tsc)
{
	struct msrs tsc = { .head.nmsrs = 1, .entry = { { .index = 0x10 } } };
	struct msrs star = { .head.nmsrs = 1, .entry = { { .index = 0xc0000081 } } };
	struct client *c = &self->c;
	__u64 last = 0;

	if (on_kvm())
		SKIP(return, "KVM: the counter of a vCPU that has not run");
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(1, ioctl(c->vcpu, KVM_GET_MSRS, &tsc));
		ASSERT_LT(last, tsc.entry[0].data);
		last = tsc.entry[0].data;
		ASSERT_EQ(1, ioctl(c->vcpu, KVM_SET_MSRS, &star));
	}
}

/* --- CPUID ---------------------------------------------------------------- */

static struct kvm_cpuid2 *supported(struct client *c)
{
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) + 256 * sizeof(*table->entries));

	table->nent = 256;
	if (ioctl(c->dev, KVM_GET_SUPPORTED_CPUID, table))
		client_die("KVM_GET_SUPPORTED_CPUID");
	return table;
}

GUEST64(cpuid, "mov $0x40000000, %eax\n cpuid\n hlt");

TEST_F(state, cpuid)
{
	struct client *c = &self->c;
	struct kvm_cpuid2 *table = supported(c), small = { .nent = 1 };
	__u32 nr = table->nent;
	struct kvm_regs regs;

	EXPECT_EQ(E2BIG, ioctl_errno(c->dev, KVM_GET_SUPPORTED_CPUID, &small));
	client_load(c, cpuid);
	client_start(c, 64);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_CPUID2, table));
	small.nent = 0;
	EXPECT_EQ(E2BIG, ioctl_errno(c->vcpu, KVM_GET_CPUID2, &small));
	table->nent = nr;
	memset(table->entries, 0, nr * sizeof(*table->entries));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_CPUID2, table));
	EXPECT_NE(0U, table->entries[0].eax);
	/* The state that was set before is still there. */
	CLIENT_EXPECT(c, HLT);
	regs = client_regs(c);
	EXPECT_EQ(0x4b4d564bULL, regs.rbx);
	EXPECT_EQ(0x564b4d56ULL, regs.rcx);
	EXPECT_EQ(0x4dULL, regs.rdx);
	/* The same table is still allowed, another is not. */
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_SET_CPUID2, table));
	table->entries[0].ebx ^= 1;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_CPUID2, table));
	free(table);
}

/* --- FPU ------------------------------------------------------------------ */

GUEST64(fpu, "movdqa %xmm1, %xmm0\n fld1\n hlt");

#define XSTATE_BV(xsave)	(*(__u64 *)((char *)(xsave) + 512))

static void allow_sse(struct client *c)
{
	struct kvm_sregs sregs;

	if (ioctl(c->vcpu, KVM_GET_SREGS, &sregs))
		client_die("KVM_GET_SREGS");
	sregs.cr4 |= 0x600;
	if (ioctl(c->vcpu, KVM_SET_SREGS, &sregs))
		client_die("KVM_SET_SREGS");
}

TEST_F(state, fpu)
{
	static const __u8 one[16] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f };
	struct kvm_fpu in, out;
	struct client *c = &self->c;
	struct kvm_xsave xsave;

	client_load(c, fpu);
	client_start(c, 64);
	allow_sse(c);
	/* KVM loads only components that have been used. */
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XSAVE, &xsave));
	XSTATE_BV(xsave.region) |= 3;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_XSAVE, &xsave));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_FPU, &in));
	EXPECT_EQ(0x37f, in.fcw);
	memset(in.xmm[1], 0x5a, 16);
	in.fcw = 0x27f;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_FPU, &in));
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_FPU, &out));
	EXPECT_EQ(0x27f, out.fcw);
	EXPECT_EQ(0, memcmp(out.xmm[0], in.xmm[1], 16));
	EXPECT_EQ(0, memcmp(out.fpr[0], one, 10));
	EXPECT_EQ(0x80, out.ftwx);
}

TEST_F(state, xsave)
{
	struct client *c = &self->c;
	struct kvm_xsave in, out;

	client_load(c, fpu);
	client_start(c, 64);
	allow_sse(c);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XSAVE, &in));
	EXPECT_EQ(0x37f, *(__u16 *)in.region);
	memset((char *)in.region + 176, 0xa5, 16);
	XSTATE_BV(in.region) |= 3;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_XSAVE, &in));
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XSAVE, &out));
	EXPECT_EQ(0, memcmp((char *)in.region + 176, (char *)out.region + 160, 16));
	XSTATE_BV(in.region) |= 1ULL << 60;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_XSAVE, &in));
}

/* The registers of AVX may come before XCR0 allows them. */
TEST_F(state, xcrs)
{
	struct kvm_cpuid2 *table = supported(&self->c);
	struct kvm_xcrs xcrs = { 0 };
	struct client *c = &self->c;
	struct kvm_xsave xsave;
	__u64 all = 0;

	for (unsigned int i = 0; i < table->nent; i++)
		if (table->entries[i].function == 0xd && !table->entries[i].index)
			all = table->entries[i].eax;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_CPUID2, table));
	free(table);
	if (ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) != 1)
		SKIP(return, "the CPU has no XSAVE");
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XCRS, &xcrs));
	EXPECT_EQ(1U, xcrs.nr_xcrs);
	EXPECT_EQ(1ULL, xcrs.xcrs[0].value);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XSAVE, &xsave));
	if (all & 4) {
		XSTATE_BV(xsave.region) |= 7;
		memset((char *)xsave.region + 576, 0x77, 256);
	}
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_XSAVE, &xsave));
	xcrs.xcrs[0].value = all & 7;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_XCRS, &xcrs));
	xcrs.xcrs[0].value = 0;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XCRS, &xcrs));
	EXPECT_EQ(all & 7, xcrs.xcrs[0].value);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_XSAVE, &xsave));
	if (all & 4)
		EXPECT_EQ(0x77, ((__u8 *)xsave.region)[576]);
	xcrs.xcrs[0].value = 2;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_XCRS, &xcrs));
	xcrs.flags = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_XCRS, &xcrs));
}

/* --- events --------------------------------------------------------------- */

TEST_F(state, events)
{
	struct kvm_vcpu_events in, out;
	struct client *c = &self->c;

	client_start(c, 32);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_VCPU_EVENTS, &in));
	EXPECT_EQ(0, in.exception.injected);
	EXPECT_EQ(0, in.interrupt.injected);
	in.exception.injected = 1;
	in.exception.nr = 13;
	in.exception.has_error_code = 1;
	in.exception.error_code = 0x18;
	in.nmi.masked = 1;
	in.nmi.pending = 1;
	in.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_VCPU_EVENTS, &in));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_VCPU_EVENTS, &out));
	EXPECT_EQ(1, out.exception.injected);
	EXPECT_EQ(13, out.exception.nr);
	EXPECT_EQ(1, out.exception.has_error_code);
	EXPECT_EQ(0x18U, out.exception.error_code);
	EXPECT_EQ(1, out.nmi.masked);
	EXPECT_EQ(1, out.nmi.pending);
	EXPECT_NE(0, out.interrupt.shadow);
	in.flags = 1U << 30;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_VCPU_EVENTS, &in));
	in.flags = 0;
	in.exception.nr = 2;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_VCPU_EVENTS, &in));
	in.exception.nr = 32;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_VCPU_EVENTS, &in));
}

TEST_F(state, mp_state)
{
	struct kvm_mp_state mp_state = { .mp_state = 77 };
	struct client *c = &self->c;

	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_MP_STATE, &mp_state));
	EXPECT_EQ((__u32)KVM_MP_STATE_RUNNABLE, mp_state.mp_state);
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_SET_MP_STATE, &mp_state));
	/* Without a local APIC there is no other. */
	mp_state.mp_state = KVM_MP_STATE_HALTED;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_MP_STATE, &mp_state));
	mp_state.mp_state = 77;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_SET_MP_STATE, &mp_state));
}

/* --- debuggers ------------------------------------------------------------ */

GUEST64(steps, "nop\n nop\n int3\n mov 0x8000, %eax\n nop\n hlt");

TEST_F(state, guest_debug)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct client *c = &self->c;

	client_load(c, steps);
	client_start(c, 64);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_GUEST_DEBUG, &debug));
	CLIENT_EXPECT(c, DEBUG);
	EXPECT_EQ(TEST_CODE + 1, c->run->debug.arch.pc);
	EXPECT_EQ(1U, c->run->debug.arch.exception);
	EXPECT_NE(0ULL, c->run->debug.arch.dr6 & 0x4000);
	/* KVM ignores what it does not know. */
	debug.control = 1U << 31;
	EXPECT_EQ(on_kvm() ? 0 : EINVAL, ioctl_errno(c->vcpu, KVM_SET_GUEST_DEBUG, &debug));
}

/* QEMU does not intercept INT3, so that KVM does not see it there. */
TEST_F(state, software_breakpoint)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP,
	};
	struct client *c = &self->c;

	if (on_kvm() && host_is_tcg())
		SKIP(return, "QEMU: INT3 is not intercepted");
	client_load(c, steps);
	client_start(c, 64);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_GUEST_DEBUG, &debug));
	CLIENT_EXPECT(c, DEBUG);
	EXPECT_EQ(TEST_CODE + 2, c->run->debug.arch.pc);
	EXPECT_EQ(3U, c->run->debug.arch.exception);
}

TEST_F(state, translate)
{
	struct kvm_translation translation = { .linear_address = TEST_DATA + 0x123 };
	struct client *c = &self->c;

	client_start(c, 64);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_TRANSLATE, &translation));
	EXPECT_EQ(1, translation.valid);
	EXPECT_EQ(TEST_DATA + 0x123, translation.physical_address);
	translation.linear_address = 1ULL << 40;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_TRANSLATE, &translation));
	EXPECT_EQ(0, translation.valid);
}

TEST_F(state, tsc_khz)
{
	struct client *c = &self->c;
	int khz = ioctl(c->vcpu, KVM_GET_TSC_KHZ, 0);

	EXPECT_LT(0, khz);
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_SET_TSC_KHZ, khz));
}

TEST_HARNESS_MAIN
