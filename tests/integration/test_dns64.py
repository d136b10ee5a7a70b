"""DNS64 on the wire, RFC 6147 section 5.1: every outcome of the AAAA lookup."""

import pytest

from support import behave
from support.net import scaled, wait_until

PREFIX = "2001:db8:64::/96"


def synthesized(ipv4):
    """`ipv4` under the prefix of these tests, as text."""
    a, b, c, d = (int(part) for part in ipv4.split("."))
    return f"2001:db8:64::{a << 8 | b:x}:{c << 8 | d:x}"


def signature(rtype):
    """An RRSIG record, good enough for who does not validate."""
    return (f"%NAME% 300 RRSIG {rtype} 13 3 300 20300101000000 20200101000000 1 example.com. "
            + "A" * 86 + "==")


# Covers: D64-24, D64-26, T26
def test_an_ipv4_only_name_gets_one_aaaa_and_nothing_else(site, start):
    answer = start().query("v4.example.com.", "AAAA")
    assert answer.rcode == "NOERROR"
    assert [(r[0], r[2], r[3]) for r in answer.answer()] == [
        ("v4.example.com.", "AAAA", synthesized("192.0.2.33"))]
    assert not answer.soa and "AD" not in answer.flags


# Covers: D64-24
def test_every_a_record_gives_an_aaaa_record(site, start):
    answer = start().query("several.example.com.", "AAAA")
    assert sorted(answer.values("AAAA")) == sorted(synthesized(f"192.0.2.{i}") for i in (41, 42, 43))


# Covers: D64-11, D64-12
@pytest.mark.parametrize("name, value", [("v6", "2001:db8:1::1"), ("dual", "2001:db8:1::2")])
def test_real_aaaa_records_stay_alone(site, start, name, value):
    answer = start().query(f"{name}.example.com.", "AAAA")
    assert answer.values("AAAA") == [value] and answer.ttl("AAAA") in (599, 600)


# Covers: D64-13, B1
def test_nxdomain_is_nxdomain_and_costs_no_a_question_when_cached(site, com, start):
    com.on(behave.delay(0.05), name="ghost.example.com.", type="AAAA")      # A is under way and answered by then
    com.on(behave.reply("%NAME% 300 A 192.0.2.66"), name="ghost.example.com.", type="A")
    com.on(behave.reply(authority="example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 300",
                        code="NXDOMAIN"), name="ghost.example.com.", type="AAAA")
    subject = start()
    answer = subject.query("ghost.example.com.", "AAAA")
    assert answer.rcode == "NXDOMAIN" and not answer.answer() and len(answer.soa) == 1
    site.forget()
    assert subject.query("ghost.example.com.", "AAAA").rcode == "NXDOMAIN"
    assert not site.queries(type="A")
    assert subject.query("nx.example.com.", "AAAA").rcode == "NXDOMAIN"
    # The A question that went out beside it is logged when the server's thread comes to it.
    wait_until(lambda: site.queries("nx.example.com.", "A"), 5, "the A question beside the AAAA")
    site.forget()
    assert subject.query("nx.example.com.", "AAAA").rcode == "NXDOMAIN"
    assert not site.log


# Covers: D64-14
@pytest.mark.parametrize("rcode", ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "YXDOMAIN", "RCODE11"])
def test_every_other_rcode_for_aaaa_counts_as_an_empty_answer(site, com, start, rcode):
    com.on(behave.rcode(rcode), name="v4.example.com.", type="AAAA")
    answer = start().query("v4.example.com.", "AAAA")
    assert answer.values("AAAA") == [synthesized("192.0.2.33")]


# Covers: D64-15, B2, T33
def test_silence_on_aaaa_gives_a_synthesized_answer_within_three_seconds(site, com, start):
    com.on(behave.silence(), type="AAAA")
    answer = start().query("v4.example.com.", "AAAA")
    assert answer.values("AAAA") == [synthesized("192.0.2.33")]
    assert answer.seconds < scaled(3)
    assert answer.ttl("AAAA") <= 30


# Covers: D64-14, T34
@pytest.mark.parametrize("mode, after_error, after_silence", [
    ("nodata", "SERVFAIL", "SERVFAIL"), ("error", "NOERROR", "SERVFAIL"), ("timeout", "NOERROR", "NOERROR")])
def test_synthesize_on_decides_what_counts_as_no_aaaa(site, com, start, mode, after_error, after_silence):
    site.edit("example.com.", add="quiet A 192.0.2.61")
    com.on(behave.rcode("SERVFAIL"), name="v4.example.com.", type="AAAA")
    com.on(behave.silence(), name="quiet.example.com.", type="AAAA")
    subject = start(dns64={"synthesize_on": mode}, upstream={"timeout": "3s"})
    assert subject.query("v4.example.com.", "AAAA").rcode == after_error
    assert subject.query("quiet.example.com.", "AAAA").rcode == after_silence
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::2"]
    assert subject.query("global.example.com.", "AAAA").values("AAAA") == [synthesized("78.0.96.91")]


# Covers: T34, D64-28
def test_after_an_error_the_ttl_is_thirty_seconds_at_most(site, com, start):
    com.on(behave.rcode("SERVFAIL"), name="v4.example.com.", type="AAAA")
    assert start().query("v4.example.com.", "AAAA").ttl("AAAA") <= 30


# Covers: T35
def test_an_empty_reply_without_authority_is_an_error_not_a_denial(site, com, start):
    com.on(behave.lame("empty"), name="v4.example.com.", type="AAAA")
    answer = start().query("v4.example.com.", "AAAA")
    assert answer.values("AAAA") == [synthesized("192.0.2.33")]


# Covers: D64-18, D64-19, T14, T55
@pytest.mark.parametrize("aaaa", ["::ffff:192.0.2.1", "::ffff:0:1"])
def test_mapped_addresses_are_absent_by_default(site, start, aaaa):
    site.edit("example.com.", add=f"mapped A 192.0.2.62\nmapped AAAA {aaaa}")
    assert start().query("mapped.example.com.", "AAAA").values("AAAA") == [synthesized("192.0.2.62")]


# Covers: T55
@pytest.mark.parametrize("aaaa", ["::", "::1", "fe80::1", "100::1"])
def test_odd_native_addresses_are_passed_on_octet_by_octet(site, start, aaaa):
    site.edit("example.com.", add=f"odd A 192.0.2.62\nodd AAAA {aaaa}")
    subject = start()
    for _ in ("cold", "cached"):
        assert subject.query("odd.example.com.", "AAAA").values("AAAA") == [aaaa]


# Covers: D64-20, T12, B11, B12
def test_exclusion_works_record_by_record_over_several_ranges(site, start):
    site.edit("example.com.", add="mix A 192.0.2.63\n" + "\n".join(
        f"mix AAAA {a}" for a in ("2001:db8:bad::1", "2001:db8:1::7", "2001:db8:e::1", "2001:db8:1::8")))
    subject = start(dns64={"exclude_aaaa": ["2001:db8:bad::/48", "2001:db8:e::/48"]})
    answer = subject.query("mix.example.com.", "AAAA")
    assert sorted(answer.values("AAAA")) == ["2001:db8:1::7", "2001:db8:1::8"]


# Covers: D64-19, T12
def test_a_name_whose_aaaa_are_all_excluded_is_synthesized(site, start):
    site.edit("example.com.", add="bad A 192.0.2.63\nbad AAAA 2001:db8:bad::1\nlost AAAA 2001:db8:bad::2")
    subject = start(dns64={"exclude_aaaa": ["2001:db8:bad::/48"]})
    assert subject.query("bad.example.com.", "AAAA").values("AAAA") == [synthesized("192.0.2.63")]
    lost = subject.query("lost.example.com.", "AAAA")
    assert lost.nodata and not lost.values("AAAA")


# Covers: T57
def test_an_empty_exclude_list_excludes_nothing_and_synthesis_goes_on(site, start):
    site.edit("example.com.", add="mapped A 192.0.2.62\nmapped AAAA ::ffff:192.0.2.1")
    subject = start(dns64={"exclude_aaaa": []})
    assert subject.query("mapped.example.com.", "AAAA").values("AAAA") == ["::ffff:192.0.2.1"]
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == [synthesized("192.0.2.33")]


# Covers: D64-09
def test_exclude_a_keeps_addresses_from_being_synthesized(site, start):
    site.edit("example.com.", add="some A 10.0.0.1\nsome A 192.0.2.64\nnone A 10.0.0.2")
    subject = start(dns64={"exclude_a": ["10.0.0.0/8"]})
    assert subject.query("some.example.com.", "AAAA").values("AAAA") == [synthesized("192.0.2.64")]
    answer = subject.query("none.example.com.", "AAAA")
    assert answer.nodata and len(answer.soa) == 1


# Covers: D64-22, D64-23, T27, T28, T29, T32, T47
@pytest.mark.parametrize("name, chain, address", [
    ("www", ["www"], "192.0.2.33"),
    ("two", ["two", "www"], "192.0.2.33"),
    ("five5", ["five5", "five4", "five3", "five2", "two", "www"], "192.0.2.33"),
    ("away", ["away"], "192.0.2.133")])
def test_cname_chains_stay_in_front_once_each_cold_and_cached(site, start, name, chain, address):
    subject = start()
    for _ in ("cold", "cached"):
        answer = subject.query(f"{name}.example.com.", "AAAA")
        records = answer.answer()
        assert [r[0] for r in records[:-1]] == [f"{link}.example.com." for link in chain], answer
        assert {r[2] for r in records[:-1]} == {"CNAME"}
        end = "v4.example.net." if name == "away" else "v4.example.com."
        assert records[-1][0] == end and records[-1][2:] == ("AAAA", synthesized(address))


# Covers: D64-22, D64-23
def test_a_dname_chain_stays_in_front(site, start):
    subject = start()
    for _ in ("cold", "cached"):
        answer = subject.query("v4.sub.example.com.", "AAAA")
        assert [(r[0], r[2]) for r in answer.answer()] == [
            ("sub.example.com.", "DNAME"), ("v4.sub.example.com.", "CNAME"), ("v4.example.net.", "AAAA")]
        assert answer.values("AAAA") == [synthesized("192.0.2.133")]


# Covers: D64-23
@pytest.mark.parametrize("name, value", [
    ("www6", "2001:db8:1::1"), ("wwwdual", "2001:db8:1::2"), ("awayboth", "2001:db8:2::2"),
    ("dual.sub", "2001:db8:2::2")])
def test_a_chain_that_ends_in_aaaa_is_not_synthesized(site, start, name, value):
    assert start().query(f"{name}.example.com.", "AAAA").values("AAAA") == [value]


# Covers: D64-23, T30
def test_a_chain_that_ends_in_nothing_keeps_chain_rcode_and_one_soa(site, start):
    subject = start()
    for _ in ("cold", "cached"):
        dangling = subject.query("dangling.example.com.", "AAAA")
        assert dangling.rcode == "NXDOMAIN" and dangling.types() == ["CNAME"] and len(dangling.soa) == 1
        empty = subject.query("empty.example.com.", "AAAA")
        assert empty.rcode == "NOERROR" and empty.types() == ["CNAME"] and len(empty.soa) == 1


# Covers: D64-23
@pytest.mark.parametrize("slow", ["A", "AAAA"])
def test_where_the_aaaa_chain_and_the_a_chain_differ_the_a_chain_is_shown(site, com, start, slow):
    # Both questions are out before the first answer comes.
    com.on(behave.delay(0.05), name="cdn.example.com.")
    com.on(behave.delay(0.05), name="cdn.example.com.", type=slow)
    com.on(behave.reply("%NAME% 60 CNAME v4.example.net."), name="cdn.example.com.", type="A")
    com.on(behave.reply("%NAME% 60 CNAME text.example.net."), name="cdn.example.com.", type="AAAA")
    answer = start().query("cdn.example.com.", "AAAA")
    assert answer.values("CNAME") == ["v4.example.net."]
    assert answer.values("AAAA") == [synthesized("192.0.2.133")]
    assert answer.types() == ["CNAME", "AAAA"]


# Covers: D64-23
def test_a_cname_loop_under_dns64_is_servfail(site, start):
    site.edit("example.com.", add="l1 CNAME l2\nl2 CNAME l1")
    assert start().query("l1.example.com.", "AAAA").rcode == "SERVFAIL"


# Covers: D64-25, T30
def test_a_name_without_either_address_gets_the_nodata_of_the_aaaa_query(site, start):
    subject = start()
    for _ in ("cold", "cached"):
        answer = subject.query("text.example.com.", "AAAA")
        assert answer.nodata and not answer.answer() and len(answer.soa) == 1
        assert answer.soa[0][0] == "example.com."


# Covers: D64-25, B13
@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_an_error_for_a_is_the_reply(site, com, start, rcode):
    com.on(behave.rcode(rcode), name="v4.example.com.", type="A")
    answer = start().query("v4.example.com.", "AAAA")
    assert answer.rcode == "SERVFAIL" and "RA" in answer.flags


# Covers: D64-27, D64-28, B3, T43, B15, VEC-05
@pytest.mark.parametrize("a_ttl, soa_ttl, minimum, expected", [
    (3600, 300, 300, 300), (60, 300, 300, 60), (3600, 300, 100, 100), (3600, 100, 300, 100)])
def test_the_ttl_is_the_smaller_of_a_and_of_the_denial(site, start, a_ttl, soa_ttl, minimum, expected):
    site.zone("ttl.com.", f"@ {soa_ttl} SOA ns1.ttl.com. h.ttl.com. 1 2 3 4 {minimum}\nx.y {a_ttl} A 192.0.2.65")
    assert start().query("x.y.ttl.com.", "AAAA").ttl("AAAA") in (expected - 1, expected)


# Covers: D64-27
@pytest.mark.parametrize("a_ttl, expected", [(3600, 600), (30, 30)])
def test_without_an_soa_the_ttl_is_six_hundred_at_most(site, com, start, a_ttl, expected):
    site.edit("example.com.", add=f"nosoa {a_ttl} A 192.0.2.65")
    com.on(behave.rcode("NOERROR", aa=True), name="nosoa.example.com.", type="AAAA")
    assert start().query("nosoa.example.com.", "AAAA").ttl("AAAA") in (expected - 1, expected)


# Covers: D64-28
def test_where_all_aaaa_are_excluded_the_ttl_is_six_hundred_at_most(site, start):
    site.edit("example.com.", add="far 3600 A 192.0.2.65\nfar 3600 AAAA ::ffff:192.0.2.65")
    assert start().query("far.example.com.", "AAAA").ttl("AAAA") in (599, 600)


# Covers: B3, T43, D64-28
def test_a_site_that_turns_ipv6_on_is_seen_after_the_negative_ttl(site, start):
    site.zone("soon.com.", "@ 1 SOA ns1.soon.com. h.soon.com. 1 2 3 4 1\nx 3600 A 192.0.2.65")
    subject = start()
    assert subject.query("x.soon.com.", "AAAA").values("AAAA") == [synthesized("192.0.2.65")]
    site.edit("soon.com.", add="x 3600 AAAA 2001:db8:9::9")
    wait_until(lambda: subject.query("x.soon.com.", "AAAA").values("AAAA") == ["2001:db8:9::9"],
               6, "the native address", every=0.2)


# Covers: D64-01, B10
@pytest.mark.parametrize("rclass", ["CH", "HS", "ANY"])
def test_other_classes_are_never_synthesized(site, start, rclass):
    subject = start()
    subject.query("v4.example.com.", "AAAA")
    assert not subject.query("v4.example.com.", "AAAA", rclass=rclass).answer()


# Covers: D64-31, D64-32
def test_other_types_and_the_additional_section_are_passed_unchanged(site, start):
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert subject.query("mail.example.com.", "MX").values("MX") == ["10 v4.example.com."]
    assert not subject.query("mail.example.com.", "MX").additional("AAAA")


# Covers: D64-33
def test_the_header_and_question_follow_the_usual_rules(site, start):
    answer = start().query("V4.Example.COM.", "AAAA")
    assert {"QR", "RD", "RA"} == answer.flags
    assert answer.question.name.to_text() == "V4.Example.COM."


# Covers: D64-36, T47
def test_the_owner_keeps_the_case_that_the_client_wrote(site, start):
    answer = start().query("v4.eXaMpLe.CoM.", "AAAA")
    assert answer.message.answer[0].name.to_text() == "v4.eXaMpLe.CoM."


# Covers: D64-34, T46
def test_forty_synthesized_records_are_truncated_over_udp_and_whole_over_tcp(site, start):
    site.edit("example.com.", add="\n".join(f"forty A 198.51.100.{i}" for i in range(1, 41)))
    subject = start(dns64={"max_records": 64})
    answer = subject.query("forty.example.com.", "AAAA")
    assert "TC" in answer.flags and len(answer.wire) <= 512
    whole = subject.query("forty.example.com.", "AAAA", over="tcp")
    assert "TC" not in whole.flags
    assert len(set(whole.values("AAAA"))) == 40
    assert subject.stats()["truncated"] >= 1


# Covers: EDE-02
def test_the_mark_never_pushes_a_reply_over_the_clients_limit(site, start):
    subject = start(dns64={"max_records": 64})
    for count in range(14, 19):
        site.edit("example.com.", add="\n".join(f"n{count} A 198.51.100.{i}" for i in range(count)))
        answer = subject.query(f"n{count}.example.com.", "AAAA", edns=512)
        assert len(answer.wire) <= 512
        assert len(answer.values("AAAA")) == count or "TC" in answer.flags


# Covers: D64-21
def test_a_set_that_lost_a_record_to_the_exclusion_loses_its_signature(site, com, start):
    com.on(behave.reply("%NAME% 300 AAAA 2001:db8:1::9\n%NAME% 300 AAAA ::ffff:192.0.2.1\n" + signature("AAAA")),
           name="mix.example.com.", type="AAAA")
    answer = start().query("mix.example.com.", "AAAA", do=True)
    assert answer.types() == ["AAAA"] and answer.values("AAAA") == ["2001:db8:1::9"]
    assert "AD" not in answer.flags


# Covers: T46
def test_max_records_bounds_what_is_synthesized(site, start):
    site.edit("example.com.", add="\n".join(f"forty A 198.51.100.{i}" for i in range(1, 41)))
    assert len(start().query("forty.example.com.", "AAAA", over="tcp").values("AAAA")) == 16
    assert len(start(dns64={"max_records": 3}).query("forty.example.com.", "AAAA").values("AAAA")) == 3


# Covers: T46
def test_a_truncated_a_reply_is_fetched_over_tcp_before_anything_is_synthesized(site, com, start):
    com.on(behave.truncate_with("%NAME% 300 A 192.0.2.66"), name="several.example.com.", type="A")
    answer = start().query("several.example.com.", "AAAA")
    assert sorted(answer.values("AAAA")) == sorted(synthesized(f"192.0.2.{i}") for i in (41, 42, 43))


# Covers: D64-51, D64-52, B5
@pytest.mark.parametrize("do", [False, True])
def test_with_cd_the_raw_data_comes(site, start, do):
    subject = start(dns64={"always_synthesize_names": ["dual.example.com"]})
    subject.query("v4.example.com.", "AAAA")
    answer = subject.query("v4.example.com.", "AAAA", cd=True, do=do)
    assert answer.nodata and not answer.answer() and "CD" in answer.flags
    assert subject.query("dual.example.com.", "AAAA", cd=True, do=do).values("AAAA") == ["2001:db8:1::2"]


# Covers: T56, D64-55
def test_do_alone_does_not_stop_synthesis_and_sets_no_ad(site, start):
    answer = start().query("v4.example.com.", "AAAA", do=True)
    assert answer.values("AAAA") == [synthesized("192.0.2.33")]
    assert "AD" not in answer.flags and answer.do


# Covers: T56
def test_without_do_no_dnssec_records_are_sent(site, com, start):
    com.on(behave.reply("%NAME% 300 A 192.0.2.33\n" + signature("A")), name="v4.example.com.", type="A")
    com.on(behave.reply(authority="example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 300\n"
                        "%NAME% 300 NSEC w.example.com. A RRSIG NSEC"), name="v4.example.com.", type="AAAA")
    subject = start()
    for rtype in ("AAAA", "A"):
        answer = subject.query("v4.example.com.", rtype, edns=1232)
        assert not {"RRSIG", "NSEC"} & {r[2] for r in answer.answer() + answer.authority()}, answer


# Covers: B6, B9
def test_no_signature_of_a_and_no_denial_stays_beside_synthesized_records(site, com, start):
    com.on(behave.reply("%NAME% 300 A 192.0.2.33\n" + signature("A")), name="v4.example.com.", type="A")
    com.on(behave.reply(authority="example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 300\n"
                        "%NAME% 300 NSEC w.example.com. A RRSIG NSEC"), name="v4.example.com.", type="AAAA")
    answer = start().query("v4.example.com.", "AAAA", do=True)
    assert answer.types() == ["AAAA"] and not answer.authority()


# Covers: T49, D64-29
def test_the_second_question_costs_nothing_upstream(site, start):
    subject = start()
    first = subject.query("two.example.com.", "AAAA")
    site.forget()
    second = subject.query("two.example.com.", "AAAA")
    assert second.answer() == first.answer() or second.values("AAAA") == first.values("AAAA")
    assert not site.log
    assert subject.stats()["cache_hits"] >= 1


# Covers: T36, D64-29
def test_what_is_asked_for_in_any_order_never_mixes(site, start):
    subject = start()
    for rtype in ("AAAA", "A", "ANY", "TXT", "AAAA", "A", "CNAME", "AAAA"):
        answer = subject.query("v4.example.com.", rtype)
        for owner, _, kind, value in answer.answer():
            assert owner == "v4.example.com."
            assert (kind, value) in {("A", "192.0.2.33"), ("AAAA", synthesized("192.0.2.33")),
                                     ("HINFO", '"RFC8482" ""')}
    assert subject.stats()["synthesized"] >= 3


def test_without_dns64_nothing_is_synthesized(site, start):
    answer = start(dns64={"enabled": False}).query("v4.example.com.", "AAAA")
    assert answer.nodata and len(answer.soa) == 1


# Covers: EDE-01, EDE-04
def test_synthesized_answers_are_marked_to_clients_with_edns(site, start):
    subject = start()
    marked = subject.query("v4.example.com.", "AAAA", edns=1232)
    assert marked.ede == [29] and "2001:db8:64::/96" in marked.ede_text
    assert not subject.query("v4.example.com.", "AAAA").edns
    assert not subject.query("v6.example.com.", "AAAA", edns=1232).ede
    assert not start(dns64={"mark_synthesized": False}).query("v4.example.com.", "AAAA", edns=1232).ede
