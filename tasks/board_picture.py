"""The board's picture: how many open cases each stage held, hour by hour; children's cases above the routine ones.

A card with its own background, because Prefect's page may be light or dark and does not tell a picture which.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from html import escape
from zoneinfo import ZoneInfo

from casework.vocabulary import Lane, Status

WIDTH, _LEFT, _RIGHT, _TOP = 760, 46, 18, 16
_HIGH, _BETWEEN, _LEGEND = 120, 56, 24

Counted = tuple[datetime, str, str, int]
"""When, stage, lane, cases."""

COLOURS = {
    Status.RECEIVED: "#8c510a", Status.REOPENED: "#bf812d", Status.TRIAGED: "#dfc27d", Status.RETURNED: "#bdbdbd",
    Status.IN_LEGAL_REVIEW: "#0072b2", Status.APPROVED: "#56b4e9", Status.SUBMITTED: "#009e73",
    Status.MORE_INFO: "#d55e00", Status.DECIDED: "#a6dba0",
}  # fmt: skip
"""One for each stage of an open case, from the first above to the last below; told apart by lightness as well."""

_TITLES = {Lane.CHILD_SAFETY: "Children's cases", Lane.ROUTINE: "Routine cases"}

_STYLE = (
    'text{font:12px system-ui,"Noto Sans",sans-serif;fill:#24292f}.t{font-weight:600;font-size:13px}'
    ".r{stroke:#d0d7de}.s{fill:#57606a}"
)


def picture_address(counted: Sequence[Counted], now: datetime, zone: ZoneInfo) -> str:
    """The picture as a ``data:`` address; '' while there are not two counts to draw between."""
    drawn = picture(counted, now, zone)
    return drawn and "data:image/svg+xml;base64," + b64encode(drawn.encode()).decode("ascii")


def picture(counted: Sequence[Counted], now: datetime, zone: ZoneInfo) -> str:
    """The picture as SVG; '' while there are not two counts to draw between."""
    times = sorted({at for at, *_ in counted})
    if len(times) < 2:
        return ""
    stages = [status for status in COLOURS if any(row[1] == status and row[3] for row in counted)]
    height = _TOP + len(Lane) * (_HIGH + _BETWEEN) + _LEGEND
    body: list[str] = []
    for place, lane in enumerate(Lane):
        body += _panel(_TOP + place * (_HIGH + _BETWEEN), lane, counted, times, stages, now, zone)
    body += _legend(height - _LEGEND + 6, stages)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
            f' height="{height}" role="img"><style>{_STYLE}</style>',
            f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#fff"/>',
            *body,
            "</svg>",
        )
    )


def _panel(
    top: int,
    lane: Lane,
    counted: Sequence[Counted],
    times: Sequence[datetime],
    stages: Sequence[Status],
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[str]:
    """One lane: the stages stacked, the first of them on top."""
    bottom, wide = top + 18 + _HIGH, WIDTH - _LEFT - _RIGHT
    cases = {(at, status): count for at, status, of, count in counted if of == lane}
    most = max(sum(cases.get((at, stage), 0) for stage in stages) for at in times) or 1
    span = max((now - times[0]).total_seconds(), 1.0)

    def x(at: datetime) -> int:
        return _LEFT + round((at - times[0]).total_seconds() / span * wide)

    def y(count: int) -> int:
        return bottom - round(count / most * _HIGH)

    yield f'<text class="t" x="{_LEFT}" y="{top + 8}">{escape(_TITLES[lane])}</text>'
    for count in (0, most):
        yield f'<path class="r" d="M{_LEFT} {y(count)}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="s" text-anchor="end" x="{_LEFT - 6}" y="{y(count) + 4}">{count:,}</text>'
    below = dict.fromkeys(times, 0)
    for stage in reversed(stages):
        above = {at: below[at] + cases.get((at, stage), 0) for at in times}
        if above != below:
            upper = "L".join(f"{x(at)} {y(above[at])}" for at in times)
            lower = "L".join(f"{x(at)} {y(below[at])}" for at in reversed(times))
            yield f'<path fill="{COLOURS[stage]}" d="M{upper}L{lower}Z"/>'
        below = above
    for midnight in _midnights(times[0], now, zone):
        yield f'<path class="r" d="M{x(midnight)} {bottom}v5"/>'
        yield f'<text class="s" text-anchor="middle" x="{x(midnight)}" y="{bottom + 18}">{midnight:%d %b}</text>'


def _midnights(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = begin.astimezone(zone).date()
    while (at := datetime.combine(day := day + timedelta(days=1), time(0), zone)) < end:
        yield at


def _legend(y: int, stages: Sequence[Status]) -> Iterator[str]:
    at = _LEFT
    for stage in stages:
        name = stage.value.replace("_", " ")
        yield f'<rect x="{at}" y="{y}" width="10" height="10" fill="{COLOURS[stage]}"/>'
        yield f'<text x="{at + 14}" y="{y + 9}">{name}</text>'
        at += 26 + 7 * len(name)
