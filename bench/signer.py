"""Zone files signed in memory: P-256 (algorithm 13), NSEC or NSEC3, one key a zone, quick enough for thousands.

    zone = Zone("z1.tld0.", key=Key(17), denial="nsec3")
    zone.add("www", "A", "198.18.0.1")
    zone.text()     # the zone file, signed
    zone.ds()       # what the parent shows, as text

Only what the synthetic Internet has is known here: few types, and names of one label below the apex.
"""

import base64
import hashlib
import ipaddress
import struct
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "TXT": 16, "AAAA": 28, "DS": 43, "RRSIG": 46, "NSEC": 47,
         "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51}
DAY = 86400
TTL = 86400  # nothing runs out while something is measured
BASE32HEX = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")


def name_wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def rdata_wire(rtype, text):
    """The canonical wire form of RDATA (RFC 4034 section 6.2)."""
    if rtype == "A":
        return ipaddress.IPv4Address(text).packed
    if rtype == "AAAA":
        return ipaddress.IPv6Address(text).packed
    if rtype in ("NS", "CNAME"):
        return name_wire(text)
    words = text.split()
    if rtype == "SOA":
        return name_wire(words[0]) + name_wire(words[1]) + struct.pack("!5I", *map(int, words[2:]))
    if rtype == "TXT":
        return bytes([len(text) - 2]) + text.strip('"').encode()
    if rtype == "DS":
        return struct.pack("!HBB", *map(int, words[:3])) + bytes.fromhex(words[3])
    if rtype == "DNSKEY":
        return struct.pack("!HBB", *map(int, words[:3])) + base64.b64decode(words[3])
    if rtype == "NSEC":
        return name_wire(words[0]) + bitmap(words[1:])
    if rtype == "NSEC3PARAM":
        return bytes([1, 0, 0, 0, 0])
    raise ValueError(rtype)


def bitmap(types):
    """The type bit maps field (RFC 4034 section 4.1.2); every type here is below 256."""
    numbers = sorted(TYPES[t] for t in types)
    octets = bytearray(numbers[-1] // 8 + 1) if numbers else bytearray()
    for number in numbers:
        octets[number // 8] |= 0x80 >> number % 8
    return bytes([0, len(octets)]) + bytes(octets) if octets else b""


def nsec3_hash(name):
    """No salt and no further iterations, as RFC 9276 wants it."""
    return hashlib.sha1(name_wire(name)).digest()


def base32hex(octets):
    return base64.b32encode(octets).translate(BASE32HEX).decode()


class Key:
    """A combined signing key; the same number gives the same key."""

    def __init__(self, number):
        self.private = ec.derive_private_key(number, ec.SECP256R1())
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        self.text = "257 3 13 " + base64.b64encode(point).decode()
        self.rdata = rdata_wire("DNSKEY", self.text)
        total = sum(octet << 8 if index % 2 == 0 else octet for index, octet in enumerate(self.rdata))
        self.tag = (total + (total >> 16)) & 0xFFFF
        self.now = int(time.time())

    def sign(self, zone, owner, rtype, ttl, rdatas):
        """The RRSIG RDATA as text (RFC 4034 section 3.1.8.1)."""
        labels = len([label for label in owner.rstrip(".").split(".") if label and label != "*"])
        inception, expiration = self.now - DAY, self.now + 90 * DAY
        head = struct.pack("!HBBIIIH", TYPES[rtype], 13, labels, ttl, expiration, inception, self.tag) + name_wire(zone)
        prefix = name_wire(owner) + struct.pack("!HHI", TYPES[rtype], 1, ttl)
        data = head + b"".join(prefix + struct.pack("!H", len(r)) + r for r in sorted(rdatas))
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        signature = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        until, since = (time.strftime("%Y%m%d%H%M%S", time.gmtime(t)) for t in (expiration, inception))
        return f"{rtype} 13 {labels} {ttl} {until} {since} {self.tag} {zone} {signature}"


class Zone:
    """One zone. `denial`: nsec, nsec3, or opt-out (NSEC3, unsigned delegations left out). No key: not signed."""

    def __init__(self, origin, key=None, denial="nsec"):
        self.origin, self.key, self.denial = origin, key, denial
        self.rrsets = {}        # owner: {type: [rdata]}
        self.delegations = set()
        self.spoilt = set()     # owners whose signatures do not hold
        self.add("@", "SOA", f"ns1.{self.below('')} hostmaster.{self.below('')} 1 7200 3600 1209600 3600")

    def below(self, label):
        """The full name of a label of this zone."""
        parent = "" if self.origin == "." else self.origin
        return f"{label}.{parent}" if label else parent

    def owner(self, label):
        return self.origin if label == "@" else self.below(label)

    def add(self, label, rtype, *rdatas):
        self.rrsets.setdefault(label, {}).setdefault(rtype, []).extend(rdatas)

    def delegate(self, label, servers, ds=None):
        """`servers`: addresses of ns1, ns2 … below the delegation, given as glue."""
        self.delegations.add(label)
        self.add(label, "NS", *(f"ns{i}.{self.below(label)}" for i in range(1, len(servers) + 1)))
        if ds:
            self.add(label, "DS", ds)
        for i, address in enumerate(servers, 1):
            self.add(f"ns{i}.{label}", "A", address)

    def ds(self):
        digest = hashlib.sha256(name_wire(self.origin) + self.key.rdata).hexdigest().upper()
        return f"{self.key.tag} 13 2 {digest}"

    def glue(self, label):
        return "." in label and label.split(".", 1)[1] in self.delegations

    def text(self):
        if self.key:
            self.add("@", "DNSKEY", self.key.text)
            if self.denial != "nsec":
                self.add("@", "NSEC3PARAM", "1 0 0 -")
        lines = []
        for label, types in self.rrsets.items():
            owner = self.owner(label)
            signed = self.key and not self.glue(label)
            for rtype, rdatas in types.items():
                lines += [f"{owner} {TTL} IN {rtype} {rdata}" for rdata in rdatas]
                if signed and not (rtype == "NS" and label in self.delegations):
                    signature = self.key.sign(self.origin, owner, rtype, TTL, [rdata_wire(rtype, r) for r in rdatas])
                    if label in self.spoilt:
                        signature = signature[:-12] + "AAAAAAAAAA=="
                    lines.append(f"{owner} {TTL} IN RRSIG {signature}")
        if self.key:
            lines += self.nsec() if self.denial == "nsec" else self.nsec3()
        return "\n".join(lines) + "\n"

    def chain(self):
        """(label, the types that its denial record lists) of every name that has one."""
        for label, types in self.rrsets.items():
            if self.glue(label) or (self.denial == "opt-out" and label in self.delegations and "DS" not in types):
                continue
            unsigned = label in self.delegations and "DS" not in types
            yield label, sorted(set(types) | (set() if unsigned else {"RRSIG"}), key=TYPES.get)

    def nsec(self):
        chain = sorted(self.chain(), key=lambda item: "" if item[0] == "@" else item[0])
        for (label, types), (after, _) in zip(chain, chain[1:] + chain[:1]):
            owner = self.owner(label)
            types = sorted(set(types) | {"NSEC", "RRSIG"}, key=TYPES.get)
            rdata = f"{self.owner(after)} {' '.join(types)}"
            yield f"{owner} 3600 IN NSEC {rdata}"
            signature = self.key.sign(self.origin, owner, "NSEC", 3600, [rdata_wire("NSEC", rdata)])
            yield f"{owner} 3600 IN RRSIG {signature}"

    def nsec3(self):
        chain = sorted((nsec3_hash(self.owner(label)), types) for label, types in self.chain())
        flags = 1 if self.denial == "opt-out" else 0
        for (digest, types), (after, _) in zip(chain, chain[1:] + chain[:1]):
            owner = self.below(base32hex(digest).lower())
            wire = bytes([1, flags, 0, 0, 0, len(after)]) + after + bitmap(types)
            yield f"{owner} 3600 IN NSEC3 1 {flags} 0 - {base32hex(after)} {' '.join(types)}"
            yield f"{owner} 3600 IN RRSIG {self.key.sign(self.origin, owner, 'NSEC3', 3600, [wire])}"
