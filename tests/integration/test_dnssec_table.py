"""Every good and every broken zone, every question, with and without DO and CD, cold and then cached.

The rows, and what validation must find in each, are in tests/support/signed_cases.py. What follows for the client
is here: requirements A.4 rows 1 to 10 and C.5.
"""

import ipaddress

import pytest

from support.resolver import Resolver
from support.signed_cases import BOGUS, CASES, QUESTIONS, SECURE

PREFIX = ipaddress.ip_network("2001:db8:64::/96")
SYNTHESIZED, CACHED_ERROR = 29, 13
DENIALS = {"NSEC", "NSEC3"}
SPAN = {"RRSIG", "SOA"} | DENIALS
MADE = ("AAAA", "WILD", "ALIAS")        # the questions that DNS64 answers


def synthesized(ipv4):
    return str(PREFIX.network_address + int(ipaddress.IPv4Address(ipv4)))


def question_of_a_client(subject, name, rtype, do, cd):
    response = subject.query(name, rtype, do=do, cd=cd, edns=4096)
    if "TC" in response.flags:
        response = subject.query(name, rtype, do=do, cd=cd, edns=4096, over="tcp")
    return response


@pytest.fixture(scope="session")
def observe(signed_internet, network, tmp_path_factory):
    """`observe(case, do, cd)`: {question: (the first response, the second)} of a resolver of its own."""
    seen = {}

    def ask(case, do, cd):
        key = (case.id, do, cd)
        if key not in seen:
            # Without aggressive use of denials: a proof of one name would answer for another that is broken.
            subject = Resolver(tmp_path_factory.mktemp("table"),
                               signed_internet.config(cache={"aggressive_nsec": False, "prefetch": False}),
                               [{"address": network.ipv4(), "port": 53}])
            subject.start()
            try:
                seen[key] = {}
                for question in case.questions:
                    name, rtype, _, _ = case.question(question)
                    seen[key][question] = [question_of_a_client(subject, name, rtype, do, cd) for _ in range(2)]
            finally:
                subject.stop()
        return seen[key]
    return ask


def check_bogus(verdict, response, cached):
    assert response.rcode == "SERVFAIL" and not response.answer() and not response.authority(), response
    assert "AD" not in response.flags and "CD" not in response.flags
    assert set(verdict.ede) & set(response.ede), f"one of {verdict.ede} was expected: {response}"
    assert (CACHED_ERROR in response.ede) == cached, response
    assert any(text for text in (response.ede_text,)), "the text says what is wrong"


def check_raw(question, address, verdict, response, do):
    """Rows 8 and 9: what the servers said, nothing made of it and nothing claimed about it."""
    assert response.rcode in ("NOERROR", "NXDOMAIN"), response
    assert "AD" not in response.flags and "CD" in response.flags
    assert SYNTHESIZED not in response.ede
    assert not any(ipaddress.ip_address(value) in PREFIX for value in response.values("AAAA"))
    if verdict.kind != BOGUS:
        if question in ("A", "NATIVE"):
            assert response.values("A" if question == "A" else "AAAA") == [address], response
            assert not do or verdict.kind != SECURE or "RRSIG" in response.types(), response
        else:
            assert not response.values("AAAA") and response.soa, response
            assert not do or verdict.kind != SECURE or DENIALS & {r[2] for r in response.authority()}, response


def check_good(question, address, verdict, response, do):
    assert response.rcode == ("NXDOMAIN" if question == "NXDOMAIN" else "NOERROR"), response
    assert ("AD" in response.flags) == (verdict.kind == SECURE and do), response
    assert "CD" not in response.flags
    types = response.types()
    if question in MADE:
        assert response.values("AAAA") == [synthesized(address)], response
        assert types[-1] == "AAAA" and "A" not in types
        covered = {value.split()[0] for value in response.values("RRSIG")}
        assert covered <= {"CNAME", "DNAME"}, "signatures of the chain stay, none of what was replaced"
        left = {r[2] for r in response.authority()}
        if question == "ALIAS" and do:
            # The alias came out of a wildcard, and it needs the proof that it may: of the alias, and no other.
            assert verdict.kind != SECURE or DENIALS & left, response
            assert "SOA" not in left, response
        else:
            assert not SPAN & left, response
    elif question in ("A", "NATIVE"):
        assert response.values("A" if question == "A" else "AAAA") == [address], response
        assert not do or verdict.kind != SECURE or "RRSIG" in types, response
    else:
        assert not set(types) - {"CNAME", "DNAME", "RRSIG"}, response
        assert len(response.soa) == 1, response
        if do and verdict.kind == SECURE:
            assert DENIALS & {r[2] for r in response.authority()}, response
            assert "SOA" in {r[3].split()[0] for r in response.authority("RRSIG")}, response
    codes = set(response.ede)
    assert (SYNTHESIZED in codes) == (question in MADE), response
    codes -= {SYNTHESIZED}
    assert bool(codes) == bool(verdict.ede) and codes <= set(verdict.ede), f"{verdict.ede} was expected: {response}"


ROWS = [(case, question) for case in CASES for question in case.questions]


# Covers: A4-1, A4-2, A4-3, A4-4, A4-5, A4-6, A4-7, A4-8, A4-9, A4-10
# Covers: D64-16, D64-17, D64-50, D64-51, D64-52, D64-53, D64-54, D64-56, D64-57, VEC-05, T24, T56, B6, B9, B16
# Covers: SEC-02, SEC-03, SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-12, SEC-13, SEC-14, SEC-16, SEC-20
# Covers: SEC-23, SEC-25, SEC-28, SEC-30, SEC-31, SEC-45, EDE-05, EDE-06, CAC-05, D64-22, D64-24
@pytest.mark.parametrize("when", ["cold", "cached"])
@pytest.mark.parametrize("cd", [False, True], ids=["cd0", "cd1"])
@pytest.mark.parametrize("do", [False, True], ids=["do0", "do1"])
@pytest.mark.parametrize("case, question", ROWS, ids=[f"{case.id}-{question}" for case, question in ROWS])
def test_table(observe, case, question, do, cd, when):
    _, _, address, verdict = case.question(question)
    response = observe(case, do, cd)[question][when == "cached"]
    assert response.edns and response.do == do
    if not do:
        seen = {r[2] for r in response.answer() + response.authority() + response.additional()}
        assert not seen & ({"RRSIG"} | DENIALS), response
    if cd:
        check_raw(question, address, verdict, response, do)
    elif verdict.kind == BOGUS:
        check_bogus(verdict, response, when == "cached")
    else:
        check_good(question, address, verdict, response, do)


def test_the_table_has_every_kind_of_zone():
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(question in QUESTIONS for case in CASES for question in case.questions)
