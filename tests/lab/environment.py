"""What a daemon takes for granted of its system, and what can be taken away from it: a small disk for its run
directory, /sys, and a syslog.

All of it is mounted in the host's own mount namespace, `lab.host(mounts=True)`: nothing outside sees it, and it goes
with the last process in it.
"""

import contextlib
import os
import socket

from netns import wait_until

RUN_BYTES = 256 << 10
SYSLOG = "/dev/log"


class Environment:
    """Of a host whose daemon was not started yet."""

    def __init__(self, host):
        self.host, self.syslog = host, None
        self.spoiled, self.sys_hidden = None, False  # the run directory takes nothing: why
        host.ns.run("sh", "-c", f"""
            mkdir -p /run/root/run/ipmp /run/root/etc/default &&
            mount -t tmpfs -o size={RUN_BYTES},mode=755 tmpfs /run/root/run/ipmp""")
        with self._keeper("/run/root", os.O_RDONLY | os.O_DIRECTORY) as root:
            os.dup2(root, host.ns.root_fd, inheritable=False)
        host.configure()

    @contextlib.contextmanager
    def _keeper(self, path, flags):
        """A descriptor of a file as the host's processes see it."""
        process = self.host.ns.popen("cat", stdin=-1)
        try:
            fd = os.open(f"/proc/{process.pid}/root{path}", flags | os.O_CLOEXEC)
            yield fd
            os.close(fd)
        finally:
            process.communicate()

    # The run directory

    @property
    def run(self):
        return self.host.ns.root / "run/ipmp"

    def fill_disk(self):
        with open(self.run / "filling", "wb", buffering=0) as filling, contextlib.suppress(OSError):
            while filling.write(bytes(4096)):
                pass
        self.spoiled = "full"

    def make_read_only(self):
        """The kernel refuses while a file is being written."""
        wait_until(lambda: self.host.ns.run("mount", "-o", "remount,ro", "/run/root/run/ipmp",
                                            check=False).returncode == 0, 5, "the run directory is read-only")
        self.spoiled = "read-only"

    def mend(self):
        if self.spoiled == "read-only":
            self.host.ns.run("mount", "-o", "remount,rw", "/run/root/run/ipmp")
        (self.run / "filling").unlink(missing_ok=True)
        self.spoiled = None

    # /sys, and bpffs with it

    def hide_sys(self):
        self.host.ns.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/sys")
        self.sys_hidden = True

    def show_sys(self):
        self.host.ns.run("umount", "/sys")
        self.sys_hidden = False

    # syslog

    def own_devices(self):
        """A /dev with what programs need, and room for SYSLOG."""
        self.host.ns.run("sh", "-c", """
            mkdir /run/dev && mount --rbind /dev /run/dev && mount -t tmpfs tmpfs /dev &&
            for name in null zero random urandom; do
                touch /dev/$name && mount --bind /run/dev/$name /dev/$name || exit
            done""")

    def start_syslog(self):
        """A syslogd that takes no message before it is asked to."""
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        with self._keeper("/dev", os.O_RDONLY | os.O_DIRECTORY) as devices:
            self.syslog.bind(f"/proc/self/fd/{devices}/log")

    def take_messages(self):
        lines = []
        with contextlib.suppress(BlockingIOError):
            while True:
                lines.append(self.syslog.recv(8192).decode())
        return lines
