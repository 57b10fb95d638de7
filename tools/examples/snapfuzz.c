// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer in one file: runs a guest up to where it waits for input, takes a
 * snapshot, and then, over and over, writes an input, runs the guest to its end
 * or to a deadline, and puts everything back with one call.
 *
 *	snapfuzz [-n RUNS] [-s SEED] [-t MS] [-c] parser.bin
 *
 * The guest is flat 32-bit code for address 0x10000. It says OUT to port 0x10
 * when it is ready, with the address of its buffer (a length, then the bytes) in
 * EDI, and to port 0x11 when it is done, with its verdict in EAX. Needs nothing
 * but the ABI header.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/svmvcpu.h>

#define MEMORY		(1UL << 20)
#define LOAD		0x10000UL
#define PAGE		4096UL
#define PORT_READY	0x10
#define PORT_DONE	0x11
#define INPUT_MAX	256U

/* Results of a run */
enum end { END_OK, END_REJECTED, END_HANG, END_CRASH, NR_ENDS };

static const char * const end_names[NR_ENDS] = { "ok", "rejected", "hang", "crash" };

struct fuzzer {
	int vm;
	int vcpu;
	struct svmvcpu_run *run;
	unsigned char *mem;
	unsigned char *buffer;		/* the guest's buffer, in the VMM's memory */
	unsigned int len;
	unsigned char input[INPUT_MAX];
	unsigned long random;
	unsigned long deadline_ms;	/* limit of a run; longer ones hang */
	unsigned long ends[NR_ENDS];
	unsigned long long pages;
};

static const unsigned char seed_input[] = "SNAP\001\005hello\003\004Ada.\001\003abc";

static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static unsigned int roll(struct fuzzer *f, unsigned int below)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random % below;
}

static void load(struct fuzzer *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	f->mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->mem == MAP_FAILED || fd < 0 || read(fd, f->mem + LOAD, MEMORY - LOAD) <= 0)
		err(1, "%s", path);
	close(fd);
}

static void make_vm(struct fuzzer *f)
{
	struct svmvcpu_info info = { .size = sizeof(info) };
	struct svmvcpu_create_vm vm = { .size = sizeof(vm) };
	struct svmvcpu_create_vcpu vcpu = { .size = sizeof(vcpu) };
	struct svmvcpu_region ram = {
		.bytes = MEMORY, .hva = (unsigned long)f->mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC,
	};
	struct svmvcpu_map map = { .size = sizeof(map), .nr = 1, .regions = (unsigned long)&ram };
	struct svmvcpu_setup setup = {
		.size = sizeof(setup), .preset = SVMVCPU_PRESET_PROT32,
		.entry = LOAD, .stack = LOAD,
	};
	int dev = open("/dev/svmvcpu", O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, SVMVCPU_GET_INFO, &info))
		err(1, "/dev/svmvcpu");
	f->vm = ioctl(dev, SVMVCPU_CREATE_VM, &vm);
	if (f->vm < 0 || ioctl(f->vm, SVMVCPU_MAP, &map))
		err(1, "VM");
	f->vcpu = ioctl(f->vm, SVMVCPU_CREATE_VCPU, &vcpu);
	if (f->vcpu < 0 || ioctl(f->vcpu, SVMVCPU_SETUP, &setup))
		err(1, "vCPU");
	f->run = mmap(NULL, info.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->vcpu, 0);
	if (f->run == MAP_FAILED)
		err(1, "run page");
}

static bool at_port(const struct fuzzer *f, unsigned int port)
{
	return f->run->reason == SVMVCPU_EXIT_IO && f->run->io.port == port;
}

/* Runs up to the point where the guest wants input, at which each run begins */
static void run_to_snapshot(struct fuzzer *f)
{
	struct svmvcpu_snapshot snapshot = { .size = sizeof(snapshot) };
	struct svmvcpu_range range = { .bytes = PAGE };
	struct svmvcpu_preserve preserve = {
		.size = sizeof(preserve), .nr = 1, .ranges = (unsigned long)&range,
	};
	unsigned long gpa;

	f->run->deadline_ns = now_ns() + 10000000000ULL;
	if (ioctl(f->vcpu, SVMVCPU_RUN, 0))
		err(1, "RUN");
	if (!at_port(f, PORT_READY))
		errx(1, "the guest does not get ready: exit %u at %#llx", f->run->reason,
		     f->run->gprs.rip);
	gpa = f->run->gprs.rdi;
	if (gpa % PAGE || gpa >= MEMORY)
		errx(1, "no good buffer: %#lx", gpa);
	f->buffer = f->mem + gpa;
	range.gpa = gpa;
	if (ioctl(f->vm, SVMVCPU_SNAPSHOT, &snapshot))
		err(1, "SNAPSHOT");
	/* The only page that the VMM writes */
	if (ioctl(f->vm, SVMVCPU_PRESERVE, &preserve))
		err(1, "PRESERVE");
}

/* The valid input with some random changes */
static void mutate(struct fuzzer *f)
{
	static const unsigned char odd[] = { 0, 1, 0x10, 0x20, 0x7f, 0x80, 0xff };
	unsigned int times = 1 + roll(f, 4), at;

	memset(f->input, 0, sizeof(f->input));
	memcpy(f->input, seed_input, sizeof(seed_input));
	f->len = sizeof(seed_input);
	while (times--) {
		at = roll(f, f->len);
		switch (roll(f, 5)) {
		case 0:
			f->input[at] ^= 1U << roll(f, 8);
			break;
		case 1:
			f->input[at] = roll(f, 256);
			break;
		case 2:
			f->input[at] = odd[roll(f, sizeof(odd))];
			break;
		case 3:
			f->len = 1 + roll(f, INPUT_MAX);
			break;
		default:
			memmove(f->input + at, f->input + roll(f, f->len),
				roll(f, INPUT_MAX - at) / 2);
		}
	}
}

static enum end run_one(struct fuzzer *f)
{
	memcpy(f->buffer, &f->len, sizeof(f->len));
	memcpy(f->buffer + sizeof(f->len), f->input, f->len);
	f->run->deadline_ns = now_ns() + f->deadline_ms * 1000000;
	if (ioctl(f->vcpu, SVMVCPU_RUN, 0))
		err(1, "RUN");
	if (at_port(f, PORT_DONE))
		return f->run->io.data ? END_REJECTED : END_OK;
	return f->run->reason == SVMVCPU_EXIT_INTERRUPTED ? END_HANG : END_CRASH;
}

static void tell(const struct fuzzer *f, enum end how, unsigned long run)
{
	unsigned int i;

	printf("%s in run %lu: ", end_names[how], run);
	/* The RIP at a deadline depends on timing. */
	if (how == END_CRASH)
		printf("exit %u at %#llx, ", f->run->reason, f->run->gprs.rip);
	printf("input");
	for (i = 0; i < f->len; i++)
		printf(" %02x", f->input[i]);
	putchar('\n');
}

static void fuzz(struct fuzzer *f, unsigned long runs, bool to_crash)
{
	struct svmvcpu_restore restore = { .size = sizeof(restore) };
	unsigned long i;
	enum end how;

	for (i = 1; i <= runs && !(to_crash && f->ends[END_CRASH]); i++) {
		mutate(f);
		how = run_one(f);
		if (how >= END_HANG && !f->ends[how])
			tell(f, how, i);
		f->ends[how]++;
		if (ioctl(f->vm, SVMVCPU_RESTORE, &restore))
			err(1, "RESTORE");
		f->pages += restore.pages;
	}
}

static unsigned long to_number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (!*text || *end || !value)
		errx(2, "not a number above 0: %s", text);
	return value;
}

int main(int argc, char **argv)
{
	struct fuzzer f = { .random = 1, .deadline_ms = 20 };
	unsigned long runs = 10000, done = 0;
	unsigned long long begin, ns;
	bool to_crash = false;
	int opt, i;

	while ((opt = getopt(argc, argv, "n:s:t:c")) != -1) {
		if (opt == 'n')
			runs = to_number(optarg);
		else if (opt == 's')
			f.random = to_number(optarg);
		else if (opt == 't')
			f.deadline_ms = to_number(optarg);
		else if (opt == 'c')
			to_crash = true;
		else
			return 2;
	}
	if (optind != argc - 1)
		errx(2, "usage: snapfuzz [-n RUNS] [-s SEED] [-t MS] [-c] parser.bin");
	load(&f, argv[optind]);
	make_vm(&f);
	run_to_snapshot(&f);
	begin = now_ns();
	fuzz(&f, runs, to_crash);
	ns = now_ns() - begin;
	for (i = 0; i < NR_ENDS; i++) {
		printf("%s %lu, ", end_names[i], f.ends[i]);
		done += f.ends[i];
	}
	printf("%.1f pages restored each\n", (double)f.pages / done);
	printf("%lu executions in %.2f s, %.0f per second\n", done, ns / 1e9, done * 1e9 / ns);
	return f.ends[END_CRASH] ? 3 : 0;
}
