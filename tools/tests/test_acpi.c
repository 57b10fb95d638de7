// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables, read back as a kernel reads them, and the power management
 * registers that they name.
 */
#include <string.h>

#include "acpi.h"
#include "ioapic.h"
#include "pm.h"
#include "tap.h"

#define BASE	0xe0040ULL

static struct acpi acpi;

static __u64 get(const __u8 *at, unsigned int bytes)
{
	__u64 value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static bool sums_up(const __u8 *at, size_t len)
{
	__u8 total = 0;

	while (len--)
		total += *at++;
	return !total;
}

/* a table by its address, if it is a good one; NULL if not */
static const __u8 *table(__u64 gpa, const char *signature)
{
	const __u8 *at = acpi.tables.bytes + (gpa - BASE);

	if (gpa < BASE || gpa - BASE >= acpi.tables.len || gpa % 16 || memcmp(at, signature, 4))
		return NULL;
	return sums_up(at, get(at + 4, 4)) ? at : NULL;
}

static void build(unsigned int cpus)
{
	acpi_build(&acpi, cpus);
	acpi_fix(&acpi.rsdp, BASE);
	acpi_fix(&acpi.tables, BASE);
}

static const __u8 *listed(const char *signature)
{
	const __u8 *xsdt = table(get(acpi.rsdp.bytes + 24, 8), "XSDT");
	const __u8 *rsdt = table(get(acpi.rsdp.bytes + 16, 4), "RSDT");
	const __u8 *found = NULL;
	unsigned int i;

	if (!xsdt || !rsdt || get(xsdt + 4, 4) != 52 || get(rsdt + 4, 4) != 44)
		return NULL;
	for (i = 0; i < 2; i++)
		if (get(xsdt + 36 + 8 * i, 8) == get(rsdt + 36 + 4 * i, 4))
			found = found ?: table(get(xsdt + 36 + 8 * i, 8), signature);
	return found;
}

static void test_rsdp(void)
{
	const __u8 *r = acpi.rsdp.bytes;

	build(1);
	OK(!memcmp(r, "RSD PTR ", 8) && r[15] == 2 && get(r + 20, 4) == 36, "RSDP");
	OK(sums_up(r, 20) && sums_up(r, 36), "its two checksums");
	OK(acpi.rsdp.len == 36 && acpi.tables.len <= ACPI_MAX_BYTES, "lengths");
	OK(listed("FACP") && listed("APIC") && !listed("DSDT"), "RSDT and XSDT list the tables");
	acpi_fix(&acpi.tables, 0x1000);
	acpi_fix(&acpi.tables, -0x1000ULL);
	OK(listed("FACP"), "they can be moved again");
}

static void test_fadt(void)
{
	const __u8 *f, *d;

	build(1);
	f = listed("FACP");
	d = f ? table(get(f + 40, 4), "DSDT") : NULL;
	OK(f && get(f + 4, 4) == 268 && d && get(f + 140, 8) == get(f + 40, 4), "FADT and DSDT");
	OK(f && get(f + 56, 4) == 0x600 && get(f + 64, 4) == 0x604 && f[88] == 4 && f[89] == 2 &&
	   !get(f + 48, 4), "PM1 blocks, and ACPI mode from the start");
	OK(f && get(f + 36, 4) == BASE && !(BASE % 64) && !memcmp(acpi.tables.bytes, "FACS", 4) &&
	   get(acpi.tables.bytes + 4, 4) == 64, "FACS");
	OK(f && f[116] == 1 && get(f + 120, 8) == 0xcf9 && f[128] == 6, "reset register");
	OK(d && get(d + 4, 4) == 52 &&
	   !memcmp(d + 36, "\x08_S5_\x12\x0a\x04\x0a\x00\x0a\x00\x0a\x00\x0a\x00", 16),
	   "a DSDT that powers off");
}

/* entries of @type in the MADT; the last is @last */
static unsigned int entries(const __u8 *m, unsigned int type, const __u8 **last)
{
	const __u8 *at = m + 44, *end = m + get(m + 4, 4);
	unsigned int nr = 0;

	for (; at + 1 < end && at[1]; at += at[1])
		if (at[0] == type) {
			*last = at;
			nr++;
		}
	return at == end ? nr : 0;
}

static void test_madt(void)
{
	const __u8 *m, *e;

	build(1);
	m = listed("APIC");
	OK(m && get(m + 36, 4) == 0xfee00000 && entries(m, 0, &e) == 1 && !e[3] && e[4] == 1,
	   "one CPU with the APIC ID 0");
	OK(m && entries(m, 1, &e) == 1 && get(e + 4, 4) == IOAPIC_GPA && !get(e + 8, 4),
	   "the I/O APIC");
	OK(m && entries(m, 2, &e) == 2 && e[3] == 9 && get(e + 4, 4) == 9 && get(e + 8, 2) == 0xd,
	   "ISA interrupts that are not on their pin, or levels");
	OK(m && entries(m, 4, &e) == 1 && e[2] == 0xff && e[5] == 1, "LINT1 is the NMI");
	build(ACPI_MAX_CPUS);
	m = listed("APIC");
	OK(m && entries(m, 0, &e) == ACPI_MAX_CPUS && e[2] == 254 && e[3] == 254 &&
	   acpi.tables.len <= ACPI_MAX_BYTES, "as many CPUs as fit");
}

static bool is_off(unsigned int reg, unsigned int value)
{
	struct pm p = { 0 };

	pm_write(&p, reg, value);
	return p.off;
}

static void test_pm(void)
{
	struct pm p = { 0 };

	OK(!pm_read(&p, 0) && !pm_read(&p, 1) && pm_read(&p, 4) == 1 && !pm_read(&p, 5),
	   "no event, ACPI mode");
	pm_write(&p, 0, 0xff);
	pm_write(&p, 2, 0x20);
	pm_write(&p, 5, 0x1c);
	OK(!pm_read(&p, 0) && pm_read(&p, 2) == 0x20 && pm_read(&p, 5) == 0x1c && !p.off,
	   "enable and SLP_TYP are kept, status is not written");
	pm_write(&p, 5, 0x3c);
	OK(!p.off && pm_read(&p, 5) == 0x1c, "SLP_EN reads as 0; other states do not exist");
	OK(is_off(5, 0x20) && is_off(5, 0xe2), "S5, whatever the other bits are");
	OK(!is_off(5, 0) && !is_off(5, 0x24) && !is_off(4, 0x20) && !is_off(3, 0x20),
	   "not without SLP_EN, with another SLP_TYP, or elsewhere");
}

int main(void)
{
	test_rsdp();
	test_fadt();
	test_madt();
	test_pm();
	return tap_done();
}
