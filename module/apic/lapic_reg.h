/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Register numbers, bits and functions that the files of the local APIC share. Other
 * files include lapic.h only.
 */
#ifndef SVMVCPU_LAPIC_REG_H
#define SVMVCPU_LAPIC_REG_H

#include "apic/lapic.h"

/* Register numbers: offset / 16, and MSR - 0x800 */
#define REG_ID		0x02
#define REG_VERSION	0x03
#define REG_TPR		LAPIC_TPR
#define REG_APR		0x09
#define REG_PPR		0x0a
#define REG_EOI		0x0b
#define REG_LDR		0x0d
#define REG_DFR		0x0e
#define REG_SVR		0x0f
#define REG_ISR		0x10	/* eight registers, like TMR and IRR */
#define REG_TMR		0x18
#define REG_IRR		0x20
#define REG_ESR		0x28
#define REG_ICR		0x30
#define REG_ICR2	0x31
#define REG_LVT_TIMER	0x32
#define REG_LVT_THERMAL	0x33
#define REG_LVT_PERF	0x34
#define REG_LVT_LINT0	0x35
#define REG_LVT_LINT1	0x36
#define REG_LVT_ERROR	0x37
#define REG_TMICT	0x38
#define REG_TMCCT	0x39
#define REG_TDCR	0x3e
#define REG_SELF_IPI	0x3f

/* Integrated APIC, six LVT entries, no suppression of EOI broadcasts */
#define LAPIC_VERSION	0x00050014

#define LAPIC_DFR_ONES	0x0fffffff

#define BASE_BSP	0x100ULL
#define BASE_X2		LAPIC_BASE_X2
#define BASE_ENABLE	LAPIC_BASE_ENABLE
#define BASE_MODE	(BASE_ENABLE | BASE_X2)
#define BASE_ADDRESS	(~0xfffULL)
#define BASE_DEFAULT	0xfee00000ULL

#define SVR_ENABLE	0x100

#define ESR_SEND_ILLEGAL	0x20
#define ESR_RECV_ILLEGAL	0x40
#define ESR_ILLEGAL_REG		0x80
#define ESR_BITS		0xe0

/* Bits that ICR and LVT share */
#define MSG_VECTOR	0xff
#define MSG_MODE(v)	((v) >> 8 & 7)
#define MSG_STATUS	0x1000	/* reads as 0: nothing is ever pending here */
#define MSG_LEVEL	0x8000

#define ICR_LOGICAL	0x800
#define ICR_ASSERT	0x4000
#define ICR_SELF	0x40000	/* SHORTHAND_SELF */
#define ICR_SHORTHAND(v)	((v) >> 18 & 3)
#define SHORTHAND_NONE		0
#define SHORTHAND_SELF		1
#define SHORTHAND_ALL		2
#define SHORTHAND_OTHERS	3

#define LVT_REMOTE_IRR	0x4000
#define LVT_MASKED	0x10000
#define LVT_TIMER_MODE(v)	((v) >> 17 & 3)
#define LVT_TIMER_RESERVED	0x60000

#define TIMER_ONE_SHOT	0
#define TIMER_PERIODIC	1
#define TIMER_DEADLINE	2

static inline bool lapic_is_x2(const struct lapic *l)
{
	return l->base & BASE_X2;
}

static inline bool lapic_soft_enabled(const struct lapic *l)
{
	return l->regs[REG_SVR] & SVR_ENABLE;
}

/* lapic.c */
bool lapic_base_valid(const struct lapic_config *config, u64 base);
u32 lapic_reg_state_bits(const struct lapic *l, unsigned int reg);
u32 lapic_x2_ldr(u32 id);

/* lapic_irq.c */
u8 lapic_ppr(const struct lapic *l);
void lapic_set_tpr(struct lapic *l, u32 tpr);
void lapic_eoi(struct lapic *l);
void lapic_error(struct lapic *l, u32 errors);
void lapic_send(struct lapic *l, u64 icr);
void lapic_lvt_fire(struct lapic *l, unsigned int reg);
void lapic_lint_changed(struct lapic *l);

/* lapic_timer.c */
bool lapic_timer_counts(const struct lapic *l);
u64 lapic_timer_max(const struct lapic *l);
u32 lapic_timer_count(struct lapic *l);
void lapic_timer_set_lvt(struct lapic *l, u32 value);
u64 lapic_timer_deadline(struct lapic *l);
void lapic_timer_set_initial(struct lapic *l, u32 value);
void lapic_timer_set_divide(struct lapic *l, u32 value);
void lapic_timer_set_deadline(struct lapic *l, u64 deadline);
void lapic_timer_restore(struct lapic *l, u64 remaining);

#endif /* SVMVCPU_LAPIC_REG_H */
