# SPDX-License-Identifier: GPL-2.0-only
"""The test machine that is Bochs: an implementation of SVM that shares no code with
QEMU's, and has features that QEMU lacks (next RIP, flush by ASID).

It boots an ISO image of isolinux, the kernel and the initramfs. Its time is counted in
instructions: waiting costs nothing.
"""

import os
import re
import subprocess
import tempfile

import vm

ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
LDLINUX = "/usr/lib/syslinux/modules/bios/ldlinux.c32"

SMP = "2"
MEM = "512"

# clearcpuid=221, MWAITX: Linux waits with it, and Bochs 2.7 has no timer that ends the
# wait. 321 and 323, XSAVEC and XSAVES: XRSTOR does not restore the YMM registers that
# they save. reboot=k: a reset that ends() can see; after a triple fault Bochs would hang.
# svmvcpu.bochs: for the tests.
WORDS = ("console=ttyS0,115200 edd=off nokaslr clearcpuid=221,321,323 reboot=k "
         "svmvcpu.bochs")

# Bochs calls a triple fault, also of a guest, a "panic": it must continue.
CONFIG = """\
megs: {mem}
cpu: model=ryzen, count={smp}, ips=50000000, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
boot: cdrom
ata0-master: type=cdrom, path={dir}/cd.iso, status=inserted
{serial}
display_library: rfb, options="timeout=0"
clock: sync=none, time0=1700000000
log: {dir}/log
panic: action=report{panics}
error: action=ignore
info: action=ignore
debug: action=ignore
plugin_ctrl: speaker=0, e1000=0, sb16=0, unmapped=1
"""

MENU = """\
default linux
prompt 0
label linux
  kernel /vmlinuz
  append initrd=/initrd {cmdline}
"""

# Its debugger stops at each "panic": commands to continue.
CONTINUE = "c\n" * 100000

CHATTER = re.compile(r"\d+i\[|\s*$")
HALTED = "reboot: System halted"
BOOTING = "Linux version "


class Bochs(vm.Machine):
    """Bochs cannot switch itself off: ends() recognizes the last line."""

    HANGS_AT_START = True

    def __init__(self, kernel, job=None, *, smp=None, mem=None, append=""):
        super().__init__(kernel, job, f"{WORDS} {append}")
        self.smp = smp or SMP
        self.mem = mem or MEM
        self.dir = tempfile.TemporaryDirectory(prefix="svmvcpu-bochs-")
        self.booted = False

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def make_iso(self):
        menu = self.write("isolinux.cfg", MENU.format(cmdline=self.cmdline))
        made = subprocess.run(
            ["xorriso", "-as", "mkisofs", "-quiet", "-o", self.path("cd.iso"),
             "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
             "-boot-load-size", "4", "-boot-info-table", "-graft-points",
             f"isolinux.bin={ISOLINUX}", f"ldlinux.c32={LDLINUX}",
             f"isolinux.cfg={menu}", f"initrd={self.initrd.name}",
             f"vmlinuz={os.path.realpath(self.kernel)}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        if made.returncode:
            raise OSError(f"no ISO image: {made.stdout}")

    def command(self, serial):
        self.make_iso()
        lines = "\n".join(f"com{number}: enabled=1, mode=file, dev={path}"
                          for number, path in enumerate(serial, 1))
        config = self.write("bochsrc", CONFIG.format(
            mem=self.mem, smp=self.smp, dir=self.dir.name, serial=lines,
            panics="".join(f", cpu{i}=report" for i in range(int(self.smp)))))
        return ["bochs", "-q", "-f", config,
                "-rc", self.write("continue", CONTINUE)]

    def worth_saying(self, complaint):
        """Omit messages from before the log is open."""
        return not CHATTER.match(complaint)

    def ends(self, line):
        """Halted, or about to boot again after a panic?"""
        if not line.kernel:
            return False
        again = self.booted and BOOTING in line.text
        self.booted |= BOOTING in line.text
        return again or HALTED in line.text

    def __exit__(self, *how):
        super().__exit__(*how)
        self.dir.cleanup()
