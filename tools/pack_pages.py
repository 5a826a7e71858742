"""A page for every policy pack, made from its files: what an authority's law has become as data."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from casework.policy_base import UNSOURCED, Source
from casework.policy_clocks import ClockRule, LimitSpec
from casework.policy_pack import Pack
from tasks.runtime import load_pack
from tools.markdown import code, codes, table

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "packs"


@cache
def all_packs() -> tuple[Pack, ...]:
    """Every pack of the repository, by folder."""
    folders = sorted(path.parent for path in (ROOT / "policies").glob("*/regime.yaml"))
    return tuple(load_pack(folder) for folder in folders)


def pack_pages() -> dict[Path, str]:
    """Every pack's page with its text."""
    return {PAGES / f"{pack.folder}.md": _page(pack) for pack in all_packs()}


def packs() -> str:
    """The packs side by side."""
    rows = [
        (
            f"[{pack.folder}](packs/{pack.folder}.md)", pack.authority.names[-1].name.en,
            codes(rule.instrument for rule in pack.regime.instruments), ", ".join(pack.authority.languages),
            ", ".join(calendar.zone for calendar in pack.calendars.calendars), len(pack.sla.clocks),
            sum(not clock.source.verified for clock in pack.sla.clocks if clock.statutory),
        )
        for pack in all_packs()
    ]  # fmt: skip
    head = ("pack", "authority", "forms of notice", "letters in", "calendars", "clocks", "statutory, unverified")
    return table(head, rows)


def _page(pack: Pack) -> str:
    parts = (
        f"# {pack.folder}",
        f"{pack.authority.names[-1].name.en}. In force from {pack.regime.valid_from}"
        f"{f' to {pack.regime.valid_to}' if pack.regime.valid_to else ''}; id `{pack.regime.id}`. Generated from the"
        " pack's files; how to read and change them: [policy-packs.md](../policy-packs.md).",
        "## Roles", _roles(pack),
        "## Forms of notice", _instruments(pack),
        "## Clocks",
        "A case has several at once. Minutes and hours are real time, day and night; working units follow a calendar.",
        _clocks(pack),
        "## Ladders", "When a platform's time runs out, rung by rung. None of these times is law.", _ladders(pack),
        "## Order of work", _rules(pack), _modifiers(pack),
        "## Categories", _categories(pack),
        "## Platforms", _platforms(pack),
        "## How long records are kept", _retention(pack),
    )  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _roles(pack: Pack) -> str:
    clashes = pack.roles.never_together
    rows = [
        (code(entry.role), entry.title.en, codes(other for pair in clashes if entry.role in pair for other in pair
                                                 if other != entry.role), entry.note or "")
        for entry in pack.roles.roles
    ]  # fmt: skip
    return table(("role", "what it is called here", "never together with", "note"), rows)


def _instruments(pack: Pack) -> str:
    rows = []
    for rule in pack.regime.instruments:
        first = ""
        if rule.precondition is not None:
            first = f"{rule.precondition.name.en} ({_limit(rule.precondition.wait)})"
        if rule.expert_group is not None:
            first = f"opinion of {code(rule.expert_group)}"
        elements = "; ".join(f"{element.ref}: {code(element.check)}" for element in rule.elements)
        rows.append(
            (code(rule.instrument), codes(rule.categories) or "all others", codes(rule.grounds),
             codes(rule.decided_by), first, elements, _source(rule.source))
        )  # fmt: skip
    head = ("form", "for", "rests on", "decided by", "first", "what the law demands", "source")
    return table(head, rows)


def _clocks(pack: Pack) -> str:
    rows = [
        (code(rule.id) + _dates(rule), rule.duty, f"{code(rule.start)} → {codes(rule.stop)}", _applies(rule),
         _limit(rule.limit), ", ".join(rule.warn_at), _more(rule), _breach(rule), _standing(rule), _source(rule.source))
        for rule in pack.sla.clocks
    ]  # fmt: skip
    head = (
        "clock",
        "duty of",
        "runs",
        "for",
        "time",
        "warns at",
        "pause, extension",
        "on breach",
        "standing",
        "source",
    )
    return table(head, rows)


def _dates(rule: ClockRule) -> str:
    if rule.valid_from is None and rule.valid_to is None:
        return ""
    return f" ({rule.valid_from or '…'} to {rule.valid_to or '…'})"


def _applies(rule: ClockRule) -> str:
    wanted = rule.applies
    named = [*wanted.priority, *wanted.category, *wanted.instrument]
    return ", ".join([*named, *(f"not {code}" for code in wanted.except_category)]) or "all"


def _limit(spec: LimitSpec) -> str:
    return spec.limit.text


def _more(rule: ClockRule) -> str:
    said = [f"stands still for {pause.reason}, at most {_limit(pause.at_most)}" for pause in rule.pause]
    if rule.extension is not None:
        roles = ", ".join(rule.extension.roles)
        said.append(f"{roles} may extend to {_limit(rule.extension.ceiling)} from the {rule.extension.counted_from}")
    return "; ".join(said)


def _breach(rule: ClockRule) -> str:
    said = f"ladder {code(rule.ladder)}" if rule.ladder else "case lapses" if rule.lapse else "recorded"
    if rule.repeat is not None:
        said += f"; again every {_limit(rule.repeat.every)}, at most {rule.repeat.at_most} times"
    return said


def _standing(rule: ClockRule) -> str:
    if rule.qualitative is not None:
        return f'**law**: "{rule.qualitative.en}"; the number is ours'
    return "**law**" if rule.statutory else "own target"


def _source(source: Source) -> str:
    if source.ref == UNSOURCED:
        return UNSOURCED
    return f"{source.ref} ({f'verified {source.verified_on}' if source.verified_on else 'unverified'})"


def _ladders(pack: Pack) -> str:
    rows = [
        (code(ladder.id), rung.rung, rung.name.en, code(rung.letter), rung.recipient,
         _limit(rung.acknowledge_within), _limit(rung.after_acknowledgement))
        for ladder in pack.sla.ladders for rung in ladder.rungs
    ]  # fmt: skip
    head = ("ladder", "rung", "who is asked", "letter", "recipient", "to acknowledge", "after acknowledgement")
    return table(head, rows)


def _rules(pack: Pack) -> str:
    rows = []
    for rule in pack.priority.rules:
        looks_at = [part for part in (codes(rule.any_indicator), codes(rule.any_category)) if part]
        only = " (a child only)" if rule.child else ""
        even = " Fires in a political case too." if rule.even_if_political else ""
        rows.append((code(rule.id), rule.level, "; ".join(looks_at) + only, rule.why + even, _source(rule.source)))
    return table(("rule", "level", "fires on any of", "why", "source"), rows)


def _modifiers(pack: Pack) -> str:
    rows = []
    for modifier in pack.priority.modifiers:
        looks_at = [codes(modifier.any_indicator), codes(modifier.age_bands)]
        if modifier.reports_over is not None:
            looks_at.append(f"more than {modifier.reports_over} reports in 24 hours")
        if modifier.platforms_over is not None:
            looks_at.append(f"more than {modifier.platforms_over} platform")
        if modifier.reporter_is_child:
            looks_at.append("the reporter is a child")
        rows.append((code(modifier.id), ", ".join(filter(None, looks_at)), modifier.why, _source(modifier.source)))
    return table(("modifier, +1", "fires on", "why", "source"), rows)


def _categories(pack: Pack) -> str:
    rows = [
        (code(kind.code), kind.name.en, code(kind.dsa_keyword or kind.dsa_category), kind.child.replace("_", " "),
         "two reviewers" if kind.political else "", "at once" if kind.police_referral else "", kind.instrument,
         kind.ground, _source(kind.source))
        for kind in pack.categories
    ]  # fmt: skip
    head = (
        "category", "name", "public vocabulary", "a child's case", "political", "police", "form", "ground", "source"
    )  # fmt: skip
    return table(head, rows)


def _platforms(pack: Pack) -> str:
    rows = [
        (code(one.code), one.channel, one.environment,
         "yes" if pack.liaison(one.code, "liaison") else "no: our own unit gets the letter",
         one.legal_entity, _source(one.legal_entity_source))
        for one in pack.platforms.platforms
    ]  # fmt: skip
    return table(("platform", "channel", "environment", "liaison", "legal entity", "source of that"), rows)


def _retention(pack: Pack) -> str:
    rows = [(rule.record.replace("_", " "), _limit(rule.keep), _source(rule.source)) for rule in pack.retention.rules]
    return table(("record", "kept after the case has ended", "source"), rows)
