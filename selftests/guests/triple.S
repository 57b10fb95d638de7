/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real mode: an interrupt when the IDT holds nothing, so that neither it nor
 * the faults it causes can be delivered.
 */
#include "guest.h"

	.code16
	.globl	_start
_start:
	cld
	mov	$greeting, %si
	call	put_string
	lidt	empty
	int	$3
	/* not reached: a CPU that gets here did not shut down */
	jmp	power_off

#include "serial16.inc"

greeting:
	.asciz	"about to triple-fault\n"
empty:
	.word	0
	.long	0
