"""tools/coverage itself: what it collects, and when it fails."""

import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "coverage"

REQUIREMENTS = """# Requirements
## A
- D64-01 [6147 §5] Class IN only.
- D64-02 [6147 §5] Ranges to prefixes.

### A.4 DNSSEC interaction
| # | DO |
|---|----|
| 1 | 0 |

### B
| id | Attack |
|----|--------|
| ATK-01 | Kashpureff | cached |
"""
LESSONS = """# Lessons
| T | Where |
|---|---|
| T1 | somewhere |
"""

# A comment as tests have it; written in two parts so that this file has none of its own.
CPP, PYTHON = "// " + "Covers:", "# " + "Covers:"


class Tree:
    """A project with documents and tests of its own, and the tool run on it."""

    def __init__(self, root):
        self.root = root
        self.write("docs/requirements.md", REQUIREMENTS)
        self.write("docs/lessons.md", LESSONS)
        (root / "tests").mkdir()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def run(self, action):
        command = [sys.executable, TOOL, action, "--root", self.root]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    return Tree(tmp_path)


def test_a_cpp_comment_belongs_to_the_test_below_it(tree):
    tree.write(
        "tests/unit/a_test.cc",
        f"{CPP} D64-01, T1\n// and why\nTEST(Suite, IsAClaim) {{\n}}\nTEST(Suite, Other) {{}}\n",
    )
    assert tree.run("--write").returncode == 0
    report = tree.read("docs/coverage.md")
    assert "| D64-01 | Class IN only. | unit/a_test.cc: Suite.IsAClaim |" in report
    assert "| T1 | somewhere | unit/a_test.cc: Suite.IsAClaim |" in report
    assert "Suite.Other" not in report
    assert "2 of 5 lines are covered" in report


def test_a_comment_inside_a_test_belongs_to_it(tree):
    tree.write(
        "tests/a_test.cc",
        f"TEST_F(Suite, Rows) {{\n  {CPP} D64-02\n  Check();\n}}\n",
    )
    tree.write(
        "tests/test_b.py",
        f"def test_rows():\n    {PYTHON} ATK-01\n    assert True\n",
    )
    assert tree.run("--write").returncode == 0
    report = tree.read("docs/coverage.md")
    assert "a_test.cc: Suite.Rows" in report
    assert "test_b.py: test_rows" in report


def test_a_python_comment_may_stand_above_the_decorators(tree):
    tree.write(
        "tests/test_a.py",
        f"import x\n\n{PYTHON} A4-1\n@x.mark(\n    1,\n)\nasync def test_claim():\n    pass\n",
    )
    assert tree.run("--write").returncode == 0
    assert "| A4-1 | DO, CD, AAAA, A: 0 | test_a.py: test_claim |" in tree.read("docs/coverage.md")


def test_a_method_is_named_with_its_class(tree):
    tree.write(
        "tests/test_a.py",
        f"class TestTree:\n    {PYTHON} T1\n    def test_it(self):\n        pass\n",
    )
    assert tree.run("--write").returncode == 0
    assert "test_a.py: TestTree.test_it" in tree.read("docs/coverage.md")


def test_an_instantiation_is_named_like_its_suite(tree):
    tree.write(
        "tests/a_test.cc",
        f"{CPP} T1\nINSTANTIATE_TEST_SUITE_P(Table, Prefix,\n                  Values(1));\n",
    )
    assert tree.run("--write").returncode == 0
    assert "a_test.cc: Prefix.Table" in tree.read("docs/coverage.md")


@pytest.mark.parametrize(
    ("comment", "complaint"),
    [
        ("D64-99", "'D64-99'"),
        ("D64-01 to D64-02", "'D64-01 to D64-02'"),
        ("D64-01,", "''"),
        ("d64-01", "'d64-01'"),
    ],
)
def test_an_unknown_line_is_an_error(tree, comment, complaint):
    tree.write("tests/a_test.cc", f"{CPP} {comment}\nTEST(Suite, Claim) {{}}\n")
    for action in ("--write", "--check"):
        result = tree.run(action)
        assert result.returncode == 1
        assert f"tests/a_test.cc:1: there is no line {complaint} in the docs" in result.stderr


def test_a_comment_without_a_test_is_an_error(tree):
    tree.write("tests/a_test.cc", f"{CPP} D64-01\n\nint Helper() {{}}\nTEST(Suite, Claim) {{}}\n")
    result = tree.run("--write")
    assert result.returncode == 1
    assert "tests/a_test.cc:1: no test follows this comment" in result.stderr


def test_check_accepts_what_write_made(tree):
    tree.write("tests/a_test.cc", f"{CPP} D64-01\nTEST(Suite, Claim) {{}}\n")
    tree.run("--write")
    result = tree.run("--check")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_check_fails_on_a_stale_report(tree):
    tree.write("tests/a_test.cc", f"{CPP} D64-01\nTEST(Suite, Claim) {{}}\n")
    tree.run("--write")
    tree.write("tests/a_test.cc", f"{CPP} D64-01\nTEST(Suite, Renamed) {{}}\n")
    result = tree.run("--check")
    assert result.returncode == 1
    assert "docs/coverage.md is not up to date" in result.stderr


def test_check_changes_nothing(tree):
    tree.write("tests/a_test.cc", f"{CPP} D64-01\nTEST(Suite, Claim) {{}}\n")
    assert tree.run("--check").returncode == 1
    assert not (tree.root / "docs/coverage.md").exists()
    assert not (tree.root / "docs/coverage.min").exists()


def test_a_line_that_was_covered_stays_demanded_even_after_write(tree):
    tree.write("tests/a_test.cc", f"{CPP} D64-01, D64-02\nTEST(Suite, Claim) {{}}\n")
    assert tree.run("--write").returncode == 0
    tree.write("tests/a_test.cc", f"{CPP} D64-01\nTEST(Suite, Claim) {{}}\n")
    for action in ("--check", "--write", "--check"):
        result = tree.run(action)
        assert result.returncode == 1
        assert "D64-02 was covered and no longer is" in result.stderr
    minimum = tree.read("docs/coverage.min").replace("D64-02\n", "")
    tree.write("docs/coverage.min", minimum)
    assert tree.run("--check").returncode == 0


def test_a_duplicate_id_in_the_documents_is_an_error(tree):
    tree.write("docs/lessons.md", LESSONS + "| T1 | again |\n")
    result = tree.run("--check")
    assert result.returncode == 1
    assert "T1 is there twice" in result.stderr
