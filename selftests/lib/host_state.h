/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State of the host for the lifecycle_* programs: EFER.SVME of each CPU, the module's
 * reference count, the kernel's log, and KVM as another user of SVM, with a minimal
 * guest.
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include <linux/kvm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "svmvcpu_test.h"

#define MSR_EFER		0xc0000080
#define MSR_VM_HSAVE_PA		0xc0010117
#define EFER_SVME		(1ULL << 12)

/* The module turns SVM off within a second after the last VM is closed. */
#define SVME_OFF_MS		1000

/* 0 if the MSR cannot be read: an offline CPU has no MSRs. */
static inline __u64 host_msr(int cpu, __u32 index)
{
	__u64 value = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (pread(fd, &value, sizeof(value), index) != sizeof(value))
		value = 0;
	close(fd);
	return value;
}

/* 0 or errno */
static inline int host_wrmsr(int cpu, __u32 index, __u64 value)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	if (pwrite(fd, &value, sizeof(value), index) != sizeof(value))
		err = errno;
	close(fd);
	return err;
}

static inline bool msr_readable(void)
{
	/* EFER.LMA is always set, so 0 means that the read failed. */
	return host_msr(0, MSR_EFER) & (1 << 10);
}

static inline bool svme_on(int cpu)
{
	return host_msr(cpu, MSR_EFER) & EFER_SVME;
}

static inline int host_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_CONF);
}

static inline int svme_count(void)
{
	int cpu, count = 0;

	for (cpu = 0; cpu < host_cpus(); cpu++)
		count += svme_on(cpu);
	return count;
}

/*
 * Waits until SVM is off on all CPUs, as long as the module may take. Counts short
 * sleeps rather than time, so that pauses of the emulator do not count.
 */
static inline bool svme_goes_off(void)
{
	int naps;

	for (naps = 0; svme_count() && naps < SVME_OFF_MS / 10; naps++)
		usleep(10000);
	return !svme_count();
}

static inline int module_refs(void)
{
	int refs = -1;
	FILE *f = fopen("/sys/module/svmvcpu/refcnt", "r");

	if (f) {
		if (fscanf(f, "%d", &refs) != 1)
			refs = -1;
		fclose(f);
	}
	return refs;
}

/* Runs a shell command without its output; returns its exit status. */
static inline int shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret;

	if (fd < 0)
		return errno;
	ret = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return ret;
}

/* Some kernels of the test machine have no KVM. */
static inline bool kvm_there(void)
{
	return !access("/lib/modules/kvm-amd.ko", F_OK);
}

static inline bool kvm_load(void)
{
	return !shell("[ -e /dev/kvm ] || modprobe kvm_amd");
}

static inline bool kvm_unload(void)
{
	return !shell("rmmod kvm_amd && rmmod kvm");
}

/**
 * struct kvm_guest - a VM of KVM's with one vCPU in real mode
 * @dev: /dev/kvm
 * @vm: .
 * @vcpu: .
 * @run: .
 * @mem: one page, at guest-physical 0x1000
 * @bytes: length of @run
 */
struct kvm_guest {
	int dev;
	int vm;
	int vcpu;
	struct kvm_run *run;
	unsigned char *mem;
	int bytes;
};

static inline void kvm_guest_close(struct kvm_guest *g)
{
	if (g->run)
		munmap(g->run, g->bytes);
	if (g->vcpu > 0)
		close(g->vcpu);
	if (g->vm > 0)
		close(g->vm);
	if (g->dev > 0)
		close(g->dev);
	if (g->mem)
		munmap(g->mem, 4096);
	memset(g, 0, sizeof(*g));
}

static inline int kvm_guest_memory(struct kvm_guest *g)
{
	static const unsigned char code[] = {
		0xb0, 0x42,		/* mov $0x42, %al */
		0xe6, 0x10,		/* out %al, $0x10 */
		0xf4,			/* hlt */
	};
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = 0x1000, .memory_size = 4096,
	};

	g->mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->mem == MAP_FAILED)
		return errno;
	memcpy(g->mem, code, sizeof(code));
	region.userspace_addr = (uintptr_t)g->mem;
	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) ? errno : 0;
}

static inline int kvm_guest_vcpu(struct kvm_guest *g)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;

	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->bytes = ioctl(g->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (g->vcpu < 0 || g->bytes < 0)
		return errno;
	g->run = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED)
		return errno;
	if (ioctl(g->vcpu, KVM_GET_SREGS, &sregs))
		return errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(g->vcpu, KVM_SET_SREGS, &sregs) || ioctl(g->vcpu, KVM_SET_REGS, &regs))
		return errno;
	return 0;
}

/* 0, or the errno of the step that failed; kvm_guest_close() in both cases */
static inline int kvm_guest_open(struct kvm_guest *g)
{
	int ret;

	memset(g, 0, sizeof(*g));
	g->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (g->dev < 0)
		return errno;
	g->vm = ioctl(g->dev, KVM_CREATE_VM, 0);
	if (g->vm < 0)
		return errno;
	ret = kvm_guest_memory(g);
	return ret ? ret : kvm_guest_vcpu(g);
}

/* 0 if the guest did its OUT and its HLT, otherwise the number of the step that failed */
static inline int kvm_guest_run(struct kvm_guest *g)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	unsigned char *data = (unsigned char *)g->run + g->run->io.data_offset;

	if (ioctl(g->vcpu, KVM_SET_REGS, &regs))
		return 1;
	if (ioctl(g->vcpu, KVM_RUN, 0) || g->run->exit_reason != KVM_EXIT_IO)
		return 2;
	data = (unsigned char *)g->run + g->run->io.data_offset;
	if (g->run->io.port != 0x10 || *data != 0x42)
		return 3;
	if (ioctl(g->vcpu, KVM_RUN, 0) || g->run->exit_reason != KVM_EXIT_HLT)
		return 4;
	return 0;
}

/* Creates a KVM VM and runs its guest; 0 on success. */
static inline int kvm_works(void)
{
	struct kvm_guest g;
	int ret = kvm_guest_open(&g);

	if (!ret)
		ret = kvm_guest_run(&g);
	kvm_guest_close(&g);
	return ret;
}

/* The kernel's log, from now on */
static inline int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static inline bool log_has(int fd, const char *text)
{
	char line[8192];
	bool found = false;
	ssize_t len;

	while (!found && (len = read(fd, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		found = strstr(line, text);
	}
	return found;
}

#endif /* HOST_STATE_H */
