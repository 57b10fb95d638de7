// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 180
 * cost: 8
 * kernel: stock, debug
 *
 * Rounds of a guest that writes at random, compared with a full copy each time, while
 * the VMM's memory is dropped, shared, protected and moved at random.
 */
#include <sys/wait.h>

#include "snap.h"

#define ROUNDS		(debug_kernel() ? 50U : 400U)

/*
 * ECX random writes to words of [TEST_FREE, 4 MiB), from the seed at 0x8004; then OUT.
 * The VMM changes both words in each round.
 */
GUEST32(scatter,
	"1: mov 0x8000, %ecx\n"
	"mov 0x8004, %eax\n"
	"2: imul $1103515245, %eax, %eax\n"
	"add $12345, %eax\n"
	"mov %eax, %edx\n"
	"shr $10, %edx\n"
	"and $0x1ffffc, %edx\n"
	"mov %eax, 0x200000(%edx)\n"
	"loop 2b\n"
	"out %al, $0x10\n"
	"jmp 1b");

FIXTURE(stress) {
	struct test_vm vm;
	unsigned char *copy;
	unsigned int random;
	__u64 put_back;
};

FIXTURE_SETUP(stress)
{
	unsigned int i;

	vm_open(&self->vm);
	load_guest(&self->vm, scatter);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
	for (i = 0; i < TEST_MEM - TEST_FREE; i += 4)
		*guest_word(&self->vm, TEST_FREE + i) = i;
	self->copy = malloc(TEST_MEM);
	ASSERT_NE(NULL, self->copy);
	self->random = 1;
}

FIXTURE_TEARDOWN(stress)
{
	free(self->copy);
	vm_close(&self->vm);
}

static unsigned int roll(struct _test_data_stress *self, unsigned int below)
{
	self->random = self->random * 1103515245 + 12345;
	return (self->random >> 8) % below;
}

/*
 * Does the writes of the guest for the @count and @seed that the VMM puts at 0x8000 and
 * 0x8004.
 */
static void scatter(unsigned char *mem, __u32 count, __u32 seed)
{
	memcpy(mem + COUNT_GPA, &count, 4);
	memcpy(mem + VALUE_GPA, &seed, 4);
	while (count--) {
		seed = seed * 1103515245 + 12345;
		memcpy(mem + TEST_FREE + (seed >> 10 & 0x1ffffc), &seed, 4);
	}
}

/* A random change of the VMM's memory; its contents stay the same. */
static void disturb(struct _test_data_stress *self)
{
	char *page = (char *)self->vm.mem + TEST_FREE + roll(self, 512) * PAGE;
	char buf[PAGE];
	int status;
	pid_t pid;

	switch (roll(self, 6)) {
	case 0:
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, &status, 0);
		break;
	case 1:
		mprotect(page, PAGE, PROT_READ);
		mprotect(page, PAGE, PROT_READ | PROT_WRITE);
		break;
	case 2:
		memcpy(buf, page, PAGE);
		madvise(page, PAGE, MADV_DONTNEED);
		memcpy(page, buf, PAGE);
		break;
	case 3:
		memcpy(buf, page, PAGE);
		if (mmap(page, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			vm_die("mmap");
		memcpy(page, buf, PAGE);
		break;
	default:
		break;
	}
}

static int run_scatter(struct _test_data_stress *self, __u32 count, __u32 seed)
{
	struct test_vm *vm = &self->vm;

	*guest_word(vm, COUNT_GPA) = count;
	*guest_word(vm, VALUE_GPA) = seed;
	if (vm_run(vm))
		return -1;
	return vm->run->reason == SVMVCPU_EXIT_IO ? 0 : (int)vm->run->reason;
}

TEST_F_TIMEOUT(stress, rounds, 170)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_range data = { TEST_DATA, PAGE };
	unsigned char *model = malloc(TEST_MEM);
	unsigned int round, rounds = ROUNDS;
	__u64 pages;

	ASSERT_NE(NULL, model);
	SNAPSHOT(vm, self->copy);
	ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &data, 1));
	memcpy(model, self->copy, TEST_MEM);
	for (round = 0; round < rounds; round++) {
		__u32 count = 1 + roll(self, round % 3 ? 20 : 600), seed = roll(self, ~0U);

		disturb(self);
		ASSERT_EQ(0, run_scatter(self, count, seed));
		disturb(self);
		scatter(model, count, seed);
		ASSERT_EQ(0, memcmp(model, vm->mem, TEST_MEM));
		if (!roll(self, 50)) {
			SNAPSHOT(vm, self->copy);
			ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &data, 1));
			continue;
		}
		if (!roll(self, 3))
			continue;
		ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, &pages));
		self->put_back += pages;
		ASSERT_EQ(0, memcmp(self->copy, vm->mem, TEST_MEM)) {
			TH_LOG("round %u", round);
		}
		memcpy(model, self->copy, TEST_MEM);
	}
	TH_LOG("%u rounds, %llu pages put back", rounds, self->put_back);
	EXPECT_LT(rounds * 10, self->put_back);
	free(model);
}

TEST_HARNESS_MAIN
