"""Recursion over the scripted authority: what is asked of whom, seen in its log."""

import pytest

from support import behave
from support.net import wait_until


# Covers: REC-20
def test_a_referral_walk_asks_each_level_once(site, start):
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert [q.name for q in site.queries("v4.example.com.", "A")] == ["v4.example.com."]
    site.forget()
    subject.query("dual.example.com.", "A")
    assert {q.server for q in site.queries(below="example.com.", type="A")} == {
        site.servers["example.com."][0].address}


# Covers: REC-21
def test_the_root_is_primed_with_edns_before_it_is_used(site, start):
    subject = start()
    subject.query("v4.example.com.", "A")
    priming = site.authority.wait_for(".", "NS")
    assert priming[0].server == site.root.address
    assert priming[0].edns and priming[0].payload >= 1024
    subject.query("v4.example.net.", "A")
    assert site.count(".", "NS") == 1


# Covers: REC-21
def test_hint_file_data_is_never_an_answer(site, start):
    subject = start(root_hints=[{"name": "hint.root.", "addresses": [site.root.address]}])
    assert subject.query("hint.root.", "A").rcode == "NXDOMAIN"
    assert subject.query("a.root.", "A").values("A") == [site.root.address]


# Covers: REC-08, REC-05
def test_names_are_cached_without_regard_to_case_and_answered_in_the_case_asked(site, start):
    subject = start()
    subject.query("v4.example.com.", "A")
    asked = site.count("v4.example.com.", "A")
    answer = subject.query("V4.ExAmPlE.CoM.", "A")
    assert answer.question.name.to_text() == "V4.ExAmPlE.CoM."
    assert answer.values("A") == ["192.0.2.33"]
    assert site.count("v4.example.com.", "A") == asked


# Covers: REC-26
def test_the_root_and_the_tld_see_only_what_they_need(site, start):
    subject = start()
    subject.query("deep.ent.ent.example.com.", "A")
    for origin, longest in ((".", 1), ("com.", 2)):
        server = site.servers[origin][0]
        asked = [q for q in site.queries(server=server) if q.type != "NS"]
        assert asked and all(len(q.labels) <= longest for q in asked), site.authority.dump()


# Covers: REC-26
def test_minimized_questions_are_of_type_a(site, start):
    subject = start()
    subject.query("deep.ent.ent.example.com.", "TXT")
    steps = [q for q in site.log if q.labels and q.name != "deep.ent.ent.example.com."
             and q.name.endswith("com.") and "ns1" not in q.name]
    assert steps and {q.type for q in steps} <= {"A", "AAAA"}


# Covers: REC-26
def test_a_name_with_many_labels_costs_at_most_ten_minimized_steps(site, start):
    name = ".".join(f"l{i}" for i in range(40)) + ".example.com."
    site.edit("example.com.", add=f"{name} A 192.0.2.60")
    subject = start()
    assert subject.query(name, "A").values("A") == ["192.0.2.60"]
    assert len({q.name for q in site.queries(server=site.servers["example.com."][0])} - {name}) <= 10


# Covers: REC-26
@pytest.mark.parametrize("mode, rcode", [("relaxed", "NOERROR"), ("strict", "NXDOMAIN")])
def test_a_wrong_nxdomain_for_an_empty_non_terminal_is_forgiven_only_when_relaxed(site, com, start, mode, rcode):
    com.on(behave.rcode("NXDOMAIN", aa=True), name="ent.example.com.")
    com.on(behave.rcode("NXDOMAIN", aa=True), name="ent.ent.example.com.")
    subject = start(upstream={"qname_minimization": mode})
    assert subject.query("deep.ent.ent.example.com.", "A").rcode == rcode


# Covers: REC-26
def test_relaxed_minimization_survives_a_server_that_refuses_short_names(site, com, start):
    com.on(behave.rcode("REFUSED"), name="ent.ent.example.com.")
    com.on(behave.rcode("REFUSED"), name="ent.example.com.")
    subject = start(upstream={"qname_minimization": "relaxed"})
    assert subject.query("deep.ent.ent.example.com.", "A").values("A") == ["192.0.2.45"]


# Covers: REC-26
def test_without_minimization_the_root_sees_the_whole_name(site, start):
    subject = start(upstream={"qname_minimization": "off"})
    subject.query("deep.ent.ent.example.com.", "A")
    assert site.queries("deep.ent.ent.example.com.", "A", server=site.root)


# Covers: REC-27
def test_nothing_below_a_name_that_does_not_exist_is_asked_for(site, com, start):
    subject = start()
    assert subject.query("nothing.example.com.", "A").rcode == "NXDOMAIN"
    site.forget()
    for name in ("a.nothing.example.com.", "b.a.nothing.example.com."):
        answer = subject.query(name, "AAAA")
        assert answer.rcode == "NXDOMAIN" and len(answer.soa) == 1
    assert not site.log


# Covers: REC-27
def test_an_nxdomain_does_not_cut_off_what_is_known_to_exist_below(site, com, start):
    subject = start()
    assert subject.query("deep.ent.ent.example.com.", "A").values("A") == ["192.0.2.45"]
    com.on(behave.reply(authority="example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 300",
                        code="NXDOMAIN"), name="ent.ent.example.com.", type="TXT")
    subject.query("ent.ent.example.com.", "TXT")
    assert subject.query("deep.ent.ent.example.com.", "A").values("A") == ["192.0.2.45"]


# Covers: CAC-03
def test_a_denial_is_cached_for_the_smaller_of_soa_ttl_and_minimum(site, start):
    for origin, ttl, minimum in (("low.com.", 20, 900), ("min.com.", 900, 20)):
        site.zone(origin, f"@ {ttl} SOA ns1.{origin} h.{origin} 1 2 3 4 {minimum}\nx A 192.0.2.1")
    subject = start(dns64={"enabled": False})
    for origin in ("low.com.", "min.com."):
        for name, rtype in ((f"x.{origin}", "TXT"), (f"nx.{origin}", "A")):
            assert subject.query(name, rtype).soa[0][1] == 20
            site.forget()
            assert subject.query(name, rtype).soa[0][1] in (19, 20)
            assert not site.log


# Covers: CAC-03
def test_a_denial_without_soa_is_not_cached(site, com, start):
    com.on(behave.rcode("NXDOMAIN", aa=True), name="nosoa.example.com.")
    subject = start(dns64={"enabled": False})
    for _ in range(2):
        site.forget()
        assert subject.query("nosoa.example.com.", "A").rcode == "NXDOMAIN"
        assert site.count("nosoa.example.com.") >= 1


# Covers: CAC-03
def test_a_nodata_counts_for_its_type_alone(site, start):
    subject = start()
    assert subject.query("v4.example.com.", "TXT").nodata
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]


# Covers: CAC-04
def test_a_denial_behind_an_alias_belongs_to_the_last_name(site, start):
    subject = start(dns64={"enabled": False})
    answer = subject.query("dangling.example.com.", "A")
    assert answer.rcode == "NXDOMAIN" and answer.types() == ["CNAME"] and len(answer.soa) == 1
    site.forget()
    assert subject.query("nothing.example.com.", "A").rcode == "NXDOMAIN"
    assert not site.log
    assert subject.query("dangling.example.com.", "CNAME").values("CNAME") == ["nothing.example.com."]


# Covers: CAC-01
def test_one_rrset_has_one_ttl_the_lowest(site, com, start):
    com.on(behave.reply("%NAME% 300 A 192.0.2.1\n%NAME% 100 A 192.0.2.2\n%NAME% 200 A 192.0.2.3"),
           name="ttls.example.com.")
    subject = start()
    answer = subject.query("ttls.example.com.", "A")
    assert sorted(answer.values("A")) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert answer.ttl("A") in (99, 100)


# Covers: CAC-02
def test_ttls_are_capped_and_ttl_zero_is_not_kept(site, com, start):
    site.edit("example.com.", add="long 4294967295 A 192.0.2.1\nzero 0 A 192.0.2.2")
    subject = start(cache={"max_ttl": "1h"})
    assert subject.query("long.example.com.", "A").ttl("A") in (3599, 3600)
    for _ in range(2):
        assert subject.query("zero.example.com.", "A").ttl("A") == 0
    assert site.count("zero.example.com.", "A") == 2


# Covers: CAC-02
def test_min_ttl_and_max_negative_ttl_are_obeyed(site, start):
    site.edit("example.com.", add="short 1 A 192.0.2.1")
    subject = start(cache={"min_ttl": "50s", "max_negative_ttl": "7s"})
    assert subject.query("short.example.com.", "A").ttl("A") in (49, 50)
    assert subject.query("nx.example.com.", "A").soa[0][1] in (6, 7)


def test_the_ttl_of_a_cached_answer_runs_down(site, start):
    subject = start()
    first = subject.query("v4.example.com.", "A").ttl("A")
    wait_until(lambda: subject.query("v4.example.com.", "A").ttl("A") < first, 4, "a lower TTL", every=0.1)


# Covers: REC-06
def test_a_truncated_reply_is_thrown_away_and_asked_again_over_tcp(site, com, start):
    com.on(behave.truncate_with("%NAME% 300 A 192.0.2.99"), name="v4.example.com.")
    subject = start()
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert site.count("v4.example.com.", "A", transport="tcp") == 1
    assert subject.stats()["upstream_tcp"] >= 1


# Covers: REC-06
def test_a_truncated_reply_whose_tcp_fails_gives_no_partial_answer(site, com, start):
    com.on(behave.truncate_with("%NAME% 300 A 192.0.2.99"), name="v4.example.com.")
    com.on(behave.silence(), name="v4.example.com.", transport="tcp")
    subject = start(upstream={"timeout": "2s"})
    answer = subject.query("v4.example.com.", "A")
    assert answer.rcode == "SERVFAIL" and not answer.answer()


# Covers: REC-24
def test_beside_a_cname_other_data_is_not_kept(site, com, start):
    com.on(behave.reply("%NAME% 300 CNAME v4.example.com.\n%NAME% 300 TXT \"stray\"\n"
                        "v4.example.com. 300 A 192.0.2.33\nbank.example.com. 300 A 192.0.2.66"),
           name="both.example.com.", type="A")
    subject = start()
    answer = subject.query("both.example.com.", "A")
    assert answer.types() == ["CNAME", "A"]
    com.rules = []
    assert subject.query("bank.example.com.", "A").rcode == "NXDOMAIN"


# Covers: REC-25
def test_the_cname_of_a_dname_is_rebuilt_not_believed(site, com, start):
    com.on(behave.reply("old.example.com. 300 DNAME example.net.\n%NAME% 300 CNAME text.example.net."),
           name="v4.old.example.com.")
    subject = start()
    answer = subject.query("v4.old.example.com.", "A")
    assert [(r[0], r[2], r[3]) for r in answer.answer()] == [
        ("old.example.com.", "DNAME", "example.net."), ("v4.old.example.com.", "CNAME", "v4.example.net."),
        ("v4.example.net.", "A", "192.0.2.133")]


# Covers: REC-25
def test_a_dname_that_makes_a_name_too_long_gives_yxdomain(site, start):
    long = ".".join(["x" * 60] * 3) + ".example.net."
    site.edit("example.com.", add=f"grow DNAME {long}")
    subject = start()
    answer = subject.query("y" * 60 + ".grow.example.com.", "A")
    assert answer.rcode == "YXDOMAIN" and "DNAME" in answer.types()


# Covers: REC-25
def test_a_cached_dname_answers_other_names_below_it(site, start):
    subject = start()
    assert subject.query("v4.sub.example.com.", "A").values("A") == ["192.0.2.133"]
    site.forget()
    assert subject.query("dual.sub.example.com.", "A").values("A") == ["192.0.2.134"]
    assert not site.queries(server=site.servers["example.com."][0])


# Covers: REC-33
def test_without_rd_the_answer_is_refused_with_ede_20(site, start):
    subject = start()
    subject.query("v4.example.com.", "A")
    answer = subject.query("v4.example.com.", "A", rd=False, edns=1232)
    assert answer.rcode == "REFUSED" and not answer.answer() and answer.ede == [20]
    assert "RD" not in answer.flags


# Covers: REC-34, D64-32, B4
def test_any_is_answered_with_hinfo_and_never_with_synthesized_records(site, start):
    subject = start()
    subject.query("v4.example.com.", "AAAA")
    answer = subject.query("v4.example.com.", "ANY")
    assert answer.types() == ["HINFO"] and answer.values("HINFO") == ['"RFC8482" ""']
    assert "TC" not in answer.flags
    assert "AAAA" not in subject.query("v4.example.com.", "ANY", over="tcp").types()


# Covers: REC-35
@pytest.mark.parametrize("rtype, rcodes", [
    ("AXFR", {"REFUSED", "NOTIMP"}), ("IXFR", {"REFUSED", "NOTIMP"}), ("OPT", {"FORMERR"}),
    ("MAILA", {"NOTIMP"}), ("MAILB", {"NOTIMP"}), ("TYPE0", {"FORMERR", "NOTIMP"}),
    ("TSIG", {"FORMERR", "NOTIMP"}), ("TKEY", {"FORMERR", "NOTIMP"}), ("TYPE128", {"FORMERR"})])
def test_meta_types_are_not_resolved(site, start, rtype, rcodes):
    subject = start()
    assert subject.query("v4.example.com.", rtype).rcode in rcodes
    assert not site.queries("v4.example.com.")


# Covers: REC-35
def test_an_nxname_question_is_told_why(start):
    assert start().query("v4.example.com.", "TYPE128", edns=1232).ede == [30]


# Covers: CAC-14
@pytest.mark.parametrize("rclass", ["HS", "NONE", "ANY"])
def test_other_classes_are_not_resolved(site, start, rclass):
    subject = start()
    assert subject.query("v4.example.com.", "A", rclass=rclass).rcode in ("REFUSED", "NOTIMP", "FORMERR")
    assert not site.queries("v4.example.com.")


# Covers: CAC-12
def test_flush_forgets_a_name_a_type_or_a_subtree(site, start):
    subject = start()

    def asked(name, rtype="A"):
        site.forget()
        subject.query(name, rtype)
        return bool(site.queries(name, rtype))

    assert asked("v4.example.com.") and not asked("v4.example.com.")
    subject.query("v4.example.com.", "TXT")
    subject.ctl("flush", "v4.example.com", "--type", "A")
    assert not asked("v4.example.com.", "TXT") and asked("v4.example.com.")
    subject.ctl("flush", "v4.example.com")
    assert asked("v4.example.com.", "TXT") and asked("v4.example.com.")
    subject.ctl("flush", "example.com")
    assert not asked("v4.example.com.")
    subject.ctl("flush", "example.com", "--below")
    assert asked("v4.example.com.")


# Covers: CAC-12
def test_flush_forgets_failures_and_denials_too(site, com, start):
    subject = start(upstream={"timeout": "2s"})
    rule = com.on(behave.rcode("SERVFAIL"), name="v4.example.com.")
    assert subject.query("v4.example.com.", "A").rcode == "SERVFAIL"
    rule.stop()
    subject.ctl("flush", "v4.example.com")
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
