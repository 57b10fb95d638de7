/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87 and SSE registers of a guest.
 */
#ifndef SVMVCPU_XSTATE_H
#define SVMVCPU_XSTATE_H

#include <linux/types.h>

void *xstate_alloc(void);
void xstate_free(void *xstate);
void xstate_reset(void *xstate);
void xstate_load(const void *xstate);
void xstate_save(void *xstate);

#endif /* SVMVCPU_XSTATE_H */
