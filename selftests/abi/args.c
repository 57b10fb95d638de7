// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of each ioctl: sizes, flags, reserved fields, bytes that the kernel does
 * not know, invalid pointers; calls on the wrong kind of file; the contents of
 * GET_INFO; creation of files when descriptors or files run out.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <cpuid.h>

#include "abi_args.h"

enum on_file { ON_DEV, ON_VM, ON_VCPU, NR_FILES };

FIXTURE(args) {
	struct test_vm vm;
	int fd[NR_FILES];
	unsigned char *fence;
};

FIXTURE_SETUP(args)
{
	vm_open(&self->vm);
	self->fd[ON_DEV] = self->vm.dev;
	self->fd[ON_VM] = self->vm.vm;
	self->fd[ON_VCPU] = self->vm.vcpu.fd;
	self->fence = fence_alloc();
}

FIXTURE_TEARDOWN(args)
{
	svmvcpu_free(self->fence, 3 * PAGE);
	vm_close(&self->vm);
}

/* They overlap each other, which MAP refuses with REPLACE, too. */
static struct svmvcpu_region taken[2] = {
	{ .bytes = PAGE, .prot = SVMVCPU_MEM_READ }, { .bytes = PAGE, .prot = SVMVCPU_MEM_READ },
};

static const struct svmvcpu_range nothing = {
	.gpa = TEST_MEM, .bytes = PAGE,
};

union any_arg {
	struct svmvcpu_info info;
	struct svmvcpu_create_vm create_vm;
	struct svmvcpu_map map;
	struct svmvcpu_unmap unmap;
	struct svmvcpu_create_vcpu create_vcpu;
	struct svmvcpu_cpuid cpuid;
	struct svmvcpu_setup setup;
	struct svmvcpu_state state;
	struct svmvcpu_exits exits;
	struct svmvcpu_message message;
	struct svmvcpu_prefault prefault;
	struct svmvcpu_stats stats;
	struct svmvcpu_vcpu_stats vcpu_stats;
	struct svmvcpu_set_debug debug;
	struct svmvcpu_translation translation;
	struct svmvcpu_snapshot snapshot;
	struct svmvcpu_restore restore;
	struct svmvcpu_preserve preserve;
	struct svmvcpu_dirty_log log;
	struct svmvcpu_dirty_collect collect;
	struct svmvcpu_apic_access access;
	struct svmvcpu_ioeventfd ioeventfd;
	struct svmvcpu_irqfd irqfd;
	struct svmvcpu_run_args run;
	struct svmvcpu_coalesced coalesced;
	__u32 word[1];
};

static void fill_map(union any_arg *arg)
{
	arg->map.nr = 2;
	arg->map.regions = (uintptr_t)taken;
}

static void fill_unmap(union any_arg *arg)
{
	arg->unmap.nr = 1;
	arg->unmap.ranges = (uintptr_t)&nothing;
}

/* The guest does not run. */
static void fill_run(union any_arg *arg)
{
	static const unsigned char stop = 1;

	arg->run.stop = (uintptr_t)&stop;
}

static void fill_components(union any_arg *arg)
{
	arg->state.components = SVMVCPU_STATE_DEBUG;
}

static void fill_cpuid(union any_arg *arg)
{
	static struct svmvcpu_cpuid_entry entry;

	arg->cpuid.nr = 1;
	arg->cpuid.entries = (uintptr_t)&entry;
}

static void fill_message(union any_arg *arg)
{
	arg->message.vector = 64;
}

static void fill_prefault(union any_arg *arg)
{
	arg->prefault.bytes = PAGE;
}

static void fill_preserve(union any_arg *arg)
{
	static const struct svmvcpu_range range = { .bytes = PAGE };

	arg->preserve.nr = 1;
	arg->preserve.ranges = (uintptr_t)&range;
}

static void fill_log(union any_arg *arg)
{
	arg->log.flags = SVMVCPU_LOG_START;
	arg->log.bytes = PAGE;
}

static void fill_collect(union any_arg *arg)
{
	arg->collect.bytes = PAGE;
	arg->collect.max = 1;
}

/* With no file, nothing is added. */
static void fill_ioeventfd(union any_arg *arg)
{
	arg->ioeventfd.fd = -1;
	arg->ioeventfd.width = 1;
}

static void fill_irqfd(union any_arg *arg)
{
	arg->irqfd.fd = -1;
	arg->irqfd.vector = 64;
}

static void fill_access(union any_arg *arg)
{
	arg->access.width = 1;
}

/*
 * Each call that has an argument. With a valid size and flags the call returns @want:
 * calls that would change something fail in a later step.
 */
static const struct call {
	const char *name;
	enum on_file on;
	unsigned long cmd;
	size_t size;
	size_t min;
	int want;
	size_t mbz;
	void (*fill)(union any_arg *arg);
	__u32 flags;	/* the known flags */
} calls[] = {
	{ "GET_INFO", ON_DEV, SVMVCPU_GET_INFO, sizeof(struct svmvcpu_info), 16, 0, 0, NULL, 0 },
	{ "CREATE_VM", ON_DEV, SVMVCPU_CREATE_VM, sizeof(struct svmvcpu_create_vm), 8, 0, 0,
	  NULL, 0 },
	{ "GET_DEVICE_CPUID", ON_DEV, SVMVCPU_GET_DEVICE_CPUID, sizeof(struct svmvcpu_cpuid), 24,
	  E2BIG, offsetof(struct svmvcpu_cpuid, mbz), NULL, 0 },
	{ "MAP", ON_VM, SVMVCPU_MAP, sizeof(struct svmvcpu_map), 24, EEXIST,
	  offsetof(struct svmvcpu_map, mbz), fill_map, SVMVCPU_MAP_REPLACE },
	{ "UNMAP", ON_VM, SVMVCPU_UNMAP, sizeof(struct svmvcpu_unmap), 24, ENOENT,
	  offsetof(struct svmvcpu_unmap, mbz), fill_unmap, 0 },
	{ "GET_CPUID", ON_VM, SVMVCPU_GET_CPUID, sizeof(struct svmvcpu_cpuid), 24, E2BIG,
	  offsetof(struct svmvcpu_cpuid, mbz), NULL, 0 },
	{ "SET_CPUID", ON_VM, SVMVCPU_SET_CPUID, sizeof(struct svmvcpu_cpuid), 24, EBUSY,
	  offsetof(struct svmvcpu_cpuid, mbz), fill_cpuid, 0 },
	{ "CREATE_VCPU", ON_VM, SVMVCPU_CREATE_VCPU, sizeof(struct svmvcpu_create_vcpu), 16,
	  EEXIST, offsetof(struct svmvcpu_create_vcpu, mbz), NULL,
	  SVMVCPU_VCPU_LAPIC },
	{ "MESSAGE", ON_VM, SVMVCPU_MESSAGE, sizeof(struct svmvcpu_message), 16, 0, 0,
	  fill_message, SVMVCPU_MSG_LOGICAL | SVMVCPU_MSG_LEVEL },
	{ "PREFAULT", ON_VM, SVMVCPU_PREFAULT, sizeof(struct svmvcpu_prefault), 32, 0,
	  offsetof(struct svmvcpu_prefault, done), fill_prefault, SVMVCPU_PREFAULT_WRITE },
	{ "GET_STATS", ON_VM, SVMVCPU_GET_STATS, sizeof(struct svmvcpu_stats), 64, 0, 0,
	  NULL, 0 },
	{ "SNAPSHOT", ON_VM, SVMVCPU_SNAPSHOT, sizeof(struct svmvcpu_snapshot), 16, 0, 0,
	  NULL, 0 },
	{ "RESTORE", ON_VM, SVMVCPU_RESTORE, sizeof(struct svmvcpu_restore), 16, 0, 0, NULL, 0 },
	{ "PRESERVE", ON_VM, SVMVCPU_PRESERVE, sizeof(struct svmvcpu_preserve), 24, 0,
	  offsetof(struct svmvcpu_preserve, mbz), fill_preserve, 0 },
	{ "DIRTY_LOG", ON_VM, SVMVCPU_DIRTY_LOG, sizeof(struct svmvcpu_dirty_log), 24, 0, 0,
	  fill_log, SVMVCPU_LOG_START | SVMVCPU_LOG_STOP },
	/* its only flag excludes a list, which fill_collect() asks for */
	{ "DIRTY_COLLECT", ON_VM, SVMVCPU_DIRTY_COLLECT, sizeof(struct svmvcpu_dirty_collect),
	  48, 0, 0, fill_collect, 0 },
	{ "SET_IOEVENTFD", ON_VM, SVMVCPU_SET_IOEVENTFD, sizeof(struct svmvcpu_ioeventfd), 32,
	  EBADF, 0, fill_ioeventfd, SVMVCPU_IOEVENTFD_REMOVE | SVMVCPU_IOEVENTFD_PIO |
	  SVMVCPU_IOEVENTFD_DATA },
	/* REMOVE excludes a vector, and RESAMPLE needs a level-triggered message. */
	{ "SET_IRQFD", ON_VM, SVMVCPU_SET_IRQFD, sizeof(struct svmvcpu_irqfd), 32, EBADF,
	  offsetof(struct svmvcpu_irqfd, mbz32), fill_irqfd, 0 },
	/* EINVAL because the range has no bytes; events_coalesced tests the size, too. */
	{ "SET_COALESCED", ON_VM, SVMVCPU_SET_COALESCED, sizeof(struct svmvcpu_coalesced), 24,
	  EINVAL, 0, NULL, SVMVCPU_COALESCED_REMOVE | SVMVCPU_COALESCED_PIO },
	{ "RUN", ON_VCPU, SVMVCPU_RUN, sizeof(struct svmvcpu_run_args), 24, 0, 0,
	  fill_run, SVMVCPU_RUN_ARGS_SIGMASK },
	{ "SETUP", ON_VCPU, SVMVCPU_SETUP, sizeof(struct svmvcpu_setup), 48, 0,
	  offsetof(struct svmvcpu_setup, mbz), NULL, 0 },
	{ "GET_STATE", ON_VCPU, SVMVCPU_GET_STATE, sizeof(struct svmvcpu_state), 832, 0, 0,
	  fill_components, 0 },
	{ "SET_STATE", ON_VCPU, SVMVCPU_SET_STATE, sizeof(struct svmvcpu_state), 832, 0, 0,
	  fill_components, 0 },
	{ "SET_EXITS", ON_VCPU, SVMVCPU_SET_EXITS, sizeof(struct svmvcpu_exits), 16, 0, 0,
	  NULL, SVMVCPU_EXITS_FAULTS | SVMVCPU_EXITS_INIT | SVMVCPU_EXITS_IPI |
	  SVMVCPU_EXITS_PORTS | SVMVCPU_EXITS_TPR },
	{ "SET_DEBUG", ON_VCPU, SVMVCPU_SET_DEBUG, sizeof(struct svmvcpu_set_debug), 48, 0, 0,
	  NULL, SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_BREAKPOINTS | SVMVCPU_DEBUG_INT3 },
	/* EBUSY because of the SNAPSHOT above */
	{ "SET_VCPU_CPUID", ON_VCPU, SVMVCPU_SET_VCPU_CPUID, sizeof(struct svmvcpu_cpuid), 24,
	  EBUSY, offsetof(struct svmvcpu_cpuid, mbz), fill_cpuid, 0 },
	{ "GET_VCPU_CPUID", ON_VCPU, SVMVCPU_GET_VCPU_CPUID, sizeof(struct svmvcpu_cpuid), 24,
	  E2BIG, offsetof(struct svmvcpu_cpuid, mbz), NULL, 0 },
	{ "GET_VCPU_STATS", ON_VCPU, SVMVCPU_GET_VCPU_STATS, sizeof(struct svmvcpu_vcpu_stats),
	  200, 0, 0, NULL, 0 },
	{ "TRANSLATE", ON_VCPU, SVMVCPU_TRANSLATE, sizeof(struct svmvcpu_translation), 40, 0,
	  offsetof(struct svmvcpu_translation, mbz), NULL, 0 },
	{ "APIC_ACCESS", ON_VCPU, SVMVCPU_APIC_ACCESS, sizeof(struct svmvcpu_apic_access), 32,
	  ENXIO, offsetof(struct svmvcpu_apic_access, mbz), fill_access, SVMVCPU_APIC_WRITE },
};

#define NR_CALLS	(ARRAY_SIZE(calls))
#define for_each_call(call)	for (call = calls; call < calls + ARRAY_SIZE(calls); call++)

static void fill(union any_arg *arg, const struct call *call, struct test_vm *vm)
{
	memset(arg, 0, sizeof(*arg));
	taken[0].hva = (uintptr_t)vm->mem;
	taken[1].hva = (uintptr_t)vm->mem;
	arg->word[0] = call->size;
	if (call->fill)
		call->fill(arg);
}

/* The sizes in the table are part of the ABI and must not change. */
TEST_F(args, sizes_of_first_version)
{
	const struct call *call;

	for_each_call(call)
		if (call->cmd != SVMVCPU_GET_INFO && call->cmd != SVMVCPU_RUN)
			EXPECT_IN(call->min, (size_t)_IOC_SIZE(call->cmd), "%s", call->name);
	for_each_call(call)
		if (call->cmd != SVMVCPU_GET_INFO && call->cmd != SVMVCPU_GET_STATE &&
		    call->cmd != SVMVCPU_SET_STATE)
			EXPECT_IN(call->min, call->size, "%s", call->name);
	EXPECT_EQ(848UL, sizeof(struct svmvcpu_state));
	EXPECT_EQ(112UL, sizeof(struct svmvcpu_info));
	EXPECT_EQ(16UL, offsetof(struct svmvcpu_info, features));
	EXPECT_EQ(32UL, sizeof(struct svmvcpu_region));
	EXPECT_EQ(16UL, sizeof(struct svmvcpu_range));
	EXPECT_EQ(64UL, offsetof(struct svmvcpu_run, reason));
	EXPECT_EQ(88UL, offsetof(struct svmvcpu_run, io));
	EXPECT_EQ(256UL, offsetof(struct svmvcpu_run, gprs));
}

TEST_F(args, size)
{
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		const __u32 bad[] = {
			0, 4, call->min - 1, PAGE + 1, 0x10000, 0x80000000, 0xffffffff,
		};

		fill(&arg, call, &self->vm);
		EXPECT_IN(call->want, errno_of(self->fd[call->on], call->cmd, &arg),
			  "%s, right", call->name);
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			fill(&arg, call, &self->vm);
			arg.word[0] = bad[i];
			EXPECT_IN(EINVAL, errno_of(self->fd[call->on], call->cmd, &arg),
				  "%s, size %u", call->name, bad[i]);
		}
	}
}

TEST_F(args, flags)
{
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		for (int bit = 0; bit < 32; bit++) {
			fill(&arg, call, &self->vm);
			arg.word[1] = 1U << bit;
			EXPECT_IN(call->flags >> bit & 1 ? call->want : EINVAL,
				  errno_of(self->fd[call->on], call->cmd, &arg),
				  "%s, flag %d", call->name, bit);
		}
	}
}

TEST_F(args, must_be_zero)
{
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		if (!call->mbz)
			continue;
		for (int bit = 0; bit < 32; bit++) {
			fill(&arg, call, &self->vm);
			arg.word[call->mbz / 4] = 1U << bit;
			EXPECT_IN(EINVAL, errno_of(self->fd[call->on], call->cmd, &arg),
				  "%s, mbz bit %d", call->name, bit);
		}
	}
}

/* A newer program with larger structures calls this module. */
TEST_F(args, unknown_tail)
{
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		const __u32 sizes[] = { call->size + 1, call->size + 8, 1024, PAGE };

		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			int fd = self->fd[call->on];

			memset(self->fence, 0, 2 * PAGE);
			fill(&arg, call, &self->vm);
			arg.word[0] = sizes[i];
			memcpy(self->fence, &arg, call->size);
			EXPECT_IN(call->want, errno_of(fd, call->cmd, self->fence),
				  "%s, size %u", call->name, sizes[i]);
			memcpy(self->fence, &arg, call->size);
			self->fence[call->size] = 1;
			EXPECT_IN(E2BIG, errno_of(fd, call->cmd, self->fence),
				  "%s, first unknown of %u", call->name, sizes[i]);
			self->fence[call->size] = 0;
			self->fence[sizes[i] - 1] = 0x80;
			EXPECT_IN(E2BIG, errno_of(fd, call->cmd, self->fence),
				  "%s, last unknown of %u", call->name, sizes[i]);
		}
	}
}

/* The structure ends in an inaccessible page, at every offset. */
TEST_F(args, fault)
{
	unsigned char *end = self->fence + 2 * PAGE;
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		int fd = self->fd[call->on];

		/* RUN takes 0, and would run the guest. */
		if (call->cmd != SVMVCPU_RUN)
			EXPECT_IN(EFAULT, errno_of(fd, call->cmd, NULL), "%s, NULL", call->name);
		EXPECT_IN(EFAULT, errno_of(fd, call->cmd, end), "%s, PROT_NONE", call->name);
		EXPECT_IN(EFAULT, errno_of(fd, call->cmd, (void *)-8L), "%s, -8", call->name);
		EXPECT_IN(EFAULT, errno_of(fd, call->cmd, (void *)(1UL << 63)),
			  "%s, not canonical", call->name);
		fill(&arg, call, &self->vm);
		for (size_t have = 1; have < call->size; have++) {
			memcpy(end - have, &arg, have);
			EXPECT_IN(EFAULT, errno_of(fd, call->cmd, end - have),
				  "%s, %zu bytes", call->name, have);
		}
		/* The known part is readable, the unknown part is not. */
		arg.word[0] = call->size + 8;
		memcpy(end - call->size, &arg, call->size);
		EXPECT_IN(EFAULT, errno_of(fd, call->cmd, end - call->size),
			  "%s, no tail", call->name);
	}
}

/* Calls that write results fail if the memory is read-only. */
TEST_F(args, fault_on_return)
{
	const struct call *call;
	union any_arg arg;

	for_each_call(call) {
		if (call->cmd != SVMVCPU_GET_INFO && call->cmd != SVMVCPU_GET_STATE &&
		    call->cmd != SVMVCPU_GET_CPUID && call->cmd != SVMVCPU_TRANSLATE &&
		    call->cmd != SVMVCPU_GET_VCPU_CPUID &&
		    call->cmd != SVMVCPU_GET_DEVICE_CPUID &&
		    call->cmd != SVMVCPU_PREFAULT && call->cmd != SVMVCPU_GET_STATS &&
		    call->cmd != SVMVCPU_GET_VCPU_STATS)
			continue;
		fill(&arg, call, &self->vm);
		memcpy(self->fence, &arg, call->size);
		ASSERT_EQ(0, mprotect(self->fence, PAGE, PROT_READ));
		EXPECT_IN(EFAULT, errno_of(self->fd[call->on], call->cmd, self->fence),
			  "%s", call->name);
		ASSERT_EQ(0, mprotect(self->fence, PAGE, PROT_READ | PROT_WRITE));
	}
}

/* Each call exists on one kind of file and has one size; all others return ENOTTY. */
TEST_F(args, unknown_call)
{
	const unsigned long odd[] = {
		_IO(SVMVCPU_IOC_TYPE, 0x1f), _IO(SVMVCPU_IOC_TYPE, 0x3f),
		_IO(SVMVCPU_IOC_TYPE, 0x7f), _IO(SVMVCPU_IOC_TYPE, 0xff),
		_IO(SVMVCPU_IOC_TYPE - 1, 0x40), _IO(SVMVCPU_IOC_TYPE, 0x42),
		_IOW(SVMVCPU_IOC_TYPE, 0x40, int), _IOW(SVMVCPU_IOC_TYPE, 0x01, __u64[2]),
		_IOR(SVMVCPU_IOC_TYPE, 0x20, struct svmvcpu_map), 0, 0xffffffff,
	};
	const struct call *call;
	union any_arg arg;

	for (int on = 0; on < NR_FILES; on++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++)
			EXPECT_IN(ENOTTY, errno_of(self->fd[on], odd[i], NULL),
				  "%#lx on file %d", odd[i], on);
		for_each_call(call) {
			if ((int)call->on == on)
				continue;
			fill(&arg, call, &self->vm);
			EXPECT_IN(ENOTTY, errno_of(self->fd[on], call->cmd, &arg),
				  "%s on file %d", call->name, on);
		}
		if (on == ON_VCPU)
			continue;
		EXPECT_EQ(ENOTTY, errno_of(self->fd[on], SVMVCPU_RUN, NULL));
		EXPECT_EQ(ENOTTY, errno_of(self->fd[on], SVMVCPU_KICK, NULL));
	}
}

/* KICK requires argument 0, so that it can get a meaning later. */
TEST_F(args, no_argument)
{
	const unsigned long odd[] = { 1, 4096, 1UL << 32, ~0UL };

	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++)
		EXPECT_EQ(EINVAL, errno_of(self->fd[ON_VCPU], SVMVCPU_KICK, (void *)odd[i]));
}

/* Other file operations are not implemented. */
TEST_F(args, no_read_write)
{
	char byte = 0;

	for (int on = 0; on < NR_FILES; on++) {
		EXPECT_EQ(-1, read(self->fd[on], &byte, 1));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, write(self->fd[on], &byte, 1));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->fd[ON_DEV], 0));
	EXPECT_EQ(ENODEV, errno);
	/* A VM file can be mapped only as its list of dirty pages, with that size. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->fd[ON_VM], 0));
	EXPECT_EQ(EINVAL, errno);
}

#define OR_EXIT_BIT(nr, name, str)	| 1ULL << (nr)

TEST_F(args, info)
{
	struct svmvcpu_info *info = &self->vm.info;
	unsigned int eax, ebx, ecx, edx;

	EXPECT_EQ(sizeof(*info), info->size);
	EXPECT_EQ(0U, info->flags);
	EXPECT_EQ((__u32)SVMVCPU_API_VERSION, info->api_version);
	EXPECT_EQ(2 * PAGE, info->run_size);
	EXPECT_EQ(PAGE, info->io_data_size);
	EXPECT_EQ(128U, info->max_coalesced);
	EXPECT_EQ(4096U, info->max_regions);
	EXPECT_EQ(64U, info->max_vcpus);
	EXPECT_EQ(512U, info->max_batch);
	EXPECT_GE(info->gpa_bits, 32U);
	EXPECT_LE(info->gpa_bits, 52U);
	EXPECT_GE(info->asids, 2U);
	EXPECT_EQ(0ULL, info->features & ~(0x7fULL | SVMVCPU_FEAT_UNDER_HYPERVISOR));
	/* QEMU identifies itself in CPUID; Bochs and hardware do not. */
	__cpuid(1, eax, ebx, ecx, edx);
	EXPECT_EQ(!!(ecx & 1U << 31), !!(info->features & SVMVCPU_FEAT_UNDER_HYPERVISOR));
	EXPECT_TRUE(info->mitigations & SVMVCPU_MIT_GPR_CLEAR);
	EXPECT_EQ(0ULL, info->mitigations & ~0xffULL);
	/* At least PAE and OSFXSR; never VMXE and PCIDE; OSXSAVE if XCR0 can be set */
	EXPECT_EQ(0x220ULL, info->cr4_guest & 0x220);
	EXPECT_EQ(0ULL, info->cr4_guest & ((1 << 13) | (1 << 17)));
	EXPECT_EQ(!!(info->cr4_guest & 1 << 18), !!info->xcr0_guest);
	EXPECT_EQ(0ULL, info->xcr0_guest & ~7ULL);
	EXPECT_GE(info->xstate_size, 576U);
	EXPECT_EQ(256U, info->max_cpuid);
	/* SCE, LME, LMA; never SVME */
	EXPECT_EQ(0x501ULL, info->efer_guest & 0x501);
	EXPECT_EQ(0ULL, info->efer_guest & (1 << 12));
	EXPECT_EQ(0xffULL, info->components);
	EXPECT_EQ(0ULL SVMVCPU_EXITS(OR_EXIT_BIT), info->exits);
}

/* Does a file in /sys/devices/system/cpu/vulnerabilities contain the text? */
static bool kernel_says(const char *file, const char *what)
{
	char path[96], text[512] = "";
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/%s", file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	return got > 0 && strstr(text, what);
}

/* The world switch uses the mitigations that the kernel chose; GET_INFO reports them. */
TEST_F(args, mitigations)
{
	const __u64 mit = self->vm.info.mitigations;
	const bool ibpb = kernel_says("spectre_v2", "IBPB: conditional") ||
			  kernel_says("spectre_v2", "IBPB: always-on");

	EXPECT_EQ(kernel_says("spectre_v2", "Retpoline") || kernel_says("spectre_v2", "LFENCE"),
		  !!(mit & SVMVCPU_MIT_RSB_FILL));
	EXPECT_EQ(ibpb, !!(mit & SVMVCPU_MIT_IBPB_ON_SWITCH));
	if (kernel_says("retbleed", "untrained return thunk"))
		EXPECT_TRUE(mit & SVMVCPU_MIT_UNTRAIN_RET);
	if (kernel_says("retbleed", "Mitigation: IBPB"))
		EXPECT_TRUE(mit & SVMVCPU_MIT_IBPB_ON_EXIT);
	EXPECT_TRUE(mit & SVMVCPU_MIT_GPR_CLEAR);
}

/* With a short, exact or long structure the kernel fills only the bytes both sides know. */
TEST_F(args, info_sizes)
{
	for (__u32 size = 16; size <= 256; size += 8) {
		struct svmvcpu_info *info = (void *)self->fence;
		size_t known = size < sizeof(*info) ? size : sizeof(*info);

		memset(self->fence, 0, PAGE);
		memset(self->fence + size, 0xa5, PAGE - size);
		info->size = size;
		ASSERT_EQ(0, errno_of(self->vm.dev, SVMVCPU_GET_INFO, info));
		EXPECT_EQ(sizeof(*info), info->size);
		EXPECT_EQ(0, memcmp((char *)info + 4, (char *)&self->vm.info + 4, known - 4));
		for (size_t i = known; i < 512; i++)
			ASSERT_EQ(i < size ? 0 : 0xa5, self->fence[i]);
	}
}

/* Contents of output fields do not matter. */
TEST_F(args, info_ignores_garbage)
{
	struct svmvcpu_info info;

	memset(&info, 0xff, sizeof(info));
	info.size = sizeof(info);
	info.flags = 0;
	ASSERT_EQ(0, errno_of(self->vm.dev, SVMVCPU_GET_INFO, &info));
	EXPECT_EQ(0, memcmp(&info, &self->vm.info, sizeof(info)));
}

TEST_F(args, vcpu_ids)
{
	struct svmvcpu_create_vcpu arg = { .size = sizeof(arg) };
	const __u32 bad[] = { 64, 65, 0x7fffffff, 0xffffffff };
	int fd[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		arg.id = bad[i];
		EXPECT_IN(EINVAL, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg),
			  "id %u", bad[i]);
	}
	/* The fixture uses ID 0. */
	for (arg.id = 63; arg.id; arg.id--) {
		fd[arg.id] = ioctl(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg);
		ASSERT_GT(fd[arg.id], 0);
	}
	for (arg.id = 0; arg.id < 64; arg.id++)
		EXPECT_EQ(EEXIST, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg));
	/* An ID can be used again after the vCPU file is closed. */
	for (arg.id = 1; arg.id < 64; arg.id++) {
		close(fd[arg.id]);
		EXPECT_EQ(0, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg));
	}
}

/* A mapping keeps the file, and so the ID, in use. */
TEST_F(args, vcpu_id_held_by_mapping)
{
	struct svmvcpu_create_vcpu arg = { .size = sizeof(arg), .id = 7 };
	struct svmvcpu_vcpu vcpu;

	ASSERT_EQ(0, svmvcpu_vcpu_create(self->vm.vm, 7, &self->vm.info, &vcpu));
	close(vcpu.fd);
	EXPECT_EQ(EEXIST, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg));
	munmap(vcpu.run, vcpu.mapped);
	EXPECT_EQ(0, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &arg));
}

/* A failed creation leaves neither a VM, a vCPU nor an ID behind. */
TEST_F(args, no_descriptor)
{
	struct svmvcpu_create_vcpu vcpu = { .size = sizeof(vcpu), .id = 1 };
	struct svmvcpu_create_vm vm = { .size = sizeof(vm) };
	struct rlimit old, none;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = dup(self->vm.dev);
	close(none.rlim_cur);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(EMFILE, errno_of(self->vm.dev, SVMVCPU_CREATE_VM, &vm));
		EXPECT_EQ(EMFILE, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &vcpu));
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(0, errno_of(self->vm.dev, SVMVCPU_CREATE_VM, &vm));
	EXPECT_EQ(0, errno_of(self->vm.vm, SVMVCPU_CREATE_VCPU, &vcpu));
}

#define FILE_MAX	"/proc/sys/fs/file-max"

static void set_file_max(const char *value)
{
	int fd = open(FILE_MAX, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		exit(1);
	close(fd);
}

/* An unprivileged user, in a system at its limit of open files */
static int creations_without_files(struct test_vm *vm)
{
	struct svmvcpu_create_vm create_vm = { .size = sizeof(create_vm) };
	struct svmvcpu_create_vcpu create_vcpu = { .size = sizeof(create_vcpu) };
	int own = ioctl(vm->dev, SVMVCPU_CREATE_VM, &create_vm), wrong = 0;

	if (own < 0 || setgid(65534) || setuid(65534))
		return 100;
	wrong += errno_of(vm->dev, SVMVCPU_CREATE_VM, &create_vm) != ENFILE;
	wrong += errno_of(own, SVMVCPU_CREATE_VCPU, &create_vcpu) != ENFILE;
	/* The failed call released the ID. */
	wrong += errno_of(own, SVMVCPU_CREATE_VCPU, &create_vcpu) != ENFILE;
	return wrong;
}

TEST_F(args, no_file)
{
	char old[32] = "";
	int fd = open(FILE_MAX, O_RDONLY), status = -1;
	pid_t pid;

	ASSERT_LT(0, read(fd, old, sizeof(old) - 1));
	close(fd);
	/* The kernel counts files per CPU and does not see the last few. */
	for (int i = 0; i < 300; i++)
		EXPECT_LE(0, open("/dev/null", O_RDONLY));
	set_file_max("1");
	pid = fork();
	if (!pid)
		_exit(creations_without_files(&self->vm));
	waitpid(pid, &status, 0);
	set_file_max(old);
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
