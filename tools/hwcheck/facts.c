// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the host, its kernel and the module. Tables select what is reported
 * of files that can contain more than the maintainers need.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hwcheck.h"

/* Files of one line */
static const struct {
	const char *name, *path;
} files[] = {
	{ "clock source", "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "frequency governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor" },
	{ "frequency driver", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver" },
	{ "boost", "/sys/devices/system/cpu/cpufreq/boost" },
	{ "SMT", "/sys/devices/system/cpu/smt/control" },
	{ "CPUs online", "/sys/devices/system/cpu/online" },
	{ "NUMA nodes", "/sys/devices/system/node/online" },
	{ "huge pages", "/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "lockdown", "/sys/kernel/security/lockdown" },
	{ "taint of the kernel", "/proc/sys/kernel/tainted" },
	{ "NMI watchdog", "/proc/sys/kernel/nmi_watchdog" },
	{ "board", "/sys/class/dmi/id/board_name" },
	{ "firmware", "/sys/class/dmi/id/bios_version" },
	{ "firmware date", "/sys/class/dmi/id/bios_date" },
	{ "module version", "/sys/module/svmvcpu/version" },
	{ "module source", "/sys/module/svmvcpu/srcversion" },
	{ "module taint", "/sys/module/svmvcpu/taint" },
};

/* Kernel options that affect the module or the results of tests */
static const char *const options[] = {
	"HZ", "PREEMPT", "PREEMPT_VOLUNTARY", "PREEMPT_DYNAMIC", "PREEMPT_RT", "NO_HZ_FULL",
	"KASAN", "PROVE_LOCKING", "DEBUG_KMEMLEAK", "UBSAN", "KCSAN", "SLUB_DEBUG_ON",
	"CFI_CLANG", "CC_IS_CLANG", "TRANSPARENT_HUGEPAGE", "KSM", "USERFAULTFD",
	"NUMA_BALANCING", "DEVICE_PRIVATE", "SECRETMEM", "X86_5LEVEL", "AMD_MEM_ENCRYPT",
	"PAGE_TABLE_ISOLATION", "RETPOLINE", "CPU_UNRET_ENTRY", "CPU_SRSO", "CPU_IBPB_ENTRY",
	"IA32_EMULATION", "X86_MSR", "KVM_AMD", "FAULT_INJECTION", "PERF_EVENTS",
};

/* Prefixes of words of the kernel command line that are reported */
static const char *const words[] = {
	"mitigations=", "spectre_", "spec_", "retbleed=", "srso", "mds=", "tsx", "l1tf=",
	"nopti", "pti=", "nosmt", "clearcpuid=", "noxsave", "nofsgsbase", "no5lvl", "noapic",
	"nox2apic", "tsc=", "clocksource=", "idle=", "processor.", "amd_pstate=", "amd_iommu=",
	"iommu=", "mem_encrypt=", "kvm.", "kvm_amd.", "kvm-amd.", "svmvcpu.", "nohz",
	"isolcpus=", "rcu_nocbs=", "preempt=", "transparent_hugepage=", "hugepages",
	"default_hugepagesz=", "numa", "lockdown=", "init_on_", "slub_debug", "slab_debug",
	"debug_pagealloc=", "kasan", "panic", "oops=", "nmi_watchdog=", "nowatchdog",
};

__attribute__((format(printf, 3, 4)))
static void fact(struct report *r, const char *name, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	report_say(r, "%-26s %s\n", name, text);
	report_str(r, name, text);
	free(text);
}

/* The first line of a file, without its newline; false if there is none */
static bool read_line(const char *path, char *line, size_t len)
{
	FILE *file = fopen(path, "re");
	bool ok = file && fgets(line, len, file);

	if (file)
		fclose(file);
	if (!ok)
		return false;
	line[strcspn(line, "\n")] = 0;
	return *line;
}

static void file_fact(struct report *r, const char *name, const char *path)
{
	char line[400];

	if (read_line(path, line, sizeof(line)))
		fact(r, name, "%s", line);
}

/* Each file of a directory */
static void directory_facts(struct report *r, const char *prefix, const char *path)
{
	char full[300], name[100];
	struct dirent **entries;
	int i, nr = scandir(path, &entries, NULL, alphasort);

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%s%.60s", prefix, entries[i]->d_name);
		snprintf(full, sizeof(full), "%s/%.60s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			file_fact(r, name, full);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

/* The value of a line of /proc/cpuinfo, for example "microcode	: 0xa20120e" */
static void cpuinfo_fact(struct report *r, const char *key)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[4096], *value;

	while (file && fgets(line, sizeof(line), file)) {
		value = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) || !value)
			continue;
		value[strcspn(value, "\n")] = 0;
		fact(r, key, "%s", value + 1 + (value[1] == ' '));
		break;
	}
	if (file)
		fclose(file);
}

static void cpu_facts(struct report *r)
{
	struct cpu_facts cpu;
	char features[400];

	cpu_probe(&cpu);
	fact(r, "CPU", "%s", cpu.brand);
	fact(r, "vendor", "%s%s", cpu.vendor, cpu.hypervisor ? ", in a virtual machine" : "");
	fact(r, "family, model, stepping", "%#x, %#x, %u", cpu.family, cpu.model, cpu.stepping);
	cpuinfo_fact(r, "microcode");
	cpuinfo_fact(r, "bugs");
	if (!cpu.svm)
		return;
	cpu_svm_features(cpu.svm_leaf[3], features, sizeof(features));
	fact(r, "CPUID 8000000A", "eax %#x, ebx %#x, ecx %#x, edx %#x", cpu.svm_leaf[0],
	     cpu.svm_leaf[1], cpu.svm_leaf[2], cpu.svm_leaf[3]);
	fact(r, "SVM features", "%s", features);
}

static bool may_be_told(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(word, words[i], strlen(words[i])))
			return true;
	return false;
}

void facts_filter_cmdline(char *line)
{
	char *from = line, *to = line, *word;

	while ((word = strsep(&from, "\n "))) {
		size_t len = strlen(word);

		if (!may_be_told(word))
			continue;
		if (to != line)
			*to++ = ' ';
		memmove(to, word, len);
		to += len;
	}
	*to = 0;
}

static void cmdline_fact(struct report *r)
{
	char line[4096];

	if (!read_line("/proc/cmdline", line, sizeof(line)))
		return;
	facts_filter_cmdline(line);
	fact(r, "command line, in part", "%s", line);
}

static FILE *open_config(const char *release)
{
	static const char *const places[] = {
		"/boot/config-%s", "/lib/modules/%s/config", "/lib/modules/%s/build/.config",
	};
	char path[400];
	FILE *file = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places) && !file; i++) {
		snprintf(path, sizeof(path), places[i], release);
		file = fopen(path, "re");
	}
	return file;
}

/* The part behind CONFIG_ if the line sets an option that is reported, else NULL */
static const char *option_in(const char *line)
{
	size_t i, len;

	if (strncmp(line, "CONFIG_", 7))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		len = strlen(options[i]);
		if (!strncmp(line + 7, options[i], len) && line[7 + len] == '=')
			return line + 7;
	}
	return NULL;
}

static void config_fact(struct report *r, const char *release)
{
	FILE *file = open_config(release);
	char line[4096], text[2048] = "";
	const char *option;
	size_t used = 0;

	if (!file) {
		fact(r, "configuration", "unknown: no file of it in /boot or /lib/modules");
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		option = option_in(line);
		if (option && used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, "%s%s",
					 used ? " " : "", option);
	}
	fclose(file);
	fact(r, "configuration", "%s", text);
}

static void kernel_facts(struct report *r)
{
	struct sysinfo memory;
	struct utsname name;

	if (!uname(&name)) {
		fact(r, "kernel", "%s", name.release);
		fact(r, "build", "%s", name.version);
		config_fact(r, name.release);
	}
	cmdline_fact(r);
	fact(r, "CPUs", "%ld of %ld", sysconf(_SC_NPROCESSORS_ONLN),
	     sysconf(_SC_NPROCESSORS_CONF));
	if (!sysinfo(&memory))
		fact(r, "memory", "%lu MiB",
		     (unsigned long)(memory.totalram * memory.mem_unit >> 20));
	fact(r, "KVM", "%s", access("/dev/kvm", F_OK) ? "not loaded" : "loaded");
	fact(r, "/dev/cpu/0/msr", "%s", access("/dev/cpu/0/msr", R_OK) ?
	     "no: after \"modprobe msr\" the tests look at more" : "yes");
}

void facts_report(struct report *r)
{
	size_t i;

	report_title(r, "Host");
	report_json(r, "facts");
	cpu_facts(r);
	kernel_facts(r);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		file_fact(r, files[i].name, files[i].path);
	directory_facts(r, "module parameter ", "/sys/module/svmvcpu/parameters");
	directory_facts(r, "", "/sys/devices/system/cpu/vulnerabilities");
	report_json_end(r);
}
