// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of libsvmvcpu-insn: the host CPU as the reference. See native.h.
 *
 * The instruction runs between the two trampolines of enter.S. 32-bit code is
 * reached and left with far jumps, through the selectors that Linux gives every
 * process.
 */
#include <asm/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

#define CS32	0x23
#define CS64	0x33

/* At NATIVE_CTX; enter.S knows the offsets. */
struct context {
	struct native_state state;	/* 0: registers, 128: flags */
	u64 host_rsp;			/* 136 */
	u64 entry;			/* 144 */
	u64 leave;			/* 152 */
	u32 entry32;			/* 160: with selector, a far pointer */
	u16 selector;
	u64 scratch;			/* 168 */
};

static struct context *const context = (struct context *)NATIVE_CTX;
static u8 *const code = (u8 *)NATIVE_CODE;
static volatile sig_atomic_t probing;
static sigjmp_buf no_32;

/* RSP may be anything, hence the stack of its own. */
static void on_fault(int sig)
{
	unsigned int i;

	if (probing)
		siglongjmp(no_32, 1);
	fprintf(stderr, "# signal %d in:", sig);
	for (i = 0; i < 16; i++)
		fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, "\n");
	_exit(2);
}

static void catch_faults(void)
{
	static u8 stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = {
		.sa_handler = on_fault, .sa_flags = SA_ONSTACK,
	};

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
}

static bool map(u64 address, size_t bytes, int prot)
{
	void *want = (void *)address;

	return mmap(want, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		    -1, 0) == want;
}

bool native_init(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	if (!map(NATIVE_CTX, 4096, rw) || !map(NATIVE_DATA, NATIVE_BYTES, rw) ||
	    !map(NATIVE_CODE, 4096, rw | PROT_EXEC))
		return false;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, NATIVE_GS))
		return false;
	context->entry = NATIVE_CODE;
	context->entry32 = NATIVE_CODE;
	context->selector = CS32;
	context->leave = (u64)native_leave;
	catch_faults();
	return true;
}

bool native_has_32(void)
{
	static const u8 inc_eax[] = { 0x40 };	/* a REX prefix in 64-bit mode */
	struct native_state state = { .gprs[0] = 41, .rflags = 2 };
	bool has = false;

	probing = 1;
	if (!sigsetjmp(no_32, 1)) {
		native_run(&state, inc_eax, 1, false);
		has = (u32)state.gprs[0] == 42;
	}
	probing = 0;
	return has;
}

/* From 32-bit code: a far jump to the 64-bit jump that follows it. */
static u8 *put_far_jump(u8 *p)
{
	u32 target = NATIVE_CODE + (p - code) + 7;
	u16 selector = CS64;

	*p++ = 0xea;
	memcpy(p, &target, sizeof(target));
	memcpy(p + 4, &selector, sizeof(selector));
	return p + 6;
}

void native_run(struct native_state *state, const u8 *bytes, unsigned int len,
		bool long64)
{
	static const u8 jump[] = { 0xff, 0x24, 0x25 };	/* jmp *disp32 */
	u32 leave = NATIVE_CTX + offsetof(struct context, leave);
	u8 *p = code;

	memcpy(p, bytes, len);
	p += len;
	if (!long64)
		p = put_far_jump(p);
	memcpy(p, jump, sizeof(jump));
	memcpy(p + sizeof(jump), &leave, sizeof(leave));
	context->state = *state;
	if (long64)
		native_enter();
	else
		native_enter32();
	*state = context->state;
}
