"""From a mail's bytes to words: stated and unstated encodings, headers, HTML. Nothing is fetched.

Every step takes time in proportion to what it reads. That is why HTML is not given to the standard library's parser:
40 kB of unfinished tags keep it busy for twenty seconds.
"""

from __future__ import annotations

import codecs
import html
import re
import string
from email.errors import HeaderParseError
from email.header import decode_header

from charset_normalizer import from_bytes

MAX_TEXT = 200_000
"""Characters of a mail's text that are kept."""
MAX_HEADER = 10_000
"""Characters of one header that are kept."""

_SEVERAL_BYTES = re.compile(r"utf|jp|jis|kr|gb|big5|hz|cn|johab|uhc|cp9[345]")
"""Codecs whose letters have several bytes: text in one of them may look like UTF-8 by chance."""
_NOT_TEXT = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
_CYRILLIC = ("cp1251", "koi8_r", "kz1048", "mac_cyrillic", "cp1252", "utf_16")
_GUESSED = 20_000
"""Bytes from which an encoding is guessed."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def words_of(data: bytes, charset: str = "") -> str:
    """Text of bytes: the stated encoding where it can be true, then UTF-8, then the best guess. Never fails.

    An encoding of one byte a letter explains every text, so it is not believed against letters that are UTF-8, nor
    where it makes of Cyrillic what nobody writes.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and not charset:
        charset = "utf-16"
    codec = _codec(charset)
    foreign = not data.isascii()
    if codec and not foreign:
        return data.decode(codec, "replace")
    utf8 = _utf8(data)
    if codec and (utf8 is None or _SEVERAL_BYTES.search(codec)):
        try:
            text = data.decode(codec)
        except UnicodeError:
            text = ""
        if text and not _misread(text):
            return text
    if utf8 is not None:
        return utf8
    for guess in from_bytes(data[:_GUESSED], cp_isolation=list(_CYRILLIC)):
        try:
            return data.decode(guess.encoding)
        except UnicodeError:
            continue
    return data.decode("utf-8", "replace")


def clean(text: str) -> str:
    """One kind of line end, and no NUL, control character or lone half of a letter: no database holds those."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def header_words(value: bytes, charset: str = "") -> str:
    """A header as a person reads it, on one line: encoded words decoded, raw letters guessed.

    ``charset`` is that of the mail's text: a header with raw letters is mostly written in the same.
    """
    text = one_line(words_of(value[: MAX_HEADER * 4], charset))
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError, LookupError):
        return text
    read = "".join(
        piece
        if isinstance(piece, str)
        else words_of(piece, stated)
        if stated
        else piece.decode("raw_unicode_escape", "replace")  # so the library hands out what stands between the words
        for piece, stated in pieces
    )
    return one_line(read)


def one_line(text: str) -> str:
    """The words with one space between them, cut to what is kept of a header."""
    return " ".join(clean(text[: MAX_HEADER * 2]).split())[:MAX_HEADER]


def _codec(charset: str) -> str:
    """Python's name of a text encoding; '' for an unknown one, and for ASCII, which UTF-8 reads as well."""
    try:
        found = codecs.lookup(charset.strip().strip("\"'")[:40])
    except (LookupError, ValueError, TypeError):
        return ""
    if not getattr(found, "_is_text_encoding", False) or found.name in _NOT_TEXT:
        return ""
    return "" if found.name in ("ascii", "utf-8") else found.name


def _utf8(data: bytes) -> str | None:
    """The text where it is UTF-8 but for a few broken letters; None where it is something else."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if broken == 0 or broken * 10 <= sum(letter > "\x7f" for letter in text):
        return text
    return None


_TURNED = re.compile("[а-яё][А-ЯЁ]")


def _misread(text: str) -> bool:
    """Whether most letters are accented Latin ones, or capitals that follow small ones: no language is written so.

    The second is KOI8-R read as windows-1251, where small and capital letters change places.
    """
    letters = [letter for letter in text[:5_000] if letter.isalpha()]
    accented = sum("\xc0" <= letter <= "\xff" for letter in letters)
    capital = sum("А" <= letter <= "Я" for letter in letters)
    return accented * 2 > len(letters) or (capital * 2 > len(letters) and _TURNED.search(text[:5_000]) is not None)


_DROPPED = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"), ("<head", "</head"))
_TAG = re.compile(
    r"""<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:]{0,20}+|[!?])(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+>"""
)
_BLOCKS = {
    "address", "article", "aside", "body", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
}  # fmt: skip
_DEEPEST = 10
_NO_LETTER = re.compile(r"&#[0-9]{9,}+;?")
"""Numbers beyond every letter; Python refuses to read very long ones."""
_SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


def html_words(markup: str) -> str:
    """The words of an HTML text: blocks become lines, what was quoted is marked with '> ' as in plain text."""
    for opening, closing in _DROPPED:
        markup = _without(markup, opening, closing)
    lines: list[str] = []
    current: list[str] = []
    depth = 0

    def end_line(*, empty: bool = False) -> None:
        words = _unescaped(current)
        current.clear()
        if words or (empty and lines and lines[-1].strip("> ")):
            lines.append("> " * depth + words)

    after = 0
    for tag in _TAG.finditer(markup):
        current.append(markup[after : tag.start()])
        after, name = tag.end(), tag["name"].lower()
        if name == "blockquote":
            end_line()
            depth = max(depth - 1, 0) if tag["end"] else min(depth + 1, _DEEPEST)
        elif name == "br":
            _break_line(current, lines, depth)
        elif name in _BLOCKS:
            end_line(empty=name == "p")
        elif name in ("td", "th"):
            current.append(" ")
    current.append(markup[after:])
    end_line()
    return "\n".join(lines).strip("\n")


def _break_line(current: list[str], lines: list[str], depth: int) -> None:
    """A break ends a line even where nothing stands in it: two of them set two paragraphs apart."""
    lines.append("> " * depth + _unescaped(current))
    current.clear()


def _unescaped(current: list[str]) -> str:
    return " ".join(html.unescape(_NO_LETTER.sub("\ufffd", "".join(current))).split())


def _without(markup: str, opening: str, closing: str) -> str:
    """The markup without what stands between two marks; where the second is missing, without the rest."""
    small = markup.lower()
    if len(small) != len(markup):  # some letter is longer in lower case, and places would move
        small = markup.translate(_SMALL)
    kept, at = [], 0
    while (start := small.find(opening, at)) >= 0:
        inside = start + len(opening)
        if opening != "<!--" and small[inside : inside + 1].isalnum():  # <header> is not <head>
            kept.append(markup[at:inside])
            at = inside
            continue
        kept.append(markup[at:start])
        end = small.find(closing, inside)
        if end < 0:
            return "".join(kept)
        at = end + len(closing) if opening == "<!--" else end
    kept.append(markup[at:])
    return "".join(kept)
