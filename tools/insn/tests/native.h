/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of libsvmvcpu-insn: runs one instruction on the host CPU with chosen registers,
 * and captures the results.
 *
 * Uses three mappings at fixed low addresses, so that 32-bit addressing reaches them.
 * One thread at a time.
 */
#ifndef NATIVE_H
#define NATIVE_H

#define NATIVE_CTX	0x20000000
#define NATIVE_CODE	0x20001000
#define NATIVE_DATA	0x20010000
#define NATIVE_BYTES	0x4000		/* of data */
#define NATIVE_GS	0x12340		/* base of GS while an instruction runs */

#ifndef __ASSEMBLER__
#include <stdbool.h>

#include "insn/mode.h"

/**
 * struct native_state - registers before and after
 * @gprs: in hardware order; RSP can be anything
 * @rflags: status flags and DF
 */
struct native_state {
	u64 gprs[16];
	u64 rflags;
};

/* maps memory; returns 0 or the errno if the host refuses */
int native_init(void);
/* can the host run 32-bit code? */
bool native_has_32(void);
/* or does the CPU raise #UD? */
bool native_has_insn(const struct native_state *state, const u8 *bytes,
		     unsigned int len, bool long64);
/* executes @len bytes of code in 64-bit or in 32-bit mode */
void native_run(struct native_state *state, const u8 *bytes, unsigned int len,
		bool long64);

/* enter.S, for native.c */
void native_enter(void);
void native_enter32(void);
void native_leave(void);

#endif /* __ASSEMBLER__ */
#endif /* NATIVE_H */
