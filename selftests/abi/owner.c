// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owner of the files: VM and vCPU files work in the address space that created them and
 * return EIO in any other, however the descriptor got there. Also which mappings a vCPU
 * file allows.
 */
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "abi_args.h"

#define FDS_IN_ENV	"ABI_OWNER_FDS"

static int map_errno(int fd)
{
	void *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, 2 * PAGE);
	return 0;
}

/* Number of calls on the two files that do not return EIO */
static int not_refused(int vm, int vcpu)
{
	static const unsigned long on_vm[] = {
		SVMVCPU_MAP, SVMVCPU_UNMAP, SVMVCPU_CREATE_VCPU, 0xb57f,
	};
	static const unsigned long on_vcpu[] = {
		SVMVCPU_RUN, SVMVCPU_KICK, SVMVCPU_SETUP, SVMVCPU_GET_STATE,
		SVMVCPU_SET_STATE, SVMVCPU_SET_EXITS, SVMVCPU_SET_DEBUG,
		SVMVCPU_TRANSLATE, SVMVCPU_SET_VCPU_CPUID, SVMVCPU_APIC_ACCESS,
		SVMVCPU_GET_VCPU_CPUID, SVMVCPU_GET_VCPU_STATS, 0xb57f,
	};
	int wrong = map_errno(vcpu) != EIO;

	for (unsigned int i = 0; i < ARRAY_SIZE(on_vm); i++)
		wrong += errno_of(vm, on_vm[i], NULL) != EIO;
	for (unsigned int i = 0; i < ARRAY_SIZE(on_vcpu); i++)
		wrong += errno_of(vcpu, on_vcpu[i], NULL) != EIO;
	return wrong;
}

/* Tests start this program again, to get another address space. */
[[gnu::constructor]] static void after_exec(void)
{
	const char *fds = getenv(FDS_IN_ENV);
	int vm, vcpu;

	if (!fds)
		return;
	if (sscanf(fds, "%d %d", &vm, &vcpu) != 2)
		_exit(100);
	_exit(not_refused(vm, vcpu));
}

GUEST16(halt, "hlt\n hlt\n hlt");

FIXTURE(owner) {
	struct test_vm vm;
};

FIXTURE_SETUP(owner)
{
	vm_open(&self->vm);
	load_guest(&self->vm, halt);
	vm_setup(&self->vm, SVMVCPU_PRESET_REAL);
}

VM_TEARDOWN(owner)

static int wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_F(owner, close_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->vm.vm, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->vm.vcpu.fd, F_GETFD));
}

TEST_F(owner, fork)
{
	struct test_vm *vm = &self->vm;
	pid_t pid = fork();

	if (!pid) {
		struct svmvcpu_create_vm arg = { .size = sizeof(arg) };
		struct svmvcpu_cpuid cpuid = { .size = sizeof(cpuid) };
		int wrong = not_refused(vm->vm, vm->vcpu.fd);
		unsigned char there;

		/* The device file works in any process. */
		wrong += errno_of(vm->dev, SVMVCPU_CREATE_VM, &arg) ? 10 : 0;
		wrong += errno_of(vm->dev, SVMVCPU_GET_DEVICE_CPUID, &cpuid) != E2BIG ? 40 : 0;
		/* The run page is not inherited. */
		wrong += mincore(vm->run, PAGE, &there) != -1 || errno != ENOMEM ? 20 : 0;
		close(vm->vcpu.fd);
		close(vm->vm);
		_exit(wrong);
	}
	EXPECT_EQ(0, wait_child(pid));
	RUN_EXPECT(vm, HALT);
}

/* The parent exits, a child keeps the files: they stay unusable. */
TEST_F(owner, orphan)
{
	struct test_vm *vm = &self->vm;
	int pipes[2], wrong = -1;
	pid_t pid, middle;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid) {
		struct test_vm own;

		/* A process creates a VM, leaves it to its child and exits. */
		vm_open(&own);
		middle = getpid();
		if (fork())
			_exit(0);
		while (getppid() == middle)
			sleep_ms(1);
		sleep_ms(20);
		wrong = not_refused(own.vm, own.vcpu.fd);
		if (write(pipes[1], &wrong, sizeof(wrong)) < 0)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ((ssize_t)sizeof(wrong), read(pipes[0], &wrong, sizeof(wrong)));
	EXPECT_EQ(0, wrong);
	RUN_EXPECT(vm, HALT);
}

/* vfork() and threads share the address space, and so the VM. */
static int run_shared(void *arg)
{
	struct test_vm *vm = arg;

	return vm_run(vm);
}

TEST_F(owner, shared_address_space)
{
	static long long stack[2048];
	struct test_vm *vm = &self->vm;
	pid_t pid = clone(run_shared, stack + 2048, CLONE_VM | SIGCHLD, vm);

	ASSERT_GT(pid, 0);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_HALT, vm->run->reason);
}

TEST_F(owner, exec)
{
	struct test_vm *vm = &self->vm;
	pid_t pid = fork();

	if (!pid) {
		char text[32];

		fcntl(vm->vm, F_SETFD, 0);
		fcntl(vm->vcpu.fd, F_SETFD, 0);
		snprintf(text, sizeof(text), "%d %d", vm->vm, vm->vcpu.fd);
		setenv(FDS_IN_ENV, text, 1);
		execl("/proc/self/exe", "abi_owner", NULL);
		_exit(101);
	}
	EXPECT_EQ(0, wait_child(pid));
	RUN_EXPECT(vm, HALT);
}

union fd_message {
	char space[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

static void message_init(struct msghdr *msg, struct iovec *iov, union fd_message *control)
{
	static char byte;

	iov->iov_base = &byte;
	iov->iov_len = 1;
	memset(msg, 0, sizeof(*msg));
	memset(control, 0, sizeof(*control));
	msg->msg_iov = iov;
	msg->msg_iovlen = 1;
	msg->msg_control = control;
	msg->msg_controllen = sizeof(*control);
}

static ssize_t send_fds(int sock, const int *fds)
{
	union fd_message control;
	struct cmsghdr *cmsg;
	struct msghdr msg;
	struct iovec iov;

	message_init(&msg, &iov, &control);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, 2 * sizeof(int));
	return sendmsg(sock, &msg, 0);
}

static ssize_t receive_fds(int sock, int *fds)
{
	union fd_message control;
	struct msghdr msg;
	struct iovec iov;
	ssize_t got;

	message_init(&msg, &iov, &control);
	got = recvmsg(sock, &msg, 0);
	if (got != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), 2 * sizeof(int));
	return got;
}

/* A process that existed before and gets the files by a socket */
TEST_F(owner, passed_files)
{
	struct test_vm own;
	int socks[2], fds[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	pid = fork();
	if (!pid) {
		if (receive_fds(socks[1], fds) != 1)
			_exit(100);
		_exit(not_refused(fds[0], fds[1]));
	}
	vm_open(&own);
	fds[0] = own.vm;
	fds[1] = own.vcpu.fd;
	ASSERT_EQ(1, send_fds(socks[0], fds));
	EXPECT_EQ(0, wait_child(pid));
	load_guest(&own, halt);
	vm_setup(&own, SVMVCPU_PRESET_REAL);
	RUN_EXPECT(&own, HALT);
	vm_close(&own);
}

/* The vCPU file holds a reference to the VM. */
TEST_F(owner, vm_file_closed_first)
{
	struct test_vm *vm = &self->vm;

	close(vm->vm);
	RUN_EXPECT(vm, HALT);
	vm->vm = dup(vm->dev);
}

TEST_F(owner, map_variants)
{
	const struct {
		const char *what;
		size_t bytes;
		int prot, flags;
		off_t offset;
		int want;
	} cases[] = {
		{ "right", 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0, 0 },
		{ "read-only", 2 * PAGE, PROT_READ, MAP_SHARED, 0, 0 },
		{ "nothing", 2 * PAGE, PROT_NONE, MAP_SHARED, 0, 0 },
		{ "populated", 2 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, 0, 0 },
		{ "rounded", 2 * PAGE - 1, PROT_READ, MAP_SHARED, 0, 0 },
		{ "one page", PAGE, PROT_READ, MAP_SHARED, 0, EINVAL },
		{ "three pages", 3 * PAGE, PROT_READ, MAP_SHARED, 0, EINVAL },
		{ "huge", 1UL << 40, PROT_READ, MAP_SHARED, 0, EINVAL },
		{ "offset", 2 * PAGE, PROT_READ, MAP_SHARED, PAGE, EINVAL },
		{ "second page", PAGE, PROT_READ, MAP_SHARED, PAGE, EINVAL },
		{ "odd offset", 2 * PAGE, PROT_READ, MAP_SHARED, 1, EINVAL },
		{ "far offset", 2 * PAGE, PROT_READ, MAP_SHARED, 1UL << 40, EINVAL },
		{ "private", 2 * PAGE, PROT_READ, MAP_PRIVATE, 0, EINVAL },
		{ "executable", 2 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0, EINVAL },
		{ "writable, exec", 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, 0,
		  EINVAL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		void *map = mmap(NULL, cases[i].bytes, cases[i].prot, cases[i].flags,
				 self->vm.vcpu.fd, cases[i].offset);
		int err = map == MAP_FAILED ? errno : 0;

		EXPECT_IN(cases[i].want, err, "%s", cases[i].what);
		if (!err)
			munmap(map, cases[i].bytes);
	}
	RUN_EXPECT(&self->vm, HALT);
}

TEST_F(owner, map_changes)
{
	struct test_vm *vm = &self->vm;
	unsigned char *map;

	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu.fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	/* The run page can be mapped several times, with one page each. */
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0, memcmp(map, vm->run, 2 * PAGE));
	EXPECT_EQ(-1, mprotect(map, 2 * PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mremap(map, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, munmap(map + PAGE, PAGE));
	EXPECT_EQ(0, munmap(map, PAGE));
	/* The vCPU runs without a mapping of its run page. */
	EXPECT_EQ(0, munmap(vm->run, 2 * PAGE));
	EXPECT_EQ(0, vm_run(vm));
	vm->run = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu.fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)vm->run);
	vm->vcpu.run = vm->run;
	EXPECT_NE((__u32)SVMVCPU_EXIT_NONE, vm->run->reason);
}

TEST_F(owner, device_permissions)
{
	struct stat st;
	pid_t pid;

	ASSERT_EQ(0, stat(SVMVCPU_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600U, st.st_mode & 07777);
	EXPECT_EQ(0U, st.st_uid);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(open(SVMVCPU_DEVICE, O_RDWR) != -1 || errno != EACCES);
	}
	EXPECT_EQ(0, wait_child(pid));
}

TEST_HARNESS_MAIN
