/* SPDX-License-Identifier: GPL-2.0-only */
/* VM ioctls that connect a VM with eventfds. */
#ifndef SVMVCPU_EVENTFD_H
#define SVMVCPU_EVENTFD_H

struct svm_vm;
struct svmvcpu_ioeventfd;
struct svmvcpu_irqfd;

#define IOEVENTFD_FLAGS	(SVMVCPU_IOEVENTFD_REMOVE | SVMVCPU_IOEVENTFD_PIO | SVMVCPU_IOEVENTFD_DATA)
#define IRQFD_FLAGS	(SVMVCPU_IRQFD_REMOVE | SVMVCPU_IRQFD_RESAMPLE)

int vm_set_ioeventfd(struct svm_vm *vm, const struct svmvcpu_ioeventfd *arg);
int vm_set_irqfd(struct svm_vm *vm, const struct svmvcpu_irqfd *arg);
void vm_remove_irqfds(struct svm_vm *vm);

#endif /* SVMVCPU_EVENTFD_H */
