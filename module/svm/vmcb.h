/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCB (APM volume 2, appendix B): setters for its fields, its intercepts, and its
 * consistency checks. A setter clears the clean bit of its field. Fields without a clean
 * bit are always reloaded by VMRUN and are written directly.
 *
 * Callers hold the mutex of the vCPU.
 */
#ifndef SVMVCPU_VMCB_H
#define SVMVCPU_VMCB_H

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>

/*
 * EXITCODE. Up to VMEXIT_TLBSYNC, the code is also the number of the intercept that causes
 * the exit: bit n % 32 of word n / 32.
 */
enum vmcb_exit {
	VMEXIT_CR0_READ		= 0x000,	/* CRn: + n */
	VMEXIT_CR4_READ		= 0x004,
	VMEXIT_CR8_READ		= 0x008,
	VMEXIT_CR0_WRITE	= 0x010,	/* CRn: + n */
	VMEXIT_CR4_WRITE	= 0x014,
	VMEXIT_CR8_WRITE	= 0x018,
	VMEXIT_DR0_READ		= 0x020,	/* DRn: + n */
	VMEXIT_DR0_WRITE	= 0x030,	/* DRn: + n */
	VMEXIT_EXCEPTION	= 0x040,	/* + vector */
	VMEXIT_INTR		= 0x060,
	VMEXIT_NMI,
	VMEXIT_SMI,
	VMEXIT_INIT,
	VMEXIT_VINTR,
	VMEXIT_CR0_SEL_WRITE,
	VMEXIT_IDTR_READ	= 0x066,	/* IDTR, GDTR, LDTR, TR */
	VMEXIT_TR_WRITE		= 0x06d,
	VMEXIT_RDTSC		= 0x06e,
	VMEXIT_RDPMC,
	VMEXIT_PUSHF		= 0x070,
	VMEXIT_POPF,
	VMEXIT_CPUID,
	VMEXIT_RSM,
	VMEXIT_IRET,
	VMEXIT_INTN,
	VMEXIT_INVD,
	VMEXIT_PAUSE,
	VMEXIT_HLT,
	VMEXIT_INVLPG,
	VMEXIT_INVLPGA,
	VMEXIT_IOIO,
	VMEXIT_MSR,
	VMEXIT_TASK_SWITCH,
	VMEXIT_FERR_FREEZE,
	VMEXIT_SHUTDOWN,
	VMEXIT_VMRUN		= 0x080,
	VMEXIT_VMMCALL,
	VMEXIT_VMLOAD,
	VMEXIT_VMSAVE,
	VMEXIT_STGI,
	VMEXIT_CLGI,
	VMEXIT_SKINIT,
	VMEXIT_RDTSCP,
	VMEXIT_ICEBP,
	VMEXIT_WBINVD,
	VMEXIT_MONITOR,
	VMEXIT_MWAIT,
	VMEXIT_MWAIT_ARMED,
	VMEXIT_XSETBV,
	VMEXIT_RDPRU,
	VMEXIT_EFER_WRITE_TRAP,
	VMEXIT_INVLPGB		= 0x0a0,
	VMEXIT_INVLPGB_ILLEGAL,
	VMEXIT_INVPCID,
	VMEXIT_MCOMMIT,
	VMEXIT_TLBSYNC,
	VMEXIT_NPF		= 0x400,
	VMEXIT_MAX		= 0x401,
};

#define VMCB_INTERCEPT_WORDS	6

/* Exception vectors */
#define VEC_DE	0
#define VEC_DB	1
#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4
#define VEC_BR	5
#define VEC_UD	6
#define VEC_DF	8
#define VEC_TS	10
#define VEC_NP	11
#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14
#define VEC_AC	17
#define VEC_MC	18
#define VEC_CP	21

/*
 * run.c stores this code before each entry. It is still there if CLGI faulted in
 * enter.S, before VMRUN. The manual reserves the code for software.
 */
#define VMEXIT_NOTHING32	0xf0000000U

/* TLB_CONTROL */
#define TLB_CONTROL_NOTHING	0
#define TLB_CONTROL_FLUSH_ALL	1
#define TLB_CONTROL_FLUSH_ASID	3	/* reserved without FlushByAsid */

/* 060h */
#define V_TPR_MASK		GENMASK_ULL(3, 0)
#define V_IRQ			BIT_ULL(8)
#define V_IGN_TPR		BIT_ULL(20)
#define V_INTR_MASKING		BIT_ULL(24)

/* 068h */
#define INT_SHADOW		BIT_ULL(0)

#define NP_ENABLE		BIT_ULL(0)

/* EVENTINJ, EXITINTINFO */
#define EVENT_VECTOR_MASK	GENMASK_ULL(7, 0)
#define EVENT_TYPE_SHIFT	8
#define EVENT_TYPE_MASK		GENMASK_ULL(10, 8)
#define EVENT_TYPE_INTR		(0ULL << EVENT_TYPE_SHIFT)
#define EVENT_TYPE_NMI		(2ULL << EVENT_TYPE_SHIFT)
#define EVENT_TYPE_EXCEPTION	(3ULL << EVENT_TYPE_SHIFT)
#define EVENT_TYPE_SOFT		(4ULL << EVENT_TYPE_SHIFT)
#define EVENT_EV		BIT_ULL(11)
#define EVENT_V			BIT_ULL(31)
#define EVENT_ERROR_SHIFT	32

/* EXITINFO1 of IOIO */
#define IOIO_IN			BIT(0)
#define IOIO_STR		BIT(2)
#define IOIO_WIDTH		GENMASK(6, 4)	/* SZ32, SZ16, SZ8: 4, 2 or 1 byte */
#define IOIO_PORT_SHIFT		16

/* EXITINFO1 of NPF */
#define NPF_WRITE		BIT_ULL(1)
#define NPF_USER		BIT_ULL(2)
#define NPF_FETCH		BIT_ULL(4)
#define NPF_FINAL		BIT_ULL(32)
#define NPF_WALK		BIT_ULL(33)

/* VMCB clean bits (0c0h) */
enum vmcb_clean {
	VMCB_CLEAN_INTERCEPTS	= BIT(0),	/* and TSC offset, PAUSE filter */
	VMCB_CLEAN_MAPS		= BIT(1),	/* IOPM, MSRPM */
	VMCB_CLEAN_ASID		= BIT(2),
	VMCB_CLEAN_INT_CTL	= BIT(3),	/* 060h */
	VMCB_CLEAN_NP		= BIT(4),	/* nCR3, g_pat */
	VMCB_CLEAN_CRX		= BIT(5),	/* CR0, CR3, CR4, EFER */
	VMCB_CLEAN_DRX		= BIT(6),
	VMCB_CLEAN_DT		= BIT(7),	/* GDTR, IDTR */
	VMCB_CLEAN_SEG		= BIT(8),	/* CS, DS, SS, ES, CPL */
	VMCB_CLEAN_CR2		= BIT(9),
	VMCB_CLEAN_ALL		= GENMASK(9, 0),
};

/* Attributes of a segment, as packed in the VMCB */
#define SEG_S			BIT(4)
#define SEG_DPL_SHIFT		5
#define SEG_DPL_MASK		GENMASK(6, 5)
#define SEG_P			BIT(7)
#define SEG_L			BIT(9)
#define SEG_DB			BIT(10)
#define SEG_G			BIT(11)
#define SEG_ATTRIB_MASK		GENMASK(11, 0)

struct vmcb_segment {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
} __packed;

struct vmcb_control_area {
	u32 intercepts[VMCB_INTERCEPT_WORDS];
	u8 reserved_018[0x03c - 0x018];
	u16 pause_filter_threshold;
	u16 pause_filter_count;
	u64 iopm_base_pa;
	u64 msrpm_base_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u64 int_ctl;

	struct_group_tagged(vmcb_exit_state, exit_state, u64 int_state;
		u64 exit_code;
		u64 exit_info_1;
		u64 exit_info_2;
		u64 exit_int_info;
	);
	u64 nested_ctl;
	u64 avic_bar;
	u64 ghcb_pa;
	u64 event_inj;
	u64 nested_cr3;
	u64 lbr_virt;
	u32 clean;
	u32 reserved_0c4;

	struct_group_tagged(vmcb_insn_state, insn_state, u64 next_rip;
		u8 insn_len;
		u8 insn_bytes[15];
	);
	u64 avic_backing_page;
	u8 reserved_0e8[0x400 - 0x0e8];
} __packed;

struct vmcb_save_area {
	union {
		struct {
			struct vmcb_segment es, cs, ss, ds, fs, gs;
		};
		struct vmcb_segment seg[6];	/* by enum ginsn_segment */
	};
	struct vmcb_segment gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0x0cb - 0x0a0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0x0d8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u64 s_cet;
	u64 ssp;
	u64 isst_addr;
	u64 rax;
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;
	u64 dbgctl;
	u64 br_from;
	u64 br_to;
	u64 last_excp_from;
	u64 last_excp_to;
	u8 reserved_298[0x2e0 - 0x298];
	u64 spec_ctrl;
	u8 reserved_2e8[0xc00 - 0x2e8];
} __packed;

struct vmcb {
	struct vmcb_control_area control;
	struct vmcb_save_area save;
} __packed;

static inline void vmcb_dirty(struct vmcb *vmcb, u32 group)
{
	vmcb->control.clean &= ~group;
}

#define CONTROL_SETTER(field, type, group)				\
static inline void vmcb_set_##field(struct vmcb *vmcb, type val)	\
{									\
	vmcb->control.field = val;					\
	vmcb_dirty(vmcb, group);					\
}

#define SAVE_SETTER(field, type, group)					\
static inline void vmcb_set_##field(struct vmcb *vmcb, type val)	\
{									\
	vmcb->save.field = val;						\
	vmcb_dirty(vmcb, group);					\
}

CONTROL_SETTER(tsc_offset, u64, VMCB_CLEAN_INTERCEPTS)
CONTROL_SETTER(asid, u32, VMCB_CLEAN_ASID)
CONTROL_SETTER(int_ctl, u64, VMCB_CLEAN_INT_CTL)
SAVE_SETTER(g_pat, u64, VMCB_CLEAN_NP)
SAVE_SETTER(cr0, u64, VMCB_CLEAN_CRX)
SAVE_SETTER(cr3, u64, VMCB_CLEAN_CRX)
SAVE_SETTER(cr4, u64, VMCB_CLEAN_CRX)
SAVE_SETTER(efer, u64, VMCB_CLEAN_CRX)
SAVE_SETTER(dr6, u64, VMCB_CLEAN_DRX)
SAVE_SETTER(dr7, u64, VMCB_CLEAN_DRX)
SAVE_SETTER(gdtr, struct vmcb_segment, VMCB_CLEAN_DT)
SAVE_SETTER(idtr, struct vmcb_segment, VMCB_CLEAN_DT)
SAVE_SETTER(es, struct vmcb_segment, VMCB_CLEAN_SEG)
SAVE_SETTER(cs, struct vmcb_segment, VMCB_CLEAN_SEG)
SAVE_SETTER(ss, struct vmcb_segment, VMCB_CLEAN_SEG)
SAVE_SETTER(ds, struct vmcb_segment, VMCB_CLEAN_SEG)
SAVE_SETTER(cpl, u8, VMCB_CLEAN_SEG)
SAVE_SETTER(cr2, u64, VMCB_CLEAN_CR2)

static inline void vmcb_set_tpr(struct vmcb *vmcb, u64 tpr)
{
	u64 ctl = (vmcb->control.int_ctl & ~V_TPR_MASK) | tpr;

	if (ctl != vmcb->control.int_ctl)
		vmcb_set_int_ctl(vmcb, ctl);
}

/*
 * Did VMRUN enter the guest? EXITCODE is negative if not (APM volume 2, appendix C): -1 for
 * an invalid state, and -2 to -4 for SEV guests only. QEMU 7.2 stores 32 bits of it.
 */
static inline bool vmcb_has_entered(u64 exit_code)
{
	static_assert((s32)VMEXIT_NOTHING32 < -4);
	return (s32)exit_code >= 0;
}

static inline bool vmcb_intercepts(const struct vmcb *vmcb, unsigned int nr)
{
	return vmcb->control.intercepts[nr / 32] & BIT(nr % 32);
}

/* Capabilities of the host, without those in the module parameter mask_features */
struct svm_caps {
	u64 features;		/* SVMVCPU_FEAT_* */
	u64 cpuid_intercepts;	/* SVM_INTERCEPT_* gated by CPUID */
	u64 iopm_pa;		/* permission maps, with the encryption bit */
	u64 msrpm_pa;
	u32 asids;		/* NASID: valid are 1 .. asids - 1 */
	u32 sev_asids;		/* of these, 1 .. sev_asids are for SEV guests */
	u8 phys_bits;		/* host physical address width */
	u8 npt_levels;		/* 4, or 5 when the host runs with LA57 */
	bool pause_threshold;	/* with SVMVCPU_FEAT_PAUSE_FILTER */
	u32 intercepts[VMCB_INTERCEPT_WORDS];	/* always set */
};

/* svm_caps.cpuid_intercepts: instructions newer than SVM itself */
#define SVM_INTERCEPT_RDPRU	BIT_ULL(0)
#define SVM_INTERCEPT_INVPCID	BIT_ULL(1)
#define SVM_INTERCEPT_MCOMMIT	BIT_ULL(2)
#define SVM_INTERCEPT_INVLPGB	BIT_ULL(3)

/*
 * APM volume 2, 15.14.4: a guest exits when it has executed this many PAUSEs, each within
 * the threshold, in cycles, of the one before. The values are those of KVM.
 */
#define PAUSE_FILTER_COUNT	3000
#define PAUSE_FILTER_THRESHOLD	128

/* PAT after reset: WB, WT, UC-, UC, twice */
#define PAT_RESET	0x0007040600070406ULL

/* Intercepts that may change during the life of a vCPU */
struct vmcb_policy {
	union {
		struct {
			u32 exceptions;	/* bit n: exception vector n */
			bool vintr;	/* the guest can take an interrupt */
			bool iret;	/* IRET, which ends an NMI handler */
			bool intn;	/* INT n: for steps, and to detect INT3 on some hosts */
			u8 mbz;
		};
		u64 for_events;		/* all of these, to test them at once */
	};
	bool cr0_read;			/* the guest's CR0 differs from the VMCB's */
	bool cr4_read;			/* the same for CR4 */
	bool rdtscp;			/* the guest's CPUID has no RDTSCP */
	bool pause;			/* after PAUSE_FILTER_COUNT in a loop */
	u8 mbz2[4];			/* no padding: vcpu_set_policy() compares all bytes */
};

void vmcb_fix_intercepts(struct svm_caps *caps);
void vmcb_recalc_intercepts(struct vmcb *vmcb, const struct svm_caps *caps,
			    const struct vmcb_policy *policy);
void vmcb_init_control(struct vmcb *vmcb, const struct svm_caps *caps, u64 ncr3);

/* --- check.c -------------------------------------------------------------- */

/* Return value of check_vmcb() for a valid VMCB */
#define CHECK_OK	(-1)

struct check_limits {
	u64 cr4;	/* allowed bits */
	u64 efer;	/* allowed bits, including SVME */
	u8 phys_bits;	/* width of physical addresses */
};

/* RFLAGS: bit 1 is always set; other bits outside of RFLAGS_VALID must be 0 */
#define RFLAGS_FIXED	0x2ULL
#define RFLAGS_VALID	0x3f7fd7ULL

/* Is @addr the sign extension of its low @bits bits? */
static inline bool addr_canonical(u64 addr, unsigned int bits)
{
	return sign_extend64(addr, bits - 1) == (s64)addr;
}

int check_vmcb(const struct vmcb *vmcb, const struct check_limits *lim);

#endif /* SVMVCPU_VMCB_H */
