"""DNS messages as bytes: just enough to serve and to log several thousand queries a second."""

import struct
from dataclasses import dataclass, field

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28,
    "SRV": 33, "DNAME": 39, "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50,
    "NSEC3PARAM": 51, "SVCB": 64, "HTTPS": 65, "IXFR": 251, "AXFR": 252, "ANY": 255,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}

RCODES = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5,
    "YXDOMAIN": 6, "NOTAUTH": 9, "NOTZONE": 10, "RCODE11": 11, "BADVERS": 16,
}

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010


class WireError(Exception):
    """The bytes are not the DNS message that they should be."""


def type_number(name):
    if isinstance(name, int):
        return name
    if name in TYPES:
        return TYPES[name]
    if name.startswith("TYPE"):
        return int(name[4:])
    raise ValueError(f"unknown type {name}")


def type_name(number):
    return TYPE_NAMES.get(number, f"TYPE{number}")


def labels_of(text):
    """The labels of a name in text, lower-cased, without the root; every name is absolute."""
    text = text.strip().rstrip(".").lower()
    return tuple(label.encode("latin-1") for label in text.split(".")) if text else ()


def text_of(labels):
    return ".".join(label.decode("latin-1") for label in labels) + "."


def name_wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


@dataclass(repr=False)
class Query:
    """One query as the authority saw it."""

    time: float
    server: str
    port: int
    transport: str
    client: tuple
    wire: bytes
    id: int
    flags: int
    raw_name: str       # letter case as received
    labels: tuple       # lower-cased
    type: str
    qclass: int
    question_end: int
    edns: bool = False
    version: int = 0
    payload: int = 512
    do: bool = False
    options: list = field(default_factory=list)

    @property
    def name(self):
        return text_of(self.labels)

    def __str__(self):
        edns = f" edns({self.payload}{' do' if self.do else ''})" if self.edns else ""
        flags = "".join(f" {n}" for n, bit in (("rd", RD), ("cd", CD), ("ad", AD)) if self.flags & bit)
        return (f"{self.time:.4f} {self.server}@{self.port} {self.transport} from {self.client[1]} "
                f"id {self.id} {self.raw_name} {self.type}{flags}{edns}")

    __repr__ = __str__


def parse_query(wire, time, server, port, transport, client):
    if len(wire) < 17:
        raise WireError("short")
    ident, flags, qdcount, ancount, nscount, arcount = struct.unpack_from("!6H", wire)
    if flags & QR or qdcount != 1:
        raise WireError("not a query")
    at = 12
    labels = []
    while True:
        length = wire[at]
        at += 1
        if length == 0:
            break
        if length > 63:
            raise WireError("pointer in the question")
        labels.append(wire[at:at + length])
        at += length
    qtype, qclass = struct.unpack_from("!2H", wire, at)
    at += 4
    query = Query(time, server, port, transport, client, wire, ident, flags, text_of(labels),
                  tuple(label.lower() for label in labels), type_name(qtype), qclass, at)
    if arcount and at + 11 <= len(wire) and wire[at] == 0:
        rtype, rclass, ttl, rdlen = struct.unpack_from("!HHIH", wire, at + 1)
        if rtype == 41:
            query.edns = True
            query.payload = rclass
            query.version = ttl >> 16 & 0xFF
            query.do = bool(ttl & 0x8000)
            at += 11
            end = min(at + rdlen, len(wire))
            while at + 4 <= end:
                code, size = struct.unpack_from("!2H", wire, at)
                query.options.append((code, wire[at + 4:at + 4 + size]))
                at += 4 + size
    return query


class Builder:
    """Writes a reply. Owner names and names are compressed against names written before."""

    def __init__(self, query, flags=0, question=None):
        self.query = query
        self.flags = QR | (query.flags & RD) | flags
        self.rcode = 0
        self.question = query.wire[12:query.question_end] if question is None else question
        self.counts = [1 if self.question else 0, 0, 0, 0]
        self.body = bytearray()
        self.offsets = {}
        if question is None:
            offset = 12
            for index in range(len(query.labels)):
                self.offsets[query.labels[index:]] = offset
                offset += 1 + len(query.labels[index])

    def _name(self, labels):
        for index in range(len(labels)):
            known = self.offsets.get(labels[index:])
            if known is not None:
                self.body += struct.pack("!H", 0xC000 | known)
                return
            here = 12 + len(self.question) + len(self.body)
            if here < 0x4000:
                self.offsets[labels[index:]] = here
            self.body.append(len(labels[index]))
            self.body += labels[index]
        self.body.append(0)

    def add(self, section, owner, rtype, ttl, rdata, rclass=1):
        """`section`: 1 answer, 2 authority, 3 additional. `owner`: labels. `rdata`: bytes."""
        self._name(owner)
        self.body += struct.pack("!HHIH", rtype, rclass, ttl, len(rdata))
        self.body += rdata
        self.counts[section] += 1

    def add_opt(self, payload=1232, extended=0, version=0, flags=0, options=b""):
        self.body += struct.pack("!BHHBBHH", 0, 41, payload, extended, version, flags, len(options))
        self.body += options
        self.counts[3] += 1

    def wire(self):
        head = struct.pack("!6H", self.query.id, self.flags | (self.rcode & 15), *self.counts)
        return head + self.question + bytes(self.body)

    def truncated(self):
        head = struct.pack("!6H", self.query.id, self.flags | TC | (self.rcode & 15),
                           self.counts[0], 0, 0, 0)
        return head + self.question
