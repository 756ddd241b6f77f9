"""A Debian 12 in a directory, running in a network namespace of the laboratory: what a package is installed into.

Everything started in it is in a PID namespace that ends with us, so that a daemon which went into the background lives
no longer than the test. Packages come from the archive through the machine's own network; whatever concerns
interfaces is done in the laboratory's.
"""

import pathlib
import shutil
import subprocess
import tempfile

from host import Host
from netns import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MIRROR = "http://deb.debian.org/debian"
# What the tests look with; the packages' own dependencies are apt's matter.
TOOLS = "iproute2,iputils-ping,procps"
ENVIRONMENT = ("env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
               "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
# "/" has to be a mount for ip-netns(8).
MOUNTS = """
mount --bind {root} {root} &&
mount -t proc proc {root}/proc && mount -t sysfs sysfs {root}/sys && mount --rbind /dev {root}/dev &&
mount -t tmpfs tmpfs {root}/run && mkdir {root}/run/lock && echo ready && read end
"""


def base_system():
    """The tar file of a minimal Debian 12, made the first time."""
    archive = REPOSITORY / "build/package-root.tar"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=REPOSITORY / "build") as directory:
            subprocess.run(["debootstrap", "--variant=minbase", "--include=" + TOOLS, "bookworm", directory, MIRROR],
                           check=True, stdout=subprocess.DEVNULL)
            part = archive.with_suffix(".part")
            subprocess.run(["tar", "-C", directory, "-cf", part, "."], check=True)
            part.rename(archive)
    return archive


class DebianRoot:
    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ipmp-root.", dir=REPOSITORY / "build"))
        subprocess.run(["tar", "-C", self.path, "-xf", base_system()], check=True)
        self.path.chmod(0o755)  # it is "/" to users other than root, too

    def install(self, *packages):
        """Packages by name, or files; with the network of this machine and nothing started."""
        for package in packages:
            if isinstance(package, pathlib.Path):
                shutil.copy(package, self.path / "tmp")
        words = [f"/tmp/{package.name}" if isinstance(package, pathlib.Path) else package for package in packages]
        shutil.copy("/etc/resolv.conf", self.path / "etc")
        command = ["unshare", "--mount", "chroot", self.path, *ENVIRONMENT, "apt-get", "-q", "-y"]
        install = [*command, "--no-install-recommends", "install", *words]
        if subprocess.run(install, capture_output=True).returncode == 0:
            return
        # Package lists that are absent or stale make the first try fail before it has changed anything.
        for argv in ([*command, "update"], install):
            done = subprocess.run(argv, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

    def files(self):
        """Every file there is but those of package management, and what programs log and cache."""
        managed = ("var/lib/dpkg/", "var/lib/apt/", "var/cache/", "var/log/", "tmp/", "proc/", "sys/", "dev/", "run/")
        paths = {str(path.relative_to(self.path)) for path in self.path.rglob("*")}
        return {path for path in paths if not (path + "/").startswith(managed)}

    def remove(self):
        shutil.rmtree(self.path)


class PackagedHost(Host):
    """A host of the laboratory whose programs are those installed in `root`."""

    def __init__(self, lab, root):
        super().__init__(lab)
        self.root = root
        self.power_on()

    def power_on(self):
        self.keeper = self.ns.popen("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
                                    "sh", "-c", MOUNTS.format(root=self.root.path), stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "ready\n"
        children = pathlib.Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()
        self.first_process = children[0]

    def shell(self, *argv, check=True, timeout_s=120):
        return self.ns.run("nsenter", f"--target={self.first_process}", "--mount", "--pid", "chroot", self.root.path,
                           *ENVIRONMENT, *argv, check=check, timeout_s=timeout_s)

    def tool(self, name, *args, check=True):
        place = "/usr/lib/ipmp/bin/" if name in ("arp", "ifconfig", "route") else ""
        return self.shell(place + name, *args, check=check)

    def write(self, path, text):
        (self.root.path / path).write_text(text)

    def daemon_pids(self):  # with its helpers
        return self.shell("pidof", "in.mpathd", check=False).stdout.split()

    def log(self):
        return "(to syslog, and here is none)"

    def power_off(self):
        """As pulling the plug: every process is gone."""
        self.keeper.kill()
        self.keeper.wait()
        wait_until(lambda: not pathlib.Path(f"/proc/{self.first_process}").exists(), 10, "every process is gone")
