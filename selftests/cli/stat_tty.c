// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl stat on a terminal: tables that follow each other in place, the key and the
 * signals that end it, and a terminal that is as it was before.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>

#include "guest_thread.h"

/* fewer lines than there are counters */
#define LINES	12

FIXTURE(tty) {
	struct test_vm vm;
	int terminal;
	struct termios before;
	pid_t pid;
	char said[1 << 16];
	size_t len;
};

FIXTURE_SETUP(tty)
{
	struct winsize size = {
		.ws_row = LINES, .ws_col = 80,
	};
	int inside;

	vm_open(&self->vm);
	ASSERT_EQ(0, openpty(&self->terminal, &inside, NULL, NULL, &size));
	ASSERT_EQ(0, tcgetattr(inside, &self->before));
	self->pid = fork();
	if (!self->pid) {
		if (login_tty(inside))
			_exit(100);
		execlp("vcpuctl", "vcpuctl", "stat", "--interval", "0.1", NULL);
		_exit(101);
	}
	self->len = 0;
}

FIXTURE_TEARDOWN(tty)
{
	close(self->terminal);
	vm_close(&self->vm);
}

/* Reads until the output has @text; false after a timeout or at the end. */
static bool reads(FIXTURE_DATA(tty) * self, const char *text)
{
	struct pollfd in = { .fd = self->terminal, .events = POLLIN };
	__u64 end = now_ns() + PATIENCE_MS * 1000000ULL;
	ssize_t len;

	while (now_ns() < end) {
		self->said[self->len] = 0;
		if (strstr(self->said, text))
			return true;
		if (poll(&in, 1, 100) <= 0)
			continue;
		if (self->len == sizeof(self->said) - 1)
			self->len = 0;
		len = read(self->terminal, self->said + self->len,
			   sizeof(self->said) - 1 - self->len);
		if (len <= 0)
			return false;
		self->len += len;
	}
	return false;
}

static int ending(FIXTURE_DATA(tty) * self)
{
	int status;

	return waitpid(self->pid, &status, 0) == self->pid ? status : -1;
}

/* Drops the output before @text, which has been read. */
static void drop_until(FIXTURE_DATA(tty) * self, const char *text)
{
	char *from = strstr(self->said, text);

	self->len -= from - self->said;
	memmove(self->said, from, self->len + 1);
}

TEST_F(tty, screens)
{
	unsigned int lines = 0;
	struct termios after;
	char *end;

	EXPECT_TRUE(reads(self, "1 VM, 1 vCPU; every 0.1 s, q quits"));
	/* From one screen to the next, which starts with the cursor at home. */
	ASSERT_TRUE(reads(self, "EXITS/S"));
	drop_until(self, "EXITS/S");
	ASSERT_TRUE(reads(self, "\033[H"));
	drop_until(self, "\033[H");
	ASSERT_TRUE(reads(self, "\033[J"));
	end = strstr(self->said, "\033[J");
	for (char *c = self->said; c < end; c++)
		lines += *c == '\n';
	/* The cursor stays in the last line, so that nothing scrolls. */
	EXPECT_GT((unsigned int)LINES, lines);
	EXPECT_LT(5U, lines);
	ASSERT_EQ(1, write(self->terminal, "q", 1));
	EXPECT_EQ(0, ending(self));
	EXPECT_EQ(0, tcgetattr(self->terminal, &after));
	EXPECT_EQ(self->before.c_lflag, after.c_lflag);
}

TEST_F(tty, interrupt)
{
	struct termios after;

	EXPECT_TRUE(reads(self, "EXITS/S"));
	EXPECT_EQ(0, tcgetattr(self->terminal, &after));
	EXPECT_EQ(0U, after.c_lflag & (ICANON | ECHO));
	ASSERT_EQ(1, write(self->terminal, "\003", 1));
	EXPECT_EQ(0, ending(self));
	EXPECT_EQ(0, tcgetattr(self->terminal, &after));
	EXPECT_EQ(self->before.c_lflag, after.c_lflag);
}

/* Is the process in write(), system call 1? */
static bool writes(pid_t pid)
{
	char path[64], text[16] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	in = fopen(path, "r");
	if (!in)
		return false;
	if (!fgets(text, sizeof(text), in))
		text[0] = 0;
	fclose(in);
	return !strncmp(text, "1 ", 2);
}

/* ^S stops the terminal in the middle of a screen, and ^C arrives there. */
TEST_F(tty, interrupt_in_output)
{
	EXPECT_TRUE(reads(self, "EXITS/S"));
	ASSERT_EQ(1, write(self->terminal, "\023", 1));
	WAIT_UNTIL(writes(self->pid));
	ASSERT_EQ(1, write(self->terminal, "\003", 1));
	EXPECT_EQ(0, ending(self));
}

TEST_F(tty, last_vm)
{
	EXPECT_TRUE(reads(self, "EXITS/S"));
	/* the run page keeps the vCPU */
	svmvcpu_vcpu_close(&self->vm.vcpu);
	EXPECT_TRUE(reads(self, "1 VM, 0 vCPUs"));
	close(self->vm.vm);
	EXPECT_TRUE(reads(self, "no virtual machine is left"));
	EXPECT_EQ(0, ending(self));
	self->vm.vm = dup(self->vm.dev);
}

TEST_HARNESS_MAIN
