/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry of hello64: turns SSE on, calls guest_main() and halts.
 */

#define CR0_MP		0x2
#define CR0_EM		0x4
#define CR4_OSFXSR	0x200
#define CR4_OSXMMEXCPT	0x400

	.globl	_start
_start:
	mov	%cr0, %rax
	and	$~CR0_EM, %rax
	or	$CR0_MP, %rax
	mov	%rax, %cr0
	mov	%cr4, %rax
	or	$CR4_OSFXSR | CR4_OSXMMEXCPT, %rax
	mov	%rax, %cr4
	and	$~0xf, %rsp
	call	guest_main
	hlt

	.section .note.GNU-stack, "", @progbits
