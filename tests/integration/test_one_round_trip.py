"""A and AAAA are asked for at the same moment: seen in the authority's time stamps."""

import time

import pytest

from support import behave, figures
from support.net import scaled

DELAY = 0.2


@pytest.fixture
def slow(site, com, start):
    """A resolver that knows example.com. and its server, which takes 200 ms. Gives (site, resolver)."""
    com.on(behave.delay(DELAY))
    subject = start()
    for name in ("text", "mail", "www6", "several"):
        assert subject.query(f"{name}.example.com.", "TXT").rcode == "NOERROR"
    site.forget()
    return site, subject


# Covers: D64-30, B17, U7
def test_a_cold_ipv4_only_name_costs_one_round_trip(slow):
    site, subject = slow
    answer = subject.query("v4.example.com.", "AAAA")
    assert answer.values("AAAA") == ["2001:db8:64::c000:221"]
    queries = site.queries("v4.example.com.")
    assert sorted(q.type for q in queries) == ["A", "AAAA"], site.authority.dump()
    apart = abs(queries[0].time - queries[1].time)
    figures.record("one round trip", f"A and AAAA {apart * 1000:.2f} ms apart, answer after "
                   f"{answer.seconds * 1000:.0f} ms with a server that takes {DELAY * 1000:.0f} ms")
    assert apart < scaled(0.05)
    assert answer.seconds < 1.75 * DELAY + scaled(0.1) - 0.1


# Covers: D64-30
def test_a_chain_into_a_known_zone_costs_one_round_trip_a_link(slow):
    site, subject = slow
    subject.query("x.example.net.", "A")
    answer = subject.query("away.example.com.", "AAAA")
    assert answer.types() == ["CNAME", "AAAA"]
    assert answer.seconds < 1.75 * DELAY + scaled(0.1) - 0.1


# Covers: D64-30
def test_a_question_for_a_alone_asks_for_a_alone(slow):
    site, subject = slow
    subject.query("v4.example.com.", "A")
    assert [q.type for q in site.queries("v4.example.com.")] == ["A"]


# Covers: D64-30, D64-13
def test_no_a_question_where_it_cannot_be_used(slow):
    site, subject = slow
    subject.query("v4.example.com.", "AAAA", cd=True)
    assert [q.type for q in site.queries("v4.example.com.")] == ["AAAA"]


# Covers: D64-12, D64-30
def test_a_slow_a_does_not_hold_up_native_aaaa(site, com, start):
    subject = start()
    subject.query("text.example.com.", "TXT")
    com.on(behave.delay(1.5), name="dual.example.com.", type="A")
    answer = subject.query("dual.example.com.", "AAAA")
    assert answer.values("AAAA") == ["2001:db8:1::2"]
    assert answer.seconds < scaled(1)


# Covers: U7, D64-30
def test_a_late_aaaa_is_used_by_the_next_question(site, com, start):
    subject = start()
    subject.query("text.example.com.", "TXT")
    com.on(behave.delay(0.3), name="dual.example.com.", type="AAAA")
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::2"]


# Covers: T49
def test_a_cached_synthesized_answer_costs_no_round_trip(slow):
    _, subject = slow
    subject.query("v4.example.com.", "AAAA")
    began = time.monotonic()
    assert subject.query("v4.example.com.", "AAAA").values("AAAA")
    assert time.monotonic() - began < DELAY
