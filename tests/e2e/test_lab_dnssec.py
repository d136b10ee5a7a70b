"""What a user of the lab sees of DNSSEC: signed, unsigned and broken zones, all of them IPv4 only."""

import json
import re
import subprocess

import pytest

from labrun import WEB, run
from support.net import scaled

BROKEN = {"sigfail": "6 (DNSSEC Bogus)", "expired": "7 (Signature Expired)", "dnssec-failed": "9 (DNSKEY Missing)"}


def flags(answer):
    return set(re.search(r"flags: ([\w ]*);", answer)[1].split())


def status(answer):
    return re.search(r"status: (\w+)", answer)[1]


def section(answer, name):
    """The records of a section, split at blanks."""
    return [line.split() for line in answer.partition(f"{name} SECTION:\n")[2].partition("\n\n")[0].splitlines()]


# Covers: D64-53, T25
@pytest.mark.parametrize("name", ["www.sigok.example", "www.v4only.example", "anything.wildcard.example",
                                  "www.glueless.test"])
def test_a_synthesized_address_of_a_signed_name_is_authentic_and_bears_no_signature(lab, name):
    answer = lab.dig(96, name, "AAAA", "+dnssec")
    assert status(answer) == "NOERROR" and "ad" in flags(answer), answer
    records = section(answer, "ANSWER")
    assert [(record[3], record[4]) for record in records] == [("AAAA", WEB[96])], answer
    assert not {"RRSIG", "NSEC", "NSEC3", "SOA"} & {record[3] for record in section(answer, "AUTHORITY")}, answer
    assert "ad" not in flags(lab.dig(96, name, "AAAA")), "AD of a synthesized answer is for those who set DO"


# Covers: D64-50, T24
@pytest.mark.parametrize("zone", BROKEN)
@pytest.mark.parametrize("length", WEB)
def test_nothing_is_synthesized_from_a_lie(lab, zone, length):
    for words in [[], ["+dnssec"], ["+tcp"]]:
        answer = lab.dig(length, f"www.{zone}.example", "AAAA", *words)
        assert status(answer) == "SERVFAIL" and not section(answer, "ANSWER"), answer
        assert f"EDE: {BROKEN[zone]}" in answer, answer
        assert f"{zone}.example" in answer.partition("EDE: ")[2].splitlines()[0], answer
    explained = lab.ctl("explain", f"www.{zone}.example", "AAAA")
    assert "SERVFAIL" in explained and "64:ff9b::4e00:605b" not in explained, explained


@pytest.mark.parametrize("zone", BROKEN)
def test_a_client_does_not_reach_a_server_whose_name_is_forged(lab, zone):
    command = ["ip", "netns", "exec", lab.resolver(96)["client"], "curl", "-6", "-sS", "--noproxy", "*",
               "--max-time", "15", f"www.{zone}.example"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=scaled(30),
                          check=False)
    assert done.returncode == 6, f"curl says that it found the host: {done}"


# Covers: D64-51, D64-52
@pytest.mark.parametrize("zone", [*BROKEN, "sigok"])
def test_who_checks_by_himself_gets_what_the_zone_says(lab, zone):
    name = f"www.{zone}.example"
    address = lab.dig(96, name, "A", "+dnssec", "+cdflag")
    assert status(address) == "NOERROR" and ("ad" not in flags(address) or zone == "sigok"), address
    assert sorted(record[3] for record in section(address, "ANSWER")) == ["A", "RRSIG"], address
    denial = lab.dig(96, name, "AAAA", "+dnssec", "+cdflag")
    assert status(denial) == "NOERROR" and not section(denial, "ANSWER"), denial
    assert {"SOA", "NSEC", "RRSIG"} <= {record[3] for record in section(denial, "AUTHORITY")}, denial


# Covers: D64-54
@pytest.mark.parametrize("name", ["www.unsigned.example", "www.lame.example", "www.shop.test", "shop.alias.example",
                                  "www.team.deep.example", "clean.broken.example"])
def test_what_is_not_signed_is_synthesized_without_a_claim(lab, name):
    answer = lab.dig(96, name, "AAAA", "+dnssec")
    assert status(answer) == "NOERROR" and "ad" not in flags(answer), answer
    assert section(answer, "ANSWER")[-1][3:] == ["AAAA", WEB[96]], answer


# Covers: D64-56
@pytest.mark.parametrize("name,rtype", [
    ("www.dual.example", "AAAA"), ("www.v6only.example", "AAAA"), ("www.deep.example", "A"),
    ("www.far.dname.example", "A"), ("services.example", "MX"), ("nothing.dual.example", "A"),
    ("empty.wildcard.example", "A"), ("exact.wildcard.example", "A"), ("broken.example", "DS"), ("example", "DNSKEY"),
])
def test_each_algorithm_and_denial_of_the_lab_is_validated(lab, name, rtype):
    answer = lab.dig(96, name, rtype, "+dnssec")
    assert "ad" in flags(answer), answer
    assert "ad" in flags(lab.dig(96, name, rtype)), "dig sets AD in its question"
    assert "ad" not in flags(lab.dig(96, name, rtype, "+noadflag"))


def test_delv_validates_what_comes_through_the_resolver(lab, tmp_path):
    tag, algorithm, kind, digest = open(f"{lab.about['directory']}/root.anchor", encoding="ascii").read().split()[3:]
    anchor = tmp_path / "anchor"
    anchor.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')

    def delv(name):
        return run("delv", f"@{lab.resolver(96)['address']}", "-a", anchor, "+root=.", name, "A")

    assert "; fully validated" in delv("www.sigok.example")
    assert "; unsigned answer" in delv("www.unsigned.example")


def test_reverse_names_are_validated_too(lab):
    assert "ad" in flags(lab.dig(96, "-x", "78.0.96.91", "+dnssec"))


# Covers: U9
def test_the_trust_anchor_is_told(lab):
    tag = open(f"{lab.about['directory']}/root.anchor", encoding="ascii").read().split()[3]
    assert tag in lab.ctl("anchors")
    assert tag in json.dumps(json.loads(lab.ctl("anchors", "--json")))
