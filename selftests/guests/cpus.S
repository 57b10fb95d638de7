/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with several CPUs, all in real mode, with x2APICs. The byte at 0x500 selects what
 * it does, see the comments at actions; a test loads it there. CPU 0 starts others by INIT
 * and STARTUP.
 */
#define SCENARIO	0x500
#define STUB		0x7000		/* where a STARTUP with vector 7 starts */
#define STACKS		0x6000		/* CPU n has the 256 bytes below STACKS - n * 256 */
#define IVT_NMI		(2 * 4)

#define PORT_EXIT	0xf4
#define PORT_DEBUG	0x402
#define PORT_NONE	0x80

#define MSR_APIC_BASE	0x1b
#define X2APIC_ENABLED	0xc00
#define MSR_ID		0x802
#define MSR_ICR		0x830
#define SEND_INIT	0x4500
#define SEND_STARTUP	(0x4600 | STUB >> 12)
#define SEND_NMI	0x4400

	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7c00, %sp
	cld
	movw $stub, %si
	movw $STUB, %di
	movw $5, %cx
	rep movsb
	movw $nmi, IVT_NMI
	movw %ax, IVT_NMI + 2
	movl $1, %eax
	cpuid
	shrl $16, %ebx
	movb %bl, cpus
	call x2apic
	movzbw SCENARIO, %bx
	shlw $2, %bx
	jmp *actions(%bx)

stub:
	ljmp $0, $other

/* CPUs that have been started */
other:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $STACKS, %sp
	call x2apic
	movw %si, %ax
	shlw $8, %ax
	subw %ax, %sp
	movzbw SCENARIO, %bx
	shlw $2, %bx
	jmp *actions + 2(%bx)

/* what CPU 0 and the others do */
actions:
	.word all_report, report_and_halt	/* 0: each prints a line */
	.word start1, exits			/* 1: CPU 1 ends with code 7 */
	.word start1, faults			/* 2: CPU 1 triple-faults */
	.word start1, delay_and_halt		/* 3: all halt */
	.word wakes, halt			/* 4: an NMI ends a HLT of CPU 1 */
	.word all_spin, spin			/* 5: none ends */
	.word start1, relay			/* 6: CPU 1 starts CPU 2, which ends with 11 */
	.word all_flood, flood			/* 7: all make exits, none ends */

/* SI: the APIC ID */
x2apic:
	movl $MSR_APIC_BASE, %ecx
	rdmsr
	orw $X2APIC_ENABLED, %ax
	wrmsr
	movl $MSR_ID, %ecx
	rdmsr
	movw %ax, %si
	ret

/* EDX: the CPU */
start:
	movl $MSR_ICR, %ecx
	movl $SEND_INIT, %eax
	wrmsr
	movl $SEND_STARTUP, %eax
	wrmsr
	ret

start_all:
	movl $1, %edx
1:	cmpb cpus, %dl
	jae 2f
	call start
	incl %edx
	jmp 1b
2:	ret

/* time for the other CPUs: 2,000 exits */
delay:
	movw $2000, %cx
1:	inb $PORT_NONE, %al
	loop 1b
	ret

put:
	movw $PORT_DEBUG, %dx
	outb %al, %dx
	ret

/* "cpu XX", under a lock */
report:
	movb $1, %al
1:	pause
	xchgb %al, locked
	testb %al, %al
	jnz 1b
	movw $text, %bx
2:	movb (%bx), %al
	testb %al, %al
	jz 3f
	call put
	incw %bx
	jmp 2b
3:	movw %si, %bx
	shrw $4, %bx
	movb digits(%bx), %al
	call put
	movw %si, %bx
	andw $15, %bx
	movb digits(%bx), %al
	call put
	movb $'\n', %al
	call put
	incb count
	movb $0, locked
	ret

all_report:
	call start_all
	call report
1:	pause
	movb count, %al
	cmpb cpus, %al
	jne 1b
	outb %al, $PORT_EXIT
report_and_halt:
	call report
halt:
	movb $1, ready
	cli
1:	hlt
	jmp 1b

start1:
	movl $1, %edx
	call start
	jmp halt

exits:
	movb $7, %al
	outb %al, $PORT_EXIT

faults:
	lidt no_idt
	ud2

delay_and_halt:
	call delay
	jmp halt

wakes:
	movl $1, %edx
	call start
1:	pause
	cmpb $0, ready
	je 1b
	call delay
	movl $MSR_ICR, %ecx
	movl $1, %edx
	movl $SEND_NMI, %eax
	wrmsr
	cli
	hlt

nmi:
	movb $9, %al
	outb %al, $PORT_EXIT

relay:
	call delay
	cmpw $2, %si
	je 1f
	movl $2, %edx
	call start
	jmp halt
1:	movb $11, %al
	outb %al, $PORT_EXIT

all_spin:
	call start_all
	movb $'\n', %al
	call put
spin:
	sti
1:	pause
	jmp 1b

all_flood:
	call start_all
flood:
	inb $PORT_NONE, %al
	jmp flood

cpus:	.byte 0
count:	.byte 0
locked:	.byte 0
ready:	.byte 0
no_idt:	.word 0
	.long 0
digits:	.ascii "0123456789abcdef"
text:	.asciz "cpu "
