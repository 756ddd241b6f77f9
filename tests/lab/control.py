"""A client of in.mpathd's control socket of its own, for what the tools do not show (docs/CONTROL.md)."""

import json
import socket

from netns import PATIENCE


def failover_stages_us(counters):
    """{stage: mean of all failovers so far}, by what the daemon itself says; without those that never were."""
    stages = ("noticing", "decision", "writing", "announcement")
    counts = {stage: counters.get(f"failover.{stage}.count", 0) for stage in stages}
    return {stage: counters[f"failover.{stage}.us_sum"] / count for stage, count in counts.items() if count}


class Control:
    """One connection."""

    def __init__(self, host):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10 * PATIENCE)
        self.socket.connect(str(host.ns.root / "run/ipmp/mpathd.sock"))
        self.input = b""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, method, **flags):
        request = {"method": "org.ipmp.Mpathd." + method, **flags}
        self.socket.sendall(json.dumps(request).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.input:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("in.mpathd hung up")
            self.input += part
        message, self.input = self.input.split(b"\0", 1)
        return json.loads(message)

    def counters(self):
        self.send("GetCounters")
        return self.receive()["parameters"]["counters"]

    def watch_probes(self):
        """From now on: every probe that ends, as {"probe": ..., "dropped": ...}."""
        self.send("WatchProbes", more=True)
        while True:
            answer = self.receive()
            assert answer["continues"], answer
            yield answer["parameters"]
