"""Signed zones of the scripted authority: answers by RFC 4035 section 3.1 and RFC 5155 section 7.2.

A zone's `meddlers` may change a reply before it is sent: `meddler(query, reply)`. That is how zones are broken.
"""

import bisect
import struct

import dns.dnssec

from support import wire
from support.wire import Builder, type_number
from support.zone import CNAME, DNAME, DS, NS, SOA, Zone, rdata_labels

RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, ANY = 46, 47, 48, 50, 51, 255


def canonical(labels):
    """The sort key of RFC 4034 section 6.1."""
    return tuple(reversed(labels))


def covered_by(rdata):
    """The type that an RRSIG covers."""
    return struct.unpack_from("!H", rdata)[0]


class Reply:
    """What goes into a response; a section is a list of [owner, type, TTL, RDATA]."""

    def __init__(self):
        self.aa = True
        self.rcode = "NOERROR"
        self.answer = []
        self.authority = []
        self.additional = []

    @property
    def sections(self):
        return (self.answer, self.authority, self.additional)

    def remove(self, rtype, section=None, owner=None):
        """Takes the records of this type, and the signatures over them, out."""
        for records in (self.sections if section is None else (section,)):
            records[:] = [r for r in records if (owner is not None and r[0] != owner)
                          or not (r[1] == rtype or r[1] == RRSIG and covered_by(r[3]) == rtype)]

    def remove_signatures(self, rtype=None):
        for records in self.sections:
            records[:] = [r for r in records if r[1] != RRSIG or rtype is not None and covered_by(r[3]) != rtype]


class SignedZone(Zone):
    """Serves the records of a signed zone file. `records`: (labels, type, TTL, RDATA)."""

    def __init__(self, origin, records):
        self.origin = wire.labels_of(origin)
        self.nodes = {}
        self.names = set()
        self.signatures = {}
        self.hashed = {}
        self.meddlers = []
        self._hashes = {}
        for record in records:
            self.put(*record)
        self.denials = sorted((canonical(labels), labels) for labels, node in self.nodes.items() if NSEC in node)
        self.hashes = sorted(self.hashed)
        parameters = self.nodes[self.origin].get(NSEC3PARAM)
        if self.hashes:
            _, _, self.iterations, length = struct.unpack_from("!BBHB", parameters[1][0])
            self.salt = parameters[1][0][5:5 + length]

    def put(self, labels, rtype, ttl, rdata):
        if rtype == RRSIG:
            self.signatures.setdefault((labels, covered_by(rdata)), []).append((ttl, rdata))
        elif rtype == NSEC3:
            self.hashed[labels[0].decode()] = (ttl, [rdata])
        else:
            super().put(labels, rtype, ttl, rdata)

    def rrset(self, labels, rtype):
        if rtype == NSEC3:
            return self.hashed[labels[0].decode()]
        return self.nodes[labels][rtype]

    # --- answers ---

    def answer(self, query):
        reply = self.reply(query)
        for meddle in self.meddlers:
            reply = meddle(query, reply) or reply
        builder = Builder(query, wire.AA if reply.aa else 0)
        builder.rcode = wire.RCODES[reply.rcode]
        for number, records in enumerate(reply.sections, 1):
            for record in records:
                builder.add(number, *record)
        if query.edns:
            builder.add_opt(flags=0x8000 if query.do else 0)
        return builder

    def reply(self, query):
        """The Reply of a well-behaved server."""
        reply = Reply()
        name, qtype = query.labels, type_number(query.type)
        for _ in range(12):
            cut = self._cut(name, qtype)
            if cut is not None:
                self._refer(query, reply, cut)
                break
            dname = None if name in self.nodes else self._dname(name)
            if dname is not None:
                owner, (ttl, rdatas) = dname
                self._give(query, reply.answer, owner, DNAME)
                name, alias = name[:-len(owner)] + rdata_labels(rdatas[0]), name
                if sum(len(label) + 1 for label in name) + 1 > 255:
                    reply.rcode = "YXDOMAIN"
                    break
                reply.answer.append([alias, CNAME, ttl, wire.name_wire(name)])
                if not self.holds(name):
                    break
                continue
            source = name
            encloser = None
            if name not in self.names:
                encloser = next(name[i:] for i in range(1, len(name) + 1) if name[i:] in self.names)
                source = (b"*",) + encloser
                if source not in self.names:
                    reply.rcode = "NXDOMAIN"
                    self._soa(query, reply)
                    self._deny_name(query, reply, name, encloser)
                    break
            node = self.nodes.get(source, {})
            if qtype in node or qtype == ANY and node:
                for rtype in [qtype] if qtype in node else list(node):
                    self._give(query, reply.answer, name, rtype, source)
                    self._glue(reply, rtype, node[rtype])
                if encloser is not None:
                    self._deny_closer(query, reply, name, encloser)
                break
            if CNAME in node:
                self._give(query, reply.answer, name, CNAME, source)
                if encloser is not None:
                    self._deny_closer(query, reply, name, encloser)
                target = rdata_labels(node[CNAME][1][0])
                if not self.holds(target) or target == name:
                    break
                name = target
                continue
            self._soa(query, reply)
            if encloser is None:
                self._deny_type(query, reply, name, qtype)
            else:
                if self.hashes:
                    self._prove_encloser(query, reply, name)
                else:
                    self._deny_closer(query, reply, name, encloser)
                self._deny_type(query, reply, source, qtype)
            break
        return reply

    def _give(self, query, section, owner, rtype, source=None):
        """An RRset of the name `source` under the name `owner`, with its signatures where they are asked for."""
        source = source or owner
        ttl, rdatas = self.rrset(source, rtype)
        for rdata in rdatas:
            record = [owner, rtype, ttl, rdata]
            if record not in section:
                section.append(record)
        if query.do:
            for ttl, rdata in self.signatures.get((source, rtype), ()):
                record = [owner, RRSIG, ttl, rdata]
                if record not in section:
                    section.append(record)

    def _soa(self, query, reply):
        self._give(query, reply.authority, self.origin, SOA)

    def _glue(self, reply, rtype, rrset):
        if rtype != NS:
            return
        for rdata in rrset[1]:
            target = rdata_labels(rdata)
            for address in (1, 28):
                if address in self.nodes.get(target, {}):
                    ttl, rdatas = self.nodes[target][address]
                    reply.additional.extend([target, address, ttl, value] for value in rdatas)

    def _refer(self, query, reply, cut):
        reply.aa = bool(reply.answer)
        ttl, rdatas = self.nodes[cut][NS]
        reply.authority.extend([cut, NS, ttl, rdata] for rdata in rdatas)
        if query.do:
            if DS in self.nodes[cut]:
                self._give(query, reply.authority, cut, DS)
            else:
                self._deny_type(query, reply, cut, DS)
        self._glue(reply, NS, self.nodes[cut][NS])

    # --- for meddlers ---

    def soa_into(self, query, reply):
        self._soa(query, reply)

    def give_into(self, query, reply, owner, rtype, source):
        """The RRset of `source` as the answer for `owner`."""
        self._give(query, reply.answer, owner, rtype, source)

    def denial_into(self, query, reply, other=None):
        """The NSEC or NSEC3 that matches the name `other`, else the queried name."""
        name = query.labels if other is None else wire.labels_of(other)
        if self.denials:
            self._deny(query, reply, name, NSEC)
        else:
            self._deny(query, reply, self._hashed_owner(self._hash(name)), NSEC3)

    # --- denials ---

    def _deny(self, query, reply, owner, rtype):
        if query.do and owner is not None:
            self._give(query, reply.authority, owner, rtype)

    def _deny_name(self, query, reply, name, encloser):
        wildcard = (b"*",) + encloser
        if self.denials:
            self._deny(query, reply, self._before(name), NSEC)
            self._deny(query, reply, self._before(wildcard), NSEC)
        elif self.hashes:
            self._prove_encloser(query, reply, name)
            self._deny(query, reply, self._covering(wildcard), NSEC3)

    def _deny_closer(self, query, reply, name, encloser):
        """No name exists between `encloser` and `name`: RFC 5155 section 7.2.6."""
        if self.denials:
            self._deny(query, reply, self._before(name), NSEC)
        elif self.hashes:
            self._deny(query, reply, self._covering(name[len(name) - len(encloser) - 1:]), NSEC3)

    def _deny_type(self, query, reply, name, qtype):
        if self.denials:
            self._deny(query, reply, name if NSEC in self.nodes.get(name, {}) else self._before(name), NSEC)
        elif self.hashes:
            if self._hash(name) in self.hashed:
                self._deny(query, reply, self._hashed_owner(self._hash(name)), NSEC3)
            else:
                self._prove_encloser(query, reply, name)      # an opt-out span: DS only

    def _prove_encloser(self, query, reply, name):
        for index in range(1, len(name) + 1):
            if self._hash(name[index:]) in self.hashed:
                self._deny(query, reply, self._hashed_owner(self._hash(name[index:])), NSEC3)
                self._deny(query, reply, self._covering(name[index - 1:]), NSEC3)
                return

    def _before(self, name):
        at = bisect.bisect_left(self.denials, (canonical(name),))
        return self.denials[at - 1][1]

    def _covering(self, name):
        return self._hashed_owner(self.hashes[bisect.bisect_left(self.hashes, self._hash(name)) - 1])

    def _hashed_owner(self, text):
        return (text.encode(),) + self.origin

    def _hash(self, name):
        if name not in self._hashes:
            self._hashes[name] = dns.dnssec.nsec3_hash(wire.text_of(name), self.salt.hex(), self.iterations,
                                                       "SHA1").lower()
        return self._hashes[name]
