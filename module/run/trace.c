// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fires the tracepoints of trace.h. svmvcpu_user records a text: the fields of the
 * exit by name, with numbers in hexadecimal. Fields whose condition is not met are shown
 * as well; they are 0.
 */
#include <linux/stddef.h>

#include "run/run.h"
#include "vcpu/vcpu.h"

#define CREATE_TRACE_POINTS
#include "run/trace.h"

/* A row of exit_fields.h: @nr numbers of @width bytes, or a flag if @nr is 0 */
struct svmvcpu_field {
	const char *name;
	u64 mask;
	u8 reason;
	u8 at;		/* offset in svmvcpu_run.exit_bytes */
	u8 width;
	u8 nr;
};

#define MEMBER_BYTES(member)	sizeof_field(struct svmvcpu_run, member)
#define FIELD(why, key, member, bits, number, count) \
	{ .name = key, .reason = SVMVCPU_EXIT_##why, .mask = bits, .width = number, \
	  .nr = count, .at = offsetof(struct svmvcpu_run, member) - \
			     offsetof(struct svmvcpu_run, exit_bytes) }
#define MANY(why, key, member, number) \
	FIELD(why, key, member, ~0ULL, number, MEMBER_BYTES(member) / (number))

#define DEC(why, key, member, when, text)		MANY(why, key, member, MEMBER_BYTES(member))
#define HEX						DEC
#define NUM						DEC
#define CHAR						DEC
#define COUNT						DEC
#define BITS(why, key, member, words, when, text)	DEC(why, key, member, when, text)
#define WORD(why, key, member, bits, words, when, text) \
	FIELD(why, key, member, bits, MEMBER_BYTES(member), 1)
#define SET(why, key, member, bits, when, text) \
	FIELD(why, key, member, bits, MEMBER_BYTES(member), 0)
#define BYTES(why, key, member, count, text)		MANY(why, key, member, 1)
#define ARRAY(why, key, member, text)			MANY(why, key, member, sizeof(u64))
#define LIST(why, key, member, count, rows, text)	MANY(why, key, member, sizeof(u64))
/* Not shown: their reason is NONE. */
#define CLEAR(...)					{ }
#define WINDOW(...)					{ }
#define ANSWER(...)					{ }

#include "svmvcpu/exit_fields.h"

/* The VMM may write to the run page meanwhile, but that only changes the text. */
static u64 number(const struct svmvcpu_field *field, const struct svmvcpu_run *run, unsigned int i)
{
	u64 value = 0;

	memcpy(&value, run->exit_bytes + field->at + i * field->width, field->width);
	return value & field->mask;
}

static int put_field(char *text, size_t size, const struct svmvcpu_field *field,
		     const struct svmvcpu_run *run)
{
	unsigned int i, nr = field->nr;
	int len;

	if (!nr && !number(field, run, 0))
		return 0;
	len = scnprintf(text, size, " %s", field->name);
	while (nr > 1 && !number(field, run, nr - 1))
		nr--;
	for (i = 0; i < nr; i++)
		len += scnprintf(text + len, size - len, " 0x%llx", number(field, run, i));
	return len;
}

void trace_entry(const struct vcpu *vcpu)
{
	trace_svmvcpu_entry(vcpu->id, vcpu_rip(vcpu), vcpu->event);
}

void trace_exit(const struct vcpu *vcpu)
{
	trace_svmvcpu_exit(vcpu->id, vcpu->vmcb);
}

void trace_user(const struct vcpu *vcpu)
{
	const u32 reason = READ_ONCE(vcpu->run->reason);
	char text[512] = "";
	int len = 0, i;

	for (i = 0; i < ARRAY_SIZE(svmvcpu_exit_fields); i++)
		if (reason && svmvcpu_exit_fields[i].reason == reason)
			len += put_field(text + len, sizeof(text) - len, &svmvcpu_exit_fields[i],
					 vcpu->run);
	trace_svmvcpu_user(vcpu->id, reason, text, len);
}
