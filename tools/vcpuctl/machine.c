// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: answering exits. Ports and MSRs are tables; what stands in none
 * reads as an open bus (ports) or raises #GP (MSRs). A wide access to ports a
 * byte wide is split, as an ISA bus does.
 */
#include <string.h>

#include "acpi.h"
#include "machine.h"
#include "vcpuctl.h"

#define PORT_EXIT	0xf4
#define PORT_DEBUG	0x402
#define DEBUG_PRESENT	0xe9
#define PORT_UART	0x3f8
#define HYPERCALL_UNKNOWN	((__u64)-38)	/* Linux guests know it as ENOSYS */

/**
 * struct port - a range of ports a byte wide
 * @first: .
 * @last: .
 * @read: NULL reads all-ones
 * @write: NULL ignores
 */
struct port {
	__u16 first, last;
	__u8 (*read)(struct machine *m, __u16 port);
	void (*write)(struct machine *m, __u16 port, __u8 value);
};

static __u8 read_uart(struct machine *m, __u16 port)
{
	return uart_read(&m->uart, port - PORT_UART);
}

static void write_uart(struct machine *m, __u16 port, __u8 value)
{
	uart_write(&m->uart, port - PORT_UART, value);
}

static __u8 read_debug(struct machine *m, __u16 port)
{
	(void)m;
	(void)port;
	return DEBUG_PRESENT;
}

static void write_debug(struct machine *m, __u16 port, __u8 value)
{
	(void)port;
	m->debug(m->arg, value);
}

static __u8 read_board(struct machine *m, __u16 port)
{
	return platform_read(&m->platform, port);
}

static void write_board(struct machine *m, __u16 port, __u8 value)
{
	platform_write(&m->platform, port, value);
}

static __u8 read_pm(struct machine *m, __u16 port)
{
	return pm_read(&m->pm, port - ACPI_PM1_EVENT);
}

static void write_pm(struct machine *m, __u16 port, __u8 value)
{
	pm_write(&m->pm, port - ACPI_PM1_EVENT, value);
}

/* without the device, an open bus */
static __u8 read_fwcfg(struct machine *m, __u16 port)
{
	return m->fwcfg ? fwcfg_read(m->fwcfg, port - FWCFG_PORT) : 0xff;
}

static void write_fwcfg(struct machine *m, __u16 port, __u8 value)
{
	if (m->fwcfg)
		fwcfg_write(m->fwcfg, port - FWCFG_PORT, value);
}

static const struct port ports[] = {
	{ 0x042, 0x042, read_board, write_board },
	{ 0x043, 0x043, NULL, write_board },
	{ 0x061, 0x061, read_board, write_board },
	{ 0x070, 0x071, read_board, write_board },
	{ 0x092, 0x092, read_board, write_board },
	{ PORT_UART, PORT_UART + UART_PORTS - 1, read_uart, write_uart },
	{ PORT_DEBUG, PORT_DEBUG, read_debug, write_debug },
	{ FWCFG_PORT, FWCFG_PORT + FWCFG_PORTS - 1, read_fwcfg, write_fwcfg },
	{ ACPI_PM1_EVENT, ACPI_PM1_EVENT + PM_PORTS - 1, read_pm, write_pm },
};

/* MSRs firmware and kernels take for granted: memory types and the like, read as 0 */
static const struct {
	__u32 first, last;
} quiet_msrs[] = {
	{ 0x0000008b, 0x0000008b },	/* microcode patch level */
	{ 0x000000fe, 0x000000fe },	/* MTRR capabilities: none */
	{ 0x00000200, 0x0000020f },	/* variable MTRRs */
	{ 0x00000250, 0x00000250 },	/* fixed MTRRs */
	{ 0x00000258, 0x00000259 },
	{ 0x00000268, 0x0000026f },
	{ 0x000002ff, 0x000002ff },	/* default memory type */
	{ 0xc0010010, 0xc0010010 },	/* SYSCFG: more memory types */
	{ 0xc001001f, 0xc001001f },	/* northbridge configuration */
};

static const struct port *find_port(__u16 port)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++)
		if (port >= ports[i].first && port <= ports[i].last)
			return &ports[i];
	return NULL;
}

static __u32 port_in(struct machine *m, __u16 port, unsigned int width)
{
	const struct port *p;
	__u32 value = 0;
	unsigned int i;

	for (i = 0; i < width; i++) {
		__u16 at = port + i;

		p = find_port(at);
		m->used += !!p;
		value |= (__u32)(p && p->read ? p->read(m, at) : 0xff) << (8 * i);
	}
	return value;
}

static void port_out(struct machine *m, __u16 port, unsigned int width, __u32 value)
{
	const struct port *p;
	unsigned int i;

	for (i = 0; i < width; i++) {
		__u16 at = port + i;

		p = find_port(at);
		m->used += !!p;
		if (p && p->write)
			p->write(m, at, value >> (8 * i));
	}
}

static void string_io(struct machine *m, const struct svmvcpu_exit_io *io, __u8 *window)
{
	__u32 value;
	__u32 i;

	for (i = 0; i < io->count; i++, window += io->width) {
		if (io->flags & SVMVCPU_IO_IN) {
			value = port_in(m, io->port, io->width);
			memcpy(window, &value, io->width);
		} else {
			value = 0;
			memcpy(&value, window, io->width);
			port_out(m, io->port, io->width, value);
		}
	}
}

static int handle_io(struct machine *m, struct svmvcpu_run *run, void *window)
{
	/* a copy: the page is shared, and what was checked must stay so */
	const struct svmvcpu_exit_io io = run->io;
	bool in = io.flags & SVMVCPU_IO_IN;
	bool string = io.flags & SVMVCPU_IO_STRING;

	if ((io.width != 1 && io.width != 2 && io.width != 4) || (string && !window))
		return STATUS_UNKNOWN;
	if (io.port == PORT_EXIT && !in && !string) {
		m->code = io.data;
		return STATUS_GUEST_CODE + (io.data & 0x7f);
	}
	if (string)
		string_io(m, &io, window);
	else if (in)
		run->answer = port_in(m, io.port, io.width);
	else
		port_out(m, io.port, io.width, io.data);
	return m->pm.off ? STATUS_POWEROFF : MACHINE_CONTINUE;
}

static bool msr_quiet(__u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(quiet_msrs); i++)
		if (index >= quiet_msrs[i].first && index <= quiet_msrs[i].last)
			return true;
	return false;
}

static int handle_msr(struct machine *m, struct svmvcpu_run *run)
{
	m->refused = !m->msr_ignore && !msr_quiet(run->msr.index);
	run->answer = 0;
	if (m->refused)
		run->in_flags |= SVMVCPU_RUN_FAIL;
	return MACHINE_CONTINUE;
}

/* there are no hypercalls yet: each is told so, and the trace shows it */
static int handle_hypercall(struct svmvcpu_run *run)
{
	run->answer = HYPERCALL_UNKNOWN;
	return MACHINE_CONTINUE;
}

/* a kick may mean that there is input */
static int handle_interrupted(struct machine *m, const struct svmvcpu_run *run)
{
	if (run->interrupted.by & SVMVCPU_BY_DEADLINE)
		return STATUS_TIMEOUT;
	if (uart_wants_input(&m->uart))
		uart_poll(&m->uart);
	return MACHINE_CONTINUE;
}

static int handle_mmio(struct machine *m, struct svmvcpu_run *run)
{
	const struct svmvcpu_exit_mmio mmio = run->mmio;
	bool ioapic = m->apic && mmio.gpa >= IOAPIC_GPA && mmio.gpa - IOAPIC_GPA < IOAPIC_BYTES;

	if (!ioapic && !m->ignore)
		return STATUS_MEMORY_FAULT;
	if (!ioapic)
		run->answer = mmio.write ? 0 : ~0ULL >> (64 - 8 * mmio.width);
	else if (mmio.write)
		ioapic_write(&m->ioapic, mmio.gpa - IOAPIC_GPA, mmio.width, mmio.data);
	else
		run->answer = ioapic_read(&m->ioapic, mmio.gpa - IOAPIC_GPA, mmio.width);
	return MACHINE_CONTINUE;
}

static int handle_eoi(struct machine *m, const struct svmvcpu_run *run)
{
	if (m->apic)
		ioapic_eoi(&m->ioapic, run->eoi.vector);
	return MACHINE_CONTINUE;
}

static int handle_down(const struct svmvcpu_run *run)
{
	return run->down.kind == SVMVCPU_DOWN_POWEROFF ? STATUS_POWEROFF : STATUS_RESET;
}

int machine_exit(struct machine *m, struct svmvcpu_run *run, void *window)
{
	m->refused = false;
	if (run->reason != SVMVCPU_EXIT_IO && run->reason != SVMVCPU_EXIT_INTERRUPTED)
		m->used++;
	switch (run->reason) {
	case SVMVCPU_EXIT_IO:
		return handle_io(m, run, window);
	case SVMVCPU_EXIT_MSR_READ:
	case SVMVCPU_EXIT_MSR_WRITE:
		return handle_msr(m, run);
	case SVMVCPU_EXIT_HYPERCALL:
		return handle_hypercall(run);
	case SVMVCPU_EXIT_INTERRUPTED:
		return handle_interrupted(m, run);
	case SVMVCPU_EXIT_MMIO:
		return handle_mmio(m, run);
	case SVMVCPU_EXIT_IOAPIC_EOI:
		return handle_eoi(m, run);
	case SVMVCPU_EXIT_SYSTEM_DOWN:
		return handle_down(run);
	case SVMVCPU_EXIT_DEBUG:
		return MACHINE_CONTINUE;
	/* no CPU has this number */
	case SVMVCPU_EXIT_IPI:
		return MACHINE_CONTINUE;
	case SVMVCPU_EXIT_HALT:
		return STATUS_HALT;
	case SVMVCPU_EXIT_SHUTDOWN:
		return STATUS_SHUTDOWN;
	case SVMVCPU_EXIT_MEMORY_FAULT:
		return STATUS_MEMORY_FAULT;
	case SVMVCPU_EXIT_FAIL_ENTRY:
		return STATUS_FAIL_ENTRY;
	case SVMVCPU_EXIT_EXCEPTION:
		return STATUS_EXCEPTION;
	}
	return STATUS_UNKNOWN;
}

void machine_irq(struct machine *m, unsigned int irq, bool level)
{
	if (m->apic)
		ioapic_set(&m->ioapic, irq, level);
}

void machine_reset(struct machine *m, __u64 mem)
{
	ioapic_reset(&m->ioapic);
	uart_reset(&m->uart);
	platform_reset(&m->platform, mem);
	m->pm = (struct pm){ 0 };
	m->code = 0;
	m->refused = false;
}
