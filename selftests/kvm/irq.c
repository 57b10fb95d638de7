// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: interrupts with local APICs in the kernel: messages, routes, irqfds,
 * doorbells, and other vCPUs.
 *
 * kernel: stock, debug
 */
#include <pthread.h>
#include <sys/eventfd.h>

#include "kvm_client.h"

#define VECTOR		0x40
#define MSI_ADDRESS	0xfee00000U
#define GSI		5
#define BELL_PORT	0x500
#define BELL_MMIO	0x10000000UL

static void open_split(struct client *c)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	client_open_empty(c);
	if (ioctl(c->vm, KVM_ENABLE_CAP, &cap))
		client_die("KVM_CAP_SPLIT_IRQCHIP");
	client_add_vcpu(c);
}

CLIENT_FIXTURE_BY(open_split, irq)

/*
 * Enables the local APIC, tells so on port 1, and waits. The handler tells the vector and
 * writes EOI. 32-bit code; the gate is made by set_gate().
 */
GUEST32(wait,
	"lidt 0x8000\n lgdt 0x8010\n"
	"movl $0x1ff, 0xfee000f0\n"
	"out %al, $1\n"
	"sti\n"
	"1: hlt\n jmp 1b");
/* at TEST_CODE + 0x100 */
GUEST32(handler, "out %al, $0x40\n movl $0, 0xfee000b0\n iret");

#define HANDLER		(TEST_CODE + 0x100)
#define IDT		0x2000UL
#define GDT		0x3000UL

struct table {
	__u16 limit;
	__u32 base;
} __attribute__((packed));

static void set_tables(struct client *c)
{
	static const __u64 gdt[] = { 0, 0x00cf9b000000ffffULL, 0x00cf93000000ffffULL };
	const struct table idtr = { 0x7ff, IDT }, gdtr = { sizeof(gdt) - 1, GDT };
	__u64 gate = HANDLER | 8 << 16 | 0x8e00ULL << 32;

	memcpy(c->mem + TEST_DATA, &idtr, sizeof(idtr));
	memcpy(c->mem + TEST_DATA + 16, &gdtr, sizeof(gdtr));
	memcpy(c->mem + GDT, gdt, sizeof(gdt));
	memcpy(c->mem + IDT + VECTOR * 8, &gate, sizeof(gate));
	memcpy(c->mem + HANDLER, guest_handler, guest_handler_end - guest_handler);
}

static void start_waiting(struct client *c)
{
	client_load(c, wait);
	set_tables(c);
	client_start(c, 32);
}

#define EXPECT_PORT(c, number)						\
do {									\
	CLIENT_EXPECT(c, IO);						\
	EXPECT_EQ(number, (c)->run->io.port);				\
} while (0)

TEST_F(irq, settings)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct client *c = &self->c, other;
	struct kvm_msi msi = { .address_lo = MSI_ADDRESS, .data = VECTOR };
	struct kvm_irq_level line = { .irq = GSI, .level = 1 };
	struct kvm_interrupt irq = { .irq = VECTOR };
	struct kvm_lapic_state lapic;

	EXPECT_EQ(EEXIST, ioctl_errno(c->vm, KVM_ENABLE_CAP, &cap));
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_INTERRUPT, &irq));
	EXPECT_EQ(EEXIST, ioctl_errno(c->vcpu, KVM_INTERRUPT, &irq));
	/* Without local APICs in the kernel */
	client_open(&other);
	EXPECT_EQ(EEXIST, ioctl_errno(other.vm, KVM_ENABLE_CAP, &cap));
	EXPECT_EQ(EINVAL, ioctl_errno(other.vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(ENXIO, ioctl_errno(other.vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(EINVAL, ioctl_errno(other.vcpu, KVM_GET_LAPIC, &lapic));
	EXPECT_EQ(EINVAL, ioctl_errno(other.vcpu, KVM_SET_LAPIC, &lapic));
	client_close(&other);
}

TEST_F(irq, msi)
{
	struct kvm_msi msi = { .address_lo = MSI_ADDRESS, .data = VECTOR };
	struct client *c = &self->c;

	start_waiting(c);
	EXPECT_PORT(c, 1);
	EXPECT_EQ(1, ioctl(c->vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_PORT(c, 0x40);
	/* nobody there */
	msi.address_lo = MSI_ADDRESS | 9 << 12;
	EXPECT_EQ(0, ioctl(c->vm, KVM_SIGNAL_MSI, &msi) > 0);
	msi.flags = 1U << 20;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SIGNAL_MSI, &msi));
}

/* --- routes --------------------------------------------------------------- */

struct routes {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entry[2];
};

static struct routes one_route(__u32 gsi, __u32 vector)
{
	return (struct routes) {
		.head.nr = 1,
		.entry[0] = {
			.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = MSI_ADDRESS, .data = vector },
		},
	};
}

TEST_F(irq, refused_routes)
{
	struct client *c = &self->c;
	struct routes good = one_route(GSI, VECTOR), bad;

	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &good));
	bad = good;
	bad.head.flags = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
	bad = good;
	bad.head.nr = 4097;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
	bad = good;
	bad.entry[0].gsi = 4096;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
	bad = good;
	bad.entry[0].type = 99;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
	bad = good;
	bad.entry[0].type = KVM_IRQ_ROUTING_IRQCHIP;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
	bad = good;
	bad.head.nr = 2;
	bad.entry[1] = bad.entry[0];
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_SET_GSI_ROUTING, &bad));
}

TEST_F(irq, line)
{
	struct kvm_irq_level line = { .irq = GSI, .level = 1 };
	struct client *c = &self->c;
	struct routes routes = one_route(GSI, VECTOR);

	start_waiting(c);
	EXPECT_PORT(c, 1);
	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &routes));
	ASSERT_EQ(0, ioctl(c->vm, KVM_IRQ_LINE_STATUS, &line));
	EXPECT_EQ(1, line.status);
	EXPECT_PORT(c, 0x40);
	line.level = 0;
	EXPECT_EQ(0, ioctl(c->vm, KVM_IRQ_LINE, &line));
	/* a GSI without a route */
	line.irq = GSI + 1;
	line.level = 1;
	ASSERT_EQ(0, ioctl(c->vm, KVM_IRQ_LINE_STATUS, &line));
	EXPECT_EQ(-1, line.status);
}

TEST_F(irq, irqfd)
{
	struct kvm_irqfd irqfd = { .gsi = GSI };
	struct client *c = &self->c;
	struct routes routes = one_route(GSI + 1, VECTOR);
	int fd = eventfd(0, EFD_CLOEXEC), again = dup(fd);

	start_waiting(c);
	EXPECT_PORT(c, 1);
	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &routes));
	irqfd.fd = fd;
	ASSERT_EQ(0, ioctl(c->vm, KVM_IRQFD, &irqfd));
	EXPECT_EQ(EBUSY, ioctl_errno(c->vm, KVM_IRQFD, &irqfd));
	irqfd.fd = again;
	EXPECT_EQ(EBUSY, ioctl_errno(c->vm, KVM_IRQFD, &irqfd));
	/* The route comes later, and may change. */
	routes = one_route(GSI, VECTOR);
	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &routes));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	EXPECT_PORT(c, 0x40);
	routes.entry[0].u.msi.data = 15;	/* no vector */
	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &routes));
	routes.entry[0].u.msi.data = VECTOR;
	ASSERT_EQ(0, ioctl(c->vm, KVM_SET_GSI_ROUTING, &routes));
	close(fd);
	ASSERT_EQ(0, eventfd_write(again, 1));
	EXPECT_PORT(c, 0x40);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, ioctl(c->vm, KVM_IRQFD, &irqfd));
	EXPECT_EQ(0, ioctl(c->vm, KVM_IRQFD, &irqfd));
	irqfd.flags = 1U << 20;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_IRQFD, &irqfd));
	irqfd.flags = 0;
	irqfd.fd = c->dev;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_IRQFD, &irqfd));
	irqfd.fd = 450;
	EXPECT_EQ(EBADF, ioctl_errno(c->vm, KVM_IRQFD, &irqfd));
	close(again);
}

/* --- doorbells ------------------------------------------------------------ */

GUEST32(bells,
	"mov $0x500, %dx\n mov $7, %al\n out %al, %dx\n"
	"mov $8, %al\n out %al, %dx\n"
	"movl $1, 0x10000000\n out %al, $2\n hlt");

TEST_F(irq, doorbells)
{
	struct kvm_ioeventfd bell = {
		.addr = BELL_PORT, .len = 1, .datamatch = 7,
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	struct client *c = &self->c;
	eventfd_t value;

	bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, ioctl(c->vm, KVM_IOEVENTFD, &bell));
	EXPECT_EQ(EEXIST, ioctl_errno(c->vm, KVM_IOEVENTFD, &bell));
	bell.flags = 0;
	bell.addr = BELL_MMIO;
	bell.len = 0;
	ASSERT_EQ(0, ioctl(c->vm, KVM_IOEVENTFD, &bell));
	client_load(c, bells);
	client_start(c, 32);
	/* 7 rings, 8 does not, the device write does */
	EXPECT_PORT(c, BELL_PORT);
	EXPECT_EQ(8, *(__u8 *)client_io_data(c));
	EXPECT_PORT(c, 2);
	ASSERT_EQ(0, eventfd_read(bell.fd, &value));
	EXPECT_EQ(2ULL, value);
	bell.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, ioctl(c->vm, KVM_IOEVENTFD, &bell));
	EXPECT_EQ(ENOENT, ioctl_errno(c->vm, KVM_IOEVENTFD, &bell));
	client_start(c, 32);
	EXPECT_PORT(c, BELL_PORT);
	CLIENT_EXPECT(c, MMIO);
	bell.flags = 1U << 20;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_IOEVENTFD, &bell));
	bell.flags = 0;
	bell.len = 3;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_IOEVENTFD, &bell));
	close(bell.fd);
}

/* --- the local APIC ------------------------------------------------------- */

#define REG(page, offset)	(*(__u32 *)((page)->regs + (offset)))

TEST_F(irq, lapic)
{
	struct client *c = &self->c;
	struct kvm_lapic_state in, out;

	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_LAPIC, &in));
	EXPECT_EQ(0U, REG(&in, 0x20));
	EXPECT_EQ(0x14U, REG(&in, 0x30) & 0xff);
	REG(&in, 0x80) = 0x20;
	REG(&in, 0xf0) = 0x1ff;
	REG(&in, 0x200 + VECTOR / 32 * 16) = 1U << (VECTOR % 32);
	REG(&in, 0x320) = 0x10040;
	REG(&in, 0x350) = 0x700;
	REG(&in, 0x380) = 0x1000;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_LAPIC, &in));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_LAPIC, &out));
	EXPECT_EQ(0x20U, REG(&out, 0x80));
	EXPECT_EQ(0x1ffU, REG(&out, 0xf0));
	EXPECT_EQ(1U << (VECTOR % 32), REG(&out, 0x200 + VECTOR / 32 * 16));
	EXPECT_EQ(0x10040U, REG(&out, 0x320));
	EXPECT_EQ(0x700U, REG(&out, 0x350));
	EXPECT_EQ(0x1000U, REG(&out, 0x380));
}

/* What QEMU sets at reset: no version, LINT0 of the first vCPU open */
TEST_F(irq, lapic_of_qemu)
{
	struct kvm_lapic_state page = { .regs = { 0 } };
	struct client *c = &self->c;

	REG(&page, 0xe0) = ~0U;
	REG(&page, 0xf0) = 0xff;
	for (unsigned int lvt = 0x320; lvt <= 0x370; lvt += 16)
		REG(&page, lvt) = 0x10000;
	REG(&page, 0x350) = 0x700;
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_SET_LAPIC, &page));
	/* as KVM does, whatever is in the page */
	memset(&page, 0xff, sizeof(page));
	REG(&page, 0x20) = 0;
	EXPECT_EQ(0, ioctl(c->vcpu, KVM_SET_LAPIC, &page));
}

static void *run_main(void *arg)
{
	struct client *c = arg;

	return (void *)(long)client_run(c);
}

/* A vCPU halts in the kernel even with interrupts off: an NMI is then all that helps. */
TEST_F(irq, halted)
{
	struct kvm_msi nmi = { .address_lo = MSI_ADDRESS, .data = 4 << 8 };
	__u64 gate = (HANDLER & 0xffff) | 8 << 16 | 0x8e00ULL << 32;
	struct kvm_mp_state mp_state;
	struct client *c = &self->c;
	pthread_t thread;
	void *ret;

	set_tables(c);
	memcpy(c->mem + IDT + 2 * 8, &gate, sizeof(gate));
	client_load(c, wait);
	/* the waiting guest with CLI in place of STI */
	for (int i = 0; i < 64; i++)
		if (c->mem[TEST_CODE + i] == 0xfb)
			c->mem[TEST_CODE + i] = 0xfa;
	client_start(c, 32);
	EXPECT_PORT(c, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_main, c));
	usleep(20000);
	EXPECT_EQ(1, ioctl(c->vm, KVM_SIGNAL_MSI, &nmi));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ((__u32)KVM_EXIT_IO, c->run->exit_reason);
	EXPECT_EQ(0x40, c->run->io.port);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_MP_STATE, &mp_state));
	EXPECT_EQ((__u32)KVM_MP_STATE_RUNNABLE, mp_state.mp_state);
	mp_state.mp_state = KVM_MP_STATE_HALTED;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_MP_STATE, &mp_state));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_MP_STATE, &mp_state));
	EXPECT_EQ((__u32)KVM_MP_STATE_HALTED, mp_state.mp_state);
}

/* The second vCPU starts with INIT and STARTUP of the first. */
GUEST32(starts_other,
	"movl $0x1ff, 0xfee000f0\n"
	"movl $0x1000000, 0xfee00310\n movl $0x4500, 0xfee00300\n"
	"movl $0x1000000, 0xfee00310\n movl $0x4609, 0xfee00300\n"
	"out %al, $1\n hlt");
GUEST16(other, "out %al, $9\n hlt");

TEST_F(irq, startup)
{
	struct kvm_mp_state mp_state;
	struct client *c = &self->c, second = *c;
	int err;

	second.vcpu = ioctl(c->vm, KVM_CREATE_VCPU, 1);
	ASSERT_LE(0, second.vcpu);
	second.run = mmap(NULL, c->mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, second.vcpu, 0);
	ASSERT_NE(MAP_FAILED, second.run);
	ASSERT_EQ(0, ioctl(second.vcpu, KVM_GET_MP_STATE, &mp_state));
	EXPECT_EQ((__u32)KVM_MP_STATE_UNINITIALIZED, mp_state.mp_state);
	memcpy(c->mem + 0x9000, guest_other, guest_other_end - guest_other);
	client_load(c, starts_other);
	client_start(c, 32);
	EXPECT_PORT(c, 1);
	/* KVM returns EAGAIN when the wait ends. */
	do
		err = client_run(&second);
	while (err == EAGAIN);
	EXPECT_EQ(0, err);
	EXPECT_EQ((__u32)KVM_EXIT_IO, second.run->exit_reason);
	EXPECT_EQ(9, second.run->io.port);
	munmap(second.run, c->mmap_bytes);
	close(second.vcpu);
}

TEST_HARNESS_MAIN
