// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: vCPUs and their memory for the GDB server.
 */
#include <errno.h>

#include "gdb_vcpu.h"

static int read_cpu(void *arg, unsigned int nr, struct gdb_cpu *cpu)
{
	const struct gdb_vcpus *v = arg;
	int ret;

	cpu->state.xstate = (__u64)(unsigned long)cpu->xsave;
	cpu->state.xstate_size = v->info->xstate_size;
	ret = svmvcpu_vcpu_get_state(&v->vcpus[nr], GDB_COMPONENTS, &cpu->state);
	if (!ret)
		gdb_xsave_complete(cpu);
	return ret;
}

static int write_cpu(void *arg, unsigned int nr, struct gdb_cpu *cpu, __u64 components)
{
	const struct gdb_vcpus *v = arg;

	return svmvcpu_vcpu_set_state(&v->vcpus[nr], components, &cpu->state);
}

/*
 * A debugger may read and write what the guest may not, so only reads are translated. A
 * kernel with SMAP cannot read the pages of user space, and user space not those of the
 * kernel: what either can read will do.
 */
static __u8 *memory(void *arg, unsigned int nr, __u64 linear)
{
	static const __u32 accesses[] = { SVMVCPU_ACCESS_SUPERVISOR, SVMVCPU_ACCESS_USER };
	const struct gdb_vcpus *v = arg;
	struct svmvcpu_translation found;
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (!svmvcpu_vcpu_translate(&v->vcpus[nr], linear, accesses[i], &found) &&
		    found.result == SVMVCPU_TRANSLATE_DONE)
			return svmvcpu_gpa_to_hva(v->guest, found.gpa,
						  SVMVCPU_PAGE - (found.gpa & (SVMVCPU_PAGE - 1)));
	return NULL;
}

static int set_debug(void *arg, unsigned int nr, struct svmvcpu_set_debug *debug)
{
	const struct gdb_vcpus *v = arg;

	return svmvcpu_vcpu_set_debug(&v->vcpus[nr], debug);
}

static void kick(void *arg, unsigned int nr)
{
	const struct gdb_vcpus *v = arg;

	svmvcpu_vcpu_kick(&v->vcpus[nr]);
}

struct gdb *gdb_vcpu_open(const char *address, struct gdb_vcpus *vcpus, int (*stopping)(void))
{
	const struct gdb_target target = {
		.nr = vcpus->nr, .arg = vcpus, .read_cpu = read_cpu, .write_cpu = write_cpu,
		.memory = memory, .set_debug = set_debug, .kick = kick, .stopping = stopping,
	};

	if (vcpus->nr > GDB_CPUS_MAX) {
		svmvcpu_fail(E2BIG, "--gdb: no more than %d CPUs", GDB_CPUS_MAX);
		return NULL;
	}
	if (vcpus->info->xstate_size > GDB_XSAVE_MAX) {
		svmvcpu_fail(E2BIG, "--gdb: XSAVE areas of %u bytes are too large",
			     vcpus->info->xstate_size);
		return NULL;
	}
	return gdb_open(address, &target);
}
