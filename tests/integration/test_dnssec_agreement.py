"""resolve64, Unbound and delv side by side over every zone of the table: secure, insecure or bogus.

Unbound asks the authorities itself. delv asks resolve64, with CD, and validates what that passes on. Where one of
them differs it is in DIFFERENCES, with the reason, and in docs/dnssec-differences.md.
"""

import random

import pytest

from support.resolver import REPOSITORY, Resolver
from support.signed_cases import BOGUS, CASES, INSECURE, SECURE
from support.validators import Delv, ValidatingUnbound, verdict

WORST = {SECURE: 0, INSECURE: 1, BOGUS: 2}
DENIALS = ("AAAA", "NODATA", "NXDOMAIN", "WILD", "ALIAS")

# (zone, validator): (questions, or None for all; its verdict; the section that leaves the choice or takes it)
DIFFERENCES = {
    ("nsec3-51", "unbound"): (DENIALS, SECURE, "RFC 9276 section 3.2"),
    ("nsec3-51", "delv"): (DENIALS, SECURE, "RFC 9276 section 3.2"),
    ("just-expired", "delv"): (None, BOGUS, "RFC 4035 section 5.3.1"),
    ("two-signatures-one-spoilt", "delv"): (("A", "AAAA", "NATIVE", "WILD"), BOGUS, "RFC 6840 section 5.4"),
    ("opt-out", "delv"): (("NXDOMAIN",), SECURE, "RFC 5155 section 9.2"),
    ("ds-sha2-wrong", "unbound"): (None, SECURE, "RFC 4509 section 3"),
    ("revoked-key", "unbound"): (None, SECURE, "RFC 5011 section 2.1"),
}


@pytest.fixture(scope="module")
def validators(signed_internet, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("agreement")
    subject = Resolver(folder, signed_internet.config(cache={"aggressive_nsec": False}, dns64={"enabled": False}),
                       [{"address": network.ipv4(), "port": 53}])
    unbound = ValidatingUnbound(signed_internet, network.ipv4())
    try:
        subject.start()
        yield subject, unbound, Delv(signed_internet, subject.listen[0][0], folder)
    finally:
        unbound.close()
        subject.stop()


def expected(case, question, who):
    questions, other, _ = DIFFERENCES.get((case.id, who), ((), None, None))
    if other is not None and (questions is None or question in questions):
        return other
    return case.question(question)[3].kind


# Covers: SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-13, SEC-16, SEC-20, SEC-25, SEC-30
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_agreement(validators, case):
    subject, unbound, delv = validators
    wrong = []
    for question in case.questions:
        name, rtype, _, _ = case.question(question)
        # A synthesized answer rests on two: the denial of AAAA, and A.
        types = ("AAAA", "A") if question in ("AAAA", "WILD", "ALIAS") else (rtype,)
        found = {
            "resolve64": [verdict(subject.query(name, t, do=True)) for t in types],
            "unbound": [verdict(unbound.ask(name, t)) for t in types],
            "delv": [delv.ask(name, t)[0] for t in types],
        }
        for who, verdicts in found.items():
            worst = max(verdicts, key=WORST.get)
            if worst != expected(case, question, who):
                wrong.append(f"{name} {rtype}: {who} says {worst}, expected {expected(case, question, who)}")
    assert not wrong, "\n".join(wrong)


def test_every_difference_is_explained():
    page = (REPOSITORY / "docs/dnssec-differences.md").read_text()
    known = {case.id for case in CASES}
    for (zone, who), (_, _, section) in DIFFERENCES.items():
        assert zone in known
        rows = [line for line in page.splitlines() if line.startswith("|") and f"`{zone}`" in line]
        assert any(who in row.lower() and section in row for row in rows), f"{zone}, {who}: {section}"


PREFIXES = ["", "a4.", "v4.", "v6.", "dual.", "text.", "mail.", "www.", "x.www.", "ent.", "deep.ent.", "a.deep.ent.",
            "b.ent.", "wild.", "x.wild.", "y.x.wild.", "*.wild.", "host.wild.", "x.host.wild.", "alias.", "q.alias.",
            "*.", "zz."] + [f"n{index}." for index in range(12)]
TYPES = ["A", "AAAA", "MX", "TXT", "DS", "NS", "SOA", "DNSKEY", "CNAME", "DNAME"]
HONEST = ["alg13-nsec.example.", "child.alg13-nsec.example.", "alg15-nsec.example.", "nsec3-1.example.",
          "alg14-nsec3.example.", "opt-out.example.", "plain.opt-out.example.", "signed.com.", "plain.com.",
          "signed.org.", "plain.org.", "unsigned.example.", "x.y.deepcut.example.", "y.deepcut.example.", "example.",
          "com.", "org."]


def told(response):
    """What a response says, without what is left to the server: order, TTLs, proofs, SOA of another cut."""
    answer = {(owner, rtype, value) for owner, _, rtype, value in response.answer() if rtype != "RRSIG"}
    return response.rcode, "AD" in response.flags, sorted(answer)


# Covers: CAC-08, CAC-09, CAC-10, SEC-20, SEC-21, SEC-22, SEC-23, SEC-26
@pytest.mark.parametrize("seed", range(4))
def test_random_questions_get_the_same_answer_with_aggressive_denials_without_and_from_unbound(
        signed_internet, validators, network, tmp_path, seed):
    plain, unbound, _ = validators
    eager = Resolver(tmp_path, signed_internet.config(dns64={"enabled": False}),
                     [{"address": network.ipv4(), "port": 53}])
    chance = random.Random(seed)
    questions = [(chance.choice(PREFIXES) + chance.choice(HONEST), chance.choice(TYPES)) for _ in range(400)]
    eager.start()
    try:
        for index, (name, rtype) in enumerate(questions):
            answers = [told(asked(name, rtype, do=True)) for asked in (eager.query, plain.query, unbound.ask)]
            assert answers[0] == answers[1] == answers[2], \
                f"question {index} of seed {seed}, {name} {rtype}: aggressive, plain, Unbound:\n{answers}"
    finally:
        eager.stop()
