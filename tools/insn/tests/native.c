// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of libsvmvcpu-insn: the host CPU as the reference. See native.h.
 *
 * The instruction runs between the two trampolines of enter.S. 32-bit code is
 * reached and left with far jumps, through the selectors that Linux gives every
 * process.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };

/* The instruction may change RSP, hence a separate stack. */
static void on_fault(int sig)
{
	unsigned int i;

	fprintf(stderr, "# signal %d in:", sig);
	for (i = 0; i < 16; i++)
		fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, "\n");
	_exit(2);
}

static void handle_faults(void (*handler)(int))
{
	static u8 stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = {
		.sa_handler = handler, .sa_flags = SA_ONSTACK,
	};
	unsigned int i;

	sigaltstack(&alternate, NULL);
	for (i = 0; i < sizeof(fault_signals) / sizeof(*fault_signals); i++)
		sigaction(fault_signals[i], &action, NULL);
}

static bool map(u64 address, size_t bytes, int prot)
{
	void *want = (void *)address;
	void *got = mmap(want, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			 -1, 0);

	/* kernels before 4.17 take the address as a hint */
	if (got != MAP_FAILED && got != want)
		errno = EEXIST;
	return got == want;
}

int native_init(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	if (!map(NATIVE_CTX, 4096, rw) || !map(NATIVE_DATA, NATIVE_BYTES, rw) ||
	    !map(NATIVE_CODE, 4096, rw | PROT_EXEC))
		return errno;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, NATIVE_GS))
		return errno;
	context->entry = NATIVE_CODE;
	context->entry32 = NATIVE_CODE;
	context->selector = CS32;
	context->leave = (u64)native_leave;
	handle_faults(on_fault);
	return 0;
}

/* Jumps from 32-bit code: a far jump to the 64-bit jump behind it. */
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

/* In the child: signals end it, without a core dump; a hang ends after a while. */
static void try_and_report(struct native_state *state, const u8 *bytes, unsigned int len,
			   bool long64, int to)
{
	handle_faults(SIG_DFL);
	prctl(PR_SET_DUMPABLE, 0);
	alarm(20);
	native_run(state, bytes, len, long64);
	_exit(write(to, state, sizeof(*state)) != sizeof(*state));
}

/* native_run() in a child process; the signal that ended it, or 0 */
static int try_run(struct native_state *state, const u8 *bytes, unsigned int len, bool long64)
{
	struct native_state after;
	int fds[2], status;
	ssize_t got;
	pid_t child;

	fflush(stdout);
	if (pipe(fds))
		abort();
	child = fork();
	if (child < 0)
		abort();
	if (!child)
		try_and_report(state, bytes, len, long64, fds[1]);
	close(fds[1]);
	got = read(fds[0], &after, sizeof(after));
	close(fds[0]);
	if (waitpid(child, &status, 0) != child)
		abort();
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	if (got != sizeof(after))
		return SIGKILL;
	*state = after;
	return 0;
}

/*
 * A kernel without 32-bit code may refuse it in several ways: a fault at the far jump,
 * a signal that cannot be handled, or no return at all.
 */
bool native_has_32(void)
{
	static const u8 inc_eax[] = { 0x40 };	/* a REX prefix in 64-bit mode */
	struct native_state state = { .gprs[0] = 41, .rflags = 2 };

	return !try_run(&state, inc_eax, 1, false) && (u32)state.gprs[0] == 42;
}

bool native_has_insn(const struct native_state *state, const u8 *bytes,
		     unsigned int len, bool long64)
{
	struct native_state scratch = *state;

	return try_run(&scratch, bytes, len, long64) != SIGILL;
}
