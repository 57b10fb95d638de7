// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the register page of a local APIC.
 *
 * Both interfaces have the registers at the same places, in x2APIC mode too, but KVM's page
 * then has the ID in the upper 8 bits. KVM takes every value; svmvcpu takes what a guest
 * can bring about, so bits that no register has are left out.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"

#define NR_REGS		64
#define REG_ID		0x02
#define REG_TPR		0x08
#define REG_LDR		0x0d
#define REG_DFR		0x0e
#define REG_SVR		0x0f
#define REG_ISR		0x10
#define REG_IRR		0x20
#define REG_ESR		0x28
#define REG_ICR_LOW	0x30
#define REG_ICR_HIGH	0x31
#define REG_LVT_TIMER	0x32
#define REG_LVT_THERMAL	0x33
#define REG_LVT_PERF	0x34
#define REG_LVT_LINT0	0x35
#define REG_LVT_LINT1	0x36
#define REG_LVT_ERROR	0x37
#define REG_TMICT	0x38
#define REG_TMCCT	0x39
#define REG_TDCR	0x3e

#define BASE_X2		(1ULL << 10)
#define BASE_ENABLED	(1ULL << 11)
#define SVR_ENABLED	(1U << 8)
#define LVT_MASKED	(1U << 16)
#define TIMER_MODE	(3U << 17)
#define TIMER_DEADLINE	(2U << 17)

static __u32 *page_reg(struct kvm_lapic_state *page, unsigned int reg)
{
	return (__u32 *)(page->regs + reg * 16);
}

long lapic_get(void *self, unsigned long arg)
{
	struct kvm_lapic_state *page = (void *)arg;
	struct svmvcpu_state state;
	unsigned int reg;
	int err;

	if (!vcpu_has_lapic(self))
		return -EINVAL;
	err = state_get(self, SVMVCPU_STATE_LAPIC, &state);
	if (err)
		return err;
	memset(page, 0, sizeof(*page));
	for (reg = 0; reg < NR_REGS; reg++)
		*page_reg(page, reg) = state.lapic.regs[reg];
	if (state.lapic.base & BASE_X2)
		*page_reg(page, REG_ID) <<= 24;
	return 0;
}

/* --- KVM_SET_LAPIC -------------------------------------------------------- */

/* Bits that a register can have; registers without any are not set. */
static const __u32 reg_bits[NR_REGS] = {
	[REG_ID] = 0xff000000,
	[REG_TPR] = 0xff,
	[REG_LDR] = 0xff000000,
	[REG_SVR] = 0x1ff,
	[REG_ISR ... REG_ESR - 1] = ~0U,
	[REG_ESR] = 0xe0,
	[REG_ICR_LOW] = 0xccfff,
	[REG_ICR_HIGH] = 0xff000000,
	[REG_LVT_TIMER] = 0x700ff,
	[REG_LVT_THERMAL] = 0x107ff,
	[REG_LVT_PERF] = 0x107ff,
	[REG_LVT_LINT0] = 0x1e7ff,
	[REG_LVT_LINT1] = 0x1a7ff,
	[REG_LVT_ERROR] = 0x100ff,
	[REG_TMICT] = ~0U,
	[REG_TDCR] = 0xb,
};

/* Registers that svmvcpu computes keep the values that it has returned. */
static void set_regs(const struct kvm_lapic_state *page, struct svmvcpu_lapic *lapic)
{
	const bool x2 = lapic->base & BASE_X2;
	unsigned int reg;
	__u32 value;

	for (reg = 0; reg < NR_REGS; reg++) {
		memcpy(&value, page->regs + reg * 16, sizeof(value));
		if (!reg_bits[reg] || (x2 && (reg == REG_ID || reg == REG_LDR)))
			continue;
		if (x2 && reg == REG_ICR_HIGH)
			lapic->regs[reg] = value;
		else
			lapic->regs[reg] = value & reg_bits[reg];
	}
	memcpy(&value, page->regs + REG_DFR * 16, sizeof(value));
	if (!x2)
		lapic->regs[REG_DFR] = value | 0x0fffffff;
	/* vectors 0 to 15 do not exist */
	for (reg = REG_ISR; reg <= REG_IRR; reg += 8)
		lapic->regs[reg] &= 0xffff0000;
}

/* A local APIC that software has disabled masks its LVT. */
static void mask_lvt(struct svmvcpu_lapic *lapic)
{
	unsigned int reg;

	if (lapic->regs[REG_SVR] & SVR_ENABLED)
		return;
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++)
		lapic->regs[reg] |= LVT_MASKED;
}

/* The timer goes on with the current count. Undivided, it counts nanoseconds. */
static void set_timer(const struct kvm_lapic_state *page, struct svmvcpu_lapic *lapic)
{
	unsigned int divisor = lapic->regs[REG_TDCR];
	unsigned int shift = ((divisor & 3) | (divisor >> 1 & 4)) + 1;
	__u32 count;

	memcpy(&count, page->regs + REG_TMCCT * 16, sizeof(count));
	if (count > lapic->regs[REG_TMICT])
		count = lapic->regs[REG_TMICT];
	lapic->timer_remaining = 0;
	if ((lapic->regs[REG_LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE)
		return;
	lapic->tsc_deadline = 0;
	if ((lapic->base & BASE_ENABLED) &&
	    (lapic->regs[REG_LVT_TIMER] & TIMER_MODE) < TIMER_DEADLINE)
		lapic->timer_remaining = (__u64)count << (shift & 7);
}

long lapic_set(void *self, unsigned long arg)
{
	const struct kvm_lapic_state *page = (const void *)arg;
	struct svmvcpu_state state;
	int err;

	if (!vcpu_has_lapic(self))
		return -EINVAL;
	err = state_get(self, SVMVCPU_STATE_LAPIC, &state);
	if (err)
		return err;
	set_regs(page, &state.lapic);
	mask_lvt(&state.lapic);
	set_timer(page, &state.lapic);
	state.lapic.esr_pending = 0;
	return state_set(self, SVMVCPU_STATE_LAPIC, &state);
}
