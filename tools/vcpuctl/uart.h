/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a 16550. No timing: what is written is sent at once and the
 * transmitter is always empty. Its interrupt goes to whoever listens.
 */
#ifndef VCPUCTL_UART_H
#define VCPUCTL_UART_H

#include <stdbool.h>

#include <linux/types.h>

#define UART_PORTS	8
#define UART_FIFO	16

/**
 * struct uart - one serial port
 * @send: called with each byte the guest sends
 * @receive: asked for input when the guest looks for some: 0-255, or -1 while
 *	there is none
 * @irq: told when the interrupt line changes; NULL for drivers that poll
 * @arg: handed to all three
 * @ier: interrupt enable register, and so on with the data sheet's names
 * @fcr: FIFO control: the enable bit, and the trigger level with it
 * @rx: received bytes, the oldest first
 * @rx_nr: how many of them the guest has not read
 * @overrun: a byte arrived when there was no room; until LSR is read
 * @thre_pending: the "transmitter empty" interrupt has not been read from IIR
 * @line: the interrupt line, as @irq knows it
 */
struct uart {
	void (*send)(void *arg, __u8 byte);
	int (*receive)(void *arg);
	void (*irq)(void *arg, bool level);
	void *arg;
	__u8 ier, lcr, mcr, scr;
	__u8 dll, dlm;
	__u8 fcr;
	__u8 rx[UART_FIFO];
	unsigned int rx_nr;
	bool overrun;
	bool thre_pending;
	bool line;
};

void uart_reset(struct uart *u);
/* @reg: port minus the base, 0 to 7 */
__u8 uart_read(struct uart *u, unsigned int reg);
void uart_write(struct uart *u, unsigned int reg, __u8 value);
/* whether input would interrupt, so that somebody must look for it */
bool uart_wants_input(const struct uart *u);
/* there may be input now */
void uart_poll(struct uart *u);

#endif /* VCPUCTL_UART_H */
