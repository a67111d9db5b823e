# SPDX-License-Identifier: GPL-2.0-only
#
# Everything is built from kernel headers; `make help` lists the targets.

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KDIR	?= /lib/modules/$(shell uname -r)/build
W	?= 1
PREFIX	?= /usr/local
DESTDIR	?=

CFLAGS	?= -O2 -g
WARN	:= -Wall -Wextra -Werror

sbindir	:= $(DESTDIR)$(PREFIX)/sbin
incdir	:= $(DESTDIR)$(PREFIX)/include/linux
mandir	:= $(DESTDIR)$(PREFIX)/share/man/man8
compdir	:= $(DESTDIR)$(PREFIX)/share/bash-completion/completions

kbuild	= $(MAKE) -C $(KDIR) M=$(CURDIR)

.DEFAULT_GOAL := all
.PHONY: all modules tools install install-modules install-tools clean help \
	sparse checkpatch check-tools check check-debug check-long check-matrix \
	check-migrate check-deb deb stress fuzz demo bench bench-full FORCE

help:
	@sed -n 's/^#: \?//p' $(CURDIR)/Makefile

#: Targets
#:   all              modules and tools (the default)
#:   modules          mpassthru.ko and vhost_mp.ko
#:   tools            tools/mpctl
#:   install          modules and tools; also install-modules, install-tools
#:   deb              Debian packages: build/deb/RELEASE, RELEASE=12, 13 or sid (13)
#:   clean            remove everything that was built
#: Tests
#:   check            the tests that every change must pass
#:   check-debug      those in VMs on a kernel with KASAN, lockdep and kmemleak: hours
#:   check-long       guests on softnic, a million round trips and others in proportion: an hour
#:   check-matrix     each Debian release, NIC driver and receive mode: build/matrix/matrix.md
#:   check-migrate    live migration under load, to and fro
#:   check-deb        installs them in a clean system, upgrades its kernel, removes them
#:   stress           all at random: MINUTES=30, SEED=N for the same once more
#:   fuzz             rings, memory tables and headers for SECONDS (600) each
#:   check-tools      those of mpctl only: seconds, no kernel needed
#:   sparse           static analysis of the modules; any message fails
#:   checkpatch       the kernel's coding style; any message fails
#:   demo             an emulated host with a guest on mpassthru
#:   bench            beside its peers: bench/report.md, in 40 minutes
#:   bench-full       all of that, in some hours
#: Variables
#:   KDIR=DIR         kernel build tree (/lib/modules/RUNNING KERNEL/build)
#:   OUT=DIR          build there and leave this directory as it is
#:   W=LEVEL          kernel warning level (1)
#:   LLVM=1           build the modules with clang
#:   CC, CFLAGS       compiler and its flags for the tools; CC also for modules
#:   PREFIX, DESTDIR  where to install (/usr/local, below /)

ifneq ($(OUT),)

# A farm of links to a clean source is what every supported kbuild can build in.
sources := Makefile Kbuild dkms.conf LICENSE include compat mpassthru vhost-mp \
	   tools docs scripts tests

all modules tools install install-modules install-tools sparse check-tools: FORCE
	@! find $(addprefix $(CURDIR)/,$(sources)) -name '*.o' -o -name '*.mod' -o -name modules.order \
		-o -path '*/compat/config.h' | grep . || \
		{ echo "OUT= needs a clean source: make clean" >&2; exit 1; }
	@mkdir -p $(OUT)
	@find $(OUT) -type l -delete
	@cp -rsf $(addprefix $(CURDIR)/,$(sources)) $(OUT)/
	$(MAKE) -C $(OUT) OUT= $@

else

all: modules tools

modules: compat/config.h
	+$(kbuild) W=$(W) modules

# the script knows whether there is anything to do
compat/config.h: FORCE
	+@MAKE='$(MAKE)' compat/probe.sh $(KDIR) $@

tools check-tools: FORCE
	$(MAKE) -C tools VERSION='$(VERSION)' CFLAGS='$(CFLAGS)' \
		WARN='$(WARN)' $(if $(filter check-tools,$@),check)

install: install-modules install-tools

install-modules: modules
	+$(kbuild) INSTALL_MOD_PATH=$(DESTDIR) modules_install

install-tools: tools
	install -D -m 755 tools/mpctl $(sbindir)/mpctl
	install -D -m 644 include/uapi/linux/mpassthru.h $(incdir)/mpassthru.h
	install -D -m 644 docs/man/mpctl.8 $(mandir)/mpctl.8
	install -D -m 644 tools/mpctl.bash-completion $(compdir)/mpctl

sparse: compat/config.h
	+@MAKE='$(MAKE)' scripts/sparse $(KDIR)

endif

checkpatch:
	scripts/checkpatch $(KDIR)

check demo:
	scripts/$@

check-debug:
	scripts/check debug-long
	scripts/check --debug

check-long:
	scripts/check softnic-layouts softnic-offloads long-notify

check-matrix:
	scripts/matrix

check-migrate:
	scripts/check migrate

deb check-deb:
	scripts/$@ $(RELEASE)

stress:
	MINUTES=$(or $(MINUTES),30) SEED=$(SEED) scripts/check stress stress-guests

fuzz:
	scripts/lab exec 13 -- make -C tests/fuzz $@ SECONDS=$(or $(SECONDS),600)

bench:
	bench/run

bench-full:
	bench/run --full

clean:
	+$(if $(wildcard $(KDIR)),$(kbuild) clean)
	$(MAKE) -C tools clean
	rm -rf compat/.probe compat/config.h
