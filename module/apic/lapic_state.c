// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saving and restoring the state of a local APIC.
 *
 * A restored state must be one that a guest can reach, or at least one that has no
 * effects that a guest could not cause. See lapic.h for the rules of calling.
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

static bool is_derived(unsigned int reg, bool x2)
{
	return reg == REG_APR || reg == REG_PPR || reg == REG_TMCCT || (x2 && reg == REG_LDR);
}

/* Restore one register. Returns false if bits are set that it cannot have. */
static bool reg_restore(struct lapic *l, unsigned int reg, u32 value)
{
	u32 bits = lapic_reg_state_bits(&l->config, reg);

	if (is_derived(reg, lapic_is_x2(l)))
		value = reg == REG_LDR ? lapic_x2_ldr(l->config.id) : 0;
	else if (lapic_is_x2(l) && reg == REG_ICR2)
		bits = ~0U;
	else if (lapic_is_x2(l) && reg == REG_ID)
		bits = value == l->config.id ? ~0U : 0;
	l->regs[reg] = value;
	return !(value & ~bits) || is_derived(reg, lapic_is_x2(l));
}

/* @same_mode: values that are the current ones need no check. Most registers are 0. */
static bool regs_restore(struct lapic *l, const struct svmvcpu_lapic *state, bool same_mode)
{
	unsigned int reg;

	for (reg = 0; reg < LAPIC_NR_REGS; reg++) {
		if (same_mode && state->regs[reg] == l->regs[reg])
			continue;
		if (!reg_restore(l, reg, state->regs[reg]))
			return false;
	}
	return true;
}

/* Vectors 0 to 15 are illegal and never set. */
static bool vectors_valid(const struct lapic *l)
{
	return !((l->regs[REG_ISR] | l->regs[REG_TMR] | l->regs[REG_IRR]) & 0xffff);
}

static bool fixed_bits_valid(const struct lapic *l)
{
	return l->regs[REG_VERSION] == LAPIC_VERSION &&
	       (l->regs[REG_DFR] & 0x0fffffff) == 0x0fffffff;
}

static bool lvt_valid(const struct lapic *l)
{
	unsigned int reg;

	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++) {
		if (!lapic_soft_enabled(l) && !(l->regs[reg] & LVT_MASKED))
			return false;
	}
	return !(l->regs[REG_LVT_LINT0] & LVT_REMOTE_IRR) || (l->regs[REG_LVT_LINT0] & MSG_LEVEL);
}

static bool timer_valid(const struct lapic *l, const struct svmvcpu_lapic *state)
{
	unsigned int mode = LVT_TIMER_MODE(l->regs[REG_LVT_TIMER]);

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
	return regs_restore(l, state, same_mode) && vectors_valid(l) &&
	       fixed_bits_valid(l) && lvt_valid(l) && timer_valid(l, state);
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
