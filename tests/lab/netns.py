"""Network namespaces that cannot outlive the process that made them.

A Namespace is held by a file descriptor of this process and has no name anywhere. Its children are started inside it
and die with this process, however that ends (PR_SET_PDEATHSIG). So a laboratory that is killed -9 leaves nothing.

Everything here runs in the main thread: setns() changes one thread only, and PR_SET_PDEATHSIG watches the thread
that forked. Namespaces are entered through ctypes, as Python 3.11 has no os.setns.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import time

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000
PR_SET_PDEATHSIG = 1
FSCONFIG_CMD_CREATE = 6

# How many times as long as on an ordinary machine things may take; ./check --vm says so in its emulated machine. Every
# deadline of wait_until() and run() is stretched by it, and so is every limit on milliseconds in the tests.
PATIENCE = float(os.environ.get("IPMP_PATIENCE", "1"))

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def setns(fd, kind):
    _checked(_libc.setns(fd, kind), "setns")


def detached_tmpfs():
    """A descriptor of the root of a tmpfs that is mounted nowhere and vanishes with it; works in any chroot."""
    context = _libc.fsopen(b"tmpfs", 1)
    if context < 0 or _libc.fsconfig(context, FSCONFIG_CMD_CREATE, None, None, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a tmpfs")
    root = _libc.fsmount(context, 1, 0)
    os.close(context)
    if root < 0:
        raise OSError(ctypes.get_errno(), "cannot mount a tmpfs")
    return root


def private_mounts():
    """A descriptor of a mount namespace with a /run of its own: what is mounted in it vanishes with it."""
    keeper = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                               "mount -t tmpfs tmpfs /run && echo ready && read end"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if keeper.stdout.readline() != "ready\n":
            raise RuntimeError("cannot make a mount namespace")
        return os.open(f"/proc/{keeper.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        keeper.communicate("end\n")


def build_dir():
    """Where the programs were built; IPMP_BUILD overrides the tree's own build/."""
    return pathlib.Path(os.environ.get("IPMP_BUILD") or pathlib.Path(__file__).resolve().parents[2] / "build")


def wait_until(predicate, timeout_s, what):
    """Polls until predicate() is true and returns its value; TimeoutError after timeout_s, PATIENCE times."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s * PATIENCE:g} s: {what}")
        time.sleep(0.01)


class CommandFailed(RuntimeError):
    def __init__(self, argv, result):
        self.returncode, self.stderr = result.returncode, result.stderr
        super().__init__(f"{' '.join(argv)}: exit {result.returncode}: {result.stderr.strip()} {result.stdout.strip()}")


class Namespace:
    """A network namespace, with a directory and with mounts of its own where asked for."""

    def __init__(self, private_files=False, mounts=False):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _checked(_libc.unshare(CLONE_NEWNET), "unshare")
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            setns(home, CLONE_NEWNET)
        finally:
            os.close(home)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"  # for `ip ... netns PATH` and our own programs
        self.children = []
        self.root_fd = detached_tmpfs() if private_files else None
        self.mounts_fd = private_mounts() if mounts else None
        self.run("ip", "link", "set", "lo", "up")

    @property
    def root(self):
        """The private directory, for this process and its children."""
        return pathlib.Path(f"/proc/{os.getpid()}/fd/{self.root_fd}")

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside while the context lasts: sockets made in it stay there, /proc/sys/net is its own."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        setns(self.fd, CLONE_NEWNET)
        try:
            yield self
        finally:
            setns(home, CLONE_NEWNET)
            os.close(home)

    def sysctl(self, name, value=None):
        """Reads or writes net/NAME of this namespace."""
        with self.entered():
            path = pathlib.Path("/proc/sys/net") / name
            return path.read_text().strip() if value is None else path.write_text(str(value))

    def popen(self, *argv, **options):
        """Starts argv inside. It is killed when this process ends."""
        laboratory = os.getpid()

        def enter():
            _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
            if os.getppid() != laboratory:
                os._exit(1)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # shells make what they start in the background ignore it
            setns(self.fd, CLONE_NEWNET)
            if self.mounts_fd is not None:
                setns(self.mounts_fd, CLONE_NEWNS)

        child = subprocess.Popen([str(word) for word in argv], preexec_fn=enter, **options)
        self.children = [other for other in self.children if other.poll() is None] + [child]
        return child

    def run(self, *argv, check=True, timeout_s=30, input=None, env=None):
        """Runs argv inside to its end; returns its CompletedProcess, raises CommandFailed unless check is False."""
        child = self.popen(*argv, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL)
        try:
            out, err = child.communicate(input, timeout=timeout_s * PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            err += f"(killed after {timeout_s * PATIENCE:g} s)"
        result = subprocess.CompletedProcess(child.args, child.returncode, out, err)
        if check and result.returncode != 0:
            raise CommandFailed(child.args, result)
        return result

    def ip(self, *args):
        """ip -j ARGS, decoded."""
        out = self.run("ip", "-j", *args).stdout
        return json.loads(out) if out.strip() else []

    def ip_batch(self, *lines):
        self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def link(self, name):
        """What `ip -j -s -d link show NAME` says, or None if there is no such link."""
        result = self.run("ip", "-j", "-s", "-d", "link", "show", "dev", name, check=False)
        return json.loads(result.stdout)[0] if result.returncode == 0 else None

    def has_carrier(self, name):
        link = self.link(name)
        return bool(link) and "LOWER_UP" in link["flags"]

    def packets(self, name):
        """(received, sent) packets of a link so far."""
        stats = self.link(name)["stats64"]
        return stats["rx"]["packets"], stats["tx"]["packets"]

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for fd in (self.fd, self.root_fd, self.mounts_fd):
            if fd is not None:
                os.close(fd)
        self.fd = self.root_fd = self.mounts_fd = None
