"""The scripted authority serves signed zones as NSD serves the same files."""

import pytest

from support import client
from support.peers import Nsd
from support.signed_cases import ZONES

HONEST = [z.origin for z in ZONES if z.signer and not z.alter and not z.meddle and not z.parent_meddle]
QUESTIONS = [("@", "SOA"), ("@", "DNSKEY"), ("@", "NS"), ("a4", "A"), ("v4", "AAAA"), ("v6", "AAAA"), ("text", "AAAA"),
             ("nx", "A"), ("a.nx", "A"), ("x.wild", "A"), ("x.wild", "AAAA"), ("host.wild", "A"), ("ent", "A"),
             ("deep.ent", "MX"), ("www", "A"), ("@", "DS"), ("unsigned", "A"), ("unsigned", "DS"), ("expired", "DS"),
             ("plain", "A"), ("plain", "DS"), ("signed", "A"), ("nothing.x.y.deepcut", "A"), ("y.deepcut", "A")]


def content(response):
    """Header and records in no order, without what a server may add: NS records beside an answer."""
    records = [{(owner, rtype, value) for owner, _, rtype, value in section
                if not (place and response.answer() and (rtype == "NS" or value.startswith("NS ")))}
               for place, section in enumerate((response.answer(), response.authority()))]
    return (response.rcode, "AA" in response.flags, *records)


@pytest.mark.parametrize("origin", HONEST)
def test_the_authority_answers_as_nsd_does(signed, network, children, origin):
    address = network.ipv4()
    served = [o for o in signed.signed if signed.address_of(o) == signed.address_of(origin)]
    children.append(Nsd([address], {o: signed.signed[o].text for o in served}))
    for name, rtype in QUESTIONS:
        full = origin if name == "@" else f"{name}.{origin}" if origin != "." else f"{name}."
        for do in (True, False):
            mine = client.ask(signed.servers[origin][0].address, full, rtype, do=do, edns=4096, rd=False, over="tcp")
            theirs = client.ask(address, full, rtype, do=do, edns=4096, rd=False, over="tcp")
            assert content(mine) == content(theirs), f"{full} {rtype}\n{mine}\n\n{theirs}"


def test_every_signer_and_every_algorithm_is_there(signed):
    found = {(key.algorithm, zone.signer) for zone in ZONES if zone.origin in HONEST
             for key in signed.signed[zone.origin].dnskeys()}
    assert {int(algorithm) for algorithm, _ in found} == {5, 7, 8, 10, 13, 14, 15, 16}
    assert {signer for _, signer in found} == {"ldns", "knot"}
