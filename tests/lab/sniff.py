"""Captured frames of one link, as a packet socket inside its namespace sees them."""

import collections
import ctypes
import errno
import socket
import struct
import subprocess

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
AUXDATA = "IIIHHHH"  # struct tpacket_auxdata: status, lengths, offsets, VLAN tag
TP_STATUS_VLAN_VALID = 1 << 4

# `data` starts at the Ethernet header. `outgoing`: sent by the link's own namespace (at a switch port: to the NIC).
# `vlan`: the identifier of its VLAN tag, which the kernel has taken out of the data; 0: untagged. `at_s`: when the
# kernel saw it, in seconds of the wall clock.
Frame = collections.namedtuple("Frame", "data outgoing vlan at_s")


def mac_text(raw):
    return ":".join(f"{byte:02x}" for byte in raw)


def announcements(frames):
    """Of raw frames those that announce: ARP with sender = target address, unsolicited neighbour advertisements."""
    return [data.hex() for data in frames
            if (data[12:14] == b"\x08\x06" and data[28:32] == data[38:42]) or
            (data[12:14] == b"\x86\xdd" and data[20] == 58 and data[54] == 136 and not data[58] & 0x40)]


class Sniffer:
    """Collects from its creation on; frames() returns all of them so far. The kernel's buffer holds what was not yet
    read: about 100,000 small frames; more is an error, never a silent loss."""

    def __init__(self, namespace, link, expression=""):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if expression:
            self._attach(expression)
        with namespace.entered():
            self.socket.bind((link, ETH_P_ALL))
        self.socket.setblocking(False)
        self._frames = []

    def _attach(self, expression):
        lines = subprocess.run(["tcpdump", "-ddd", "-y", "EN10MB", expression], check=True, capture_output=True,
                               text=True).stdout.split("\n")
        program = b"".join(struct.pack("HBBI", *map(int, line.split())) for line in lines[1:] if line)
        buffer = ctypes.create_string_buffer(program)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("HP", int(lines[0]), ctypes.addressof(buffer)))

    def frames(self):
        while True:
            try:
                data, ancillary, _, address = self.socket.recvmsg(65536, 128)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # told once when the link goes down; capturing goes on
                    raise
                continue
            told = {(level, kind): content for level, kind, content in ancillary}
            status, *_, tag, _ = struct.unpack(AUXDATA, told[SOL_PACKET, PACKET_AUXDATA])
            seconds, nanoseconds = struct.unpack("qq", told[socket.SOL_SOCKET, SO_TIMESTAMPNS])
            vlan = tag & 0xfff if status & TP_STATUS_VLAN_VALID else 0
            self._frames.append(Frame(data, address[2] == PACKET_OUTGOING, vlan, seconds + nanoseconds / 1e9))
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if dropped:
            raise RuntimeError(f"the sniffer lost {dropped} frames")
        return self._frames

    def clear(self):
        self.frames()
        self._frames = []

    def macs(self):
        """Every MAC that occurs anywhere at a MAC's place: Ethernet header and ARP; ND options by substring search
        with contains()."""
        seen = set()
        for frame in self.frames():
            seen.update((mac_text(frame.data[0:6]), mac_text(frame.data[6:12])))
            if frame.data[12:14] == b"\x08\x06":
                seen.update((mac_text(frame.data[22:28]), mac_text(frame.data[32:38])))
        return seen

    def contains(self, mac):
        """Frames with these six bytes anywhere."""
        raw = bytes.fromhex(mac.replace(":", ""))
        return [frame for frame in self.frames() if raw in frame.data]

    def close(self):
        self.socket.close()
