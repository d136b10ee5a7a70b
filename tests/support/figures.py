"""Figures that tests measure: printed, kept in the file R64_FIGURES, shown at the end of the run."""

import os

from support.net import SCALE


def record(row, text):
    """`record("F1", "2000 questions, answered 2000, …")`"""
    line = f"{row}: {text}"
    print(line)
    path = os.environ.get("R64_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    return line


def timed():
    """True where wall-clock bounds count: in a build without sanitizers."""
    return SCALE == 1


def percentile(values, share):
    """The smallest value that `share` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else float("inf")


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"
