// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: showing counters. Tables are sorted by rate, because what happens most often is
 * what costs most. The two times of a vCPU are in the table of vCPUs, as percentages.
 */
#include <stdlib.h>
#include <string.h>

#include "statshow.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

/* a line of the table of counters */
struct counter {
	const char *prefix;
	const char *name;
	const char *text;
	__u64 total;
	__u64 more;	/* since the scan before */
};

/* a line of the table of vCPUs */
struct line {
	const struct stat_vcpu *vcpu;
	__u64 more[SVMVCPU_STAT_NR];	/* since the scan before */
};

/* a counter may go back a little while it is read: see SVMVCPU_STAT_LOADED_NS */
static __u64 increase(__u64 now, __u64 before)
{
	return now > before ? now - before : 0;
}

static bool is_time(unsigned int stat)
{
	return stat == SVMVCPU_STAT_LOADED_NS || stat == SVMVCPU_STAT_HALTED_NS;
}

void stat_print(FILE *out, const struct svmvcpu_vcpu_stats *stats)
{
	unsigned int i;

	for (i = 0; i < SVMVCPU_STAT_NR; i++)
		if (stats->values[i])
			fprintf(out, "%14llu  %-14s  %s\n", stats->values[i],
				svmvcpu_stat_name(i), svmvcpu_stat_text(i));
}

void stat_json_values(struct json *j, const __u64 *values)
{
	unsigned int i;

	for (i = 0; i < SVMVCPU_STAT_NR; i++)
		json_num(j, svmvcpu_stat_name(i), values[i]);
}

static void json_memory(struct json *j, struct svmvcpu_stats *memory)
{
	unsigned int i;

	json_open(j, "memory");
	for (i = 0; i < SVMVCPU_VM_STAT_NR; i++)
		json_num(j, svmvcpu_vm_stat_name(i), *svmvcpu_vm_stat(memory, i));
	json_close(j);
}

void stat_show_json(FILE *out, const struct stat_scan *now)
{
	struct json j = { .out = out };
	unsigned int i, v;

	json_open(&j, NULL);
	json_open_array(&j, "vms");
	for (i = 0; i < now->nr_vms; i++) {
		struct stat_vm *vm = &now->vms[i];

		json_open(&j, NULL);
		json_num(&j, "vm", vm->vm);
		json_num(&j, "pid", vm->pid);
		json_str(&j, "command", vm->command);
		if (vm->has_memory)
			json_memory(&j, &vm->memory);
		json_open_array(&j, "vcpus");
		for (v = 0; v < now->nr_vcpus; v++) {
			if (now->vcpus[v].vm != vm->vm)
				continue;
			json_open(&j, NULL);
			json_num(&j, "vcpu", now->vcpus[v].id);
			stat_json_values(&j, now->vcpus[v].values);
			json_close(&j);
		}
		json_close_array(&j);
		json_close(&j);
	}
	json_close_array(&j);
	json_num(&j, "denied", now->denied);
	json_close(&j);
	putc('\n', out);
}

static int by_exits(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	__u64 more_x = x->more[SVMVCPU_STAT_EXITS], more_y = y->more[SVMVCPU_STAT_EXITS];

	if (more_x != more_y)
		return more_x < more_y ? 1 : -1;
	/* both pointers are into the same array, which is sorted by VM and number */
	return x->vcpu < y->vcpu ? -1 : 1;
}

static struct line *make_lines(const struct stat_scan *now, const struct stat_scan *before)
{
	struct line *lines = calloc(now->nr_vcpus + 1, sizeof(*lines));
	const struct stat_vcpu *old;
	unsigned int i, s;

	for (i = 0; lines && i < now->nr_vcpus; i++) {
		lines[i].vcpu = &now->vcpus[i];
		old = before ? stat_find_vcpu(before, now->vcpus[i].vm, now->vcpus[i].id) : NULL;
		for (s = 0; old && s < SVMVCPU_STAT_NR; s++)
			lines[i].more[s] = increase(now->vcpus[i].values[s], old->values[s]);
	}
	if (lines)
		qsort(lines, now->nr_vcpus, sizeof(*lines), by_exits);
	return lines;
}

static void show_vcpus(FILE *out, const struct stat_scan *now, const struct line *lines,
		       bool rates, double seconds)
{
	unsigned int i;

	fprintf(out, "%7s %-15s %4s %4s %14s", "PID", "COMMAND", "VM", "VCPU", "EXITS");
	fputs(rates ? "      EXITS/S       USER/S LOADED HALTED\n" :
		      "     USER EXITS    LOADED    HALTED\n", out);
	for (i = 0; i < now->nr_vcpus; i++) {
		const __u64 *total = lines[i].vcpu->values, *more = lines[i].more;
		const struct stat_vm *vm = stat_find_vm(now, lines[i].vcpu->vm);

		fprintf(out, "%7d %-15.15s %4llu %4u %14llu", vm->pid, vm->command, vm->vm,
			lines[i].vcpu->id, total[SVMVCPU_STAT_EXITS]);
		if (rates)
			fprintf(out, " %12.0f %12.0f %5.1f%% %5.1f%%\n",
				more[SVMVCPU_STAT_EXITS] / seconds,
				more[SVMVCPU_STAT_USER_EXITS] / seconds,
				more[SVMVCPU_STAT_LOADED_NS] / seconds / 1e7,
				more[SVMVCPU_STAT_HALTED_NS] / seconds / 1e7);
		else
			fprintf(out, " %14llu %8.2fs %8.2fs\n",
				total[SVMVCPU_STAT_USER_EXITS],
				total[SVMVCPU_STAT_LOADED_NS] / 1e9,
				total[SVMVCPU_STAT_HALTED_NS] / 1e9);
	}
}

static unsigned int sum_vcpus(struct counter *to, const struct line *lines, unsigned int nr)
{
	unsigned int s, i, used = 0;

	for (s = 0; s < SVMVCPU_STAT_NR; s++) {
		if (is_time(s))
			continue;
		to[used].prefix = "";
		to[used].name = svmvcpu_stat_name(s);
		to[used].text = svmvcpu_stat_text(s);
		for (i = 0; i < nr; i++) {
			to[used].total += lines[i].vcpu->values[s];
			to[used].more += lines[i].more[s];
		}
		used++;
	}
	return used;
}

static unsigned int sum_memory(struct counter *to, const struct stat_scan *now,
			       const struct stat_scan *before)
{
	struct stat_vm *old;
	unsigned int i, s;

	for (s = 0; s < SVMVCPU_VM_STAT_NR; s++) {
		to[s].prefix = "memory.";
		to[s].name = svmvcpu_vm_stat_name(s);
		to[s].text = svmvcpu_vm_stat_text(s);
		for (i = 0; i < now->nr_vms; i++) {
			__u64 value = *svmvcpu_vm_stat(&now->vms[i].memory, s);

			old = before ? stat_find_vm(before, now->vms[i].vm) : NULL;
			to[s].total += value;
			if (old)
				to[s].more += increase(value, *svmvcpu_vm_stat(&old->memory, s));
		}
	}
	return SVMVCPU_VM_STAT_NR;
}

static int by_rate(const void *a, const void *b)
{
	const struct counter *x = a, *y = b;

	if (x->more != y->more)
		return x->more < y->more ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void show_counters(FILE *out, struct counter *counters, unsigned int nr, bool rates,
			  double seconds)
{
	unsigned int i;
	char name[32];

	qsort(counters, nr, sizeof(*counters), by_rate);
	fprintf(out, "%-18s %14s %s DESCRIPTION\n", "COUNTER", "TOTAL",
		rates ? "   PER SECOND" : "");
	for (i = 0; i < nr && counters[i].total; i++) {
		snprintf(name, sizeof(name), "%s%s", counters[i].prefix, counters[i].name);
		fprintf(out, "%-18s %14llu ", name, counters[i].total);
		if (rates)
			fprintf(out, "%13.0f ", counters[i].more / seconds);
		fprintf(out, "%s%s\n", rates ? "" : " ", counters[i].text);
	}
}

void stat_show(FILE *out, const struct stat_scan *now, const struct stat_scan *before,
	       double seconds)
{
	struct counter counters[SVMVCPU_STAT_NR + SVMVCPU_VM_STAT_NR] = { 0 };
	struct line *lines = make_lines(now, before);
	unsigned int nr;

	if (!lines)
		return;
	show_vcpus(out, now, lines, before, seconds);
	putc('\n', out);
	nr = sum_vcpus(counters, lines, now->nr_vcpus);
	nr += sum_memory(counters + nr, now, before);
	show_counters(out, counters, nr, before, seconds);
	free(lines);
}
