// SPDX-License-Identifier: GPL-2.0-only
/*
 * A malicious VMM: it overwrites the run page and the data window while RUN reads them,
 * changes arguments while ioctls copy them, and gives the run page to the guest as
 * memory. The kernel must stay intact, calls must return documented errors, and another
 * VM must not be affected.
 *
 * cost: 5
 * emulator: qemu, Bochs: no host interrupt ends a guest whose IF was scribbled off
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "abi_args.h"

#define MS		1000000ULL
#define ATTACK		(700 * MS)	/* duration of each attack */
#define CANARY		0x5ca1ab1e0badd00dULL

/* Causes every kind of exit that the run page can complete, in a loop. */
GUEST64(chatter,
	"1: mov $0x60, %dx\n"
	"in %dx, %al\n"
	"out %eax, %dx\n"
	"mov $0x9000, %edi\n"
	"mov $64, %ecx\n"
	"rep insb\n"
	"mov $0x9000, %esi\n"
	"mov $32, %ecx\n"
	"rep outsw\n"
	"mov $0x123, %ecx\n"
	"rdmsr\n"
	"wrmsr\n"
	"vmmcall\n"
	"ud2\n"
	"cpuid\n"
	"jmp 1b");

/* Fills the page at TEST_FREE, also by string I/O, in a loop. */
GUEST64(filler,
	"1: mov $0x200000, %edi\n"
	"mov $512, %ecx\n"
	"mov %r8, %rax\n"
	"rep stosq\n"
	"not %r8\n"
	"mov $0x200000, %edi\n"
	"mov $16, %ecx\n"
	"mov $0x60, %dx\n"
	"rep insb\n"
	"in %dx, %eax\n"
	"vmmcall\n"
	"jmp 1b");

GUEST64(answer, "movabs $0x5ca1ab1e0badd00d, %rax\n hlt");

FIXTURE(hostile) {
	struct test_vm vm;
	struct test_vm bystander;
};

static void on_alarm(int signal)
{
	(void)signal;
}

/* A timer, because an attack can remove the deadline while the guest loops. */
FIXTURE_SETUP(hostile)
{
	const struct itimerval tick = {
		.it_value.tv_usec = 5000, .it_interval.tv_usec = 5000,
	};
	struct sigaction action = { .sa_handler = on_alarm };

	vm_open(&self->vm);
	vm_open(&self->bystander);
	for (size_t i = 0; i < TEST_MEM; i += 8)
		memcpy(self->bystander.mem + i, &(__u64){ CANARY }, 8);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

FIXTURE_TEARDOWN(hostile)
{
	vm_close(&self->bystander);
	vm_close(&self->vm);
}

/* Afterwards the vCPU works again, and the other VM still works. */
static void check_sound(struct __test_metadata *_metadata, struct test_vm *vm,
			struct test_vm *bystander)
{
	const struct itimerval off = { };
	__u64 word;

	setitimer(ITIMER_REAL, &off, NULL);
	for (size_t i = 0; i < TEST_MEM; i += 8) {
		memcpy(&word, bystander->mem + i, 8);
		ASSERT_EQ(CANARY, word);
	}
	memset((void *)vm->run, 0, 2 * PAGE);
	memset(vm->mem, 0, TEST_MEM);
	load_guest(vm, answer);
	load_guest(bystander, answer);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 0));
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	vm_setup(bystander, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(CANARY, vm->run->gprs.rax);
	RUN_EXPECT(bystander, HALT);
	EXPECT_EQ(CANARY, bystander->run->gprs.rax);
}

struct scribbler {
	pthread_t thread;
	volatile bool stop;
	struct svmvcpu_run *run;
	bool sparing;
};

/* Writes random values, or only to fields that do not make RUN fail at once. */
static void *scribble(void *arg)
{
	struct scribbler *scribbler = arg;
	volatile __u64 *page = (void *)scribbler->run;
	__u64 random = 42;

	while (!scribbler->stop) {
		__u64 what = next_random(&random), value = next_random(&random);
		size_t word = what % (2 * PAGE / 8);

		if (scribbler->sparing) {
			if (what >> 60 < 6)
				word = 32 + what % 18;	/* registers */
			else if (what >> 60 < 8)
				word = 0;
			if (word == 0)
				value &= 7;
			else if (word == 49)
				value = (value & 0x3f7fd7) | 2;
			else if (word > 2 && word < 8)
				value = 0;
		}
		page[word] = value;
	}
	return NULL;
}

/*
 * RUN until the time is up and @wanted calls have led to an exit. Errors are ignored if
 * they are documented. On a busy machine only a few calls fit into the time.
 */
static unsigned int run_through(struct __test_metadata *_metadata, struct test_vm *vm,
				unsigned int wanted)
{
	__u64 start = now_ns(), spent = 0;
	unsigned int runs = 0, useful = 0;

	while (spent < ATTACK || (useful < wanted && spent < 20 * ATTACK)) {
		int err = vm_run(vm);

		spent = now_ns() - start;
		runs++;
		useful += !err;
		ASSERT_TRUE(!err || err == EINVAL || err == EBADFD);
		if (err == EBADFD || !(runs % 50))
			vm_setup(vm, SVMVCPU_PRESET_LONG64);
	}
	EXPECT_LE(wanted, useful);
	return runs;
}

static void attack(struct __test_metadata *_metadata, struct test_vm *vm, bool sparing)
{
	struct scribbler scribbler = { .run = vm->run, .sparing = sparing };

	load_guest(vm, chatter);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1 << 6));
	ASSERT_EQ(0, pthread_create(&scribbler.thread, NULL, scribble, &scribbler));
	EXPECT_LT(10U, run_through(_metadata, vm, sparing ? 10 : 0));
	scribbler.stop = true;
	pthread_join(scribbler.thread, NULL);
}

TEST_F(hostile, scribble_everywhere)
{
	attack(_metadata, &self->vm, false);
	check_sound(_metadata, &self->vm, &self->bystander);
}

TEST_F(hostile, scribble_with_care)
{
	attack(_metadata, &self->vm, true);
	check_sound(_metadata, &self->vm, &self->bystander);
}

/* The guest has the run page in its memory and writes to it as a VMM would. */
TEST_F(hostile, run_page_is_guest_memory)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range hole = { .gpa = TEST_FREE, .bytes = 2 * PAGE };
	struct svmvcpu_region page = {
		.gpa = TEST_FREE, .bytes = 2 * PAGE, .hva = (uintptr_t)vm->run,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &page, 1));
	load_guest(vm, filler);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	for (int i = 0; i < 3; i++) {
		/* RUN ignores what the guest left there. */
		memset((void *)vm->run, 0, 64);
		run_through(_metadata, vm, 1);
	}
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	check_sound(_metadata, vm, &self->bystander);
}

struct flipper {
	pthread_t thread;
	volatile bool stop;
	volatile __u32 *word;
	__u32 values[4];
};

static void *flip(void *arg)
{
	struct flipper *flipper = arg;

	for (unsigned int i = 0; !flipper->stop; i++)
		*flipper->word = flipper->values[i % 4];
	return NULL;
}

/*
 * Calls @cmd while one word of its argument changes. Each result must be one that one
 * of the four values causes alone.
 */
static void flip_argument(struct __test_metadata *_metadata, int fd, unsigned long cmd,
			  void *arg, unsigned int word, const __u32 values[4],
			  __u64 allowed)
{
	struct flipper flipper = { .word = (__u32 *)arg + word };
	__u64 end = now_ns() + ATTACK / 4, seen = 0;

	memcpy(flipper.values, values, sizeof(flipper.values));
	ASSERT_EQ(0, pthread_create(&flipper.thread, NULL, flip, &flipper));
	while (now_ns() < end)
		seen |= 1ULL << errno_of(fd, cmd, arg);
	flipper.stop = true;
	pthread_join(flipper.thread, NULL);
	EXPECT_EQ(0ULL, seen & ~allowed);
}

TEST_F(hostile, changing_arguments)
{
	const __u32 sizes[4] = {
		sizeof(struct svmvcpu_setup), 0, PAGE, sizeof(struct svmvcpu_setup) + 8,
	};
	const __u32 presets[4] = { 0, 1, 2, 3 }, counts[4] = { 1, 0, 512, 0xffffffff };
	unsigned char *arg = svmvcpu_alloc(2 * PAGE);
	struct svmvcpu_region *regions = svmvcpu_alloc(512 * sizeof(*regions));
	struct svmvcpu_map map = {
		.size = sizeof(map), .nr = 1, .regions = (uintptr_t)regions,
	};
	const __u64 ok_or_einval = 1 | 1ULL << EINVAL;

	((struct svmvcpu_setup *)arg)->preset = SVMVCPU_PRESET_RESET;
	flip_argument(_metadata, self->vm.vcpu.fd, SVMVCPU_SETUP, arg, 0, sizes, ok_or_einval);
	((struct svmvcpu_setup *)arg)->size = sizeof(struct svmvcpu_setup);
	flip_argument(_metadata, self->vm.vcpu.fd, SVMVCPU_SETUP, arg, 2, presets, ok_or_einval);
	/* All regions overlap existing ones: none is ever mapped. */
	for (int i = 0; i < 512; i++)
		regions[i] = (struct svmvcpu_region) {
			.gpa = i * PAGE, .bytes = PAGE, .hva = (uintptr_t)self->vm.mem,
			.prot = SVMVCPU_MEM_READ,
		};
	flip_argument(_metadata, self->vm.vm, SVMVCPU_MAP, &map, 2, counts,
		      1ULL << EINVAL | 1ULL << EEXIST);
	map.nr = 512;
	flip_argument(_metadata, self->vm.vm, SVMVCPU_MAP, &map, 0,
		      (__u32[4]) { sizeof(map), 0, sizeof(map), 0xffff },
		      1ULL << EINVAL | 1ULL << EEXIST);
	check_sound(_metadata, &self->vm, &self->bystander);
	svmvcpu_free(regions, 512 * sizeof(*regions));
	svmvcpu_free(arg, 2 * PAGE);
}

/* RUN uses the registers it has checked, whoever changes the page. */
TEST_F(hostile, changing_registers)
{
	const __u32 rflags[4] = { 2, 0, 0x8002, 0x46 };
	struct test_vm *vm = &self->vm;
	struct flipper flipper = { .word = (volatile __u32 *)&vm->run->gprs.rflags };
	unsigned int taken = 0, refused = 0;
	__u64 end = now_ns() + ATTACK;

	memcpy(flipper.values, rflags, sizeof(rflags));
	load_guest(vm, answer);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, pthread_create(&flipper.thread, NULL, flip, &flipper));
	while (now_ns() < end) {
		vm->run->gprs.rip = TEST_CODE;
		vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
		if (vm_run(vm)) {
			refused++;
			continue;
		}
		taken++;
		/* No entry fails because of a value that was checked before. */
		ASSERT_NE((__u32)SVMVCPU_EXIT_FAIL_ENTRY, vm->run->reason);
	}
	flipper.stop = true;
	pthread_join(flipper.thread, NULL);
	EXPECT_LT(0U, taken);
	EXPECT_LT(0U, refused);
	check_sound(_metadata, vm, &self->bystander);
}

TEST_HARNESS_MAIN
