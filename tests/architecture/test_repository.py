"""How the tree is kept: file sizes, folder pages, links, and nothing that only one machine has."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# Files that stay longer than MAX_LINES, each with the reason.
MAX_LINES = 600
LONG_FILES: dict[str, str] = {}

MAX_README_LINES = 60  # a page


def files(*folders):
    """The C++ and Python files of those folders, as paths relative to the root."""
    found = (p for folder in folders for p in (ROOT / folder).rglob("*"))
    return sorted(p.relative_to(ROOT) for p in found if p.suffix in (".h", ".cc", ".py"))


def complain(complaints):
    assert not complaints, "\n" + "\n".join(complaints)


def test_no_file_is_longer_than_it_should_be():
    complaints = []
    for path in files("src", "include", "tests", "bench"):
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES and path.as_posix() not in LONG_FILES:
            complaints.append(f"{path}: {lines} lines: it wants to be two")
    complaints += [f"{p} is not there: take it out" for p in LONG_FILES if not (ROOT / p).exists()]
    complain(complaints)


@pytest.mark.parametrize("folder", sorted({p.parts[1] for p in files("src") if len(p.parts) > 2}))
def test_every_folder_of_src_says_what_it_is_on_one_page(folder):
    readme = ROOT / "src" / folder / "README.md"
    assert readme.is_file(), f"{readme.relative_to(ROOT)} is missing"
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def repository():
    """Every text file of the repository, new ones included; of an archive, every file there is."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [p for p in ROOT.rglob("*") if "build" not in p.relative_to(ROOT).parts]
    for path in sorted(paths):
        if "corpus" in path.parts or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            yield path.relative_to(ROOT).as_posix(), data.decode("utf-8", "replace")


# A path of one machine; a note to oneself without the reason that `TODO(perf): why` has; a package
# source that not everybody can reach.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|home/\w+|Users|tmp/b-\w+)/"),
    "a note without a reason": re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\([^)]+\): \S)"),
    "a package source": re.compile(
        r"\b(?:PIP_INDEX_URL|GOPROXY|npm_config_registry)\b|--(?:extra-)?index-url"
    ),
}
# This file, which spells the patterns, and the words of others that lessons.md quotes.
EXEMPT = {
    "tests/architecture/test_repository.py": set(FORBIDDEN),
    "docs/lessons.md": {"a note without a reason"},
    "docs/coverage.md": {"a note without a reason"},
}

# The hosts that a link may lead to: standards, the projects spoken of, and names that mean nothing.
HOSTS = re.compile(
    r"^(?:[\w-]+\.)*(?:rfc-editor\.org|ietf\.org|iana\.org|internic\.net|root-servers\.org"
    r"|root-servers\.net|github\.com|nlnetlabs\.nl|isc\.org|knot-dns\.cz|litech\.org|debian\.org"
    r"|json-schema\.org|python\.org|cppreference\.com|llvm\.org"
    r"|www\.apple\.com"  # the document type of every property list
    r"|www\.w3\.org"  # the namespace of every SVG picture
    r"|example|example\.(?:com|net|org)|test|invalid|localhost)$"
    r"|^[\d.]+$|^\[.*\]$"
)
URL = re.compile(r"\bhttps?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)")


def test_the_repository_names_nothing_that_only_one_machine_has():
    complaints = []
    for name, text in repository():
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                found = pattern.search(line)
                if found and what not in EXEMPT.get(name, ()):
                    complaints.append(f"{name}:{number}: {what}: {found[0]}")
            for host in URL.findall(line):
                if not HOSTS.match(host.rstrip(".").lower()):
                    complaints.append(f"{name}:{number}: say in HOSTS why a link leads to {host}")
    complain(complaints)


LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_links_between_documents_lead_somewhere():
    complaints = []
    for name, text in repository():
        if not name.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        for target in LINK.findall(prose):
            if ":" not in target and not (ROOT / name).parent.joinpath(target).exists():
                complaints.append(f"{name}: {target} is not there")
    complain(complaints)
