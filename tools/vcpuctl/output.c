// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: writing what happened. The text form is for people and may change;
 * the JSON form is documented in vcpuctl(1).
 */
#include <assert.h>
#include <string.h>

#include "json.h"
#include "output.h"
#include "exit_text.h"
#include "statshow.h"
#include "vcpuctl.h"

static const char * const channel_names[] = {
	[CHANNEL_SERIAL] = "serial",
	[CHANNEL_DEBUG] = "debug",
};

static const struct {
	int status;
	const char *name;
	const char *text;
} statuses[] = {
#define STATUS_ENTRY(nr, name, str, text) { nr, str, text },
	VCPUCTL_STATUSES(STATUS_ENTRY)
};

static unsigned int status_index(int status)
{
	unsigned int i;

	if (status > STATUS_GUEST_CODE)
		status = STATUS_GUEST_CODE;
	for (i = 0; i < ARRAY_SIZE(statuses) - 1; i++)
		if (statuses[i].status == status)
			break;
	return i;
}

const char *status_name(int status)
{
	return statuses[status_index(status)].name;
}

const char *status_text(int status)
{
	return statuses[status_index(status)].text;
}

static void flush_line(struct output *o, enum channel ch)
{
	struct line *l = &o->lines[ch];
	struct json j = { .out = o->out };

	if (!l->len)
		return;
	json_open(&j, NULL);
	json_str(&j, "type", "output");
	json_str(&j, "port", channel_names[ch]);
	json_text(&j, "text", l->text, l->len);
	json_close(&j);
	putc('\n', o->out);
	l->len = 0;
}

void output_byte(struct output *o, enum channel ch, __u8 byte)
{
	struct line *l = &o->lines[ch];

	if (o->json) {
		l->text[l->len++] = byte;
		if (byte == '\n' || l->len == sizeof(l->text))
			flush_line(o, ch);
		return;
	}
	putc(byte, o->out);
	if (byte == '\n')
		fflush(o->out);
}

static void trace_text(struct output *o, unsigned int cpu, const struct svmvcpu_run *run,
		       const void *window, bool refused)
{
	char text[SVMVCPU_EXIT_TEXT_MAX + 128];

	/* not flushed: the guest's lines come whole, not cut up by the trace */
	svmvcpu_describe_exit(run, window, text, sizeof(text));
	fprintf(o->err, "%6llu ", o->exits);
	if (o->vcpus > 1)
		fprintf(o->err, "vcpu%u ", cpu);
	fputs(text, o->err);
	if (refused)
		fputs(" -> #GP", o->err);
	else if (svmvcpu_exit_asks(run))
		fprintf(o->err, " -> 0x%llx", run->answer);
	putc('\n', o->err);
}

/* The instruction's bytes; none if @nr is not a length an exit can have. */
static void json_bytes(struct json *j, const char *key, const __u8 *bytes, size_t nr, size_t max)
{
	size_t i;

	json_open_array(j, key);
	for (i = 0; i < nr && nr <= max; i++)
		json_num(j, NULL, bytes[i]);
	json_close_array(j);
}

static void json_fields(struct json *j, const struct svmvcpu_field *f, unsigned int reason,
			const void *base, const void *window);

static void json_elements(struct json *j, const struct svmvcpu_field *f, const void *base)
{
	unsigned int i, nr = svmvcpu_field_count(f, base);

	json_open_array(j, f->name);
	for (i = 0; i < nr; i++) {
		switch (f->format) {
		case SVMVCPU_FIELD_BYTES:
			json_num(j, NULL, svmvcpu_field_element(f, base, i));
			break;
		case SVMVCPU_FIELD_ARRAY:
			json_hex(j, NULL, svmvcpu_field_element(f, base, i));
			break;
		case SVMVCPU_FIELD_LIST:
			json_open(j, NULL);
			json_fields(j, f->fields, f->reason, svmvcpu_field_item(f, base, i), NULL);
			json_close(j);
			break;
		}
	}
	json_close_array(j);
}

static void json_field(struct json *j, const struct svmvcpu_field *f, const void *base,
		       const void *window)
{
	__u64 value = svmvcpu_field_value(f, base);

	switch (f->format) {
	case SVMVCPU_FIELD_HEX:
		return json_hex(j, f->name, value);
	case SVMVCPU_FIELD_SET:
	case SVMVCPU_FIELD_CLEAR:
		return json_bool(j, f->name, value);
	case SVMVCPU_FIELD_WORD:
		return json_str(j, f->name, svmvcpu_field_word(f, value));
	case SVMVCPU_FIELD_BYTES:
	case SVMVCPU_FIELD_ARRAY:
	case SVMVCPU_FIELD_LIST:
		return json_elements(j, f, base);
	case SVMVCPU_FIELD_WINDOW:
		if (window)
			json_text(j, f->name, window, svmvcpu_field_count(f, base));
		return;
	case SVMVCPU_FIELD_ANSWER:
		return;
	}
	json_num(j, f->name, value);
}

static void json_fields(struct json *j, const struct svmvcpu_field *f, unsigned int reason,
			const void *base, const void *window)
{
	for (; f->name; f++)
		if (f->reason == reason && svmvcpu_field_there(f, base))
			json_field(j, f, base, window);
}

static void json_exit(struct json *j, const struct svmvcpu_run *run, const void *window)
{
	json_str(j, "reason", svmvcpu_exit_name(run->reason));
	json_hex(j, "rip", run->gprs.rip);
	json_str(j, "mode", svmvcpu_mode_name(run->mode));
	json_num(j, "cpl", run->cpl);
	json_open(j, "detail");
	json_fields(j, svmvcpu_exit_fields, run->reason, run->exit_bytes, window);
	json_close(j);
}

static void trace_json(struct output *o, unsigned int cpu, const struct svmvcpu_run *run,
		       const void *window, bool refused)
{
	struct json j = { .out = o->out };

	json_open(&j, NULL);
	json_str(&j, "type", "exit");
	json_num(&j, "nr", o->exits);
	json_num(&j, "vcpu", cpu);
	json_exit(&j, run, window);
	if (refused)
		json_str(&j, "answer", "#GP");
	else if (svmvcpu_exit_asks(run))
		json_hex(&j, "answer", run->answer);
	json_close(&j);
	putc('\n', o->out);
}

void output_exit(struct output *o, unsigned int cpu, const struct svmvcpu_run *run,
		 const void *window, bool refused)
{
	o->exits++;
	if (!o->trace)
		return;
	if (o->json)
		trace_json(o, cpu, run, window, refused);
	else
		trace_text(o, cpu, run, window, refused);
}

void output_silence(const struct output *o, const struct svmvcpu_run *run,
		    unsigned int seconds)
{
	fflush(o->out);
	fprintf(o->err,
		"vcpuctl: no device used for %u seconds: the guest computes, or has run off. It is at rip %#llx (%s, cpl %u).\n"
		"vcpuctl: Ctrl-C stops it. --timeout does so by itself, --step --trace shows each instruction.\n",
		seconds, run->gprs.rip, svmvcpu_mode_name(run->mode), run->cpl);
}

/* ends in which the guest did something it cannot have meant */
static bool unexpected(int status)
{
	return status == STATUS_SHUTDOWN || status == STATUS_MEMORY_FAULT ||
	       status == STATUS_FAIL_ENTRY || status == STATUS_EXCEPTION ||
	       status == STATUS_UNKNOWN;
}

/* ends in which it was stopped somewhere on its way */
static bool stopped(int status)
{
	return status == STATUS_TIMEOUT || status == STATUS_MAX_EXITS ||
	       status == STATUS_INTERRUPTED;
}

static void dump(const struct output *o, const struct ending *end)
{
	size_t i;

	svmvcpu_print_regs(o->err, end->run);
	if (end->state)
		svmvcpu_print_state(o->err, end->state);
	fputs("code", o->err);
	for (i = 0; i < end->insn_len; i++)
		fprintf(o->err, " %02x", end->insn[i]);
	fputs(end->insn_len ? "\n" : " at rip cannot be read\n", o->err);
}

static void summary(const struct output *o, const struct ending *end)
{
	fputs("vcpuctl: ", o->err);
	if (end->nr > 1)
		fprintf(o->err, "vCPU %u: ", end->cpu);
	if (end->status >= STATUS_GUEST_CODE)
		fprintf(o->err, "the guest ended with code %u", end->code);
	else
		fputs(status_text(end->status), o->err);
	fprintf(o->err, " (status %d, %llu exits, %llu of them to user space)\n", end->status,
		end->exits, o->exits);
}

static struct svmvcpu_vcpu_stats sum_stats(const struct ending *end)
{
	struct svmvcpu_vcpu_stats sum = { 0 };
	unsigned int i, s;

	for (i = 0; i < end->nr; i++)
		for (s = 0; s < SVMVCPU_STAT_NR; s++)
			sum.values[s] += end->stats[i].values[s];
	return sum;
}

static void stats_text(const struct output *o, const struct ending *end)
{
	const struct svmvcpu_vcpu_stats sum = sum_stats(end);
	unsigned int i;

	for (i = 0; i < end->nr && end->nr > 1; i++) {
		fprintf(o->err, "vCPU %u:\n", i);
		stat_print(o->err, &end->stats[i]);
	}
	if (end->nr > 1)
		fputs("all vCPUs:\n", o->err);
	stat_print(o->err, &sum);
}

static void end_text(struct output *o, const struct ending *end)
{
	char text[SVMVCPU_EXIT_TEXT_MAX + 128];

	fflush(o->out);
	if (!o->quiet || unexpected(end->status))
		summary(o, end);
	if (unexpected(end->status) || (stopped(end->status) && !o->quiet))
		fprintf(o->err, "%s\n", svmvcpu_describe_exit(end->run, end->window, text,
							      sizeof(text)));
	if (unexpected(end->status))
		dump(o, end);
	if (end->stats)
		stats_text(o, end);
}

static void json_registers(struct json *j, const struct svmvcpu_run *run)
{
	static const char * const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
	};
	__u64 values[ARRAY_SIZE(names)];
	unsigned int i;

	static_assert(sizeof(values) == sizeof(run->gprs), "a register lacks a name");
	memcpy(values, &run->gprs, sizeof(values));
	json_open(j, "registers");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		json_hex(j, names[i], values[i]);
	json_hex(j, "cr0", run->cr0);
	json_hex(j, "cr2", run->cr2);
	json_hex(j, "cr3", run->cr3);
	json_hex(j, "cr4", run->cr4);
	json_hex(j, "efer", run->efer);
	json_close(j);
}

static void stats_json(struct json *j, const struct ending *end)
{
	const struct svmvcpu_vcpu_stats sum = sum_stats(end);
	unsigned int i;

	json_open(j, "stats");
	stat_json_values(j, sum.values);
	json_close(j);
	json_open_array(j, "vcpus");
	for (i = 0; i < end->nr; i++) {
		json_open(j, NULL);
		json_num(j, "vcpu", i);
		stat_json_values(j, end->stats[i].values);
		json_close(j);
	}
	json_close_array(j);
}

static void end_json(struct output *o, const struct ending *end)
{
	struct json j = { .out = o->out };
	unsigned int i;

	for (i = 0; i < NR_CHANNELS; i++)
		flush_line(o, i);
	json_open(&j, NULL);
	json_str(&j, "type", "result");
	json_str(&j, "end", status_name(end->status));
	json_num(&j, "status", end->status);
	if (end->status >= STATUS_GUEST_CODE)
		json_num(&j, "code", end->code);
	json_num(&j, "exits", end->exits);
	json_num(&j, "user_exits", o->exits);
	json_num(&j, "vcpu", end->cpu);
	json_exit(&j, end->run, end->window);
	json_registers(&j, end->run);
	json_bytes(&j, "insn", end->insn, end->insn_len, sizeof(end->insn));
	if (end->stats)
		stats_json(&j, end);
	json_close(&j);
	putc('\n', o->out);
	fflush(o->out);
}

void output_end(struct output *o, const struct ending *end)
{
	if (o->json)
		end_json(o, end);
	else
		end_text(o, end);
}
