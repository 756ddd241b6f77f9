#!/usr/bin/python3
"""Makes the pictures of terminals in docs/pictures: a laboratory of network namespaces runs the real daemon and tools,
one NIC fails, a standby takes over, and what the tools write on a terminal becomes SVG.

    IPMP_BUILD=build scripts/pictures.py [DIRECTORY]      as root; DIRECTORY instead of docs/pictures

The pictures hold text, so they can be searched and copied from. Times and round-trip times differ from run to run.
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/lab"))

from netns import build_dir, wait_until  # noqa: E402  (needs the path)
from topology import Lab  # noqa: E402

COLUMNS, LINES = 100, 28
FONT_SIZE, LINE_HEIGHT, COLUMN_WIDTH, MARGIN = 14, 19, 8.43, 14
PLAIN, BACKGROUND, PROMPT = "#d0d4da", "#16191d", "#7aa2f7"
# What the tools use of ECMA-48's colours and weights.
ATTRIBUTES = {"1": 'font-weight="bold" fill="#ffffff"', "2": 'fill="#7d8590"', "31": 'fill="#f7768e"',
              "32": 'fill="#9ece6a"', "33": 'fill="#e0af68"'}


class Terminal:
    """A program of ours on a terminal of its own, inside a host of the laboratory."""

    def __init__(self, host, command, lines=LINES, columns=COLUMNS):
        self.screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        program, *arguments = command.split()
        self.process = host.ns.popen(build_dir() / "bin" / program, *arguments, stdin=inside, stdout=inside,
                                     stderr=subprocess.STDOUT, env={**host.environment, "TERM": "xterm"})
        os.close(inside)
        os.set_blocking(self.screen, False)
        self.text = b""

    def take(self):
        try:
            self.text += os.read(self.screen, 1 << 20)
        except OSError:  # nothing now, or nothing any more
            pass

    def follow(self, seconds):
        """Until the program ends, or for so long."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.take()
            time.sleep(0.02)
        self.take()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=10)
        os.close(self.screen)
        return self.text.decode()


def last_frame(text):
    """Of a full-screen program: what is between two moves to the first line."""
    return text.split("\033[H")[-2]


def spans(line):
    """(column, attributes, text) of a line with escape sequences."""
    column, attributes = 0, ""
    for part in re.split(r"(\033\[[0-9;?]*[A-Za-z])", line):
        if part.startswith("\033["):
            if part.endswith("m"):
                attributes = ATTRIBUTES.get(part[2:-1], "")
            continue
        if part.strip():
            yield column, attributes, part
        column += len(part)


def svg(lines):
    """`lines`: text with escape sequences; those that begin with # are what somebody typed."""
    width = round(COLUMNS * COLUMN_WIDTH + 2 * MARGIN)
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT_SIZE}">',
             f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>']
    for number, line in enumerate(lines):
        y = MARGIN + (number + 0.75) * LINE_HEIGHT
        for column, attributes, text in spans(line):
            colour = PROMPT if line.startswith("# ") else PLAIN
            attributes = attributes or f'fill="{colour}"'
            x, length = MARGIN + column * COLUMN_WIDTH, len(text) * COLUMN_WIDTH
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {attributes} textLength="{length:.1f}" '
                         f'xml:space="preserve">{escape(text)}</text>')
    return "\n".join(parts + ["</svg>", ""])


def write(directory, name, lines):
    while lines and not lines[-1].strip():
        lines.pop()
    text = svg([line.rstrip() for line in lines])
    path = directory / f"{name}.svg"
    path.write_text(text)
    print(f"{path}: {len(text.encode())} bytes")


def lines_of(host, *commands, seconds=5):
    """Commands as typed, each with what it wrote."""
    lines = []
    for command in commands:
        terminal = Terminal(host, command)
        terminal.follow(seconds)
        text = terminal.close().replace("\r\n", "\n")
        lines += ([""] if lines else []) + [f"# {command}", *text.rstrip("\n").split("\n")]
    return lines


def build(lab):
    """A probed group: eth0 and eth1, and eth2 as their standby."""
    switch = lab.switch()
    host = lab.host()
    for number in range(3):
        host.add_nic(f"eth{number}", "veth", switch)
    peer = lab.peer(switch, "192.0.2.9/24")
    for station in (peer, lab.peer(switch, "192.0.2.10/24")):
        station.ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
    host.configure(FAILURE_DETECTION_TIME=1000, LINK_UPS_PER_MINUTE=0)
    host.start_daemon()
    host.ifconfig("ipmp0", "ipmp")
    for number in range(3):
        host.ifconfig(f"eth{number}", "plumb", "group", "ipmp0", f"192.0.2.{20 + number}/24", "-failover", "up")
    host.ifconfig("eth2", "standby")
    host.ifconfig("ipmp0", "192.0.2.1/24", "up")
    host.ifconfig("ipmp0", "addif", "192.0.2.2/24", "up")
    host.wait_ok("ipmp0")
    wait_until(lambda: "192.0.2.10" in host.ipmpstat("-tn"), 10, "the targets are known")
    return host, peer


def paint(directory):
    with Lab() as lab:
        host, peer = build(lab)
        write(directory, "ipmp-check", lines_of(host, "ipmp check"))
        meters = [host.meter("udp", address, peer) for address in ("192.0.2.1", "192.0.2.2")]
        top = Terminal(host, "ipmp top")
        top.follow(6)
        host.nics["eth1"].cut()
        host.wait_state("eth1", "failed")
        top.follow(6)
        write(directory, "ipmp-top", last_frame(top.close()).replace("\r\n", "\n").split("\n"))
        for meter in meters:
            meter.stop()
        moved = next(address for address in ("192.0.2.1", "192.0.2.2")
                     if "moved" in host.tool("ipmp", "why", address).stdout)
        write(directory, "ipmp-why", lines_of(host, "ipmp why ipmp0", "ipmp why eth1", f"ipmp why {moved}"))
        write(directory, "ipmpstat-g", lines_of(host, "ipmpstat -g"))
        write(directory, "ipmpstat-i", lines_of(host, "ipmpstat -i"))
        write(directory, "ipmpstat-p", lines_of(host, "ipmpstat -pn", seconds=1.5))


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures"
    directory.mkdir(parents=True, exist_ok=True)
    paint(directory)


if __name__ == "__main__":
    main()
