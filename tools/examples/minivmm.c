// SPDX-License-Identifier: GPL-2.0-only
/*
 * A complete VMM against the raw ABI: a real-mode guest sends two characters
 * to port 0x3f8 and halts. It builds with nothing but -Iinclude/uapi.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/svmvcpu.h>

static const unsigned char code[] = {
	0xba, 0xf8, 0x03,	/* mov $0x3f8, %dx */
	0xb0, 'O', 0xee,	/* mov $'O', %al; out %al, %dx */
	0xb0, 'K', 0xee,	/* mov $'K', %al; out %al, %dx */
	0xf4,			/* hlt */
};

int main(void)
{
	struct svmvcpu_info info = { .size = sizeof(info) };
	struct svmvcpu_create_vm vm_arg = { .size = sizeof(vm_arg) };
	struct svmvcpu_create_vcpu vcpu_arg = { .size = sizeof(vcpu_arg) };
	struct svmvcpu_setup setup = { .size = sizeof(setup), .entry = 0x1000, .stack = 0x1000 };
	struct svmvcpu_region ram = { .bytes = 0x10000, .prot = SVMVCPU_MEM_READ |
				      SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC };
	struct svmvcpu_map map = { .size = sizeof(map), .nr = 1, .regions = (unsigned long)&ram };
	unsigned char *mem = mmap(NULL, ram.bytes, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int dev = open("/dev/svmvcpu", O_RDWR | O_CLOEXEC), vm, vcpu;
	struct svmvcpu_run *run;

	if (mem == MAP_FAILED || dev < 0 || ioctl(dev, SVMVCPU_GET_INFO, &info) < 0)
		err(1, "/dev/svmvcpu");
	memcpy(mem + setup.entry, code, sizeof(code));
	ram.hva = (unsigned long)mem;
	vm = ioctl(dev, SVMVCPU_CREATE_VM, &vm_arg);
	if (vm < 0 || ioctl(vm, SVMVCPU_MAP, &map) < 0)
		err(1, "VM");
	vcpu = ioctl(vm, SVMVCPU_CREATE_VCPU, &vcpu_arg);
	if (vcpu < 0 || ioctl(vcpu, SVMVCPU_SETUP, &setup) < 0)
		err(1, "vCPU");
	run = mmap(NULL, info.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "run page");
	while (!ioctl(vcpu, SVMVCPU_RUN, 0)) {
		if (run->reason == SVMVCPU_EXIT_IO && run->io.port == 0x3f8) {
			putchar(run->io.data);
		} else {
			printf("\nexit %u at %#llx\n", run->reason, run->gprs.rip);
			return run->reason != SVMVCPU_EXIT_HALT;
		}
	}
	err(1, "RUN");
}
