// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 * kernel: debug
 *
 * Each allocation of each ioctl fails once: CREATE_VM, MAP, UNMAP, PREFAULT,
 * CREATE_VCPU, SETUP, GET_STATE, SET_STATE, SET_IOEVENTFD, SET_IRQFD, SET_COALESCED, and a
 * RUN whose guest touches new memory, in small and in huge pages. Each failure returns an error
 * and changes nothing, and the VM works as before. Needs a kernel with fault injection,
 * such as the debug kernel.
 */
#include <sys/eventfd.h>

#include "fault_injection.h"
#include "guest_thread.h"

FIXTURE(fault) {
	struct test_vm vm;
	int nth;	/* fail-nth of this thread; -1 if the kernel has none */
};

FIXTURE_SETUP(fault)
{
	self->nth = injection_open();
	if (self->nth < 0)
		return;
	vm_open(&self->vm);
	load_guest(&self->vm, spin);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
}

FIXTURE_TEARDOWN(fault)
{
	if (self->nth < 0)
		return;
	close(self->nth);
	vm_close(&self->vm);
	EXPECT_TRUE(WAIT_UNTIL(!module_refs()));
}

/* Fails each allocation of one call; then the VM must still work. */
#define WALK(self, least, call, undo)					\
do {									\
	WALK_FAILURES((self)->nth, least, call, undo);			\
	EXPECT_EQ(0, still_usable(&(self)->vm));			\
} while (0)

/* Runs the fixture's guest: 0 or a step */
static int still_usable(struct test_vm *vm)
{
	return guest_counts(vm, 10);
}

/* An ioctl that returns a file; 0 or errno */
static int ioctl_fd(int fd, unsigned long cmd, const void *arg, int *new)
{
	*new = ioctl(fd, cmd, arg);
	return *new < 0 ? errno : 0;
}

TEST_F_TIMEOUT(fault, create_vm, 180)
{
	struct svmvcpu_create_vm create = { .size = sizeof(create) };
	int refs = module_refs();
	int fd;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	/* at least struct, root table, file */
	WALK(self, 3, ioctl_fd(self->vm.dev, SVMVCPU_CREATE_VM, &create, &fd), close(fd));
	EXPECT_EQ(refs, module_refs());
}

TEST_F_TIMEOUT(fault, create_vcpu, 180)
{
	struct svmvcpu_create_vcpu create = { .size = sizeof(create), .id = 7 };
	int refs = module_refs();
	int fd;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	/*
	 * at least struct, VMCB, run page, data window, xstate, file; the ID was free
	 * again each time, otherwise it would be EEXIST
	 */
	WALK(self, 6, ioctl_fd(self->vm.vm, SVMVCPU_CREATE_VCPU, &create, &fd), close(fd));
	EXPECT_EQ(refs, module_refs());
}

/* Three regions in one call, all or none */
#define THREE_GPA	0x10000000UL

static int map_three(struct test_vm *vm)
{
	struct svmvcpu_region regions[3];
	struct svmvcpu_map map = {
		.size = sizeof(map), .nr = 3, .regions = (uintptr_t)regions,
	};
	int i;

	for (i = 0; i < 3; i++)
		regions[i] = (struct svmvcpu_region) {
			.gpa = THREE_GPA + i * 16 * PAGE,
			.bytes = 8 * PAGE,
			.hva = (uintptr_t)vm->mem + TEST_FREE,
			.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
		};
	return ioctl_errno(vm->vm, SVMVCPU_MAP, &map);
}

/* Splits the first region, removes the second */
static int unmap_some(struct test_vm *vm)
{
	struct svmvcpu_range ranges[2] = {
		{ THREE_GPA + 2 * PAGE, PAGE }, { THREE_GPA + 16 * PAGE, 8 * PAGE },
	};
	struct svmvcpu_unmap unmap = {
		.size = sizeof(unmap), .nr = 2, .ranges = (uintptr_t)ranges,
	};

	return ioctl_errno(vm->vm, SVMVCPU_UNMAP, &unmap);
}

static int unmap_all(struct test_vm *vm)
{
	struct svmvcpu_range range = { THREE_GPA, 64 * PAGE };
	struct svmvcpu_unmap unmap = {
		.size = sizeof(unmap), .nr = 1, .ranges = (uintptr_t)&range,
	};

	return ioctl_errno(vm->vm, SVMVCPU_UNMAP, &unmap);
}

/* Splits the first region, replaces the second, and moves the third */
static int replace_some(struct test_vm *vm)
{
	const __u64 hva = (uintptr_t)vm->mem + TEST_FREE;
	struct svmvcpu_region regions[4] = {
		{ THREE_GPA + 2 * PAGE, PAGE, hva, SVMVCPU_MEM_READ, 0 },
		{ THREE_GPA + 14 * PAGE, 10 * PAGE, hva, SVMVCPU_MEM_READ, 0 },
		{ THREE_GPA + 32 * PAGE, PAGE, 0, 0, 0 },
		{ THREE_GPA + 33 * PAGE, 8 * PAGE, hva, SVMVCPU_MEM_READ, 0 },
	};
	struct svmvcpu_map map = {
		.size = sizeof(map), .flags = SVMVCPU_MAP_REPLACE, .nr = 4,
		.regions = (uintptr_t)regions,
	};

	return ioctl_errno(vm->vm, SVMVCPU_MAP, &map);
}

TEST_F_TIMEOUT(fault, map, 180)
{
	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	/* A MAP of the same range succeeds, so the failure left no region. */
	WALK(self, 5, map_three(&self->vm), ASSERT_EQ(0, unmap_all(&self->vm)));
	EXPECT_EQ(ENOENT, unmap_all(&self->vm));
}

TEST_F_TIMEOUT(fault, replace, 180)
{
	struct test_vm *vm = &self->vm;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	ASSERT_EQ(0, map_three(vm));
	WALK(self, 8, replace_some(vm), {
		ASSERT_EQ(0, unmap_all(vm));
		ASSERT_EQ(0, map_three(vm));
	});
}

TEST_F_TIMEOUT(fault, unmap, 180)
{
	struct test_vm *vm = &self->vm;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	ASSERT_EQ(0, map_three(vm));
	WALK(self, 2, unmap_some(vm), {
		ASSERT_EQ(0, unmap_all(vm));
		ASSERT_EQ(0, map_three(vm));
	});
	/* whole, as after the last "undo" */
	EXPECT_EQ(0, unmap_some(vm));
}

TEST_F_TIMEOUT(fault, setup_and_state, 180)
{
	struct svmvcpu_setup setup = {
		.size = sizeof(setup), .preset = SVMVCPU_PRESET_PROT32,
		.entry = TEST_CODE, .stack = TEST_STACK,
	};
	struct svmvcpu_state state = {
		.size = sizeof(state), .components = SVMVCPU_STATE_GPRS,
	};
	int fd = self->vm.vcpu.fd;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	WALK(self, 1, ioctl_errno(fd, SVMVCPU_GET_STATE, &state), (void)0);
	ASSERT_EQ(0, ioctl(fd, SVMVCPU_GET_STATE, &state));
	WALK(self, 1, ioctl_errno(fd, SVMVCPU_SET_STATE, &state), (void)0);
	WALK(self, 0, ioctl_errno(fd, SVMVCPU_SETUP, &setup), (void)0);
}

/*
 * EDI: number of pages to touch, from 256 MiB on, so far apart that each needs tables
 * of its own; then OUT
 */
GUEST32(toucher,
	"1: mov $0x10000000, %esi\n"
	"mov $4, %ecx\n"
	"2: incl (%esi)\n"
	"add $0x200000, %esi\n"
	"loop 2b\n"
	"out %al, $0x10\n"
	"jmp 1b");

/* RUN until the OUT, with one failure on the way; 0, or the step that failed */
static int run_through(struct test_vm *vm, int nth_fd, int nth, int *failures, bool *hit)
{
	int tries, err;

	*hit = false;
	fail_nth(nth_fd, nth);
	for (tries = 0; tries < 5; tries++) {
		err = vm_run(vm);
		if (injected(nth_fd) && nth)
			*hit = true;
		fail_nth(nth_fd, 0);
		nth = 0;
		if (!err && vm->run->reason == SVMVCPU_EXIT_IO)
			return 0;
		(*failures)++;
		/*
		 * Failed page tables of the module give ENOMEM; failed memory of the
		 * VMM is missing.
		 */
		if (err && !sane_error(err))
			return err;
		if (!err && (vm->run->reason != SVMVCPU_EXIT_MEMORY_FAULT ||
			     !(vm->run->memory.flags & SVMVCPU_FAULT_USER_MEM)))
			return 1000 + vm->run->reason;
	}
	return 2000;
}

#define AREA_BYTES	(8UL << 20)

/* Huge pages are off in a small machine, and earlier tests have fragmented memory. */
static void make_huge_pages(void)
{
	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	write_file("/proc/sys/vm/drop_caches", "3");
	write_file("/proc/sys/vm/compact_memory", "1");
}

/* Aligned memory with or without huge pages; *@raw is for munmap(). */
static char *area_alloc(char **raw, bool huge)
{
	const unsigned long align = 2 << 20;
	char *mem;

	*raw = mmap(NULL, AREA_BYTES + align, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*raw == MAP_FAILED)
		return NULL;
	mem = (char *)(((uintptr_t)*raw + align - 1) & ~(align - 1));
	if (huge)
		make_huge_pages();
	madvise(mem, AREA_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return mem;
}

static void area_free(char *raw)
{
	munmap(raw, AREA_BYTES + (2 << 20));
}

/* Neither pages nor nested page tables exist yet. */
static int area_renew(struct test_vm *vm, char *mem)
{
	struct svmvcpu_region region = {
		.gpa = THREE_GPA,
		.bytes = AREA_BYTES,
		.hva = (uintptr_t)mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	struct svmvcpu_range range = { .gpa = THREE_GPA, .bytes = AREA_BYTES };

	svmvcpu_vm_unmap(vm->vm, &range, 1);
	return madvise(mem, AREA_BYTES, MADV_DONTNEED) || svmvcpu_vm_map(vm->vm, &region, 1);
}

static void walk_run(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self, bool huge)
{
	struct test_vm *vm = &self->vm;
	int failures = 0, n, ret;
	bool hit = true;
	char *mem, *raw;

	mem = area_alloc(&raw, huge);
	ASSERT_NE(NULL, mem);
	load_guest(vm, toucher);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	for (n = 1; hit && n < MOST; n++) {
		ASSERT_EQ(0, area_renew(vm, mem));
		ret = run_through(vm, self->nth, n, &failures, &hit);
		ASSERT_EQ(0, ret) {
			TH_LOG("chance %d", n);
		}
		/* each page once: no increment was lost or doubled */
		ASSERT_EQ(4, mem[0] + mem[2 << 20] + mem[4 << 20] + mem[6 << 20]);
	}
	TH_LOG("%d failures in %d chances", failures, n - 2);
	EXPECT_FALSE(hit);
	/* four tables and four pages; failing to get a huge page is no failure */
	EXPECT_LE(huge ? 4 : 8, failures);
	area_free(raw);
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(0, still_usable(vm));
}

TEST_F_TIMEOUT(fault, run, 300)
{
	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	walk_run(_metadata, self, false);
}

TEST_F_TIMEOUT(fault, run_huge, 300)
{
	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	walk_run(_metadata, self, true);
}

static int set_ioeventfd(struct test_vm *vm, int fd, __u32 flags)
{
	const struct svmvcpu_ioeventfd arg = {
		.flags = SVMVCPU_IOEVENTFD_PIO | flags, .fd = fd, .address = 0x80,
	};

	return -svmvcpu_vm_ioeventfd(vm->vm, &arg);
}

/* The table of doorbells, and the doorbell */
TEST_F(fault, ioeventfd)
{
	int fd;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	fd = eventfd(0, EFD_CLOEXEC);
	WALK(self, 2, set_ioeventfd(&self->vm, fd, 0),
	     EXPECT_EQ(0, set_ioeventfd(&self->vm, fd, SVMVCPU_IOEVENTFD_REMOVE)));
	close(fd);
}

static int set_irqfd(struct test_vm *vm, int fd, bool remove)
{
	const struct svmvcpu_irqfd arg = {
		.flags = remove ? SVMVCPU_IRQFD_REMOVE : SVMVCPU_IRQFD_RESAMPLE,
		.fd = fd,
		.resample_fd = remove ? 0 : fd,
		.vector = remove ? 0 : 64,
		.msg_flags = remove ? 0 : SVMVCPU_MSG_LEVEL,
	};

	return -svmvcpu_vm_irqfd(vm->vm, &arg);
}

TEST_F(fault, irqfd)
{
	int fd;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	fd = eventfd(0, EFD_CLOEXEC);
	WALK(self, 1, set_irqfd(&self->vm, fd, false),
	     EXPECT_EQ(0, set_irqfd(&self->vm, fd, true)));
	close(fd);
}

TEST_F(fault, coalesced)
{
	const __u32 pio = SVMVCPU_COALESCED_PIO, remove = SVMVCPU_COALESCED_REMOVE;
	struct test_vm *vm = &self->vm;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	WALK(self, 1, -svmvcpu_vm_coalesced(vm->vm, pio, 0x80, 1),
	     EXPECT_EQ(0, svmvcpu_vm_coalesced(vm->vm, pio | remove, 0x80, 1)));
}

GUEST32(log_and_touch,
	"1: out %al, $0x20\n"
	"incl 0x10000000\n"
	"out %al, $0x10\n"
	"jmp 1b");

/* RUN until the last OUT, with one failure on the way; the number of writes to port 0x20 */
static unsigned int run_logging(struct test_vm *vm, int nth_fd, int nth, int *errors, bool *hit)
{
	unsigned int writes = 0, tries, nr;
	int err;

	fail_nth(nth_fd, nth);
	for (tries = 0; tries < 5; tries++) {
		err = vm_run(vm);
		if (!tries)
			*hit = injected(nth_fd);
		fail_nth(nth_fd, 0);
		*errors += err == ENOMEM;
		if (err)
			continue;
		svmvcpu_vcpu_take_writes(&vm->vcpu, &nr);
		writes += nr;
		if (vm->run->reason == SVMVCPU_EXIT_IO)
			return writes;
	}
	return 100;
}

/* A RUN that fails reports no writes; the next one does. */
TEST_F_TIMEOUT(fault, coalesced_run, 300)
{
	struct test_vm *vm = &self->vm;
	int errors = 0, n;
	bool hit = true;
	char *mem, *raw;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	mem = area_alloc(&raw, false);
	ASSERT_NE(NULL, mem);
	load_guest(vm, log_and_touch);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, svmvcpu_vm_coalesced(vm->vm, SVMVCPU_COALESCED_PIO, 0x20, 1));
	for (n = 1; hit && n < MOST; n++) {
		ASSERT_EQ(0, area_renew(vm, mem));
		ASSERT_EQ(1U, run_logging(vm, self->nth, n, &errors, &hit)) {
			TH_LOG("chance %d", n);
		}
	}
	TH_LOG("%d failed RUNs in %d chances", errors, n - 2);
	EXPECT_FALSE(hit);
	EXPECT_LE(1, errors);
	area_free(raw);
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(0, still_usable(vm));
}

/*
 * PREFAULT across a boundary of tables. After a failure a part is mapped, and the same
 * call again maps the rest.
 */
static void walk_prefault(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self, bool huge)
{
	const unsigned long gpa = THREE_GPA + (2 << 20) - PAGE;
	struct test_vm *vm = &self->vm;
	int failures = 0, n, ret;
	struct svmvcpu_stats stats;
	bool hit = true;
	char *mem, *raw;
	__u64 done;

	mem = area_alloc(&raw, huge);
	ASSERT_NE(NULL, mem);
	for (n = 1; hit && n < MOST; n++) {
		ASSERT_EQ(0, area_renew(vm, mem));
		fail_nth(self->nth, n);
		ret = svmvcpu_vm_prefault(vm->vm, gpa, 2 * PAGE, SVMVCPU_PREFAULT_WRITE, &done);
		hit = injected(self->nth);
		fail_nth(self->nth, 0);
		if (ret) {
			ASSERT_TRUE(hit && sane_error(-ret)) {
				TH_LOG("chance %d: %d", n, ret);
			}
			failures++;
			ret = svmvcpu_vm_prefault(vm->vm, gpa, 2 * PAGE, SVMVCPU_PREFAULT_WRITE,
						  &done);
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(2 * PAGE, done);
	}
	TH_LOG("%d failures in %d chances", failures, n - 2);
	EXPECT_FALSE(hit);
	/* two tables and two pages */
	EXPECT_LE(huge ? 2 : 4, failures);
	ASSERT_EQ(0, svmvcpu_vm_get_stats(vm->vm, &stats));
	if (huge)
		EXPECT_LT(0U, stats.mapped_2m);
	EXPECT_EQ(0, unmap_all(vm));
	area_free(raw);
	EXPECT_EQ(0, still_usable(vm));
}

TEST_F_TIMEOUT(fault, prefault, 300)
{
	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	walk_prefault(_metadata, self, false);
}

TEST_F_TIMEOUT(fault, prefault_huge, 300)
{
	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	walk_prefault(_metadata, self, true);
}

TEST_HARNESS_MAIN
