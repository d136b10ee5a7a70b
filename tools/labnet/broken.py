"""A name server that answers AAAA questions in every wrong way: the first label says which.

    python3 broken.py ADDRESS PORT

It serves broken.example: whatever the name, its A is the web server's. An AAAA question below
`servfail`, `refused`, `notimp`, `formerr`, `nxdomain`, `silent`, `empty` (no SOA) or `lame` (empty
and without authority) is answered that way; any other name has a clean NODATA.
"""

import socket
import struct
import sys
import threading

ZONE = [b"broken", b"example"]
ADDRESS = socket.inet_aton("78.0.96.91")
TYPE_A, TYPE_NS, TYPE_SOA, TYPE_AAAA = 1, 2, 6, 28
RCODES = {b"formerr": 1, b"servfail": 2, b"nxdomain": 3, b"notimp": 4, b"refused": 5}
QR_AA = 0x8400


def wire_name(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


SOA = wire_name([b"ns", *ZONE]) + wire_name([b"hostmaster", *ZONE]) + struct.pack(
    "!5I", 2026112101, 1800, 900, 604800, 60
)


def record(owner, kind, data):
    return wire_name(owner) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def read_question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    kind, _ = struct.unpack_from("!HH", query, at + 1)
    return labels, kind, query[12 : at + 5]


def reply(query):
    """The answer's bytes, or None where silence is the answer."""
    try:
        if len(query) < 12 or query[2] & 0x80:
            return None
        labels, kind, question = read_question(query)
    except (IndexError, struct.error):
        return None
    lower = [label.lower() for label in labels]
    flags, answer, authority = QR_AA, [], []
    if lower[-2:] != ZONE:
        flags |= RCODES[b"refused"]
    elif kind == TYPE_AAAA and len(lower) > 2:
        how = lower[-3]
        if how == b"silent":
            return None
        if how == b"lame":
            flags &= ~0x0400
        elif how in RCODES:
            flags |= RCODES[how]
        if how not in (b"empty", b"lame") and (how not in RCODES or how == b"nxdomain"):
            authority.append(record(ZONE, TYPE_SOA, SOA))
    elif kind == TYPE_A and lower != ZONE:
        answer.append(record(labels, TYPE_A, socket.inet_aton("127.64.4.1") if lower[0] == b"ns" else ADDRESS))
    elif kind == TYPE_NS and lower == ZONE:
        answer.append(record(labels, TYPE_NS, wire_name([b"ns", *ZONE])))
    elif kind == TYPE_SOA and lower == ZONE:
        answer.append(record(labels, TYPE_SOA, SOA))
    else:
        authority.append(record(ZONE, TYPE_SOA, SOA))
    flags |= (query[2] & 0x01) << 8  # RD is copied
    counts = struct.pack("!HHHHH", flags, 1, len(answer), len(authority), 0)
    return query[:2] + counts + question + b"".join(answer + authority)


def serve_udp(server):
    while True:
        query, peer = server.recvfrom(4096)
        message = reply(query)
        if message:
            server.sendto(message, peer)


def serve_stream(stream):
    stream.settimeout(10)
    with stream, stream.makefile("rb") as reader:
        try:
            while len(size := reader.read(2)) == 2:
                message = reply(reader.read(int.from_bytes(size, "big")))
                if message:
                    stream.sendall(len(message).to_bytes(2, "big") + message)
        except OSError:
            pass


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, port))
    tcp = socket.create_server((address, port))
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    while True:
        stream, _ = tcp.accept()
        threading.Thread(target=serve_stream, args=(stream,), daemon=True).start()


if __name__ == "__main__":
    main()
