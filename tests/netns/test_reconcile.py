"""Whatever an operator breaks is mended within seconds (design D7), and traffic goes on meanwhile or soon after.

    host (eth0, eth1) --- switch --- peer          ipmp0: 192.0.2.1, 192.0.2.2
"""

import pytest
from netns import wait_until

DATA, PEER = "192.0.2.1", "192.0.2.9"


@pytest.fixture
def group(lab):
    switch = lab.switch()
    host = lab.host()
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch)
    peer = lab.peer(switch, f"{PEER}/24")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", "192.0.2.2/24"])
    assert peer.ping(DATA)
    return host, peer


def filters(host, link):
    return host.ns.run("tc", "filter", "show", "dev", link, "ingress").stdout


@pytest.mark.parametrize("link", ["eth0", "eth1", "ipmpl0"])
def test_a_deleted_filter_returns(group, link):
    host, peer = group
    assert "bpf" in filters(host, link)
    host.ns.run("tc", "filter", "del", "dev", link, "ingress")  # it may be back before we could see it gone
    wait_until(lambda: "bpf" in filters(host, link), 5, "the filter is back")
    wait_until(lambda: peer.ping(DATA) and peer.ping("192.0.2.2"), 5, "the peer reaches the group")


def test_a_deleted_clsact_qdisc_returns(group):
    host, peer = group
    host.ns.run("tc", "qdisc", "del", "dev", "eth0", "clsact")
    wait_until(lambda: "bpf" in filters(host, "eth0"), 5, "the filter is back")
    wait_until(lambda: peer.ping(DATA) and peer.ping("192.0.2.2"), 5, "the peer reaches the group")


@pytest.mark.parametrize("name", ["ipv4/conf/eth0/rp_filter", "ipv4/conf/eth1/arp_ignore"])
def test_a_changed_setting_is_put_back(group, name):
    host, _ = group
    wanted = host.ns.sysctl(name)
    assert wanted != "0"
    host.ns.sysctl(name, 0)
    wait_until(lambda: host.ns.sysctl(name) == wanted, 5, f"{name} is {wanted} again")


def test_a_deleted_data_address_returns(group):
    host, peer = group
    host.ns.ip_batch(f"addr del {DATA}/24 dev ipmp0")
    wait_until(lambda: peer.ping(DATA), 5, "the address answers again")


def test_a_lower_end_set_down_comes_up_again(group):
    host, peer = group
    host.ns.ip_batch("link set ipmpl0 down")
    wait_until(lambda: host.ns.has_carrier("ipmp0"), 5, "carrier back on ipmp0")
    wait_until(lambda: peer.ping(DATA), 5, "the peer reaches the group")
