"""Zones that make a validator work for nothing, below a root and parents that are signed well.

    chain = Chain(world)                 # the root, com. and example.com. of this world are signed from now on
    trap = chain.zone("trap.com.")       # delegated with a DS record
    trap.server.on(worthless_answers(trap.lure("ECDSAP384SHA384", 100), 100), type="A", below="trap.com.")
    start(**chain.config())

The signer is of a few lines: it signs what it is asked for, at that moment, and denies with NSEC records that
cover one name each (RFC 4470), or with an NSEC3 chain of the whole zone (RFC 5155).
"""

import base64
import bisect
import hashlib
import random
import struct
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support import wire
from support.wire import Builder, labels_of, name_wire, text_of, type_number
from support.world import absolute
from support.zone import parse_records

A, NS, SOA, DS, RRSIG, NSEC, DNSKEY, NSEC3 = 1, 2, 6, 43, 46, 47, 48, 50
ALGORITHMS = {"RSASHA256": 8, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15}
DAY = 86400
BASE32HEX = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz234567", b"0123456789abcdefghijklmnopqrstuv")


# --- records ---

def key_tag(rdata):
    """RFC 4034 appendix B."""
    padded = rdata + b"\0" * (len(rdata) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    return (total + (total >> 16)) & 0xFFFF


def digest_rdata(owner, dnskey, algorithm):
    """The DS record of a key, with SHA-256."""
    return struct.pack("!HBB", key_tag(dnskey), algorithm, 2) + hashlib.sha256(name_wire(owner) + dnskey).digest()


def rrsig_head(rtype, algorithm, labels, ttl, tag, signer):
    now = int(time.time())
    return struct.pack("!HBBIIIH", rtype, algorithm, labels, ttl, now + 10 * DAY, now - DAY, tag) + name_wire(signer)


def type_bitmap(types):
    windows = {}
    for rtype in sorted(types):
        bits = windows.setdefault(rtype >> 8, bytearray(32))
        bits[(rtype & 255) >> 3] |= 0x80 >> (rtype & 7)
    return b"".join(bytes([window, len(bits.rstrip(b"\0"))]) + bits.rstrip(b"\0") for window, bits in windows.items())


def nsec3_hash(labels, iterations, salt):
    value = hashlib.sha1(name_wire(labels) + salt).digest()
    for _ in range(iterations):
        value = hashlib.sha1(value + salt).digest()
    return value


def base32hex(value):
    return base64.b32encode(value).lower().rstrip(b"=").translate(BASE32HEX)


# --- the zones that are signed well ---

class SignedZone:
    """What a scripted server needs of a zone. One key signs everything."""

    def __init__(self, origin, text="", *, iterations=None):
        self.origin = labels_of(origin)
        self.nodes = {}
        self.iterations = iterations    # of NSEC3; None: NSEC
        self.salt = b"\xab\xcd"
        self._private = ec.generate_private_key(ec.SECP256R1())
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.key = struct.pack("!HBB", 257, 3, 13) + point[1:]
        self.tag = key_tag(self.key)
        self.keys = [self.key]
        self._signatures = {}
        self._chain = None
        self.add(f"@ 300 SOA ns1.{absolute(origin).lstrip('.')} h.{absolute(origin).lstrip('.')} 1 3600 600 86400 300")
        self.add(text)

    def add(self, text, ttl=300):
        for labels, rtype, rttl, rdata in parse_records(text, text_of(self.origin), ttl):
            self.put(labels, rtype, rttl, rdata)

    def put(self, labels, rtype, ttl, rdata):
        self.nodes.setdefault(labels, {}).setdefault(rtype, (ttl, []))[1].append(rdata)
        self._chain = None

    def ds(self):
        return digest_rdata(self.origin, self.key, 13)

    def holds(self, labels):
        return not self.origin or labels[-len(self.origin):] == self.origin

    def sign(self, owner, rtype, ttl, rdatas):
        """The RDATA of the RRSIG over these records."""
        known = (owner, rtype, ttl, tuple(rdatas))
        if known not in self._signatures:
            head = rrsig_head(rtype, 13, len(owner), ttl, self.tag, self.origin)
            record = name_wire(owner) + struct.pack("!HHI", rtype, 1, ttl)
            data = head + b"".join(record + struct.pack("!H", len(rdata)) + rdata for rdata in sorted(rdatas))
            r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(hashes.SHA256())))
            if len(self._signatures) > 5000:
                self._signatures.clear()
            self._signatures[known] = head + r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self._signatures[known]

    # --- answers ---

    def answer(self, query):
        reply = Builder(query, wire.AA)
        qtype = type_number(query.type)
        cut = self._cut(query.labels, qtype)
        node = self.nodes.get(query.labels, {})
        if cut is not None:
            self._refer(reply, cut)
        elif qtype == DNSKEY and query.labels == self.origin:
            self.put_signed(reply, 1, self.origin, DNSKEY, 300, self.keys)
        elif qtype in node:
            self.put_signed(reply, 1, query.labels, qtype, *node[qtype])
        else:
            self.deny(reply)
        if query.edns:
            reply.add_opt(flags=0x8000 if query.do else 0)
        return reply

    def put_signed(self, reply, section, owner, rtype, ttl, rdatas):
        for rdata in rdatas:
            reply.add(section, owner, rtype, ttl, rdata)
        if reply.query.do:
            reply.add(section, owner, RRSIG, ttl, self.sign(owner, rtype, ttl, rdatas))

    def _cut(self, name, qtype):
        for index in range(len(name) - len(self.origin) - 1, -1, -1):
            if NS in self.nodes.get(name[index:], {}) and not (index == 0 and qtype == DS):
                return name[index:]
        return None

    def _refer(self, reply, cut):
        reply.flags &= ~wire.AA
        ttl, servers = self.nodes[cut][NS]
        for rdata in servers:
            reply.add(2, cut, NS, ttl, rdata)
        if DS in self.nodes[cut]:
            self.put_signed(reply, 2, cut, DS, *self.nodes[cut][DS])
        else:
            self._put_denial(reply, cut)
        for rdata in servers:
            for glue in self.nodes.get(labels_in(rdata), {}).get(A, (0, []))[1]:
                reply.add(3, labels_in(rdata), A, ttl, glue)

    def deny(self, reply):
        """No such type; with NSEC it is said so of names that do not exist as well."""
        name = reply.query.labels
        if self.iterations is not None and not any(name == owner[len(owner) - len(name):] for owner in self.nodes):
            reply.rcode = wire.RCODES["NXDOMAIN"]
        self.put_signed(reply, 2, self.origin, SOA, *self.nodes[self.origin][SOA])
        self._put_denial(reply, name)

    def _put_denial(self, reply, name):
        if not reply.query.do:
            return
        if self.iterations is None:
            types = {*self.nodes.get(name, {}), RRSIG, NSEC}
            self.put_signed(reply, 2, name, NSEC, 300, [name_wire((b"\0",) + name) + type_bitmap(types)])
            return
        names, chain = self.chain()
        if name in names:
            proved = [name]
        else:    # RFC 5155 section 7.2.2: the closest encloser, the name below it, and the wildcard there
            closest = next(name[index:] for index in range(1, len(name) + 1) if name[index:] in names)
            proved = [closest, name[len(name) - len(closest) - 1:], (b"*",) + closest]
        values = [nsec3_hash(each, self.iterations, self.salt) for each in proved]
        # The record of this hash, or the one before it; before the first is the last.
        for index in {bisect.bisect_right(chain, value, key=lambda record: record[0]) - 1 for value in values}:
            value, rdata = chain[index]
            self.put_signed(reply, 2, self.hashed_owner(value), NSEC3, 300, [rdata])

    def chain(self):
        """The names that exist, and the NSEC3 records of the zone: (hash, RDATA), in order."""
        if self._chain is None:
            names = {owner[index:] for owner in self.nodes for index in range(len(owner) - len(self.origin) + 1)}
            hashed = sorted((nsec3_hash(name, self.iterations, self.salt), name) for name in names)
            following = hashed[1:] + hashed[:1]
            self._chain = names, [(value, self.nsec3(next_, self._types(name)))
                                  for (value, name), (next_, _) in zip(hashed, following)]
        return self._chain

    def _types(self, name):
        types = {*self.nodes.get(name, {})}
        if name == self.origin:
            return types | {RRSIG, DNSKEY}
        return types | {RRSIG} if types and types != {NS} else types    # what is delegated insecurely is not signed

    def hashed_owner(self, value):
        return (base32hex(value),) + self.origin

    def nsec3(self, next_, types):
        head = struct.pack("!BBHB", 1, 0, self.iterations, len(self.salt)) + self.salt
        return head + bytes([len(next_)]) + next_ + type_bitmap(types)


def labels_in(rdata):
    labels, at = [], 0
    while rdata[at]:
        labels.append(bytes(rdata[at + 1:at + 1 + rdata[at]]))
        at += 1 + rdata[at]
    return tuple(labels)


class Chain:
    """A world whose zones are signed, from the root down."""

    def __init__(self, world):
        self.world = world
        self.zones = {}
        root = SignedZone(".", f"@ 3600 NS a.root.\na.root. 3600 A {world.root.address}")
        world.root.serve(root)
        self.zones[()] = world.zones[()] = root
        self.zone("com.")
        self.zone("example.com.", "v4 A 192.0.2.33\nalso A 192.0.2.34")

    def zone(self, origin, text="", *, ds=None, iterations=None):
        """Makes a zone with a server of its own. `ds`: RDATA of other DS records than its own."""
        labels = labels_of(origin)
        server = self.world.new_server()
        zone = SignedZone(origin, f"@ 3600 NS ns1.{origin}\nns1.{origin} 3600 A {server.address}\n{text}",
                          iterations=iterations)
        zone.server = server
        server.serve(zone)
        self.zones[labels] = self.world.zones[labels] = zone
        self.world.servers[origin] = [server]
        self.world.delegate(origin, [f"ns1.{origin}"], [server])
        self.vouch(zone, [zone.ds()] if ds is None else ds)
        return zone

    def vouch(self, zone, ds):
        """Puts DS records into the zone above, in place of those that are there."""
        above = self.zones[zone.origin[1:]]
        above.nodes[zone.origin].pop(DS, None)
        for rdata in ds:
            above.put(zone.origin, DS, 300, rdata)
        for server in self.world.servers[text_of(above.origin) if above.origin else "."]:
            server.changed()

    def config(self, **changes):
        anchor = self.zones[()].ds()
        tag, algorithm, kind = struct.unpack("!HBB", anchor[:4])
        text = f". IN DS {tag} {algorithm} {kind} {anchor[4:].hex()}"
        return {"dnssec": {"validation": True, "trust_anchors": [text], "automatic_update": False}, **changes}


# --- the traps ---

def with_tag(algorithm, material, tag):
    """A DNSKEY with this key and key tag, by way of the flags that nobody looks at; None where that does not do."""
    bare = struct.pack("!HBB", 0, 3, ALGORITHMS[algorithm]) + material
    for flags in {(tag - key_tag(bare)) & 0xFFFF, (tag - key_tag(bare) - 1) & 0xFFFF}:
        rdata = struct.pack("!H", flags) + bare[2:]
        if flags & 0x0100 and not flags & 0x0080 and key_tag(rdata) == tag:    # Zone, and not Revoke
            return rdata
    return None


CURVES = {  # bytes of a coordinate, p, b; a is -3 and p is 3 modulo 4
    "ECDSAP256SHA256": (32, 2**256 - 2**224 + 2**192 + 2**96 - 1,
                        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B),
    "ECDSAP384SHA384": (48, 2**384 - 2**128 - 2**96 + 2**32 - 1,
                        int("B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE814112"
                            "0314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF", 16)),
}


def key_material(algorithm, chance):
    """The public half of a key that nobody has; a verifier cannot tell before it has done its work."""
    if algorithm == "RSASHA256":    # as large as is usually taken, with an exponent of 64 bits
        modulus = bytearray(chance.randbytes(512))
        modulus[0] |= 0x80
        modulus[-1] |= 1
        return b"\x08" + b"\xff" * 8 + bytes(modulus)
    if algorithm == "ED25519":
        while True:
            material = chance.randbytes(32)
            if on_edwards_curve(material):
                return material
    size, p, b = CURVES[algorithm]
    while True:
        x = chance.randrange(p)
        square = (x * x * x - 3 * x + b) % p
        y = pow(square, (p + 1) // 4, p)
        if y * y % p == square:
            return x.to_bytes(size, "big") + y.to_bytes(size, "big")


def on_edwards_curve(material):
    """RFC 8032 section 5.1.3: whether these octets are a point."""
    p = 2**255 - 19
    y = int.from_bytes(material, "little") & (1 << 255) - 1
    d = -121665 * pow(121666, -1, p)
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    return y < p and pow(square, (p - 1) // 2, p) in (0, 1)


def colliding_keys(algorithm, tag, count, seed=1):
    """So many different DNSKEY records of one key tag."""
    chance = random.Random(seed)
    found = []
    while len(found) < count:
        rdata = with_tag(algorithm, key_material(algorithm, chance), tag)
        if rdata:
            found.append(rdata)
    return found


def malformed_keys(algorithm, tag, count, seed=1):
    """So many DNSKEY records of one key tag, of lengths and contents that no key has."""
    chance = random.Random(seed)
    found = []
    while len(found) < count:
        size = chance.choice([0, 1, 2, 3, 31, 33, 63, 65, 95, 97, 600])
        rdata = with_tag(algorithm, chance.randbytes(size), tag)
        if rdata and rdata not in found:
            found.append(rdata)
    return found


def signature(algorithm, chance):
    """Octets that look like a signature up to the last step of its verification."""
    if algorithm == "RSASHA256":
        return b"\x7f" + chance.randbytes(511)
    if algorithm == "ED25519":    # its second half is below the order of the group
        return chance.randbytes(63) + b"\x0f"
    return b"\x7f" + chance.randbytes(2 * CURVES[algorithm][0] - 1)


def worthless_signatures(zone, rtype, algorithm, tag, count, labels, seed=2):
    """So many RRSIG RDATA over records of this type, all by the key or keys of one tag, none of them right."""
    chance = random.Random(seed)
    head = rrsig_head(rtype, ALGORITHMS[algorithm], labels, 300, tag, zone.origin)
    return [head + signature(algorithm, chance) for _ in range(count)]


def over_udp(reply, context):
    """What goes over UDP of a reply: itself, or TC."""
    message = reply.wire()
    if context.udp and len(message) > max(512, context.query.payload):
        return reply.truncated()
    return message


def worthless_answers(signatures, address=b"\xc0\x00\x02\x63"):
    """The behaviour: an A record with these signatures, whatever the name."""
    def behave(context):
        reply = Builder(context.query, wire.AA)
        reply.add(1, context.query.labels, A, 300, address)
        for rdata in signatures if context.query.do else ():
            reply.add(1, context.query.labels, RRSIG, 300, rdata)
        if context.query.edns:
            reply.add_opt(flags=0x8000)
        context.send(over_udp(reply, context))
        return True
    return behave


def worthless_keys(zone, signatures):
    """The behaviour: the zone's keys with these signatures."""
    def behave(context):
        reply = Builder(context.query, wire.AA)
        for rdata in zone.keys:
            reply.add(1, zone.origin, DNSKEY, 300, rdata)
        for rdata in signatures:
            reply.add(1, zone.origin, RRSIG, 300, rdata)
        if context.query.edns:
            reply.add_opt(flags=0x8000)
        context.send(over_udp(reply, context))
        return True
    return behave


def padded_denial(zone, count, seed=3):
    """The behaviour: NXDOMAIN with so many NSEC3 records, all signed well, none of them about the name."""
    chance = random.Random(seed)
    padding = []
    for _ in range(count):
        value = chance.randbytes(20)
        next_ = (int.from_bytes(value, "big") + 1).to_bytes(20, "big")
        padding.append((zone.hashed_owner(value), zone.nsec3(next_, {A, RRSIG})))

    def behave(context):
        reply = Builder(context.query, wire.AA)
        reply.rcode = wire.RCODES["NXDOMAIN"]
        zone.put_signed(reply, 2, zone.origin, SOA, *zone.nodes[zone.origin][SOA])
        for owner, rdata in padding:
            zone.put_signed(reply, 2, owner, NSEC3, 300, [rdata])
        if context.query.edns:
            reply.add_opt(flags=0x8000)
        context.send(over_udp(reply, context))
        return True
    return behave
