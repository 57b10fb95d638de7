// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux images: a valid one, each field that can be invalid, each length to which the
 * file can be truncated, and noise. Each image is in a heap block of exactly its size,
 * so that the sanitizer finds reads beyond it.
 */
#include <errno.h>
#include <stdlib.h>

#include "bzimage.h"
#include "linux_image.h"
#include "svmvcpu_lib.h"
#include "tap.h"

static int parse(const unsigned char *image, size_t len, struct bzimage *out)
{
	unsigned char *copy = malloc(len ? len : 1);
	int ret;

	memcpy(copy, image, len);
	ret = bzimage_parse(copy, len, out);
	free(copy);
	return ret;
}

static void test_good(void)
{
	unsigned char image[IMAGE_BYTES + 100];
	struct bzimage out;

	make_image(image);
	OK(bzimage_probe(image, IMAGE_BYTES), "an image is recognized");
	OK(!parse(image, IMAGE_BYTES, &out), "and accepted");
	OK(out.offset == IMAGE_SETUP && out.bytes == IMAGE_KERNEL, "its kernel");
	OK(out.entry64, "its 64-bit entry");
	OK(out.load == 0x200000 && out.room == 0x100000, "its load address");
	OK(out.header_bytes == 0x26c - 0x1f1, "its header");
	OK(out.cmdline_max == 255 && out.initrd_end == 0x80000000, "limits");
	OK(!parse(image, sizeof(image), &out) && out.bytes == IMAGE_KERNEL,
	   "a signature behind the header is ignored");
	put(image, AT_INIT_SIZE, 4, 16);
	OK(!parse(image, IMAGE_BYTES, &out) && out.room == IMAGE_KERNEL,
	   "it never gets less room than its size");
	put(image, AT_SETUP_SECTS, 1, 0);
	OK(!parse(image, IMAGE_BYTES, &out) && out.offset == IMAGE_SETUP, "0 sectors mean 4");
	put(image, AT_JUMP, 1, 0xff);
	OK(!parse(image, IMAGE_BYTES, &out) && out.header_bytes == 0x290 - 0x1f1,
	   "a longer header is cut");
	put(image, AT_INITRD_MAX, 4, 0xffffffff);
	OK(!parse(image, IMAGE_BYTES, &out) && out.initrd_end == 0x100000000, "no wrap at 4 GiB");
}

static void test_refused(void)
{
	static const struct {
		unsigned int at, bytes;
		unsigned long long value;
		const char *text;
	} cases[] = {
		{ AT_BOOT_FLAG, 2, 0x55aa, "not a Linux image" },
		{ AT_MAGIC, 4, 0x53726449, "not a Linux image" },
		{ AT_VERSION, 2, 0x209, "boot protocol 2.09" },
		{ AT_VERSION, 2, 0x001, "boot protocol 0.01" },
		{ AT_LOADFLAGS, 1, 0xfe, "below 1 MiB" },
		{ AT_JUMP, 1, 0x61, "a header of" },
		{ AT_JUMP, 1, 0x00, "a header of" },
		{ AT_SETUP_SECTS, 1, 5, "truncated" },
		{ AT_SETUP_SECTS, 1, 255, "truncated" },
		{ AT_SYSSIZE, 4, IMAGE_KERNEL / 16 + 1, "truncated" },
		{ AT_SYSSIZE, 4, 0xffffffff, "truncated" },
		{ AT_SYSSIZE, 4, 0, "contains no kernel" },
		{ AT_SYSSIZE, 4, 0x20, "contains no kernel" },
		{ AT_PREF_ADDRESS, 8, 0, "cannot be loaded at 0" },
		{ AT_PREF_ADDRESS, 8, 0xff000, "cannot be loaded at 0xff000" },
		{ AT_PREF_ADDRESS, 8, 0x200001, "cannot be loaded at 0x200001" },
		{ AT_PREF_ADDRESS, 8, 0xfff01000, "cannot be loaded at 0xfff01000" },
		{ AT_PREF_ADDRESS, 8, 0xfffffffffffff000, "loaded at 0xfffffffffffff000" },
		{ AT_INIT_SIZE, 4, 0xffffffff, "cannot be loaded at 0x200000" },
	};
	unsigned char image[IMAGE_BYTES];
	struct bzimage out;
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_image(image);
		put(image, cases[i].at, cases[i].bytes, cases[i].value);
		OK(parse(image, sizeof(image), &out) == -ENOEXEC &&
		   strstr(svmvcpu_last_error(), cases[i].text), "%#llx at %#x: %s",
		   cases[i].value, cases[i].at, svmvcpu_last_error());
	}
}

static void test_32bit(void)
{
	unsigned char image[IMAGE_BYTES];
	struct bzimage out;

	make_image(image);
	put(image, AT_XLOADFLAGS, 2, 0xfffe);
	OK(!parse(image, sizeof(image), &out) && !out.entry64, "a 32-bit kernel");
	make_image(image);
	put(image, AT_VERSION, 2, 0x20b);
	OK(!parse(image, sizeof(image), &out) && !out.entry64, "one that cannot say so yet");
}

static void test_lengths(void)
{
	unsigned char image[IMAGE_BYTES];
	struct bzimage out;
	unsigned int accepted = 0;
	size_t len;

	make_image(image);
	for (len = 0; len <= sizeof(image) - 16; len++)
		accepted += !parse(image, len, &out);
	OK(!accepted, "no length below the image's own is accepted");
	for (; len < sizeof(image); len++)
		accepted += !parse(image, len, &out) && out.bytes == len - IMAGE_SETUP;
	OK(accepted == 15, "but its size is in units of 16");
}

/* what can be wrong in an accepted image */
static bool sound(const struct bzimage *out, size_t len)
{
	return out->offset <= len && out->bytes <= len - out->offset && out->bytes > 0x200 &&
	       out->room >= out->bytes && out->load >= 0x100000 &&
	       out->load + out->room <= 0x100000000 && out->header_bytes <= 0x290 - 0x1f1;
}

static void test_noise(void)
{
	unsigned char image[IMAGE_BYTES];
	unsigned int round, i, accepted = 0, bad = 0;
	struct bzimage out;

	srandom(1);
	for (round = 0; round < 50000; round++) {
		make_image(image);
		for (i = 0; i < 1 + round % 4; i++)
			image[0x1f1 + random() % 0x7b] = random();
		if (parse(image, sizeof(image), &out))
			continue;
		accepted++;
		bad += !sound(&out, sizeof(image));
	}
	OK(accepted && accepted < 50000 && !bad,
	   "headers with noise: %u of 50000 accepted, all of them sound", accepted);
}

int main(void)
{
	test_good();
	test_refused();
	test_32bit();
	test_lengths();
	test_noise();
	return tap_done();
}
