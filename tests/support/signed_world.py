"""A signed Internet of scripted name servers: every zone of signed_cases.py, signed once and served all day.

Tests take the fixtures `signed` (the world, its log empty) and `start_signed`.
"""

import pytest

from support import signed_cases
from support.authority import Authority
from support.resolver import Resolver
from support.signed import SignedZone
from support.signing import Signers, labels_of
from support.wire import text_of
from support.world import World, merge
from support.zone import Zone


class SignedWorld(World):
    """Zones with their signatures; `signed[origin]` is what the signer made of each."""

    def __init__(self, net, folder, zones=None):
        self.net = net
        self.authority = Authority()
        self.signers = Signers(folder)
        self.specs = {spec.origin: spec for spec in zones or signed_cases.ZONES}
        self.zones = {}
        self.servers = {}
        self.signed = {}
        self.texts = {}
        self._rules = []
        # Addresses that depend on nothing but the place, so that what was signed can be used again.
        self._addresses = {origin: f"127.{net.corner}.{200 + index // 250}.{index % 250 + 1}"
                           for index, origin in enumerate(sorted(self.specs))}
        delegations = {origin: [] for origin in self.specs}
        for depth in sorted({len(labels_of(o)) for o in self.specs}, reverse=True):
            level = {o: s for o, s in self.specs.items() if len(labels_of(o)) == depth}
            for origin, spec in level.items():
                self.texts[origin] = self._text(spec, delegations[origin])
            self._sign(level)
            for origin in level:
                if origin != ".":
                    delegations[self.parent_of(origin)] += self._delegation(self.specs[origin])
        for origin in sorted(self.specs, key=lambda o: len(labels_of(o))):
            self._serve(self.specs[origin])
        self.root = self.servers["."][0]

    # --- building ---

    def parent_of(self, origin):
        labels = labels_of(origin)
        for index in range(1, len(labels) + 1):
            above = text_of(labels[index:]) if labels[index:] else "."
            if above in self.specs:
                return above
        raise KeyError(origin)

    def address_of(self, origin):
        return self._addresses[self.specs[origin].server or origin]

    @staticmethod
    def _server_name(origin):
        return f"ns1.{origin}" if origin != "." else "a.root."

    def _text(self, spec, delegations):
        origin = spec.origin
        below = origin if origin != "." else "root."
        return "\n".join([
            f"$ORIGIN {origin}", "$TTL 300",
            f"{origin} 300 IN SOA ns1.{below} hostmaster.{below} 1 3600 600 86400 300",
            f"{origin} 3600 IN NS {self._server_name(origin)}",
            f"{self._server_name(origin)} 3600 IN A {self.address_of(origin)}",
            *spec.content.strip().splitlines(), *delegations])

    def _delegation(self, spec):
        origin = spec.origin
        lines = [f"{origin} 3600 IN NS {self._server_name(origin)}",
                 f"{self._server_name(origin)} 3600 IN A {self.address_of(origin)}"]
        if origin in self.signed:
            texts = [text for digest in spec.ds for text in self.signed[origin].ds(digest)]
            lines += [f"{origin} 3600 IN DS {text}" for text in (spec.ds_edit or list)(texts)]
        return lines

    def _sign(self, level):
        batch = {o: (self.texts[o], s.algorithms[0], s.nsec3) for o, s in level.items() if s.signer == "knot"}
        if batch:
            self.signed.update(self.signers.knot(batch))
        for origin, spec in level.items():
            if spec.signer == "ldns":
                self.signed[origin] = self.signers.ldns(origin, self.texts[origin], spec.algorithms, spec.nsec3,
                                                        spec.inception, spec.expiration)
            if origin in self.signed and spec.alter:
                signed = self.signed[origin]
                signed.records = spec.alter(signed.records, signed)

    def _serve(self, spec):
        origin = spec.origin
        if origin in self.signed:
            zone = SignedZone(origin, self.signed[origin].records)
            if spec.meddle:
                zone.meddlers.append(spec.meddle(zone))
        else:
            zone = Zone(origin, [line for line in self.texts[origin].splitlines() if not line.startswith("$")])
        if spec.parent_meddle:
            parent = self.zone_of(self.parent_of(origin))
            parent.meddlers.append(spec.parent_meddle(parent))
        server = self.authority.server(self.address_of(origin))
        server.serve(zone)
        self.zones[labels_of(origin)] = zone
        self.servers[origin] = [server]

    # --- for tests ---

    def on(self, origin, behaviour, **match):
        """A behaviour of the server of this zone, until the end of the test."""
        rule = self.servers[origin][0].on(behaviour, **match)
        self._rules.append(rule)
        return rule

    def meddle(self, origin, meddler):
        """A meddler of this zone, until the end of the test."""
        zone = self.zone_of(origin)
        zone.meddlers.append(meddler)
        self._rules.append((zone, meddler))
        self.changed()

    def changed(self):
        for servers in self.servers.values():
            servers[0].changed()

    def restore(self):
        for rule in self._rules:
            if isinstance(rule, tuple):
                rule[0].meddlers.remove(rule[1])
        self._rules = []
        for servers in self.servers.values():
            servers[0].rules = []
            servers[0].changed()
        self.forget()

    def anchors(self, origin=".", digest=2):
        """The trust anchor of a zone, as texts for a configuration."""
        return [f"{origin} IN DS {text}" for text in self.signed[origin].ds(digest)]

    def config(self, **changes):
        base = {"dnssec": {"validation": True, "trust_anchors": self.anchors(), "automatic_update": False},
                "upstream": {"ipv6": False}}
        return merge(super().config(), merge(base, changes))


@pytest.fixture(scope="session")
def signed_internet(network, pytestconfig):
    if not network.privileged:
        pytest.skip("needs port 53 on loopback addresses: run the tests as root")
    world = SignedWorld(network, pytestconfig.cache.mkdir("r64-signed"))
    yield world
    world.close()
    assert not world.authority.faults, f"the scripted authority failed: {world.authority.faults}"


@pytest.fixture
def signed(signed_internet, request):
    """The signed Internet, its log empty, as it was made."""
    request.node.r64_worlds = [signed_internet]
    signed_internet.restore()
    yield signed_internet
    signed_internet.restore()
    faults, signed_internet.authority.faults = signed_internet.authority.faults, []
    assert not faults, f"a behaviour of the scripted authority failed: {faults}"


@pytest.fixture
def start_signed(signed, resolver_factory):
    """`start_signed(dns64={...})` starts a validating resolver of the signed Internet."""
    def go(listen=1, **changes):
        return resolver_factory(signed.config(**changes), listen=listen, kind=Resolver)
    return go
