// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells (SET_IOEVENTFD): which writes of a guest signal an eventfd and which exit;
 * doorbells that are added and removed while vCPUs ring them; files closed in any order.
 */
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "guest_idt.h"
#include "guest_thread.h"

#define PORT		0x510
#define DEVICE		0x400000UL	/* behind the memory */
#define MAX_BELLS	512

GUEST64(out1, "out %al, %dx\n hlt");
GUEST64(out2, "out %ax, %dx\n hlt");
GUEST64(out4, "out %eax, %dx\n hlt");
GUEST64(in1, "in %dx, %al\n hlt");
GUEST64(outs1, "outsb\n hlt");
GUEST64(mov1, "mov %al, (%rdi)\n hlt");
GUEST64(mov2, "mov %ax, (%rdi)\n hlt");
GUEST64(mov4, "mov %eax, (%rdi)\n hlt");
GUEST64(mov8, "mov %rax, (%rdi)\n hlt");
GUEST64(load, "mov (%rdi), %eax\n hlt");
GUEST64(stos3, "mov $3, %ecx\n rep stosl\n hlt");
GUEST64(movs, "movsl\n hlt");
/* Both kinds in a loop, for tests in threads */
GUEST32(ring_loop,
	"sti\n"
	"mov $0x510, %edx\n"
	"1: out %al, %dx\n"
	"mov %eax, 0x400000\n"
	"incl 0x8000\n"
	"jmp 1b");

VM_FIXTURE(doorbell)

/* Room for the guest's address in the page tables, but no memory there */
static void start(struct test_vm *vm, const unsigned char *code, size_t len, __u64 rax)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = TEST_CODE, .stack = TEST_STACK,
		.cr3 = TEST_TABLES,
	};

	vm_load(vm, TEST_CODE, code, len);
	if (svmvcpu_identity_map(vm->mem + TEST_TABLES, TEST_TABLES, 2 * TEST_MEM) ||
	    svmvcpu_vcpu_setup(&vm->vcpu, &setup))
		vm_die("SETUP");
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->gprs = (struct svmvcpu_gprs) {
		.rax = rax, .rdx = PORT, .rdi = DEVICE, .rsi = TEST_DATA, .rsp = TEST_STACK,
		.rip = TEST_CODE, .rflags = 2,
	};
}

#define START(vm, name, rax)	\
	start(vm, guest_##name, guest_##name##_end - guest_##name, rax)

static int set(struct test_vm *vm, __u32 flags, int fd, __u32 width, __u64 address, __u64 data)
{
	const struct svmvcpu_ioeventfd arg = {
		.flags = flags, .fd = fd, .width = width, .address = address, .data = data,
	};

	return -svmvcpu_vm_ioeventfd(vm->vm, &arg);
}

static int decode_mmio(struct svmvcpu_vcpu *vcpu, bool on)
{
	const struct svmvcpu_exits exits = {
		.size = sizeof(exits), .decode = on ? SVMVCPU_DECODE_MMIO : 0,
	};

	return ioctl_errno(vcpu->fd, SVMVCPU_SET_EXITS, &exits);
}

#define REMOVE	SVMVCPU_IOEVENTFD_REMOVE
#define PIO	SVMVCPU_IOEVENTFD_PIO
#define DATA	SVMVCPU_IOEVENTFD_DATA

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		perror("# eventfd");
		exit(1);
	}
	return fd;
}

/* The counter, which becomes 0 */
static __u64 signals(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Runs the guest that START() has loaded; expects that it has rung the doorbell @times. */
#define EXPECT_RINGS(vm, fd, times)					\
do {									\
	RUN_EXPECT(vm, HALT);						\
	EXPECT_EQ((__u64)(times), signals(fd));				\
} while (0)

TEST_F(doorbell, port_any_width)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	ASSERT_EQ(0, set(vm, PIO, fd, 0, PORT, 0));
	START(vm, out1, 1);
	EXPECT_RINGS(vm, fd, 1);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	START(vm, out2, 2);
	EXPECT_RINGS(vm, fd, 1);
	START(vm, out4, 3);
	EXPECT_RINGS(vm, fd, 1);
	/* Other accesses exit. */
	START(vm, in1, 0);
	RUN_EXPECT(vm, IO);
	START(vm, outs1, 0);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0UL, signals(fd));
	ASSERT_EQ(0, set(vm, PIO | REMOVE, fd, 0, PORT, 0));
	START(vm, out1, 1);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0UL, signals(fd));
	close(fd);
}

/* One doorbell per width and per value; each write matches one or none. */
TEST_F(doorbell, port_width_and_data)
{
	struct test_vm *vm = &self->vm;
	int one = new_eventfd(), two = new_eventfd(), four = new_eventfd();

	ASSERT_EQ(0, set(vm, PIO | DATA, one, 1, PORT, 0x80));
	ASSERT_EQ(0, set(vm, PIO | DATA, two, 2, PORT, 0x80));
	ASSERT_EQ(0, set(vm, PIO | DATA, four, 1, PORT, 0x81));
	START(vm, out1, 0xffff80);
	EXPECT_RINGS(vm, one, 1);
	START(vm, out1, 0x81);
	EXPECT_RINGS(vm, four, 1);
	START(vm, out1, 0x82);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x82U, vm->run->io.data);
	START(vm, out2, 0xff0080);
	EXPECT_RINGS(vm, two, 1);
	START(vm, out2, 0x180);
	RUN_EXPECT(vm, IO);
	START(vm, out4, 0x80);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0UL, signals(one) + signals(two) + signals(four));
	close(one);
	close(two);
	close(four);
}

static void check_device(struct __test_metadata *_metadata, struct test_vm *vm, bool decode)
{
	const __u32 missed = decode ? SVMVCPU_EXIT_MMIO : SVMVCPU_EXIT_MEMORY_FAULT;
	int fd = new_eventfd(), wide = new_eventfd();

	ASSERT_EQ(0, decode_mmio(&vm->vcpu, decode));
	ASSERT_EQ(0, set(vm, 0, fd, 4, DEVICE, 0));
	ASSERT_EQ(0, set(vm, DATA, wide, 8, DEVICE, ~0ULL));
	START(vm, mov4, 5);
	EXPECT_RINGS(vm, fd, 1);
	START(vm, mov8, ~0ULL);
	EXPECT_RINGS(vm, wide, 1);
	START(vm, movs, 0);
	EXPECT_RINGS(vm, fd, 1);
	EXPECT_EQ(DEVICE + 4, vm->run->gprs.rdi);
	START(vm, mov8, 5);
	ASSERT_EQ(0, vm_run(vm));
	EXPECT_EQ(missed, vm->run->reason);
	START(vm, mov1, 5);
	ASSERT_EQ(0, vm_run(vm));
	EXPECT_EQ(missed, vm->run->reason);
	START(vm, load, 0);
	ASSERT_EQ(0, vm_run(vm));
	EXPECT_EQ(missed, vm->run->reason);
	/* The first element rings; the second is at the next address. */
	START(vm, stos3, 0);
	ASSERT_EQ(0, vm_run(vm));
	EXPECT_EQ(missed, vm->run->reason);
	EXPECT_EQ(1UL, signals(fd));
	EXPECT_EQ(2UL, vm->run->gprs.rcx);
	EXPECT_EQ(0UL, signals(wide));
	ASSERT_EQ(0, set(vm, REMOVE, fd, 4, DEVICE, 0));
	ASSERT_EQ(0, set(vm, REMOVE | DATA, wide, 8, DEVICE, ~0ULL));
	START(vm, mov4, 5);
	ASSERT_EQ(0, vm_run(vm));
	EXPECT_EQ(missed, vm->run->reason);
	close(fd);
	close(wide);
}

TEST_F(doorbell, device_decoded)
{
	check_device(_metadata, &self->vm, true);
}

TEST_F(doorbell, device_not_decoded)
{
	check_device(_metadata, &self->vm, false);
}

/* A region hides a doorbell, until it is removed. */
TEST_F(doorbell, device_under_memory)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	ASSERT_EQ(0, set(vm, 0, fd, 0, TEST_FREE, 0));
	START(vm, mov2, 0x1234);
	vm->run->gprs.rdi = TEST_FREE;
	EXPECT_RINGS(vm, fd, 0);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "\x34\x12", 2));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	START(vm, mov2, 0x5678);
	vm->run->gprs.rdi = TEST_FREE;
	EXPECT_RINGS(vm, fd, 1);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "\x34\x12", 2));
	close(fd);
}

/* A write that its region does not allow is an access to a device. */
TEST_F(doorbell, device_over_rom)
{
	struct svmvcpu_region rom = {
		.gpa = DEVICE, .bytes = PAGE, .prot = SVMVCPU_MEM_READ,
	};
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	rom.hva = (uintptr_t)vm->mem + TEST_DATA;
	memset(vm->mem + TEST_DATA, 0x77, 8);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &rom, 1));
	ASSERT_EQ(0, set(vm, 0, fd, 4, DEVICE, 0));
	for (int decode = 0; decode < 2; decode++) {
		ASSERT_EQ(0, decode_mmio(&vm->vcpu, decode));
		START(vm, mov4, 5);
		EXPECT_RINGS(vm, fd, 1);
		START(vm, load, 0);
		EXPECT_RINGS(vm, fd, 0);
		EXPECT_EQ(0x77777777U, vm->run->gprs.rax);
	}
	close(fd);
}

/* The ports of SYSTEM_DOWN can have doorbells. */
TEST_F(doorbell, before_system_down)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	ASSERT_EQ(0, set(vm, PIO, fd, 1, 0xcf9, 0));
	START(vm, out1, 6);
	vm->run->gprs.rdx = 0xcf9;
	EXPECT_RINGS(vm, fd, 1);
	close(fd);
}

TEST_F(doorbell, single_step)
{
	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	struct test_vm *vm = &self->vm;
	int fd;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	fd = new_eventfd();
	ASSERT_EQ(0, set(vm, PIO, fd, 1, PORT, 0));
	START(vm, out1, 6);
	ASSERT_EQ(0, svmvcpu_vcpu_set_debug(&vm->vcpu, &debug));
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	EXPECT_EQ(1UL, signals(fd));
	close(fd);
}

TEST_F(doorbell, arguments)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	int fd = new_eventfd();
	const struct {
		__u32 flags;
		__u32 width;
		__u64 address;
		__u64 data;
	} bad[] = {
		{ PIO, 3, PORT, 0 }, { PIO, 8, PORT, 0 }, { PIO, 0, 0x10000, 0 },
		{ PIO, 2, 0xffff, 0 }, { PIO, 4, 0xfffd, 0 }, { PIO, 1, 1ULL << 63, 0 },
		{ PIO, 1, 1ULL << 32 | PORT, 0 }, { PIO, 1U << 31, PORT, 0 },
		{ PIO, 1, PORT, 1 }, { PIO | DATA, 0, PORT, 0 }, { PIO | DATA, 1, PORT, 0x100 },
		{ PIO | DATA, 4, PORT, 1ULL << 32 }, { 0, 3, DEVICE, 0 }, { 0, 16, DEVICE, 0 },
		{ 0, 4, top, 0 }, { 0, 0, ~0ULL, 0 }, { 0, 0, 1ULL << 63, 0 },
		{ 0, 2, DEVICE + 0xfff, 0 }, { 0, 8, DEVICE + 0xff9, 0 }, { DATA, 0, DEVICE, 0 },
		{ 0, 0, DEVICE, 1 }, { DATA, 2, DEVICE, 1ULL << 16 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EINVAL, set(&self->vm, bad[i].flags, fd, bad[i].width,
				      bad[i].address, bad[i].data)) {
			TH_LOG("row %u", i);
		}
		EXPECT_EQ(EINVAL, set(&self->vm, REMOVE | bad[i].flags, fd, bad[i].width,
				      bad[i].address, bad[i].data));
	}
	EXPECT_EQ(EBADF, set(&self->vm, PIO, -1, 1, PORT, 0));
	EXPECT_EQ(EBADF, set(&self->vm, PIO, 1000, 1, PORT, 0));
	EXPECT_EQ(EINVAL, set(&self->vm, PIO, self->vm.vm, 1, PORT, 0));
	EXPECT_EQ(EINVAL, set(&self->vm, PIO, self->vm.dev, 1, PORT, 0));
	/* the extremes */
	EXPECT_EQ(0, set(&self->vm, PIO, fd, 1, 0xffff, 0));
	EXPECT_EQ(0, set(&self->vm, PIO, fd, 4, 0xfffc, 0));
	EXPECT_EQ(0, set(&self->vm, 0, fd, 8, top - 8, 0));
	EXPECT_EQ(0, set(&self->vm, DATA, fd, 8, DEVICE, ~0ULL));
	close(fd);
}

TEST_F(doorbell, collisions)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(), other = new_eventfd();

	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, fd, 1, PORT, 0));
	EXPECT_EQ(0, set(vm, PIO | DATA, fd, 1, PORT, 1));
	EXPECT_EQ(EEXIST, set(vm, PIO | DATA, fd, 1, PORT, 1));
	EXPECT_EQ(EEXIST, set(vm, PIO | DATA, other, 1, PORT, 1));
	EXPECT_EQ(EEXIST, set(vm, PIO, other, 1, PORT, 0));
	EXPECT_EQ(EEXIST, set(vm, PIO, other, 0, PORT, 0));
	EXPECT_EQ(0, set(vm, PIO | DATA, other, 1, PORT, 2));
	EXPECT_EQ(0, set(vm, PIO, other, 2, PORT, 0));
	EXPECT_EQ(0, set(vm, 0, other, 0, PORT, 0));
	/* REMOVE needs all values. */
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO | DATA, other, 1, PORT, 1));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, fd, 1, PORT, 0));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, fd, 0, PORT, 0));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO | DATA, fd, 1, PORT, 3));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | DATA, fd, 1, PORT, 1));
	EXPECT_EQ(0, set(vm, REMOVE | PIO | DATA, fd, 1, PORT, 1));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO | DATA, fd, 1, PORT, 1));
	/* also where no other doorbell collides with what is asked for */
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO | DATA, other, 2, PORT, 0));
	EXPECT_EQ(ENOENT, set(vm, REMOVE, other, 4, PORT, 0));
	EXPECT_EQ(0, set(vm, REMOVE, other, 0, PORT, 0));
	close(fd);
	close(other);
}

TEST_F(doorbell, at_most)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	for (__u64 i = 0; i < MAX_BELLS; i++)
		ASSERT_EQ(0, set(vm, i & 1 ? PIO : 0, fd, 0, i, 0));
	EXPECT_EQ(ENOSPC, set(vm, PIO, fd, 0, PORT + 0x1000, 0));
	EXPECT_EQ(EEXIST, set(vm, PIO, fd, 0, 1, 0));
	EXPECT_EQ(0, set(vm, REMOVE, fd, 0, 0, 0));
	EXPECT_EQ(0, set(vm, PIO, fd, 0, PORT + 0x1000, 0));
	EXPECT_EQ(ENOSPC, set(vm, 0, fd, 0, 0, 0));
	START(vm, out1, 0);
	vm->run->gprs.rdx = PORT + 0x1000;
	EXPECT_RINGS(vm, fd, 1);
	close(fd);
}

/* Another process can read the eventfd, but not change the doorbells. */
TEST_F(doorbell, fork)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(), status;
	pid_t child;

	ASSERT_EQ(0, set(vm, PIO, fd, 1, PORT, 0));
	START(vm, out1, 0);
	RUN_EXPECT(vm, HALT);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(set(vm, REMOVE | PIO, fd, 1, PORT, 0) == EIO && signals(fd) == 1 ? 0 : 1);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
}

/* The guest rings after the VM file and the descriptor have been closed. */
TEST_F(doorbell, closed_first)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(), copy = dup(fd);

	ASSERT_EQ(0, set(vm, PIO, fd, 1, PORT, 0));
	close(fd);
	START(vm, out1, 0);
	EXPECT_RINGS(vm, copy, 1);
	ASSERT_EQ(0, set(vm, REMOVE | PIO, copy, 1, PORT, 0));
	ASSERT_EQ(0, set(vm, PIO, copy, 1, PORT, 0));
	close(vm->vm);
	vm->vm = -1;
	START(vm, out1, 0);
	EXPECT_RINGS(vm, copy, 1);
	close(copy);
	/* Nobody can read the eventfd any more. */
	START(vm, out1, 0);
	RUN_EXPECT(vm, HALT);
}

/* RESTORE keeps doorbells, and does not take signals back. */
TEST_F(doorbell, restore)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd();

	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(0, set(vm, PIO, fd, 1, PORT, 0));
	START(vm, out1, 0);
	RUN_EXPECT(vm, HALT);
	ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	EXPECT_EQ(1UL, signals(fd));
	START(vm, out1, 0);
	EXPECT_RINGS(vm, fd, 1);
	close(fd);
}

/* Runs the guest that rings, and completes the exits while there is no doorbell. */
static void *ring(void *arg)
{
	struct guest_thread *gt = arg;

	do {
		gt->err = ioctl(gt->vcpu->fd, SVMVCPU_RUN, 0) ? errno : 0;
	} while (!gt->err && !gt->stop &&
		 (gt->vcpu->run->reason == SVMVCPU_EXIT_INTERRUPTED ||
		  gt->vcpu->run->reason == SVMVCPU_EXIT_IO ||
		  gt->vcpu->run->reason == SVMVCPU_EXIT_MMIO));
	return NULL;
}

/* Adds and removes doorbells while two vCPUs ring them. */
TEST_F(doorbell, change_under_load)
{
	const unsigned int rounds = slow_machine() ? 200 : 1000;
	struct svmvcpu_vcpu vcpu[2];
	struct guest_thread gt[2] = { };
	struct test_vm *vm = &self->vm;
	__u64 rung = 0;

	load_guest(vm, ring_loop);
	for (int i = 0; i < 2; i++) {
		const struct svmvcpu_setup setup = {
			.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE,
			.stack = TEST_STACK,
		};

		ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, i + 1, &vm->info, &vcpu[i]));
		ASSERT_EQ(0, svmvcpu_vcpu_setup(&vcpu[i], &setup));
		ASSERT_EQ(0, decode_mmio(&vcpu[i], true));
		gt[i].vcpu = &vcpu[i];
		ASSERT_EQ(0, pthread_create(&gt[i].thread, NULL, ring, &gt[i]));
	}
	for (unsigned int i = 0; i < rounds; i++) {
		int fd = new_eventfd();

		ASSERT_EQ(0, set(vm, PIO, fd, i & 1, PORT, 0));
		ASSERT_EQ(0, set(vm, 0, fd, i & 4, DEVICE, 0));
		if (!(i % 16))
			ASSERT_TRUE(WAIT_UNTIL(signals(fd)));
		ASSERT_EQ(0, set(vm, REMOVE | PIO, fd, i & 1, PORT, 0));
		ASSERT_EQ(0, set(vm, REMOVE, fd, i & 4, DEVICE, 0));
		rung += signals(fd);
		close(fd);
	}
	TH_LOG("%llu signals that nobody waited for", rung);
	for (int i = 0; i < 2; i++) {
		gt[i].stop = true;
		svmvcpu_vcpu_kick(&vcpu[i]);
		guest_thread_join(&gt[i]);
		EXPECT_EQ(0, gt[i].err);
		EXPECT_NE((__u32)SVMVCPU_EXIT_MEMORY_FAULT, vcpu[i].run->reason);
		svmvcpu_vcpu_close(&vcpu[i]);
	}
}

/* SIGKILL while a guest rings; the parent's eventfd stays usable. */
TEST_F(doorbell, killed)
{
	int fd = new_eventfd(), status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct test_vm vm;

		vm_open(&vm);
		if (set(&vm, PIO, fd, 1, PORT, 0) || set(&vm, 0, fd, 4, DEVICE, 0))
			_exit(1);
		load_guest(&vm, ring_loop);
		vm_setup(&vm, SVMVCPU_PRESET_PROT32);
		vm_run(&vm);
		_exit(2);
	}
	EXPECT_TRUE(WAIT_UNTIL(signals(fd)));
	EXPECT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	signals(fd);
	EXPECT_EQ(0UL, signals(fd));
	close(fd);
}

TEST_HARNESS_MAIN
