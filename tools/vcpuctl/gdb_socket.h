/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the socket of the GDB server: one listener, and one connection at a time.
 * Further debuggers wait in the listener's queue.
 */
#ifndef VCPUCTL_GDB_SOCKET_H
#define VCPUCTL_GDB_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct gdb_socket - the sockets
 * @listener: accepts debuggers while there is none
 * @client: the connection, or -1
 * @events: an epoll instance that is readable if whichever of both counts has input
 * @path: Unix socket to remove, or NULL; the caller's
 */
struct gdb_socket {
	int listener;
	int client;
	int events;
	const char *path;
};

/**
 * gdb_socket_open() - listen
 * @s: filled in; release with gdb_socket_close()
 * @address: [HOST:]PORT, or a path if it has a slash. Without HOST: the local host
 *
 * Return: 0, or a negative errno with svmvcpu_last_error().
 */
int gdb_socket_open(struct gdb_socket *s, const char *address);
void gdb_socket_close(struct gdb_socket *s);
/* the address that others connect to, also if the kernel has chosen the port */
void gdb_socket_name(const struct gdb_socket *s, char *buf, size_t len);

/* take a debugger that waits: whether there is a client now */
bool gdb_socket_accept(struct gdb_socket *s);
/* drop the client, if there is one */
void gdb_socket_drop(struct gdb_socket *s);

/* does anybody connect, or has the client sent something or gone? */
bool gdb_socket_ready(const struct gdb_socket *s);

/*
 * wait until that is so; -EINTR once @stopping returns true, which a signal handler
 * may cause
 */
int gdb_socket_wait(const struct gdb_socket *s, int (*stopping)(void));

/* bytes read, 0 if there are none, or -ENOTCONN if the client has gone */
int gdb_socket_read(const struct gdb_socket *s, void *buf, size_t len);
/* all of it: 0, -ENOTCONN or -EINTR, as above */
int gdb_socket_write(const struct gdb_socket *s, const void *buf, size_t len,
		     int (*stopping)(void));

#endif /* VCPUCTL_GDB_SOCKET_H */
