"""Zones of the scripted authority: text in, RFC 1034 section 4.3.2 answers out."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.name

from support import wire
from support.wire import Builder, labels_of, type_number

CNAME, NS, SOA, DNAME, DS = 5, 2, 6, 39, 43


def parse_record(line, origin=".", ttl=300):
    """`owner [ttl] [IN] TYPE rdata` to (labels, type, ttl, rdata). `@` and relative names as in a zone file."""
    owner, *fields = line.split()
    origin_name = dns.name.from_text(origin)
    if owner == "@":
        labels = labels_of(origin)
    elif owner.endswith("."):
        labels = labels_of(owner)
    else:
        labels = labels_of(owner) + labels_of(origin)
    if fields[0].isdigit():
        ttl = int(fields.pop(0))
    if fields[0].upper() == "IN":
        fields.pop(0)
    rtype = fields.pop(0).upper()
    text = line.split(None, line.split().index(rtype) + 1)[-1] if fields else ""
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), text,
                                origin=origin_name, relativize=False)
    return labels, type_number(rtype), ttl, rdata.to_wire()


def parse_records(text, origin=".", ttl=300):
    lines = text.splitlines() if isinstance(text, str) else text
    for line in lines:
        line = line.split(" ;")[0].strip()
        if line and not line.startswith(";"):
            yield parse_record(line, origin, ttl)


def rdata_labels(rdata):
    labels = []
    at = 0
    while rdata[at]:
        labels.append(bytes(rdata[at + 1:at + 1 + rdata[at]]).lower())
        at += 1 + rdata[at]
    return tuple(labels)


class Zone:
    def __init__(self, origin, text="", ttl=300):
        self.origin = labels_of(origin)
        self.nodes = {}
        self.names = set()          # every name that exists, empty non-terminals too
        below = origin if origin != "." else "root."
        self.add(f"@ 3600 SOA ns1.{below} hostmaster.{below} 1 3600 600 86400 300")
        self.add(text, ttl)

    def add(self, text, ttl=300):
        """Adds records; an SOA in `text` replaces the one that every zone starts with."""
        origin = wire.text_of(self.origin)
        for labels, rtype, rttl, rdata in parse_records(text, origin, ttl):
            self.put(labels, rtype, rttl, rdata)
        return self

    def put(self, labels, rtype, ttl, rdata):
        node = self.nodes.setdefault(labels, {})
        if rtype in (SOA, CNAME) or rtype not in node:
            node[rtype] = (ttl, [rdata])
        else:
            node[rtype][1].append(rdata)
        for index in range(len(labels) - len(self.origin) + 1):
            self.names.add(labels[index:])

    def remove(self, name, rtype=None):
        labels = labels_of(name)
        if rtype is None:
            self.nodes.pop(labels, None)
        else:
            self.nodes.get(labels, {}).pop(type_number(rtype), None)
        self.names = set()
        for owner in self.nodes:
            for index in range(len(owner) - len(self.origin) + 1):
                self.names.add(owner[index:])

    def holds(self, labels):
        return not self.origin or labels[-len(self.origin):] == self.origin

    # --- answers ---

    def answer(self, query):
        """The reply of a well-behaved authoritative server, as a Builder."""
        reply = Builder(query, wire.AA)
        name = query.labels
        qtype = type_number(query.type)
        for _ in range(12):
            cut = self._cut(name, qtype)
            if cut is not None:
                self._referral(reply, cut)
                break
            node = self.nodes.get(name)
            if node is None:
                dname = self._dname(name)
                if dname is not None:
                    owner, (ttl, rdatas) = dname
                    self._put(reply, 1, owner, DNAME, (ttl, rdatas))
                    target = name[:-len(owner)] + rdata_labels(rdatas[0])
                    if sum(len(label) + 1 for label in target) + 1 > 255:
                        reply.rcode = wire.RCODES["YXDOMAIN"]
                        break
                    self._put(reply, 1, name, CNAME, (ttl, [wire.name_wire(target)]))
                    if not self.holds(target):
                        break
                    name = target
                    continue
                if name not in self.names:
                    node = self._wildcard(name)
                    if node is None:
                        reply.rcode = wire.RCODES["NXDOMAIN"]
                        self._negative(reply)
                        break
                else:
                    node = {}
            if qtype in node:
                self._put(reply, 1, name, qtype, node[qtype])
                self._additional(reply, qtype, node[qtype])
                break
            if qtype == 255 and node:
                for rtype, rrset in node.items():
                    self._put(reply, 1, name, rtype, rrset)
                break
            if CNAME in node:
                self._put(reply, 1, name, CNAME, node[CNAME])
                target = rdata_labels(node[CNAME][1][0])
                if not self.holds(target) or target == name:
                    break
                name = target
                continue
            self._negative(reply)
            break
        if query.edns:
            reply.add_opt(flags=0x8000 if query.do else 0)
        return reply

    def _put(self, reply, section, owner, rtype, rrset):
        for rdata in rrset[1]:
            reply.add(section, owner, rtype, rrset[0], rdata)

    def _cut(self, name, qtype):
        for index in range(len(name) - len(self.origin) - 1, -1, -1):
            at = name[index:]
            if NS in self.nodes.get(at, {}) and not (index == 0 and qtype == DS):
                return at
        return None

    def _dname(self, name):
        for index in range(1, len(name) - len(self.origin) + 1):
            owner = name[index:]
            if DNAME in self.nodes.get(owner, {}):
                return owner, self.nodes[owner][DNAME]
        return None

    def _wildcard(self, name):
        for index in range(1, len(name) - len(self.origin) + 1):
            encloser = name[index:]
            if encloser in self.names:
                return self.nodes.get((b"*",) + encloser)
        return None

    def _referral(self, reply, cut):
        reply.flags &= ~wire.AA
        rrset = self.nodes[cut][NS]
        self._put(reply, 2, cut, NS, rrset)
        self._additional(reply, NS, rrset)

    def _additional(self, reply, rtype, rrset):
        if rtype not in (NS, 15, 33):
            return
        skip = {NS: 0, 15: 2, 33: 6}[rtype]
        for rdata in rrset[1][:30]:
            target = rdata_labels(rdata[skip:])
            for address in (1, 28):
                if address in self.nodes.get(target, {}):
                    self._put(reply, 3, target, address, self.nodes[target][address])

    def _negative(self, reply):
        ttl, rdatas = self.nodes[self.origin][SOA]
        self._put(reply, 2, self.origin, SOA, (ttl, rdatas))
