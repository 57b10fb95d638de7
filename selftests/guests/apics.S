/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 32-bit protected mode: programs local APIC and I/O APIC by instructions that
 * read and write at once, and takes a level-triggered interrupt of the serial port
 * twice. The second one comes only if the I/O APIC hears of the EOI, which is an
 * XCHG. Ends with EXIT_CODE, or with the number of what failed.
 */
#include "guest.h"

#define CODE_SELECTOR	0x18
#define DATA_SELECTOR	0x20
#define INTERRUPT_GATE	0x8e00
#define EXIT_CODE	0x2a

#define LAPIC_TPR	0xfee00080
#define LAPIC_EOI	0xfee000b0
#define LAPIC_SVR	0xfee000f0
#define IOAPIC_INDEX	0xfec00000
#define IOAPIC_DATA	0xfec00010
#define ENTRY_SERIAL	0x18		/* pin 4, lower half */
#define LEVEL		0x8000
#define VECTOR		0x30

#define PORT_IER	0x3f9
#define IER_EMPTY	0x02		/* asserted as soon as it is enabled */
#define PORT_MCR	0x3fc
#define MCR_OUT2	0x08		/* lets interrupts out */

	.code32
	.globl	_start
_start:
	lgdt	gdt_pointer
	ljmp	$CODE_SELECTOR, $1f
1:	mov	$DATA_SELECTOR, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$on_serial, %eax
	mov	%ax, idt + 8 * VECTOR
	movw	$CODE_SELECTOR, idt + 8 * VECTOR + 2
	movw	$INTERRUPT_GATE, idt + 8 * VECTOR + 4
	shr	$16, %eax
	mov	%ax, idt + 8 * VECTOR + 6
	lidt	idt_pointer

	/* the local APIC: or, push and pop, bts, btr, test */
	mov	$1, %ecx
	orl	$0x100, LAPIC_SVR
	pushl	LAPIC_SVR
	popl	%eax
	cmp	$0x1ff, %eax
	jne	end
	inc	%ecx
	btsl	$5, LAPIC_TPR
	testl	$0x20, LAPIC_TPR
	jz	end
	inc	%ecx
	btrl	$5, LAPIC_TPR
	jnc	end
	cmpl	$0, LAPIC_TPR
	jne	end

	/* the I/O APIC: pin 4 to vector 0x30, by level */
	inc	%ecx
	mov	$ENTRY_SERIAL, %eax
	xchg	%eax, IOAPIC_INDEX
	mov	$LEVEL | VECTOR, %eax
	xchg	%eax, IOAPIC_DATA
	cmp	$0x10000, %eax
	jne	end
	inc	%ecx
	cmpl	$LEVEL | VECTOR, IOAPIC_DATA
	jne	end

	mov	$PORT_MCR, %edx
	mov	$MCR_OUT2, %eax
	out	%al, %dx
	mov	$PORT_IER, %edx
	mov	$IER_EMPTY, %eax
	out	%al, %dx
1:	sti
	hlt
	cmpl	$2, count
	jb	1b
	mov	$EXIT_CODE, %ecx
end:	mov	$PORT_EXIT, %edx
	mov	%ecx, %eax
	out	%eax, %dx
	hlt

on_serial:
	push	%eax
	push	%edx
	incl	count
	cmpl	$2, count
	jb	1f
	mov	$PORT_IER, %edx
	xor	%eax, %eax
	out	%al, %dx
1:	xor	%eax, %eax
	xchg	%eax, LAPIC_EOI
	pop	%edx
	pop	%eax
	iret

	.balign	8
gdt:	.quad	0, 0, 0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
idt_pointer:
	.word	8 * (VECTOR + 1) - 1
	.long	idt
count:	.long	0
	.balign	8
idt:	.fill	8 * (VECTOR + 1), 1, 0
