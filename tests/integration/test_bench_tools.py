"""The programs that bench/ measures with: what they count adds up, and what they time is true."""

import json
import subprocess
from pathlib import Path

import pytest

from support import behave
from support.encrypted import encrypted, ours
from support.net import scaled
from support.resolver import binary

__all__ = ["encrypted", "ours"]

FOLDER = Path(binary("resolve64")).parent.parent / "bench"
pytestmark = pytest.mark.skipif(not (FOLDER / "r64-load").exists(),
                                reason="bench/ is not part of this build (R64_BENCH)")

LINES = "v4.example.com. A\n# a remark\n\nV4.example.com. AAAA\nv6.example.com. AAAA do ad\nnx.example.com. A cd\n"


@pytest.fixture
def load(tmp_path):
    """`load(address, "--count", 9, ...)` runs r64-load on `lines`; gives what it printed."""
    def go(address, *arguments, lines=LINES, timeout_ms=int(scaled(5) * 1000)):
        questions = tmp_path / "questions"
        questions.write_text(lines)
        done = subprocess.run([FOLDER / "r64-load", "--server", address, "--queries", questions, "--timeout",
                               str(timeout_ms), *map(str, arguments)],
                              capture_output=True, text=True, timeout=scaled(60), check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return go


class Echo:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([FOLDER / "r64-echo", *map(str, arguments)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def close(self):
        self.process.terminate()
        self.process.wait(scaled(5))
        self.process.stdout.close()


@pytest.fixture
def echo(children, net):
    """`echo("udp", "--size", 99)` starts r64-echo; gives its address."""
    def go(*arguments):
        address = net.ipv4()
        children.append(Echo(*arguments, "--address", address))
        return address
    return go


def assert_adds_up(told, count):
    assert (told["sent"], told["answered"], told["lost"], told["strange"]) == (count, count, 0, 0)
    assert sum(told["rcodes"].values()) == count
    times = told["latency_us"]
    assert 0 < times["p50"] <= times["p90"] <= times["p99"] <= times["p999"] <= times["max"]
    assert told["qps"] > 0 and told["cpu_us_per_query"] > 0


@pytest.mark.parametrize("more", [("--window", 100), ("--window", 3), ("--rate", 20000),
                                  ("--window", 50, "--sockets", 20), ("--order", "zipf", "--skew", 1.2),
                                  ("--random-labels", "--from-many", 5, "--sockets", 5)])
def test_every_question_to_the_echo_is_counted_once(echo, load, more):
    told = load(echo("udp", "--size", 99), "--count", 2000, *more)
    assert_adds_up(told, 2000)
    assert told["octets_mean"] == 99 and told["rcodes"] == {"NOERROR": 2000}


def test_each_line_once_ends_by_itself(echo, load):
    assert_adds_up(load(echo("udp"), "--order", "once", "--warm"), 4)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_the_echo_answers_framed_messages(echo, load, ours, transport):
    issued = ours.issue(names=["dns.example.com"], addresses=[])
    address = echo(transport, "--cert", issued.cert_file, "--key", issued.key_file)
    told = load(address, "--transport", transport, "--count", 2000, "--window", 60, "--sockets", 6)
    assert_adds_up(told, 2000)
    assert told["octets_mean"] == 100 and told["reopened"] == 0


@pytest.mark.parametrize("resume", [False, True])
def test_handshakes_with_the_bare_server_are_full_or_resumed(echo, load, ours, resume):
    issued = ours.issue(names=["dns.example.com"], addresses=[])
    address = echo("handshake", "--cert", issued.cert_file, "--key", issued.key_file)
    told = load(address, "--transport", "tls", "--handshakes", 20, "--window", 2, *["--resume"] * resume)
    assert_adds_up(told, 20)
    assert told["resumed"] == (20 if resume else 0)


@pytest.mark.parametrize(("transport", "port"), [("udp", 53), ("tcp", 53), ("tls", 853), ("https", 443)])
def test_the_resolver_answers_what_was_asked(site, encrypted, load, transport, port):
    subject = encrypted()
    told = load(subject.address, "--port", port, "--transport", transport, "--tls-name", "dns.example.com", "--warm",
                "--order", "sequential", "--count", 2000, "--window", 40, "--sockets", 4)
    assert_adds_up(told, 2000)
    assert told["rcodes"] == {"NOERROR": 1500, "NXDOMAIN": 500}
    assert told["with_answer"] == 1500 and told["tc"] == 0 and told["reopened"] == 0


def test_handshakes_with_the_resolver_are_resumed(site, encrypted, load):
    subject = encrypted()
    told = load(subject.address, "--port", 853, "--transport", "tls", "--handshakes", 20, "--window", 1, "--resume")
    assert_adds_up(told, 20)
    assert told["resumed"] == 20


@pytest.mark.parametrize("pace", [("--window", 20), ("--rate", 500)])
def test_a_delay_of_the_server_is_seen_in_the_latency(site, com, start, load, pace):
    com.on(behave.delay(0.05))
    subject = start()
    lines = "".join(f"host{i}.example.com. A\n" for i in range(200))
    told = load(subject.listen[0][0], "--order", "once", *pace, lines=lines)
    assert_adds_up(told, 200)
    assert 50_000 <= told["latency_us"]["p50"] < 500_000 * scaled(1)


def test_what_nobody_answers_is_lost(net, load):
    told = load(net.ipv4(), "--count", 20, "--window", 20, timeout_ms=50)
    assert (told["sent"], told["answered"], told["lost"]) == (20, 0, 20)


def test_the_first_answer_is_told_with_its_moment(site, start, load):
    subject = start()
    told = load(subject.listen[0][0], "--first-answer")
    assert told["rcode"] == 0 and 0 < told["first_answer_ms"] < scaled(5) * 1000


@pytest.mark.parametrize(("line", "complaint"), [("v4.example.com. NOTYPE", ":1: wants NAME TYPE"),
                                                 ("v4..example.com. A", ":1: wants NAME TYPE"),
                                                 ("# nothing", "asks nothing")])
def test_a_file_of_questions_that_makes_no_sense_is_refused(tmp_path, line, complaint):
    (tmp_path / "bad").write_text(line + "\n")
    done = subprocess.run([FOLDER / "r64-load", "--server", "127.0.0.1", "--queries", tmp_path / "bad"],
                          capture_output=True, text=True, timeout=scaled(10), check=False)
    assert done.returncode == 1 and complaint in done.stderr


def test_the_micro_benchmarks_run():
    done = subprocess.run([FOLDER / "r64-micro", "--benchmark_min_time=0.001", "--benchmark_format=json"],
                          capture_output=True, text=True, timeout=scaled(60), check=False)
    assert done.returncode == 0, done.stderr
    names = {entry["name"].split("/")[0] for entry in json.loads(done.stdout)["benchmarks"]}
    assert {"ReadQuestion", "ParseMessage", "FindRrset", "Render", "Synthesize"} <= names
