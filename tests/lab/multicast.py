"""A stream of numbered datagrams to a multicast group or to a broadcast address, which GROUP then is. Each end runs
inside a namespace as a process of its own.

    multicast.py send GROUP PORT LINK SECONDS PER_SECOND        prints how many were sent
    multicast.py receive GROUP PORT LINK       prints "ready", then every number as it arrives; ends with its stdin
"""

import ipaddress
import select
import socket
import struct
import sys
import time


def join_option(group, link):
    """The address family of a group, and its membership request for a link."""
    index = socket.if_nametoindex(link)
    if ":" in group:
        return socket.AF_INET6, struct.pack("=16sI", socket.inet_pton(socket.AF_INET6, group), index)
    return socket.AF_INET, struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)


def send(group, port, link, seconds, per_second):
    family, request = join_option(group, link)
    end = socket.socket(family, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if family == socket.AF_INET6:
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, request[16:])
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
    else:
        end.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
    began, count = time.monotonic(), 0
    while (due := count / float(per_second)) < float(seconds):
        time.sleep(max(0.0, began + due - time.monotonic()))  # the stream's pace
        end.sendto(struct.pack("!I", count), (group, int(port)))
        count += 1
    print(count)


def receive(group, port, link):
    family, request = join_option(group, link)
    end = socket.socket(family, socket.SOCK_DGRAM)
    end.bind((group, int(port)))
    level, option = ((socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP) if family == socket.AF_INET6 else
                     (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP))
    if ipaddress.ip_address(group).is_multicast:
        end.setsockopt(level, option, request)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([end, sys.stdin], [], [])
        if end in readable:
            print(struct.unpack("!I", end.recv(100))[0], flush=True)
        elif sys.stdin in readable:
            return


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](*sys.argv[2:])
