// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chips of tools/chips/ against those of KVM: the same random accesses by a guest and
 * the same interrupt lines give the same registers, the same results, and interrupts with
 * the same vectors.
 *
 * Left out is what the chips do as the data sheets say and KVM does not: poll and special
 * mask mode of the PIC, values of counters of the PIT.
 *
 * kernel: stock
 * cost: 8
 */
#include <linux/kvm.h>

#include "chipset.h"
#include "host_state.h"

#define STEPS		4000
#define MEM_BYTES	0x10000UL
#define VECTORS		0x2000UL	/* 5 bytes each: mov $VECTOR, %al; jmp REPORT */
#define REPORT		0x2f00UL
#define PORT_DONE	0xf4
#define PORT_NO_IRQ	0xf5
#define LAPIC_GPA	0xfee00000UL
#define LAPIC_EOI	0xb0
#define LAPIC_SVR	0xf0
#define IRQ_BASE	0x30U		/* vector of pin 0 of the I/O APIC */

/* What the guest does, each at its own address; out %eax, $PORT_DONE returns to us */
enum { OUT_BYTE, IN_BYTE, STORE_1, STORE_2, STORE_4, LOAD_4, TAKE_IRQ, NR_OPS };

static const struct {
	unsigned int at;
	unsigned int len;
	unsigned char code[16];
} ops[NR_OPS] = {
	[OUT_BYTE] = { 0x1000, 3, { 0xee, 0xe6, PORT_DONE } },
	[IN_BYTE] = { 0x1020, 3, { 0xec, 0xe6, PORT_DONE } },
	[STORE_1] = { 0x1040, 5, { 0x67, 0x88, 0x03, 0xe6, PORT_DONE } },
	[STORE_2] = { 0x1060, 5, { 0x67, 0x89, 0x03, 0xe6, PORT_DONE } },
	[STORE_4] = { 0x1080, 6, { 0x66, 0x67, 0x89, 0x03, 0xe6, PORT_DONE } },
	[LOAD_4] = { 0x10a0, 7, { 0x66, 0x67, 0x8b, 0x03, 0x66, 0xe7, PORT_DONE } },
	/* sti; nop; nop; cli; out %al, $PORT_NO_IRQ */
	[TAKE_IRQ] = { 0x10c0, 6, { 0xfb, 0x90, 0x90, 0xfa, 0xe6, PORT_NO_IRQ } },
};

struct pair {
	struct chipset model;
	struct kvm_run *run;
	unsigned char *mem;
	int dev, vm, vcpu, run_bytes;
	uint64_t levels[4];	/* vectors whose last message was level-triggered */
};

FIXTURE(chips) {
	struct pair pair;
};

static uint32_t rng(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* --- the model's owner ------------------------------------------------------- */

static __u64 model_time(void *arg)
{
	(void)arg;
	return now_ns();
}

/* All messages of these tests go to the vCPU. */
static int send_message(void *arg, const struct apic_message *msg)
{
	struct pair *pair = arg;
	uint64_t bit = 1ULL << msg->vector % 64;

	if (msg->level)
		pair->levels[msg->vector / 64] |= bit;
	else
		pair->levels[msg->vector / 64] &= ~bit;
	return 1;
}

static void ignore_deadline(void *arg, __u64 at)
{
	(void)arg;
	(void)at;
}

static const struct chipset_ops model_ops = {
	.now = model_time, .send = send_message, .deadline = ignore_deadline,
};

/* --- KVM --------------------------------------------------------------------- */

static void write_guest(unsigned char *mem)
{
	unsigned int i;

	for (i = 0; i < NR_OPS; i++)
		memcpy(mem + ops[i].at, ops[i].code, ops[i].len);
	for (i = 0; i < 256; i++) {
		unsigned char *stub = mem + VECTORS + 5 * i;
		uint16_t distance = REPORT - (VECTORS + 5 * i + 5);
		uint32_t gate = VECTORS + 5 * i;

		memcpy(mem + 4 * i, &gate, 4);
		memcpy(stub, (unsigned char[]){ 0xb0, i, 0xe9 }, 3);
		memcpy(stub + 3, &distance, 2);
	}
	memcpy(mem + REPORT, (unsigned char[]){ 0xe6, PORT_DONE }, 2);
}

static int open_kvm(struct pair *pair)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEM_BYTES };
	const struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_lapic_state lapic;

	pair->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	pair->vm = ioctl(pair->dev, KVM_CREATE_VM, 0);
	if (pair->vm < 0 || ioctl(pair->vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(pair->vm, KVM_CREATE_PIT2, &pit))
		return -errno;
	region.userspace_addr = (uintptr_t)pair->mem;
	pair->vcpu = ioctl(pair->vm, KVM_CREATE_VCPU, 0);
	pair->run_bytes = ioctl(pair->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	pair->run = mmap(NULL, pair->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, pair->vcpu, 0);
	if (pair->run == MAP_FAILED || ioctl(pair->vm, KVM_SET_USER_MEMORY_REGION, &region) ||
	    ioctl(pair->vcpu, KVM_GET_LAPIC, &lapic))
		return -errno;
	/* software-enabled */
	lapic.regs[LAPIC_SVR + 1] |= 1;
	return ioctl(pair->vcpu, KVM_SET_LAPIC, &lapic) ? -errno : 0;
}

FIXTURE_SETUP(chips)
{
	struct pair *pair = &self->pair;

	if (!kvm_there())
		SKIP(return, "this kernel has no KVM");
	ASSERT_TRUE(kvm_load());
	pair->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)pair->mem);
	write_guest(pair->mem);
	ASSERT_EQ(0, open_kvm(pair));
	ASSERT_EQ(0, chipset_init(&pair->model, &model_ops, pair));
	ASSERT_EQ(0, chipset_create_pit(&pair->model, KVM_PIT_SPEAKER_DUMMY));
}

FIXTURE_TEARDOWN(chips)
{
	struct pair *pair = &self->pair;

	chipset_free(&pair->model);
	munmap(pair->run, pair->run_bytes);
	close(pair->vcpu);
	close(pair->vm);
	close(pair->dev);
	munmap(pair->mem, MEM_BYTES);
	EXPECT_TRUE(kvm_unload());
}

/* Returns the port of the final OUT and its data; -1 for any other exit */
static int run_op(struct pair *pair, int op, uint64_t base, uint32_t address, uint32_t *data)
{
	const struct kvm_regs regs = { .rip = ops[op].at, .rsp = 0x7000, .rflags = 2,
				       .rax = *data, .rbx = address, .rdx = address };
	struct kvm_sregs sregs;

	if (ioctl(pair->vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.ds.base = base;
	if (ioctl(pair->vcpu, KVM_SET_SREGS, &sregs) || ioctl(pair->vcpu, KVM_SET_REGS, &regs) ||
	    ioctl(pair->vcpu, KVM_RUN, 0) || pair->run->exit_reason != KVM_EXIT_IO)
		return -1;
	*data = 0;
	memcpy(data, (char *)pair->run + pair->run->io.data_offset, pair->run->io.size);
	return pair->run->io.port;
}

/* --- the same on both -------------------------------------------------------- */

static bool out_both(struct pair *pair, uint16_t port, uint8_t value)
{
	uint32_t data = value, same = value;

	chipset_pio(&pair->model, true, port, 1, &same);
	return run_op(pair, OUT_BYTE, 0, port, &data) == PORT_DONE;
}

/* Returns whether the bits of @mask are the same */
static bool in_both(struct pair *pair, uint16_t port, uint8_t mask)
{
	uint32_t data = 0, model = 0;

	chipset_pio(&pair->model, false, port, 1, &model);
	return run_op(pair, IN_BYTE, 0, port, &data) == PORT_DONE && !((data ^ model) & mask);
}

static bool store_both(struct pair *pair, uint32_t offset, unsigned int width, uint32_t value)
{
	int op = width == 1 ? STORE_1 : width == 2 ? STORE_2 : STORE_4;
	__u64 same = value;

	chipset_mmio(&pair->model, true, IOAPIC_GPA + offset, width, &same);
	return run_op(pair, op, IOAPIC_GPA, offset, &value) == PORT_DONE;
}

static bool load_both(struct pair *pair, uint32_t offset)
{
	uint32_t data = 0;
	__u64 model;

	chipset_mmio(&pair->model, false, IOAPIC_GPA + offset, 4, &model);
	return run_op(pair, LOAD_4, IOAPIC_GPA, offset, &data) == PORT_DONE && data == model;
}

static bool line_both(struct pair *pair, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };
	int status = chipset_line_status(&pair->model, gsi, level);

	return !ioctl(pair->vm, KVM_IRQ_LINE_STATUS, &line) && line.status == status;
}

/* Returns the vector that the guest takes in KVM, or -1 */
static int take_irq(struct pair *pair)
{
	uint32_t data = 0;

	return run_op(pair, TAKE_IRQ, 0, 0, &data) == PORT_DONE ? (int)data : -1;
}

static bool same_chip(struct pair *pair, unsigned int id, size_t bytes)
{
	struct kvm_irqchip theirs = { .chip_id = id }, ours = { .chip_id = id };

	chipset_get(&pair->model, &ours);
	return !ioctl(pair->vm, KVM_GET_IRQCHIP, &theirs) &&
	       !memcmp(&theirs.chip, &ours.chip, bytes);
}

static bool same_pics(struct pair *pair)
{
	return same_chip(pair, KVM_IRQCHIP_PIC_MASTER, sizeof(struct kvm_pic_state)) &&
	       same_chip(pair, KVM_IRQCHIP_PIC_SLAVE, sizeof(struct kvm_pic_state));
}

static bool same_ioapics(struct pair *pair)
{
	return same_chip(pair, KVM_IRQCHIP_IOAPIC, sizeof(struct kvm_ioapic_state));
}

static bool route_both(struct pair *pair, bool ioapic)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entries[24];
	} r = { .table.nr = ioapic ? 24 : 16 };
	unsigned int i;

	for (i = 0; i < r.table.nr; i++) {
		r.entries[i].gsi = i;
		r.entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		r.entries[i].u.irqchip.irqchip = ioapic ? KVM_IRQCHIP_IOAPIC : i / 8;
		r.entries[i].u.irqchip.pin = ioapic ? i : i % 8;
	}
	return !chipset_set_routing(&pair->model, r.entries, r.table.nr, 0) &&
	       !ioctl(pair->vm, KVM_SET_GSI_ROUTING, &r);
}

/* --- the PIC ----------------------------------------------------------------- */

/* Initializes a chip; KVM looks at the result only when the mask is written. */
static bool init_pic(struct pair *pair, uint16_t port)
{
	uint32_t r = rng();
	bool with_icw4 = r & 3, same;

	same = out_both(pair, port, 0x10 | with_icw4) && same_pics(pair);
	same = same && out_both(pair, port + 1, r >> 8);
	same = same && out_both(pair, port + 1, 4);
	if (with_icw4)
		same = same && out_both(pair, port + 1, (r >> 16 & 0x12) | 1);
	return same && out_both(pair, port + 1, r >> 24);
}

static bool take_from_pic(struct pair *pair)
{
	int vector = take_irq(pair);

	if (vector < 0)
		return !pair->model.pic.output;
	return pair->model.pic.output && chipset_acknowledge(&pair->model) == vector;
}

static bool step_pic(struct pair *pair)
{
	uint32_t r = rng();
	uint16_t port = r & 0x100 ? PIC_SLAVE : PIC_MASTER;
	unsigned int chip = !!(r & 0x100);

	switch (r & 15) {
	case 0:
		return r & 0x3000 || init_pic(pair, port);
	case 1:
	case 2:
	case 3:
		return out_both(pair, port, r >> 16 & 0xe7);
	case 4:
		return out_both(pair, port, 0x08 | (r >> 16 & 3) | (r >> 17 & 0x40));
	case 5:
		return out_both(pair, port + 1, (r >> 16) & (r >> 24));
	case 6:
		return out_both(pair, PIC_ELCR + chip, r >> 16) &&
		       out_both(pair, port + 1, pair->model.pic.chips[chip].imr);
	case 7:
		return in_both(pair, port + (r >> 16 & 1), 0xff);
	case 8:
		return in_both(pair, PIC_ELCR + chip, 0xff);
	case 9:
	case 10:
		return take_from_pic(pair);
	}
	return line_both(pair, r >> 16 & 15, r & 0x200);
}

TEST_F_TIMEOUT(chips, pic, 120)
{
	struct pair *pair = &self->pair;
	unsigned int i, taken = 0;

	ASSERT_TRUE(route_both(pair, false));
	ASSERT_TRUE(same_pics(pair));
	ASSERT_TRUE(init_pic(pair, PIC_MASTER) && init_pic(pair, PIC_SLAVE));
	for (i = 0; i < STEPS; i++) {
		__u8 isr = pair->model.pic.chips[0].isr;

		ASSERT_TRUE(step_pic(pair) && same_pics(pair)) {
			TH_LOG("step %u", i);
		}
		taken += pair->model.pic.chips[0].isr & ~isr ? 1 : 0;
	}
	EXPECT_LT(50, taken);
}

TEST_F(chips, pic_state)
{
	struct pair *pair = &self->pair;
	struct kvm_irqchip chip;
	unsigned int i, j;

	ASSERT_TRUE(route_both(pair, false));
	for (i = 0; i < 200; i++) {
		memset(&chip, 0, sizeof(chip));
		for (j = 0; j < sizeof(chip.chip.pic); j++)
			((unsigned char *)&chip.chip.pic)[j] = rng();
		chip.chip_id = i & 1;
		chip.chip.pic.special_mask = 0;
		ASSERT_EQ(0, ioctl(pair->vm, KVM_SET_IRQCHIP, &chip));
		ASSERT_EQ(0, chipset_set(&pair->model, &chip));
		ASSERT_TRUE(same_pics(pair)) {
			TH_LOG("state %u", i);
		}
		ASSERT_TRUE(take_from_pic(pair) && same_pics(pair)) {
			TH_LOG("interrupt of state %u", i);
		}
	}
}

/* --- the I/O APIC ------------------------------------------------------------ */

/* An entry with a vector and a trigger mode of its own, which goes to the vCPU */
static bool write_entry(struct pair *pair, unsigned int pin, uint32_t r)
{
	uint32_t low = (r & 0xfffe3000) | (r & 0x100) | (IRQ_BASE + pin) |
		       (pin & 1 ? 0x8000 : 0) | (r & 0x400 ? 0x10000 : 0) | (r & 0x4000);

	return store_both(pair, 0, 4, 0x11 + 2 * pin) &&
	       store_both(pair, 0x10, 4, rng() & 0xffffff) &&
	       store_both(pair, 0, 4, 0x10 + 2 * pin) && store_both(pair, 0x10, 4, low);
}

static bool take_from_lapic(struct pair *pair)
{
	int vector = take_irq(pair);
	uint32_t data = 0;

	if (vector < 0)
		return true;
	if (run_op(pair, STORE_4, LAPIC_GPA, LAPIC_EOI, &data) != PORT_DONE)
		return false;
	if (pair->levels[vector / 64] & 1ULL << vector % 64)
		chipset_eoi(&pair->model, vector);
	return true;
}

static bool step_ioapic(struct pair *pair)
{
	uint32_t r = rng();
	unsigned int pin = (r >> 8) % IOAPIC_PINS;

	switch (r & 15) {
	case 0:
	case 1:
		/* Unmasking the clock ends the wait for its EOI in the model only. */
		return (pin == 8 && pair->model.rtc_pending) || write_entry(pair, pin, r >> 4);
	case 2:
		return store_both(pair, 0, 1U << (r >> 8 & 1), r >> 16);
	case 3:
		/* not the low half of an entry */
		return store_both(pair, 0, 4, r & 0x100 ? 0 : 0x40 + (r >> 16 & 0x7f)) &&
		       store_both(pair, 0x10, 1U << (r >> 24) % 3, rng());
	case 4:
		return load_both(pair, r & 0x100 ? 0 : 0x10);
	case 5:
		return store_both(pair, 0, 4, r >> 16 & 0x5f) && load_both(pair, 0x10) &&
		       load_both(pair, 0x20);
	case 6:
	case 7:
	case 8:
		return take_from_lapic(pair);
	}
	return line_both(pair, pin, r & 0x10000);
}

TEST_F_TIMEOUT(chips, ioapic, 120)
{
	struct pair *pair = &self->pair;
	unsigned int i, pin, level = 0;

	ASSERT_TRUE(route_both(pair, true));
	ASSERT_TRUE(out_both(pair, 0x21, 0xff) && out_both(pair, 0xa1, 0xff));
	ASSERT_TRUE(same_ioapics(pair));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		ASSERT_TRUE(write_entry(pair, pin, 0));
	for (i = 0; i < STEPS; i++) {
		ASSERT_TRUE(step_ioapic(pair) && same_ioapics(pair)) {
			TH_LOG("step %u", i);
		}
		level += !!(pair->model.ioapic.entries[1] & 0x4000);
	}
	EXPECT_LT(50, level);
}

/* An interrupt of the clock is not sent before the EOI of the one before. */
TEST_F(chips, ioapic_rtc)
{
	struct pair *pair = &self->pair;

	ASSERT_TRUE(route_both(pair, true));
	ASSERT_TRUE(out_both(pair, 0x21, 0xff) && out_both(pair, 0xa1, 0xff));
	ASSERT_TRUE(write_entry(pair, 8, 0) && line_both(pair, 8, true));
	EXPECT_EQ(1U, pair->model.rtc_pending);
	EXPECT_TRUE(line_both(pair, 8, false) && line_both(pair, 8, true) && same_ioapics(pair));
	EXPECT_EQ(0U, pair->model.ioapic.levels);
	EXPECT_TRUE(take_from_lapic(pair));
	EXPECT_EQ(0U, pair->model.rtc_pending);
	EXPECT_TRUE(line_both(pair, 8, true) && same_ioapics(pair));
	EXPECT_EQ(1U, pair->model.rtc_pending);
}

/* Levels whose entry becomes edge-triggered and level-triggered again */
TEST_F(chips, ioapic_remote_irr)
{
	struct pair *pair = &self->pair;

	ASSERT_TRUE(route_both(pair, true));
	ASSERT_TRUE(write_entry(pair, 1, 0) && line_both(pair, 1, true) && same_ioapics(pair));
	EXPECT_TRUE(pair->model.ioapic.entries[1] & 0x4000);
	EXPECT_TRUE(store_both(pair, 0x10, 4, 0x10031) && same_ioapics(pair));
	EXPECT_FALSE(pair->model.ioapic.entries[1] & 0x4000);
	EXPECT_TRUE(store_both(pair, 0x10, 4, 0x08031) && same_ioapics(pair));
	EXPECT_TRUE(pair->model.ioapic.entries[1] & 0x4000);
}

TEST_F(chips, ioapic_state)
{
	struct pair *pair = &self->pair;
	struct kvm_irqchip chip;
	unsigned int i, j;

	ASSERT_TRUE(route_both(pair, true));
	for (i = 0; i < 200; i++) {
		struct kvm_ioapic_state *s = &chip.chip.ioapic;

		memset(&chip, 0, sizeof(chip));
		for (j = 0; j < sizeof(*s); j++)
			((unsigned char *)s)[j] = rng();
		/* fixed messages to the vCPU */
		for (j = 0; j < IOAPIC_PINS; j++)
			s->redirtbl[j].bits &= 0x00fffffffffff0ffULL;
		s->pad = 0;
		s->irr &= 0xffffff;
		chip.chip_id = KVM_IRQCHIP_IOAPIC;
		ASSERT_EQ(0, ioctl(pair->vm, KVM_SET_IRQCHIP, &chip));
		ASSERT_EQ(0, chipset_set(&pair->model, &chip));
		ASSERT_TRUE(same_ioapics(pair)) {
			TH_LOG("state %u", i);
		}
	}
}

/* --- the PIT ----------------------------------------------------------------- */

static bool same_channel(const struct kvm_pit_channel_state *a,
			 const struct kvm_pit_channel_state *b)
{
	return a->count == b->count && !a->count_latched == !b->count_latched &&
	       a->status_latched == b->status_latched && a->read_state == b->read_state &&
	       a->write_state == b->write_state && a->write_latch == b->write_latch &&
	       a->rw_mode == b->rw_mode && a->mode == b->mode && a->bcd == b->bcd &&
	       a->gate == b->gate;
}

static bool same_pits(struct pair *pair)
{
	struct kvm_pit_state2 theirs, ours;
	unsigned int i;

	chipset_get_pit2(&pair->model, &ours);
	if (ioctl(pair->vm, KVM_GET_PIT2, &theirs) || theirs.flags != ours.flags)
		return false;
	for (i = 0; i < PIT_CHANNELS; i++) {
		if (!same_channel(&theirs.channels[i], &ours.channels[i]))
			return false;
	}
	return true;
}

/* A control word ends latching in the model only, so the latches are read before it. */
static bool control(struct pair *pair, uint8_t value)
{
	struct kvm_pit_channel_state *c = &pair->model.pit.channels[value >> 6 & 3].regs;

	if (value >> 6 != 3) {
		while (c->count_latched || c->status_latched) {
			if (!in_both(pair, PIT_BASE + (value >> 6), 0))
				return false;
		}
	}
	return out_both(pair, PIT_BASE + 3, value);
}

static bool step_pit(struct pair *pair)
{
	uint32_t r = rng();
	unsigned int channel = (r >> 8) % PIT_CHANNELS;
	bool status = pair->model.pit.channels[channel].regs.status_latched;

	switch (r & 7) {
	case 0:
	case 1:
		return control(pair, r >> 16);
	case 2:
		return out_both(pair, PIT_SPEAKER, r >> 16) && in_both(pair, PIT_SPEAKER, 0x03);
	case 3:
	case 4:
		return in_both(pair, PIT_BASE + channel, status ? 0x3f : 0);
	}
	return out_both(pair, PIT_BASE + channel, r >> 16);
}

TEST_F_TIMEOUT(chips, pit, 120)
{
	struct pair *pair = &self->pair;
	unsigned int i;

	ASSERT_TRUE(same_pits(pair));
	for (i = 0; i < STEPS; i++) {
		ASSERT_TRUE(step_pit(pair) && same_pits(pair)) {
			TH_LOG("step %u", i);
		}
	}
}

/* --- routes ------------------------------------------------------------------ */

TEST_F(chips, routing)
{
	struct pair *pair = &self->pair;
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entries[3];
	} r;
	unsigned int i, j, accepted = 0;

	for (i = 0; i < 3000; i++) {
		int theirs, ours;

		memset(&r, 0, sizeof(r));
		r.table.nr = rng() % 4;
		for (j = 0; j < 3; j++) {
			r.entries[j].gsi = rng() & 1 ? rng() & 3 : 4094 + (rng() & 3);
			r.entries[j].type = 1 + (rng() & 1);
			r.entries[j].flags = rng() & 15 ? 0 : rng() & 3;
			r.entries[j].u.irqchip.irqchip = rng() & 3;
			r.entries[j].u.irqchip.pin = rng() & 1 ? rng() & 7 : 7 + rng() % 18;
		}
		theirs = ioctl(pair->vm, KVM_SET_GSI_ROUTING, &r) ? -errno : 0;
		ours = chipset_set_routing(&pair->model, r.entries, r.table.nr, 0);
		ASSERT_EQ(theirs, ours) {
			TH_LOG("table %u", i);
		}
		accepted += !ours;
	}
	EXPECT_LT(100, accepted);
	EXPECT_GT(2900, accepted);
}

TEST_HARNESS_MAIN
