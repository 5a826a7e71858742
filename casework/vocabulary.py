"""The words of the case file, each with its meaning.

Every value carries a sentence, so that tables in docs, the command line and the
operators' page are generated from here and cannot drift from the code.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Explained(StrEnum):
    """A string enumeration whose members explain themselves: ``Status.CLOSED.meaning``."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Status(Explained):
    """Where a case is. How it ended is its :class:`Disposition`."""

    RECEIVED = "received", "The report is stored and numbered; nobody has ordered it yet."
    TRIAGED = "triaged", "Its priority is known, with the rules that fired; the completeness gate is next."
    RETURNED = "returned", "Something is missing; the reporter was asked and a clock runs."
    IN_LEGAL_REVIEW = "in_legal_review", "Complete; a legal reviewer decides."
    APPROVED = "approved", "A reviewer approved the exact bytes of the notice; they wait to go out."
    SUBMITTED = "submitted", "The platform has the notice; its clock runs."
    MORE_INFO = "more_info", "The platform asked for more information; our clock to answer runs."
    DECIDED = "decided", "Every item has a final outcome; the reporter is told next."
    CLOSED = "closed", "Done; the disposition says how."
    DECLINED = "declined", "Legal review refused; reasons recorded, the reporter may appeal."
    WITHDRAWN = "withdrawn", "Taken back before anything was sent."
    MERGED = "merged", "A duplicate; its items live on in another case."
    REOPENED = "reopened", "Back after an end: an appeal, or the content reappeared."


OPEN_STATUSES = frozenset(Status) - {Status.CLOSED, Status.DECLINED, Status.WITHDRAWN, Status.MERGED}
"""Statuses in which work is still owed by somebody."""

READY_STATUSES = frozenset(
    {Status.RECEIVED, Status.REOPENED, Status.TRIAGED, Status.APPROVED, Status.SUBMITTED, Status.DECIDED}
)
"""Statuses out of which the system itself may know a next step."""


class Disposition(Explained):
    """How a case ended."""

    ACTION_TAKEN = "action_taken", "The platform acted on every item."
    PARTLY_ACTED = "partly_acted", "The platform acted on some items, not on others."
    NO_ACTION = "no_action", "The platform refused, or found nothing to act on."
    ALREADY_GONE = "already_gone", "Nothing was left to remove when the platform looked."
    NOT_UNLAWFUL = "not_unlawful", "Legal review found no legal basis, or the notice disproportionate."
    INCOMPLETE = "incomplete", "The reporter did not supply what was missing in time."
    WITHDRAWN = "withdrawn", "Taken back."
    DUPLICATE = "duplicate", "Handled under another case number."


class Priority(Explained):
    """Order of work, never severity of harm. P0 is first."""

    P0 = "P0", "Imminent danger to a child's life or body: people act now, day and night."
    P1 = "P1", "Critical: sexual abuse or exploitation of a child."
    P2 = "P2", "High: other serious harm aimed at a child."
    P3 = "P3", "Normal: other unlawful content."
    P4 = "P4", "Low: incomplete, out of scope, opinion."

    @property
    def rank(self) -> int:
        """0 for P0 up to 4 for P4; smaller is worked on first."""
        return int(self.value[1])

    @classmethod
    def of_rank(cls, rank: int) -> Priority:
        return cls(f"P{min(max(rank, 0), 4)}")


class Lane(Explained):
    """Which work queue drives a case."""

    CHILD_SAFETY = "child-safety", "P0 to P2 where a child is concerned; drained first."
    ROUTINE = "routine", "Everything else."


class Role(Explained):
    """What a person or the system may do; the lifecycle table names roles, not people."""

    SPECIALIST = "specialist", "Takes reports in, asks reporters, enters portal references."
    LEGAL_REVIEWER = "legal_reviewer", "Decides whether and on what basis a notice goes out."
    HEAD_OF_UNIT = "head_of_unit", "Second person for lowered priorities; may approve as a reviewer."
    DUTY_OFFICER = "duty_officer", "On call; may send an urgent notice where the pack's law allows it."
    EXPERT_CHAIR = "expert_chair", "Chairs an expert group, or is the deputy: enters its opinion, extends its time."
    LIAISON = "liaison", "The platform's regional representative; acknowledges escalations."
    AUDITOR = "auditor", "Reads everything, changes nothing."
    SYSTEM = "system", "Qorgan itself: order, clocks, sending."


class Action(Explained):
    """What can be done to a case; the lifecycle table says from where and by whom."""

    TRIAGE = "triage", "Give the case its priority."
    COMPLETE = "complete", "Pass the completeness gate into legal review."
    RETURN = "return", "Send the case back because something is missing."
    SUPPLY = "supply", "Add what was missing."
    LAPSE = "lapse", "Close because the reporter did not answer in time."
    ENDORSE = "endorse", "First of two approvals for a politically sensitive category."
    APPROVE = "approve", "Approve the exact notice."
    APPROVE_URGENTLY = "approve_urgently", "Send before review, where the pack's law allows it."
    CONFIRM = "confirm", "Review afterwards what went out urgently."
    DECLINE = "decline", "Refuse, with reasons."
    RECALL = "recall", "Take an approved notice back into review before it goes out."
    SUBMIT = "submit", "The platform has accepted the notice."
    ASK_MORE = "ask_more", "The platform asks for more information."
    ANSWER = "answer", "Answer the platform's question."
    DECIDE = "decide", "All items have a final outcome."
    CLOSE = "close", "Tell the reporter and close."
    WITHDRAW = "withdraw", "Take the case back before anything was sent."
    MERGE = "merge", "Merge into another case as a duplicate."
    REOPEN = "reopen", "Take up an ended case again."


class Outcome(Explained):
    """What a platform did about one item. One partition: the counts add up to the items."""

    REMOVED_GLOBALLY = "removed_globally", "Removed everywhere under the platform's own policy."
    RESTRICTED_LOCALLY = "restricted_locally", "Not shown in the country of the law it breaks."
    AGE_RESTRICTED = "age_restricted", "Shown to adults only."
    DEMOTED_OR_LABELLED = "demoted_or_labelled", "Shown less, or with a label."
    ACCOUNT_ACTIONED = "account_actioned", "The account was suspended or closed."
    ALREADY_UNAVAILABLE = "already_unavailable", "Gone before the platform looked."
    NOT_FOUND = "not_found", "The platform found nothing at that link."
    NO_ACTION = "no_action", "The platform looked and left it."
    PARTIAL = "partial", "Acted on a part of the item."
    MORE_INFO_NEEDED = "more_info_needed", "The platform cannot decide on what it was given."
    PENDING = "pending", "No answer yet."


ACTED_OUTCOMES = frozenset(
    {
        Outcome.REMOVED_GLOBALLY,
        Outcome.RESTRICTED_LOCALLY,
        Outcome.AGE_RESTRICTED,
        Outcome.DEMOTED_OR_LABELLED,
        Outcome.ACCOUNT_ACTIONED,
        Outcome.PARTIAL,
    }
)
FINAL_OUTCOMES = frozenset(Outcome) - {Outcome.PENDING, Outcome.MORE_INFO_NEEDED}


class ReportState(Explained):
    """What became of a report. Reports in = cases + duplicates + held."""

    STORED = "stored", "Stored as it came; not read yet."
    CASE = "case", "Opened a case."
    DUPLICATE = "duplicate", "Joined an existing case, or is the same report again."
    HELD = "held", "Could not be used; waits in the holding pen with its reason."


class DeliveryState(Explained):
    """The state of anything that leaves: a letter or a submission."""

    QUEUED = "queued", "Intended and recorded; nobody has tried yet, or a later try is due."
    SENDING = "sending", "One process holds the lease and is trying."
    HANDED_OVER = "handed_over", "The dossier is with an officer who enters it in the platform's portal."
    SENT = "sent", "The other side said yes."
    REFUSED = "refused", "The other side said no, or it could not be made; a person looks."
    UNKNOWN = "unknown", "It may or may not have arrived; never sent again blindly."
    DROPPED = "dropped", "Not sent, and the reason is recorded."
    BUNDLED = "bundled", "Goes out as a line of a digest; what becomes of the digest becomes of it."


class ClockState(Explained):
    """The state of one clock."""

    RUNNING = "running", "Not met, not yet breached or breached and still owed."
    MET = "met", "The duty was done; whether in time is recorded."
    CANCELLED = "cancelled", "The duty fell away."


class Duty(Explained):
    """Whose duty a clock measures."""

    AUTHORITY = "authority", "Ours."
    PLATFORM = "platform", "The platform's."
    REPORTER = "reporter", "The reporter's."
    LIAISON = "liaison", "The liaison's: to acknowledge an escalation."


class PauseReason(Explained):
    """Why a clock may stand still. A clock stands still for the reasons its rule lists, and no other."""

    AWAITING_APPLICANT = "awaiting_applicant", "The applicant was asked and has not answered."
    MORE_INFO_NEEDED = "more_info_needed", "The addressee asked for clarification and has not got it."
    FORCE_MAJEURE = "force_majeure", "Something beyond everybody's power makes the duty impossible for a time."
    COURT_SUSPENSION = "court_suspension", "A court has suspended the procedure."


class Verdict(Explained):
    """What a reviewer said."""

    ENDORSED = "endorsed", "First of two approvals."
    APPROVED = "approved", "May go out exactly as shown."
    URGENT = "urgent", "Went out before review; to be confirmed afterwards."
    CONFIRMED = "confirmed", "Reviewed afterwards and found right."
    DECLINED = "declined", "Must not go out."
    RETURNED = "returned", "Something is missing."


class Instrument(Explained):
    """The legal form of a notice."""

    PLATFORM_REPORT = "platform_report", "A report under the platform's own policy; binds nobody."
    REQUEST = "request", "A request of the authorised body that the platform must consider."
    PRESCRIPTION = "prescription", "A binding order of the authorised body."
    COURT_ORDER = "court_order", "A judicial act passed on."
    REMOVAL_NOTICE = "removal_notice", "A statutory removal notice with a fixed time."
    TRUSTED_FLAGGER_NOTICE = "trusted_flagger_notice", "A notice handled with priority; binds nobody."


class Ground(Explained):
    """What a notice rests on."""

    PLATFORM_POLICY = "platform_policy", "The platform's own rules."
    LOCAL_LAW = "local_law", "A law of the authority's country."
    BOTH = "both", "Both grounds are argued."


class RequestedAction(Explained):
    """What the platform is asked to do; the narrowest that works comes first."""

    LABEL = "label", "Add a label."
    AGE_RESTRICT = "age_restrict", "Show to adults only."
    RESTRICT_IN_COUNTRY = "restrict_in_country", "Not show in the stated countries."
    REMOVE = "remove", "Remove the item."
    SUSPEND_ACCOUNT = "suspend_account", "Suspend the account; only where a single item will not do."


class AgeBand(Explained):
    """The age of the person harmed, as far as the reporter knows."""

    UNDER_13 = "under_13", "A child under 13."
    TEEN = "13_17", "A child of 13 to 17."
    CHILD = "child", "A child; age unknown."
    ADULT = "adult", "An adult."
    UNKNOWN = "unknown", "Not known; any sign of a child counts as a child."
    NOBODY = "nobody", "No particular person is harmed."


CHILD_BANDS = frozenset({AgeBand.UNDER_13, AgeBand.TEEN, AgeBand.CHILD})


class PartyRole(Explained):
    """Who a person in the vault is to the case."""

    REPORTER = "reporter", "Handed the report in; may be anonymous."
    VICTIM = "victim", "The person harmed."
    GUARDIAN = "guardian", "Represents a child."


class HoldReason(Explained):
    """Why a report or an answer waits in the holding pen."""

    MALFORMED = "malformed", "Not readable as the format it claims to be."
    WRONG_HEADER = "wrong_header", "The table's header lacks a column that is needed."
    UNKNOWN_ENCODING = "unknown_encoding", "The text is in no encoding that could be recognised."
    TOO_LARGE = "too_large", "Larger than one report may be."
    NUL_BYTES = "nul_bytes", "Contains NUL bytes."
    BAD_LINK = "bad_link", "A link cannot be used: its scheme, its credentials or its shape."
    NO_LINK = "no_link", "No link to any content was found."
    BAD_FIELD = "bad_field", "A field has a value outside its vocabulary or bounds."
    BAD_DATE = "bad_date", "A date is in the future, has no zone, or is no date."
    MEDIA_REFUSED = "media_refused", "Media was attached; media is never taken in."
    UNKNOWN_ITEM = "unknown_item", "An answer names an item or a submission that we never sent."
    UNREADABLE_ANSWER = "unreadable_answer", "An answer of a platform could not be read."


class Recipient(Explained):
    """To whom a letter goes."""

    REPORTER = "reporter", "Who handed the report in."
    PLATFORM = "platform", "The platform's contact for notices."
    LIAISON = "liaison", "The platform's regional liaison."
    LIAISON_HEAD = "liaison_head", "The head of the platform's regional office."
    AUTHORITY = "authority", "The next authority on the ladder."
    EXPERT_GROUP = "expert_group", "The group whose opinion the pack's law asks for."
    POLICE = "police", "The police unit for crimes against children."
    UNIT = "unit", "Our own unit's mailbox: the last resort, always there."
    HEAD_OF_UNIT = "head_of_unit", "The head of our own unit."
    AUDIT_OFFICER = "audit_officer", "One of the two officers who keep the signed heads of the event log."


class MailKind(Explained):
    """What a mail that came in is. Only an answer speaks for a person."""

    ANSWER = "answer", "Somebody wrote it."
    AUTO_REPLY = "auto_reply", "A machine wrote it: an absence note, a ticket number, a receipt."
    BOUNCE_TRANSIENT = "bounce_transient", "Not delivered for now; the mail server still tries."
    BOUNCE_FULL = "bounce_full", "Not delivered: the mailbox is full."
    BOUNCE_PERMANENT = "bounce_permanent", "Not delivered, and never will be at this address."
    DELIVERED = "delivered", "A mail server confirms delivery."
    OWN = "own", "We wrote it ourselves."
    LOOP = "loop", "It goes round between two machines."
    DUPLICATE = "duplicate", "The same mail was read before."
    UNREADABLE = "unreadable", "It cannot be read as a mail."


class MailState(Explained):
    """What became of a mail that came in. Mails in = read + held + stored."""

    STORED = "stored", "Stored as it came; not read yet."
    READ = "read", "Read, and its effect is in the case file."
    HELD = "held", "Fits nothing, or cannot be read; a person looks."
    SETTLED = "settled", "Was held; a person said what it was."


class MatchedBy(Explained):
    """How a mail that came in found its case."""

    REPLY_ADDRESS = "reply_address", "It came to the signed reply address of one case and recipient."
    BOUNCE_ADDRESS = "bounce_address", "It came to the signed bounce address of one letter."
    THREAD = "thread", "It answers a Message-ID that we sent."
    SUBJECT = "subject", "Its subject names the case, and its sender is a recipient of that case."
    PERSON = "person", "A person said so."
    NOTHING = "nothing", "It found none; it is held."


class DeliveryPromise(Explained):
    """What a letter prefers when it cannot know whether it arrived."""

    AT_LEAST_ONCE = "at_least_once", "Better twice than never: it may be repeated under the same Message-ID."
    AT_MOST_ONCE = "at_most_once", "Better late than twice: a person decides when the outcome is unknown."


LANGUAGES = ("kk", "ru", "en")
"""Languages in which every letter exists."""
