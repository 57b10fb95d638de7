# SPDX-License-Identifier: GPL-2.0-only
"""The host's side of the test machine.

Machine boots a kernel with the initramfs in an emulator, passes it a job (a shell
script) and yields its output line by line. run.py uses it for single commands,
check.py for the test suite; the other side is init. qemu.py and bochs.py have what
differs between the emulators.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))

# An oops ends the machine at once, with a complete trace, instead of leaving locks
# held. The 256 legacy pseudoterminals are unused, and the debug kernel takes a tenth of
# a second for each. On a busy host the kernel's test of the timer interrupt can fail,
# and the kernel would panic: it is skipped.
CMDLINE = ("console=ttyS0 loglevel=5 printk.devkmsg=on panic=-1 oops=panic "
           "kunit.enable=1 pty.legacy_count=0 no_timer_check")

MARK = "\036"


class Line:
    """One line of output; kernel: it is from the kernel's console."""

    def __init__(self, kernel, text):
        self.kernel = kernel
        self.text = text
        self.mark = text[1:] if text.startswith(MARK) else None


def cpio_entry(name, mode, data):
    """One file of a newc archive."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + path
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def overlay(files):
    """A newc archive of {name: text}, to follow the initramfs."""
    out = b"".join(cpio_entry(name, 0o100755, text.encode())
                   for name, text in files.items())
    return out + cpio_entry("TRAILER!!!", 0, b"")


def die_with_parent():
    """In the emulator's process: end it when the runner ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Machine:
    """A context manager; leaving it ends the emulator."""

    HANGS_AT_START = False      # sometimes, because of a bug of the emulator

    def __init__(self, kernel, job, append, archive=None):
        """archive: NAME of build/<kernel>/NAME.cpio, which follows the initramfs."""
        build = os.path.join(TOP, "build", kernel)
        self.kernel = os.path.join(build, "kernel", "vmlinuz")
        self.archives = [os.path.join(build, f"{name}.cpio")
                         for name in ("initramfs", archive) if name]
        self.job = job
        self.cmdline = " ".join(f"{CMDLINE} {append}".split())
        self.process = None
        self.complaints = None
        self.initrd = None
        self.selector = selectors.DefaultSelector()

    def command(self, serial):
        """The emulator's command line, with these files as ttyS0, ttyS1."""
        raise NotImplementedError

    def worth_saying(self, _complaint):
        """Print this line of the emulator's standard error?"""
        return True

    def ends(self, _line):
        """Is this line the last? An emulator that exits needs none."""
        return False

    def make_initrd(self):
        self.initrd = tempfile.NamedTemporaryFile(prefix="svmvcpu-initrd-")
        for path in self.archives:
            with open(path, "rb") as archive:
                while chunk := archive.read(1 << 20):
                    self.initrd.write(chunk)
        if self.job is not None:
            self.initrd.write(overlay({"vm/job": self.job}))
        self.initrd.flush()

    def pass_complaints(self, stream):
        for line in stream:
            if self.worth_saying(line):
                print(line, end="", file=sys.stderr, flush=True)

    def start(self, serial, **how):
        self.make_initrd()
        self.process = subprocess.Popen(
            self.command(serial), preexec_fn=die_with_parent,
            stderr=subprocess.PIPE, text=True, errors="replace", **how)
        self.complaints = threading.Thread(
            target=self.pass_complaints, args=(self.process.stderr,))
        self.complaints.start()

    def __enter__(self):
        # the kernel's console and the job's output, a pipe each
        writers = []
        for is_kernel in (True, False):
            reader, writer = os.pipe()
            writers.append(writer)
            self.selector.register(reader, selectors.EVENT_READ,
                                   [is_kernel, b""])
        self.start([f"/dev/fd/{writer}" for writer in writers],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   pass_fds=writers)
        for writer in writers:
            os.close(writer)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.complaints.join()
        for key in list(self.selector.get_map().values()):
            os.close(key.fd)
        self.selector.close()
        self.initrd.close()

    def lines(self, deadline):
        """Yield Lines until the machine ends, and None when there is no new line, so
        that the caller can look at the clock. deadline is a function; past the time
        it returns: TimeoutError."""
        while self.selector.get_map():
            left = deadline() - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _ in self.selector.select(min(left, 1.0)):
                for line in self.read(key):
                    if self.ends(line):
                        return
                    yield line
            yield None

    def read(self, key):
        is_kernel, rest = key.data
        chunk = os.read(key.fd, 65536)
        if not chunk:
            self.selector.unregister(key.fd)
            os.close(key.fd)
            chunk = b"\n" if rest else b""
        *whole, rest = (rest + chunk).split(b"\n")
        key.data[1] = rest
        for line in whole:
            text = line.decode(errors="replace").rstrip("\r")
            yield Line(is_kernel, text)
