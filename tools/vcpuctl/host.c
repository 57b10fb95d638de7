// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: looking at the host. host_problem() is a pure function of the
 * facts, so that tests can ask about machines nobody has at hand.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

#define MSR_VM_CR		0xc0010114
#define VM_CR_SVMDIS		0x10
#define CPUID1_ECX_HYPERVISOR	0x80000000u
#define CPUID81_ECX_SVM		0x04u
#define CPUID8A_EDX_NPT		0x01u

static void probe_cpuid(struct host *h)
{
	unsigned int a, b = 0, c = 0, d = 0;

	if (__get_cpuid(0, &a, &b, &c, &d)) {
		memcpy(h->vendor, &b, 4);
		memcpy(h->vendor + 4, &d, 4);
		memcpy(h->vendor + 8, &c, 4);
	}
	if (__get_cpuid(1, &a, &b, &c, &d))
		h->hypervisor = c & CPUID1_ECX_HYPERVISOR;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		h->svm = c & CPUID81_ECX_SVM;
	if (h->svm && __get_cpuid(0x8000000a, &a, &b, &c, &d))
		h->npt = d & CPUID8A_EDX_NPT;
}

/* needs the msr module and root; unknown without them */
static enum svmdis probe_vm_cr(void)
{
	enum svmdis result = SVMDIS_UNKNOWN;
	unsigned long long value;
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return result;
	if (pread(fd, &value, sizeof(value), MSR_VM_CR) == sizeof(value))
		result = value & VM_CR_SVMDIS ? SVMDIS_SET : SVMDIS_CLEAR;
	close(fd);
	return result;
}

static long probe_kvm(void)
{
	FILE *f = fopen("/sys/module/kvm_amd/refcnt", "re");
	long users = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &users) != 1)
		users = -1;
	fclose(f);
	return users;
}

void host_probe(struct host *h)
{
	memset(h, 0, sizeof(*h));
	probe_cpuid(h);
	h->svmdis = probe_vm_cr();
	h->kvm_users = probe_kvm();
	h->module = !access("/sys/module/svmvcpu", F_OK);
}

struct verdict {
	char *why;
	char *advice;
	size_t len;
};

static bool problem(const struct verdict *v, const char *why, const char *advice)
{
	snprintf(v->why, v->len, "%s", why);
	snprintf(v->advice, v->len, "%s", advice);
	return true;
}

/* AMD's and Hygon's CPUs have SVM; it may be switched off */
static bool cpu_problem(const struct host *h, const struct verdict *v)
{
	bool amd = !strcmp(h->vendor, "AuthenticAMD") || !strcmp(h->vendor, "HygonGenuine");

	if (h->svm && h->npt && h->svmdis != SVMDIS_SET)
		return false;
	if (h->svm && h->svmdis == SVMDIS_SET)
		return problem(v, "the firmware has disabled SVM (VM_CR.SVMDIS is set)",
			       "enable \"SVM Mode\" or \"Virtualization\" in the firmware setup");
	if (h->svm)
		return problem(v, "the CPU has SVM but no nested paging",
			       "use a newer CPU, or enable nested paging (NPT) for this virtual machine");
	if (!amd) {
		snprintf(v->why, v->len, "the CPU (%s) has no AMD SVM", h->vendor);
		snprintf(v->advice, v->len,
			 "use an AMD host, or the emulated machine of 'make vm'");
		return true;
	}
	if (h->hypervisor)
		return problem(v, "this virtual machine has no SVM (CPUID 8000_0001h ECX bit 2)",
			       "enable nested virtualization for it, or use 'make vm'");
	return problem(v, "the CPU does not report SVM (CPUID 8000_0001h ECX bit 2)",
		       "enable \"SVM Mode\" in the firmware setup if the CPU has it");
}

static bool open_problem(const struct host *h, const struct verdict *v)
{
	if (h->open_error == EACCES || h->open_error == EPERM)
		return problem(v, "no permission to open " SVMVCPU_DEVICE,
			       "run as root, or let the administrator change the device's group");
	if (cpu_problem(h, v))
		return true;
	if (!h->module)
		return problem(v, "the svmvcpu module is not loaded",
			       "run 'modprobe svmvcpu', or 'insmod svmvcpu.ko' in the build directory");
	if (h->open_error == ENOENT)
		return problem(v, "the module is loaded but " SVMVCPU_DEVICE " is missing",
			       "mount devtmpfs on /dev, or create the node from /sys/class/misc/svmvcpu/dev");
	snprintf(v->why, v->len, "%s: %s", SVMVCPU_DEVICE, strerror(h->open_error));
	snprintf(v->advice, v->len, "see the kernel log");
	return true;
}

static bool vm_problem(const struct host *h, const struct verdict *v)
{
	if (h->vm_error != EBUSY) {
		snprintf(v->why, v->len, "no VM can be created: %s",
			 svmvcpu_host_error(h->vm_error));
		snprintf(v->advice, v->len, "see the kernel log");
		return true;
	}
	if (h->kvm_users < 0)
		return problem(v, "another hypervisor uses SVM on this host",
			       "stop it; the kernel log has its name if it is known");
	snprintf(v->why, v->len, "another hypervisor uses SVM: kvm_amd, %ld user(s)",
		 h->kvm_users);
	snprintf(v->advice, v->len, "stop its virtual machines, or run 'modprobe -r kvm_amd'");
	return true;
}

bool host_problem(const struct host *h, char *why, char *advice, size_t len)
{
	const struct verdict v = { why, advice, len };

	if (h->open_error)
		return open_problem(h, &v);
	if (h->info_error == EPROTO)
		return problem(&v, "module and vcpuctl have different API versions",
			       "install both from the same release and reload the module");
	if (h->info_error)
		return problem(&v, "the device does not answer GET_INFO",
			       "check that " SVMVCPU_DEVICE " belongs to the svmvcpu module");
	return h->vm_error ? vm_problem(h, &v) : false;
}
