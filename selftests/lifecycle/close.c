// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime of files: closing the device, VM, vCPU and run page in each order, fork,
 * exec, a file passed to another process, and processes and threads that die while a
 * guest runs. What remains keeps working, and in the end nothing holds a reference to
 * the module.
 *
 * cost: 5
 */
#include <sys/socket.h>

#include "guest_thread.h"
#include "host_state.h"

FIXTURE(close) {
	struct test_vm vm;
	struct guest_thread gt;
};

FIXTURE_SETUP(close)
{
	ASSERT_EQ(0, module_refs()) {
		TH_LOG("another process uses the module");
	}
	vm_open(&self->vm);
}

FIXTURE_TEARDOWN(close)
{
	vm_close(&self->vm);
	EXPECT_TRUE(WAIT_UNTIL(!module_refs()));
}

static int child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Runs in turns of two milliseconds until the guest has counted; 0 or a step. */
static int runs(struct test_vm *vm)
{
	return guest_counts(vm, 2);
}

static void start(struct test_vm *vm)
{
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
}

enum { DEV, VM, VCPU, PAGE_MAP, MEM, PIECES };

static void close_piece(struct test_vm *vm, int piece)
{
	switch (piece) {
	case DEV:
		close(vm->dev);
		vm->dev = -1;
		break;
	case VM:
		close(vm->vm);
		vm->vm = -1;
		break;
	case VCPU:
		close(vm->vcpu.fd);
		vm->vcpu.fd = -1;
		break;
	case PAGE_MAP:
		munmap(vm->run, vm->vcpu.mapped);
		vm->run = NULL;
		vm->vcpu.run = NULL;
		break;
	case MEM:
		munmap(vm->mem, TEST_MEM);
		vm->mem = NULL;
		break;
	}
}

/* Everything still open works; 0 or a step. */
static int remains_well(struct test_vm *vm)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct svmvcpu_state state;

	if (vm->dev >= 0 && svmvcpu_get_info(vm->dev, &vm->info))
		return 10;
	if (vm->vm >= 0) {
		struct svmvcpu_region region = {
			.gpa = TEST_FREE,
			.bytes = PAGE,
			.hva = (uintptr_t)vm->mem + TEST_FREE,
			.prot = SVMVCPU_MEM_READ,
		};

		if (svmvcpu_vm_unmap(vm->vm, &range, 1) ||
		    svmvcpu_vm_map(vm->vm, &region, 1))
			return 11;
	}
	if (vm->vcpu.fd >= 0 && svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &state))
		return 12;
	if (vm->vcpu.fd >= 0 && vm->run && vm->mem)
		return runs(vm);
	/* Without its file it is plain memory, but still mapped. */
	if (vm->run && vm->run->io_data_offset != 4096)
		return 13;
	return 0;
}

/* A VM that is taken apart in this order; 0 or 100 * piece + step */
static int one_order(const int *order)
{
	struct test_vm vm;
	int i, ret;

	vm_open(&vm);
	start(&vm);
	ret = runs(&vm);
	for (i = 0; !ret && i < PIECES; i++) {
		close_piece(&vm, order[i]);
		ret = remains_well(&vm);
		if (ret)
			ret += 100 * (i + 1);
	}
	return ret;
}

/* The next permutation in lexical order; false after the last */
static bool next_order(int *order, int n)
{
	int i = n - 2, j = n - 1, swap;

	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[j] < order[i])
		j--;
	swap = order[i];
	order[i] = order[j];
	order[j] = swap;
	for (i++, j = n - 1; i < j; i++, j--) {
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	return true;
}

TEST_F_TIMEOUT(close, every_order, 180)
{
	int order[PIECES] = { DEV, VM, VCPU, PAGE_MAP, MEM };
	int refs = module_refs();
	int count = 0;

	do {
		ASSERT_EQ(0, one_order(order)) {
			TH_LOG("order %d %d %d %d %d", order[0], order[1], order[2],
			       order[3], order[4]);
		}
		/* No call is active any more, so nothing may remain. */
		ASSERT_EQ(refs, module_refs());
		count++;
	} while (next_order(order, PIECES));
	EXPECT_EQ(120, count);
}

/* Each of two vCPUs keeps the VM; the ID of the closed one is free again. */
TEST_F_TIMEOUT(close, vcpus_keep_the_vm, 60)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_vcpu other;

	start(vm);
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &other));
	EXPECT_EQ(-EEXIST, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &(struct svmvcpu_vcpu){}));
	svmvcpu_vcpu_close(&other);
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &other));
	close(vm->vm);
	vm->vm = -1;
	ASSERT_EQ(0, runs(vm));
	svmvcpu_vcpu_close(&vm->vcpu);
	vm->vcpu = other;
	vm->run = other.run;
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(0, runs(vm));
}

/* In a child the files are open, but all calls fail. */
static int child_of_fork(struct test_vm *vm)
{
	struct svmvcpu_create_vcpu create = { .size = sizeof(create), .id = 5 };
	void *page;

	if (ioctl_errno(vm->vm, SVMVCPU_CREATE_VCPU, &create) != EIO)
		return 1;
	if (ioctl_errno(vm->vcpu.fd, SVMVCPU_RUN, NULL) != EIO)
		return 2;
	if (ioctl_errno(vm->vcpu.fd, SVMVCPU_KICK, NULL) != EIO)
		return 3;
	page = mmap(NULL, vm->vcpu.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu.fd, 0);
	if (page != MAP_FAILED || errno != EIO)
		return 4;
	/* the run page was not copied: nothing is mapped there */
	if (!msync(vm->run, PAGE, MS_ASYNC) || errno != ENOMEM)
		return 5;
	if (close(vm->vcpu.fd) || close(vm->vm) || close(vm->dev))
		return 6;
	return 0;
}

TEST_F_TIMEOUT(close, fork, 60)
{
	struct test_vm *vm = &self->vm;
	pid_t pid;

	start(vm);
	ASSERT_EQ(0, runs(vm));
	pid = fork();
	if (!pid)
		_exit(child_of_fork(vm));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, runs(vm));
}

TEST_F_TIMEOUT(close, fork_while_running, 60)
{
	struct test_vm *vm = &self->vm;
	pid_t pid;

	START_GUEST(&self->gt, vm, spin);
	ASSERT_TRUE(guest_beats(vm));
	pid = fork();
	if (!pid)
		_exit(child_of_fork(vm));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
}

/* The child creates a VM with the device file it inherited. */
TEST_F_TIMEOUT(close, fork_own_vm, 60)
{
	struct test_vm *vm = &self->vm;
	pid_t pid = fork();

	if (!pid) {
		struct test_vm own;

		vm_open(&own);
		close(own.vm);
		own.vm = svmvcpu_vm_create(vm->dev);
		if (own.vm < 0)
			_exit(1);
		_exit(svmvcpu_vcpu_create(own.vm, 0, &own.info, &own.vcpu) ? 2 : 0);
	}
	EXPECT_EQ(0, child_status(pid));
}

/* The parent exits first, and its memory with it. The child keeps the files open. */
TEST_F_TIMEOUT(close, orphaned_files, 60)
{
	int go[2], refs;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	refs = module_refs();
	pid = fork();
	if (!pid) {
		struct test_vm own;

		vm_open(&own);
		start(&own);
		if (runs(&own))
			_exit(1);
		if (fork())
			_exit(0);
		/* the grandchild, with files of a process that has exited */
		usleep(100000);
		_exit(ioctl_errno(own.vcpu.fd, SVMVCPU_RUN, NULL) != EIO ||
		      write(go[1], "", 1) != 1);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(1, read(go[0], &c, 1));
	EXPECT_TRUE(WAIT_UNTIL(module_refs() == refs));
}

TEST_F_TIMEOUT(close, exec_closes_them, 60)
{
	struct test_vm *vm = &self->vm;
	char command[256];
	pid_t pid;

	/* The numbers must be closed, not only unusable. */
	snprintf(command, sizeof(command),
		 "for fd in %d %d %d; do [ ! -e /proc/self/fd/$fd ] || exit 1; done",
		 vm->dev, vm->vm, vm->vcpu.fd);
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	EXPECT_EQ(0, child_status(pid));
	start(vm);
	EXPECT_EQ(0, runs(vm));
}

/* exec with a thread in RUN: the thread dies, and the VM with it. */
TEST_F_TIMEOUT(close, exec_while_running, 60)
{
	int refs = module_refs();
	pid_t pid = fork();

	if (!pid) {
		struct test_vm own;
		struct guest_thread gt;

		vm_open(&own);
		START_GUEST(&gt, &own, spin);
		if (!guest_beats(&own))
			_exit(1);
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(refs, module_refs());
}

static int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { }, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : errno;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A process passes its vCPU on and dies, with or without a running guest. */
static void give_away(int sock, bool running)
{
	struct test_vm own;
	struct guest_thread gt;

	vm_open(&own);
	START_GUEST(&gt, &own, spin);
	if (!guest_beats(&own))
		_exit(1);
	if (!running)
		guest_thread_stop(&gt);
	_exit(send_fd(sock, own.vcpu.fd));
}

TEST_F_TIMEOUT(close, passed_on, 60)
{
	int refs = module_refs();
	int running, sock[2], fd;
	pid_t pid;

	for (running = 0; running < 2; running++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
		pid = fork();
		if (!pid)
			give_away(sock[1], running);
		ASSERT_EQ(0, child_status(pid));
		fd = receive_fd(sock[0]);
		ASSERT_LE(0, fd);
		/* of the vCPU and its VM, and none of the dead process */
		EXPECT_LT(refs, module_refs());
		EXPECT_EQ(EIO, ioctl_errno(fd, SVMVCPU_RUN, NULL));
		EXPECT_EQ(EIO, ioctl_errno(fd, SVMVCPU_KICK, NULL));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0));
		EXPECT_EQ(EIO, errno);
		close(fd);
		EXPECT_TRUE(WAIT_UNTIL(module_refs() == refs));
		close(sock[0]);
		close(sock[1]);
	}
}

/* In flight in a socket that nobody reads */
TEST_F_TIMEOUT(close, lost_in_a_socket, 60)
{
	int refs = module_refs();
	int sock[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = fork();
	if (!pid)
		give_away(sock[1], false);
	ASSERT_EQ(0, child_status(pid));
	close(sock[0]);
	close(sock[1]);
	EXPECT_TRUE(WAIT_UNTIL(module_refs() == refs));
}

/* The file is closed while a thread is in RUN: the call holds a reference. */
TEST_F_TIMEOUT(close, close_while_running, 60)
{
	struct test_vm *vm = &self->vm;
	int kick, refs;

	START_GUEST(&self->gt, vm, spin);
	ASSERT_TRUE(guest_beats(vm));
	kick = dup(vm->vcpu.fd);
	close(vm->vcpu.fd);
	close(vm->vm);
	vm->vm = -1;
	ASSERT_TRUE(guest_beats(vm));
	refs = module_refs();
	self->gt.stop = true;
	ASSERT_EQ(0, ioctl(kick, SVMVCPU_KICK, 0));
	guest_thread_join(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	close(kick);
	vm->vcpu.fd = -1;
	svmvcpu_vcpu_close(&vm->vcpu);
	/* The vCPU file and the VM are gone; only the device remains. */
	EXPECT_TRUE(WAIT_UNTIL(module_refs() == refs - 2));
}

static void *one_run(void *fd)
{
	return (void *)(long)ioctl((int)(long)fd, SVMVCPU_RUN, 0);
}

/*
 * The call holds the only reference to the file, and there is no mapping: the end of
 * RUN frees the vCPU.
 */
TEST_F_TIMEOUT(close, last_file_while_running, 60)
{
	struct test_vm *vm = &self->vm;
	int refs = module_refs();
	pthread_t thread;
	void *ret;

	start(vm);
	vm->run->deadline_ns = now_ns() + 3000000000;
	ASSERT_EQ(0, pthread_create(&thread, NULL, one_run, (void *)(long)vm->vcpu.fd));
	ASSERT_TRUE(guest_beats(vm));
	svmvcpu_vcpu_close(&vm->vcpu);
	close(vm->vm);
	vm->vm = -1;
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_EQ(refs - 1, module_refs());	/* of the VM file */
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	/* of the file and the VM of the vCPU */
	EXPECT_TRUE(WAIT_UNTIL(module_refs() == refs - 3));
}

/* An endless guest and SIGKILL, from outside and by the exit of the process */
static int dies_running(bool by_exit)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		struct guest_thread gt;
		struct test_vm own;

		vm_open(&own);
		START_GUEST(&gt, &own, spin);
		if (!guest_beats(&own) || write(ready[1], "", 1) != 1)
			_exit(1);
		if (by_exit)
			_exit(0);
		pause();
	}
	if (read(ready[0], &c, 1) != 1)
		return -1;
	close(ready[0]);
	close(ready[1]);
	if (!by_exit)
		kill(pid, SIGKILL);
	return child_status(pid);
}

TEST_F_TIMEOUT(close, killed_while_running, 60)
{
	int refs = module_refs();

	EXPECT_EQ(1000 + SIGKILL, dies_running(false));
	EXPECT_EQ(refs, module_refs());
}

TEST_F_TIMEOUT(close, exits_while_running, 60)
{
	int refs = module_refs();

	EXPECT_EQ(0, dies_running(true));
	EXPECT_EQ(refs, module_refs());
}

static void *run_once_and_leave(void *arg)
{
	struct test_vm *vm = arg;
	int ret = runs(vm);

	pthread_exit((void *)(long)ret);
}

/* Different threads run the same vCPU. */
TEST_F_TIMEOUT(close, threads_come_and_go, 60)
{
	struct test_vm *vm = &self->vm;
	pthread_t thread;
	void *ret;
	int i;

	start(vm);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_once_and_leave, vm));
		ASSERT_EQ(0, pthread_join(thread, &ret));
		ASSERT_EQ(NULL, ret);
	}
}

TEST_HARNESS_MAIN
