"""What a platform tends to do with a reported item, at rates that really happened.

The counts are items of Google's export "Government requests to remove content", January 2019 to June 2025
(google-government-removal-requests.csv), added up over the rows that ``SOURCES`` names. A test adds them up
again. They are one company's record with all governments, good for practice and for nothing else.
"""

from __future__ import annotations

import hashlib
import random
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What the platform did about one item."""

    REMOVED_GLOBALLY = "removed_globally"
    RESTRICTED_LOCALLY = "restricted_locally"
    AGE_RESTRICTED = "age_restricted"
    DEMOTED_OR_LABELLED = "demoted_or_labelled"
    ACCOUNT_ACTIONED = "account_actioned"
    ALREADY_UNAVAILABLE = "already_unavailable"
    NOT_FOUND = "not_found"
    NO_ACTION = "no_action"
    PARTIAL = "partial"
    MORE_INFO_NEEDED = "more_info_needed"

    @property
    def ground(self) -> str | None:
        """``platform_policy``, ``local_law``, or None where the platform acted on neither."""
        if self is Outcome.RESTRICTED_LOCALLY:
            return "local_law"
        acted = {self.REMOVED_GLOBALLY, self.AGE_RESTRICTED, self.DEMOTED_OR_LABELLED, self.ACCOUNT_ACTIONED}
        return "platform_policy" if self in acted else None


REASONS: dict[Outcome, str] = {
    Outcome.REMOVED_GLOBALLY: "The item breaks our own rules and was removed everywhere.",
    Outcome.RESTRICTED_LOCALLY: "Within our rules, but unlawful locally: no longer shown in the country.",
    Outcome.AGE_RESTRICTED: "The item is now shown to adults only.",
    Outcome.DEMOTED_OR_LABELLED: "The item is now recommended less and carries a label.",
    Outcome.ACCOUNT_ACTIONED: "The account behind the item was suspended.",
    Outcome.ALREADY_UNAVAILABLE: "The item was gone before we looked.",
    Outcome.NOT_FOUND: "We found nothing at the location given.",
    Outcome.NO_ACTION: "We looked at the item and found neither our rules nor the cited law broken.",
    Outcome.PARTIAL: "A part of the item was removed.",
    Outcome.MORE_INFO_NEEDED: "Please name the provision, the part of the item that breaks it, and why.",
}


class ItemCounts(NamedTuple):
    """Items by outcome, in the order of the export's columns."""

    restricted_locally: int  # items_removed_legal
    removed_globally: int  # items_removed_policy
    not_found: int  # items_content_not_found
    more_info_needed: int  # items_not_enough_info
    no_action: int  # items_no_action_taken
    already_unavailable: int  # items_content_already_removed


COLUMNS: tuple[str, ...] = (
    "items_removed_legal",
    "items_removed_policy",
    "items_content_not_found",
    "items_not_enough_info",
    "items_no_action_taken",
    "items_content_already_removed",
)


class Source(NamedTuple):
    """Which rows were added up: of a territory (None: the world), with these reasons (none: every reason)."""

    territory: str | None
    reasons: tuple[str, ...]


# Google keeps CSAM out of this statistic (it is removed whoever asks), so the sexual categories borrow the
# nearest reasons the export has. False information follows Kazakhstan's whole row: what thin, bulk requests
# really got. "other" follows the whole world; the rest, the world's rows of the reasons nearest in meaning.
SOURCES: dict[str, Source] = {
    "csam": Source(None, ("Adult content", "Obscenity/Nudity")),
    "grooming_or_sexual_extortion_of_minor": Source(None, ("Adult content", "Bullying harassment")),
    "cyberbullying_child": Source(None, ("Bullying harassment",)),
    "suicide_or_self_harm": Source(None, ("Suicide promotion",)),
    "dangerous_challenge": Source(None, ("Suicide promotion", "Violence")),
    "harmful_to_child_development": Source(None, ("Adult content", "Violence")),
    "terrorism_extremism": Source(None, ("National security",)),
    "drugs": Source(None, ("Drug abuse",)),
    "gambling_advertising": Source(None, ("Regulated goods and services",)),
    "fraud": Source(None, ("Fraud",)),
    "hate_incitement": Source(None, ("Hate speech", "Religious offense")),
    "false_information": Source("KZ", ()),
    "privacy_personal_data": Source(None, ("Privacy and security",)),
    "other": Source(None, ()),
}

COUNTS: dict[str, ItemCounts] = {
    "csam": ItemCounts(63_526, 14_952, 6_941, 25_410, 8_599, 4_646),
    "grooming_or_sexual_extortion_of_minor": ItemCounts(9_238, 3_510, 2_299, 2_789, 3_334, 1_153),
    "cyberbullying_child": ItemCounts(1_818, 1_038, 682, 2_420, 1_482, 443),
    "suicide_or_self_harm": ItemCounts(5_001, 239, 65, 150, 227, 177),
    "dangerous_challenge": ItemCounts(9_674, 486, 277, 2_468, 5_194, 773),
    "harmful_to_child_development": ItemCounts(12_093, 2_719, 1_829, 2_687, 6_819, 1_306),
    "terrorism_extremism": ItemCounts(107_847, 5_321, 8_952, 45_222, 242_610, 44_894),
    "drugs": ItemCounts(15_975, 744, 499, 413, 739, 304),
    "gambling_advertising": ItemCounts(447_538, 12_502, 15_244, 236_363, 23_180, 66_073),
    "fraud": ItemCounts(68_682, 20_879, 6_220, 12_288, 8_144, 7_521),
    "hate_incitement": ItemCounts(31_513, 951, 474, 12_550, 7_592, 2_171),
    "false_information": ItemCounts(42, 2_871, 2_895, 31_601, 136_830, 3_626),
    "privacy_personal_data": ItemCounts(117_247, 209_386, 34_569, 14_405, 36_985, 12_952),
    "other": ItemCounts(3_406_302, 277_761, 712_914, 495_492, 747_076, 264_979),
}


def generator(seed: int, *parts: str) -> random.Random:
    """Random numbers that depend on ``seed`` and ``parts`` only, in every process and on every machine."""
    digest = hashlib.sha256("\n".join([str(seed), *parts]).encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def draw_outcome(rng: random.Random, category: str, *, may_ask: bool, more_info_share: float | None = None) -> Outcome:
    """One outcome for an item of ``category``; a category the table does not know is drawn as "other".

    ``may_ask`` False leaves only final outcomes. ``more_info_share`` (0 to 1) replaces the real share of
    questions.
    """
    counts = COUNTS.get(category, COUNTS["other"])._asdict()
    asked = counts.pop("more_info_needed")
    share = asked / (asked + sum(counts.values())) if more_info_share is None else more_info_share
    wants_more = rng.random() < share
    if may_ask and wants_more:
        return Outcome.MORE_INFO_NEEDED
    return Outcome(rng.choices(list(counts), weights=list(counts.values()))[0])
