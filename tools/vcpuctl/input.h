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
 * @idle: how often in a row the guest has polled in vain
 * @wait: the vCPU that polls must pause
 */
struct input {
	int fd;
	bool owned;
	size_t at, len;
	unsigned int idle;
	bool wait;
	unsigned char buf[256];
};

/* "-" is stdin, "none" nothing; 0 or a negative errno with a reason */
int input_open(struct input *in, const char *path);
void input_close(struct input *in);
/* the next byte, or -1 while there is none; @polls: the guest asks without an interrupt */
int input_byte(struct input *in, bool polls);
/* whether the vCPU that has asked must pause, by input_wait(@fd) once no lock is held */
bool input_must_wait(struct input *in, int *fd);
/* until there is input, but not longer than a millisecond */
void input_wait(int fd);

#endif /* VCPUCTL_INPUT_H */
