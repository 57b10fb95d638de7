/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the counters of all virtual machines, from /proc/PID/fdinfo of the processes
 * that have VM and vCPU files open.
 */
#ifndef VCPUCTL_STATSCAN_H
#define VCPUCTL_STATSCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include <linux/svmvcpu.h>

#define STAT_COMMAND	20

/**
 * struct stat_vm - a VM
 * @vm: number, unique on this host
 * @pid: a process that has it open
 * @command: name of the process
 * @has_memory: @memory is valid: the process has the VM file open, not only vCPUs
 * @memory: counters of its memory
 */
struct stat_vm {
	__u64 vm;
	pid_t pid;
	char command[STAT_COMMAND];
	bool has_memory;
	struct svmvcpu_stats memory;
};

/**
 * struct stat_vcpu - a vCPU
 * @vm: number of its VM
 * @id: number in the VM
 * @values: SVMVCPU_STAT_*; counters that the module does not know are 0
 */
struct stat_vcpu {
	__u64 vm;
	unsigned int id;
	__u64 values[SVMVCPU_STAT_NR];
};

/**
 * struct stat_scan - one look at all processes
 * @vms: allocated, sorted by number
 * @nr_vms: elements of @vms
 * @vcpus: allocated, sorted by VM and number
 * @nr_vcpus: elements of @vcpus
 * @denied: processes whose files the caller may not see
 */
struct stat_scan {
	struct stat_vm *vms;
	unsigned int nr_vms;
	struct stat_vcpu *vcpus;
	unsigned int nr_vcpus;
	unsigned int denied;
};

/**
 * stat_scan() - collect the counters
 * @scan: out; release with stat_scan_free(), also after a failure
 * @proc: "/proc"
 * @pids: processes to look at
 * @nr: number of @pids; 0 for all processes
 *
 * A file that several processes or descriptors share is counted once.
 *
 * Return: 0, or a negative errno with svmvcpu_last_error(): -ESRCH or -EACCES if a process
 * of @pids does not exist or may not be examined (@scan has the others), or -ENOMEM.
 */
int stat_scan(struct stat_scan *scan, const char *proc, const pid_t *pids, unsigned int nr);
void stat_scan_free(struct stat_scan *scan);
/* the VM or vCPU in @scan, or NULL */
struct stat_vm *stat_find_vm(const struct stat_scan *scan, __u64 vm);
const struct stat_vcpu *stat_find_vcpu(const struct stat_scan *scan, __u64 vm, unsigned int id);

#endif /* VCPUCTL_STATSCAN_H */
