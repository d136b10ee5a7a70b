"""Signs the lab's zones, from the leaves up to the root, with keys that are made now and thrown away.

zones/lab/signing.json says how: the algorithm, the kind of denial, and what to get wrong. A zone that is
not in it stays unsigned. The signer is ldns-signzone.
"""

import base64
import json
import re
import shutil
import subprocess
import time

from . import LabError
from .servers import ZONES, zone_file

DAY = 86400
DENIAL = {"nsec": [], "nsec3": ["-n"], "nsec3-opt-out": ["-n", "-p"]}


def run(directory, *command):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LabError(f"{command[0]} {command[-1]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def absolute(zone):
    return "." if zone == "." else zone + "."


def parent_of(zone, zones):
    """The closest zone above; None for the root."""
    labels = [] if zone == "." else zone.split(".")
    for start in range(1, len(labels) + 1):
        above = ".".join(labels[start:]) or "."
        if above in zones:
            return above
    return None


def sign_all(zones, directory):
    """Writes each of `zones` to `directory`, signed where it is to be; the root's DS record, as text."""
    plan = json.loads((ZONES / "signing.json").read_text())
    directory.mkdir()
    for zone in zones:
        shutil.copy(ZONES / zone_file(zone), directory)
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    depth = {zone: 0 if zone == "." else zone.count(".") + 1 for zone in zones}
    ds = None
    for zone in sorted(plan, key=lambda zone: -depth[zone]):
        ds = sign(zone, directory, keys, **plan[zone])
        above = parent_of(zone, zones)
        if above is not None:
            if above not in plan:
                raise LabError(f"signing.json: {zone} is signed below {above}, which is not")
            with open(directory / zone_file(above), "a") as file:
                file.write(f"{ds}\n")
    shutil.rmtree(keys)
    return ds


def sign(zone, directory, keys, algorithm="ECDSAP256SHA256", denial="nsec", wrong=None):
    """Signs one zone in place; gives the DS record for its parent. `wrong`: expired | signature | ds."""
    zsk, ksk = (
        run(keys, "ldns-keygen", "-r", "/dev/urandom", "-a", algorithm, *kind, absolute(zone))
        for kind in ([], ["-k"])
    )
    now = int(time.time())
    days = (-60, -30) if wrong == "expired" else (-1, 30)
    begin, end = (str(now + day * DAY) for day in days)
    file = directory / zone_file(zone)
    run(keys, "ldns-signzone", "-o", absolute(zone), "-i", begin, "-e", end,
        *DENIAL[denial], "-f", file, file, zsk, ksk)  # fmt: skip
    if wrong == "signature":
        forge_addresses(file)
    ds = (keys / f"{ksk}.ds").read_text().strip()
    if wrong == "ds":
        digest = ds.split()[-1]
        ds = ds.replace(digest, digest[::-1])
    return ds


def forge_addresses(file):
    """Changes one bit in each signature of an A RRset; all else in the zone stays right."""

    def forge(match):
        signature = bytearray(base64.b64decode(match[2]))
        signature[-1] ^= 1
        return match[1] + base64.b64encode(signature).decode()

    text = file.read_text()
    file.write_text(re.sub(r"(?m)^(\S+\t\d+\tIN\tRRSIG\tA .* )(\S+)$", forge, text))
