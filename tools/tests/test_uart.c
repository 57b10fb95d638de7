// SPDX-License-Identifier: GPL-2.0-only
/* The 16550 model, as drivers probe it, by polling and by interrupts */
#include <string.h>

#include "tap.h"
#include "uart.h"

static char sent[32];
static unsigned int nr_sent;
static const char *pending;

static void send(void *arg, __u8 byte)
{
	(void)arg;
	if (nr_sent < sizeof(sent))
		sent[nr_sent++] = byte;
}

static int receive(void *arg)
{
	(void)arg;
	return pending && *pending ? *pending++ : -1;
}

static unsigned int rises, falls;

static void irq(void *arg, bool level)
{
	(void)arg;
	if (level)
		rises++;
	else
		falls++;
}

static struct uart fresh(void)
{
	struct uart u = { .send = send, .receive = receive, .irq = irq };

	uart_reset(&u);
	nr_sent = 0;
	pending = NULL;
	rises = 0;
	falls = 0;
	return u;
}

static void test_transmit(void)
{
	struct uart u = fresh();

	OK(uart_read(&u, 5) == 0x60, "transmitter empty, nothing received");
	uart_write(&u, 0, 'x');
	OK(nr_sent == 1 && sent[0] == 'x', "a byte goes out at once");
	OK(uart_read(&u, 5) == 0x60, "transmitter empty again");
}

static void test_receive(void)
{
	struct uart u = fresh();

	OK(uart_read(&u, 0) == 0, "no input reads 0");
	pending = "ab";
	OK(uart_read(&u, 5) == 0x61, "data ready");
	OK(uart_read(&u, 5) == 0x61, "and stays ready");
	OK(uart_read(&u, 0) == 'a' && uart_read(&u, 0) == 'b', "bytes in order");
	OK(uart_read(&u, 5) == 0x60, "then nothing");
	pending = "c";
	OK(uart_read(&u, 0) == 'c', "data without asking for status first");
}

static void test_divisor(void)
{
	struct uart u = fresh();

	uart_write(&u, 1, 0x05);
	uart_write(&u, 3, 0x83);
	uart_write(&u, 0, 0x0c);
	uart_write(&u, 1, 0x01);
	OK(!nr_sent, "the divisor is not sent");
	OK(uart_read(&u, 0) == 0x0c && uart_read(&u, 1) == 0x01, "divisor reads back");
	uart_write(&u, 3, 0x03);
	OK(uart_read(&u, 1) == 0x05, "interrupt enable is behind it, unchanged");
	OK(uart_read(&u, 3) == 0x03, "line control reads back");
}

static void test_probe(void)
{
	struct uart u = fresh();

	uart_write(&u, 7, 0xa5);
	OK(uart_read(&u, 7) == 0xa5, "scratch register");
	uart_write(&u, 1, 0xff);
	OK(uart_read(&u, 1) == 0x0f, "interrupt enable has four bits");
	uart_write(&u, 4, 0xff);
	OK(uart_read(&u, 4) == 0x1f, "modem control has five");
	uart_write(&u, 2, 0x01);
	OK((uart_read(&u, 2) & 0xc0) == 0xc0, "FIFOs show");
	uart_write(&u, 2, 0x00);
	OK((uart_read(&u, 2) & 0xc0) == 0x00, "and go away");
	uart_write(&u, 6, 0x00);
	uart_write(&u, 5, 0x00);
	OK(uart_read(&u, 8) == 0xff, "no ninth register");
}

static void test_loopback(void)
{
	struct uart u = fresh();

	pending = "z";
	uart_write(&u, 4, 0x1a);
	OK((uart_read(&u, 6) & 0xf0) == 0x90, "RTS and OUT2 come back as CTS and DCD");
	uart_write(&u, 4, 0x15);
	OK((uart_read(&u, 6) & 0xf0) == 0x60, "DTR and OUT1 come back as DSR and RI");
	OK(uart_read(&u, 5) == 0x60, "the line is disconnected");
	uart_write(&u, 0, 0x42);
	OK(!nr_sent, "nothing is sent");
	OK(uart_read(&u, 5) == 0x61 && uart_read(&u, 0) == 0x42, "it is received instead");
	uart_write(&u, 0, 1);
	uart_write(&u, 0, 2);
	OK(uart_read(&u, 5) == 0x63, "a second byte overruns the first");
	OK(uart_read(&u, 5) == 0x61, "reading clears the error");
	uart_write(&u, 2, 0x02);
	OK(uart_read(&u, 5) == 0x61 && uart_read(&u, 0) == 2,
	   "clearing the receiver without the FIFOs keeps the byte");
	uart_write(&u, 4, 0x00);
	OK(uart_read(&u, 6) == 0xb0, "outside loopback the line is connected");
	OK(uart_read(&u, 0) == 'z', "and the line is back");
}

static void test_overrun(void)
{
	struct uart u = fresh();

	uart_write(&u, 4, 0x10);
	uart_write(&u, 0, 1);
	uart_write(&u, 0, 2);
	OK(uart_read(&u, 0) == 2, "without FIFOs an overrun replaces the byte");
	uart_write(&u, 0, 3);
	OK(uart_read(&u, 5) == 0x63, "a byte that fits does not hide the overrun before it");
	OK(uart_read(&u, 5) == 0x61 && uart_read(&u, 0) == 3, "reading the status does");
}

static void test_fifo(void)
{
	struct uart u = fresh();
	bool in_order = true;
	unsigned int i;

	uart_write(&u, 2, 0x07);
	uart_write(&u, 4, 0x10);
	for (i = 0; i < UART_FIFO; i++)
		uart_write(&u, 0, 0x40 + i);
	OK(uart_read(&u, 5) == 0x61, "sixteen bytes fit into the FIFO");
	uart_write(&u, 0, 0x7f);
	OK(uart_read(&u, 5) == 0x63, "the seventeenth is an overrun");
	for (i = 0; i < UART_FIFO; i++)
		in_order = in_order && uart_read(&u, 0) == 0x40 + i;
	OK(in_order && uart_read(&u, 5) == 0x60, "and is lost; the others come out in order");
	uart_write(&u, 0, 1);
	uart_write(&u, 2, 0x01);
	OK(uart_read(&u, 5) == 0x61, "enabling them again keeps what they hold");
	uart_write(&u, 2, 0x00);
	OK(uart_read(&u, 5) == 0x60, "turning the FIFOs off clears them");
	uart_write(&u, 2, 0x01);
	uart_write(&u, 0, 5);
	uart_write(&u, 2, 0x02);
	OK(uart_read(&u, 5) == 0x60 && (uart_read(&u, 2) & 0xc0) == 0x00,
	   "and so does turning them off with the receiver's bit set");
	uart_write(&u, 0, 2);
	uart_write(&u, 2, 0x01);
	OK(uart_read(&u, 5) == 0x60, "and so does turning them on");
	uart_write(&u, 0, 3);
	uart_write(&u, 2, 0x03);
	OK(uart_read(&u, 5) == 0x60, "or clearing the receiver");
	uart_write(&u, 0, 4);
	uart_reset(&u);
	OK(uart_read(&u, 5) == 0x60 && (uart_read(&u, 2) & 0xc0) == 0x00,
	   "a reset clears them and turns them off");
}

/* Input from the host comes into the FIFO one byte at a time. */
static void test_fifo_input(void)
{
	struct uart u = fresh();

	uart_write(&u, 4, 0x08);
	uart_write(&u, 2, 0xc1);
	uart_write(&u, 1, 0x01);
	pending = "ab";
	uart_poll(&u);
	OK(rises == 1 && *pending == 'b', "one byte interrupts below a trigger level of 14");
	OK(uart_read(&u, 2) == 0xcc, "as a character timeout");
	OK(uart_read(&u, 0) == 'a' && falls == 1, "which reading the byte ends");
	uart_write(&u, 2, 0x01);
	uart_poll(&u);
	OK(uart_read(&u, 2) == 0xc4, "at a trigger level of 1 it is received data");
	uart_write(&u, 2, 0x00);
	OK(falls == 2 && !(uart_read(&u, 5) & 1), "turning the FIFOs off ends that interrupt");
	uart_write(&u, 2, 0xc0);
	pending = "c";
	uart_poll(&u);
	OK(uart_read(&u, 2) == 0x04, "without FIFOs there is no trigger level");
}

/* The pending interrupts while the guest masks and unmasks them. */
static void test_masking(void)
{
	struct uart u = fresh();
	unsigned int i;

	uart_write(&u, 4, 0x0b);
	uart_write(&u, 2, 0x07);
	uart_write(&u, 1, 0x05);
	uart_write(&u, 1, 0x00);
	pending = "x";
	uart_poll(&u);
	OK(!rises, "a byte that arrives while masked does not interrupt");
	uart_write(&u, 1, 0x05);
	uart_poll(&u);
	OK(rises == 1 && uart_read(&u, 2) == 0xc4, "it does when unmasked");
	OK(uart_read(&u, 0) == 'x' && falls == 1, "once");
	uart_write(&u, 1, 0x02);
	OK(rises == 2 && uart_read(&u, 2) == 0xc2 && falls == 2, "the transmitter, read");
	for (i = 0; i < UART_FIFO; i++)
		uart_write(&u, 0, 'a' + i);
	OK(nr_sent == UART_FIFO && u.line && uart_read(&u, 2) == 0xc2 && !u.line,
	   "a full FIFO later it interrupts again");
	for (i = 0; i < 5; i++)
		uart_read(&u, 5);
	OK(!u.line, "left enabled, it does not interrupt again by itself");
	for (i = 0; i < 2; i++) {
		uart_write(&u, 1, 0x00);
		uart_write(&u, 1, 0x02);
		OK(u.line && uart_read(&u, 2) == 0xc2, "enabled again (%u), it does", i);
	}
}

static void test_identification(void)
{
	struct uart u = fresh();

	OK(uart_read(&u, 2) == 0x01, "no interrupt pending");
	uart_write(&u, 1, 0x02);
	OK(uart_read(&u, 2) == 0x02, "transmitter empty when enabled");
	OK(uart_read(&u, 2) == 0x01, "reading it clears it");
	uart_write(&u, 0, 'q');
	OK(uart_read(&u, 2) == 0x02, "and again after a byte");
	pending = "r";
	uart_write(&u, 1, 0x03);
	OK(uart_read(&u, 2) == 0x04, "received data comes first");
	uart_read(&u, 0);
	OK(uart_read(&u, 2) == 0x01, "until it is read");
	uart_write(&u, 4, 0x10);
	uart_write(&u, 0, 1);
	uart_write(&u, 0, 2);
	uart_write(&u, 1, 0x07);
	OK(uart_read(&u, 2) == 0x06, "line errors come before everything");
}

static void test_transmit_interrupt(void)
{
	struct uart u = fresh();

	uart_write(&u, 1, 0x02);
	OK(!rises, "the line is closed without OUT2");
	uart_write(&u, 4, 0x08);
	OK(rises == 1 && u.line, "and opens with it");
	uart_write(&u, 0, 'a');
	OK(rises == 2 && falls == 1, "a byte makes an edge though the line was high");
	OK(uart_read(&u, 2) == 0x02 && falls == 2, "reading IIR ends it");
	uart_write(&u, 0, 'b');
	OK(rises == 3 && u.line, "the next byte");
	uart_write(&u, 1, 0x00);
	OK(falls == 3 && !u.line, "disabled, the line is low");
	uart_write(&u, 1, 0x02);
	OK(rises == 4, "enabled, the empty transmitter interrupts");
	uart_write(&u, 4, 0x18);
	OK(falls == 4, "loopback closes the line");
	uart_write(&u, 4, 0x08);
	uart_reset(&u);
	OK(rises == 5 && falls == 5 && !u.line, "so does reset");
}

static void test_receive_interrupt(void)
{
	struct uart u = fresh();

	uart_write(&u, 4, 0x08);
	OK(!uart_wants_input(&u), "no driver waits for input");
	uart_write(&u, 1, 0x01);
	OK(uart_wants_input(&u) && !rises, "now a driver does");
	uart_poll(&u);
	OK(!rises, "there is none");
	pending = "ab";
	uart_poll(&u);
	OK(rises == 1 && !uart_wants_input(&u), "a byte raises the line");
	uart_poll(&u);
	OK(rises == 1 && *pending == 'b', "the second waits with the host");
	OK(uart_read(&u, 2) == 0x04 && u.line, "reading IIR does not end it");
	OK(uart_read(&u, 0) == 'a' && falls == 1 && uart_wants_input(&u), "reading the byte does");
	OK((uart_read(&u, 5) & 1) && rises == 2, "status finds the next");
	OK(uart_read(&u, 0) == 'b' && uart_read(&u, 2) == 0x01 && !u.line, "then there is no more");
	pending = "c";
	uart_write(&u, 4, 0x18);
	OK(!uart_wants_input(&u), "in loopback nothing comes in");
	u.irq = NULL;
	uart_write(&u, 4, 0x08);
	uart_poll(&u);
	OK(u.line && uart_read(&u, 0) == 'c', "a serial line needs no callback");
}

int main(void)
{
	test_transmit();
	test_receive();
	test_divisor();
	test_probe();
	test_loopback();
	test_overrun();
	test_fifo();
	test_fifo_input();
	test_masking();
	test_identification();
	test_transmit_interrupt();
	test_receive_interrupt();
	return tap_done();
}
