"""What a reviewer signed is brought to the platform in a time of ours, under every pack."""

from __future__ import annotations

import pytest

from casework.vocabulary import Priority
from tests.packs.every_pack import FOLDERS, the_pack_in


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_priority_has_one_such_time_and_the_more_urgent_never_the_longer(folder: str) -> None:
    pack = the_pack_in(folder)
    rules = [rule for rule in pack.sla.clocks if rule.start == "review.approved"]
    for priority in Priority:
        [rule] = [rule for rule in rules if priority in rule.applies.priority]
        assert set(rule.starts_again) == {"review.urgent", "platform.answered_us"}, "what went out before review too"
        assert not rule.statutory, "no law gives it"
    assert len({rule.limit.limit.text for rule in rules}) == len(rules)
