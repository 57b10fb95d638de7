// SPDX-License-Identifier: GPL-2.0-only
/* What svmvcpu-hwcheck reports of a host, and what it does not */
#include <string.h>

#include "hwcheck.h"
#include "tap.h"

static void signature(unsigned int eax, unsigned int family, unsigned int model,
		      unsigned int stepping)
{
	struct cpu_facts cpu = { 0 };

	cpu_signature(&cpu, eax);
	OK(cpu.family == family && cpu.model == model && cpu.stepping == stepping,
	   "%#x is family %#x, model %#x, stepping %u", eax, cpu.family, cpu.model, cpu.stepping);
}

static void test_cpu(void)
{
	char text[400], small[8];

	signature(0x00800f12, 0x17, 0x01, 2);	/* EPYC 7001 */
	signature(0x00a20f12, 0x19, 0x21, 2);	/* Ryzen 5000 */
	signature(0x00b40f40, 0x1a, 0x44, 0);	/* Ryzen 9000 */
	signature(0x00040f33, 0x0f, 0x43, 3);	/* Athlon 64 X2, the first with SVM */
	signature(0x00090673, 0x06, 0x07, 3);	/* no extensions below family 15 */
	cpu_svm_features(0x4f | 1U << 9 | 1U << 31, text, sizeof(text));
	OK(!strcmp(text, "npt lbrv svm-lock nrip-save flush-by-asid bit-9 bit-31"), "%s", text);
	cpu_svm_features(0, text, sizeof(text));
	OK(!*text, "no feature");
	cpu_svm_features(~0U, small, sizeof(small));
	OK(strlen(small) == sizeof(small) - 1, "cut: %s", small);
}

static void cmdline(const char *from, const char *to)
{
	char line[200];

	strcpy(line, from);
	facts_filter_cmdline(line);
	OK(!strcmp(line, to), "'%s' of '%s'", line, from);
}

static void test_cmdline(void)
{
	cmdline("BOOT_IMAGE=/vmlinuz root=UUID=1234 ro quiet mitigations=auto nosmt\n",
		"mitigations=auto nosmt");
	cmdline("ip=10.0.0.7::10.0.0.1:255.255.255.0:myhost:eth0 panic=1", "panic=1");
	cmdline("rd.luks.uuid=x kvm_amd.avic=1 svmvcpu.mask_features=1",
		"kvm_amd.avic=1 svmvcpu.mask_features=1");
	cmdline("  nopti   xnopti ", "nopti");
	cmdline("", "");
}

static void test_klog(void)
{
	OK(klog_is_splat("BUG: kernel NULL pointer dereference, address: 0"), "an oops");
	OK(klog_is_splat("WARNING: CPU: 3 PID: 77 at mm/gup.c:1"), "a warning");
	OK(klog_is_splat("watchdog: BUG: soft lockup - CPU#1 stuck for 26s!"), "a lockup");
	OK(klog_is_splat("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"), "a stall");
	OK(klog_is_splat("unchecked MSR access error: WRMSR to 0xc0010117"), "an MSR access");
	OK(klog_is_splat("mce: [Hardware Error]: Machine check events logged"), "a machine check");
	OK(!klog_is_splat("wlan0: associated") && !klog_is_splat("debugging enabled") &&
	   !klog_is_splat("PM: suspend debug: Waiting for 1 second(s).") &&
	   !klog_is_splat("Speculative Return Stack Overflow: WARNING: See https://kernel.org") &&
	   !klog_is_splat("NMI backtrace for cpu 1") && !klog_is_splat("Call Trace:"),
	   "messages of a healthy kernel");
	OK(klog_is_trace(" svm_run+0x12/0x30 [svmvcpu]") && klog_is_trace("RIP: 0010:x+0x1/0x2") &&
	   klog_is_trace("Call Trace:"), "lines of a trace");
	OK(!klog_is_trace("wlan0: RX AssocResp from 00:11:22:33:44:55 (aid=1)") &&
	   !klog_is_trace("audit: type=1103 acct=\"somebody\"") &&
	   !klog_is_trace("Modules linked in: secret"), "other messages are no part of a trace");
	OK(klog_is_ours("svmvcpu: SVM is in use by kvm_amd") && !klog_is_ours("kvm: loaded"),
	   "lines of svmvcpu");
}

int main(void)
{
	test_cpu();
	test_cmdline();
	test_klog();
	return tap_done();
}
