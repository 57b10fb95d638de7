/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM on the host's CPUs: what they offer, turning it on where a vCPU runs
 * and off again, the per-CPU pages the world switch needs.
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

/**
 * struct svm_cpu - SVM state of one host CPU
 * @enabled: EFER.SVME is set, and it was us who set it
 * @asid: ASIDs handed out here
 * @host_pa: physical address of the page VMSAVE puts the host's state in
 * @host_tsc_aux: TSC_AUX while the host runs, constant
 * @last_vcpu: serial number of the vCPU that ran here last, for the IBPB
 * @debugctl: bits of the host's DEBUGCTL that are off while a vCPU is loaded
 * @host_vmcb: that page
 * @hsave: page for VM_HSAVE_PA
 *
 * Written only on its own CPU, with preemption disabled.
 */
struct svm_cpu {
	bool enabled;
	struct asid_cpu asid;
	phys_addr_t host_pa;
	u64 host_tsc_aux;
	u64 last_vcpu;
	u64 debugctl;
	struct page *host_vmcb;
	struct page *hsave;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/* Constant after module load: what the host offers, what a guest may set. */
extern struct svm_caps svm_caps;
extern struct state_limits svm_limits;

/* Ticks the host's TSC lost over suspends; changes only while no vCPU runs. */
extern u64 svm_tsc_lost;

/* The host's TSC as if the machine had never slept */
static inline u64 svm_tsc(void)
{
	return rdtsc() + svm_tsc_lost;
}

/* Is there a TSC_AUX for the guest to have? */
static inline bool svm_has_tsc_aux(void)
{
	return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
}

static inline bool svm_has(u64 feature)
{
	return svm_caps.features & feature;
}

/* As the CPU wants addresses of its own structures: with the encryption bit. */
static inline phys_addr_t svm_page_pa(struct page *page)
{
	return __sme_set(PFN_PHYS(page_to_pfn(page)));
}

/* enter.S */
asmlinkage void svmvcpu_enter(u64 *gprs, u64 vmcb_pa, u64 host_pa);

int svm_cpu_init(void);
void svm_cpu_exit(void);

u64 svm_mitigations(void);
void svm_cpu_explain_busy(void);

int svm_cpu_get(void);
void svm_cpu_put(void);
int svm_cpu_enable(void);
void svm_cpu_poke(int cpu);
bool svm_cpu_lost(void);
void svm_cpu_retire_asids(void);

#endif /* SVMVCPU_CPU_H */
