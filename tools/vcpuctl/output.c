// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: writing what happened. The text form is for people and may change;
 * the JSON form is documented in vcpuctl(1).
 */
#include <assert.h>
#include <string.h>

#include "json.h"
#include "output.h"
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

static bool wants_answer(const struct svmvcpu_run *run)
{
	switch (run->reason) {
	case SVMVCPU_EXIT_IO:
		return (run->io.flags & (SVMVCPU_IO_IN | SVMVCPU_IO_STRING)) == SVMVCPU_IO_IN;
	case SVMVCPU_EXIT_HYPERCALL:
	case SVMVCPU_EXIT_MSR_READ:
		return true;
	}
	return false;
}

static void trace_text(struct output *o, const struct svmvcpu_run *run, const void *window,
		       bool refused)
{
	char text[512];

	/* not flushed: the guest's lines come whole, not cut up by the trace */
	svmvcpu_describe_exit(run, window, text, sizeof(text));
	fprintf(o->err, "%6llu %s", o->exits, text);
	if (refused)
		fputs(" -> #GP", o->err);
	else if (wants_answer(run))
		fprintf(o->err, " -> %#llx", run->answer);
	putc('\n', o->err);
}

static void json_io(struct json *j, const struct svmvcpu_exit_io *io, const void *window)
{
	json_num(j, "port", io->port);
	json_str(j, "direction", io->flags & SVMVCPU_IO_IN ? "in" : "out");
	json_num(j, "width", io->width);
	json_num(j, "count", io->count);
	json_bool(j, "string", io->flags & SVMVCPU_IO_STRING);
	json_bool(j, "rep", io->flags & SVMVCPU_IO_REP);
	if (!(io->flags & SVMVCPU_IO_STRING) && !(io->flags & SVMVCPU_IO_IN))
		json_num(j, "data", io->data);
	else if (io->flags & SVMVCPU_IO_STRING && window)
		json_text(j, "text", window, (size_t)io->count * io->width);
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

static void json_memory(struct json *j, const struct svmvcpu_exit_memory *m)
{
	json_hex(j, "gpa", m->gpa);
	if (m->flags & SVMVCPU_FAULT_GVA)
		json_hex(j, "gva", m->gva);
	json_bool(j, "write", m->flags & SVMVCPU_FAULT_WRITE);
	json_bool(j, "exec", m->flags & SVMVCPU_FAULT_EXEC);
	json_bool(j, "walk", m->flags & SVMVCPU_FAULT_WALK);
	json_bool(j, "user_mem", m->flags & SVMVCPU_FAULT_USER_MEM);
	json_bool(j, "kernel", m->flags & SVMVCPU_FAULT_KERNEL);
	json_bool(j, "limit", m->flags & SVMVCPU_FAULT_LIMIT);
	json_bool(j, "apic", m->flags & SVMVCPU_FAULT_APIC);
	json_bytes(j, "insn", m->insn, m->insn_len, sizeof(m->insn));
}

static void json_hypercall(struct json *j, const struct svmvcpu_exit_hypercall *h)
{
	unsigned int i;

	json_hex(j, "nr", h->nr);
	json_open_array(j, "args");
	for (i = 0; i < ARRAY_SIZE(h->args); i++)
		json_hex(j, NULL, h->args[i]);
	json_close_array(j);
}

static void json_event(struct json *j, const struct svmvcpu_exit_exception *e)
{
	json_num(j, "vector", e->vector);
	json_str(j, "exception", svmvcpu_vector_name(e->vector));
	if (e->flags & SVMVCPU_EXC_ERROR_CODE)
		json_num(j, "error_code", e->error_code);
	if (e->flags & SVMVCPU_EXC_ADDRESS)
		json_hex(j, "address", e->address);
}

static void json_fault(struct json *j, const struct svmvcpu_fault *f)
{
	json_open(j, NULL);
	json_num(j, "vector", f->vector);
	if (f->flags & SVMVCPU_EXC_INTERRUPT)
		json_bool(j, "interrupt", true);
	else
		json_str(j, "exception", svmvcpu_vector_name(f->vector));
	if (f->flags & SVMVCPU_EXC_ERROR_CODE)
		json_num(j, "error_code", f->error_code);
	if (f->flags & SVMVCPU_EXC_ADDRESS)
		json_hex(j, "address", f->address);
	json_hex(j, "rip", f->rip);
	json_hex(j, "rsp", f->rsp);
	json_close(j);
}

static void json_shutdown(struct json *j, const struct svmvcpu_exit_shutdown *s)
{
	unsigned int i;

	if (s->left_out)
		json_num(j, "left_out", s->left_out);
	json_open_array(j, "faults");
	for (i = 0; i < s->nr && i < SVMVCPU_FAULTS_MAX; i++)
		json_fault(j, &s->faults[i]);
	json_close_array(j);
}

static void json_fail(struct json *j, const struct svmvcpu_exit_fail *f)
{
	json_hex(j, "code", f->code);
	json_num(j, "rule", f->rule);
	json_str(j, "text", svmvcpu_rule_text(f->rule));
}

static void json_debug(struct json *j, const struct svmvcpu_exit_debug *d)
{
	json_num(j, "cause", d->cause);
	json_hex(j, "dr6", d->dr6);
	json_hex(j, "linear", d->rip);
}

static void json_payload(struct json *j, const struct svmvcpu_run *run, const void *window)
{
	switch (run->reason) {
	case SVMVCPU_EXIT_IO:
		return json_io(j, &run->io, window);
	case SVMVCPU_EXIT_MEMORY_FAULT:
		return json_memory(j, &run->memory);
	case SVMVCPU_EXIT_HYPERCALL:
		return json_hypercall(j, &run->hypercall);
	case SVMVCPU_EXIT_MSR_WRITE:
		json_hex(j, "value", run->msr.value);
		return json_hex(j, "msr", run->msr.index);
	case SVMVCPU_EXIT_MSR_READ:
		return json_hex(j, "msr", run->msr.index);
	case SVMVCPU_EXIT_SYSTEM_DOWN:
		json_str(j, "kind", svmvcpu_down_name(run->down.kind));
		return json_num(j, "data", run->down.data);
	case SVMVCPU_EXIT_EXCEPTION:
		return json_event(j, &run->exception);
	case SVMVCPU_EXIT_SHUTDOWN:
		return json_shutdown(j, &run->shutdown);
	case SVMVCPU_EXIT_INTERRUPTED:
		return json_num(j, "by", run->interrupted.by);
	case SVMVCPU_EXIT_FAIL_ENTRY:
		return json_fail(j, &run->fail);
	case SVMVCPU_EXIT_MMIO:
		json_hex(j, "gpa", run->mmio.gpa);
		json_num(j, "width", run->mmio.width);
		json_bool(j, "write", run->mmio.write);
		return json_hex(j, "data", run->mmio.data);
	case SVMVCPU_EXIT_IOAPIC_EOI:
		return json_num(j, "vector", run->eoi.vector);
	case SVMVCPU_EXIT_DEBUG:
		return json_debug(j, &run->debug);
	case SVMVCPU_EXIT_UNKNOWN:
		json_hex(j, "code", run->unknown.code);
		json_hex(j, "info1", run->unknown.info1);
		return json_hex(j, "info2", run->unknown.info2);
	}
}

static void json_exit(struct json *j, const struct svmvcpu_run *run, const void *window)
{
	json_str(j, "reason", svmvcpu_exit_name(run->reason));
	json_hex(j, "rip", run->gprs.rip);
	json_str(j, "mode", svmvcpu_mode_name(run->mode));
	json_num(j, "cpl", run->cpl);
	json_open(j, "detail");
	json_payload(j, run, window);
	json_close(j);
}

static void trace_json(struct output *o, const struct svmvcpu_run *run, const void *window,
		       bool refused)
{
	struct json j = { .out = o->out };

	json_open(&j, NULL);
	json_str(&j, "type", "exit");
	json_num(&j, "nr", o->exits);
	json_exit(&j, run, window);
	if (refused)
		json_str(&j, "answer", "#GP");
	else if (wants_answer(run))
		json_hex(&j, "answer", run->answer);
	json_close(&j);
	putc('\n', o->out);
}

void output_exit(struct output *o, const struct svmvcpu_run *run, const void *window,
		 bool refused)
{
	o->exits++;
	if (!o->trace)
		return;
	if (o->json)
		trace_json(o, run, window, refused);
	else
		trace_text(o, run, window, refused);
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

static void end_text(struct output *o, const struct ending *end)
{
	char text[512];

	fflush(o->out);
	if (!o->quiet || unexpected(end->status)) {
		if (end->status >= STATUS_GUEST_CODE)
			fprintf(o->err, "vcpuctl: the guest ended with code %u", end->code);
		else
			fprintf(o->err, "vcpuctl: %s", status_text(end->status));
		fprintf(o->err, " (status %d, %llu exits, %llu of them to user space)\n",
			end->status, end->run->exits, o->exits);
	}
	if (unexpected(end->status) || (stopped(end->status) && !o->quiet))
		fprintf(o->err, "%s\n", svmvcpu_describe_exit(end->run, end->window, text,
							      sizeof(text)));
	if (unexpected(end->status))
		dump(o, end);
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
	json_num(&j, "exits", end->run->exits);
	json_num(&j, "user_exits", o->exits);
	json_exit(&j, end->run, end->window);
	json_registers(&j, end->run);
	json_bytes(&j, "insn", end->insn, end->insn_len, sizeof(end->insn));
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
