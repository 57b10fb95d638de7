/* SPDX-License-Identifier: GPL-2.0-only */
/* VM ioctls that connect a VM with eventfds. */
#ifndef SVMVCPU_EVENTFD_H
#define SVMVCPU_EVENTFD_H

struct svm_vm;
struct svmvcpu_ioeventfd;

#define IOEVENTFD_FLAGS	(SVMVCPU_IOEVENTFD_REMOVE | SVMVCPU_IOEVENTFD_PIO | SVMVCPU_IOEVENTFD_DATA)

int vm_set_ioeventfd(struct svm_vm *vm, const struct svmvcpu_ioeventfd *arg);

#endif /* SVMVCPU_EVENTFD_H */
