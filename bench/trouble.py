"""The workloads that are about trouble and about time: floods, a dead zone, minutes of load, a second worker."""

import time

FLOODER, POLITE = "127.0.0.2", "127.0.0.3"
TIMEOUT = 1000  # ms after which a question counts as lost


def flood_group(bench, peer, wanted):
    """A polite client asks 1,000 cached questions a second while another asks names that nobody can have cached."""
    for workload, rate in (("flood-full", 40_000), ("flood-5000", 5_000)):
        if workload not in wanted:
            continue
        seconds = 5 if bench.quick else 10
        with bench.running(peer, cache=256) as subject:
            bench.warm("cached-a")
            before = subject.resident()
            # The flood's program waits for nobody; the polite client comes first where both want the processor,
            # so that what is measured is the server's delay and not that of its own core.
            flood = bench.start_load("flood", priority=5, random_labels=True, rate=rate, seconds=seconds + 2,
                                     timeout=1000, bind=FLOODER, order="random")
            time.sleep(1)
            polite = bench.load("cached-a", priority=-5, rate=1000, seconds=seconds, bind=POLITE, order="random",
                                timeout=TIMEOUT)
            most = subject.resident()
            bench.end_load(flood)
            lost = polite["lost"] / polite["sent"]
            bench.record(f"{workload}:lost", subject, 100 * lost)
            # A question lost took longer than anybody waited: more than 1 % of them, and the p99 is beyond that.
            bench.record(f"{workload}:p99", subject, TIMEOUT if lost > 0.01 else polite["latency_us"]["p99"] / 1000)
            if workload == "flood-full":
                bench.record("flood-full:memory", subject, (most - before) / 2**20)


def dead_group(bench, peer, _wanted):
    """2,000 questions a second for names in a zone whose servers say nothing."""
    with bench.running(peer, cache=256) as subject:
        bench.warm("cached-a")
        before, asked = subject.resident(), bench.internet.silent.count
        result = bench.load("dead", random_labels=True, rate=2000, seconds=5 if bench.quick else 15, timeout=3000)
        bench.record("dead:queries", subject, (bench.internet.silent.count - asked) / result["sent"])
        bench.record("dead:memory", subject, (subject.resident() - before) / 2**20)


def minutes_group(bench, peer, _wanted):
    """A mix over UDP, TCP and TLS; every name was asked before, so that it is not the cache that grows."""
    seconds = 60 if bench.quick else 180
    # Twice, one after the other: some keep an answer from its second question on, where they remember the first.
    names = dict.fromkeys((bench.data.queries / "mix").read_text().splitlines())
    twice = bench.write_list("minutes", *(name for name in names for _ in range(2)))
    with bench.running(peer, cache=256) as subject:
        bench.load(twice, order="once", window=64, timeout=5000)
        loads = [bench.start_load("mix", order="zipf", rate=4000, seconds=seconds, timeout=3000)]
        for transport in ("tcp", "tls"):
            if transport in peer.transports:
                loads.append(bench.start_load("mix", transport=transport, order="zipf", rate=500, seconds=seconds,
                                              sockets=20, timeout=3000))
        began, points = time.monotonic(), []
        while time.monotonic() - began < seconds:
            time.sleep(1)
            points.append((time.monotonic() - began, subject.resident()))
        for load in loads:
            bench.end_load(load)
        bench.record("minutes", subject, slope([p for p in points if p[0] > seconds / 3]) * 60 / 2**20)


def slope(points):
    """Of the line of least squares through (x, y)."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def workers_group(bench, peer, _wanted):
    """One worker on core 0, then two on cores 0 and 1, which with two cores they share with the generator. So the
    throughput of both is told, and the ratio is that of what a question costs: two cores' time by what it takes."""
    cost = {}
    for workers, cores in ((1, "0"), (2, "0,1")):
        with bench.running(peer, workers=workers, cores=cores) as subject:
            bench.warm("cached-a")
            cost[workers], result = bench.cpu_of(subject, "cached-a", order="random", sockets=16, window=256,
                                                 seconds=1 if bench.quick else 3)
            bench.record(f"workers:qps-{workers}", subject, result["qps"])
    bench.record("workers:cpu", subject, cost[2])
    bench.record("workers:ratio", subject, 2 * cost[1] / cost[2])
