// SPDX-License-Identifier: GPL-2.0-only
/*
 * PREFAULT: the pages it maps, the memory it allocates, the progress it reports, and
 * the reasons for which it ends early. GET_STATS counts leaves and faults.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest_area.h"

#define PAGES		300U	/* not a multiple of what is mapped at a time */
#define BYTES		(PAGES * PAGE)
#define READ_WRITE	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)

FIXTURE(prefault) {
	struct test_vm vm;
	struct guest_thread gt;
	char *mem;	/* behind AREA */
};

static int map_at(struct test_vm *vm, unsigned long gpa, void *mem, size_t bytes, __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)mem, .prot = prot,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

FIXTURE_SETUP(prefault)
{
	vm_open(&self->vm);
	madvise(self->vm.mem, TEST_MEM, MADV_NOHUGEPAGE);
	self->mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	madvise(self->mem, BYTES, MADV_NOHUGEPAGE);
	ASSERT_EQ(0, map_at(&self->vm, AREA, self->mem, BYTES, READ_WRITE));
}

FIXTURE_TEARDOWN(prefault)
{
	munmap(self->mem, BYTES);
	vm_close(&self->vm);
}

/* Writes to EDI pages from AREA on */
GUEST32(write_pages, FOR_PAGES("incl (%esi)"));

/* After it the guest faults only for its own code. */
TEST_F(prefault, write)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_stats stats;
	__u64 done = 0;

	SETUP_GUEST(vm, write_pages, PAGES);
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_CODE, PAGE, 0, NULL));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, &done));
	EXPECT_EQ(BYTES, done);
	stats = vm_stats(vm);
	EXPECT_LE(PAGES + 1, stats.mapped_4k);
	EXPECT_EQ(0U, stats.faults);
	EXPECT_LE(2U, stats.tables);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0U, vm_stats(vm).faults);
	EXPECT_EQ(1U, *(__u32 *)(self->mem + BYTES - PAGE));
}

/* For reading: no memory is allocated, and a write faults once more. */
TEST_F(prefault, read)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, NULL));
	EXPECT_LE(PAGES, vm_stats(vm).mapped_4k);
	SETUP_GUEST(vm, write_pages, PAGES);
	RUN_EXPECT(vm, HALT);
	EXPECT_LE(PAGES, vm_stats(vm).faults);
	EXPECT_LE(PAGES, vm_stats(vm).zapped);
	EXPECT_LE(1U, vm_stats(vm).flushes);
	/* the zero page is unchanged */
	munmap(self->mem, PAGE);
	ASSERT_EQ(self->mem, mmap(self->mem, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
				  MAP_FIXED, -1, 0));
	EXPECT_EQ(0U, *(__u32 *)self->mem);
}

/* A second call changes nothing. */
TEST_F(prefault, again)
{
	struct test_vm *vm = &self->vm;
	__u64 mapped;

	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, NULL));
	mapped = vm_stats(vm).mapped_4k;
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, NULL));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, NULL));
	EXPECT_EQ(mapped, vm_stats(vm).mapped_4k);
	EXPECT_EQ(0U, vm_stats(vm).zapped);
}

/* Copies pages that fork left shared: the child keeps its contents. */
TEST_F(prefault, breaks_sharing)
{
	struct test_vm *vm = &self->vm;
	int go[2], status;
	pid_t pid;
	char c;

	memset(self->mem, 1, BYTES);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) != 1 || *(__u32 *)self->mem != 0x01010101);
	}
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, NULL));
	SETUP_GUEST(vm, write_pages, PAGES);
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_CODE, PAGE, 0, NULL));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0U, vm_stats(vm).faults);
	EXPECT_EQ(0x01010102U, *(__u32 *)self->mem);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(prefault, bad_ranges)
{
	unsigned long top = 1UL << self->vm.info.gpa_bits;
	const struct svmvcpu_range bad[] = {
		{ AREA, 0 }, { AREA + 1, PAGE }, { AREA, PAGE + 1 }, { AREA + 0x800, PAGE },
		{ -PAGE, PAGE }, { -PAGE, 2 * PAGE }, { AREA, -AREA }, { top, PAGE },
		{ top - PAGE, 2 * PAGE }, { AREA, top },
	};
	unsigned int i;
	__u64 done;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		done = 7;
		EXPECT_EQ(-EINVAL, svmvcpu_vm_prefault(self->vm.vm, bad[i].gpa, bad[i].bytes, 0,
						       &done)) {
			TH_LOG("range %u", i);
		}
		EXPECT_EQ(0U, done);
	}
	EXPECT_EQ(0U, vm_stats(&self->vm).mapped_4k);
}

/* Each reason to end, and the progress up to it */
TEST_F(prefault, partly)
{
	struct test_vm *vm = &self->vm;
	__u64 done;

	/* across the end of a region, and without a region */
	EXPECT_EQ(-ENOENT, svmvcpu_vm_prefault(vm->vm, AREA, BYTES + PAGE, 0, &done));
	EXPECT_EQ(BYTES, done);
	EXPECT_EQ(-ENOENT, svmvcpu_vm_prefault(vm->vm, AREA + BYTES, PAGE, 0, &done));
	EXPECT_EQ(0U, done);
	EXPECT_EQ(-ENOENT, svmvcpu_vm_prefault(vm->vm, AREA - PAGE, BYTES, 0, &done));
	EXPECT_EQ(0U, done);

	/* into a read-only region */
	ASSERT_EQ(0, map_at(vm, AREA + BYTES, self->mem, PAGE, SVMVCPU_MEM_READ));
	EXPECT_EQ(-EACCES, svmvcpu_vm_prefault(vm->vm, AREA, BYTES + PAGE,
					       SVMVCPU_PREFAULT_WRITE, &done));
	EXPECT_EQ(BYTES, done);
	EXPECT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES + PAGE, 0, &done));
	EXPECT_EQ(BYTES + PAGE, done);

	/* the VMM's memory read-only, inaccessible, missing */
	ASSERT_EQ(0, mprotect(self->mem + 128 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE,
					       &done));
	EXPECT_EQ(128 * PAGE, done);
	EXPECT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, &done));
	ASSERT_EQ(0, mprotect(self->mem + 64 * PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, &done));
	EXPECT_EQ(64 * PAGE, done);
	ASSERT_EQ(0, munmap(self->mem + 37 * PAGE, PAGE));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, &done));
	EXPECT_EQ(37 * PAGE, done);
	ASSERT_EQ(0, munmap(self->mem, PAGE));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, AREA, BYTES, 0, &done));
	EXPECT_EQ(0U, done);
}

/* A file that is too short: the VMM would get a SIGBUS */
TEST_F(prefault, truncated_file)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	__u64 done;

	ASSERT_EQ(0, ftruncate(fd, 128 * PAGE));
	ASSERT_NE(MAP_FAILED, mmap(self->mem, BYTES, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, fd, 0));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(self->vm.vm, AREA, BYTES, 0, &done));
	EXPECT_EQ(128 * PAGE, done);
	ASSERT_EQ(0, ftruncate(fd, BYTES));
	EXPECT_EQ(0, svmvcpu_vm_prefault(self->vm.vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, &done));
	close(fd);
}

static void nothing([[gnu::unused]] int sig)
{
}

struct waiter {
	int vm;
	int ret;
	__u64 done;
	volatile bool over;
};

static void *prefault_thread(void *arg)
{
	struct waiter *w = arg;

	w->ret = svmvcpu_vm_prefault(w->vm, AREA, BYTES, SVMVCPU_PREFAULT_WRITE, &w->done);
	w->over = true;
	return NULL;
}

/* Waits for the monitor of a userfaultfd; a signal ends the wait, and the call can be repeated. */
TEST_F(prefault, interrupted)
{
	struct sigaction action = { .sa_handler = nothing };
	struct waiter w = { .vm = self->vm.vm };
	char page[PAGE] = "here";
	struct uffdio_copy copy = {
		.dst = (uintptr_t)self->mem + 64 * PAGE, .src = (uintptr_t)page, .len = PAGE,
	};
	struct uffd_msg msg;
	pthread_t thread;
	int fd;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	fd = page_monitor(self->mem + 64 * PAGE, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, prefault_thread, &w));
	ASSERT_EQ(sizeof(msg), read(fd, &msg, sizeof(msg)));
	usleep(20000);
	EXPECT_FALSE(w.over);
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, w.ret);
	EXPECT_EQ(64 * PAGE, w.done);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	EXPECT_EQ(0, svmvcpu_vm_prefault(self->vm.vm, AREA + w.done, BYTES - w.done,
					 SVMVCPU_PREFAULT_WRITE, NULL));
	EXPECT_STREQ("here", self->mem + 64 * PAGE);
	close(fd);
}

/* While the guest runs and the memory is unmapped repeatedly */
TEST_F_TIMEOUT(prefault, under_a_running_guest, 120)
{
	struct test_vm *vm = &self->vm;
	unsigned int i, rounds = slow_machine() ? 15 : 50;

	START_GUEST(&self->gt, vm, spin);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, 0, TEST_MEM, SVMVCPU_PREFAULT_WRITE,
						 NULL));
		ASSERT_EQ(0, madvise(vm->mem + TEST_FREE, TEST_MEM - TEST_FREE, MADV_DONTNEED));
	}
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_LE(rounds, vm_stats(vm).flushes);
}

TEST_HARNESS_MAIN
