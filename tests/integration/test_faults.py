"""The rows F of lessons.md that need no validation: each prints its figure and holds its bound."""

import random
import socket
import threading
import time

import pytest

from support import behave, figures, load
from support.client import Response, make_query, udp_exchange
from support.figures import milliseconds, percentile, timed
from support.net import scaled, wait_until
from support.world import World

pytestmark = pytest.mark.figure


class Field:
    """A world in which the root, com. and `zones` zones below it have two servers each."""

    def __init__(self, world, zones):
        self.world = world
        second_root = world.new_server()
        second_root.serve(world.zone_of("."))
        world.edit(".", add=f"@ 3600 NS b.root.\nb.root. 3600 A {second_root.address}")
        world.servers["."].append(second_root)
        world.zone("com.", servers=2)
        self.levels = [world.servers["."], world.servers["com."]]
        self.zones = []
        for number in range(zones):
            world.zone(f"z{number}.com.", "*.w 300 A 192.0.2.1", servers=2)
            self.zones.append(f"z{number}.com.")
            self.levels.append(world.servers[f"z{number}.com."])

    def every(self, behaviour, which=(0, 1), transport=None):
        """The rules that were added: `behaviour(seed)` at server number `which` of every level."""
        return [servers[number].on(behaviour(seed * 2 + number), transport=transport)
                for seed, servers in enumerate(self.levels) for number in which]

    def hints(self):
        return [{"name": name, "addresses": [server.address]}
                for name, server in zip(("a.root.", "b.root."), self.levels[0])]

    def questions(self, count, mark):
        return [(f"{mark}{i}.w.{self.zones[i % len(self.zones)]}", "A") for i in range(count)]


@pytest.fixture
def field(world: World):
    return lambda zones: Field(world, zones)


def tell(row, outcomes, more=""):
    seconds = [outcome.seconds for outcome in outcomes if outcome.good]
    figures.record(row, f"{len(outcomes)} questions, answered {len(seconds)}, "
                   f"p50 {milliseconds(percentile(seconds, 50))}, p99 {milliseconds(percentile(seconds, 99))}{more}")
    return percentile(seconds, 50), percentile(seconds, 99), len(outcomes) - len(seconds)


# Covers: F1
def test_loss_of_forty_percent_upstream_loses_no_question(field, start):
    made = field(60)
    # Over TCP the kernel sends again what is lost.
    made.every(lambda seed: behave.drop(0.4, seed), transport="udp")
    subject = start(root_hints=made.hints())
    outcomes = load.run(subject.listen[0][0], made.questions(2000, "n"), window=100, timeout=15)
    _, p99, lost = tell("F1", outcomes, ", upstream loss 40 %")
    assert lost == 0
    assert p99 < 2.5 or not timed()


# Covers: F2
def test_a_dead_server_in_every_zone_is_hardly_felt(field, start):
    made = field(60)
    made.every(lambda seed: behave.silence(), which=(0,))
    subject = start(root_hints=made.hints())
    outcomes = load.run(subject.listen[0][0], made.questions(1200, "n"), window=40, timeout=15)
    p50, _, lost = tell("F2", outcomes, ", one of two servers of every zone dead")
    assert lost == 0
    assert p50 < 0.05 or not timed()


# Covers: F3
@pytest.mark.parametrize("kind", ["garbage", "lame"])
def test_garbage_and_lame_servers_lose_no_question(field, start, kind):
    made = field(40)
    if kind == "garbage":
        made.every(lambda seed: behave.sometimes(0.5, behave.garbage(seed), seed))
    else:
        kinds = ("refused", "servfail", "empty", "upward")
        made.every(lambda seed: behave.lame(kinds[seed // 2 % 4]), which=(0,))
    subject = start(root_hints=made.hints())
    outcomes = load.run(subject.listen[0][0], made.questions(1000, "n"), window=40, timeout=15)
    _, _, lost = tell("F3", outcomes, f", half of the replies {kind}")
    assert lost == 0


# Covers: F4
def test_mutated_replies_at_every_level_leave_what_the_second_server_gives(field, start):
    made = field(30)
    rules = made.every(behave.mutate, which=(0,))
    subject = start(root_hints=made.hints())
    address = subject.listen[0][0]
    outcomes = load.run(address, made.questions(600, "n"), window=30, timeout=15)
    good = sum(outcome.good for outcome in outcomes)
    failed = sum(outcome.rcode in (-1, 2) for outcome in outcomes)
    for rule in rules:
        rule.stop()
    healed = time.monotonic()

    def well():
        again = load.run(address, made.questions(60, f"m{time.monotonic_ns()}x"), window=30, timeout=10)
        return all(outcome.good for outcome in again)
    wait_until(well, 20, "all questions answered again", every=0.5)
    recovery = time.monotonic() - healed
    figures.record("F4", f"600 questions with one of two servers of every level mutating its replies: right {good}, "
                   f"failed {failed}; all well {recovery:.1f} s after the servers are")
    # A mutated reply may still be a valid one that says something else; that is not a failure to answer.
    assert failed <= 6
    assert good >= 540
    assert recovery < 10 or not timed()


# Covers: F10
def test_nxns_and_huge_ns_sets_cost_little(site, start):
    attack = site.zone("attack.com.")
    victim = site.zone("victim.com.")
    attack.on(behave.answers(lambda q: (
        "", "\n".join(f"{q.labels[-3].decode()}.attack.com. 300 NS {random.getrandbits(40):x}.victim.com."
                      for _ in range(60)), "") if len(q.labels) > 2 else None))
    subject = start(upstream={"timeout": "4s"})
    subject.query("warm.victim.com.", "A")
    site.forget()
    load.run(subject.listen[0][0], [(f"x.s{i}.attack.com.", "A") for i in range(50)], window=5, timeout=10)
    nxns = len(site.log) / 50
    harm = site.count(server=victim) / 50

    attack.rules = []
    names = [f"n{i}.dead.com." for i in range(1500)]
    attack.on(behave.truncate(), below="huge.attack.com.")
    attack.on(behave.refer("huge.attack.com.", names), below="huge.attack.com.", transport="tcp")
    site.forget()
    load.run(subject.listen[0][0], [(f"x{i}.huge.attack.com.", "A") for i in range(50)], window=1, timeout=10)
    huge = len(site.log) / 50
    figures.record("F10", f"upstream queries a client question: NXNS {nxns:.1f} ({harm:.1f} at the victim); "
                   f"1500 NS {huge:.1f}")
    assert nxns <= 10
    assert huge <= 2


# Covers: F11, ATK-12
def test_camp_like_chains_cost_twenty_queries_and_none_on_a_repeat(site, start):
    attack = site.zone("camp.com.")

    def camp(query):
        labels = [label.decode() for label in query.labels]
        if len(labels) < 10 or query.type not in ("A", "AAAA"):
            return None
        number = int(labels[0][1:]) + 1
        deep = ".".join(f"l{number}x{i}" for i in range(8))
        return (f"{query.name} 0 CNAME c{number}.{deep}.camp.com.", "", "")
    attack.on(behave.answers(camp))
    attack.on(behave.reply(authority="camp.com. 60 SOA ns1.camp.com. h.camp.com. 1 2 3 4 60"), below="camp.com.",
              when=lambda q: 2 < len(q.labels) < 10 and q.labels[0] != b"ns1")
    subject = start(upstream={"timeout": "5s"})
    name = "c0." + ".".join(f"l0x{i}" for i in range(8)) + ".camp.com."
    subject.query("camp.com.", "SOA")
    site.forget()
    assert subject.query(name, "A", timeout=12).rcode == "SERVFAIL"
    first = len(site.log)
    site.forget()
    subject.query(name, "A", timeout=12)
    repeat = len(site.log)
    figures.record("F11", f"upstream queries for a CAMP-like chain: {first}, on a repeat {repeat}")
    assert first <= 20
    assert repeat == 0


# Covers: F12, CAC-05
def test_the_same_failing_question_again_costs_nothing(site, com, start):
    com.on(behave.silence(), below="w.example.com.")
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start(upstream={"timeout": "2s"})
    subject.query("x.w.example.com.", "A")
    site.forget()
    for _ in range(5):
        assert subject.query("x.w.example.com.", "A").rcode == "SERVFAIL"
    repeated = site.count(below="w.example.com.")
    figures.record("F12", f"upstream queries for five repeats of a failing question: {repeated}")
    assert repeated == 0


# Covers: F14, ATK-05, REC-04
@pytest.mark.parametrize("rtype", ["A", "AAAA"])
def test_a_hundred_clients_with_one_cold_question_are_all_answered(site, start, rtype):
    for servers in site.servers.values():
        for server in servers:
            server.on(behave.delay(0.03))
    subject = start()
    subject.query("localhost.", "A")
    outcomes = [None] * 100
    gate = threading.Barrier(10)

    def ask(number):
        gate.wait()
        outcomes[number * 10:number * 10 + 10] = load.run(
            subject.listen[0][0], [("v4.example.com.", rtype)] * 10, window=10, timeout=10)
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answered = sum(outcome.good for outcome in outcomes)
    figures.record("F14", f"100 clients, one cold {rtype} question: answered {answered}, "
                   f"upstream queries {len(site.log)}")
    assert answered == 100
    assert len(site.log) <= 9
    assert site.count("v4.example.com.", rtype) == 1


def served(subject):
    """Waits until a polite client is answered: what was sent before has then been dealt with."""
    def answered():
        reply = udp_exchange(*subject.listen[0], make_query("v4.example.com.", "A"), 0.5)
        return reply is not None and Response(reply).values("A") == ["192.0.2.33"]
    wait_until(answered, 20, "an answer to a polite client")


# Covers: F16
def test_malformed_queries_do_not_grow_memory(site, start):
    subject = start()
    subject.query("v4.example.com.", "A")
    chance = random.Random(16)
    good = make_query("v4.example.com.", "A")
    pool = []
    for _ in range(3000):
        kind = chance.random()
        if kind < 0.3:
            pool.append(chance.randbytes(chance.randint(0, 60)))
        elif kind < 0.6:
            pool.append(good[:chance.randint(1, len(good) - 1)])
        elif kind < 0.8:
            mutated = bytearray(good)
            mutated[chance.randrange(2, 12)] ^= 1 << chance.randrange(8)
            pool.append(bytes(mutated[:-1]))
        else:
            pool.append(good[:12] + chance.randbytes(chance.randint(5, 300)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(subject.listen[0])

        def send(count):
            for number in range(count):
                try:
                    sock.send(pool[number % len(pool)])
                except OSError:
                    pass
        send(20000)
        served(subject)
        before = subject.resident()
        count = 300000 if timed() else 60000
        send(count)
        served(subject)
        growth = subject.resident() - before
    stats = subject.stats()
    figures.record("F16", f"{count} malformed UDP queries: memory {growth / 1048576:+.1f} MB, "
                   f"{stats['malformed']} counted")
    assert stats["malformed"] > 1000
    assert growth < 4 << 20 or not timed()
    assert subject.query("dual.example.com.", "A").seconds < scaled(1)
