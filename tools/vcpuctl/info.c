// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl info: what host and module can do, or why not. Succeeds only when a
 * VM can be created at this moment.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "json.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

static const char help[] =
	"Usage: vcpuctl info [--json]\n"
	"Show what this host and the svmvcpu module support, or why guests cannot run.\n\n"
	"  -j, --json  print one JSON object\n"
	"  -h, --help\n\n"
	"Exit status: 0 if guests can run, 1 if not.\n";

/* what is known; @info only counts when host.info_error is 0 or EPROTO */
struct report {
	struct host host;
	struct svmvcpu_info info;
	bool usable;
	char why[160];
	char advice[160];
};

static void ask_module(struct report *r)
{
	int dev = svmvcpu_open(NULL);
	int vm;

	if (dev < 0) {
		r->host.open_error = -dev;
		return;
	}
	r->host.info_error = -svmvcpu_get_info(dev, &r->info);
	if (!r->host.info_error) {
		vm = svmvcpu_vm_create(dev);
		if (vm < 0)
			r->host.vm_error = -vm;
		else
			close(vm);
	}
	close(dev);
}

static bool module_answered(const struct report *r)
{
	return !r->host.open_error && (!r->host.info_error || r->host.info_error == EPROTO);
}

static void print_bits(const char *title, __u64 bits, const char *(*name)(unsigned int bit))
{
	unsigned int bit;
	bool any = false;

	printf("%-16s", title);
	for (bit = 0; bit < 64; bit++) {
		const char *text = bits >> bit & 1 ? name(bit) : NULL;

		if (text)
			printf(" %s", text);
		else if (bits >> bit & 1)
			printf(" bit-%u", bit);
		any = any || (bits >> bit & 1);
	}
	puts(any ? "" : " none");
}

static void print_module(const struct svmvcpu_info *i)
{
	printf("%-16s %u\n", "API version", i->api_version);
	print_bits("SVM features", i->features, svmvcpu_feature_name);
	print_bits("mitigations", i->mitigations, svmvcpu_mitigation_name);
	print_bits("exits", i->exits, svmvcpu_exit_name);
	printf("%-16s %u-bit guest-physical addresses, %u regions, %u per call\n", "memory",
	       i->gpa_bits, i->max_regions, i->max_batch);
	printf("%-16s %u per VM\n", "vCPUs", i->max_vcpus);
	printf("%-16s %u per CPU\n", "ASIDs", i->asids);
	printf("%-16s %u bytes, string data %u bytes\n", "run page", i->run_size,
	       i->io_data_size);
	printf("%-16s up to %u per exit\n", "coalesced writes", i->max_coalesced);
	printf("%-16s cr4 %#llx, efer %#llx\n", "guest may set", i->cr4_guest, i->efer_guest);
	printf("%-16s ports and MSRs are intercepted, except MSRs that VMLOAD switches\n",
	       "policy");
}

static void print_text(const struct report *r)
{
	static const char * const svmdis[] = {
		[SVMDIS_UNKNOWN] = "unknown (/dev/cpu/0/msr is not readable)",
		[SVMDIS_CLEAR] = "no",
		[SVMDIS_SET] = "yes",
	};
	const struct host *h = &r->host;

	printf("%-16s %s%s\n", "CPU", h->vendor, h->hypervisor ? ", in a virtual machine" : "");
	printf("%-16s %s, nested paging %s\n", "SVM", h->svm ? "yes" : "no", h->npt ? "yes" : "no");
	printf("%-16s %s\n", "SVM disabled", svmdis[h->svmdis]);
	printf("%-16s %s\n", "module", h->module ? "loaded" : "not loaded");
	if (module_answered(r))
		print_module(&r->info);
	printf("%-16s %s\n", "usable", r->usable ? "yes" : "no");
	if (r->usable)
		return;
	printf("%-16s %s\n", "because", r->why);
	printf("%-16s %s\n", "what to do", r->advice);
}

static void json_bits(struct json *j, const char *key, __u64 bits,
		      const char *(*name)(unsigned int bit))
{
	unsigned int bit;

	json_open_array(j, key);
	for (bit = 0; bit < 64; bit++)
		if (bits >> bit & 1)
			json_str(j, NULL, name(bit) ?: "?");
	json_close_array(j);
}

static void json_module(struct json *j, const struct svmvcpu_info *i)
{
	json_open(j, "module");
	json_num(j, "api_version", i->api_version);
	json_bits(j, "features", i->features, svmvcpu_feature_name);
	json_bits(j, "mitigations", i->mitigations, svmvcpu_mitigation_name);
	json_bits(j, "exits", i->exits, svmvcpu_exit_name);
	json_num(j, "max_regions", i->max_regions);
	json_num(j, "max_vcpus", i->max_vcpus);
	json_num(j, "max_batch", i->max_batch);
	json_num(j, "gpa_bits", i->gpa_bits);
	json_num(j, "asids", i->asids);
	json_num(j, "run_size", i->run_size);
	json_num(j, "io_data_size", i->io_data_size);
	json_num(j, "max_coalesced", i->max_coalesced);
	json_hex(j, "cr4_guest", i->cr4_guest);
	json_hex(j, "efer_guest", i->efer_guest);
	json_hex(j, "components", i->components);
	json_close(j);
}

static void print_json(const struct report *r)
{
	struct json j = { .out = stdout };
	const struct host *h = &r->host;

	json_open(&j, NULL);
	json_bool(&j, "usable", r->usable);
	json_str(&j, "vendor", h->vendor);
	json_bool(&j, "svm", h->svm);
	json_bool(&j, "npt", h->npt);
	json_bool(&j, "hypervisor", h->hypervisor);
	if (h->svmdis != SVMDIS_UNKNOWN)
		json_bool(&j, "svmdis", h->svmdis == SVMDIS_SET);
	json_bool(&j, "loaded", h->module);
	if (module_answered(r))
		json_module(&j, &r->info);
	if (!r->usable) {
		json_str(&j, "why", r->why);
		json_str(&j, "advice", r->advice);
	}
	json_close(&j);
	putchar('\n');
}

static int usage(const char *what)
{
	fprintf(stderr, "vcpuctl info: %s\nTry 'vcpuctl info --help'.\n", what);
	return STATUS_USAGE;
}

int cmd_info(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct report r = { 0 };
	bool json = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (opt != 'j')
			return usage("no such option");
		json = true;
	}
	if (optind < argc)
		return usage("unexpected argument");
	host_probe(&r.host);
	ask_module(&r);
	r.usable = !host_problem(&r.host, r.why, r.advice, sizeof(r.why));
	if (json)
		print_json(&r);
	else
		print_text(&r);
	return r.usable ? 0 : STATUS_ERROR;
}
