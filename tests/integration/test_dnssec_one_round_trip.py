"""A signed answer costs no more round trips than an unsigned one: all queries are there before one is answered."""

import pytest

from support import behave, figures
from support.trips import Trip

ZONES = ["alg13-nsec.example.", "alg15-nsec.example.", "nsec3-1.example.", "alg8-nsec.example.", "signed.com.",
         "signed.org."]


def trip_to(world, zone, types):
    return Trip(world.authority, world.servers[zone][0], types)


# Covers: D64-30, D64-50, B17, U7, SEC-01
@pytest.mark.parametrize("zone", ZONES)
def test_a_cold_synthesized_answer_from_a_signed_zone_costs_one_round_trip(signed, start_signed, zone):
    parent = signed.parent_of(zone)
    subject = start_signed()
    # The parent is known: its servers and its keys.
    assert subject.query(f"known-{zone}", "AAAA", do=True).rcode == "NXDOMAIN"
    signed.forget()
    with trip_to(signed, zone, {"A", "AAAA", "DNSKEY"}) as trip:
        answer = trip.ask(lambda: subject.query(f"v4.{zone}", "AAAA", do=True))
    assert answer.values("AAAA") == ["2001:db8:64::c000:221"], answer
    assert "AD" in answer.flags
    figures.record("one round trip, signed", f"{zone}: AAAA, A and DNSKEY {trip.apart * 1000:.2f} ms apart")
    assert signed.count(server=signed.servers[parent][0]) >= 1, "the delegation was cold"


# Covers: D64-30, D64-50
def test_with_a_slow_parent_it_is_one_round_trip_to_each(signed, start_signed):
    zone = "alg16-nsec.example."
    subject = start_signed()
    assert subject.query("known-alg16-nsec.example.", "AAAA").rcode == "NXDOMAIN"
    signed.forget()
    with trip_to(signed, "example.", {"A"}) as first, trip_to(signed, zone, {"A", "AAAA", "DNSKEY"}) as second:
        answer = first.ask(lambda: subject.query(f"v4.{zone}", "AAAA", do=True), then=second)
    assert answer.values("AAAA") and "AD" in answer.flags


# Covers: D64-30
def test_data_that_is_known_and_unchecked_waits_for_the_keys_alone(signed, start_signed):
    zone = "alg14-nsec3.example."
    subject = start_signed()
    for rtype in ("AAAA", "A"):
        subject.query(f"v4.{zone}", rtype, cd=True)
    signed.forget()
    with trip_to(signed, zone, {"DNSKEY"}) as trip:
        answer = trip.ask(lambda: subject.query(f"v4.{zone}", "AAAA", do=True))
    assert answer.values("AAAA") and "AD" in answer.flags
    assert not signed.queries(f"v4.{zone}"), signed.authority.dump()


# Covers: T49, D64-29
def test_a_cached_signed_answer_costs_nothing(signed, start_signed):
    subject = start_signed()
    first = subject.query("v4.alg15-nsec.example.", "AAAA", do=True)
    signed.forget()
    second = subject.query("v4.alg15-nsec.example.", "AAAA", do=True)
    assert second.values("AAAA") == first.values("AAAA") and "AD" in second.flags
    assert not signed.log


# Covers: D64-30, SEC-05
def test_keys_are_fetched_once_for_many_names_at_once(signed, start_signed):
    zone = "alg10-nsec3.example."
    subject = start_signed()
    subject.query("known-alg10-nsec3.example.", "A")
    signed.forget()
    signed.on(zone, behave.delay(0.2))
    answers = subject.query_all([(f"{name}.{zone}", "AAAA") for name in ("v4", "v6", "a4", "text", "nx", "x.wild")],
                                do=True)
    assert all("AD" in answer.flags for answer in answers), answers
    assert signed.count(zone, "DNSKEY", transport="udp") == 1, signed.authority.dump()
