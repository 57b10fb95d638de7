// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: vCPU files. The run page stays the caller's to read and write; only
 * svmvcpu_vcpu_window() and svmvcpu_vcpu_take_writes() interpret it, because offsets and
 * lengths must be checked against the mapping before anyone follows them.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "svmvcpu_lib.h"

static int vcpu_map(struct svmvcpu_vcpu *vcpu, size_t bytes)
{
	void *page;

	if (bytes < sizeof(struct svmvcpu_run))
		return svmvcpu_fail(EPROTO, "a run page of %zu bytes is too small", bytes);
	page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (page == MAP_FAILED)
		return svmvcpu_fail(errno, "cannot map the run page: %s", strerror(errno));
	vcpu->run = page;
	vcpu->mapped = bytes;
	return 0;
}

int svmvcpu_vcpu_create(int vm, unsigned int id, const struct svmvcpu_info *info,
			struct svmvcpu_vcpu *vcpu)
{
	return svmvcpu_vcpu_create_flags(vm, id, 0, info, vcpu);
}

int svmvcpu_vcpu_create_flags(int vm, unsigned int id, __u32 flags,
			      const struct svmvcpu_info *info, struct svmvcpu_vcpu *vcpu)
{
	struct svmvcpu_create_vcpu arg = { .size = sizeof(arg), .flags = flags, .id = id };
	int ret;

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->fd = ioctl(vm, SVMVCPU_CREATE_VCPU, &arg);
	if (vcpu->fd < 0)
		return svmvcpu_fail(errno, "CREATE_VCPU %u: %s", id, strerror(errno));
	ret = vcpu_map(vcpu, info->run_size);
	if (ret) {
		close(vcpu->fd);
		vcpu->fd = -1;
	}
	return ret;
}

void svmvcpu_vcpu_close(struct svmvcpu_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->mapped);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = -1;
}

int svmvcpu_vcpu_setup(struct svmvcpu_vcpu *vcpu, const struct svmvcpu_setup *setup)
{
	struct svmvcpu_setup arg = *setup;

	arg.size = sizeof(arg);
	if (!ioctl(vcpu->fd, SVMVCPU_SETUP, &arg))
		return 0;
	return svmvcpu_fail(errno, "SETUP for %s mode, entry %#llx: %s",
			    svmvcpu_preset_name(arg.preset), arg.entry, strerror(errno));
}

int svmvcpu_vcpu_run(struct svmvcpu_vcpu *vcpu)
{
	if (!ioctl(vcpu->fd, SVMVCPU_RUN, 0))
		return 0;
	return svmvcpu_fail(errno, "RUN: %s", svmvcpu_host_error(errno));
}

int svmvcpu_vcpu_run_args(struct svmvcpu_vcpu *vcpu, const struct svmvcpu_run_args *args)
{
	struct svmvcpu_run_args sized = *args;

	sized.size = sizeof(sized);
	if (!ioctl(vcpu->fd, SVMVCPU_RUN, &sized))
		return 0;
	return svmvcpu_fail(errno, "RUN: %s", svmvcpu_host_error(errno));
}

int svmvcpu_vcpu_kick(const struct svmvcpu_vcpu *vcpu)
{
	/* no text: a signal handler may be calling */
	return ioctl(vcpu->fd, SVMVCPU_KICK, 0) ? -errno : 0;
}

int svmvcpu_vcpu_get_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state)
{
	__u64 xstate = components & SVMVCPU_STATE_XSTATE ? state->xstate : 0;
	__u32 bytes = xstate ? state->xstate_size : 0;

	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->components = components;
	state->xstate = xstate;
	state->xstate_size = bytes;
	if (!ioctl(vcpu->fd, SVMVCPU_GET_STATE, state))
		return 0;
	return svmvcpu_fail(errno, "GET_STATE %#llx: %s", components, strerror(errno));
}

int svmvcpu_vcpu_set_state(struct svmvcpu_vcpu *vcpu, __u64 components,
			   struct svmvcpu_state *state)
{
	state->size = sizeof(*state);
	state->flags = 0;
	state->components = components;
	if (!ioctl(vcpu->fd, SVMVCPU_SET_STATE, state))
		return 0;
	return svmvcpu_fail(errno, "SET_STATE %#llx: %s", components, strerror(errno));
}

int svmvcpu_vcpu_set_exits(struct svmvcpu_vcpu *vcpu, __u32 exceptions)
{
	struct svmvcpu_exits exits = { .exceptions = exceptions };

	return svmvcpu_vcpu_choose_exits(vcpu, &exits);
}

int svmvcpu_vcpu_choose_exits(struct svmvcpu_vcpu *vcpu, struct svmvcpu_exits *exits)
{
	exits->size = sizeof(*exits);
	if (!ioctl(vcpu->fd, SVMVCPU_SET_EXITS, exits))
		return 0;
	return svmvcpu_fail(errno, "SET_EXITS of exceptions %#x, decode %#x, flags %#x: %s",
			    exits->exceptions, exits->decode, exits->flags, strerror(errno));
}

int svmvcpu_vcpu_lint(const struct svmvcpu_vcpu *vcpu, unsigned int pins)
{
	if (!ioctl(vcpu->fd, SVMVCPU_LINT, (unsigned long)pins))
		return 0;
	return svmvcpu_fail(errno, "LINT %#x: %s", pins, strerror(errno));
}

int svmvcpu_vcpu_apic_access(struct svmvcpu_vcpu *vcpu, struct svmvcpu_apic_access *access)
{
	access->size = sizeof(*access);
	if (!ioctl(vcpu->fd, SVMVCPU_APIC_ACCESS, access))
		return 0;
	return svmvcpu_fail(errno, "APIC_ACCESS at offset %#x, %u bytes: %s", access->offset,
			    access->width, strerror(errno));
}

int svmvcpu_vcpu_set_debug(struct svmvcpu_vcpu *vcpu, struct svmvcpu_set_debug *debug)
{
	debug->size = sizeof(*debug);
	if (!ioctl(vcpu->fd, SVMVCPU_SET_DEBUG, debug))
		return 0;
	return svmvcpu_fail(errno, "SET_DEBUG %#x: %s", debug->flags, strerror(errno));
}

int svmvcpu_vcpu_translate(struct svmvcpu_vcpu *vcpu, __u64 linear, __u32 access,
			   struct svmvcpu_translation *out)
{
	*out = (struct svmvcpu_translation) {
		.size = sizeof(*out), .linear = linear, .access = access,
	};
	if (!ioctl(vcpu->fd, SVMVCPU_TRANSLATE, out))
		return 0;
	return svmvcpu_fail(errno, "TRANSLATE %#llx: %s", linear, strerror(errno));
}

void *svmvcpu_vcpu_window(const struct svmvcpu_vcpu *vcpu, size_t *bytes)
{
	const struct svmvcpu_run *run = vcpu->run;
	size_t offset = run->io_data_offset;
	size_t len = (size_t)run->io.count * run->io.width;

	if (offset > vcpu->mapped || len > vcpu->mapped - offset)
		return NULL;
	*bytes = len;
	return (char *)vcpu->run + offset;
}

const struct svmvcpu_write *svmvcpu_vcpu_take_writes(const struct svmvcpu_vcpu *vcpu,
						     unsigned int *nr)
{
	struct svmvcpu_run *run = vcpu->run;
	const size_t offset = run->coalesced_offset;
	const unsigned int count = run->coalesced;

	*nr = 0;
	run->coalesced = 0;
	if (!count || offset > vcpu->mapped ||
	    count * sizeof(struct svmvcpu_write) > vcpu->mapped - offset)
		return NULL;
	*nr = count;
	return (const void *)((const char *)run + offset);
}

int svmvcpu_vcpu_get_stats(const struct svmvcpu_vcpu *vcpu, struct svmvcpu_vcpu_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	if (!ioctl(vcpu->fd, SVMVCPU_GET_VCPU_STATS, stats))
		return 0;
	return svmvcpu_fail(errno, "GET_VCPU_STATS: %s", strerror(errno));
}
