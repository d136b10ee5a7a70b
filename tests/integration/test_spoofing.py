"""What an attacker off the path would have to guess, and what becomes of replies that do not match."""

import struct

import pytest

from support import behave, wire
from support.client import make_query
from support.net import wait_until


@pytest.fixture
def bank(site):
    """bank.com. on two servers; the first is for the test to spoil. Gives the first."""
    site.zone("bank.com.", "www A 192.0.2.80\n*.w A 192.0.2.81", servers=2)
    return site.servers["bank.com."][0]


def forged(context):
    """The reply that an attacker would like to see believed, under the right id."""
    message = wire.Builder(context.query, wire.AA)
    message.add(1, context.query.labels, 1, 300, bytes([192, 0, 2, 66]))
    return message.wire()


# Covers: REC-02, ATK-02
def test_every_query_has_its_own_random_port_and_id(site, start):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start()
    for i in range(150):
        subject.query(f"n{i}.w.example.com.", "A")
    queries = site.queries(below="w.example.com.", transport="udp")
    ports = [q.client[1] for q in queries]
    ids = [q.id for q in queries]
    assert len(queries) >= 150
    assert len(set(ports)) > len(ports) * 0.95 and min(ports) >= 1024
    assert len(set(ids)) > len(ids) * 0.95
    # Spread over the whole range, and no order in them.
    assert max(ports) - min(ports) > 40000 and max(ids) - min(ids) > 55000
    for series in (ports, ids):
        steps = [b - a for a, b in zip(series, series[1:])]
        assert 0.3 < sum(step > 0 for step in steps) / len(steps) < 0.7
        assert sum(abs(step) < 100 for step in steps) < len(steps) * 0.1


# Covers: REC-05
def test_letter_case_is_random_in_every_query(site, start):
    site.edit("example.com.", add="*.caserandomization A 192.0.2.1")
    subject = start()
    for i in range(40):
        subject.query(f"n{i}.caserandomization.example.com.", "A")
    names = [q.raw_name for q in site.queries(below="caserandomization.example.com.")]
    letters = "".join(names)
    upper = sum(c.isupper() for c in letters) / sum(c.isalpha() for c in letters)
    assert 0.4 < upper < 0.6
    assert len({name.split(".")[1] for name in names}) > 35


# Covers: REC-05
def test_case_randomization_can_be_switched_off(site, start):
    start(upstream={"case_randomization": False}).query("v4.example.com.", "A")
    assert all(q.raw_name == q.raw_name.lower() for q in site.log)


# Covers: REC-05
def test_a_server_that_does_not_echo_case_is_still_used(site, com, start):
    com.on(behave.lower_case())
    subject = start()
    for name in ("v4", "dual", "global"):
        assert subject.query(f"{name}.example.com.", "A").rcode == "NOERROR"


# Covers: REC-05, REC-01
def test_a_forged_reply_in_lower_case_does_not_win_over_the_real_one(site, com, start):
    def forge(context):
        if context.udp:
            message = wire.Builder(context.query, wire.AA,
                                   context.query.wire[12:context.query.question_end - 4].lower()
                                   + context.query.wire[context.query.question_end - 4:context.query.question_end])
            message.add(1, context.query.labels, 1, 300, bytes([192, 0, 2, 66]))
            if context.query.raw_name != context.query.name:
                context.server.udp.sendto(message.wire(), context.query.client)
                context.delay += 0.05
        return False
    com.on(forge, type="A")
    assert start().query("v4.example.com.", "A").values("A") == ["192.0.2.33"]


# Covers: REC-01, REC-07
@pytest.mark.parametrize("behaviour", [
    behave.wrong_question(), behave.wrong_type(), behave.no_question(), behave.wrong_port(),
    behave.wrong_id(), behave.not_a_response()],
    ids=["question", "type", "no question", "port", "id", "qr"])
def test_a_reply_that_does_not_match_is_dropped_and_counted(site, bank, start, behaviour):
    bank.on(behaviour, transport="udp")
    bank.on(behave.silence(), transport="tcp")
    subject = start()
    for i in range(8):
        assert subject.query(f"n{i}.w.bank.com.", "A").values("A") == ["192.0.2.81"]
    if site.count(below="w.bank.com.", server=bank):
        stats = subject.stats()
        assert stats["upstream_mismatched"] + stats["upstream_timeouts"] >= 1, stats


# Covers: REC-01
def test_the_right_reply_is_still_taken_after_wrong_ones(site, com, start):
    com.on(behave.wrong_id(10, then_good=True, forged=forged), name="v4.example.com.", transport="udp")
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert subject.stats()["upstream_mismatched"] >= 1


# Covers: ATK-02, REC-04
def test_a_flood_of_wrong_ids_sends_the_query_over_tcp(site, com, start):
    def flood(context):
        message = bytearray(forged(context))
        for ident in range(400):
            message[:2] = struct.pack("!H", (context.query.id + 1 + ident * 7) & 0xFFFF)
            context.server.udp.sendto(bytes(message), context.query.client)
        return True
    com.on(flood, name="v4.example.com.", transport="udp")
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert site.count("v4.example.com.", "A", transport="tcp") >= 1
    assert subject.stats()["upstream_mismatched"] >= 20


# Covers: ATK-01, REC-22, REC-23
def test_unrelated_records_in_a_reply_are_not_kept(site, bank, com, start):
    com.on(behave.reply("%NAME% 300 A 192.0.2.33",
                        "com. 300 NS ns.evil.example.\nbank.com. 300 NS ns1.example.com.",
                        f"www.bank.com. 300 A 192.0.2.66\nns1.bank.com. 300 A {com.address}\n"
                        "www2.example.com. 300 A 192.0.2.66"), name="v4.example.com.")
    com.zone("bank.com.", "www A 192.0.2.66")
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert subject.query("www.bank.com.", "A").values("A") == ["192.0.2.80"]
    assert subject.query("www2.example.com.", "A").rcode == "NXDOMAIN"


# Covers: ATK-06, REC-23
def test_ns_records_beside_an_answer_do_not_move_the_zone(site, com, start):
    evil = site.new_server()
    evil.zone("example.com.", "dual A 192.0.2.66\nv4 A 192.0.2.66")
    com.on(behave.reply("%NAME% 300 A 192.0.2.33", "example.com. 86400 NS ns.evil.example.com.",
                        f"ns.evil.example.com. 86400 A {evil.address}"), name="v4.example.com.")
    subject = start()
    subject.query("v4.example.com.", "A")
    assert subject.query("dual.example.com.", "A").values("A") == ["192.0.2.34"]
    assert not site.queries(server=evil)


# Covers: ATK-06, REC-22
def test_glue_never_replaces_an_answer(site, start):
    site.edit("example.com.", add="ns A 192.0.2.77")
    server = site.zone("other.com.", "x A 192.0.2.8", ns=["ns.example.com."], glue=False)
    server.changed()
    subject = start()
    assert subject.query("ns.example.com.", "A").values("A") == ["192.0.2.77"]
    site.servers["com."][0].on(behave.reply(
        authority="other.com. 300 NS ns.example.com.",
        additional="ns.example.com. 300 A 192.0.2.66", aa=False), below="other.com.")
    subject.query("x.other.com.", "A", timeout=12)
    assert subject.query("ns.example.com.", "A").values("A") == ["192.0.2.77"]


# Covers: REC-22
def test_glue_is_never_given_to_a_client_as_an_answer(site, start):
    """The parent's glue says one thing, the zone another: clients hear the zone."""
    server = site.zone("split.com.", "x A 192.0.2.9")
    site.edit("split.com.", remove=[("ns1.split.com.", "A")], add=f"ns1 A {server.address}\nns1 A 192.0.2.200")
    subject = start()
    subject.query("x.split.com.", "A")
    assert sorted(subject.query("ns1.split.com.", "A").values("A")) == sorted([server.address, "192.0.2.200"])


# Covers: REC-23
def test_out_of_bailiwick_glue_is_ignored(site, start):
    evil = site.new_server()
    evil.zone("victim.com.", "x A 192.0.2.66")
    server = site.zone("victim.com.", "x A 192.0.2.5", ns=["ns.example.net."], glue=False)
    site.edit("example.net.", add=f"ns A {server.address}")
    site.servers["com."][0].on(behave.reply(
        authority="victim.com. 300 NS ns.example.net.",
        additional=f"ns.example.net. 300 A {evil.address}", aa=False), below="victim.com.")
    subject = start()
    assert subject.query("x.victim.com.", "A").values("A") == ["192.0.2.5"]
    assert subject.query("ns.example.net.", "A").values("A") == [server.address]
    assert not site.queries(server=evil)


# Covers: ATK-07
@pytest.mark.parametrize("kind", ["forward", "stub"])
def test_a_configured_server_cannot_speak_for_other_zones(site, bank, start, kind):
    server = site.new_server()
    server.zone("corp.example.", "x A 192.0.2.3")
    server.on(behave.reply("%NAME% 300 A 192.0.2.3", "com. 3600 NS ns.corp.example.",
                           f"www.bank.com. 3600 A 192.0.2.66\nns.corp.example. 3600 A {server.address}"),
              name="x.corp.example.")
    entry = {"zone": "corp.example", "servers": [server.address]}
    subject = start(**{kind: [entry]})
    assert subject.query("x.corp.example.", "A").values("A") == ["192.0.2.3"]
    assert subject.query("www.bank.com.", "A").values("A") == ["192.0.2.80"]


# Covers: ATK-08, REC-31
def test_a_zone_taken_from_its_owner_is_gone_after_the_parents_ttl(site, start):
    ghost = site.zone("ghost.com.", "*.w 1 A 192.0.2.66\n@ 86400 NS ns1", delegation_ttl=2)
    subject = start()
    assert subject.query("a.w.ghost.com.", "A").values("A") == ["192.0.2.66"]
    site.edit("com.", remove=[("ghost.com.", "NS"), ("ns1.ghost.com.", "A")])

    def gone():
        name = f"n{len(subject.responses)}.w.ghost.com."
        subject.query("ghost.com.", "NS")
        return subject.query(name, "A").rcode == "NXDOMAIN"
    wait_until(gone, 12, "the end of the delegation", every=0.25)
    assert site.count(below="w.ghost.com.", server=ghost) >= 1


# Covers: REC-03
def test_source_addresses_are_used(site, start):
    sources = [site.net.ipv4(), site.net.ipv4()]
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start(upstream={"source_addresses": sources})
    for i in range(40):
        subject.query(f"n{i}.w.example.com.", "A")
    assert {q.client[0] for q in site.log} == set(sources)


# Covers: ATK-16
def test_a_response_sent_to_the_resolver_gets_no_reply(site, start):
    subject = start()
    response = bytearray(make_query("v4.example.com.", "A"))
    response[2] |= 0x80
    assert subject.raw(bytes(response), timeout=0.7) is None
    assert subject.query("v4.example.com.", "A").rcode == "NOERROR"
