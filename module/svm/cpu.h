/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM on the host's CPUs: its features, enabling and disabling it, ASIDs, permission maps,
 * and the pages for the world switch.
 */
#ifndef SVMVCPU_CPU_H
#define SVMVCPU_CPU_H

#include <linux/linkage.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "svm/limits.h"
#include "svm/vmcb.h"

/* --- asid.c --------------------------------------------------------------- */

/* ASIDs of one host CPU */
struct asid_cpu {
	u64 generation;		/* incremented when all ASIDs become invalid; never 0 */
	u32 next;		/* next free ASID; above @max if there is none */
	u32 first;		/* smallest and largest usable ASID */
	u32 max;
	bool flush_all;		/* no VMRUN has done this generation's flush yet */
};

/* The ASID of a vCPU; zeroed at first */
struct asid_tag {
	u64 generation;		/* asid_cpu.generation when @asid was assigned */
	u32 asid;
	int cpu;		/* @asid is valid on this CPU */
};

void asid_cpu_reset(struct asid_cpu *acpu, u32 sev_asids, u32 nasid);
u8 asid_assign(struct asid_cpu *acpu, int cpu, struct asid_tag *tag,
	       bool want_flush, bool have_flush_by_asid);

/* The vCPU has moved to another CPU than @tag->cpu. */
static inline void asid_moved(struct asid_tag *tag)
{
	tag->generation = 0;
}

/*
 * Is the ASID still valid? If so, asid_assign() without @want_flush has no effect.
 * asid_moved() must have been called if the vCPU has moved.
 */
static inline bool asid_current(const struct asid_cpu *acpu, const struct asid_tag *tag)
{
	return tag->generation == acpu->generation && !acpu->flush_all;
}

/*
 * VMRUN with the TLB_CONTROL of asid_assign() has entered the guest. Do not call this
 * after VMEXIT_INVALID, which need not have flushed.
 */
static inline void asid_flushed(struct asid_cpu *acpu)
{
	acpu->flush_all = false;
}

/* --- cpu.c ---------------------------------------------------------------- */

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

int svm_cpu_init(void);
void svm_cpu_exit(void);

u64 svm_mitigations(void);
void svm_cpu_explain_busy(void);

int svm_cpu_get(void);
void svm_cpu_put(void);
int svm_cpu_enable(void);
bool svm_cpu_lost(void);
void svm_cpu_retire_asids(void);

/* enter.S */
asmlinkage void svmvcpu_enter(u64 *gprs, u64 vmcb_pa, u64 host_pa);

/* --- the other files ------------------------------------------------------ */

/* permmap.c */
/* One bit per port. A 4-byte access to port 0xffff also checks bits 0x10000 to 0x10002. */
#define IOPM_BITS	(0x10000 + 3)
#define IOPM_BYTES	(3 * 4096)

/* A read and a write bit per MSR; 2 KiB for each of three ranges */
#define MSRPM_BYTES	(2 * 4096)

int permmap_init(void);
void permmap_exit(void);

/* hwpage.c */
struct page *hwpage_alloc(gfp_t gfp);

/* machine_check.c */
void machine_check_enable(void);
bool machine_check_by_guest(void);
void machine_check_report(void);

/* debugctl.c */
void debugctl_clear(void);
void debugctl_restore(void);

#endif /* SVMVCPU_CPU_H */
