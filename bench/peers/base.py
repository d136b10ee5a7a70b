"""What all subjects share: life, being asked, and what the kernel says that they used."""

import dataclasses
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from internet import Place

ADDRESS, PORT, TLS_PORT, HTTPS_PORT = "127.0.0.1", 5300, 8853, 8443
PREFIX = "64:ff9b::/96"
TYPES = {"A": 1, "SOA": 6, "AAAA": 28}


@dataclasses.dataclass
class Setting:
    """How a subject is to be run. `data`: the Data of internet.py; sizes in MiB; `programs`: where ours are."""

    data: object
    programs: Path
    certificate: str
    key: str
    cores: str = "0"
    workers: int = 1
    cache: int = 2048
    namespace: str | None = None    # None: that of the caller
    size: int = 100                 # octets of an answer, for those who only return packets
    transport: str = "udp"          # likewise


def find(program):
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    return found or program


def question(name, rtype, ident=1, do=False):
    owner = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000 if do else 0, 0)
    head = struct.pack("!6H", ident, 0x0100, 1, 0, 0, 1)
    return head + owner + struct.pack("!HH", TYPES[rtype], 1) + opt


class Reply:
    """The head of a message: enough to know what kind of answer it is."""

    def __init__(self, wire):
        _, flags, _, self.answers, _, _ = struct.unpack_from("!6H", wire)
        self.rcode, self.ad = flags & 15, bool(flags & 0x20)
        self.wire = wire


class Subject:
    """One server program. What it needs is in a directory of its own, which goes when it stops."""

    name = label = ""
    resolver = True
    transports = ("udp", "tcp", "tls", "https")
    ready_within = 30  # seconds

    def __init__(self, setting):
        self.setting = setting
        self.process = None
        self.directory = None

    # --- what a class says of its own ---

    def configure(self):
        """Writes the configuration into self.directory; gives the command."""
        raise NotImplementedError

    @classmethod
    def version(cls, programs):
        raise NotImplementedError

    @classmethod
    def missing(cls, programs):
        """Why it cannot be measured here, or None."""
        try:
            return None if cls.version(programs) else "it does not tell its version"
        except (OSError, subprocess.SubprocessError) as fault:
            return str(fault)

    # --- life ---

    def start(self):
        """Starts it, pinned; returns when it answers."""
        self.launch()
        self.wait()
        return self

    def launch(self):
        self.directory = Path(tempfile.mkdtemp(prefix=f"r64-bench-{self.name}-"))
        self.directory.chmod(0o755)
        self.relaunch(self.configure())

    def relaunch(self, command):
        self.command = [str(word) for word in command]
        inside = ["ip", "netns", "exec", self.setting.namespace] if self.setting.namespace else []
        # Pinned by inheritance: a taskset(1) between would count as a part of the start.
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {int(core) for core in self.setting.cores.split(",")})
        try:
            with open(self.directory / "log", "ab") as log:
                self.process = subprocess.Popen([*inside, *self.command], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, cwd=self.directory)
        finally:
            os.sched_setaffinity(0, ours)

    def wait(self):
        """Until a name that needs the root and a TLD is answered."""
        deadline = time.monotonic() + self.ready_within
        while True:
            reply = self.ask("ns1.tld0.", "A", timeout=0.25)
            if reply and reply.rcode == 0:
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self.log()
                self.stop()
                raise RuntimeError(f"{self.label} does not answer:\n{text[-3000:]}")
            time.sleep(0.02)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def kill(self):
        """At once, as a machine that loses its power; the directory stays."""
        for pid in reversed(self.pids()):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    # --- asking ---

    def ask(self, name, rtype, do=False, timeout=5.0):
        """A Reply, or None. From the namespace of the caller, where the subject is in it; else from a child."""
        wire = question(name, rtype, do=do)
        if self.setting.namespace:
            return self.ask_inside(wire, timeout)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            try:
                sock.connect((ADDRESS, PORT))
                sock.send(wire)
                return Reply(sock.recv(4096))
            except OSError:
                return None

    def ask_inside(self, wire, timeout):
        program = ("import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
                   f"s.settimeout({timeout});s.connect(('{ADDRESS}',{PORT}));"
                   f"s.send(bytes.fromhex('{wire.hex()}'));sys.stdout.write(s.recv(4096).hex())")
        done = subprocess.run(["ip", "netns", "exec", self.setting.namespace, "/usr/bin/python3", "-c", program],
                              capture_output=True, text=True, check=False)
        return Reply(bytes.fromhex(done.stdout)) if done.returncode == 0 and done.stdout else None

    def verify(self):
        """It does what it is measured for: validates, refuses what is bogus, synthesizes."""
        signed = self.ask("good.bogus.tld0.", "A", do=True)
        bogus = self.ask("www.bogus.tld0.", "A")
        synthesized = self.ask("www.flood.tld0.", "AAAA")
        wanted = bytes.fromhex("0064ff9b0000000000000000c6120709")
        faults = []
        for place in map(Place, range(8)):
            reply = self.ask(f"v4.{place.origin}", "A", do=True)
            if not (reply and reply.rcode == 0 and reply.ad == place.signed):
                faults.append(f"{place.origin} is not {'secure' if place.signed else 'insecure'}")
        if not (signed and signed.rcode == 0 and signed.ad):
            faults.append("no AD bit on a signed answer")
        if not (bogus and bogus.rcode == 2):
            faults.append("a bogus answer is not SERVFAIL")
        if not (synthesized and synthesized.rcode == 0 and wanted in synthesized.wire):
            faults.append("no synthesized AAAA")
        if faults:
            raise RuntimeError(f"{self.label}: {', '.join(faults)}\n{self.log()[-2000:]}")

    # --- what it used ---

    def pids(self):
        """The server and its children, oldest first. `ip netns exec` becomes the server by exec."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    todo += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except OSError:
                pass
        return found

    def cpu(self):
        """Nanoseconds of user and system time of all its threads so far."""
        total = 0
        for pid in self.pids():
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
            except OSError:
                pass
        return total

    def cpu_by_ticks(self):
        """The same from utime and stime, nanoseconds; coarser, and with threads that have ended."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def resident(self):
        """Resident octets of all its processes."""
        total = 0
        for pid in self.pids():
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            total += int(found[1]) * 1024 if found else 0
        return total


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return (done.stdout or done.stderr).strip().split("\n")[0]
