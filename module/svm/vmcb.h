/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCB (APM volume 2, appendix B), and setters for its fields. A setter clears the
 * clean bit of its field. Fields without a clean bit are always reloaded by VMRUN and
 * are written directly.
 */
#ifndef SVMVCPU_VMCB_H
#define SVMVCPU_VMCB_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/types.h>

/* Intercepts are numbered word * 32 + bit, with word 0 at VMCB offset 0. */
#define VMCB_INTERCEPT_WORDS	6

enum vmcb_intercept {
	INTERCEPT_CR0_READ	= 0 * 32,	/* CRn: + n */
	INTERCEPT_CR0_WRITE	= 0 * 32 + 16,	/* CRn: + n */
	INTERCEPT_DR0_READ	= 1 * 32,	/* DRn: + n */
	INTERCEPT_DR0_WRITE	= 1 * 32 + 16,	/* DRn: + n */
	INTERCEPT_EXCEPTION	= 2 * 32,	/* + vector */
	INTERCEPT_INTR		= 3 * 32,
	INTERCEPT_NMI,
	INTERCEPT_SMI,
	INTERCEPT_INIT,
	INTERCEPT_VINTR,
	INTERCEPT_CR0_SEL_WRITE,
	INTERCEPT_IDTR_READ,
	INTERCEPT_GDTR_READ,
	INTERCEPT_LDTR_READ,
	INTERCEPT_TR_READ,
	INTERCEPT_IDTR_WRITE,
	INTERCEPT_GDTR_WRITE,
	INTERCEPT_LDTR_WRITE,
	INTERCEPT_TR_WRITE,
	INTERCEPT_RDTSC,
	INTERCEPT_RDPMC,
	INTERCEPT_PUSHF,
	INTERCEPT_POPF,
	INTERCEPT_CPUID,
	INTERCEPT_RSM,
	INTERCEPT_IRET,
	INTERCEPT_INTN,
	INTERCEPT_INVD,
	INTERCEPT_PAUSE,
	INTERCEPT_HLT,
	INTERCEPT_INVLPG,
	INTERCEPT_INVLPGA,
	INTERCEPT_IOIO,
	INTERCEPT_MSR,
	INTERCEPT_TASK_SWITCH,
	INTERCEPT_FERR_FREEZE,
	INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN		= 4 * 32,
	INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE,
	INTERCEPT_STGI,
	INTERCEPT_CLGI,
	INTERCEPT_SKINIT,
	INTERCEPT_RDTSCP,
	INTERCEPT_ICEBP,
	INTERCEPT_WBINVD,
	INTERCEPT_MONITOR,
	INTERCEPT_MWAIT,
	INTERCEPT_MWAIT_ARMED,
	INTERCEPT_XSETBV,
	INTERCEPT_RDPRU,
	INTERCEPT_EFER_WRITE_TRAP,
	INTERCEPT_INVLPGB	= 5 * 32,
	INTERCEPT_INVLPGB_ILLEGAL,
	INTERCEPT_INVPCID,
	INTERCEPT_MCOMMIT,
	INTERCEPT_TLBSYNC,
};

/* EXITCODE */
enum vmcb_exit {
	VMEXIT_CR0_READ		= 0x000,	/* CRn: + n */
	VMEXIT_CR0_WRITE	= 0x010,	/* CRn: + n */
	VMEXIT_DR0_READ		= 0x020,	/* DRn: + n */
	VMEXIT_DR0_WRITE	= 0x030,	/* DRn: + n */
	VMEXIT_EXCEPTION	= 0x040,	/* + vector */
	VMEXIT_INTR		= 0x060,
	VMEXIT_NMI		= 0x061,
	VMEXIT_SMI		= 0x062,
	VMEXIT_INIT		= 0x063,
	VMEXIT_VINTR		= 0x064,
	VMEXIT_CR0_SEL_WRITE	= 0x065,
	VMEXIT_IDTR_READ	= 0x066,
	VMEXIT_RDTSC		= 0x06e,
	VMEXIT_RDPMC		= 0x06f,
	VMEXIT_PUSHF		= 0x070,
	VMEXIT_POPF		= 0x071,
	VMEXIT_CPUID		= 0x072,
	VMEXIT_RSM		= 0x073,
	VMEXIT_IRET		= 0x074,
	VMEXIT_INTN		= 0x075,
	VMEXIT_INVD		= 0x076,
	VMEXIT_PAUSE		= 0x077,
	VMEXIT_HLT		= 0x078,
	VMEXIT_INVLPG		= 0x079,
	VMEXIT_INVLPGA		= 0x07a,
	VMEXIT_IOIO		= 0x07b,
	VMEXIT_MSR		= 0x07c,
	VMEXIT_TASK_SWITCH	= 0x07d,
	VMEXIT_FERR_FREEZE	= 0x07e,
	VMEXIT_SHUTDOWN		= 0x07f,
	VMEXIT_VMRUN		= 0x080,
	VMEXIT_VMMCALL		= 0x081,
	VMEXIT_VMLOAD		= 0x082,
	VMEXIT_VMSAVE		= 0x083,
	VMEXIT_STGI		= 0x084,
	VMEXIT_CLGI		= 0x085,
	VMEXIT_SKINIT		= 0x086,
	VMEXIT_RDTSCP		= 0x087,
	VMEXIT_ICEBP		= 0x088,
	VMEXIT_WBINVD		= 0x089,
	VMEXIT_MONITOR		= 0x08a,
	VMEXIT_MWAIT		= 0x08b,
	VMEXIT_MWAIT_ARMED	= 0x08c,
	VMEXIT_XSETBV		= 0x08d,
	VMEXIT_RDPRU		= 0x08e,
	VMEXIT_INVLPGB		= 0x0a0,
	VMEXIT_INVLPGB_ILLEGAL	= 0x0a1,
	VMEXIT_INVPCID		= 0x0a2,
	VMEXIT_MCOMMIT		= 0x0a3,
	VMEXIT_TLBSYNC		= 0x0a4,
	VMEXIT_NPF		= 0x400,
	VMEXIT_MAX		= 0x401,
};

/*
 * EXITCODE is negative if VMRUN did not enter the guest (APM volume 2, appendix C).
 * QEMU 7.2 stores only 32 bits, so the module compares only these.
 */
#define VMEXIT_INVALID32	0xffffffffU	/* -1 */
#define VMEXIT_BUSY32		0xfffffffeU	/* -2 */
#define VMEXIT_IDLE_REQUIRED32	0xfffffffdU	/* -3 */
#define VMEXIT_INVALID_PMC32	0xfffffffcU	/* -4 */

/*
 * run.c stores this code before each entry. It is still there if CLGI faulted in
 * enter.S, before VMRUN. The manual reserves the code for software. It is negative
 * as a 32-bit value.
 */
#define VMEXIT_NOTHING32	0xf0000000U

/* TLB_CONTROL */
#define TLB_CONTROL_NOTHING	0
#define TLB_CONTROL_FLUSH_ALL	1
#define TLB_CONTROL_FLUSH_ASID	3	/* reserved without FlushByAsid */

/* 060h */
#define V_TPR_MASK		GENMASK_ULL(3, 0)
#define V_IRQ			BIT_ULL(8)
#define V_INTR_PRIO_SHIFT	16
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
#define IOIO_REP		BIT(3)
#define IOIO_SZ8		BIT(4)
#define IOIO_SZ16		BIT(5)
#define IOIO_SZ32		BIT(6)
#define IOIO_PORT_SHIFT		16

/* EXITINFO1 of NPF */
#define NPF_PRESENT		BIT_ULL(0)
#define NPF_WRITE		BIT_ULL(1)
#define NPF_USER		BIT_ULL(2)
#define NPF_RSVD		BIT_ULL(3)
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
#define SEG_TYPE_MASK		GENMASK(3, 0)
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
	u64 int_state;
	u64 exit_code;
	u64 exit_info_1;
	u64 exit_info_2;
	u64 exit_int_info;
	u64 nested_ctl;
	u64 avic_bar;
	u64 ghcb_pa;
	u64 event_inj;
	u64 nested_cr3;
	u64 lbr_virt;
	u32 clean;
	u32 reserved_0c4;
	u64 next_rip;
	u8 insn_len;
	u8 insn_bytes[15];
	u64 avic_backing_page;
	u8 reserved_0e8[0x400 - 0x0e8];
} __packed;

struct vmcb_save_area {
	struct vmcb_segment es, cs, ss, ds, fs, gs;
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

#define VMCB_ASSERT(member, offset) \
	static_assert(offsetof(struct vmcb, member) == (offset))

VMCB_ASSERT(control.intercepts[5], 0x014);
VMCB_ASSERT(control.pause_filter_threshold, 0x03c);
VMCB_ASSERT(control.pause_filter_count, 0x03e);
VMCB_ASSERT(control.iopm_base_pa, 0x040);
VMCB_ASSERT(control.msrpm_base_pa, 0x048);
VMCB_ASSERT(control.tsc_offset, 0x050);
VMCB_ASSERT(control.asid, 0x058);
VMCB_ASSERT(control.tlb_control, 0x05c);
VMCB_ASSERT(control.int_ctl, 0x060);
VMCB_ASSERT(control.int_state, 0x068);
VMCB_ASSERT(control.exit_code, 0x070);
VMCB_ASSERT(control.exit_info_1, 0x078);
VMCB_ASSERT(control.exit_info_2, 0x080);
VMCB_ASSERT(control.exit_int_info, 0x088);
VMCB_ASSERT(control.nested_ctl, 0x090);
VMCB_ASSERT(control.avic_bar, 0x098);
VMCB_ASSERT(control.ghcb_pa, 0x0a0);
VMCB_ASSERT(control.event_inj, 0x0a8);
VMCB_ASSERT(control.nested_cr3, 0x0b0);
VMCB_ASSERT(control.lbr_virt, 0x0b8);
VMCB_ASSERT(control.clean, 0x0c0);
VMCB_ASSERT(control.next_rip, 0x0c8);
VMCB_ASSERT(control.insn_len, 0x0d0);
VMCB_ASSERT(control.insn_bytes, 0x0d1);
VMCB_ASSERT(control.avic_backing_page, 0x0e0);
VMCB_ASSERT(save, 0x400);
VMCB_ASSERT(save.es, 0x400);
VMCB_ASSERT(save.cs, 0x410);
VMCB_ASSERT(save.ss, 0x420);
VMCB_ASSERT(save.ds, 0x430);
VMCB_ASSERT(save.fs, 0x440);
VMCB_ASSERT(save.gs, 0x450);
VMCB_ASSERT(save.gdtr, 0x460);
VMCB_ASSERT(save.ldtr, 0x470);
VMCB_ASSERT(save.idtr, 0x480);
VMCB_ASSERT(save.tr, 0x490);
VMCB_ASSERT(save.cpl, 0x4cb);
VMCB_ASSERT(save.efer, 0x4d0);
VMCB_ASSERT(save.cr4, 0x548);
VMCB_ASSERT(save.cr3, 0x550);
VMCB_ASSERT(save.cr0, 0x558);
VMCB_ASSERT(save.dr7, 0x560);
VMCB_ASSERT(save.dr6, 0x568);
VMCB_ASSERT(save.rflags, 0x570);
VMCB_ASSERT(save.rip, 0x578);
VMCB_ASSERT(save.rsp, 0x5d8);
VMCB_ASSERT(save.s_cet, 0x5e0);
VMCB_ASSERT(save.rax, 0x5f8);
VMCB_ASSERT(save.star, 0x600);
VMCB_ASSERT(save.lstar, 0x608);
VMCB_ASSERT(save.cstar, 0x610);
VMCB_ASSERT(save.sfmask, 0x618);
VMCB_ASSERT(save.kernel_gs_base, 0x620);
VMCB_ASSERT(save.sysenter_cs, 0x628);
VMCB_ASSERT(save.sysenter_esp, 0x630);
VMCB_ASSERT(save.sysenter_eip, 0x638);
VMCB_ASSERT(save.cr2, 0x640);
VMCB_ASSERT(save.g_pat, 0x668);
VMCB_ASSERT(save.dbgctl, 0x670);
VMCB_ASSERT(save.last_excp_to, 0x690);
VMCB_ASSERT(save.spec_ctrl, 0x6e0);
static_assert(sizeof(struct vmcb_segment) == 16);
static_assert(sizeof(struct vmcb_control_area) == 0x400);
static_assert(sizeof(struct vmcb) == 0x1000);

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
CONTROL_SETTER(iopm_base_pa, u64, VMCB_CLEAN_MAPS)
CONTROL_SETTER(msrpm_base_pa, u64, VMCB_CLEAN_MAPS)
CONTROL_SETTER(asid, u32, VMCB_CLEAN_ASID)
CONTROL_SETTER(int_ctl, u64, VMCB_CLEAN_INT_CTL)
CONTROL_SETTER(nested_ctl, u64, VMCB_CLEAN_NP)
CONTROL_SETTER(nested_cr3, u64, VMCB_CLEAN_NP)
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

/*
 * Did VMRUN enter the guest? Codes -2 to -4 happen only for SEV-ES and SEV-SNP guests,
 * which the module does not support; they count as refused entries.
 */
static inline bool vmcb_has_entered(u64 exit_code)
{
	static_assert((s32)VMEXIT_NOTHING32 < (s32)VMEXIT_INVALID_PMC32);
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
	u64 frame_mask;		/* where a page table entry has its address */
	u32 asids;		/* NASID: valid are 1 .. asids - 1 */
	u32 sev_asids;		/* of these, 1 .. sev_asids are for SEV guests */
	u8 phys_bits;		/* host physical address width */
	u8 npt_levels;		/* 4, or 5 when the host runs with LA57 */
	u32 intercepts[VMCB_INTERCEPT_WORDS];	/* always set */
};

/* svm_caps.cpuid_intercepts: instructions newer than SVM itself */
#define SVM_INTERCEPT_RDPRU	BIT_ULL(0)
#define SVM_INTERCEPT_INVPCID	BIT_ULL(1)
#define SVM_INTERCEPT_MCOMMIT	BIT_ULL(2)
#define SVM_INTERCEPT_INVLPGB	BIT_ULL(3)

#endif /* SVMVCPU_VMCB_H */
