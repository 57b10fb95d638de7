/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: the log that SVMVCPU_KVM_LOG=LEVEL[:FILE] turns on. A line is one
 * write(), so lines of several threads and processes do not mix.
 */
#ifndef KVM_LOG_H
#define KVM_LOG_H

enum log_level {
	LOG_OFF,	/* nothing */
	LOG_REFUSED,	/* calls that fail because svmvcpu or the library cannot do more */
	LOG_CALLS,	/* all ioctls but KVM_RUN */
	LOG_RUNS,	/* KVM_RUN and exits, too */
};

extern int log_level;

[[gnu::format(printf, 1, 2)]]
void log_write(const char *format, ...);

#define log_at(level, ...)						\
do {									\
	if (__builtin_expect(log_level >= (level), 0))			\
		log_write(__VA_ARGS__);					\
} while (0)

/* log why a call fails and return -@error */
#define refuse(error, ...)						\
({									\
	log_at(LOG_REFUSED, __VA_ARGS__);				\
	-(error);							\
})

#endif /* KVM_LOG_H */
