// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the firmware configuration device. Items end in zeroes, and what nobody
 * has added is empty.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fwcfg.h"

#define INTERFACE_PORTS	1	/* of the item FWCFG_ID; 2 would be DMA */

static struct fwcfg_item *find(struct fwcfg *f, __u16 key)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		if (f->items[i].key == key)
			return &f->items[i];
	return NULL;
}

void fwcfg_add(struct fwcfg *f, __u16 key, const void *data, size_t len)
{
	struct fwcfg_item *item = &f->items[f->nr];

	item->data = malloc(len ?: 1);
	if (!item->data) {
		f->failed = true;
		return;
	}
	memcpy(item->data, data, len);
	item->len = len;
	item->key = key;
	f->nr++;
}

void fwcfg_add_number(struct fwcfg *f, __u16 key, unsigned int bytes, __u64 value)
{
	fwcfg_add(f, key, &value, bytes);
}

void fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t len)
{
	struct fwcfg_file *file = &f->directory.files[f->nr_files];
	__u16 key = FWCFG_FIRST_FILE + f->nr_files++;
	struct fwcfg_item *directory = find(f, FWCFG_DIRECTORY);

	file->bytes = htonl(len);
	file->key = htons(key);
	strncpy(file->name, name, sizeof(file->name) - 1);
	f->directory.nr = htonl(f->nr_files);
	fwcfg_add(f, key, data, len);
	if (directory)
		memcpy(directory->data, &f->directory, sizeof(f->directory));
}

struct fwcfg *fwcfg_new(void)
{
	struct fwcfg *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	fwcfg_add(f, FWCFG_SIGNATURE, "QEMU", 4);
	fwcfg_add_number(f, FWCFG_ID, 4, INTERFACE_PORTS);
	fwcfg_add(f, FWCFG_DIRECTORY, &f->directory, sizeof(f->directory));
	return f;
}

void fwcfg_free(struct fwcfg *f)
{
	unsigned int i;

	for (i = 0; f && i < f->nr; i++)
		free(f->items[i].data);
	free(f);
}

__u8 fwcfg_read(struct fwcfg *f, unsigned int reg)
{
	if (!reg || !f->item || f->at >= f->item->len)
		return 0;
	return f->item->data[f->at++];
}

/* The selector is 16 bits wide; data cannot be written. */
void fwcfg_write(struct fwcfg *f, unsigned int reg, __u8 value)
{
	f->key = reg ? (f->key & 0x00ff) | value << 8 : value;
	f->item = find(f, f->key);
	f->at = 0;
}
