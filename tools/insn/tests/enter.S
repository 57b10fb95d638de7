/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of libsvmvcpu-insn: into a single instruction and out again, with every
 * register loaded before and stored after. For native.c, which owns the context.
 *
 * The context is addressed absolutely, so none of this needs a register of its
 * own; the offsets are those of struct context there.
 */
#include "native.h"

#define AT(offset)	(NATIVE_CTX + offset)

	.text

/* Everything but RSP, which it leaves as the caller had it. */
load_state:
	popq	AT(168)
	pushq	AT(128)
	popfq
	movq	AT(0), %rax
	movq	AT(8), %rcx
	movq	AT(16), %rdx
	movq	AT(24), %rbx
	movq	AT(40), %rbp
	movq	AT(48), %rsi
	movq	AT(56), %rdi
	movq	AT(64), %r8
	movq	AT(72), %r9
	movq	AT(80), %r10
	movq	AT(88), %r11
	movq	AT(96), %r12
	movq	AT(104), %r13
	movq	AT(112), %r14
	movq	AT(120), %r15
	jmp	*AT(168)

	.globl	native_enter
native_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, AT(136)
	call	load_state
	movq	AT(32), %rsp
	jmp	*AT(144)

	.globl	native_enter32
native_enter32:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, AT(136)
	movw	%ss, %ax	/* 32-bit code needs real data segments */
	movw	%ax, %ds
	movw	%ax, %es
	call	load_state
	movq	AT(32), %rsp
	ljmp	*AT(160)

/* Where the code goes on behind the instruction. */
	.globl	native_leave
native_leave:
	movq	%rax, AT(0)
	movq	%rcx, AT(8)
	movq	%rdx, AT(16)
	movq	%rbx, AT(24)
	movq	%rsp, AT(32)
	movq	%rbp, AT(40)
	movq	%rsi, AT(48)
	movq	%rdi, AT(56)
	movq	%r8, AT(64)
	movq	%r9, AT(72)
	movq	%r10, AT(80)
	movq	%r11, AT(88)
	movq	%r12, AT(96)
	movq	%r13, AT(104)
	movq	%r14, AT(112)
	movq	%r15, AT(120)
	movq	AT(136), %rsp
	pushfq
	popq	AT(128)
	cld
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
