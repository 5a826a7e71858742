"""The packs of this repository, and a case of any kind of harm under any of them that is ready to be approved."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from casework.facts import Actor, CaseFacts, OpinionFacts
from casework.pack_reader import read_pack
from casework.policy_pack import Category, Pack
from casework.preconditions import precondition_of
from casework.vocabulary import AgeBand, Priority, Role, Status
from tests.casework.building import FOLDER, NOW, a_case, an_item, pack_texts

FOLDERS = {regime.parent.name: regime.parent for regime in sorted(FOLDER.parent.glob("*/regime.yaml"))}
"""Every folder that holds a pack, by name."""

REVIEWING = frozenset({Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT})
LONG_AGO = NOW - timedelta(days=60)


@cache
def the_pack_in(folder: str) -> Pack:
    return read_pack(folder, pack_texts(FOLDERS[folder]))


KINDS = [(folder, category.code) for folder in FOLDERS for category in the_pack_in(folder).categories]
"""Every kind of harm of every pack."""
POLITICAL = [(folder, code) for folder, code in KINDS if the_pack_in(folder).category(code).political]


def reviewers(pack: Pack, category: Category) -> tuple[Actor, Actor]:
    """Two people who may approve such a case; neither took the report in."""
    form = pack.instrument(category.instrument, category.code)
    assert form is not None
    roles = REVIEWING & set(form.decided_by)
    assert roles, f"nobody could approve a {form.instrument} for {category.code}"
    return Actor("zhanna", "Zhanna", roles), Actor("arman", "Arman", roles)


def a_case_of(pack: Pack, code: str, **overrides: Any) -> CaseFacts:
    """A case of this kind of harm that lacks nothing: only what a reviewer says is still to come."""
    category = pack.category(code)
    group = pack.expert_group(category.instrument, code)
    platform = pack.platforms.platforms[0].code
    values: dict[str, Any] = {
        "category": code,
        "political": category.political,
        "child": category.child == "always",
        "age_band": AgeBand.CHILD if category.child == "always" else AgeBand.NOBODY,
        "priority": Priority.P3,
        "status": Status.IN_LEGAL_REVIEW,
        "language": pack.authority.reads[0],
        "instrument": category.instrument,
        "ground": category.ground,
        "requested_action": category.requested_action,
        "cited_basis": basis(pack, category),
        "items": (an_item(platform=platform),),
        "opinion": OpinionFacts(group.id, True, "Record 7", LONG_AGO) if group else None,
    }
    case = a_case(**values | overrides)
    if precondition_of(case, pack) is not None and "provider_told_at" not in overrides:
        return a_case(**values | {"provider_told_at": LONG_AGO} | overrides)
    return case


def basis(pack: Pack, category: Category) -> tuple[str, ...]:
    """What a notice of this kind of harm cites: the category's own provisions, or any one of the pack."""
    return category.basis or (min(pack.basis_codes),)
