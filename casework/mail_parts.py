"""A mail's parts as places in its bytes: found one after the other, never all in memory, never without bound."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from email.message import Message
from email.utils import collapse_rfc2231_value

from casework.mail_text import MAX_HEADER, clean, one_line

MAX_DEPTH = 10
MAX_PARTS = 500
MAX_HEADERS = 1_000
MAX_HEAD_BYTES = 500_000
"""Bytes of a mail's headers that are read."""
MAX_PART_HEAD_BYTES = 16_000
"""As above, of one of its parts."""

_END_OF_HEAD = re.compile(rb"\n\r*\n")
_EMPTY_HEAD = re.compile(rb"\r*\n")
_NAME = re.compile(rb"[!-9;-~]{1,100}")
_LONGEST_EDGE = 1_000
_FALSE_EDGES = 10_000
"""Lines that begin as a boundary and are none, after which a part is taken as it stands."""
_CHUNK = 1 << 20
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))

Fields = dict[str, tuple[bytes, ...]]


class MailPart:
    """A block of headers and what follows it. ``group`` is shared by the versions of one text; 0 is no version."""

    def __init__(self, raw: bytes, start: int, end: int, depth: int = 0, group: int = 0) -> None:
        self.raw, self.end, self.depth, self.group = raw, end, depth, group
        empty = _EMPTY_HEAD.match(raw, start, end)
        found = empty or _END_OF_HEAD.search(raw, start, end)
        head_end, self.body = (found.start(), found.end()) if found else (end, end)
        limit = MAX_PART_HEAD_BYTES if depth else MAX_HEAD_BYTES
        self.fields = fields_of_head(raw[start : min(head_end, start + limit)])
        self.type, self.parameters = _content_type(one_line(self.first("content-type").decode("latin-1")))
        disposition = self.first("content-disposition").strip().lower()
        self.attached = disposition.startswith(b"attachment") or b"filename" in disposition or "name" in self.parameters
        self.encoding = self.first("content-transfer-encoding").strip().lower().decode("ascii", "replace")

    def first(self, name: str) -> bytes:
        """The first header of that name, b'' without one."""
        return next(iter(self.fields.get(name, ())), b"")

    def head_of_body(self, limit: int) -> bytes:
        """The first bytes of what it holds, decoded; about ``limit`` of the encoded ones."""
        return b"".join(_decoded(self.raw, self.body, min(self.end, self.body + limit), self.encoding, strict=False))

    def fingerprint(self) -> tuple[int, str]:
        """Length and SHA-256 of what it holds, decoded; of the bytes as they stand where they cannot be decoded."""
        try:
            return _measured(_decoded(self.raw, self.body, self.end, self.encoding, strict=True))
        except binascii.Error:
            return _measured(_chunks(self.raw, self.body, self.end))

    def parts(self) -> Iterator[tuple[int, int]]:
        """Where each of its parts begins and ends. Text before the first and after the last belongs to none."""
        edge = b"--" + self.parameters["boundary"].encode("latin-1", "replace")
        start, false = None, 0
        at = self.body if self.raw.startswith(edge, self.body) else self._next(edge, self.body)
        while at >= 0 and false < _FALSE_EDGES:
            after = at + len(edge)
            line_end = self.raw.find(b"\n", after, min(after + _LONGEST_EDGE, self.end))
            rest = self.raw[after : min(after + _LONGEST_EDGE, self.end) if line_end < 0 else line_end].strip()
            if rest in (b"", b"--"):
                if start is not None:
                    yield start, _before_edge(self.raw, start, at)
                if rest or line_end < 0:
                    return
                start = line_end + 1
                after = line_end  # the next boundary may be the very next line
            else:
                false += 1
            at = self._next(edge, after)
        if start is not None and start < self.end:
            yield start, self.end

    def _next(self, edge: bytes, after: int) -> int:
        """Where the next line begins with the boundary; -1 where none does."""
        found = self.raw.find(b"\n" + edge, after, self.end)
        return found + 1 if found >= 0 else -1


def leaves(top: MailPart) -> Iterator[MailPart]:
    """Parts that have no parts, in the order of the mail; what is nested too deep is one part as it stands."""
    waiting, made, groups = [top], 1, 0
    while waiting:
        part = waiting.pop()
        if not part.type.startswith("multipart/") or part.depth == MAX_DEPTH or made >= MAX_PARTS:
            yield part
            continue
        group = part.group
        if part.type == "multipart/alternative":
            groups += 1
            group = groups
        inner: list[MailPart] = []
        for start, end in part.parts():
            inner.append(MailPart(part.raw, start, end, part.depth + 1, group))
            made += 1
            if made == MAX_PARTS:
                break
        waiting.extend(reversed(inner))


def fields_of_head(head: bytes) -> Fields:
    """Headers by name in lower case; folded lines joined, lines that are none passed over."""
    pairs: list[tuple[str, list[bytes]]] = []
    for line in head.replace(b"\r", b"").split(b"\n"):
        if line[:1] in (b" ", b"\t") and pairs:
            pairs[-1][1].append(line)
            continue
        name, colon, value = line.partition(b":")
        if colon and _NAME.fullmatch(name.rstrip()):
            if len(pairs) == MAX_HEADERS:
                break
            pairs.append((name.rstrip().decode("ascii").lower(), [value]))
    fields: dict[str, list[bytes]] = {}
    for key, lines in pairs:
        fields.setdefault(key, []).append(b"".join(lines).strip()[: MAX_HEADER * 4])
    return {key: tuple(values) for key, values in fields.items()}


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    """Type and parameters; text/plain where none is stated (RFC 2045, 5.2), or none that can be read."""
    header = Message()
    header["Content-Type"] = value[:2_000]
    try:
        found = header.get_params([], unquote=True) if value else []
        parameters = {name.lower(): collapse_rfc2231_value(word).strip() for name, word in (found or [])[1:]}
        kind = header.get_content_type()
    except (ValueError, LookupError, TypeError, AttributeError):
        return "text/plain", {}
    if kind.startswith("multipart/") and not parameters.get("boundary"):
        return "text/plain", parameters
    return clean(kind)[:100], parameters


def _before_edge(raw: bytes, start: int, edge: int) -> int:
    """The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1)."""
    end = max(edge - 1, start)
    return end - 1 if end > start and raw[end - 1 : end] == b"\r" else end


# --- Transfer encodings ----------------------------------------------------------------------------------


def _measured(chunks: Iterator[bytes]) -> tuple[int, str]:
    length, digest = 0, hashlib.sha256()
    for chunk in chunks:
        length += len(chunk)
        digest.update(chunk)
    return length, digest.hexdigest()


def _chunks(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _CHUNK):
        yield raw[at : min(at + _CHUNK, end)]


def _decoded(raw: bytes, start: int, end: int, encoding: str, *, strict: bool) -> Iterator[bytes]:
    """What was encoded, piece by piece. Raises binascii.Error for broken base64 or uuencode if ``strict``."""
    if encoding == "base64":
        yield from _from_base64(raw, start, end, strict=strict)
    elif encoding == "quoted-printable":
        yield from _from_quoted_printable(raw, start, end)
    elif encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        yield from uudecoded(raw[start:end], strict=strict)
    else:
        yield from _chunks(raw, start, end)


def _from_base64(raw: bytes, start: int, end: int, *, strict: bool) -> Iterator[bytes]:
    left = b""
    for chunk in _chunks(raw, start, end):
        left += chunk.translate(None, _NOT_BASE64)
        padding = left.find(b"=")
        if padding >= 0:
            if strict and left[padding:].strip(b"="):
                raise binascii.Error("letters after the end")
            left = left[:padding]
            break
        whole = len(left) // 4 * 4
        yield binascii.a2b_base64(left[:whole])
        left = left[whole:]
    if len(left) % 4 == 1:
        if strict:
            raise binascii.Error("cut off within a letter")
        left = left[:-1]
    yield binascii.a2b_base64(left + b"=" * (-len(left) % 4))


def _from_quoted_printable(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        until = min(start + _CHUNK, end)
        if until < end:
            line_end = raw.rfind(b"\n", start, until)
            until = line_end + 1 if line_end >= 0 else until - 2 + raw[until - 2 : until].rfind(b"=") % 3
        yield binascii.a2b_qp(raw[start:until])
        start = until


_UUENCODED = re.compile(rb"^begin [0-7]{3,4} [^\r\n]{1,200}\r?\n(?:[ -`]{1,90}\r?\n)*+end[ \t\r]*$", re.MULTILINE)


def without_uuencoded(data: bytes) -> tuple[bytes, list[bytes]]:
    """A text without the files that stand in it between 'begin' and 'end', and those files, still encoded."""
    if b"begin " not in data:
        return data, []
    return _UUENCODED.sub(b"", data), [found[0] for found in _UUENCODED.finditer(data)]


def uudecoded(data: bytes, *, strict: bool) -> Iterator[bytes]:
    """The bytes of a uuencoded file. Raises binascii.Error for a broken line if ``strict``."""
    for line in data.splitlines():
        if not line.strip() or line.startswith(b"begin ") or line.strip() == b"end":
            continue
        try:
            yield binascii.a2b_uu(line)
        except binascii.Error:
            if strict:
                raise


def measure_uuencoded(data: bytes) -> tuple[int, str]:
    """Length and SHA-256 of a uuencoded file's bytes; of the text as it stands where it is broken."""
    try:
        return _measured(uudecoded(data, strict=True))
    except binascii.Error:
        return len(data), hashlib.sha256(data).hexdigest()
