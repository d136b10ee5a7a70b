"""Whatever is done to the replies of signed zones: what comes out is the truth, with AD, or SERVFAIL."""

import random

import pytest

from support.signed import RRSIG

ZONES = ["alg15-nsec.example.", "nsec3-1.example.", "alg14-nsec3.example.", "signed.com.", "signed.org."]
PARENTS = ["example.", "com.", "org."]
NAMES = ["a4", "v4", "v6", "text", "nx", "x.wild", "host.wild", "www", "ent", "x.alias", "mix", "n1"]
QUESTIONS = [(f"{name}.{zone}", rtype) for zone in ZONES for name in NAMES for rtype in ("AAAA", "A")]


class Tamperer:
    """A meddler that does one thing in so many replies, by a seed. It remembers replies, to send them again."""

    def __init__(self, seed, share):
        self.chance = random.Random(seed)
        self.share = share
        self.seen = []
        self.done = 0

    def __call__(self, query, reply):
        whole = [list(map(list, section)) for section in reply.sections]
        if self.chance.random() < self.share:
            self.done += 1
            self.chance.choice([self.lose, self.change, self.retarget, self.move, self.lie, self.unsign, self.replay,
                                self.mix, self.vary])(query, reply)
        self.seen = (self.seen + [(reply.rcode, whole)])[-40:]

    def _pick(self, reply):
        sections = [section for section in reply.sections if section]
        section = self.chance.choice(sections) if sections else None
        return (section, self.chance.randrange(len(section))) if section else (None, 0)

    def lose(self, _, reply):
        section, at = self._pick(reply)
        if section:
            del section[at]

    def change(self, _, reply):
        """One bit of a record's data."""
        section, at = self._pick(reply)
        if section:
            rdata = bytearray(section[at][3])
            if rdata:
                rdata[self.chance.randrange(len(rdata))] ^= 1 << self.chance.randrange(8)
            section[at][3] = bytes(rdata)

    def retarget(self, query, reply):
        """A record of another name under the queried one, or the other way round."""
        section, at = self._pick(reply)
        if section:
            section[at][0] = query.labels if section[at][0] != query.labels else (b"other",) + query.labels[1:]

    def move(self, _, reply):
        """From one section to another."""
        section, at = self._pick(reply)
        if section:
            self.chance.choice(reply.sections).append(section.pop(at))

    def lie(self, _, reply):
        reply.rcode = self.chance.choice(["NOERROR", "NXDOMAIN"])
        self.chance.choice([reply.answer, reply.authority]).clear()

    def unsign(self, _, reply):
        for section in reply.sections:
            section[:] = [record for record in section if record[1] != RRSIG]

    def replay(self, _, reply):
        """What was said to another question."""
        if self.seen:
            reply.rcode, sections = self.chance.choice(self.seen)
            for section, other in zip(reply.sections, sections):
                section[:] = [list(record) for record in other]

    def mix(self, query, reply):
        """The authority section of another reply."""
        if self.seen:
            reply.authority[:] = [list(record) for record in self.chance.choice(self.seen)[1][1]]
            if self.chance.random() < 0.5:
                reply.answer.clear()

    def vary(self, _, reply):
        """TTLs are signed only as an upper bound."""
        for section in reply.sections:
            for record in section:
                record[2] = self.chance.choice([0, 1, 300, 86400, 0x7FFFFFFF])


def told(response):
    return response.rcode, "AD" in response.flags, sorted(
        (owner, rtype, value) for owner, _, rtype, value in response.answer() if rtype != "RRSIG")


# Covers: D64-50, SEC-04, SEC-09, SEC-10, SEC-13, SEC-20, SEC-22, ATK-01, ATK-21, ATK-23
@pytest.mark.parametrize("seed", range(6))
def test_what_comes_out_is_the_truth_or_servfail(signed, start_signed, seed):
    honest = start_signed()
    truth = {question: told(honest.query(*question, do=True)) for question in QUESTIONS}
    assert all(ad for _, ad, _ in truth.values())
    tamperers = []
    for index, zone in enumerate(ZONES + PARENTS):
        tamperer = Tamperer(100 * seed + index, 0.3 if zone in ZONES else 0.1)
        tamperers.append(tamperer)
        signed.meddle(zone, tamperer)
        signed.servers[zone][0].good_reply = uncached(signed.servers[zone][0])
    subject = start_signed(upstream={"timeout": "3s"})
    chance = random.Random(seed)
    failed = 0
    try:
        for number in range(300):
            if number % 20 == 0:
                subject.ctl("flush", ".", "--below")
            name, rtype = chance.choice(QUESTIONS)
            response = subject.query(name, rtype, do=True)
            if response.rcode == "SERVFAIL":
                failed += 1
                assert not response.answer()
            else:
                assert told(response) == truth[(name, rtype)], f"{name} {rtype}, seed {seed}\n{response}"
                assert all(record[1] <= 3600 for record in response.answer()), response
    finally:
        for zone in ZONES + PARENTS:
            del signed.servers[zone][0].good_reply
    assert sum(tamperer.done for tamperer in tamperers) > 50
    assert failed < 240, "many come through"


def uncached(server):
    """Builds every reply anew: the authority remembers them else."""
    build = type(server).good_reply

    def good_reply(query):
        server.changed()
        return build(server, query)
    return good_reply
