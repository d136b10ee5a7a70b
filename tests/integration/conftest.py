"""The small Internets that most integration tests start from."""

import pytest

from support.signed_world import signed, signed_internet, start_signed

__all__ = ["signed", "signed_internet", "start_signed"]


@pytest.fixture
def site(world):
    """com. and net. below the root; example.com. and example.net. below those; reverse zones.

    example.com. has names of every kind that DNS64 tells apart.
    """
    for tld in ("com.", "net."):
        world.zone(tld)
    world.zone("arpa.", "x.in-addr A 192.0.2.250\nx.ip6 A 192.0.2.250")
    world.zone("example.com.", """
        @ 300 SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 300
        @ A 192.0.2.1
        v4 600 A 192.0.2.33
        v6 600 AAAA 2001:db8:1::1
        dual 600 A 192.0.2.34
        dual 600 AAAA 2001:db8:1::2
        global 600 A 78.0.96.91
        text TXT "text"
        mail MX 10 v4
        www CNAME v4
        two CNAME www
        five5 CNAME five4
        five4 CNAME five3
        five3 CNAME five2
        five2 CNAME two
        www6 CNAME v6
        wwwdual CNAME dual
        dangling CNAME nothing.example.com.
        empty CNAME text
        away CNAME v4.example.net.
        awayboth CNAME dual.example.net.
        sub DNAME example.net.
        several A 192.0.2.41
        several A 192.0.2.42
        several A 192.0.2.43
        *.wild A 192.0.2.44
        deep.ent.ent A 192.0.2.45
    """)
    world.zone("example.net.", """
        @ 300 SOA ns1.example.net. hostmaster.example.net. 1 3600 600 86400 300
        v4 300 A 192.0.2.133
        dual 300 A 192.0.2.134
        dual 300 AAAA 2001:db8:2::2
        text TXT "net"
    """)
    return world


@pytest.fixture
def com(site):
    """The server of example.com."""
    return site.servers["example.com."][0]


@pytest.fixture
def net_server(site):
    """The server of example.net."""
    return site.servers["example.net."][0]
