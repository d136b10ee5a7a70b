"""The workloads: how each figure of rows.py is measured. tools/bench says on whom, in which order and how often."""

import contextlib
import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path

from internet import Internet
from peers.base import ADDRESS, HTTPS_PORT, PORT, TLS_PORT, Setting

PORTS = {"udp": PORT, "tcp": PORT, "tls": TLS_PORT, "https": HTTPS_PORT}
FAR, NEAR = "198.19.255.2", "198.19.255.1"


class Bench:
    """The Internet, the programs and what was measured. All of it in the network namespace of the caller, but for
    what needs delay: then the resolver and the clients are in `far`, behind r64-delay."""

    def __init__(self, data, programs, directory, names, quick):
        self.data, self.programs, self.directory = data, Path(programs), Path(directory)
        self.near, self.far = names
        self.quick = quick
        cores = os.cpu_count() or 1
        # The server has core 0 for itself; the generator and NSD share the next, or have one each.
        self.server_core, self.load_core = "0", min(1, cores - 1)
        self.nsd_core = min(2, cores - 1)
        self.internet = Internet(data, self.nsd_core)
        self.samples = {}       # {row key: {subject: [figure of each round]}}
        self.sizes = {}         # {workload: octets of an answer}
        self.accounts = [0, 0]  # CPU by schedstat and by ticks, over everything that was measured
        self.certificate = self.make_certificate()

    def make_certificate(self):
        paths = [self.directory / name for name in ("bench.pem", "bench.key")]
        if not all(path.exists() for path in paths):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", paths[1], "-out", paths[0], "-days", "3650", "-subj", "/CN=bench.example",
                            "-addext", "subjectAltName=DNS:bench.example"], check=True, capture_output=True)
        return [str(path) for path in paths]

    def record(self, key, subject, figure):
        self.samples.setdefault(key, {}).setdefault(subject.name, []).append(round(figure, 5))
        print(f"    {key:22} {subject.label:20} {figure:.3f}", flush=True)

    # --- subjects ---

    def make(self, peer, **changes):
        setting = Setting(self.data, self.programs, *self.certificate, cores=self.server_core)
        return peer(dataclasses.replace(setting, **changes))

    @contextlib.contextmanager
    def running(self, peer, **changes):
        """One subject, started, verified, stopped at the end."""
        subject = self.make(peer, **changes)
        subject.start()
        try:
            subject.verify()
            yield subject
        finally:
            subject.stop()

    # --- load ---

    def load_command(self, queries, transport="udp", *, inside=None, priority=0, window=128, **options):
        """A call of r64-load. `queries`: the name of a list, or a path; keywords are its options."""
        words = ["ip", "netns", "exec", inside] if inside else []
        words += ["nice", "-n", str(priority)] if priority else []
        words += [str(self.programs / "bench/r64-load"), "--server", ADDRESS, "--port", str(PORTS[transport]),
                  "--transport", transport, "--queries", str(self.data.queries / queries),
                  "--cpu", str(self.load_core), "--window", str(window)]
        for name, value in options.items():
            option = "--" + name.replace("_", "-")
            words += [option] if value is True else [option, str(value)]
        return words

    def load(self, queries, transport="udp", **options):
        done = subprocess.run(self.load_command(queries, transport, **options), capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(done.args)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def start_load(self, queries, **options):
        return subprocess.Popen(self.load_command(queries, **options), stdout=subprocess.PIPE, text=True)

    def write_list(self, name, *lines):
        """A list of questions of one's own; its path is what load() takes."""
        path = (self.directory / f"{name}.questions").resolve()
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    @staticmethod
    def end_load(process):
        text, _ = process.communicate()
        return json.loads(text) if text.strip() else None

    def warm(self, queries, transport="udp", **options):
        self.load(queries, transport, order="random", count=1, warm=True, timeout=3000, **options)

    def cpu_of(self, subject, queries, transport="udp", **options):
        """(CPU µs of the server for an answered question, what r64-load says)."""
        before = subject.cpu(), subject.cpu_by_ticks()
        result = self.load(queries, transport, **options)
        used = subject.cpu() - before[0]
        self.accounts[0] += used
        self.accounts[1] += subject.cpu_by_ticks() - before[1]
        if result["answered"] == 0:
            raise RuntimeError(f"{subject.label}: no answers to {queries} over {transport}")
        lost = result["sent"] - result["answered"]
        failed = result["rcodes"].get("SERVFAIL", 0)
        if lost > result["sent"] * 0.01 or failed > result["sent"] * 0.01 or result.get("strange"):
            print(f"    note: {subject.label}: of {result['sent']} questions {lost} lost, {failed} SERVFAIL, "
                  f"{result.get('strange', 0)} strange", flush=True)
        return used / 1000 / result["answered"], result

    def record_cpu(self, workload, subject, measured):
        """What cpu_of gave: the CPU of a question, and how many were answered in a second."""
        used, result = measured
        self.record(workload, subject, used)
        self.record(f"{workload}:qps", subject, result["qps"])
        return result

    @contextlib.contextmanager
    def delay(self, milliseconds):
        """`far` and `near` joined, so many milliseconds apart in each direction."""
        process = subprocess.Popen(
            ["taskset", "-c", str(self.load_core), str(self.programs / "bench/r64-delay"), "--netns-a", self.far,
             "--netns-b", self.near, "--address-a", f"{FAR}/30", "--address-b", f"{NEAR}/30",
             "--delay-ms", str(milliseconds)], stdout=subprocess.PIPE, text=True)
        try:
            self.until(lambda: subprocess.run(
                ["ip", "netns", "exec", self.far, "ip", "route", "replace", "198.18.0.0/16", "via", NEAR],
                capture_output=True, check=False).returncode == 0, "r64-delay")
            yield
        finally:
            process.terminate()
            process.wait()

    @staticmethod
    def until(condition, what, seconds=10):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not come about in {seconds} s")
            time.sleep(0.02)


# --- one process, warm ---

CACHED = {"cached-a": ("cached-a", "udp"), "cached-a-do": ("cached-a-do", "udp"), "cached-aaaa": ("aaaa-synth", "udp"),
          "cached-aaaa-do": ("aaaa-synth-do", "udp"), "cached-tcp": ("cached-a", "tcp"),
          "cached-tls": ("cached-a", "tls"), "cached-https": ("cached-a", "https")}
HANDSHAKES = {"handshake-full": {}, "handshake-resumed": {"resume": True}}


def steady(bench, transport):
    """Closed loop: over UDP 128 questions; on connections three on each of 32, as from some busy forwarders."""
    few = {} if transport == "udp" else {"sockets": 32, "window": 96}
    return {"order": "random", "seconds": 1 if bench.quick else 2, **few}


def warm_group(bench, peer, wanted):
    """Everything that is asked of a warm cache, one after the other of one process."""
    with bench.running(peer) as subject:
        for workload, (queries, transport) in CACHED.items():
            if workload in wanted and transport in peer.transports:
                cached(bench, subject, workload, queries, transport)
        for workload, options in HANDSHAKES.items():
            if workload in wanted and "tls" in peer.transports:
                bench.warm("cached-a")
                handshakes(bench, subject, workload, options)
        if "first-tls" in wanted and "tls" in peer.transports:
            bench.warm("cached-a")
            first_tls(bench, subject)
        if "rate" in wanted:
            bench.warm("cached-a")
            steady_rate(bench, subject)


def cached(bench, subject, workload, queries, transport):
    bench.warm(queries)
    time.sleep(0.2)  # what the server does after the last answer is not counted
    result = bench.record_cpu(workload, subject, bench.cpu_of(subject, queries, transport, **steady(bench, transport)))
    bench.sizes[workload] = round(result["octets_mean"])


def handshakes(bench, subject, workload, options):
    bench.record_cpu(workload, subject, bench.cpu_of(
        subject, "cached-a", "tls", handshakes=500 if bench.quick else 2000, window=4, **options))


def first_tls(bench, subject):
    result = bench.load("cached-a", "tls", handshakes=200, window=1)
    bench.record("first-tls", subject, result["latency_us"]["p50"] / 1000)


def steady_rate(bench, subject):
    result = bench.load("cached-a", order="random", rate=20_000, seconds=2 if bench.quick else 4)
    bench.record("rate:p50", subject, result["latency_us"]["p50"])
    bench.record("rate:p99", subject, result["latency_us"]["p99"])


def echo_group(bench, peer, wanted):
    """r64-echo with answers of the size that the resolver before it gave."""
    for workload, (queries, transport) in CACHED.items():
        if workload in wanted and transport != "https":
            with bench.running(peer, transport=transport, size=bench.sizes.get(workload, 100)) as subject:
                bench.record_cpu(workload, subject,
                                 bench.cpu_of(subject, queries, transport, **steady(bench, transport)))
    for workload, options in HANDSHAKES.items():
        if workload in wanted:
            with bench.running(peer, transport="handshake") as subject:
                handshakes(bench, subject, workload, options)
    if "first-tls" in wanted:
        with bench.running(peer, transport="handshake") as subject:
            first_tls(bench, subject)
    if "rate" in wanted:
        with bench.running(peer, transport="udp", size=bench.sizes.get("cached-a", 100)) as subject:
            steady_rate(bench, subject)


def authority_group(bench, peer, wanted):
    """NSD answers from one zone: the names are others, the sizes nearly the same."""
    with bench.running(peer) as subject:
        for workload, transport in (("cached-a", "udp"), ("cached-tcp", "tcp")):
            if workload in wanted:
                bench.record_cpu(workload, subject,
                                 bench.cpu_of(subject, "known-a", transport, **steady(bench, transport)))


# --- a process of its own each: the cache is empty ---

def cold_group(bench, peer, wanted):
    for workload in ("cold-a", "cold-aaaa"):
        if workload in wanted:
            with bench.running(peer) as subject:
                bench.record_cpu(workload, subject,
                                 bench.cpu_of(subject, workload, order="once", window=64, timeout=5000))
    if {"known-a", "known-aaaa"} & wanted:
        with bench.running(peer) as subject:
            bench.warm("known-first")
            for workload in ("known-a", "known-aaaa"):
                if workload in wanted:
                    bench.record_cpu(workload, subject, bench.cpu_of(
                        subject, workload, order="sequential", window=64, timeout=5000,
                        count=10_000 if bench.quick else 40_000))
    if "mix" in wanted:
        with bench.running(peer) as subject:
            count = 30_000 if bench.quick else 100_000
            bench.load("mix", order="zipf", window=64, timeout=5000, seed=6, count=count)
            bench.record_cpu("mix", subject, bench.cpu_of(
                subject, "mix", order="zipf", window=64, timeout=5000, seed=7, count=count))


def delay_group(bench, peer, wanted):
    """Latency where the network takes its time and the processor has plenty: 300 questions a second."""
    with bench.delay(5):
        for workload in ("delay-a", "delay-aaaa"):
            if workload not in wanted:
                continue
            with bench.running(peer, namespace=bench.far) as subject:
                result = bench.load(workload.replace("delay", "cold"), inside=bench.far, order="once", rate=300,
                                    count=900 if bench.quick else 2400, timeout=5000)
                for which in ("p50", "p99"):
                    bench.record(f"{workload}:{which}", subject, result["latency_us"][which] / 1000)


def round_trips_group(bench, peer, _wanted):
    """How many round trips of 100 ms a synthesized AAAA takes whose zone is known by another name."""
    with bench.delay(50), bench.running(peer, namespace=bench.far) as subject:
        for kind in ("plain", "signed"):
            bench.load(f"known-zone-{kind}", inside=bench.far, order="once", rate=150, timeout=5000)
            time.sleep(0.5)
            result = bench.load(f"next-name-{kind}", inside=bench.far, order="once", rate=150, timeout=5000)
            bench.record(f"round-trips-{kind}", subject, result["latency_us"]["p50"] / 100_000)


def memory_group(bench, peer, wanted):
    names = 100_000 if bench.quick else 1_000_000
    for workload in ("memory-a", "memory-aaaa"):
        if workload not in wanted:
            continue
        with bench.running(peer) as subject:
            bench.warm("known-first")
            before = subject.resident()
            result = bench.load(workload, order="once", window=64, timeout=5000, count=names)
            time.sleep(1)
            grown = (subject.resident() - before) / 2**20
            bench.record(workload, subject, grown * 1_000_000 / max(result["answered"], 1))


def start_group(bench, peer, wanted):
    for _ in range(2 if bench.quick else 4):
        if "start" in wanted:
            subject = bench.make(peer)
            asking = bench.start_load(bench.write_list("start", "good.bogus.tld0 A do"), first_answer=True,
                                      timeout=20_000)
            time.sleep(0.1)
            began = time.monotonic()
            try:
                subject.launch()
                result = bench.end_load(asking)
                if result is None or not result["ad"]:
                    raise RuntimeError(f"{subject.label}: the first answer is not validated: {result}")
                bench.record("start", subject, (result["at"] - began) * 1000)
            finally:
                subject.stop()
        if "kill" in wanted:
            with bench.running(peer) as subject:
                bench.warm("cached-a")
                subject.kill()
                asking = bench.start_load(bench.write_list("kill", "good.bogus.tld0 A do"), first_answer=True,
                                          timeout=20_000)
                time.sleep(0.1)
                began = time.monotonic()
                subject.relaunch(subject.command)
                result = bench.end_load(asking)
                if result is not None:
                    bench.record("kill", subject, (result["at"] - began) * 1000)
