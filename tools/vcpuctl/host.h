/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: what can be learned about the host without the module, and what is
 * wrong when svmvcpu cannot be used.
 */
#ifndef VCPUCTL_HOST_H
#define VCPUCTL_HOST_H

#include <stdbool.h>
#include <stddef.h>

enum svmdis { SVMDIS_UNKNOWN, SVMDIS_CLEAR, SVMDIS_SET };

/**
 * struct host - facts about the host
 * @vendor: CPU vendor
 * @svm: CPUID reports SVM
 * @npt: CPUID reports nested paging
 * @hypervisor: CPUID reports a hypervisor below
 * @svmdis: VM_CR.SVMDIS
 * @module: the svmvcpu module is loaded
 * @kvm_users: reference count of kvm_amd, -1 when it is not loaded
 * @open_error: errno of opening the device, 0 when it opened
 * @info_error: errno of GET_INFO, 0 when it worked
 * @vm_error: errno of CREATE_VM, 0 when it worked
 */
struct host {
	char vendor[13];
	bool svm;
	bool npt;
	bool hypervisor;
	enum svmdis svmdis;
	bool module;
	long kvm_users;
	int open_error;
	int info_error;
	int vm_error;
};

/* read CPUID, /proc, /sys and /dev/cpu; the errors are left 0 */
void host_probe(struct host *h);

/**
 * host_problem() - the first thing that keeps svmvcpu from working
 * @h: the facts
 * @why: receives one sentence
 * @advice: receives what to do about it
 * @len: bytes in each of them
 *
 * Return: false when there is none.
 */
bool host_problem(const struct host *h, char *why, char *advice, size_t len);

#endif /* VCPUCTL_HOST_H */
