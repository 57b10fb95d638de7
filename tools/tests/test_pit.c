// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254: counts and outputs in each mode, gates, access and latching of counts,
 * interrupts of channel 0 and their reinjection, port 0x61, restored and random states
 */
#include <string.h>

#include "pit.h"
#include "tap.h"

static __u64 clock_ns;

static __u64 test_clock(void *arg)
{
	(void)arg;
	return clock_ns;
}

/* Time passes in ticks, from a start that is no multiple of anything. */
#define START	1234567890123ULL

static __u64 ns_of(__u64 ticks)
{
	return (__u64)(((__uint128_t)ticks * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

static struct pit fresh(void)
{
	struct pit p = { .now = test_clock };

	clock_ns = START;
	pit_reset(&p);
	return p;
}

#define MODE(channel, access, mode)	((channel) << 6 | (access) << 4 | (mode) << 1)
#define LOW	1
#define HIGH	2
#define WORD	3
#define BCD	1

static void program(struct pit *p, unsigned int channel, unsigned int mode, __u16 count)
{
	pit_write(p, 0x43, MODE(channel, WORD, mode));
	pit_write(p, 0x40 + channel, count);
	pit_write(p, 0x40 + channel, count >> 8);
}

static void program_bcd(struct pit *p, unsigned int channel, unsigned int mode, __u16 count)
{
	pit_write(p, 0x43, MODE(channel, WORD, mode) | BCD);
	pit_write(p, 0x40 + channel, count);
	pit_write(p, 0x40 + channel, count >> 8);
}

static __u16 read_word(struct pit *p, unsigned int channel)
{
	__u8 low = pit_read(p, 0x40 + channel);

	return pit_read(p, 0x40 + channel) << 8 | low;
}

static __u8 status(struct pit *p, unsigned int channel)
{
	pit_write(p, 0x43, 0xe0 | 2 << channel);
	return pit_read(p, 0x40 + channel);
}

static bool out(struct pit *p, unsigned int channel)
{
	return status(p, channel) & 0x80;
}

/* What channel 2 with its gate high shows @ticks after it was started */
static void test_counting(void)
{
	static const struct {
		__u8 mode, bcd;
		__u16 count;
		__u32 ticks;
		__u16 reads;
		bool out;
	} rows[] = {
		{ 0, 0, 100, 0, 100, false },	{ 0, 0, 100, 99, 1, false },
		{ 0, 0, 100, 100, 0, true },	{ 0, 0, 100, 101, 0xffff, true },
		{ 0, 0, 0, 1, 0xffff, false },	{ 0, 0, 0, 0xffff, 1, false },
		{ 0, 0, 0, 0x10000, 0, true },	{ 0, 1, 0x100, 1, 0x99, false },
		{ 0, 1, 0x100, 101, 0x9999, true }, { 0, 1, 0, 9999, 1, false },
		{ 0, 1, 0, 10000, 0, true },	{ 0, 1, 0x9999, 10000, 0x9999, true },
		{ 1, 0, 100, 0, 100, false },	{ 1, 0, 100, 99, 1, false },
		{ 1, 0, 100, 100, 0, true },	{ 1, 0, 100, 0x10065, 0xffff, true },
		{ 2, 0, 100, 0, 100, true },	{ 2, 0, 100, 98, 2, true },
		{ 2, 0, 100, 99, 1, false },	{ 2, 0, 100, 100, 100, true },
		{ 2, 0, 100, 1000099, 1, false }, { 2, 1, 0x1000, 1, 0x999, true },
		{ 2, 1, 0x1000, 2999, 1, false }, { 2, 0, 0, 0x10000, 0, true },
		{ 3, 0, 100, 0, 100, true },	{ 3, 0, 100, 49, 2, true },
		{ 3, 0, 100, 50, 100, false },	{ 3, 0, 100, 99, 2, false },
		{ 3, 0, 100, 100, 100, true },	{ 3, 0, 101, 0, 100, true },
		{ 3, 0, 101, 50, 0, true },	{ 3, 0, 101, 51, 100, false },
		{ 3, 0, 101, 100, 2, false },	{ 3, 0, 101, 101, 100, true },
		{ 3, 1, 0x20, 10, 0x20, false }, { 3, 0, 1, 5, 0, true },
		{ 4, 0, 100, 0, 100, true },	{ 4, 0, 100, 99, 1, true },
		{ 4, 0, 100, 100, 0, false },	{ 4, 0, 100, 101, 0xffff, true },
		{ 4, 1, 5, 6, 0x9999, true },
		{ 5, 0, 100, 0, 100, true },	{ 5, 0, 100, 100, 0, false },
		{ 5, 0, 100, 101, 0xffff, true },
		{ 6, 0, 100, 99, 1, false },	{ 7, 0, 100, 50, 100, false },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pit p = fresh();
		__u16 reads;
		bool is_out;

		(rows[i].bcd ? program_bcd : program)(&p, 2, rows[i].mode, rows[i].count);
		clock_ns = START + 777;
		pit_write(&p, 0x61, 1);
		clock_ns += ns_of(rows[i].ticks);
		reads = read_word(&p, 2);
		is_out = out(&p, 2);
		OK(reads == rows[i].reads && is_out == rows[i].out,
		   "mode %u, %s%x: after %u ticks %x, %s (%x)", rows[i].mode,
		   rows[i].bcd ? "BCD " : "0x", rows[i].count, rows[i].ticks, rows[i].reads,
		   rows[i].out ? "high" : "low", reads);
		OK(!!(pit_read(&p, 0x61) & 0x20) == is_out, "and in port 0x61");
		clock_ns--;
		OK(!rows[i].ticks || rows[i].count == 1 || read_word(&p, 2) != rows[i].reads,
		   "not a nanosecond earlier");
	}
}

static void test_gate(void)
{
	static const __u8 holds[] = { 0, 4 }, restarts[] = { 2, 3 }, triggered[] = { 1, 5 };
	struct pit p;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		p = fresh();
		pit_write(&p, 0x61, 1);
		program(&p, 2, holds[i], 1000);
		clock_ns += ns_of(300);
		pit_write(&p, 0x61, 0);
		clock_ns += ns_of(5000);
		OK(read_word(&p, 2) == 700 && out(&p, 2) == (holds[i] == 4),
		   "mode %u holds while the gate is low", holds[i]);
		pit_write(&p, 0x61, 0);
		clock_ns += ns_of(5000);
		pit_write(&p, 0x61, 1);
		clock_ns += ns_of(100);
		pit_write(&p, 0x61, 1);
		clock_ns += ns_of(100);
		OK(read_word(&p, 2) == 500, "and continues");
		p = fresh();
		program(&p, 2, holds[i], 1000);
		clock_ns += ns_of(5000);
		OK(read_word(&p, 2) == 1000, "a count that is loaded while it is low waits");
	}
	for (i = 0; i < 2; i++) {
		p = fresh();
		pit_write(&p, 0x61, 1);
		program(&p, 2, restarts[i], 1000);
		clock_ns += ns_of(restarts[i] == 2 ? 999 : 700);
		OK(!out(&p, 2), "mode %u: low", restarts[i]);
		pit_write(&p, 0x61, 0);
		OK(out(&p, 2), "high while the gate is low");
		clock_ns += ns_of(5000);
		OK(out(&p, 2) && read_word(&p, 2) == (restarts[i] == 2 ? 1 : 600), "stopped");
		pit_write(&p, 0x61, 1);
		OK(read_word(&p, 2) == 1000, "a rising gate restarts it");
	}
	for (i = 0; i < 2; i++) {
		p = fresh();
		program(&p, 2, triggered[i], 1000);
		clock_ns += ns_of(5000);
		OK(out(&p, 2), "mode %u waits for the gate", triggered[i]);
		pit_write(&p, 0x61, 1);
		clock_ns += ns_of(300);
		pit_write(&p, 0x61, 0);
		clock_ns += ns_of(300);
		OK(read_word(&p, 2) == 400 && out(&p, 2) == (triggered[i] == 5),
		   "and ignores its fall");
		pit_write(&p, 0x42, 0xd0);
		pit_write(&p, 0x42, 0x07);
		OK(read_word(&p, 2) == 400, "a new count");
		pit_write(&p, 0x61, 1);
		OK(read_word(&p, 2) == 2000, "starts with the next trigger");
	}
}

static void test_missing(void)
{
	struct pit p = fresh();
	unsigned int mode;

	for (mode = 0; mode < 6; mode++) {
		pit_write(&p, 0x61, 0);
		program(&p, 2, 0, 10);
		pit_write(&p, 0x43, MODE(2, WORD, mode));
		pit_write(&p, 0x61, 1);
		clock_ns += ns_of(20);
		OK(status(&p, 2) == ((mode ? 0xf0 : 0x70) | mode << 1),
		   "mode %u without a count", mode);
		pit_write(&p, 0x42, 0x05);
		OK(status(&p, 2) & 0x40, "half of one is not enough");
		pit_write(&p, 0x42, 0x00);
		OK(!(status(&p, 2) & 0x40), "the second byte completes it");
	}
	program(&p, 2, 0, 10);
	clock_ns += ns_of(20);
	OK(out(&p, 2), "mode 0 has ended");
	pit_write(&p, 0x42, 0x30);
	clock_ns += ns_of(20);
	OK(!out(&p, 2) && status(&p, 2) & 0x40, "the first byte of a count stops it");
	program(&p, 2, 2, 1000);
	clock_ns += ns_of(10);
	pit_write(&p, 0x42, 0x30);
	OK(read_word(&p, 2) == 990, "not in other modes");
}

static void test_access(void)
{
	struct pit p = fresh();

	pit_write(&p, 0x43, MODE(1, LOW, 2));
	pit_write(&p, 0x41, 0x80);
	clock_ns += ns_of(1);
	OK(pit_read(&p, 0x41) == 0x7f && pit_read(&p, 0x41) == 0x7f, "low byte only");
	pit_write(&p, 0x43, MODE(1, HIGH, 2));
	pit_write(&p, 0x41, 0x80);
	clock_ns += ns_of(1);
	OK(pit_read(&p, 0x41) == 0x7f && pit_read(&p, 0x41) == 0x7f, "high byte only");
	OK(p.channels[1].regs.count == 0x8000, "the other byte is 0");
	pit_write(&p, 0x41, 0x70);
	OK(p.channels[1].regs.count == 0x7000, "each write is a count");
	program(&p, 1, 2, 0x1234);
	OK(pit_read(&p, 0x41) == 0x34 && pit_read(&p, 0x41) == 0x12 && pit_read(&p, 0x41) == 0x34,
	   "both, in turn");
	pit_write(&p, 0x43, MODE(1, WORD, 2));
	OK(pit_read(&p, 0x41) == 0x34, "a control word starts with the low byte");
	OK(pit_read(&p, 0x43) == 0 && pit_read(&p, 0x44) == 0, "the control word cannot be read");
	pit_write(&p, 0x43, MODE(1, WORD, 2));
	pit_write(&p, 0x41, 0);
	pit_write(&p, 0x41, 0);
	OK(p.channels[1].regs.count == 0x10000, "0 is the largest count");
}

static void test_latch(void)
{
	struct pit p = fresh();

	program(&p, 0, 2, 0x1234);
	clock_ns += ns_of(0x34);
	pit_write(&p, 0x43, 0x00);
	clock_ns += ns_of(0x100);
	pit_write(&p, 0x43, 0x00);
	OK(read_word(&p, 0) == 0x1200, "the first of two latches counts");
	OK(read_word(&p, 0) == 0x1100, "then the counter is read");
	pit_write(&p, 0x43, 0xc2);
	clock_ns += ns_of(1);
	OK(pit_read(&p, 0x40) == 0xb4, "read-back: status first");
	OK(read_word(&p, 0) == 0x1100 && read_word(&p, 0) == 0x10ff, "then the count");
	pit_write(&p, 0x43, 0xe2);
	program(&p, 0, 3, 0x1234);
	pit_write(&p, 0x43, 0xe2);
	OK(pit_read(&p, 0x40) == (0x80 | 0x34), "a latched status stays until it is read");
	pit_write(&p, 0x43, 0xd2);
	clock_ns += ns_of(10);
	OK(read_word(&p, 0) == 0x1234 && read_word(&p, 0) == 0x1220, "read-back of the count");
	program(&p, 1, 2, 500);
	program(&p, 2, 2, 600);
	pit_write(&p, 0x61, 1);
	pit_write(&p, 0x43, 0xdc);
	clock_ns += ns_of(50);
	OK(read_word(&p, 1) == 500 && read_word(&p, 2) == 600 && read_word(&p, 0) == 0x1234 - 120,
	   "of several channels");
	pit_write(&p, 0x43, 0x40);
	program(&p, 1, 2, 0x300);
	OK(read_word(&p, 1) == 0x300, "a control word ends the latching of a count");
	pit_write(&p, 0x43, MODE(1, HIGH, 2));
	pit_write(&p, 0x41, 0x55);
	pit_write(&p, 0x43, 0x40);
	clock_ns += ns_of(0x200);
	OK(pit_read(&p, 0x41) == 0x55 && pit_read(&p, 0x41) == 0x53, "of one byte, the high one");
	pit_write(&p, 0x43, MODE(1, LOW, 2));
	pit_write(&p, 0x41, 0x55);
	pit_write(&p, 0x43, 0x40);
	clock_ns += ns_of(2);
	OK(pit_read(&p, 0x41) == 0x55 && pit_read(&p, 0x41) == 0x53, "or the low one");
	program_bcd(&p, 1, 0, 0x1000);
	OK((status(&p, 1) & 0x7f) == 0x31, "the status has mode, access and BCD");
}

/* Time of the next interrupt, in ticks after START; it comes then and not before */
static __u64 next(struct pit *p)
{
	__u64 at = pit_next(p);
	bool early;

	if (at == PIT_NEVER)
		return PIT_NEVER;
	clock_ns = at - 1;
	early = pit_expire(p);
	clock_ns = at;
	if (early || !pit_expire(p) || pit_expire(p))
		return 0;
	pit_acknowledged(p);
	return (__u64)((__uint128_t)(at - START) * PIT_HZ / 1000000000);
}

static void test_interrupts(void)
{
	static const struct {
		__u8 mode;
		__u16 count;
		__u64 first, second;
	} rows[] = {
		{ 0, 1000, 1000, PIT_NEVER },	{ 0, 0, 0x10000, PIT_NEVER },
		{ 1, 1000, PIT_NEVER, PIT_NEVER }, { 2, 1000, 1000, 2000 },
		{ 2, 0, 0x10000, 0x20000 },	{ 3, 1001, 1001, 2002 },
		{ 4, 1000, 1000, PIT_NEVER },	{ 5, 1000, PIT_NEVER, PIT_NEVER },
		{ 2, 2, 239, 478 },		{ 3, 240, 240, 480 },
		{ 0, 2, 2, PIT_NEVER },
	};
	struct pit p = fresh();
	unsigned int i;

	OK(pit_next(&p) == PIT_NEVER && !pit_expire(&p), "none before it is programmed");
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		__u64 first, second;

		p = fresh();
		program(&p, 1, 2, 1000);
		program(&p, 0, rows[i].mode, rows[i].count);
		first = next(&p);
		second = next(&p);
		OK(first == rows[i].first && second == rows[i].second,
		   "mode %u, count %u: %lld, %lld", rows[i].mode, rows[i].count, first, second);
	}
	p = fresh();
	program_bcd(&p, 0, 2, 0x1000);
	OK(next(&p) == 1000, "BCD");
	pit_write(&p, 0x43, MODE(0, WORD, 2));
	OK(pit_next(&p) == PIT_NEVER, "a control word stops it");
	clock_ns = START;
	program(&p, 0, 2, 1193);
	p.ticks = 999999;
	OK(next(&p) == 1193000000, "no drift in a million periods");
	clock_ns = START;
	program(&p, 0, 2, 1000);
	p.ticks = 596590;
	OK(pit_next(&p) == START + 500000000000ULL, "nor where ticks and nanoseconds meet");
	program(&p, 0, 0, 1000);
	pit_write(&p, 0x40, 0x10);
	OK(pit_next(&p) == PIT_NEVER, "the first byte of a count stops mode 0");
}

static void test_reinject(void)
{
	struct pit p = fresh();

	program(&p, 0, 2, 1000);
	clock_ns = START + ns_of(1000);
	OK(pit_expire(&p) && !pit_expire(&p), "the first interrupt");
	clock_ns = START + ns_of(4000);
	OK(!pit_expire(&p) && p.pending == 4, "three more wait for its end");
	OK(pit_acknowledged(&p) && pit_acknowledged(&p) && pit_acknowledged(&p),
	   "and come one by one");
	OK(!pit_acknowledged(&p) && !p.pending, "until there are no more");
	clock_ns = START + ns_of(5000);
	OK(pit_expire(&p) && pit_next(&p) == START + ns_of(6000), "the next one");
	clock_ns = START + ns_of(7000);
	pit_expire(&p);
	pit_unmasked(&p);
	OK(!p.pending, "unmasking forgets what waits");
	clock_ns = START + ns_of(8000);
	OK(pit_expire(&p), "and waits for nothing");
	clock_ns = START + ns_of(9000);
	OK(!pit_expire(&p), "then again");
	program(&p, 0, 2, 1000);
	OK(!p.pending && p.acked && !p.ticks, "so does a new count");
	p.pending = 0xfffffffe;
	clock_ns += ns_of(10000);
	pit_expire(&p);
	OK(p.pending == 0xffffffff, "the number does not wrap");

	pit_set_reinject(&p, true);
	OK(p.pending, "no change, no effect");
	pit_set_reinject(&p, false);
	clock_ns += ns_of(1000);
	OK(pit_expire(&p) && !pit_expire(&p), "without reinjection");
	clock_ns += ns_of(3000);
	OK(pit_expire(&p) && !p.pending && !pit_acknowledged(&p), "late ones are merged");
	pit_set_reinject(&p, true);
	OK(p.acked, "with it again");
}

static void test_speaker(void)
{
	struct pit p = fresh();

	clock_ns = 0x4000;
	OK((pit_read(&p, 0x61) & 0x13) == 0x10, "refresh");
	clock_ns = 0x8000;
	OK((pit_read(&p, 0x61) & 0x13) == 0x00, "toggles");
	pit_write(&p, 0x61, 0xff);
	OK((pit_read(&p, 0x61) & 0xdf) == 0x03, "gate and data");
	OK(p.flags == KVM_PIT_FLAGS_SPEAKER_DATA_ON, "a flag");
	pit_write(&p, 0x61, 0x01);
	OK((pit_read(&p, 0x61) & 0xdf) == 0x01 && !p.flags, "off");
	p.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	pit_write(&p, 0x61, 2);
	OK(p.flags == (KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON),
	   "the other flag stays");
}

static void test_restore(void)
{
	struct kvm_pit_channel_state state[PIT_CHANNELS], again[PIT_CHANNELS];
	struct pit p = fresh(), q;
	unsigned int i;

	pit_save(&p, state);
	OK(state[0].mode == 0xff && state[0].count == 0x10000 && state[0].gate &&
	   state[1].gate && !state[2].gate, "as KVM creates it");
	program(&p, 0, 2, 1000);
	program_bcd(&p, 1, 0, 0x300);
	pit_write(&p, 0x61, 3);
	program(&p, 2, 3, 700);
	pit_write(&p, 0x43, 0xce);
	clock_ns += ns_of(150);
	pit_save(&p, state);
	q = fresh();
	clock_ns = START + 5000;
	pit_restore(&q, state, p.flags);
	pit_save(&q, again);
	for (i = 0; i < PIT_CHANNELS; i++) {
		OK(again[i].count_load_time == (__s64)clock_ns, "channel %u starts again", i);
		again[i].count_load_time = state[i].count_load_time;
	}
	OK(!memcmp(state, again, sizeof(state)) && q.flags == p.flags, "all else is restored");
	OK(pit_read(&q, 0x41) == (0x31 & 0x7f) && read_word(&q, 1) == 0x300 &&
	   read_word(&q, 1) == 0x300, "latches, too");
	OK(pit_next(&q) == clock_ns + ns_of(1000), "and interrupts");
	pit_restore(&q, state, KVM_PIT_FLAGS_HPET_LEGACY);
	clock_ns += ns_of(3000);
	OK(pit_next(&q) == PIT_NEVER && !pit_expire(&q), "not where the HPET has taken IRQ 0");
	state[0].count = 0;
	state[1].mode = 1;
	pit_restore(&q, state, 0);
	OK(q.channels[0].regs.count == 0x10000 && pit_next(&q) == clock_ns + ns_of(0x10000),
	   "0 is the largest count");
	OK(read_word(&q, 1) != 0 && q.channels[1].current == 300, "a mode that waits for its gate");
}

static __u32 rng(void)
{
	static __u32 x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

static void randomize(struct pit *p)
{
	struct kvm_pit_channel_state state[PIT_CHANNELS];
	unsigned int i;
	__u8 *bytes = (__u8 *)state;

	for (i = 0; i < sizeof(state); i++)
		bytes[i] = rng() & 1 ? rng() & 3 : rng();
	pit_restore(p, state, rng() & 3);
}

static bool sane(const struct pit *p)
{
	__u64 at = pit_next(p);
	unsigned int i;

	for (i = 0; i < PIT_CHANNELS; i++) {
		if (!p->channels[i].current)
			return false;
	}
	/* after pit_expire(), the next interrupt is in the future */
	return at > clock_ns;
}

static void test_random(void)
{
	struct pit p = fresh();
	unsigned int i, bad = 0, ticks = 0;

	for (i = 0; i < 300000; i++) {
		__u32 r = rng();
		__u16 port = r & 0x700 ? 0x40 + (r >> 12 & 3) : 0x61;

		if (!(r >> 20))
			randomize(&p);
		else if (r & 1)
			pit_write(&p, port, r >> 24);
		else
			pit_read(&p, port);
		if (r & 2)
			clock_ns += rng() >> (r >> 27);
		ticks += pit_expire(&p);
		if (r & 4)
			ticks += pit_acknowledged(&p);
		bad += !sane(&p);
	}
	OK(!bad, "random accesses and states keep all channels consistent");
	OK(ticks > 1000, "and cause interrupts");
}

int main(void)
{
	test_counting();
	test_gate();
	test_missing();
	test_access();
	test_latch();
	test_interrupts();
	test_reinject();
	test_speaker();
	test_restore();
	test_random();
	return tap_done();
}
