// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: objects and the table of descriptors. See object.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "object.h"
#include "real.h"

#define CHUNK_FDS	1024
#define NR_CHUNKS	1024
#define MAX_FDS		(CHUNK_FDS * NR_CHUNKS)

/* Where the library's own descriptors start, so that they do not mix with the program's */
#define KEPT_FROM	500

/* What each descriptor refers to; in chunks that exist from their first use on */
static struct object **chunks[NR_CHUNKS];
static atomic_int highest = -1;

/* Unused objects, protected by the mutex */
static struct object *free_objects;
static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned int this_space;
static pid_t this_process;

/* What the library's own descriptors refer to */
static const struct object_type kept_type = { .name = "library" };
static struct object kept = { .refs = 1, .type = &kept_type };

/* --- objects -------------------------------------------------------------- */

struct object *object_new(const struct object_type *type, void *self)
{
	struct object *object;

	pthread_mutex_lock(&free_lock);
	object = free_objects;
	if (object)
		free_objects = object->next_free;
	pthread_mutex_unlock(&free_lock);
	if (!object)
		object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->type = type;
	object->self = self;
	object->space = this_space;
	atomic_store(&object->refs, 1);
	return object;
}

void object_get(struct object *object)
{
	atomic_fetch_add(&object->refs, 1);
}

void object_put(struct object *object)
{
	if (atomic_fetch_sub(&object->refs, 1) != 1)
		return;
	object->type->release(object->self);
	pthread_mutex_lock(&free_lock);
	object->next_free = free_objects;
	free_objects = object;
	pthread_mutex_unlock(&free_lock);
}

/* Get a reference unless the last one is gone. */
static bool object_try_get(struct object *object)
{
	unsigned int refs = atomic_load(&object->refs);

	while (refs)
		if (atomic_compare_exchange_weak(&object->refs, &refs, refs + 1))
			return true;
	return false;
}

bool object_is_foreign(const struct object *object)
{
	return object->space != this_space && !object->type->inherited;
}

/* --- descriptors ---------------------------------------------------------- */

static struct object **entry_of(int fd)
{
	struct object **chunk;

	if (fd < 0 || fd >= MAX_FDS)
		return NULL;
	chunk = __atomic_load_n(&chunks[fd / CHUNK_FDS], __ATOMIC_ACQUIRE);
	return chunk ? &chunk[fd % CHUNK_FDS] : NULL;
}

static struct object **make_entry(int fd)
{
	struct object **chunk, **none = NULL;

	if (fd < 0 || fd >= MAX_FDS)
		return NULL;
	if (!entry_of(fd)) {
		chunk = calloc(CHUNK_FDS, sizeof(*chunk));
		if (!chunk)
			return NULL;
		if (!__atomic_compare_exchange_n(&chunks[fd / CHUNK_FDS], &none, chunk, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			free(chunk);
	}
	return entry_of(fd);
}

/*
 * Between the load and the reference the descriptor may be closed, and the object be used
 * again. The second look finds out.
 */
struct object *object_of_fd(int fd)
{
	struct object **entry = entry_of(fd);
	struct object *object;

	while (entry) {
		object = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
		if (!object || object == &kept)
			return NULL;
		if (!object_try_get(object))
			continue;
		if (__atomic_load_n(entry, __ATOMIC_SEQ_CST) == object)
			return object;
		object_put(object);
	}
	return NULL;
}

static void note_highest(int fd)
{
	int before = atomic_load(&highest);

	while (before < fd)
		if (atomic_compare_exchange_weak(&highest, &before, fd))
			return;
}

int fd_attach(int fd, struct object *object)
{
	struct object **entry = make_entry(fd);
	struct object *before;

	if (!entry) {
		object_put(object);
		return -EMFILE;
	}
	before = __atomic_exchange_n(entry, object, __ATOMIC_SEQ_CST);
	note_highest(fd);
	if (before && before != &kept)
		object_put(before);
	return 0;
}

long object_publish(const struct object_type *type, void *self, int fd,
		    struct object **object)
{
	int err;

	*object = object_new(type, self);
	if (!*object)
		type->release(self);
	err = *object ? fd_attach(fd, *object) : -ENOMEM;
	if (!err)
		return fd;
	real()->close(fd);
	return err;
}

void fd_detach(int fd)
{
	struct object **entry = entry_of(fd);
	struct object *before = NULL;

	if (entry)
		before = __atomic_exchange_n(entry, NULL, __ATOMIC_SEQ_CST);
	if (before && before != &kept)
		object_put(before);
}

bool fd_is_known(int fd)
{
	struct object **entry = entry_of(fd);

	return entry && __atomic_load_n(entry, __ATOMIC_RELAXED);
}

int fd_next_known(int fd, int last)
{
	int end = atomic_load(&highest);

	if (last < end)
		end = last;
	for (; fd <= end; fd++)
		if (fd_is_known(fd))
			return fd;
	return -1;
}

int fd_keep(int fd)
{
	struct object **entry;
	int copy;

	copy = real()->fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FROM);
	/* EINVAL: the limit of the process is lower */
	if (copy < 0 && errno == EINVAL)
		copy = real()->fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	entry = make_entry(copy);
	if (!entry) {
		real()->close(copy);
		return -EMFILE;
	}
	__atomic_store_n(entry, &kept, __ATOMIC_SEQ_CST);
	note_highest(copy);
	return copy;
}

void fd_drop_kept(int fd)
{
	if (fd < 0)
		return;
	fd_detach(fd);
	real()->close(fd);
}

bool fd_is_kept(int fd)
{
	struct object **entry = entry_of(fd);

	return entry && __atomic_load_n(entry, __ATOMIC_SEQ_CST) == &kept;
}

/* --- processes ------------------------------------------------------------ */

void objects_lock_for_fork(void)
{
	pthread_mutex_lock(&free_lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&free_lock);
}

void objects_after_fork(void)
{
	pthread_mutex_unlock(&free_lock);
	this_space++;
	this_process = getpid();
}

bool in_child_of_vfork(void)
{
	return getpid() != this_process;
}

[[gnu::constructor]]
static void objects_start(void)
{
	this_process = getpid();
	pthread_atfork(objects_lock_for_fork, after_fork_in_parent, objects_after_fork);
}
