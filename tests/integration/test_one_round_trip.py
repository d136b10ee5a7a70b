"""A and AAAA are asked for at the same moment: both queries are there before either is answered."""

import pytest

from support import behave, figures
from support.trips import Trip


@pytest.fixture
def known(site, start):
    """A resolver that knows example.com. and its server. Gives (site, resolver)."""
    subject = start()
    for name in ("text", "mail", "www6", "several"):
        assert subject.query(f"{name}.example.com.", "TXT").rcode == "NOERROR"
    site.forget()
    return site, subject


# Covers: D64-30, B17, U7
def test_a_cold_ipv4_only_name_costs_one_round_trip(known, com):
    site, subject = known
    with Trip(site.authority, com, {"A", "AAAA"}) as trip:
        answer = trip.ask(lambda: subject.query("v4.example.com.", "AAAA"))
    assert answer.values("AAAA") == ["2001:db8:64::c000:221"]
    figures.record("one round trip", f"A and AAAA {trip.apart * 1000:.2f} ms apart")


# Covers: D64-30
def test_a_chain_into_a_known_zone_costs_one_round_trip_a_link(known, com, net_server):
    site, subject = known
    subject.query("x.example.net.", "A")
    site.forget()
    with Trip(site.authority, com, {"A", "AAAA"}) as first, Trip(site.authority, net_server, {"A", "AAAA"}) as second:
        answer = first.ask(lambda: subject.query("away.example.com.", "AAAA"), then=second)
    assert answer.types() == ["CNAME", "AAAA"]


# Covers: D64-30
def test_a_question_for_a_alone_asks_for_a_alone(known):
    site, subject = known
    subject.query("v4.example.com.", "A")
    assert {q.type for q in site.queries("v4.example.com.")} == {"A"}


# Covers: D64-30, D64-13
def test_no_a_question_where_it_cannot_be_used(known):
    site, subject = known
    subject.query("v4.example.com.", "AAAA", cd=True)
    assert {q.type for q in site.queries("v4.example.com.")} == {"AAAA"}


# Covers: D64-12, D64-30
def test_a_slow_a_does_not_hold_up_native_aaaa(site, com, start):
    subject = start()
    subject.query("text.example.com.", "TXT")
    gate = behave.Gate(site.authority)
    com.on(gate, name="dual.example.com.", type="A")
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::2"]
    gate.open()


# Covers: U7, D64-30
def test_a_late_aaaa_is_used_by_the_next_question(site, com, start):
    subject = start()
    subject.query("text.example.com.", "TXT")
    com.on(behave.delay(0.3), name="dual.example.com.", type="AAAA")
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::2"]


# Covers: T49
def test_a_cached_synthesized_answer_costs_no_round_trip(known):
    site, subject = known
    subject.query("v4.example.com.", "AAAA")
    site.forget()
    assert subject.query("v4.example.com.", "AAAA").values("AAAA")
    assert not site.log, site.authority.dump()
