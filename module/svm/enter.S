/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch, called by run.c only.
 *
 * Between the two VMLOADs, the CPU has the guest's GS base, so this code does not access
 * per-CPU data, call or return. VMRUN saves %rsp and %rax and #VMEXIT restores them.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

/* Offsets into vcpu.gprs, hardware order; RAX and RSP are in the VMCB. */
#define GPR(n)	((n) * 8)
#define RCX	GPR(1)
#define RDX	GPR(2)
#define RBX	GPR(3)
#define RBP	GPR(5)
#define RSI	GPR(6)
#define RDI	GPR(7)

/*
 * VERW with a memory operand and a valid selector clears the buffers that TSA and MDS
 * leak. The kernel does not export its variable with the selector.
 */
.macro CLEAR_BUFFERS
	ALTERNATIVE "jmp .Lno_verw", "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw	verw_selector(%rip)
.Lno_verw:
.endm

/*
 * Overwrite the return stack, which the guest controls. FILL_RETURN_BUFFER executes the
 * same calls in a loop, which takes 47 more instructions.
 */
.macro FILL_RETURN_STACK
	ALTERNATIVE "jmp .Lno_fill", "", X86_FEATURE_RETPOLINE
	.rept	RSB_CLEAR_LOOPS
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	int3
1:
	.endr
	add	$(RSB_CLEAR_LOOPS * 8), %rsp
	lfence
.Lno_fill:
.endm

	.section .rodata
	.balign 2
verw_selector:
	.word	__KERNEL_DS

.section .noinstr.text, "ax"

/*
 * void svmvcpu_enter(u64 *gprs, u64 vmcb_pa, u64 host_pa)
 *
 * @gprs: guest registers in and out
 * @vmcb_pa: address of the VMCB
 * @host_pa: address of the page in which VMSAVE has saved the host state of this CPU
 *
 * Interrupts are off on entry and on return. While the guest runs, RFLAGS.IF of the host
 * is set, so that with V_INTR_MASKING a host interrupt causes an exit.
 *
 * CLGI faults if SVM was turned off on this CPU by a reboot or a write to EFER through
 * /dev/cpu/N/msr. The fixup returns with interrupts still off, because the guest's
 * extended registers are loaded, and leaves the exit code that run.c has stored.
 *
 * The other instructions need no fixup: while GIF is clear, no interrupt, NMI, INIT or SMI
 * is taken, so SVM cannot be turned off, and the addresses are those of pages that the
 * module has allocated. A fixup could not run anyway between the two VMLOADs: the
 * exception handler would use the guest's GS base.
 */
SYM_FUNC_START(svmvcpu_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdx			/* host_pa */
	push	%rdi			/* gprs */
	mov	%rsi, %rax

.Lclgi:
	clgi
	sti				/* not right before VMRUN: the guest would get its shadow */
	vmload	%rax

	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	RDI(%rdi), %rdi

	/* Last before VMRUN: no host data may be loaded after it. */
	CLEAR_BUFFERS

	vmrun	%rax
	cli
	vmsave	%rax

	pop	%rax			/* gprs */
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)

	pop	%rax			/* host_pa */
	vmload	%rax			/* FS, GS, TR, LDTR, syscall MSRs */

	FILL_RETURN_STACK		/* no RET before this */
	/* The guest has trained the predictions of returns, too (Retbleed, SRSO). */
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT

	/* Clear the values of the guest, so that they cannot be used speculatively. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	stgi				/* a pending NMI is taken here */
.Lout:
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lno_svm:
	add	$16, %rsp		/* gprs, host_pa */
	jmp	.Lout

	_ASM_EXTABLE(.Lclgi, .Lno_svm)
SYM_FUNC_END(svmvcpu_enter)
