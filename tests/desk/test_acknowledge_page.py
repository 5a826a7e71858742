"""The acknowledgement page in a real browser, as the liaison sees it on a telephone."""

from __future__ import annotations

import pytest

from desk.acknowledge_page import acknowledgement_app
from tasks.acknowledgements import acknowledgement_link
from tasks.sla_sweep import sweep
from tests.desk.conftest import AtTheDesk
from tests.pages import real_browser, serving
from tests.stories import Story

PUBLIC = "https://answers.ministry.example"
PHONE = {"width": 360, "height": 740}


def _written_to(story: Story) -> str:
    number = story.submitted(category="gambling_advertising")
    story.send_letters()
    for hours in (24, 4):
        story.clock.advance(hours=hours)
        sweep(story.runtime)
        story.send_letters()
    return number


def _path(story: Story, number: str) -> str:
    rung = story.escalations(number)[1]
    [letter] = [row for row in story.letters(number) if row.context.get("escalation") == rung.id]
    made = acknowledgement_link(story.runtime, number, letter.contact, rung.id, letter.created_at)
    assert made is not None
    return made[0].removeprefix(PUBLIC)


@pytest.mark.browser
def test_the_liaison_opens_the_page_on_a_telephone_and_presses_the_button(story: Story) -> None:
    served = story.with_settings(acknowledge_url=PUBLIC)
    number = _written_to(served)
    asked: list[str] = []
    said: list[str] = []
    with serving(acknowledgement_app(served.runtime)) as url, real_browser() as browser:
        page = browser.new_page(viewport=PHONE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(url + _path(served, number))
        assert number in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "nothing runs off the side"
        button = page.get_by_role("button")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, "a thumb must find it"
        assert served.escalations(number)[1].acknowledged_at is None, "opening it acknowledged nothing"
        button.click()
        page.wait_for_selector("text=on the record")
        assert page.get_by_role("button").count() == 0
    assert served.escalations(number)[1].acknowledged_via == "link"
    assert {address.removeprefix(url).split("/")[1] for address in asked} <= {"acknowledge", "favicon.ico"}
    assert said == [], "the page keeps its own rules of what it may load"
    served.close()


def test_the_desk_tells_who_knew_what_since_when(desk: AtTheDesk) -> None:
    number = _written_to(desk.story)
    rows = desk.tells("case", "knew", number)
    liaison = next(row for row in rows if row["who"] == "liaison:tiktok")
    assert liaison["proof"] == "sent"
    assert liaison["since"] == "2026-03-19T13:00:00+05:00"
    text = desk.says("case", "knew", number)
    assert "who knew what since when" in text
    assert "it proves no reading" in text
    assert "@" not in text
