"""Bar charts by hand: no library, readable on light and on dark."""

from xml.sax.saxutils import escape

COLOURS = {"echo": "#8a8f98", "nsd": "#b9a44c", "resolve64": "#d1495b", "unbound": "#3d7ea6", "bind": "#2a9d8f",
           "knot": "#8e6bbf", "powerdns": "#e08e45"}
WIDTH, LEFT, RIGHT = 760, 150, 90
BAR, GAP, TOP = 15, 14, 64
STYLE = ("text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold;font-size:15px}.line{stroke:#8a8f98}"
         "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}")


def bars(title, groups, labels):
    """Horizontal bars. `groups`: (label, [(subject, value)]); `labels`: {subject: its name}."""
    most = max(value for _, cells in groups for _, value in cells) or 1
    subjects = list(dict.fromkeys(subject for _, cells in groups for subject, _ in cells))
    height = TOP + sum(BAR * len(cells) + GAP for _, cells in groups)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
           f'aria-label="{escape(title)}">', f"<style>{STYLE}</style>",
           f'<text class="title" x="10" y="22">{escape(title)}</text>']
    x = 10
    for subject in subjects:
        out.append(f'<rect x="{x}" y="34" width="11" height="11" fill="{colour(subject)}"/>'
                   f'<text x="{x + 16}" y="44">{escape(labels[subject])}</text>')
        x += 32 + 7.2 * len(labels[subject])
    y = TOP
    for label, cells in groups:
        middle = y + BAR * len(cells) / 2 + 5
        out.append(f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>')
        for subject, value in cells:
            width = max(1, (WIDTH - LEFT - RIGHT) * value / most)
            text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
            out.append(f'<rect x="{LEFT}" y="{y + 1}" width="{width:.1f}" height="{BAR - 2}" fill="{colour(subject)}"/>'
                       f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 3}">{text}</text>')
            y += BAR
        y += GAP
    out.append(f'<line class="line" x1="{LEFT}" y1="{TOP - 6}" x2="{LEFT}" y2="{height - GAP + 4}"/></svg>')
    return "\n".join(out) + "\n"


def colour(subject):
    return COLOURS.get(subject, "#666666")
