"""Members stacked on an ordinary NIC (R-GRP-14). Linux passes a NIC's carrier on to what is stacked on it with its
delayed link events, up to a second late; in.mpathd looks at the NIC itself.

              m0 on eth0 --- sw0 --- peer 192.0.2.9
    host <                   |                         ipmp0: 192.0.2.1, 192.0.2.2
              m1 on eth1 --- sw1
"""

import random
import statistics
import time

import pytest
from log_watch import LogWatch
from netns import wait_until

LATEST_MS = 100


def build(lab):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", "tap", switch, bridge=number)
        host.ns.ip_batch(f"link set eth{number} up",
                         f"link add link eth{number} name m{number} address {lab.new_mac()} type macvlan mode private")
    peer = lab.peer(switch, "192.0.2.9/24")
    host.start_daemon()
    host.make_group("ipmp0", ["192.0.2.1/24", "192.0.2.2/24"], ["m0", "m1"])
    return host, peer


@pytest.mark.timing
@pytest.mark.parametrize("cuts", [6, pytest.param(40, marks=pytest.mark.long)])
def test_R_DET_1_R_GRP_14_a_macvlan_on_a_tap_fails_as_early_as_the_tap(lab, say, cuts):
    """Each cut follows another link event by 0.1 to 1 s, so that Linux is late with it."""
    host, peer = build(lab)
    chance = random.Random(1)
    watch = LogWatch(host.ns.root / "mpathd.log")
    found_ms = []
    try:
        for number in range(cuts):
            nic, member = host.nics[f"eth{number % 2}"], f"m{number % 2}"
            host.ns.ip_batch("link add noise0 type veth peer name noise1", "link set noise0 up", "link set noise1 up",
                             "link del noise0")
            time.sleep(chance.uniform(0.1, 1))  # the distance to the event is what this test varies
            began = time.monotonic()
            nic.cut()
            seen = wait_until(lambda: watch.seen(f"The link has gone down on {member}$", began), 5, f"{member} failed")
            found_ms.append((seen - began) * 1000)
            host.wait_state(member, "failed")
            wait_until(lambda: peer.ping("192.0.2.1") and peer.ping("192.0.2.2"), 5, "the other member carries all")
            nic.heal()
            host.wait_ok("ipmp0")
    finally:
        watch.close()
    say(f"macvlans on taps, {cuts} cuts found after ms: {' '.join(f'{ms:.0f}' for ms in sorted(found_ms))}")
    assert max(found_ms) < LATEST_MS
    assert statistics.median(found_ms) < LATEST_MS / 5
    for member in ("m0", "m1"):
        assert host.log().count(f"The link has gone down on {member}\n") == cuts / 2, "each cut once"
        assert host.log().count(f"IP interface repair detected on {member} ") == cuts / 2
