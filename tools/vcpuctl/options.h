/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the command line of "vcpuctl run" and the numbers people write.
 */
#ifndef VCPUCTL_OPTIONS_H
#define VCPUCTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#include "pin.h"

#define MAX_FILES	16
#define MAX_MODULES	16
#define MAX_CPUS	255	/* 0xff is no APIC ID */
#define MODE_AUTO	(-1)

/* how a kernel is started; the names are values of --mode */
enum boot_protocol {
	BOOT_AUTO,	/* by the image */
	BOOT_NONE,	/* no protocol: the image is code */
	BOOT_LINUX,
	BOOT_MULTIBOOT,
	BOOT_MULTIBOOT2,
	BOOT_PVH,
};

/* --file PATH@ADDRESS */
struct file_at {
	const char *path;	/* allocated */
	__u64 gpa;
};

/* accesses to addresses where nothing is */
enum unclaimed {
	UNCLAIMED_AUTO,		/* ignored for kernels and firmware */
	UNCLAIMED_STOP,
	UNCLAIMED_IGNORE,	/* reads are all ones, writes have no effect */
};

/* --module "PATH WORDS" */
struct module_text {
	const char *path;	/* allocated */
	const char *text;	/* all of it */
};

/* a number that may not have been given */
struct optional {
	bool given;
	__u64 value;
};

/**
 * struct run_options - "vcpuctl run" as asked for, before any default
 * @image: file to run; NULL only with @bios
 * @bios: firmware image, or NULL
 * @serial_in: "-" for stdin, "none", or a path
 * @gdb: address for a debugger, or NULL
 * @mode: an &enum svmvcpu_preset or MODE_AUTO
 * @boot: a protocol named by --mode, BOOT_NONE with another mode, or BOOT_AUTO
 * @initrd: first file for a kernel, or NULL
 * @append: command line for a kernel, or NULL
 * @mem: bytes of RAM; 0 when not given
 * @cpus: number of vCPUs, 1 to MAX_CPUS
 * @pin: a host CPU for each vCPU's thread
 * @pins: those of --pin=LIST
 * @load: --load
 * @entry: --entry
 * @stack: --stack
 * @cr3: --cr3
 * @arg: --arg, first RDI
 * @timeout_ns: 0 for none
 * @max_exits: 0 for no limit
 * @catch: exception vectors to stop at, as a mask
 * @no_faults: do not have the module follow faults
 * @step: an exit behind each instruction
 * @unclaimed: --unclaimed
 * @trace: print every exit
 * @stats: print the vCPUs' counters at the end
 * @json: for machines
 * @quiet: no summary
 * @msr_ignore: unknown MSRs read 0 instead of raising #GP
 * @lapic: a local APIC in the kernel and an I/O APIC here
 * @wait: run the guest when a debugger lets it
 * @nr_files: entries of @files
 * @files: --file
 * @nr_modules: entries of @modules
 * @modules: --module
 */
struct run_options {
	const char *image;
	const char *bios;
	const char *serial_in;
	const char *initrd;
	const char *append;
	const char *gdb;
	int mode;
	enum boot_protocol boot;
	__u64 mem;
	unsigned int cpus;
	bool pin;
	struct pin_list pins;
	struct optional load;
	struct optional entry;
	struct optional stack;
	struct optional cr3;
	struct optional arg;
	__u64 timeout_ns;
	__u64 max_exits;
	__u32 catch;
	bool no_faults;
	bool step;
	enum unclaimed unclaimed;
	bool trace;
	bool stats;
	bool json;
	bool quiet;
	bool msr_ignore;
	bool lapic;
	bool wait;
	unsigned int nr_files;
	struct file_at files[MAX_FILES];
	unsigned int nr_modules;
	struct module_text modules[MAX_MODULES];
};

/* a number with optional K, M, G or T behind it: 0, or -EINVAL or -ERANGE */
int parse_size(const char *text, __u64 *value);
/* seconds with up to nine decimals, as nanoseconds; not zero */
int parse_seconds(const char *text, __u64 *ns);
/* a list of exception vectors below 32, like "6,13", as a mask */
int parse_vectors(const char *text, __u32 *mask);

/**
 * parse_run() - read the command line
 * @argc: as in main, argv[0] being "run"
 * @argv: .
 * @o: filled in; release with free_run()
 * @err: complaints go here
 *
 * Return: 0; 1 when --help has been printed; -EINVAL after a complaint.
 */
int parse_run(int argc, char **argv, struct run_options *o, FILE *err);
void free_run(struct run_options *o);

#endif /* VCPUCTL_OPTIONS_H */
