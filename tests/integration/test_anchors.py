"""Trust anchors in a running resolver: rollovers, the state file, `resolve64ctl anchors`."""

import copy
import json
from pathlib import Path

import dns.dnssec
import dns.rdata
import pytest

from support.net import wait_until
from support.signed import SignedZone
from support.signing import DNSKEY, RRSIG, Signers

REVOKE = 0x80


def revoked(key):
    """The same key, shown and signing with the REVOKE flag."""
    gone = copy.copy(key)
    gone.dnskey = dns.rdata.from_text("IN", "DNSKEY", key.dnskey.to_text().replace("257", str(257 | REVOKE), 1))
    return gone


def anchor_of(key):
    return ". IN DS " + dns.dnssec.make_ds(".", key.dnskey, "SHA256").to_text()


class Root:
    """A signed root of one server, whose keys a test may roll over."""

    def __init__(self, world, folder):
        self.server = world.root
        signers = Signers(folder)
        self.signed = signers.ldns(".", f"""
. 3600 SOA a.root. hostmaster.root. 1 3600 600 86400 300
. 3600 NS a.root.
a.root. 3600 A {world.root.address}
www.lab. 300 A 192.0.2.33
""")
        self.a, self.zone_key = self.signed.keys()
        self.b = signers.ldns(".", f"""
. 3600 SOA other.root. hostmaster.root. 1 3600 600 86400 300
. 3600 NS other.root.
other.root. 3600 A {world.root.address}
""").keys()[0]
        self.serve([self.a], [self.a])

    def serve(self, keys, signers):
        """Shows these key signing keys, and has the set signed by some of them."""
        ttl = 3600
        rdatas = [key.dnskey.to_wire() for key in [*keys, self.zone_key]]
        records = [r for r in self.signed.records
                   if r[1] != DNSKEY and not (r[1] == RRSIG and r[3][:2] == DNSKEY.to_bytes(2, "big"))]
        records += [((), DNSKEY, ttl, rdata) for rdata in rdatas]
        records += [((), RRSIG, ttl, key.sign((), DNSKEY, ttl, rdatas)) for key in signers]
        self.server.serve(SignedZone(".", records))


@pytest.fixture
def root(world, tmp_path):
    return Root(world, tmp_path / "signers")


def dnssec(tmp_path, *keys, **more):
    return {"validation": True, "trust_anchors": [anchor_of(key) for key in keys],
            "state_file": str(tmp_path / "anchors.json"), **more}


def states(subject):
    """{key tag: state} of the root."""
    zone, = subject.ctl_json("anchors")["zones"]
    assert zone["zone"] == "."
    return {key["tag"]: key["state"] for key in zone["keys"]}


def tag(key):
    return dns.dnssec.key_id(key.dnskey)


def wait_for_states(subject, wanted):
    wait_until(lambda: states(subject) == wanted, 10, f"the states {wanted}")


def ask_again(path):
    """As if the next refresh were due: the clock cannot be moved here."""
    state = json.loads(path.read_text())
    for zone in state["zones"]:
        zone["next_query"] = 0
    path.write_text(json.dumps(state))


# Covers: SEC-52, SEC-53
def test_the_keys_of_the_root_are_followed_soon_after_the_start(root, world, start, tmp_path):
    root.serve([root.a, root.b], [root.a])
    subject = start(dnssec=dnssec(tmp_path, root.a))
    assert states(subject) == {tag(root.a): "configured"}
    wait_for_states(subject, {tag(root.a): "valid", tag(root.b): "add-pending"})
    assert world.queries(".", "DNSKEY")
    assert world.queries(f"_ta-{tag(root.a):04x}.", "TYPE10"), world.authority.dump()

    zone, = subject.ctl_json("anchors")["zones"]
    told = {key["tag"]: key for key in zone["keys"]}
    assert told[tag(root.a)]["trusted"] and not told[tag(root.b)]["trusted"]
    assert told[tag(root.b)]["until"] - told[tag(root.b)]["since"] == 30 * 86400
    assert zone["next_refresh"] - zone["last_refresh"] == 3600

    text = subject.ctl("anchors").stdout
    for word in ("validation: on", str(tmp_path / "anchors.json"), str(tag(root.a)), "ECDSAP256SHA256", "SHA-256",
                 told[tag(root.a)]["digest"], "valid since 20", "add-pending since 20", "not before 20", "not trusted"):
        assert word in text, text


# Covers: SEC-52
def test_what_was_learned_outlives_the_process(root, start, tmp_path):
    root.serve([root.a, root.b], [root.a])
    subject = start(dnssec=dnssec(tmp_path, root.a, root.b))
    wait_for_states(subject, {tag(root.a): "valid", tag(root.b): "valid"})
    state = tmp_path / "anchors.json"
    wait_until(state.exists, 5, "the state file")
    subject.stop()

    gone = revoked(root.a)
    root.serve([gone, root.b], [gone, root.b])
    ask_again(state)
    second = start(dnssec=dnssec(tmp_path, root.a, root.b))
    wait_for_states(second, {tag(root.a): "revoked", tag(root.b): "valid"})
    wait_until(lambda: '"revoked"' in state.read_text(), 5, "the revocation in the file")
    assert "revoked" in second.stderr()
    assert "AD" in second.query("www.lab.", "A", do=True).flags
    second.stop()

    # A thief of the revoked key signs alone, without the flag.
    root.serve([root.a], [root.a])
    third = start(dnssec=dnssec(tmp_path, root.a, root.b))
    assert states(third) == {tag(root.a): "revoked", tag(root.b): "valid"}, "before anything was asked"
    assert third.query("www.lab.", "A").rcode == "SERVFAIL"


# Covers: SEC-52
def test_a_damaged_state_file_is_a_warning_and_no_less_is_trusted(root, start, tmp_path):
    state = tmp_path / "anchors.json"
    state.write_text('{"version": 1, "zones": [')
    subject = start(dnssec=dnssec(tmp_path, root.a))
    assert "cannot be read" in subject.stderr() and str(state) in subject.stderr()
    assert "AD" in subject.query("www.lab.", "A", do=True).flags
    wait_for_states(subject, {tag(root.a): "valid"})
    wait_until(lambda: '"valid"' in state.read_text(), 5, "a state file that is whole again")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("anchors.json.")]


# Covers: F17
def test_without_a_directory_for_its_state_it_runs_and_warns(root, start, tmp_path):
    subject = start(dnssec=dnssec(tmp_path, root.a, state_file=str(tmp_path / "missing" / "anchors.json")))
    wait_for_states(subject, {tag(root.a): "valid"})
    wait_until(lambda: "cannot be written" in subject.stderr(), 5, "a warning")
    assert "missing" in subject.ctl("anchors").stdout
    assert "AD" in subject.query("www.lab.", "A", do=True).flags


# Covers: F17
def test_the_state_directory_of_the_service_manager_is_the_default(root, resolver_factory, world, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    settings = dnssec(tmp_path, root.a)
    del settings["state_file"]
    subject = resolver_factory(world.config(dnssec=settings), start=False)
    subject.start(env={"STATE_DIRECTORY": f"{folder}:/elsewhere"})
    wait_until((folder / "anchors.json").exists, 10, "the state file")


def test_without_automatic_update_nothing_is_asked_and_nothing_is_written(root, world, start, tmp_path):
    subject = start(dnssec=dnssec(tmp_path, root.a, automatic_update=False))
    assert "rollovers are not followed" in subject.ctl("anchors").stdout
    assert "AD" in subject.query("www.lab.", "A", do=True).flags
    assert states(subject) == {tag(root.a): "configured"}
    assert not (tmp_path / "anchors.json").exists()


def test_a_reload_takes_other_anchors(root, start, tmp_path):
    subject = start(dnssec=dnssec(tmp_path, root.b))
    assert subject.query("www.lab.", "A").rcode == "SERVFAIL"
    file = tmp_path / "root.anchors"
    file.write_text("; the lab's\n" + anchor_of(root.a) + "\n")
    subject.reload({"dnssec": {"trust_anchors": str(file)}})
    assert states(subject) == {tag(root.a): "configured"}
    # What was judged under the other anchors is forgotten by itself.
    assert "AD" in subject.query("www.lab.", "A", do=True).flags
    file.write_text("nonsense\n")
    done = subject.ctl("reload", check=False)
    assert done.returncode == 1 and "root.anchors" in done.stderr
    assert states(subject) == {tag(root.a): "configured"}


# Covers: SEC-55
def test_negative_anchors_are_listed_with_their_ends(root, start, tmp_path):
    subject = start(dnssec=dnssec(tmp_path, root.a, insecure=[
        "forever.example", {"name": "some.example", "until": "2999-12-31T12:00:00Z"},
        {"name": "past.example", "until": "2001-12-31"}]))
    assert "RFC 7646" in subject.stderr()
    text = subject.ctl("anchors").stdout
    for line in ("forever.example.  without an end", "some.example.  until 2999-12-31T12:00:00Z",
                 "past.example.  ended 2001-12-31T00:00:00Z"):
        assert line in text, text
    told = {one["name"]: one["holds"] for one in subject.ctl_json("anchors")["negative"]}
    assert told == {"forever.example.": True, "some.example.": True, "past.example.": False}
    assert "validation: on, 1 trusted keys, 2 names excepted" in subject.ctl("status").stdout


def test_without_validation_it_says_so(world, start):
    subject = start()
    assert "validation: off" in subject.ctl("anchors").stdout
    assert "validation: off" in subject.ctl("status").stdout


def test_the_installed_anchors_are_those_built_in(world, start):
    file = Path(__file__).parents[2] / "zones" / "root.anchors"
    builtin = start(dnssec={"validation": True, "automatic_update": False})
    read = start(dnssec={"validation": True, "automatic_update": False, "trust_anchors": str(file)})
    assert states(builtin) == states(read) == {20326: "configured", 38696: "configured"}
