// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the commands of the GDB remote serial protocol ("Packets" and "General Query
 * Packets" in GDB's manual). A command that is not in the table gets an empty reply, which
 * means that it is not supported. An error is the number of an errno.
 */
#include <errno.h>
#include <string.h>

#include "gdb_command.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

/* threads for GDB: 0 is any, -1 is all */
#define THREAD_ANY	0ULL
#define THREAD_ALL	(~0ULL)

static void put_error(struct gdb *g, int error)
{
	gdb_reply_begin(&g->reply);
	gdb_put(&g->reply, "E%02x", error < 0 ? -error : error);
}

static void put_result(struct gdb *g, int ret)
{
	if (ret)
		put_error(g, ret);
	else
		gdb_put(&g->reply, "OK");
}

static bool at_end(const char *p)
{
	return !*p;
}

/* a number of a thread; THREAD_ALL is written -1 */
static bool get_thread(const char **at, __u64 *thread)
{
	if (gdb_get_char(at, '-')) {
		*thread = THREAD_ALL;
		return gdb_get_char(at, '1');
	}
	return gdb_get_number(at, thread);
}

static bool thread_exists(const struct gdb *g, __u64 thread)
{
	return thread && thread <= g->target.nr;
}

/* ADDRESS,LENGTH */
static bool get_range(const char **at, __u64 *address, __u64 *len)
{
	return gdb_get_number(at, address) && gdb_get_char(at, ',') && gdb_get_number(at, len);
}

/* the piece of a range that is on its first page */
static size_t page_piece(__u64 linear, __u64 len)
{
	__u64 left = SVMVCPU_PAGE - (linear & (SVMVCPU_PAGE - 1));

	return len < left ? len : left;
}

/* --- memory ----------------------------------------------------------------------- */

static __u8 *find_memory(struct gdb *g, __u64 linear)
{
	return g->target.memory(g->target.arg, g->current, linear);
}

/* as much as can be read; an error only if that is nothing */
static void read_memory(struct gdb *g, const char *p)
{
	__u64 linear, len, done = 0;
	__u8 buf[SVMVCPU_PAGE];

	if (!get_range(&p, &linear, &len) || !at_end(p))
		return put_error(g, EINVAL);
	while (done < len && gdb_reply_room(&g->reply) >= 2) {
		size_t piece = page_piece(linear + done, len - done);
		const __u8 *from = find_memory(g, linear + done);

		if (!from)
			break;
		if (piece > gdb_reply_room(&g->reply) / 2)
			piece = gdb_reply_room(&g->reply) / 2;
		gdb_soft_read(&g->breaks, from, buf, piece);
		gdb_put_hex(&g->reply, buf, piece);
		done += piece;
	}
	if (len && !done)
		put_error(g, EFAULT);
}

/* nothing is written unless all of it can be */
static int write_bytes(struct gdb *g, __u64 linear, const void *bytes, size_t len)
{
	size_t done, piece;

	for (done = 0; done < len; done += piece) {
		piece = page_piece(linear + done, len - done);
		if (!find_memory(g, linear + done))
			return -EFAULT;
	}
	for (done = 0; done < len; done += piece) {
		piece = page_piece(linear + done, len - done);
		gdb_soft_write(&g->breaks, find_memory(g, linear + done),
			       (const char *)bytes + done, piece);
	}
	return 0;
}

static void write_memory_hex(struct gdb *g, const char *p)
{
	__u8 buf[GDB_PACKET_MAX / 2];
	__u64 linear, len;

	if (!get_range(&p, &linear, &len) || !gdb_get_char(&p, ':') || len > sizeof(buf) ||
	    !gdb_get_hex(&p, buf, len) || !at_end(p))
		return put_error(g, EINVAL);
	put_result(g, write_bytes(g, linear, buf, len));
}

static void write_memory_binary(struct gdb *g, const char *p)
{
	const char *end = g->parser.data + g->parser.len;
	__u64 linear, len;

	if (!get_range(&p, &linear, &len) || !gdb_get_char(&p, ':') || len != (size_t)(end - p))
		return put_error(g, EINVAL);
	put_result(g, write_bytes(g, linear, p, len));
}

/* --- registers -------------------------------------------------------------------- */

static int read_cpu(struct gdb *g)
{
	return g->target.read_cpu(g->target.arg, g->current, &g->cpu);
}

static int write_cpu(struct gdb *g, __u64 components)
{
	int ret = g->target.write_cpu(g->target.arg, g->current, &g->cpu, components);

	if (!ret)
		g->threads[g->current].written |= components;
	return ret;
}

static void put_register(struct gdb *g, unsigned int nr)
{
	__u8 bytes[GDB_REG_MAX];

	gdb_reg_read(&g->layout, &g->cpu, nr, bytes);
	gdb_put_hex(&g->reply, bytes, gdb_reg_size(&g->layout, nr));
}

static void read_registers(struct gdb *g, const char *p)
{
	unsigned int nr, count = gdb_reg_count(&g->layout);
	int ret = at_end(p) ? read_cpu(g) : -EINVAL;

	if (ret)
		return put_error(g, ret);
	for (nr = 0; nr < count; nr++)
		put_register(g, nr);
}

static void write_registers(struct gdb *g, const char *p)
{
	unsigned int nr, count = gdb_reg_count(&g->layout);
	__u8 bytes[GDB_REG_MAX];
	__u64 components = 0;
	int ret = read_cpu(g);

	for (nr = 0; !ret && nr < count; nr++) {
		if (gdb_get_hex(&p, bytes, gdb_reg_size(&g->layout, nr)))
			components |= gdb_reg_write(&g->layout, &g->cpu, nr, bytes);
		else
			ret = -EINVAL;
	}
	if (!ret && !at_end(p))
		ret = -EINVAL;
	if (!ret && components)
		ret = write_cpu(g, components);
	put_result(g, ret);
}

static bool get_register(struct gdb *g, const char **at, __u64 *nr)
{
	return gdb_get_number(at, nr) && *nr < gdb_reg_count(&g->layout);
}

static void read_register(struct gdb *g, const char *p)
{
	__u64 nr;
	int ret = get_register(g, &p, &nr) && at_end(p) ? read_cpu(g) : -EINVAL;

	if (ret)
		return put_error(g, ret);
	put_register(g, nr);
}

static void write_register(struct gdb *g, const char *p)
{
	__u8 bytes[GDB_REG_MAX];
	__u64 nr, components;
	int ret;

	if (!get_register(g, &p, &nr) || !gdb_get_char(&p, '=') ||
	    !gdb_get_hex(&p, bytes, gdb_reg_size(&g->layout, nr)) || !at_end(p))
		return put_error(g, EINVAL);
	ret = read_cpu(g);
	components = ret ? 0 : gdb_reg_write(&g->layout, &g->cpu, nr, bytes);
	if (components)
		ret = write_cpu(g, components);
	put_result(g, ret);
}

/* --- breakpoints ------------------------------------------------------------------ */

/* TYPE,ADDRESS,KIND; conditions and commands, which may follow, are not offered */
static bool get_breakpoint(const char **at, __u64 *type, __u64 *linear, __u64 *kind)
{
	return gdb_get_number(at, type) && *type <= GDB_WATCH_ACCESS && gdb_get_char(at, ',') &&
	       get_range(at, linear, kind) && at_end(*at);
}

static int insert_soft(struct gdb *g, __u64 linear)
{
	__u8 *at = find_memory(g, linear);

	return at ? gdb_soft_insert(&g->breaks, linear, at) : -EFAULT;
}

static void insert_breakpoint(struct gdb *g, const char *p)
{
	__u64 type, linear, kind;
	int ret;

	if (!get_breakpoint(&p, &type, &linear, &kind))
		return put_error(g, EINVAL);
	if (type == GDB_BREAK_SOFT)
		ret = insert_soft(g, linear);
	else
		ret = gdb_hard_insert(&g->breaks, type, linear,
				      type == GDB_BREAK_HARD ? 1 : kind,
				      g->layout.arch == GDB_X86_64);
	/* an empty reply: this type does not exist */
	if (ret != -EOPNOTSUPP)
		put_result(g, ret);
}

static void remove_breakpoint(struct gdb *g, const char *p)
{
	__u64 type, linear, kind;

	if (!get_breakpoint(&p, &type, &linear, &kind))
		return put_error(g, EINVAL);
	if (type == GDB_BREAK_SOFT)
		gdb_soft_remove(&g->breaks, linear);
	else
		gdb_hard_remove(&g->breaks, type, linear, type == GDB_BREAK_HARD ? 1 : kind);
	put_result(g, 0);
}

/* --- going on --------------------------------------------------------------------- */

static void resume_none(struct gdb *g)
{
	unsigned int i;

	for (i = 0; i < g->target.nr; i++) {
		g->threads[i].resumed = false;
		g->threads[i].step = false;
		g->threads[i].range_start = 0;
		g->threads[i].range_end = 0;
		g->threads[i].signal = 0;
	}
}

static void resume_all(struct gdb *g)
{
	unsigned int i;

	resume_none(g);
	for (i = 0; i < g->target.nr; i++)
		g->threads[i].resumed = true;
}

/* one action of vCont: c, Csignal, s, Ssignal or rSTART,END */
static bool get_action(const char **at, struct gdb_thread *action)
{
	__u64 signal = 0;
	char c = **at;

	*action = (struct gdb_thread){ .resumed = true, .step = c == 's' || c == 'S' || c == 'r' };
	if (!c || !strchr("cCsSr", c))
		return false;
	++*at;
	if (c == 'r')
		return get_range(at, &action->range_start, &action->range_end);
	if ((c == 'C' || c == 'S') && (!gdb_get_number(at, &signal) || signal > 0xff))
		return false;
	action->signal = signal;
	return true;
}

/* for threads that no action to the left has named */
static void apply_action(struct gdb *g, const struct gdb_thread *action, __u64 thread)
{
	unsigned int i;

	for (i = 0; i < g->target.nr; i++) {
		struct gdb_thread *t = &g->threads[i];

		if (t->resumed || (thread != THREAD_ALL && thread != i + 1))
			continue;
		t->resumed = true;
		t->step = action->step;
		t->range_start = action->range_start;
		t->range_end = action->range_end;
		t->signal = action->signal;
	}
}

/* ;ACTION[:THREAD]... */
static int parse_actions(struct gdb *g, const char *p)
{
	struct gdb_thread action;
	__u64 thread;
	unsigned int i;

	while (!at_end(p)) {
		if (!gdb_get_char(&p, ';') || !get_action(&p, &action))
			return -EINVAL;
		thread = THREAD_ALL;
		if (gdb_get_char(&p, ':') && !get_thread(&p, &thread))
			return -EINVAL;
		if (thread == THREAD_ANY)
			thread = g->current + 1;
		apply_action(g, &action, thread);
	}
	for (i = 0; i < g->target.nr; i++)
		if (g->threads[i].resumed)
			return 0;
	return -ESRCH;
}

static void continue_threads(struct gdb *g, const char *p)
{
	int ret;

	resume_none(g);
	ret = parse_actions(g, p);
	if (ret)
		return put_error(g, ret);
	g->resume = GDB_RESUME;
}

static void continue_query(struct gdb *g, const char *p)
{
	(void)p;
	gdb_put(&g->reply, "vCont;c;C;s;S;r");
}

/* c, s [ADDRESS] and C, S SIGNAL[;ADDRESS]: all vCPUs go on, the current one as it says */
static void continue_old(struct gdb *g, const char *p)
{
	struct gdb_thread action;

	--p;	/* the table has taken the letter off */
	resume_none(g);
	if (!get_action(&p, &action) || !at_end(p))
		return put_error(g, EINVAL);
	apply_action(g, &action, g->current + 1);
	action.step = false;
	action.signal = 0;
	apply_action(g, &action, THREAD_ALL);
	g->resume = GDB_RESUME;
}

static void detach(struct gdb *g, const char *p)
{
	(void)p;
	gdb_break_clear(&g->breaks);
	resume_all(g);
	g->resume = GDB_DETACH;
	put_result(g, 0);
}

static void kill_guest(struct gdb *g, const char *p)
{
	(void)p;
	g->resume = GDB_KILL;
}

static void kill_process(struct gdb *g, const char *p)
{
	kill_guest(g, p);
	put_result(g, 0);
}

/* --- queries ---------------------------------------------------------------------- */

static void stop_reason(struct gdb *g, const char *p)
{
	(void)p;
	gdb_put_stop(g);
}

static void set_thread(struct gdb *g, const char *p)
{
	bool general = gdb_get_char(&p, 'g');
	__u64 thread;

	if ((!general && !gdb_get_char(&p, 'c')) || !get_thread(&p, &thread) || !at_end(p))
		return put_error(g, EINVAL);
	if (thread != THREAD_ANY && thread != THREAD_ALL) {
		if (!thread_exists(g, thread))
			return put_error(g, ESRCH);
		g->current = thread - 1;
	}
	put_result(g, 0);
}

static void thread_alive(struct gdb *g, const char *p)
{
	__u64 thread;

	put_result(g, get_thread(&p, &thread) && thread_exists(g, thread) ? 0 : -ESRCH);
}

static void first_threads(struct gdb *g, const char *p)
{
	unsigned int i;

	(void)p;
	gdb_put(&g->reply, "m1");
	for (i = 2; i <= g->target.nr; i++)
		gdb_put(&g->reply, ",%x", i);
}

static void more_threads(struct gdb *g, const char *p)
{
	(void)p;
	gdb_put(&g->reply, "l");
}

static void thread_text(struct gdb *g, const char *p)
{
	char text[32];
	__u64 thread;

	if (!get_thread(&p, &thread) || !thread_exists(g, thread))
		return put_error(g, ESRCH);
	snprintf(text, sizeof(text), "vCPU %llu", thread - 1);
	gdb_put_hex(&g->reply, text, strlen(text));
}

static void current_thread(struct gdb *g, const char *p)
{
	if (at_end(p))
		gdb_put(&g->reply, "QC%x", g->current + 1);
}

/* GDB then detaches when it quits, instead of killing the guest */
static void attached(struct gdb *g, const char *p)
{
	(void)p;
	gdb_put(&g->reply, "1");
}

static void supported(struct gdb *g, const char *p)
{
	g->layout.described = strstr(p, "xmlRegisters=");
	g->swbreak = strstr(p, "swbreak+");
	g->hwbreak = strstr(p, "hwbreak+");
	gdb_put(&g->reply, "PacketSize=%x;qXfer:features:read+;vContSupported+;", GDB_PACKET_MAX);
	gdb_put(&g->reply, "QStartNoAckMode+;swbreak+;hwbreak+");
}

static void no_ack_mode(struct gdb *g, const char *p)
{
	(void)p;
	g->no_ack = true;
	put_result(g, 0);
}

/* target.xml:OFFSET,LENGTH */
static void read_description(struct gdb *g, const char *p)
{
	static const char annex[] = "target.xml:";
	__u64 offset, len;

	if (strncmp(p, annex, strlen(annex)))
		return put_error(g, ENOENT);
	p += strlen(annex);
	if (!get_range(&p, &offset, &len) || !at_end(p))
		return put_error(g, EINVAL);
	g->layout.described = true;
	g->xml_len = gdb_description(&g->layout, g->xml, sizeof(g->xml));
	if (offset > g->xml_len)
		return put_error(g, EINVAL);
	if (len > g->xml_len - offset)
		len = g->xml_len - offset;
	/* each byte may have to be escaped */
	if (len > gdb_reply_room(&g->reply) / 2 - 1)
		len = gdb_reply_room(&g->reply) / 2 - 1;
	gdb_put(&g->reply, offset + len == g->xml_len ? "l" : "m");
	gdb_put_escaped(&g->reply, g->xml + offset, len);
}

/**
 * struct command - a command of the protocol
 * @name: the packet begins with it
 * @run: called with the rest of the packet
 *
 * Of two names that fit, the first counts.
 */
static const struct command {
	const char *name;
	void (*run)(struct gdb *g, const char *p);
} commands[] = {
	{ "?", stop_reason },
	{ "c", continue_old },
	{ "C", continue_old },
	{ "D", detach },
	{ "g", read_registers },
	{ "G", write_registers },
	{ "H", set_thread },
	{ "k", kill_guest },
	{ "m", read_memory },
	{ "M", write_memory_hex },
	{ "p", read_register },
	{ "P", write_register },
	{ "qAttached", attached },
	{ "qC", current_thread },
	{ "qfThreadInfo", first_threads },
	{ "qsThreadInfo", more_threads },
	{ "qSupported", supported },
	{ "qThreadExtraInfo,", thread_text },
	{ "qXfer:features:read:", read_description },
	{ "QStartNoAckMode", no_ack_mode },
	{ "s", continue_old },
	{ "S", continue_old },
	{ "T", thread_alive },
	{ "vCont?", continue_query },
	{ "vCont", continue_threads },
	{ "vKill", kill_process },
	{ "X", write_memory_binary },
	{ "z", remove_breakpoint },
	{ "Z", insert_breakpoint },
};

static const struct command *find_command(const char *packet)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strncmp(packet, commands[i].name, strlen(commands[i].name)))
			return &commands[i];
	return NULL;
}

bool gdb_command(struct gdb *g)
{
	const struct command *c = find_command(g->parser.data);

	gdb_reply_begin(&g->reply);
	if (!c)
		return true;
	c->run(g, g->parser.data + strlen(c->name));
	if (g->reply.full)
		put_error(g, E2BIG);
	/* the reply to a command that resumes is the next stop */
	return g->reply.len > 1 || g->resume == GDB_STAY;
}
