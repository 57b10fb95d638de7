// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: guest memory as the VMM sees it. Finds the backing of a
 * guest-physical range, walks the guest's page tables and writes identity
 * tables. Pure functions over the caller's memory; every address that comes
 * from the guest is bounded before it is followed.
 */
#include <errno.h>
#include <string.h>

#include "svmvcpu_lib.h"

#define PTE_PRESENT	0x01ULL
#define PTE_WRITE	0x02ULL
#define PTE_USER	0x04ULL
#define PTE_LARGE	0x80ULL
#define PTE_ADDRESS	0x000ffffffffff000ULL
#define CR0_PG		0x80000000ULL
#define CR4_PSE		0x10ULL
#define CR4_PAE		0x20ULL
#define CR4_LA57	0x1000ULL
#define EFER_LMA	0x400ULL
#define GIB		0x40000000ULL

void *svmvcpu_gpa_to_hva(const struct svmvcpu_guest *guest, __u64 gpa, __u64 bytes)
{
	unsigned int i;

	for (i = 0; i < guest->nr; i++) {
		const struct svmvcpu_memory *m = &guest->mem[i];

		if (gpa >= m->gpa && gpa - m->gpa <= m->bytes &&
		    bytes <= m->bytes - (gpa - m->gpa))
			return (char *)m->hva + (gpa - m->gpa);
	}
	return NULL;
}

static int read_entry(const struct svmvcpu_guest *guest, __u64 gpa, unsigned int bytes,
		      __u64 *entry)
{
	const void *at = svmvcpu_gpa_to_hva(guest, gpa, bytes);

	if (!at)
		return -EFAULT;
	/* In one access: the guest may be changing it. */
	*entry = bytes == 4 ? *(const volatile __u32 *)at : *(const volatile __u64 *)at;
	return *entry & PTE_PRESENT ? 0 : -EFAULT;
}

/* two levels of 1024 entries; a 4 MiB page keeps address bits 39:32 in 20:13 */
static int walk_32bit(const struct svmvcpu_guest *guest, const struct svmvcpu_control *c,
		      __u64 linear, __u64 *gpa)
{
	__u64 pde, pte;

	if (read_entry(guest, (c->cr3 & 0xfffff000) + ((linear >> 22) & 0x3ff) * 4, 4, &pde))
		return -EFAULT;
	if ((pde & PTE_LARGE) && (c->cr4 & CR4_PSE)) {
		*gpa = (pde & 0xffc00000) | ((pde & 0x1fe000) << 19) | (linear & 0x3fffff);
		return 0;
	}
	if (read_entry(guest, (pde & 0xfffff000) + ((linear >> 12) & 0x3ff) * 4, 4, &pte))
		return -EFAULT;
	*gpa = (pte & 0xfffff000) | (linear & 0xfff);
	return 0;
}

/* @levels tables of 512 entries, the top one at @table */
static int walk_64bit(const struct svmvcpu_guest *guest, __u64 table, int levels,
		      __u64 linear, __u64 *gpa)
{
	__u64 entry, span;
	int level;

	for (level = levels; level > 0; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		if (read_entry(guest, table + ((linear >> shift) & 0x1ff) * 8, 8, &entry))
			return -EFAULT;
		span = 1ULL << shift;
		if (level == 1 || (level <= 3 && (entry & PTE_LARGE))) {
			*gpa = (entry & PTE_ADDRESS & ~(span - 1)) | (linear & (span - 1));
			return 0;
		}
		table = entry & PTE_ADDRESS;
	}
	return -EFAULT;
}

/* PAE: four pointers at CR3, then two levels; bit 7 of a pointer is reserved */
static int walk_pae(const struct svmvcpu_guest *guest, const struct svmvcpu_control *c,
		    __u64 linear, __u64 *gpa)
{
	__u64 pointer, entry;

	if (read_entry(guest, (c->cr3 & 0xffffffe0) + ((linear >> 30) & 3) * 8, 8, &pointer))
		return -EFAULT;
	pointer &= PTE_ADDRESS;
	if (read_entry(guest, pointer + ((linear >> 21) & 0x1ff) * 8, 8, &entry))
		return -EFAULT;
	if (!(entry & PTE_LARGE))
		return walk_64bit(guest, entry & PTE_ADDRESS, 1, linear, gpa);
	*gpa = (entry & PTE_ADDRESS & ~0x1fffffULL) | (linear & 0x1fffff);
	return 0;
}

int svmvcpu_translate(const struct svmvcpu_guest *guest,
		      const struct svmvcpu_control *control, __u64 linear, __u64 *gpa)
{
	if (!(control->efer & EFER_LMA))
		linear &= 0xffffffff;
	if (!(control->cr0 & CR0_PG)) {
		*gpa = linear;
		return 0;
	}
	if (control->efer & EFER_LMA)
		return walk_64bit(guest, control->cr3 & PTE_ADDRESS,
				  control->cr4 & CR4_LA57 ? 5 : 4, linear, gpa);
	if (control->cr4 & CR4_PAE)
		return walk_pae(guest, control, linear, gpa);
	return walk_32bit(guest, control, linear, gpa);
}

size_t svmvcpu_read_linear(const struct svmvcpu_guest *guest,
			   const struct svmvcpu_control *control, __u64 linear,
			   void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		__u64 at = linear + done, gpa;
		size_t piece = SVMVCPU_PAGE - (at & (SVMVCPU_PAGE - 1));
		const void *from;

		if (piece > len - done)
			piece = len - done;
		if (svmvcpu_translate(guest, control, at, &gpa))
			break;
		from = svmvcpu_gpa_to_hva(guest, gpa, piece);
		if (!from)
			break;
		memcpy((char *)buf + done, from, piece);
		done += piece;
	}
	return done;
}

static __u64 directories(__u64 top)
{
	return top / GIB + (top % GIB != 0);
}

__u64 svmvcpu_identity_bytes(__u64 top)
{
	return (2 + directories(top)) * SVMVCPU_PAGE;
}

int svmvcpu_identity_map(void *tables, __u64 gpa, __u64 top)
{
	const __u64 bits = PTE_PRESENT | PTE_WRITE | PTE_USER;
	__u64 *pml4 = tables, *pointers = pml4 + 512, *pages = pml4 + 1024;
	__u64 nr = directories(top), i;

	if (!nr || nr > 512 || (gpa & (SVMVCPU_PAGE - 1)))
		return svmvcpu_fail(EINVAL, "no identity map of %#llx bytes with tables at %#llx",
				    top, gpa);
	pml4[0] = (gpa + SVMVCPU_PAGE) | bits;
	for (i = 0; i < nr; i++)
		pointers[i] = (gpa + (2 + i) * SVMVCPU_PAGE) | bits;
	for (i = 0; i < nr * 512; i++)
		pages[i] = (i << 21) | bits | PTE_LARGE;
	return 0;
}
