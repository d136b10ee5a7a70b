"""Replies to a validator, for make_corpus.py: signed ones, and what an attacker makes of them."""

import base64
import struct

import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNED_FROM, SIGNED_UNTIL = 1_600_000_000, 1_800_000_000
# Ed25519, as its signatures are the same each time.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DNSKEY = dns.dnssec.make_dnskey(KEY.public_key(), "ED25519", flags=257)
EXAMPLE = dns.name.from_text("example.")
SALT = "aabb"


def signed(name, rdtype, *texts, signer=EXAMPLE, made_from=None):
    """An RRset and its RRSIG; `made_from` is the wildcard that was signed."""
    rrset = dns.rrset.from_text(name, 300, "IN", rdtype, *texts)
    owner = dns.name.from_text(made_from or name)
    # RFC 4034 section 3.1.8.1. dnspython 2.3 counts the asterisk as a label.
    labels = len(owner) - 1 - owner.is_wild()
    tag = dns.dnssec.key_id(DNSKEY)
    fixed = (rrset.rdtype, DNSKEY.algorithm, labels, 300, SIGNED_UNTIL, SIGNED_FROM, tag)
    data = struct.pack("!HBBIIIH", *fixed) + signer.to_digestable()
    for rdata in sorted(rdata.to_digestable() for rdata in rrset):
        data += owner.to_digestable() + struct.pack("!HHIH", rrset.rdtype, 1, 300, len(rdata))
        data += rdata
    signature = base64.b64encode(KEY.sign(data)).decode()
    text = " ".join(str(field) for field in (dns.rdatatype.to_text(rrset.rdtype), *fixed[1:]))
    rrsig = f"{text} {signer} {signature}"
    return [rrset, dns.rrset.from_text(name, 300, "IN", "RRSIG", rrsig)]


def hashed(name, iterations=1, by=0):
    """The NSEC3 hash of a name, or one that is so much more."""
    text = dns.dnssec.nsec3_hash(name, SALT, iterations, 1)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
    value = (sum(digits.index(d) << 5 * i for i, d in enumerate(reversed(text))) + by) % (1 << 160)
    return "".join(digits[value >> 5 * i & 31] for i in reversed(range(32)))


def matching(name, types, iterations=1, flags=0):
    owner, following = hashed(name, iterations), hashed(name, iterations, 1)
    return signed(
        f"{owner}.example.", "NSEC3", f"1 {flags} {iterations} {SALT} {following} {types}"
    )


def covering(name, iterations=1, flags=0):
    owner, following = hashed(name, iterations, -1), hashed(name, iterations, 1)
    return signed(
        f"{owner}.example.", "NSEC3", f"1 {flags} {iterations} {SALT} {following} A RRSIG"
    )


def keys():
    """The DNSKEY RRset, and a DS of each digest."""
    digests = [
        dns.dnssec.make_ds(EXAMPLE, DNSKEY, digest, validating=True).to_text()
        for digest in ("SHA1", "SHA256", "SHA384")
    ]
    parent = dns.name.root
    return signed("example.", "DNSKEY", DNSKEY.to_text()) + signed(
        "example.", "DS", *digests, signer=parent
    )


def reply(name, *pairs, rdtype="AAAA", rcode=0, answer=(), additional=None):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    query.id = 0x6147
    made = dns.message.make_response(query)
    made.set_rcode(rcode)
    made.answer = list(answer)
    made.authority = [rrset for pair in pairs for rrset in pair]
    made.additional = keys() if additional is None else additional
    return made.to_wire(max_size=65535)


def data():
    """Answers: plain, of each canonical form, and from a wildcard."""
    addresses = ("AAAA", "2001:db8::1", "2001:db8::2")
    yield "data", reply("b.example.", answer=signed("b.example.", *addresses))
    for rdtype, *texts in (
        ("MX", "10 Mail.Example.", "20 MAIL.example."),
        ("SOA", "NS.example. Admin.example. 1 3600 600 86400 60"),
        ("TXT", '"b"', '"a"', '"a" "b"'),
        ("NAPTR", '1 2 "u" "E2U+sip" "" Host.Example.'),
        ("TYPE65280", "\\# 2 0102", "\\# 1 01"),
    ):
        answer = signed("m.example.", rdtype, *texts)
        yield f"data-{rdtype.lower()}", reply("m.example.", rdtype=rdtype, answer=answer)

    expanded = signed("c.w.example.", *addresses, made_from="*.w.example.")
    no_closer = signed("b.example.", "NSEC", "x.w.example. A RRSIG NSEC")
    yield "wildcard", reply("c.w.example.", no_closer, answer=expanded)
    yield "wildcard-unproved", reply("c.w.example.", answer=expanded)
    yield "wildcard-nsec3", reply("c.w.example.", covering("c.w.example."), answer=expanded)


def denials():
    """(name, question, is it NXDOMAIN, signed RRsets)."""
    soa = signed("example.", "SOA", "ns.example. admin.example. 1 3600 600 86400 60")
    apex = signed("example.", "NSEC", "b.example. NS SOA RRSIG NSEC DNSKEY")
    b = signed("b.example.", "NSEC", "x.w.example. A RRSIG NSEC")
    cut = signed("d.example.", "NSEC", "example. NS RRSIG NSEC")
    star = signed("*.w.example.", "NSEC", "x.w.example. A RRSIG NSEC")
    last = signed("x.w.example.", "NSEC", "example. A RRSIG NSEC")
    compact = signed("e.example.", "NSEC", "\\000.e.example. RRSIG NSEC TYPE128")
    outside = signed("b.example.", "NSEC", "test. A")
    alone = signed("example.", "NSEC", "example. NS SOA")
    expanded = signed("b.example.", "NSEC", "d.example. A", made_from="*.example.")
    yield "nsec-nxdomain", "c.example.", True, (soa, apex, b)
    yield "nsec-nodata", "b.example.", False, (soa, b)
    yield "nsec-empty-non-terminal", "w.example.", False, (soa, b)
    yield "nsec-wildcard-nodata", "z.w.example.", False, (soa, star, last)
    yield "nsec-referral", "www.d.example.", False, (cut,)
    yield "nsec-below-cut", "www.d.example.", True, (soa, apex, cut)
    yield "nsec-compact", "e.example.", False, (soa, compact)
    yield "nsec-outside", "c.example.", True, (soa, apex, outside)
    yield "nsec-alone", "c.example.", True, (soa, alone)
    yield "nsec-expanded", "c.example.", True, (soa, apex, expanded)

    apex = matching("example.", "NS SOA RRSIG DNSKEY NSEC3PARAM")
    no_c, no_star = covering("c.example."), covering("*.example.")
    star = matching("*.example.", "A RRSIG")
    many = (matching("example.", "NS SOA", 2500), covering("c.example.", 2500))
    yield "nsec3-nxdomain", "c.example.", True, (soa, apex, no_c, no_star)
    yield "nsec3-deep", "a." * 100 + "c.example.", True, (soa, apex, no_c, no_star)
    yield "nsec3-nodata", "b.example.", False, (soa, matching("b.example.", "A RRSIG"))
    yield "nsec3-wildcard-nodata", "c.example.", False, (soa, apex, no_c, star)
    yield "nsec3-referral", "www.d.example.", False, (matching("d.example.", "NS"),)
    yield "nsec3-opt-out", "d.example.", False, (soa, apex, covering("d.example.", flags=1))
    yield "nsec3-iterations", "c.example.", True, (soa, *many)
    yield "nsec3-mixed", "c.example.", True, (soa, apex, covering("c.example.", 2))
    yield "nsec3-flags", "c.example.", True, (soa, apex, covering("c.example.", flags=3))
    yield "nsec3-cname", "b.example.", False, (soa, matching("b.example.", "CNAME RRSIG"))
    padding = [covering(f"p{i}.example.") for i in range(60)]
    yield "nsec3-padded", "c.example.", True, (soa, *padding)


def bad_keys():
    """Keys that are none, and many of one tag (KeyTrap)."""
    answer = signed("b.example.", "AAAA", "2001:db8::1")
    own = DNSKEY.to_text().split()[3]
    for label, flags, algorithm, key in (
        ("rsa-tiny", 257, 8, "AQM="),
        ("rsa-exponent", 257, 8, "CQEBAQEBAQEBAf//////////"),
        ("rsa-long", 257, 10, "AwEAAQ" + "A" * 82),
        ("rsa-zero", 257, 5, "AAAAAA=="),
        ("ecdsa-short", 257, 13, "QUJD"),
        ("ecdsa-zero", 257, 14, "AAAA" * 32),
        ("ed448", 257, 16, "AAAA" * 19),
        ("unknown", 257, 17, "QUJD"),
        ("revoked", 385, 15, own),
    ):
        text = f"{flags} 3 {algorithm} {key}"
        dnskey = dns.rrset.from_text("example.", 300, "IN", "DNSKEY", text)
        yield f"key-{label}", reply("b.example.", answer=answer, additional=[dnskey])

    # Octets moved from one 16-bit word to another leave the tag as it is.
    same = [bytes([i] + [0] * 31 + [20 - i] + [0] * 31) for i in range(20)]
    texts = [f"257 3 13 {base64.b64encode(key).decode()}" for key in same]
    dnskeys = dns.rrset.from_text("example.", 300, "IN", "DNSKEY", *texts)
    tags = {dns.dnssec.key_id(rdata) for rdata in dnskeys}
    assert len(tags) == 1, tags
    lies = [base64.b64encode(bytes([i + 1] * 64)).decode() for i in range(20)]
    dates = f"{SIGNED_UNTIL} {SIGNED_FROM} {tags.pop()} example."
    rrsigs = [f"AAAA 13 2 300 {dates} {lie}" for lie in lies]
    trapped = [answer[0], dns.rrset.from_text("b.example.", 300, "IN", "RRSIG", *rrsigs)]
    yield "key-trap", reply("b.example.", answer=trapped, additional=[dnskeys])


def replies():
    """(name, octets)."""
    yield from data()
    for name, question, nxdomain, pairs in denials():
        yield name, reply(question, *pairs, rcode=3 if nxdomain else 0)
    yield from bad_keys()
