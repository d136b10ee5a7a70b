"""The harness itself: the scripted authority and Unbound over it, so that a failing test accuses the right side."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support import behave, client, load, peers


def test_authority_answers_like_an_authoritative_server(world):
    server = world.zone("example.com.", """
        @ A 192.0.2.1
        www CNAME web
        web A 192.0.2.2
        *.wild TXT "w"
        a.b.ent A 192.0.2.3
        d DNAME example.net.
        sub NS ns.sub
        ns.sub A 192.0.2.4
    """)

    def ask(name, rtype="A", **kwargs):
        return client.ask(server.address, name, rtype, rd=False, **kwargs)

    assert ask("example.com.").values("A") == ["192.0.2.1"]
    assert [r[2] for r in ask("www.example.com.").answer()] == ["CNAME", "A"]
    assert "AA" in ask("www.example.com.").flags
    assert ask("x.y.wild.example.com.", "TXT").values("TXT") == ['"w"']
    assert ask("b.ent.example.com.").rcode == "NOERROR"
    assert ask("nx.example.com.").rcode == "NXDOMAIN"
    assert ask("nx.example.com.").soa
    assert [r[2] for r in ask("x.d.example.com.").answer()] == ["DNAME", "CNAME"]
    referral = ask("x.sub.example.com.")
    assert not referral.answer() and referral.authority("NS") and referral.additional("A")
    assert "AA" not in referral.flags
    assert ask("other.example.").rcode == "REFUSED"
    assert ask("WwW.Example.Com.", over="tcp", edns=1232).question.name.to_text() == "WwW.Example.Com."
    assert world.queries("www.example.com.", "A", transport="tcp")[0].raw_name == "WwW.Example.Com."


def test_authority_truncates_what_does_not_fit(world):
    server = world.zone("example.com.", "\n".join(f"many A 192.0.2.{i}" for i in range(1, 60)))
    over_udp = client.ask(server.address, "many.example.com.", "A")
    assert "TC" in over_udp.flags and not over_udp.answer()
    assert len(client.ask(server.address, "many.example.com.", "A", over="tcp").answer()) == 59


@pytest.mark.parametrize("behaviour, rcode", [
    (behave.rcode("SERVFAIL"), "SERVFAIL"), (behave.rcode("REFUSED"), "REFUSED"),
    (behave.no_edns("formerr"), "NOERROR"), (behave.reply("%NAME% 60 A 192.0.2.9"), "NOERROR")])
def test_authority_misbehaves_as_asked(world, behaviour, rcode):
    server = world.zone("example.com.", "@ A 192.0.2.9")
    server.on(behaviour)
    assert client.ask(server.address, "example.com.").rcode == rcode


def test_authority_is_fast_enough_to_load_a_resolver(world):
    server = world.zone("example.com.", "*.w A 192.0.2.1")
    outcomes = load.run(server.address, [(f"n{i}.w.example.com.", "A") for i in range(3000)], window=64)
    assert all(outcome.good for outcome in outcomes)


def test_authority_delays_without_holding_others_up(world):
    server = world.zone("example.com.", "slow A 192.0.2.1\nfast A 192.0.2.2")
    server.on(behave.delay(0.3), name="slow.example.com.")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(client.ask, server.address, "slow.example.com.")
        fast = client.ask(server.address, "fast.example.com.")
        assert slow.result().seconds >= 0.3 > fast.seconds


@pytest.mark.skipif(peers.find("unbound") is None, reason="unbound is not installed")
def test_unbound_resolves_over_the_scripted_internet(world, resolver_factory):
    world.zone("com.")
    world.zone("example.com.", "v4 A 192.0.2.33\nv6 AAAA 2001:db8::1")
    subject = resolver_factory(world.config(), kind=peers.Unbound)
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
    assert subject.query("v6.example.com.", "AAAA").values("AAAA") == ["2001:db8::1"]
    assert world.queries("v4.example.com.", "A")


@pytest.mark.skipif(peers.find("nsd") is None or peers.find("knotd") is None, reason="nsd or knotd is not installed")
def test_nsd_and_knot_serve_zones(net, children):
    for kind in (peers.Nsd, peers.Knot):
        address = net.ipv4()
        children.append(kind([address], {"example.com.": "@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1"}))
        assert client.ask(address, "ns.example.com.", rd=False).values("A") == ["192.0.2.1"]
