"""Knot Resolver 5: one process a core, its cache on a tmpfs ("recommended" for performance)."""

import shutil
import tempfile

from peers.base import ADDRESS, HTTPS_PORT, PORT, PREFIX, TLS_PORT, Subject, find, first_line


class Knot(Subject):
    name, label = "knot", "Knot Resolver"

    def __init__(self, setting):
        super().__init__(setting)
        self.memory = None

    @classmethod
    def version(cls, programs):
        return first_line(find("kresd"), "--version").split("version ")[-1]

    def configure(self):
        s = self.setting
        self.memory = tempfile.mkdtemp(prefix="r64-bench-knot-", dir="/dev/shm")
        anchor = s.data.anchor.read_text().strip()
        (self.directory / "kresd.conf").write_text(f"""
net.ipv6 = false
net.tls("{s.certificate}", "{s.key}")
net.listen("{ADDRESS}", {PORT}, {{ kind = "dns" }})
net.listen("{ADDRESS}", {TLS_PORT}, {{ kind = "tls" }})
net.listen("{ADDRESS}", {HTTPS_PORT}, {{ kind = "doh2" }})
log_level("crit")
modules.load("hints > iterate")
hints.root_file("{s.data.hints}")
trust_anchors.remove(".")
trust_anchors.add("{anchor}")
cache.open({s.cache} * MB, "lmdb://{self.memory}")
modules.load("dns64")
dns64.config("{PREFIX.removesuffix("/96")}")
-- These ask the world outside on their own.
modules.unload("ta_update")
modules.unload("ta_signal_query")
modules.unload("detect_time_skew")
""")
        return [find("kresd"), "-n", "-c", self.directory / "kresd.conf", self.directory]

    def stop(self):
        super().stop()
        if self.memory:
            shutil.rmtree(self.memory, ignore_errors=True)
            self.memory = None
