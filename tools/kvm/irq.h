/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: interrupts from devices: routes of GSIs to messages, eventfds that send
 * them, and doorbells.
 */
#ifndef KVM_IRQ_H
#define KVM_IRQ_H

#include <pthread.h>
#include <stdbool.h>

#include <linux/kvm.h>
#include <linux/svmvcpu.h>

/* KVM_MAX_IRQ_ROUTES of Linux */
#define NR_GSIS		4096

/* an MSI: what a device writes, and where */
struct msi {
	__u64 address;
	__u32 data;
};

/**
 * struct gsi - where an interrupt goes
 * @routed: there is a route
 * @msi: the message
 */
struct gsi {
	bool routed;
	struct msi msi;
};

/**
 * struct irqfd - an eventfd that raises a GSI
 * @id: of the eventfd
 * @fd: a copy of its descriptor
 * @gsi: number
 * @active: the kernel sends the message of the GSI's route
 */
struct irqfd {
	long id;
	int fd;
	unsigned int gsi;
	bool active;
	struct irqfd *next;
};

/**
 * struct irqs - the interrupts of a VM
 * @lock: protects the rest
 * @gsis: NR_GSIS routes; NULL until the program sets some
 * @irqfds: list
 */
struct irqs {
	pthread_mutex_t lock;
	struct gsi *gsis;
	struct irqfd *irqfds;
};

void irqs_init(struct irqs *irqs);
void irqs_free(struct irqs *irqs);

/* The message of an MSI. Returns false if no local APIC would accept it. */
bool msi_message(const struct msi *msi, struct svmvcpu_message *message);

/* ioctls of a VM */
long irq_set_routing(void *vm, unsigned long arg);
long irq_set_line(void *vm, unsigned long arg);
long irq_set_line_status(void *vm, unsigned long arg);
long irq_signal_msi(void *vm, unsigned long arg);
long irq_set_irqfd(void *vm, unsigned long arg);
long irq_set_ioeventfd(void *vm, unsigned long arg);

#endif /* KVM_IRQ_H */
