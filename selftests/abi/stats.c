// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of vCPUs: GET_VCPU_STATS counts what known guests do, also while they run, and
 * /proc/PID/fdinfo shows the same to other processes.
 */
#include <sys/wait.h>

#include "guest_apic.h"
#include "guest_thread.h"

static struct svmvcpu_vcpu_stats stats_of(struct test_vm *vm)
{
	struct svmvcpu_vcpu_stats stats;

	if (svmvcpu_vcpu_get_stats(&vm->vcpu, &stats))
		vm_die("GET_VCPU_STATS");
	return stats;
}

#define STAT(vm, name)	(stats_of(vm).values[SVMVCPU_STAT_##name])

static __u64 sum_of_exits(const struct svmvcpu_vcpu_stats *stats)
{
	__u64 sum = 0;

	for (int i = SVMVCPU_STAT_EXIT_IO; i <= SVMVCPU_STAT_EXIT_OTHER; i++)
		sum += stats->values[i];
	return sum;
}

GUEST32(mix,
	"out %al, $0x60\n"
	"out %al, $0x60\n"
	"in $0x60, %al\n"
	"xor %eax, %eax\n cpuid\n"
	"xor %eax, %eax\n cpuid\n"
	"mov $0x123, %ecx\n rdmsr\n"
	"vmmcall\n"
	"movl $1, 0x200000\n"
	"movl $1, 0x40000000\n"
	"1: hlt\n jmp 1b");

VM_FIXTURE(stats)

TEST_F(stats, new_vcpu)
{
	struct svmvcpu_vcpu_stats stats = stats_of(&self->vm);
	struct {
		struct svmvcpu_vcpu_stats stats;
		__u64 more;
	} later = { .stats.size = sizeof(later) };

	EXPECT_EQ(sizeof(stats), (size_t)stats.size);
	EXPECT_EQ(0U, stats.flags);
	/* Programs built for a later version learn how many there are. */
	EXPECT_EQ(0, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_GET_VCPU_STATS, &later));
	EXPECT_EQ(sizeof(stats), (size_t)later.stats.size);
	EXPECT_EQ(0U, later.more);
	later.stats.size = sizeof(later);
	later.more = 1;
	EXPECT_EQ(E2BIG, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_GET_VCPU_STATS, &later));
	for (int i = 0; i < SVMVCPU_STAT_NR; i++) {
		EXPECT_EQ(0U, stats.values[i]) {
			TH_LOG("%s", svmvcpu_stat_name(i));
		}
	}
}

TEST_F(stats, each_exit)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_vcpu_stats stats;

	load_guest(vm, mix);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1U, STAT(vm, EXIT_IO));
	EXPECT_EQ(1U, STAT(vm, USER_EXITS));
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, MSR_READ);
	RUN_EXPECT(vm, HYPERCALL);
	RUN_EXPECT(vm, MEMORY_FAULT);
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->gprs.rip += 10;
	RUN_EXPECT(vm, HALT);
	RUN_EXPECT(vm, HALT);

	stats = stats_of(vm);
	EXPECT_EQ(3U, stats.values[SVMVCPU_STAT_EXIT_IO]);
	EXPECT_EQ(2U, stats.values[SVMVCPU_STAT_EXIT_CPUID]);
	EXPECT_EQ(1U, stats.values[SVMVCPU_STAT_EXIT_MSR]);
	EXPECT_EQ(1U, stats.values[SVMVCPU_STAT_EXIT_VMMCALL]);
	EXPECT_EQ(2U, stats.values[SVMVCPU_STAT_EXIT_HLT]);
	EXPECT_EQ(8U, stats.values[SVMVCPU_STAT_USER_EXITS]);
	EXPECT_LE(1U, stats.values[SVMVCPU_STAT_PAGE_FAULTS]);
	/* the one that no region allows */
	EXPECT_LE(stats.values[SVMVCPU_STAT_PAGE_FAULTS] + 1, stats.values[SVMVCPU_STAT_EXIT_NPF]);
	EXPECT_EQ(0U, stats.values[SVMVCPU_STAT_EXIT_SHUTDOWN]);
	EXPECT_EQ(0U, stats.values[SVMVCPU_STAT_EXIT_OTHER]);
	EXPECT_EQ(vm->run->exits, stats.values[SVMVCPU_STAT_EXITS]);
	EXPECT_EQ(vm->run->exits, sum_of_exits(&stats));
	EXPECT_EQ(0U, stats.values[SVMVCPU_STAT_KICKS]);
	EXPECT_EQ(0U, stats.values[SVMVCPU_STAT_HALTS]);
	EXPECT_EQ(0U, stats.values[SVMVCPU_STAT_HALTED_NS]);
	if (vm->info.tsc_khz)
		EXPECT_LT(0U, stats.values[SVMVCPU_STAT_LOADED_NS]);
}

GUEST32(ud, "ud2");

/* The IDT is empty. The counters stay when the vCPU is set up again. */
TEST_F(stats, shutdown)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_vcpu_stats stats;

	load_guest(vm, ud);
	for (unsigned int i = 1; i <= 2; i++) {
		vm_setup(vm, SVMVCPU_PRESET_PROT32);
		RUN_EXPECT(vm, SHUTDOWN);
		stats = stats_of(vm);
		EXPECT_EQ(i, stats.values[SVMVCPU_STAT_EXIT_SHUTDOWN]);
		EXPECT_EQ(i, stats.values[SVMVCPU_STAT_USER_EXITS]);
	}
	EXPECT_EQ(vm->run->exits, sum_of_exits(&stats));
}

/* STI: see guest_thread.h */
GUEST32(busy,
	"sti\n"
	"1: xor %eax, %eax\n"
	"cpuid\n"
	"jmp 1b");

/* RUN does not return meanwhile, and no counter goes back. */
TEST_F(stats, while_it_runs)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_vcpu_stats old, new;
	struct guest_thread gt;
	unsigned int back = 0;

	load_guest(vm, busy);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	guest_thread_start(&gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(STAT(vm, EXIT_CPUID) > 100));
	old = stats_of(vm);
	for (int round = 0; round < 1000; round++) {
		new = stats_of(vm);
		for (int i = 0; i < SVMVCPU_STAT_LOADED_NS; i++)
			back += new.values[i] < old.values[i];
		/* at most the exit that is being counted */
		back += sum_of_exits(&old) > new.values[SVMVCPU_STAT_EXITS] + 1;
		old = new;
	}
	EXPECT_EQ(0U, back);
	EXPECT_EQ(0U, STAT(vm, USER_EXITS));
	if (vm->info.tsc_khz) {
		old = stats_of(vm);
		EXPECT_TRUE(WAIT_UNTIL(STAT(vm, LOADED_NS) > old.values[SVMVCPU_STAT_LOADED_NS]));
	}
	EXPECT_FALSE(gt.done);
	for (unsigned int kicks = 1; kicks <= 3; kicks++) {
		EXPECT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
		EXPECT_TRUE(WAIT_UNTIL(STAT(vm, USER_EXITS) == kicks));
		EXPECT_EQ(kicks, STAT(vm, KICKS));
	}
	guest_thread_stop(&gt);
	EXPECT_EQ(4U, STAT(vm, KICKS));
	EXPECT_EQ(4U, STAT(vm, USER_EXITS));
	new = stats_of(vm);
	EXPECT_EQ(vm->run->exits, new.values[SVMVCPU_STAT_EXITS]);
	EXPECT_EQ(vm->run->exits, sum_of_exits(&new));
}

static __u64 nmis(struct test_vm *vm)
{
	const struct svmvcpu_message msg = { .mode = SVMVCPU_MSG_NMI };

	return svmvcpu_vm_message(vm->vm, &msg) == 1;
}

static __u64 irqs(struct test_vm *vm)
{
	return apic_send(vm, 0x77, 0) == 1;
}

struct sleeper {
	struct test_vm *vm;
	__u64 (*wake)(struct test_vm *vm);
	__u64 halts;	/* when it sleeps */
	bool slept;	/* the time asleep grew */
	bool sent;
};

static void *wake_sleeper(void *arg)
{
	struct sleeper *s = arg;
	__u64 ns;

	if (!WAIT_UNTIL(STAT(s->vm, HALTS) == s->halts))
		return NULL;
	ns = STAT(s->vm, HALTED_NS);
	s->slept = !s->vm->info.tsc_khz || WAIT_UNTIL(STAT(s->vm, HALTED_NS) > ns + 1000000);
	s->sent = s->wake(s->vm);
	return NULL;
}

/* sti; hlt; vmmcall: returns the vector that ended the HLT */
static int sleep_until(struct test_vm *vm, struct sleeper *s)
{
	pthread_t thread;
	int ret;

	if (pthread_create(&thread, NULL, wake_sleeper, s))
		vm_die("pthread_create");
	apic_start(vm, CODE("\xfb\xf4"));
	ret = apic_run(vm);
	pthread_join(thread, NULL);
	return ret;
}

X2APIC_FIXTURE(sleep)

TEST_F(sleep, halts)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_vcpu_stats before = stats_of(vm), after;
	struct sleeper irq = { .vm = vm, .wake = irqs };
	struct sleeper nmi = { .vm = vm, .wake = nmis };

	irq.halts = before.values[SVMVCPU_STAT_HALTS] + 1;
	EXPECT_EQ(0x77, sleep_until(vm, &irq));
	EXPECT_TRUE(irq.slept);
	EXPECT_TRUE(irq.sent);
	after = stats_of(vm);
	EXPECT_EQ(before.values[SVMVCPU_STAT_IRQS] + 1, after.values[SVMVCPU_STAT_IRQS]);
	EXPECT_EQ(before.values[SVMVCPU_STAT_NMIS], after.values[SVMVCPU_STAT_NMIS]);
	EXPECT_EQ(before.values[SVMVCPU_STAT_WAKEUPS] + 1, after.values[SVMVCPU_STAT_WAKEUPS]);
	EXPECT_EQ(before.values[SVMVCPU_STAT_KICKS] + 1, after.values[SVMVCPU_STAT_KICKS]);

	nmi.halts = after.values[SVMVCPU_STAT_HALTS] + 1;
	EXPECT_EQ(2, sleep_until(vm, &nmi));
	EXPECT_TRUE(nmi.slept);
	EXPECT_TRUE(nmi.sent);
	before = after;
	after = stats_of(vm);
	EXPECT_EQ(before.values[SVMVCPU_STAT_IRQS], after.values[SVMVCPU_STAT_IRQS]);
	EXPECT_EQ(before.values[SVMVCPU_STAT_NMIS] + 1, after.values[SVMVCPU_STAT_NMIS]);
	EXPECT_EQ(before.values[SVMVCPU_STAT_HALTS] + 1, after.values[SVMVCPU_STAT_HALTS]);
	/* it is awake, and no time is added */
	EXPECT_EQ(after.values[SVMVCPU_STAT_HALTED_NS], STAT(vm, HALTED_NS));
	EXPECT_EQ(vm->run->exits, sum_of_exits(&after));
}

/* The value of a line, or -1 */
static long long line_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, len) && text[len] == ':')
			return strtoll(text + len + 1, NULL, 10);
	}
	return -1;
}

static int read_fdinfo(pid_t pid, int fd, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	info = open(path, O_RDONLY);
	if (info < 0)
		return errno;
	len = read(info, text, size - 1);
	close(info);
	text[len > 0 ? len : 0] = 0;
	return len > 0 ? 0 : EIO;
}

/* Number of lines that differ from the counters */
static int check_vcpu_lines(const char *text, const struct svmvcpu_vcpu_stats *want)
{
	int wrong = line_of(text, "vcpu") != 0;

	wrong += line_of(text, "vm") <= 0;
	for (int i = 0; i < SVMVCPU_STAT_NR; i++)
		wrong += line_of(text, svmvcpu_stat_name(i)) != (long long)want->values[i];
	return wrong;
}

/* fork() removes pages from guest memory, because the child shares them. */
static int check_vm_lines(const char *text, struct svmvcpu_stats *least)
{
	int wrong = line_of(text, "vm") <= 0;

	for (unsigned int i = 0; i < SVMVCPU_VM_STAT_NR; i++)
		wrong += line_of(text, svmvcpu_vm_stat_name(i)) <
			 (long long)*svmvcpu_vm_stat(least, i);
	return wrong;
}

/* In a child: another address space, where the calls fail. */
static int other_process(struct test_vm *vm, const struct svmvcpu_vcpu_stats *vcpu_stats,
			 struct svmvcpu_stats *vm_stats)
{
	struct svmvcpu_vcpu_stats mine = { .size = sizeof(mine) };
	char text[4096];

	if (ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_VCPU_STATS, &mine) != EIO)
		return 1;
	if (read_fdinfo(getppid(), vm->vcpu.fd, text, sizeof(text)) ||
	    check_vcpu_lines(text, vcpu_stats))
		return 2;
	if (read_fdinfo(getppid(), vm->vm, text, sizeof(text)) || check_vm_lines(text, vm_stats))
		return 3;
	/* its own copies of the files */
	if (read_fdinfo(getpid(), vm->vcpu.fd, text, sizeof(text)) ||
	    check_vcpu_lines(text, vcpu_stats))
		return 4;
	if (setgid(65534) || setuid(65534))
		return 5;
	return read_fdinfo(getppid(), vm->vcpu.fd, text, sizeof(text)) == EACCES ? 0 : 6;
}

TEST_F(stats, fdinfo)
{
	struct test_vm *vm = &self->vm, other;
	struct svmvcpu_vcpu_stats vcpu_stats;
	struct svmvcpu_stats vm_stats;
	char text[4096];
	int status;
	pid_t pid;

	load_guest(vm, mix);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, IO);
	vcpu_stats = stats_of(vm);
	ASSERT_EQ(0, svmvcpu_vm_get_stats(vm->vm, &vm_stats));
	pid = fork();
	if (!pid)
		_exit(other_process(vm, &vcpu_stats, &vm_stats));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("step %d", WEXITSTATUS(status));
	}

	/* The VM is found by its number. */
	ASSERT_EQ(0, svmvcpu_vm_get_stats(vm->vm, &vm_stats));
	ASSERT_EQ(0, read_fdinfo(getpid(), vm->vm, text, sizeof(text)));
	for (unsigned int i = 0; i < SVMVCPU_VM_STAT_NR; i++)
		EXPECT_EQ((long long)*svmvcpu_vm_stat(&vm_stats, i),
			  line_of(text, svmvcpu_vm_stat_name(i)));
	status = line_of(text, "vm");
	ASSERT_EQ(0, read_fdinfo(getpid(), vm->vcpu.fd, text, sizeof(text)));
	EXPECT_EQ(status, line_of(text, "vm"));
	vm_open(&other);
	ASSERT_EQ(0, read_fdinfo(getpid(), other.vm, text, sizeof(text)));
	EXPECT_NE(status, line_of(text, "vm"));
	vm_close(&other);
}

TEST_HARNESS_MAIN
