// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: interrupts from devices. See irq.h.
 *
 * Routes are the library's: svmvcpu knows messages only. An irqfd of svmvcpu therefore
 * gets a new message when its route changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "real.h"
#include "svmvcpu_lib.h"
#include "vm.h"

/* The fields of an MSI: APM volume 2, 16.11, Intel SDM volume 3, 10.11 */
#define MSI_DEST_SHIFT		12
#define MSI_LOGICAL		(1U << 2)
#define MSI_MODE_SHIFT		8
#define MSI_LEVEL		(1U << 15)
#define FIRST_VECTOR		16

void irqs_init(struct irqs *irqs)
{
	pthread_mutex_init(&irqs->lock, NULL);
}

void irqs_free(struct irqs *irqs)
{
	struct irqfd *irqfd;

	while ((irqfd = irqs->irqfds)) {
		irqs->irqfds = irqfd->next;
		fd_drop_kept(irqfd->fd);
		free(irqfd);
	}
	free(irqs->gsis);
}

/* --- messages ------------------------------------------------------------- */

bool msi_message(const struct msi *msi, struct svmvcpu_message *message)
{
	unsigned int mode = msi->data >> MSI_MODE_SHIFT & 7;
	__u8 vector = msi->data;

	*message = (struct svmvcpu_message) {
		.size = sizeof(*message),
		.dest = msi->address >> MSI_DEST_SHIFT & 0xff,
		.mode = mode,
		.flags = (msi->address & MSI_LOGICAL ? SVMVCPU_MSG_LOGICAL : 0) |
			 (msi->data & MSI_LEVEL ? SVMVCPU_MSG_LEVEL : 0),
	};
	switch (mode) {
	case SVMVCPU_MSG_FIXED:
	case SVMVCPU_MSG_LOWEST:
		message->vector = vector;
		return vector >= FIRST_VECTOR;
	case SVMVCPU_MSG_NMI:
	case SVMVCPU_MSG_INIT:
		message->flags &= ~SVMVCPU_MSG_LEVEL;
		return true;
	case SVMVCPU_MSG_STARTUP:
		message->vector = vector;
		message->flags &= ~SVMVCPU_MSG_LEVEL;
		return true;
	}
	return false;
}

/* How many local APICs have accepted it; 0 also for messages that none accepts */
static long send_msi(const struct vm *vm, const struct msi *msi)
{
	struct svmvcpu_message message;

	if (!msi_message(msi, &message)) {
		log_at(LOG_REFUSED, "an MSI with data %#x is dropped", msi->data);
		return 0;
	}
	return svmvcpu_vm_message(vm->fd, &message);
}

long irq_signal_msi(void *self, unsigned long arg)
{
	const struct kvm_msi *in = (const void *)arg;
	const struct msi msi = {
		.address = in->address_lo | (__u64)in->address_hi << 32, .data = in->data,
	};
	struct vm *vm = self;

	if (vm->irqchip == IRQCHIP_NONE || in->flags)
		return -EINVAL;
	return send_msi(vm, &msi);
}

/* --- irqfds --------------------------------------------------------------- */

/* The number of an eventfd, which is the same for all its descriptors; -errno */
static long eventfd_number(int fd)
{
	char path[64], line[128];
	long number = -1;
	FILE *f;

	if (real()->fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return refuse(EINVAL, "IRQFD: %s cannot be read", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "eventfd-id: %ld", &number) == 1)
			break;
	fclose(f);
	return number < 0 ? -EINVAL : number;
}

static const struct gsi *gsi_route(const struct irqs *irqs, unsigned int gsi)
{
	const struct gsi *route = irqs->gsis && gsi < NR_GSIS ? &irqs->gsis[gsi] : NULL;

	return route && route->routed ? route : NULL;
}

static int stop_irqfd(const struct vm *vm, struct irqfd *irqfd)
{
	const struct svmvcpu_irqfd arg = { .flags = SVMVCPU_IRQFD_REMOVE, .fd = irqfd->fd };
	int err = irqfd->active ? svmvcpu_vm_irqfd(vm->fd, &arg) : 0;

	irqfd->active = false;
	return err;
}

/* Make the kernel do what the route of the GSI says. */
static int update_irqfd(const struct vm *vm, struct irqfd *irqfd)
{
	const struct gsi *route = gsi_route(&vm->irqs, irqfd->gsi);
	struct svmvcpu_message message;
	struct svmvcpu_irqfd arg;
	int err;

	if (!route || !msi_message(&route->msi, &message))
		return stop_irqfd(vm, irqfd);
	arg = (struct svmvcpu_irqfd) {
		.fd = irqfd->fd, .dest = message.dest, .vector = message.vector,
		.mode = message.mode, .msg_flags = message.flags,
	};
	err = svmvcpu_vm_irqfd(vm->fd, &arg);
	irqfd->active = !err;
	return err;
}

static struct irqfd **find_irqfd(struct irqs *irqs, long id)
{
	struct irqfd **at = &irqs->irqfds;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static int add_irqfd(struct vm *vm, const struct kvm_irqfd *arg, long id)
{
	struct irqfd *irqfd;
	int err;

	if (*find_irqfd(&vm->irqs, id))
		return -EBUSY;
	irqfd = calloc(1, sizeof(*irqfd));
	if (!irqfd)
		return -ENOMEM;
	irqfd->id = id;
	irqfd->gsi = arg->gsi;
	irqfd->fd = fd_keep(arg->fd);
	err = irqfd->fd < 0 ? irqfd->fd : update_irqfd(vm, irqfd);
	if (err) {
		fd_drop_kept(irqfd->fd);
		free(irqfd);
		return err;
	}
	irqfd->next = vm->irqs.irqfds;
	vm->irqs.irqfds = irqfd;
	return 0;
}

/* KVM does not mind if there is none. */
static int remove_irqfd(struct vm *vm, const struct kvm_irqfd *arg, long id)
{
	struct irqfd **at = find_irqfd(&vm->irqs, id), *irqfd = *at;
	int err;

	if (!irqfd || irqfd->gsi != arg->gsi)
		return 0;
	*at = irqfd->next;
	err = stop_irqfd(vm, irqfd);
	fd_drop_kept(irqfd->fd);
	free(irqfd);
	return err;
}

long irq_set_irqfd(void *self, unsigned long arg)
{
	const struct kvm_irqfd *irqfd = (const void *)arg;
	struct vm *vm = self;
	long id;
	int err;

	/* Only an I/O APIC in KVM has interrupts to sample again. */
	if (irqfd->flags & ~(__u32)KVM_IRQFD_FLAG_DEASSIGN)
		return refuse(EINVAL, "IRQFD: flags %#x", irqfd->flags);
	if (vm->irqchip == IRQCHIP_NONE || irqfd->gsi >= NR_GSIS)
		return -EINVAL;
	id = eventfd_number(irqfd->fd);
	if (id < 0)
		return id;
	pthread_mutex_lock(&vm->irqs.lock);
	err = irqfd->flags ? remove_irqfd(vm, irqfd, id) : add_irqfd(vm, irqfd, id);
	pthread_mutex_unlock(&vm->irqs.lock);
	return err;
}

/* --- routes --------------------------------------------------------------- */

static bool entry_is_valid(const struct kvm_irq_routing_entry *entry)
{
	return entry->gsi < NR_GSIS && entry->type == KVM_IRQ_ROUTING_MSI &&
	       !(entry->flags & ~KVM_MSI_VALID_DEVID);
}

static struct gsi *read_routes(const struct kvm_irq_routing *table)
{
	struct gsi *gsis = calloc(NR_GSIS, sizeof(*gsis));
	unsigned int i;

	for (i = 0; gsis && i < table->nr; i++) {
		const struct kvm_irq_routing_entry *entry = &table->entries[i];

		if (!entry_is_valid(entry) || gsis[entry->gsi].routed) {
			log_at(LOG_REFUSED, "SET_GSI_ROUTING: entry %u, GSI %u, type %u", i,
			       entry->gsi, entry->type);
			free(gsis);
			return NULL;
		}
		gsis[entry->gsi] = (struct gsi) {
			.routed = true,
			.msi.address = entry->u.msi.address_lo |
				       (__u64)entry->u.msi.address_hi << 32,
			.msi.data = entry->u.msi.data,
		};
	}
	return gsis;
}

static bool same_route(const struct gsi *a, const struct gsi *b)
{
	return a->routed == b->routed && a->msi.address == b->msi.address &&
	       a->msi.data == b->msi.data;
}

/* Messages change one after the other. KVM does it in one step, but without an order. */
static void replace_routes(struct vm *vm, struct gsi *gsis)
{
	static const struct gsi none;
	struct gsi *before = vm->irqs.gsis;
	struct irqfd *irqfd;

	vm->irqs.gsis = gsis;
	for (irqfd = vm->irqs.irqfds; irqfd; irqfd = irqfd->next)
		if (!same_route(before ? &before[irqfd->gsi] : &none, &gsis[irqfd->gsi]) &&
		    update_irqfd(vm, irqfd))
			log_at(LOG_REFUSED, "GSI %u: %s", irqfd->gsi, svmvcpu_last_error());
	free(before);
}

long irq_set_routing(void *self, unsigned long arg)
{
	const struct kvm_irq_routing *table = (const void *)arg;
	struct vm *vm = self;
	struct gsi *gsis;

	if (vm->irqchip == IRQCHIP_NONE || table->nr > NR_GSIS || table->flags)
		return -EINVAL;
	gsis = read_routes(table);
	if (!gsis)
		return -EINVAL;
	pthread_mutex_lock(&vm->irqs.lock);
	replace_routes(vm, gsis);
	pthread_mutex_unlock(&vm->irqs.lock);
	return 0;
}

/* --- KVM_IRQ_LINE --------------------------------------------------------- */

/* The number of receivers, or -1 if nothing is there: an MSI is sent by the rising edge. */
static int set_line(struct vm *vm, const struct kvm_irq_level *line)
{
	const struct gsi *route;
	struct msi msi = { };

	pthread_mutex_lock(&vm->irqs.lock);
	route = gsi_route(&vm->irqs, line->irq);
	if (route)
		msi = route->msi;
	pthread_mutex_unlock(&vm->irqs.lock);
	return route && line->level ? send_msi(vm, &msi) : -1;
}

long irq_set_line(void *self, unsigned long arg)
{
	struct vm *vm = self;

	if (vm->irqchip == IRQCHIP_NONE)
		return -ENXIO;
	set_line(vm, (const void *)arg);
	return 0;
}

long irq_set_line_status(void *self, unsigned long arg)
{
	struct kvm_irq_level *line = (void *)arg;
	struct vm *vm = self;

	if (vm->irqchip == IRQCHIP_NONE)
		return -ENXIO;
	line->status = set_line(vm, line);
	return 0;
}

/* --- doorbells ------------------------------------------------------------ */

#define BELL_FLAGS	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | \
			 KVM_IOEVENTFD_FLAG_DEASSIGN)

long irq_set_ioeventfd(void *self, unsigned long arg)
{
	const struct kvm_ioeventfd *bell = (const void *)arg;
	const bool match = bell->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	const struct svmvcpu_ioeventfd out = {
		.flags = (match ? SVMVCPU_IOEVENTFD_DATA : 0) |
			 (bell->flags & KVM_IOEVENTFD_FLAG_PIO ? SVMVCPU_IOEVENTFD_PIO : 0) |
			 (bell->flags & KVM_IOEVENTFD_FLAG_DEASSIGN ?
			  SVMVCPU_IOEVENTFD_REMOVE : 0),
		.fd = bell->fd,
		.width = bell->len,
		.address = bell->addr,
		.data = match ? bell->datamatch : 0,
	};
	struct vm *vm = self;
	int err;

	if (bell->flags & ~BELL_FLAGS)
		return refuse(EINVAL, "IOEVENTFD: flags %#x", bell->flags);
	err = svmvcpu_vm_ioeventfd(vm->fd, &out);
	return err ? refuse(-err, "IOEVENTFD: %s", svmvcpu_last_error()) : 0;
}
