#!/usr/bin/python3
"""Makes the corpora of the fuzz targets: tests/fuzz/make_corpus.py

The same files each time. What a fuzzer found is added by hand, named found-… by what was wrong;
this script leaves such files alone.
"""

import pathlib
import random
import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dnssec_corpus
import http_corpus

CORPUS = pathlib.Path(__file__).parent / "corpus"
MUTANTS = 3  # of each message
SEED = 6147


def query(name="www.example.com.", rdtype="AAAA", **arguments):
    message = dns.message.make_query(name, rdtype, **arguments)
    message.id = 0x6147
    return message


def reply(message, *, answer=(), authority=(), additional=(), rcode=0, flags=dns.flags.RA):
    made = dns.message.make_response(message)
    made.flags |= flags
    made.set_rcode(rcode)
    for section, rrsets in zip(
        (made.answer, made.authority, made.additional), (answer, authority, additional)
    ):
        for name, ttl, rdtype, *texts in rrsets:
            section.append(dns.rrset.from_text(name, ttl, "IN", rdtype, *texts))
    return made


SOA = ("example.com.", 300, "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60")
NS = ("example.com.", 3600, "NS", "ns1.example.com.", "ns2.example.com.", "ns.example.net.")
GLUE = (
    ("ns1.example.com.", 3600, "A", "192.0.2.53"),
    ("ns1.example.com.", 3600, "AAAA", "2001:db8::53"),
    ("ns2.example.com.", 3600, "A", "198.51.100.53"),
)
RRSIG = (
    "AAAA 13 3 300 20300101000000 20200101000000 4711 example.com. "
    "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlCg=="
)
# One record of each type whose RDATA has a shape of its own, and one that nobody knows.
EACH_TYPE = (
    ("a", "A", "192.0.2.1"),
    ("aaaa", "AAAA", "2001:db8::1"),
    ("cname", "CNAME", "target.example.com."),
    ("dname", "DNAME", "target.example.com."),
    ("ptr", "PTR", "host.example.com."),
    ("mx", "MX", "10 mail.example.com."),
    ("txt", "TXT", '"one" "two" ""'),
    ("hinfo", "HINFO", '"RFC8482" ""'),
    ("minfo", "TYPE14", "\\# 2 0000"),
    ("rp", "RP", "who.example.com. what.example.com."),
    ("afsdb", "AFSDB", "1 afs.example.com."),
    ("rt", "RT", "1 rt.example.com."),
    ("px", "PX", "1 a.example.com. b.example.com."),
    ("kx", "KX", "1 kx.example.com."),
    ("srv", "SRV", "0 0 853 dot.example.com."),
    ("naptr", "NAPTR", '1 2 "u" "E2U+sip" "!^.*$!sip:a@example.com!" .'),
    ("ds", "DS", "4711 13 2 " + "ab" * 32),
    ("dnskey", "DNSKEY", "257 3 13 " + "QUJD" * 21 + "QQ=="),
    ("nsec", "NSEC", "b.example.com. A RRSIG NSEC"),
    ("nsec3", "NSEC3", "1 1 0 - 35mthgpgcu1qg68fab165klnsnk3dpvl A RRSIG"),
    ("rrsig", "RRSIG", RRSIG),
    ("caa", "CAA", '0 issue "ca.example"'),
    ("tlsa", "TLSA", "3 1 1 " + "cd" * 32),
    ("svcb", "SVCB", "1 dot.example.com. alpn=dot port=853"),
    ("https", "HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"),
    ("unknown", "TYPE65280", "\\# 5 0102030405"),
    ("empty", "TYPE65281", "\\# 0"),
)


def messages():
    """(name, octets) of well-formed messages of all shapes."""
    plain = query()
    yield "query", plain
    yield "query-root", query(".", "NS")
    yield "query-cd", query(flags=dns.flags.RD | dns.flags.CD)
    yield "query-do", query(want_dnssec=True, payload=1232)
    yield "query-edns1", query(use_edns=1)
    yield "query-any", query(rdtype="ANY")
    yield "query-chaos", query("version.bind.", "TXT", rdclass="CH")
    yield "query-type1000", query(rdtype="TYPE1000")
    yield "query-longest", query(".".join(["a" * 63] * 3 + ["b" * 61]) + ".")
    yield "query-labels", query("a." * 127)
    yield "query-case", query("wWw.eXaMpLe.CoM.")
    yield "query-octets", query("\\000\\255\\.\\\\.example.")
    options = [
        dns.edns.GenericOption(3, b""),
        dns.edns.GenericOption(10, bytes(range(8))),
        dns.edns.GenericOption(11, b""),
        dns.edns.GenericOption(12, bytes(20)),
        dns.edns.GenericOption(100, b"unknown"),
    ]
    yield "query-options", query(use_edns=0, options=options)
    for opcode in (1, 2, 4, 5, 6, 15):
        other = query()
        other.set_opcode(opcode)
        yield f"query-opcode{opcode}", other

    www = "www.example.com."
    yield "reply-data", reply(plain, answer=[(www, 300, "AAAA", "2001:db8::1", "2001:db8::2")])
    yield "reply-nodata", reply(plain, authority=[SOA])
    yield "reply-nxdomain", reply(plain, authority=[SOA], rcode=dns.rcode.NXDOMAIN)
    for rcode in (1, 2, 4, 5, 6, 9, 11):
        yield f"reply-rcode{rcode}", reply(plain, rcode=rcode)
    yield "reply-truncated", reply(plain, flags=dns.flags.TC)
    yield "reply-referral", reply(plain, authority=[NS], additional=GLUE)
    chain = [
        (www, 300, "CNAME", "a.example.net."),
        ("a.example.net.", 300, "CNAME", "b.example.org."),
        ("b.example.org.", 300, "AAAA", "2001:db8::3"),
    ]
    yield "reply-chain", reply(plain, answer=chain)
    yield (
        "reply-dname",
        reply(
            plain,
            answer=[
                ("example.com.", 0xFFFFFFFF, "DNAME", "example.net."),
                (www, 0, "CNAME", "www.example.net."),
            ],
        ),
    )
    signed = query(want_dnssec=True)
    yield (
        "reply-signed",
        reply(signed, answer=[(www, 300, "AAAA", "2001:db8::1"), (www, 300, "RRSIG", RRSIG)]),
    )
    bad = reply(query(use_edns=0), rcode=dns.rcode.SERVFAIL)
    bad.use_edns(0, options=[dns.edns.GenericOption(15, b"\0\x16no reachable authority")])
    yield "reply-ede", bad
    yield "reply-badvers", reply(query(use_edns=1), rcode=dns.rcode.BADVERS)
    for label, rdtype, text in EACH_TYPE:
        name = f"{label}.example.com."
        yield f"reply-type-{label}", reply(query(name, rdtype), answer=[(name, 60, rdtype, text)])
    many = [f"198.51.100.{i}" for i in range(1, 41)]
    yield "reply-forty", reply(query(rdtype="A"), answer=[(www, 300, "A", *many)])


def header(flags=0x0100, questions=1, answers=0, authority=0, additional=0):
    return struct.pack("!6H", 0x6147, flags, questions, answers, authority, additional)


QUESTION = b"\3www\7example\3com\0\0\x1c\0\1"


def broken_messages():
    """Octets that are no message, or only nearly one, by hand."""
    fixed = b"\0\1\0\1\0\0\0\x3c\0\4"
    address = b"\xc0\0\2\1"
    yield "empty", b""
    yield "header-short", header()[:11]
    yield "header-only", header(questions=0)
    yield "header-opcode15", header(flags=0x7800, questions=0)
    yield "questions-two", header(questions=2) + QUESTION * 2
    yield "question-missing", header()
    yield "question-cut", header() + QUESTION[:-3]
    yield "trailing", header() + QUESTION + b"\0"
    yield "pointer-self", header() + b"\xc0\x0c\0\x1c\0\1"
    yield "pointer-forward", header() + b"\xc0\x20\0\x1c\0\1"
    yield "pointer-loop", header() + b"\1a\xc0\x0c\0\x1c\0\1"
    yield "pointer-header", header() + b"\xc0\0\0\x1c\0\1"
    yield "pointer-cut", header() + b"\xc0"
    yield "label-type-01", header() + b"\x41a\0\0\x1c\0\1"
    yield "label-type-10", header() + b"\x81a\0\0\x1c\0\1"
    yield "name-256", header() + b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0\0\x1c\0\1"
    yield "counts-lie", header(answers=0xFFFF) + QUESTION
    yield "rdata-runs-over", header(answers=1) + QUESTION + b"\xc0\x0c" + fixed + address[:3]
    yield "answer-in-query", header(answers=1) + QUESTION + b"\xc0\x0c" + fixed + address
    yield (
        "rdata-a-of-5",
        header(0x8180, answers=1) + QUESTION + b"\xc0\x0c" + fixed[:-1] + b"\5" + address + b"\0",
    )
    soa = b"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\4\xc0\x0c\xc0\x0c"
    yield "soa-cut", header(0x8180, authority=1) + QUESTION + soa
    # A name in RDATA that runs on into what follows it.
    over = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\3\3www" + b"\xc0\x0c" + fixed + address
    yield "cname-runs-over", header(0x8180, answers=2) + QUESTION + over
    over = over.replace(b"\0\5\0\1", b"\0\6\0\1")
    yield "soa-runs-over", header(0x8180, answers=2) + QUESTION + over
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0"
    yield "opt", header(additional=1) + QUESTION + opt + b"\0"
    yield "opt-two", header(additional=2) + QUESTION + (opt + b"\0") * 2
    yield "opt-answer", header(answers=1) + QUESTION + opt + b"\0"
    yield "opt-owner", header(additional=1) + QUESTION + b"\xc0\x0c" + opt[1:] + b"\0"
    yield "opt-option-cut", header(additional=1) + QUESTION + opt + b"\3\0\x0a\0"
    yield "opt-option-long", header(additional=1) + QUESTION + opt + b"\4\0\x0a\0\5"
    yield "opt-flags", header(additional=1) + QUESTION + b"\0\0\x29\x04\xd0\x01\x07\xff\xff\0\0"
    # Each owner is a pointer to the one before: as long a walk as the rules allow.
    staircase = header(0x8180, answers=200) + QUESTION
    target = 12
    for _ in range(200):
        here = len(staircase)
        staircase += struct.pack("!H", 0xC000 | target) + fixed + address
        target = here
    yield "pointer-staircase", staircase


def mutate(rng, octets):
    """`octets` with a few of them changed, taken out, doubled or cut off."""
    made = bytearray(octets)
    for _ in range(rng.randint(1, 4)):
        if not made:
            break
        at = rng.randrange(len(made))
        kind = rng.randrange(5)
        if kind == 0:
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            made[at] = rng.choice((0, 0x3F, 0x40, 0xC0, 0xFF))
        elif kind == 2:
            del made[at : at + rng.randint(1, 4)]
        elif kind == 3:
            made[at:at] = made[at : at + rng.randint(1, 8)]
        else:
            del made[at:]
    return bytes(made)


def names():
    """Texts, and runs of wire names with and without pointers."""
    for number, text in enumerate((
        ".", "example.com.", "example.com", "a..b.", "..", ".a", "\\", "\\1", "\\256", "\\000.",
        "\\046.example.", "a\\.b.example.", "*.example.", "a" * 63 + ".", "a" * 64 + ".",
        ".".join(["a" * 63] * 3 + ["a" * 61]) + ".", ".".join(["a" * 63] * 3 + ["a" * 62]) + ".",
        "a." * 127, "a." * 128, "xn--bcher-kva.example.", "b\u00fccher.example.", "wWw.ExAmPlE.",
        "@.example.", "\"a\".example.", "a b.example.", "a\tb.example.",
    )):  # fmt: skip
        yield f"text-{number:02}", text.encode()
    for number, text in enumerate(("example.com.", "a.b.c.d.", "*.test.", "A.a.", ".")):
        wire = dns.name.from_text(text).to_wire()
        yield f"wire-{number}", wire
        yield f"wire-{number}-pointer", wire + b"\1x\xc0\0"
        yield f"wire-{number}-cut", wire[:-1]
    yield "wire-pairs", b"".join(
        dns.name.from_text(t).to_wire()
        for t in ("z.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.")
    )
    yield "wire-dname", dns.name.from_text("a." * 120).to_wire() + b"\3abc\3def\0"
    yield "pointers", b"\1a\0" + b"".join(struct.pack("!BcH", 1, b"b", 0xC000 | i) for i in (0, 3, 7))


def streams():
    """Framed messages behind an octet that says how they come: see stream_fuzz.cc."""
    def framed(*sizes):
        return b"".join(struct.pack("!H", size) + bytes([65 + i % 26]) * size for i, size in enumerate(sizes))

    for name, octets in (
        ("one", framed(40)),
        ("three", framed(40, 12, 300)),
        ("empty-messages", framed(0, 0, 5, 0)),
        ("cut-prefix", framed(40) + b"\0"),
        ("cut-message", framed(40)[:-1]),
        ("beyond-the-limit", framed(*[2] * 250)),
        ("large", framed(3000, 1)),
        ("length-lies", b"\xff\xff" + framed(40)),
    ):
        for come, first in (("at-once", 0x7F), ("by-octet", 0x00), ("by-octet-late", 0x80), ("late", 0xC0)):
            yield f"{name}-{come}", bytes([first]) + octets


PROXY = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(command, family, block=b""):
    return PROXY + struct.pack("!BBH", command, family, len(block)) + block


def proxy_headers():
    """Headers of the PROXY protocol, with what follows them."""
    ports = struct.pack("!HH", 54321, 53)
    v4 = bytes((192, 0, 2, 1, 198, 51, 100, 7)) + ports
    v6 = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "53") + ports
    mapped = bytes.fromhex("00" * 10 + "ffff") + v4[:4] + v6[16:]
    tlvs = b"\1\0\2h2\3\0\4\1\2\3\4\4\0\1\0\xee"
    question = header() + QUESTION
    yield "tcp4", proxy_header(0x21, 0x11, v4)
    yield "udp4", proxy_header(0x21, 0x12, v4) + question
    yield "tcp6", proxy_header(0x21, 0x21, v6)
    yield "udp6", proxy_header(0x21, 0x22, v6) + question
    yield "mapped", proxy_header(0x21, 0x22, mapped) + question
    yield "tlvs", proxy_header(0x21, 0x21, v6 + tlvs) + question
    yield "local", proxy_header(0x20, 0x00)
    yield "local-addresses", proxy_header(0x20, 0x11, v4) + question
    yield "unspecified", proxy_header(0x21, 0x00, tlvs)
    yield "unix", proxy_header(0x21, 0x31, bytes(216))
    yield "short", proxy_header(0x21, 0x21, v4)
    yield "longest", proxy_header(0x21, 0x11, v4.ljust(520, b"\0"))
    yield "too-long", proxy_header(0x21, 0x11, v4.ljust(521, b"\0"))
    yield "length-lies", proxy_header(0x21, 0x11, v4)[:-1]
    yield "version1", b"PROXY TCP4 192.0.2.1 198.51.100.7 54321 53\r\n"
    yield "version3", proxy_header(0x31, 0x11, v4)
    yield "signature-cut", PROXY[:7]
    yield "plain", question
    yield "empty", b""


CONFIGS = {
    "empty": "",
    "object": "{}",
    "comment": "// nothing\n/* at\nall */ {}\n",
    "comment-open": "{} /* and then",
    "list": "[]",
    "word": "nonsense",
    "cut": '{"listen": [{"address": "::1", "po',
    "comma": '{"workers": 1,}',
    "twice": '{"workers": 1, "workers": 2}',
    "unknown": '{"listne": []}',
    "later": '{"dnssec": {"validation": true}, "blocklists": ["a"]}',
    "bom": "\ufeff{}",
    "nul": '{"workers": "\0"}',
    "control": '{"a\x07b": 1}',
    "escape": '{"\\u0077orkers": 1, "\\ud83d\\ude00": 2, "\\ud800": 3}',
    "numbers": '{"workers": 1e3, "cache": {"size": -1, "max_ttl": 99999999999999999999}}',
    "units": '{"cache": {"size": "64MiB", "max_ttl": "1d", "min_ttl": "300ms", "max_negative_ttl": "1x"}}',
    "deep": "[" * 100 + "]" * 100,
    "prefixes": '{"dns64": {"prefixes": ["64:ff9b::/95", "2001:db8::/40", "2001:db8:0:0:1::/64",\n'
    '  "64:ff9b::/64", "::ffff:0:0/96", {"prefix": "2607:7700::/32", "for_a": ["192.0.2.0/24"]}]}}',
    "exclude": '{"dns64": {"exclude_aaaa": [], "exclude_a": ["10.0.0.0/8", "10.0.0.1/8", "x"]}}',
    "names": '{"dns64": {"exempt_names": ["example.com", "a..b", ".", "b\u00fccher.example"]}}',
    "views": '{"views": {"a": {"clients": ["2001:db8::/32"], "dns64": {"enabled": false}}},\n'
    '  "listen": [{"address": "::1", "port": 5300, "view": "b"}]}',
    "root": '{"root_hints": [{"name": "a.root.", "addresses": ["192.0.2.53", "192.0.2.54@5353"]}]}',
    "forward": '{"forward": [{"zone": ".", "servers": ["192.0.2.1@99999"], "only": 1}]}',
    "unicode": '{\n  "log": {"level": "\u00e4\u00f6\u00fc", "x": 1}, "y": "\U0001f600" "z"\n}',
    "lines": "{\r\n\t\"workers\":\r\n\ttrue\r\n}",
    "pointer": '{"a/b": 1, "c~d": {"": 2}}',
    "long-key": '{"' + "k" * 5000 + '": "' + "v" * 5000 + '"}',
    "null": '{"run_as": null, "admin": {"control": null}, "listen": null}',
    "everything": '{"listen": [{"address": "::1", "port": 5300}], "workers": "auto",\n'
    '  "access": {"allow": ["private"], "refuse": ["192.0.2.0/24"]},\n'
    '  "dns64": {"prefixes": ["64:ff9b::/96"], "selection": "all", "max_records": 8,\n'
    '    "synthesize_on": "nodata", "reverse": "off", "hide_a": true},\n'
    '  "stub": [{"zone": "corp.example", "servers": ["192.0.2.3"]}],\n'
    '  "cache": {"size": 1048576}, "upstream": {"timeout": "8s", "ipv6": false},\n'
    '  "limits": {"inflight": 10}, "log": {"level": "debug", "format": "json"},\n'
    '  "builtin_zones": {"except": ["test"]}, "root_hints": "builtin"}',
}


def write(target, name, octets):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)


def main():
    for target in ("message", "name", "config", "dnssec", "http", "proxy", "stream"):
        for path in (CORPUS / target).glob("*"):
            if not path.name.startswith("found-"):
                path.unlink()

    rng = random.Random(SEED)
    random.seed(SEED)  # dnspython shuffles the records of an RRset
    whole = [(name, message.to_wire(max_size=65535)) for name, message in messages()]
    for name, octets in whole + list(broken_messages()):
        write("message", name, octets)
        for number in range(MUTANTS):
            write("message", f"{name}-mutant{number}", mutate(rng, octets))
    for name, octets in names():
        write("name", name, octets)
    for name, text in CONFIGS.items():
        write("config", name, text.encode("utf-8", "surrogatepass"))
        write("config", f"{name}-mutant", mutate(rng, text.encode("utf-8", "surrogatepass")))
    for name, octets in dnssec_corpus.replies():
        write("dnssec", name, octets)
        write("dnssec", f"{name}-mutant", mutate(rng, octets))
    for name, text in http_corpus.headers():
        write("http", f"header-{name}", text.encode())
    for name, octets in http_corpus.connections():
        write("http", f"connection-{name}", octets)
        write("http", f"connection-{name}-mutant", mutate(rng, octets))
    for name, octets in proxy_headers():
        write("proxy", name, octets)
        write("proxy", f"{name}-mutant", mutate(rng, octets))
    for name, octets in streams():
        write("stream", name, octets)


if __name__ == "__main__":
    main()
