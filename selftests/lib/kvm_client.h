/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the kvm_* programs: a client of /dev/kvm, with a VM, some memory and one vCPU. The
 * same program runs on svmvcpu, through libsvmvcpu-kvm, and on KVM:
 *
 *	kvm_run				on svmvcpu: it starts itself with svmvcpu-kvm
 *	KVM_CLIENT=kvm kvm_run		on KVM, whose module must be loaded
 *
 * A guest is assembly in GUEST16(), GUEST32() or GUEST64() of svmvcpu_test.h, and starts at
 * TEST_CODE.
 */
#ifndef KVM_CLIENT_H
#define KVM_CLIENT_H

#include <linux/kvm.h>

#include "svmvcpu_test.h"

#define CLIENT_ON	"KVM_CLIENT"

static inline bool on_kvm(void)
{
	const char *on = getenv(CLIENT_ON);

	return on && !strcmp(on, "kvm");
}

[[gnu::constructor]]
static void start_on_svmvcpu(int argc, char **argv)
{
	static char self[4096];
	char *with[32] = { "svmvcpu-kvm", self };
	int i;

	if (getenv(CLIENT_ON) || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return;
	setenv(CLIENT_ON, "svmvcpu", 1);
	for (i = 1; i < argc && i < 30; i++)
		with[i + 1] = argv[i];
	execvp(with[0], with);
	printf("TAP version 13\n1..0 # SKIP svmvcpu-kvm cannot be started: %s\n",
	       strerror(errno));
	exit(KSFT_SKIP);
}

/**
 * struct client - one VM, one slot from 0, one vCPU
 * @mmap_bytes: size of @run
 * @mem: the slot's memory
 */
struct client {
	int dev, vm, vcpu;
	int mmap_bytes;
	unsigned char *mem;
	struct kvm_run *run;
};

static inline void client_die(const char *what)
{
	fprintf(stderr, "# %s: %m\n", what);
	exit(1);
}

/* A VM without a vCPU, for calls that have to precede its creation */
static inline void client_open_empty(struct client *c)
{
	struct kvm_userspace_memory_region region = { .memory_size = TEST_MEM };

	memset(c, 0, sizeof(*c));
	c->vcpu = -1;
	c->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (c->dev < 0)
		client_die("open /dev/kvm");
	c->vm = ioctl(c->dev, KVM_CREATE_VM, 0);
	if (c->vm < 0)
		client_die("KVM_CREATE_VM");
	c->mem = svmvcpu_alloc(TEST_MEM);
	region.userspace_addr = (uintptr_t)c->mem;
	if (!c->mem || ioctl(c->vm, KVM_SET_USER_MEMORY_REGION, &region))
		client_die("KVM_SET_USER_MEMORY_REGION");
	c->mmap_bytes = ioctl(c->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
}

static inline void client_add_vcpu(struct client *c)
{
	c->vcpu = ioctl(c->vm, KVM_CREATE_VCPU, 0);
	if (c->vcpu < 0)
		client_die("KVM_CREATE_VCPU");
	c->run = mmap(NULL, c->mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->vcpu, 0);
	if (c->run == MAP_FAILED)
		client_die("mmap of the vCPU");
}

static inline void client_open(struct client *c)
{
	client_open_empty(c);
	client_add_vcpu(c);
}

static inline void client_close(struct client *c)
{
	if (c->run)
		munmap(c->run, c->mmap_bytes);
	close(c->vcpu);
	close(c->vm);
	close(c->dev);
	svmvcpu_free(c->mem, TEST_MEM);
}

#define CLIENT_FIXTURE_BY(open, name)					\
	FIXTURE(name) {							\
		struct client c;					\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		open(&self->c);						\
	}								\
	FIXTURE_TEARDOWN(name)						\
	{								\
		client_close(&self->c);					\
	}

#define CLIENT_FIXTURE(name)	CLIENT_FIXTURE_BY(client_open, name)

#define client_load(c, name) \
	memcpy((c)->mem + TEST_CODE, guest_##name, guest_##name##_end - guest_##name)

/* --- the state in which a guest starts ------------------------------------ */

#define C_CR0_PE	(1ULL << 0)
#define C_CR0_ET	(1ULL << 4)
#define C_CR0_PG	(1ULL << 31)
#define C_CR4_PAE	(1ULL << 5)
#define C_EFER_LONG	0x500ULL

static inline struct kvm_segment client_flat(bool code, bool is64)
{
	return (struct kvm_segment) {
		.limit = ~0U, .selector = code ? 8 : 16, .type = code ? 11 : 3, .present = 1,
		.s = 1, .g = 1, .db = !(code && is64), .l = code && is64,
	};
}

static inline void client_sregs(struct client *c, struct kvm_sregs *sregs, int bits)
{
	const struct kvm_segment data = client_flat(false, bits == 64);

	if (ioctl(c->vcpu, KVM_GET_SREGS, sregs))
		client_die("KVM_GET_SREGS");
	if (bits == 16) {
		sregs->cs.base = 0;
		sregs->cs.selector = 0;
		return;
	}
	sregs->cs = client_flat(true, bits == 64);
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cr0 = C_CR0_PE | C_CR0_ET;
	if (bits == 32)
		return;
	sregs->cr0 |= C_CR0_PG;
	sregs->cr3 = TEST_TABLES;
	sregs->cr4 = C_CR4_PAE;
	sregs->efer = C_EFER_LONG;
}

/* Real mode, 32-bit flat protected mode, or 64-bit mode with identity page tables */
static inline void client_start(struct client *c, int bits)
{
	struct kvm_regs regs = { .rip = TEST_CODE, .rsp = TEST_STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	if (bits == 64 && svmvcpu_identity_map(c->mem + TEST_TABLES, TEST_TABLES, TEST_MEM))
		client_die("identity map");
	client_sregs(c, &sregs, bits);
	if (ioctl(c->vcpu, KVM_SET_SREGS, &sregs))
		client_die("KVM_SET_SREGS");
	if (ioctl(c->vcpu, KVM_SET_REGS, &regs))
		client_die("KVM_SET_REGS");
}

/* 0 or the errno of KVM_RUN */
static inline int client_run(struct client *c)
{
	return ioctl(c->vcpu, KVM_RUN, 0) ? errno : 0;
}

static inline void *client_io_data(struct client *c)
{
	return (char *)c->run + c->run->io.data_offset;
}

static inline struct kvm_regs client_regs(struct client *c)
{
	struct kvm_regs regs;

	if (ioctl(c->vcpu, KVM_GET_REGS, &regs))
		client_die("KVM_GET_REGS");
	return regs;
}

/* KVM_RUN, and expect this reason. */
#define CLIENT_EXPECT(c, reason)					\
do {									\
	int err_ = client_run(c);					\
	ASSERT_EQ(0, err_);						\
	ASSERT_EQ((unsigned int)KVM_EXIT_##reason, (c)->run->exit_reason);	\
} while (0)

#endif /* KVM_CLIENT_H */
