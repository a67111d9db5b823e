# SPDX-License-Identifier: GPL-2.0-only
"""Bars with whiskers as SVG: one panel a metric, one bar a setup."""

from xml.sax.saxutils import escape

LABELS = 150        # room for the setups' names
PANEL = 250
GAP = 40
BAR = 18
TOP = 60
COLOURS = {"mp": "#1f6f8b", "peer": "#b8b8b8"}
STYLE = "font-family:sans-serif;font-size:12px"


def text(x, y, words, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def bar(x, y, scale, value, ours):
    median, low, high = value
    middle = y + BAR / 2 - 2
    colour = COLOURS["mp" if ours else "peer"]
    return [
        f'<rect x="{x}" y="{y}" width="{median * scale:.1f}" height="{BAR - 4}" fill="{colour}"/>',
        f'<line x1="{x + low * scale:.1f}" y1="{middle}" x2="{x + high * scale:.1f}" '
        f'y2="{middle}" stroke="black"/>',
        text(x + max(high, median) * scale + 4, y + BAR - 7, short(median)),
    ]


def short(value):
    """Three digits that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def panel(x, title, better, setups, values, is_ours):
    parts = [text(x, TOP - 24, title, weight="bold"), text(x, TOP - 8, better)]
    top = max((v[2] for v in values.values()), default=0)
    scale = (PANEL - 50) / top if top else 0
    for i, setup in enumerate(setups):
        if setup in values:
            parts += bar(x, TOP + i * BAR, scale, values[setup], is_ours(setup))
    return parts


def chart(title, setups, panels, is_ours):
    """panels: (title, "more is better" or the like, {setup: (median, min, max)})"""
    width = LABELS + len(panels) * (PANEL + GAP)
    height = TOP + len(setups) * BAR + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'style="{STYLE}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(10, 20, title, weight="bold"),
    ]
    for i, setup in enumerate(setups):
        parts.append(text(LABELS - 10, TOP + i * BAR + BAR - 7, setup, "end"))
    for i, (name, better, values) in enumerate(panels):
        parts += panel(LABELS + i * (PANEL + GAP), name, better, setups, values, is_ours)
    return "\n".join(parts + ["</svg>", ""])
