"""A station that means no good: builds frames of one kind and sends them as fast as it can.

Run in the attacker's namespace:  attacker.py LINK KIND SECONDS SEED '{"victim": ..., ...}'   prints how many it sent.

Each kind is a pool of different frames, made from a seed, sent over and over. What a host may do about each kind is
the test's business (tests/netns/test_attacker.py).
"""

import ipaddress
import json
import os
import random
import socket
import struct
import sys
import time

POOL = 1024
BROADCAST = b"\xff" * 6
ADDRESSES = 32  # so many senders: Linux has one neighbour table of about 1,000 entries for all namespaces together


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(destination, source, kind, payload):
    return destination + source + struct.pack("!H", kind) + payload


def ipv4(source, destination, protocol, payload, ttl=64, fragment=0, options=b""):
    header = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, fragment,
                         ttl, protocol, 0, source, destination) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload, hops=255):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hops, source, destination) + payload


def icmpv6(source, destination, kind, body, hops=255, code=0):
    plain = struct.pack("!BBH", kind, code, 0) + body
    pseudo = source + destination + struct.pack("!II", len(plain), 58)
    whole = plain[:2] + struct.pack("!H", checksum(pseudo + plain)) + plain[4:]
    return ipv6(source, destination, 58, whole, hops)


def icmp(kind, code, body):
    plain = struct.pack("!BBH", kind, code, 0) + body
    return plain[:2] + struct.pack("!H", checksum(plain)) + plain[4:]


def multicast_mac(group):
    return b"\x33\x33" + group[-4:] if len(group) == 16 else b"\x01\x00\x5e" + bytes([group[1] & 0x7f]) + group[2:]


def solicited_node(address):
    return bytes.fromhex("ff0200000000000000000001ff") + address[-3:]


ALL_NODES = ipaddress.ip_address("ff02::1").packed
ALL_HOSTS = ipaddress.ip_address("224.0.0.1").packed


class Attacker:
    """One method for each kind: a frame."""

    def __init__(self, seed, facts):
        self.random = random.Random(seed)
        self.nics = [mac_bytes(mac) for mac in facts["nics"]]
        self.victim, self.data, self.test = (socket.inet_aton(facts[key]) for key in ("victim", "data", "test"))
        self.victim6, self.data6 = (ipaddress.ip_address(facts[key]).packed for key in ("victim6", "data6"))
        self.peer = socket.inet_aton(facts["peer"])

    def bytes(self, most, least=0):
        return self.random.randbytes(self.random.randint(least, most))

    def mac(self):
        return b"\x06" + self.random.randbytes(5)

    def address(self):
        return bytes((192, 0, 2, 100 + self.random.randrange(ADDRESSES)))

    def address6(self):
        return self.data6[:8] + b"\6" * 7 + bytes((self.random.randrange(ADDRESSES),))

    def nic(self):
        return self.random.choice(self.nics)

    def arp(self, operation, sender_mac, sender, target_mac, target, destination=BROADCAST):
        return ethernet(destination, sender_mac, 0x0806, struct.pack(
            "!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, sender_mac, sender, target_mac, target))

    def advertisement(self, source_mac, target, flags, destination=ALL_NODES):
        body = struct.pack("!I16sBB6s", flags, target, 2, 1, source_mac)
        return ethernet(multicast_mac(destination), source_mac, 0x86dd, icmpv6(target, destination, 136, body))

    # Which the rules answer by giving an address up, the fourth time within 30 s

    def arp_claims_from_many_macs(self):
        mac = self.mac()
        return self.arp(self.random.choice((1, 2)), mac, self.victim, b"\0" * 6, self.victim)

    def ndp_claims_from_many_macs(self):
        return self.advertisement(self.mac(), self.victim6, 0x20000000)

    # Which must change nothing

    def arp_questions_from_many_macs(self):
        return self.arp(1, self.mac(), self.random.choice((b"\0" * 4, self.address())), b"\0" * 6, self.data)

    def ndp_questions_from_many_macs(self):
        mac, source = self.mac(), self.random.choice((b"\0" * 16, self.address6()))
        option = b"" if source == b"\0" * 16 else struct.pack("!BB6s", 1, 1, mac)
        group = solicited_node(self.data6)
        body = struct.pack("!I16s", 0, self.data6) + option
        return ethernet(multicast_mac(group), mac, 0x86dd, icmpv6(source, group, 135, body))

    def arp_answers_nobody_asked_for(self):
        mac = self.mac()
        return self.arp(2, mac, self.address(), self.nic(), self.data, self.nic())

    def ndp_answers_nobody_asked_for(self):
        mac, source = self.mac(), self.address6()
        body = struct.pack("!I16sBB6s", 0x60000000, source, 2, 1, mac)
        return ethernet(self.nic(), mac, 0x86dd, icmpv6(source, self.data6, 136, body))

    def frames_of_our_own_macs(self):
        mac = self.nic()
        return self.random.choice((
            self.arp(1, mac, self.data, b"\0" * 6, self.data), self.advertisement(mac, self.data6, 0x20000000),
            ethernet(BROADCAST, mac, 0x0800, ipv4(self.data, b"\xff" * 4, 17, self.bytes(64, 8)))))

    def forged_probe_answers(self):
        body = struct.pack("!HH", self.random.randrange(65536), self.random.randrange(65536)) + self.bytes(40, 8)
        return ethernet(self.nic(), self.mac(), 0x0800, ipv4(self.peer, self.test, 1, icmp(0, 0, body)))

    def icmp_errors(self):
        inner = ipv4(self.test, self.peer, 1, icmp(8, 0, self.random.randbytes(12)))
        kind, code = self.random.choice(((3, self.random.randrange(16)), (11, 0), (12, 0), (4, 0), (5, 1)))
        return ethernet(self.nic(), self.mac(), 0x0800,
                        ipv4(self.peer, self.test, 1, icmp(kind, code, self.random.randbytes(4) + inner)))

    def fragments(self):
        if self.random.random() < 0.5:
            offset = self.random.choice((0x2000, 0x2001, 0x0001, 0x1fff, 0x3fff, self.random.randrange(0x4000)))
            return ethernet(self.nic(), self.mac(), 0x0800,
                            ipv4(self.peer, self.data, self.random.choice((1, 6, 17)), self.bytes(64), 64, offset))
        header = struct.pack("!BBHI", self.random.choice((58, 17, 44)), 0, self.random.randrange(65536),
                             self.random.randrange(4))
        return ethernet(self.nic(), self.mac(), 0x86dd,
                        ipv6(self.address6(), self.data6, 44, header + self.bytes(64)))

    def malformed_arp(self):
        whole = bytearray(self.arp(1, self.mac(), self.victim, b"\0" * 6, self.data))
        for _ in range(self.random.randint(1, 4)):  # never a claim: type, lengths or operation are wrong
            whole[14 + self.random.randrange(8)] ^= self.random.randrange(1, 256)
        whole[19] ^= 0x80
        return bytes(whole[:self.random.randint(14, len(whole))])

    def malformed_ndp(self):
        kind = self.random.choice((133, 134, 135, 136, 137))
        body = self.random.randbytes(4) + self.victim6[:self.random.randrange(16)]
        if self.random.random() < 0.5:  # whole, but options of no length, or from beyond a router
            body = self.random.randbytes(4) + self.data6 + bytes((self.random.choice((1, 2)), 0)) + self.bytes(40)
        return ethernet(multicast_mac(ALL_NODES), self.mac(), 0x86dd, icmpv6(
            self.address6(), ALL_NODES, kind, body, self.random.choice((255, 254, 1)), self.random.choice((1, 77))))

    def malformed_icmp(self):
        return self.random.choice((
            ethernet(self.nic(), self.mac(), 0x0800, ipv4(self.peer, self.test, 1, self.bytes(64))),
            ethernet(self.nic(), self.mac(), 0x86dd,
                     ipv6(self.address6(), self.data6, 58, self.random.randbytes(1) + self.bytes(64), 1))))

    def malformed_ip(self):
        whole = bytearray(ipv4(self.peer, self.data, 17, self.bytes(64), options=self.random.randbytes(8)))
        whole[0] = self.random.randrange(256)
        whole[2:4] = self.random.randbytes(2)
        kind = self.random.choice((0x0800, 0x86dd))
        return ethernet(self.nic(), self.mac(), kind, bytes(whole[:self.random.randint(1, len(whole))]))

    def igmp_and_mld(self):
        if self.random.random() < 0.5:
            kind = self.random.choice((0x11, 0x12, 0x16, 0x17, 0x22, self.random.randrange(256)))
            body = bytes((kind, self.random.randrange(256))) + self.random.randbytes(2) + self.bytes(40)
            if self.random.random() < 0.5:
                whole = bytes((kind, 1, 0, 0)) + self.bytes(12)
                body = whole[:2] + struct.pack("!H", checksum(whole)) + whole[4:]
            return ethernet(multicast_mac(ALL_HOSTS), self.mac(), 0x0800,
                            ipv4(self.address(), ALL_HOSTS, 2, body, 1, options=b"\x94\x04\0\0"))
        link_local = b"\xfe\x80" + b"\0" * 6 + self.address6()[8:]
        body = self.random.randbytes(4) + b"\0" * self.random.choice((4, 16, 20)) + self.bytes(20)
        return ethernet(multicast_mac(ALL_NODES), self.mac(), 0x86dd, icmpv6(
            link_local, ALL_NODES, self.random.choice((130, 131, 132, 143)), body, 1))

    def dhcp(self):
        port = self.random.choice((68, 67, 546, 547))
        payload = self.bytes(300)
        udp = struct.pack("!HHHH", 67, port, 8 + len(payload), 0) + payload
        return ethernet(self.random.choice((BROADCAST, self.nic())), self.mac(), 0x0800,
                        ipv4(self.address(), self.random.choice((b"\xff" * 4, self.data, self.test)), 17, udp))

    def anything(self):
        kind = self.random.choice((0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x88cc, self.random.randrange(65536)))
        return ethernet(self.random.choice((BROADCAST, self.nic(), self.random.randbytes(6))), self.mac(), kind,
                        self.bytes(200))

    def router_advertisements(self):
        """Of many routers with many networks; the kernel takes what it takes."""
        mac = self.mac()
        source = b"\xfe\x80" + b"\0" * 6 + self.address6()[8:]
        network = bytes.fromhex("20010db8") + self.random.randbytes(4) + b"\0" * 8
        options = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 1800, 0, network) + struct.pack("!BB6s", 1, 1, mac)
        body = struct.pack("!BBHII", 64, 0, self.random.choice((0, 1800)), 0, 0) + options
        return ethernet(multicast_mac(ALL_NODES), mac, 0x86dd, icmpv6(source, ALL_NODES, 134, body))


CLAIMS = ("arp_claims_from_many_macs", "ndp_claims_from_many_macs")
HARMLESS = ("arp_questions_from_many_macs", "ndp_questions_from_many_macs", "arp_answers_nobody_asked_for",
            "ndp_answers_nobody_asked_for", "frames_of_our_own_macs", "forged_probe_answers", "icmp_errors",
            "fragments", "malformed_arp", "malformed_ndp", "malformed_icmp", "malformed_ip", "igmp_and_mld", "dhcp",
            "anything")
ROUTERS = ("router_advertisements",)


def main(link, kind, seconds, seed, facts):
    attacker = Attacker(int(seed), json.loads(facts))
    frames = [getattr(attacker, kind)() for _ in range(POOL)]
    frames = [frame + b"\0" * max(0, 14 - len(frame)) for frame in frames]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((link, 0))
    os.nice(5)
    print("ready", flush=True)
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for frame in frames:
            try:
                wire.send(frame)
                sent += 1
            except OSError:  # no room in the queue, or longer than the link takes
                pass
    print(sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
