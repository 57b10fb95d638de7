// SPDX-License-Identifier: GPL-2.0-only
/*
 * Further changes of the VMM's memory: a page lost to a hardware error, a page under
 * write protection of a userfaultfd, device memory, memory that the kernel cannot read,
 * files; and accounting of the module's own memory. See also mem_change, mem_share,
 * mem_reclaim and mem_numa.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest_area.h"
#include "host_state.h"

#define READ_FAULT	SVMVCPU_FAULT_USER_MEM

FIXTURE(follow) {
	struct test_vm vm;
	struct guest_thread gt;
	volatile __u32 *page;	/* behind TEST_FREE */
};

FIXTURE_SETUP(follow)
{
	vm_open(&self->vm);
	madvise(self->vm.mem, TEST_MEM, MADV_NOHUGEPAGE);
	self->page = guest_word(&self->vm, TEST_FREE);
}

VM_TEARDOWN(follow)

/* A machine check removed the page: SIGBUS for the VMM, an exit for the guest. */
TEST_F_TIMEOUT(follow, poisoned_page, 90)
{
	struct test_vm *vm = &self->vm;

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 1));
	if (madvise((void *)self->page, PAGE, MADV_HWPOISON)) {
		guest_thread_stop(&self->gt);
		SKIP(return, "no memory failures in this kernel");
	}
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, TEST_FREE, PAGE, 0, NULL));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	ASSERT_EQ(0, fresh_page(self->page));
	*self->page = 2;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 2));
	guest_thread_stop(&self->gt);
}

static int protect(int fd, volatile void *where, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)where, .len = PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp) ? errno : 0;
}

/* The guest's write waits for the monitor; reads of its neighbors do not bypass it. */
TEST_F_TIMEOUT(follow, write_protected_by_userfaultfd, 90)
{
	struct test_vm *vm = &self->vm;
	struct uffd_msg msg = { };
	int fd;

	*self->page = 1;
	fd = page_monitor(self->page, UFFDIO_REGISTER_MODE_WP,
			  UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	if (fd < 0)
		SKIP(return, "no write protection by userfaultfd");
	*guest_word(vm, TO_WRITE) = 2;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(*self->page == 2));
	ASSERT_EQ(0, protect(fd, self->page, true));
	ASSERT_EQ(sizeof(msg), read(fd, &msg, sizeof(msg)));
	EXPECT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	EXPECT_TRUE(msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP);
	*guest_word(vm, TO_WRITE) = 3;
	usleep(50000);
	EXPECT_EQ(2U, *self->page);
	ASSERT_EQ(0, protect(fd, self->page, false));
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 3));
	guest_thread_stop(&self->gt);
	close(fd);
}

/* Physical memory mapped from /dev/mem has no page to map into a guest. */
TEST_F_TIMEOUT(follow, device_memory, 90)
{
	struct test_vm *vm = &self->vm;
	int fd = open("/dev/mem", O_RDONLY);
	void *mem = MAP_FAILED;

	if (fd >= 0)
		mem = mmap((void *)self->page, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			   0xf0000);
	if (mem == MAP_FAILED)
		SKIP(return, "no /dev/mem to map");
	START_GUEST(&self->gt, vm, reader);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	EXPECT_EQ(-EFAULT, svmvcpu_vm_prefault(vm->vm, TEST_FREE, PAGE, 0, NULL));
	/* and its neighbors were mapped without it */
	EXPECT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_FREE + PAGE, PAGE, 0, NULL));
	close(fd);
}

static int secret_page(volatile void *where)
{
	int fd = syscall(__NR_memfd_secret, 0);
	void *mem = MAP_FAILED;

	if (fd < 0)
		return errno;
	if (!ftruncate(fd, PAGE))
		mem = mmap((void *)where, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   fd, 0);
	close(fd);
	return mem == MAP_FAILED ? EINVAL : 0;
}

/* The guest can use it like other memory, but a snapshot cannot save it: that is an exit. */
TEST_F_TIMEOUT(follow, secret_memory, 90)
{
	const struct svmvcpu_range page = { TEST_FREE, PAGE };
	struct test_vm *vm = &self->vm;
	__u64 pages = 0;

	if (secret_page(self->page))
		SKIP(return, "no memfd_secret() in this kernel");
	*guest_word(vm, TO_WRITE) = 7;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(*self->page == 7));
	guest_thread_stop(&self->gt);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	*guest_word(vm, TO_WRITE) = 8;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT | SVMVCPU_FAULT_WRITE);
	EXPECT_EQ(7U, *self->page);
	/* Unless the VMM declares the write with PRESERVE. */
	ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &page, 1));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 8));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(0, svmvcpu_vm_restore(vm->vm, &pages));
	EXPECT_EQ(7U, *self->page);
	EXPECT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 8));
	guest_thread_stop(&self->gt);
}

#define KPF_DIRTY	(1ULL << 4)

/* Flags of the page at @where, from /proc/kpageflags; 0 if unknown */
static __u64 page_flags(volatile void *where)
{
	__u64 entry = 0, flags = 0, pfn;
	int map = open("/proc/self/pagemap", O_RDONLY);
	int kpage = open("/proc/kpageflags", O_RDONLY);

	if (pread(map, &entry, sizeof(entry), (uintptr_t)where / PAGE * 8) == sizeof(entry)) {
		pfn = entry & ((1ULL << 55) - 1);
		if (pfn && pread(kpage, &flags, sizeof(flags), pfn * 8) != sizeof(flags))
			flags = 0;
	}
	close(map);
	close(kpage);
	return flags;
}

#define RAMFS	"/tmp/svmvcpu_ramfs"

/* A file of zeros that nobody has written, for reading; 0 or errno */
static int map_unwritten(volatile void *where)
{
	void *mem;
	int fd;

	mkdir(RAMFS, 0700);
	if (mount("none", RAMFS, "ramfs", 0, NULL))
		return errno;
	fd = open(RAMFS "/file", O_RDWR | O_CREAT | O_EXCL, 0400);
	if (fd < 0 || ftruncate(fd, PAGE))
		return errno;
	close(fd);
	fd = open(RAMFS "/file", O_RDONLY);
	mem = mmap((void *)where, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	return mem == MAP_FAILED ? errno : 0;
}

/*
 * A page of a file that is only read must not become dirty, with or without a log: a
 * file system that is not notified would lose the next write to it.
 */
TEST_F_TIMEOUT(follow, file_stays_clean, 90)
{
	const struct svmvcpu_range page = { TEST_FREE, PAGE };
	struct svmvcpu_region region = {
		.gpa = TEST_FREE, .bytes = PAGE, .hva = (uintptr_t)self->page,
		.prot = SVMVCPU_MEM_READ,
	};
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &page, 1));
	ASSERT_EQ(0, map_unwritten(self->page));
	ASSERT_EQ(0U, *self->page);
	ASSERT_NE(0ULL, page_flags(self->page));
	ASSERT_EQ(0ULL, page_flags(self->page) & KPF_DIRTY);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &page, 1));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_FREE, PAGE, 0, NULL));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(0ULL, page_flags(self->page) & KPF_DIRTY);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &page, 1));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_FREE, PAGE, 0, NULL));
	/* The notifier removes the leaf. */
	ASSERT_EQ(0, madvise((void *)self->page, PAGE, MADV_DONTNEED));
	ASSERT_EQ(0U, *self->page);
	EXPECT_EQ(0ULL, page_flags(self->page) & KPF_DIRTY);
	munmap((void *)self->page, PAGE);
	umount(RAMFS);
}

#define GROUP	"/sys/fs/cgroup/svmvcpu_test"

/* Bytes of kernel memory charged to the group, without page tables */
static long charged(void)
{
	long value = -1, found = -1;
	char line[128], key[64];
	FILE *f = fopen(GROUP "/memory.stat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &value) == 2 && !strcmp(key, "kernel"))
			found = value;
	if (f)
		fclose(f);
	return found;
}

#define SPREAD	100U	/* regions, each under a table of its own */

/* Nested page tables and regions are charged to the caller. */
TEST_F_TIMEOUT(follow, charged_to_the_caller, 90)
{
	struct svmvcpu_region regions[SPREAD];
	struct test_vm *vm = &self->vm;
	long before, after;
	unsigned int i;

	if (write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory") ||
	    mkdir(GROUP, 0755) || write_file(GROUP "/cgroup.procs", "0"))
		SKIP(return, "no memory control group");
	*self->page = 1;
	for (i = 0; i < SPREAD; i++)
		regions[i] = (struct svmvcpu_region) {
			.gpa = 0x10000000 + ((__u64)i << 21), .bytes = PAGE,
			.hva = (uintptr_t)self->page, .prot = SVMVCPU_MEM_READ,
		};
	before = charged();
	if (before >= 0) {
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, regions, SPREAD));
		for (i = 0; i < SPREAD; i++)
			ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, regions[i].gpa, PAGE, 0, NULL));
	}
	after = charged();
	ASSERT_EQ(0, write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	if (before < 0)
		SKIP(return, "memory.stat does not tell");
	TH_LOG("%ld bytes for %u tables", after - before, SPREAD);
	/* the group's counters lag behind by some pages per CPU */
	EXPECT_LT((long)(SPREAD * PAGE / 2), after - before);
}

TEST_HARNESS_MAIN
