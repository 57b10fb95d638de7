/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 32-bit protected mode: replaces the preset's segments by its own GDT, takes
 * a #UD through its own IDT, prints and ends with an exit code. The handler is
 * entered through a gate built at run time, since its address has to be split.
 */
#include "guest.h"

#define CODE_SELECTOR	0x18
#define DATA_SELECTOR	0x20
#define VECTOR_UD	6
#define INTERRUPT_GATE	0x8e00
#define UD2_LENGTH	2
#define EXIT_CODE	0x20

	.code32
	.globl	_start
_start:
	cld
	lgdt	gdt_pointer
	ljmp	$CODE_SELECTOR, $1f
1:	mov	$DATA_SELECTOR, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$greeting, %esi
	call	put_string

	mov	$on_ud, %eax
	mov	%ax, idt + 8 * VECTOR_UD
	movw	$CODE_SELECTOR, idt + 8 * VECTOR_UD + 2
	movw	$INTERRUPT_GATE, idt + 8 * VECTOR_UD + 4
	shr	$16, %eax
	mov	%ax, idt + 8 * VECTOR_UD + 6
	lidt	idt_pointer
	ud2
	mov	$back, %esi
	call	put_string

	mov	$PORT_EXIT, %edx
	mov	$EXIT_CODE, %eax
	out	%eax, %dx
	hlt

on_ud:
	pusha
	mov	$caught, %esi
	call	put_string
	popa
	addl	$UD2_LENGTH, (%esp)
	iret

/* the string at %esi up to a zero byte; changes %eax, %edx and %esi */
put_string:
	lodsb
	test	%al, %al
	jz	2f
	mov	%al, %ah
	mov	$PORT_LSR, %edx
1:	in	%dx, %al
	test	$LSR_EMPTY, %al
	jz	1b
	mov	%ah, %al
	mov	$PORT_SERIAL, %edx
	out	%al, %dx
	jmp	put_string
2:	ret

greeting:
	.asciz	"hello from protected mode\n"
caught:
	.asciz	"caught #UD\n"
back:
	.asciz	"back behind the instruction\n"

	.balign	8
gdt:
	.quad	0, 0, 0
	.quad	0x00cf9b000000ffff	/* code: flat, readable, accessed */
	.quad	0x00cf93000000ffff	/* data: flat, writable, accessed */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
idt:
	.fill	VECTOR_UD + 1, 8, 0
idt_pointer:
	.word	idt_pointer - idt - 1
	.long	idt
