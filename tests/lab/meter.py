"""The program `meter` (meter.cpp) as an object: one flow between two namespaces, measured from both ends."""

import json
import subprocess

from netns import PATIENCE, build_dir, wait_until


class Meter:
    """A machine that needs patience gets fewer messages per second, lest the flow leave nothing of it to others."""

    def __init__(self, protocol, ns_a, address_a, ns_b, address_b, messages_per_second=1000):
        self.process = ns_a.popen(build_dir() / "lab/meter", protocol, ns_a.path, address_a, ns_b.path, address_b,
                                  round(messages_per_second / PATIENCE), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError(f"the meter found no way from {address_a} to {address_b}")
        self.port = json.loads(first)["port"]

    def _ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def mark(self):
        self._ask("mark")

    def report(self):
        return self._ask("report")

    def stop(self):
        """Ends the flow; the report's counts are final."""
        report = self._ask("stop")
        self.process.stdin.close()
        self.process.wait(timeout=5)
        self.process.stdout.close()
        return report

    def wait_messages(self, count, timeout_s=15):
        """Waits until `count` more messages have come both ways, and returns the report. A flow that broke ends
        the wait at once."""
        start = self.report()

        def enough():
            report = self.report()
            if report["error"]:
                return report
            return report if all(report[way]["sent"] - report[way]["missing"] >=
                                 start[way]["sent"] - start[way]["missing"] + count
                                 for way in ("a_to_b", "b_to_a")) else None

        return wait_until(enough, timeout_s, f"{count} messages each way")
