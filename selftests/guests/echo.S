/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real mode: sends back what the serial port receives, up to and with the
 * first newline, then powers off.
 */
#include "guest.h"

	.code16
	.globl	_start
_start:
	mov	$PORT_LSR, %dx
1:	in	%dx, %al
	test	$LSR_READY, %al
	jz	1b
	mov	$PORT_SERIAL, %dx
	in	%dx, %al
	mov	%al, %bl
	call	put_char
	cmp	$'\n', %bl
	jne	_start
	jmp	power_off

#include "serial16.inc"
