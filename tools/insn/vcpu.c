// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: the connection with a vCPU: its run page, its registers, and
 * the register page of its local APIC. See svmvcpu_insn.h.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define NOT_DATA	(SVMVCPU_FAULT_EXEC | SVMVCPU_FAULT_WALK)
#define COMPONENTS	(SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL | \
			 SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_LAPIC)

#define APIC_BASE_X2		0x400ULL
#define APIC_BASE_ENABLE	0x800ULL

/**
 * struct finish - an instruction to finish on a vCPU
 * @vcpu: the vCPU
 * @mem: its last exit, a copy
 * @emul: what the library executes
 * @caller: what the caller passed
 * @state: of the vCPU
 * @gprs: its general registers
 * @xstate_size: bytes at @state.xstate, 0 when SSE registers are not to be had
 * @apic: address of the register page, if there is @has_apic
 * @has_apic: accesses to @apic are for the local APIC
 */
struct finish {
	struct svmvcpu_vcpu *vcpu;
	struct svmvcpu_exit_memory mem;
	struct svmvcpu_emul emul;
	struct svmvcpu_emul *caller;
	struct svmvcpu_state state;
	struct svmvcpu_gprs gprs;
	__u32 xstate_size;
	u64 apic;
	bool has_apic;
};

static int check_exit(const struct svmvcpu_run *run, const struct svmvcpu_exit_memory *mem)
{
	if (run->reason != SVMVCPU_EXIT_MEMORY_FAULT)
		return svmvcpu_fail(ENOTSUP, "the last exit is %s, not a memory fault",
				    svmvcpu_exit_name(run->reason));
	if (mem->flags & NOT_DATA)
		return svmvcpu_fail(ENOTSUP, "no data access of an instruction at %#llx",
				    mem->gpa);
	if (!mem->insn_len || mem->insn_len > sizeof(mem->insn))
		return svmvcpu_fail(ENOTSUP, "the instruction bytes are not known");
	return 0;
}

/*
 * For the page that faulted, the kernel tells whether it is the local APIC's. For other
 * pages the address decides: a region in front of it would be RAM.
 */
static void find_apic(struct finish *f)
{
	u64 base = f->state.lapic.base, page = ~(SVMVCPU_PAGE - 1);

	f->apic = base & page;
	f->has_apic = (base & (APIC_BASE_ENABLE | APIC_BASE_X2)) == APIC_BASE_ENABLE;
	if ((f->mem.gpa & page) == f->apic)
		f->has_apic = f->mem.flags & SVMVCPU_FAULT_APIC;
}

static bool is_apic(const struct finish *f, u64 gpa)
{
	return f->has_apic && gpa - f->apic < SVMVCPU_PAGE;
}

static int apic_access(struct finish *f, struct svmvcpu_apic_access *access)
{
	int err = svmvcpu_vcpu_apic_access(f->vcpu, access);

	if (!err && access->exit)
		f->emul.exit = access->exit;
	return err;
}

static int finish_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	struct finish *f = opaque;
	struct svmvcpu_apic_access access = { .offset = gpa - f->apic, .width = len };
	int err;

	if (!is_apic(f, gpa))
		return f->caller->read(f->caller->opaque, gpa, buf, len);
	err = apic_access(f, &access);
	if (!err)
		memcpy(buf, &access.data, len);
	return err;
}

static int finish_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	struct finish *f = opaque;
	struct svmvcpu_apic_access access = {
		.flags = SVMVCPU_APIC_WRITE, .offset = gpa - f->apic, .width = len,
	};

	if (!is_apic(f, gpa))
		return f->caller->write(f->caller->opaque, gpa, buf, len);
	memcpy(&access.data, buf, len);
	return apic_access(f, &access);
}

static int finish_in(void *opaque, __u16 port, unsigned int width, __u32 *value)
{
	struct finish *f = opaque;

	return f->caller->in(f->caller->opaque, port, width, value);
}

static int finish_out(void *opaque, __u16 port, unsigned int width, __u32 value)
{
	struct finish *f = opaque;

	return f->caller->out(f->caller->opaque, port, width, value);
}

static void finish_wrote(void *opaque, __u64 gpa, size_t len)
{
	struct finish *f = opaque;

	f->caller->wrote(f->caller->opaque, gpa, len);
}

/* Combines the caller's settings with the vCPU's state. */
static void prepare(struct finish *f)
{
	f->emul = *f->caller;
	f->emul.insn = f->mem.insn;
	f->emul.insn_len = f->mem.insn_len;
	f->emul.gpa = f->mem.gpa;
	f->emul.gprs = &f->gprs;
	f->emul.segments = &f->state.segments;
	f->emul.control = &f->state.control;
	f->emul.xstate = f->xstate_size ? (void *)(uintptr_t)f->state.xstate : NULL;
	f->emul.read = finish_read;
	f->emul.write = finish_write;
	f->emul.in = f->caller->in ? finish_in : NULL;
	f->emul.out = f->caller->out ? finish_out : NULL;
	f->emul.wrote = f->caller->wrote ? finish_wrote : NULL;
	f->emul.opaque = f;
	find_apic(f);
}

/*
 * The shadow of STI or MOV SS ends with this instruction. SET_STATE replaces all
 * events: an NMI that has come since they were read, possibly sent by the instruction,
 * must be among them. Later NMIs wait in the local APIC's inbox, which SET_STATE of
 * EVENTS does not change.
 */
static int end_shadow(struct finish *f, u64 *components)
{
	struct svmvcpu_state now;
	int err;

	if (!f->state.events.shadow)
		return 0;
	err = svmvcpu_vcpu_get_state(f->vcpu, SVMVCPU_STATE_EVENTS, &now);
	if (err)
		return err;
	f->state.events = now.events;
	f->state.events.shadow = 0;
	*components |= SVMVCPU_STATE_EVENTS;
	return 0;
}

static int put_state(struct finish *f, const struct svmvcpu_segments *segments_before,
		     const void *xstate_before)
{
	u64 components = 0;
	int err;

	if (memcmp(segments_before, &f->state.segments, sizeof(*segments_before)))
		components |= SVMVCPU_STATE_SEGMENTS;
	if (f->xstate_size && memcmp(xstate_before, f->emul.xstate, f->xstate_size))
		components |= SVMVCPU_STATE_XSTATE;
	err = end_shadow(f, &components);
	if (err || !components)
		return err;
	return svmvcpu_vcpu_set_state(f->vcpu, components, &f->state);
}

static void put_registers(struct finish *f)
{
	struct svmvcpu_run *run = f->vcpu->run;

	if (!memcmp(&run->gprs, &f->gprs, sizeof(f->gprs)))
		return;
	run->gprs = f->gprs;
	run->in_flags |= SVMVCPU_RUN_SET_GPRS;
}

/* 0, or the error of SET_STATE: then no register changes. */
static int put(struct finish *f, bool done, const struct svmvcpu_segments *segments_before,
	       const void *xstate_before)
{
	int err = done ? put_state(f, segments_before, xstate_before) : 0;

	if (err)
		f->emul.trap = false;
	else
		put_registers(f);
	return err;
}

/* @xstate: room for two images, or NULL */
static int finish(struct finish *f, void *xstate)
{
	struct svmvcpu_segments segments;
	u64 components = COMPONENTS;
	void *before = NULL;
	int ret, err;

	if (xstate) {
		before = (u8 *)xstate + f->xstate_size;
		f->state.xstate = (uintptr_t)xstate;
		f->state.xstate_size = f->xstate_size;
		components |= SVMVCPU_STATE_XSTATE;
	}
	ret = svmvcpu_vcpu_get_state(f->vcpu, components, &f->state);
	if (ret)
		return ret;
	if (f->state.events.exception)
		return svmvcpu_fail(ENOTSUP, "the delivery of an event accessed %#llx",
				    f->mem.gpa);
	if (xstate)
		memcpy(before, xstate, f->xstate_size);
	segments = f->state.segments;
	prepare(f);
	ret = emulate_after(&f->emul, f->mem.flags & SVMVCPU_FAULT_KERNEL);
	err = put(f, !ret, &segments, before);
	f->caller->fault = f->emul.fault;
	f->caller->trap = f->emul.trap;
	f->caller->exit = f->emul.exit;
	return err ? err : ret;
}

int svmvcpu_vcpu_emulate(struct svmvcpu_vcpu *vcpu, struct svmvcpu_emul *emul)
{
	struct finish f = {
		.vcpu = vcpu, .mem = vcpu->run->memory, .caller = emul,
		.gprs = vcpu->run->gprs, .xstate_size = emul->xstate_size,
	};
	void *xstate = NULL;
	int ret;

	ret = check_exit(vcpu->run, &f.mem);
	if (ret)
		return ret;
	if (f.xstate_size) {
		xstate = calloc(2, f.xstate_size);
		if (!xstate)
			return svmvcpu_fail(ENOMEM, "no memory for SSE registers");
	}
	ret = finish(&f, xstate);
	free(xstate);
	return ret;
}
