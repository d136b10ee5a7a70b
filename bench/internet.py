#!/usr/bin/python3
"""A small Internet to resolve in: a root, four TLDs, thousands of zones below them, half of them signed.

    bench/internet.py --directory D [--zones N] [--netns NAME] start

builds the zones below D (once for each set of parameters), serves them with NSD on addresses of 198.18.0.0/16
(the block that RFC 2544 set aside for benchmarks) of the network namespace that it runs in, prints a JSON object
that tells where everything is, and serves until SIGTERM. Root and TLDs are signed, P-256 throughout. A zone has
two servers; the zones are spread over 64 addresses. No zone is reached without a walk from the root.

The addresses in the data are of 198.18.0.0/15 too: to synthesize from them below 64:ff9b::/96, resolve64 needs
dns64.allow_nonglobal_with_well_known_prefix.
"""

import argparse
import ctypes
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from signer import Key, Zone  # noqa: E402

LAYOUT = 4  # raise it when what is generated changes: what was kept is then made again
TLDS = ["tld0", "tld1", "tld2", "tld3"]
TLD_DENIAL = ["nsec", "nsec", "opt-out", "opt-out"]
BIG_ZONES, BIG_NAMES = 11, 100_000  # the last one is the "known" zone
ROOT_SERVERS = ["198.18.1.1", "198.18.1.2"]
BIG_SERVERS = ["198.18.20.1", "198.18.20.2"]
SILENT_SERVERS = ["198.18.30.1", "198.18.30.2"]
ANCHOR_KEY, TLD_KEY, ZONE_KEY = 1000, 2000, 10_000  # key numbers; a zone's is ZONE_KEY + its own


def tld_servers(tld):
    return [f"198.18.2.{2 * tld + 1}", f"198.18.2.{2 * tld + 2}"]


class Place:
    """Where zone number `index` is and what it is like: the same in every run."""

    def __init__(self, index):
        draw = int.from_bytes(hashlib.sha256(b"zone %d" % index).digest()[:4], "big")
        self.index = index
        self.tld = draw % 4
        self.process = draw // 4 % 2
        pair = draw // 8 % 32
        self.servers = [f"198.18.{10 + self.process}.{2 * pair + 1}", f"198.18.{10 + self.process}.{2 * pair + 2}"]
        self.label = f"z{index:05}"
        self.origin = f"{self.label}.{TLDS[self.tld]}."
        self.signed = index % 2 == 1
        self.denial = "nsec3" if index % 4 == 3 else "nsec"


def benchmark_address(number):
    """An address of 198.18.0.0/15 for data; nobody is there."""
    return f"198.{18 + (number >> 16 & 1)}.{number >> 8 & 255}.{number & 255}"


def own_servers(zone, addresses):
    """NS records to ns1, ns2 … of the zone itself."""
    for number, address in enumerate(addresses, 1):
        zone.add("@", "NS", zone.below(f"ns{number}"))
        zone.add(f"ns{number}", "A", address)


def leaf_zone(index, zones):
    """The text of zone `index`, and the DS that its parent shows (None: unsigned)."""
    place, other = Place(index), Place((index * 7 + 13) % zones)
    zone = Zone(place.origin, Key(ZONE_KEY + index) if place.signed else None, place.denial)
    own_servers(zone, place.servers)
    zone.add("v4", "A", benchmark_address(index * 5))
    zone.add("dual", "A", benchmark_address(index * 5 + 1))
    zone.add("dual", "AAAA", f"2001:db8::{index:x}:1")
    zone.add("www", "A", benchmark_address(index * 5 + 2))
    zone.add("www", "AAAA", f"2001:db8::{index:x}:2")
    zone.add("alias", "CNAME", zone.below("v4"))
    zone.add("far", "CNAME", f"v4.{other.origin}")
    zone.add("nodata", "TXT", '"nothing else"')
    return zone.text(), zone.ds() if zone.key else None


def write_leaf(job):
    index, zones, folder = job
    text, ds = leaf_zone(index, zones)
    (Path(folder) / f"{Place(index).label}.zone").write_text(text)
    return ds


class Data:
    """The zone files and the lists of questions for one set of parameters, made once."""

    def __init__(self, directory, zones=10_000, big=BIG_ZONES):
        self.zones, self.big = zones, big
        key = hashlib.sha256(f"{LAYOUT} {zones} {big} {BIG_NAMES}".encode()).hexdigest()[:10]
        self.folder = Path(directory).resolve() / f"internet-{key}"
        self.hints, self.anchor = self.folder / "root.hints", self.folder / "root.anchor"
        self.queries = self.folder / "queries"

    def ready(self):
        """Made, and signed for some time to come (90 days, of which 60 are used)."""
        mark = self.folder / "made"
        return mark.exists() and time.time() - mark.stat().st_mtime < 60 * 86400

    def make(self):
        if self.ready():
            return self
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("root", "tld", "zones0", "zones1", "big", "queries"):
            (self.folder / name).mkdir(parents=True)
        jobs = [(i, self.zones, self.folder / f"zones{Place(i).process}") for i in range(self.zones)]
        # The pool ends its workers with SIGTERM, which the caller may have other plans for.
        with multiprocessing.Pool(None, signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
            ds = pool.map(write_leaf, jobs, chunksize=100)
        self.write_big()
        self.write_parents(ds)
        for name, lines in self.questions():
            with open(self.queries / name, "w", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in lines)
        (self.folder / "made").touch()
        return self

    def write_big(self):
        for number in range(self.big):
            origin, label = big_zone(number), f"big{number}"
            zone = Zone(origin)
            own_servers(zone, BIG_SERVERS)
            with open(self.folder / "big" / f"{label}.zone", "w", encoding="ascii") as file:
                file.write(zone.text() + f"$ORIGIN {origin}\n$TTL 86400\n")
                file.writelines(f"n{i:06} A {benchmark_address(i + number)}\n" for i in range(BIG_NAMES))
        for name, records in (("flood.tld0.", ""), ("wild.tld1.", "* A 198.18.7.7\n")):
            (self.folder / "big" / f"{name.split('.')[0]}.zone").write_text(
                f"$ORIGIN {name}\n$TTL 86400\n@ SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\n@ NS ns2\n"
                f"ns1 A {BIG_SERVERS[0]}\nns2 A {BIG_SERVERS[1]}\n@ A 198.18.7.8\nwww A 198.18.7.9\n{records}")
        bogus = Zone("bogus.tld0.", Key(ANCHOR_KEY + 1))
        own_servers(bogus, BIG_SERVERS)
        bogus.add("www", "A", "198.18.7.10")
        bogus.add("good", "A", "198.18.7.11")
        bogus.spoilt.add("www")
        (self.folder / "big" / "bogus.zone").write_text(bogus.text())
        self.bogus_ds = bogus.ds()

    def write_parents(self, ds):
        tlds = [Zone(f"{name}.", Key(TLD_KEY + i), TLD_DENIAL[i]) for i, name in enumerate(TLDS)]
        for i, tld in enumerate(tlds):
            own_servers(tld, tld_servers(i))
        for index in range(self.zones):
            place = Place(index)
            tlds[place.tld].delegate(place.label, place.servers, ds[index])
        for number in range(self.big):
            label, tld = big_zone(number).split(".")[:2]
            tlds[TLDS.index(tld)].delegate(label, BIG_SERVERS)
        tlds[0].delegate("flood", BIG_SERVERS)
        tlds[1].delegate("wild", BIG_SERVERS)
        tlds[0].delegate("bogus", BIG_SERVERS, self.bogus_ds)
        tlds[1].delegate("dead", SILENT_SERVERS)
        root = Zone(".", Key(ANCHOR_KEY), "nsec")
        own_servers(root, ROOT_SERVERS)
        for i, (name, tld) in enumerate(zip(TLDS, tlds)):
            root.delegate(name, tld_servers(i), tld.ds())
            (self.folder / "tld" / f"{name}.zone").write_text(tld.text())
        (self.folder / "root" / "root.zone").write_text(root.text())
        self.hints.write_text("".join(f". 3600000 IN NS ns{i}.\nns{i}. 3600000 IN A {address}\n"
                                      for i, address in enumerate(ROOT_SERVERS, 1)))
        self.anchor.write_text(f". 172800 IN DS {root.ds()}\n")

    def questions(self):
        """(file, lines) of every list; the order of the lines is drawn once, from a seed."""
        draw = random.Random(64)
        order = list(range(self.zones))
        draw.shuffle(order)
        origin = [Place(i).origin for i in range(self.zones)]
        hot = order[:1000]
        plain = [i for i in order if not Place(i).signed][:1000]
        signed = [i for i in order if Place(i).signed][:1000]
        yield "cached-a", [f"v4.{origin[i]} A" for i in hot]
        yield "cached-a-do", [f"v4.{origin[i]} A do" for i in signed]
        yield "aaaa-synth", [f"v4.{origin[i]} AAAA" for i in hot]
        # Of unsigned zones: of signed ones BIND gives raw data to DO, so that it would do something else.
        yield "aaaa-synth-do", [f"v4.{origin[i]} AAAA do" for i in plain]
        yield "cold-a", [f"v4.{origin[i]} A" for i in order]
        yield "cold-aaaa", [f"v4.{origin[i]} AAAA" for i in order]
        # A zone's cut is known after the first of these; the second ones are then one step from their answers.
        for kind, chosen in (("plain", plain), ("signed", signed)):
            yield f"known-zone-{kind}", [f"www.{origin[i]} A" for i in chosen[:300]]
            yield f"next-name-{kind}", [f"v4.{origin[i]} AAAA" for i in chosen[:300]]
        names = [f"n{i:06}" for i in range(BIG_NAMES)]
        draw.shuffle(names)
        known = big_zone(self.big - 1)
        yield "known-a", [f"{n}.{known} A" for n in names]
        yield "known-aaaa", [f"{n}.{known} AAAA" for n in reversed(names)]  # others, as far as they are asked
        yield "known-first", [f"ns1.{known} A", f"ns1.{known} AAAA"]
        everything = [f"{n}.{big_zone(number)}" for number in range(self.big - 1) for n in names]
        yield "memory-a", (f"{n} A" for n in everything)
        yield "memory-aaaa", (f"{n} AAAA" for n in everything)
        yield "flood", ["flood.tld0. A", "flood.tld0. AAAA", "wild.tld1. A"]
        yield "dead", ["dead.tld1. A"]
        yield "mix", self.mix(draw, order, origin)

    @staticmethod
    def mix(draw, order, origin):
        """What many clients ask, the most popular first: for `--order zipf`."""
        labels = draw.choices(["v4", "dual", "www", "alias", "far", "nodata", "absent"],
                              [30, 22, 20, 10, 6, 6, 6], k=10 * len(order))
        for index, label in enumerate(labels):
            zone = origin[order[draw.randrange(len(order))]]
            yield f"{label}.{zone} {'A' if index % 2 else 'AAAA'}{' do' if index % 10 == 3 else ''}"


def big_zone(number):
    return f"big{number}.{TLDS[number % 2]}."


class Silent:
    """The servers of dead.tld1: they take questions, count them and say nothing."""

    def __init__(self):
        self.count = 0
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in SILENT_SERVERS]
        for sock, address in zip(self.sockets, SILENT_SERVERS):
            sock.bind((address, 53))
            threading.Thread(target=self.listen, args=(sock,), daemon=True).start()

    def listen(self, sock):
        while True:
            sock.recv(4096)
            self.count += 1


def enter_namespace(name):
    """The calling thread, and what it starts, lives in that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}", "rb") as file:
        if libc.setns(file.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), f"network namespace {name}")


class Internet:
    """The servers of one Data, in the namespace of the caller. `core`: where they are pinned."""

    GROUPS = {"root": ROOT_SERVERS, "tld": [a for i in range(4) for a in tld_servers(i)],
              "zones0": [f"198.18.10.{i}" for i in range(1, 65)], "zones1": [f"198.18.11.{i}" for i in range(1, 65)],
              "big": BIG_SERVERS}

    def __init__(self, data, core=None):
        self.data, self.core = data, core
        self.processes = {}
        self.silent = None
        self.run = Path(tempfile.mkdtemp(prefix="r64-internet-"))

    def start(self):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # A prefix on lo makes all of its addresses ours, as it is with 127.0.0.0/8.
        subprocess.run(["ip", "addr", "add", "198.18.0.1/16", "dev", "lo"], check=False, stderr=subprocess.DEVNULL)
        self.silent = Silent()
        for group, addresses in self.GROUPS.items():
            self.launch(group, addresses)
        for group, addresses in self.GROUPS.items():
            self.wait_for(group, addresses[0])
        return self

    def launch(self, group, addresses):
        run = self.run / group
        run.mkdir()
        lines = ["server:", *(f"  ip-address: {a}" for a in addresses), "  server-count: 1", '  username: ""',
                 '  chroot: ""', f"  zonesdir: {self.data.folder / group}", '  database: ""', "  rrl-ratelimit: 0",
                 f"  pidfile: {run}/pid", f"  xfrdfile: {run}/xfrd", f"  zonelistfile: {run}/zonelist",
                 f"  xfrdir: {run}", "  tcp-count: 200", "  zonefiles-check: no", "  statistics: 0",
                 "  round-robin: no", "remote-control:", "  control-enable: no"]
        for file in sorted((self.data.folder / group).glob("*.zone")):
            lines += ["zone:", f"  name: {self.origin(group, file.stem)}", f"  zonefile: {file.name}"]
        (run / "nsd.conf").write_text("\n".join(lines) + "\n")
        pin = ["taskset", "-c", str(self.core)] if self.core is not None else []
        with open(run / "log", "wb") as log:
            self.processes[group] = subprocess.Popen([*pin, nsd(), "-d", "-c", str(run / "nsd.conf")],
                                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @staticmethod
    def origin(group, stem):
        if stem == "root":
            return "."
        if group.startswith("zones"):
            return Place(int(stem[1:])).origin
        special = {"flood": "flood.tld0.", "wild": "wild.tld1.", "bogus": "bogus.tld0."}
        return special[stem] if stem in special else big_zone(int(stem[3:])) if stem.startswith("big") else f"{stem}."

    def wait_for(self, group, address, seconds=60):
        question = bytes.fromhex("000100000001000000000000") + b"\0" + b"\0\x06\0\x01"
        deadline = time.monotonic() + seconds
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            while True:
                try:
                    sock.sendto(question, (address, 53))
                    sock.recv(512)
                    break
                except OSError:
                    time.sleep(0.05)
                if self.processes[group].poll() is not None or time.monotonic() > deadline:
                    self.fail(group, "does not answer")
        if " error: " in self.log(group):
            self.fail(group, "does not like its zones")

    def log(self, group):
        return (self.run / group / "log").read_text(errors="replace")

    def fail(self, group, what):
        text = self.log(group)[-2000:]
        self.stop()
        raise RuntimeError(f"NSD for {group} {what}:\n{text}")

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = {}
        shutil.rmtree(self.run, ignore_errors=True)

    def describe(self):
        data = self.data
        return {"root": ROOT_SERVERS, "hints": str(data.hints), "anchor": str(data.anchor), "zones": data.zones,
                "network": "198.18.0.0/16", "queries": {f.name: str(f) for f in sorted(data.queries.iterdir())},
                "pids": {group: p.pid for group, p in self.processes.items()}}


def nsd():
    found = shutil.which("nsd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise RuntimeError("NSD is not installed: tools/deps bench")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--directory", default="build/bench", help="where the zones are kept")
    parser.add_argument("--zones", type=int, default=10_000, help="second-level zones")
    parser.add_argument("--netns", help="serve in this network namespace (it must be there)")
    parser.add_argument("--core", type=int, help="pin the servers to this core")
    parser.add_argument("what", choices=["make", "start"])
    arguments = parser.parse_args()
    data = Data(arguments.directory, arguments.zones).make()
    if arguments.what == "make":
        print(data.folder)
        return 0
    if arguments.netns:
        enter_namespace(arguments.netns)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    internet = Internet(data, arguments.core).start()
    try:
        print(json.dumps(internet.describe()), flush=True)
        ended.wait()
    finally:
        internet.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
