/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints for entries, exits and returns to the VMM. The module itself only counts
 * the exits of a vCPU; perf and triggers can derive all other statistics from these
 * events.
 *
 * svmvcpu_user records the payload as text, which perf and trace-cmd can show, too. The
 * fields have the names that vcpuctl uses. svmvcpu_exit has the fields of UNKNOWN, raw.
 *
 * run.c fires them; interrupts are off at entry and exit.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM svmvcpu

#if !defined(SVMVCPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SVMVCPU_TRACE_H

#include <linux/tracepoint.h>
#include <linux/svmvcpu.h>

#include "svm/vmcb.h"

#ifndef SVMVCPU_TRACE_NAME
#define SVMVCPU_TRACE_NAME(nr, name, str)	{ nr, str },
#endif

TRACE_EVENT(svmvcpu_entry,
	    TP_PROTO(u32 vcpu, u64 rip, u64 event),
	    TP_ARGS(vcpu, rip, event),

	    TP_STRUCT__entry(__field(u64, rip)
			     __field(u64, event)
			     __field(u32, vcpu)),
	    TP_fast_assign(__entry->rip = rip;
			   __entry->event = event;
			   __entry->vcpu = vcpu;),
	    TP_printk("vcpu %u rip 0x%llx event 0x%llx", __entry->vcpu, __entry->rip,
		      __entry->event)
);

TRACE_EVENT(svmvcpu_exit,
	    TP_PROTO(u32 vcpu, const struct vmcb *vmcb),
	    TP_ARGS(vcpu, vmcb),

	    TP_STRUCT__entry(__field(u64, rip)
			     __field(u64, code)
			     __field(u64, info1)
			     __field(u64, info2)
			     __field(u64, int_info)
			     __field(u32, vcpu)),
	    TP_fast_assign(__entry->rip = vmcb->save.rip;
			   __entry->code = vmcb->control.exit_code;
			   __entry->info1 = vmcb->control.exit_info_1;
			   __entry->info2 = vmcb->control.exit_info_2;
			   __entry->int_info = vmcb->control.exit_int_info;
			   __entry->vcpu = vcpu;),
	    TP_printk("vcpu %u code 0x%llx rip 0x%llx info1 0x%llx info2 0x%llx int_info 0x%llx",
		      __entry->vcpu, __entry->code, __entry->rip, __entry->info1,
		      __entry->info2, __entry->int_info)
);

TRACE_EVENT(svmvcpu_user,
	    TP_PROTO(u32 vcpu, u32 reason, const char *payload, size_t len),
	    TP_ARGS(vcpu, reason, payload, len),

	    TP_STRUCT__entry(__field(u32, vcpu)
			     __field(u32, reason)
			     __dynamic_array(char, payload, len + 1)),
	    TP_fast_assign(__entry->vcpu = vcpu;
			   __entry->reason = reason;
			   memcpy(__get_dynamic_array(payload), payload, len + 1);),
	    TP_printk("vcpu %u reason %s%s", __entry->vcpu,
		      __print_symbolic(__entry->reason, SVMVCPU_EXITS(SVMVCPU_TRACE_NAME)
				       { -1, NULL }),
		      __get_str(payload))
);

#endif /* SVMVCPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH run
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
