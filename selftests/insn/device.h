/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with device memory: a hole in the VM's memory, backed by an array that counts
 * reads and writes. libsvmvcpu-insn makes the accesses, or the kernel if it was asked
 * to.
 *
 * For the programs in this folder; uses guest_idt.h.
 */
#ifndef SVMVCPU_INSN_DEVICE_H
#define SVMVCPU_INSN_DEVICE_H

#include "guest_idt.h"
#include "svmvcpu_insn.h"

#define DEVICE		0x80000UL	/* within reach of real mode */
#define DEVICE_BYTES	0x4000UL
#define DEVICE_END	(DEVICE + DEVICE_BYTES)
#define DEVICE_PORT	0x80

/* Exits after which a guest that makes no progress is given up */
#define DEVICE_EXITS	1000

/**
 * struct device_vm - a VM, and what is at DEVICE in it
 * @vm: .
 * @bytes: the device's registers; NULL: it is memory like the rest
 * @reads: made of the device
 * @writes: made to it
 * @ins: elements read from DEVICE_PORT by the library
 * @outs: elements written to it
 * @sum: of these
 * @finished: instructions the library finished, faults included
 * @mmio: MMIO exits
 */
struct device_vm {
	struct test_vm vm;
	unsigned char *bytes;
	unsigned int reads;
	unsigned int writes;
	unsigned int ins;
	unsigned int outs;
	uint64_t sum;
	unsigned int finished;
	unsigned int mmio;
};

/* The memory of DEVICE, whoever holds it */
static inline unsigned char *device_bytes(struct device_vm *d)
{
	return d->bytes ? d->bytes : d->vm.mem + DEVICE;
}

static inline void device_open(struct device_vm *d, uint32_t decode)
{
	struct svmvcpu_range hole = { .gpa = DEVICE, .bytes = DEVICE_BYTES };
	struct svmvcpu_exits exits = { .size = sizeof(exits), .decode = decode };

	memset(d, 0, sizeof(*d));
	vm_open(&d->vm);
	d->bytes = calloc(1, DEVICE_BYTES);
	if (!d->bytes || svmvcpu_vm_unmap(d->vm.vm, &hole, 1) ||
	    ioctl(d->vm.vcpu.fd, SVMVCPU_SET_EXITS, &exits))
		vm_die("device");
}

static inline void device_close(struct device_vm *d)
{
	vm_close(&d->vm);
	free(d->bytes);
}

static inline int device_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	struct device_vm *d = opaque;

	if (gpa < DEVICE || gpa + len > DEVICE_END)
		return -EIO;
	memcpy(buf, d->bytes + gpa - DEVICE, len);
	d->reads++;
	return 0;
}

static inline int device_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	struct device_vm *d = opaque;

	if (gpa < DEVICE || gpa + len > DEVICE_END)
		return -EIO;
	memcpy(d->bytes + gpa - DEVICE, buf, len);
	d->writes++;
	return 0;
}

/* Ports: reads return a counter, writes are added up */
static inline int device_in(void *opaque, __u16 port, unsigned int width, __u32 *value)
{
	struct device_vm *d = opaque;

	*value = 0x01010101 * ++d->ins;
	return port == DEVICE_PORT && width <= 4 ? 0 : -EIO;
}

static inline int device_out(void *opaque, __u16 port, unsigned int width, __u32 value)
{
	struct device_vm *d = opaque;

	d->outs++;
	d->sum += value;
	return port == DEVICE_PORT && width <= 4 ? 0 : -EIO;
}

static inline void device_inject(struct device_vm *d, uint32_t what, uint32_t error,
				 uint64_t address)
{
	d->vm.run->inject = SVMVCPU_INJECT_VALID | what;
	d->vm.run->inject_error = error;
	d->vm.run->inject_address = address;
}

/* Handles a MEMORY_FAULT exit as a VMM has to. 0 or the library's error. */
static inline int device_finish(struct device_vm *d)
{
	const struct svmvcpu_memory pieces[] = {
		{ 0, DEVICE, d->vm.mem },
		{ DEVICE_END, TEST_MEM - DEVICE_END, d->vm.mem + DEVICE_END },
	};
	const struct svmvcpu_guest guest = { pieces, 2 };
	struct svmvcpu_emul emul = {
		.guest = &guest, .read = device_read, .write = device_write,
		.in = device_in, .out = device_out, .opaque = d,
		.xstate_size = d->vm.info.xstate_size, .features = d->vm.info.features,
	};
	int ret = svmvcpu_vcpu_emulate(&d->vm.vcpu, &emul);

	if (ret < 0)
		return ret;
	d->finished++;
	if (ret == SVMVCPU_EMUL_FAULT)
		device_inject(d, SVMVCPU_INJECT_EXC | emul.fault.vector, emul.fault.error_code,
			      emul.fault.address);
	else if (emul.trap)
		device_inject(d, SVMVCPU_INJECT_EXC | VEC_DB, 0, 1 << 14);	/* BS */
	return 0;
}

static inline int device_mmio(struct device_vm *d)
{
	struct svmvcpu_exit_mmio mmio = d->vm.run->mmio;

	d->mmio++;
	d->vm.run->answer = 0;
	if (mmio.write)
		return device_write(d, mmio.gpa, &mmio.data, mmio.width);
	return device_read(d, mmio.gpa, &d->vm.run->answer, mmio.width);
}

/*
 * RUN until an exit that is no access to the device, or until the library refuses an
 * instruction. 0 or a negative errno.
 */
static inline int device_run(struct device_vm *d, struct idt_outcome *out)
{
	unsigned int exits;
	int ret = 0;

	for (exits = 0; !ret && exits < DEVICE_EXITS; exits++) {
		ret = -idt_run(&d->vm, out);
		if (ret)
			return ret;
		if (d->vm.run->reason == SVMVCPU_EXIT_MMIO)
			ret = device_mmio(d);
		else if (d->vm.run->reason == SVMVCPU_EXIT_MEMORY_FAULT)
			ret = device_finish(d);
		else
			return 0;
	}
	return ret ? ret : -ELOOP;
}

#endif /* SVMVCPU_INSN_DEVICE_H */
