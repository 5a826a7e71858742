from __future__ import annotations
from tests.stories import Story
import pytest
@pytest.mark.parametrize("n", range(5))
def test_x(story: Story, n) -> None:
    number = story.submitted()
    story.answer(number, "removed_globally")
    from tasks.collect_outcomes import collect
    print(collect(story.runtime))
    print(story.drive(number))
    print(story.send_letters())
    story.assert_sound()
    for m in story.mail(): print(m.recipients, m.subject)
    for e in story.events(number): print(e.kind, e.at, e.data)
    print(story.counts())
