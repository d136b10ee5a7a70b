"""IPv6-only clients reach an IPv4-only server by name: resolve64, a real NAT64, real clients."""

import json
import re
import subprocess

import pytest

from labrun import PREFIXES, WEB, run

FAILING = ["dead", "sigfail", "expired", "dnssec-failed"]


# Covers: D64-05, D64-26, ADR-02
@pytest.mark.parametrize("length", PREFIXES)
def test_curl_fetches_the_page_of_an_ipv4_only_server_by_name(lab, length):
    page = lab.client(length, "curl", "-6", "-sS", "--noproxy", "*", "--max-time", "15",
                      "-w", "%{remote_ip}", "http://www.v4only.example/")
    assert "Hello from the IPv4-only web server 78.0.96.91" in page
    assert "You asked for www.v4only.example" in page
    assert page.endswith(WEB[length]), page


def test_the_printed_curl_lines_work_as_they_are_printed(lab):
    lines = lab.printed("ip netns exec")
    assert len(lines) == len(PREFIXES), lab.output
    for line in lines:
        assert " curl -6 " in line
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and "Hello from the IPv4-only web server" in done.stdout, f"{line}: {done}"


def test_every_printed_dig_line_gets_an_answer(lab):
    lines = lab.printed("dig ")
    assert len(lines) > 12, lab.output
    for line in lines:
        answer = run(*line.split(), "+tries=1", "+time=15")
        wanted = "SERVFAIL" if any(f"www.{name}.example" in line for name in FAILING) else "NOERROR"
        assert f"status: {wanted}" in answer, f"{line}\n{answer}"


# Covers: D64-22
@pytest.mark.parametrize("name", ["shop.alias.example", "www.old.dname.example", "www.glueless.example",
                                  "www.lame.example", "anything.wildcard.example", "www.team.deep.example"])
def test_the_page_is_reached_through_aliases_and_odd_delegations(lab, name):
    page = lab.client(96, "curl", "-6", "-sS", "--noproxy", "*", "--max-time", "15", f"http://{name}/")
    assert f"You asked for {name}" in page


# Covers: T1, T2, U1, D64-29
def test_the_same_name_has_another_prefix_at_another_address_and_one_cache_serves_both(lab):
    name = "a.b.c.v4only.example"
    assert lab.short(96, name, "AAAA") == [WEB[96]]
    authorities, before = lab.authority_queries(), lab.stats()
    assert lab.short(32, name, "AAAA") == [WEB[32]]
    assert lab.short(64, name, "AAAA") == [WEB[64]]
    assert lab.short(96, name, "AAAA") == [WEB[96]]
    after = lab.stats()
    assert lab.authority_queries() == authorities
    assert after["upstream_queries"] == before["upstream_queries"]
    assert after["cache_hits"] > before["cache_hits"]
    assert after["synthesized"] == before["synthesized"] + 3


# Covers: T3, D64-06
def test_an_address_with_all_the_prefixes_gives_the_name_under_each(lab):
    answer = run("dig", f"@{lab.about['all']['address']}", "www.v4only.example", "AAAA", "+short").split()
    assert answer == [WEB[96], WEB[32], WEB[64]]


# Covers: D64-33
def test_kdig_gets_the_same_over_tcp_as_dig_over_udp(lab):
    address = lab.resolver(64)["address"]
    kdig = run("kdig", f"@{address}", "www.v4only.example", "AAAA", "+short", "+tcp").split()
    assert kdig == lab.short(64, "www.v4only.example", "AAAA") == [WEB[64]]
    whole = run("kdig", f"@{address}", "www.v4only.example", "AAAA")
    assert re.search(r"Flags: qr rd ra;", whole), whole


# Covers: D64-12, D64-18, D64-19, D64-20, T14
def test_real_ipv6_addresses_come_through_and_mapped_ones_do_not(lab):
    assert lab.short(96, "www.v6only.example", "AAAA") == ["2001:db8:64:80::6"]
    assert lab.short(96, "www.dual.example", "AAAA") == ["2001:db8:64:80::92"]
    assert lab.short(96, "mixed.dual.example", "AAAA") == ["2001:db8:64:80::92"]
    assert lab.short(96, "mapped.dual.example", "AAAA") == ["64:ff9b::4e00:605c"]


# Covers: ADR-05, ADR-06
@pytest.mark.parametrize("name,ipv4", [("private10", "0a00:0001"), ("private172", "ac10:0001"),
                                       ("private192", "c0a8:0001"), ("shared", "6440:0001"),
                                       ("linklocal", "a9fe:0001"), ("loopback", "7f00:0001"),
                                       ("doc1", "c000:0221"), ("doc2", "c633:6401"), ("doc3", "cb00:7101"),
                                       ("benchmark", "c612:0001"), ("multicast", "e000:0001"),
                                       ("reserved", "f000:0001")])
def test_special_addresses_are_not_put_under_the_well_known_prefix(lab, name, ipv4):
    assert lab.short(96, f"{name}.special.example", "AAAA") == []
    high, low = (f"{int(half, 16):x}" for half in ipv4.split(":"))
    assert lab.short(32, f"{name}.special.example", "AAAA") == [f"2607:7700:{high}:{low}::"]


# Covers: ADR-05
def test_what_is_global_is_kept_where_the_rest_is_not(lab):
    assert lab.short(96, "mixed.special.example", "AAAA") == [WEB[96]]


# Covers: D64-14, D64-15, T33, B2
@pytest.mark.parametrize("how", ["servfail", "refused", "notimp", "formerr", "silent", "empty", "lame", "clean"])
def test_an_aaaa_question_that_fails_does_not_stand_in_the_way(lab, how):
    assert lab.short(96, f"{how}.broken.example", "AAAA") == [WEB[96]]


# Covers: D64-13, B1
def test_nxdomain_for_the_aaaa_ends_it(lab):
    assert "status: NXDOMAIN" in lab.dig(96, "nxdomain.broken.example", "AAAA")


# Covers: D64-27, T43, B3
def test_a_synthesized_record_lives_no_longer_than_the_negative_answer(lab):
    def ttl(name):
        return int(lab.dig(64, name, "AAAA", "+noall", "+answer").split()[1])

    assert 290 <= ttl("two.v4only.example") <= 300
    assert 50 <= ttl("short.v4only.example") <= 60


# Covers: D64-43
@pytest.mark.parametrize("length", PREFIXES)
def test_the_address_leads_back_to_the_name(lab, length):
    answer = lab.short(length, "-x", WEB[length])
    assert answer[-1] == "www.v4only.example."


# Covers: DSC-01, DSC-02, DSC-03, T18, U6
@pytest.mark.parametrize("length,wanted", [(96, ["64:ff9b::c000:aa", "64:ff9b::c000:ab"]),
                                           (32, ["2607:7700:c000:aa::", "2607:7700:c000:ab::"]),
                                           (64, ["2001:db8:122:344:c0:0:aa00:0", "2001:db8:122:344:c0:0:ab00:0"])])
def test_a_client_discovers_its_prefix_and_nobody_else_is_asked(lab, length, wanted):
    assert lab.short(length, "ipv4only.arpa", "AAAA") == wanted
    assert sorted(lab.short(length, "ipv4only.arpa", "A")) == ["192.0.0.170", "192.0.0.171"]
    # Not by the servers' counts: the lookup of an AAAA that stayed silent goes on after its client was answered.
    for rtype in ("AAAA", "A"):
        account = json.loads(lab.ctl("explain", "ipv4only.arpa", rtype, "--json"))
        assert account["upstream_queries"] == 0, account


# Covers: D64-32, D64-60, D64-61
def test_records_that_name_hosts_are_left_as_they_are(lab):
    assert lab.short(96, "services.example", "MX") == ["10", "mail.services.example.", "20", "www.dual.example."]
    answer = lab.dig(96, "www.services.example", "HTTPS")
    assert "ipv4hint=78.0.96.91" in answer
    additional = answer.split("ADDITIONAL SECTION:")[-1]
    assert re.search(r"web\.services\.example\.\s+\d+\s+IN\s+AAAA\s+64:ff9b::4e00:605b", additional), answer


# Covers: REC-20
def test_a_zone_that_only_ipv6_reaches_is_resolved(lab):
    assert lab.short(96, "www.sixserved.test", "AAAA") == [WEB[96]]


def test_the_clients_own_resolver_library_finds_the_address(lab):
    hosts = lab.client(32, "getent", "ahostsv6", "www.v4only.example")
    assert hosts.split()[0] == WEB[32]


# Covers: U9
def test_explain_tells_the_prefix_and_the_answer(lab):
    text = lab.ctl("explain", "www.v4only.example", "AAAA", "--view", "p32")
    assert PREFIXES[32] in text and WEB[32] in text
    steps = json.loads(lab.ctl("explain", "www.v4only.example", "AAAA", "--view", "p64", "--json"))
    assert WEB[64] in json.dumps(steps)


# Covers: D64-22, D64-23, D64-25, REC-25, REC-28, T46, T47
@pytest.mark.parametrize("name,status,owners,types", [
    ("three.alias.example", "NOERROR", "three two inside host", "CNAME CNAME CNAME AAAA"),
    ("dangling.alias.example", "NXDOMAIN", "dangling", "CNAME"),
    ("www.inside.dname.example", "NOERROR", "inside www.inside www.here", "DNAME CNAME AAAA"),
    ("below.empty.wildcard.example", "NOERROR", "below.empty", "AAAA"),
    ("empty.wildcard.example", "NOERROR", "", ""),
    ("exact.wildcard.example", "NOERROR", "", ""),
    ("text.v4only.example", "NOERROR", "", ""),
    ("nothing.v4only.example", "NXDOMAIN", "", ""),
    ("many.v4only.example", "NOERROR", " ".join(["many"] * 16), " ".join(["AAAA"] * 16)),
])
def test_the_zones_show_what_their_table_says(lab, name, status, owners, types):
    answer = lab.dig(96, name, "AAAA")
    assert f"status: {status}," in answer, answer
    section = answer.partition("ANSWER SECTION:\n")[2].partition("\n\n")[0]
    records = [line.split() for line in section.splitlines()]
    zone = name.split(".", name.count(".") - 1)[-1]
    assert [record[0] for record in records] == [f"{owner}.{zone}." for owner in owners.split()], answer
    assert [record[3] for record in records] == types.split(), answer


# Covers: D64-23
@pytest.mark.parametrize("name", ["loop.alias.example", "www.dead.example"])
def test_what_cannot_be_found_out_is_servfail(lab, name):
    assert "status: SERVFAIL," in lab.dig(96, name, "AAAA")
