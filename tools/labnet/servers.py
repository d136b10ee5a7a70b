"""The authoritative side: NSD on the addresses of zones/lab/servers.json, and the broken server."""

import json
import os
import shutil
import socket
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ZONES = HERE.parent.parent / "zones/lab"

NSD_CONF = """
server:
  server-count: 1
  username: "{user}"
  hide-version: yes
  database: ""
  rrl-ratelimit: 0
  zonesdir: "{directory}"
  pidfile: "{directory}/nsd.pid"
  zonelistfile: "{directory}/zone.list"
  xfrdfile: "{directory}/xfrd.state"
  xfrdir: "{directory}"
{addresses}
remote-control:
  control-enable: yes
  control-interface: "{control}"
{zones}
"""


ROOT_NS = b"\0" + struct.pack("!HH", 2, 1)


def ask(address, port, question=ROOT_NS, timeout=0.3):
    """Sends one question over UDP (the root's NS by default); the reply, or None."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        try:
            client.connect((address, port))
            client.send(struct.pack("!6H", 0x6464, 0x0100, 1, 0, 0, 0) + question)
            return client.recv(4096)
        except OSError:
            return None


def zone_file(zone):
    return "root.zone" if zone == "." else f"{zone}.zone"


def start_nsd(processes, namespace, directory, name, addresses, zones, port):
    """One NSD with its own directory and its own copy of the zones that lie in `directory`/zones."""
    own = directory / name
    own.mkdir()
    for zone in zones:
        shutil.copy(directory / "zones" / zone_file(zone), own)
    user = ""
    if os.geteuid() == 0:
        user = "nsd"  # the package's user; it gives up root once it has bound port 53
        shutil.chown(own, user, user)
    control = own / "control.sock"
    conf = own / "nsd.conf"
    conf.write_text(
        NSD_CONF.format(
            user=user,
            directory=own,
            control=control,
            addresses="\n".join(f"  ip-address: {address}@{port}" for address in addresses),
            zones="\n".join(
                f'zone:\n  name: "{zone}"\n  zonefile: "{zone_file(zone)}"' for zone in zones
            ),
        )
    )
    processes.start(f"nsd-{name}", ["nsd", "-d", "-c", conf], namespace)


def start_broken(processes, namespace, address, port):
    processes.start("broken", [sys.executable, HERE / "broken.py", address, port], namespace)


def start_web(processes, namespace, address, port):
    processes.start("web", [sys.executable, HERE / "web.py", address, port], namespace)


def layout():
    """What runs where: name, addresses, zones, and whether it is the broken server."""
    return json.loads((ZONES / "servers.json").read_text())


def zones_served(layout):
    """The zones that are files, the broken server's not among them."""
    return [zone for server in layout.values() if "program" not in server for zone in server["zones"]]
