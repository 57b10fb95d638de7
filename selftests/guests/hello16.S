/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real mode: prints a line, the CPU's vendor as CPUID tells it, and powers
 * off. Expects DS, ES and SS at 0 and a stack below its load address.
 */
#include "guest.h"

	.code16
	.globl	_start
_start:
	cld
	mov	$greeting, %si
	call	put_string
	xor	%eax, %eax
	cpuid
	mov	%ebx, vendor
	mov	%edx, vendor + 4
	mov	%ecx, vendor + 8
	mov	$cpu, %si
	call	put_string
	jmp	power_off

#include "serial16.inc"

greeting:
	.asciz	"hello from real mode\n"
cpu:
	.ascii	"cpu vendor: "
vendor:
	.ascii	"????????????"
	.asciz	"\n"
