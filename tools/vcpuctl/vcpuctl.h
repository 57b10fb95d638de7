/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: what its files share: commands, exit statuses, the version.
 */
#ifndef VCPUCTL_H
#define VCPUCTL_H

#define VCPUCTL_VERSION	"0.1"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof(*(array)))

/*
 * Exit statuses of "vcpuctl run", as X(status, NAME, "name", "meaning"). The
 * manual page, --help and the JSON result speak of the same list. A guest that
 * writes code c to port 0xf4 ends with STATUS_GUEST_CODE + (c & 0x7f).
 */
#define VCPUCTL_STATUSES(X)							\
	X(0,  POWEROFF,		"power-off",	"the guest powered off")	\
	X(1,  ERROR,		"error",	"vcpuctl or the host failed")	\
	X(2,  USAGE,		"usage",	"invalid options or arguments")		\
	X(64, RESET,		"reset",	"the guest requested a reset")	\
	X(65, HALT,		"halt",		"the guest halted")		\
	X(66, SHUTDOWN,		"shutdown",	"the guest triple-faulted")	\
	X(67, TIMEOUT,		"timeout",	"the time limit of --timeout")	\
	X(68, MAX_EXITS,	"max-exits",	"the limit of --max-exits")	\
	X(69, INTERRUPTED,	"interrupted",	"stopped by SIGINT or SIGTERM")		\
	X(70, MEMORY_FAULT,	"memory-fault",	"access to unmapped memory") \
	X(71, FAIL_ENTRY,	"fail-entry",	"VMRUN refuses the guest's state") \
	X(72, EXCEPTION,	"exception",	"an exception that --catch selects")	\
	X(73, UNKNOWN,		"unknown",	"an exit that vcpuctl does not handle") \
	X(74, KILLED,		"killed",	"the debugger of --gdb killed the guest")	\
	X(128, GUEST_CODE,	"guest-code",	"and up: 128 + the code written to port 0xf4")

enum vcpuctl_status {
#define VCPUCTL_STATUS_ENUM(nr, name, str, text) STATUS_##name = nr,
	VCPUCTL_STATUSES(VCPUCTL_STATUS_ENUM)
#undef VCPUCTL_STATUS_ENUM
};

/* one per subcommand; argv[0] is the subcommand, the result an exit status */
int cmd_info(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_exits(int argc, char **argv);

#endif /* VCPUCTL_H */
