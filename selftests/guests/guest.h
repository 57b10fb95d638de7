/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guests share, in assembly and in C: the ports of the machine that
 * "vcpuctl run" puts around them. The guests themselves:
 *
 *   hello16.bin	real mode, at 0x7c00: prints by polling, executes CPUID and
 *		powers off through port 0x604 (exit status 0)
 *   hello32.bin	--mode prot32, at 0x100000: its own GDT and IDT, survives a
 *		#UD, ends with code 0x20 on port 0xf4 (status 160)
 *   hello64.elf	64-bit ELF, at 0x200000: REP OUTSB, VMMCALL, a page-table
 *		walk, SSE; ends with HLT (status 65), or with the number of
 *		what failed on port 0xf4
 *   debuggee.elf 64-bit ELF with line numbers, for a debugger: ends with code 0x2a
 *		(status 170) when the debugger sets its variable quit
 *   triple.bin	real mode: an interrupt through an empty IDT (status 66)
 *   parser.bin	flat 32-bit code at 0x10000, for snapfuzz: see parser.c
 *   echo.bin	real mode: repeats serial input until a newline, then powers
 *		off (status 0)
 *   apics.bin	--mode prot32 --lapic, at 0x100000: instructions that read and
 *		write the registers of both APICs; ends with code 0x2a (status 170)
 *   cpus.bin	real mode, --lapic --cpus N: starts the other CPUs; see cpus.S
 *   smpstress	a program for Linux guests with several CPUs
 */
#ifndef GUEST_H
#define GUEST_H

#define PORT_SERIAL	0x3f8
#define PORT_LSR	0x3fd
#define PORT_EXIT	0xf4
#define PORT_POWER	0x604
#define LSR_READY	0x01
#define LSR_EMPTY	0x20
#define POWER_OFF	0x2000

/* parser.bin and its VMM */
#define PORT_READY	0x10
#define PORT_DONE	0x11

#define REAL_LOAD	0x7c00

#endif /* GUEST_H */
