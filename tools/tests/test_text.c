// SPDX-License-Identifier: GPL-2.0-only
/* Text and JSON: exit lines, names, escapes and the output at the end of a run */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "output.h"
#include "exit_text.h"
#include "tap.h"
#include "vcpuctl.h"

#define FIRST_FAULT	" vector 48 interrupt rip 0x10 rsp 0x20"
#define SECOND_FAULT	" vector 14 #PF error_code 0x2 address 0x123 rip 0x10 rsp 0x20"
#define THIRD_FAULT	" vector 6 #UD rip 0x11 rsp 0x20"

/* each line ends with the guest's RIP */
static const char *where;

static void expect(const struct svmvcpu_run *run, const void *window, const char *text)
{
	char buf[256];

	svmvcpu_describe_exit(run, window, buf, sizeof(buf));
	OK(!strncmp(buf, text, strlen(text)) && !strcmp(buf + strlen(text), where), "%s", buf);
}

static void test_lines(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_IO, .gprs.rip = 0x7c00 };

	where = " at rip 0x7c00 (real, cpl 0)";
	run.io.port = 0x3f8;
	run.io.width = 1;
	run.io.count = 1;
	run.io.data = 'A';
	expect(&run, NULL, "io out port 0x3f8 width 1 data 0x41 'A'");
	run.io.data = 0x7f;
	expect(&run, NULL, "io out port 0x3f8 width 1 data 0x7f");
	run.io.flags = SVMVCPU_IO_IN;
	run.io.width = 4;
	expect(&run, NULL, "io in port 0x3f8 width 4");
	run.io.flags = SVMVCPU_IO_STRING | SVMVCPU_IO_REP;
	run.io.width = 1;
	run.io.count = 3;
	expect(&run, "abc", "io out port 0x3f8 width 1 rep string count 3 \"abc\"");
	expect(&run, "a\nc", "io out port 0x3f8 width 1 rep string count 3 61 0a 63");
	run.io.count = 30;
	expect(&run, "abcdefghijklmnopqrstuvwxyzabcd",
	       "io out port 0x3f8 width 1 rep string count 30 \"abcdefghijklmnop\" ...");
	expect(&run, NULL, "io out port 0x3f8 width 1 rep string count 30");
}

static void test_faults(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_MEMORY_FAULT, .mode = SVMVCPU_MODE_64BIT,
				   .cpl = 3 };

	where = " at rip 0 (64bit, cpl 3)";
	run.memory.gpa = 0xfee000f0;
	run.memory.gva = 0x1000;
	run.memory.flags = SVMVCPU_FAULT_WRITE | SVMVCPU_FAULT_GVA;
	run.memory.insn_len = 2;
	run.memory.insn[0] = 0x89;
	run.memory.insn[1] = 0x07;
	expect(&run, NULL, "memory-fault write gpa 0xfee000f0 gva 0x1000 insn 89 07");
	run.memory.flags = SVMVCPU_FAULT_APIC;
	expect(&run, NULL,
	       "memory-fault read gpa 0xfee000f0 apic insn 89 07");
	run.memory.insn_len = 200;
	run.memory.flags = SVMVCPU_FAULT_EXEC;
	expect(&run, NULL, "memory-fault exec gpa 0xfee000f0");
	memset(&run.exit_bytes, 0, sizeof(run.exit_bytes));
	run.reason = SVMVCPU_EXIT_SHUTDOWN;
	expect(&run, NULL, "shutdown");
	run.shutdown.nr = 3;
	run.shutdown.left_out = 2;
	run.shutdown.faults[0] = (struct svmvcpu_fault) {
		.vector = 48, .flags = SVMVCPU_EXC_INTERRUPT, .rip = 0x10, .rsp = 0x20,
	};
	run.shutdown.faults[1] = (struct svmvcpu_fault) {
		.vector = 14, .error_code = 2, .address = 0x123, .rip = 0x10, .rsp = 0x20,
		.flags = SVMVCPU_EXC_ERROR_CODE | SVMVCPU_EXC_ADDRESS,
	};
	run.shutdown.faults[2] = (struct svmvcpu_fault) { .vector = 6, .rip = 0x11, .rsp = 0x20 };
	expect(&run, NULL,
	       "shutdown left_out 2 faults:" FIRST_FAULT "," SECOND_FAULT "," THIRD_FAULT ";");
	memset(&run.exit_bytes, 0, sizeof(run.exit_bytes));
	run.reason = SVMVCPU_EXIT_FAIL_ENTRY;
	run.fail.rule = SVMVCPU_RULE_CR0_CD_NW;
	expect(&run, NULL,
	       "fail-entry code 0x0 rule 2 CR0.CD is clear while CR0.NW is set");
	run.reason = 99;
	run.mode = 99;
	where = " at rip 0 (?, cpl 3)";
	expect(&run, NULL, "?");
}

static void test_cut(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_HALT };
	char guard[8] = "xxxxxxx";
	size_t len;
	bool ok = true;

	for (len = 0; len <= 6; len++) {
		memset(guard, 'x', sizeof(guard));
		svmvcpu_describe_exit(&run, NULL, guard, len);
		ok = ok && guard[len] == 'x' && (!len || strlen(guard) == len - 1);
	}
	OK(ok, "lines are cut to the buffer and terminated");
}

static void test_names(void)
{
	OK(!strcmp(svmvcpu_exit_name(SVMVCPU_EXIT_MSR_WRITE), "msr-write"), "exit name");
	OK(!strcmp(svmvcpu_exit_name(~0u), "?") && !strcmp(svmvcpu_exit_name(200), "?"),
	   "exits that do not exist");
	OK(!strcmp(svmvcpu_rule_text(SVMVCPU_RULE_ASID_ZERO), "the ASID is zero"), "rule text");
	OK(!strcmp(svmvcpu_vector_name(6), "#UD") && !strcmp(svmvcpu_vector_name(9), "?") &&
	   !strcmp(svmvcpu_vector_name(256), "?"), "vector names");
	OK(!strcmp(svmvcpu_feature_name(63), "under-hypervisor") && !svmvcpu_feature_name(62) &&
	   !svmvcpu_feature_name(64), "feature names");
	OK(!strcmp(svmvcpu_mitigation_name(7), "gpr-clear") && !svmvcpu_mitigation_name(8),
	   "mitigation names");
	OK(!strcmp(status_name(0), "power-off") && !strcmp(status_name(66), "shutdown") &&
	   !strcmp(status_name(255), "guest-code"), "status names");
}

static void expect_json(const char *text, size_t len, const char *json)
{
	char *buf;
	size_t bytes;
	FILE *f = open_memstream(&buf, &bytes);

	json_escape(f, text, len);
	fclose(f);
	OK(!strcmp(buf, json), "%s", buf);
	free(buf);
}

static void test_escapes(void)
{
	char *buf;
	size_t bytes;
	FILE *f = open_memstream(&buf, &bytes);
	struct json j = { .out = f };

	expect_json("plain", 5, "\"plain\"");
	expect_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	expect_json("\n\r\t", 3, "\"\\n\\u000d\\u0009\"");
	expect_json("\0\x1b\x7f", 3, "\"\\u0000\\u001b\\u007f\"");
	expect_json("\x80\xff", 2, "\"\\u0080\\u00ff\"");
	expect_json("", 0, "\"\"");
	json_open(&j, NULL);
	json_num(&j, "n", ~0ULL);
	json_open_array(&j, "a");
	json_hex(&j, NULL, 255);
	json_bool(&j, NULL, false);
	json_close_array(&j);
	json_open(&j, "o");
	json_close(&j);
	json_str(&j, "s", "x");
	json_close(&j);
	fclose(f);
	OK(!strcmp(buf, "{\"n\":18446744073709551615,\"a\":[\"0xff\",false],\"o\":{},\"s\":\"x\"}"),
	   "commas and nesting: %s", buf);
	free(buf);
}

/* output of both streams */
struct captured {
	char *out, *err;
	size_t out_bytes, err_bytes;
};

static struct output capture(struct captured *c, bool json)
{
	struct output o = { .json = json, .trace = true };

	o.out = open_memstream(&c->out, &c->out_bytes);
	o.err = open_memstream(&c->err, &c->err_bytes);
	return o;
}

static void finish(struct output *o, struct captured *c)
{
	fclose(o->out);
	fclose(o->err);
	(void)c;
}

static void test_run_text(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_MSR_READ };
	struct ending end = { .status = STATUS_SHUTDOWN, .run = &run, .nr = 1, .exits = 9,
			      .insn = { 0xf4 }, .insn_len = 1 };
	struct captured c;
	struct output o = capture(&c, false);

	run.msr.index = 0xfe;
	output_byte(&o, CHANNEL_SERIAL, 'h');
	output_byte(&o, CHANNEL_DEBUG, '\n');
	output_exit(&o, 0, &run, NULL, false);
	output_exit(&o, 0, &run, NULL, true);
	run.reason = SVMVCPU_EXIT_SHUTDOWN;
	memset(&run.exit_bytes, 0, sizeof(run.exit_bytes));
	output_end(&o, &end);
	finish(&o, &c);
	OK(!strcmp(c.out, "h\n"), "guest output alone on standard output");
	OK(strstr(c.err, "     1 msr-read msr 0xfe at rip 0 (real, cpl 0) -> 0x0\n"), "trace");
	OK(strstr(c.err, "     2 msr-read msr 0xfe at rip 0 (real, cpl 0) -> #GP\n"),
	   "and with #GP");
	OK(strstr(c.err, "triple-faulted (status 66, 9 exits, 2 of them"), "summary");
	OK(strstr(c.err, "\nrip 0000000000000000") && strstr(c.err, "code f4\n"), "dump");
	free(c.out);
	free(c.err);
}

static void test_run_json(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_HALT };
	struct ending end = { .status = STATUS_HALT, .run = &run, .exits = 3, .nr = 1 };
	struct captured c;
	struct output o = capture(&c, true);
	unsigned int i;

	for (i = 0; i < 300; i++)
		output_byte(&o, CHANNEL_SERIAL, 'x');
	output_exit(&o, 0, &run, NULL, false);
	output_end(&o, &end);
	finish(&o, &c);
	OK(!strncmp(c.out, "{\"type\":\"output\",\"port\":\"serial\",\"text\":\"xxx", 44),
	   "long lines are split");
	OK(strstr(c.out, "\n{\"type\":\"exit\",\"nr\":1,\"vcpu\":0,\"reason\":\"halt\","),
	   "an exit");
	OK(strstr(c.out, "\n{\"type\":\"result\",\"end\":\"halt\",\"status\":65,\"exits\":3,"),
	   "the result");
	OK(!c.err_bytes, "nothing on standard error");
	free(c.out);
	free(c.err);
}

static void test_several_text(void)
{
	struct svmvcpu_vcpu_stats stats[2] = { 0 };
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_HALT };
	struct ending end = { .status = STATUS_HALT, .run = &run, .exits = 30, .cpu = 1,
			      .nr = 2, .stats = stats };
	struct captured c;
	struct output o = capture(&c, false);

	o.vcpus = 2;
	stats[0].values[SVMVCPU_STAT_EXITS] = 10;
	stats[1].values[SVMVCPU_STAT_EXITS] = 20;
	output_exit(&o, 1, &run, NULL, false);
	output_end(&o, &end);
	finish(&o, &c);
	OK(strstr(c.err, "     1 vcpu1 halt at rip 0 (real, cpl 0)\n"), "a trace of several vCPUs");
	OK(strstr(c.err, "vcpuctl: vCPU 1: the guest halted (status 65, 30 exits, 1 of"),
	   "which one ended");
	OK(strstr(c.err, "vCPU 0:\n            10  exits ") &&
	   strstr(c.err, "vCPU 1:\n            20  exits ") &&
	   strstr(c.err, "all vCPUs:\n            30  exits "), "counters and their sum");
	free(c.out);
	free(c.err);
}

static void test_several_json(void)
{
	struct svmvcpu_vcpu_stats stats[2] = { 0 };
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_HALT };
	struct ending end = { .status = STATUS_HALT, .run = &run, .exits = 30, .cpu = 1,
			      .nr = 2, .stats = stats };
	struct captured c;
	struct output o = capture(&c, true);

	stats[0].values[SVMVCPU_STAT_EXITS] = 10;
	stats[1].values[SVMVCPU_STAT_EXITS] = 20;
	output_exit(&o, 1, &run, NULL, false);
	output_end(&o, &end);
	finish(&o, &c);
	OK(strstr(c.out, "\"exit\",\"nr\":1,\"vcpu\":1,"), "the vCPU of an exit");
	OK(strstr(c.out, "\"exits\":30,\"user_exits\":1,\"vcpu\":1,"), "that of the result");
	OK(strstr(c.out, "\"stats\":{\"exits\":30,") &&
	   strstr(c.out, "\"vcpus\":[{\"vcpu\":0,\"exits\":10,") &&
	   strstr(c.out, "},{\"vcpu\":1,\"exits\":20,"), "counters of each and their sum");
	free(c.out);
	free(c.err);
}

/* The JSON form of an exit, to be freed. */
static char *json_line(const struct svmvcpu_run *run)
{
	struct captured c;
	struct output o = capture(&c, true);

	output_exit(&o, 0, run, NULL, false);
	finish(&o, &c);
	free(c.err);
	return c.out;
}

static void expect_detail(const struct svmvcpu_run *run, const char *detail)
{
	char *line = json_line(run);

	OK(strstr(line, detail), "%s", detail);
	free(line);
}

static void test_details(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_MEMORY_FAULT };

	run.memory.flags = SVMVCPU_FAULT_WRITE | SVMVCPU_FAULT_LIMIT;
	run.memory.insn_len = 2;
	run.memory.insn[0] = 0x88;
	run.memory.insn[1] = 0x07;
	expect_detail(&run, "\"limit\":true,\"apic\":false,\"insn\":[136,7]}");
	run.memory.flags = SVMVCPU_FAULT_APIC;
	run.memory.insn_len = 200;
	expect_detail(&run, "\"limit\":false,\"apic\":true,\"insn\":[]}");
	memset(&run.exit_bytes, 0, sizeof(run.exit_bytes));
	run.reason = SVMVCPU_EXIT_DEBUG;
	run.debug.cause = SVMVCPU_DEBUG_INT3;
	run.debug.rip = 0x1234;
	expect_detail(&run, "\"detail\":{\"cause\":4,\"dr6\":\"0\",\"linear\":\"0x1234\"}");
}

/* Flips each bit of the payload; counts those that change one form and not the other. */
static unsigned int bits_apart(const struct svmvcpu_run *run, unsigned int *shown)
{
	char before[1024], after[1024];
	char *json = json_line(run), *other;
	struct svmvcpu_run changed;
	unsigned int i, apart = 0;
	bool in_text, in_json;

	svmvcpu_describe_exit(run, NULL, before, sizeof(before));
	for (i = 0; i < 8 * sizeof(run->exit_bytes); i++) {
		changed = *run;
		changed.exit_bytes[i / 8] ^= 1 << (i % 8);
		svmvcpu_describe_exit(&changed, NULL, after, sizeof(after));
		other = json_line(&changed);
		in_text = strcmp(before, after);
		in_json = strcmp(json, other);
		*shown += in_text;
		if (in_text != in_json && !apart++)
			printf("# bit %u: %s, %s", i, after, other);
		free(other);
	}
	free(json);
	return apart;
}

static void put_number(struct svmvcpu_run *run, unsigned int at, unsigned int width, __u64 value)
{
	memcpy(run->exit_bytes + at, &value, width);
}

/* Sets what makes optional fields, and all elements, appear. */
static void fill_payload(struct svmvcpu_run *run)
{
	const struct svmvcpu_field *f;
	__u64 bits;

	memset(run->exit_bytes, 0, sizeof(run->exit_bytes));
	for (f = svmvcpu_exit_fields; f->name; f++) {
		if (f->reason != run->reason)
			continue;
		bits = 0;
		memcpy(&bits, run->exit_bytes + f->when_at, f->when_width);
		put_number(run, f->when_at, f->when_width, bits | f->any);
		put_number(run, f->count_at, f->count_width, f->nr);
	}
}

#define EXIT_NUMBER(nr, name, str) nr,

static const unsigned int reasons[] = { SVMVCPU_EXITS(EXIT_NUMBER) };

static unsigned int nr_fields(unsigned int reason, const void *payload)
{
	const struct svmvcpu_field *f;
	unsigned int nr = 0;

	for (f = svmvcpu_exit_fields; f->name; f++)
		nr += f->reason == reason && f->format != SVMVCPU_FIELD_ANSWER &&
		      f->format != SVMVCPU_FIELD_WINDOW && svmvcpu_field_there(f, payload);
	return nr;
}

/* A change that affects the text of an exit also affects its JSON, and the other way round. */
static void test_forms_agree(void)
{
	unsigned int i, apart, shown;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		struct svmvcpu_run run = { .reason = reasons[i] };

		shown = 0;
		apart = bits_apart(&run, &shown);
		fill_payload(&run);
		apart += bits_apart(&run, &shown);
		OK(!apart && !!shown == !!nr_fields(run.reason, run.exit_bytes),
		   "%s: text and JSON show the same (%u bits)", svmvcpu_exit_name(run.reason),
		   shown);
	}
}

/* The longest texts: nothing is truncated, and impossible counts do no harm. */
static void test_longest(void)
{
	char text[SVMVCPU_EXIT_TEXT_MAX], all[2 * SVMVCPU_EXIT_TEXT_MAX];
	struct svmvcpu_run run;
	unsigned int i;
	size_t len = 0, cut = 0;

	memset(run.exit_bytes, 0xff, sizeof(run.exit_bytes));
	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i] == SVMVCPU_EXIT_SHUTDOWN) {
			run.shutdown.nr = SVMVCPU_FAULTS_MAX;
			memset(run.shutdown.faults, 0xff, sizeof(run.shutdown.faults));
		}
		len = svmvcpu_exit_text(reasons[i], run.exit_bytes, NULL, all, sizeof(all));
		cut += len != svmvcpu_exit_text(reasons[i], run.exit_bytes, NULL, text,
						sizeof(text));
	}
	OK(!cut, "SVMVCPU_EXIT_TEXT_MAX is enough for all");
	memset(run.exit_bytes, 0xff, sizeof(run.exit_bytes));
	svmvcpu_exit_text(SVMVCPU_EXIT_SHUTDOWN, run.exit_bytes, NULL, all, sizeof(all));
	OK(!strcmp(all, " left_out 4294967295"), "too many elements are none:%s", all);
}

static void test_asks(void)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_IO };

	OK(!svmvcpu_exit_asks(&run), "OUT takes no answer");
	run.io.flags = SVMVCPU_IO_IN;
	OK(svmvcpu_exit_asks(&run), "IN does");
	run.io.flags |= SVMVCPU_IO_STRING;
	OK(!svmvcpu_exit_asks(&run), "INS has the data window");
	run = (struct svmvcpu_run) { .reason = SVMVCPU_EXIT_MMIO };
	OK(svmvcpu_exit_asks(&run), "a read of a device");
	run.mmio.write = 1;
	OK(!svmvcpu_exit_asks(&run), "not a write");
}

int main(void)
{
	test_lines();
	test_faults();
	test_cut();
	test_names();
	test_escapes();
	test_run_text();
	test_run_json();
	test_several_text();
	test_several_json();
	test_details();
	test_forms_agree();
	test_longest();
	test_asks();
	return tap_done();
}
