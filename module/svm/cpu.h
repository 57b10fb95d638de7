/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM on the host's CPUs: detecting its features, enabling and disabling it, and the
 * per-CPU pages for the world switch.
 */
#ifndef SVMVCPU_CPU_H
#define SVMVCPU_CPU_H

#include <linux/linkage.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "svm/asid.h"
#include "svm/limits.h"
#include "svm/vmcb.h"

/* SVM state of one host CPU, written only on this CPU with preemption disabled */
struct svm_cpu {
	bool enabled;			/* this module has set EFER.SVME */
	struct asid_cpu asid;
	phys_addr_t host_pa;		/* address of @host_vmcb */
	u64 host_tsc_aux;		/* TSC_AUX of the host, constant */
	u64 last_vcpu;			/* serial number of the last vCPU, for the IBPB */
	u64 debugctl;			/* bits that debugctl_clear() has cleared */
	struct page *host_vmcb;		/* for VMSAVE and VMLOAD of the host's state */
	struct page *hsave;		/* for VM_HSAVE_PA */
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/* Constant after module load */
extern struct svm_caps svm_caps;
extern struct state_limits svm_limits;

/* TSC ticks lost in suspends; changes only while no vCPU runs */
extern u64 svm_tsc_lost;

/* The host's TSC as if suspends had not reset it */
static inline u64 svm_tsc(void)
{
	return rdtsc() + svm_tsc_lost;
}

static inline bool svm_has_tsc_aux(void)
{
	return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
}

static inline bool svm_has(u64 feature)
{
	return svm_caps.features & feature;
}

/* Physical address with the encryption bit, as the CPU expects for its structures */
static inline phys_addr_t svm_page_pa(struct page *page)
{
	return __sme_set(PFN_PHYS(page_to_pfn(page)));
}

/* enter.S */
asmlinkage void svmvcpu_enter(u64 *gprs, u64 vmcb_pa, u64 host_pa);

/* hwpage.c */
struct page *hwpage_alloc(gfp_t gfp);

/* machine_check.c */
void machine_check_enable(void);
bool machine_check_by_guest(void);
void machine_check_report(void);

/* debugctl.c */
void debugctl_clear(void);
void debugctl_restore(void);

int svm_cpu_init(void);
void svm_cpu_exit(void);

u64 svm_mitigations(void);
void svm_cpu_explain_busy(void);

int svm_cpu_get(void);
void svm_cpu_put(void);
int svm_cpu_enable(void);
void svm_cpu_kick(int cpu);
bool svm_cpu_lost(void);
void svm_cpu_retire_asids(void);

#endif /* SVMVCPU_CPU_H */
