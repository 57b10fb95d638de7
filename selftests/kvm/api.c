// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: files. What open, ioctl, mmap, dup, close and fork do with /dev/kvm, with
 * VMs and vCPUs, and that other files do not notice the library.
 *
 * kernel: stock, debug
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kvm_client.h"

CLIENT_FIXTURE(api)

GUEST16(out_halt, "mov $0x42, %al\n out %al, $0x80\n hlt");

TEST_F(api, device)
{
	struct client *c = &self->c;

	EXPECT_EQ(KVM_API_VERSION, ioctl(c->dev, KVM_GET_API_VERSION, 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, KVM_GET_API_VERSION, (void *)1));
	EXPECT_LE(4096, ioctl(c->dev, KVM_GET_VCPU_MMAP_SIZE, 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, KVM_GET_VCPU_MMAP_SIZE, (void *)1));
	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, KVM_CREATE_VM, (void *)99));
	EXPECT_EQ(1, ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY));
	EXPECT_EQ(1, ioctl(c->vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY));
	EXPECT_EQ(0, ioctl(c->dev, KVM_CHECK_EXTENSION, 12345));
	EXPECT_EQ(0, ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_S390_PSW));
}

/* Each call belongs to one kind of file; numbers with other sizes do not exist. */
TEST_F(api, wrong_calls)
{
	struct client *c = &self->c;
	char arg[4096] = { 0 };
	int pipes[2];

	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(ENOTTY, ioctl_errno(c->vm, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(ENOTTY, ioctl_errno(c->vm, KVM_RUN, 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, KVM_RUN, 0));
	EXPECT_EQ(ENOTTY, ioctl_errno(c->vm, KVM_GET_API_VERSION, 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->dev, KVM_GET_REGS, arg));
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_CREATE_VM, 0));
	EXPECT_EQ(EFAULT, ioctl_errno(c->vcpu, KVM_GET_REGS, NULL));
	EXPECT_EQ(EFAULT, ioctl_errno(c->vm, KVM_SET_USER_MEMORY_REGION, NULL));
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_RUN, (void *)1));
	/* no file of KVM */
	EXPECT_EQ(0, pipe(pipes));
	EXPECT_EQ(ENOTTY, ioctl_errno(pipes[0], KVM_GET_API_VERSION, 0));
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(EBADF, ioctl_errno(pipes[0], KVM_GET_API_VERSION, 0));
}

TEST_F(api, vcpu_numbers)
{
	struct client *c = &self->c;
	int max = ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID), vcpu;

	EXPECT_LT(0, ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS));
	EXPECT_EQ(EEXIST, ioctl_errno(c->vm, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_CREATE_VCPU, (void *)(long)max));
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_CREATE_VCPU, (void *)-1L));
	/* A closed vCPU stays in its VM. */
	vcpu = ioctl(c->vm, KVM_CREATE_VCPU, 3);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(FD_CLOEXEC, fcntl(vcpu, F_GETFD));
	close(vcpu);
	EXPECT_EQ(EEXIST, ioctl_errno(c->vm, KVM_CREATE_VCPU, (void *)3));
}

TEST_F(api, map)
{
	struct client *c = &self->c;
	struct kvm_run *again;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, c->vm, 0));
	EXPECT_EQ(ENODEV, errno);
	/* Two mappings are of the same memory, and each can go. */
	again = mmap(NULL, c->mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->vcpu, 0);
	ASSERT_NE(MAP_FAILED, again);
	client_load(c, out_halt);
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ((__u32)KVM_EXIT_IO, again->exit_reason);
	EXPECT_EQ(0, munmap(again, c->mmap_bytes));
	CLIENT_EXPECT(c, HLT);
}

/* A descriptor is as good as its copies. */
TEST_F(api, copies)
{
	struct client *c = &self->c;
	int vcpu = dup(c->vcpu), vm = fcntl(c->vm, F_DUPFD_CLOEXEC, 100);
	struct kvm_regs regs;

	ASSERT_LE(0, vcpu);
	ASSERT_LE(100, vm);
	close(c->vcpu);
	close(c->vm);
	EXPECT_EQ(EBADF, ioctl_errno(c->vcpu, KVM_GET_REGS, &regs));
	c->vm = vm;
	c->vcpu = vcpu;
	client_load(c, out_halt);
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
	/* dup2() replaces a file of another kind, and is replaced */
	c->vcpu = dup2(vcpu, 90);
	ASSERT_EQ(90, c->vcpu);
	EXPECT_EQ(vm, dup3(c->vm, vm, 0) < 0 && errno == EINVAL ? vm : -1);
	EXPECT_EQ(vcpu, dup2(c->dev, vcpu));
	EXPECT_EQ(KVM_API_VERSION, ioctl(vcpu, KVM_GET_API_VERSION, 0));
	CLIENT_EXPECT(c, HLT);
	close(vcpu);
}

/* The vCPU keeps its VM. */
TEST_F(api, close_vm_first)
{
	struct client *c = &self->c;

	client_load(c, out_halt);
	client_start(c, 16);
	close(c->vm);
	close(c->dev);
	CLIENT_EXPECT(c, IO);
	CLIENT_EXPECT(c, HLT);
	c->vm = -1;
	c->dev = -1;
}

/* A closed number that another file gets is that file. */
TEST_F(api, number_used_again)
{
	struct client *c = &self->c;
	int fd, vcpu = c->vcpu;
	struct kvm_regs regs;
	char text[] = "x";

	close(vcpu);
	fd = open("/tmp/kvm_api", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ASSERT_EQ(vcpu, fd);
	EXPECT_EQ(ENOTTY, ioctl_errno(fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(1, write(fd, text, 1));
	unlink("/tmp/kvm_api");
}

/* Programs close what they do not know. */
TEST_F(api, close_all)
{
	struct client *c = &self->c;
	int first = c->vcpu + 1;

	client_load(c, out_halt);
	client_start(c, 16);
	for (int fd = first; fd < 1024; fd++)
		close(fd);
	closefrom(first);
	EXPECT_EQ(0, syscall(SYS_fcntl, c->vcpu, F_GETFD) < 0);
	CLIENT_EXPECT(c, IO);
	CLIENT_EXPECT(c, HLT);
	close_range(c->dev, c->vcpu, 0);
	EXPECT_EQ(EBADF, ioctl_errno(c->vcpu, KVM_RUN, 0));
	EXPECT_EQ(EBADF, ioctl_errno(c->dev, KVM_GET_API_VERSION, 0));
}

/* In a child VMs and vCPUs belong to another process; the device does not. */
TEST_F(api, fork)
{
	struct client *c = &self->c;
	int status, wrong;
	pid_t child;

	client_load(c, out_halt);
	client_start(c, 16);
	child = fork();
	if (!child) {
		struct client mine;
		struct kvm_regs regs;

		wrong = ioctl_errno(c->vcpu, KVM_GET_REGS, &regs) != EIO;
		wrong |= (ioctl_errno(c->vcpu, KVM_RUN, 0) != EIO) << 1;
		wrong |= (ioctl_errno(c->vm, KVM_CREATE_VCPU, (void *)1) != EIO) << 2;
		wrong |= (ioctl(c->dev, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) << 3;
		close(c->vcpu);
		close(c->vm);
		client_open(&mine);
		client_load(&mine, out_halt);
		client_start(&mine, 16);
		wrong |= (client_run(&mine) || mine.run->exit_reason != KVM_EXIT_IO) << 4;
		client_close(&mine);
		_exit(wrong);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	CLIENT_EXPECT(c, IO);
	CLIENT_EXPECT(c, HLT);
}

/* vfork() shares the memory, but not the descriptors. */
TEST_F(api, vfork)
{
	struct client *c = &self->c;
	int vcpu = c->vcpu, status;
	pid_t child;

	client_load(c, out_halt);
	client_start(c, 16);
	child = vfork();
	if (!child) {
		close(vcpu);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	CLIENT_EXPECT(c, IO);
}

TEST_HARNESS_MAIN
