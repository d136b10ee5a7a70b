"""Names that are answered here: special-use names, empty reverse zones, zone files of the operator."""

import ipaddress

import pytest

EMPTY_ZONES = ([f"{i}.in-addr.arpa." for i in (10, 0, 127, "254.169", "2.0.192", "100.51.198", "113.0.203",
                                               "255.255.255.255", "168.192", *(f"{n}.172" for n in range(16, 32)),
                                               "64.100", "100.100", "127.100")]
               + ["d.f.ip6.arpa.", "8.e.f.ip6.arpa.", "9.e.f.ip6.arpa.", "a.e.f.ip6.arpa.", "b.e.f.ip6.arpa.",
                  "8.b.d.0.1.0.0.2.ip6.arpa.", "0." * 32 + "ip6.arpa.", "1." + "0." * 31 + "ip6.arpa."])


@pytest.fixture
def subject(site, start):
    return start()


# Covers: LOC-03
@pytest.mark.parametrize("name", ["localhost.", "LocalHost.", "x.localhost.", "a.b.localhost."])
def test_localhost_is_the_loopback_address(site, subject, name):
    assert subject.query(name, "A").values("A") == ["127.0.0.1"]
    assert subject.query(name, "AAAA").values("AAAA") == ["::1"]
    answer = subject.query(name, "TXT")
    assert answer.nodata and not answer.answer()
    assert not site.queries(below="localhost.")


# Covers: LOC-03
@pytest.mark.parametrize("name", ["invalid.", "x.invalid.", "test.", "www.test.", "onion.", "abc.onion.", "local.",
                                  "printer.local."])
@pytest.mark.parametrize("rtype", ["A", "AAAA"])
def test_names_that_do_not_exist_by_definition_are_denied_here(site, subject, name, rtype):
    answer = subject.query(name, rtype)
    apex = name.count(".") == 1
    assert answer.rcode == "NXDOMAIN" or (apex and answer.nodata), answer
    assert len(answer.soa) == 1 and not answer.answer() and "AD" not in answer.flags
    assert not site.queries(below=name)


@pytest.mark.parametrize("name", ["example.", "www.example.", "example.com.", "example.net.", "x.alt."])
def test_documentation_names_and_alt_are_resolved(site, subject, name):
    subject.query(name, "A")
    assert any(q.labels and name.rstrip(".").endswith(q.labels[-1].decode()) for q in site.log)


# Covers: LOC-01, LOC-02, LOC-03
@pytest.mark.parametrize("zone", EMPTY_ZONES)
def test_private_reverse_zones_are_empty(site, subject, zone):
    soa = subject.query(zone, "SOA")
    assert soa.values("SOA") == [f"{zone} nobody.invalid. 1 3600 1200 604800 10800"], soa
    assert soa.ttl("SOA") == 10800 and "AA" in soa.flags
    assert subject.query(zone, "NS").values("NS") == [zone]
    assert subject.query(zone, "TXT").nodata
    if not zone.startswith(("0.0.", "1.0.0.0.")):
        below = subject.query(f"5.{zone}", "PTR")
        assert below.rcode == "NXDOMAIN" and len(below.soa) == 1 and below.soa[0][0] == zone
        assert "AA" in below.flags
    assert not site.queries(below=zone)


def test_the_loopback_addresses_have_a_name(subject):
    for name in ("1.0.0.127.in-addr.arpa.", "1." + "0." * 31 + "ip6.arpa."):
        assert subject.query(name, "PTR").values("PTR") == ["localhost."]


@pytest.mark.parametrize("zone", ["home.arpa.", "service.arpa."])
def test_home_arpa_and_service_arpa_are_empty(site, subject, zone):
    assert subject.query(f"x.{zone}", "AAAA").rcode == "NXDOMAIN"
    assert subject.query(zone, "A").nodata
    assert not site.queries(below=zone)


# Covers: LOC-05
def test_the_ds_of_home_arpa_comes_from_arpa(site, subject):
    subject.query("home.arpa.", "DS", do=True)
    assert site.queries("home.arpa.", "DS")


# Covers: CLI-15, CLI-16, CLI-17
@pytest.mark.parametrize("name, rtype", [("resolver.arpa.", "A"), ("resolver.arpa.", "AAAA"), ("resolver.arpa.", "TXT"),
                                         ("_dns.resolver.arpa.", "SVCB"), ("_dns.resolver.arpa.", "A"),
                                         ("x.resolver.arpa.", "AAAA")])
def test_resolver_arpa_is_never_asked_upstream(site, subject, name, rtype):
    answer = subject.query(name, rtype)
    assert answer.nodata and not answer.answer()
    assert not site.queries(below="resolver.arpa.")


# Covers: CAC-14
@pytest.mark.parametrize("name", ["version.bind.", "version.server.", "id.server.", "hostname.bind.", "other.example."])
def test_class_ch_is_refused_by_default(site, subject, name):
    assert subject.query(name, "TXT", rclass="CH").rcode == "REFUSED"
    assert not site.log or all(q.qclass == 1 for q in site.log)


# Covers: LOC-06
@pytest.mark.parametrize("name", ["notlocalhost.", "localhost.example.com.", "xtest.", "10.in-addr.arpa.example.com."])
def test_names_that_only_look_alike_are_ordinary(site, subject, name):
    assert "127.0.0.1" not in subject.query(name, "A").values("A")
    assert any(name.rstrip(".").endswith(q.name.rstrip(".")) and q.labels for q in site.log), site.authority.dump()


def test_builtin_zones_can_be_switched_off_one_by_one(site, start):
    site.zone("test.", "www A 192.0.2.90")
    site.zone("10.in-addr.arpa.", "1.0.0 PTR host.test.")
    subject = start(builtin_zones={"except": ["test", "10.in-addr.arpa"]})
    assert subject.query("www.test.", "A").values("A") == ["192.0.2.90"]
    assert subject.query("1.0.0.10.in-addr.arpa.", "PTR").values("PTR") == ["host.test."]
    assert subject.query("www.invalid.", "A").rcode == "NXDOMAIN"
    assert subject.query("1.168.192.in-addr.arpa.", "PTR").rcode == "NXDOMAIN"


def test_builtin_zones_can_be_switched_off_together(site, start):
    site.zone("test.", "www A 192.0.2.90")
    assert start(builtin_zones=False).query("www.test.", "A").values("A") == ["192.0.2.90"]


# Covers: T16
def test_dns64_under_a_documentation_prefix_wins_over_its_empty_zone(site, start):
    site.zone("96.0.78.in-addr.arpa.", "91 PTR global.example.com.")
    name = ipaddress.ip_address("2001:db8:64::4e00:605b").reverse_pointer + "."
    assert start().query(name, "PTR").values("PTR") == ["global.example.com."]


ZONE = """$TTL 120
@ SOA ns hostmaster 7 3600 600 86400 60
@ NS ns
@ A 192.0.2.100
ns A 192.0.2.101
v4 A 192.0.2.102
both A 192.0.2.103
both AAAA 2001:db8:5::1
alias CNAME v4
out CNAME v4.example.com.
*.wild TXT "w"
d DNAME example.net.
a.b.ent A 192.0.2.104
sub NS ns.sub
ns.sub A 192.0.2.105
"""


@pytest.fixture
def local(site, start, tmp_path):
    """A resolver with a zone file for lab.example."""
    (tmp_path / "lab.zone").write_text(ZONE)
    return start(zones=[{"zone": "lab.example", "file": str(tmp_path / "lab.zone")}])


def test_a_zone_file_is_answered_with_authority(site, local):
    answer = local.query("v4.lab.example.", "A")
    assert answer.values("A") == ["192.0.2.102"] and answer.ttl("A") == 120 and "AA" in answer.flags
    nx = local.query("nx.lab.example.", "A")
    assert nx.rcode == "NXDOMAIN" and nx.soa[0][1] == 60 and "AA" in nx.flags
    assert local.query("v4.lab.example.", "TXT").nodata
    assert local.query("b.ent.lab.example.", "A").nodata
    assert local.query("x.wild.lab.example.", "TXT").values("TXT") == ['"w"']
    assert not site.queries(below="lab.example.")


# Covers: T16, LOC-03
def test_local_data_goes_through_dns64_like_any_other(site, local):
    assert local.query("v4.lab.example.", "AAAA").values("AAAA") == ["2001:db8:64::c000:266"]
    assert local.query("both.lab.example.", "AAAA").values("AAAA") == ["2001:db8:5::1"]
    assert local.query("alias.lab.example.", "AAAA").types() == ["CNAME", "AAAA"]
    nodata = local.query("x.wild.lab.example.", "AAAA")
    assert nodata.nodata and len(nodata.soa) == 1
    assert not site.queries(below="lab.example.")


# Covers: T31
def test_an_alias_out_of_a_local_zone_is_followed(local):
    assert local.query("out.lab.example.", "A").types() == ["CNAME", "A"]
    assert local.query("out.lab.example.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
    assert local.query("v4.d.lab.example.", "A").types() == ["DNAME", "CNAME", "A"]


# Covers: REC-27
def test_an_nxdomain_above_does_not_cut_a_local_zone_off(site, local):
    assert local.query("other.example.", "A").rcode == "NXDOMAIN"
    assert local.query("example.", "A").rcode == "NXDOMAIN"
    assert local.query("v4.lab.example.", "A").values("A") == ["192.0.2.102"]


def test_a_changed_zone_file_is_read_at_reload(local, tmp_path):
    (tmp_path / "lab.zone").write_text(ZONE.replace("192.0.2.102", "192.0.2.202"))
    assert local.query("v4.lab.example.", "A").values("A") == ["192.0.2.102"]
    local.ctl("reload")
    assert local.query("v4.lab.example.", "A").values("A") == ["192.0.2.202"]


def test_a_broken_zone_file_at_reload_keeps_the_old_zone(local, tmp_path):
    (tmp_path / "lab.zone").write_text("this is not a zone file (")
    done = local.ctl("reload", check=False)
    assert done.returncode == 1 and "lab.zone" in done.stdout + done.stderr
    assert local.query("v4.lab.example.", "A").values("A") == ["192.0.2.102"]
