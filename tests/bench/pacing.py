"""Whether a socket is held to the rate it asked for (SO_MAX_PACING_RATE) where the queueing discipline fq does that:
on a bare NIC, on the NICs of a group behind the pair or without it, and on ipmp0. Without fq a datagram socket is not.
"""

import contextlib
import socket
import time

from contenders import PEER
from results import BARE, FAST, IPMP

SO_MAX_PACING_RATE = 47  # missing in Python's socket
UPPER, WITHOUT = "ipmp with fq on ipmp0", "ipmp without fq"
NAMES = (BARE, IPMP, FAST, UPPER, WITHOUT)


def paced_links(contender):
    return {BARE: ["eth0"], UPPER: ["ipmp0"], WITHOUT: []}.get(contender.name, list(contender.host.nics))


def paced_rate(contender, peer, kind, rate, seconds):
    """Bytes a second that arrive from a socket that is held to `rate` and sends as much as it can."""
    type_of = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with contextlib.ExitStack() as stack:
        with peer.ns.entered():
            end = stack.enter_context(socket.socket(socket.AF_INET, type_of))
        end.bind((PEER[4], 0))
        with contender.host.ns.entered():
            sender = stack.enter_context(socket.socket(socket.AF_INET, type_of))
        sender.bind((contender.address(4), 0))
        sender.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
        if kind == "tcp":
            end.listen(1)
        sender.connect(end.getsockname())
        if kind == "tcp":
            end = stack.enter_context(end.accept()[0])
        for each in (sender, end):
            each.setblocking(False)
        return _transfer(sender, end, seconds)


def _transfer(sender, end, seconds):
    received, payload, began = 0, bytes(1200), time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(BlockingIOError):
            sender.send(payload)
        with contextlib.suppress(BlockingIOError):
            while True:
                received += len(end.recv(1 << 16))
    return received / (time.monotonic() - began)


def measure(results, contenders, peer, rate, turns, seconds):
    for contender in contenders:
        for link in paced_links(contender):
            contender.host.ns.run("tc", "qdisc", "replace", "dev", link, "root", "fq")
    for _ in range(turns):
        for kind in ("tcp", "udp"):
            for contender in contenders:
                results.add(f"paced-{kind}", f"{kind.upper()} held to {rate / 1e3:g} kB/s by its socket", "of that",
                            "less", contender.name, paced_rate(contender, peer, kind, rate, seconds) / rate)
