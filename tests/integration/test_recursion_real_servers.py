"""Recursion over NSD and Knot: what authoritative servers in use really send."""

import os

import pytest

from support import peers
from support.net import wait_until
from support.resolver import Resolver

pytestmark = pytest.mark.skipif(peers.find("nsd") is None or peers.find("knotd") is None,
                                reason="nsd or knotd is not installed")

SOA = "@ 3600 SOA ns1 hostmaster 1 3600 600 86400 240\n"


class Real:
    def __init__(self, network, directory):
        root, tld, one, two = (network.ipv4() for _ in range(4))
        self.children = []
        try:
            self.children.append(peers.Nsd([root], {".": f"""
@ 3600 SOA a.root. hostmaster.root. 1 3600 600 86400 240
@ 3600 NS a.root.
a.root. 3600 A {root}
com. 3600 NS ns1.com.
ns1.com. 3600 A {tld}
net. 3600 NS ns1.com.
"""}))
            self.children.append(peers.Nsd([tld], {"com.": SOA + f"""
@ NS ns1
ns1 A {tld}
example.com. NS ns1.example.com.
ns1.example.com. A {one}
glueless.com. NS ns.host.net.
unsigned.com. NS ns1.example.com.
""", "net.": SOA.replace("ns1", "ns1.com.") + f"""
@ NS ns1.com.
host.net. NS ns.host.net.
ns.host.net. A {two}
"""}))
            self.children.append(peers.Knot([one], {"example.com.": SOA + f"""
@ NS ns1
ns1 A {one}
@ A 192.0.2.1
www 600 A 192.0.2.2
v6 600 AAAA 2001:db8::2
alias CNAME www
far CNAME over.host.net.
loop1 CNAME loop2
loop2 CNAME loop1
old DNAME new
host.new A 192.0.2.3
gone DNAME host.net.
*.wild A 192.0.2.4
*.wild TXT "wild"
a.b.ent TXT "deep"
mx MX 10 www
_dns._udp SRV 1 2 53 www
""" + "".join(f"many A 198.51.100.{i}\n" for i in range(1, 96)) + """
odd TYPE65280 \\# 4 00010203
text TXT "one" "two"
"""}))
            self.children.append(peers.Nsd([two], {"host.net.": SOA.replace("ns1", "ns") + f"""
@ NS ns
ns A {two}
over CNAME www.glueless.com.
x A 192.0.2.9
""", "glueless.com.": SOA.replace("ns1", "ns.host.net.") + """
@ NS ns.host.net.
www A 192.0.2.10
"""}))
            kind = peers.Unbound if os.environ.get("R64_SUBJECT") == "unbound" else Resolver
            self.resolver = kind(directory, {
                "workers": 1, "dnssec": {"validation": False}, "upstream": {"allow_loopback": True},
                "root_hints": [{"name": "a.root.", "addresses": [root]}],
                "dns64": {"prefixes": ["2001:db8:64::/96"]},
                "listen": [{"address": network.ipv4(), "port": 53}]}).start()
        except BaseException:
            self.close()
            raise

    def close(self):
        try:
            if hasattr(self, "resolver"):
                self.resolver.stop()
        finally:
            for child in self.children:
                child.close()


@pytest.fixture(scope="module")
def real(network, tmp_path_factory):
    if not network.privileged:
        pytest.skip("needs port 53 on loopback addresses: run the tests as root")
    made = Real(network, tmp_path_factory.mktemp("real"))
    yield made
    made.close()


@pytest.fixture
def subject(real, request):
    request.node.r64_resolvers = [real.resolver]
    return real.resolver


# Covers: REC-20
def test_a_name_is_found_from_the_root_down(subject):
    answer = subject.query("www.example.com.", "A")
    assert answer.rcode == "NOERROR"
    assert answer.values("A") == ["192.0.2.2"]
    assert {"QR", "RD", "RA"} <= answer.flags and "AA" not in answer.flags


# Covers: REC-20
def test_a_delegation_without_glue_is_followed(subject):
    assert subject.query("www.glueless.com.", "A").values("A") == ["192.0.2.10"]


# Covers: REC-24
def test_a_cname_chain_over_three_zones_is_followed_in_order(subject):
    answer = subject.query("far.example.com.", "A")
    assert [(r[0], r[2]) for r in answer.answer()] == [
        ("far.example.com.", "CNAME"), ("over.host.net.", "CNAME"), ("www.glueless.com.", "A")]


# Covers: LIM-01
def test_a_cname_loop_ends_in_servfail(subject):
    assert subject.query("loop1.example.com.", "A").rcode == "SERVFAIL"


# Covers: REC-25
def test_a_dname_inside_the_zone_gives_dname_and_cname(subject):
    answer = subject.query("host.old.example.com.", "A")
    assert [(r[0], r[2]) for r in answer.answer()] == [
        ("old.example.com.", "DNAME"), ("host.old.example.com.", "CNAME"), ("host.new.example.com.", "A")]


# Covers: REC-25
def test_a_dname_into_another_zone_is_followed_once_it_is_cached_too(subject):
    for name in ("x.gone.example.com.", "x.gone.example.com.", "ns.gone.example.com."):
        answer = subject.query(name, "A")
        assert answer.types() == ["DNAME", "CNAME", "A"], answer
        assert answer.answer()[1][0] == name


# Covers: REC-25
def test_the_dname_record_itself_can_be_asked_for(subject):
    assert subject.query("gone.example.com.", "DNAME").values("DNAME") == ["host.net."]


# Covers: REC-28
def test_a_wildcard_answers_with_the_asked_name(subject):
    answer = subject.query("a.b.wild.example.com.", "A")
    assert [(r[0], r[3]) for r in answer.answer()] == [("a.b.wild.example.com.", "192.0.2.4")]
    assert subject.query("a.wild.example.com.", "MX").nodata


# Covers: REC-28
def test_an_asterisk_in_a_question_is_a_label_like_any_other(subject):
    assert subject.query("*.wild.example.com.", "TXT").values("TXT") == ['"wild"']


# Covers: REC-28
def test_an_empty_non_terminal_is_nodata(subject):
    for name in ("ent.example.com.", "b.ent.example.com."):
        answer = subject.query(name, "A")
        assert answer.rcode == "NOERROR" and not answer.answer() and len(answer.soa) == 1
    assert subject.query("a.b.ent.example.com.", "TXT").values("TXT") == ['"deep"']


# Covers: CAC-03
def test_nodata_and_nxdomain_carry_one_soa_with_the_negative_ttl(subject):
    for name, rtype, rcode in (("www.example.com.", "TXT", "NOERROR"), ("nx.example.com.", "A", "NXDOMAIN")):
        answer = subject.query(name, rtype)
        assert answer.rcode == rcode and not answer.answer()
        assert len(answer.soa) == 1 and answer.soa[0][0] == "example.com."
        assert answer.soa[0][1] <= 240


# Covers: CAC-03
def test_the_ttl_of_a_cached_denial_runs_down(subject):
    first = subject.query("nx2.example.com.", "A").soa[0][1]
    wait_until(lambda: subject.query("nx2.example.com.", "A").soa[0][1] < first, 4, "a lower TTL", every=0.2)


# Covers: REC-08
def test_types_with_and_without_a_name_of_their_own_are_carried(subject):
    assert subject.query("mx.example.com.", "MX").values("MX") == ["10 www.example.com."]
    assert subject.query("_dns._udp.example.com.", "SRV").values("SRV") == ["1 2 53 www.example.com."]
    assert subject.query("odd.example.com.", "TYPE65280").values("TYPE65280") == ["\\# 4 00010203"]
    assert subject.query("text.example.com.", "TXT").values("TXT") == ['"one" "two"']


# Covers: REC-06
def test_an_rrset_that_needs_tcp_is_fetched_whole(subject):
    answer = subject.query("many.example.com.", "A", over="tcp")
    assert len(set(answer.values("A"))) == 95


# Covers: D64-24, D64-26
def test_an_ipv4_only_name_is_synthesized(subject):
    answer = subject.query("www.example.com.", "AAAA")
    assert [(r[0], r[2], r[3]) for r in answer.answer()] == [
        ("www.example.com.", "AAAA", "2001:db8:64::c000:202")]


# Covers: D64-12
def test_a_native_aaaa_stays_alone(subject):
    assert subject.query("v6.example.com.", "AAAA").values("AAAA") == ["2001:db8::2"]


# Covers: D64-22, T27
@pytest.mark.parametrize("name, types", [
    ("alias.example.com.", ["CNAME", "AAAA"]), ("far.example.com.", ["CNAME", "CNAME", "AAAA"]),
    ("host.old.example.com.", ["DNAME", "CNAME", "AAAA"]), ("x.gone.example.com.", ["DNAME", "CNAME", "AAAA"])])
def test_chains_are_kept_in_front_of_the_synthesized_records(subject, name, types):
    for _ in ("cold", "cached"):
        answer = subject.query(name, "AAAA")
        assert answer.types() == types
        assert answer.values("AAAA")[0].startswith("2001:db8:64::c000:2")
