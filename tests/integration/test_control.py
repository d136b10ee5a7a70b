"""resolve64ctl: with a running resolver, and without one."""

import json

import pytest

from support import behave
from support.resolver import run_binary


def test_status_tells_version_listeners_views_and_cache(site, start):
    subject = start(views={"jool": {"clients": ["2001:db8::/32"], "dns64": {"prefixes": ["2001:db8:777::/96"]}}})
    subject.query("v4.example.com.", "A")
    text = subject.ctl("status").stdout
    for word in (subject.listen[0][0], "2001:db8:64::/96", "2001:db8:777::/96", "jool"):
        assert word in text, text
    structured = json.dumps(subject.status())
    for word in (subject.listen[0][0], "2001:db8:64::/96", "jool", "version", "uptime"):
        assert word in structured, structured


# Covers: LIM-03
def test_stats_count_what_happened(site, start):
    subject = start()
    for _ in range(3):
        subject.query("v4.example.com.", "AAAA")
    subject.query("nx.example.com.", "A", over="tcp")
    stats = subject.stats()
    assert stats["queries"] == 4 and stats["queries_udp"] == 3 and stats["queries_tcp"] == 1
    assert stats["synthesized"] == 3 and stats["cache_hits"] >= 2
    assert stats["rcode_noerror"] == 3 and stats["rcode_nxdomain"] == 1 and stats["rcode_servfail"] == 0
    assert stats["upstream_queries"] == len(site.log)
    text = subject.ctl("stats").stdout
    assert "queries" in text and "synthesized" in text
    for name in ("malformed", "refused", "cache_misses", "upstream_mismatched", "upstream_timeouts", "upstream_tcp",
                 "joined", "truncated"):
        assert isinstance(stats[name], int)


# Covers: T5, U9
def test_explain_tells_step_by_step_whom_it_asked_and_why_it_synthesized(site, com, start):
    subject = start()
    text = subject.ctl("explain", "www.example.com", "AAAA").stdout
    for word in (site.root.address, com.address, "2001:db8:64::/96", "192.0.2.33", "2001:db8:64::c000:221",
                 "www.example.com", "CNAME"):
        assert word in text, text
    again = subject.ctl("explain", "www.example.com", "AAAA").stdout
    assert "cache" in again and "2001:db8:64::c000:221" in again


def test_explain_speaks_json(site, start):
    subject = start()
    told = subject.ctl_json("explain", "v4.example.com", "AAAA")
    assert "2001:db8:64::c000:221" in json.dumps(told)
    assert isinstance(told, dict) and any(isinstance(value, list) and value for value in told.values())


# Covers: T5, U9
def test_explain_answers_for_a_view_a_client_and_the_bits(site, start):
    subject = start(access={"allow": ["private", "2001:db8::/32", "192.0.2.0/24"]}, views={
        "jool": {"clients": ["2001:db8:1::/48"], "dns64": {"prefixes": ["2001:db8:777::/96"]}},
        "never": {"clients": ["192.0.2.0/24"], "dns64": {"clients_over_ipv4": False}}})
    ask = ("explain", "v4.example.com", "AAAA")
    assert "2001:db8:777::c000:221" in subject.ctl(*ask, "--view", "jool").stdout
    assert "2001:db8:777::c000:221" in subject.ctl(*ask, "--client", "2001:db8:1::5").stdout
    skipped = subject.ctl(*ask, "--client", "192.0.2.7").stdout
    assert "c000:221" not in skipped and "clients_over_ipv4" in skipped, skipped
    assert "2001:db8:64::c000:221" not in subject.ctl(*ask, "--cd").stdout
    assert "2001:db8:64::c000:221" in subject.ctl(*ask, "--do").stdout
    assert subject.ctl(*ask, "--view", "nothing", check=False).returncode == 1


def test_explain_takes_a_without_a_type_and_names_that_fail(site, com, start):
    com.on(behave.rcode("SERVFAIL"), name="v4.example.com.")
    subject = start(upstream={"timeout": "2s"})
    assert "192.0.2.34" in subject.ctl("explain", "dual.example.com", "A").stdout
    assert subject.ctl("explain", "dual.example.com").stdout
    assert "SERVFAIL" in subject.ctl("explain", "v4.example.com", "A").stdout
    assert "NXDOMAIN" in subject.ctl("explain", "nx.example.com", "AAAA").stdout


@pytest.mark.parametrize("args", [["flush", "bad..name"], ["explain", "x" * 70 + ".example", "A"],
                                  ["explain", "example.com", "NOTATYPE"]])
def test_requests_that_make_no_sense_are_refused(site, start, args):
    done = start().ctl(*args, check=False)
    assert done.returncode in (1, 2) and (done.stderr or done.stdout)


@pytest.mark.parametrize("command", [["status"], ["stats"], ["reload"], ["flush", "example.com"],
                                     ["explain", "example.com", "A"]])
def test_without_a_socket_the_exit_code_is_3(network, tmp_path, command):
    done = run_binary("resolve64ctl", "-s", tmp_path / "nothing.sock", *command)
    assert done.returncode == 3 and "nothing.sock" in done.stderr


@pytest.mark.parametrize("args", [[], ["nonsense"], ["encode"], ["flush"], ["--nonsense"]])
def test_bad_usage_is_exit_2(network, args):
    assert run_binary("resolve64ctl", *args).returncode == 2


PAIRS = [("64:ff9b::/96", "78.0.96.91", "64:ff9b::4e00:605b"), ("2607:7700::/32", "192.0.2.33", "2607:7700:c000:221::"),
         ("2001:db8:100::/40", "192.0.2.33", "2001:db8:1c0:2:21::"),
         ("2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::"),
         ("2001:db8:122:300::/56", "192.0.2.33", "2001:db8:122:3c0:0:221::"),
         ("2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100:0"),
         ("2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::c000:221")]


# Covers: VEC-02, ADR-03
@pytest.mark.parametrize("prefix, ipv4, ipv6", PAIRS)
def test_encode_and_decode_are_inverse(network, prefix, ipv4, ipv6):
    encoded = run_binary("resolve64ctl", "encode", ipv4, "--prefix", prefix)
    assert encoded.returncode == 0 and ipv6 in encoded.stdout, encoded
    decoded = run_binary("resolve64ctl", "decode", ipv6, "--prefix", prefix)
    assert decoded.returncode == 0 and ipv4 in decoded.stdout, decoded


def test_decode_reads_addresses_from_standard_input(network):
    done = run_binary("resolve64ctl", "decode", "--prefix", "64:ff9b::/96",
                      stdin="64:ff9b::4e00:605b\n64:ff9b::c000:221\n")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert "78.0.96.91" in first and "192.0.2.33" in second


@pytest.mark.parametrize("args", [["encode", "192.0.2.33", "--prefix", "2001:db8::/95"], ["encode", "nonsense",
                                  "--prefix", "64:ff9b::/96"], ["decode", "nonsense", "--prefix", "64:ff9b::/96"],
                                  ["decode", "2001:db8::1", "--prefix", "64:ff9b::/96"]])
def test_what_cannot_be_translated_is_refused(network, args):
    done = run_binary("resolve64ctl", *args)
    assert done.returncode in (1, 2) and (done.stderr or done.stdout)
