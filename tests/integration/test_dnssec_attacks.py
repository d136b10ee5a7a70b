"""What an attacker, or one broken server, tries against validation: and that it is over when they are."""

import threading
import time

import pytest

from support import behave
from support.net import scaled, wait_until
from support.signed import RRSIG
from support.wire import labels_of, name_wire

ZONE, FORGED = "alg15-nsec.example.", "192.0.2.66"
A = 1


def sign_as(rdata, signer):
    """The RDATA of an RRSIG, with another signer's name in it."""
    at = 18
    while rdata[at]:
        at += 1 + rdata[at]
    return rdata[:18] + name_wire(labels_of(signer)) + rdata[at + 1:]


def forge_a(signer=None):
    """A meddler: another address, and a signature that claims another signer where one is given."""
    def meddle(query, reply):
        if query.type != "A":
            return
        for record in reply.answer:
            if record[1] == A:
                record[3] = bytes([192, 0, 2, 66])
            elif record[1] == RRSIG and signer:
                record[3] = sign_as(record[3], signer)
    return meddle


def spoil_a(ttl=None):
    def meddle(query, reply):
        if query.type != "A":
            return
        for record in reply.answer:
            if ttl is not None:
                record[2] = ttl
            if record[1] == RRSIG:
                record[3] = record[3][:-4] + b"abcd"
    return meddle


def strip(rtype):
    def meddle(query, reply):
        if query.type == rtype:
            reply.remove_signatures()
    return meddle


def good(subject, name=f"a4.{ZONE}"):
    answer = subject.query(name, "A", do=True)
    return "AD" in answer.flags and answer.values("A")


# --- a trust anchor below a zone that is not secure ---

@pytest.fixture
def start_island(signed, start_signed):
    return lambda **dnssec: start_signed(
        dnssec={"trust_anchors": signed.anchors() + signed.anchors("island.net."), **dnssec})


# Covers: SEC-04, SEC-09
def test_a_zone_above_an_anchor_signs_nothing_below_it(signed, start_island):
    signed.meddle("island.net.", forge_a(signer="net."))
    answer = start_island().query("a4.island.net.", "A", do=True)
    assert answer.rcode == "SERVFAIL" and not answer.values("A")


# Covers: SEC-04, D64-50
def test_a_zone_above_an_anchor_denies_nothing_below_it(signed, start_island):
    zone = signed.zone_of("island.net.")

    def deny(query, reply):
        if query.type == "AAAA":
            reply.answer.clear()
            reply.authority.clear()
            zone.soa_into(query, reply)
            for record in reply.authority:
                if record[1] == RRSIG:
                    record[3] = sign_as(record[3], "net.")
    signed.meddle("island.net.", deny)
    answer = start_island().query("dual.island.net.", "AAAA", do=True)
    assert answer.rcode == "SERVFAIL" and not answer.values("AAAA")


# Covers: SEC-04, SEC-14
def test_a_dname_above_an_anchor_leads_nothing_away_that_is_below_it(signed, start_island):
    signed.on("net.", behave.reply("net. 300 DNAME plain.com."))
    subject = start_island()
    for _ in ("cold", "cached"):
        assert subject.query("a4.island.net.", "A", do=True).rcode == "SERVFAIL"


# Covers: SEC-55
def test_a_negative_anchor_above_a_trust_anchor_suspends_nothing_below_it(signed, start_signed):
    subject = start_signed(dnssec={"trust_anchors": signed.anchors() + signed.anchors(ZONE), "insecure": ["example"]})
    assert good(subject)
    signed.meddle(ZONE, forge_a(signer="example."))
    answer = subject.query(f"a4.{ZONE}", "A", do=True)
    assert FORGED not in answer.values("A")
    subject.ctl("flush", ".", "--below")
    assert subject.query(f"a4.{ZONE}", "A", do=True).rcode == "SERVFAIL"


# --- one lie does not last ---

# Covers: SEC-45, CAC-05, F4
@pytest.mark.parametrize("by_cd", [False, True], ids=["asked", "planted-by-cd"])
def test_spoiled_keys_are_asked_for_again(signed, start_signed, by_cd):
    subject = start_signed()
    signed.meddle(ZONE, strip("DNSKEY"))
    if by_cd:
        assert subject.query(ZONE, "DNSKEY", cd=True).values("DNSKEY")
    else:
        assert subject.query(f"a4.{ZONE}", "A").rcode == "SERVFAIL"
    signed.restore()
    wait_until(lambda: good(subject), 15, "the zone to be well again")


# Covers: SEC-05, SEC-45
def test_a_spoiled_denial_of_ds_is_asked_for_again(signed, start_signed):
    def meddle(query, reply):
        if "unsigned." in query.name.lower():
            reply.remove_signatures()
    subject = start_signed()
    signed.meddle("example.", meddle)
    assert subject.query("a4.unsigned.example.", "A").rcode == "SERVFAIL"
    signed.restore()
    wait_until(lambda: subject.query("a4.unsigned.example.", "A").values("A"), 15, "the zone to be well again")


# Covers: REC-31, SEC-45
def test_a_forged_referral_is_doubted_when_all_that_it_leads_to_is_bogus(signed, start_signed):
    subject = start_signed()
    subject.query("a4.unsigned.example.", "A")
    liar = signed.address_of("unsigned.example.")

    def lie(ctx):
        if not ctx.query.name.lower().endswith(ZONE):
            return False
        if ctx.query.type == "A":
            return behave.reply(f"%NAME% 86400 A {FORGED}")(ctx)
        return behave.reply(authority=f"{ZONE} 86400 SOA a. b. 1 1 1 1 3600")(ctx)
    refer = behave.times(1, behave.refer(ZONE, [f"ns.{ZONE}"], glue=f"ns.{ZONE} 86400 A {liar}", ttl=86400))

    def once(ctx):
        if not ctx.query.name.lower().endswith(ZONE) or ctx.query.type == "DS":
            return False
        return refer(ctx)
    signed.on("unsigned.example.", lie)
    signed.on("example.", once)
    answer = subject.query(f"a4.{ZONE}", "A", do=True)
    assert FORGED not in answer.values("A")
    wait_until(lambda: good(subject), 15, "the parent to be asked again")


# Covers: SEC-43, LIM-03
def test_what_one_question_had_no_time_for_is_no_failure_of_others(signed, start_signed):
    subject = start_signed(upstream={"timeout": "2s"})
    subject.query("a4.unsigned.example.", "A")
    subject.query(f"a4.{ZONE}", "A", cd=True)       # its server is known to live, its keys are not known

    def slow_chain(ctx):
        name = ctx.query.name.lower()
        if not name.startswith("k"):
            return False
        step = int(name[1:name.index(".")])
        ctx.delay += 0.35
        target = f"k{step + 1}.unsigned.example." if step < 4 else f"v4.{ZONE}"
        return behave.reply(f"{name} 1 CNAME {target}")(ctx)
    signed.on("unsigned.example.", slow_chain)
    signed.on(ZONE, behave.delay(0.3))
    subject.query("k0.unsigned.example.", "A", timeout=6)
    signed.restore()
    for name in (f"v4.{ZONE}", f"dual.{ZONE}"):
        assert good(subject, name), name


# Covers: CAC-05, SEC-45
def test_who_sets_cd_does_not_make_a_bogus_answer_forgotten(signed, start_signed):
    subject = start_signed()
    signed.meddle(ZONE, spoil_a(ttl=0))
    assert subject.query(f"a4.{ZONE}", "A").rcode == "SERVFAIL"
    signed.forget()
    for _ in range(5):
        assert subject.query(f"a4.{ZONE}", "A", cd=True).values("A")
        assert subject.query(f"a4.{ZONE}", "A").rcode == "SERVFAIL"
    assert signed.count(f"a4.{ZONE}", "A") <= 5, "those of the clients that set CD, and no others"


# --- exceptions end when they end ---

# Covers: SEC-55
def test_what_was_cached_under_a_negative_anchor_does_not_outlive_it(signed, start_signed):
    end = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + scaled(4)))
    subject = start_signed(dnssec={"insecure": [{"name": ZONE, "until": end}]})
    signed.meddle(ZONE, forge_a())
    assert subject.query(f"a4.{ZONE}", "A").values("A") == [FORGED]
    wait_until(lambda: subject.query(f"a4.{ZONE}", "A").rcode == "SERVFAIL", 10, "the end of the exception")


# Covers: SEC-55, F8
def test_a_question_under_way_at_a_reload_does_not_leave_the_old_judgement_behind(signed, start_signed):
    subject = start_signed(dnssec={"insecure": [ZONE]})
    signed.meddle(ZONE, forge_a())
    gate = behave.Gate(signed.authority)
    signed.on(ZONE, gate, type="A")
    asking = threading.Thread(target=lambda: subject.query(f"a4.{ZONE}", "A", timeout=8))
    asking.start()
    wait_until(lambda: signed.queries(f"a4.{ZONE}", "A"), 5, "the question to be under way")
    subject.reload({"dnssec": {"insecure": []}})
    gate.open()
    asking.join()
    assert subject.query(f"a4.{ZONE}", "A", timeout=8).rcode == "SERVFAIL"


# --- forwarders tell of no delegations ---

# Covers: D64-14, D64-17
@pytest.mark.parametrize("zone, synthesized", [("unsigned.example.", True), (ZONE, False)])
def test_behind_a_forwarder_trouble_with_aaaa_is_judged_by_the_zone_too(signed, start_signed, zone, synthesized):
    above = start_signed(dnssec={"validation": False}, dns64={"enabled": False})
    subject = start_signed(forward=[{"zone": ".", "servers": [above.listen[0][0]]}])
    signed.on(zone, behave.rcode("SERVFAIL"), type="AAAA")
    answer = subject.query(f"v4.{zone}", "AAAA", do=True)
    assert bool(answer.values("AAAA")) == synthesized, answer
    assert (answer.rcode == "SERVFAIL") != synthesized


# Covers: SEC-16
def test_the_root_has_no_ds_and_that_is_proved(start_signed):
    answer = start_signed().query(".", "DS", do=True)
    assert answer.rcode == "NOERROR" and "AD" in answer.flags and not answer.answer()
