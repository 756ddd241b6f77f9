#!/usr/bin/python3
"""The demonstration behind ./demo: a NIC is cut under live TCP connections, and nobody notices.

                eth0 --- switch sw0 --- peer 192.0.2.9
    host --<    eth1 --- switch sw1          ipmp0: 192.0.2.1, 192.0.2.2, 192.0.2.3
                eth2 --- switch sw0          (sw0 and sw1 are joined by one link)

Everything runs in namespaces of this process and ends with it. The NICs are taps joined to the switches by the
program `wire`, so that their carrier behaves as that of hardware does.
"""

import argparse
import os
import subprocess
import sys
import time

from netns import build_dir
from topology import Lab

DATA = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
PEER = "192.0.2.9"
TRANSFER_SECONDS, TRANSFER_BYTES_PER_SECOND = 8, 30_000_000
TRANSFER = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "transfer.py")]


class DemoFailed(Exception):
    pass


def step(text):
    print(f"\n=== {text}", flush=True)


def show(host, command):
    """Runs one command of ours the way a person would and shows it."""
    print(f"# {command}")
    program, *arguments = command.split()
    output = host.tool(program, *arguments).stdout
    if output:
        print(output, end="", flush=True)


def show_status(host):
    for mode in ("-g", "-i", "-an"):
        show(host, f"ipmpstat {mode}")


def build(lab, kind):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0, DUPLICATE_ADDRESS_PROBES=3)
    for number in range(3):
        host.add_nic(f"eth{number}", kind, switch, bridge=number % 2)
    return host, lab.peer(switch, f"{PEER}/24")


def configure(host):
    show(host, "ifconfig ipmp0 ipmp")
    for name in host.nics:
        show(host, f"ifconfig {name} plumb up")
        show(host, f"ifconfig {name} group ipmp0")
    show(host, f"ifconfig ipmp0 {DATA[0]}/24 up")
    for address in DATA[1:]:
        show(host, f"ifconfig ipmp0 addif {address}/24 up")
    host.wait_ok("ipmp0")


class Transfer:
    """Bulk data from a data address to the peer, over one connection."""

    def __init__(self, host, peer):
        pipe = {"stdout": subprocess.PIPE, "text": True}
        self.receiver = peer.ns.popen(*TRANSFER, "receive", PEER, 5001, **pipe)
        if self.receiver.stdout.readline() != "ready\n":
            raise DemoFailed("the receiver of the transfer did not start")
        self.sender = host.ns.popen(*TRANSFER, "send", DATA[1], PEER, 5001, TRANSFER_SECONDS,
                                    TRANSFER_BYTES_PER_SECOND, **pipe)
        self.ends_at = time.monotonic() + TRANSFER_SECONDS

    def finish(self):
        """Number of bytes, once both ends agree on every one of them."""
        sent, _ = self.sender.communicate(timeout=60)
        received, _ = self.receiver.communicate(timeout=60)
        if self.sender.returncode or self.receiver.returncode:
            raise DemoFailed("the bulk transfer broke")
        if sent != received:
            raise DemoFailed(f"checksum wrong: sent {sent.strip()}, received {received.strip()}")
        return int(sent.split()[0])


def cut_and_heal(host, meter, find_victim):
    """One NIC fails and comes back; returns its name and the longest gap in ms."""
    victim = find_victim()
    step(f"Cutting {victim}, the NIC the flow depends on")
    meter.mark()
    host.nics[victim].cut()
    report = meter.wait_messages(500)
    if report["error"]:
        raise DemoFailed(f"the connection broke: {report['error']}")
    host.wait_state(victim, "failed")
    gap_ms = max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a"))
    print(f"The flow goes on; its longest gap was {gap_ms:.1f} ms. While {victim} is dead:")
    show_status(host)
    step(f"Plugging {victim} in again")
    host.nics[victim].heal()
    host.wait_ok("ipmp0")
    show(host, "ipmpstat -g")
    return victim, gap_ms


def demonstrate(kind):
    with Lab() as lab:
        step("A host with three NICs, two switches, one peer, and in.mpathd")
        host, peer = build(lab, kind)
        host.start_daemon()
        configure(host)
        step("Before: everything works")
        show_status(host)
        step(f"One TCP connection moves bulk data ({TRANSFER_BYTES_PER_SECOND // 1_000_000} MB/s), another plays "
             "1,000 messages a second each way")
        meter = host.meter("tcp", DATA[0], peer)
        transfer = Transfer(host, peer)
        meter.wait_messages(500)
        gaps = [cut_and_heal(host, meter, find) for find in
                (lambda: host.inbound(DATA[0]), lambda: host.outbound_nic(meter))]
        step("After: everything works again")
        moved = transfer.finish()
        final = meter.stop()
        if final["error"] or any(final[way]["missing"] for way in ("a_to_b", "b_to_a")):
            raise DemoFailed(f"messages are missing: {final}")
        show_status(host)
        count = final["a_to_b"]["sent"] + final["b_to_a"]["sent"]
        print(f"\nLongest gap of the 1,000-a-second connection: "
              + ", ".join(f"{gap_ms:.1f} ms ({name} cut)" for name, gap_ms in gaps))
        print(f"{moved // 1_000_000} MB and {count} messages arrived: "
              "the connection was never reset; checksum ok")


def main():
    parser = argparse.ArgumentParser(description="shows a NIC failing under live TCP connections")
    parser.add_argument("--nics", choices=("tap", "veth"), default="tap", help="kind of NIC (default: %(default)s)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: run as root; it needs network namespaces")
    if not (build_dir() / "bin/in.mpathd").exists():
        sys.exit(f"demo: no programs in {build_dir()}/bin; run ./demo, which builds them")
    began = time.monotonic()
    try:
        demonstrate(options.nics)
    except (DemoFailed, TimeoutError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"\ndemo: FAILED: {error}")
    print(f"Done in {time.monotonic() - began:.0f} s; nothing is left behind.")


if __name__ == "__main__":
    main()
