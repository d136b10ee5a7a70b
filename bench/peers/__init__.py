"""Whoever is measured: one class each, with its configuration as its own documentation advises it.

    subject = PEERS["unbound"](Setting(internet data, certificate, …))
    subject.start(); subject.verify(); …; subject.cpu(); subject.stop()
"""

from peers.bind import Bind
from peers.knot import Knot
from peers.limits import Echo, Nsd
from peers.powerdns import PowerDns
from peers.resolve64 import Resolve64
from peers.unbound import Unbound

PEERS = {peer.name: peer for peer in (Resolve64, Echo, Nsd, Unbound, Bind, Knot, PowerDns)}
RESOLVERS = [name for name, peer in PEERS.items() if peer.resolver]

__all__ = ["PEERS", "RESOLVERS"]
