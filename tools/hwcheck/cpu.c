// SPDX-License-Identifier: GPL-2.0-only
/* svmvcpu-hwcheck: the CPU, from CPUID */
#include <cpuid.h>
#include <string.h>

#include "hwcheck.h"

#define ECX_HYPERVISOR	(1U << 31)	/* leaf 1 */
#define ECX_SVM		(1U << 2)	/* leaf 8000_0001h */

/* "Family" and "model" as in AMD's manuals, with the extended fields added */
void cpu_signature(struct cpu_facts *cpu, unsigned int eax)
{
	unsigned int family = eax >> 8 & 0xf;

	cpu->stepping = eax & 0xf;
	cpu->model = eax >> 4 & 0xf;
	cpu->family = family;
	if (family == 0xf) {
		cpu->family += eax >> 20 & 0xff;
		cpu->model |= (eax >> 16 & 0xf) << 4;
	}
}

void cpu_svm_features(unsigned int edx, char *text, size_t len)
{
	static const char *const names[32] = {
		[0] = "npt", [1] = "lbrv", [2] = "svm-lock", [3] = "nrip-save",
		[4] = "tsc-rate-msr", [5] = "vmcb-clean", [6] = "flush-by-asid",
		[7] = "decode-assists", [8] = "pmc-virt", [10] = "pause-filter",
		[12] = "pause-filter-threshold", [13] = "avic", [15] = "v-vmsave-vmload",
		[16] = "vgif", [17] = "gmet", [18] = "x2avic", [19] = "sss-check",
		[20] = "spec-ctrl-virt", [21] = "rogpt", [23] = "host-mce-override",
		[24] = "invlpgb-tlbsync", [25] = "vnmi", [26] = "ibs-virt",
		[27] = "ext-lvt-avic", [28] = "vmcb-addr-check", [29] = "bus-lock-threshold",
		[30] = "idle-hlt",
	};
	unsigned int bit;
	size_t used = 0;

	text[0] = 0;
	for (bit = 0; bit < 32 && used < len; bit++) {
		if (!(edx >> bit & 1))
			continue;
		if (names[bit])
			used += snprintf(text + used, len - used, "%s%s", used ? " " : "",
					 names[bit]);
		else
			used += snprintf(text + used, len - used, "%sbit-%u", used ? " " : "",
					 bit);
	}
}

static void probe_brand(struct cpu_facts *cpu)
{
	unsigned int leaf, regs[4];
	char *at = cpu->brand;

	for (leaf = 0x80000002; leaf <= 0x80000004; leaf++, at += sizeof(regs)) {
		if (!__get_cpuid(leaf, &regs[0], &regs[1], &regs[2], &regs[3]))
			return;
		memcpy(at, regs, sizeof(regs));
	}
}

void cpu_probe(struct cpu_facts *cpu)
{
	unsigned int a, b, c, d, *leaf = cpu->svm_leaf;

	memset(cpu, 0, sizeof(*cpu));
	if (__get_cpuid(0, &a, &b, &c, &d)) {
		memcpy(cpu->vendor, &b, 4);
		memcpy(cpu->vendor + 4, &d, 4);
		memcpy(cpu->vendor + 8, &c, 4);
	}
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		cpu_signature(cpu, a);
		cpu->hypervisor = c & ECX_HYPERVISOR;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		cpu->svm = c & ECX_SVM;
	if (cpu->svm && !__get_cpuid(0x8000000a, &leaf[0], &leaf[1], &leaf[2], &leaf[3]))
		memset(leaf, 0, sizeof(cpu->svm_leaf));
	probe_brand(cpu);
}
