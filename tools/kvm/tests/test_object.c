// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host test of the table of descriptors: threads look descriptors up while others close
 * and reuse them. No object is released while it is used, and each is released once.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tests/tap.h"
#include "../object.h"
#include "../real.h"

#define FDS		8
#define FIRST_FD	2000	/* in another chunk than the kept ones */
#define ROUNDS		20000
#define READERS		3

#define ALIVE		0x11111111
#define RELEASED	0x22222222

/* What an object is for; freed at its release, so that sanitizers see later uses */
struct thing {
	unsigned int state;
	int fd;
};

static atomic_uint created, released, wrong, found;
static atomic_bool stop;

static void release(void *self)
{
	struct thing *thing = self;

	wrong += thing->state != ALIVE;
	thing->state = RELEASED;
	free(thing);
	released++;
}

static const struct object_type thing_type = { .name = "thing", .release = release };

static struct object *new_thing(int fd)
{
	struct thing *thing = malloc(sizeof(*thing));

	*thing = (struct thing) { ALIVE, fd };
	created++;
	return object_new(&thing_type, thing);
}

static void *reader_main(void *arg)
{
	unsigned int i = 0;

	(void)arg;
	while (!stop) {
		int fd = FIRST_FD + i++ % FDS;
		struct object *object = object_of_fd(fd);
		const struct thing *thing;

		if (!object)
			continue;
		thing = object->self;
		wrong += thing->state != ALIVE || thing->fd != fd;
		found++;
		object_put(object);
	}
	return NULL;
}

static void *writer_main(void *arg)
{
	unsigned int i, from = (long)arg;

	for (i = 0; i < ROUNDS; i++) {
		int fd = FIRST_FD + (from + i) % FDS;

		if (i & 1)
			fd_detach(fd);
		else
			wrong += fd_attach(fd, new_thing(fd)) != 0;
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t readers[READERS], writers[2];
	long i;

	for (i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, reader_main, NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&writers[i], NULL, writer_main, (void *)(i * FDS / 2));
	for (i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	stop = true;
	for (i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	for (i = 0; i < FDS; i++)
		fd_detach(FIRST_FD + i);
	OK(!wrong, "no lookup sees a released object, or that of another descriptor");
	OK(released == created && created >= ROUNDS, "each object is released once");
}

static void test_table(void)
{
	struct object *object;

	OK(!object_of_fd(-1) && !object_of_fd(FIRST_FD) && !object_of_fd(1 << 30),
	   "unknown descriptors");
	OK(!fd_is_known(-1) && !fd_is_known(1 << 30), "are not known");
	OK(fd_attach(1 << 30, new_thing(1 << 30)) == -EMFILE && released == created,
	   "a descriptor that is too large: the object is released");
	fd_attach(FIRST_FD, new_thing(FIRST_FD));
	object = object_of_fd(FIRST_FD);
	OK(object && fd_is_known(FIRST_FD), "a known one");
	fd_detach(FIRST_FD);
	OK(!object_of_fd(FIRST_FD) && released + 1 == created, "closed, but still used");
	object_put(object);
	OK(released == created, "released by its last user");
	OK(fd_next_known(0, 1 << 30) == -1, "none is left");
}

static void test_kept(void)
{
	int fd = open("/dev/null", O_RDONLY), kept = fd_keep(fd);

	OK(kept >= 0 && kept != fd && fd_is_kept(kept) && !fd_is_kept(fd), "a kept descriptor");
	OK(!object_of_fd(kept), "is nobody's object");
	OK(fd_next_known(0, 1 << 30) == kept, "and known");
	OK(fcntl(kept, F_GETFD) == FD_CLOEXEC, "and closed by exec()");
	fd_drop_kept(kept);
	OK(!fd_is_known(kept) && fcntl(kept, F_GETFD) == -1, "until it is dropped");
	close(fd);
	OK(fd_keep(fd) == -EBADF, "a closed descriptor cannot be kept");
}

static void test_fork(void)
{
	struct object *object = new_thing(0);
	bool before = object_is_foreign(object);

	OK(!before && !in_child_of_vfork(), "objects are the creator's");
	objects_lock_for_fork();
	objects_after_fork();
	OK(object_is_foreign(object), "and foreign to a child");
	object_put(object);
}

int main(void)
{
	test_table();
	test_kept();
	test_threads();
	test_fork();
	return tap_done();
}
