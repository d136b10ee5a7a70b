"""Behaviours of a scripted name server.

A behaviour is a function of a `Context`. It returns true when it has dealt with the query, false to let the
next rule, or the zone's own reply, go on; so `delay` and `change` combine with what follows them.
All randomness comes from a seed.
"""

import itertools
import random
import struct

from support import wire
from support.wire import Builder, RCODES, labels_of
from support.zone import parse_records


def silence():
    return lambda context: True


def drop(probability, seed=1):
    """Silence, now and then."""
    chance = random.Random(seed)
    return lambda context: chance.random() < probability


def sometimes(probability, behaviour, seed=1):
    chance = random.Random(seed)
    return lambda context: chance.random() < probability and behaviour(context)


def times(count, behaviour):
    """`behaviour` for the first `count` queries only."""
    left = itertools.count(count, -1)
    return lambda context: next(left) > 0 and behaviour(context)


def delay(seconds):
    def behave(context):
        context.delay += seconds
        return False
    return behave


class Gate:
    """Holds the replies back until `open()`, which may be called from any thread."""

    def __init__(self, authority):
        self._authority = authority
        self._opened = False
        self._held = []

    def __call__(self, context):
        if not self._opened:
            self._held.append(context)
        return not self._opened

    def open(self):
        self._authority.later(0, self._open)

    def _open(self):
        self._opened = True
        for context in self._held:
            context.send(context.good())


def change(function):
    """Passes the reply's bytes through `function(bytes) -> bytes or None`."""
    def behave(context):
        context.changes.append(lambda _, message: function(message))
        return False
    return behave


def rcode(code, *, edns=True, aa=False):
    """An empty reply with this RCODE, and an OPT where the query had one and `edns`."""
    number = RCODES[code] if isinstance(code, str) else code

    def behave(context):
        reply = Builder(context.query, wire.AA if aa else 0)
        reply.rcode = number
        if edns and context.query.edns:
            reply.add_opt(extended=number >> 4)
        context.send(reply.wire())
        return True
    return behave


def reply(answer="", authority="", additional="", *, code="NOERROR", aa=True, tc=False, opt=True):
    """Exactly these records, one a line with absolute names; `%NAME%` stands for the queried name."""
    texts = [answer, authority, additional]
    fixed = None if any("%NAME%" in t for t in texts) else [list(parse_records(t)) for t in texts]

    def behave(context):
        sections = fixed or [list(parse_records(t.replace("%NAME%", context.query.name))) for t in texts]
        message = Builder(context.query, (wire.AA if aa else 0) | (wire.TC if tc else 0))
        message.rcode = RCODES[code]
        for number, records in enumerate(sections, 1):
            for labels, rtype, ttl, rdata in records:
                message.add(number, labels, rtype, ttl, rdata)
        if opt and context.query.edns:
            message.add_opt()
        context.send(message.wire())
        return True
    return behave


def answers(function):
    """`function(query)` gives (answer, authority, additional) texts, or None to go on."""
    def behave(context):
        texts = function(context.query)
        return bool(texts) and reply(*texts)(context)
    return behave


def truncate(content=b""):
    """TC over UDP, with nothing (or the good reply's records, which must not be used) inside."""
    def behave(context):
        if not context.udp:
            return False
        message = Builder(context.query, wire.AA | wire.TC)
        if context.query.edns:
            message.add_opt()
        context.send(message.wire())
        return True
    return behave


def truncate_with(answer):
    """TC over UDP with records that must not be used."""
    return lambda context: context.udp and reply(answer, tc=True)(context)


# --- replies that are not replies to the query ---

def _with_id(message, ident):
    return struct.pack("!H", ident) + message[2:]


def wrong_id(count=1, then_good=False, forged=None):
    """`count` replies with other ids; `forged` gives their bytes (else the good reply's)."""
    def behave(context):
        body = forged(context) if forged else context.good()
        for step in range(1, count + 1):
            context.send(_with_id(body, (context.query.id + step) & 0xFFFF))
        return not then_good
    return behave


def wrong_question(name="wrong.example."):
    def behave(context):
        question = wire.name_wire(labels_of(name)) + context.query.wire[context.query.question_end - 4:
                                                                        context.query.question_end]
        message = Builder(context.query, wire.AA, question)
        message.add(1, labels_of(name), 1, 300, b"\xc0\x00\x02\x63")
        context.send(message.wire())
        return True
    return behave


def wrong_type(rtype="TXT"):
    def behave(context):
        end = context.query.question_end
        question = context.query.wire[12:end - 4] + struct.pack("!2H", wire.type_number(rtype), 1)
        context.send(Builder(context.query, wire.AA, question).wire())
        return True
    return behave


def no_question():
    def behave(context):
        context.send(Builder(context.query, wire.AA, b"").wire())
        return True
    return behave


def wrong_port(port=5300):
    def behave(context):
        if not context.udp:
            return False
        context.send_from(port, context.good())
        return True
    return behave


def not_a_response():
    """QR clear."""
    return change(lambda m: m[:2] + bytes([m[2] & 0x7F]) + m[3:])


def opcode(number):
    return change(lambda m: m[:2] + bytes([m[2] & 0x87 | number << 3]) + m[3:])


def lower_case():
    """Does not echo the letter case of the question."""
    def behave(context):
        context.changes.append(lambda c, m: m[:12] + m[12:c.query.question_end - 4].lower()
                               + m[c.query.question_end - 4:])
        return False
    return behave


# --- EDNS ---

def no_edns(kind="formerr"):
    """A server from before EDNS: formerr | formerr-opt | notimp | drop | badvers | ignore."""
    def behave(context):
        if not context.query.edns:
            return False
        if kind == "drop":
            return True
        if kind == "ignore":
            return strip_opt(context)
        if kind == "formerr-opt":
            return rcode("FORMERR")(context)
        if kind == "badvers":
            return rcode("BADVERS")(context)
        return rcode(kind.upper(), edns=False)(context)
    return behave


def strip_opt(context):
    """The good reply without its OPT."""
    message = Builder(context.query, wire.AA)
    for zone in context.server.zones:
        if zone.holds(context.query.labels):
            had, context.query.edns = context.query.edns, False
            message = zone.answer(context.query)
            context.query.edns = had
            break
    context.send(message.wire())
    return True


# --- lame and hostile ---

def lame(kind="refused"):
    """refused | servfail | empty (no AA, nothing inside) | upward (a referral to the root) | self (to the same zone)"""
    if kind in ("refused", "servfail"):
        return rcode(kind.upper())
    if kind == "empty":
        return reply(aa=False)
    if kind == "upward":
        return reply(authority=". 3600 NS a.root-servers.example.", aa=False)
    raise ValueError(kind)


def refer(zone, servers, glue="", ttl=3600):
    """A referral, wherever it leads. `servers`: names."""
    return reply(authority="\n".join(f"{zone} {ttl} NS {s}" for s in servers), additional=glue, aa=False)


def garbage(seed=1, least=1, most=200):
    """Random bytes after the right id, so that the id alone does not save the resolver."""
    chance = random.Random(seed)

    def behave(context):
        context.send(context.query.wire[:2] + chance.randbytes(chance.randint(least, most)))
        return True
    return behave


def mutate(seed=1, probability=1.0):
    """The good reply with a few octets changed, cut off or repeated."""
    chance = random.Random(seed)

    def behave(context):
        if chance.random() >= probability:
            return False
        message = bytearray(context.good())
        for _ in range(chance.randint(1, 4)):
            kind = chance.random()
            at = chance.randrange(2, len(message))
            if kind < 0.6:
                message[at] = chance.randrange(256)
            elif kind < 0.75:
                message[at] ^= 1 << chance.randrange(8)
            elif kind < 0.9 and len(message) > 20:
                del message[chance.randrange(12, len(message)):]
            else:
                message[at:at] = chance.randbytes(chance.randint(1, 8))
        context.send(bytes(message))
        return True
    return behave
