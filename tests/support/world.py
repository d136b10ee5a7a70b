"""A small Internet of scripted name servers, from the root down."""

import json

from support.authority import Authority
from support.wire import labels_of, text_of


def absolute(name):
    return name if name.endswith(".") else name + "."


class World:
    """Zones are made with `zone()`; the delegation in the zone above is made with them.

    The root has one server. Zones without `servers` get a server of their own. Names of servers are ns1, ns2, …
    below the zone's name, with glue, unless `ns` says otherwise.
    """

    def __init__(self, net):
        self.net = net
        self.authority = Authority()
        self.zones = {}
        self.servers = {}
        self.root = self.authority.server(net.ipv4())
        zone = self.root.zone(".", f"@ 3600 NS a.root.\na.root. 3600 A {self.root.address}")
        self.zones[()] = zone
        self.servers["."] = [self.root]

    # --- building ---

    def new_server(self, address=None, port=53):
        return self.authority.server(address or self.net.ipv4(), port)

    def zone(self, origin, text="", *, servers=1, ns=None, glue=True, ttl=300, delegation_ttl=3600, parent=True):
        """Makes a zone with its delegation; gives its (first) server.

        `servers`: how many new servers, or a list of servers. `ns`: names for them, when not below the zone.
        `parent=False`: no delegation.
        """
        origin = absolute(origin)
        labels = labels_of(origin)
        if isinstance(servers, int):
            servers = [self.new_server() for _ in range(servers)]
        names = [absolute(n) for n in ns] if ns else [f"ns{i + 1}.{origin}" for i in range(len(servers))]
        apex = "\n".join(f"@ 3600 NS {name}" for name in names)
        hosts = "\n".join(f"{name} 3600 A {server.address}" for name, server in zip(names, servers)
                          if labels_of(name)[-len(labels):] == labels)
        zone = None
        for server in servers:
            if zone is None:
                zone = server.zone(origin, f"{apex}\n{hosts}\n{text}", ttl)
            else:
                server.serve(zone)
        self.zones[labels] = zone
        self.servers[origin] = servers
        if parent:
            self.delegate(origin, names, servers if glue else [], delegation_ttl)
        return servers[0]

    def delegate(self, origin, names, glue_servers=(), ttl=3600):
        """Puts NS records (and glue for the names below the parent's own name) into the zone above."""
        labels = labels_of(origin)
        above = next(labels[i:] for i in range(1, len(labels) + 1) if labels[i:] in self.zones)
        parent = self.zones[above]
        parent.add("\n".join(f"{absolute(origin)} {ttl} NS {absolute(n)}" for n in names))
        for name, server in zip(names, glue_servers):
            kind = "AAAA" if ":" in server.address else "A"
            parent.add(f"{absolute(name)} {ttl} {kind} {server.address}")
        for server in self.servers[text_of(above) if above else "."]:
            server.changed()
        return parent

    def zone_of(self, origin):
        return self.zones[labels_of(origin)]

    def edit(self, origin, add="", remove=()):
        """Changes a zone in place: `remove` is a list of (name, type)."""
        zone = self.zone_of(origin)
        for name, rtype in remove:
            zone.remove(absolute(name), rtype)
        zone.add(add)
        for server in self.servers[absolute(origin)]:
            server.changed()

    # --- asking what came ---

    @property
    def log(self):
        return self.authority.log

    def queries(self, *args, **kwargs):
        return self.authority.queries(*args, **kwargs)

    def count(self, *args, **kwargs):
        return self.authority.count(*args, **kwargs)

    def forget(self):
        self.authority.forget()

    def close(self):
        self.authority.close()

    # --- configuration ---

    def config(self, **changes):
        """A configuration for a resolver of this world; `changes` replace top-level keys, dictionaries are merged."""
        base = {
            "workers": 1,
            "dnssec": {"validation": False},
            "root_hints": [{"name": "a.root.", "addresses": [self.root.address]}],
            "upstream": {"allow_loopback": True, "ipv6": self.net.isolated},
            "dns64": {"prefixes": ["2001:db8:64::/96"]},
        }
        return merge(base, changes)


def merge(base, changes):
    """`changes` over `base`: dictionaries are merged, everything else is replaced."""
    merged = json.loads(json.dumps(base))
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
