"""resolve64, with its defaults but for what the benchmark needs."""

import json

from peers.base import ADDRESS, HTTPS_PORT, PORT, PREFIX, TLS_PORT, Subject, first_line


class Resolve64(Subject):
    name, label = "resolve64", "resolve64"

    @classmethod
    def version(cls, programs):
        return first_line(str(programs / "src/resolve64"), "--version").removeprefix("resolve64 ").split(",")[0]

    def configure(self):
        s = self.setting
        config = {
            "listen": [{"address": ADDRESS, "port": PORT},
                       {"address": ADDRESS, "port": TLS_PORT, "transport": "tls"},
                       {"address": ADDRESS, "port": HTTPS_PORT, "transport": "https"}],
            "workers": s.workers,
            "tls": {"certificate": s.certificate, "key": s.key},
            "root_hints": str(s.data.hints),
            "dnssec": {"trust_anchors": str(s.data.anchor), "automatic_update": False},
            # The addresses in the data are of a block for benchmarks, which is not global.
            "dns64": {"prefixes": [PREFIX], "allow_nonglobal_with_well_known_prefix": True},
            "cache": {"size": f"{s.cache}MiB"},
            "upstream": {"ipv6": False},
            "run_as": None,
            "log": {"level": "error"},
            "admin": {"control": str(self.directory / "control.sock")},
        }
        (self.directory / "resolve64.json").write_text(json.dumps(config, indent=1))
        return [s.programs / "src/resolve64", "-c", self.directory / "resolve64.json"]
