"""How a row of the table of platforms is written, and how a link is held against it.

A shape is written as a path with fields in braces, ``/{user:name}/status/{id:n}``; what stands outside
braces is a regular expression. A field's type is a word of :data:`_FIELDS`. ``needs`` names the query
parameters that must be there and brings fields of their own. The ``key`` is filled from the fields; the
account is the field ``user`` or ``owner``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

_FIELDS = {
    "n": r"\d+",
    "code": r"[A-Za-z0-9_-]+",
    "yt": r"[A-Za-z0-9_-]{11}",
    "name": r"[A-Za-z0-9._-]+",
    "word": r"[^/]+",
    "rest": r".+",
    "gist": r"(?:[0-9a-f]{20}|[0-9a-f]{32}|\d{1,9})",
}
_ACCOUNT_FIELDS = ("user", "owner")
_FOLDED_CASE = frozenset({"user", "owner", "repo", "group"})
"""Fields that the platforms compare without regard to case."""


def _pattern(path: str) -> re.Pattern[str]:
    """``/p/{id:code}`` as a compiled expression; everything outside braces is already one."""
    return re.compile(re.sub(r"\{(\w+):(\w+)\}", _field, path))


def _field(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{_FIELDS[found[2]]})"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a shape says about one link."""

    kind: str
    key: str
    account: str | None
    opaque: bool
    locators: tuple[str, ...]
    identity: frozenset[str]
    """Query parameters without which the link would lead elsewhere."""
    fragment: str
    """The fragment, where it is what names a comment."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of link on a platform."""

    kind: str
    key: str
    path: re.Pattern[str]
    needs: tuple[tuple[str, re.Pattern[str], bool], ...]
    opaque: bool
    locator: str
    identity: frozenset[str]

    def match(self, path: str, query: dict[str, str]) -> dict[str, str] | None:
        """The fields, or nothing when the link has another shape."""
        found = self.path.fullmatch(path)
        if found is None:
            return None
        fields = found.groupdict()
        for name, pattern, optional in self.needs:
            given = pattern.match(query.get(name, ""))
            if given is not None:
                fields.update(given.groupdict())
            elif not optional:
                return None
        return fields


def shape(path: str, kind: str, key: str, *, needs: str = "", opaque: bool = False, locator: str = "") -> Shape:
    """One row of the table. ``needs`` is ``"name=pattern other?=pattern"``; ``?`` means it may be absent."""
    pairs = [(name.rstrip("?"), value, name.endswith("?")) for name, _, value in map(_split, needs.split())]
    return Shape(
        kind=kind,
        key=key,
        path=_pattern(path),
        needs=tuple((name, _pattern(value), optional) for name, value, optional in pairs),
        opaque=opaque,
        locator=locator,
        identity=frozenset(name for name, _, _ in pairs),
    )


def _split(need: str) -> tuple[str, str, str]:
    return need.partition("=")


@dataclass(frozen=True, slots=True)
class Site:
    """One host, or several that stand for each other."""

    platform: str | None
    shapes: tuple[Shape, ...] = ()
    comments: tuple[str, ...] = ()
    """Query parameters that name a comment, the innermost first."""
    comment_fragment: re.Pattern[str] | None = None
    locators: tuple[str, ...] = ()
    redirects: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Path of a redirector and the parameters that may hold its target."""
    owner_label: bool = False
    """The label before the host names the account (``someone.github.io``) and is read as the path's start."""
    folded: frozenset[str] = field(default=frozenset({"", "www", "m", "mobile"}))

    def read(self, path: str, query: dict[str, str], fragment: str) -> Reading | None:
        """Which shape the link has; nothing when it points at no item the table knows."""
        trimmed = path.rstrip("/") or "/"
        for row in self.shapes:
            fields = row.match(trimmed, query)
            if fields is not None:
                return self._reading(row, fields, query, fragment)
        return None

    def _reading(self, row: Shape, fields: dict[str, str], query: dict[str, str], fragment: str) -> Reading:
        account = next((fields[name] for name in _ACCOUNT_FIELDS if fields.get(name)), None)
        shown = {name: _folded(value) if value and name in _FOLDED_CASE else value for name, value in fields.items()}
        key = f"{self.platform}:{row.key.format_map(shown)}"
        comment = next((query[name] for name in self.comments if query.get(name)), None)
        if comment is None and self.comment_fragment is not None:
            found = self.comment_fragment.fullmatch(fragment)
            comment = found[1] if found else None
        else:
            fragment = ""
        locators = tuple(f"{name}={query[name]}" if query[name] else name for name in self.locators if name in query)
        if row.locator:
            locators = (row.locator.format_map(fields), *locators)
        return Reading(
            kind="comment" if comment else row.kind,
            key=f"{key}:c:{comment}" if comment else key,
            account=unquote(account) if account else None,
            opaque=row.opaque,
            locators=locators,
            identity=row.identity.union(self.comments),
            fragment=fragment if comment else "",
        )


def _folded(name: str) -> str:
    return (unquote(name) if "%" in name else name).lower()
