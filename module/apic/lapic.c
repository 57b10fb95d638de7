// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the local APIC as the guest accesses them: the xAPIC page, the x2APIC
 * MSRs and IA32_APIC_BASE; and their values after reset and INIT.
 *
 * lapic_irq.c delivers interrupts, lapic_timer.c implements the timer. See lapic.h for
 * the rules of calling.
 */
#include "apic/lapic_reg.h"

/* Access: reads (R) and writes (W) on the xAPIC page (X) and by x2APIC MSR (M) */
#define XR	0x1
#define XW	0x2
#define MR	0x4
#define MW	0x8
#define XRW	(XR | XW)
#define MRW	(MR | MW)

#define LVT_COMMON	(LVT_MASKED | MSG_VECTOR)
#define LVT_WITH_MODE	(LVT_COMMON | 0x700)

/* What a register permits. Bits outside @bits are ignored on the page and cause #GP by MSR. */
struct reg_rule {
	u8 access;
	u32 bits;		/* writable */
	u32 dropped;		/* read-only, but ignored by MSR, too: software writes them back */
	u32 internal;		/* not writable, but can be set */
	u32 kept;		/* writable on the page only, without effect */
};

static const struct reg_rule reg_rules[LAPIC_NR_REGS] = {
	/* By MSR, ID and LDR are 32 bits wide and fixed. */
	[REG_ID]	= { XRW | MR, 0xff000000 },
	[REG_VERSION]	= { XR | MR, 0, 0, LAPIC_VERSION },
	[REG_TPR]	= { XRW | MRW, 0xff },
	[REG_APR]	= { XR },
	[REG_PPR]	= { XR | MR },
	[REG_EOI]	= { XW | MW, 0 },
	[REG_LDR]	= { XRW | MR, 0xff000000 },
	[REG_DFR]	= { XRW, 0xf0000000, 0, LAPIC_DFR_ONES },
	/* no focus checking, no suppression of EOI broadcasts */
	[REG_SVR]	= { XRW | MRW, SVR_ENABLE | MSG_VECTOR },
	[REG_ISR ... REG_ISR + 7] = { XR | MR, 0, 0, ~0U },
	[REG_TMR ... REG_TMR + 7] = { XR | MR, 0, 0, ~0U },
	[REG_IRR ... REG_IRR + 7] = { XR | MR, 0, 0, ~0U },
	[REG_ESR]	= { XRW | MRW, 0, 0, ESR_BITS },
	/* KVM keeps reserved bits as well. */
	[REG_ICR]	= { XRW | MRW, 0x000ccfff, MSG_STATUS, 0, 0xfff32000 },
	[REG_ICR2]	= { XRW, 0xff000000 },
	[REG_LVT_TIMER]	= { XRW | MRW, LVT_COMMON | 0x60000, MSG_STATUS },
	[REG_LVT_THERMAL] = { XRW | MRW, LVT_WITH_MODE, MSG_STATUS },
	[REG_LVT_PERF]	= { XRW | MRW, LVT_WITH_MODE, MSG_STATUS },
	/* Bit 13 (polarity) has no effect: pins are "asserted" or not. */
	[REG_LVT_LINT0]	= { XRW | MRW, LVT_WITH_MODE | MSG_LEVEL | 0x2000,
			    MSG_STATUS | LVT_REMOTE_IRR, LVT_REMOTE_IRR },
	[REG_LVT_LINT1]	= { XRW | MRW, LVT_WITH_MODE | MSG_LEVEL | 0x2000,
			    MSG_STATUS | LVT_REMOTE_IRR },
	[REG_LVT_ERROR]	= { XRW | MRW, LVT_COMMON, MSG_STATUS },
	[REG_TMICT]	= { XRW | MRW, ~0U },
	[REG_TMCCT]	= { XR | MR },
	[REG_TDCR]	= { XRW | MRW, 0xb },
	[REG_SELF_IPI]	= { MW, MSG_VECTOR },
};

static const struct reg_rule *reg_rule(unsigned int reg)
{
	/* The modulo also keeps the CPU from speculating beyond the table. */
	return &reg_rules[reg % LAPIC_NR_REGS];
}

static u32 reg_bits(const struct lapic_config *config, unsigned int reg)
{
	u32 bits = reg_rule(reg)->bits;

	if (reg == REG_LVT_TIMER && !config->tsc_khz)
		bits &= ~0x40000U;
	return bits;
}

/*
 * Bits of a register that can be read as 1. For ID, LDR and ICR2 these are the bits in
 * xAPIC mode.
 */
u32 lapic_reg_state_bits(const struct lapic *l, unsigned int reg)
{
	const struct reg_rule *rule = reg_rule(reg);

	if (!(rule->access & (XR | MR)))
		return 0;
	return reg_bits(&l->config, reg) | rule->internal | (lapic_is_x2(l) ? 0 : rule->kept);
}

/* The value of LDR that x2APIC mode derives from the ID */
u32 lapic_x2_ldr(u32 id)
{
	return id >> 4 << 16 | 1U << (id & 15);
}

/* --- reset and modes ---------------------------------------------------- */

/* Update the registers that depend on the mode. */
static void enter_mode(struct lapic *l)
{
	if (lapic_is_x2(l)) {
		l->regs[REG_ID] = l->config.id;
		l->regs[REG_LDR] = lapic_x2_ldr(l->config.id);
		l->regs[REG_ICR] &= ~reg_rules[REG_ICR].kept;
	}
}

static void reset_regs(struct lapic *l)
{
	unsigned int reg;

	memset(l->regs, 0, sizeof(l->regs));
	l->regs[REG_ID] = l->config.id << 24;
	l->regs[REG_VERSION] = LAPIC_VERSION;
	l->regs[REG_DFR] = ~0U;
	l->regs[REG_SVR] = MSG_VECTOR;
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++)
		l->regs[reg] = LVT_MASKED;
	l->tsc_deadline = 0;
	l->timer_due = 0;
	l->esr_pending = 0;
}

/*
 * Initialize a local APIC as after RESET: in xAPIC mode if there is one, and disabled
 * in SVR.
 */
void lapic_power_up(struct lapic *l, const struct lapic_config *config)
{
	l->config = *config;
	l->base = BASE_DEFAULT | (config->present ? BASE_ENABLE : 0) | (config->bsp ? BASE_BSP : 0);
	l->pins = 0;
	reset_regs(l);
}

/**
 * lapic_init_signal() - the CPU receives an INIT
 * @l: the local APIC
 *
 * Resets all registers except IA32_APIC_BASE and the ID. The pins keep their state.
 */
void lapic_init_signal(struct lapic *l)
{
	u32 id = l->regs[REG_ID];

	reset_regs(l);
	l->regs[REG_ID] = id;
	enter_mode(l);
	l->effects.flags |= LAPIC_IRQ | LAPIC_TIMER;
}

/* True if IA32_APIC_BASE can have this value. */
bool lapic_base_valid(const struct lapic_config *config, u64 base)
{
	u64 address = BASE_ADDRESS & ((1ULL << config->maxphyaddr) - 1);

	if (base & ~(address | BASE_MODE | BASE_BSP))
		return false;
	if ((base & BASE_ENABLE) && !config->present)
		return false;
	if (base & BASE_X2)
		return config->x2apic && (base & BASE_ENABLE);
	return true;
}

/*
 * The modes follow each other in the order disabled, xAPIC, x2APIC, disabled. xAPIC
 * mode can also be disabled.
 */
static bool base_change_valid(u64 from, u64 to)
{
	if ((to & BASE_X2) && !(from & BASE_ENABLE))
		return false;
	return !((from & BASE_X2) && (to & BASE_MODE) == BASE_ENABLE);
}

static void base_write(struct lapic *l, u64 value)
{
	if (!lapic_base_valid(&l->config, value) || !base_change_valid(l->base, value)) {
		l->effects.flags |= LAPIC_GP;
		return;
	}
	/* The bootstrap processor is chosen at power-up. */
	value = (value & ~BASE_BSP) | (l->base & BASE_BSP);
	if (value == l->base)
		return;
	l->base = value;
	if (!lapic_is_enabled(l))
		reset_regs(l);
	enter_mode(l);
	l->effects.flags |= LAPIC_IRQ | LAPIC_TIMER;
}

/* --- registers ---------------------------------------------------------- */

static u32 reg_read(struct lapic *l, unsigned int reg)
{
	switch (reg) {
	case REG_APR:
		return lapic_apr(l);
	case REG_PPR:
		return lapic_ppr(l);
	case REG_TMCCT:
		return lapic_timer_count(l);
	default:
		return l->regs[reg % LAPIC_NR_REGS];
	}
}

static void svr_write(struct lapic *l, u32 value)
{
	unsigned int reg;

	/* An expiry that is due still interrupts. */
	lapic_timer_expired(l);
	l->regs[REG_SVR] = value;
	if (lapic_soft_enabled(l))
		return;
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++)
		l->regs[reg] |= LVT_MASKED;
	l->effects.flags |= LAPIC_TIMER;
}

/* Remote IRR stays set until the EOI of the vector for which it was set. */
static void lint_write(struct lapic *l, unsigned int reg, u32 value)
{
	u32 old = l->regs[reg];

	if ((value & MSG_LEVEL) && !((value ^ old) & MSG_VECTOR))
		value |= old & LVT_REMOTE_IRR;
	l->regs[reg] = value;
	lapic_lint_changed(l);
}

static void lvt_write(struct lapic *l, unsigned int reg, u32 value)
{
	if (!lapic_soft_enabled(l))
		value |= LVT_MASKED;
	if (reg == REG_LVT_TIMER)
		lapic_timer_set_lvt(l, value);
	else if (reg == REG_LVT_LINT0 || reg == REG_LVT_LINT1)
		lint_write(l, reg, value);
	else
		l->regs[reg] = value;
}

static void icr_write(struct lapic *l, u64 icr)
{
	l->regs[REG_ICR] = icr;
	l->regs[REG_ICR2] = icr >> 32;
	lapic_send(l, icr);
}

/* The caller has checked @value and that @reg is writable in this mode. */
static void reg_write(struct lapic *l, unsigned int reg, u32 value)
{
	switch (reg) {
	case REG_TPR:
		lapic_set_tpr(l, value);
		break;
	case REG_EOI:
		lapic_eoi(l);
		break;
	case REG_DFR:
		l->regs[REG_DFR] = value | reg_rules[REG_DFR].internal;
		break;
	case REG_SVR:
		svr_write(l, value);
		break;
	case REG_ESR:
		l->regs[REG_ESR] = l->esr_pending;
		l->esr_pending = 0;
		break;
	case REG_ICR:
		icr_write(l, (u64)l->regs[REG_ICR2] << 32 | value);
		break;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		lvt_write(l, reg, value);
		break;
	case REG_TMICT:
		lapic_timer_set_initial(l, value);
		break;
	case REG_TDCR:
		lapic_timer_set_divide(l, value);
		break;
	case REG_SELF_IPI:
		lapic_send(l, ICR_SELF | value);
		break;
	default:
		l->regs[reg % LAPIC_NR_REGS] = value;
	}
}

/* --- x2APIC: MSRs ------------------------------------------------------- */

static bool x2_may(const struct lapic *l, unsigned int reg, u8 access)
{
	return lapic_is_x2(l) && (reg_rule(reg)->access & access);
}

static u64 x2_read(struct lapic *l, unsigned int reg)
{
	u64 value;

	if (!x2_may(l, reg, MR)) {
		l->effects.flags |= LAPIC_GP;
		return 0;
	}
	value = reg_read(l, reg);
	if (reg == REG_ICR)
		value |= (u64)l->regs[REG_ICR2] << 32;
	return value;
}

static bool x2_value_valid(const struct lapic *l, unsigned int reg, u64 value)
{
	u32 bits = reg_bits(&l->config, reg) | reg_rule(reg)->dropped;

	if ((u32)value & ~bits)
		return false;
	if (reg == REG_LVT_TIMER && (value & LVT_TIMER_RESERVED) == LVT_TIMER_RESERVED)
		return false;
	return reg == REG_ICR || !(value >> 32);
}

static void x2_write(struct lapic *l, unsigned int reg, u64 value)
{
	if (!x2_may(l, reg, MW) || !x2_value_valid(l, reg, value)) {
		l->effects.flags |= LAPIC_GP;
		return;
	}
	value &= ~(u64)reg_rule(reg)->dropped;
	if (reg == REG_ICR)
		icr_write(l, value);
	else
		reg_write(l, reg, value);
}

/**
 * lapic_msr_read() - RDMSR of an MSR for which lapic_owns_msr()
 * @l: the local APIC
 * @msr: index
 *
 * Return: the value.
 */
u64 lapic_msr_read(struct lapic *l, u32 msr)
{
	switch (msr) {
	case LAPIC_MSR_BASE:
		if (l->config.present)
			return l->base;
		break;
	case LAPIC_MSR_DEADLINE:
		if (l->config.tsc_khz)
			return lapic_timer_deadline(l);
		break;
	case LAPIC_MSR_X2_FIRST ... LAPIC_MSR_X2_LAST:
		return x2_read(l, msr - LAPIC_MSR_X2_FIRST);
	}
	l->effects.flags |= LAPIC_GP;
	return 0;
}

/**
 * lapic_msr_write() - WRMSR of an MSR for which lapic_owns_msr()
 * @l: the local APIC
 * @msr: index
 * @value: value to write
 */
void lapic_msr_write(struct lapic *l, u32 msr, u64 value)
{
	switch (msr) {
	case LAPIC_MSR_BASE:
		if (!l->config.present)
			break;
		base_write(l, value);
		return;
	case LAPIC_MSR_DEADLINE:
		if (!l->config.tsc_khz)
			break;
		lapic_timer_set_deadline(l, value);
		return;
	case LAPIC_MSR_X2_FIRST ... LAPIC_MSR_X2_LAST:
		x2_write(l, msr - LAPIC_MSR_X2_FIRST, value);
		return;
	}
	l->effects.flags |= LAPIC_GP;
}

/* --- xAPIC: the page ---------------------------------------------------- */

/**
 * lapic_mmio_hit() - whether an access goes to the register page
 * @l: the local APIC
 * @gpa: guest-physical address; its page offset is what lapic_mmio_read() and
 *	lapic_mmio_write() take
 */
bool lapic_mmio_hit(const struct lapic *l, u64 gpa)
{
	return lapic_has_page(l) && (gpa & BASE_ADDRESS) == (l->base & BASE_ADDRESS);
}

/* The register exists if it is readable or writable. If not, log an error for the guest. */
static bool mmio_exists(struct lapic *l, unsigned int offset)
{
	if (offset < LAPIC_NR_REGS * 16 && (reg_rule(offset / 16)->access & XRW))
		return true;
	lapic_error(l, ESR_ILLEGAL_REG);
	return false;
}

/**
 * lapic_mmio_read() - the guest reads from the register page
 * @l: the local APIC
 * @offset: page offset
 * @len: bytes, 1 to 8
 *
 * A register has four bytes; the 12 bytes after it read as zero. Partial reads work.
 *
 * Return: the value, zero-extended.
 */
u64 lapic_mmio_read(struct lapic *l, unsigned int offset, unsigned int len)
{
	unsigned int reg = offset / 16, byte = offset % 16;
	u64 value;

	if (!mmio_exists(l, offset) || byte > 3)
		return 0;
	value = reg_rule(reg)->access & XR ? reg_read(l, reg) : 0;
	value >>= byte * 8;
	return len < 8 ? value & ((1ULL << len * 8) - 1) : value;
}

/**
 * lapic_mmio_write() - the guest writes to the register page
 * @l: the local APIC
 * @offset: page offset
 * @len: bytes, 1 to 8
 * @value: value; the low four bytes count
 *
 * Only a write of at least four bytes at the start of a register has an effect.
 */
void lapic_mmio_write(struct lapic *l, unsigned int offset, unsigned int len, u64 value)
{
	unsigned int reg = offset / 16;

	if (!mmio_exists(l, offset) || offset % 16 || len < 4)
		return;
	if (reg_rule(reg)->access & XW)
		reg_write(l, reg, value & (reg_bits(&l->config, reg) | reg_rule(reg)->kept));
}
