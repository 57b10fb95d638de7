// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the socket of the GDB server. Nothing here blocks but gdb_socket_wait() and
 * gdb_socket_write(), which end on SIGINT and SIGTERM. These signals are blocked between
 * the look at @stopping and ppoll(), so that none is missed.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gdb_socket.h"
#include "svmvcpu_lib.h"

#define LOCAL_HOST	"127.0.0.1"

static int fail(struct gdb_socket *s, int error, const char *address)
{
	gdb_socket_close(s);
	return svmvcpu_fail(-error, "--gdb %s: %s", address, error == -EADDRNOTAVAIL ?
			    "this host has no such address" : strerror(-error));
}

/* a socket that nobody listens to is left from a vcpuctl that was killed */
static bool stale(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const void *)un, sizeof(*un)) && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_path(int fd, const struct sockaddr_un *un)
{
	if (!bind(fd, (const void *)un, sizeof(*un)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!stale(un) || unlink(un->sun_path) || bind(fd, (const void *)un, sizeof(*un)))
		return -EADDRINUSE;
	return 0;
}

static int open_unix(struct gdb_socket *s, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int ret;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	ret = bind_path(s->listener, &un);
	if (!ret)
		s->path = path;
	return ret;
}

static int bind_tcp(struct gdb_socket *s, const struct addrinfo *ai)
{
	const int on = 1;

	s->listener = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(s->listener, ai->ai_addr, ai->ai_addrlen) ? -errno : 0;
}

/* HOST may be in brackets, as IPv6 addresses are */
static int open_tcp(struct gdb_socket *s, const char *address)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE,
	};
	const char *colon = strrchr(address, ':'), *port = colon ? colon + 1 : address;
	size_t len = colon ? colon - address : 0;
	struct addrinfo *found;
	char host[256];
	int ret;

	if (len >= sizeof(host))
		return -ENAMETOOLONG;
	snprintf(host, sizeof(host), "%.*s", (int)len, address);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	if (getaddrinfo(len ? host : LOCAL_HOST, port, &hints, &found))
		return -EADDRNOTAVAIL;
	ret = bind_tcp(s, found);
	freeaddrinfo(found);
	return ret;
}

/* have @events follow the socket that counts now */
static int follow(const struct gdb_socket *s, int old, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (old >= 0)
		epoll_ctl(s->events, EPOLL_CTL_DEL, old, NULL);
	return epoll_ctl(s->events, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int gdb_socket_open(struct gdb_socket *s, const char *address)
{
	int ret;

	*s = (struct gdb_socket){ .listener = -1, .client = -1 };
	s->events = epoll_create1(EPOLL_CLOEXEC);
	if (s->events < 0)
		return fail(s, -errno, address);
	ret = strchr(address, '/') ? open_unix(s, address) : open_tcp(s, address);
	if (!ret && listen(s->listener, 1))
		ret = -errno;
	if (!ret)
		ret = follow(s, -1, s->listener);
	return ret ? fail(s, ret, address) : 0;
}

void gdb_socket_close(struct gdb_socket *s)
{
	if (s->client >= 0)
		close(s->client);
	if (s->listener >= 0)
		close(s->listener);
	if (s->events >= 0)
		close(s->events);
	if (s->path)
		unlink(s->path);
	*s = (struct gdb_socket){ .listener = -1, .client = -1, .events = -1 };
}

void gdb_socket_name(const struct gdb_socket *s, char *buf, size_t len)
{
	struct sockaddr_storage addr;
	socklen_t addr_len = sizeof(addr);
	char host[64], port[16];

	if (s->path)
		snprintf(buf, len, "%s", s->path);
	else if (getsockname(s->listener, (void *)&addr, &addr_len) ||
		 getnameinfo((void *)&addr, addr_len, host, sizeof(host), port, sizeof(port),
			     NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, len, "?");
	else
		snprintf(buf, len, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

bool gdb_socket_accept(struct gdb_socket *s)
{
	const int on = 1;

	if (s->client >= 0)
		return true;
	s->client = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s->client < 0)
		return false;
	/* packets are small, and each waits for its answer; fails on a Unix socket */
	setsockopt(s->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (follow(s, s->listener, s->client) < 0)
		gdb_socket_drop(s);
	return s->client >= 0;
}

void gdb_socket_drop(struct gdb_socket *s)
{
	if (s->client < 0)
		return;
	follow(s, s->client, s->listener);
	close(s->client);
	s->client = -1;
}

bool gdb_socket_ready(const struct gdb_socket *s)
{
	struct pollfd p = { .fd = s->events, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static int wait_for(int fd, short events, int (*stopping)(void))
{
	struct pollfd p = { .fd = fd, .events = events };
	sigset_t signals, old;
	int ret = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, &old);
	while (!stopping() && ret <= 0)
		ret = ppoll(&p, 1, NULL, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret > 0 ? 0 : -EINTR;
}

int gdb_socket_wait(const struct gdb_socket *s, int (*stopping)(void))
{
	return wait_for(s->events, POLLIN, stopping);
}

int gdb_socket_read(const struct gdb_socket *s, void *buf, size_t len)
{
	ssize_t n = recv(s->client, buf, len, 0);

	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ENOTCONN;
}

int gdb_socket_write(const struct gdb_socket *s, const void *buf, size_t len,
		     int (*stopping)(void))
{
	size_t done = 0;
	int ret;

	while (done < len) {
		ssize_t n = send(s->client, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n > 0) {
			done += n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -ENOTCONN;
		ret = wait_for(s->client, POLLOUT, stopping);
		if (ret)
			return ret;
	}
	return 0;
}
