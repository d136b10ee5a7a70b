"""README.md as data: its fenced blocks, the commands in them, and what they are said to print."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from labrun import REPOSITORY
from support.net import scaled
from support.resolver import binary

PAGE = REPOSITORY / "README.md"
PROGRAMS = "build/release/src"  # where the page says that the programs are

MARK = re.compile(r"<!-- (test|file): (.+) -->$")
FENCE = re.compile(r"```(\w*)$")
PROMPT = re.compile(r"[$#] (.+)$")
ASSIGNMENT = re.compile(r"\w+=")
ANYTHING = "..."

# What differs from one run to the next.
MASKS = [
    (re.compile(r"\d+\.\d+ ms"), "<time>"),
    (re.compile(r"(?<=\s)\d+(?=\s+IN\s)|(?<=TTL )\d+"), "<ttl>"),
    (re.compile(r"(?<= id: )\d+|(?<= key )\d+|(?<=[, ])\d+(?=/\d+)"), "<number>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<date>"),
    (re.compile(r"127\.64\.\d+\.\d+@53"), "<a server of the zone>"),
    (re.compile(r"78\.0\.97\.\d+"), "<an address that the NAT64 lends>"),
    (re.compile(r"(?<=COOKIE: )[0-9a-f]{48}"), "<cookie>"),
    (re.compile(r"\s+"), " "),
]
LOG_LINE = re.compile(r"(?:error|warn|info|debug) \w+ ")


@dataclass(frozen=True)
class Block:
    """A fenced block: the line it starts on, its language, the comment above it, its text."""

    line: int
    language: str
    kind: str
    file: str
    text: str

    def steps(self):
        """[(command, [the lines that it is said to print])]"""
        found = []
        for line in self.text.splitlines():
            prompt = PROMPT.match(line)
            if prompt:
                found.append((prompt[1], []))
            else:
                assert found, f"README.md:{self.line}: output before the first command"
                found[-1][1].append(line)
        return found


def blocks():
    """All of them, in order."""
    found, lines, at = [], PAGE.read_text(encoding="utf-8").splitlines(), 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence:
            mark = MARK.match(lines[at - 1])
            marks = {mark[1]: mark[2]} if mark else {}
            end = lines.index("```", at + 1)
            found.append(Block(at + 1, fence[1], marks.get("test", ""), marks.get("file", ""),
                               "\n".join(lines[at + 1:end]) + "\n"))
            at = end
        at += 1
    return found


BLOCKS = blocks()


def of_kind(kind):
    """The blocks with this mark; there is at least one."""
    found = [block for block in BLOCKS if block.kind == kind]
    assert found, f"README.md has no block of the kind {kind!r}"
    return found


def file_block(name):
    (found,) = [block for block in BLOCKS if block.file == name]
    return found.text


def configurations():
    return [block for block in BLOCKS if block.language == "json"]


def without_comments(text):
    """The page's configurations as data; their comments come after white space."""
    return json.loads(re.sub(r"(?m)\s//.*$", "", text))


def environment(**changes):
    """This process's, without what would lead a command elsewhere."""
    lead_away = re.compile(r"(?i)\w*_proxy|MAKE\w*|MFLAGS")
    kept = {key: value for key, value in os.environ.items() if not lead_away.fullmatch(key)}
    return {**kept, **changes}


def shell(command, *, cwd=REPOSITORY, env=None, timeout=60.0):
    """Runs a command line as somebody types it; what it prints."""
    done = subprocess.run(["bash", "-c", command], cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=scaled(timeout), check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def with_programs(text):
    return text.replace(PROGRAMS, str(Path(binary("resolve64")).parent))


def masked(lines):
    out = []
    for line in lines:
        for pattern, mask in MASKS:
            line = pattern.sub(mask, line)
        if line.strip():
            out.append(line.strip())
    return out


def without_log(text):
    return "\n".join(line for line in text.splitlines() if not LOG_LINE.match(line))


def same(shown, seen, any_order=False):
    """Whether `seen` (a text) is what is shown (lines), but for what is masked and what `...` stands for."""
    shown, seen = masked(shown), masked(seen.splitlines())
    if any_order:
        return sorted(shown) == sorted(seen)
    if ANYTHING not in shown:
        return shown == seen
    pieces = [[]]
    for line in shown:
        if line == ANYTHING:
            pieces.append([])
        else:
            pieces[-1].append(line)
    first, *middle, last = pieces
    if seen[:len(first)] != first or seen[len(seen) - len(last):] != last:
        return False
    at, end = len(first), len(seen) - len(last)
    for piece in middle:
        start = next((i for i in range(at, end - len(piece) + 1) if seen[i:i + len(piece)] == piece), None)
        if start is None:
            return False
        at = start + len(piece)
    return at <= end


def check_steps(block, translate=lambda text: text, any_order=lambda command: False, **kwargs):
    """Runs a block's commands in order; each must print what is shown. Assignments hold for those that follow."""
    assignments = ""
    for command, shown in block.steps():
        if ASSIGNMENT.match(command):
            assignments += translate(command) + "\n"
            continue
        seen = shell(assignments + translate(command), **kwargs)
        fits = any(same(lines, seen, any_order(command)) for lines in (shown, [translate(line) for line in shown]))
        assert fits, \
            f"README.md:{block.line}: {command}\n--- shown\n" + "\n".join(shown) + f"\n--- seen\n{seen}"
