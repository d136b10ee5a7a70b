"""Where questions go: stubs, forwarders, one address family or the other."""

import pytest

from support import behave
from support.net import scaled


@pytest.fixture
def corp(site):
    """A server that nothing delegates to."""
    server = site.new_server(port=5353)
    server.zone("corp.example.", """
        v4 A 192.0.2.110
        foreign A 192.0.2.111
        foreign AAAA 64:ff9b::c000:26f
        out CNAME v4.example.com.
        sub NS ns.sub
    """)
    return server


def at(server):
    return f"{server.address}@{server.port}"


def test_a_stub_zone_is_asked_at_its_servers_without_rd(site, corp, start):
    subject = start(stub=[{"zone": "corp.example", "servers": [at(corp)]}])
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]
    assert subject.query("v4.corp.example.", "AAAA").values("AAAA") == ["2001:db8:64::c000:26e"]
    assert subject.query("out.corp.example.", "A").values("A") == ["192.0.2.33"]
    queries = site.queries(below="corp.example.")
    assert queries and all(q.server == corp.address and not q.flags & 0x0100 for q in queries)


def test_a_forward_zone_is_asked_at_its_servers_with_rd(site, corp, start):
    subject = start(forward=[{"zone": "corp.example", "servers": [at(corp)]}])
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]
    queries = site.queries(below="corp.example.")
    assert queries and all(q.server == corp.address and q.flags & 0x0100 for q in queries)
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]


def test_everything_can_be_forwarded(site, start):
    upstream = site.new_server()
    upstream.zone(".", "www.forwarded.example. A 192.0.2.120\nalias.forwarded.example. CNAME www.forwarded.example.")
    subject = start(forward=[{"zone": ".", "servers": [upstream.address]}])
    assert subject.query("www.forwarded.example.", "A").values("A") == ["192.0.2.120"]
    assert subject.query("alias.forwarded.example.", "AAAA").types() == ["CNAME", "AAAA"]
    assert {q.server for q in site.log} == {upstream.address}
    assert subject.query("x.onion.", "A").rcode == "NXDOMAIN" and not site.queries(below="onion.")


# Covers: T21
def test_addresses_that_a_forwarder_synthesized_itself_are_replaced_by_ours(site, corp, start):
    subject = start(forward=[{"zone": "corp.example", "servers": [at(corp)]}])
    assert subject.query("foreign.corp.example.", "AAAA").values("AAAA") == ["2001:db8:64::c000:26f"]


def test_dns64_false_passes_on_what_the_forwarder_says(site, corp, start):
    subject = start(forward=[{"zone": "corp.example", "servers": [at(corp)], "dns64": False}])
    assert subject.query("v4.corp.example.", "AAAA").nodata
    assert subject.query("foreign.corp.example.", "AAAA").values("AAAA") == ["64:ff9b::c000:26f"]


@pytest.mark.parametrize("only, rcode", [(True, "SERVFAIL"), (False, "NOERROR")])
def test_only_decides_whether_recursion_stands_in_for_a_dead_forwarder(site, start, only, rcode):
    dead = site.new_server()
    dead.on(behave.silence())
    subject = start(forward=[{"zone": "example.com", "servers": [dead.address], "only": only}],
                    upstream={"timeout": "6s"})
    answer = subject.query("v4.example.com.", "A", timeout=12)
    assert answer.rcode == rcode, answer
    assert site.count(server=dead) >= 1


def test_the_second_forwarder_is_asked_when_the_first_fails(site, start):
    bad, good = site.new_server(), site.new_server()
    bad.on(behave.rcode("SERVFAIL"))
    good.zone("corp.example.", "*.w A 192.0.2.121")
    subject = start(forward=[{"zone": "corp.example", "servers": [bad.address, good.address]}])
    for i in range(6):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]


# Covers: REC-27
def test_an_nxdomain_above_does_not_cut_a_forwarded_zone_off(site, corp, start):
    subject = start(forward=[{"zone": "corp.example", "servers": [at(corp)]}])
    assert subject.query("example.", "A").rcode == "NXDOMAIN"
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]


def test_a_forward_inside_a_builtin_zone_is_honoured(site, corp, start):
    corp.zone("1.10.in-addr.arpa.", "2.3 PTR host.corp.example.")
    corp.zone("home.arpa.", "tv A 192.0.2.122")
    subject = start(forward=[{"zone": "1.10.in-addr.arpa", "servers": [at(corp)]},
                             {"zone": "home.arpa", "servers": [at(corp)]}])
    assert subject.query("2.3.1.10.in-addr.arpa.", "PTR").values("PTR") == ["host.corp.example."]
    assert subject.query("tv.home.arpa.", "A").values("A") == ["192.0.2.122"]
    assert subject.query("2.3.2.10.in-addr.arpa.", "PTR").rcode == "NXDOMAIN"


def test_root_hints_take_ports(site, start):
    root = site.new_server(port=5354)
    root.serve(site.zone_of("."))
    subject = start(root_hints=[{"name": "a.root.", "addresses": [f"{root.address}@5354"]}])
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert site.count(server=root) >= 1


# --- address families ---

@pytest.fixture
def dual_stack(site, isolated):
    """dual.com.: one server over IPv4, one over IPv6; only6.com.: over IPv6 alone. Gives (IPv4, IPv6) servers."""
    four, six = site.new_server(), site.new_server(isolated.ipv6())
    for server in (four, six):
        server.zone("dual.com.", f"@ NS ns1\n@ NS ns2\nns1 A {four.address}\nns2 AAAA {six.address}\n*.w A 192.0.2.130")
    six.zone("only6.com.", f"@ NS ns1\nns1 AAAA {six.address}\n*.w A 192.0.2.131")
    site.edit("com.", add=f"dual.com. NS ns1.dual.com.\ndual.com. NS ns2.dual.com.\nns1.dual.com. A {four.address}\n"
              f"ns2.dual.com. AAAA {six.address}\nonly6.com. NS ns1.only6.com.\nns1.only6.com. AAAA {six.address}")
    return four, six


def test_servers_are_reached_over_ipv6(dual_stack, start):
    assert start().query("x.w.only6.com.", "A").values("A") == ["192.0.2.131"]


def test_without_ipv6_upstream_only_ipv4_is_used(site, dual_stack, start):
    subject = start(upstream={"ipv6": False, "timeout": "3s"})
    for i in range(5):
        assert subject.query(f"n{i}.w.dual.com.", "A").values("A") == ["192.0.2.130"]
    assert subject.query("x.w.only6.com.", "A").rcode == "SERVFAIL"
    assert not site.queries(server=dual_stack[1])


def test_without_ipv4_upstream_only_ipv6_is_used(site, dual_stack, start):
    root = site.new_server(site.net.ipv6())
    root.zone(".", f"@ NS a.root.\na.root. AAAA {root.address}\n"
              f"dual.com. NS ns1.dual.com.\ndual.com. NS ns2.dual.com.\nns1.dual.com. A {dual_stack[0].address}\n"
              f"ns2.dual.com. AAAA {dual_stack[1].address}")
    subject = start(root_hints=[{"name": "a.root.", "addresses": [root.address]}],
                    upstream={"ipv4": False, "timeout": "3s"})
    for i in range(5):
        assert subject.query(f"n{i}.w.dual.com.", "A").values("A") == ["192.0.2.130"]
    assert not site.queries(server=dual_stack[0])


# Covers: T59, REC-30
def test_a_dead_address_family_costs_little(site, dual_stack, start):
    dual_stack[1].on(behave.silence())
    subject = start()
    for i in range(10):
        assert subject.query(f"n{i}.w.dual.com.", "A").values("A") == ["192.0.2.130"]
    assert subject.query("last.w.dual.com.", "A").seconds < scaled(1)
