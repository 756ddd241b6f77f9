"""Stock network programs, unmodified, as clients whose outcome a test can judge: each says in words what it suffered.

    workshop = Workshop(host)
    workshop.serve_http(host, size_bytes, bytes_per_second)
    clients = [Download(workshop, peer, "192.0.2.1"), Iperf(workshop, ...), ...]
    ... failovers, while any(client.running() for client in clients) ...
    complaints = [client.name + ": " + text for client in clients for text in client.complaints(failovers)]

Every server runs in mount and process namespaces of its own, with a /run of its own and a configuration written to
the workshop, a directory below the host's private root. Nothing of the machine's /etc, /run or services is touched,
and all of a server's children end with it.
"""

import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys

from netns import wait_until

LOST_MS_PER_FAILOVER_MAX = 40  # what a flow without retransmission may lose in the mean, cut and repair together
MULTICAST = pathlib.Path(__file__).with_name("multicast.py")
CONTAINED = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
             'mount -t tmpfs tmpfs /run && mkdir /run/sshd /run/avahi-daemon && exec "$@"', "sh"]

NGINX = """daemon off; master_process off; user root; pid {directory}/nginx.pid; error_log stderr;
events {{ }}
http {{
    access_log off; client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2;
    fastcgi_temp_path {directory}/t3; uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
    server {{ listen [::]:80 ipv6only=off; root {directory}/files; limit_rate {bytes_per_second}; }}
}}
"""
SSHD = """Port 22
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
"""
RSYNCD = """[files]
path = /run/files
use chroot = no
uid = root
gid = root
lock file = /run/rsync.lock
"""
BUS = """<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
</policy></busconfig>
"""
AVAHI = """[server]
host-name={name}
ratelimit-interval-usec=0
[publish]
publish-workstation=no
[rlimits]
"""


class Workshop:
    """Files and servers of the clients."""

    def __init__(self, host):
        self.directory = host.ns.root / "clients"
        (self.directory / "files").mkdir(parents=True)
        self.servers = []

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def serve(self, station, *argv, port=None, **options):
        """Starts a server contained; returns once it listens at the TCP port."""
        with open(self.directory / f"server{len(self.servers)}.log", "wb") as log:
            server = station.ns.popen(*CONTAINED, *argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.servers.append(server)

        def listens():
            if server.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended: {pathlib.Path(log.name).read_text(errors='replace')}")
            return station.ns.run("ss", "-Hltn", f"sport = :{port}").stdout

        if port:
            wait_until(listens, 10, f"{argv[0]} listens at {port}")
        return server

    def make_payload(self, size_bytes):
        (self.directory / "files/payload").write_bytes(random.Random(1).randbytes(size_bytes))

    def digest(self, path):
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "nothing"

    def serve_http(self, station, bytes_per_second):
        path = self.write("nginx.conf", NGINX.format(directory=self.directory, bytes_per_second=bytes_per_second))
        self.serve(station, "nginx", "-e", "stderr", "-p", self.directory, "-c", path, port=80)

    def serve_ssh(self, station):
        for name in ("host_key", "user_key"):
            station.ns.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name)
        path = self.write("sshd_config", SSHD.format(directory=self.directory))
        self.serve(station, "/usr/sbin/sshd", "-D", "-e", "-f", path, port=22)

    def serve_rsync(self, station):
        """It refuses paths through /proc, so it gets copies."""
        path = self.write("rsyncd.conf", RSYNCD)
        self.serve(station, "sh", "-c", f"cp -r {path} {self.directory}/files /run && "
                   "exec rsync --daemon --no-detach --config=/run/rsyncd.conf", port=873)

    def serve_mdns(self, station, name, records):
        """A responder with a bus of its own. `records` are names under which it also answers, each with an address:
        a name that was never asked for is in no cache. Returns the environment for avahi-resolve beside it."""
        socket = self.directory / f"bus-{name}"
        bus = self.write(f"bus-{name}.conf", BUS.format(socket=socket))
        self.serve(station, "dbus-daemon", f"--config-file={bus}", "--nofork")
        wait_until(socket.exists, 5, "the bus")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        hosts = self.write(f"hosts-{name}", "".join(f"{address} {record}\n" for record, address in records.items()))
        path = self.write(f"avahi-{name}.conf", AVAHI.format(name=name))
        self.serve(station, "sh", "-c", f"mount --bind {hosts} /etc/avahi/hosts && exec avahi-daemon --no-drop-root "
                   f"--no-chroot --no-rlimits --file={path}", env=environment)
        wait_until(lambda: station.ns.run("avahi-resolve", "-n", f"{name}.local", check=False, env=environment)
                   .stdout.startswith(name), 20, f"{name}.local is established")
        return environment


class Client:
    """One running program. complaints() waits for its end and sets lost_ms, for flows without retransmission: how
    many milliseconds of it were lost per failover in the mean."""

    lost_ms = 0

    def __init__(self, workshop, name, station, *argv, **options):
        self.workshop, self.name = workshop, name
        self.output = workshop.directory / f"client-{name.replace(' ', '-')}"
        with open(self.output, "wb") as output:
            self.process = station.ns.popen(*argv, **{"stdin": subprocess.DEVNULL, "stdout": output,
                                                      "stderr": subprocess.STDOUT, **options})

    def running(self):
        return self.process.poll() is None

    def complaints(self, failovers):
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return [f"it hangs: {self.output.read_text(errors='replace')[-600:]}"]
        if self.process.returncode != 0:
            return [f"exit {self.process.returncode}: {self.output.read_text(errors='replace')[-600:]}"]
        return self.judge(failovers)

    def judge(self, failovers):
        return []

    def judge_loss(self, lost, sent, per_second, failovers):
        self.lost_ms = 1000 * lost / per_second / max(failovers, 1)
        if self.lost_ms > LOST_MS_PER_FAILOVER_MAX or not sent:
            return [f"{lost} of {sent} lost, {self.lost_ms:.0f} ms per failover"]
        return []


class Iperf(Client):
    """Words: more arguments of iperf3, among them -R for a flow from server to client."""

    def __init__(self, workshop, name, station, source, server, address, port, seconds, bits_per_second, *words):
        workshop.serve(server, "iperf3", "-s", "-1", "-p", port, port=port)
        self.seconds, self.bits_per_second, self.udp = seconds, bits_per_second, "-u" in words
        super().__init__(workshop, name, station, "iperf3", "-J", "-c", address, "-B", source, "-p", port, "--cport",
                         port + 1000, "-t", seconds, "-b", bits_per_second, *words)

    def judge(self, failovers):
        report = json.loads(self.output.read_text())
        complaints = [report["error"]] if "error" in report else []
        if self.udp:
            total = report["end"]["sum"]
            return complaints + self.judge_loss(total["lost_packets"], total["packets"],
                                                total["packets"] / total["seconds"], failovers)
        slowest = min(interval["sum"]["bytes"] for interval in report["intervals"][:-1])
        arrived, wanted = report["end"]["sum_received"]["bytes"], self.bits_per_second / 8 * self.seconds
        if slowest == 0:
            complaints.append("it stood still for a second")
        if arrived < 0.7 * wanted:
            complaints.append(f"only {arrived} of {wanted:.0f} bytes arrived")
        return complaints


class Copy(Client):
    """A program that fetches the payload into a file: what arrives must be what was sent."""

    def __init__(self, workshop, name, station, *argv):
        self.copy = workshop.directory / f"copy-{name.replace(' ', '-')}"
        super().__init__(workshop, name, station, *argv, self.copy)

    def judge(self, failovers):
        same = self.workshop.digest(self.copy) == self.workshop.digest(self.workshop.directory / "files/payload")
        return [] if same else ["what arrived is not what was sent"]


class Login(Client):
    """An ssh session in which somebody types: every line comes back, in order."""

    TYPE = "for number in $(seq {count}); do echo $number; sleep 0.02; done"

    def __init__(self, workshop, name, station, address, seconds):
        self.count = int(seconds * 40)
        ssh = ["ssh", "-T", "-F", "none", "-i", f"{workshop.directory}/user_key", "-o", "StrictHostKeyChecking=no",
               "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"root@{address}", "cat"]
        typing = self.TYPE.format(count=self.count)
        super().__init__(workshop, name, station, "sh", "-c", f"({typing}) | {' '.join(ssh)}")

    def judge(self, failovers):
        lines = self.output.read_text().split()
        whole = [str(number + 1) for number in range(self.count)]
        return [] if lines == whole else [f"{len(lines)} of {self.count} lines came back, the last {lines[-3:]}"]


class Ping(Client):
    """Echo requests to everybody: each is answered by the host once. `words`: options and destination."""

    PER_SECOND = 50

    def __init__(self, workshop, name, station, seconds, *words):
        super().__init__(workshop, name, station, "ping", "-n", "-i", 1 / self.PER_SECOND, "-c",
                         int(seconds * self.PER_SECOND), "-W", "1", *words)

    def judge(self, failovers):
        summary = re.compile(r"(\d+) packets transmitted, (\d+) received(?:, \+(\d+) duplicates)?")
        sent, received, duplicates = (int(text or 0) for text in summary.search(self.output.read_text()).groups())
        complaints = [f"{duplicates} of {sent} answered twice"] if duplicates else []
        return complaints + self.judge_loss(sent - received, sent, self.PER_SECOND, failovers)


class Multicast(Client):
    """A numbered stream from one station to another."""

    PER_SECOND = 100

    def __init__(self, workshop, name, sender, sender_link, receiver, receiver_link, group, port, seconds):
        self.receiver = receiver.ns.popen(sys.executable, MULTICAST, "receive", group, port, receiver_link,
                                          stdin=subprocess.PIPE, text=True,
                                          stdout=open(workshop.directory / f"heard-{port}", "w+"))
        self.heard = workshop.directory / f"heard-{port}"
        wait_until(lambda: self.heard.read_text().startswith("ready\n"), 5, "the receiver has joined")
        super().__init__(workshop, name, sender, sys.executable, MULTICAST, "send", group, port, sender_link, seconds,
                         self.PER_SECOND)

    def numbers(self):
        """What has been heard so far."""
        return [int(line) for line in self.heard.read_text().split("\n")[1:-1]]

    def judge(self, failovers):
        self.receiver.communicate(timeout=5)
        count, numbers = int(self.output.read_text()), self.numbers()
        present = set(numbers)
        missing = [number for number in range(count) if number not in present]
        gaps = sum(number - 1 not in set(missing) for number in missing)
        complaints = self.judge_loss(len(missing), count, self.PER_SECOND, failovers)
        if len(numbers) != len(present):
            complaints.append(f"{len(numbers) - len(present)} duplicates")
        if gaps > failovers:
            complaints.append(f"{gaps} gaps in {failovers} failovers")
        return complaints
