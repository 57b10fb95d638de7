/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: the tables of ioctls. Each of the three kinds of files has one, with a row
 * for every call of Linux 6.1 on x86.
 */
#ifndef KVM_CALLS_H
#define KVM_CALLS_H

#include <linux/kvm.h>

#include "object.h"

/* The call takes no lock and can be made while another thread is in KVM_RUN. */
#define CALL_ASYNC	(1U << 0)
/* The call is too frequent for LOG_CALLS. */
#define CALL_OFTEN	(1U << 1)
/* The argument may be NULL. */
#define CALL_NULL	(1U << 2)

/**
 * struct call - a row of the table
 * @number: number of the ioctl
 * @name: its name
 * @handler: returns a result or -errno; NULL: as from a kernel without the feature
 * @flags: CALL_*
 * @note: limits, or why there is no handler; for the documents
 */
struct call {
	unsigned int number;
	const char *name;
	long (*handler)(void *self, unsigned long arg);
	unsigned int flags;
	const char *note;
};

#define CALL_WITH(ioctl, function, bits, text) { ioctl, #ioctl, function, bits, text }
#define CALL(ioctl, function)	{ ioctl, #ioctl, function, 0, NULL }
#define ABSENT(ioctl, why)	{ ioctl, #ioctl, NULL, 0, why }
#define LAST_CALL		{ 0, NULL, NULL, 0, NULL }

/* make a call of a program on an object; a result or -errno */
long call_object(struct object *object, unsigned int number, unsigned long arg);

/* the tables: frequent calls first, as they are searched from the start */
extern const struct call device_calls[];
extern const struct call vm_calls[];
extern const struct call vcpu_calls[];

/* the value that KVM_CHECK_EXTENSION returns */
struct svmvcpu_info;
long cap_value(const struct svmvcpu_info *info, unsigned long cap);

#endif /* KVM_CALLS_H */
