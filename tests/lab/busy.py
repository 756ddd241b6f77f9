"""A machine without time for anybody: loops that never rest, for as long as the context lasts."""

import sys


class BusyCores:
    """Two loops, in processes of `ns`: as many as the machines that run ./check have processors at least."""

    COUNT = 2

    def __init__(self, ns):
        self.ns, self.loops = ns, []

    def __enter__(self):
        self.loops = [self.ns.popen(sys.executable, "-c", "while True: pass") for _ in range(self.COUNT)]

    def __exit__(self, *error):
        for loop in self.loops:
            loop.kill()
            loop.wait()
