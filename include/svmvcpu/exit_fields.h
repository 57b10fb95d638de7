/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of exit payloads: one row for each field, in the order in which it is shown.
 * Two files define the row macros and include it: tools/lib/exit_text.c for text and JSON,
 * and module/run/trace.c for the tracepoint svmvcpu_user. tools/checks/fields.py writes
 * the tables of Documentation/api.rst from it.
 *
 *	FORMAT(REASON, "name", member, ..., when, "meaning")
 *
 * REASON is a name of SVMVCPU_EXITS; member is a member of the union in struct
 * svmvcpu_run. Scripts read the names from "vcpuctl --json", so they never change. The
 * condition "when" is ALWAYS, WITH() or WITHOUT() some bits, or WHEN() with one set and
 * another clear. The meaning is for api.rst only and may contain its markup. exit_text.h
 * describes the formats.
 */

#ifndef __KERNEL__
/* An event of SHUTDOWN's list. The tracepoint shows the list as hexadecimal bytes. */
#define IN_STRUCT	struct svmvcpu_fault
#define STARTS_AT	0

static const struct svmvcpu_field fault_fields[] = {
	DEC(SHUTDOWN, "vector", vector, ALWAYS, "0 to 255"),
	SET(SHUTDOWN, "interrupt", flags, SVMVCPU_EXC_INTERRUPT, ALWAYS,
	    "an interrupt, an NMI or INT n, not an exception"),
	WORD(SHUTDOWN, "exception", vector, ~0U, svmvcpu_vector_words,
	     WITHOUT(flags, SVMVCPU_EXC_INTERRUPT), "mnemonic of the exception"),
	NUM(SHUTDOWN, "error_code", error_code, WITH(flags, SVMVCPU_EXC_ERROR_CODE),
	    "error code"),
	HEX(SHUTDOWN, "address", address, WITH(flags, SVMVCPU_EXC_ADDRESS),
	    "#PF: CR2; #DB: DR6"),
	HEX(SHUTDOWN, "rip", rip, ALWAYS, "the guest's RIP when the event occurred"),
	HEX(SHUTDOWN, "rsp", rsp, ALWAYS, "the guest's RSP when the event occurred"),
	{ }
};

#undef IN_STRUCT
#undef STARTS_AT
#endif

#define IN_STRUCT	struct svmvcpu_run
#define STARTS_AT	offsetof(struct svmvcpu_run, exit_bytes)

extern const struct svmvcpu_field svmvcpu_exit_fields[];

const struct svmvcpu_field svmvcpu_exit_fields[] = {
	WORD(IO, "direction", io.flags, SVMVCPU_IO_IN, direction_words, ALWAYS,
	     "``in``: the guest reads; ``out``: it writes"),
	NUM(IO, "port", io.port, ALWAYS, "port number"),
	DEC(IO, "width", io.width, ALWAYS, "bytes of an element: 1, 2 or 4"),
	SET(IO, "rep", io.flags, SVMVCPU_IO_REP, ALWAYS, "with a REP prefix"),
	SET(IO, "string", io.flags, SVMVCPU_IO_STRING, ALWAYS, "INS or OUTS"),
	COUNT(IO, "count", io.count, ALWAYS, "elements of this exit; 1 unless ``string``"),
	CHAR(IO, "data", io.data, WITHOUT(io.flags, SVMVCPU_IO_IN | SVMVCPU_IO_STRING),
	     "OUT: the value"),
	WINDOW(IO, "text", io.count, WITH(io.flags, SVMVCPU_IO_STRING),
	       "the elements, ``width`` bytes apart in the data window"),
	ANSWER(IO, WHEN(io.flags, SVMVCPU_IO_IN, SVMVCPU_IO_STRING), "IN: the value"),

	CLEAR(MEMORY_FAULT, "read", memory.flags, SVMVCPU_FAULT_WRITE | SVMVCPU_FAULT_EXEC,
	      ALWAYS, "neither a write nor a fetch"),
	SET(MEMORY_FAULT, "write", memory.flags, SVMVCPU_FAULT_WRITE, ALWAYS, "a write"),
	SET(MEMORY_FAULT, "exec", memory.flags, SVMVCPU_FAULT_EXEC, ALWAYS,
	    "a fetch of instructions"),
	HEX(MEMORY_FAULT, "gpa", memory.gpa, ALWAYS,
	    "guest-physical address of the first byte that failed"),
	HEX(MEMORY_FAULT, "gva", memory.gva, WITH(memory.flags, SVMVCPU_FAULT_GVA),
	    "linear address of that byte"),
	SET(MEMORY_FAULT, "walk", memory.flags, SVMVCPU_FAULT_WALK, ALWAYS,
	    "the guest's page tables are at ``gpa``: they need SVMVCPU_MEM_WRITE"),
	SET(MEMORY_FAULT, "user_mem", memory.flags, SVMVCPU_FAULT_USER_MEM, ALWAYS,
	    "a region allows the access, but the VMM's memory behind it does not"),
	SET(MEMORY_FAULT, "kernel", memory.flags, SVMVCPU_FAULT_KERNEL, ALWAYS,
	    "the module made the access for the guest"),
	SET(MEMORY_FAULT, "limit", memory.flags, SVMVCPU_FAULT_LIMIT, ALWAYS,
	    "the snapshot's copies have reached ``max_bytes``: the write was not executed"),
	SET(MEMORY_FAULT, "apic", memory.flags, SVMVCPU_FAULT_APIC, ALWAYS,
	    "``gpa`` is on the register page of the local APIC (`Local APIC`_)"),
	BYTES(MEMORY_FAULT, "insn", memory.insn, memory.insn_len,
	      "bytes at CS:RIP; none for a fetch, or if they cannot be read"),

	HEX(HYPERCALL, "nr", hypercall.nr, ALWAYS, "RAX"),
	ARRAY(HYPERCALL, "args", hypercall.args,
	      "RDI, RSI, RDX, RCX, R8, R9, all 64 bits in every mode"),
	ANSWER(HYPERCALL, ALWAYS, "value for RAX"),

	HEX(MSR_READ, "msr", msr.index, ALWAYS, "ECX"),
	ANSWER(MSR_READ, ALWAYS, "value for EDX:EAX"),

	HEX(MSR_WRITE, "msr", msr.index, ALWAYS, "ECX"),
	HEX(MSR_WRITE, "value", msr.value, ALWAYS, "EDX:EAX"),

	WORD(SYSTEM_DOWN, "kind", down.kind, ~0U, svmvcpu_down_words, ALWAYS,
	     "SVMVCPU_DOWN_POWEROFF, _RESET or _INIT"),
	NUM(SYSTEM_DOWN, "data", down.data, ALWAYS, "the value written; INIT: 0"),

	DEC(SHUTDOWN, "left_out", shutdown.left_out, WITH(shutdown.left_out, ~0U),
	    "number of events left out between the first and the second of the list"),
	LIST(SHUTDOWN, "faults", shutdown.faults, shutdown.nr, fault_fields,
	     "events, oldest first"),

	DEC(EXCEPTION, "vector", exception.vector, ALWAYS, "0 to 31"),
	WORD(EXCEPTION, "exception", exception.vector, ~0U, svmvcpu_vector_words, ALWAYS,
	     "mnemonic of the exception"),
	NUM(EXCEPTION, "error_code", exception.error_code,
	    WITH(exception.flags, SVMVCPU_EXC_ERROR_CODE), "error code"),
	HEX(EXCEPTION, "address", exception.address,
	    WITH(exception.flags, SVMVCPU_EXC_ADDRESS),
	    "#PF: value of CR2 on delivery; #DB: value of DR6"),

	BITS(INTERRUPTED, "by", interrupted.by, by_words, ALWAYS,
	     "SVMVCPU_BY_SIGNAL, _KICK, _DEADLINE, _COALESCED and _STOP, one or more"),

	HEX(FAIL_ENTRY, "code", fail.code, ALWAYS,
	    "raw EXITCODE if the CPU refused; 0 if the module did not try VMRUN"),
	DEC(FAIL_ENTRY, "rule", fail.rule, ALWAYS, "SVMVCPU_RULE_*"),
	WORD(FAIL_ENTRY, "text", fail.rule, ~0U, rule_words, ALWAYS,
	     "text of the rule in SVMVCPU_RULES"),

	HEX(UNKNOWN, "code", unknown.code, ALWAYS, "EXITCODE"),
	HEX(UNKNOWN, "info1", unknown.info1, ALWAYS, "EXITINFO1"),
	HEX(UNKNOWN, "info2", unknown.info2, ALWAYS, "EXITINFO2"),

	CLEAR(MMIO, "read", mmio.write, ~0U, ALWAYS, "a read"),
	SET(MMIO, "write", mmio.write, ~0U, ALWAYS, "a write"),
	HEX(MMIO, "gpa", mmio.gpa, ALWAYS,
	    "guest-physical address; the access lies in one page"),
	DEC(MMIO, "width", mmio.width, ALWAYS, "bytes: 1, 2, 4 or 8"),
	HEX(MMIO, "data", mmio.data, WITH(mmio.write, ~0U), "the value"),
	ANSWER(MMIO, WITHOUT(mmio.write, ~0U), "the value"),

	DEC(IOAPIC_EOI, "vector", eoi.vector, ALWAYS,
	    "vector of the interrupt whose handler has written EOI"),

	BITS(DEBUG, "cause", debug.cause, cause_words, ALWAYS,
	     "SVMVCPU_DEBUG_STEP and _BREAKPOINTS, one or both, or _INT3"),
	HEX(DEBUG, "dr6", debug.dr6, ALWAYS,
	    "bits 0-3: breakpoints that were hit; bit 14: a step"),
	HEX(DEBUG, "linear", debug.rip, ALWAYS,
	    "linear address of the next instruction; INT3: of the INT3"),

	WORD(IPI, "mode", ipi.mode, ~0U, ipi_words, ALWAYS, "SVMVCPU_MSG_INIT, _STARTUP or _SMI"),
	HEX(IPI, "dest", ipi.dest, WITHOUT(ipi.flags, SVMVCPU_IPI_ALL),
	    "APIC ID or logical destination"),
	SET(IPI, "logical", ipi.flags, SVMVCPU_IPI_LOGICAL, ALWAYS,
	    "``dest`` is a logical destination"),
	SET(IPI, "all", ipi.flags, SVMVCPU_IPI_ALL, ALWAYS, "to all local APICs"),
	SET(IPI, "self", ipi.flags, SVMVCPU_IPI_SELF, ALWAYS,
	    "the sender is a destination, too"),
	HEX(IPI, "vector", ipi.vector, ALWAYS, "STARTUP: page number of the entry point"),
	{ }
};
