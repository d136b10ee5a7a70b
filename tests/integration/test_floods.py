"""More questions than can be looked up: who asks for what is known is served all the while, and memory stays."""

import threading

from support import figures, load
from support.net import scaled, wait_until

WILD = "*.flood 600 A 192.0.2.9"


class Flood(threading.Thread):
    """Asks for names that nobody asked for before, at a rate, until it is stopped."""

    def __init__(self, address, rate):
        super().__init__()
        self.address, self.rate = address, rate
        self.stopped = threading.Event()
        self.sent = 0

    def run(self):
        while not self.stopped.is_set():
            names = [(f"n{self.sent + i}.flood.example.com.", "A") for i in range(self.rate // 4)]
            load.run(self.address, names, rate=self.rate, window=len(names), timeout=0.5)
            self.sent += len(names)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join(scaled(20))


# Covers: F5, F6
def test_what_is_cached_is_answered_all_through_a_flood(site, start):
    site.edit("example.com.", add=WILD)
    subject = start(workers=1)
    address = subject.listen[0][0]
    known = [(f"{name}.example.com.", rtype) for name in ("v4", "dual", "www", "mail") for rtype in ("A", "AAAA", "MX")]
    load.run(address, known)
    with Flood(address, 4000) as flood:
        wait_until(lambda: flood.sent > 0, 10, "the flood")
        polite = load.run(address, known * 50, rate=200, timeout=5.0)
    assert [outcome for outcome in polite if outcome.rcode != 0] == []


# Covers: F18
def test_names_that_nobody_asks_for_again_cost_no_more_than_the_cache_may_take(site, start):
    site.edit("example.com.", add=WILD)
    subject = start(workers=1, cache={"size": "1MiB"}, limits={"inflight": 500})
    address = subject.listen[0][0]

    def ask(begin, count):
        load.run(address, [(f"n{begin + i}.flood.example.com.", "A") for i in range(count)], window=100)

    ask(0, 14_000)
    status = subject.status()
    assert status["cache"]["evictions"] > 0, "the cache is full"
    full = subject.resident()
    ask(14_000, 10_000)
    status = subject.status()
    assert status["cache"]["bytes"] <= status["cache"]["capacity"]
    assert status["answers"]["entries"] < 20, "each was asked for once"
    # Sanitizers keep freed memory for a while.
    assert subject.resident() - full < 2 * 2**20 or not figures.timed()


# Covers: F19
def test_after_a_kill_the_next_start_answers_at_once(site, start):
    subject = start(workers=2)
    for _ in range(3):
        assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]
        subject.process.kill()
        subject.process.wait()
        subject.start()
        assert subject.query("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
