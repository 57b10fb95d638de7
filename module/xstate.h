/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87, SSE and AVX registers of a guest, and its XCR0.
 */
#ifndef SVMVCPU_XSTATE_H
#define SVMVCPU_XSTATE_H

#include <linux/types.h>

struct vcpu;

/**
 * struct xstate_caps - constant after load
 * @host_xcr0: XCR0 while the host runs; 0 without XSAVE
 * @guest_xcr0: bits a guest may set; 0 without XSAVE
 * @host_xss: XSS while the host runs
 * @bytes: size of a guest's area in standard format
 */
struct xstate_caps {
	u64 host_xcr0;
	u64 guest_xcr0;
	u64 host_xss;
	u32 bytes;
};

extern struct xstate_caps xstate_caps;

void xstate_init(void);
u32 xstate_bytes_for(u64 xcr0);

void *xstate_alloc(void);
void xstate_free(void *xstate);
void xstate_reset(void *xstate);
bool xstate_valid(const void *xstate);
void xstate_load(const void *xstate);
void xstate_save(void *xstate);

bool xcr0_valid(u64 xcr0);
void xcr0_set(struct vcpu *vcpu, u64 xcr0);
u64 xcr0_now(struct vcpu *vcpu);
void xcr0_enter(struct vcpu *vcpu);
void xcr0_leave(struct vcpu *vcpu);

#endif /* SVMVCPU_XSTATE_H */
