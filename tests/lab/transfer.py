"""One end of a bulk TCP transfer, checked by SHA-256. Runs inside a namespace as a process of its own.

    transfer.py receive ADDRESS PORT        prints "ready", later "BYTES DIGEST"
    transfer.py send SOURCE ADDRESS PORT SECONDS BYTES_PER_SECOND        prints "BYTES DIGEST"
"""

import hashlib
import random
import socket
import sys
import time

CHUNK_BYTES = 1 << 17


def receive(address, port):
    with socket.create_server((address, int(port))) as listener:
        print("ready", flush=True)
        connection, _ = listener.accept()
    digest, total = hashlib.sha256(), 0
    while data := connection.recv(CHUNK_BYTES):
        digest.update(data)
        total += len(data)
    print(total, digest.hexdigest(), flush=True)


def send(source, address, port, seconds, bytes_per_second):
    connection = socket.create_connection((address, int(port)), timeout=10, source_address=(source, 0))
    pattern = random.Random(1).randbytes(CHUNK_BYTES)
    digest, total, began = hashlib.sha256(), 0, time.monotonic()
    while (passed := time.monotonic() - began) < float(seconds):
        if total > passed * float(bytes_per_second):
            time.sleep(0.002)  # the rate is bounded so that the demonstration leaves room for what it measures
            continue
        data = total.to_bytes(8, "big") + pattern[8:]  # no two chunks are alike
        connection.sendall(data)
        digest.update(data)
        total += len(data)
    connection.close()
    print(total, digest.hexdigest(), flush=True)


if __name__ == "__main__":
    {"receive": receive, "send": send}[sys.argv[1]](*sys.argv[2:])
