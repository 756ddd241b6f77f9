"""When lines came into a log, for who times verdicts by them."""

import os
import re
import threading
import time


class LogWatch:
    """Notes when each line of a log came."""

    def __init__(self, path):
        self.path, self.lines, self.stopping = path, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # this thread alone
        with open(self.path, "rb") as log:
            while not self.stopping.wait(0.001):
                for line in log.read().decode(errors="replace").splitlines():
                    self.lines.append((time.monotonic(), line))

    def seen(self, pattern, since):
        return next((at for at, line in list(self.lines) if at >= since and re.search(pattern, line)), None)

    def close(self):
        self.stopping.set()
        self.thread.join()
