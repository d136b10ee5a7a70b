"""From what was measured to a table in Markdown and to pictures in SVG.

The samples are {"about": {…}, "order": [subject …], "labels": {subject: label}, "samples":
{row: {subject: [figure of each round]}}}, as tools/bench keeps them in results.json. What is shown is the median; the
spread follows below.
"""

import statistics

from rows import CPU, RATE, ROWS
from svg import bars

OURS = "resolve64"


def medians(samples):
    return {row: {subject: statistics.median(values) for subject, values in cells.items() if values}
            for row, cells in samples.items()}


def number(value, digits):
    return f"{value:,.{digits}f}"


def is_cpu(row):
    return row.unit in ("µs", CPU) and not row.key.startswith("rate")


def table(results):
    """The table, with one line a row that was measured, in two parts: CPU, and everything else."""
    cells = medians(results["samples"])
    subjects = [name for name in results["order"] if any(name in by for by in cells.values())]
    lines = []
    rates = "Answers a second (the generator, or NSD, may be what sets the limit: see CPU)"
    for title, rows in (("CPU of the server process, µs a question", [r for r in ROWS if is_cpu(r)]),
                        ("Latency, memory, trouble, start", [r for r in ROWS if not is_cpu(r) and r.unit != RATE]),
                        (rates, [r for r in ROWS if r.unit == RATE])):
        rows = [row for row in rows if row.key in cells]
        shown = [s for s in subjects if any(s in cells[row.key] for row in rows)]
        if not rows:
            continue
        heads = [results["labels"][s] for s in shown]
        lines += [f"**{title}**", "", "| | " + " | ".join(heads) + " | bound | to echo | to best peer |",
                  "|---|" + "---:|" * (len(heads) + 3)]
        lines += [line(row, cells[row.key], shown) for row in rows]
        lines.append("")
    return "\n".join(lines)


def line(row, cells, shown):
    title = row.title if is_cpu(row) or row.unit == RATE else f"{row.title}, {row.unit}"
    figures = [number(cells[s], row.digits) if s in cells else "–" for s in shown]
    figures = [f"**{text}**" if s == OURS else text for s, text in zip(shown, figures)]
    reached = row.reached(cells)
    bound = row.bound_text() + {True: " ✓", False: " ✗", None: ""}[reached]
    echo, peer = cells.get("echo"), row.best_peer(cells)
    ours = cells.get(OURS)
    ratios = [f"{ours / other:.2f}" if ours is not None and other else "" for other in (echo, peer)]
    return f"| {title} | " + " | ".join(figures) + f" | {bound} | {ratios[0]} | {ratios[1]} |"


# What the project's README shows, for who has five minutes.
BRIEF = ["cached-a", "cached-aaaa", "cached-tcp", "cached-tls", "handshake-full", "known-a", "known-aaaa", "cold-a",
         "delay-a:p50", "delay-a:p99", "memory-a", "memory-aaaa", "flood-full:lost", "flood-5000:p99", "start"]


def brief(results):
    """A short table of the same figures, without bounds and ratios."""
    cells = medians(results["samples"])
    rows = [row for row in ROWS if row.key in BRIEF and row.key in cells]
    subjects = [s for s in results["order"] if s != "nsd" and any(s in cells[row.key] for row in rows)]
    lines = ["| | " + " | ".join(results["labels"][s] for s in subjects) + " |", "|---|" + "---:|" * len(subjects)]
    for row in rows:
        figures = [number(cells[row.key][s], row.digits) if s in cells[row.key] else "–" for s in subjects]
        lines.append(f"| {row.title}, {row.unit} | " + " | ".join(figures) + " |")
    about = results["about"]
    return "\n".join(lines) + f"\n\nMeasured {about['date']}: {about['machine']}.\n"


def spread(results):
    """The least and the greatest figure of each cell that was measured more than once, widest first."""
    wide = []
    rows = {row.key: row for row in ROWS}
    for key, by in results["samples"].items():
        for subject, values in by.items():
            middle = statistics.median(values)
            if len(values) > 1 and middle:
                wide.append(((max(values) - min(values)) / middle, key, subject, values))
    if not wide:
        return ""
    wide.sort(key=lambda item: -item[0])
    typical = statistics.median(item[0] for item in wide)
    lines = [f"Spread between rounds (greatest less least, by the median): {100 * typical:.0f} % in the middle; "
             "the widest:", ""]
    for share, key, subject, values in wide[:8]:
        digits = rows[key].digits
        lines.append(f"- {rows[key].title}, {results['labels'][subject]}: {number(min(values), digits)} to "
                     f"{number(max(values), digits)} {rows[key].unit} ({100 * share:.0f} %)")
    return "\n".join(lines) + "\n"


def missed(results):
    cells = medians(results["samples"])
    rows = [row for row in ROWS if row.key in cells and row.reached(cells[row.key]) is False]
    if not rows:
        return "Every bound that was measured is reached.\n"
    return "Not reached:\n\n" + "\n".join(
        f"- {row.title}: {number(cells[row.key][OURS], max(row.digits, 1))}, bound "
        f"{number(row.limit(cells[row.key]), max(row.digits, 1))} {row.unit}" for row in rows) + "\n"


def markdown(results, pictures=""):
    """The whole report. `pictures`: a prefix for the links to them; None: without them."""
    about = results["about"]
    facts = "; ".join(f"{name} {text}" for name, text in about["versions"].items() if text)
    parts = [f"Measured {about['date']} with `{about['command']}`: {about['machine']}. Versions: {facts}. "
             f"{about['notes']}\n", table(results)]
    if pictures is not None:
        parts += [f"![{text}]({pictures}{name}.svg)\n" for name, text in PICTURES.items() if name in draw(results)]
    parts += [missed(results), spread(results)]
    if about["failures"]:
        parts.append("Could not be measured:\n\n" + "".join(f"- {failure}\n" for failure in about["failures"]))
    return "\n".join(parts)


PICTURES = {"cached": "CPU of a cached answer", "handshake": "CPU of a TLS handshake", "cold": "CPU of a cache miss",
            "latency": "latency at 10 ms round trip", "memory": "memory for a million names"}
SHORT = {"cached-a": "A", "cached-a-do": "signed A, DO", "cached-aaaa": "AAAA synthesized",
         "cached-aaaa-do": "the same, DO", "cached-tcp": "A, TCP", "cached-tls": "A, TLS", "cached-https": "A, HTTPS",
         "handshake-full": "full", "handshake-resumed": "resumed", "cold-a": "walk, A", "cold-aaaa": "walk, AAAA",
         "known-a": "one query, A", "known-aaaa": "two queries, AAAA", "mix": "Zipf mix",
         "delay-a:p50": "A, p50", "delay-a:p99": "A, p99", "delay-aaaa:p50": "AAAA, p50", "delay-aaaa:p99": "AAAA, p99",
         "memory-a": "A", "memory-aaaa": "AAAA synthesized"}


def draw(results):
    """{name: SVG text} of the pictures that there are figures for."""
    cells = medians(results["samples"])
    wanted = {
        "cached": ("CPU µs a cached answer", [k for k in SHORT if k.startswith("cached")]),
        "handshake": ("CPU µs a TLS handshake with one question", [k for k in SHORT if k.startswith("handshake")]),
        "cold": ("CPU µs a question that is not in the cache", ["cold-a", "cold-aaaa", "known-a", "known-aaaa"]),
        "latency": ("ms to the answer of a cold question, 10 ms round trip",
                    [k for k in SHORT if k.startswith("delay")]),
        "memory": ("MiB for a million names", ["memory-a", "memory-aaaa"]),
    }
    pictures = {}
    for name, (title, keys) in wanted.items():
        groups = [(SHORT[key], [(s, cells[key][s]) for s in results["order"] if s in cells[key]])
                  for key in keys if key in cells]
        if groups:
            pictures[name] = bars(title, groups, results["labels"])
    return pictures
