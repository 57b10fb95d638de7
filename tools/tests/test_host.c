// SPDX-License-Identifier: GPL-2.0-only
/* Problems that "vcpuctl info" finds on different hosts */
#include <errno.h>
#include <string.h>

#include "host.h"
#include "tap.h"

static const struct host good = {
	.vendor = "AuthenticAMD", .svm = true, .npt = true, .svmdis = SVMDIS_CLEAR,
	.module = true, .kvm_users = -1,
};

static void expect(const struct host *h, const char *why, const char *advice)
{
	char w[160] = "", a[160] = "";
	bool problem = host_problem(h, w, a, sizeof(w));

	OK(problem && strstr(w, why) && strstr(a, advice), "%s: %s", w, a);
}

static void test_cpu(void)
{
	struct host h = good;

	h.open_error = ENOENT;
	h.module = false;
	h.svm = false;
	expect(&h, "does not report SVM", "firmware setup");
	h.hypervisor = true;
	expect(&h, "virtual machine has no SVM", "nested virtualization");
	memcpy(h.vendor, "GenuineIntel", 13);
	expect(&h, "GenuineIntel", "make vm");
	memcpy(h.vendor, "HygonGenuine", 13);
	h.svm = true;
	h.svmdis = SVMDIS_SET;
	expect(&h, "VM_CR.SVMDIS", "SVM Mode");
	h.svmdis = SVMDIS_UNKNOWN;
	h.npt = false;
	expect(&h, "no nested paging", "newer CPU");
}

static void test_device(void)
{
	struct host h = good;

	h.open_error = ENOENT;
	expect(&h, "/dev/svmvcpu is missing", "devtmpfs");
	h.module = false;
	expect(&h, "not loaded", "modprobe svmvcpu");
	h.open_error = EACCES;
	expect(&h, "no permission", "root");
	h.module = true;
	h.open_error = EMFILE;
	expect(&h, "Too many open files", "log");
}

static void test_module(void)
{
	struct host h = good;
	char why[160], advice[160];

	OK(!host_problem(&h, why, advice, sizeof(why)), "nothing wrong");
	h.info_error = EPROTO;
	expect(&h, "API versions", "same release");
	h.info_error = ENOTTY;
	expect(&h, "GET_INFO", "belongs");
	h.info_error = 0;
	h.vm_error = EBUSY;
	expect(&h, "another hypervisor", "kernel log");
	h.kvm_users = 2;
	expect(&h, "kvm_amd, 2 user(s)", "modprobe -r kvm_amd");
	h.vm_error = ENOMEM;
	expect(&h, "no VM can be created", "log");
}

int main(void)
{
	test_cpu();
	test_device();
	test_module();
	return tap_done();
}
