// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: makes the ioctls of a program. See calls.h.
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "log.h"

static void log_call(const struct object *object, const struct call *call, unsigned long arg,
		     long ret)
{
	if (log_level < (call->flags & CALL_OFTEN ? LOG_RUNS : LOG_CALLS))
		return;
	if (ret < 0)
		log_write("%s %s(%#lx): %s", object->type->name, call->name, arg,
			  strerror(-ret));
	else
		log_write("%s %s(%#lx) = %ld", object->type->name, call->name, arg, ret);
}

static const struct call *find(const struct object *object, unsigned int number)
{
	const struct call *call = object->type->calls;

	while (call->name && call->number != number)
		call++;
	return call;
}

static long not_there(const struct object *object, const struct call *call, unsigned int number)
{
	if (call->name)
		return refuse(object->type->unknown, "%s: %s is not available: %s",
			      object->type->name, call->name, call->note);
	return refuse(object->type->unknown, "%s: ioctl %#x is unknown", object->type->name,
		      number);
}

/*
 * The kernel returns EFAULT for pointers that are not valid. Here they are the program's
 * own, in its own process; only NULL is tested.
 */
long call_object(struct object *object, unsigned int number, unsigned long arg)
{
	const struct call *call;
	long ret;

	if (object_is_foreign(object))
		return -EIO;
	call = find(object, number);
	if (!call->handler)
		return not_there(object, call, number);
	if (!arg && _IOC_SIZE(number) && !(call->flags & CALL_NULL))
		return -EFAULT;
	if (object->type->enter)
		object->type->enter(object->self, call);
	ret = call->handler(object->self, arg);
	if (object->type->leave)
		object->type->leave(object->self, call);
	if (__builtin_expect(log_level >= LOG_CALLS, 0))
		log_call(object, call, arg, ret);
	return ret;
}
