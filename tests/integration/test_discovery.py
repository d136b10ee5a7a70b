"""ipv4only.arpa and the reverse names of synthesized addresses (RFC 7050, RFC 8880, RFC 6147 section 5.3.1)."""

import ipaddress

import pytest

from support import behave

WELL_KNOWN = [ipaddress.IPv4Address("192.0.0.170"), ipaddress.IPv4Address("192.0.0.171")]
PREFIXES = ["64:ff9b::/96", "2001:db8:122:344::/96", "2001:db8:122:344::/64", "2001:db8:122:300::/56",
            "2001:db8:122::/48", "2001:db8:100::/40", "2607:7700::/32"]
# Where the four octets of the IPv4 address lie in the sixteen, by prefix length (RFC 6052 section 2.2).
POSITIONS = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11), 64: (9, 10, 11, 12),
             96: (12, 13, 14, 15)}


def embed(prefix, ipv4):
    network = ipaddress.ip_network(prefix)
    octets = bytearray(network.network_address.packed)
    for position, octet in zip(POSITIONS[network.prefixlen], ipaddress.IPv4Address(ipv4).packed):
        octets[position] = octet
    return ipaddress.IPv6Address(bytes(octets))


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


def discover(addresses):
    """The client's heuristic of RFC 7050 section 3: the prefixes that these answers give away."""
    found = set()
    for text in addresses:
        packed = ipaddress.IPv6Address(text).packed
        for length, positions in POSITIONS.items():
            if ipaddress.IPv4Address(bytes(packed[p] for p in positions)) in WELL_KNOWN:
                rest = bytearray(packed)
                for p in positions:
                    rest[p] = 0
                if not any(rest[length // 8:]):
                    found.add(str(ipaddress.ip_network((bytes(rest), length))))
    return found


# Covers: DSC-01, DSC-02, T18
def test_the_a_records_are_the_two_well_known_addresses_without_an_upstream_query(world, start):
    answer = start().query("ipv4only.arpa.", "A")
    assert sorted(answer.values("A")) == ["192.0.0.170", "192.0.0.171"]
    assert answer.ttl("A") == 600
    assert not world.queries(below="arpa.")


# Covers: DSC-03, DSC-07, DSC-10, DSC-11, ADR-07, T20
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_client_finds_exactly_the_configured_prefix(world, start, prefix):
    answer = start(dns64={"prefixes": [prefix]}).query("ipv4only.arpa.", "AAAA")
    expected = {str(embed(prefix, "192.0.0.170")), str(embed(prefix, "192.0.0.171"))}
    assert {str(ipaddress.ip_address(v)) for v in answer.values("AAAA")} == expected
    assert len(answer.values("AAAA")) == 2
    assert prefix in discover(answer.values("AAAA"))
    assert "AD" not in answer.flags and answer.ttl("AAAA") == 600
    assert not world.queries(below="arpa.")


# Covers: DSC-03, D64-07
def test_several_prefixes_are_told_in_the_configured_order_every_time(world, start):
    prefixes = ["2001:db8:c::/96", "2001:db8:a::/96", "2001:db8:b::/96"]
    subject = start(dns64={"prefixes": prefixes, "selection": "all", "max_records": 2})
    for _ in range(5):
        values = subject.query("ipv4only.arpa.", "AAAA").values("AAAA")
        assert len(values) == 6
        assert [v.split("::")[0] + "::/96" for v in values[::2]] == prefixes


# Covers: DSC-03, T1
def test_each_view_tells_its_own_prefix(world, start, net):
    listeners = [{"address": net.ipv4(), "port": 53}, {"address": net.ipv4(), "port": 53, "view": "jool"}]
    subject = start(listeners=listeners, views={"jool": {"dns64": {"prefixes": ["2001:db8:777::/96"]}}})
    assert all(v.startswith("2001:db8:64::") for v in subject.query("ipv4only.arpa.", "AAAA").values("AAAA"))
    assert all(v.startswith("2001:db8:777::") for v in subject.query("ipv4only.arpa.", "AAAA", to=1).values("AAAA"))


# Covers: DSC-04
@pytest.mark.parametrize("rtype", ["SOA", "NS", "TXT", "HTTPS", "MX", "TYPE1000"])
def test_other_types_are_nodata_with_an_soa(world, start, rtype):
    answer = start().query("ipv4only.arpa.", rtype)
    assert answer.nodata and not answer.answer() and len(answer.soa) == 1
    assert not world.queries(below="arpa.")


# Covers: DSC-05
def test_ds_is_resolved_through_arpa(site, start):
    site.edit("arpa.", add="ipv4only NS ns1.example.com.")
    subject = start()
    answer = subject.query("ipv4only.arpa.", "DS")
    assert answer.nodata
    assert site.queries("ipv4only.arpa.", "DS", server=site.servers["arpa."][0])


# Covers: DSC-06
@pytest.mark.parametrize("rtype", ["A", "AAAA", "TXT", "DS"])
def test_names_below_do_not_exist(world, start, rtype):
    for name in ("x.ipv4only.arpa.", "a.b.ipv4only.arpa."):
        assert start().query(name, rtype).rcode == "NXDOMAIN"
    assert not world.queries(below="arpa.")


# Covers: DSC-07, T18
@pytest.mark.parametrize("do, cd", [(True, False), (False, True), (True, True)])
def test_do_and_cd_do_not_change_the_answer(world, start, do, cd):
    subject = start()
    assert len(subject.query("IPv4only.ARPA.", "AAAA", do=do, cd=cd).values("AAAA")) == 2
    assert len(subject.query("ipv4only.arpa.", "A", do=do, cd=cd).values("A")) == 2


# Covers: T19, T15
def test_hiding_and_excluding_leave_it_alone(world, start):
    subject = start(dns64={"hide_a": True, "exclude_a": ["192.0.0.0/24"], "exempt_names": ["arpa"]})
    assert len(subject.query("ipv4only.arpa.", "A").values("A")) == 2
    assert len(subject.query("ipv4only.arpa.", "AAAA").values("AAAA")) == 2


# Covers: DSC-01
def test_a_forwarder_for_everything_does_not_get_it(world, start):
    upstream = world.new_server()
    upstream.zone(".", "ipv4only.arpa. A 192.0.2.66")
    subject = start(forward=[{"zone": ".", "servers": [upstream.address]}])
    assert sorted(subject.query("ipv4only.arpa.", "A").values("A")) == ["192.0.0.170", "192.0.0.171"]
    assert not world.queries("ipv4only.arpa.")


# Covers: DSC-09
def test_without_dns64_the_name_is_like_any_other(site, start):
    site.edit("arpa.", add="ipv4only A 192.0.0.170")
    answer = start(dns64={"enabled": False}).query("ipv4only.arpa.", "A")
    assert answer.values("A") == ["192.0.0.170"]
    assert site.queries("ipv4only.arpa.", "A")


# Covers: DSC-08
def test_the_reverse_names_of_the_two_addresses_are_resolved(site, start):
    site.zone("0.0.192.in-addr.arpa.", "170 PTR ipv4only.arpa.\n171 PTR ipv4only.arpa.")
    assert start().query("170.0.0.192.in-addr.arpa.", "PTR").values("PTR") == ["ipv4only.arpa."]
    assert site.queries("170.0.0.192.in-addr.arpa.", "PTR")


# Covers: D64-48
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("mode", ["cname", "synthesize"])
def test_the_two_addresses_under_a_prefix_have_a_name_at_once(world, start, prefix, mode):
    subject = start(dns64={"prefixes": [prefix], "reverse": mode})
    for address in WELL_KNOWN:
        answer = subject.query(reverse(embed(prefix, address)), "PTR")
        assert answer.types() == ["PTR"] and answer.values("PTR") == ["ipv4only.arpa."]
    assert not world.queries(below="arpa.")


@pytest.fixture
def reversed_site(site):
    """78.0.96.91 has a name, .92 has none, .93 is an alias (RFC 2317)."""
    site.zone("96.0.78.in-addr.arpa.", """
        @ 400 SOA ns1.96.0.78.in-addr.arpa. h.example.com. 1 2 3 4 400
        91 500 PTR global.example.com.
        93 500 CNAME 93.sub.96.0.78.in-addr.arpa.
        93.sub 450 PTR delegated.example.com.
    """)
    return site


# Covers: D64-40, D64-41, D64-43, T51, T54, VEC-01
@pytest.mark.parametrize("prefix", PREFIXES)
def test_reverse_names_lead_by_cname_to_in_addr_arpa(reversed_site, start, prefix):
    name = reverse(embed(prefix, "78.0.96.91"))
    answer = start(dns64={"prefixes": [prefix]}).query(name, "PTR")
    assert [(r[0], r[2], r[3]) for r in answer.answer()] == [
        (name, "CNAME", "91.96.0.78.in-addr.arpa."), ("91.96.0.78.in-addr.arpa.", "PTR", "global.example.com.")]
    assert 0 < answer.ttl("CNAME") <= 500 and "AD" not in answer.flags


# Covers: D64-45
@pytest.mark.parametrize("prefix", PREFIXES[:3])
def test_reverse_synthesize_gives_the_ptr_record_under_the_asked_name(reversed_site, start, prefix):
    name = reverse(embed(prefix, "78.0.96.91"))
    answer = start(dns64={"prefixes": [prefix], "reverse": "synthesize"}).query(name, "PTR")
    assert [(r[0], r[2], r[3]) for r in answer.answer()] == [(name, "PTR", "global.example.com.")]


# Covers: D64-41
def test_reverse_off_resolves_the_name_like_any_other(reversed_site, start):
    reversed_site.zone("4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", "*.0.0.0.0 PTR from.ip6.example.")
    subject = start(dns64={"reverse": "off"}, builtin_zones={"except": ["8.b.d.0.1.0.0.2.ip6.arpa"]})
    answer = subject.query(reverse("2001:db8:64::4e00:605b"), "PTR")
    assert "CNAME" not in answer.types()
    assert not reversed_site.queries(below="96.0.78.in-addr.arpa.")


# Covers: D64-44, T51
def test_without_a_ptr_record_the_denial_comes_without_a_dangling_cname(reversed_site, start):
    subject = start()
    answer = subject.query(reverse("2001:db8:64::4e00:605c"), "PTR")
    assert answer.rcode == "NXDOMAIN" and not answer.answer() and len(answer.soa) == 1


# Covers: D64-44, D64-43
def test_a_target_that_is_an_alias_gives_the_ptr_record_under_the_asked_name(reversed_site, start):
    name = reverse("2001:db8:64::4e00:605d")
    answer = start().query(name, "PTR")
    assert answer.values("PTR") == ["delegated.example.com."]
    assert [(r[0], r[2]) for r in answer.answer()] == [(name, "PTR")]


# Covers: D64-40
def test_the_well_known_prefix_is_reversed_even_where_another_is_configured(reversed_site, start):
    assert start().query(reverse("64:ff9b::4e00:605b"), "PTR").values("PTR") == ["global.example.com."]


# Covers: D64-46, VEC-03
def test_suffix_bits_are_ignored_and_the_reserved_octet_is_not(reversed_site, start):
    subject = start(dns64={"prefixes": ["2607:7700::/32"]})
    packed = bytearray(embed("2607:7700::/32", "78.0.96.91").packed)
    packed[15] = 0xFF
    assert subject.query(reverse(ipaddress.IPv6Address(bytes(packed))), "PTR").values("PTR") == ["global.example.com."]
    packed[8] = 1
    answer = subject.query(reverse(ipaddress.IPv6Address(bytes(packed))), "PTR")
    assert answer.rcode == "NXDOMAIN" and not answer.answer()


# Covers: D64-46
def test_addresses_outside_every_prefix_are_resolved_as_usual(reversed_site, start):
    reversed_site.zone("1.0.0.0.0.0.6.2.ip6.arpa.", "*.0 PTR elsewhere.example.")
    answer = start().query(reverse("2600:1::1"), "PTR")
    assert "CNAME" not in answer.types() and not reversed_site.queries(below="in-addr.arpa.")
    assert reversed_site.queries(below="ip6.arpa.")


# Covers: D64-40, B8
@pytest.mark.parametrize("nibbles", [24, 26, 28, 31])
def test_names_of_fewer_than_thirty_two_nibbles_are_ordinary(reversed_site, start, nibbles):
    labels = reverse("2607:7700:4e00:605b::").split(".")
    name = ".".join(labels[32 - nibbles:])
    answer = start(dns64={"prefixes": ["2607:7700::/32"]}).query(name, "PTR")
    assert "CNAME" not in answer.types()
    assert not reversed_site.queries(below="in-addr.arpa.")


# Covers: T52
def test_long_names_below_ip6_arpa_cost_no_more_than_others(reversed_site, start):
    subject = start(dns64={"prefixes": ["2607:7700::/32"]})
    name = "0." * 80 + reverse("2607:7700:4e00:605b::")
    for _ in range(20):
        assert subject.query(name, "PTR").rcode == "NXDOMAIN"
    assert not reversed_site.queries(below="in-addr.arpa.")


# Covers: D64-47
def test_with_cd_reverse_names_are_resolved_as_usual(reversed_site, start):
    answer = start(dns64={"prefixes": ["2607:7700::/32"]}).query(reverse("2607:7700:4e00:605b::"), "PTR", cd=True)
    assert not answer.answer() and not reversed_site.queries(below="in-addr.arpa.")


# Covers: D64-40
def test_only_ptr_questions_are_rewritten(reversed_site, start):
    answer = start(dns64={"prefixes": ["2607:7700::/32"]}).query(reverse("2607:7700:4e00:605b::"), "TXT")
    assert "CNAME" not in answer.types() and not reversed_site.queries(below="in-addr.arpa.")


# Covers: LOC-04
def test_reverse_names_of_private_addresses_stay_inside(reversed_site, start):
    subject = start()
    answer = subject.query(reverse("2001:db8:64::a00:1"), "PTR")
    assert answer.rcode == "NXDOMAIN" and len(answer.soa) == 1
    assert not reversed_site.queries(below="arpa.")


# Covers: D64-25, D64-43
def test_a_failing_reverse_zone_gives_servfail(reversed_site, start):
    reversed_site.servers["96.0.78.in-addr.arpa."][0].on(behave.rcode("SERVFAIL"))
    assert start().query(reverse("2001:db8:64::4e00:605b"), "PTR").rcode == "SERVFAIL"
