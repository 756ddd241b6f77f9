"""Every command in the guides is run, in its order, on a host like the one they speak of (tests/lab/guide.py).

              eth0 192.0.2.1, in use ---+
    host <                              +--- switch --- peer 192.0.2.254, its router
              eth1, eth2 ---------------+

Meanwhile a TCP session of the host goes on. What only readers with another program for their interfaces do is in
tests/packages/test_stranger.py.
"""

import os
import re
from pathlib import Path

import pytest
from guide import Reader
from netns import build_dir

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))


class LaboratoryReader(Reader):
    def __init__(self, lab):
        switch = lab.switch()
        host = lab.host(mounts=True)
        super().__init__(host, Path(host.ns.root))
        host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(3):
            host.add_nic(f"eth{number}", "veth", switch)
        self.peer = lab.peer(switch, "192.0.2.254/24")
        host.ns.ip_batch("address add 192.0.2.1/24 dev eth0", "link set eth0 up", "route add default via 192.0.2.254")
        host.start_daemon()
        self.environment = {**host.environment, "PATH": f"{build_dir()}/bin:{os.environ['PATH']}"}

    def run(self, command):
        """Files are those of the laboratory's root directory."""
        line = re.sub(r"(?<=[\s>])/etc/", f"{self.files}/etc/", command)
        return self.host.ns.run("/bin/bash", "-c", line, check=False, env=self.environment)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_R_CMD_1_every_command_of_a_guide_works(lab, guide):
    reader = LaboratoryReader(lab)
    session = reader.host.meter("tcp", "192.0.2.1", reader.peer, peer_address="192.0.2.254")
    session.wait_messages(100)
    commands = reader.read(guide.read_text())
    session.wait_messages(100)
    report = session.stop()
    assert commands > 0 and report["error"] is None
    for way in ("a_to_b", "b_to_a"):
        assert report[way]["missing"] == report[way]["duplicated"] == 0


def test_blocks_that_look_like_commands_are_run():
    for guide in GUIDES:
        kinds = re.findall(r"^```(.*)$", guide.read_text(), re.MULTILINE)
        assert set(kinds[::2]) <= {"console", "text"} and set(kinds[1::2]) == {""}, guide.name
