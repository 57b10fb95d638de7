// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: exits and registers as text for people. One function per exit
 * reason writes its payload; svmvcpu_describe_exit() adds where the guest was.
 * Programs that want numbers read the run page instead of parsing this.
 */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "svmvcpu_lib.h"

/* bounded appender: what does not fit is cut, the end is always terminated */
struct text {
	char *buf;
	size_t len;
	size_t at;
};

[[gnu::format(printf, 2, 3)]]
static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (t->at + 1 >= t->len)
		return;
	va_start(args, fmt);
	n = vsnprintf(t->buf + t->at, t->len - t->at, fmt, args);
	va_end(args);
	if (n > 0)
		t->at += n;
	if (t->at >= t->len)
		t->at = t->len - 1;
}

static void put_bytes(struct text *t, const __u8 *bytes, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		put(t, " %02x", bytes[i]);
}

/* the start of string data, as characters when all of it is printable */
static void put_window(struct text *t, const struct svmvcpu_exit_io *io, const __u8 *data)
{
	size_t total = (size_t)io->count * io->width;
	size_t shown = total < 16 ? total : 16;
	size_t i;

	for (i = 0; i < shown && isprint(data[i]); i++)
		;
	if (shown && i == shown)
		put(t, " \"%.*s\"", (int)shown, (const char *)data);
	else
		put_bytes(t, data, shown);
	if (shown < total)
		put(t, " ...");
}

static void put_io(struct text *t, const struct svmvcpu_run *run, const void *window)
{
	static const char * const sizes[] = { [1] = "byte", [2] = "word", [4] = "dword" };
	const struct svmvcpu_exit_io *io = &run->io;
	bool in = io->flags & SVMVCPU_IO_IN;
	const char *size = io->width <= 4 && sizes[io->width] ? sizes[io->width] : "?";

	put(t, " %s %s %s %#06x", in ? "in" : "out", size, in ? "from" : "to", io->port);
	if (io->flags & SVMVCPU_IO_STRING) {
		put(t, " %sstring of %u", io->flags & SVMVCPU_IO_REP ? "rep " : "", io->count);
		if (!in && window)
			put_window(t, io, window);
	} else if (!in) {
		put(t, " value %#x", io->data);
		if (io->width == 1 && isprint(io->data))
			put(t, " '%c'", io->data);
	}
}

static void put_memory(struct text *t, const struct svmvcpu_exit_memory *m)
{
	const char *what = "read";

	if (m->flags & SVMVCPU_FAULT_WRITE)
		what = "write";
	else if (m->flags & SVMVCPU_FAULT_EXEC)
		what = "fetch";
	put(t, " %s gpa %#llx", what, m->gpa);
	if (m->flags & SVMVCPU_FAULT_GVA)
		put(t, " gva %#llx", m->gva);
	if (m->flags & SVMVCPU_FAULT_WALK)
		put(t, " walking the guest's page tables");
	if (m->flags & SVMVCPU_FAULT_USER_MEM)
		put(t, " (the memory behind the region is missing)");
	if (m->flags & SVMVCPU_FAULT_LIMIT)
		put(t, " (the snapshot has as many pages as it may)");
	if (m->flags & SVMVCPU_FAULT_APIC)
		put(t, " (the local APIC's registers)");
	if (m->flags & SVMVCPU_FAULT_KERNEL)
		put(t, " (by the module for the guest)");
	if (m->insn_len && m->insn_len <= SVMVCPU_INSN_MAX) {
		put(t, " insn");
		put_bytes(t, m->insn, m->insn_len);
	}
}

static void put_hypercall(struct text *t, const struct svmvcpu_exit_hypercall *h)
{
	put(t, " nr %#llx (%#llx, %#llx, %#llx, %#llx, %#llx, %#llx)", h->nr, h->args[0],
	    h->args[1], h->args[2], h->args[3], h->args[4], h->args[5]);
}

static void put_event(struct text *t, const struct svmvcpu_exit_exception *e)
{
	put(t, " %s (vector %u)", svmvcpu_vector_name(e->vector), e->vector);
	if (e->flags & SVMVCPU_EXC_ERROR_CODE)
		put(t, " error %#x", e->error_code);
	if (e->flags & SVMVCPU_EXC_ADDRESS)
		put(t, " %s %#llx", e->vector == 1 ? "dr6" : "address", e->address);
}

static void put_fault(struct text *t, const struct svmvcpu_fault *f)
{
	if (f->flags & SVMVCPU_EXC_INTERRUPT)
		put(t, " interrupt %u", f->vector);
	else
		put(t, " %s", svmvcpu_vector_name(f->vector));
	if (f->flags & SVMVCPU_EXC_ERROR_CODE)
		put(t, " error %#x", f->error_code);
	if (f->flags & SVMVCPU_EXC_ADDRESS)
		put(t, " %s %#llx", f->vector == 1 ? "dr6" : "address", f->address);
}

/* where the guest was is said again only when it was elsewhere */
static void put_shutdown(struct text *t, const struct svmvcpu_exit_shutdown *s)
{
	unsigned int nr = s->nr < SVMVCPU_FAULTS_MAX ? s->nr : SVMVCPU_FAULTS_MAX, i;

	put(t, " triple fault");
	for (i = 0; i < nr; i++) {
		const struct svmvcpu_fault *f = &s->faults[i];

		put(t, i ? "," : ":");
		if (i == 1 && s->left_out)
			put(t, " (%u more),", s->left_out);
		put_fault(t, f);
		if (!i || f->rip != f[-1].rip || f->rsp != f[-1].rsp)
			put(t, " rip %#llx rsp %#llx", f->rip, f->rsp);
	}
	if (nr)
		put(t, ";");
}

static void put_interrupted(struct text *t, const struct svmvcpu_exit_interrupted *i)
{
	put(t, " by%s%s%s", i->by & SVMVCPU_BY_SIGNAL ? " signal" : "",
	    i->by & SVMVCPU_BY_KICK ? " kick" : "",
	    i->by & SVMVCPU_BY_DEADLINE ? " deadline" : "");
}

static void put_fail(struct text *t, const struct svmvcpu_exit_fail *f)
{
	put(t, " %s", svmvcpu_rule_text(f->rule));
	if (f->code)
		put(t, " (VMRUN refused, code %#llx)", f->code);
	else
		put(t, " (found before VMRUN)");
}

static void put_mmio(struct text *t, const struct svmvcpu_exit_mmio *mmio)
{
	put(t, " %s %u bytes at %#llx", mmio->write ? "write" : "read", mmio->width, mmio->gpa);
	if (mmio->write)
		put(t, " value %#llx", mmio->data);
}

static void put_down(struct text *t, const struct svmvcpu_exit_down *down)
{
	if (down->kind == SVMVCPU_DOWN_INIT)
		put(t, " init, by its local APIC");
	else
		put(t, " %s, wrote %#x", svmvcpu_down_name(down->kind), down->data);
}

static void put_debug(struct text *t, const struct svmvcpu_exit_debug *d)
{
	unsigned int i;

	if (d->cause & SVMVCPU_DEBUG_STEP)
		put(t, " step");
	if (d->cause & SVMVCPU_DEBUG_INT3)
		put(t, " int3");
	for (i = 0; i < 4; i++)
		if (d->dr6 & (1U << i))
			put(t, " breakpoint %u", i);
}

static void put_payload(struct text *t, const struct svmvcpu_run *run, const void *window)
{
	switch (run->reason) {
	case SVMVCPU_EXIT_IO:
		return put_io(t, run, window);
	case SVMVCPU_EXIT_MEMORY_FAULT:
		return put_memory(t, &run->memory);
	case SVMVCPU_EXIT_HYPERCALL:
		return put_hypercall(t, &run->hypercall);
	case SVMVCPU_EXIT_MSR_READ:
		return put(t, " %#x", run->msr.index);
	case SVMVCPU_EXIT_MSR_WRITE:
		return put(t, " %#x value %#llx", run->msr.index, run->msr.value);
	case SVMVCPU_EXIT_SYSTEM_DOWN:
		return put_down(t, &run->down);
	case SVMVCPU_EXIT_SHUTDOWN:
		return put_shutdown(t, &run->shutdown);
	case SVMVCPU_EXIT_EXCEPTION:
		return put_event(t, &run->exception);
	case SVMVCPU_EXIT_INTERRUPTED:
		return put_interrupted(t, &run->interrupted);
	case SVMVCPU_EXIT_FAIL_ENTRY:
		return put_fail(t, &run->fail);
	case SVMVCPU_EXIT_MMIO:
		return put_mmio(t, &run->mmio);
	case SVMVCPU_EXIT_IOAPIC_EOI:
		return put(t, " vector %u", run->eoi.vector);
	case SVMVCPU_EXIT_DEBUG:
		return put_debug(t, &run->debug);
	case SVMVCPU_EXIT_UNKNOWN:
		return put(t, " exit code %#llx info1 %#llx info2 %#llx", run->unknown.code,
			   run->unknown.info1, run->unknown.info2);
	}
}

char *svmvcpu_describe_exit(const struct svmvcpu_run *run, const void *window,
			    char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };

	if (len)
		buf[0] = '\0';
	put(&t, "%s", svmvcpu_exit_name(run->reason));
	put_payload(&t, run, window);
	put(&t, " at rip %#llx (%s, cpl %u)", run->gprs.rip, svmvcpu_mode_name(run->mode),
	    run->cpl);
	return buf;
}

void svmvcpu_print_regs(FILE *out, const struct svmvcpu_run *run)
{
	const struct svmvcpu_gprs *g = &run->gprs;

	fprintf(out, "rip %016llx rflags %08llx  %s, cpl %u\n", g->rip, g->rflags,
		svmvcpu_mode_name(run->mode), run->cpl);
	fprintf(out, "rax %016llx rbx %016llx rcx %016llx rdx %016llx\n",
		g->rax, g->rbx, g->rcx, g->rdx);
	fprintf(out, "rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n",
		g->rsi, g->rdi, g->rbp, g->rsp);
	fprintf(out, "r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n",
		g->r8, g->r9, g->r10, g->r11);
	fprintf(out, "r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n",
		g->r12, g->r13, g->r14, g->r15);
	fprintf(out, "cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx\n",
		run->cr0, run->cr2, run->cr3, run->cr4, run->efer);
}

static void print_segment(FILE *out, const char *name, const struct svmvcpu_segment *s)
{
	fprintf(out, "%-4s %04x base %016llx limit %08x attrib %04x\n", name, s->selector,
		s->base, s->limit, s->attrib);
}

static void print_segments(FILE *out, const struct svmvcpu_segments *s)
{
	print_segment(out, "cs", &s->cs);
	print_segment(out, "ss", &s->ss);
	print_segment(out, "ds", &s->ds);
	print_segment(out, "es", &s->es);
	print_segment(out, "fs", &s->fs);
	print_segment(out, "gs", &s->gs);
	print_segment(out, "ldtr", &s->ldtr);
	print_segment(out, "tr", &s->tr);
	fprintf(out, "gdtr      base %016llx limit %08x\n", s->gdtr.base, s->gdtr.limit);
	fprintf(out, "idtr      base %016llx limit %08x\n", s->idtr.base, s->idtr.limit);
}

void svmvcpu_print_state(FILE *out, const struct svmvcpu_state *state)
{
	const struct svmvcpu_control *c = &state->control;
	const struct svmvcpu_debug *d = &state->debug;

	if (state->components & SVMVCPU_STATE_SEGMENTS)
		print_segments(out, &state->segments);
	if (state->components & SVMVCPU_STATE_CONTROL)
		fprintf(out, "cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx cr8 %llx efer %04llx\n",
			c->cr0, c->cr2, c->cr3, c->cr4, c->cr8, c->efer);
	if (state->components & SVMVCPU_STATE_DEBUG)
		fprintf(out, "dr0 %llx dr1 %llx dr2 %llx dr3 %llx dr6 %08llx dr7 %08llx\n",
			d->db[0], d->db[1], d->db[2], d->db[3], d->dr6, d->dr7);
}
