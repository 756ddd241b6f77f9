"""All NICs carry: hosts whose NICs are shaped to 500 Mbit/s each way, with one of them, two, and four.

Eight flows out, or as many as make it likely that each of four NICs has some; inbound they are spread over the data
addresses, one for each NIC.
"""

import json

from contenders import PEER, Contender, wait_reachable
from netns import build_dir
from results import BARE, IPMP
from topology import Lab

SHAPE = "tbf rate 500mbit burst 256kb latency 20ms"
FLOWS = {2: 8, 4: 32}


def shape(contender):
    for nic in contender.host.nics.values():
        contender.host.ns.run("tc", "qdisc", "add", "dev", nic.name, "root", *SHAPE.split())
        nic.switch.ns.run("tc", "qdisc", "add", "dev", nic.port, "root", *SHAPE.split())


def bits_per_second(contender, peer, direction, flows, seconds):
    if direction == "out":
        (a, address_a), (b, addresses_b) = (contender.host.ns, contender.address(4)), (peer.ns, [PEER[4]])
    else:
        (a, address_a), (b, addresses_b) = (peer.ns, PEER[4]), (contender.host.ns, contender.addresses[4])
    told = json.loads(a.run(build_dir() / "lab/load", "bulk", a.path, address_a, b.path, addresses_b[0], seconds, flows,
                            *addresses_b[1:], timeout_s=60).stdout)
    return 8 * told["bytes"] / told["seconds"]


def measure(plan, results):
    with Lab() as lab:
        switch = lab.switch()
        peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
        bare = Contender(lab, switch, BARE, 2)
        several = {nics: Contender(lab, switch, IPMP, nics + 1, nics=nics, data_addresses=nics) for nics in FLOWS}
        for contender in (bare, *several.values()):
            wait_reachable(contender, peer)
            shape(contender)
        turns, seconds = plan.some(2, 10), plan.some(1, 3)
        for turn in range(turns):
            for nics, flows in FLOWS.items():
                for direction in ("out", "in"):
                    for contender in plan.chance.sample([bare, several[nics]], 2):
                        results.add(f"shaped-{nics}-{direction}",
                                    f"{flows} TCP flows {direction}, {nics} NICs of 500 Mbit/s against one", "bit/s",
                                    "more", contender.name,
                                    bits_per_second(contender, peer, direction, flows, seconds))
            plan.say(f"shaped: turn {turn + 1} of {turns}")
