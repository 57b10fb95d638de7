// SPDX-License-Identifier: GPL-2.0-only
/*
 * Breakpoints of a debugger: INT3 bytes that come and go, and debug registers.
 */
#include <errno.h>
#include <string.h>

#include "gdb_break.h"
#include "tap.h"

static struct gdb_breaks breaks;
static __u8 memory[64];

static void fresh(void)
{
	unsigned int i;

	memset(&breaks, 0, sizeof(breaks));
	for (i = 0; i < sizeof(memory); i++)
		memory[i] = i;
}

static void test_soft(void)
{
	__u8 buf[8];

	fresh();
	OK(!gdb_soft_insert(&breaks, 0x1010, memory + 16) && memory[16] == 0xcc, "a breakpoint");
	OK(!gdb_soft_insert(&breaks, 0x1010, memory + 16) && breaks.nr_soft == 1, "twice is once");
	OK(gdb_soft_at(&breaks, memory + 16) && !gdb_soft_at(&breaks, memory + 17), "it is known");
	gdb_soft_read(&breaks, memory + 14, buf, 8);
	OK(buf[2] == 16 && buf[0] == 14 && buf[7] == 21, "the debugger does not see it");
	gdb_soft_read(&breaks, memory + 17, buf, 1);
	OK(buf[0] == 17, "beside it");
	memset(buf, 0x90, sizeof(buf));
	gdb_soft_write(&breaks, memory + 14, buf, 8);
	OK(memory[14] == 0x90 && memory[16] == 0xcc && memory[21] == 0x90 && memory[22] == 22,
	   "and writes around it");
	gdb_soft_write(&breaks, memory + 8, buf, 8);
	gdb_soft_remove(&breaks, 0x1010);
	OK(memory[16] == 0x90 && !breaks.nr_soft, "what it wrote comes back");
	gdb_soft_remove(&breaks, 0x1010);
	OK(memory[16] == 0x90, "gone is gone");
}

static void test_aliases(void)
{
	fresh();
	gdb_soft_insert(&breaks, 0x1000, memory);
	gdb_soft_insert(&breaks, 0xffff1000, memory);
	OK(breaks.nr_soft == 2, "two addresses of one byte");
	gdb_soft_remove(&breaks, 0x1000);
	OK(memory[0] == 0xcc, "one is left");
	gdb_soft_remove(&breaks, 0xffff1000);
	OK(memory[0] == 0, "none");
	gdb_soft_insert(&breaks, 0x1000, memory + 1);
	gdb_soft_insert(&breaks, 0x1000, memory + 2);
	OK(breaks.nr_soft == 1 && memory[1] == 1 && memory[2] == 0xcc,
	   "the address is elsewhere now");
	memory[2] = 0x77;
	gdb_soft_remove(&breaks, 0x1000);
	OK(memory[2] == 0x77, "the guest has replaced the byte");
}

static void test_many(void)
{
	static __u8 many[GDB_SOFT_MAX + 1];
	unsigned int i, bad = 0;

	fresh();
	for (i = 0; i < GDB_SOFT_MAX; i++)
		bad += !!gdb_soft_insert(&breaks, i, many + i);
	OK(!bad, "as many as there is room for");
	OK(gdb_soft_insert(&breaks, i, many + i) == -ENOSPC && !many[i], "and no more");
	gdb_break_clear(&breaks);
	for (i = 0; i < GDB_SOFT_MAX; i++)
		bad += !!many[i];
	OK(!bad && !breaks.nr_soft, "all gone");
}

static void check_debug(const char *what, __u64 dr7, __u64 db0, __u64 db1)
{
	struct svmvcpu_set_debug d;

	gdb_break_debug(&breaks, &d);
	OK(d.flags == (dr7 ? SVMVCPU_DEBUG_BREAKPOINTS : 0) && d.dr7 == dr7 && d.db[0] == db0 &&
	   d.db[1] == db1, "%s: DR7 %#llx", what, d.dr7);
}

static void test_hard(void)
{
	fresh();
	OK(!gdb_hard_insert(&breaks, GDB_BREAK_HARD, 0x1003, 1, true), "a breakpoint");
	check_debug("execution", 0x1, 0x1003, 0);
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x2008, 8, true), "a watchpoint");
	check_debug("8 bytes", 0x00900005, 0x1003, 0x2008);
	OK(gdb_hard_hit(&breaks, 2)->type == GDB_WATCH_WRITE && !gdb_hard_hit(&breaks, 0xc) &&
	   gdb_hard_hit(&breaks, 0xffff0ff3)->type == GDB_BREAK_HARD, "which one was hit");
	gdb_hard_remove(&breaks, GDB_BREAK_HARD, 0x1003, 1);
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_ACCESS, 0x3000, 4, true), "another kind");
	check_debug("4 bytes", 0x009f0005, 0x3000, 0x2008);
	gdb_break_clear(&breaks);
	check_debug("none", 0, 0, 0);
}

static void test_pieces(void)
{
	fresh();
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x1001, 3, true), "not aligned");
	check_debug("1 and 2 bytes", 0x00510005, 0x1001, 0x1002);
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x1001, 3, true), "twice is once");
	OK(gdb_hard_hit(&breaks, 2)->linear == 0x1001, "its address is that of the whole");
	OK(gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x2000, 24, true) == -ENOSPC, "too large");
	check_debug("nothing of it stays", 0x00510005, 0x1001, 0x1002);
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x2000, 8, false) &&
	   breaks.hard[2].len == 4 && breaks.hard[3].len == 4, "4 bytes at most outside long mode");
	OK(gdb_hard_insert(&breaks, GDB_BREAK_HARD, 1, 1, true) == -ENOSPC, "no register is free");
	gdb_hard_remove(&breaks, GDB_WATCH_WRITE, 0x1001, 3);
	OK(!breaks.hard[0].used && !breaks.hard[1].used && breaks.hard[2].used, "removed");
	fresh();
	OK(gdb_hard_insert(&breaks, GDB_WATCH_READ, 0x1000, 4, true) == -EOPNOTSUPP, "reads alone");
	OK(gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 0x1000, 0, true) == -EINVAL, "no bytes");
	OK(gdb_hard_insert(&breaks, GDB_WATCH_WRITE, 1, ~0ULL, true) == -ENOSPC, "everything");
	OK(!gdb_hard_insert(&breaks, GDB_WATCH_WRITE, ~0ULL, 2, true), "around the end");
}

int main(void)
{
	test_soft();
	test_aliases();
	test_many();
	test_hard();
	test_pieces();
	return tap_done();
}
