// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: serial input. A guest that polls for input in a loop would keep a
 * host CPU busy, so after some polls in vain its vCPU pauses for a millisecond each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "svmvcpu_lib.h"

#define IDLE_POLLS	1000

int input_open(struct input *in, const char *path)
{
	memset(in, 0, sizeof(*in));
	in->fd = -1;
	if (!strcmp(path, "none"))
		return 0;
	if (!strcmp(path, "-")) {
		in->fd = STDIN_FILENO;
		return 0;
	}
	in->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return svmvcpu_fail(errno, "%s: %s", path, strerror(errno));
	in->owned = true;
	return 0;
}

void input_close(struct input *in)
{
	if (in->owned && in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

static void refill(struct input *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return;
	n = read(in->fd, in->buf, sizeof(in->buf));
	if (n > 0) {
		in->at = 0;
		in->len = n;
	} else if (!n || (errno != EINTR && errno != EAGAIN)) {
		input_close(in);
	}
}

int input_byte(struct input *in, bool polls)
{
	if (in->at == in->len)
		refill(in);
	if (in->at == in->len) {
		in->idle++;
		in->wait = polls && in->idle > IDLE_POLLS;
		return -1;
	}
	in->idle = 0;
	return in->buf[in->at++];
}

bool input_must_wait(struct input *in, int *fd)
{
	bool wait = in->wait;

	in->wait = false;
	*fd = in->fd;
	return wait;
}

void input_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* a negative descriptor makes this a plain pause */
	poll(&p, 1, 1);
}
