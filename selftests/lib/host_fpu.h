/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM's own x87, SSE and AVX registers across an ioctl. Assembly loads all of them,
 * calls the kernel and stores them again, so that the compiler cannot change any in
 * between.
 */
#ifndef HOST_FPU_H
#define HOST_FPU_H

#include <sys/syscall.h>

#include "svmvcpu_test.h"

#define FPU_BYTES	(512 + 64 + 256)

#define FPU_CONTROL	0
#define FPU_STATUS	2
#define FPU_TAGS	4
#define FPU_MXCSR	24
#define FPU_ST		32
#define FPU_XMM		160
#define FPU_XMM_END	416
#define FPU_BV		512
#define FPU_YMM		576

/* x87, SSE and AVX state, in XSAVE's standard format or FXSAVE's */
struct fpu_image {
	unsigned char bytes[FPU_BYTES];
} __attribute__((aligned(64)));

static inline bool fpu_has_avx(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	return (ecx & 1 << 27) && (ecx & 1 << 28);
}

/*
 * Performs a system call with @in in the registers and stores the registers to @out.
 * Returns the kernel's return value: a negative errno, not -1. RAX and RDX are XSAVE's
 * mask; RDX = 0 is also the third argument, and the fourth is 0 too.
 */
static inline long fpu_syscall(long nr, unsigned long arg1, unsigned long arg2,
			       const struct fpu_image *in, struct fpu_image *out)
{
	struct fpu_image old = { };
	unsigned long mask = 7;
	long ret = nr;

	if (fpu_has_avx())
		asm volatile("xsave64 %[old]\n\t"
			     "xrstor64 %[in]\n\t"
			     "mov %[ret], %%rax\n\t"
			     "xor %%r10d, %%r10d\n\t"
			     "syscall\n\t"
			     "mov %%rax, %[ret]\n\t"
			     "mov $7, %%eax\n\t"
			     "xsave64 %[out]\n\t"
			     "xrstor64 %[old]"
			     : "+&a" (mask), [ret] "+&b" (ret), [old] "+m" (old),
			       [out] "+m" (*out)
			     : "d" (0), "D" (arg1), "S" (arg2), [in] "m" (*in)
			     : "rcx", "r10", "r11", "memory");
	else
		asm volatile("fxsave64 %[old]\n\t"
			     "fxrstor64 %[in]\n\t"
			     "mov %[ret], %%rax\n\t"
			     "xor %%r10d, %%r10d\n\t"
			     "syscall\n\t"
			     "mov %%rax, %[ret]\n\t"
			     "fxsave64 %[out]\n\t"
			     "fxrstor64 %[old]"
			     : "+&a" (mask), [ret] "+&b" (ret), [old] "+m" (old),
			       [out] "+m" (*out)
			     : "d" (0), "D" (arg1), "S" (arg2), [in] "m" (*in)
			     : "rcx", "r10", "r11", "memory");
	return ret;
}

/* ioctl(fd, cmd, 0) */
static inline long fpu_ioctl(int fd, unsigned long cmd, const struct fpu_image *in,
			     struct fpu_image *out)
{
	return fpu_syscall(SYS_ioctl, fd, cmd, in, out);
}

/* The image that the CPU stores if nothing changes the registers */
static inline void fpu_settle(struct fpu_image *image)
{
	struct fpu_image old = { };

	if (fpu_has_avx())
		asm volatile("xsave64 %[old]\n\t"
			     "xrstor64 %[image]\n\t"
			     "xsave64 %[image]\n\t"
			     "xrstor64 %[old]"
			     : [old] "+m" (old), [image] "+m" (*image) : "a" (7), "d" (0));
	else
		asm volatile("fxsave64 %[old]\n\t"
			     "fxrstor64 %[image]\n\t"
			     "fxsave64 %[image]\n\t"
			     "fxrstor64 %[old]"
			     : [old] "+m" (old), [image] "+m" (*image));
}

/*
 * Fills all registers. @kind selects rounding and precision; its bit 2 adds a pending
 * unmasked x87 exception, which the next x87 instruction would raise.
 */
static inline void fpu_fill(struct fpu_image *image, unsigned int kind, unsigned char seed)
{
	static const uint16_t controls[] = { 0x027f, 0x0c7f, 0x0b7f, 0x047f };
	unsigned char *x = image->bytes;
	uint16_t control = controls[kind & 3], status = 0x2800;
	uint32_t mxcsr = 0x1f80 | (kind & 3) << 13 | (kind & 0x3f);

	memset(x, 0, FPU_BYTES);
	for (unsigned int i = FPU_ST; i < FPU_XMM_END; i++)
		x[i] = seed + i * 5;
	for (unsigned int i = FPU_YMM; i < FPU_BYTES; i++)
		x[i] = seed + i * 3;
	if (kind & 4) {
		control &= ~0x3f;
		status |= 0x8085;
		mxcsr &= ~0x1f80;
	}
	memcpy(x + FPU_CONTROL, &control, 2);
	memcpy(x + FPU_STATUS, &status, 2);
	memcpy(x + FPU_MXCSR, &mxcsr, 4);
	x[FPU_TAGS] = 0xff;
	x[FPU_BV] = 7;
	fpu_settle(image);
}

/* Index of the first difference, or -1. Exception pointers are ignored (CVE-2006-1056). */
static inline int fpu_differs(const struct fpu_image *a, const struct fpu_image *b)
{
	const unsigned char *x = a->bytes, *y = b->bytes;

	for (int i = 0; i < FPU_BYTES; i++) {
		bool counts = i < 5 || (i >= FPU_MXCSR && i < FPU_MXCSR + 4) ||
			      (i >= FPU_ST && i < FPU_XMM && (i - FPU_ST) % 16 < 10) ||
			      (i >= FPU_XMM && i < FPU_XMM_END) ||
			      (i >= FPU_YMM && fpu_has_avx());

		if (counts && x[i] != y[i])
			return i;
	}
	return -1;
}

/* RUN with known register contents; expects that they survive. */
#define RUN_WITH_FPU(t, image)						\
do {									\
	struct fpu_image after_ = { };					\
									\
	fpu_ioctl((t)->vcpu.fd, SVMVCPU_RUN, image, &after_);		\
	EXPECT_EQ(-1, fpu_differs(image, &after_))			\
		TH_LOG("exit %u", (t)->run->reason);			\
} while (0)

#endif /* HOST_FPU_H */
