// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: exits and registers as text for people. Programs that want numbers read
 * the run page instead of parsing this.
 */
#include "exit_text.h"
#include "svmvcpu_lib.h"

char *svmvcpu_describe_exit(const struct svmvcpu_run *run, const void *window,
			    char *buf, size_t len)
{
	char payload[SVMVCPU_EXIT_TEXT_MAX];

	svmvcpu_exit_text(run->reason, run->exit_bytes, window, payload, sizeof(payload));
	snprintf(buf, len, "%s%s at rip %#llx (%s, cpl %u)", svmvcpu_exit_name(run->reason),
		 payload, run->gprs.rip, svmvcpu_mode_name(run->mode), run->cpl);
	return buf;
}

bool svmvcpu_exit_asks(const struct svmvcpu_run *run)
{
	const struct svmvcpu_field *f;

	for (f = svmvcpu_exit_fields; f->name; f++)
		if (f->reason == run->reason && f->format == SVMVCPU_FIELD_ANSWER)
			return svmvcpu_field_there(f, run->exit_bytes);
	return false;
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
