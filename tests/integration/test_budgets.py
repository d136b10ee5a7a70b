"""What a single question may cost: each of these zones tries to make it cost more."""

import threading

import pytest

from support import behave, load
from support.net import scaled

HARD_LIMIT = 100        # LIM-03


def cost(world, subject, name, rtype="A", victim=None):
    """(response, upstream queries that the question caused)"""
    world.forget()
    answer = subject.query(name, rtype, timeout=15, edns=1232)
    return answer, world.count(server=victim) if victim else len(world.log)


# Covers: ATK-09, LIM-02
def test_a_referral_with_a_hundred_glueless_servers_spares_the_victim(site, start):
    victim = site.zone("victim.com.")
    site.zone("attack.com.")
    site.servers["attack.com."][0].on(behave.answers(lambda q: (
        "", "\n".join(f"sub.attack.com. 300 NS {q.labels[0].decode()}-{i}.victim.com." for i in range(100)), "")
        if len(q.labels) > 2 and q.labels[-3] == b"sub" else None), below="sub.attack.com.")
    subject = start(upstream={"timeout": "5s"})
    subject.query("warm.victim.com.", "A")
    answer, queries = cost(site, subject, "x.sub.attack.com.", victim=victim)
    assert answer.rcode == "SERVFAIL"
    assert queries <= 20, site.authority.dump()


# Covers: ATK-10, LIM-02
def test_a_referral_with_1500_servers_is_bounded_in_time_and_queries(site, start):
    attack = site.zone("attack.com.")
    names = [f"n{i}.dead.com." for i in range(1500)]
    attack.on(behave.truncate(), below="sub.attack.com.")
    attack.on(behave.refer("sub.attack.com.", names), below="sub.attack.com.", transport="tcp")
    subject = start(upstream={"timeout": "4s"})
    answer, queries = cost(site, subject, "x.sub.attack.com.")
    assert answer.rcode == "SERVFAIL" and answer.seconds < scaled(5)
    assert queries <= HARD_LIMIT


# Covers: LIM-01
@pytest.mark.parametrize("links, rcode", [(8, "NOERROR"), (11, "NOERROR"), (12, "SERVFAIL"), (40, "SERVFAIL")])
def test_a_chain_of_aliases_has_eleven_records_at_most(site, start, links, rcode):
    site.edit("example.com.", add="\n".join(f"c{i} CNAME c{i + 1}" for i in range(links)) + f"\nc{links} A 192.0.2.1")
    answer = start().query("c0.example.com.", "A")
    assert answer.rcode == rcode
    assert len(answer.answer()) <= 12


# Covers: LIM-01, ATK-12
def test_a_chain_of_aliases_over_two_zones_counts_as_one(site, start):
    for here, there in (("com", "net"), ("net", "com")):
        site.edit(f"example.{here}.", add="\n".join(
            f"c{i} CNAME c{i + 1}.example.{there}." for i in range(60)))
    subject = start()
    answer, queries = cost(site, subject, "c0.example.com.")
    assert answer.rcode == "SERVFAIL" and queries <= HARD_LIMIT
    _, again = cost(site, subject, "c0.example.com.")
    assert again == 0


# Covers: ATK-12, LIM-03, F11
def test_chains_minimization_and_fan_out_together_stay_within_the_hard_limit(site, start):
    attack = site.zone("camp.com.", "ns A 127.0.0.9")
    labels = ".".join(f"l{i}" for i in range(9))

    def camp(query):
        if query.type not in ("A", "AAAA") or len(query.labels) < 11:
            return None
        number = int(query.labels[0][1:]) if query.labels[0][1:].isdigit() else 0
        return (f"{query.name} 0 CNAME c{number + 1}.{labels}.camp.com.", "", "")
    attack.on(behave.answers(camp))
    site.edit("camp.com.", add=f"x.{labels} TXT x")     # the names between exist
    subject = start(upstream={"timeout": "5s"})
    answer, queries = cost(site, subject, f"c0.{labels}.camp.com.")
    assert answer.rcode == "SERVFAIL" and queries <= HARD_LIMIT


# Covers: LIM-03
def test_sub_queries_count_against_the_question_that_caused_them(site, start):
    """Each name server's name lies in a zone whose name servers' names lie in such zones in turn."""
    nest = site.zone("nest.com.")

    def nested(query):
        if len(query.labels) < 3:
            return None
        child = ".".join(label.decode() for label in query.labels[-3:])
        head = query.labels[-3].decode()
        return ("", "\n".join(f"{child}. 300 NS ns.{head}{i}.nest.com." for i in range(6)), "")
    nest.on(lambda c: behave.reply(*nested(c.query), aa=False)(c) if nested(c.query) else False)
    subject = start(upstream={"timeout": "5s"})
    answer, queries = cost(site, subject, "x.z.nest.com.")
    assert answer.rcode == "SERVFAIL"
    assert queries <= HARD_LIMIT, site.authority.dump()


# Covers: LIM-03, D64-30
def test_the_a_lookup_of_dns64_shares_the_budget(site, start):
    attack = site.zone("both.com.")
    attack.on(behave.answers(lambda q: (f"{q.name} 0 CNAME n{len(site.log)}.both.com.", "", "")
                             if len(q.labels) > 2 and q.labels[0] != b"ns1" else None))
    subject = start(upstream={"timeout": "5s"})
    answer, queries = cost(site, subject, "x.both.com.", "AAAA")
    assert answer.rcode == "SERVFAIL" and queries <= HARD_LIMIT


# Covers: LIM-05, ATK-14
def test_a_flood_towards_a_dead_zone_leaves_others_alone(site, com, start):
    site.zone("dead.com.", servers=2)
    for server in site.servers["dead.com."]:
        server.on(behave.silence())
    subject = start(upstream={"timeout": "3s"})
    subject.query("text.example.com.", "TXT")
    flood = threading.Thread(target=load.run, args=(subject.listen[0][0],
                             [(f"n{i}.dead.com.", "A") for i in range(2000)]),
                             kwargs={"window": 400, "timeout": 4})
    flood.start()
    site.edit("example.com.", add="*.polite A 192.0.2.1")
    polite = [subject.query(f"n{i}.polite.example.com.", "A") for i in range(50)]
    flood.join()
    assert all(answer.rcode == "NOERROR" for answer in polite)
    asked = site.count(below="dead.com.")
    assert asked <= 2000, f"{asked} queries to a dead zone for 2000 questions"


# Covers: LIM-09
def test_more_questions_in_flight_than_allowed_are_answered_with_an_error_not_kept(site, com, start):
    com.on(behave.silence(), below="w.example.com.")
    subject = start(limits={"inflight": 50}, upstream={"timeout": "3s"})
    outcomes = load.run(subject.listen[0][0], [(f"n{i}.w.example.com.", "A") for i in range(300)],
                        window=300, timeout=6)
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert not any(outcome.good for outcome in outcomes)
