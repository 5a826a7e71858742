"""The picture of a simulation: one SVG file that needs nothing else and reads in light and in dark.

Blue and orange are told apart by people with any kind of colour blindness; the bars differ in pattern as well, and
every number stands beside its bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, MARGIN = 960, 32
_LABEL, _VALUE = 300, 200
_BAR, _GAP, _ROW = 11, 2, 38
_BARS_AT = MARGIN + _LABEL
_BARS_WIDE = WIDTH - 2 * MARGIN - _LABEL - _VALUE
_LONGEST = 44
"""Characters of a label that fit."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One row: what it counts, under the policy in use and under the new one."""

    label: str
    values: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows that share one scale."""

    title: str
    rows: tuple[Bars, ...]


_STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; fill: #1b1f24; }
  .page { fill: #ffffff; }
  .title { font-size: 19px; font-weight: 650; }
  .panel { font-size: 15px; font-weight: 650; }
  .small, .value { font-size: 12.5px; }
  .small { fill: #57606a; }
  .label { font-size: 13px; }
  .value { font-variant-numeric: tabular-nums; }
  .more { font-weight: 650; }
  .rule { stroke: #d0d7de; }
  .old { fill: #0072b2; }
  .new { fill: #d97b00; }
  .hatch { stroke: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .page { fill: #0d1117; }
    .small { fill: #9aa4af; }
    .rule { stroke: #3a424c; }
    .old { fill: #56b4e9; }
    .new { fill: #f0a030; }
    .hatch { stroke: #0d1117; }
  }
"""


def picture(title: str, subtitle: str, panels: Sequence[Panel]) -> str:
    """An SVG of these panels, one below the other; panels without rows are left out."""
    body: list[str] = []
    y = MARGIN + 16
    for line in _wrapped(title, 84):
        body.append(_text(MARGIN, y, "title", line))
        y += 26
    for line in _wrapped(subtitle, 128):
        body.append(_text(MARGIN, y, "small", line))
        y += 18
    y += 10
    body += [
        f'<rect class="old" x="{MARGIN}" y="{y - 10}" width="22" height="{_BAR}" rx="1"/>',
        f'<rect fill="url(#hatch)" x="{MARGIN}" y="{y - 10}" width="22" height="{_BAR}" rx="1"/>',
        _text(MARGIN + 30, y, "small", "policy in use"),
        f'<rect class="new" x="{MARGIN + 130}" y="{y - 10}" width="22" height="{_BAR}" rx="1"/>',
        _text(MARGIN + 160, y, "small", "new policy"),
    ]
    y += 18
    for panel in panels:
        if panel.rows:
            y = _draw(body, panel, y)
    height = y + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
            f' height="{height}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(_described(panels))}</desc>',
            f"<style>{_STYLE}</style>",
            '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"'
            ' patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="5" stroke-width="2.4"/>'
            "</pattern></defs>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _draw(body: list[str], panel: Panel, y: int) -> int:
    """Draw a panel below ``y``; where it ends."""
    y += 30
    body.append(_text(MARGIN, y, "panel", panel.title))
    y += 12
    body.append(f'<line class="rule" x1="{MARGIN}" y1="{y}" x2="{WIDTH - MARGIN}" y2="{y}"/>')
    y += 10
    longest = max(value for row in panel.rows for value in row.values) or 1
    for row in panel.rows:
        middle = y + _BAR + _GAP / 2
        body.append(_text(MARGIN, round(middle + 4.5, 1), "label", _cut(row.label)))
        ends = []
        for place, (value, kind) in enumerate(zip(row.values, ("old", "new"), strict=True)):
            top, wide = y + place * (_BAR + _GAP), round(value / longest * _BARS_WIDE, 1)
            wide = max(wide, 1.5) if value else 0
            ends.append(wide)
            if value:
                shape = f'x="{_BARS_AT}" y="{top}" width="{wide}" height="{_BAR}" rx="1"'
                body.append(f'<rect class="{kind}" {shape}/>')
                if kind == "old":
                    body.append(f'<rect fill="url(#hatch)" {shape}/>')
        before, after = row.values
        at = _BARS_AT + max(ends) + 10
        said = f"{before:,}" if before == after else f"{before:,} → {after:,}  ({after - before:+,})".replace("-", "−")
        body.append(_text(round(at, 1), round(middle + 4.5, 1), "value" if before == after else "value more", said))
        y += _ROW
    return y


def _text(x: float, y: float, kind: str, said: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(said)}</text>'


def _cut(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1].rstrip() + "…"


def _wrapped(said: str, width: int) -> list[str]:
    lines = [""]
    for word in said.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _described(panels: Sequence[Panel]) -> str:
    """The picture in words, for who cannot see it."""
    return " ".join(
        f"{panel.title}: "
        + "; ".join(f"{row.label}, in use {row.values[0]:,}, new {row.values[1]:,}" for row in panel.rows)
        + "."
        for panel in panels
        if panel.rows
    )
