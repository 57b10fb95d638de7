/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: breakpoints of a debugger. Software breakpoints are INT3 bytes in the guest's
 * memory, which the debugger does not see there. Breakpoints and watchpoints of the
 * hardware take debug registers, which SVMVCPU_SET_DEBUG hides from the guest.
 *
 * The tables change only while no vCPU runs.
 */
#ifndef VCPUCTL_GDB_BREAK_H
#define VCPUCTL_GDB_BREAK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/svmvcpu.h>

#define GDB_SOFT_MAX	512
#define GDB_HARD_MAX	4

/* the numbers of the packets Z and z; x86 has no watchpoint for reads alone */
enum gdb_break_type {
	GDB_BREAK_SOFT, GDB_BREAK_HARD, GDB_WATCH_WRITE, GDB_WATCH_READ, GDB_WATCH_ACCESS,
};

/* an INT3 in place of a byte of the guest */
struct gdb_soft {
	__u64 linear;
	__u8 *at;
	__u8 saved;
};

/* a debug register, and the breakpoint of the debugger that it is a part of */
struct gdb_hard {
	bool used;
	enum gdb_break_type type;
	__u64 linear;
	__u64 bytes;
	__u64 address;	/* of this register */
	unsigned int len;
};

/* all zero: no breakpoints */
struct gdb_breaks {
	unsigned int nr_soft;
	struct gdb_soft soft[GDB_SOFT_MAX];
	struct gdb_hard hard[GDB_HARD_MAX];
};

/* @at: where @linear is in the VMM's memory. Return 0, also if it is there, or -ENOSPC */
int gdb_soft_insert(struct gdb_breaks *b, __u64 linear, __u8 *at);
void gdb_soft_remove(struct gdb_breaks *b, __u64 linear);
/* is an INT3 at @at one of these? */
bool gdb_soft_at(const struct gdb_breaks *b, const __u8 *at);

/* copy guest memory without the INT3 bytes, or around them */
void gdb_soft_read(const struct gdb_breaks *b, const __u8 *at, void *buf, size_t len);
void gdb_soft_write(struct gdb_breaks *b, __u8 *at, const void *buf, size_t len);

/**
 * gdb_hard_insert() - set a breakpoint or watchpoint in debug registers
 * @b: the tables
 * @type: not GDB_BREAK_SOFT
 * @linear: first address
 * @bytes: length; a breakpoint has 1
 * @wide: a register may watch 8 bytes, which takes long mode
 *
 * A watchpoint that is not aligned takes several registers.
 *
 * Return: 0, also if it is there; -EOPNOTSUPP for GDB_WATCH_READ; -EINVAL for no bytes;
 * -ENOSPC without enough free registers.
 */
int gdb_hard_insert(struct gdb_breaks *b, enum gdb_break_type type, __u64 linear, __u64 bytes,
		    bool wide);
void gdb_hard_remove(struct gdb_breaks *b, enum gdb_break_type type, __u64 linear, __u64 bytes);
/* the breakpoint that bits 0 to 3 of DR6 name, or NULL */
const struct gdb_hard *gdb_hard_hit(const struct gdb_breaks *b, __u64 dr6);

/* remove everything */
void gdb_break_clear(struct gdb_breaks *b);
/* what SVMVCPU_SET_DEBUG takes, without steps */
void gdb_break_debug(const struct gdb_breaks *b, struct svmvcpu_set_debug *debug);

#endif /* VCPUCTL_GDB_BREAK_H */
