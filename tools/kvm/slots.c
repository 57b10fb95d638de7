// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: memory slots are regions of svmvcpu, and their dirty logs are its logs.
 * See slots.h.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "vm.h"

#define PAGE_MASK	(SVMVCPU_PAGE - 1)
#define SLOT_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

/* KVM_MEM_MAX_NR_PAGES of Linux */
#define MAX_SLOT_PAGES	((1UL << 31) - 1)

void slots_init(struct slots *slots)
{
	pthread_rwlock_init(&slots->lock, NULL);
	slots->guest.mem = slots->memory;
}

void slots_free(struct slots *slots)
{
	unsigned int id;

	for (id = 0; id < NR_SLOTS; id++)
		free(slots->slot[id].dirty);
}

static __u64 slot_pages(const struct slot *slot)
{
	return slot->bytes / SVMVCPU_PAGE;
}

static size_t bitmap_words(const struct slot *slot)
{
	return (slot_pages(slot) + 63) / 64;
}

static bool is_logged(const struct slot *slot)
{
	return slot->bytes && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES);
}

/* --- changes -------------------------------------------------------------- */

static int map_slot(const struct vm *vm, const struct slot *slot)
{
	struct svmvcpu_region region = {
		.gpa = slot->gpa,
		.bytes = slot->bytes,
		.hva = slot->hva,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC |
			(slot->flags & KVM_MEM_READONLY ? 0 : SVMVCPU_MEM_WRITE),
	};

	return svmvcpu_vm_map(vm->fd, &region, 1);
}

static int unmap_slot(const struct vm *vm, const struct slot *slot)
{
	const struct svmvcpu_range range = { .gpa = slot->gpa, .bytes = slot->bytes };

	return svmvcpu_vm_unmap(vm->fd, &range, 1);
}

static int log_slot(const struct vm *vm, const struct slot *slot)
{
	return svmvcpu_vm_dirty_log(vm->fd, is_logged(slot) ? SVMVCPU_LOG_START :
				    SVMVCPU_LOG_STOP, slot->gpa, slot->bytes);
}

/* A slot that is logged reports as clean what was written before. */
static int create_slot(const struct vm *vm, const struct slot *new)
{
	int err = map_slot(vm, new);

	if (err || !is_logged(new))
		return err;
	err = log_slot(vm, new);
	if (err)
		unmap_slot(vm, new);
	return err;
}

static int delete_slot(const struct vm *vm, const struct slot *old)
{
	struct slot unlogged = *old;

	unlogged.flags = 0;
	if (is_logged(old))
		log_slot(vm, &unlogged);
	return unmap_slot(vm, old);
}

/*
 * The slot is missing for a moment, as in KVM, where vCPUs wait meanwhile. If the new place
 * is taken, the slot stays where it was.
 */
static int move_slot(const struct vm *vm, const struct slot *old, const struct slot *new)
{
	int err, back;

	err = delete_slot(vm, old);
	if (err)
		return err;
	err = create_slot(vm, new);
	if (!err)
		return 0;
	back = create_slot(vm, old);
	if (back)
		log_at(LOG_REFUSED, "a memory slot is lost: %s", svmvcpu_last_error());
	return err;
}

static int change_slot(const struct vm *vm, const struct slot *old, const struct slot *new)
{
	if (!old->bytes)
		return create_slot(vm, new);
	if (!new->bytes)
		return delete_slot(vm, old);
	if (old->gpa != new->gpa)
		return move_slot(vm, old, new);
	return old->flags == new->flags ? 0 : log_slot(vm, new);
}

/* --- KVM_SET_USER_MEMORY_REGION ------------------------------------------- */

static bool is_valid(const struct kvm_userspace_memory_region *region)
{
	__u64 end;

	if ((region->flags & ~SLOT_FLAGS) || region->slot >= NR_SLOTS)
		return false;
	if ((region->memory_size | region->guest_phys_addr | region->userspace_addr) & PAGE_MASK)
		return false;
	return !__builtin_add_overflow(region->guest_phys_addr, region->memory_size, &end) &&
	       !__builtin_add_overflow(region->userspace_addr, region->memory_size, &end) &&
	       region->memory_size / SVMVCPU_PAGE <= MAX_SLOT_PAGES;
}

static bool fits(const struct slot *old, const struct slot *new)
{
	if (!old->bytes || !new->bytes)
		return old->bytes || new->bytes;
	return old->hva == new->hva && old->bytes == new->bytes &&
	       !((old->flags ^ new->flags) & KVM_MEM_READONLY);
}

static void list_memory(struct slots *slots)
{
	const struct slot *slot;
	unsigned int id, nr = 0;

	slots->end = 0;
	for (id = 0; id < NR_SLOTS; id++) {
		slot = &slots->slot[id];
		if (!slot->bytes)
			continue;
		slots->memory[nr++] = (struct svmvcpu_memory) {
			slot->gpa, slot->bytes, (void *)(uintptr_t)slot->hva,
		};
		slots->end = id + 1;
	}
	slots->guest.nr = nr;
}

static int set_slot(struct vm *vm, struct slot *slot, struct slot *new)
{
	int err;

	if (!fits(slot, new))
		return -EINVAL;
	if (is_logged(new)) {
		new->dirty = is_logged(slot) ? slot->dirty :
			     calloc(bitmap_words(new), sizeof(__u64));
		if (!new->dirty)
			return -ENOMEM;
	}
	err = change_slot(vm, slot, new);
	if (err) {
		if (new->dirty != slot->dirty)
			free(new->dirty);
		return refuse(-err, "SET_USER_MEMORY_REGION: %s", svmvcpu_last_error());
	}
	if (slot->dirty != new->dirty)
		free(slot->dirty);
	*slot = *new;
	list_memory(&vm->slots);
	return 0;
}

long slot_set(void *self, unsigned long arg)
{
	const struct kvm_userspace_memory_region *region = (const void *)arg;
	struct vm *vm = self;
	struct slot new;
	int err;

	if (!is_valid(region))
		return refuse(EINVAL, "slot %#x: flags %#x, gpa %#llx, bytes %#llx, hva %#llx",
			      region->slot, region->flags, region->guest_phys_addr,
			      region->memory_size, region->userspace_addr);
	new = (struct slot) {
		.gpa = region->guest_phys_addr,
		.bytes = region->memory_size,
		.hva = region->userspace_addr,
		.flags = region->flags,
	};
	pthread_rwlock_wrlock(&vm->slots.lock);
	err = set_slot(vm, &vm->slots.slot[region->slot], &new);
	pthread_rwlock_unlock(&vm->slots.lock);
	return err;
}

/* --- the dirty log -------------------------------------------------------- */

/* Several vCPUs may mark pages at the same time. */
void slots_wrote(struct slots *slots, __u64 gpa)
{
	struct slot *slot;
	__u64 page;

	for (slot = slots->slot; slot < slots->slot + slots->end; slot++) {
		if (gpa - slot->gpa >= slot->bytes)
			continue;
		page = (gpa - slot->gpa) / SVMVCPU_PAGE;
		if (slot->dirty)
			__atomic_fetch_or(&slot->dirty[page / 64], 1ULL << (page % 64),
					  __ATOMIC_RELAXED);
		return;
	}
}

/* The kernel's log is empty after this. A guest that writes all the time cannot delay it. */
static int collect(const struct vm *vm, const struct slot *slot, __u64 *bitmap)
{
	struct svmvcpu_dirty_collect collect = {
		.flags = SVMVCPU_COLLECT_BITMAP, .gpa = slot->gpa, .bytes = slot->bytes,
		.bitmap = (uintptr_t)bitmap,
	};

	return svmvcpu_vm_dirty_collect(vm->fd, &collect);
}

/*
 * With manual protection, what is reported stays dirty until the program clears it. That
 * which the guest writes in between is in the kernel's log again.
 */
static int report(const struct vm *vm, struct slot *slot, __u64 *bitmap)
{
	size_t words = bitmap_words(slot), i;
	int err;

	err = collect(vm, slot, bitmap);
	if (err)
		return err;
	for (i = 0; i < words; i++) {
		bitmap[i] |= slot->dirty[i];
		slot->dirty[i] = vm->manual_protect ? bitmap[i] : 0;
	}
	return 0;
}

static struct slot *logged_slot(struct vm *vm, __u32 id)
{
	struct slot *slot = id < NR_SLOTS ? &vm->slots.slot[id] : NULL;

	return slot && is_logged(slot) ? slot : NULL;
}

long slot_get_dirty_log(void *self, unsigned long arg)
{
	const struct kvm_dirty_log *log = (const void *)arg;
	struct vm *vm = self;
	struct slot *slot;
	int err;

	if (log->slot >= NR_SLOTS)
		return -EINVAL;
	pthread_rwlock_wrlock(&vm->slots.lock);
	slot = logged_slot(vm, log->slot);
	err = slot ? report(vm, slot, log->dirty_bitmap) : -ENOENT;
	pthread_rwlock_unlock(&vm->slots.lock);
	return err;
}

static bool clear_is_valid(const struct slot *slot, const struct kvm_clear_dirty_log *log)
{
	__u64 pages = slot_pages(slot);

	if ((log->first_page & 63) || log->first_page > pages ||
	    log->num_pages > pages - log->first_page)
		return false;
	return !(log->num_pages & 63) || log->num_pages == pages - log->first_page;
}

static void clear(struct slot *slot, const struct kvm_clear_dirty_log *log)
{
	const __u64 *bitmap = log->dirty_bitmap;
	size_t words = (log->num_pages + 63) / 64, i;

	for (i = 0; i < words; i++)
		slot->dirty[log->first_page / 64 + i] &= ~bitmap[i];
}

long slot_clear_dirty_log(void *self, unsigned long arg)
{
	const struct kvm_clear_dirty_log *log = (const void *)arg;
	struct vm *vm = self;
	struct slot *slot;
	long ret = 0;

	if (log->slot >= NR_SLOTS || (log->first_page & 63))
		return -EINVAL;
	pthread_rwlock_wrlock(&vm->slots.lock);
	slot = logged_slot(vm, log->slot);
	if (!slot)
		ret = -ENOENT;
	else if (!clear_is_valid(slot, log))
		ret = -EINVAL;
	else
		clear(slot, log);
	pthread_rwlock_unlock(&vm->slots.lock);
	return ret;
}
