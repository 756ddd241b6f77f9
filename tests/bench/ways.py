"""Other ways for a frame between ipmp0 and the NICs, each beside the bare NIC and the default (ADR 8). They are
made of a running group, from outside, and belong to no setting: what is worth having becomes one.

    ipmp            through the pair, whose other end takes frames from the processor's queue: the default
    ipmp fast       FAST_PATH=yes
    ipmp tcx        the same programs on tcx in front of the clsact hook (Linux 6.6)
    ipmp gro        generic receive offload at both ends of the pair: they then have queues of their own (NAPI)
    ipmp threaded   and kernel threads serve those
    ipmp rps        receive packet steering at ipmp0: another processor takes what comes up
    ipmp netkit     sends by a netkit device whose transmit function runs the program (Linux 6.7); receives as ever
"""

import ctypes
import os
import platform
import re
import socket
import struct

from contenders import PEER
from programs import find
from results import BARE, FAST, IPMP

OTHERS = ("tcx", "gro", "threaded", "rps", "netkit")
TCX_INGRESS, NETKIT_PRIMARY = 46, 54  # <linux/bpf.h> bpf_attach_type
BPF_PROG_ATTACH, BPF_PROG_GET_FD_BY_ID, SYS_BPF = 8, 13, 321
RTM_NEWLINK, RTM_GETLINK_FLAGS = 16, 0x605  # request, acknowledge, create, exclusive
IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_NETKIT_PEER_INFO, IFLA_NETKIT_MODE = 3, 18, 1, 2, 1, 4
_libc = ctypes.CDLL(None, use_errno=True)


def names():
    """Those that this kernel may have; whether it does is seen by trying."""
    release = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    least = {"tcx": (6, 6), "netkit": (6, 7)}
    return [BARE, IPMP, FAST, *(f"ipmp {way}" for way in OTHERS if release >= least.get(way, (0, 0)))]


def _bpf(command, attributes):
    result = _libc.syscall(SYS_BPF, command, ctypes.create_string_buffer(attributes, 64), 64)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf: {os.strerror(ctypes.get_errno())}")
    return result


def attach_also(host, link, identifier, attach_type):
    """The program of that identifier on one more hook; it stays there as long as the link."""
    descriptor = _bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("I", int(identifier)).ljust(64, b"\0"))
    with host.ns.entered():
        _bpf(BPF_PROG_ATTACH, struct.pack("4I", socket.if_nametoindex(link), descriptor, attach_type, 0))
    os.close(descriptor)


def _attribute(kind, payload):
    return (struct.pack("HH", 4 + len(payload), kind) + payload).ljust(4 + len(payload) + (-len(payload) % 4), b"\0")


def add_netkit(host, name, peer):
    """As `ip link add` of iproute2 6.7 and later would; that of Debian 12 cannot."""
    other = struct.pack("BxHiII", 0, 0, 0, 0, 0) + _attribute(IFLA_IFNAME, peer.encode() + b"\0")
    data = _attribute(IFLA_NETKIT_PEER_INFO, other) + _attribute(IFLA_NETKIT_MODE, struct.pack("I", 0))  # layer 2
    body = (struct.pack("BxHiII", 0, 0, 0, 0, 0) + _attribute(IFLA_IFNAME, name.encode() + b"\0") +
            _attribute(IFLA_LINKINFO, _attribute(IFLA_INFO_KIND, b"netkit\0") + _attribute(IFLA_INFO_DATA, data)))
    with host.ns.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(struct.pack("IHHII", 16 + len(body), RTM_NEWLINK, RTM_GETLINK_FLAGS, 1, 0) + body)
        [error] = struct.unpack_from("i", kernel.recv(4096), 16)
    if error:
        raise OSError(-error, f"netkit: {os.strerror(-error)}")


def lower_of(host):
    return next(link["ifname"] for link in host.ns.ip("link", "show") if link["ifname"].startswith("ipmpl"))


def take_tcx(contender, peer):
    host = contender.host
    for link in (lower_of(host), *host.nics):
        attach_also(host, link, find(host, link), TCX_INGRESS)


def take_gro(contender, peer):
    for link in ("ipmp0", lower_of(contender.host)):
        contender.host.ns.run("ethtool", "-K", link, "gro", "on")


def write_setting(host, link, setting, value):
    host.ns.run("unshare", "--mount", "sh", "-c",
                f"mount -t sysfs sysfs /sys && echo {value} >/sys/class/net/{link}/{setting}")


def take_threaded(contender, peer):
    take_gro(contender, peer)
    for link in ("ipmp0", lower_of(contender.host)):
        write_setting(contender.host, link, "threaded", 1)


def take_rps(contender, peer):
    write_setting(contender.host, "ipmp0", "queues/rx-0/rps_cpus", f"{(1 << os.cpu_count()) - 1:x}")


def take_netkit(contender, peer):
    host = contender.host
    add_netkit(host, "nk0", "nk1")
    attach_also(host, "nk0", find(host, lower_of(host)), NETKIT_PRIMARY)
    host.ns.ip_batch("link set nk1 up", "link set nk0 up",
                     *(line for family, address in PEER.items() for line in (
                         f"neigh replace {address} lladdr {peer.mac} dev nk0 nud permanent",
                         f"route replace {address} dev nk0 src {contender.address(family)}")))


def take(contender, peer, say):
    """Puts a contender that `names` names on its way; False if this kernel does not know that."""
    way = contender.name.partition(" ")[2]
    try:
        if way in OTHERS:
            globals()[f"take_{way}"](contender, peer)
    except OSError as error:
        say(f"ways: leaving out {contender.name}: {error}")
        return False
    return True
