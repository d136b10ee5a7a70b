"""The zones of the signed Internet, good ones and broken ones, and what a validator must find in each."""

from dataclasses import dataclass, field

from support import broken
from support.signing import DAY, Nsec3

SECURE, INSECURE, BOGUS = "secure", "insecure", "bogus"
QUESTIONS = {            # name, type, the address in the answer
    "A": ("a4", "A", "192.0.2.10"),
    "AAAA": ("v4", "AAAA", "192.0.2.33"),       # IPv4-only: DNS64 synthesizes
    "NATIVE": ("v6", "AAAA", "2001:db8:1::6"),
    "NODATA": ("text", "AAAA", None),
    "NXDOMAIN": ("nx", "AAAA", None),
    "WILD": ("x.wild", "AAAA", "192.0.2.44"),   # made by a wildcard, IPv4-only
    "ALIAS": ("x.alias", "AAAA", "192.0.2.33"),  # an alias made by a wildcard
}

CONTENT = """
a4 A 192.0.2.10
v4 A 192.0.2.33
v6 AAAA 2001:db8:1::6
dual A 192.0.2.34
dual AAAA 2001:db8:1::2
mix AAAA 2001:db8:1::9
mix AAAA ::ffff:192.0.2.1
text TXT "text"
mail MX 10 v4
www CNAME v4
deep.ent A 192.0.2.45
*.wild A 192.0.2.44
*.alias CNAME v4
host.wild A 192.0.2.46
other.wild A 192.0.2.47
"""


@dataclass(frozen=True)
class Verdict:
    """What validation finds; `ede`: the code that tells why (none: no code is expected)."""

    kind: str
    ede: tuple = ()


S = Verdict(SECURE)


def insecure(*ede):
    return Verdict(INSECURE, ede)


def bogus(*ede):
    return Verdict(BOGUS, ede)


@dataclass
class Zone:
    """One zone. `signer`: ldns, knot or None. `ds`: digest types. `ds_edit`: the DS texts, changed.
    `meddle`: `function(zone) -> meddler`, of this zone; `parent_meddle`: the same, of the parent."""

    origin: str
    content: str = CONTENT
    signer: str = "ldns"
    algorithms: tuple = (13,)
    nsec3: Nsec3 = None
    inception: int = None
    expiration: int = None
    ds: tuple = (2,)
    ds_edit: object = None
    alter: object = None
    meddle: object = None
    parent_meddle: object = None
    server: str = None          # the zone whose server serves this one too


@dataclass
class Case:
    """`expect` holds the verdicts that are not SECURE (`every`: the verdict of all questions)."""

    id: str
    zone: str
    every: Verdict = S
    expect: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)       # question: (absolute name, address in the answer)
    questions: list = field(default_factory=lambda: list(QUESTIONS))

    def question(self, question):
        """(absolute name, type, address, verdict)"""
        name, rtype, address = QUESTIONS[question]
        name = f"{name}.{self.zone}"
        if question in self.names:
            name, address = self.names[question]
        return name, rtype, address, self.expect.get(question, self.every)


ZONES = []
CASES = []


def zone(*args, **kwargs):
    ZONES.append(Zone(*args, **kwargs))


def case(ident, origin=None, every=S, names=None, questions=None, make=True, **kwargs):
    """A zone below example. (or `origin`) with a row in the table; keywords that are questions are verdicts."""
    origin = origin or f"{ident}.example."
    expect = {key: kwargs.pop(key) for key in list(kwargs) if key in QUESTIONS}
    if make:
        zone(origin, **kwargs)
    CASES.append(Case(ident, origin, every, expect, names or {}, list(questions or QUESTIONS)))


def only(*questions, verdict):
    return {question: verdict for question in questions}


DIRECT = ("A", "AAAA", "NATIVE", "NODATA", "NXDOMAIN", "WILD")       # those whose name is the one that is lied about
UNPROVED = ("AAAA", "NODATA", "NXDOMAIN", "WILD")     # denials
DENIED = (*UNPROVED, "ALIAS")       # the answers that rest on a denial

# --- the top ---

zone(".", "", algorithms=(8,))
zone("example.", "")
zone("com.", "", signer="knot", nsec3=Nsec3(opt_out=True))
zone("net.", CONTENT, signer=None)
zone("org.", "", signer="knot", algorithms=(8,), nsec3=Nsec3(iterations=1, salt="c0ffee"))
zone("arpa.", "x.ip6 A 192.0.2.250\n91.96.0.78.in-addr PTR v4.alg15-nsec.example.")
zone("home.arpa.", signer=None)

# --- good: algorithms, digests, denials, signers ---

case("alg5-nsec", algorithms=(5,))
case("alg7-nsec3", algorithms=(7,), nsec3=Nsec3(iterations=5, salt="aabb"))
case("alg8-nsec", algorithms=(8,))
case("alg10-nsec3", algorithms=(10,), signer="knot", nsec3=Nsec3(iterations=0))
case("alg13-nsec", algorithms=(13,), signer="knot")
case("alg14-nsec3", algorithms=(14,), nsec3=Nsec3())
case("alg15-nsec", algorithms=(15,))
case("alg15-knot", algorithms=(15,), signer="knot", nsec3=Nsec3(iterations=1, salt="0102030405060708"))
case("alg16-nsec", algorithms=(16,), signer="knot")
case("alg16-ldns", algorithms=(16,), nsec3=Nsec3())
case("two-algorithms", algorithms=(8, 13))
case("nsec3-1", nsec3=Nsec3(iterations=1, salt="aabbccdd"))
case("nsec3-50", nsec3=Nsec3(iterations=50, salt="aa"))
case("ds-sha1", ds=(1,))
case("ds-sha384", ds=(4,))
case("ds-all", ds=(1, 2, 4))
case("opt-out", signer="knot", nsec3=Nsec3(opt_out=True), **only("NXDOMAIN", "WILD", "ALIAS", verdict=insecure()))
case("secure-below-opt-out", "signed.com.", signer="knot", algorithms=(14,))
case("secure-below-nsec3", "signed.org.", algorithms=(15,))
case("deep-cut", "x.y.deepcut.example.")
case("same-server", "child.alg13-nsec.example.", server="alg13-nsec.example.")

# --- good: not secure ---

case("unsigned", every=insecure(), signer=None)
case("unsigned-below-opt-out", "plain.com.", every=insecure(), signer=None)
case("unsigned-below-nsec3", "plain.org.", every=insecure(), signer=None)
case("unsigned-in-unsigned", "plain.net.", every=insecure(), signer=None)
case("unsigned-in-opt-out", "plain.opt-out.example.", every=insecure(), signer=None)
case("island", every=insecure(), ds=())
case("signed-in-unsigned", "island.net.", every=insecure())
case("alg253", every=insecure(1), algorithms=(13,), alter=broken.other_algorithm(253))
case("ds-digest3", every=insecure(2), ds_edit=lambda ds: [f"{d.split()[0]} 13 3 {'ab' * 32}" for d in ds])
case("nsec3-51", nsec3=Nsec3(iterations=51), **only(*DENIED, verdict=insecure(27)))
case("nsec3-500", nsec3=Nsec3(iterations=500), **only(*DENIED, verdict=insecure(27)))

# --- good, though not everything about it is ---

case("one-algorithm-of-two", algorithms=(8, 13), alter=broken.only_algorithm(13, but=["DNSKEY"]))
case("ds-one-unsupported", ds_edit=lambda ds: [f"4711 253 2 {'ab' * 32}", *ds])
case("ds-sha1-wrong", ds=(1, 2), ds_edit=lambda ds: [d if " 2 " in d else d[:-4] + "beef" for d in ds])
case("ds-one-wrong", ds_edit=lambda ds: [f"4711 13 2 {'ab' * 32}", *ds])
case("two-signatures-one-spoilt", alter=broken.another_signature_spoilt())
# Ten minutes ago, of a day: within the tenth of its life that clocks may differ.
case("just-expired", alter=broken.resigned(-DAY, -600))
case("stripped-referral", parent_meddle=lambda parent: broken.stripped_referral("stripped-referral.example."))

# --- chains ---

ENDS = ("a4", "v4", "text", "nx", "v6")
zone("chains.example.", "\n".join(
    ["dsecure DNAME alg15-nsec.example.", "dinsecure DNAME unsigned.example.", "dbogus DNAME expired.example.",
     "baddname DNAME alg15-nsec.example."]
    + [f"{link}-{end} CNAME {end}.{target}.example." for end in ENDS
       for link, target in (("tosecure", "alg15-nsec"), ("toinsecure", "unsigned"), ("tobogus", "expired"),
                            ("badlink", "alg15-nsec"))]),
     alter=broken.both(broken.spoilt("CNAME", ["badlink-v4", "badlink-a4"]), broken.spoilt("DNAME", ["baddname"])))
zone("from.net.", "\n".join(f"{link}-{end} CNAME {end}.{target}.example." for end in ENDS
                            for link, target in (("tosecure", "alg15-nsec"), ("tobogus", "expired"))), signer=None)


def chain(ident, pattern, verdict, questions=("A", "AAAA", "NATIVE", "NODATA", "NXDOMAIN")):
    names = {q: (pattern.format(rest=QUESTIONS[q][0]), QUESTIONS[q][2]) for q in questions}
    case(ident, "chains.example.", verdict, names=names, questions=list(questions), make=False)


chain("cname-to-secure", "tosecure-{rest}.chains.example.", S)
chain("cname-to-insecure", "toinsecure-{rest}.chains.example.", insecure())
chain("cname-to-bogus", "tobogus-{rest}.chains.example.", bogus(7))
chain("cname-itself-bogus", "badlink-{rest}.chains.example.", bogus(6), ("A", "AAAA"))
chain("dname-to-secure", "{rest}.dsecure.chains.example.", S)
chain("dname-to-insecure", "{rest}.dinsecure.chains.example.", insecure())
chain("dname-to-bogus", "{rest}.dbogus.chains.example.", bogus(7))
chain("dname-itself-bogus", "{rest}.baddname.chains.example.", bogus(6), ("A", "AAAA"))
chain("cname-from-insecure", "tosecure-{rest}.from.net.", insecure())
chain("cname-from-insecure-to-bogus", "tobogus-{rest}.from.net.", bogus(7))

# --- broken: signatures ---

case("expired", every=bogus(7), inception=-60 * DAY, expiration=-30 * DAY)
case("not-yet-valid", every=bogus(8), inception=30 * DAY, expiration=60 * DAY)
case("reversed-times", every=bogus(25), alter=broken.resigned(10 * DAY, -10 * DAY))
case("expired-data", alter=broken.resigned(-60 * DAY, -30 * DAY, ["A", "AAAA"]),
     **only("A", "AAAA", "NATIVE", "WILD", "ALIAS", verdict=bogus(7)))
case("replayed", alter=broken.replayed({("a4", "A"): "192.0.2.66", ("v4", "A"): "192.0.2.66",
                                        ("v6", "AAAA"): "2001:db8:66::66"}),
     **only("A", "AAAA", "NATIVE", "ALIAS", verdict=bogus(7)))
case("wrong-key", every=bogus(9), alter=broken.foreign_key())
case("unsigned-records", every=bogus(10), alter=broken.unsigned(but=["DNSKEY"]))
case("unsigned-a", alter=broken.unsigned("A", ["a4", "v4"]), **only("A", "AAAA", "ALIAS", verdict=bogus(10)))
case("unsigned-dnskey", every=bogus(10), alter=broken.unsigned("DNSKEY"))
case("spoilt-dnskey", every=bogus(6), alter=broken.spoilt("DNSKEY"))
case("spoilt-a", alter=broken.spoilt("A", ["a4", "v4"]), **only("A", "AAAA", "ALIAS", verdict=bogus(6)))
case("spoilt-aaaa", alter=broken.spoilt("AAAA", ["v6"]), NATIVE=bogus(6))
case("spoilt-denial", alter=broken.spoilt("NSEC"), ALIAS=bogus(12), **only(*UNPROVED, verdict=bogus(6)))
case("spoilt-both", alter=broken.both(broken.spoilt("NSEC"), broken.spoilt("A", ["a4", "v4", "*.wild"])),
     ALIAS=bogus(12), **only("A", *UNPROVED, verdict=bogus(6)))
case("spoilt-nsec3", nsec3=Nsec3(iterations=1), alter=broken.spoilt("NSEC3"), ALIAS=bogus(12),
     **only(*UNPROVED, verdict=bogus(6)))
case("spoilt-nsec3-51", nsec3=Nsec3(iterations=51), alter=broken.spoilt("NSEC3"), ALIAS=bogus(12),
     **only(*UNPROVED, verdict=bogus(6)))
case("labels", alter=broken.more_labels("A", ["a4", "v4"]), **only("A", "AAAA", "ALIAS", verdict=bogus(6)))
case("signer-above", alter=broken.other_signer("example."), every=bogus(9))
case("algorithm-downgrade", alter=broken.edit_signatures(lambda r: r[:2] + b"\xfd" + r[3:], "A"),
     **only("A", "AAAA", "WILD", "ALIAS", verdict=bogus(9)))

# --- broken: keys and DS ---

case("wrong-ds", every=bogus(9), ds_edit=lambda ds: [d[:-8] + "deadbeef" for d in ds])
case("ds-sha2-wrong", every=bogus(9), ds=(1, 2),
     ds_edit=lambda ds: [d if " 13 1 " in d else d[:-4] + "beef" for d in ds])
case("ds-unsupported-and-wrong", every=bogus(9),
     ds_edit=lambda ds: [f"4711 253 2 {'ab' * 32}", *(d[:-8] + "deadbeef" for d in ds)])
case("no-dnskey", every=bogus(9), alter=broken.without("DNSKEY"))
case("no-zone-key", every=bogus(11), alter=broken.key_flags(1))
case("revoked-key", every=bogus(9), alter=broken.key_flags(257 | 128))
case("stripped-ds", every=bogus(12),
     parent_meddle=lambda parent: broken.stripped_ds(parent, "stripped-ds.example."))
case("forged-insecure", every=bogus(12),
     parent_meddle=lambda parent: broken.forged_insecure(parent, "forged-insecure.example.", "unsigned.example."))
case("forged-insecure-denial", every=bogus(6), parent_meddle=lambda parent: broken.forged_insecure_denial(
    parent, "forged-insecure-denial.example.", "unsigned.example."))
case("forged-opt-out", "forged.com.", every=bogus(12), parent_meddle=lambda parent: broken.stripped_ds(
    parent, "forged.com."))

# --- broken: denials ---


def names_of(ident, *names):
    return [f"{name}.{ident}.example." for name in names]


case("wrong-next", alter=broken.wrong_next(), ALIAS=bogus(12), **only(*UNPROVED, verdict=bogus(6)))
case("swapped-nsec", meddle=lambda z: broken.swapped_denial(z, "a4.swapped-nsec.example."),
     **only(*DENIED, verdict=bogus(12)))
case("swapped-nsec3", nsec3=Nsec3(), meddle=lambda z: broken.swapped_denial(z, "a4.swapped-nsec3.example."),
     **only(*DENIED, verdict=bogus(12)))
case("denial-missing", meddle=lambda z: broken.without_denial, **only(*DENIED, verdict=bogus(12)))
case("denial-missing-nsec3", nsec3=Nsec3(iterations=2), meddle=lambda z: broken.without_denial,
     **only(*DENIED, verdict=bogus(12)))
case("forged-nodata", questions=DIRECT,
     meddle=lambda z: broken.at(names_of("forged-nodata", "a4", "v4", "v6"), broken.says_nodata(z),
                                                 {"A", "AAAA"}),
     **only("A", "AAAA", "NATIVE", verdict=bogus(12)))
case("forged-nodata-own-nsec", meddle=lambda z: broken.at(names_of("forged-nodata-own-nsec", "a4", "v6"),
                                                          broken.says_nodata_by(z), {"A", "AAAA"}),
     **only("A", "NATIVE", verdict=bogus(12)))
case("forged-nodata-nsec3", nsec3=Nsec3(), meddle=lambda z: broken.at(
    names_of("forged-nodata-nsec3", "a4", "v6"), broken.says_nodata_by(z), {"A", "AAAA"}),
     **only("A", "NATIVE", verdict=bogus(12)))
case("empty-answers", questions=DIRECT,
     meddle=lambda z: broken.at(names_of("empty-answers", "a4", "v4", "v6"), broken.empty,
                                                 {"A", "AAAA"}),
     **only("A", "AAAA", "NATIVE", verdict=bogus(12)))
case("forged-nxdomain", questions=DIRECT,
     meddle=lambda z: broken.at(names_of("forged-nxdomain", "a4", "v4", "v6"), broken.says_nxdomain(
    z, "text.forged-nxdomain.example."), {"A", "AAAA"}), **only("A", "AAAA", "NATIVE", verdict=bogus(12)))
case("wildcard-for-a-name-that-exists", meddle=lambda z: broken.at(
    names_of("wildcard-for-a-name-that-exists", "host.wild", "other.wild"), broken.answered_by_wildcard(
        z, "*.wild.wildcard-for-a-name-that-exists.example."), {"A"}),
     names={"A": ("host.wild.wildcard-for-a-name-that-exists.example.", "192.0.2.44"),
            "AAAA": ("other.wild.wildcard-for-a-name-that-exists.example.", "192.0.2.44")},
     **only("A", "AAAA", verdict=bogus(12)))
case("wildcard-with-another-proof", meddle=lambda z: broken.at(
    names_of("wildcard-with-another-proof", "host.wild", "other.wild"), broken.answered_by_wildcard(
        z, "*.wild.wildcard-with-another-proof.example.", "*.wild.wildcard-with-another-proof.example."), {"A"}),
     names={"A": ("host.wild.wildcard-with-another-proof.example.", "192.0.2.44"),
            "AAAA": ("other.wild.wildcard-with-another-proof.example.", "192.0.2.44")},
     **only("A", "AAAA", verdict=bogus(12)))
case("wildcard-unproved", meddle=lambda z: broken.at(names_of("wildcard-unproved", "x.wild", "x.alias"),
                                                     broken.without_denial_beside_an_answer),
     **only("WILD", "ALIAS", verdict=bogus(12)))
case("wildcard-nsec3", nsec3=Nsec3(), meddle=lambda z: broken.at(
    names_of("wildcard-nsec3", "host.wild", "other.wild"), broken.answered_by_wildcard(
        z, "*.wild.wildcard-nsec3.example.", "*.wild.wildcard-nsec3.example."), {"A"}),
     names={"A": ("host.wild.wildcard-nsec3.example.", "192.0.2.44"),
            "AAAA": ("other.wild.wildcard-nsec3.example.", "192.0.2.44")},
     **only("A", "AAAA", verdict=bogus(12)))
