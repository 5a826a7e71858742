"""What a link points at: its canonical form, its platform, and a key that is equal for equal items.

Everything here works on the text of a link. Nothing is ever requested, so a short link stays opaque
until a person pastes where it leads. The message of a refusal never repeats the link.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from url_normalize import url_normalize

from casework.link_shapes import Reading, Site
from casework.platform_links import site_of

LONGEST_LINK = 2048
DEEPEST_REDIRECT = 4


@dataclass(frozen=True, slots=True)
class Link:
    """One link, as received and as understood."""

    original: str
    """Exactly as received."""
    canonical: str
    """Normalised; on a known platform only the parameters that identify the item are left."""
    platform: str | None
    """Nothing when the host is not in the table."""
    key: str
    """Equal keys mean the same item: ``platform:kind:id[:sub]``, or ``web:host:path?query``."""
    kind: str
    account: str | None
    """Handle, name or number of the owner, where the shape of the link shows it."""
    locator: str | None
    """A place inside the item, such as ``t=42`` or ``img_index=3``; no part of the key."""
    opaque: bool
    """A short link: only a request could tell where it leads, and none is made."""
    exact: bool
    """Points at one item or one account, not at a search, a feed, a home page or a help page."""


class LinkRefused(ValueError):
    """The text cannot be used as a link; ``rule`` says why, and the message never repeats the link."""

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        super().__init__(message)


_REFUSALS = {
    "link.scheme": "Only http and https links can be reported.",
    "link.credentials": "The link carries a user name or a password; remove it and send the link again.",
    "link.too_long": f"The link is longer than {LONGEST_LINK} characters.",
    "link.control_characters": "The link contains control characters or line breaks.",
    "link.no_host": "The link names no host.",
    "link.malformed": "The link cannot be read; its host, its port or its encoding is not valid.",
    "link.private_address": "The link points into a private network, not at a public platform.",
    "link.redirect_depth": f"The link wraps another link more than {DEEPEST_REDIRECT} times.",
}

# --- Defanged and invisible characters -------------------------------------------------------------------

INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Copied along from web pages and messengers, never part of a link. The joiners U+200C and U+200D are
letters of some scripts and are dropped only between ASCII characters."""
_INVISIBLE = re.compile(rf"[{INVISIBLE}]|(?<=[!-~])[\u200c\u200d]+(?=[!-~])")

# One alternative per habit of people who make links harmless. Bounded spaces keep it linear.
_DEFANGED = re.compile(
    r"(?P<http>(?<![A-Za-z])h(?:xx|XX|tt|TT|\*\*)p(?P<s>[sS]?)(?:[ ]?(?:\[:\]|\(:\)|:)[ ]?//[ ]?"
    r"|\[://\]|\(://\)|[:\uff1a][/\uff0f]{2})(?=\S))"
    r"|(?P<dot>(?<=[A-Za-z0-9\u0400-\u04ff])"
    r"(?:[ ]?[\[({](?:\.|dot|DOT|punto|точка|нүкте)[\])}][ ]?)"
    r"(?=[A-Za-z0-9\u0400-\u04ff]))"
)
_HEAD = re.compile(r"(?:[^/?#]{0,40}?//)?[^/?#]*")


def _refanged(found: re.Match[str]) -> str:
    return "." if found["dot"] else f"http{found['s'].lower()}://"


def refang(text: str) -> str:
    """Give defanged links their normal form: ``hxxps://``, ``https[:]//``, ``[.]``, ``(dot)``."""
    return _DEFANGED.sub(_refanged, text)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text without invisible characters and with links refanged, and the way back to its positions."""

    text: str
    _starts: tuple[int, ...]
    _offsets: tuple[int, ...]

    def original_position(self, position: int) -> int:
        """Where the character at this position of :attr:`text` stood in the text as received."""
        return position + self._offsets[bisect_right(self._starts, position) - 1]


_CLEANING = re.compile(f"{_INVISIBLE.pattern}|&(?P<entity>amp|lt|gt|quot);|{_DEFANGED.pattern}")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}


def cleaned(text: str) -> Cleaned:
    """Rewrite a text so that its links stand in normal form, keeping the way back to every position."""
    parts: list[str] = []
    starts, offsets = [0], [0]
    taken = length = 0
    for found in _CLEANING.finditer(text):
        if found["entity"]:
            replacement = _ENTITIES[found["entity"]]
        elif found["dot"] or found["http"]:
            replacement = _refanged(found)
        else:
            replacement = ""
        parts += (text[taken : found.start()], replacement)
        length += found.start() - taken + len(replacement)
        taken = found.end()
        starts.append(length)
        offsets.append(taken - length)
    parts.append(text[taken:])
    return Cleaned("".join(parts), tuple(starts), tuple(offsets))


_ANY_SCHEME = re.compile(r"(?i)(?<![a-z0-9+.\-\]])([a-z][a-z0-9+.\-]{0,31}):(//)?([^\s/?#]*)")
_DOT = re.compile(r"(?<!\[)[.\u3002\uff0e\uff61](?!\])")
_BARE_HOST = re.compile(r"(?:(?<![^\s<(\"'«“=])|(?<=//))[^\s/?#:]+\.[^\s/?#:]+(?=[:/?#\s]|$)")


def defang(url: str) -> str:
    """Make links unclickable and still readable: ``hxxps://www.instagram[.]com/p/…``. Never raises."""
    return _BARE_HOST.sub(lambda m: _DOT.sub("[.]", m[0]), _ANY_SCHEME.sub(_defanged, url))


def _defanged(found: re.Match[str]) -> str:
    scheme, slashes, host = found[1], found[2] or "", found[3]
    if scheme.lower().startswith("hxxp") or (not slashes and "." in scheme):
        return found[0].replace(host, _DOT.sub("[.]", host)) if slashes else found[0]
    if scheme.lower() in ("http", "https"):
        return f"hxxp{scheme[4:].lower()}:{slashes}{_DOT.sub('[.]', host)}"
    return f"{scheme}[:]{slashes}{_DOT.sub('[.]', host)}"


# --- Reading ---------------------------------------------------------------------------------------------

# Exactly the links that url-normalize leaves alone but for the case of the host and an empty path: plain
# ASCII, no percent sign, no fragment, no empty or dot segment, at most one "=" per parameter. The tests
# hold the two to each other. Everything else takes the library's way.
_PLAIN = re.compile(
    r"(https?)://((?:[A-Za-z0-9](?:-?[A-Za-z0-9])*+\.)++[A-Za-z](?:-?[A-Za-z0-9])*+)"
    r"((?:/(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9._~@+:,;=!$'()*&\-]++)*+/?)"
    r"(?:\?([A-Za-z0-9._~@+:,;/?!$'()*\[\]\-]++(?:=[A-Za-z0-9._~@+:,;/?!$'()*\[\]\-]*+)?"
    r"(?:&[A-Za-z0-9._~@+:,;/?!$'()*\[\]\-]++(?:=[A-Za-z0-9._~@+:,;/?!$'()*\[\]\-]*+)?)*+))?"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?!\d{1,5}(?:[/?#]|$))")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PRIVATE_NAMES = frozenset({"localhost", "local", "internal", "intranet", "lan", "localdomain", "corp", "home", "arpa"})
_NOISE = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|yclid|msclkid|twclid|igshid|igsh|mc_[ce]id|mibextid|_openstat|_ga|ga_\w+|mkt_tok"
    r"|fb_(?:action_\w+|source|ref)|action_(?:object|type|ref)_map|__twitter_impression|__cft__.*|__tn__|__xts__.*"
)
# Only names that no site uses for its own pages: on an unknown host "ref" or "source" may be the item itself.
_ROUTE = re.compile(r"(?:%2F|/).+", re.IGNORECASE)

_Parts = tuple[str, str, str, str, str]


def read_link(text: str) -> Link:
    """Understand one link. Raises :class:`LinkRefused` when the text cannot be used as a link."""
    return _read(text, text, 0)


def _refusal(rule: str) -> LinkRefused:
    return LinkRefused(rule, _REFUSALS[rule])


def _read(original: str, text: str, depth: int) -> Link:
    plain = _PLAIN.fullmatch(text) if len(text) <= LONGEST_LINK else None
    if plain is not None and len(plain[2]) <= 253:
        scheme, host, path, query = plain.groups("")
        parts: _Parts = (scheme, host.lower(), path or "/", query, "")
    else:
        parts = _careful_parts(text)
    scheme, netloc, path, query, fragment = parts
    site, owner = _site_of_public(netloc)
    if site is None:
        return _unknown_link(original, parts)
    pairs = _pairs(query)
    target = _redirect_target(site, netloc, path, pairs)
    if target is not None:
        if depth == DEEPEST_REDIRECT:
            raise _refusal("link.redirect_depth")
        return _read(original, target, depth + 1)
    if site.platform is None:
        return _unknown_link(original, parts)
    reading = site.read(f"/{owner}{path}" if owner else path, pairs, fragment)
    return _platform_link(original, parts, site.platform, reading)


def _careful_parts(text: str) -> _Parts:
    """The normalised parts of a link that is not plain. Raises :class:`LinkRefused`."""
    text = _INVISIBLE.sub("", text).strip(" \t\r\n\u00a0\u3000")
    if len(text) > LONGEST_LINK:
        raise _refusal("link.too_long")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" for c in text):
        raise _refusal("link.control_characters")
    head = _HEAD.match(text)
    if head is not None and not _PLAIN.match(text):
        # Only what stands before the path: a path may well contain "(dot)".
        text = refang(text[: head.end()] + "//")[:-2] + text[head.end() :]
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in ("http", "https") and not _is_host_with_port(text):
        raise _refusal("link.scheme")
    if scheme is None:
        text = "https://" + text.lstrip("/")
    authority = re.split(r"[/?#]", text.partition(":")[2].lstrip("/"), maxsplit=1)[0]
    if "@" in authority:
        raise _refusal("link.credentials")
    if not authority.strip("."):
        raise _refusal("link.no_host")
    if "\\" in authority or "%" in authority or re.search(r"\s", text):
        raise _refusal("link.malformed")
    try:
        split = urlsplit(str(url_normalize(text)))
        port = split.port
    except (ValueError, IndexError) as error:
        raise _refusal("link.malformed") from error
    if not split.hostname:
        raise _refusal("link.no_host")
    if port == 0:
        raise _refusal("link.malformed")
    return (split.scheme, split.netloc, split.path or "/", split.query, split.fragment)


def _is_host_with_port(text: str) -> bool:
    return re.match(r"[\w\-]+(?:\.[\w\-]+)+:\d{1,5}(?:[/?#]|$)", text) is not None


@lru_cache(maxsize=4096)
def _site_of_public(netloc: str) -> tuple[Site | None, str | None]:
    _check_host(netloc)
    return site_of(netloc)


def _check_host(netloc: str) -> None:
    """Raise :class:`LinkRefused` unless the host is a public name or a public address."""
    host = netloc.rpartition("]")[0].lstrip("[") if netloc.startswith("[") else netloc.partition(":")[0]
    labels = host.split(".")
    if netloc.startswith("[") or labels[-1].isdigit() or labels[-1].startswith("0x"):
        try:
            address = ip_address(host)
        except ValueError as error:
            # 127.1, 0x7f.1 and 2130706433 are addresses to some programs and names to others.
            raise _refusal("link.malformed") from error
        if not address.is_global:
            raise _refusal("link.private_address")
        return
    if labels[-1] in _PRIVATE_NAMES:
        raise _refusal("link.private_address")
    if len(labels) < 2 or len(host) > 253 or not all(map(_HOST_LABEL.fullmatch, labels)):
        raise _refusal("link.malformed")


def _pairs(query: str) -> dict[str, str]:
    """The parameters, the first of each name; values decoded."""
    pairs: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        pairs.setdefault(name, unquote(value) if "%" in value else value)
    return pairs


def _redirect_target(site: Site, host: str, path: str, pairs: dict[str, str]) -> str | None:
    for redirect, names in site.redirects:
        if redirect in ("", path.rstrip("/") or "/"):
            target = next((pairs[name] for name in names if pairs.get(name)), None)
            if target is not None:
                return f"https://{host}{target}" if target.startswith("/") and target[1:2] != "/" else target
    return None


def _query_without(query: str, unwanted: re.Pattern[str]) -> str:
    kept = [part for part in query.split("&") if part and not unwanted.fullmatch(part.partition("=")[0])]
    return "&".join(kept)


def _unknown_link(original: str, parts: _Parts) -> Link:
    scheme, netloc, path, query, fragment = parts
    query = _query_without(query, _NOISE) if query else ""
    # A route such as "#/profile/7" is the page itself; any other fragment is a place on the page.
    route = quote(unquote(fragment), safe="/~=!:@&?+,;$()*") if _ROUTE.fullmatch(fragment) else ""
    tail = (f"?{query}" if query else "") + (f"#{route}" if route else "")
    shown = path.rstrip("/") or "/"
    return Link(
        original=original,
        canonical=urlunsplit((scheme, netloc, path, query, route)),
        platform=None,
        key=f"web:{netloc.removeprefix('www.')}:{shown}{tail}",
        kind="site" if shown == "/" and not tail else "page",
        account=None,
        locator=None,
        opaque=False,
        exact=shown != "/" or bool(tail),
    )


def _platform_link(original: str, parts: _Parts, platform: str, reading: Reading | None) -> Link:
    scheme, netloc, path, query, _ = parts
    if reading is None:
        kept = _query_without(query, _NOISE) if query else ""
        tail = f"?{kept}" if kept else ""
        address = f"{netloc.removeprefix('www.')}{path.rstrip('/')}"
        return Link(
            original=original,
            canonical=f"{scheme}://{netloc}{path}{tail}",
            platform=platform,
            key=f"{platform}:other:{address}{tail}",
            kind="other",
            account=None,
            locator=None,
            opaque=False,
            exact=False,
        )
    if query:
        kept = "&".join(part for part in query.split("&") if part.partition("=")[0] in reading.identity)
        tail = f"?{kept}" if kept else ""
    else:
        tail = ""
    if reading.fragment:
        tail += f"#{reading.fragment}"
    return Link(
        original=original,
        canonical=f"{scheme}://{netloc}{path}{tail}",
        platform=platform,
        key=reading.key,
        kind=reading.kind,
        account=reading.account,
        locator="&".join(reading.locators) or None,
        opaque=reading.opaque,
        exact=True,
    )
