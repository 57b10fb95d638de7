// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer. It does no work as time passes: count and output of a channel are computed
 * from the time at which its current sequence started.
 */
#include "pit.h"

#define NS_PER_SEC	1000000000ULL
#define MAX_COUNT	0x10000U	/* what a count of 0 means; 10000 if decimal */
#define PORT_CONTROL	3
#define NOT_PROGRAMMED	0xff		/* kvm_pit_channel_state.mode; counts as in mode 2 */

/* Ticks of the shortest period of interrupts, 200 us */
#define MIN_PERIOD	239U

/* control word */
#define CONTROL_CHANNEL(v)	((v) >> 6)
#define CONTROL_ACCESS(v)	((v) >> 4 & 3)
#define CONTROL_MODE(v)		((v) >> 1 & 7)
#define CONTROL_BCD		0x01
#define READ_BACK		3	/* in place of a channel */
#define NOT_COUNT		0x20
#define NOT_STATUS		0x10

#define STATUS_OUT		0x80
#define STATUS_MISSING		0x40

/* port 0x61 */
#define SPEAKER_GATE		0x01
#define SPEAKER_DATA		0x02
#define SPEAKER_REFRESH		0x10
#define SPEAKER_OUT		0x20
#define REFRESH_SHIFT		14	/* toggles about every 15 us */

/* kvm_pit_channel_state: rw_mode, read_state, write_state, count_latched */
enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_WORD, ACCESS_WORD_HIGH };

static __u64 to_ticks(__u64 ns)
{
	return ns / NS_PER_SEC * PIT_HZ + ns % NS_PER_SEC * PIT_HZ / NS_PER_SEC;
}

/* The first nanosecond at which @ticks have passed */
static __u64 to_ns(__u64 ticks)
{
	return ticks / PIT_HZ * NS_PER_SEC +
	       (ticks % PIT_HZ * NS_PER_SEC + PIT_HZ - 1) / PIT_HZ;
}

static __u64 now(const struct pit *p)
{
	return p->now(p->arg);
}

static __u32 from_bcd(__u32 bcd)
{
	__u32 value = 0, unit;

	for (unit = 1; bcd; bcd >>= 4, unit *= 10)
		value += (bcd & 0xf) * unit;
	return value;
}

static __u16 to_bcd(__u32 value)
{
	return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

/* Modes 1 and 5 start when the gate rises, and then ignore it. */
static bool is_triggered(const struct pit_channel *c)
{
	return c->regs.mode == 1 || c->regs.mode == 5;
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->regs.mode == 2 || c->regs.mode == 3 || c->regs.mode > 5;
}

static __u64 elapsed(const struct pit_channel *c, __u64 t)
{
	return to_ticks(c->running ? t - (__u64)c->regs.count_load_time : c->held);
}

static __u32 initial(const struct pit_channel *c)
{
	return c->regs.bcd ? from_bcd(c->regs.count) : c->regs.count;
}

static void start(struct pit_channel *c, __u64 t)
{
	c->current = initial(c);
	c->regs.count_load_time = t;
	c->running = true;
}

static void stop(struct pit_channel *c, __u64 held)
{
	c->held = held;
	c->running = false;
}

/* In mode 3 the counter goes down by two, twice in a period, from an even number. */
static __u32 square_count(__u32 period, __u64 ticks)
{
	__u32 phase = ticks % period, high = period - period / 2;

	return (period & ~1U) - 2 * (phase < high ? phase : phase - high);
}

static __u16 count_of(const struct pit_channel *c, __u64 t)
{
	__u64 d = elapsed(c, t);
	__u32 count;

	if (c->regs.mode == 3)
		count = square_count(c->current, d);
	else if (is_periodic(c))
		count = c->current - d % c->current;
	else if (c->regs.bcd)
		count = (c->current + 10000 - d % 10000) % 10000;
	else
		count = c->current - d;
	return c->regs.bcd ? to_bcd(count) : count;
}

static bool out_of(const struct pit_channel *c, __u64 t)
{
	__u64 d = elapsed(c, t);

	if (c->missing)
		return c->regs.mode != 0;
	switch (c->regs.mode) {
	case 0:
		return d >= c->current;
	case 1:
		return !c->running || d >= c->current;
	case 3:
		return !c->running || d % c->current < c->current - c->current / 2;
	case 4:
	case 5:
		return !c->running || d != c->current;
	}
	return !c->running || d % c->current != c->current - 1;
}

/* --- interrupts ------------------------------------------------------------- */

static __u64 tick_period(const struct pit_channel *c)
{
	return c->current > MIN_PERIOD ? c->current : MIN_PERIOD;
}

static bool is_ticking(const struct pit *p)
{
	return p->channels[0].running && !(p->flags & KVM_PIT_FLAGS_HPET_LEGACY) &&
	       p->channels[0].regs.mode <= 5;
}

__u64 pit_next(const struct pit *p)
{
	const struct pit_channel *c = &p->channels[0];
	__u64 ticks;

	if (!is_ticking(p))
		return PIT_NEVER;
	if (is_periodic(c))
		ticks = (p->ticks + 1) * tick_period(c);
	else if (!p->ticks)
		ticks = c->current;
	else
		return PIT_NEVER;
	return c->regs.count_load_time + to_ns(ticks);
}

static __u64 ticks_until(const struct pit *p, __u64 t)
{
	const struct pit_channel *c = &p->channels[0];
	__u64 d = elapsed(c, t);

	if (!is_ticking(p))
		return p->ticks;
	return is_periodic(c) ? d / tick_period(c) : d >= c->current;
}

static bool tick(struct pit *p)
{
	bool acked = p->acked;

	if (!p->reinject)
		return true;
	p->acked = false;
	return acked;
}

bool pit_expire(struct pit *p)
{
	__u64 ticks = ticks_until(p, now(p));
	__u64 fresh = ticks - p->ticks;

	p->ticks = ticks;
	if (!fresh)
		return false;
	if (p->reinject)
		p->pending = fresh < UINT32_MAX - p->pending ? p->pending + fresh : UINT32_MAX;
	return tick(p);
}

bool pit_acknowledged(struct pit *p)
{
	p->acked = true;
	if (!p->pending)
		return false;
	p->pending--;
	return p->pending && tick(p);
}

void pit_unmasked(struct pit *p)
{
	p->pending = 0;
	p->acked = true;
}

void pit_set_reinject(struct pit *p, bool reinject)
{
	if (p->reinject != reinject)
		pit_unmasked(p);
	p->reinject = reinject;
}

/* --- registers -------------------------------------------------------------- */

static void load(struct pit *p, unsigned int channel, __u32 count)
{
	struct pit_channel *c = &p->channels[channel];

	c->regs.count = count ? count : MAX_COUNT;
	c->missing = false;
	if (is_triggered(c))
		return;
	start(c, now(p));
	if (!c->regs.gate)
		stop(c, 0);
	if (channel == 0) {
		p->ticks = 0;
		pit_unmasked(p);
	}
}

static void set_gate(struct pit_channel *c, bool gate, __u64 t)
{
	bool rises = gate && !c->regs.gate, falls = !gate && c->regs.gate;

	c->regs.gate = gate;
	if (falls && c->running && !is_triggered(c))
		stop(c, t - (__u64)c->regs.count_load_time);
	if (!rises || c->missing)
		return;
	if (is_triggered(c) || is_periodic(c)) {
		start(c, t);
	} else {
		c->regs.count_load_time = t - c->held;
		c->running = true;
	}
}

static void latch_count(struct pit_channel *c, __u64 t)
{
	if (c->regs.count_latched)
		return;
	c->regs.latched_count = count_of(c, t);
	c->regs.count_latched = c->regs.rw_mode;
}

static void latch_status(struct pit_channel *c, __u64 t)
{
	if (c->regs.status_latched)
		return;
	c->regs.status = (out_of(c, t) ? STATUS_OUT : 0) | (c->missing ? STATUS_MISSING : 0) |
			 (c->regs.rw_mode & 3) << 4 | (c->regs.mode & 7) << 1 | !!c->regs.bcd;
	c->regs.status_latched = 1;
}

static void read_back(struct pit *p, __u8 command)
{
	unsigned int i;

	for (i = 0; i < PIT_CHANNELS; i++) {
		if (!(command & (2U << i)))
			continue;
		if (!(command & NOT_COUNT))
			latch_count(&p->channels[i], now(p));
		if (!(command & NOT_STATUS))
			latch_status(&p->channels[i], now(p));
	}
}

/* Modes 6 and 7 are 2 and 3. */
static void program(struct pit_channel *c, __u8 control)
{
	__u8 mode = CONTROL_MODE(control);

	c->regs.rw_mode = CONTROL_ACCESS(control);
	c->regs.read_state = c->regs.rw_mode;
	c->regs.write_state = c->regs.rw_mode;
	c->regs.mode = mode > 5 ? mode - 4 : mode;
	c->regs.bcd = control & CONTROL_BCD;
	c->regs.count_latched = 0;
	c->missing = true;
	stop(c, 0);
}

static void write_control(struct pit *p, __u8 value)
{
	unsigned int channel = CONTROL_CHANNEL(value);

	if (channel == READ_BACK)
		read_back(p, value);
	else if (CONTROL_ACCESS(value) == ACCESS_LATCH)
		latch_count(&p->channels[channel], now(p));
	else
		program(&p->channels[channel], value);
}

/* In mode 0 the first of two bytes stops the counter. */
static void write_low_of_word(struct pit_channel *c, __u8 value)
{
	c->regs.write_latch = value;
	c->regs.write_state = ACCESS_WORD_HIGH;
	if (c->regs.mode != 0)
		return;
	c->missing = true;
	stop(c, 0);
}

static void write_channel(struct pit *p, unsigned int channel, __u8 value)
{
	struct pit_channel *c = &p->channels[channel];

	switch (c->regs.write_state) {
	case ACCESS_HIGH:
		load(p, channel, value << 8);
		break;
	case ACCESS_WORD:
		write_low_of_word(c, value);
		break;
	case ACCESS_WORD_HIGH:
		c->regs.write_state = ACCESS_WORD;
		load(p, channel, c->regs.write_latch | value << 8);
		break;
	default:
		load(p, channel, value);
	}
}

static __u8 read_latched(struct kvm_pit_channel_state *r)
{
	__u8 access = r->count_latched;

	r->count_latched = access == ACCESS_WORD ? ACCESS_HIGH : 0;
	return access == ACCESS_HIGH ? r->latched_count >> 8 : r->latched_count;
}

static __u8 read_count(struct pit_channel *c, __u64 t)
{
	__u16 count = count_of(c, t);

	switch (c->regs.read_state) {
	case ACCESS_HIGH:
		return count >> 8;
	case ACCESS_WORD:
		c->regs.read_state = ACCESS_WORD_HIGH;
		return count;
	case ACCESS_WORD_HIGH:
		c->regs.read_state = ACCESS_WORD;
		return count >> 8;
	}
	return count;
}

static __u8 read_channel(struct pit *p, struct pit_channel *c)
{
	if (c->regs.status_latched) {
		c->regs.status_latched = 0;
		return c->regs.status;
	}
	if (c->regs.count_latched)
		return read_latched(&c->regs);
	return read_count(c, now(p));
}

static __u8 read_speaker(const struct pit *p)
{
	const struct pit_channel *c = &p->channels[2];
	__u64 t = now(p);

	return (c->regs.gate ? SPEAKER_GATE : 0) |
	       (p->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON ? SPEAKER_DATA : 0) |
	       (t >> REFRESH_SHIFT & 1 ? SPEAKER_REFRESH : 0) |
	       (out_of(c, t) ? SPEAKER_OUT : 0);
}

static void write_speaker(struct pit *p, __u8 value)
{
	p->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (value & SPEAKER_DATA)
		p->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	set_gate(&p->channels[2], value & SPEAKER_GATE, now(p));
}

__u8 pit_read(struct pit *p, __u16 port)
{
	unsigned int channel = port - PIT_BASE;

	if (port == PIT_SPEAKER)
		return read_speaker(p);
	return channel < PIT_CHANNELS ? read_channel(p, &p->channels[channel]) : 0;
}

void pit_write(struct pit *p, __u16 port, __u8 value)
{
	unsigned int channel = port - PIT_BASE;

	if (port == PIT_SPEAKER)
		write_speaker(p, value);
	else if (channel == PORT_CONTROL)
		write_control(p, value);
	else if (channel < PIT_CHANNELS)
		write_channel(p, channel, value);
}

void pit_save(const struct pit *p, struct kvm_pit_channel_state state[PIT_CHANNELS])
{
	unsigned int i;

	for (i = 0; i < PIT_CHANNELS; i++)
		state[i] = p->channels[i].regs;
}

void pit_restore(struct pit *p, const struct kvm_pit_channel_state state[PIT_CHANNELS],
		 __u32 flags)
{
	unsigned int i;

	p->flags = flags;
	for (i = 0; i < PIT_CHANNELS; i++) {
		p->channels[i] = (struct pit_channel){ .regs = state[i] };
		load(p, i, state[i].count);
		p->channels[i].current = initial(&p->channels[i]);
	}
}

void pit_reset(struct pit *p)
{
	struct kvm_pit_channel_state state[PIT_CHANNELS] = { 0 };
	unsigned int i;

	for (i = 0; i < PIT_CHANNELS; i++) {
		state[i].mode = NOT_PROGRAMMED;
		state[i].gate = i != 2;
	}
	p->reinject = true;
	pit_restore(p, state, 0);
}
