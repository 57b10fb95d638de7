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

static struct svmvcpu_region region_of(const struct slot *slot)
{
	return (struct svmvcpu_region) {
		.gpa = slot->gpa,
		.bytes = slot->bytes,
		.hva = slot->hva,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC |
			(slot->flags & KVM_MEM_READONLY ? 0 : SVMVCPU_MEM_WRITE),
	};
}

static int map_slot(const struct vm *vm, const struct slot *slot)
{
	const struct svmvcpu_region region = region_of(slot);

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

static bool overlap(const struct slot *a, const struct slot *b)
{
	return a->gpa < b->gpa + b->bytes && b->gpa < a->gpa + a->bytes;
}

/* MAP with REPLACE would replace the memory of another slot. */
static bool is_taken(const struct slots *slots, const struct slot *old, const struct slot *new)
{
	const struct slot *slot;

	for (slot = slots->slot; slot < slots->slot + slots->end; slot++)
		if (slot != old && slot->bytes && overlap(slot, new))
			return true;
	return false;
}

/* The part of the old place that the new one does not cover. The size is the same. */
static struct svmvcpu_region hole_of(const struct slot *old, const struct slot *new)
{
	struct svmvcpu_region hole = { .gpa = old->gpa, .bytes = old->bytes };

	if (!overlap(old, new))
		return hole;
	if (new->gpa > old->gpa) {
		hole.bytes = new->gpa - old->gpa;
	} else {
		hole.gpa = new->gpa + new->bytes;
		hole.bytes = old->gpa - new->gpa;
	}
	return hole;
}

/*
 * The slot moves in one step for vCPUs. Both places are logged until then, and afterwards
 * only the one where it is.
 */
static int move_slot(const struct vm *vm, const struct slot *old, const struct slot *new)
{
	const struct svmvcpu_region regions[] = { hole_of(old, new), region_of(new) };
	const struct slot *to = new, *from = old;
	struct svmvcpu_region left;
	int err;

	if (is_taken(&vm->slots, old, new))
		return svmvcpu_fail(EEXIST, "there is another slot at the new address");
	err = is_logged(new) ? log_slot(vm, new) : 0;
	if (err)
		return err;
	err = svmvcpu_vm_replace(vm->fd, regions, 2);
	if (err) {
		to = old;
		from = new;
	}
	left = hole_of(from, to);
	if (is_logged(from))
		svmvcpu_vm_dirty_log(vm->fd, SVMVCPU_LOG_STOP, left.gpa, left.bytes);
	if (!is_logged(to))
		log_slot(vm, to);
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

/* A log follows its slot, and the kernel's log does not: all pages may be dirty. */
static void mark_moved(const struct slot *old, const struct slot *new)
{
	__u64 page;

	if (!is_logged(old) || !is_logged(new) || old->gpa == new->gpa)
		return;
	for (page = 0; page < slot_pages(new); page++)
		new->dirty[page / 64] |= 1ULL << (page % 64);
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
	mark_moved(slot, new);
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
