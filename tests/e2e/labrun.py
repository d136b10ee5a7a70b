"""A running tools/lab, what it leaves, and the programs that are run in it."""

import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

from support.net import scaled, wait_until
from support.resolver import binary

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools/lab"
PREFIXES = {96: "64:ff9b::/96", 32: "2607:7700::/32", 64: "2001:db8:122:344::/64"}
# The web server, 78.0.96.91, under each of them (RFC 6052 section 2.2).
WEB = {96: "64:ff9b::4e00:605b", 32: "2607:7700:4e00:605b::", 64: "2001:db8:122:344:4e:60:5b00:0"}


def run(*command, timeout=20.0, **kwargs):
    """A command's output; a failure shows all of it."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=scaled(timeout), check=False, **kwargs)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class LabRun:
    """A running tools/lab, started as a user starts it."""

    def __init__(self, directory, *options, name=None, programs=None, environment=None):
        self.name = name or "e" + secrets.token_hex(3)
        self.description_file = directory / f"{self.name}.json"
        self.output_file = directory / f"{self.name}.out"
        self.description_file.unlink(missing_ok=True)
        programs = programs or Path(binary("resolve64")).parent
        with open(self.output_file, "wb") as output:
            self.process = subprocess.Popen(
                [TOOL, "--name", self.name, "--programs", programs, "--json", self.description_file, *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)

    @property
    def output(self):
        return self.output_file.read_text(errors="replace")

    def wait_up(self):
        def up():
            assert self.process.poll() is None, f"tools/lab ended with {self.process.returncode}:\n{self.output}"
            return self.description_file.exists()

        wait_until(up, 60, "the lab")
        self.about = json.loads(self.description_file.read_text())
        return self

    def printed(self, start):
        """The printed command lines that begin so, without the comment behind them."""
        lines = [line.split("    #")[0].strip() for line in self.output.splitlines()]
        return [line for line in lines if line.startswith(start)]

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(scaled(20))
        assert code == 0, f"tools/lab ended with {code}:\n{self.output}"

    # --- what runs in it ---

    def resolver(self, length):
        return next(r for r in self.about["resolvers"] if r["prefix"] == PREFIXES[length])

    def client(self, length, *command, **kwargs):
        """Runs a command on the IPv6-only client that uses this prefix."""
        return run("ip", "netns", "exec", self.resolver(length)["client"], *command, **kwargs)

    def dig(self, length, *words):
        return run("dig", f"@{self.resolver(length)['address']}", *words, "+tries=1", "+time=15")

    def short(self, length, *words):
        return self.dig(length, *words, "+short").split()

    def ctl(self, *words):
        return run(binary("resolve64ctl"), "-s", self.about["control"], *words)

    def stats(self):
        return json.loads(self.ctl("stats", "--json"))

    def authority_queries(self):
        """How many queries each NSD has had, from NSD itself, once nothing is on its way any more."""
        counts = self._counted()
        for _ in range(50):
            time.sleep(0.02)
            before, counts = counts, self._counted()
            if counts == before:
                break
        return counts

    def _counted(self):
        counts = {}
        for name, conf in self.about["nsd"].items():
            text = run("nsd-control", "-c", conf, "stats_noreset")
            counts[name] = next(int(line.split("=")[1]) for line in text.splitlines()
                                if line.startswith("num.queries="))
        return counts


def traces(name):
    """Everything that a lab of this name may leave on the machine."""
    found = [str(p) for p in Path("/run/netns").glob(f"r64-{name}-*")]
    found += [str(p) for p in Path("/etc/netns").glob(f"r64-{name}-*")]
    found += [str(p) for p in Path("/run/resolve64-lab").glob(f"{name}*")]
    links = subprocess.run(["ip", "-o", "link", "show"], capture_output=True, text=True, check=True).stdout
    found += [line for line in links.splitlines() if f" r64{name}@" in line]
    processes = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    found += [line for line in processes.splitlines()
              if f"/resolve64-lab/{name}/" in line and line.split()[1][0] != "Z"]
    return found


def why_no_lab():
    """Why namespaces and TUN cannot be had; None when they can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no usable /dev/net/tun"
    probe = f"r64-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return None
