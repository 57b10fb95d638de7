/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: what the descriptors of the program stand for. A descriptor that the
 * library has returned refers to an object: the device, a VM or a vCPU. All others are
 * unknown to it.
 *
 * Lookups take no lock, because every KVM_RUN starts with one. Objects are therefore never
 * freed, only used again: a thread may look at one whose last reference is gone.
 */
#ifndef KVM_OBJECT_H
#define KVM_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct call;

/**
 * struct object_type - a kind of object
 * @name: for the log
 * @calls: its ioctls
 * @enter: before a call, may wait; NULL if there is nothing to do
 * @leave: after the call
 * @release: the last reference is gone
 * @unknown: error of a call that it does not have
 * @inherited: it works in another address space than that of its creator
 */
struct object_type {
	const char *name;
	const struct call *calls;
	void (*enter)(void *self, const struct call *call);
	void (*leave)(void *self, const struct call *call);
	void (*release)(void *self);
	int unknown;
	bool inherited;
};

/**
 * struct object - what a descriptor refers to
 * @refs: one per descriptor, per user, and per object that depends on it
 * @type: its kind
 * @self: the device, VM or vCPU
 * @space: number of the address space that created it
 */
struct object {
	atomic_uint refs;
	const struct object_type *type;
	void *self;
	unsigned int space;
	struct object *next_free;
};

/* a new object with one reference, or NULL */
struct object *object_new(const struct object_type *type, void *self);
void object_get(struct object *object);
void object_put(struct object *object);
/* the object of a descriptor, with a reference; NULL if it is none of ours */
struct object *object_of_fd(int fd);
/* whether calls must fail with EIO, as they do in a child after fork() */
bool object_is_foreign(const struct object *object);

/*
 * Make @fd the program's descriptor of @self and return it. After a failure both are gone,
 * the latter by @type->release. *@object is set before the program can use @fd.
 */
long object_publish(const struct object_type *type, void *self, int fd,
		    struct object **object);

/* let a descriptor refer to an object, or to none; takes over a reference */
int fd_attach(int fd, struct object *object);
void fd_detach(int fd);
bool fd_is_known(int fd);
/* the first known descriptor from @fd on, up to @last; -1 if there is none */
int fd_next_known(int fd, int last);

/*
 * A copy of @fd for the library itself, which the program cannot close; -errno if there is
 * no room. The program may close its descriptors while objects still need the file.
 */
int fd_keep(int fd);
void fd_drop_kept(int fd);
bool fd_is_kept(int fd);

/* what pthread_atfork() calls before fork(), and in the child */
void objects_lock_for_fork(void);
void objects_after_fork(void);
/* the process that the table of descriptors describes; others share only the memory */
bool in_child_of_vfork(void);

#endif /* KVM_OBJECT_H */
