"""DNS64 over signed zones: nothing is made of what is not proved (RFC 6147 section 5.5)."""

import itertools

import pytest

from support import behave
from support.net import wait_until
from support.validators import ValidatingUnbound

SYNTHESIZED = "2001:db8:64::c000:221"
MADE_BY_WILDCARD = "2001:db8:64::c000:22c"
SPAN = {"RRSIG", "SOA", "NSEC", "NSEC3"}


def nothing_left_of_the_denial(answer):
    return not SPAN & {r[2] for r in answer.authority()} and not {"A", "RRSIG"} & set(answer.types())


# --- the denial comes first ---

FOUR_WAYS = {                       # (denial of AAAA, A): a zone
    ("ok", "ok"): "alg15-nsec.example.", ("bad", "ok"): "spoilt-denial.example.",
    ("ok", "bad"): "spoilt-a.example.", ("bad", "bad"): "spoilt-both.example."}


# Covers: T24, D64-16, D64-50, ATK-23
@pytest.mark.parametrize("warm", [None, "A", "A with CD", "AAAA with CD", "AAAA"])
@pytest.mark.parametrize("ways", FOUR_WAYS, ids=[f"denial-{d}-a-{a}" for d, a in FOUR_WAYS])
def test_four_ways(start_signed, ways, warm):
    name = f"v4.{FOUR_WAYS[ways]}"
    subject = start_signed()
    if warm:
        subject.query(name, warm.split()[0], cd="CD" in warm)
    for _ in range(2):
        for do in (True, False):
            answer = subject.query(name, "AAAA", do=do)
            if ways == ("ok", "ok"):
                assert answer.values("AAAA") == [SYNTHESIZED] and ("AD" in answer.flags) == do
            else:
                assert answer.rcode == "SERVFAIL" and not answer.answer()
            raw = subject.query(name, "AAAA", do=do, cd=True)
            assert raw.nodata and not raw.values("AAAA") and "AD" not in raw.flags
        a = subject.query(name, "A", do=True)
        assert (a.values("A") == ["192.0.2.33"] and "AD" in a.flags) if ways[1] == "ok" else a.rcode == "SERVFAIL"


# Covers: T24, D64-50
@pytest.mark.parametrize("late", ["A", "AAAA", "DNSKEY"])
@pytest.mark.parametrize("zone", ["spoilt-denial.example.", "denial-missing.example.", "swapped-nsec3.example."])
def test_an_a_that_came_first_is_not_used_before_the_denial_is_proved(signed, start_signed, zone, late):
    subject = start_signed()
    assert subject.query(f"a4.{zone}", "A", do=True).values("A")
    signed.on(zone, behave.delay(0.2), type=late)
    answer = subject.query(f"v4.{zone}", "AAAA", do=True)
    assert answer.rcode == "SERVFAIL" and not answer.answer()


# Covers: T24, SEC-03
def test_bad_data_that_a_cd_query_brought_in_is_bad_for_the_others(start_signed):
    subject = start_signed()
    raw = subject.query("a4.spoilt-a.example.", "A", cd=True, do=True)
    assert raw.values("A") == ["192.0.2.10"] and "AD" not in raw.flags
    assert subject.query("a4.spoilt-a.example.", "A").rcode == "SERVFAIL"
    assert subject.query("a4.spoilt-a.example.", "A", cd=True).values("A") == ["192.0.2.10"]


# Covers: D64-17
@pytest.mark.parametrize("trouble", ["SERVFAIL", "REFUSED", "silence"])
@pytest.mark.parametrize("zone, good", [("alg15-nsec.example.", False), ("nsec3-1.example.", False),
                                        ("unsigned.example.", True), ("plain.com.", True)])
def test_trouble_with_aaaa_is_no_denial_in_a_signed_zone(signed, start_signed, zone, good, trouble):
    subject = start_signed(upstream={"timeout": "3s"})
    subject.query(f"a4.{zone}", "A")
    signed.on(zone, behave.silence() if trouble == "silence" else behave.rcode(trouble), type="AAAA")
    answer = subject.query(f"v4.{zone}", "AAAA", do=True, timeout=8)
    if good:
        assert answer.values("AAAA") == [SYNTHESIZED] and "AD" not in answer.flags
    else:
        assert answer.rcode == "SERVFAIL" and not answer.answer()


# Covers: T25, B16
@pytest.mark.parametrize("zone", ["alg13-nsec.example.", "alg14-nsec3.example."])
def test_the_verdict_belongs_to_the_records_and_not_to_what_was_made_of_them(start_signed, zone):
    subject = start_signed(log={"level": "debug"})
    for _ in range(3):
        made = subject.query(f"v4.{zone}", "AAAA", do=True)
        assert made.values("AAAA") == [SYNTHESIZED] and "AD" in made.flags
        a = subject.query(f"v4.{zone}", "A", do=True)
        assert "AD" in a.flags and sorted(a.types()) == ["A", "RRSIG"]
        denial = subject.query(f"text.{zone}", "AAAA", do=True)
        assert denial.nodata and "AD" in denial.flags and 4 not in denial.ede
        raw = subject.query(f"v4.{zone}", "AAAA", do=True, cd=True)
        assert raw.nodata and {"NSEC", "NSEC3"} & {r[2] for r in raw.authority()}
    assert "bogus" not in subject.stderr().lower()


# Covers: B1, D64-13
def test_a_signed_nxdomain_ends_it(signed, start_signed):
    subject = start_signed()
    subject.query("a4.alg15-nsec.example.", "A")
    answer = subject.query("nx.alg15-nsec.example.", "AAAA", do=True)
    assert answer.rcode == "NXDOMAIN" and "AD" in answer.flags and not answer.answer()
    # The A question that went out beside it is logged when the server's thread comes to it.
    wait_until(lambda: signed.queries("nx.alg15-nsec.example.", "A"), 5, "the A question beside the AAAA")
    signed.forget()
    assert subject.query("nx.alg15-nsec.example.", "AAAA").rcode == "NXDOMAIN"
    assert not signed.log, "neither AAAA nor A is asked for again"


# Covers: B5, D64-51, D64-52
@pytest.mark.parametrize("do", [False, True], ids=["do0", "do1"])
def test_names_that_are_always_synthesized_are_raw_with_cd(start_signed, do):
    subject = start_signed(dns64={"always_synthesize_names": ["alg15-nsec.example"]})
    made = subject.query("dual.alg15-nsec.example.", "AAAA", do=do)
    assert made.values("AAAA") == ["2001:db8:64::c000:222"] and "RRSIG" not in made.types()
    raw = subject.query("dual.alg15-nsec.example.", "AAAA", do=do, cd=True)
    assert raw.values("AAAA") == ["2001:db8:1::2"] and ("RRSIG" in raw.types()) == do


# Covers: B6, B9, T56, D64-22, D64-24
@pytest.mark.parametrize("name, chain", [
    ("v4.alg15-nsec.example.", []), ("v4.nsec3-1.example.", []), ("x.wild.nsec3-1.example.", []),
    ("x.wild.alg15-nsec.example.", []), ("www.alg15-nsec.example.", ["CNAME"]),
    ("tosecure-v4.chains.example.", ["CNAME"]), ("v4.dsecure.chains.example.", ["DNAME", "CNAME"])])
@pytest.mark.parametrize("do", [False, True], ids=["do0", "do1"])
def test_nothing_of_what_was_replaced_stays_and_the_chain_is_whole(start_signed, name, chain, do):
    subject = start_signed()
    for _ in ("cold", "cached"):
        answer = subject.query(name, "AAAA", do=do)
        assert [t for t in answer.types() if t != "RRSIG"] == [*chain, "AAAA"], answer
        covered = [value.split()[0] for value in answer.values("RRSIG")]
        # A CNAME that a DNAME made has no signature of its own (RFC 6672 section 5.3.1).
        assert covered == ([] if not do or not chain else [chain[0]]), answer
        assert not SPAN & {r[2] for r in answer.authority()}, answer
        assert ("AD" in answer.flags) == do


# Covers: D64-22, D64-33, SEC-13
@pytest.mark.parametrize("zone", ["alg15-nsec.example.", "nsec3-1.example."])
def test_an_alias_out_of_a_wildcard_keeps_the_proof_that_it_may_be_one(start_signed, zone):
    subject = start_signed()
    for _ in ("cold", "cached"):
        answer = subject.query(f"x.alias.{zone}", "AAAA", do=True)
        assert answer.types() == ["CNAME", "RRSIG", "AAAA"] and "AD" in answer.flags, answer
        left = [(r[2], r[3].split()[0]) for r in answer.authority()]
        assert left and all(rtype in ("NSEC", "NSEC3") or (rtype, covered) in (("RRSIG", "NSEC"), ("RRSIG", "NSEC3"))
                            for rtype, covered in left), answer
        assert not subject.query(f"x.alias.{zone}", "AAAA").authority()


# Covers: D64-21, D64-53
def test_a_signed_set_that_lost_a_record_loses_its_signature_and_has_the_ad_of_a_synthesized_one(start_signed):
    subject = start_signed()
    for do in (True, False):
        answer = subject.query("mix.alg15-nsec.example.", "AAAA", do=do, ad=True)
        assert answer.types() == ["AAAA"] and answer.values("AAAA") == ["2001:db8:1::9"]
        assert ("AD" in answer.flags) == do
    raw = subject.query("mix.alg15-nsec.example.", "AAAA", do=True, cd=True)
    assert sorted(raw.types()) == ["AAAA", "AAAA", "RRSIG"]


# Covers: D64-53, D64-56
def test_ad_in_the_question_asks_for_ad_but_not_of_what_was_made(start_signed):
    subject = start_signed()
    assert "AD" in subject.query("a4.alg15-nsec.example.", "A", ad=True).flags
    assert "AD" in subject.query("nx.alg15-nsec.example.", "A", ad=True).flags
    assert "AD" not in subject.query("a4.alg15-nsec.example.", "A").flags
    made = subject.query("v4.alg15-nsec.example.", "AAAA", ad=True)
    assert made.values("AAAA") == [SYNTHESIZED] and "AD" not in made.flags
    assert "AD" not in subject.query("a4.unsigned.example.", "A", ad=True, do=True).flags


# Covers: D64-55
def test_without_validation_there_is_no_ad_and_do_with_cd_is_raw(start_signed):
    subject = start_signed(dnssec={"validation": False})
    for do in (False, True):
        answer = subject.query("v4.spoilt-both.example.", "AAAA", do=do)
        assert answer.values("AAAA") == [SYNTHESIZED] and "AD" not in answer.flags
    assert "AD" not in subject.query("a4.alg15-nsec.example.", "A", do=True, ad=True).flags
    raw = subject.query("v4.alg15-nsec.example.", "AAAA", do=True, cd=True)
    assert raw.nodata and "NSEC" in {r[2] for r in raw.authority()}


# --- modes ---

# Covers: D64-54, U12
@pytest.mark.parametrize("mode", ["rfc", "strict", "break"])
@pytest.mark.parametrize("do, cd", itertools.product((False, True), repeat=2))
@pytest.mark.parametrize("zone, secure", [("alg15-nsec.example.", True), ("nsec3-1.example.", True),
                                          ("unsigned.example.", False)])
def test_dnssec_mode(start_signed, mode, do, cd, zone, secure):
    subject = start_signed(dns64={"dnssec_mode": mode})
    for _ in ("cold", "cached"):
        answer = subject.query(f"v4.{zone}", "AAAA", do=do, cd=cd)
        made = {"rfc": not cd, "strict": not cd and not (do and secure), "break": True}[mode]
        assert answer.values("AAAA") == ([SYNTHESIZED] if made else []), answer
        assert ("AD" in answer.flags) == (do and not cd and secure), answer
        if not made and do and secure:
            assert {"NSEC", "NSEC3"} & {r[2] for r in answer.authority()}, answer
        assert answer.values("AAAA") == [] or nothing_left_of_the_denial(answer)


# Covers: D64-50, U12
@pytest.mark.parametrize("mode", ["rfc", "strict", "break"])
@pytest.mark.parametrize("zone", ["spoilt-denial.example.", "spoilt-a.example.", "expired.example."])
def test_no_mode_makes_anything_of_a_lie(start_signed, mode, zone):
    subject = start_signed(dns64={"dnssec_mode": mode})
    for do in (False, True):
        answer = subject.query(f"v4.{zone}", "AAAA", do=do)
        if mode == "strict" and do and zone == "spoilt-a.example.":
            assert answer.nodata and not answer.values("AAAA")
        else:
            assert answer.rcode == "SERVFAIL" and not answer.answer()


# --- beside other features, two by two ---

FEATURES = ("hide_a", "dname", "tcp", "do", "cd", "aggressive", "forward")


# Covers: T42, T8, U21
@pytest.mark.parametrize("pair", itertools.combinations(FEATURES, 2), ids="-".join)
def test_two_by_two(signed, start_signed, network, children, pair):
    on = {feature: feature in pair for feature in FEATURES}
    changes = {"dns64": {"hide_a": on["hide_a"]}, "cache": {"aggressive_nsec": on["aggressive"]}}
    if on["forward"]:
        unbound = ValidatingUnbound(signed, network.ipv4())
        children.append(unbound)
        changes["forward"] = [{"zone": ".", "servers": [unbound.address]}]
    subject = start_signed(**changes)
    below = "dsecure.chains.example." if on["dname"] else "alg15-nsec.example."
    asked = {"over": "tcp" if on["tcp"] else "udp", "do": on["do"], "cd": on["cd"]}
    for _ in ("cold", "cached"):
        answer = subject.query(f"v4.{below}", "AAAA", **asked)
        assert answer.values("AAAA") == ([] if on["cd"] else [SYNTHESIZED]), answer
        assert ("AD" in answer.flags) == (on["do"] and not on["cd"]), answer
        assert ("DNAME" in answer.types()) == on["dname"]
        assert on["cd"] or not SPAN & {r[2] for r in answer.authority()}, answer
        assert on["do"] or "RRSIG" not in answer.types()
        wild = subject.query(f"{_}.wild.{below}", "AAAA", **asked)
        assert wild.values("AAAA") == ([] if on["cd"] else [MADE_BY_WILDCARD]), wild
        native = subject.query(f"v6.{below}", "AAAA", **asked)
        assert native.values("AAAA") == ["2001:db8:1::6"], native
        nothing = subject.query(f"nx.{below}", "AAAA", **asked)
        assert nothing.rcode == "NXDOMAIN" and not nothing.values("AAAA"), nothing
        a = subject.query(f"v4.{below}", "A", **asked)
        assert a.values("A") == ([] if on["hide_a"] else ["192.0.2.33"]), a
        lie = subject.query("v4.spoilt-denial.example.", "AAAA", **asked)
        if on["cd"]:
            # A validating forwarder may well keep the lie to itself.
            assert not lie.values("AAAA")
        else:
            assert lie.rcode == "SERVFAIL", lie


# Covers: F20, CAC-08, CAC-10
@pytest.mark.parametrize("aggressive", [True, False])
@pytest.mark.parametrize("zone", ["alg15-nsec.example.", "nsec3-1.example.", "opt-out.example.", "unsigned.example."])
def test_sister_names_under_a_signed_wildcard_are_all_synthesized(start_signed, zone, aggressive):
    subject = start_signed(cache={"aggressive_nsec": aggressive})
    secure = zone in ("alg15-nsec.example.", "nsec3-1.example.")
    for name in ("one", "two", "three", "a.four", "one"):
        answer = subject.query(f"{name}.wild.{zone}", "AAAA", do=True)
        assert answer.values("AAAA") == [MADE_BY_WILDCARD], answer
        assert answer.answer()[-1][0] == f"{name}.wild.{zone}"
        assert ("AD" in answer.flags) == secure, answer
    host = subject.query(f"host.wild.{zone}", "AAAA", do=True)
    assert host.values("AAAA") == ["2001:db8:64::c000:22e"], "the wildcard is not for names that exist"


# --- names that are answered here ---

REVERSE = "b.5.0.6.0.0.e.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa."


# Covers: D64-43, D64-47
@pytest.mark.parametrize("do", [False, True], ids=["do0", "do1"])
def test_reverse_names_under_a_prefix(start_signed, do):
    subject = start_signed(dns64={"prefixes": ["64:ff9b::/96"]})
    for _ in ("cold", "cached"):
        answer = subject.query(REVERSE, "PTR", do=do)
        assert answer.rcode == "NOERROR" and answer.values("PTR") == ["v4.alg15-nsec.example."], answer
        assert answer.values("CNAME") == ["91.96.0.78.in-addr.arpa."]
        assert "AD" not in answer.flags, "the CNAME is signed by nobody"
        assert not any(r[0] == REVERSE for r in answer.answer("RRSIG"))
        assert ("RRSIG" in answer.types()) == do


# Covers: D64-47
def test_reverse_names_under_a_prefix_are_raw_with_cd(start_signed):
    subject = start_signed(dns64={"prefixes": ["64:ff9b::/96"]})
    for do in (False, True):
        answer = subject.query(REVERSE, "PTR", do=do, cd=True)
        assert answer.rcode == "NXDOMAIN" and not answer.answer()


# Covers: DSC-01, DSC-02, DSC-03, DSC-07, T18, T20
@pytest.mark.parametrize("do", [False, True], ids=["do0", "do1"])
@pytest.mark.parametrize("cd", [False, True], ids=["cd0", "cd1"])
def test_ipv4only_arpa_is_never_bogus_though_signed_arpa_denies_it(signed, start_signed, do, cd):
    subject = start_signed()
    # Not AAAA: A is asked for beside it, and may come when the answer is out.
    denied = subject.query("denied.arpa.", "MX", do=True)
    assert denied.rcode == "NXDOMAIN" and "AD" in denied.flags
    signed.forget()
    for _ in range(2):
        answer = subject.query("ipv4only.arpa.", "AAAA", do=do, cd=cd)
        assert answer.values("AAAA") == ["2001:db8:64::c000:aa", "2001:db8:64::c000:ab"], answer
        assert "AD" not in answer.flags and answer.types() == ["AAAA", "AAAA"]
        assert sorted(subject.query("ipv4only.arpa.", "A", do=do, cd=cd).values("A")) == ["192.0.0.170", "192.0.0.171"]
        assert subject.query("ipv4only.arpa.", "TXT", do=do, cd=cd).nodata
        assert subject.query("x.ipv4only.arpa.", "AAAA", do=do, cd=cd).rcode == "NXDOMAIN"
    assert not signed.log


# Covers: DSC-05
def test_the_ds_of_ipv4only_arpa_is_asked_for(signed, start_signed):
    answer = start_signed().query("ipv4only.arpa.", "DS", do=True)
    assert answer.rcode in ("NOERROR", "NXDOMAIN") and not answer.values("DS")
    assert signed.count("ipv4only.arpa.", "DS", server=signed.servers["arpa."][0]) >= 1
    assert "AD" in answer.flags
