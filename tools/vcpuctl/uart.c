// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the 16550. Input stays with the host until the guest reads a register
 * that shows it or has enabled the interrupt, and is taken one byte at a time: a
 * guest that clears its FIFO loses no more than one byte of it. Only loopback
 * fills the FIFO.
 */
#include <string.h>

#include "uart.h"

/* registers; 0 and 1 are the divisor while LCR.DLAB is set */
#define REG_DATA	0
#define REG_IER		1
#define REG_IIR		2	/* FCR when written */
#define REG_LCR		3
#define REG_MCR		4
#define REG_LSR		5
#define REG_MSR		6
#define REG_SCR		7

#define IER_RX		0x01
#define IER_THRE	0x02
#define IER_LINE	0x04
#define IIR_NONE	0x01
#define IIR_THRE	0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c	/* data below the trigger level, and no more coming */
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_TRIGGER	0xc0
#define LCR_DLAB	0x80
#define MCR_OUT2	0x08	/* on a PC, opens the interrupt line */
#define MCR_LOOP	0x10
#define LSR_READY	0x01
#define LSR_OVERRUN	0x02
#define LSR_EMPTY	0x60	/* holding register and transmitter */
#define MSR_PRESENT	0xb0	/* carrier, data set ready, clear to send */

static bool interrupting(const struct uart *u)
{
	if ((u->mcr & (MCR_OUT2 | MCR_LOOP)) != MCR_OUT2)
		return false;
	return ((u->ier & IER_LINE) && u->overrun) || ((u->ier & IER_RX) && u->rx_nr) ||
	       ((u->ier & IER_THRE) && u->thre_pending);
}

static void update(struct uart *u)
{
	bool level = interrupting(u);

	if (level == u->line)
		return;
	u->line = level;
	if (u->irq)
		u->irq(u->arg, level);
}

void uart_reset(struct uart *u)
{
	u->ier = 0;
	u->lcr = 0;
	u->mcr = 0;
	u->scr = 0;
	u->dll = 1;
	u->dlm = 0;
	u->fcr = 0;
	u->rx_nr = 0;
	u->overrun = false;
	u->thre_pending = false;
	update(u);
}

static void fill(struct uart *u)
{
	int c;

	if (u->rx_nr || (u->mcr & MCR_LOOP))
		return;
	c = u->receive(u->arg);
	if (c >= 0)
		u->rx[u->rx_nr++] = c;
}

/*
 * A byte arrives. Without FIFOs an overrun replaces the unread byte; a full FIFO
 * keeps what it has and the new byte is lost.
 */
static void put_rx(struct uart *u, __u8 value)
{
	unsigned int room = u->fcr & FCR_ENABLE ? UART_FIFO : 1;

	if (u->rx_nr < room) {
		u->rx[u->rx_nr++] = value;
		return;
	}
	u->overrun = true;
	if (room == 1)
		u->rx[0] = value;
}

static __u8 read_data(struct uart *u)
{
	__u8 value;

	fill(u);
	if (!u->rx_nr)
		return 0;
	value = u->rx[0];
	u->rx_nr--;
	memmove(u->rx, u->rx + 1, u->rx_nr);
	return value;
}

/* There is no timing: data below the trigger level has always timed out. */
static __u8 rx_cause(const struct uart *u)
{
	static const __u8 levels[] = { 1, 4, 8, 14 };

	if (!(u->fcr & FCR_ENABLE) || u->rx_nr >= levels[u->fcr >> 6])
		return IIR_RX;
	return IIR_TIMEOUT;
}

static __u8 read_iir(struct uart *u)
{
	__u8 fifo = u->fcr & FCR_ENABLE ? IIR_FIFO : 0;

	fill(u);
	if ((u->ier & IER_LINE) && u->overrun)
		return fifo | IIR_LINE;
	if ((u->ier & IER_RX) && u->rx_nr)
		return fifo | rx_cause(u);
	if ((u->ier & IER_THRE) && u->thre_pending) {
		u->thre_pending = false;
		return fifo | IIR_THRE;
	}
	return fifo | IIR_NONE;
}

static __u8 read_lsr(struct uart *u)
{
	__u8 lsr = LSR_EMPTY;

	fill(u);
	if (u->rx_nr)
		lsr |= LSR_READY;
	if (u->overrun)
		lsr |= LSR_OVERRUN;
	u->overrun = false;
	return lsr;
}

/* loopback wires DTR, RTS, OUT1 and OUT2 to DSR, CTS, RI and DCD */
static __u8 read_msr(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_PRESENT;
	return (u->mcr & 0x0c) << 4 | (u->mcr & 0x02) << 3 | (u->mcr & 0x01) << 5;
}

static __u8 read_register(struct uart *u, unsigned int reg)
{
	bool divisor = u->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return divisor ? u->dll : read_data(u);
	case REG_IER:
		return divisor ? u->dlm : u->ier;
	case REG_IIR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	case REG_SCR:
		return u->scr;
	}
	return 0xff;
}

__u8 uart_read(struct uart *u, unsigned int reg)
{
	__u8 value = read_register(u, reg);

	update(u);
	return value;
}

/* the transmitter is full for a moment: the line of a listener has an edge */
static void write_data(struct uart *u, __u8 value)
{
	u->thre_pending = false;
	update(u);
	u->thre_pending = true;
	if (u->mcr & MCR_LOOP)
		put_rx(u, value);
	else
		u->send(u->arg, value);
}

static void write_ier(struct uart *u, __u8 value)
{
	/* turning it on reports the transmitter, which is empty as always */
	if ((value & IER_THRE) && !(u->ier & IER_THRE))
		u->thre_pending = true;
	u->ier = value & 0x0f;
}

static void write_fcr(struct uart *u, __u8 value)
{
	bool clear = (value & FCR_ENABLE) && (value & FCR_CLEAR_RX);

	/*
	 * Turning the FIFOs on or off clears them, too. The other bits count only
	 * in a write that has FCR_ENABLE set: without FIFOs RBR keeps its byte.
	 */
	if (clear || ((value ^ u->fcr) & FCR_ENABLE))
		u->rx_nr = 0;
	u->fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
}

void uart_write(struct uart *u, unsigned int reg, __u8 value)
{
	bool divisor = u->lcr & LCR_DLAB;

	if (reg == REG_DATA && divisor)
		u->dll = value;
	else if (reg == REG_DATA)
		write_data(u, value);
	else if (reg == REG_IER && divisor)
		u->dlm = value;
	else if (reg == REG_IER)
		write_ier(u, value);
	else if (reg == REG_IIR)
		write_fcr(u, value);
	else if (reg == REG_LCR)
		u->lcr = value;
	else if (reg == REG_MCR)
		u->mcr = value & 0x1f;
	else if (reg == REG_SCR)
		u->scr = value;
	update(u);
}

bool uart_wants_input(const struct uart *u)
{
	return (u->ier & IER_RX) && !u->rx_nr && !(u->mcr & MCR_LOOP);
}

void uart_poll(struct uart *u)
{
	fill(u);
	update(u);
}
