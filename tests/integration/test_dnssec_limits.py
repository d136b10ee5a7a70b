"""What validation may cost: zones that try to make it cost more, and what others feel of them meanwhile."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import figures, keytrap, load
from support.figures import milliseconds, percentile, timed
from support.keytrap import A, ALGORITHMS, DNSKEY, Chain
from support.net import SCALE, scaled

COUNT = 100
CPU_MS = 25 * SCALE     # a question: sixteen verifications of the worst algorithm are some fifteen
POLITE = "v4.example.com."
TESTS = Path(__file__).parents[1]


@pytest.fixture
def chain(world):
    """Root, com. and example.com., signed."""
    return Chain(world)


@pytest.fixture
def begin(chain, start):
    """Starts a resolver that trusts the root's key, and knows the keys of com. and example.com."""
    def go(**changes):
        subject = start(**chain.config(**changes))
        answer = subject.query(POLITE, "A", do=True)
        assert answer.values("A") == ["192.0.2.33"] and "AD" in answer.flags, answer
        chain.world.forget()
        return subject
    return go


def cpu_seconds(subject):
    """CPU time that the resolver has used until now, in user and system mode."""
    try:    # in nanoseconds, where the kernel counts them
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{subject.pid}/task").glob("*/schedstat")
                   ) / 1e9 or ticks(subject)
    except OSError:
        return ticks(subject)


def ticks(subject):
    """The same from coarser counters."""
    stat = Path(f"/proc/{subject.pid}/stat").read_text()
    user, system = stat[stat.rindex(")") + 2:].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


# --- the zones ---

def keytrap_zone(chain, algorithm):
    """Sound keys among which a hundred have one tag, and answers with a hundred signatures of that tag."""
    zone = chain.zone("trap.com.", "good A 192.0.2.50")
    zone.keys = [zone.key, *keytrap.colliding_keys(algorithm, 4711, COUNT)]
    signatures = keytrap.worthless_signatures(zone, A, algorithm, 4711, COUNT, 3)
    zone.server.on(keytrap.worthless_answers(signatures), type="A", below="trap.com.",
                   when=lambda query: query.labels[0] not in (b"good", b"ns1", b"trap"))
    return zone


def dnskey_trap_zone(chain):
    """The keys themselves have a hundred signatures by keys of the tag that the DS record names."""
    zone = chain.zone("trap.com.")
    zone.keys = [zone.key, *keytrap.colliding_keys("ECDSAP256SHA256", zone.tag, COUNT)]
    signatures = keytrap.worthless_signatures(zone, DNSKEY, "ECDSAP256SHA256", zone.tag, COUNT, 2)
    zone.server.on(keytrap.worthless_keys(zone, signatures), type="DNSKEY")
    return zone


def hashtrap_zone(chain):
    """A hundred DS records and a hundred keys, all of one tag."""
    keys = keytrap.colliding_keys("ECDSAP256SHA256", 4711, 2 * COUNT)
    zone = chain.zone("trap.com.", ds=[keytrap.digest_rdata((b"trap", b"com"), key, ALGORITHMS["ECDSAP256SHA256"])
                                       for key in keys[COUNT:]])
    zone.keys = keys[:COUNT]
    signatures = keytrap.worthless_signatures(zone, DNSKEY, "ECDSAP256SHA256", 4711, COUNT, 2)
    zone.server.on(keytrap.worthless_keys(zone, signatures), type="DNSKEY")
    return zone


def malformed_zone(chain):
    """As the first, with keys that are none."""
    zone = chain.zone("trap.com.", "good A 192.0.2.50")
    zone.keys = [zone.key, *keytrap.malformed_keys("ECDSAP256SHA256", 4711, COUNT)]
    signatures = keytrap.worthless_signatures(zone, A, "ECDSAP256SHA256", 4711, COUNT, 3)
    zone.server.on(keytrap.worthless_answers(signatures), type="A", below="trap.com.",
                   when=lambda query: query.labels[0] not in (b"good", b"ns1", b"trap"))
    return zone


def padded_zone(chain):
    """Denials of two hundred NSEC3 records, signed well, of which none is about the name."""
    zone = chain.zone("trap.com.", "good A 192.0.2.50", iterations=0)
    zone.server.on(keytrap.padded_denial(zone, 2 * COUNT), below="trap.com.",
                   when=lambda query: query.labels[0].startswith(b"n") and query.labels[0] != b"ns1")
    return zone


TRAPS = {
    "keytrap-p256": lambda chain: keytrap_zone(chain, "ECDSAP256SHA256"),
    "keytrap-p384": lambda chain: keytrap_zone(chain, "ECDSAP384SHA384"),
    "keytrap-ed25519": lambda chain: keytrap_zone(chain, "ED25519"),
    "keytrap-rsa4096": lambda chain: keytrap_zone(chain, "RSASHA256"),
    "dnskey": dnskey_trap_zone,
    "hashtrap": hashtrap_zone,
    "malformed": malformed_zone,
    "padded-denial": padded_zone,
}
SPOTLESS = ("keytrap-p256", "keytrap-p384", "keytrap-ed25519", "keytrap-rsa4096", "malformed", "padded-denial")


def row(trap):
    """KeyTrap is a row of lessons.md, its relatives are not."""
    return "F13" if trap.startswith("keytrap") else "work"


@pytest.fixture(params=TRAPS)
def trap(request, chain):
    """The name of the trap that trap.com. is."""
    TRAPS[request.param](chain)
    return request.param


# --- one question ---

# Covers: SEC-40, SEC-41, SEC-42, SEC-43, ATK-17, ATK-19, ATK-20, EDE-05
def test_a_trap_is_servfail_with_a_reason(trap, begin):
    subject = begin()
    answer = subject.query("n0.trap.com.", "A", do=True)
    assert answer.rcode == "SERVFAIL" and not answer.answer(), answer
    assert answer.ede and answer.ede_text, answer
    assert "AD" not in answer.flags


# Covers: SEC-08
@pytest.mark.parametrize("trap", SPOTLESS, indirect=True)
def test_what_is_signed_well_in_the_same_zone_is_secure(trap, begin):
    """So it is the limits that the other tests meet, and not a zone that is broken anyway."""
    subject = begin()
    answer = subject.query("good.trap.com.", "A", do=True)
    assert answer.values("A") == ["192.0.2.50"] and "AD" in answer.flags, answer


# Covers: SEC-43, LIM-03, CAC-05, SEC-45
def test_a_trap_costs_few_queries_and_none_on_a_repeat(chain, trap, begin):
    subject = begin()
    assert subject.query("n0.trap.com.", "A", edns=1232).rcode == "SERVFAIL"
    assert len(chain.world.log) <= 12, chain.world.authority.dump()
    chain.world.forget()
    before = cpu_seconds(subject)
    again = [subject.query("n0.trap.com.", "A", edns=1232) for _ in range(50)]
    assert {answer.rcode for answer in again} == {"SERVFAIL"}
    assert not chain.world.log, chain.world.authority.dump()
    assert cpu_seconds(subject) - before <= 50 * 0.002 * SCALE
    assert all(answer.ede for answer in again)


# Covers: SEC-43
def test_a_client_that_checks_by_itself_gets_what_there_is_without_any_of_that_work(trap, begin):
    subject = begin()
    before = cpu_seconds(subject)
    answers = [subject.query(f"n{i}.trap.com.", "A", do=True, cd=True, over="tcp") for i in range(20)]
    assert {answer.rcode for answer in answers} <= {"NOERROR", "NXDOMAIN"}
    assert cpu_seconds(subject) - before <= 20 * 0.01 * SCALE


# --- NSEC3 ---

def deep(count, zone="trap.com."):
    """A name of so many labels."""
    return ".".join(["a"] * (count - 2)) + "." + zone


# Covers: SEC-30, SEC-31, SEC-32, ATK-18
@pytest.mark.parametrize("minimization", ["relaxed", "off"])
def test_many_iterations_are_insecure_at_once(chain, begin, minimization):
    chain.zone("trap.com.", "good A 192.0.2.50", iterations=2500)
    subject = begin(upstream={"qname_minimization": minimization})
    before = cpu_seconds(subject)
    for number in range(20):
        answer = subject.query(f"{number}.{deep(110)}", "A", do=True, over="tcp")
        assert answer.rcode == "NXDOMAIN" and "AD" not in answer.flags, answer
        assert 27 in answer.ede, answer
    cost = (cpu_seconds(subject) - before) / 20
    figures.record("work", f"NSEC3, 2500 iterations, names of 111 labels, QNAME minimization {minimization}: "
                   f"CPU {milliseconds(cost)} a question")
    assert cost * 1000 <= CPU_MS


# Covers: SEC-32, ATK-18
@pytest.mark.parametrize("iterations", [50, 2500])
def test_referrals_to_unsigned_zones_are_within_the_limit_too(chain, begin, iterations):
    parent = chain.zone("trap.com.", iterations=iterations)
    below = chain.world.new_server()
    parent.add(f"ns9 A {below.address}\n" + "\n".join(f"d{i} NS ns9.trap.com." for i in range(20)))
    for number in range(20):
        below.zone(f"d{number}.trap.com.", "@ NS ns9.trap.com.\n*.w A 192.0.2.60")
    subject = begin()
    before = cpu_seconds(subject)
    for number in range(20):
        answer = subject.query(f"{deep(100, f'w.d{number}.trap.com.')}", "A", do=True, over="tcp")
        assert answer.values("A") == ["192.0.2.60"] and "AD" not in answer.flags, answer
    cost = (cpu_seconds(subject) - before) / 20
    figures.record("work", f"NSEC3, {iterations} iterations in 20 referrals: CPU {milliseconds(cost)} a question")
    assert cost * 1000 <= CPU_MS


# Covers: SEC-30, SEC-43, ATK-18
@pytest.mark.parametrize("minimization", ["relaxed", "off"])
def test_names_of_many_labels_under_allowed_iterations_stay_within_the_limit(chain, begin, minimization):
    chain.zone("trap.com.", "good A 192.0.2.50", iterations=50)
    subject = begin(upstream={"qname_minimization": minimization})
    before = cpu_seconds(subject)
    for number in range(20):
        answer = subject.query(f"{number}.{deep(110)}", "A", do=True, over="tcp")
        secure = answer.rcode == "NXDOMAIN" and "AD" in answer.flags
        assert secure or answer.rcode == "SERVFAIL" and answer.ede, answer
    cost = (cpu_seconds(subject) - before) / 20
    figures.record("work", f"NSEC3, 50 iterations, names of 111 labels, QNAME minimization {minimization}: "
                   f"CPU {milliseconds(cost)} a question")
    assert cost * 1000 <= CPU_MS


# --- many questions, and what others feel ---

# Covers: F13, ATK-17, ATK-19, ATK-20, SEC-40, SEC-41, SEC-43
@pytest.mark.figure
def test_the_cpu_time_of_a_trap_is_bounded(chain, trap, begin):
    subject = begin()
    count = 300 if timed() else 60
    before = cpu_seconds(subject)
    outcomes = load.run(subject.listen[0][0], [(f"n{i}.trap.com.", "A") for i in range(count)], window=4, timeout=20)
    cost = (cpu_seconds(subject) - before) / count
    before = cpu_seconds(subject)
    load.run(subject.listen[0][0], [(f"n{i}.example.com.", "A") for i in range(count)], window=4, timeout=20)
    usual = (cpu_seconds(subject) - before) / count
    figures.record(row(trap), f"{trap}: CPU {milliseconds(cost)} a question, {milliseconds(usual)} in a good zone; "
                   f"upstream queries {len(chain.world.queries(below='trap.com.')) / count:.1f} a question")
    assert {outcome.rcode for outcome in outcomes} == {2}
    assert cost * 1000 <= CPU_MS


# Of the time that an answer takes, the waiting for a core is the machine's share.
PATIENT = """
import json, sys
from support import cores, load
address, count, rate, name, pid = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5]
waits = cores.Waits(pid)
print("ready", flush=True)
sys.stdin.readline()
outcomes = load.run(address, [(name, "A")] * count, rate=rate, timeout=5, aside=waits.seconds)
print(json.dumps([(outcome.seconds, max(0, outcome.seconds - outcome.aside)) if outcome.good else None
                  for outcome in outcomes]))
"""


class PatientClient:
    """Somebody else, in a process of its own: asks one cached question over and over, 200 times a second."""

    def __init__(self, subject, seconds):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PATIENT, subject.listen[0][0], str(200 * seconds), "200", POLITE,
             str(subject.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS,
            env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"})
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def seconds(self):
        """How long each answer took, and how long without the waiting for a core; none was lost."""
        output, _ = self.process.communicate(timeout=scaled(60))
        times = json.loads(output)
        assert None not in times, f"{times.count(None)} of {len(times)} cached answers were lost"
        return [list(column) for column in zip(*times)]


# Covers: F13, SEC-44, ATK-17, ATK-18, ATK-19
@pytest.mark.figure
@pytest.mark.parametrize("trap", ["keytrap-p384", "keytrap-rsa4096", "padded-denial", "hashtrap"], indirect=True)
def test_others_do_not_feel_a_trap_that_is_asked_for_a_hundred_times_a_second(chain, trap, begin):
    subject, spared = begin(), begin()
    seconds = 4

    def attack(mark):
        load.run(subject.listen[0][0], [(f"n{mark}x{i}.trap.com.", "A") for i in range(100 * seconds)], rate=100,
                 timeout=2)

    def attempt(mark):
        """Times of cached answers: of the resolver under attack, and of one that is left alone meanwhile."""
        chain.world.forget()
        clients = [PatientClient(which, seconds - 1) for which in (subject, spared)]
        attacker = threading.Thread(target=attack, args=(mark,))
        attacker.start()
        for client in clients:
            client.go()
        times = [client.seconds() for client in clients]
        attacker.join()
        assert trap == "hashtrap" or chain.world.count(below="trap.com.") > 100, "the trap was not walked into"
        return times

    def near(share):
        """Under 5 ms; more where the machine keeps even those waiting who have nothing to wait for."""
        return percentile(felt, share) < max(0.005, 10 * percentile(felt_alone, share)) * SCALE

    for number in range(3):
        (attacked, felt), (alone, felt_alone) = attempt(number)
        if near(50) and near(99):
            break
    figures.record(row(trap), f"{trap}, 100 questions a second: cached answers for somebody else "
                   f"p50 {milliseconds(percentile(attacked, 50))}, p99 {milliseconds(percentile(attacked, 99))} "
                   f"(without the trap {milliseconds(percentile(alone, 99))}), none lost")
    assert near(50) and near(99)
