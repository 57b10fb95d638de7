/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 timer of a PC, and port 0x61, which controls the gate of channel 2. Channel 0
 * is at IRQ 0; the gates of channels 0 and 1 are always high.
 *
 * The registers of a channel have KVM's structure. As in KVM, a new count takes effect at
 * once in the periodic modes, too, and the interrupts of channel 0 are at least 200 us
 * apart. Where KVM differs from the data sheet, the data sheet is followed: gates stop
 * counting, counts may be decimal, modes 1 and 5 start with the gate only, OUT has the
 * data sheet's polarity, the status tells whether a count is missing, and a control word
 * ends the latching of a count.
 *
 * The caller serializes all calls. Times are nanoseconds of a clock that never goes back.
 */
#ifndef CHIPS_PIT_H
#define CHIPS_PIT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>
#include <linux/types.h>

#define PIT_BASE	0x40	/* ports: channels 0 to 2, control word */
#define PIT_PORTS	4
#define PIT_SPEAKER	0x61
#define PIT_CHANNELS	3
#define PIT_HZ		1193182ULL
#define PIT_NEVER	UINT64_MAX

/**
 * struct pit_channel - one of the three counters
 * @regs: registers; count_load_time is the time at which the current sequence started
 * @current: number of ticks of the current sequence
 * @held: while it does not count: time that it has counted
 * @running: it counts
 * @missing: no count was written since the control word
 */
struct pit_channel {
	struct kvm_pit_channel_state regs;
	__u32 current;
	__u64 held;
	bool running;
	bool missing;
};

/**
 * struct pit - the timer
 * @now: returns the time
 * @arg: argument of @now
 * @channels: the counters
 * @flags: KVM_PIT_FLAGS_*. With HPET_LEGACY, channel 0 causes no interrupts
 * @ticks: interrupts that channel 0 has requested in its current sequence
 * @pending: interrupts not acknowledged yet, with @reinject
 * @acked: the last interrupt was acknowledged
 * @reinject: an interrupt waits until the one before it was acknowledged, so that the
 *	guest sees each of them
 */
struct pit {
	__u64 (*now)(void *arg);
	void *arg;
	struct pit_channel channels[PIT_CHANNELS];
	__u32 flags;
	__u64 ticks;
	__u32 pending;
	bool acked;
	bool reinject;
};

void pit_reset(struct pit *p);
/* One byte at a port of PIT_BASE, or at PIT_SPEAKER */
__u8 pit_read(struct pit *p, __u16 port);
void pit_write(struct pit *p, __u16 port, __u8 value);

/*
 * The owner calls pit_expire() at pit_next(), which may be PIT_NEVER, and looks at
 * pit_next() again after each write and pit_restore(). If pit_expire() or
 * pit_acknowledged() returns true, the owner pulses IRQ 0.
 */
__u64 pit_next(const struct pit *p);
bool pit_expire(struct pit *p);
/* The guest has ended the interrupt of IRQ 0. */
bool pit_acknowledged(struct pit *p);
/* The guest has unmasked IRQ 0: earlier interrupts do not count. */
void pit_unmasked(struct pit *p);
void pit_set_reinject(struct pit *p, bool reinject);

/*
 * The registers as KVM_GET_PIT2 and KVM_SET_PIT2 have them. As in KVM, all channels
 * start with their full count when they are restored.
 */
void pit_save(const struct pit *p, struct kvm_pit_channel_state state[PIT_CHANNELS]);
void pit_restore(struct pit *p, const struct kvm_pit_channel_state state[PIT_CHANNELS],
		 __u32 flags);

#endif /* CHIPS_PIT_H */
