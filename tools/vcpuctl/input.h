/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: where the serial port's input comes from.
 */
#ifndef VCPUCTL_INPUT_H
#define VCPUCTL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct input - a file descriptor read only when the guest asks
 * @fd: -1 at the end of input or without any
 * @owned: @fd was opened here
 * @at: next byte of @buf
 * @len: bytes in @buf
 * @idle: times in a row the guest asked in vain
 */
struct input {
	int fd;
	bool owned;
	size_t at, len;
	unsigned int idle;
	unsigned char buf[256];
};

/* "-" is stdin, "none" nothing; 0 or a negative errno with a reason */
int input_open(struct input *in, const char *path);
void input_close(struct input *in);
/*
 * the next byte, or -1 while there is none; never waits long, and not at all
 * unless the guest is one that @polls
 */
int input_byte(struct input *in, bool polls);

#endif /* VCPUCTL_INPUT_H */
