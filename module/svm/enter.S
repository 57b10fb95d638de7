/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: from CLGI to STGI, nothing but assembly.
 *
 * The only caller is run.c. Between the two VMLOADs GS is the guest's, so
 * there is no per-CPU data, no call and no return; %rsp is ours throughout
 * (VMRUN saves and restores it), and so is %rax right after the exit.
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
 * VERW with a memory operand and a valid selector overwrites what TSA and MDS
 * could leak. The kernel's own selector variable is not for every module.
 */
.macro CLEAR_BUFFERS
	ALTERNATIVE "jmp .Lno_verw", "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw	verw_selector(%rip)
.Lno_verw:
.endm

/*
 * The guest filled the return stack: overwrite all of it. FILL_RETURN_BUFFER makes
 * the same calls in a loop, which costs 47 instructions more.
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
 * @vmcb_pa: the VMCB
 * @host_pa: page that VMSAVE filled with the host's state on this CPU
 *
 * Interrupts are off on entry and on return. They are on, behind GIF, while
 * the guest runs: with V_INTR_MASKING the host's IF at VMRUN decides whether
 * a host interrupt ends the guest's turn.
 *
 * CLGI faults if SVM was turned off on this CPU (reboot, or a write to its
 * EFER through /dev/cpu/N/msr). Its fixup returns at once: interrupts must stay
 * off, since the guest's extended registers are loaded, and the exit code stays
 * what run.c put there.
 *
 * The other instructions have no fixup. With GIF clear no interrupt, NMI, INIT
 * or SMI is taken, so nobody can turn SVM off, and the addresses are pages of
 * the module's own. A fixup would not help either: between the two VMLOADs the
 * exception handler would run on the guest's GS.
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
	sti				/* far from VMRUN: its shadow would leak */
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

	/* Last before VMRUN: nothing of the host's after it. */
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
	/* Return predictions are the guest's too (Retbleed, SRSO). */
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT

	/* Nothing the guest left may be used, not even speculatively. */
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

	stgi				/* a pending NMI comes here, in our GS */
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
