"""A guide of docs/guides as somebody reads it who does what it says.

In a block of kind `console` a line `# command` is run as root and must succeed, or end as it says (`# status 1`); each
line below it must be found in what it printed, however wide the blanks are. A comment `<!-- lab: ... -->` is what a
reader does by hand: `cut eth0`, `heal eth0`, `kill`, and `file NAME`, whose content follows in the comment or is the
block of kind `text` below it. `for WHO...` begins what only some readers do, up to the next one or the next chapter.
"""

import re

import pytest
from netns import wait_until

STEP = re.compile(r"^```console\n(.*?)^```$|^<!-- lab: (.*?)\s*-->$(?:\n+```text\n(.*?)^```$)?|^(## )",
                  re.MULTILINE | re.DOTALL)
PATIENCE_S = 10  # for what becomes true by and by, as a repair


def steps(text, who="files"):
    """(deed, None) or (command, [lines of output]) of each, in order."""
    is_meant = True
    for console, deed, content, chapter in STEP.findall(text):
        if chapter:
            is_meant = True
        elif deed.startswith("for "):
            is_meant = who in deed.split()
        elif is_meant and deed:
            yield deed + ("\n" + content.rstrip("\n") if content else ""), None
        elif is_meant:
            for entry in re.split(r"^# ", console, flags=re.MULTILINE)[1:]:
                command, *output = entry.splitlines()
                yield command, [" ".join(line.split()) for line in output]


def status_of(command):
    marked = re.search(r"# status (\d)", command)
    return int(marked.group(1)) if marked else 0


class Reader:
    """`files`: the root directory of the host's files. Subclasses say how a command is run there."""

    def __init__(self, host, files):
        self.host, self.files = host, files

    def read(self, text, who="files"):
        """How many commands there were."""
        commands = 0
        for step, wanted in steps(text, who):
            if wanted is None:
                self.do(step)
            else:
                self.follow(step, wanted)
                commands += 1
        return commands

    def do(self, deed):
        what, _, rest = deed.partition(" ")
        if what in ("cut", "heal"):
            getattr(self.host.nics[rest], what)()
        elif what == "kill":
            self.host.kill_daemon()
        else:
            assert what == "file", deed
            name, _, content = rest.partition("\n")
            path = self.files / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")

    def follow(self, command, wanted):
        shown = None

        def is_so():
            nonlocal shown
            shown = self.run(command)
            lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
            good = shown.returncode == status_of(command)
            return good and all(any(words in line for line in lines) for words in wanted)

        try:
            wait_until(is_so, PATIENCE_S if wanted else 0, "")
        except TimeoutError:
            pytest.fail(f"{command}: status {shown.returncode}, not {wanted} in\n{shown.stdout}{shown.stderr}")
