"""Discovery of designated resolvers (RFC 9462): a client that goes over to encryption keeps its prefix."""

import socket
import struct

import dns.name
import pytest

from support import client, tls_client
from support.client import Response, make_query
from support.encrypted import encrypted, ours
from support.net import wait_until

__all__ = ["encrypted", "ours"]    # fixtures

ASKED = "_dns.resolver.arpa."
NAME = tls_client.NAME
WARNING = "where clients ask in clear"


class Designated:
    """One SVCB record."""

    def __init__(self, rdata):
        self.priority = rdata.priority
        self.target = rdata.target.to_text()
        wire = rdata.to_wire()
        at = 2 + len(rdata.target.to_wire())
        self.params = {}
        while at < len(wire):
            key, size = struct.unpack_from("!HH", wire, at)
            self.params[key] = wire[at + 4:at + 4 + size]
            at += 4 + size

    def __eq__(self, other):
        return (self.priority, self.target, self.params) == other

    def __repr__(self):
        return f"{self.priority} {self.target} {self.params}"


def designated(answer):
    return [Designated(rrset[0]) for rrset in answer.message.answer]


def prefix_of(answer):
    (value,) = answer.values("AAAA")
    return value.rsplit(":", 2)[0]


DOT = {1: b"\x03dot"}
DOH = {1: b"\x02h2", 7: b"/dns-query{?dns}"}


# Covers: CLI-10, CLI-11, CLI-12, CLI-13
def test_the_listeners_are_announced(site, encrypted):
    subject = encrypted()
    answer = subject.query(ASKED, "SVCB")
    assert designated(answer) == [(1, f"{NAME}.", DOT), (2, f"{NAME}.", DOH)]
    assert answer.ttl("SVCB") == 300 and "AA" in answer.flags
    assert answer.additional() == [(f"{NAME}.", 300, "A", subject.address)]
    assert not answer.authority()
    assert not site.queries(below="resolver.arpa.")


# Covers: CLI-10
@pytest.mark.parametrize("kwargs", [{"do": True}, {"cd": True}, {"do": True, "cd": True}, {"rd": False}])
def test_the_announcement_is_the_same_whatever_the_bits_and_never_signed(site, encrypted, kwargs):
    answer = encrypted().query(ASKED, "SVCB", **kwargs)
    assert len(designated(answer)) == 2 and set(answer.types()) == {"SVCB"}
    assert "AD" not in answer.flags and not answer.additional("RRSIG")


# Covers: CLI-12
def test_other_ports_and_paths_are_told(site, start, ours, net):
    address = net.ipv4()
    issued = ours.issue(names=[NAME], addresses=[address])
    subject = start(listeners=[{"address": address}, {"address": address, "port": 8853, "transport": "tls"},
                               {"address": address, "port": 8443, "transport": "https", "path": "/q"}],
                    tls=issued.config())
    assert designated(subject.query(ASKED, "SVCB")) == [
        (1, f"{NAME}.", {**DOT, 3: struct.pack("!H", 8853)}),
        (2, f"{NAME}.", {1: b"\x02h2", 3: struct.pack("!H", 8443), 7: b"/q{?dns}"})]


# Covers: CLI-10
def test_wildcards_are_no_targets(site, encrypted, ours, net):
    address = net.ipv4()
    subject = encrypted(address=address, issued=ours.issue(names=["*.example.org", "dns.example.org"],
                                                           addresses=[address]))
    assert {one.target for one in designated(subject.query(ASKED, "SVCB"))} == {"dns.example.org."}


# Covers: CLI-15, CLI-16
def test_nothing_to_announce_is_nodata_that_says_how_long(site, encrypted, ours, isolated):
    plain = encrypted(issued=ours.issue(names=["*.example.org"]), address=isolated.ipv6())
    answer = plain.query(ASKED, "SVCB")
    assert answer.nodata and not answer.answer() and len(answer.soa) == 1
    assert "holds no name of a host" in plain.stderr()


# Covers: CLI-16, CLI-17
@pytest.mark.parametrize("name, rtype", [(ASKED, "A"), (ASKED, "AAAA"), (ASKED, "HTTPS"), (ASKED, "TXT"),
                                         ("resolver.arpa.", "SVCB"), ("resolver.arpa.", "AAAA"),
                                         ("x._dns.resolver.arpa.", "SVCB"), ("x.resolver.arpa.", "A")])
def test_the_rest_of_resolver_arpa_stays_empty(site, encrypted, name, rtype):
    answer = encrypted().query(name, rtype)
    assert answer.nodata and not answer.answer() and len(answer.soa) == 1
    assert not site.queries(below="resolver.arpa.")


# Covers: U18, CLI-13
def test_each_listener_address_leads_to_the_encryption_of_its_own_view(site, start, ours, net):
    first, second = net.ipv4(), net.ipv4()
    one = ours.issue(names=["one.example.org"], addresses=[first])
    two = ours.issue(names=["two.example.org"], addresses=[second])
    subject = start(
        listeners=[{"address": first}, {"address": first, "transport": "tls"},
                   {"address": second, "view": "two"}, {"address": second, "transport": "tls", "view": "two"}],
        views={"two": {"dns64": {"prefixes": ["2001:db8:999::/96"]}}},
        tls={**one.config(), "certificates": [{"certificate": two.cert_file, "key": two.key_file}]})
    assert WARNING not in subject.stderr()
    prefixes = set()
    for to, name, address in ((0, "one.example.org", first), (2, "two.example.org", second)):
        answer = subject.query(ASKED, "SVCB", to=to)
        assert designated(answer) == [(1, f"{name}.", DOT)]
        assert answer.additional() == [(f"{name}.", 300, "A", address)]
        in_clear = prefix_of(subject.query("v4.example.com.", "AAAA", to=to))
        ((_, _, _, reached),) = answer.additional()
        upgraded = tls_client.ask(reached, "v4.example.com.", "AAAA", tls=tls_client.context(ours.ca_file),
                                  server_name=name)
        assert prefix_of(upgraded) == in_clear
        prefixes.add(in_clear)
    assert len(prefixes) == 2


# Covers: U18
def test_a_view_by_client_is_kept(site, start, ours, net):
    """Two clients of one listener, in two views: each is told of the listeners that answer it from its own."""
    address, bound, member = net.ipv4(), net.ipv4(), net.ipv4()
    issued = ours.issue(names=[NAME], addresses=[address, bound])
    subject = start(listeners=[{"address": address}, {"address": address, "transport": "tls"},
                               {"address": bound, "transport": "tls", "view": "lab"}],
                    views={"lab": {"clients": [member], "dns64": {"prefixes": ["2001:db8:999::/96"]}}},
                    tls=issued.config())
    told = {}
    for source in (member, "127.0.0.1"):
        answer = client.ask(address, ASKED, "SVCB", source=source)
        told[source] = [record[3] for record in answer.additional("A")]
        in_clear = prefix_of(client.ask(address, "v4.example.com.", "AAAA", source=source))
        for reached in told[source]:
            upgraded = tls_client.ask(reached, "v4.example.com.", "AAAA", tls=tls_client.context(ours.ca_file),
                                      source=source)
            assert prefix_of(upgraded) == in_clear, (source, reached)
    assert told == {member: [address, bound], "127.0.0.1": [address]}


# Covers: CLI-13
def test_a_wildcard_is_reached_at_the_address_that_was_asked(site, start, ours, isolated):
    v4, v6, other = isolated.ipv4(), isolated.ipv6(), isolated.ipv6()
    issued = ours.issue(names=[NAME], addresses=[v4, v6, other])
    subject = start(listeners=[{"address": wildcard, **kind} for wildcard in ("0.0.0.0", "::")
                               for kind in ({"port": 5353}, {"transport": "tls"})], tls=issued.config())
    for over in ("udp", "tcp"):
        for asked, rtype in ((v4, "A"), (v6, "AAAA"), (other, "AAAA")):
            answer = subject.query(ASKED, "SVCB", to=(asked, 5353), over=over)
            assert designated(answer) == [(1, f"{NAME}.", DOT)]
            assert [record[3] for record in answer.additional(rtype)] == [asked]
    both = subject.query(ASKED, "SVCB", to=(v4, 5353))
    assert both.additional("AAAA") == [(f"{NAME}.", 300, "AAAA", "::1")], "loopback leads to loopback"
    reached = tls_client.ask(v6, "v4.example.com.", "AAAA", tls=tls_client.context(ours.ca_file))
    assert reached.values("AAAA")


def proxied(subject, source, wire):
    """What the first listener tells a proxy that speaks for `source`."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    block = socket.inet_pton(family, source) * 2 + struct.pack("!HH", 54321, 53)
    head = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x12 if family == socket.AF_INET else 0x22, len(block))
    return Response(client.udp_exchange(*subject.listen[0], head + block + wire))


# Covers: U18, CLI-21
def test_who_is_named_by_a_proxy_gets_what_others_reach_and_its_own_view(site, start, ours, isolated):
    behind, everybody, lab = isolated.ipv4(), isolated.ipv6(), isolated.ipv6()
    issued = ours.issue(names=[NAME], addresses=[everybody, lab])
    subject = start(
        listeners=[{"address": behind, "proxy_protocol": ["127.0.0.0/8"]},
                   {"address": behind, "transport": "tls"},
                   {"address": behind, "transport": "https", "proxy_protocol": ["127.0.0.0/8"]},
                   {"address": everybody, "transport": "tls"}, {"address": lab, "transport": "tls", "view": "lab"}],
        views={"lab": {"clients": ["192.0.2.0/24"], "dns64": {"prefixes": ["2001:db8:999::/96"]}}},
        access={"allow": ["any"]}, tls=issued.config())
    stranger = proxied(subject, "198.51.100.1", make_query(ASKED, "SVCB"))
    assert designated(stranger) == [(1, f"{NAME}.", DOT)], "neither loopback nor what is behind a proxy"
    assert [record[3] for record in stranger.additional()] == [everybody]
    member = proxied(subject, "192.0.2.1", make_query(ASKED, "SVCB"))
    assert [record[3] for record in member.additional()] == [everybody, lab]


def test_an_operator_who_forwards_resolver_arpa_is_not_answered_for(site, encrypted):
    subject = encrypted(builtin_zones={"except": ["resolver.arpa"]})
    assert not subject.query(ASKED, "SVCB").answer()
    assert site.queries(below="arpa.")


# Covers: CLI-14
def test_a_certificate_without_the_plain_address_is_told_at_start(site, encrypted, ours, isolated):
    plain = isolated.ipv6()
    lacking = ours.issue(names=[NAME])
    subject = encrypted(issued=lacking, address=isolated.ipv6(), more=[{"address": plain}])
    wait_until(lambda: WARNING in subject.stderr(), what="the warning")
    told = [line for line in subject.stderr().splitlines() if WARNING in line and plain in line]
    assert any(lacking.cert_file in line and "RFC 9462 section 4.2" in line for line in told), subject.stderr()
    assert subject.query(ASKED, "SVCB").answer(), "it is announced all the same: there is opportunistic use"


# Covers: CLI-14
def test_a_certificate_with_the_plain_address_is_not_complained_about(site, encrypted, ours, isolated):
    plain = isolated.ipv6()
    subject = encrypted(issued=ours.issue(names=[NAME], addresses=[plain]), address=plain)
    subject.query(ASKED, "SVCB")
    assert WARNING not in subject.stderr()


# Covers: CLI-10
def test_a_reload_with_another_certificate_changes_the_target(site, encrypted, ours):
    subject = encrypted()
    ours.issue(names=["next.example.org"], addresses=[subject.address]).install(
        subject.issued.cert_file, subject.issued.key_file)
    subject.reload()
    assert {one.target for one in designated(subject.query(ASKED, "SVCB"))} == {"next.example.org."}


# Covers: CLI-10
def test_a_self_signed_certificate_is_announced_under_its_first_name(site, encrypted, tmp_path):
    subject = encrypted(tls={"names": ["home.example.org", "other.example.org"],
                             "state_file": str(tmp_path / "certificate.pem")})
    assert {one.target for one in designated(subject.query(ASKED, "SVCB"))} == {"home.example.org."}


def test_names_are_compared_without_case(site, encrypted):
    answer = encrypted().query("_DNS.Resolver.ARPA.", "SVCB")
    assert len(answer.answer()) == 2
    assert dns.name.from_text(answer.answer()[0][0]) == dns.name.from_text(ASKED)
