"""The house: which folder may include what."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]

# Each folder of src/ and the folders below it, which are all that it may include. main.cc and ctl/
# wire the others together and may use everything.
BELOW = {
    "base": set(),
    "dns": {"base"},
    "config": {"base"},
    "net": {"base"},
    "cache": {"dns", "base"},
    "zone": {"dns", "base"},
    "dnssec": {"zone", "dns", "cache", "base"},  # zone: anchors come from zone files
    "resolver/upstream": {"cache", "net", "dns", "base"},
    "resolver": {"resolver/upstream", "dnssec", "cache", "zone", "net", "dns", "base"},
    "dns64": {"zone", "dns", "base"},  # zone: what a local answer looks like
}
BELOW["server"] = set(BELOW)
BELOW["admin"] = set(BELOW)
BELOW["ctl"] = set(BELOW)
BELOW["main.cc"] = set(BELOW)

# Plain values and pure functions of resolver/ that its lower half speaks in as well.
UPSTREAM_SEES = {
    f"resolver/{name}.h" for name in ("request", "settings", "stats", "trace", "classify")
}

# Prefix discovery and health probes ask questions; the rest of dns64/ is pure.
DNS64_THAT_ASKS = re.compile(r"^(discover|probe)")

# Who may see the headers of which library.
LIBRARIES = {
    "uv.h": {"net", "main.cc"},
    "ldns/": {"zone", "dnssec", "main.cc"},
    "nlohmann/": {"config", "dnssec", "admin", "ctl"},
    "openssl/": {"base", "net", "dnssec", "ctl", "main.cc"},
    "nghttp2/": {"server"},
    "qrencode.h": {"ctl"},
    "spdlog/": {"base"},
    "fmt/": {"base"},
    "CLI/": {"ctl", "main.cc"},
}

# What the C library and the operating system offer beside the C++ headers.
SYSTEM = re.compile(
    r"^(sys|netinet|arpa|net|linux)/\w+\.h$"
    r"|^(unistd|fcntl|poll|signal|pthread|pwd|grp|netdb|ifaddrs|time|errno|sched|malloc)\.h$"
)
STANDARD = re.compile(r"^[a-z_]+$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files(*folders, suffixes):
    """The files of those folders, as paths relative to the root."""
    found = (p for folder in folders for p in (ROOT / folder).rglob("*"))
    return sorted(p.relative_to(ROOT) for p in found if p.suffix in suffixes and p.is_file())


def includes(path):
    """(line number, is it in angle brackets, what is included) of a file."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    matches = ((n, INCLUDE.match(line)) for n, line in enumerate(lines, 1))
    return [(n, m[1] == "<", m[2]) for n, m in matches if m]


def layer(path_in_src):
    """The key of BELOW for a path below src/."""
    parts = pathlib.PurePosixPath(path_in_src).parts
    if parts[:2] == ("resolver", "upstream"):
        return "resolver/upstream"
    return parts[0]


def complain(complaints):
    assert not complaints, "\n" + "\n".join(complaints)


CODE = files("src", suffixes={".h", ".cc"})
PUBLIC = files("include", suffixes={".h"})


def test_every_folder_of_src_has_its_place_in_the_order():
    unknown = {layer(p.relative_to("src").as_posix()) for p in CODE} - set(BELOW)
    assert not unknown, f"say in BELOW what {unknown} may use"


def test_the_order_has_no_cycle():
    done = set()
    while len(done) < len(BELOW):
        free = {f for f, below in BELOW.items() if f not in done and below <= done | {f}}
        assert free, f"these depend on each other: {set(BELOW) - done}"
        done |= free


def test_a_folder_includes_only_what_is_below_it():
    complaints = []
    for path in CODE:
        here = layer(path.relative_to("src").as_posix())
        allowed = BELOW[here] | {here}
        if here == "dns64" and DNS64_THAT_ASKS.match(path.name):
            allowed = allowed | {"resolver"}
        for number, system, name in includes(path):
            if system or name.startswith("resolve64/"):
                continue
            there = layer(name)
            if here == "resolver/upstream" and name in UPSTREAM_SEES:
                continue
            if not (ROOT / "src" / name).is_file():
                complaints.append(f'{path}:{number}: "{name}" is not a path from src/ or include/')
            elif there not in allowed:
                complaints.append(f"{path}:{number}: {here} may not use {there} ({name})")
    complain(complaints)


def test_the_link_lines_are_the_same_order():
    text = (ROOT / "src/CMakeLists.txt").read_text(encoding="utf-8")
    complaints = []
    for folder, rest in re.findall(r"^r64_library\((\w+)([^)]*)\)", text, re.M):
        found = re.search(r"DEPS((?:\s+[a-z]\w*)+)", rest)
        for dep in found[1].split() if found else []:
            if dep not in BELOW[folder]:
                complaints.append(f"src/CMakeLists.txt: {folder} may not link {dep}")
    complain(complaints)


def test_net_knows_nothing_of_dns():
    complaints = []
    for path in files("src/net", suffixes={".h", ".cc"}):
        for number, system, name in includes(path):
            if name.startswith("resolve64/") and name not in (
                "resolve64/ip.h",
                "resolve64/result.h",
            ):
                complaints.append(f"{path}:{number}: {name}")
    complain(complaints)


def test_public_headers_use_only_the_standard_library_and_each_other():
    complaints = []
    for path in PUBLIC:
        for number, system, name in includes(path):
            own = not system and (ROOT / "include" / name).is_file()
            if not own and not (system and STANDARD.match(name)):
                complaints.append(f"{path}:{number}: {name}")
    complain(complaints)


def test_libraries_are_used_only_where_they_belong():
    complaints = []
    for path in CODE:
        here = layer(path.relative_to("src").as_posix())
        for number, system, name in includes(path):
            if not system or STANDARD.match(name) or SYSTEM.match(name):
                continue
            users = next((u for prefix, u in LIBRARIES.items() if name.startswith(prefix)), None)
            if users is None:
                complaints.append(f"{path}:{number}: say in LIBRARIES who may use {name}")
            elif here not in users:
                complaints.append(f"{path}:{number}: {here} may not use {name}")
    complain(complaints)


def test_headers_are_guarded_by_pragma_once():
    complaints = []
    for path in [*CODE, *PUBLIC]:
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.suffix == ".h" and text.count("#pragma once") != 1:
            complaints.append(f"{path}: needs one #pragma once")
    complain(complaints)


def test_a_source_includes_its_own_header_first():
    complaints = []
    for path in CODE:
        own = path.with_suffix(".h").relative_to("src").as_posix()
        names = [name for _, _, name in includes(path)]
        if path.suffix == ".cc" and own in names and names[0] != own:
            complaints.append(f"{path}: {own} comes first")
    complain(complaints)
