/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of guest memory: a guest that walks through an area above TEST_MEM, the
 * statistics of the VM, and userfaultfds.
 */
#ifndef GUEST_AREA_H
#define GUEST_AREA_H

#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "guest_thread.h"

#define AREA		0x40000000UL	/* aligned to 1 GiB */

/*
 * Code for GUEST32 that runs @insn on EDI pages; ESI points to the current page of
 * AREA.
 */
#define FOR_PAGES(insn)							\
	"mov $0x40000000, %esi\n"					\
	"1: " insn "\n"							\
	"add $0x1000, %esi\n"						\
	"dec %edi\n"							\
	"jnz 1b\n"							\
	"hlt"

#define SETUP_GUEST(vm, name, what)					\
do {									\
	struct svmvcpu_setup setup_ = {					\
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = (what),	\
	};								\
									\
	load_guest(vm, name);						\
	if (svmvcpu_vcpu_setup(&(vm)->vcpu, &setup_))			\
		vm_die("SETUP");					\
} while (0)

/* Maps a fresh page at @where; 0 or errno. */
static inline int fresh_page(volatile void *where)
{
	void *mem = mmap((void *)where, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return mem == MAP_FAILED ? errno : 0;
}

static inline struct svmvcpu_stats vm_stats(struct test_vm *t)
{
	struct svmvcpu_stats stats;

	if (svmvcpu_vm_get_stats(t->vm, &stats))
		vm_die("GET_STATS");
	return stats;
}

/* Opens a userfaultfd for the page at @where; -1 and errno on failure. */
static inline int page_monitor(volatile void *where, __u64 mode, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)where, .len = PAGE }, .mode = mode,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif /* GUEST_AREA_H */
