// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared guest memory: copies of fork, files mapped shared and private, another process
 * that writes to them, truncation while the guest runs.
 */
#include <sys/wait.h>

#include "guest_thread.h"

#define READ_FAULT	SVMVCPU_FAULT_USER_MEM
#define WRITE_FAULT	(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE)

FIXTURE(share) {
	struct test_vm vm;
	struct guest_thread gt;
	volatile __u32 *page;	/* behind TEST_FREE */
	int fd;
};

FIXTURE_SETUP(share)
{
	vm_open(&self->vm);
	self->page = guest_word(&self->vm, TEST_FREE);
	self->fd = memfd_create("guest", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ftruncate(self->fd, PAGE));
}

FIXTURE_TEARDOWN(share)
{
	close(self->fd);
	vm_close(&self->vm);
}

/* Maps the file at TEST_FREE; 0 or errno. */
static int put_file(struct test_vm *vm, int fd, int prot, int flags)
{
	void *mem = mmap(vm->mem + TEST_FREE, PAGE, prot, flags | MAP_FIXED, fd, 0);

	return mem == MAP_FAILED ? errno : 0;
}

static int write_file(int fd, __u32 value)
{
	return pwrite(fd, &value, sizeof(value), 0) == sizeof(value) ? 0 : -1;
}

static __u32 read_file(int fd)
{
	__u32 value = 0xffffffff;

	return pread(fd, &value, sizeof(value), 0) == sizeof(value) ? value : 0xffffffff;
}

static bool reader_sees(struct test_vm *vm, __u32 value)
{
	return WAIT_UNTIL(*guest_word(vm, SEEN) == value);
}

/* exit status of a child, -1 for anything else */
static int child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* In the child: contents at the fork, whatever the guest does since. */
static int forked(volatile __u32 *page, int go)
{
	char c;

	if (*page != 1)
		return 1;
	*page = 77;
	if (read(go, &c, 1) != 1)
		return 2;
	return *page == 77 ? 0 : 3;
}

TEST_F_TIMEOUT(share, fork_copies, 90)
{
	struct test_vm *vm = &self->vm;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	*guest_word(vm, TO_WRITE) = 1;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(*self->page == 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(forked(self->page, go[0]));

	/* The guest belongs to the parent: its writes must not go to a shared page. */
	ASSERT_TRUE(guest_beats(vm));
	usleep(100000);
	EXPECT_EQ(1U, *self->page);
	*guest_word(vm, TO_WRITE) = 2;
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 2));
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_EQ(2U, *self->page);
	guest_thread_stop(&self->gt);
}

/* The VMM writes after the fork, which copies the page; the guest must use the copy. */
TEST_F_TIMEOUT(share, fork_and_vmm_writes, 90)
{
	struct test_vm *vm = &self->vm;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(forked(self->page, go[0]));
	*self->page = 2;
	EXPECT_TRUE(reader_sees(vm, 2));
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_EQ(2U, *guest_word(vm, SEEN));
	guest_thread_stop(&self->gt);
}

/* Many forks while the guest writes as fast as it can */
TEST_F_TIMEOUT(share, fork_often, 90)
{
	struct test_vm *vm = &self->vm;
	__u32 i;

	START_GUEST(&self->gt, vm, writer);
	for (i = 1; i <= 20; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			__u32 before = *guest_word(vm, BEATS);

			usleep(2000);
			_exit(*guest_word(vm, BEATS) != before);
		}
		*guest_word(vm, TO_WRITE) = i;
		ASSERT_TRUE(WAIT_UNTIL(*self->page == i));
		ASSERT_EQ(0, child_status(pid)) {
			TH_LOG("the guest wrote into a child");
		}
	}
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(share, file_shared, 90)
{
	struct test_vm *vm = &self->vm;
	pid_t pid;

	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	START_GUEST(&self->gt, vm, reader);
	ASSERT_EQ(0, write_file(self->fd, 11));
	EXPECT_TRUE(reader_sees(vm, 11));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		*self->page = 12;	/* one page for both */
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(reader_sees(vm, 12));
	guest_thread_stop(&self->gt);

	*guest_word(vm, TO_WRITE) = 13;
	START_GUEST(&self->gt, vm, writer);
	EXPECT_TRUE(WAIT_UNTIL(read_file(self->fd) == 13));
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(share, file_private, 90)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, write_file(self->fd, 21));
	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	START_GUEST(&self->gt, vm, reader);
	EXPECT_TRUE(reader_sees(vm, 21));
	guest_thread_stop(&self->gt);

	*guest_word(vm, TO_WRITE) = 22;
	START_GUEST(&self->gt, vm, writer);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 22));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(21U, read_file(self->fd));
}

TEST_F_TIMEOUT(share, file_read_only, 90)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, write_file(self->fd, 31));
	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ, MAP_SHARED));
	START_GUEST(&self->gt, vm, reader);
	EXPECT_TRUE(reader_sees(vm, 31));
	guest_thread_stop(&self->gt);

	*guest_word(vm, TO_WRITE) = 32;
	START_GUEST(&self->gt, vm, writer);
	EXPECT_FAULT(&self->gt, TEST_FREE, WRITE_FAULT);
	EXPECT_EQ(31U, read_file(self->fd));
}

TEST_F_TIMEOUT(share, truncate, 90)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, write_file(self->fd, 41));
	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	START_GUEST(&self->gt, vm, reader);
	EXPECT_TRUE(reader_sees(vm, 41));
	/* The VMM would get a SIGBUS if it accessed the page */
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);

	ASSERT_EQ(0, ftruncate(self->fd, PAGE));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(reader_sees(vm, 0));
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(share, punch_hole, 90)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, write_file(self->fd, 51));
	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	START_GUEST(&self->gt, vm, reader);
	EXPECT_TRUE(reader_sees(vm, 51));
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	EXPECT_TRUE(reader_sees(vm, 0));
	ASSERT_EQ(0, write_file(self->fd, 52));
	EXPECT_TRUE(reader_sees(vm, 52));
	guest_thread_stop(&self->gt);
}

/* A hole at first: the guest's read must not prevent later writers. */
TEST_F_TIMEOUT(share, hole_is_filled, 90)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, put_file(vm, self->fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(guest_beats(vm));
	EXPECT_EQ(0U, *guest_word(vm, SEEN));
	ASSERT_EQ(0, write_file(self->fd, 61));
	EXPECT_TRUE(reader_sees(vm, 61));
	guest_thread_stop(&self->gt);
}

#define ALIASES		300U
#define ALIAS_BYTES	(64 * PAGE)
#define ALIAS_AREA	0x40000000UL

/* The same memory at many guest addresses: all lose it. */
TEST_F(share, many_aliases)
{
	struct svmvcpu_region region = { .bytes = ALIAS_BYTES, .prot = SVMVCPU_MEM_READ };
	struct svmvcpu_stats before, after;
	unsigned int i;
	__u64 done;
	char *mem;

	mem = mmap(NULL, ALIAS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	region.hva = (uintptr_t)mem;
	for (i = 0; i < ALIASES; i++) {
		region.gpa = ALIAS_AREA + 2 * i * ALIAS_BYTES;
		ASSERT_EQ(0, svmvcpu_vm_map(self->vm.vm, &region, 1));
		ASSERT_EQ(0, svmvcpu_vm_prefault(self->vm.vm, region.gpa, ALIAS_BYTES, 0, &done));
	}
	ASSERT_EQ(0, svmvcpu_vm_get_stats(self->vm.vm, &before));
	ASSERT_EQ(0, munmap(mem, ALIAS_BYTES));
	ASSERT_EQ(0, svmvcpu_vm_get_stats(self->vm.vm, &after));
	EXPECT_EQ(before.zapped + ALIASES * 64, after.zapped);
}

TEST_HARNESS_MAIN
