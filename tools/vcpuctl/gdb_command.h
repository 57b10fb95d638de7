/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the commands of the GDB remote serial protocol.
 */
#ifndef VCPUCTL_GDB_COMMAND_H
#define VCPUCTL_GDB_COMMAND_H

#include "gdb.h"

/**
 * gdb_command() - carry out one packet
 * @g: the server; @g->parser has the packet and @g->reply takes the answer
 *
 * All vCPUs are stopped. Sets @g->resume if the guest is to go on or to end.
 *
 * Return: whether @g->reply is to be sent.
 */
bool gdb_command(struct gdb *g);

#endif /* VCPUCTL_GDB_COMMAND_H */
