"""What comes back for the queries of RFC 8906, for EDNS in all its forms, and for malformed input."""

import struct

import pytest

from support.client import make_query


@pytest.fixture
def subject(site, start):
    return start()


def wire(name="v4.example.com.", rtype="A", **kwargs):
    return make_query(name, rtype, **kwargs)


# Covers: CLI-01, CLI-03
@pytest.mark.parametrize("kwargs, present, absent", [
    ({}, {"QR", "RD", "RA"}, {"AA", "AD", "CD", "TC"}),
    ({"cd": True}, {"QR", "RD", "RA", "CD"}, {"AA", "AD"}),
    ({"ad": True}, {"QR", "RD", "RA"}, {"AA", "AD"}),
    ({"z": True}, {"QR", "RD", "RA"}, {"AA"})])
def test_the_reply_bits_are_those_of_a_recursive_server(subject, kwargs, present, absent):
    answer = subject.query("v4.example.com.", "A", **kwargs)
    assert present <= answer.flags and not absent & answer.flags
    assert not struct.unpack_from("!H", answer.wire, 2)[0] & 0x40, "Z must be zero"
    assert answer.values("A") == ["192.0.2.33"]


# Covers: CLI-02, CLI-03
@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("rtype, kwargs, rcode", [
    ("SOA", {}, "NOERROR"), ("TYPE1000", {}, "NOERROR"), ("SOA", {"cd": True}, "NOERROR"),
    ("SOA", {"ad": True}, "NOERROR"), ("SOA", {"z": True}, "NOERROR"),
    ("SOA", {"edns": 1232}, "NOERROR"), ("SOA", {"edns": 1232, "version": 1}, "BADVERS"),
    ("SOA", {"edns": 1232, "options": [(100, b"")]}, "NOERROR"),
    ("SOA", {"edns": 1232, "edns_flags": 0x40}, "NOERROR"),
    ("SOA", {"edns": 1232, "version": 1, "edns_flags": 0x40}, "BADVERS"),
    ("SOA", {"edns": 1232, "version": 1, "options": [(100, b"")]}, "BADVERS"),
    ("SOA", {"do": True}, "NOERROR"), ("SOA", {"do": True, "version": 1}, "BADVERS")])
def test_the_queries_of_rfc_8906_all_get_their_reply(subject, over, rtype, kwargs, rcode):
    answer = subject.query("example.com.", rtype, over=over, **kwargs)
    assert answer.rcode == rcode
    assert answer.edns == bool(kwargs.keys() & {"edns", "do"})
    if answer.edns:
        assert answer.message.edns == 0
        assert not answer.message.ednsflags & 0x7FFF, "unknown flags are not echoed"
        assert 100 not in [code for code, _ in answer.options]
    if kwargs.get("do") and rcode == "NOERROR":
        assert answer.do
    if rcode == "BADVERS":
        assert not answer.answer() and not answer.authority()
    elif rtype == "SOA":
        assert answer.values("SOA")


# Covers: CLI-02, CLI-04
@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_a_header_alone_with_opcode_15_gets_notimp(subject, over):
    answer = subject.raw(struct.pack("!6H", 0x1234, 15 << 11, 0, 0, 0, 0), over=over)
    assert answer.rcode == "NOTIMP" and answer.id == 0x1234 and len(answer.wire) == 12


# Covers: CLI-01, CLI-04
@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 7, 15])
def test_other_opcodes_get_notimp_with_the_opcode_copied(subject, opcode):
    query = bytearray(wire())
    query[2] = query[2] & 0x87 | opcode << 3
    answer = subject.raw(bytes(query))
    allowed = {"NOTIMP", "REFUSED"} if opcode in (4, 5) else {"NOTIMP"}
    assert answer.rcode in allowed
    assert answer.opcode == opcode
    assert struct.unpack_from("!3H", answer.wire, 6) == (0, 0, 0)


# Covers: TRA-09, TRA-10
def test_an_opt_comes_back_only_where_one_came(subject):
    assert not subject.query("v4.example.com.", "A").edns
    assert subject.query("v4.example.com.", "A", edns=1232).edns
    assert subject.query("nx.example.com.", "A", edns=1232).edns
    assert subject.query("v4.example.com.", "AXFR", edns=1232).edns


def opt(payload=1232, version=0, flags=0, owner=b"\0", options=b""):
    return owner + struct.pack("!HHBBHH", 41, payload, 0, version, flags, len(options)) + options


def with_additional(query, *records):
    return query[:10] + struct.pack("!H", len(records)) + query[12:] + b"".join(records)


# Covers: TRA-09
@pytest.mark.parametrize("records", [
    (opt(), opt()), (opt(owner=b"\x01x\0"),), (opt(options=b"\0\x0a\0\x10ab"),), (opt()[:-1],)],
    ids=["two", "owner not the root", "option too long", "cut off"])
def test_a_wrong_opt_is_a_format_error(subject, records):
    answer = subject.raw(with_additional(wire(), *records))
    assert answer is not None and answer.rcode == "FORMERR" and not answer.answer()


# Covers: TRA-09, CAC-13
def test_unknown_options_are_ignored_and_not_echoed(subject):
    answer = subject.query("v4.example.com.", "A", options=[(65001, b"abc"), (8, b"\0\1\x18\0\xc0\0\2"), (3, b"")])
    assert answer.rcode == "NOERROR" and answer.values("A") == ["192.0.2.33"]
    assert not {65001, 8, 3} & {code for code, _ in answer.options}


# Covers: TRA-11
@pytest.mark.parametrize("payload, limit", [(None, 512), (0, 512), (100, 512), (512, 512), (1232, 1232), (4096, 1232)])
def test_replies_over_udp_fit_the_clients_payload_and_ours(site, start, payload, limit):
    site.edit("example.com.", add="\n".join(f"many A 198.51.100.{i}" for i in range(1, 91)))
    subject = start(dns64={"enabled": False})
    query = wire("many.example.com.") if payload is None else with_additional(wire("many.example.com."), opt(payload))
    answer = subject.raw(query, timeout=5)
    assert "TC" in answer.flags and len(answer.wire) <= limit
    assert answer.edns == (payload is not None)
    whole = subject.query("many.example.com.", "A", over="tcp", edns=512)
    assert "TC" not in whole.flags and len(whole.values("A")) == 90


# Covers: TRA-11, CLI-02
def test_a_reply_that_just_fits_is_not_truncated(site, start):
    site.edit("example.com.", add="\n".join(f"some A 198.51.100.{i}" for i in range(1, 27)))
    subject = start()
    assert "TC" not in subject.query("some.example.com.", "A").flags
    assert "TC" not in subject.query("some.example.com.", "A", edns=1232).flags


# Covers: TRA-11
def test_the_servers_payload_limit_is_configurable_and_told(start, site):
    site.edit("example.com.", add="\n".join(f"many A 198.51.100.{i}" for i in range(1, 91)))
    answer = start(limits={"udp_payload": 1400}).query("many.example.com.", "A", edns=4096)
    assert answer.payload == 1400 and 1232 < len(answer.wire) <= 1400 or len(answer.wire) <= 1400


# Covers: TRA-07
def test_keepalive_is_ignored_over_udp_and_answered_over_tcp_at_most(subject):
    assert 11 not in [code for code, _ in subject.query("v4.example.com.", "A", options=[(11, b"")]).options]
    over_tcp = subject.query("v4.example.com.", "A", over="tcp", options=[(11, b"")])
    assert over_tcp.rcode == "NOERROR"
    for code, option in over_tcp.options:
        if code == 11:
            assert len(option.data if hasattr(option, "data") else option.to_wire()) == 2


# Covers: TRA-27
def test_padding_is_ignored_without_encryption(subject):
    answer = subject.query("v4.example.com.", "A", options=[(12, b"\0" * 20)])
    assert answer.rcode == "NOERROR" and 12 not in [code for code, _ in answer.options]


# --- requirements D.2 ---

HEADER = struct.pack("!6H", 0x4242, 0x0100, 1, 0, 0, 0)


@pytest.mark.parametrize("message", [b"\0", b"\x42\x42\x01", HEADER[:11]], ids=["1", "3", "11"])
def test_less_than_a_header_gets_silence(subject, message):
    assert subject.raw(message, timeout=0.5) is None


# Covers: ATK-16
def test_a_response_gets_silence(subject):
    query = bytearray(wire())
    query[2] |= 0x80
    assert subject.raw(bytes(query), timeout=0.5) is None


MALFORMED = {
    "no question": struct.pack("!6H", 0x4242, 0x0100, 0, 0, 0, 0),
    "two questions": struct.pack("!6H", 0x4242, 0x0100, 2, 0, 0, 0) + (b"\1x\0\0\1\0\1") * 2,
    "question missing": HEADER,
    "name cut off": HEADER + b"\7examp",
    "type missing": HEADER + b"\1x\0",
    "class missing": HEADER + b"\1x\0\0\1",
    "label of 64 octets": HEADER + b"\x40" + b"x" * 64 + b"\0\0\1\0\1",
    "name of 256 octets": HEADER + (b"\x3f" + b"x" * 63) * 4 + b"\0\0\1\0\1",
    "pointer to itself": HEADER + b"\xc0\x0c\0\1\0\1",
    "pointer forwards": HEADER + b"\xc0\x20\0\1\0\1" + b"\0" * 20,
    "extended label": HEADER + b"\x41x\0\0\1\0\1",
    "trailing garbage": wire() + b"garbage",
    "answer in a query": struct.pack("!6H", 0x4242, 0x0100, 1, 1, 0, 0) + b"\1x\0\0\1\0\1"
                         + b"\1x\0\0\1\0\1\0\0\0\1\0\4\1\2\3\4",
    "additional missing": struct.pack("!6H", 0x4242, 0x0100, 1, 0, 0, 1) + b"\1x\0\0\1\0\1",
}


# Covers: CLI-04, REC-08
@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_queries_get_formerr_and_are_counted(subject, message, over):
    before = subject.stats()["malformed"]
    answer = subject.raw(message, over=over)
    assert answer is not None and answer.rcode == "FORMERR"
    assert answer.wire[:2] == message[:2]
    assert struct.unpack_from("!2H", answer.wire, 6) == (0, 0)
    assert subject.stats()["malformed"] == before + 1
    assert subject.query("v4.example.com.", "A").rcode == "NOERROR"


# Covers: CLI-03
def test_an_unknown_type_is_resolved_and_gives_nodata(subject):
    answer = subject.query("v4.example.com.", "TYPE1000")
    assert answer.nodata and len(answer.soa) == 1


# --- who may ask ---

# Covers: D64-08
@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_clients_outside_the_access_list_are_refused_with_ede_18(site, start, over):
    subject = start(access={"allow": ["192.0.2.0/24"]})
    answer = subject.query("v4.example.com.", "A", edns=1232, over=over)
    assert answer.rcode == "REFUSED" and answer.ede == [18] and not answer.answer()
    assert not site.queries(below="com.")
    assert subject.stats()["refused"] >= 1


def test_the_refuse_list_comes_before_the_allow_list(site, start, net):
    bad = net.ipv4()
    subject = start(access={"allow": ["127.0.0.0/8"], "refuse": [f"{bad}/32"]})
    assert subject.query("v4.example.com.", "A").rcode == "NOERROR"
    assert subject.query("v4.example.com.", "A", source=bad).rcode == "REFUSED"


# Covers: T48
def test_a_refused_client_gets_no_cached_answer_either(site, start, net):
    bad = net.ipv4()
    subject = start(access={"allow": ["private"], "refuse": [f"{bad}/32"]})
    for name in ("v4.example.com.", "localhost.", "ipv4only.arpa."):
        subject.query(name, "A")
        subject.query(name, "A")
        assert subject.query(name, "A", source=bad).rcode == "REFUSED"


# Covers: CAC-13, CLI-01
def test_every_reply_has_the_id_and_question_of_its_query(subject):
    for ident in (0, 1, 0x7FFF, 0xFFFF):
        answer = subject.query("V4.eXample.com.", "A", ident=ident)
        assert answer.id == ident and answer.question.name.to_text() == "V4.eXample.com."
