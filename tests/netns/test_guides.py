"""Every command in the guides is run, in its order, on a host like the one they speak of.

              eth0 192.0.2.1, in use ---+
    host <                              +--- switch --- peer 192.0.2.254, its router
              eth1, eth2 ---------------+

In a block of kind `console` a line `# command` is run as root and must succeed, or end as it says (`# status 1`); each
line below it must be found in what it printed, however wide the blanks are. A comment `<!-- lab: ... -->` is what a
reader does by hand. Meanwhile a TCP session of the host goes on.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
from netns import build_dir, wait_until

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
STEP = re.compile(r"^```console\n(.*?)^```$|^<!-- lab: (.*?)\s*-->$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 10  # for what becomes true by and by, as a repair


def steps(text):
    for console, deed in STEP.findall(text):
        if deed:
            yield deed, None
        for entry in re.split(r"^# ", console, flags=re.MULTILINE)[1:]:
            command, *output = entry.splitlines()
            yield command, [" ".join(line.split()) for line in output]


class Reader:
    def __init__(self, lab):
        switch = lab.switch()
        self.host = lab.host(mounts=True)
        self.host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(3):
            self.host.add_nic(f"eth{number}", "veth", switch)
        self.peer = lab.peer(switch, "192.0.2.254/24")
        self.host.ns.ip_batch("address add 192.0.2.1/24 dev eth0", "link set eth0 up",
                              "route add default via 192.0.2.254")
        self.host.start_daemon()
        self.environment = {**self.host.environment, "PATH": f"{build_dir()}/bin:{os.environ['PATH']}"}

    def do(self, deed):
        what, _, rest = deed.partition(" ")
        if what in ("cut", "heal"):
            getattr(self.host.nics[rest], what)()
        elif what == "kill":
            self.host.kill_daemon()
        else:
            assert what == "file", deed
            name, _, content = rest.partition("\n")
            path = Path(f"{self.host.ns.root}{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")

    def run(self, command):
        """Files are those of the laboratory's root directory."""
        line = re.sub(r"(?<=\s)/etc/", f"{self.host.ns.root}/etc/", command)
        return self.host.ns.run("/bin/bash", "-c", line, check=False, env=self.environment)

    def follow(self, command, wanted):
        shown, marked = None, re.search(r"# status (\d)", command)
        status = int(marked.group(1)) if marked else 0

        def is_so():
            nonlocal shown
            shown = self.run(command)
            lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
            return shown.returncode == status and all(any(words in line for line in lines) for words in wanted)

        try:
            wait_until(is_so, PATIENCE_S if wanted else 0, "")
        except TimeoutError:
            pytest.fail(f"{command}: status {shown.returncode}, not {wanted} in\n{shown.stdout}{shown.stderr}")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_R_CMD_1_every_command_of_a_guide_works(lab, guide):
    reader = Reader(lab)
    session = reader.host.meter("tcp", "192.0.2.1", reader.peer, peer_address="192.0.2.254")
    session.wait_messages(100)
    commands = 0
    for step, wanted in steps(guide.read_text()):
        if wanted is None:
            reader.do(step)
        else:
            reader.follow(step, wanted)
            commands += 1
    session.wait_messages(100)
    report = session.stop()
    assert commands > 0 and report["error"] is None
    for way in ("a_to_b", "b_to_a"):
        assert report[way]["missing"] == report[way]["duplicated"] == 0


def test_blocks_that_look_like_commands_are_run():
    for guide in GUIDES:
        kinds = re.findall(r"^```(.*)$", guide.read_text(), re.MULTILINE)
        assert set(kinds[::2]) <= {"console", "text"} and set(kinds[1::2]) == {""}, guide.name
