"""The registry of letters: one line a letter. Wording lives in templates/, never here.

A letter's folder under templates/ has the letter's name; each language in it has
subject.txt, body.txt and body.html. What a template may use is exactly what
:class:`casework.letter_context.LetterContext` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from casework.moments import Moment
from casework.vocabulary import DeliveryPromise, Recipient

if TYPE_CHECKING:
    # The packs' ladders name letters, so at run time they import this module.
    from casework.policy_people import Authority


class LanguageOf(StrEnum):
    """Where a letter's language comes from; the first that the authority writes in is taken."""

    RECIPIENT = "recipient"
    CASE = "case"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Letter:
    """One kind of letter.

    ``must_contain`` names context keys whose value has to stand in the rendered text, with dots into a value
    that has fields; a letter that lacks one is refused rather than sent empty.
    """

    name: str
    recipient: Recipient
    promise: DeliveryPromise
    purpose: str
    must_contain: tuple[str, ...] = ("case_number",)
    does: Moment | None = None
    """The moment that has come when it is sent: some duties are done by a letter."""
    once: str = "once a move of the case"
    """What its once-per key is made of, beside the recipient: the same key never makes a second letter."""
    languages: tuple[LanguageOf, ...] = (LanguageOf.RECIPIENT, LanguageOf.CASE, LanguageOf.AUTHORITY)
    """Where its language comes from, in order."""
    digest: bool = False
    """Whether it may become a line of a digest when many wait for the same recipient."""
    about: Literal["case", "several"] = "case"
    """A letter about several cases has no case of its own."""

    @property
    def internal(self) -> bool:
        """Whether it stays among our own people and the expert group."""
        return self.recipient in OWN


OWN = frozenset({Recipient.UNIT, Recipient.HEAD_OF_UNIT, Recipient.EXPERT_GROUP, Recipient.AUDIT_OFFICER})
"""Recipients who may read internal values."""

_ONCE = DeliveryPromise.AT_MOST_ONCE
_REPEAT = DeliveryPromise.AT_LEAST_ONCE

_DEADLINE = ("case_number", "deadline.due.utc")
_NOTICE = ("case_number", "submission_number")

LETTERS: dict[str, Letter] = {
    letter.name: letter
    for letter in (
        # To the reporter.
        Letter("receipt", Recipient.REPORTER, _REPEAT, "Confirms that a report arrived, with its number.",
               once="once a report"),
        Letter("information_request", Recipient.REPORTER, _REPEAT,
               "Asks the reporter for what the completeness gate or a reviewer missed."),
        Letter("decision_confirmed", Recipient.REPORTER, _ONCE,
               "Tells the reporter that the report was found right, and what is done now."),
        Letter("decline", Recipient.REPORTER, _ONCE, "Tells the reporter why nothing was sent, and how to appeal.",
               does="case.answered"),
        Letter("closure", Recipient.REPORTER, _ONCE, "Tells the reporter how the case ended.", does="case.answered"),
        Letter("extension_notice", Recipient.REPORTER, _ONCE,
               "Tells the reporter that the time for considering the report was extended, why, and how to object.",
               ("case_number", "deadline.due.utc", "reasons", "redress"), "extension.notified",
               once="once an extension"),
        # To the expert group.
        Letter("expert_referral", Recipient.EXPERT_GROUP, _ONCE,
               "Lays a case before the expert group, with the date by which its opinion is needed.",
               (*_DEADLINE, "expert_group"), once="once a review of the case"),
        Letter("expert_reminder", Recipient.EXPERT_GROUP, _REPEAT,
               "Reminds the expert group of an opinion that is still outstanding.",
               (*_DEADLINE, "expert_group"), once="once a threshold of the clock"),
        # To the platform.
        Letter("platform_notice", Recipient.PLATFORM, _ONCE,
               "The covering letter of a notice that binds nobody, entered in the platform's channel.", _NOTICE,
               once="once a notice"),
        Letter("platform_prescription", Recipient.PLATFORM, _ONCE,
               "The covering letter of a binding order, entered in the platform's channel.", _NOTICE,
               once="once a notice"),
        Letter("platform_answer", Recipient.PLATFORM, _ONCE, "Answers the platform's question about a notice.",
               _NOTICE, once="once an answer"),
        Letter("platform_reminder", Recipient.PLATFORM, _REPEAT, "Reminds the platform after its time ran out.",
               once="once a rung of a notice", digest=True),
        Letter("preservation_request", Recipient.PLATFORM, _ONCE,
               "Asks the platform to keep the data before it acts.", _NOTICE, once="once a notice"),
        Letter("platform_appeal", Recipient.PLATFORM, _ONCE,
               "Asks the platform to look again at a decision not to act.", (*_NOTICE, "reasons"),
               once="once an appeal"),
        Letter("restoration_request", Recipient.PLATFORM, _ONCE,
               "Tells the platform that the ground of a restriction is gone and asks it to restore the item.",
               (*_NOTICE, "reasons"), once="once a restoration"),
        # To the liaison, and above.
        Letter("liaison_escalation", Recipient.LIAISON, _REPEAT, "Asks the regional liaison to act.",
               once="once a rung of a notice", digest=True),
        Letter("liaison_head_escalation", Recipient.LIAISON_HEAD, _REPEAT,
               "Asks the head of the regional office when the liaison has not acknowledged.",
               once="once a rung of a notice", digest=True),
        Letter("liaison_weekly", Recipient.LIAISON, _REPEAT,
               "Gives the regional liaison the week on one page: what is open, since when, due when.",
               ("period_to.utc",), once="once a week of a recipient", about="several"),
        Letter("authority_escalation", Recipient.AUTHORITY, _ONCE,
               "Lays the matter before the next authority when the platform stays silent.",
               once="once a rung of a notice"),
        # To the police.
        Letter("police_referral", Recipient.POLICE, _ONCE, "Refers a danger to a child to the police at once.",
               once="once a case at this level"),
        Letter("police_report", Recipient.POLICE, _ONCE,
               "Reports a suspected crime to the police where no life is in danger now.", once="once a case"),
        # To our own people.
        Letter("duty_alert", Recipient.UNIT, _REPEAT, "Tells our own duty officer that a P0 case came in.",
               once="once a case at this level"),
        Letter("deadline_warning", Recipient.UNIT, _REPEAT, "Warns our own unit that a duty of ours is nearly due.",
               (*_DEADLINE, "duty_name"), once="once a threshold of the clock", digest=True),
        Letter("breach_notice", Recipient.HEAD_OF_UNIT, _REPEAT,
               "Tells the head of our unit that a duty of ours has run out.", (*_DEADLINE, "duty_name"),
               once="once a breach of the clock", digest=True),
        Letter("overdue_reminder", Recipient.UNIT, _REPEAT,
               "Tells our own unit, again and again, that a duty of ours has run out and is still owed.",
               (*_DEADLINE, "duty_name"), once="once a repeat of the clock", digest=True),
        Letter("address_request", Recipient.UNIT, _REPEAT,
               "Tells our own unit that a letter did not arrive, and asks for a better address.",
               ("case_number", "failed.letter_number"), once="once a failed letter", digest=True),
        Letter("unproven_letters", Recipient.UNIT, _REPEAT,
               "Lists the letters that were sent and whose arrival nothing proves.", ("period_to.utc",),
               once="once a day", about="several"),
        Letter("audit_head", Recipient.AUDIT_OFFICER, _REPEAT,
               "Gives the two audit officers the day's signed head of the event log, to be kept.",
               ("period_to.utc", "signed_head.hash"), once="once a day of an officer", about="several"),
        Letter("operations_alarm", Recipient.UNIT, _REPEAT,
               "Tells the operators that something of the machinery is wrong, and where to look.", ("period_to.utc",),
               once="once an hour about one thing", about="several"),
        # Many letters in one.
        Letter("digest", Recipient.LIAISON, _REPEAT,
               "One letter in place of many to the same recipient outside.", ("period_to.utc",),
               once="once a bundle", about="several"),
        Letter("unit_digest", Recipient.UNIT, _REPEAT, "One letter in place of many to our own people.",
               ("period_to.utc",), once="once a bundle", about="several"),
    )
}  # fmt: skip


def letter(name: str) -> Letter:
    """The registry line of a letter; KeyError names the known letters."""
    try:
        return LETTERS[name]
    except KeyError:
        raise KeyError(f"no letter '{name}'; known: {', '.join(sorted(LETTERS))}") from None


def language_of(line: Letter, recipient: str | None, case: str | None, authority: Authority) -> str:
    """The language a letter is written in: the first of the line's sources in which the authority writes.

    ``recipient`` and ``case`` are language codes, or None or ``''`` where nobody said. The authority's own language
    stands at the end of every chain. It depends on nothing else: neither on who acts nor on where it runs.
    """
    said = {
        LanguageOf.RECIPIENT: recipient,
        LanguageOf.CASE: case,
        LanguageOf.AUTHORITY: authority.default_language,
    }
    wanted = (said[source] for source in line.languages)
    return next((code for code in wanted if code in authority.languages), authority.default_language)
