// SPDX-License-Identifier: GPL-2.0-only
/* vcpuctl stat: VM and vCPU files in a /proc of our own, tables and JSON */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "statshow.h"
#include "svmvcpu_lib.h"
#include "tap.h"

static char proc[32];

[[gnu::format(printf, 2, 3)]]
static void put_file(const char *text, const char *fmt, ...)
{
	char path[256], name[128];
	va_list args;
	FILE *out;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", proc, name);
	out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fclose(out))
		abort();
}

[[gnu::format(printf, 1, 2)]]
static void put_dir(const char *fmt, ...)
{
	char path[256], name[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", proc, name);
	if (mkdir(path, 0700) && errno != EEXIST)
		abort();
}

static void put_process(int pid, const char *command)
{
	put_dir("%d", pid);
	put_dir("%d/fd", pid);
	put_dir("%d/fdinfo", pid);
	put_file(command, "%d/comm", pid);
}

static void put_fd(int pid, int fd, const char *link, const char *info)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%d/fd/%d", proc, pid, fd);
	if (symlink(link, path))
		abort();
	if (info)
		put_file(info, "%d/fdinfo/%d", pid, fd);
}

#define HEAD	"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1060\n"
#define VM	"anon_inode:[svmvcpu-vm]"
#define VCPU	"anon_inode:[svmvcpu-vcpu]"

static void put_machines(void)
{
	put_process(10, "first\n");
	put_fd(10, 0, "/dev/null", HEAD);
	put_fd(10, 3, "anon_inode:[eventpoll]", HEAD "tfd: 5 events: 19 data: 5\n");
	put_fd(10, 5, VCPU, HEAD "vm:\t7\nvcpu:\t1\nexits:\t50\nexit_io:\t40\n"
	       "loaded_ns:\t500000000\nfuture:\t3 words here\nirqs:\t2\n");
	put_fd(10, 4, VM, HEAD "vm:\t7\nfaults:\t9\ntables:\t4\n");
	put_fd(10, 6, VCPU, HEAD "vm:\t7\nvcpu:\t0\nexits:\t18446744073709551615\n");
	/* the same file, inherited */
	put_process(11, "a \"name\"\n");
	put_fd(11, 5, VCPU, HEAD "vm:\t7\nvcpu:\t1\nexits:\t51\n");
	/* its VM file has been closed, and it has an older module's lines, and none */
	put_fd(11, 6, VCPU, HEAD "vm:\t3\nvcpu:\t0\nexits:\t5");
	put_fd(11, 7, VCPU, HEAD);
	put_fd(11, 8, VCPU, NULL);
	put_process(12, "idle\n");
	put_file("", "version");
}

static void test_scan(void)
{
	const pid_t both[] = { 99, 10 }, idle[] = { 12 };
	const struct stat_vcpu *vcpu;
	const struct stat_vm *vm;
	struct stat_scan scan;

	OK(!stat_scan(&scan, proc, NULL, 0), "all processes");
	OK(scan.nr_vms == 2 && scan.nr_vcpus == 3 && !scan.denied, "%u VMs, %u vCPUs",
	   scan.nr_vms, scan.nr_vcpus);
	vm = stat_find_vm(&scan, 7);
	OK(vm && vm->has_memory && vm->memory.faults == 9 && vm->memory.tables == 4 &&
	   !vm->memory.zapped, "counters of memory");
	OK(vm && vm->pid == 10 && !strcmp(vm->command, "first"), "the first of two processes");
	vcpu = stat_find_vcpu(&scan, 7, 1);
	OK(vcpu && (vcpu->values[SVMVCPU_STAT_EXITS] | 1) == 51, "a shared vCPU");
	vcpu = stat_find_vcpu(&scan, 7, 0);
	OK(vcpu && vcpu->values[SVMVCPU_STAT_EXITS] == ~0ULL, "a large value");
	vm = stat_find_vm(&scan, 3);
	OK(vm && !vm->has_memory && vm->pid == 11, "a VM whose file is closed");
	vcpu = stat_find_vcpu(&scan, 3, 0);
	OK(vcpu && vcpu->values[SVMVCPU_STAT_EXITS] == 5 && !vcpu->values[SVMVCPU_STAT_IRQS],
	   "a line without an end");
	OK(!stat_find_vm(&scan, 1) && !stat_find_vcpu(&scan, 7, 2), "what is not there");
	OK(scan.vms[0].vm == 3 && scan.vcpus[1].id == 0 && scan.vcpus[2].id == 1, "sorted");
	stat_scan_free(&scan);

	OK(stat_scan(&scan, proc, both, 2) == -ESRCH, "a process that does not exist");
	OK(strstr(svmvcpu_last_error(), "process 99"), "%s", svmvcpu_last_error());
	vcpu = stat_find_vcpu(&scan, 7, 1);
	OK(scan.nr_vms == 1 && vcpu && vcpu->values[SVMVCPU_STAT_IRQS] == 2,
	   "the other one: unknown lines are skipped");
	stat_scan_free(&scan);
	OK(!stat_scan(&scan, proc, idle, 1) && !scan.nr_vms, "a process without a VM");
	stat_scan_free(&scan);
	OK(stat_scan(&scan, "/nonexistent", NULL, 0) == -ENOENT, "no /proc");
	stat_scan_free(&scan);
}

static void test_name(void)
{
	const pid_t pid = 12;
	struct stat_scan scan;

	put_file("a\033[2J\177\302\233z\n", "12/comm");
	put_fd(12, 4, VM, HEAD "vm:\t9\n");
	OK(!stat_scan(&scan, proc, &pid, 1) && scan.nr_vms == 1 &&
	   !strcmp(scan.vms[0].command, "a?[2J???z"), "a name that is bad for terminals");
	stat_scan_free(&scan);
}

static void test_denied(void)
{
	const pid_t pid = 12;
	struct stat_scan scan;
	char path[64];

	if (!geteuid()) {
		tap_skip("no permission", "root may read everything");
		return;
	}
	snprintf(path, sizeof(path), "%s/12/fd", proc);
	if (chmod(path, 0))
		abort();
	OK(!stat_scan(&scan, proc, NULL, 0) && scan.denied == 1, "no permission");
	stat_scan_free(&scan);
	OK(stat_scan(&scan, proc, &pid, 1) == -EACCES, "%s", svmvcpu_last_error());
	stat_scan_free(&scan);
	chmod(path, 0700);
}

static char *captured;
static size_t captured_len;

static FILE *capture(void)
{
	FILE *out = open_memstream(&captured, &captured_len);

	if (!out)
		abort();
	return out;
}

static void expect(FILE *out, const char *text)
{
	if (fclose(out))
		abort();
	OK(strstr(captured, text), "shows: %.*s", (int)strcspn(text, "\n"), text);
	if (!strstr(captured, text))
		printf("# %s\n", captured);
	free(captured);
}

static void test_show(void)
{
	struct stat_vcpu old_vcpu = { .vm = 1 }, vcpus[2] = { { .vm = 1 }, { .vm = 1, .id = 1 } };
	struct stat_vm old_vm = { .vm = 1 }, vm = { .vm = 1, .pid = 42, .command = "vmm" };
	struct stat_scan before = { &old_vm, 1, &old_vcpu, 1, 0 }, now = { &vm, 1, vcpus, 2, 0 };
	FILE *out;

	old_vcpu.values[SVMVCPU_STAT_EXITS] = 100;
	vcpus[0].values[SVMVCPU_STAT_EXITS] = 300;
	vcpus[0].values[SVMVCPU_STAT_EXIT_IO] = 60;
	vcpus[0].values[SVMVCPU_STAT_LOADED_NS] = 500000000;
	/* new since the last scan: no rate, although its total is larger */
	vcpus[1].values[SVMVCPU_STAT_EXITS] = 1000;
	/* read a little earlier than the last time */
	old_vcpu.values[SVMVCPU_STAT_HALTED_NS] = 10;
	vcpus[0].values[SVMVCPU_STAT_HALTED_NS] = 5;
	vm.memory.faults = 8;

	out = capture();
	stat_show(out, &now, NULL, 0);
	expect(out, "    1    0            300              0     0.50s     0.00s\n");
	out = capture();
	stat_show(out, &now, &before, 2);
	expect(out, "     42 vmm                1    0            300          100            0  ");
	out = capture();
	stat_show(out, &now, &before, 2);
	expect(out, "  25.0%   0.0%\n     42 vmm                1    1           1000");
	out = capture();
	stat_show(out, &now, &before, 2);
	expect(out, "exits                        1300           100 exits from the guest\nexit_");
	out = capture();
	stat_show(out, &now, &before, 2);
	expect(out, "memory.faults                   8             4 nested page faults that");
	out = capture();
	stat_show(out, &(struct stat_scan){ 0 }, NULL, 0);
	expect(out, "COUNTER");
}

static void test_json(void)
{
	struct svmvcpu_vcpu_stats stats = { .values = { 5, 0, 3 } };
	struct stat_scan scan;
	FILE *out;

	stat_scan(&scan, proc, NULL, 0);
	out = capture();
	stat_show_json(out, &scan);
	expect(out, "{\"vms\":[{\"vm\":3,\"pid\":11,\"command\":\"a \\\"name\\\"\",\"vcpus\":[{");
	out = capture();
	stat_show_json(out, &scan);
	expect(out, "[{\"vcpu\":0,\"exits\":5,\"user_exits\":0,");
	out = capture();
	stat_show_json(out, &scan);
	expect(out, "\"halted_ns\":0}]},{\"vm\":7,");
	out = capture();
	stat_show_json(out, &scan);
	expect(out, "\"memory\":{\"faults\":9,");
	stat_scan_free(&scan);
	out = capture();
	stat_show_json(out, &scan);
	expect(out, "{\"vms\":[],\"denied\":0}\n");
	out = capture();
	stat_print(out, &stats);
	expect(out, "  exits           exits from the guest\n             3  exit_io ");
}

int main(void)
{
	char command[64];

	strcpy(proc, "/tmp/test_stat.XXXXXX");
	if (!mkdtemp(proc))
		abort();
	put_machines();
	test_scan();
	test_denied();
	test_show();
	test_json();
	test_name();
	snprintf(command, sizeof(command), "rm -rf %s", proc);
	OK(!system(command), "removed");
	return tap_done();
}
