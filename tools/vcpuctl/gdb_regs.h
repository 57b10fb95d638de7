/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the registers of a vCPU as GDB numbers them. Pure functions over tables: the
 * target description (XML), the block of all registers and each single register come
 * from the same rows.
 *
 * The program counter is a linear address, with the base of CS added: breakpoints and
 * memory accesses of the debugger are linear too.
 */
#ifndef VCPUCTL_GDB_REGS_H
#define VCPUCTL_GDB_REGS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/svmvcpu.h>

/* components of SET_STATE that hold registers of the tables */
#define GDB_COMPONENTS	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL | \
			 SVMVCPU_STATE_MSRS | SVMVCPU_STATE_XSTATE)

#define GDB_XSAVE_MAX	4096
#define GDB_REG_MAX	16	/* bytes of the largest register */

/* a vCPU's registers; @state.xstate is the address of @xsave */
struct gdb_cpu {
	struct svmvcpu_state state;
	__u8 xsave[GDB_XSAVE_MAX];
};

enum gdb_arch { GDB_I8086, GDB_I386, GDB_X86_64 };

/**
 * struct gdb_layout - what the debugger has been told
 * @arch: chosen when the debugger attaches; a 32-bit layout has the low halves
 * @described: the debugger reads target descriptions. If not, the registers are those
 *	that GDB knows without one
 */
struct gdb_layout {
	enum gdb_arch arch;
	bool described;
};

/* the code that the vCPU executes */
enum gdb_arch gdb_arch(const struct svmvcpu_state *state);

/* give the components that XSAVE left out their initial values; after each GET_STATE */
void gdb_xsave_complete(struct gdb_cpu *cpu);

__u64 gdb_pc(const struct svmvcpu_state *state);

unsigned int gdb_reg_count(const struct gdb_layout *l);
/* bytes of a register, 0 for a number beyond the last */
size_t gdb_reg_size(const struct gdb_layout *l, unsigned int nr);
void gdb_reg_read(const struct gdb_layout *l, const struct gdb_cpu *cpu, unsigned int nr,
		  void *bytes);
/* returns the SVMVCPU_STATE_* that have changed; 0 if the register had this value */
__u64 gdb_reg_write(const struct gdb_layout *l, struct gdb_cpu *cpu, unsigned int nr,
		    const void *bytes);

/* the target description; returns its length, which is @len or more if it did not fit */
size_t gdb_description(const struct gdb_layout *l, char *buf, size_t len);

#endif /* VCPUCTL_GDB_REGS_H */
