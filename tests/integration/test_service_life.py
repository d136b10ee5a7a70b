"""Start, signals, reload, ports, addresses, workers."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from support import behave, figures, load
from support.client import make_query
from support.net import scaled, wait_until
from support.resolver import binary, merge, run_binary


def test_the_ready_line_names_every_address_port_and_transport(site, start, net):
    listeners = [{"address": net.ipv4(), "port": 53}, {"address": net.ipv4(), "port": 5399}]
    if net.has_ipv6():
        listeners.append({"address": "::1", "port": net.free_port("::1")})
    subject = start(listeners=listeners)
    line = subject.ready_line()
    for entry in listeners:
        assert entry["address"] in line and str(entry["port"]) in line
    assert "udp" in line.lower() and "tcp" in line.lower()
    for number in range(len(listeners)):
        assert subject.query("v4.example.com.", "A", to=number).values("A") == ["192.0.2.33"]
        assert subject.query("v4.example.com.", "A", to=number, over="tcp").values("A") == ["192.0.2.33"]


# Covers: REC-07
def test_a_wildcard_listener_replies_from_the_address_that_was_asked(site, start, net):
    port = net.free_port("0.0.0.0")
    subject = start(listeners=[{"address": "0.0.0.0", "port": port}])
    for address in (net.ipv4(), net.ipv4(), "127.0.0.1"):
        for over in ("udp", "tcp"):
            # The client's socket is connected: a reply from another address would not reach it.
            assert subject.query("v4.example.com.", "AAAA", to=(address, port), over=over).values("AAAA")


# Covers: REC-07
def test_an_ipv6_wildcard_listener_replies_from_the_address_that_was_asked(site, start, isolated):
    subject = start(listeners=[{"address": "::", "port": 53}], access={"allow": ["private", "fd64::/16"]})
    for address in (isolated.ipv6(), isolated.ipv6(), "::1"):
        for over in ("udp", "tcp"):
            assert subject.query("v4.example.com.", "AAAA", to=(address, 53), over=over).values("AAAA")


def test_both_wildcards_on_one_port(site, start, isolated):
    subject = start(listeners=[{"address": "::", "port": 53}, {"address": "0.0.0.0", "port": 5353}])
    assert subject.query("v4.example.com.", "A", to=("::1", 53)).values("A")
    assert subject.query("v4.example.com.", "A", to=(isolated.ipv4(), 5353)).values("A")


def test_several_workers_share_port_and_cache(site, start):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start(workers=4)
    names = [(f"n{i}.w.example.com.", "A") for i in range(200)]
    assert all(outcome.good for outcome in load.run(subject.listen[0][0], names))
    site.forget()
    # A new socket each time, so that every worker gets some.
    for name, rtype in names[:60]:
        assert subject.query(name, rtype).rcode == "NOERROR"
        assert subject.query(name, "AAAA").rcode == "NOERROR"
    assert not [q for q in site.queries(below="w.example.com.", type="A") if len(q.labels) == 4]
    assert subject.stats()["queries"] >= 320


# Covers: ATK-05
def test_equal_questions_are_joined_across_workers_or_cost_one_query_a_worker(site, com, start):
    com.on(behave.delay(0.3))
    subject = start(workers=2)
    for name in ("text", "mail", "www6"):
        subject.query(f"{name}.example.com.", "TXT")
    answers = subject.query_all([("v4.example.com.", "A")] * 40)
    assert {tuple(answer.values("A")) for answer in answers} == {("192.0.2.33",)}
    assert site.count("v4.example.com.", "A") <= 2


# --- signals ---

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_answered_before_the_end(site, com, start, number):
    com.on(behave.delay(0.8), name="v4.example.com.")
    subject = start()
    subject.query("text.example.com.", "TXT")
    answers = []
    threads = [threading.Thread(target=lambda o=over: answers.append(subject.query("v4.example.com.", "A", over=o)))
               for over in ("udp", "tcp")]
    for thread in threads:
        thread.start()
    site.authority.wait_for("v4.example.com.", "A")
    wait_until(lambda: subject.stats()["queries_tcp"] >= 1 and subject.stats()["queries_udp"] >= 2, 5,
               "both questions")
    subject.signal(number)
    for thread in threads:
        thread.join()
    assert [answer.values("A") for answer in answers] == [["192.0.2.33"]] * 2
    assert subject.wait() == 0


def refuses_connections(address):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(address) != 0


def test_an_answer_that_the_client_is_slow_to_take_is_whole_at_the_end(site, start):
    lines = "\n".join(f'@ TXT "{number:03} {"x" * 240}"' for number in range(200))
    site.zone("large.com.", lines)
    subject = start()
    assert len(subject.query("large.com.", "TXT", over="tcp").values("TXT")) == 200
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        # Small segments, or the system's buffers take all of it from the resolver at once.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(scaled(10))
        client.connect(subject.listen[0])
        question = make_query("large.com.", "TXT")
        client.sendall((len(question).to_bytes(2, "big") + question) * 10)
        wait_until(lambda: subject.stats()["queries_tcp"] == 11, 5, "the questions")
        subject.signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(subject.listen[0]), 5, "the end to begin")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        with client.makefile("rb") as stream:
            for _ in range(10):
                size = int.from_bytes(stream.read(2), "big")
                assert size > 48_000
                assert len(stream.read(size)) == size
            assert stream.read() == b""
    assert subject.wait() == 0


def test_a_second_signal_does_not_make_a_crash_of_the_end(start):
    subject = start()
    while subject.process.poll() is None:
        subject.signal(signal.SIGTERM)
    assert subject.process.returncode == 0


def test_a_question_that_takes_too_long_does_not_keep_the_process(site, com, start):
    com.on(behave.silence())
    subject = start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(subject.listen[0])
        sock.send(make_query("v4.example.com.", "A"))
        site.authority.wait_for("v4.example.com.", "A")
        subject.signal(signal.SIGTERM)
        assert subject.wait(5) == 0


def test_the_control_socket_is_gone_after_the_end_and_a_stale_one_is_no_obstacle(site, start):
    subject = start()
    assert subject.control.exists()
    subject.process.kill()
    subject.process.wait()
    subject.start()
    assert subject.stats()["queries"] == 0


# Covers: F9
@pytest.mark.parametrize("how", ["SIGHUP", "resolve64ctl reload"])
def test_a_broken_configuration_at_reload_keeps_the_old_one_and_says_why(site, start, how):
    subject = start()
    good = subject.config
    broken = merge(good, {"dns64": {"prefixes": ["64:ff9b::/95"]}, "nonsense": 1})
    subject.write(broken)
    if how == "SIGHUP":
        subject.signal(signal.SIGHUP)
        wait_until(lambda: "/dns64/prefixes/0" in subject.stderr() and "nonsense" in subject.stderr(), 5,
                   "the diagnostics")
    else:
        done = subject.ctl("reload", check=False)
        assert done.returncode == 1
        told = done.stdout + done.stderr
        assert "/dns64/prefixes/0" in told and "nonsense" in told, told
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
    subject.write(merge(good, {"dns64": {"prefixes": ["2001:db8:65::/96"]}}))
    subject.ctl("reload")
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:65::c000:221"]
    figures.record("F9", f"broken configuration by {how}: the old one stays, the diagnostics are told")


def test_reloads_under_load_lose_no_question(site, start):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start()
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.extend(load.run(
        subject.listen[0][0], [(f"n{i % 500}.w.example.com.", "A") for i in range(6000)], rate=2000, timeout=10)))
    thread.start()
    for _ in range(5):
        subject.ctl("reload")
        subject.signal(signal.SIGHUP)
    thread.join()
    assert sum(not outcome.good for outcome in outcomes) == 0


def test_listeners_come_and_go_at_reload(site, start, net):
    subject = start()
    first, second = subject.config["listen"][0], {"address": net.ipv4(), "port": 53}
    subject.reload({"listen": [first, second]})
    assert subject.query("v4.example.com.", "A", to=(second["address"], 53)).values("A") == ["192.0.2.33"]
    subject.reload({"listen": [second]})
    assert subject.query("v4.example.com.", "A", to=(second["address"], 53), over="tcp").values("A")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        assert probe.connect_ex((first["address"], 53)) != 0


def test_a_reload_keeps_the_cache(site, start):
    subject = start()
    subject.query("v4.example.com.", "A")
    site.forget()
    subject.reload({"dns64": {"enabled": False}})
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
    assert not site.queries("v4.example.com.")


# --- what cannot be started ---

def fails(subject, code):
    subject.launch()
    assert subject.wait() == code, subject.stderr()
    subject.process = None
    return subject.stderr()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_busy_port_is_exit_3_with_the_address_and_what_to_do(site, start, kind):
    subject = start(launch=False)
    with socket.socket(socket.AF_INET, kind) as busy:
        busy.bind(subject.listen[0])
        if kind == socket.SOCK_STREAM:
            busy.listen()
        told = fails(subject, 3)
    assert subject.listen[0][0] in told and "53" in told and "use" in told, told


def test_a_second_resolver_on_the_same_port_is_refused(site, start):
    first = start()
    second = start(launch=False, listeners=first.config["listen"])
    told = fails(second, 3)
    assert first.listen[0][0] in told
    assert first.query("v4.example.com.", "A").rcode == "NOERROR"


def test_an_address_that_the_host_does_not_have_is_exit_3(site, start):
    told = fails(start(launch=False, listeners=[{"address": "192.0.2.199", "port": 53}]), 3)
    assert "192.0.2.199" in told


def test_no_permission_for_a_port_is_exit_3(site, start, isolated):
    subject = start(launch=False)
    with tempfile.TemporaryDirectory(prefix="r64-") as directory:
        os.chmod(directory, 0o755)
        config = Path(directory) / "resolve64.json"
        config.write_text(json.dumps(merge(subject.config, {"admin": {"control": None}})))
        try:
            done = subprocess.run([binary("resolve64"), "-c", str(config)], user=65534, group=65534, cwd="/",
                                  capture_output=True, text=True, timeout=scaled(10), check=False)
        except PermissionError:
            pytest.skip("the build directory is closed to other users")
    assert done.returncode == 3 and subject.listen[0][0] in done.stderr, done


def test_a_host_without_ipv6_is_exit_3_with_what_to_do(site, start, isolated):
    subject = start(launch=False, listeners=[{"address": "::1", "port": 53}])
    script = ("ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
              f"exec {binary('resolve64')} -c {subject.config_file}")
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True,
                          timeout=scaled(10), check=False)
    assert done.returncode == 3 and "::1" in done.stderr, done


BAD = """{
  "listen": [ { "address": "127.0.0.1", "port": 70000 } ],
  "dns64": { "prefixes": [ "64:ff9b::/95", "2001:db8::/33" ], "selection": "sometimes" },
  // a comment is fine
  "wrokers": 2
}
"""


@pytest.mark.parametrize("check", [True, False])
def test_bad_configuration_is_exit_1_with_every_diagnostic_on_a_line(network, tmp_path, check):
    path = tmp_path / "resolve64.json"
    path.write_text(BAD)
    done = run_binary("resolve64", *(["--check"] if check else []), "-c", path)
    assert done.returncode == 1
    told = done.stdout + done.stderr if check else done.stderr
    lines = [line for line in told.splitlines() if "resolve64.json:" in line]
    for where in (":2:", ":3:", ":5:"):
        assert any(where in line for line in lines), told
    for pointer in ("/listen/0/port", "/dns64/prefixes/0", "/dns64/prefixes/1", "/dns64/selection", "/wrokers"):
        assert sum(f"{pointer}:" in line for line in lines) == 1, told
    assert "a NAT64 prefix is 32, 40, 48, 56, 64 or 96 bits long (RFC 6052 section 2.2)" in told


# Covers: D64-03, VEC-04, T45, B14
@pytest.mark.parametrize("prefix", ["2001:db8::/33", "2001:db8::/63", "64:ff9b::/95", "2001:db8::/97", "2001:db8::/128",
                                    "64:ff9b::/64", "2001:db8:0:0:100::/96", "2001:db8::/72", "2001:db8::1/96",
                                    "::ffff:0:0/96", "nonsense"])
def test_prefixes_that_rfc_6052_does_not_have_are_refused(network, tmp_path, prefix):
    path = tmp_path / "resolve64.json"
    path.write_text(json.dumps({"dns64": {"prefixes": [prefix]}}))
    done = run_binary("resolve64", "--check", "-c", path)
    assert done.returncode == 1 and "/dns64/prefixes/0" in done.stdout + done.stderr


def test_a_later_feature_is_refused_not_ignored(network, tmp_path):
    path = tmp_path / "resolve64.json"
    path.write_text(json.dumps({"selector_zone": "via.lab.example"}))
    done = run_binary("resolve64", "--check", "-c", path)
    assert done.returncode == 1 and "not available in this build" in done.stdout + done.stderr


def test_check_accepts_a_good_file_and_opens_nothing(site, start):
    subject = start()
    done = run_binary("resolve64", "--check", "-c", subject.config_file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_not_there_is_exit_1(network, tmp_path):
    done = run_binary("resolve64", "-c", tmp_path / "nothing.json")
    assert done.returncode == 1 and "nothing.json" in done.stderr


@pytest.mark.parametrize("args", [["--nonsense"], ["-c"], ["stray"]])
def test_bad_usage_is_exit_2(network, args):
    assert run_binary("resolve64", *args).returncode == 2


def test_version_names_the_libraries(network):
    done = run_binary("resolve64", "--version")
    assert done.returncode == 0
    for word in ("resolve64", "ldns", "libuv", "OpenSSL"):
        assert word.lower() in done.stdout.lower()


# Covers: T50
@pytest.mark.parametrize("dns64", [
    {"enabled": False}, {"selection": "all"}, {"hide_a": True, "reverse": "off"}, {"synthesize_on": "nodata"},
    {"reverse": "synthesize", "mark_synthesized": False}, {"clients_over_ipv4": False, "https_additional": False},
    {"dnssec_mode": "break", "exclude_aaaa": [], "max_records": 1}, {"always_synthesize_names": ["."]},
    {"append_names": ["."]}, {"exempt_names": ["."]}, {"prefixes": ["64:ff9b::/96", "2001:db8::/32"]}])
def test_every_option_starts_and_serves(site, start, dns64):
    subject = start(dns64=dns64)
    for name in ("v4", "v6", "dual", "nx", "www"):
        for rtype in ("A", "AAAA", "PTR", "HTTPS"):
            assert subject.query(f"{name}.example.com.", rtype).rcode in ("NOERROR", "NXDOMAIN")


