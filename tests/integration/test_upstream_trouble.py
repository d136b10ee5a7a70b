"""Servers that are slow, dead, lame, old or wrong: the next one is asked, and the client is told what happened."""

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import behave
from support.net import scaled, wait_until


@pytest.fixture
def pair(site):
    """pair.com. on two servers; gives them."""
    site.zone("pair.com.", "x 300 A 192.0.2.1\ny 300 A 192.0.2.2\n*.w 300 A 192.0.2.3", servers=2)
    return site.servers["pair.com."]


def ask_many(subject, count, zone="w.pair.com."):
    return [subject.query(f"n{i}.{zone}", "A") for i in range(count)]


# Covers: REC-10
@pytest.mark.parametrize("kind", ["formerr", "notimp", "ignore"])
def test_a_server_without_edns_is_asked_without_it(site, com, start, kind):
    com.on(behave.no_edns(kind))
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert subject.query("dual.example.com.", "A").values("A") == ["192.0.2.34"]
    if kind != "ignore":
        assert any(not q.edns for q in site.queries("v4.example.com.", "A"))


# Covers: REC-10
@pytest.mark.parametrize("kind", ["drop", "badvers", "formerr-opt"])
def test_a_server_that_is_of_no_use_with_edns_leaves_the_question_to_the_next(pair, start, kind):
    pair[0].on(behave.no_edns(kind))
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(start(), 6))


# Covers: REC-10
def test_silence_alone_does_not_mean_that_a_server_has_no_edns(site, com, start):
    com.on(behave.silence(), name="v4.example.com.")
    start(upstream={"timeout": "3s"}).query("v4.example.com.", "A")
    assert all(q.edns for q in site.queries("v4.example.com.")), site.authority.dump()


# Covers: REC-10
def test_one_lost_datagram_does_not_brand_a_server_as_without_edns(site, com, start):
    com.on(behave.times(1, behave.silence()), name="v4.example.com.")
    subject = start()
    subject.query("v4.example.com.", "A")
    subject.query("dual.example.com.", "A")
    assert all(q.edns for q in site.queries("dual.example.com.", "A"))


# Covers: REC-11, ATK-03
def test_the_advertised_payload_is_1232_or_as_configured(site, start):
    start().query("v4.example.com.", "A")
    assert {q.payload for q in site.log if q.edns} == {1232}
    site.forget()
    start(upstream={"udp_payload": 900}).query("v4.example.com.", "A")
    assert {q.payload for q in site.log if q.edns} == {900}


@pytest.mark.parametrize("kind", ["refused", "servfail", "empty", "upward"])
def test_a_lame_server_is_passed_over(pair, start, kind):
    pair[0].on(behave.lame(kind))
    subject = start()
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(subject, 10))


@pytest.mark.parametrize("rcode", ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "YXDOMAIN", "RCODE11"])
def test_every_failure_rcode_leads_to_the_next_server(pair, start, rcode):
    pair[0].on(behave.rcode(rcode))
    subject = start()
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(subject, 6))


# Covers: REC-30
def test_a_dead_server_costs_little_and_is_learned(site, pair, start):
    pair[0].on(behave.silence())
    subject = start()
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(subject, 40))
    site.forget()
    ask_many(subject, 20, "later.w.pair.com.")
    dead, alive = (site.count(below="later.w.pair.com.", server=server) for server in pair)
    assert dead <= alive / 2, (dead, alive)


# Covers: REC-30
def test_a_server_that_comes_back_is_used_again(site, pair, start):
    rule = pair[0].on(behave.silence())
    pair[1].on(behave.delay(0.05))
    subject = start()
    ask_many(subject, 10)
    rule.stop()

    def used():
        site.forget()
        ask_many(subject, 10, f"z{len(subject.responses)}.w.pair.com.")
        return site.count(below="w.pair.com.", server=pair[0])
    wait_until(used, 30, "a query to the server that came back")


# Covers: REC-30
def test_the_faster_server_gets_most_of_the_questions(site, pair, start):
    pair[0].on(behave.delay(0.06))
    subject = start()
    ask_many(subject, 60)
    slow, fast = (site.count(below="w.pair.com.", server=server) for server in pair)
    assert fast > slow, (slow, fast)


# Covers: REC-29
def test_a_silent_server_is_asked_at_most_three_times_per_transport(site, com, start):
    com.on(behave.silence())
    subject = start(upstream={"timeout": "5s"})
    assert subject.query("v4.example.com.", "TXT", timeout=12).rcode == "SERVFAIL"
    for transport in ("udp", "tcp"):
        assert site.count("v4.example.com.", "TXT", transport=transport) <= 3, site.authority.dump()


# Covers: LIM-06
def test_a_question_ends_within_the_configured_time(site, com, start):
    com.on(behave.silence())
    answer = start(upstream={"timeout": "2s"}).query("v4.example.com.", "A", edns=1232)
    assert answer.rcode == "SERVFAIL"
    assert answer.seconds < scaled(3)
    assert 22 in answer.ede or 23 in answer.ede


# Covers: CAC-05, F12
@pytest.mark.parametrize("behaviour", [behave.rcode("SERVFAIL"), behave.rcode("REFUSED"), behave.silence(),
                                       behave.garbage(), behave.lame("empty")],
                         ids=["servfail", "refused", "silence", "garbage", "lame"])
def test_a_failure_is_remembered_and_not_asked_for_again(site, com, start, behaviour):
    com.on(behaviour)
    subject = start(upstream={"timeout": "2s"})
    assert subject.query("v4.example.com.", "A", edns=1232).rcode == "SERVFAIL"
    site.forget()
    again = subject.query("v4.example.com.", "A", edns=1232)
    assert again.rcode == "SERVFAIL" and 13 in again.ede
    assert not site.queries("v4.example.com.")


# Covers: CAC-05
def test_a_failure_is_forgotten_after_some_seconds(site, com, start):
    rule = com.on(behave.rcode("SERVFAIL"))
    subject = start()
    assert subject.query("v4.example.com.", "A").rcode == "SERVFAIL"
    rule.stop()
    wait_until(lambda: subject.query("v4.example.com.", "A").rcode == "NOERROR", 15, "the answer", every=0.2)


# Covers: CAC-06
def test_a_dead_zone_does_not_burden_its_parents(site, com, start):
    com.on(behave.silence())
    subject = start(upstream={"timeout": "1s"})
    subject.query("v4.example.com.", "A")
    site.forget()
    begin = time.monotonic()
    for i in range(20):
        subject.query(f"n{i}.example.com.", "A")
    took = time.monotonic() - begin
    above = [q for q in site.log if q.server in (site.root.address, site.servers["com."][0].address)]
    # Asked again after 10 ms, 20 ms, 40 ms, …: the slower this machine, the more of these have passed.
    assert len(above) <= 2 + math.log2(1 + took / 0.01), site.authority.dump()


def test_two_servers_that_fail_in_different_ways_give_servfail_with_a_reason(pair, start):
    pair[0].on(behave.rcode("REFUSED"))
    pair[1].on(behave.garbage())
    answer = start(upstream={"timeout": "3s"}).query("x.pair.com.", "A", edns=1232)
    assert answer.rcode == "SERVFAIL" and answer.ede


# Covers: REC-20
def test_glue_that_leads_nowhere_is_no_dead_end(site, start):
    dead = site.net.ipv4()
    server = site.zone("half.com.", "x A 192.0.2.1")
    site.edit("com.", add=f"half.com. 3600 NS ns9.half.com.\nns9.half.com. 3600 A {dead}")
    server.changed()
    assert start().query("x.half.com.", "A").values("A") == ["192.0.2.1"]


# Covers: REC-20, LIM-02
def test_a_delegation_without_glue_is_resolved_through_another_zone(site, start):
    server = site.zone("glueless.com.", "x A 192.0.2.7", ns=["ns.example.net."], glue=False)
    site.edit("example.net.", add=f"ns A {server.address}")
    assert start().query("x.glueless.com.", "A").values("A") == ["192.0.2.7"]


# Covers: T59
def test_an_address_family_without_glue_is_fetched_before_giving_up(site, isolated, start):
    dead = isolated.ipv6()
    server = site.zone("only6.com.", "x A 192.0.2.7", ns=["ns.example.net."], glue=False)
    site.edit("example.net.", add=f"ns A {server.address}\nns AAAA {dead}")
    assert start(upstream={"ipv6": True}).query("x.only6.com.", "A", timeout=12).values("A") == ["192.0.2.7"]


# Covers: REC-23
@pytest.mark.parametrize("referral", ["com.", ".", "example.com.", "net."])
def test_a_referral_that_does_not_lead_down_is_useless(site, pair, start, referral):
    pair[0].on(behave.refer(referral, ["ns.evil.example."]))
    subject = start()
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(subject, 6))


# Covers: ATK-11, LIM-04
def test_a_referral_loop_between_two_zones_ends_and_is_remembered(site, start):
    site.edit("com.", add="a.com. NS ns.b.com.\nb.com. NS ns.a.com.")
    subject = start(upstream={"timeout": "3s"})
    assert subject.query("x.a.com.", "A").rcode == "SERVFAIL"
    site.forget()
    assert subject.query("x.a.com.", "A").rcode == "SERVFAIL"
    assert not [q for q in site.log if q.labels[-2:] in ((b"a", b"com"), (b"b", b"com"))], site.authority.dump()


# Covers: LIM-04
def test_referrals_without_end_are_cut_off(site, start):
    server = site.zone("deep.com.")
    cut = [(b"deep", b"com")]

    def deeper(context):
        labels = context.query.labels
        if len(labels) <= 2 or labels[-len(cut[0]):] != cut[0]:
            return False
        cut[0] = labels[-min(len(cut[0]) + 1, len(labels)):]
        zone = ".".join(label.decode() for label in cut[0])
        return behave.refer(f"{zone}.", [f"ns.{zone}."], f"ns.{zone}. 300 A {server.address}")(context)
    server.on(deeper, below="deep.com.")
    subject = start(upstream={"timeout": "4s"})
    name = ".".join(f"l{i}" for i in range(60)) + ".deep.com."
    assert subject.query(name, "A", timeout=12).rcode == "SERVFAIL"
    assert site.count(below="deep.com.") <= 100


# Covers: REC-06
@pytest.mark.parametrize("behaviour", [behave.not_a_response(), behave.opcode(4)], ids=["qr", "opcode"])
def test_what_is_not_a_response_to_a_query_is_ignored(site, pair, start, behaviour):
    pair[0].on(behaviour)
    assert all(answer.values("A") == ["192.0.2.3"] for answer in ask_many(start(), 4))


def test_garbage_and_mutations_do_not_keep_the_good_server_from_answering(pair, start):
    pair[0].on(behave.sometimes(0.5, behave.garbage(seed=3), seed=5))
    pair[0].on(behave.mutate(seed=7))
    subject = start()
    for answer in ask_many(subject, 40):
        assert answer.rcode == "NOERROR", answer


# Covers: LIM-07
def test_an_rrset_of_more_than_a_hundred_records_is_bounded(site, start):
    site.edit("example.com.", add="\n".join(f"big A 10.0.{i // 250}.{i % 250}" for i in range(3000)))
    subject = start(dns64={"enabled": False})
    answer = subject.query("big.example.com.", "A", over="tcp")
    if answer.rcode == "NOERROR":
        site.forget()
        subject.query("big.example.com.", "A", over="tcp")
        assert site.queries("big.example.com.", "A"), "too large an RRset was kept"
    else:
        assert answer.rcode == "SERVFAIL"


# Covers: REC-32
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_glue_to_addresses_that_no_server_has_is_treated_as_absent(site, start, address):
    site.edit("com.", add=f"bad.com. NS ns.bad.com.\nns.bad.com. A {address}")
    subject = start(upstream={"timeout": "2s"})
    assert subject.query("x.bad.com.", "A").rcode == "SERVFAIL"


# Covers: REC-32
def test_without_allow_loopback_no_query_goes_to_loopback(site, start):
    subject = start(upstream={"allow_loopback": False, "timeout": "2s"})
    assert subject.query("v4.example.com.", "A").rcode == "SERVFAIL"
    # The root's address is configured and may be a loopback address; the referral's may not.
    assert not site.queries(server=site.servers["com."][0])


# Covers: REC-32
def test_a_delegation_to_the_resolver_itself_is_not_followed(site, start):
    subject = start(launch=False, upstream={"timeout": "2s"})
    site.edit("com.", add=f"self.com. NS ns.self.com.\nns.self.com. A {subject.listen[0][0]}")
    subject.start()
    before = subject.stats()["queries"]
    assert subject.query("x.self.com.", "A").rcode == "SERVFAIL"
    assert subject.stats()["queries"] - before <= 1


# Covers: REC-04, ATK-05
def test_equal_questions_at_the_same_time_cost_one_query(site, com, start):
    subject = start()
    for name in ("text", "mail", "www6"):
        subject.query(f"{name}.example.com.", "TXT")
    gate = behave.Gate(site.authority)
    com.on(gate)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(subject.query_all, [("v4.example.com.", "A")] * 40)
        try:
            wait_until(lambda: subject.stats()["joined"] == 39, 5, "all 40 at the same time")
        finally:
            gate.open()
        assert all(answer.values("A") == ["192.0.2.33"] for answer in asking.result())
    times = [query.time for query in site.queries("v4.example.com.", "A")]
    # Where this machine took its time, what was not answered was asked again.
    assert all(later - earlier > 0.3 for earlier, later in zip(times, times[1:])), site.authority.dump()


# Covers: F4
@pytest.mark.parametrize("kind", ["dead", "without address"])
def test_a_delegation_that_leads_nowhere_is_asked_for_again_at_the_parent(site, start, kind):
    """One bad referral, for whatever reason, must not cost the zone until its TTL has run out."""
    server = site.zone("moved.com.", "*.w A 192.0.2.12")
    glue = f"ns9.moved.com. 3600 A {site.net.ipv4()}" if kind == "dead" else ""
    site.servers["com."][0].on(behave.times(1, behave.refer("moved.com.", ["ns9.moved.com."], glue)),
                               below="moved.com.")
    subject = start(upstream={"timeout": "2s"})
    wait_until(lambda: subject.query(f"n{len(subject.responses)}.w.moved.com.", "A").values("A") == ["192.0.2.12"],
               10, "an answer from the zone", every=0.3)
    assert site.count(below="w.moved.com.", server=server) >= 1
