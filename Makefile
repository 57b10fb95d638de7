# SPDX-License-Identifier: GPL-2.0-only
#
# All targets of this tree; see "make help". Kbuild describes the module; the scripts in
# selftests/vm/ handle kernels, packages and the test machine.

KERNEL ?= stock
PREFIX ?= /usr/local
CC ?= gcc
PYTHON ?= python3 -B
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
silent = $(findstring s,$(firstword -$(MAKEFLAGS)))
note = $(if $(filter 1,$(V))$(silent),,@printf '  %-7s %s\n' $(1) $(2))

VM = selftests/vm
RUNNER = selftests/runner
B = build
DEPS = build vm $(filter bochs,$(KERNEL))

export KDIR QEMU TESTS V

# Scripts search compilers' messages, and print guests' output
export LC_ALL = C.UTF-8
unexport LANGUAGE

all: module-host tools

# --- the module ------------------------------------------------------------

MODULE_MAKE = V=$(V) $(if $(filter 1,$(V)),,-s)

module-host:
	+$(Q)$(VM)/deps.sh build
	+$(Q)$(VM)/module.sh host $(MODULE_MAKE)

module-stock module-debug module-bochs: module-%: deps
	+$(Q)$(VM)/module.sh $* $(MODULE_MAKE)

module: module-$(KERNEL)

deps:
	$(Q)$(VM)/deps.sh $(DEPS)

# One after the other, as apt does not run twice at a time
deps-tests: deps
	$(Q)$(VM)/deps.sh tests

# --- programs --------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes \
	   -Werror=int-conversion -Werror=incompatible-pointer-types
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iinclude/uapi -Itools/lib -Itools/chips -Imodule
CFLAGS ?= -O2 -g
ALL_CFLAGS = $(CPPFLAGS) $(WARNINGS) $(CFLAGS) -MMD -MP

LIB = $(B)/lib/libsvmvcpu.a
LIB_SOURCES := $(wildcard tools/lib/*.c)
LIB_OBJECTS = $(LIB_SOURCES:%.c=$(B)/obj/%.o)
CHIP_SOURCES := $(wildcard tools/chips/*.c)
CHIP_OBJECTS = $(CHIP_SOURCES:%.c=$(B)/obj/%.o)
CHIP_LIB = $(B)/lib/libchips.a
VCPUCTL_OBJECTS = $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/vcpuctl/*.c))
TOOLS = $(if $(VCPUCTL_OBJECTS),$(B)/tools/vcpuctl)

# Fragments add GUESTS, HOST_TESTS (programs that print TAP), TOOL_LIBS, and
# the rules that make them
-include selftests/guests/Makefile.inc
-include $(wildcard tools/*/Makefile.inc)

$(B)/obj/%.o: %.c
	$(call note,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(LIB_OBJECTS)
$(CHIP_LIB): $(CHIP_OBJECTS)

$(LIB) $(CHIP_LIB):
	$(call note,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# Some distributions have no static C library
STATIC := $(if $(wildcard $(shell $(CC) -print-file-name=libc.a)),-static)

# Not static: Debian has only the shared Zydis
$(B)/tools/vcpuctl: $(VCPUCTL_OBJECTS) $(CHIP_LIB) $(INSN_LIB) $(LIB)
	$(call note,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -pthread -o $@ $^ -lZydis $(TOOL_LIBS)

lib: $(LIB) $(CHIP_LIB)
tools: $(TOOLS)
guests: $(GUESTS)

# The test programs, as selftests/Makefile names them
AREAS = $(filter-out guests lib runner vm, \
	$(patsubst selftests/%/,%,$(wildcard selftests/*/)))
SELFTESTS = $(addprefix $(B)/selftests/bin/,$(subst /,_,$(patsubst selftests/%.c,%, \
	$(wildcard selftests/*.c $(AREAS:%=selftests/%/*.c)))))

# The kernel's selftests have the harness and lib.mk
KSELFTEST = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/svmvcpu/linux-source-6.1
KSELFTEST := $(KSELFTEST)/tools/testing/selftests

# With KSELFTEST= Debian's kernel source is not needed
HARNESS_PACKAGES = $(if $(filter file,$(origin KSELFTEST)),$(if $(SELFTESTS),source))

# A link, so that "sudo make install", with another HOME, builds nothing again
HARNESS = $(B)/kselftest/lib.mk

$(HARNESS):
	$(Q)test -e "$(KSELFTEST)/lib.mk" || $(VM)/kernel.sh harness
	@mkdir -p $(B)
	$(Q)ln -sfn "$$(realpath "$(KSELFTEST)")" $(B)/kselftest

# The libraries first: selftests/Makefile makes them too, and two makes must not build
# them at the same time
selftests: lib $(HARNESS)
	+$(Q)$(if $(SELFTESTS),$(MAKE) --no-print-directory -C selftests CC="$(CC)" \
		KSFT=../$(B)/kselftest)

-include $(LIB_OBJECTS:.o=.d) $(CHIP_OBJECTS:.o=.d) $(VCPUCTL_OBJECTS:.o=.d)

# --- the test machine ------------------------------------------------------

# initramfs packs what has been built; image builds it first
image: module tools guests selftests
	$(Q)$(VM)/initramfs.sh $(KERNEL)

initramfs:
	$(Q)$(VM)/initramfs.sh $(KERNEL)

image-stock image-debug image-bochs: image-%: module-% tools guests selftests
	$(Q)$(VM)/initramfs.sh $*

vm: module tools guests
	$(Q)$(VM)/initramfs.sh $(KERNEL)
	$(Q)$(PYTHON) $(VM)/run.py --kernel $(KERNEL)

demo: module-stock tools guests
	$(Q)$(VM)/initramfs.sh stock
	$(Q)$(PYTHON) $(VM)/run.py --quiet --smp 1 --timeout 600 -- sh /vm/demo.sh

# --- tests -----------------------------------------------------------------

CHECK = $(PYTHON) $(RUNNER)/check.py --tests "$(TESTS)" \
	$(addprefix --host-test=,$(HOST_TESTS))

# Packages first, as the build needs them
check:
	$(Q)$(VM)/deps.sh build vm bochs source lint docs tests
	+$(Q)$(VM)/build.sh image-stock image-debug image-bochs
	$(Q)$(CHECK) --lint

check-quick:
	$(Q)$(VM)/deps.sh build vm source tests
	+$(Q)$(VM)/build.sh image-stock
	$(Q)QUICK=1 $(CHECK) --kernels stock

check-bochs:
	$(Q)$(VM)/deps.sh build vm bochs source
	+$(Q)$(VM)/build.sh image-bochs
	$(Q)$(PYTHON) $(RUNNER)/check.py --tests "$(TESTS)" --kernels bochs

# Duration of the memory stress in seconds
SOAK ?= 3600
SPLATS = 'BUG:|WARNING: (CPU|possible|suspicious)|Oops|rcu.*(stall|detected)'

soak: image
	$(Q)$(PYTHON) $(VM)/run.py --kernel $(KERNEL) --quiet --timeout $$(($(SOAK) + 1800)) -- \
		"export STRESS_SECONDS=$$(($(SOAK) / 3)); /tests/mem_stress && /tests/mem_chaos && \
		 ! dmesg | grep -E $(SPLATS)"

# Instruction counts are exact, so one run suffices; times need several
bench:
	$(Q)$(VM)/deps.sh build vm source tests bench
	+$(Q)$(VM)/build.sh image-stock
	$(Q)$(PYTHON) tools/bench/bench.py

bench-wall:
	$(Q)$(VM)/deps.sh build vm source tests bench
	+$(Q)$(VM)/build.sh image-stock
	$(Q)$(PYTHON) tools/bench/bench.py --wall 3

# Compared with the rows of the last "make bench"
bench-bochs:
	$(Q)$(VM)/deps.sh build vm bochs source tests bench
	+$(Q)$(VM)/build.sh image-stock
	$(Q)$(PYTHON) tools/bench/bench.py --bochs

host-tests:
	$(Q)$(VM)/deps.sh build tests
	$(Q)$(CHECK) --kernels ""

lint:
	$(Q)$(VM)/deps.sh build vm source lint docs
	+$(Q)tools/checks/lint.sh

# --- documents -------------------------------------------------------------

docs:
	$(Q)$(VM)/deps.sh build source docs
	$(Q)tools/docs/render.sh html $(B)/docs
	$(call note,HTML,$(B)/docs/index.html)

# --- the rest --------------------------------------------------------------

MAN = $(wildcard Documentation/man/*.[1-9])

# Paths may contain blanks: recipes quote them
INSTALL_PREFIX = $(DESTDIR)$(PREFIX)
INSTALL_LIB = $(INSTALL_PREFIX)/lib/svmvcpu
INSTALL_TOOLS = $(TOOLS) $(HWCHECK)

# What install-programs copies. Packages first, in a shell of its own; no emulator
# is needed. "SELFTESTS=" leaves the test programs out.
programs:
	$(Q)$(VM)/deps.sh build $(HARNESS_PACKAGES) tests
	+$(Q)$(MAKE) --no-print-directory DEPS=build tools selftests

# All but the module
install-programs: programs
	$(Q)for tool in $(INSTALL_TOOLS); do \
		install -D -m 755 $$tool \
			"$(INSTALL_PREFIX)/bin/$${tool##*/}" || exit; done
	$(Q)for page in $(MAN); do \
		install -D -m 644 $$page \
			"$(INSTALL_PREFIX)/share/man/man$${page##*.}/$${page##*/}" || \
			exit; done
	$(Q)install -D -m 644 include/uapi/linux/svmvcpu.h \
		"$(INSTALL_PREFIX)/include/linux/svmvcpu.h"
	$(Q)install -D -m 755 $(KVM_LIB) "$(INSTALL_PREFIX)/lib/$(notdir $(KVM_LIB))"
	$(Q)rm -rf "$(INSTALL_LIB)"
	$(Q)install -d "$(INSTALL_LIB)"
	$(Q)install -m 755 $(BENCHES) "$(INSTALL_LIB)"
	$(Q)install -m 644 $(HWCHECK_TABLES) "$(INSTALL_LIB)"
	$(Q)$(if $(SELFTESTS),install -d "$(INSTALL_LIB)/tests")
	$(Q)$(if $(SELFTESTS),install -m 755 $(SELFTESTS) "$(INSTALL_LIB)/tests")

# After "make all programs" everything is up to date and only copied
install: install-programs
	+$(Q)$(MAKE) --no-print-directory module-host
	+$(Q)test -e $(B)/host/kdir || \
		{ echo "no headers for kernel $$(uname -r): all but the module is installed;" \
		"install the headers, or give KDIR=DIR"; exit 1; }
	+$(Q)$(MAKE) -C $(B)/host/kdir M=$(CURDIR)/$(B)/host/src \
		CONFIG_MODULE_SIG_ALL= \
		$(if $(DESTDIR),INSTALL_MOD_PATH="$(DESTDIR)") modules_install

uninstall:
	$(Q)for tool in $(INSTALL_TOOLS); do \
		rm -f "$(INSTALL_PREFIX)/bin/$${tool##*/}" || exit; done
	$(Q)for page in $(MAN); do \
		rm -f "$(INSTALL_PREFIX)/share/man/man$${page##*.}/$${page##*/}" || \
			exit; done
	$(Q)rm -f "$(INSTALL_PREFIX)/include/linux/svmvcpu.h" \
		"$(INSTALL_PREFIX)/lib/$(notdir $(KVM_LIB))"
	$(Q)rm -rf "$(INSTALL_LIB)"
	@echo "Not removed: svmvcpu.ko below /lib/modules (remove it and run depmod),"
	@echo "installed packages, and $${XDG_CACHE_HOME:-~/.cache}/svmvcpu"

clean:
	rm -rf $(B)

help:
	@cat $(VM)/help.txt

.PHONY: all module module-host module-stock module-debug module-bochs \
	deps deps-tests lib tools guests selftests image initramfs image-stock \
	image-debug image-bochs vm demo check check-quick check-bochs soak \
	bench bench-wall bench-bochs host-tests lint docs programs install install-programs \
	uninstall clean \
	help
