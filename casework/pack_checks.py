"""What a pack must get right beyond each file's own schema: names that another file defines, dates of effect,
languages, and the safeguards that no pack may switch off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel

from casework.addressing import ours
from casework.policy_base import Dated, Texts
from casework.policy_letters import COVERING
from casework.policy_pack import Category, Pack
from casework.policy_people import Contact
from casework.policy_regime import InstrumentRule
from casework.priority import PriorityFacts, assess
from casework.report import Report
from casework.safeguards import (
    CHILD_SIGNS,
    HIGHEST_BY_MODIFIER,
    IMMINENT,
    NEVER_SPEECH,
    SPEECH_CATEGORIES,
    SPEECH_KEYWORDS,
)
from casework.vocabulary import AgeBand, Priority, Role

DEFAULT_CATEGORY: str = Report.model_fields["category"].default
"""The kind of harm of a report that names none."""

Path = tuple[str | int, ...]
Fault = Callable[[str, Path, str], None]
"""Called with the file's stem, the path in it, and what is wrong."""


def check_pack(pack: Pack, fault: Fault) -> None:
    """Report every fault of a pack whose files are each valid by themselves."""
    _names(pack, fault)
    _periods(pack, fault)
    _languages(pack, fault)
    _safeguards(pack, fault)
    _own_addresses(pack, fault)
    _letters(pack, fault, [category.code for category in pack.categories])


def claimed_ids(pack: Pack) -> Iterator[tuple[str, Path, str]]:
    """Every rule id of the pack as (file, path, id): what a case file refers to, so no two packs may share one."""
    for place, clock in enumerate(pack.sla.clocks):
        yield "sla", ("clocks", place, "id"), clock.id
    for place, ladder in enumerate(pack.sla.ladders):
        yield "sla", ("ladders", place, "id"), ladder.id
    for place, rule in enumerate(pack.priority.rules):
        yield "priority", ("rules", place, "id"), rule.id
    for place, modifier in enumerate(pack.priority.modifiers):
        yield "priority", ("modifiers", place, "id"), modifier.id
    for place, basis in enumerate(pack.regime.legal_basis):
        yield "regime", ("legal_basis", place, "code"), basis.code
    for place, group in enumerate(pack.regime.expert_groups):
        yield "regime", ("expert_groups", place, "id"), group.id
    for place, instrument in enumerate(pack.regime.instruments):
        if instrument.precondition is not None:
            yield "regime", ("instruments", place, "precondition", "id"), instrument.precondition.id


def _names(pack: Pack, fault: Fault) -> None:
    """What one place uses and another must define."""
    basis = {entry.code for entry in pack.regime.legal_basis}
    codes = [category.code for category in pack.categories]
    if DEFAULT_CATEGORY not in codes:
        what = f"category '{DEFAULT_CATEGORY}' is missing: a report that names no kind of harm falls into it"
        fault("categories", (), what)
    for place, category in enumerate(pack.categories):
        if category.code in codes[:place]:
            fault("categories", (place, "code"), f"category '{category.code}' stands twice")
        for code in category.basis:
            if code not in basis:
                fault("categories", (place, "basis"), f"{category.code} cites '{code}', not in regime.yaml")
        form = pack.instrument(category.instrument, category.code)
        if form is None:
            what = f"{category.code} uses '{category.instrument}', not in regime.yaml"
            fault("categories", (place, "instrument"), what)
        elif category.ground not in form.grounds:
            what = f"{category.code} rests on '{category.ground}', which a '{category.instrument}' may not"
            fault("categories", (place, "ground"), what)
    for place, law in enumerate(pack.regime.instruments):
        for code in law.categories:
            if code not in codes:
                what = f"instrument {law.instrument} names category '{code}', not in categories.yaml"
                fault("regime", ("instruments", place, "categories"), what)
    for place, rule in enumerate(pack.priority.rules):
        for code in rule.any_category:
            if code not in codes:
                what = f"{rule.id} names category '{code}', not in categories.yaml"
                fault("priority", ("rules", place, "any_category"), what)
    _clock_names(pack, fault, codes)
    _people(pack, fault)


def _clock_names(pack: Pack, fault: Fault, codes: Sequence[str]) -> None:
    calendars = {calendar.id for calendar in pack.calendars.calendars}
    starts = {clock.id: clock.start for clock in pack.sla.clocks}
    for place, clock in enumerate(pack.sla.clocks):
        at: Path = ("clocks", place)
        for code in (*clock.applies.category, *clock.applies.except_category):
            if code not in codes:
                fault("sla", (*at, "applies"), f"{clock.id} names category '{code}', not in categories.yaml")
        if clock.calendar is not None and clock.calendar not in calendars:
            fault("sla", (*at, "calendar"), f"{clock.id} follows calendar '{clock.calendar}', not in calendar.yaml")
        told_by = clock.extension.notice_clock if clock.extension else None
        if told_by is not None and starts.get(told_by) != "extension.granted":
            what = f"{clock.id}: '{told_by}' is no clock that starts at extension.granted"
            fault("sla", (*at, "extension"), what)
    for place, ladder in enumerate(pack.sla.ladders):
        for number, rung in enumerate(ladder.rungs):
            if rung.calendar is not None and rung.calendar not in calendars:
                what = f"rung {rung.rung} of {ladder.id} follows calendar '{rung.calendar}', not in calendar.yaml"
                fault("sla", ("ladders", place, "rungs", number, "calendar"), what)
    zones = {calendar.zone for calendar in pack.calendars.calendars}
    if pack.authority.zone not in zones:
        fault("authority", ("zone",), f"zone '{pack.authority.zone}' is the zone of no calendar in calendar.yaml")
    first = pack.regime.valid_from
    for place, calendar in enumerate(pack.calendars.calendars):
        if first is not None and first.year < min(calendar.covers):
            what = f"calendar {calendar.id} does not cover {first.year}, the year in which the regime begins"
            fault("calendar", ("calendars", place, "covers"), what)


def _people(pack: Pack, fault: Fault) -> None:
    titled = {entry.role for entry in pack.roles.roles}

    def known(stem: str, path: Path, roles: Sequence[Role]) -> None:
        for role in roles:
            if role not in titled:
                fault(stem, path, f"role '{role}' has no title in roles.yaml")

    for place, form in enumerate(pack.regime.instruments):
        known("regime", ("instruments", place), form.decided_by)
    for place, group in enumerate(pack.regime.expert_groups):
        known("regime", ("expert_groups", place, "recorded_by"), group.recorded_by)
    for place, clock in enumerate(pack.sla.clocks):
        if clock.extension is not None:
            known("sla", ("clocks", place, "extension"), clock.extension.roles)
        for number, pause in enumerate(clock.pause):
            known("sla", ("clocks", place, "pause", number), pause.ordered_by)
    codes = [platform.code for platform in pack.platforms.platforms]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            fault("platforms", ("platforms", place, "code"), f"platform '{code}' stands twice")
    for place, liaison in enumerate(pack.liaisons.liaisons):
        if liaison.platform not in codes:
            what = f"a liaison of '{liaison.platform}', which is not in platforms.yaml"
            fault("liaisons", ("liaisons", place, "platform"), what)


def _periods(pack: Pack, fault: Fault) -> None:
    """The same rule twice is two versions of it: their dates of effect must not overlap."""
    law, order, people = pack.regime, pack.priority, pack.liaisons
    families: tuple[tuple[str, str, Sequence[Dated], Callable[[Any], str]], ...] = (
        ("sla", "clocks", pack.sla.clocks, lambda rule: f"clock {rule.id}"),
        ("priority", "rules", order.rules, lambda rule: f"rule {rule.id}"),
        ("priority", "modifiers", order.modifiers, lambda rule: f"modifier {rule.id}"),
        ("regime", "legal_basis", law.legal_basis, lambda rule: f"provision {rule.code}"),
        ("regime", "instruments", law.instruments, _called),
        ("regime", "before_review", law.before_review, lambda rule: f"{rule.priority} by {rule.instrument}"),
        ("authority", "names", pack.authority.names, lambda _: "the authority's name"),
        ("authority", "signatories", pack.authority.signatories, lambda rule: f"signatory {rule.name.en}"),
        ("liaisons", "liaisons", people.liaisons, lambda rule: f"{rule.role} of {rule.platform}"),
        ("retention", "rules", pack.retention.rules, lambda rule: f"retention of {rule.record}"),
    )
    for stem, key, rules, called in families:
        for place, rule in enumerate(rules):
            name = called(rule)
            for earlier in rules[:place]:
                if called(earlier) == name and rule.overlaps(earlier):
                    what = f"{name} is valid twice on some days: end the older one before the newer one begins"
                    fault(stem, (key, place), what)
                    break


def _called(rule: InstrumentRule) -> str:
    """Two rules of one instrument for other kinds of harm are two rules, not two versions of one."""
    return f"instrument {rule.instrument}" + (f" for {', '.join(rule.categories)}" if rule.categories else "")


def _languages(pack: Pack, fault: Fault) -> None:
    """Every text exists in every language of the authority's letters."""
    wanted = pack.authority.languages
    if pack.authority.default_language not in wanted:
        fault("authority", ("default_language",), "default_language is not among languages")
    for language in wanted:
        if language not in pack.authority.emergency_numbers:
            fault("authority", ("emergency_numbers",), f"no emergency numbers in '{language}'")
    parts: tuple[tuple[str, Any], ...] = (
        ("authority", pack.authority), ("roles", pack.roles), ("regime", pack.regime),
        ("categories", pack.categories), ("sla", pack.sla), ("platforms", pack.platforms),
        ("liaisons", pack.liaisons),
    )  # fmt: skip
    for stem, part in parts:
        for path, texts in _texts(part, ()):
            lacking = [language for language in wanted if language not in texts.root]
            if lacking:
                fault(stem, path, f"the text is missing in '{lacking[0]}'")


def _texts(part: Any, path: Path) -> Iterator[tuple[Path, Texts]]:
    if isinstance(part, Texts):
        yield path, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _texts(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for place, entry in enumerate(part):
            yield from _texts(entry, (*path, place))


def _safeguards(pack: Pack, fault: Fault) -> None:
    order = pack.priority
    lacking = sorted(CHILD_SIGNS - set(order.child_indicators))
    if lacking:
        what = f"'{lacking[0]}' is a sign of a child under every pack and must stand in child_indicators"
        fault("priority", ("child_indicators",), what)
    if order.highest_by_modifier.rank < HIGHEST_BY_MODIFIER.rank:
        fault("priority", ("highest_by_modifier",), f"a modifier may raise to {HIGHEST_BY_MODIFIER} at most")
    for place, category in enumerate(pack.categories):
        prone = category.dsa_category in SPEECH_CATEGORIES or category.dsa_keyword in SPEECH_KEYWORDS
        if prone and not category.political:
            what = f"{category.code} is prone to hit political speech and must say political: true"
            fault("categories", (place,), what)
    for day in _days_to_try(pack):
        view = pack.on(day)
        for indicator in IMMINENT:
            lowered = _not_p0(view, indicator)
            if lowered is not None:
                what = f"'{indicator}' must make a case P0 under every pack; in '{lowered}' from {day} it does not"
                fault("priority", ("rules",), what)
        for category in view.categories:
            lifted_by = _lifts_speech(view, category)
            if lifted_by is not None:
                what = f"{category.code} is political: '{lifted_by}' must not raise it, and from {day} it does"
                fault("priority", ("rules",), what)


def _days_to_try(pack: Pack) -> list[date]:
    """One day in each period of the pack's rules, while the regime is in force."""
    first = pack.regime.valid_from or date.min
    return [first, *(day for day in pack.changes if day > first and pack.in_force_on(day))]


def _not_p0(pack: Pack, indicator: str) -> str | None:
    """A category in which the indicator does not make a case P0, or None."""
    return next((category.code for category in pack.categories if _lowers(pack, category, indicator)), None)


def _lowers(pack: Pack, category: Category, indicator: str) -> bool:
    if category.political:
        return False
    # A rule may look at whether a child is meant: an adult's age, perhaps a mistake, must not lower it either.
    return any(
        assess(PriorityFacts(category.code, band, frozenset({indicator})), pack).priority is not Priority.P0
        for band in (AgeBand.UNKNOWN, AgeBand.ADULT)
    )


def _lifts_speech(pack: Pack, category: Category) -> str | None:
    """A sign or age band of a child that raises a political category, or None."""
    if not category.political:
        return None

    def rank(band: AgeBand, *indicators: str) -> int:
        return assess(PriorityFacts(category.code, band, frozenset(indicators)), pack).priority.rank

    plain = rank(AgeBand.ADULT)
    for sign in sorted((CHILD_SIGNS | pack.indicators) - NEVER_SPEECH):
        if min(rank(AgeBand.ADULT, sign), rank(AgeBand.CHILD, sign)) < plain:
            return sign
    return next((band.value for band in AgeBand if rank(band) < plain), None)


def _own_addresses(pack: Pack, fault: Fault) -> None:
    """No letter to others goes to an address of ours, and none at all to the mailbox that is read for answers."""
    own = ours(pack)
    authority, people = pack.authority, pack.liaisons
    for key, mailbox in (("unit_mailbox", authority.unit_mailbox), ("head_mailbox", authority.head_mailbox)):
        why = own.refusal(mailbox, own=True) if mailbox else ""
        if why:
            fault("authority", (key,), f"{key} gets letters and cannot be this address: {why}")
    contacts: list[tuple[str, Path, Contact, bool]] = [
        ("liaisons", ("police",), people.police, False),
        ("liaisons", ("authority",), people.authority, False),
    ]
    for place, platform in enumerate(pack.platforms.platforms):
        contacts.append(("platforms", ("platforms", place, "contact"), platform.contact, False))
    for place, liaison in enumerate(people.liaisons):
        contacts.append(("liaisons", ("liaisons", place, "contact"), liaison.contact, False))
    for place, group in enumerate(pack.regime.expert_groups):
        if group.contact is not None:
            contacts.append(("regime", ("expert_groups", place, "contact"), group.contact, True))
    for stem, path, contact, inside in contacts:
        addresses: list[str] = []
        at, person = path, contact
        while True:
            why = own.refusal(person.email, own=inside)
            if why:
                fault(stem, (*at, "email"), f"{person.name.en} cannot have this address: {why}")
            if person.email.lower() in addresses:
                fault(stem, (*at, "email"), f"{person.name.en} has the address of the one he stands in for")
            addresses.append(person.email.lower())
            if person.deputy is None:
                break
            at, person = (*at, "deputy"), person.deputy


def _letters(pack: Pack, fault: Fault, codes: Sequence[str]) -> None:
    """Letters of moments name what exists, and no notice gets two covering letters."""
    clocks = {clock.id for clock in pack.sla.clocks}
    for place, rule in enumerate(pack.letters.letters):
        for code in rule.when.category:
            if code not in codes:
                what = f"{rule.letter} names category '{code}', not in categories.yaml"
                fault("letters", ("letters", place, "when"), what)
        if rule.clock is not None and rule.clock not in clocks:
            what = f"{rule.letter} states the time of clock '{rule.clock}', not in sla.yaml"
            fault("letters", ("letters", place, "clock"), what)
    covering = [(place, rule) for place, rule in enumerate(pack.letters.letters) if rule.letter in COVERING]
    for number, (place, rule) in enumerate(covering):
        for _, earlier in covering[:number]:
            if rule.letter != earlier.letter and rule.at == earlier.at and rule.when.may_meet(earlier.when):
                what = f"a notice may get both {earlier.letter} and {rule.letter}: say in 'when' which is for which"
                fault("letters", ("letters", place, "when"), what)
