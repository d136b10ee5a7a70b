"""Ways to break a signed zone: in its records, in what its servers say, in what its parent says.

An alteration is `function(records, signed) -> records` over (labels, type, TTL, RDATA); a meddler is
`function(query, reply)` and changes what is about to be sent.
"""

import struct
import time

import dns.dnssec
import dns.rdata
from cryptography.hazmat.primitives.asymmetric import ec

from support.signed import DNSKEY, DS, NSEC, NSEC3, RRSIG, SOA, covered_by
from support.signing import DAY
from support.wire import labels_of, name_wire, type_number




def _matches(record, rtype, names):
    """`record` is a signature over this type (any, for None) at one of these names (any, for None)."""
    return (record[1] == RRSIG and (rtype is None or covered_by(record[3]) == rtype)
            and (names is None or record[0] in names))


def _chosen(signed, names):
    return None if names is None else {labels_of(f"{n}.{signed.origin}") if n != "@" else labels_of(signed.origin)
                                       for n in names}


# --- alterations of records ---

def both(*alterations):
    def alter(records, signed):
        for one in alterations:
            records = one(records, signed)
        return records
    return alter


def without(rtype, names=None):
    """Neither these records nor their signatures."""
    number = type_number(rtype)

    def alter(records, signed):
        chosen = _chosen(signed, names)
        return [r for r in records if not (_matches(r, number, chosen)
                                           or r[1] == number and (chosen is None or r[0] in chosen))]
    return alter


def unsigned(rtype=None, names=None, but=()):
    """Without the signatures over this type, or over all types but those in `but`."""
    number = type_number(rtype) if rtype else None
    kept = {type_number(t) for t in but}

    def alter(records, signed):
        chosen = _chosen(signed, names)
        return [r for r in records if not _matches(r, number, chosen) or covered_by(r[3]) in kept]
    return alter


def edit_signatures(change, rtype=None, names=None):
    """Passes the RDATA of signatures through `change`."""
    number = type_number(rtype) if rtype else None

    def alter(records, signed):
        chosen = _chosen(signed, names)
        return [(*r[:3], change(r[3])) if _matches(r, number, chosen) else r for r in records]
    return alter


def spoilt(rtype=None, names=None):
    """One bit of the signature is wrong."""
    return edit_signatures(lambda rdata: rdata[:-9] + bytes([rdata[-9] ^ 1]) + rdata[-8:], rtype, names)


def another_signature_spoilt():
    """Before every signature over addresses stands another by the same key that does not verify."""
    def alter(records, signed):
        changed = []
        for record in records:
            if record[1] == RRSIG and covered_by(record[3]) in (1, 28):
                changed.append((*record[:3], record[3][:-9] + bytes([record[3][-9] ^ 1]) + record[3][-8:]))
            changed.append(record)
        return changed
    return alter


def more_labels(rtype, names):
    """The Labels field counts one more than the owner has."""
    return edit_signatures(lambda rdata: rdata[:3] + bytes([rdata[3] + 1]) + rdata[4:], rtype, names)


def other_signer(signer):
    """The signer's name is another's, of the same bytes otherwise."""
    def change(rdata):
        at = 18
        while rdata[at]:
            at += 1 + rdata[at]
        return rdata[:18] + name_wire(labels_of(signer)) + rdata[at + 1:]
    return edit_signatures(change, None)


def other_algorithm(number):
    """Signatures, keys and their tags as if of another algorithm."""
    def alter(records, signed):
        tags = {}
        changed = []
        for labels, rtype, ttl, rdata in records:
            if rtype == DNSKEY:
                fresh = rdata[:3] + bytes([number]) + rdata[4:]
                tags[_tag(rdata)] = _tag(fresh)
                rdata = fresh
            changed.append((labels, rtype, ttl, rdata))
        return [(*r[:3], r[3][:2] + bytes([number]) + r[3][3:16] + struct.pack("!H", tags[_tag_of(r[3])]) + r[3][18:])
                if r[1] == RRSIG else r for r in changed]
    return alter


def _tag(rdata):
    return dns.dnssec.key_id(dns.rdata.from_wire("IN", "DNSKEY", rdata, 0, len(rdata)))


def _tag_of(rdata):
    return struct.unpack_from("!H", rdata, 16)[0]


def only_algorithm(number, but=()):
    """Only the signatures of this algorithm are served; all of them over the types in `but`."""
    kept = {type_number(t) for t in but}
    return lambda records, _: [r for r in records
                               if r[1] != RRSIG or covered_by(r[3]) in kept or r[3][2] == number]


def wrong_next():
    """Every NSEC names the zone's apex as the next name: the gap is as wide as can be."""
    def alter(records, signed):
        changed = []
        for labels, rtype, ttl, rdata in records:
            if rtype == NSEC:
                at = 0
                while rdata[at]:
                    at += 1 + rdata[at]
                rdata = name_wire((b"zz",) + labels_of(signed.origin)) + rdata[at + 1:]
            changed.append((labels, rtype, ttl, rdata))
        return changed
    return alter


def _rrsets(records):
    sets = {}
    for labels, rtype, ttl, rdata in records:
        if rtype != RRSIG:
            sets.setdefault((labels, rtype), (ttl, []))[1].append(rdata)
    return sets


def resigned(inception, expiration, types=None, names=None):
    """Signed anew with the zone's keys, from `inception` to `expiration`, seconds from now."""
    numbers = {type_number(t) for t in types} if types else None

    def alter(records, signed):
        chosen = _chosen(signed, names)
        ksk, zsk = signed.keys()
        now = int(time.time())
        old = [r for r in records if r[1] == RRSIG and (numbers is None or covered_by(r[3]) in numbers)
               and (chosen is None or r[0] in chosen)]
        fresh = []
        for (labels, rtype), (ttl, rdatas) in _rrsets(records).items():
            if any(r[0] == labels and covered_by(r[3]) == rtype for r in old):
                key = ksk if rtype == DNSKEY else zsk
                fresh.append((labels, RRSIG, ttl, key.sign(labels, rtype, ttl, rdatas, now + inception,
                                                           now + expiration)))
        return [r for r in records if r not in old] + fresh
    return alter


def replayed(changes):
    """Old data in the place of new, with the signatures of then. `changes`: {(name, type): RDATA in text}."""
    def alter(records, signed):
        _, zsk = signed.keys()
        now = int(time.time())
        for (name, rtype), text in changes.items():
            number = type_number(rtype)
            labels = labels_of(f"{name}.{signed.origin}")
            rdata = dns.rdata.from_text("IN", rtype, text).to_wire()
            records = [r for r in records if r[0] != labels
                       or not (r[1] == number or r[1] == RRSIG and covered_by(r[3]) == number)]
            records += [(labels, number, 300, rdata),
                        (labels, RRSIG, 300, zsk.sign(labels, number, 300, [rdata], now - 60 * DAY, now - 30 * DAY))]
        return records
    return alter


def foreign_key(but=("DNSKEY",)):
    """Signed with a key that is not in the DNSKEY RRset; of the types in `but` the right signatures stay."""
    kept = {type_number(t) for t in but}

    def alter(records, signed):
        _, zsk = signed.keys()
        zsk.private = ec.generate_private_key(ec.SECP256R1())
        zsk.dnskey = dns.dnssec.make_dnskey(zsk.private.public_key(), "ECDSAP256SHA256", 256)
        signatures = [r for r in records if r[1] == RRSIG]
        fresh = [(labels, RRSIG, ttl, zsk.sign(labels, rtype, ttl, rdatas))
                 for (labels, rtype), (ttl, rdatas) in _rrsets(records).items()
                 if rtype not in kept and any(s[0] == labels and covered_by(s[3]) == rtype for s in signatures)]
        return [r for r in records if r[1] != RRSIG or covered_by(r[3]) in kept] + fresh
    return alter


def key_flags(flags):
    """All is signed by one key, with these flags."""
    def alter(records, signed):
        ksk, _ = signed.keys()
        ksk.dnskey = ksk.dnskey.replace(flags=flags)
        signatures = [r for r in records if r[1] == RRSIG]
        records = [r for r in records if r[1] not in (RRSIG, DNSKEY)]
        records.append((labels_of(signed.origin), DNSKEY, 3600, ksk.dnskey.to_wire()))
        fresh = []
        for (labels, rtype), (ttl, rdatas) in _rrsets(records).items():
            if any(s[0] == labels and covered_by(s[3]) == rtype for s in signatures):
                fresh.append((labels, RRSIG, ttl, ksk.sign(labels, rtype, ttl, rdatas)))
        return records + fresh
    return alter


# --- meddlers: what the zone's own servers say ---

def at(names, meddler, types=None):
    """`meddler` for these names and types only. Names are absolute."""
    chosen = {labels_of(n) for n in names} if names is not None else None

    def meddle(query, reply):
        if (chosen is None or query.labels in chosen) and (types is None or query.type in types):
            meddler(query, reply)
    return meddle


def without_denial(query, reply):
    """The proof is left out, the SOA and its signature stay."""
    reply.remove(NSEC, reply.authority)
    reply.remove(NSEC3, reply.authority)


def without_denial_beside_an_answer(query, reply):
    """A wildcard's records without the proof that no closer name exists."""
    if reply.answer:
        without_denial(query, reply)


def empty(query, reply):
    """NOERROR, and nothing else at all."""
    for section in reply.sections:
        section.clear()
    reply.rcode = "NOERROR"


def says_nodata(zone):
    """NODATA without a proof, with the signed SOA, whatever there is."""
    def meddle(query, reply):
        empty(query, reply)
        zone.soa_into(query, reply)
    return meddle


def says_nxdomain(zone, other):
    """NXDOMAIN, "proved" by the NSEC of another name."""
    def meddle(query, reply):
        says_nodata(zone)(query, reply)
        reply.rcode = "NXDOMAIN"
        zone.denial_into(query, reply, other)
    return meddle


def says_nodata_by(zone, other=None):
    """NODATA, "proved" by the NSEC of another name, or of the name itself, which has the type."""
    def meddle(query, reply):
        says_nodata(zone)(query, reply)
        zone.denial_into(query, reply, other)
    return meddle


def swapped_denial(zone, other):
    """In the place of every NSEC or NSEC3 that of the name `other`."""
    def meddle(query, reply):
        if query.do and any(r[1] in (NSEC, NSEC3) for r in reply.authority):
            without_denial(query, reply)
            zone.denial_into(query, reply, other)
    return meddle


def answered_by_wildcard(zone, wildcard, proof=None):
    """The wildcard's records for a name that exists; "proved" by the NSEC of the name `proof`, or not at all."""
    def meddle(query, reply):
        source = labels_of(wildcard)
        rtype = type_number(query.type)
        if rtype not in zone.nodes[source]:
            return
        empty(query, reply)
        zone.give_into(query, reply, query.labels, rtype, source)
        if proof:
            zone.denial_into(query, reply, proof)
    return meddle


# --- meddlers: what the parent says ---

def about(child, meddler):
    """`meddler` for referrals to `child` and for the DS query about it."""
    labels = labels_of(child)

    def meddle(query, reply):
        if query.labels[-len(labels):] == labels:
            meddler(query, reply)
    return meddle


def without_ds(query, reply):
    """Neither DS nor proof that there is none."""
    for rtype in (DS, NSEC, NSEC3):
        reply.remove(rtype)


def stripped_ds(zone, child):
    """No DS and no proof that there is none, in referrals and in the answer to the DS query."""
    def meddle(query, reply):
        without_ds(query, reply)
        if query.type == "DS" and not any(r[1] == SOA for r in reply.authority):
            zone.soa_into(query, reply)
    return about(child, meddle)


def stripped_referral(child):
    """No DS in referrals; who asks for it gets it."""
    def meddle(query, reply):
        if query.type != "DS":
            without_ds(query, reply)
    return about(child, meddle)


def forged_insecure(zone, child, other):
    """In the place of the DS the NSEC of another delegation, which has none."""
    def meddle(query, reply):
        stripped_ds(zone, child)(query, reply)
        zone.denial_into(query, reply, other)
    return about(child, meddle)


def forged_insecure_denial(zone, child, other):
    """In the place of the DS an NSEC of the right name that nobody signed: its signature is another's."""
    def meddle(query, reply):
        stripped_ds(zone, child)(query, reply)
        if query.do:
            mine, its = labels_of(child), labels_of(other)
            rdata = name_wire((b"\0",) + mine) + bytes([0, 6, 0x20, 0, 0, 0, 0, 3])      # NS RRSIG NSEC
            reply.authority.append([mine, NSEC, 300, rdata])
            reply.authority += [[mine, RRSIG, ttl, value] for ttl, value in zone.signatures[(its, NSEC)]]
    return about(child, meddle)


