// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saving and restoring the state of a local APIC.
 *
 * SET_STATE accepts register pages of other implementations: a page with bits that are not
 * implemented here, with illegal vectors in IRR, or with LVT entries that are not masked
 * although SVR disables the APIC (QEMU sets LINT0 so at RESET, for the PIC). None of this
 * has an effect that a guest could not cause. See lapic.h for the rules of calling.
 */
#include "apic/lapic_reg.h"

#define LINT_PINS	3U
#define SIPI_PINS	(SVMVCPU_LAPIC_SIPI | 0xffU << SVMVCPU_LAPIC_SIPI_SHIFT)

/**
 * lapic_get_state() - save the state
 * @l: the local APIC
 * @state: out; the caller adds a waiting INIT and STARTUP
 */
void lapic_get_state(struct lapic *l, struct svmvcpu_lapic *state)
{
	u32 count = lapic_timer_count(l);
	unsigned int reg;

	memset(state, 0, sizeof(*state));
	state->base = l->base;
	state->tsc_deadline = l->tsc_deadline;
	if (lapic_timer_counts(l) && l->timer_due)
		state->timer_remaining = l->timer_due - l->now.ns;
	state->esr_pending = l->esr_pending;
	state->pins = l->pins;
	for (reg = 0; reg < LAPIC_NR_REGS; reg++)
		state->regs[reg] = l->regs[reg];
	state->regs[REG_APR] = lapic_apr(l);
	state->regs[REG_PPR] = lapic_ppr(l);
	state->regs[REG_TMCCT] = count;
}

/*
 * The value of a register after SET_STATE. Bits that the register does not have are dropped,
 * as in a write by the guest; what other state determines is computed.
 */
static u32 reg_value(const struct lapic *l, unsigned int reg, u32 value)
{
	switch (reg) {
	case REG_VERSION:
		return LAPIC_VERSION;
	case REG_APR:
	case REG_PPR:
	case REG_TMCCT:
		return 0;
	case REG_DFR:
		return value | LAPIC_DFR_ONES;
	}
	if (lapic_is_x2(l)) {
		if (reg == REG_LDR)
			return lapic_x2_ldr(l->config.id);
		if (reg == REG_ID || reg == REG_ICR2)
			return value;
	}
	return value & lapic_reg_state_bits(l, reg);
}

/* With @same_mode, registers that keep their value are skipped. Most are 0. */
static void regs_restore(struct lapic *l, const struct svmvcpu_lapic *state, bool same_mode)
{
	unsigned int reg;

	for (reg = 0; reg < LAPIC_NR_REGS; reg++)
		if (!same_mode || state->regs[reg] != l->regs[reg])
			l->regs[reg] = reg_value(l, reg, state->regs[reg]);
}

/* In x2APIC mode the ID cannot change. An ID in the format of the other mode is a mistake. */
static bool id_valid(const struct lapic *l, u32 id)
{
	return lapic_is_x2(l) ? id == l->config.id : id == l->regs[REG_ID];
}

static bool timer_valid(const struct lapic *l, const struct svmvcpu_lapic *state)
{
	unsigned int mode = LVT_TIMER_MODE(l->regs[REG_LVT_TIMER]);

	/* TSC-deadline mode may not exist. */
	if (mode != LVT_TIMER_MODE(state->regs[REG_LVT_TIMER]))
		return false;
	if (state->tsc_deadline && (mode != TIMER_DEADLINE || !lapic_is_enabled(l)))
		return false;
	if (!state->timer_remaining)
		return true;
	return lapic_is_enabled(l) && lapic_timer_counts(l) &&
	       l->regs[REG_TMICT] && state->timer_remaining <= lapic_timer_max(l);
}

/* There is no vector without a STARTUP. */
static bool pins_valid(u32 pins)
{
	if (pins & ~(LINT_PINS | SVMVCPU_LAPIC_INIT | SIPI_PINS))
		return false;
	return (pins & SVMVCPU_LAPIC_SIPI) || !(pins & SIPI_PINS);
}

/* Returns false for an impossible state. */
static bool state_restore(struct lapic *l, const struct svmvcpu_lapic *state)
{
	bool same_mode = !((l->base ^ state->base) & BASE_MODE);

	if (!lapic_base_valid(&l->config, state->base) ||
	    (state->esr_pending & ~(u32)ESR_BITS) || !pins_valid(state->pins))
		return false;
	l->base = state->base;
	l->tsc_deadline = state->tsc_deadline;
	l->esr_pending = state->esr_pending;
	l->pins = state->pins & LINT_PINS;
	regs_restore(l, state, same_mode);
	return id_valid(l, state->regs[REG_ID]) && timer_valid(l, state);
}

/**
 * lapic_state_valid() - whether lapic_set_state() can restore a state
 * @l: the local APIC
 * @state: untrusted, but stable
 */
bool lapic_state_valid(const struct lapic *l, const struct svmvcpu_lapic *state)
{
	struct lapic restored = *l;

	return state_restore(&restored, state);
}

/**
 * lapic_set_state() - restore the state
 * @l: the local APIC
 * @state: passed lapic_state_valid(); the caller takes a waiting STARTUP from it
 */
void lapic_set_state(struct lapic *l, const struct svmvcpu_lapic *state)
{
	state_restore(l, state);
	lapic_timer_restore(l, state->timer_remaining);
	l->effects.flags |= LAPIC_IRQ | LAPIC_TIMER;
	if (state->pins & SVMVCPU_LAPIC_INIT)
		l->effects.flags |= LAPIC_INIT;
	lapic_timer_expired(l);
}
