"""What a person's answer says: only in the words that are the sender's own, never guessed from prose."""

from __future__ import annotations

import re
from dataclasses import dataclass

from casework.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands in an answer's own words."""

    acknowledges: bool
    """A line of it is ACK, alone or with case numbers."""
    outcomes: tuple[tuple[int, Outcome], ...]
    """By item number. An item to which two lines say different things has none."""
    asks: bool
    """It asks us for something before the sender can decide."""
    own_words: str
    """Without what it quotes; '' where nothing but a signature is left."""
    cases: tuple[str, ...] = ()
    """Case numbers named with ACK, in capitals."""
    all_cases: bool = False
    """ACK for all that the answered letter lists."""


def read_answer(text: str) -> Answer:
    """Read an answer's text (line ends \\n). What is quoted, above or below, says nothing."""
    own = own_words(text)
    said = [line.strip() for line in _without_signature(own)]
    if not any(said):
        own = ""
    acknowledgements = [found for line in said if (found := _ACK.fullmatch(line))]
    named = " ".join(found["before"] or found["after"] or "" for found in acknowledgements).upper()
    outcomes = _outcomes(said)
    return Answer(
        acknowledges=bool(acknowledgements),
        outcomes=outcomes,
        asks=any(outcome == Outcome.MORE_INFO_NEEDED for _, outcome in outcomes) or _asks(said),
        own_words=own,
        cases=tuple(dict.fromkeys(re.findall(_NUMBER, named, re.IGNORECASE))),
        all_cases=re.search(r"\bALL\b", named) is not None,
    )


# --- Lines that count ------------------------------------------------------------------------------------

_NUMBER = r"[A-Z]{2,6}-\d{4}-\d{6,9}"
_NAMED = rf"(?:ALL|{_NUMBER}(?:[\s,;]{{1,3}}{_NUMBER}){{0,100}})"
_MARKS = r"[\s\"'“”«»„*_.,!()\[\]]{0,10}"
_ACK = re.compile(
    rf"{_MARKS}(?:(?P<before>{_NAMED})\s*[:,–-]\s*)?ACK(?:[\s:,–-]{{1,3}}(?P<after>{_NAMED}))?{_MARKS}", re.IGNORECASE
)
_OUTCOME = re.compile(
    r"[*\s]{0,5}(?:item|no\.?|№|#|материал|пункт)?\s{0,3}(?P<item>[1-9]\d{0,3})\s{0,3}[:.)=–—-]{1,2}\s{0,3}"
    r"(?P<word>[A-Za-z][A-Za-z _–-]{4,40})[\s.,;!*]{0,5}",
    re.IGNORECASE,
)
_WORDS = {outcome.value: outcome for outcome in Outcome}


def _outcomes(lines: list[str]) -> tuple[tuple[int, Outcome], ...]:
    said: dict[int, set[Outcome]] = {}
    for line in lines:
        found = _OUTCOME.fullmatch(line)
        if found is None:
            continue
        outcome = _WORDS.get(re.sub(r"[ _–-]+", "_", found["word"].strip().lower()).strip("_"))
        if outcome is not None:
            said.setdefault(int(found["item"]), set()).add(outcome)
    return tuple((item, next(iter(words))) for item, words in said.items() if len(words) == 1)


_ASKS = re.compile(
    r"more_info_needed|please (?:provide|clarify|send us|specify|confirm (?:whether|which))|"
    r"(?:could|can|would) you (?:please )?(?:send|provide|clarify|specify|share)|"
    r"(?:need|require) (?:more|further|additional) (?:information|details)|"
    r"(?:more|further|additional) (?:information|details) (?:is|are) (?:needed|required)|"
    r"(?:просим|прошу|просьба) (?:\w{1,20} )?(?:предоставить|представить|уточнить|направить|прислать|сообщить)|"
    r"\b(?:уточните|пришлите|предоставьте)\b|"
    r"(?:нужн\w{1,20}|требу\w{1,20}|необходим\w{1,20}) (?:дополнительн\w{1,20}|больше) "
    r"(?:информаци\w{1,20}|сведени\w{1,20}|данн\w{1,20})|"
    r"қосымша (?:ақпарат|мәлімет|дерек)\w{0,20}|нақтыла(?:ңыз|п бер)|"
    r"(?:жіберуіңізді|беруіңізді|ұсынуыңызды|нақтылауыңызды) (?:сұрай|өтін)",
    re.IGNORECASE,
)
_ASKS_NOTHING = re.compile(
    r"\bno (?:more|further|additional)\b|\b(?:not|n't) (?:need|require)|\bне (?:нужн|требу|необходим)|"
    r"(?:керек|қажет) емес|if you (?:need|require)|если (?:нужн|потребу|требу)|қажет болса",
    re.IGNORECASE,
)


def _asks(lines: list[str]) -> bool:
    """A sentence may run over lines, so it is looked for in paragraphs; one that asks for nothing is passed over."""
    paragraphs = "\n".join(lines).replace("\n\n", "\0").replace("\n", " ").split("\0")
    sentences = (sentence for part in paragraphs for sentence in re.split(r"(?<=[.!?])\s", part))
    return any(_ASKS.search(sentence) and not _ASKS_NOTHING.search(sentence) for sentence in sentences)


# --- Own words -------------------------------------------------------------------------------------------

_SEPARATOR = re.compile(
    r"[-_ ]{3,80}(?:original message|forwarded message|исходное сообщение|пересылаемое сообщение|"
    r"пересланное сообщение|бастапқы хабарлама|ursprüngliche nachricht)[-_ ]{0,80}|begin forwarded message:|"
    r"начало переадресованного сообщения:",
    re.IGNORECASE,
)
_FROM = re.compile(r"\*?(?:from|от кого|от|кімнен|von|de)\s?:\*?\s?\S", re.IGNORECASE)
_BESIDE_FROM = re.compile(
    r"\*?(?:sent|date|to|cc|subject|отправлено|дата|кому|тема|копия|жіберілді|жіберілген күні|күні|кімге|тақырып|"
    r"тақырыбы|gesendet|an|betreff)\s?:",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(
    r"(?:on\b.{0,300}\bwrote|.{0,300}(?:пишет|писал|писала|написал|написала|написал\(а\)|жазды|жазған)|"
    r"am\b.{0,300}\bschrieb.{0,100}|le\b.{0,300}\ba écrit)\s?:",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(r"(?:@|\d:\d\d).{0,300}:$")
"""An address or an hour, and a colon at the end: above a quoted line it says who wrote that, in any language."""
_OUR_LETTER = re.compile(r"(?:={70,}|(?:Our number|Исходящий номер|Шығыс нөмірі)\b.{0,80})")
"""Lines that our letters have and answers do not: some mail programs quote without a mark."""
_SIGNATURE_LINES = 20


def own_words(text: str) -> str:
    """The text without what it quotes, whether the answer stands above, below or between."""
    lines = [line.rstrip() for line in text.split("\n")]
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if line.startswith(">"):
            at += 1
            continue
        if _SEPARATOR.fullmatch(line) or _OUR_LETTER.match(line) or _is_header_block(lines, at):
            break
        if _INTRODUCES.search(line) and _quoted_next(lines, at + 1):
            at += 1
            continue
        spoken = _attribution(lines, at)
        if spoken:
            if not _quoted_next(lines, at + spoken):
                break
            at += spoken
            continue
        kept.append(lines[at])
        at += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def _is_header_block(lines: list[str], at: int) -> bool:
    """From and at least one more header, as Outlook sets them above what it quotes."""
    if not _FROM.match(lines[at].strip()):
        return False
    return any(_BESIDE_FROM.match(line.strip()) for line in lines[at + 1 : at + 5])


def _attribution(lines: list[str], at: int) -> int:
    """How many lines 'On … wrote:' takes here: mail programs fold it over up to three."""
    for count in (1, 2, 3):
        spoken = " ".join(line.strip() for line in lines[at : at + count])
        if len(spoken) > 500 or not lines[at].strip():
            return 0
        if count > 1 and not lines[at + count - 1 : at + count]:
            return 0
        if spoken.endswith(":") and _ATTRIBUTION.fullmatch(spoken):
            return count
        if not spoken.lower().startswith(("on ", "am ", "le ")) and not re.search(r"\d", spoken):
            return 0
    return 0


def _quoted_next(lines: list[str], at: int) -> bool:
    """Whether what follows is marked as quoted; where it is not, all of it is taken for quoted."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at < len(lines) and lines[at].strip().startswith(">")


def _without_signature(own: str) -> list[str]:
    lines = own.split("\n")
    for at, line in enumerate(lines):
        if line.strip() == "--" and len(lines) - at <= _SIGNATURE_LINES:
            return lines[:at]
    return lines
