"""Prefixes, views, name lists: which client gets which synthesis, over one cache of real data."""

import ipaddress
import signal

import pytest

from support import behave
from support.net import wait_until
from support.resolver import merge

# requirements.md, section F
VECTORS = [
    ("2607:7700::/32", "2607:7700:4e00:605b::"), ("2001:db8::/32", "2001:db8:4e00:605b::"),
    ("2001:db8:100::/40", "2001:db8:14e:60:5b::"), ("2001:db8:122::/48", "2001:db8:122:4e00:60:5b00::"),
    ("2001:db8:122:300::/56", "2001:db8:122:34e:0:605b::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:4e:60:5b00:0"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::4e00:605b"), ("64:ff9b::/96", "64:ff9b::4e00:605b")]


def same(text, other):
    return ipaddress.ip_address(text) == ipaddress.ip_address(other)


# Covers: D64-03, D64-05, ADR-08, T44, B15, VEC-02
@pytest.mark.parametrize("prefix, address", VECTORS)
def test_every_prefix_length_puts_the_address_where_rfc_6052_says(site, start, prefix, address):
    answer = start(dns64={"prefixes": [prefix]}).query("global.example.com.", "AAAA")
    assert len(answer.values("AAAA")) == 1 and same(answer.values("AAAA")[0], address), answer


# Covers: D64-04
def test_the_well_known_prefix_is_the_default(site, resolver_factory):
    config = site.config()
    del config["dns64"]
    answer = resolver_factory(config).query("global.example.com.", "AAAA")
    assert answer.values("AAAA") == ["64:ff9b::4e00:605b"]


# Covers: ADR-05, ADR-06
@pytest.mark.parametrize("address", ["10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.0.1", "172.16.0.1", "192.0.0.1",
                                     "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1",
                                     "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.0"])
def test_special_purpose_addresses_stay_out_of_the_well_known_prefix(site, start, address):
    site.edit("example.com.", add=f"special A {address}")
    answer = start(dns64={"prefixes": ["64:ff9b::/96"]}).query("special.example.com.", "AAAA")
    assert answer.nodata and not answer.answer() and len(answer.soa) == 1


# Covers: ADR-05, ADR-09
@pytest.mark.parametrize("dns64", [
    {"prefixes": ["2001:db8:64::/96"]}, {"prefixes": ["64:ff9b:1::/96"]},
    {"prefixes": ["64:ff9b::/96"], "allow_nonglobal_with_well_known_prefix": True}],
    ids=["own prefix", "local use", "allowed"])
def test_special_purpose_addresses_are_mapped_under_other_prefixes_or_where_allowed(site, start, dns64):
    site.edit("example.com.", add="special A 10.0.0.1")
    values = start(dns64=dns64).query("special.example.com.", "AAAA").values("AAAA")
    assert len(values) == 1 and values[0].endswith("::a00:1")


# Covers: ADR-05
def test_of_a_mixed_set_only_the_global_addresses_are_mapped(site, start):
    site.edit("example.com.", add="mixed A 10.0.0.1\nmixed A 78.0.96.91")
    answer = start(dns64={"prefixes": ["64:ff9b::/96"]}).query("mixed.example.com.", "AAAA")
    assert answer.values("AAAA") == ["64:ff9b::4e00:605b"]


# Covers: D64-06, T3
def test_selection_all_gives_one_record_for_each_address_and_prefix_in_order(site, start):
    subject = start(dns64={"prefixes": ["2001:db8:a::/96", "2001:db8:b::/96"], "selection": "all"})
    values = subject.query("several.example.com.", "AAAA").values("AAAA")
    assert len(values) == 6
    for first, second in zip(values[::2], values[1::2]):
        assert first.replace(":a::", ":b::") == second


# Covers: T3
def test_selection_first_uses_the_first_prefix(site, start):
    subject = start(dns64={"prefixes": ["2001:db8:a::/96", "2001:db8:b::/96"]})
    assert all(v.startswith("2001:db8:a::") for v in subject.query("several.example.com.", "AAAA").values("AAAA"))


# Covers: D64-02, D64-06
def test_for_a_chooses_the_prefix_by_the_longest_match(site, start):
    site.edit("example.com.", add="m A 198.51.100.1\nm A 198.51.100.200\nm A 203.0.113.1")
    subject = start(dns64={"prefixes": [
        "2001:db8:a::/96", {"prefix": "2001:db8:b::/96", "for_a": ["198.51.100.0/24"]},
        {"prefix": "2001:db8:c::/96", "for_a": ["198.51.100.128/25"]}]})
    assert sorted(subject.query("m.example.com.", "AAAA").values("AAAA")) == [
        "2001:db8:a::cb00:7101", "2001:db8:b::c633:6401", "2001:db8:c::c633:64c8"]


# Covers: D64-02
def test_an_address_that_no_prefix_is_for_is_not_synthesized(site, start):
    subject = start(dns64={"prefixes": [{"prefix": "2001:db8:b::/96", "for_a": ["198.51.100.0/24"]}]})
    assert subject.query("v4.example.com.", "AAAA").nodata


# Covers: T53
def test_a_draining_prefix_gives_no_addresses_but_keeps_its_reverse_names(site, start):
    site.zone("96.0.78.in-addr.arpa.", "91 PTR host.example.com.")
    subject = start(dns64={"prefixes": [{"prefix": "2001:db8:a::/96", "state": "draining"}, "2001:db8:b::/96"],
                           "selection": "all"})
    assert subject.query("global.example.com.", "AAAA").values("AAAA") == ["2001:db8:b::4e00:605b"]
    name = ipaddress.ip_address("2001:db8:a::4e00:605b").reverse_pointer
    assert subject.query(f"{name}.", "PTR").values("PTR") == ["host.example.com."]


# Covers: T1, T2, D64-29
def test_two_listeners_with_two_prefixes_share_one_cache(site, start, net):
    listeners = [{"address": net.ipv4(), "port": 53, "view": "one"}, {"address": net.ipv4(), "port": 53, "view": "two"}]
    subject = start(listeners=listeners, views={
        "one": {"dns64": {"prefixes": ["2001:db8:a::/96"]}}, "two": {"dns64": {"prefixes": ["2001:db8:b::/96"]}}})
    for name in ("v4", "www", "several", "global"):
        for number, label in ((0, "a"), (1, "b"), (0, "a"), (1, "b")):
            before = len(site.log)
            answer = subject.query(f"{name}.example.com.", "AAAA", to=number)
            assert answer.values("AAAA") and all(v.startswith(f"2001:db8:{label}::") for v in answer.values("AAAA"))
            if number:
                assert len(site.log) == before, "the second listener's question was not a cache hit"


# Covers: T2, D64-08, T48
def test_views_are_chosen_by_client_network_and_the_listener_comes_first(site, start, net):
    inside, outside = net.ipv4(), net.ipv4()
    listeners = [{"address": net.ipv4(), "port": 53}, {"address": net.ipv4(), "port": 53, "view": "off"}]
    subject = start(listeners=listeners, views={
        "inside": {"clients": [f"{inside}/32"], "dns64": {"prefixes": ["2001:db8:a::/96"]}},
        "off": {"dns64": {"enabled": False}}})

    def ask(source, to):
        return subject.query("v4.example.com.", "AAAA", source=source, to=to).values("AAAA")
    for _ in ("cold", "cached"):
        assert ask(inside, 0) == ["2001:db8:a::c000:221"]
        assert ask(outside, 0) == ["2001:db8:64::c000:221"]
        assert ask(inside, 1) == [] and ask(outside, 1) == []


# Covers: T2
def test_the_first_view_that_matches_is_used_and_inherits_what_it_does_not_name(site, start, net):
    source = net.ipv4()
    subject = start(dns64={"exempt_names": ["dual.example.com", "v4.example.com"]}, views={
        "narrow": {"clients": [f"{source}/32"], "dns64": {"prefixes": ["2001:db8:a::/96"]}},
        "wide": {"clients": ["127.0.0.0/8"], "dns64": {"prefixes": ["2001:db8:b::/96"], "exempt_names": []}}})
    assert subject.query("global.example.com.", "AAAA", source=source).values("AAAA") == ["2001:db8:a::4e00:605b"]
    assert subject.query("v4.example.com.", "AAAA", source=source).nodata
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:b::c000:221"]


# Covers: D64-08, T4, T5, T7
def test_clients_over_ipv4_can_be_left_without_synthesis(site, start, net):
    if not net.has_ipv6():
        pytest.skip("the host has no IPv6 loopback address")
    subject = start(listeners=[{"address": net.ipv4(), "port": 53}, {"address": "::1", "port": net.free_port("::1")}],
                    dns64={"clients_over_ipv4": False})
    assert subject.query("v4.example.com.", "AAAA", to=0).nodata
    assert subject.query("v4.example.com.", "AAAA", to=1).values("AAAA") == ["2001:db8:64::c000:221"]
    assert start().query("v4.example.com.", "AAAA").values("AAAA")


# Covers: D64-09, T9
def test_exempt_names_are_never_synthesized_nor_is_what_lies_below(site, start):
    site.edit("example.com.", add="a.v4 A 192.0.2.70\nnotv4 A 192.0.2.71")
    subject = start(dns64={"exempt_names": ["V4.example.com"]})
    for name in ("v4.example.com.", "a.v4.example.com."):
        answer = subject.query(name, "AAAA")
        assert answer.nodata and len(answer.soa) == 1
    assert subject.query("notv4.example.com.", "AAAA").values("AAAA")


# Covers: T10, T11
def test_always_synthesize_names_hides_native_addresses_where_there_is_a_usable_a(site, start):
    subject = start(dns64={"always_synthesize_names": ["example.com"], "exclude_a": ["192.0.2.1/32"]})
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:222"]
    assert subject.query("v6.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::1"]
    assert subject.query("dual.example.net.", "AAAA").values("AAAA") == ["2001:db8:2::2"]
    site.edit("example.com.", add="own A 192.0.2.1\nown AAAA 2001:db8:1::9")
    assert subject.query("own.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::9"]


# Covers: T13
def test_append_names_gives_native_first_and_synthesized_after(site, start):
    subject = start(dns64={"append_names": ["example.com"]})
    assert subject.query("dual.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::2", "2001:db8:64::c000:222"]
    assert subject.query("v6.example.com.", "AAAA").values("AAAA") == ["2001:db8:1::1"]
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]


# Covers: T15, T40
def test_hide_a_gives_nodata_for_a_and_still_uses_it_inside(site, start):
    subject = start(dns64={"hide_a": True})
    answer = subject.query("v4.example.com.", "A", edns=1232)
    assert answer.nodata and not answer.answer() and len(answer.soa) == 1 and answer.ede == [17]
    assert answer.soa[0][0] == "example.com."
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
    assert subject.query("nx.example.com.", "A").rcode == "NXDOMAIN"
    www = subject.query("www.example.com.", "A")
    assert "A" not in www.types()


# Covers: T8, T40, D64-33
def test_synthesis_works_from_raw_records_before_anything_hides_them(site, start, net):
    source = net.ipv4()
    subject = start(views={"hiding": {"clients": [f"{source}/32"], "dns64": {"hide_a": True}}})
    assert subject.query("v4.example.com.", "A", source=source).nodata
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    for client in (source, None):
        assert subject.query("v4.example.com.", "AAAA", source=client).values("AAAA") == ["2001:db8:64::c000:221"]


# Covers: T22, D64-29
@pytest.mark.parametrize("how", ["SIGHUP", "resolve64ctl reload"])
def test_a_changed_prefix_acts_at_once_without_an_upstream_query(site, start, how):
    subject = start()
    subject.query("v4.example.com.", "AAAA")
    subject.query("v4.example.com.", "AAAA")
    site.forget()
    changed = merge(subject.config, {"dns64": {"prefixes": ["2001:db8:beef::/96"]}})
    subject.write(changed)
    if how == "SIGHUP":
        subject.signal(signal.SIGHUP)
        wait_until(lambda: subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:beef::c000:221"],
                   5, "the new prefix")
    else:
        subject.ctl("reload")
        assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:beef::c000:221"]
    assert not site.log


# Covers: T6, T21
def test_foreign_synthesized_addresses_are_treated_as_absent(site, start):
    site.edit("example.com.", add="theirs A 192.0.2.72\ntheirs AAAA 64:ff9b::c000:248\n"
              "other A 192.0.2.73\nother AAAA 2001:db8:f0e::c000:249")
    subject = start(dns64={"foreign_prefixes": ["2001:db8:f0e::/96"]})
    assert subject.query("theirs.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:248"]
    assert subject.query("other.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:249"]


# Covers: T56
def test_dnssec_mode_break_synthesizes_even_with_do(site, start):
    subject = start(dns64={"dnssec_mode": "break"})
    assert subject.query("v4.example.com.", "AAAA", do=True).values("AAAA") == ["2001:db8:64::c000:221"]


# Covers: D64-60, D64-61, D64-62
@pytest.mark.parametrize("rtype", ["HTTPS", "SVCB"])
def test_service_bindings_bring_the_targets_synthesized_address(site, start, rtype):
    site.edit("example.com.", add=f"svc {rtype} 1 v4 alpn=h2 ipv4hint=192.0.2.33 key65000=abc\n"
              f"self {rtype} 1 . ipv6hint=2001:db8::5\nself A 192.0.2.74\nboth {rtype} 1 dual\n"
              f"far {rtype} 1 v4.example.net.")
    subject = start()
    off = start(dns64={"enabled": False})
    for owner, target, value in (("svc", "v4.example.com.", "2001:db8:64::c000:221"),
                                 ("self", "self.example.com.", "2001:db8:64::c000:24a"),
                                 ("both", "dual.example.com.", "2001:db8:1::2"),
                                 ("far", "v4.example.net.", "2001:db8:64::c000:285")):
        answer = subject.query(f"{owner}.example.com.", rtype, edns=1232)
        assert [(r[0], r[3]) for r in answer.additional("AAAA")] == [(target, value)], answer
        rdata = [rrset[0].to_wire() for rrset in answer.message.answer]
        plain = off.query(f"{owner}.example.com.", rtype, edns=1232)
        assert rdata == [rrset[0].to_wire() for rrset in plain.message.answer]
        assert value not in [r[3] for r in plain.additional("AAAA") if value.startswith("2001:db8:64:")]


# Covers: D64-60
def test_service_bindings_bring_no_synthesized_address_with_cd_or_when_switched_off(site, start):
    site.edit("example.com.", add="svc HTTPS 1 v4 alpn=h2")
    assert not start().query("svc.example.com.", "HTTPS", cd=True).additional("AAAA")
    assert not start(dns64={"https_additional": False}).query("svc.example.com.", "HTTPS").additional("AAAA")


# Covers: D64-63, D64-64
def test_trouble_with_the_target_is_no_trouble_for_the_answer(site, com, start):
    site.edit("example.com.", add="a0 HTTPS 0 a1\na1 HTTPS 0 a0\ngone HTTPS 1 nx.example.com.\nquiet HTTPS 1 silent")
    com.on(behave.silence(), name="silent.example.com.")
    subject = start(upstream={"timeout": "3s"})
    for owner in ("a0", "gone", "quiet"):
        answer = subject.query(f"{owner}.example.com.", "HTTPS", edns=1232)
        assert answer.rcode == "NOERROR" and len(answer.values("HTTPS")) >= 1
