"""Answers that are copied and patched instead of rendered: nobody can tell, but by the speed."""

import threading
import time

import dns.flags

from support import load
from support.client import make_query
from support.encrypted import encrypted, ours
from support.http2_client import Http2Client
from support.net import scaled, wait_until

__all__ = ["encrypted", "ours"]


def often(subject, name, rtype, count=8, **kwargs):
    """The answers to the same question again and again; every worker's are finished before the last ones."""
    return [subject.query(name, rtype, **kwargs) for _ in range(count)]


def finished(subject):
    return subject.stats()["answer_hits"]


def test_a_question_that_comes_again_is_answered_from_what_is_finished(site, start):
    subject = start(workers=1)
    empty = subject.status()["answers"]["bytes"]
    answers = often(subject, "v4.example.com.", "AAAA")
    assert {tuple(answer.values("AAAA")) for answer in answers} == {("2001:db8:64::c000:221",)}
    assert finished(subject) == 6, "kept from the second question on"
    stats = subject.stats()
    assert stats["queries"] == stats["queries_udp"] == stats["synthesized"] == stats["rcode_noerror"] == 8
    status = subject.status()["answers"]
    assert status["entries"] == 1 and 0 < status["bytes"] - empty < 4096
    assert site.count("v4.example.com.") == 2, "AAAA and A, once"


def test_every_client_sees_its_own_letters_and_id(site, start):
    subject = start(workers=1)
    often(subject, "wwwdual.example.com.", "AAAA")
    before = finished(subject)
    for ident, name in ((1, "WWWDUAL.example.com."), (65535, "wwwDual.Example.Com."), (7, "wwwdual.example.com.")):
        answer = subject.query(name, "AAAA", ident=ident)
        assert answer.message.id == ident
        assert answer.message.question[0].name.to_text() == name
        assert answer.message.answer[0].name.to_text() == name
        assert answer.values("AAAA") == ["2001:db8:1::2"]
    assert finished(subject) == before + 3


def test_an_absent_name_and_type_are_finished_too(site, start):
    subject = start(workers=1)
    for name, rcode in (("none.example.com.", "NXDOMAIN"), ("text.example.com.", "NOERROR")):
        before = finished(subject)
        for answer in often(subject, name, "MX"):
            assert answer.rcode == rcode and not answer.values("MX")
            assert answer.message.authority, "the SOA says how long"
        assert finished(subject) == before + 6


def test_ttls_go_down_and_never_up(site, start):
    subject = start(workers=1)
    often(subject, "v4.example.com.", "A")
    seen = []
    while not seen or seen[-1][0] - seen[0][1] < 2.0:
        before = time.monotonic()
        ttl = subject.query("v4.example.com.", "A").message.answer[0].ttl
        seen.append((before, time.monotonic(), ttl))
    before_first, after_first, first = seen[0]
    for before, after, ttl in seen:
        assert int(before - after_first) <= first - ttl <= int(after - before_first) + 1
    assert [ttl for *_, ttl in seen] == sorted((ttl for *_, ttl in seen), reverse=True)
    assert finished(subject) >= len(seen)


def test_a_flush_reaches_what_every_worker_has_finished(site, start):
    subject = start(workers=3)
    often(subject, "v4.example.com.", "A", 40)
    assert finished(subject) > 0
    site.edit("example.com.", remove=[("v4.example.com.", "A")], add="v4 600 A 192.0.2.99")
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    subject.ctl("flush", "v4.example.com.")
    for answer in often(subject, "v4.example.com.", "A", 40):
        assert answer.values("A") == ["192.0.2.99"]


def test_a_flush_reaches_answers_that_lead_through_the_name(site, start):
    subject = start(workers=1)
    often(subject, "www.example.com.", "A")
    site.edit("example.com.", remove=[("v4.example.com.", "A")], add="v4 600 A 192.0.2.99")
    subject.ctl("flush", "v4.example.com.")
    assert subject.query("www.example.com.", "A").values("A") == ["192.0.2.99"]


# Covers: T9
def test_a_new_prefix_holds_from_the_first_question_after_a_reload(site, start):
    subject = start(workers=3)
    often(subject, "v4.example.com.", "AAAA", 40)
    asked = site.count("v4.example.com.")
    subject.reload({"dns64": {"prefixes": ["2001:db8:65::/96"]}})
    for answer in often(subject, "v4.example.com.", "AAAA", 40):
        assert answer.values("AAAA") == ["2001:db8:65::c000:221"]
    assert site.count("v4.example.com.") == asked, "the facts are still there"


# Covers: T1, U1
def test_each_listener_keeps_to_its_prefix(site, start, net):
    listeners = [{"address": net.ipv4(), "port": 53, "view": view} for view in ("jool", "tayga")]
    views = {"jool": {"dns64": {"prefixes": ["2001:db8:1::/96"]}}, "tayga": {"dns64": {"prefixes": ["2001:db8:2::/96"]}}}
    subject = start(listeners=listeners, views=views, workers=1)
    for to in (0, 1):
        often(subject, "v4.example.com.", "AAAA", 2, to=to)
    for _ in range(3):
        assert subject.query("v4.example.com.", "AAAA", to=0).values("AAAA") == ["2001:db8:1::c000:221"]
        assert subject.query("v4.example.com.", "AAAA", to=1).values("AAAA") == ["2001:db8:2::c000:221"]
    assert finished(subject) == 6
    assert subject.status()["answers"]["entries"] == 2


def test_one_finished_answer_serves_every_transport(site, encrypted):
    subject = encrypted(workers=1)
    often(subject, "v4.example.com.", "AAAA")
    before = finished(subject)
    wire = make_query("v4.example.com.", "AAAA", ident=0, options=((12, bytes(8)),))
    assert subject.query("v4.example.com.", "AAAA", over="tcp").values("AAAA") == ["2001:db8:64::c000:221"]
    with subject.over_tls() as client:
        asked = client.ask("v4.example.com.", "AAAA", options=((12, bytes(8)),))
        assert asked.values("AAAA") == ["2001:db8:64::c000:221"] and len(asked.wire) % 468 == 0
    with Http2Client(subject.address, ca_file=subject.ca_file) as client:
        answer = client.ask(wire).dns
    assert answer.values("AAAA") == ["2001:db8:64::c000:221"]
    assert len(answer.wire) % 468 == 0, "padded, and not in clear"
    assert finished(subject) == before + 3
    assert len(subject.query("v4.example.com.", "AAAA", options=((12, bytes(8)),)).wire) < 200


def test_a_large_answer_is_cut_for_each_size_and_whole_over_tcp(site, start):
    site.edit("example.com.", add="\n".join(f"large 300 A 192.0.2.{i}" for i in range(1, 100)))
    subject = start(workers=1)
    for payload in (None, 600, 1232):
        before = finished(subject)
        for answer in often(subject, "large.example.com.", "A", edns=payload):
            assert answer.message.flags & dns.flags.TC
            assert len(answer.wire) <= (payload or 512)
        assert finished(subject) >= before + 6
    before = finished(subject)
    for answer in often(subject, "large.example.com.", "A", over="tcp"):
        assert len(answer.values("A")) == 99
    assert finished(subject) >= before + 6


def test_reloads_under_questions_never_mix_old_and_new(site, start):
    subject = start(workers=2)
    prefixes = ("2001:db8:a::", "2001:db8:b::")
    stop = threading.Event()
    wrong = []

    def ask():
        while not stop.is_set():
            values = subject.query("v4.example.com.", "AAAA").values("AAAA")
            if len(values) != 1 or not values[0].startswith(("2001:db8:64::", *prefixes)):
                wrong.append(values)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        prefix = prefixes[turn % 2]
        subject.reload({"dns64": {"prefixes": [prefix + "/96"]}})
        # Who asks after the reload is told the new one, by whichever worker.
        for answer in often(subject, "v4.example.com.", "AAAA", 12):
            assert answer.values("AAAA") == [prefix + "c000:221"]
    stop.set()
    for thread in threads:
        thread.join(scaled(10))
    assert not wrong


def test_memory_of_finished_answers_is_within_its_share(site, start):
    site.edit("example.com.", add="*.many 600 A 192.0.2.7")
    subject = start(workers=1, cache={"size": "16MiB"})
    share = subject.status()["answers"]["capacity"]
    assert share == 16 * 2**20 // 8
    for _ in range(3):
        load.run(subject.listen[0][0], [(f"n{i}.many.example.com.", "A") for i in range(3000)])
    # Not all of them: two that are remembered in the same place drive each other out.
    wait_until(lambda: subject.status()["answers"]["entries"] > 1500, 5, "finished answers")
    assert subject.status()["answers"]["bytes"] <= share
