"""Round trips, counted by who waits for whom and not by the clock."""

import threading

from support import behave
from support.net import wait_until


class Trip:
    """A server that answers nothing until everything in `types` was asked of it, and then all of it.

    What is asked of it afterwards and is new was asked because of its answers: a second round trip.
    """

    def __init__(self, authority, server, types):
        self.authority, self.server, self.types = authority, server, types
        self.gate = behave.Gate(authority)
        self.before = []

    def __enter__(self):
        self.rule = self.server.on(self.gate)
        self.had = len(self._queries())
        return self

    def __exit__(self, *_):
        self.gate.open()
        self.rule.stop()

    def _queries(self):
        return self.authority.queries(server=self.server)

    def _asked(self):
        return self._queries()[self.had:]

    def open(self):
        """Waits for the queries and lets the server answer them."""
        wait_until(lambda: {q.type for q in self._asked()} >= self.types, 5, f"{self.types} at the server")
        self.before = self._asked()
        self.gate.open()

    def check(self):
        known = {(q.type, q.labels, q.transport) for q in self.before}
        later = [q for q in self._asked() if (q.type, q.labels, q.transport) not in known]
        assert not later, f"asked in a second round trip: {', '.join(map(str, later))}"
        assert {q.type for q in self.before} == self.types, self.authority.dump()

    def ask(self, question, then=None):
        """What `question()` gives, in one round trip; `then` is the one to another server that comes after it."""
        answers = []
        asking = threading.Thread(target=lambda: answers.append(question()))
        asking.start()
        try:
            for trip in (self, then):
                if trip:
                    trip.open()
        finally:
            for trip in (self, then):
                if trip:
                    trip.gate.open()
            asking.join()
        for trip in (self, then):
            if trip:
                trip.check()
        return answers[0]

    @property
    def apart(self):
        """Seconds between the first of the queries and the last."""
        return self.before[-1].time - self.before[0].time
