"""The rows of the table: what each figure is, and what it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`workload` measures it. `bound`: (kind, figure): "echo" or "peer": at most so many times that one's figure,
    "value": at most the figure, "least": at least."""

    key: str
    workload: str
    title: str
    unit: str = "µs"
    digits: int = 1
    bound: tuple | None = None

    def reached(self, cells, ours="resolve64"):
        """True, False, or None where it cannot be told. `cells`: {subject: figure}."""
        limit, figure = self.limit(cells), cells.get(ours)
        if limit is None or figure is None:
            return None
        return figure >= limit if self.bound[0] == "least" else figure <= limit

    def limit(self, cells, ours="resolve64"):
        if self.bound is None:
            return None
        kind, figure = self.bound
        if kind == "echo":
            return cells["echo"] * figure if "echo" in cells else None
        if kind == "peer":
            best = self.best_peer(cells, ours)
            return best * figure if best is not None else None
        return figure

    def best_peer(self, cells, ours="resolve64"):
        peers = [value for name, value in cells.items() if name not in (ours, "echo", "nsd")]
        return (max if self.unit == RATE else min)(peers) if peers else None

    def bound_text(self):
        if self.bound is None:
            return ""
        kind, figure = self.bound
        return {"echo": f"≤ {figure:g} × echo", "peer": "≤ best peer", "value": f"≤ {figure:g}",
                "least": f"≥ {figure:g}"}[kind]


CPU = "CPU µs a question"
RATE = "answers a second"
ROWS = [
    Row("cached-a", "cached-a", "cached A, UDP", bound=("echo", 1.2)),
    Row("cached-a-do", "cached-a-do", "cached signed A with DO, UDP", bound=("echo", 1.2)),
    Row("cached-aaaa", "cached-aaaa", "cached synthesized AAAA, UDP", bound=("echo", 1.2)),
    Row("cached-aaaa-do", "cached-aaaa-do", "the same with DO", bound=("echo", 1.2)),
    Row("cached-tcp", "cached-tcp", "cached A, persistent TCP", bound=("echo", 1.4)),
    Row("cached-tls", "cached-tls", "cached A, persistent TLS", bound=("echo", 1.5)),
    Row("cached-https", "cached-https", "cached A, persistent HTTPS (HTTP/2)"),
    Row("handshake-full", "handshake-full", "full TLS handshake and one question", digits=0, bound=("peer", 1)),
    Row("handshake-resumed", "handshake-resumed", "resumed TLS handshake and one question", digits=0),
    Row("cold-a", "cold-a", "cold A: delegation walk, half of the zones signed", digits=0, bound=("value", 200)),
    Row("cold-aaaa", "cold-aaaa", "cold synthesized AAAA: the same walk", digits=0),
    Row("known-a", "known-a", "A below a known zone: one upstream query", bound=("value", 22)),
    Row("known-aaaa", "known-aaaa", "synthesized AAAA below a known zone: two", bound=("value", 40)),
    Row("mix", "mix", "Zipf mix, the cache warmed by as much of it"),
    Row("first-tls", "first-tls", "first answer on a new TLS connection, p50", "ms", 2, ("value", 0.5)),
    Row("delay-a:p50", "delay-a", "cold A at 10 ms round trip, p50", "ms", 1, ("value", 22)),
    Row("delay-a:p99", "delay-a", "cold A at 10 ms round trip, p99", "ms", 1, ("value", 45)),
    Row("delay-aaaa:p50", "delay-aaaa", "cold synthesized AAAA at 10 ms round trip, p50", "ms", 1),
    Row("delay-aaaa:p99", "delay-aaaa", "cold synthesized AAAA at 10 ms round trip, p99", "ms", 1),
    Row("round-trips-plain", "round-trips", "synthesized AAAA below a known, unsigned zone", "round trips", 2,
        ("value", 1.1)),
    Row("round-trips-signed", "round-trips", "synthesized AAAA below a known, signed zone", "round trips", 2,
        ("value", 1.1)),
    Row("memory-a", "memory-a", "memory for a million names with one A each", "MiB", 0, ("value", 100)),
    Row("memory-aaaa", "memory-aaaa", "the same asked for AAAA and synthesized", "MiB", 0, ("value", 150)),
    Row("rate:p50", "rate", "latency at 20,000 cached questions a second, p50", "µs", 0),
    Row("rate:p99", "rate", "latency at 20,000 cached questions a second, p99", "µs", 0),
    Row("flood-full:lost", "flood-full", "flood at full rate: a polite client's cached questions lost", "%", 2,
        ("value", 0.1)),
    Row("flood-full:p99", "flood-full", "flood at full rate: their p99", "ms", 1, ("value", 5)),
    Row("flood-full:memory", "flood-full", "flood at full rate: memory grown", "MiB", 0),
    Row("flood-5000:lost", "flood-5000", "flood at 5,000 a second: polite questions lost", "%", 2, ("value", 0.1)),
    Row("flood-5000:p99", "flood-5000", "flood at 5,000 a second: their p99", "ms", 1, ("value", 2)),
    Row("dead:queries", "dead", "flood towards a dead zone: upstream queries a question", "queries", 3,
        ("value", 0.1)),
    Row("dead:memory", "dead", "flood towards a dead zone: memory grown", "MiB", 0),
    Row("minutes", "minutes", "three minutes of mixed load: slope of memory", "MiB a minute", 2, ("value", 0.1)),
    Row("workers:cpu", "workers", "cached A with two workers on two cores", CPU, 1),
    Row("workers:qps-1", "workers", "cached A, one worker", RATE, 0),
    Row("workers:qps-2", "workers", "cached A, two workers", RATE, 0),
    Row("workers:ratio", "workers", "two workers against one", "times", 2, ("least", 1.9)),
    Row("start", "start", "start to the first validated answer", "ms", 0, ("value", 15)),
    Row("kill", "kill", "start after kill -9 to the first right answer", "ms", 0, ("value", 20)),
]
# Whatever is measured by CPU is told by throughput too.
ROWS += [Row(f"{row.key}:qps", row.workload, row.title, RATE, 0)
         for row in ROWS if row.unit == "µs" and row.key == row.workload]
WORKLOADS = list(dict.fromkeys(row.workload for row in ROWS))
