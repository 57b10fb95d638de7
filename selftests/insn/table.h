/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of insn_mmio.c as text, assembled for 16, 32 and 64-bit code, which
 * also name them in failures.
 *
 * X(flags, text): M is the operand in device memory, N one a little above it, with base
 * and index; O a plain address. A text may have prefixes on lines of their own.
 */
#ifndef SVMVCPU_INSN_TABLE_H
#define SVMVCPU_INSN_TABLE_H

/* Flags: which flags the manual leaves undefined, and contents of registers */
#define I_AF	0x01	/* AF is undefined */
#define I_BITS	0x02	/* so are all but CF */
#define I_STR	0x04	/* rSI, rDI and rCX are a string's */
#define I_EQ	0x08	/* every other time rAX equals the memory */
#define I_ADDR	0x10	/* the other address size */
#define I_OF	0x20	/* OF and AF are undefined */
#define I_PROD	0x40	/* all but CF and OF are */
#define I_SCAN	0x80	/* all but ZF are */
#define I_STACK	0x100	/* rSP points to the operand */
#define I_SSE	0x200	/* SSE registers count */

#define INSN_ARITH(X, op, fl, M, N)			\
	X(fl, op "b %al, " N)				\
	X(fl, op "b %ah, " M)				\
	X(fl, op "w %dx, " M)				\
	X(fl, op "l %eax, " N)				\
	X(fl, op "b " M ", %dh")			\
	X(fl, op "w " N ", %dx")			\
	X(fl, op "l " M ", %eax")			\
	X(fl, op "b $0x85, " M)				\
	X(fl, op "w $0x1234, " M)			\
	X(fl, op "l $0x89abcdef, " M)			\
	X(fl, op "l $-3, " N)

#define INSN_ARITH_LOCK(X, op, fl, M, N)		\
	INSN_ARITH(X, op, fl, M, N)			\
	X(fl, "lock " op "b %ah, " M)			\
	X(fl, "lock " op "l %edx, " M)

#define INSN_UNARY(X, op, M, N)				\
	X(0, op "b " M)					\
	X(0, op "w " N)					\
	X(0, op "l " M)					\
	X(0, "lock " op "l " M)

#define INSN_BITS(X, op, M, N)				\
	X(I_BITS, op "w %cx, " M)			\
	X(I_BITS, op "l %ecx, " M)			\
	X(I_BITS, op "w $13, " N)			\
	X(I_BITS, op "l $0xff, " M)

#define INSN_STRING(X, fl, op)				\
	X(fl, op "b")					\
	X(fl, op "w")					\
	X(fl, op "l")					\
	X(fl, "rep\n" op "b")				\
	X(fl, "rep\n" op "w")				\
	X(fl, "repne\n" op "l")

#define INSN_SHIFT(X, op, M, N)				\
	X(I_AF, op "b $1, " M)				\
	X(I_OF, op "w $5, " N)				\
	X(I_OF, op "l $29, " M)				\
	X(I_OF, op "b %cl, " M)				\
	X(I_OF, op "l %cl, " N)

#define INSN_PRODUCT(X, M, N)				\
	X(I_PROD, "mulb " M)				\
	X(I_PROD, "mull " N)				\
	X(I_PROD, "imulb " N)				\
	X(I_PROD, "imulw " M)				\
	X(I_PROD, "imulw " M ", %dx")			\
	X(I_PROD, "imull " N ", %edx")			\
	X(I_PROD, "imulw $-7, " M ", %dx")		\
	X(I_PROD, "imull $0x12345, " M ", %edx")

/* Others that firmware and kernels use */
#define INSN_MORE(X, M, N)				\
	INSN_SHIFT(X, "shl", M, N)			\
	INSN_SHIFT(X, "shr", M, N)			\
	INSN_SHIFT(X, "sar", M, N)			\
	INSN_SHIFT(X, "rol", M, N)			\
	INSN_SHIFT(X, "ror", M, N)			\
	INSN_SHIFT(X, "rcl", M, N)			\
	INSN_SHIFT(X, "rcr", M, N)			\
	INSN_PRODUCT(X, M, N)				\
	X(I_OF, "shldl $5, %edx, " M)			\
	X(I_OF, "shldw $9, %dx, " N)			\
	X(I_OF, "shrdl %cl, %edx, " N)			\
	X(I_OF, "shrdw $3, %dx, " M)			\
	X(I_SCAN, "bsfl " M ", %edx")			\
	X(I_SCAN, "bsrw " N ", %dx")			\
	X(0, "sete " M)					\
	X(0, "setg " N)					\
	X(0, "setnb " M)				\
	X(0, "cmovnel " M ", %edx")			\
	X(0, "cmovlw " N ", %dx")			\
	X(I_EQ, "cmpxchg8b " M)				\
	X(I_EQ, "lock cmpxchg8b " N)			\
	X(0, "smsww " M)				\
	X(0, "movw %fs, " N)				\
	X(0, "pushw " M)				\
	X(0, "popw " N)					\
	X(I_STACK, "pushw %dx")				\
	X(I_STACK, "popw %dx")				\
	X(I_STACK, "pushw $-5")

/* Instructions that real and virtual-8086 mode lack */
#define INSN_PROTECTED(X, M, N)				\
	X(0, "sldtw " M)				\
	X(0, "strw " N)					\
	X(0, "movnti %edx, " M)				\
	X(I_SSE, "movdqu " M ", %xmm3")			\
	X(I_SSE, "movdqu %xmm2, " N)			\
	X(I_SSE, "movups " N ", %xmm0")			\
	X(I_SSE, "movupd %xmm7, " M)			\
	X(I_SSE, "movd " M ", %xmm1")			\
	X(I_SSE, "movd %xmm4, " N)			\
	X(I_SSE, "movq " N ", %xmm5")			\
	X(I_SSE, "movq %xmm6, " M)			\
	X(I_SSE, "movss " M ", %xmm3")			\
	X(I_SSE, "movsd %xmm2, " M)			\
	X(I_SSE, "lddqu " N ", %xmm6")

#define INSN_COMMON(X, M, N, O)				\
	INSN_MORE(X, M, N)				\
	INSN_ARITH_LOCK(X, "add", 0, M, N)		\
	INSN_ARITH_LOCK(X, "or", I_AF, M, N)		\
	INSN_ARITH_LOCK(X, "adc", 0, M, N)		\
	INSN_ARITH_LOCK(X, "sbb", 0, M, N)		\
	INSN_ARITH_LOCK(X, "and", I_AF, M, N)		\
	INSN_ARITH_LOCK(X, "sub", 0, M, N)		\
	INSN_ARITH_LOCK(X, "xor", I_AF, M, N)		\
	INSN_ARITH(X, "cmp", 0, M, N)			\
	X(I_AF, "testb %ah, " M)			\
	X(I_AF, "testw %dx, " N)			\
	X(I_AF, "testl %eax, " M)			\
	X(I_AF, "testb $0x81, " M)			\
	X(I_AF, "testl $0x80000001, " M)		\
	INSN_UNARY(X, "inc", M, N)			\
	INSN_UNARY(X, "dec", M, N)			\
	INSN_UNARY(X, "not", M, N)			\
	INSN_UNARY(X, "neg", M, N)			\
	X(0, "xchgb %dh, " M)				\
	X(0, "xchgw %ax, " N)				\
	X(0, "xchgl %edx, " M)				\
	X(0, "lock xchgl %eax, " M)			\
	X(0, "xaddb %ah, " M)				\
	X(0, "xaddw %dx, " N)				\
	X(0, "lock xaddl %eax, " M)			\
	X(I_EQ, "cmpxchgb %dh, " M)			\
	X(I_EQ, "cmpxchgw %dx, " M)			\
	X(I_EQ, "cmpxchgl %edx, " M)			\
	X(I_EQ, "lock cmpxchgl %edx, " M)		\
	INSN_BITS(X, "bt", M, N)			\
	INSN_BITS(X, "bts", M, N)			\
	INSN_BITS(X, "btr", M, N)			\
	INSN_BITS(X, "btc", M, N)			\
	X(I_BITS, "lock btsl %ecx, " M)			\
	X(0, "movb %ah, " M)				\
	X(0, "movw %dx, " N)				\
	X(0, "movl %eax, " M)				\
	X(0, "movb " M ", %dh")				\
	X(0, "movw " M ", %dx")				\
	X(0, "movl " N ", %edx")			\
	X(0, "movb $0x77, " M)				\
	X(0, "movl $0x81234567, " M)			\
	X(0, "movzbl " M ", %eax")			\
	X(0, "movzwl " N ", %edx")			\
	X(0, "movsbw " N ", %dx")			\
	X(0, "movswl " M ", %eax")			\
	X(0, "movb " O ", %al")				\
	X(0, "movl %eax, " O)				\
	X(0, "fs\n addw %dx, " M)			\
	X(0, "fs\n movl %edx, " M)			\
	INSN_STRING(X, I_STR, "movs")			\
	INSN_STRING(X, I_STR, "stos")			\
	INSN_STRING(X, I_STR, "lods")			\
	INSN_STRING(X, I_STR, "cmps")			\
	INSN_STRING(X, I_STR | I_EQ, "scas")		\
	X(I_STR, "rep\n fs\n movsw")			\
	X(I_STR, "rep\n fs\n lodsb")

#define INSN_16(X)	INSN_COMMON(X, "(%bx)", "%ds:3(%bp)", "0x1801")		\
	X(I_ADDR, "addl %eax, 2(%ebx)")				\
	X(I_STACK, "pushw %ss")					\
	X(I_STACK, "pushl %edx")				\
	X(I_STACK, "call .+3")					\
	X(I_STACK, "leavew")					\
	X(I_ADDR, "notw (%ebx,%ecx,2)")				\
	X(I_ADDR, "movw %dx, -5(%ebx)")				\
	X(I_ADDR | I_STR, "rep\n .byte 0x67\n movsb")

#define INSN_32(X)	INSN_COMMON(X, "(%ebx)", "3(%ebp,%ecx,4)", "0x80801")	\
	INSN_PROTECTED(X, "(%ebx)", "3(%ebp,%ecx,4)")		\
	X(0, "pushl (%ebx)")					\
	X(0, "popl 3(%ebp,%ecx,4)")				\
	X(0, "popl (%ebx)")					\
	X(I_STACK, "pushl %edx")				\
	X(I_STACK, "pushl %esp")				\
	X(I_STACK, "pushl $0x12345678")				\
	X(I_STACK, "popl %ecx")					\
	X(I_STACK, "leavel")					\
	X(I_STACK, "call .+5")					\
	X(I_ADDR, "addl %eax, %gs:2(%bx)")			\
	X(I_ADDR, "xorw %dx, %gs:(%bp)")			\
	X(I_ADDR, "movl %edx, %gs:0x1234(%si)")

#define INSN_64(X)	INSN_COMMON(X, "(%rbx)", "3(%rbp,%rcx,4)", "0x80801")	\
	INSN_PROTECTED(X, "(%rbx)", "3(%rbp,%rcx,4)")		\
	X(0, "pushq (%rbx)")					\
	X(0, "popq (%rbx)")					\
	X(I_ADDR, "pushq 3(%ebx)")				\
	X(I_STACK, "pushq %rdx")				\
	X(I_STACK, "pushq %rsp")				\
	X(I_STACK, "pushq $-9")					\
	X(I_STACK, "popq %r10")					\
	X(I_STACK, "leaveq")					\
	X(I_STACK, "call .+5")					\
	X(0, "cmovsq (%rbx), %r9")				\
	X(I_PROD, "imulq (%rbx), %rdx")				\
	X(I_PROD, "mulq 8(%rbx)")				\
	X(I_OF, "shrdq $35, %r8, (%rbx)")			\
	X(I_OF, "rclq %cl, (%rbx)")				\
	X(I_SCAN, "bsrq (%rbx), %r11")				\
	X(0, "movnti %r8, (%rbx)")				\
	X(I_SSE, "movq (%rbx), %xmm12")				\
	X(I_SSE, "movdqu %xmm15, 5(%rbx)")			\
	X(0, "addq %rax, (%rbx)")				\
	X(0, "sbbq (%rbx), %rdx")				\
	X(0, "cmpq $-5, (%rbx)")				\
	X(I_AF, "lock orq %r9, (%rbx)")				\
	X(0, "subl (%rbx), %r10d")				\
	X(I_AF, "andb %sil, (%rbx)")				\
	X(0, "addb (%rbx), %bpl")				\
	X(0, "xaddq %r11, (%rbx)")				\
	X(0, "xchgq %r8, 8(%rbx)")				\
	X(I_EQ, "cmpxchgq %rdx, (%rbx)")			\
	X(0, "negq (%rbx)")					\
	X(I_BITS, "btsq %rcx, (%rbx)")				\
	X(I_BITS, "btcq $45, (%rbx)")				\
	X(0, "movslq (%rbx), %rdx")				\
	X(0, "movsbq (%rbx), %r12")				\
	X(0, "movq $-2, (%rbx)")				\
	X(0, "movq %r13, (%rbx)")				\
	X(0, "addl $5, 0x7f805(%rip)")				\
	X(0, "movw $0x5566, 0x7f803(%rip)")			\
	X(0, "incl 0x7f801(%rip)")				\
	X(0, "movabs 0x80123, %eax")				\
	X(0, "movabs %rax, 0x80ffc")				\
	X(I_ADDR, "subw %dx, 4(%ebx)")				\
	X(I_ADDR, "movb %r9b, (%ebx,%ecx)")			\
	X(I_STR, "rep\n movsq")					\
	X(I_STR, "rep\n stosq")					\
	X(I_STR, "repe\n cmpsq")				\
	X(I_STR | I_EQ, "repne\n scasq")			\
	X(I_ADDR | I_STR, "rep\n .byte 0x67\n movsl")

/* Each instruction as its length and its bytes, one after the other */
#define INSN_BYTES(flags, text)	".byte 2f - 1f\n1:\n" text "\n2:\n"

#define INSN_BLOB(width)							\
	extern const unsigned char insn_blob##width[];				\
	asm(".pushsection .rodata\n .code" #width "\ninsn_blob" #width ":\n"	\
	    INSN_##width(INSN_BYTES)						\
	    ".code64\n .popsection\n")

INSN_BLOB(16);
INSN_BLOB(32);
INSN_BLOB(64);

struct insn_text {
	unsigned int flags;
	const char *text;
};

#define INSN_TEXT(flags, text)	{ flags, text },

static const struct insn_text insn_text16[] = { INSN_16(INSN_TEXT) };
static const struct insn_text insn_text32[] = { INSN_32(INSN_TEXT) };
static const struct insn_text insn_text64[] = { INSN_64(INSN_TEXT) };

#endif /* SVMVCPU_INSN_TABLE_H */
