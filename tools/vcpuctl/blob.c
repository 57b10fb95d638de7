// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: reading whole files, and refusing what is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "svmvcpu_lib.h"

#define MAX_FILE	0x40000000LL

static int read_all(int fd, const char *path, struct blob *b)
{
	size_t done = 0;
	ssize_t n;

	while (done < b->len) {
		n = read(fd, (char *)b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return svmvcpu_fail(errno, "%s: %s", path, strerror(errno));
		if (!n)
			return svmvcpu_fail(EIO, "%s: the file shrank while it was read", path);
		if (n > 0)
			done += n;
	}
	return 0;
}

static int check_file(int fd, const char *path, struct stat *st)
{
	if (fstat(fd, st))
		return svmvcpu_fail(errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return svmvcpu_fail(EINVAL, "%s: not a regular file", path);
	if (!st->st_size)
		return svmvcpu_fail(EINVAL, "%s: empty file", path);
	if (st->st_size > MAX_FILE)
		return svmvcpu_fail(EFBIG, "%s: larger than 1 GiB", path);
	return 0;
}

int blob_read(const char *path, struct blob *b)
{
	struct stat st;
	int fd, ret;

	b->data = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return svmvcpu_fail(errno, "%s: %s", path, strerror(errno));
	ret = check_file(fd, path, &st);
	if (!ret) {
		b->len = st.st_size;
		b->data = malloc(b->len);
		ret = b->data ? read_all(fd, path, b) :
				svmvcpu_fail(ENOMEM, "%s: out of memory", path);
	}
	close(fd);
	return ret;
}
