"""Validation as operators and clients see it: anchors, exceptions, time, kept failures, explain, RFC 8198."""

import time

import pytest

from support import behave, broken
from support.net import wait_until
from support.wire import labels_of

SYNTHESIZED = "2001:db8:64::c000:221"
DAY = 86400


def moment(seconds):
    """A configured time, so many seconds from now."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + seconds))


# --- anchors ---

# Covers: SEC-04, SEC-05
def test_an_island_with_its_own_anchor_is_secure(signed, start_signed):
    anchors = signed.anchors() + signed.anchors("island.example.")
    subject = start_signed(dnssec={"trust_anchors": anchors})
    for name in ("v4.island.example.", "v4.alg15-nsec.example."):
        answer = subject.query(name, "AAAA", do=True)
        assert answer.values("AAAA") == [SYNTHESIZED] and "AD" in answer.flags
    assert "AD" not in subject.query("v4.unsigned.example.", "AAAA", do=True).flags


# Covers: EDE-05, SEC-04
def test_with_the_anchor_of_an_island_alone_the_rest_is_indeterminate(signed, start_signed):
    subject = start_signed(dnssec={"trust_anchors": signed.anchors("island.example.")})
    answer = subject.query("a4.island.example.", "A", do=True)
    assert answer.values("A") == ["192.0.2.10"] and "AD" in answer.flags and not answer.ede
    other = subject.query("a4.alg15-nsec.example.", "A", do=True)
    assert other.values("A") == ["192.0.2.10"] and "AD" not in other.flags
    assert other.ede == [5]


# Covers: SEC-04
@pytest.mark.parametrize("digest", [1, 2, 4])
def test_the_anchor_may_have_any_digest(signed, start_signed, digest):
    subject = start_signed(dnssec={"trust_anchors": signed.anchors(digest=digest)})
    assert "AD" in subject.query("a4.alg15-nsec.example.", "A", do=True).flags


# Covers: SEC-04
def test_the_anchor_may_be_a_dnskey_in_a_file(signed, start_signed, tmp_path):
    keys = [key for key in signed.signed["."].dnskeys() if key.flags & 1]
    (tmp_path / "root.key").write_text("\n".join(f". 3600 IN DNSKEY {key.to_text()}" for key in keys) + "\n")
    subject = start_signed(dnssec={"trust_anchors": str(tmp_path / "root.key")})
    assert "AD" in subject.query("a4.alg15-nsec.example.", "A", do=True).flags


# Covers: SEC-04, SEC-06
def test_with_a_wrong_anchor_nothing_is_answered(signed, start_signed):
    wrong = [text[:-8] + "deadbeef" for text in signed.anchors()]
    subject = start_signed(dnssec={"trust_anchors": wrong})
    answer = subject.query("a4.alg15-nsec.example.", "A", do=True)
    assert answer.rcode == "SERVFAIL" and 9 in answer.ede
    assert subject.query("a4.alg15-nsec.example.", "A", cd=True).values("A") == ["192.0.2.10"]


# --- negative trust anchors ---

# Covers: SEC-55, EDE-06
@pytest.mark.parametrize("entry", ["name", "until"])
def test_a_negative_trust_anchor_suspends_validation_below_it(start_signed, entry):
    name = "expired.example"
    insecure = [name if entry == "name" else {"name": name, "until": moment(DAY)}]
    subject = start_signed(dnssec={"insecure": insecure})
    for _ in ("cold", "cached"):
        answer = subject.query("a4.expired.example.", "A", do=True)
        assert answer.values("A") == ["192.0.2.10"] and "AD" not in answer.flags
        assert answer.ede == [33]
        made = subject.query("v4.expired.example.", "AAAA", do=True)
        assert made.values("AAAA") == [SYNTHESIZED] and 33 in made.ede
        assert subject.query("a4.wrong-ds.example.", "A").rcode == "SERVFAIL", "only that zone is excepted"


# Covers: SEC-55
def test_a_negative_trust_anchor_whose_end_is_past_is_not_in_force(start_signed):
    subject = start_signed(dnssec={"insecure": [{"name": "expired.example", "until": moment(-DAY)}]})
    answer = subject.query("a4.expired.example.", "A", do=True)
    assert answer.rcode == "SERVFAIL" and 7 in answer.ede


# Covers: SEC-55
def test_a_negative_trust_anchor_ends_at_its_end(start_signed):
    subject = start_signed(dnssec={"insecure": [{"name": "expired.example", "until": moment(3)}]},
                           cache={"max_ttl": "1s", "max_negative_ttl": "1s"})
    wait_until(lambda: subject.query("a4.expired.example.", "A").rcode == "SERVFAIL", 20, "the end", every=0.1)


# --- time ---

# Covers: SEC-09, SEC-10
def test_signatures_are_judged_by_the_time_that_is_configured(signed, start_signed):
    anchors = signed.anchors("expired.example.")
    then = start_signed(dnssec={"trust_anchors": anchors, "override_time": moment(-45 * DAY)})
    answer = then.query("v4.expired.example.", "AAAA", do=True)
    assert answer.values("AAAA") == [SYNTHESIZED] and "AD" in answer.flags
    later = start_signed(dnssec={"override_time": moment(60 * DAY)})
    answer = later.query("v4.alg15-nsec.example.", "AAAA", do=True)
    assert answer.rcode == "SERVFAIL" and 7 in answer.ede
    before = start_signed(dnssec={"override_time": moment(-10 * DAY)})
    answer = before.query("v4.alg15-nsec.example.", "AAAA", do=True)
    assert answer.rcode == "SERVFAIL" and 8 in answer.ede


# --- failures ---

# Covers: CAC-05, SEC-45, F12
@pytest.mark.parametrize("name", ["a4.expired.example.", "v4.spoilt-denial.example.", "a4.wrong-ds.example.",
                                  "v4.denial-missing.example.", "a4.stripped-ds.example."])
def test_a_failure_is_kept_and_costs_nothing_upstream(signed, start_signed, name):
    subject = start_signed()
    rtype = "AAAA" if name.startswith("v4") else "A"
    first = subject.query(name, rtype, edns=1232)
    assert first.rcode == "SERVFAIL" and 13 not in first.ede
    signed.forget()
    for _ in range(3):
        again = subject.query(name, rtype, edns=1232)
        assert again.rcode == "SERVFAIL" and 13 in again.ede and set(first.ede) <= set(again.ede)
    assert not signed.log


# Covers: REC-29, CAC-05
@pytest.mark.parametrize("zone", ["expired.example.", "wrong-ds.example.", "spoilt-a.example.",
                                  "unsigned-records.example."])
def test_a_bogus_zone_is_not_asked_again_and_again(signed, start_signed, zone):
    subject = start_signed()
    subject.query("a4.alg15-nsec.example.", "A")
    signed.forget()
    assert subject.query(f"a4.{zone}", "A").rcode == "SERVFAIL"
    assert signed.count(below=zone) <= 8, signed.authority.dump()


# Covers: CAC-12
def test_a_zone_that_was_repaired_is_good_after_a_flush(signed, start_signed):
    subject = start_signed()
    signed.meddle("alg13-nsec.example.", lambda query, reply: reply.remove_signatures())
    assert subject.query("v4.alg13-nsec.example.", "AAAA", do=True).rcode == "SERVFAIL"
    signed.restore()
    subject.ctl("flush", "alg13-nsec.example", "--below")
    answer = subject.query("v4.alg13-nsec.example.", "AAAA", do=True)
    assert answer.values("AAAA") == [SYNTHESIZED] and "AD" in answer.flags


# Covers: SEC-04, SEC-07
def test_data_without_signatures_is_never_passed_on(signed, start_signed):
    # The first reply has no signatures; who asks again gets them.
    signed.on("alg15-nsec.example.", behave.times(1, behave.reply("%NAME% 300 A 192.0.2.66")), type="A",
              name="a4.alg15-nsec.example.")
    answer = start_signed().query("a4.alg15-nsec.example.", "A", do=True)
    assert answer.rcode == "SERVFAIL" or answer.values("A") == ["192.0.2.10"] and "AD" in answer.flags
    assert "192.0.2.66" not in answer.values("A")


# Covers: EDE-01, EDE-05
@pytest.mark.parametrize("name, words", [
    ("a4.expired.example.", ("expired.example",)), ("a4.spoilt-a.example.", ("a4.spoilt-a.example", " A")),
    ("a4.wrong-ds.example.", ("wrong-ds.example", "DS")), ("a4.unsigned-a.example.", ("a4.unsigned-a.example", " A")),
    ("a4.forged-nodata.example.", ("a4.forged-nodata.example", " A"))])
def test_the_text_of_a_failure_says_which_name_and_which_record(start_signed, name, words):
    answer = start_signed().query(name, "A", edns=1232)
    assert answer.rcode == "SERVFAIL"
    assert all(word in f" {answer.ede_text} " for word in words), answer.ede_text


# --- special names ---

# Covers: LOC-05
def test_the_ds_of_a_special_zone_is_a_real_answer(signed, start_signed):
    subject = start_signed()
    answer = subject.query("home.arpa.", "DS", do=True)
    assert answer.nodata and "AD" in answer.flags, answer
    denial = [r for r in answer.authority("NSEC") if r[0] == "home.arpa."]
    assert denial and " NS " in f"{denial[0][3]} " and " SOA" not in denial[0][3]
    assert signed.count("home.arpa.", "DS", server=signed.servers["arpa."][0]) >= 1
    assert subject.query("x.home.arpa.", "A", do=True).rcode == "NXDOMAIN"


# Covers: SEC-16
@pytest.mark.parametrize("child", ["alg15-nsec.example.", "signed.com.", "signed.org.", "child.alg13-nsec.example."])
def test_ds_comes_from_the_parent_and_is_secure(start_signed, child):
    subject = start_signed()
    subject.query(f"a4.{child}", "A")
    answer = subject.query(child, "DS", do=True)
    assert answer.values("DS") and "AD" in answer.flags
    assert subject.query(child, "DNSKEY", do=True).values("DNSKEY")


# --- explain ---

# Covers: U9
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("name, links", [
    ("v4.alg15-nsec.example", (".", "example.", "alg15-nsec.example.")),
    ("v4.signed.com", (".", "com.", "signed.com."))])
def test_explain_shows_the_chain_link_by_link(start_signed, name, links, warm):
    subject = start_signed()
    if warm:
        assert "AD" in subject.query(f"known-{name}.", "AAAA", do=True).flags
    text = subject.ctl("explain", name, "AAAA", "--do").stdout
    lines = [line for line in text.splitlines() if " dnssec " in line]
    for zone in links:
        assert any(f" {zone} is signed: DS" in line for line in lines), f"{zone}\n{text}"
    assert " ad" in text.lower()


# Covers: U9
@pytest.mark.parametrize("name, words", [
    ("a4.expired.example", ("expired.example", "DNSKEY", "expired")),
    ("a4.wrong-ds.example", ("wrong-ds.example", "DS")),
    ("a4.spoilt-a.example", ("a4.spoilt-a.example", "RRSIG")),
    ("a4.unsigned.example", ("unsigned.example", "insecure")),
    ("v4.denial-missing.example", ("denial-missing.example", "NSEC"))])
def test_explain_says_where_the_chain_breaks(start_signed, name, words):
    text = start_signed().ctl("explain", name, "AAAA" if name.startswith("v4") else "A").stdout
    assert all(word.lower() in text.lower() for word in words), text


# --- aggressive use of denials ---

def gap_mates(zone, count=2):
    """Names that lie in the same gap of the zone's denials."""
    gaps = {}
    for index in range(200):
        name = (f"n{index}".encode(),) + zone.origin
        gap = zone._before(name) if zone.denials else zone._covering(name)      # pylint: disable=protected-access
        mates = gaps.setdefault(gap, [])
        mates.append(f"n{index}." + ".".join(label.decode() for label in zone.origin) + ".")
        if len(mates) == count:
            return mates
    raise AssertionError("no gap is wide enough")


# Covers: CAC-08, SEC-20, SEC-22
@pytest.mark.parametrize("zone", ["alg15-nsec.example.", "nsec3-1.example.", "alg14-nsec3.example.", "signed.org."])
@pytest.mark.parametrize("aggressive", [True, False])
def test_a_second_name_in_the_same_gap_asks_nobody(signed, start_signed, zone, aggressive):
    subject = start_signed(cache={"aggressive_nsec": aggressive})
    first, second = gap_mates(signed.zone_of(zone))
    # Not AAAA: A is asked for beside it, and may come when the answer is out.
    assert subject.query(first, "MX", do=True).rcode == "NXDOMAIN"
    signed.forget()
    answer = subject.query(second, "AAAA", do=True)
    assert answer.rcode == "NXDOMAIN" and "AD" in answer.flags and len(answer.soa) == 1
    assert {"NSEC", "NSEC3"} & {r[2] for r in answer.authority()}
    assert (not signed.log) == aggressive, signed.authority.dump()


# Covers: CAC-08, CAC-10, D64-29
@pytest.mark.parametrize("zone", ["alg15-nsec.example.", "nsec3-1.example."])
def test_a_denial_of_one_type_denies_the_others_and_dns64_goes_on_to_a(signed, start_signed, zone):
    subject = start_signed()
    assert subject.query(f"v4.{zone}", "MX", do=True).nodata
    signed.forget()
    answer = subject.query(f"v4.{zone}", "AAAA", do=True)
    assert answer.values("AAAA") == [SYNTHESIZED] and "AD" in answer.flags
    assert not signed.queries(f"v4.{zone}", "AAAA"), signed.authority.dump()
    assert signed.count(f"v4.{zone}", "A") == 1


# Covers: CAC-08
def test_opt_out_spans_answer_for_no_other_name(signed, start_signed):
    subject = start_signed()
    first, second = gap_mates(signed.zone_of("opt-out.example."))
    assert subject.query(first, "A").rcode == "NXDOMAIN"
    signed.forget()
    assert subject.query(second, "A").rcode == "NXDOMAIN"
    assert signed.queries(second)


# Covers: CAC-08, CAC-09
@pytest.mark.parametrize("zone", ["island.example.", "spoilt-denial.example."])
def test_denials_that_are_not_secure_answer_for_no_other_name(signed, start_signed, zone):
    subject = start_signed()
    first, second = gap_mates(signed.zone_of(zone))
    subject.query(first, "A", cd=True, do=True)
    subject.query(first, "A", do=True)
    signed.forget()
    subject.query(second, "A", do=True)
    assert signed.queries(second)


# Covers: CAC-09, SEC-21
def test_the_parents_denial_at_a_cut_denies_nothing_in_the_child(signed, start_signed):
    subject = start_signed()
    assert subject.query("unsigned.example.", "DS", do=True).nodata
    for name, rtype, value in (("a4.unsigned.example.", "A", "192.0.2.10"),
                               ("v6.unsigned.example.", "AAAA", "2001:db8:1::6")):
        assert subject.query(name, rtype).values(rtype) == [value]
    assert subject.query("unsigned.example.", "SOA").values("SOA")


def denied_by(world, mine, zone, other, rcode):
    """A meddler of the zone `mine`: a denial of everything but keys, "proved" by NSEC records of `zone`."""
    proof = world.zone_of(zone)

    def meddle(query, reply):
        if query.type in ("A", "AAAA"):
            broken.says_nodata(world.zone_of(mine))(query, reply)
            reply.rcode = rcode
            proof.denial_into(query, reply, other)
            proof.denial_into(query, reply, zone)
    return meddle


# Covers: SEC-21, ATK-21
@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_the_parents_denial_at_a_cut_proves_nothing_below_it(signed, start_signed, rcode):
    child = "alg15-nsec.example."
    signed.meddle(child, denied_by(signed, child, "example.", child, rcode))
    answer = start_signed().query(f"v6.{child}", "AAAA", edns=1232)
    assert answer.rcode == "SERVFAIL" and not answer.answer()


# Covers: SEC-21, ATK-21
@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_a_denial_with_the_dname_bit_proves_nothing_below_it(signed, start_signed, rcode):
    zone = "chains.example."
    signed.meddle(zone, denied_by(signed, zone, zone, f"dsecure.{zone}", rcode))
    answer = start_signed().query(f"v6.dsecure.{zone}", "AAAA", edns=1232)
    assert answer.rcode == "SERVFAIL" and not answer.answer()


# --- what goes out ---

# Covers: SEC-01
def test_questions_upstream_have_do_and_cd(signed, start_signed):
    start_signed().query("v4.alg15-nsec.example.", "AAAA")
    for query in signed.log:
        assert query.do and query.flags & 0x10, query


# Covers: SEC-05
def test_the_referral_brings_the_ds_and_nobody_is_asked_for_it(signed, start_signed):
    start_signed().query("v4.alg15-nsec.example.", "AAAA")
    assert not signed.queries(type="DS"), signed.authority.dump()


# Covers: SEC-12, SEC-07
def test_extra_keys_and_signatures_do_no_harm(signed, start_signed):
    zone = signed.zone_of("two-algorithms.example.")
    signed.meddle("two-algorithms.example.", broken.at(None, lambda query, reply: reply.answer.reverse()))
    answer = start_signed().query("v4.two-algorithms.example.", "AAAA", do=True)
    assert answer.values("AAAA") == [SYNTHESIZED] and "AD" in answer.flags
    assert len(zone.nodes[labels_of("two-algorithms.example.")][48][1]) == 4


# Covers: SEC-10
def test_nothing_outlives_its_signature(signed, start_signed):
    zone = "alg13-nsec.example."
    _, zsk = signed.signed["expired-data.example."].keys()
    assert zsk.owner == labels_of("expired-data.example.")

    def short(query, reply):
        # Signed anew for a hundred seconds, with a TTL of 300.
        if query.labels[:1] == (b"a4",) and query.type == "A":
            rdatas = [record[3] for record in reply.answer if record[1] == 1]
            reply.remove_signatures()
            reply.answer.append([query.labels, 46, 300, zsk.sign(query.labels, 1, 300, rdatas,
                                                                 expiration=int(time.time()) + 100)])
    signed.meddle("expired-data.example.", short)
    subject = start_signed()
    answer = subject.query("a4.expired-data.example.", "A", do=True)
    assert answer.values("A") == ["192.0.2.10"] and "AD" in answer.flags
    assert 90 <= answer.ttl("A") <= 100
    assert 290 <= subject.query(f"a4.{zone}", "A", do=True).ttl("A") <= 300


# Covers: SEC-55, CAC-12
def test_a_negative_trust_anchor_may_come_and_go_with_a_reload(start_signed):
    subject = start_signed()
    assert subject.query("a4.expired.example.", "A").rcode == "SERVFAIL"
    subject.reload({"dnssec": {"insecure": ["expired.example"]}})
    assert subject.query("a4.expired.example.", "A").values("A") == ["192.0.2.10"]
    subject.reload({"dnssec": {"insecure": []}})
    assert subject.query("a4.expired.example.", "A").rcode == "SERVFAIL"


# Covers: F1, REC-29
def test_losses_make_no_zone_bogus(signed, start_signed):
    for index, origin in enumerate(signed.servers):
        signed.on(origin, behave.drop(0.25, seed=index))
    subject = start_signed()
    zones = ["alg15-nsec.example.", "nsec3-1.example.", "signed.com.", "signed.org.", "alg8-nsec.example.",
             "child.alg13-nsec.example."]
    questions = [(f"{name}.{zone}", "AAAA") for zone in zones for name in ("v4", "v6", "nx", "text", "x.wild")]
    for (name, _), answer in zip(questions, subject.query_all(questions, do=True, timeout=12)):
        if answer.rcode == "SERVFAIL":
            assert not set(answer.ede) & set(range(6, 13)), f"{name}: {answer}"
        else:
            assert "AD" in answer.flags, f"{name}: {answer}"


# Covers: SEC-30, SEC-31
@pytest.mark.parametrize("limit, zone, secure", [
    (150, "nsec3-51.example.", True), (50, "nsec3-50.example.", True), (49, "nsec3-50.example.", False),
    (0, "nsec3-1.example.", False), (0, "alg10-nsec3.example.", True)])
def test_the_limit_of_nsec3_iterations_is_what_is_configured(start_signed, limit, zone, secure):
    subject = start_signed(dnssec={"nsec3_max_iterations": limit})
    answer = subject.query(f"v4.{zone}", "AAAA", do=True)
    assert answer.values("AAAA") == [SYNTHESIZED]
    assert ("AD" in answer.flags) == secure and (27 in answer.ede) != secure
    assert "AD" in subject.query(f"v4.{zone}", "A", do=True).flags, "data needs no NSEC3"
