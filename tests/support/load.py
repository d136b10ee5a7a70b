"""Many questions at once from one thread, each with its own time."""

import select
import socket
import struct
import time
from dataclasses import dataclass

from support.client import make_query
from support.net import receive_buffer, scaled


LAG = 0.02


@dataclass
class Outcome:
    name: str
    seconds: float      # to the answer; infinity where none came
    rcode: int          # -1 where none came
    answers: int
    wire: bytes
    aside: float = 0.0  # what `aside` of run() grew by meanwhile

    @property
    def good(self):
        return self.rcode == 0 and self.answers > 0


def run(address, questions, *, port=53, window=50, timeout=20.0, rate=None, source=None, retry=None,
        aside=None):
    """Asks (name, type) pairs over UDP, at most `window` of them open; gives an Outcome for each, in order.

    `rate`: questions a second, whatever comes back (the window then does not hold it up). What we could not send
    because others had the core is sent later, not all at once: no more than LAG seconds of it are made up for.
    `retry`: sends a question again after so many seconds, as a stub resolver does.
    `aside`: a function, called when a question is sent and when its answer is read.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    receive_buffer(sock, 8 << 20)
    if source:
        sock.bind((source, 0))
    sock.connect((address, port))
    sock.setblocking(False)
    wires = [make_query(name, rtype, ident=index & 0xFFFF) for index, (name, rtype) in enumerate(questions)]
    outcomes = [Outcome(name, float("inf"), -1, 0, b"") for name, _ in questions]
    began = {}
    resend = {}
    beside = {}
    open_ = {}
    next_ = 0
    start = time.monotonic()
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    deadline = scaled(timeout)
    while next_ < len(wires) or open_:
        now = time.monotonic()
        if rate:
            start = max(start, now - LAG - next_ / rate)
        while next_ < len(wires) and (now - start >= next_ / rate if rate else len(open_) < window):
            try:
                sock.send(wires[next_])
            except (BlockingIOError, ConnectionRefusedError):
                break
            began[next_] = now
            resend[next_] = now
            beside[next_] = aside() if aside else 0.0
            open_[next_ & 0xFFFF] = next_
            next_ += 1
        wait = 0.01 if not rate else min(0.01, max(0.0, start + next_ / rate - time.monotonic()))
        if poll.poll(wait * 1000):
            now = time.monotonic()
            for _ in range(200):
                try:
                    reply = sock.recv(65535)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                ident, flags, _, answers = struct.unpack_from("!4H", reply)
                index = open_.pop(ident, None)
                if index is not None:
                    outcomes[index] = Outcome(questions[index][0], now - began[index], flags & 15, answers, reply,
                                              aside() - beside[index] if aside else 0.0)
        now = time.monotonic()
        for ident, index in list(open_.items()) if open_ else ():
            if now - began[index] > deadline:
                del open_[ident]
            elif retry and now - resend[index] > retry:
                resend[index] = now
                sock.send(wires[index])
    sock.close()
    return outcomes
