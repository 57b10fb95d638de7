// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: finding VM and vCPU files in /proc. Processes come and go meanwhile: what has
 * gone is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "statscan.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

#define VM_LINK		"anon_inode:[svmvcpu-vm]"
#define VCPU_LINK	"anon_inode:[svmvcpu-vcpu]"

/* the lines of an fdinfo file; a name that is not listed is left out */
struct fdinfo {
	__u64 vm;
	__u64 vcpu;
	struct svmvcpu_stats memory;
	__u64 values[SVMVCPU_STAT_NR];
};

static __u64 *line_value(struct fdinfo *info, const char *name)
{
	unsigned int i;

	if (!strcmp(name, "vm"))
		return &info->vm;
	if (!strcmp(name, "vcpu"))
		return &info->vcpu;
	for (i = 0; i < SVMVCPU_STAT_NR; i++)
		if (!strcmp(name, svmvcpu_stat_name(i)))
			return &info->values[i];
	for (i = 0; i < SVMVCPU_VM_STAT_NR; i++)
		if (!strcmp(name, svmvcpu_vm_stat_name(i)))
			return svmvcpu_vm_stat(&info->memory, i);
	return NULL;
}

/* -ENOENT if the file has gone, -EACCES if it may not be read */
static int read_fdinfo(const char *path, struct fdinfo *info)
{
	char name[32];
	__u64 value;
	__u64 *to;
	FILE *in;
	int got;

	memset(info, 0, sizeof(*info));
	in = fopen(path, "r");
	if (!in)
		return errno == EACCES || errno == EPERM ? -EACCES : -ENOENT;
	while ((got = fscanf(in, " %31[^:\n]:%llu", name, &value)) != EOF) {
		to = got == 2 ? line_value(info, name) : NULL;
		if (to)
			*to = value;
		/* the rest of a line that is not a number */
		if (fscanf(in, "%*[^\n]") == EOF)
			break;
	}
	fclose(in);
	return info->vm ? 0 : -ENOENT;
}

struct stat_vm *stat_find_vm(const struct stat_scan *scan, __u64 vm)
{
	unsigned int i;

	for (i = 0; i < scan->nr_vms; i++)
		if (scan->vms[i].vm == vm)
			return &scan->vms[i];
	return NULL;
}

const struct stat_vcpu *stat_find_vcpu(const struct stat_scan *scan, __u64 vm, unsigned int id)
{
	unsigned int i;

	for (i = 0; i < scan->nr_vcpus; i++)
		if (scan->vcpus[i].vm == vm && scan->vcpus[i].id == id)
			return &scan->vcpus[i];
	return NULL;
}

static int no_memory(void)
{
	return svmvcpu_fail(ENOMEM, "out of memory");
}

/* NULL without memory */
static struct stat_vm *new_vm(struct stat_scan *scan, __u64 vm)
{
	struct stat_vm *vms = reallocarray(scan->vms, scan->nr_vms + 1, sizeof(*vms));

	if (!vms)
		return NULL;
	scan->vms = vms;
	vms += scan->nr_vms++;
	*vms = (struct stat_vm){ .vm = vm, .pid = INT_MAX };
	return vms;
}

/*
 * The VM with number @vm, new if necessary; NULL without memory. Of several processes that
 * have it open, the first one created it in most cases.
 */
static struct stat_vm *add_vm(struct stat_scan *scan, __u64 vm, pid_t pid, const char *command)
{
	struct stat_vm *to = stat_find_vm(scan, vm) ?: new_vm(scan, vm);

	if (!to || pid > to->pid)
		return to;
	to->pid = pid;
	snprintf(to->command, sizeof(to->command), "%s", command);
	return to;
}

static int add_vcpu(struct stat_scan *scan, const struct fdinfo *info)
{
	struct stat_vcpu *vcpus;

	if (stat_find_vcpu(scan, info->vm, info->vcpu))
		return 0;
	vcpus = reallocarray(scan->vcpus, scan->nr_vcpus + 1, sizeof(*vcpus));
	if (!vcpus)
		return no_memory();
	scan->vcpus = vcpus;
	vcpus += scan->nr_vcpus++;
	vcpus->vm = info->vm;
	vcpus->id = info->vcpu;
	memcpy(vcpus->values, info->values, sizeof(vcpus->values));
	return 0;
}

static int add_file(struct stat_scan *scan, const struct fdinfo *info, bool vcpu, pid_t pid,
		    const char *command)
{
	struct stat_vm *vm = add_vm(scan, info->vm, pid, command);

	if (!vm)
		return no_memory();
	if (vcpu)
		return add_vcpu(scan, info);
	vm->has_memory = true;
	vm->memory = info->memory;
	return 0;
}

/* A process chooses its name, which must not control our user's terminal. */
static void read_command(const char *proc, pid_t pid, char *command)
{
	char path[PATH_MAX];
	FILE *in;
	char *c;

	snprintf(path, sizeof(path), "%s/%d/comm", proc, pid);
	in = fopen(path, "r");
	if (!in || !fgets(command, STAT_COMMAND, in))
		strcpy(command, "?");
	command[strcspn(command, "\n")] = 0;
	for (c = command; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	if (in)
		fclose(in);
}

/* one descriptor; -EACCES if its counters may not be read */
static int scan_fd(struct stat_scan *scan, const char *proc, pid_t pid, const char *fd)
{
	char path[PATH_MAX], link[64], command[STAT_COMMAND];
	struct fdinfo info;
	ssize_t len;
	bool vcpu;
	int ret;

	snprintf(path, sizeof(path), "%s/%d/fd/%s", proc, pid, fd);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return 0;
	link[len] = 0;
	vcpu = !strcmp(link, VCPU_LINK);
	if (!vcpu && strcmp(link, VM_LINK))
		return 0;
	snprintf(path, sizeof(path), "%s/%d/fdinfo/%s", proc, pid, fd);
	ret = read_fdinfo(path, &info);
	if (ret)
		return ret == -EACCES ? ret : 0;
	read_command(proc, pid, command);
	return add_file(scan, &info, vcpu, pid, command);
}

/* -ESRCH if the process has gone, -EACCES if it may not be examined */
static int scan_process(struct stat_scan *scan, const char *proc, pid_t pid)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%d/fd", proc, pid);
	dir = opendir(path);
	if (!dir)
		return errno == EACCES || errno == EPERM ? -EACCES : -ESRCH;
	while (!ret && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			ret = scan_fd(scan, proc, pid, entry->d_name);
	closedir(dir);
	return ret;
}

static int scan_all(struct stat_scan *scan, const char *proc)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir(proc);
	if (!dir)
		return svmvcpu_fail(errno, "%s: %s", proc, strerror(errno));
	while (ret != -ENOMEM && (entry = readdir(dir))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0)
			continue;
		ret = scan_process(scan, proc, pid);
		scan->denied += ret == -EACCES;
	}
	closedir(dir);
	return ret == -ENOMEM ? ret : 0;
}

static int scan_given(struct stat_scan *scan, const char *proc, const pid_t *pids,
		      unsigned int nr)
{
	unsigned int i;
	int ret = 0, err;

	for (i = 0; i < nr; i++) {
		err = scan_process(scan, proc, pids[i]);
		if (err == -ENOMEM)
			return err;
		if (err == -ESRCH)
			svmvcpu_fail(ESRCH, "process %d does not exist", pids[i]);
		if (err == -EACCES)
			svmvcpu_fail(EACCES, "no permission to examine process %d: run as root",
				     pids[i]);
		ret = ret ?: err;
	}
	return ret;
}

static int by_vm(const void *a, const void *b)
{
	const struct stat_vm *x = a, *y = b;

	return x->vm < y->vm ? -1 : x->vm > y->vm;
}

static int by_vcpu(const void *a, const void *b)
{
	const struct stat_vcpu *x = a, *y = b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

int stat_scan(struct stat_scan *scan, const char *proc, const pid_t *pids, unsigned int nr)
{
	int ret;

	memset(scan, 0, sizeof(*scan));
	ret = nr ? scan_given(scan, proc, pids, nr) : scan_all(scan, proc);
	if (scan->nr_vms)
		qsort(scan->vms, scan->nr_vms, sizeof(*scan->vms), by_vm);
	if (scan->nr_vcpus)
		qsort(scan->vcpus, scan->nr_vcpus, sizeof(*scan->vcpus), by_vcpu);
	return ret;
}

void stat_scan_free(struct stat_scan *scan)
{
	free(scan->vms);
	free(scan->vcpus);
	memset(scan, 0, sizeof(*scan));
}
