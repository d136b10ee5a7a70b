"""tools/bench and bench/: what is documented is measured, and figures become the table that they should."""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import report  # noqa: E402
from rows import ROWS, WORKLOADS  # noqa: E402
from signer import Key, Zone  # noqa: E402

RESULTS = {
    "about": {"date": "2026-01-02", "command": "tools/bench", "machine": "2 cores", "notes": "Notes.",
              "versions": {"Unbound": "1.17.1"}, "failures": []},
    "order": ["resolve64", "echo", "unbound", "bind"],
    "labels": {"resolve64": "resolve64", "echo": "echo", "unbound": "Unbound", "bind": "BIND"},
    "samples": {
        "cached-a": {"resolve64": [3.0, 9.0, 3.2], "echo": [2.9, 2.9, 3.0], "unbound": [5.7, 5.6, 5.8]},
        "cold-a": {"resolve64": [250.0], "unbound": [400.0], "bind": [585.0]},
        "handshake-full": {"resolve64": [330.0], "unbound": [340.0]},
    },
}  # fmt: skip


def test_every_workload_is_documented_and_every_documented_one_is_there():
    text = (ROOT / "bench/README.md").read_text(encoding="utf-8").split("## The workloads")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", text, re.M)) == sorted(WORKLOADS)


def test_every_workload_belongs_to_one_group_of_the_tool():
    tool = (ROOT / "tools/bench").read_text(encoding="utf-8").split("GROUPS = [")[1].split("\n]")[0]
    assert sorted(re.findall(r'"([\w-]+)"(?=[,\]])(?!\]\))', tool)) == sorted(WORKLOADS)


def test_every_row_has_a_key_of_its_own():
    assert len({row.key for row in ROWS}) == len(ROWS)


def test_the_table_shows_medians_bounds_and_ratios():
    lines = report.table(RESULTS).splitlines()
    assert "| | resolve64 | echo | Unbound | BIND | bound | to echo | to best peer |" in lines
    cached = next(line for line in lines if line.startswith("| cached A, UDP |"))
    assert cached == "| cached A, UDP | **3.2** | 2.9 | 5.7 | – | ≤ 1.2 × echo ✓ | 1.10 | 0.56 |"
    cold = next(line for line in lines if line.startswith("| cold A"))
    assert cold.endswith("| **250** | – | 400 | 585 | ≤ 200 ✗ |  | 0.62 |")
    handshake = next(line for line in lines if line.startswith("| full TLS"))
    assert "≤ best peer ✓" in handshake


def test_the_short_table_has_the_same_figures():
    lines = report.brief(RESULTS).splitlines()
    assert lines[0] == "| | resolve64 | echo | Unbound | BIND |"
    assert "| cached A, UDP, µs | 3.2 | 2.9 | 5.7 | – |" in lines


def figure_rows(page):
    """(title, figures) of each line of the tables between the marks."""
    text = (ROOT / page).read_text(encoding="utf-8").split("<!-- figures -->")[1].split("<!-- /figures -->")[0]
    for line in text.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0]:
            yield cells[0], {cell for cell in cells[1:] if cell not in ("", "–")}


def test_each_figure_of_the_readme_stands_in_the_report():
    told = {}
    for title, figures in figure_rows("bench/README.md"):
        told.setdefault(title, []).append(figures)
    short = list(figure_rows("README.md"))
    assert len(short) >= 10
    for title, figures in short:
        row = next(row for row in ROWS if title == f"{row.title}, {row.unit}")
        lines = told.get(title, []) + told.get(row.title, [])
        assert any(figures <= line for line in lines), title


def test_what_is_missed_and_what_varies_is_told():
    text = report.markdown(RESULTS, pictures=None)
    assert "cold A: delegation walk, half of the zones signed: 250.0, bound 200.0" in text
    assert "cached A, UDP, resolve64: 3.0 to 9.0" in text
    assert "2026-01-02" in text and "Unbound 1.17.1" in text


def test_the_pictures_are_well_formed_and_show_each_figure():
    pictures = report.draw(RESULTS)
    assert sorted(pictures) == ["cached", "cold", "handshake"]
    for text in pictures.values():
        ElementTree.fromstring(text)
    assert "3.2" in pictures["cached"] and "585" in pictures["cold"]


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "opt-out"])
def test_a_signed_zone_denies_each_name_once_in_a_closed_chain(denial):
    zone = Zone("zone.test.", Key(77), denial)
    zone.add("@", "NS", "ns1.zone.test.")
    zone.add("www", "A", "198.18.0.1")
    zone.delegate("child", ["198.18.0.2"])
    records = [line.split(" ", 4) for line in zone.text().splitlines()]
    kind = "NSEC" if denial == "nsec" else "NSEC3"
    owners = [r[0] for r in records if r[3] == kind]
    follow = [r[4].split()[0 if kind == "NSEC" else 4].lower() for r in records if r[3] == kind]
    names = [o if kind == "NSEC" else o.split(".")[0] for o in owners]
    assert sorted(names) == sorted(follow)
    assert len(names) == (2 if denial == "opt-out" else 3)
    covered = {r[4].split()[0] for r in records if r[3] == "RRSIG" and r[0] == "www.zone.test."}
    assert "A" in covered and not any(r[3] == "RRSIG" and r[0] == "ns1.child.zone.test." for r in records)
