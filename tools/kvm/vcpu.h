/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: a vCPU. All functions but those for calls with CALL_ASYNC expect its
 * lock, which call_object() takes.
 */
#ifndef KVM_VCPU_H
#define KVM_VCPU_H

#include <pthread.h>

#include <linux/kvm.h>

#include "object.h"
#include "svmvcpu_lib.h"

/* What a program maps: struct kvm_run, and a page for the data of port accesses */
#define RUN_BYTES	4096
#define VCPU_MMAP_BYTES	(2 * RUN_BYTES)
#define IO_DATA_OFFSET	RUN_BYTES

#define MAX_CPUID	256
#define NR_STORED_MSRS	161

struct vm;

/**
 * struct access - a device access of an instruction that the library executes
 * @kind: what it is
 * @address: guest-physical address or port
 * @len: number of bytes
 * @data: what is read or written
 */
struct access {
	enum access_kind {
		ACCESS_READ,
		ACCESS_WRITE,
		ACCESS_IN,
		ACCESS_OUT,
	} kind;
	__u64 address;
	unsigned int len;
	__u64 data;
};

/* An instruction has at most two operands of 64 bytes, in pieces of 8 bytes. */
#define MAX_ACCESSES	16

/**
 * struct replay - an instruction that needs several exits: it is executed from the start
 *	again after each, with the results of earlier accesses
 * @access: those that are done, and the next one
 * @nr: how many are done
 * @next: index of the next one in the present execution
 */
struct replay {
	struct access access[MAX_ACCESSES];
	unsigned int nr;
	unsigned int next;
};

/**
 * struct vcpu - a vCPU
 * @object: what its descriptors refer to
 * @vm: its VM; the object has a reference
 * @id: its number, and APIC ID
 * @lock: held by every call but those with CALL_ASYNC. A signal handler may make calls
 *	while its thread is in KVM_RUN, so it is recursive
 * @dev: file of svmvcpu and run page, whose registers are always valid
 * @run: what the program sees
 * @complete: finishes the last exit with the program's answer; 0, a positive number if
 *	there is another exit, or -errno
 * @fd: the descriptor that the program gets
 * @apic_base: IA32_APIC_BASE; without a local APIC, what the program has set
 * @has_sigmask: KVM_SET_SIGNAL_MASK has set @sigmask
 * @sigmask: signals that are blocked during KVM_RUN; 0 without @has_sigmask
 * @irq: an interrupt of KVM_INTERRUPT that svmvcpu has not taken; 0 for none
 * @replay: the instruction that is executed
 * @cpuid: as set by the program
 * @nr_cpuid: number of entries
 * @msrs: values of MSRs that only the library has
 * @xsave: an image of KVM_SET_XSAVE with more components than XCR0 has, until KVM_SET_XCRS
 *	allows them; NULL if there is none
 */
struct vcpu {
	struct object *object;
	struct vm *vm;
	unsigned int id;
	pthread_mutex_t lock;
	struct svmvcpu_vcpu dev;
	struct kvm_run *run;
	long (*complete)(struct vcpu *vcpu);
	int fd;
	__u64 apic_base;
	bool has_sigmask;
	__u64 sigmask;
	__u32 irq;
	struct replay replay;
	struct kvm_cpuid_entry2 cpuid[MAX_CPUID];
	unsigned int nr_cpuid;
	__u64 msrs[NR_STORED_MSRS];
	void *xsave;
};

extern const struct object_type vcpu_type;

/* vcpu.c */
long vcpu_create(struct vm *vm, unsigned int id, struct vcpu **vcpu);
long vcpu_publish(struct vcpu *vcpu);
void vcpu_free(struct vcpu *vcpu);
/* reset to the state of a new vCPU, or of one after a triple fault */
int vcpu_reset(struct vcpu *vcpu);
long vcpu_mmap(struct vcpu *vcpu, void **mapped, void *address, size_t len, int prot,
	       int flags, off_t offset);
bool vcpu_has_lapic(const struct vcpu *vcpu);

/* state.c: SVMVCPU_STATE_* components; 0 or -errno */
int state_get(struct vcpu *vcpu, __u64 components, struct svmvcpu_state *state);
int state_set(struct vcpu *vcpu, __u64 components, struct svmvcpu_state *state);

/* fpu.c */
int fpu_init(struct vcpu *vcpu);

/* run.c */
long vcpu_run(void *vcpu, unsigned long arg);
long vcpu_set_sigmask(void *vcpu, unsigned long arg);

/* sync.c */
long sync_in(struct vcpu *vcpu);
void sync_out(struct vcpu *vcpu);

/*
 * exit.c: translate the exit on the run page into one of KVM. RESUME: the guest goes on;
 * LEAVE: @vcpu->run describes it; or -errno
 */
enum { LEAVE, RESUME };
long exit_handle(struct vcpu *vcpu);
void exit_mmio(struct vcpu *vcpu, const struct access *access);
void exit_io(struct vcpu *vcpu, const struct access *access);

/* emulate.c: execute the instruction of a memory fault; results as of exit_handle() */
long emulate(struct vcpu *vcpu);

/* msr.c: whether the register exists, and its value */
bool msr_read(struct vcpu *vcpu, __u32 index, __u64 *value);
bool msr_write(struct vcpu *vcpu, __u32 index, __u64 value);
void msr_reset(struct vcpu *vcpu);
/* the MSRs that the kernel handles, by number; 0 after the last */
__u32 msr_of_kernel(unsigned int nr);

/* ioctls */
long regs_get(void *vcpu, unsigned long arg);
long regs_set(void *vcpu, unsigned long arg);
long sregs_get(void *vcpu, unsigned long arg);
long sregs_set(void *vcpu, unsigned long arg);
long sregs2_get(void *vcpu, unsigned long arg);
long sregs2_set(void *vcpu, unsigned long arg);
long debugregs_get(void *vcpu, unsigned long arg);
long debugregs_set(void *vcpu, unsigned long arg);
long fpu_get(void *vcpu, unsigned long arg);
long fpu_set(void *vcpu, unsigned long arg);
long xsave_get(void *vcpu, unsigned long arg);
long xsave_set(void *vcpu, unsigned long arg);
long xcrs_get(void *vcpu, unsigned long arg);
long xcrs_set(void *vcpu, unsigned long arg);
long msrs_get(void *vcpu, unsigned long arg);
long msrs_set(void *vcpu, unsigned long arg);
long cpuid_get(void *vcpu, unsigned long arg);
long cpuid_set(void *vcpu, unsigned long arg);
long lapic_get(void *vcpu, unsigned long arg);
long lapic_set(void *vcpu, unsigned long arg);
long events_get(void *vcpu, unsigned long arg);
long events_set(void *vcpu, unsigned long arg);
long event_interrupt(void *vcpu, unsigned long arg);
long event_nmi(void *vcpu, unsigned long arg);
long mp_state_get(void *vcpu, unsigned long arg);
long mp_state_set(void *vcpu, unsigned long arg);
long debug_set(void *vcpu, unsigned long arg);
long debug_translate(void *vcpu, unsigned long arg);

#endif /* KVM_VCPU_H */
