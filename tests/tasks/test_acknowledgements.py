"""A link acknowledges one rung, once, until its time is over; opening it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from desk.acknowledge_page import acknowledgement_app
from tasks.acknowledgements import LINK_COUNTS_FOR, LinkState, NoSuchLink, acknowledge_by_link, look_at_link
from tasks.acknowledgements import acknowledgement_link as link_of
from tasks.collect_outcomes import collect
from tasks.knowledge import Proof, who_knew
from tasks.sla_sweep import sweep
from tests.pages import serving
from tests.stories import INTAKE, LIAISON, REVIEWER, Story

PUBLIC = "https://answers.ministry.example"
LAW = {"category": "gambling_advertising"}


@pytest.fixture
def served(story: Story) -> Iterator[Story]:
    """An installation that serves the page."""
    other = story.with_settings(acknowledge_url=PUBLIC + "/")
    yield other
    other.close()


@pytest.fixture
def page(served: Story) -> Iterator[httpx.Client]:
    """The page, over real HTTP."""
    with serving(acknowledgement_app(served.runtime)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def _at_the_liaison(story: Story) -> str:
    """A case on whose second rung the liaison was written to."""
    number = story.submitted(**LAW)
    story.send_letters()
    for hours in (24, 4):
        story.clock.advance(hours=hours)
        sweep(story.runtime)
        story.send_letters()
    assert [rung.rung for rung in story.escalations(number)] == [1, 2]
    return number


def _token(story: Story, number: str, rung: int = 2) -> str:
    raised = story.escalations(number)[rung - 1]
    [letter] = [row for row in story.letters(number) if row.context.get("escalation") == raised.id]
    made = link_of(story.runtime, number, letter.contact, raised.id, letter.created_at)
    assert made is not None
    return made[0].removeprefix(f"{PUBLIC}/acknowledge/")


def test_a_letter_has_a_link_only_where_the_page_is_served(story: Story, served: Story) -> None:
    assert link_of(story.runtime, "KZ-2026-000001", "liaison:tiktok", 1, story.clock()) is None
    made = link_of(served.runtime, "KZ-2026-000001", "liaison:tiktok", 1, story.clock())
    assert made is not None
    url, until = made
    assert url.startswith(f"{PUBLIC}/acknowledge/1.")
    assert until == story.clock() + LINK_COUNTS_FOR


def test_a_program_that_opens_the_link_acknowledges_nothing(served: Story, page: httpx.Client) -> None:
    number = _at_the_liaison(served)
    address = f"/acknowledge/{_token(served, number)}"
    for _visit in range(3):
        assert page.get(address).status_code == 200
        assert page.head(address).status_code == 200
    assert page.put(address).status_code == 405
    assert served.escalations(number)[1].acknowledged_at is None
    assert served.events(number, "rung.acknowledged") == []


def test_the_button_acknowledges_once_and_stops_the_rungs_clock(served: Story, page: httpx.Client) -> None:
    number = _at_the_liaison(served)
    address = f"/acknowledge/{_token(served, number)}"
    served.clock.advance(hours=1)
    first = served.clock()
    assert "on the record" in page.post(address).text
    served.clock.advance(hours=1)
    assert page.post(address).status_code == 200
    assert "Acknowledged" in page.get(address).text
    rung = served.escalations(number)[1]
    assert (rung.acknowledged_at, rung.acknowledged_by, rung.acknowledged_via) == (first, "liaison:tiktok", "link")
    [event] = served.events(number, "rung.acknowledged")
    assert (event.actor_id, event.actor_name) == ("liaison:tiktok", "liaison of TikTok")
    [waiting] = served.clocks(number, "kz.platform_silence.rung2")
    assert (waiting.state, waiting.stopped_by) == ("met", "rung.acknowledged")
    assert len(served.clocks(number, "kz.platform_silence.rung2.follow_up")) == 1
    served.assert_sound()


def test_without_the_button_the_next_rung_is_raised_in_time(served: Story) -> None:
    number = _at_the_liaison(served)
    look_at_link(served.runtime, _token(served, number))
    [waiting] = served.clocks(number, "kz.platform_silence.rung2")
    served.clock.set(waiting.due_at)
    sweep(served.runtime)
    assert [rung.rung for rung in served.escalations(number)] == [1, 2, 3]


def test_a_link_counts_until_its_time_is_over_and_not_a_second_longer(served: Story, page: httpx.Client) -> None:
    number = _at_the_liaison(served)
    token = _token(served, number)
    until = served.escalations(number)[1].raised_at + LINK_COUNTS_FOR
    served.clock.set(until - timedelta(seconds=1))
    assert look_at_link(served.runtime, token).state is LinkState.OPEN
    served.clock.set(until)
    assert page.post(f"/acknowledge/{token}").status_code == 410
    assert served.escalations(number)[1].acknowledged_at is None


def test_a_link_of_one_rung_is_no_link_of_another_and_a_cut_one_is_none(served: Story, page: httpx.Client) -> None:
    number = _at_the_liaison(served)
    token = _token(served, number)
    rungs = served.escalations(number)
    for changed in (token.replace(f"{rungs[1].id}.", f"{rungs[0].id}.", 1), token[:-1], token + "a", "1.2.3.4", "x"):
        with pytest.raises(NoSuchLink):
            acknowledge_by_link(served.runtime, changed)
    assert page.post(f"/acknowledge/{'a' * 5_000}").status_code == 404
    assert page.get("/acknowledge/").status_code == 404
    assert [rung.acknowledged_at for rung in served.escalations(number)] == [None, None]


def test_a_rung_acknowledged_by_telephone_needs_no_button_any_more(served: Story) -> None:
    from tasks.escalation import acknowledge

    number = _at_the_liaison(served)
    acknowledge(served.runtime, served.escalations(number)[1].id, LIAISON, "phone")
    view = acknowledge_by_link(served.runtime, _token(served, number))
    assert view.state is LinkState.DONE
    assert served.escalations(number)[1].acknowledged_via == "phone"


def test_after_the_platforms_answer_a_link_asks_for_nothing_and_starts_no_clock(served: Story) -> None:
    number = _at_the_liaison(served)
    token = _token(served, number)
    served.answer(number, "removed_globally")
    collect(served.runtime)
    served.drive(number)
    assert served.status(number) == "closed"
    view = acknowledge_by_link(served.runtime, token)
    assert view.state is LinkState.CASE_OVER
    assert served.clocks(number, "kz.platform_silence.rung2.follow_up") == []
    served.assert_sound()


def test_the_page_shows_nothing_of_the_matter_and_loads_nothing(served: Story, page: httpx.Client) -> None:
    number = _at_the_liaison(served)
    shown = page.get(f"/acknowledge/{_token(served, number)}")
    assert number in shown.text
    for private in ("gambling", "Gambling", "азарт", "tiktok.com", "Practice Reporter", "@"):
        assert private not in shown.text
    assert "src=" not in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["cache-control"] == "no-store"
    assert "set-cookie" not in shown.headers


def test_who_knew_what_since_when_is_told_by_proof(served: Story) -> None:
    number = _at_the_liaison(served)
    served.clock.advance(hours=1)
    acknowledge_by_link(served.runtime, _token(served, number))
    with served.runtime.sessions.read() as session:
        lines = who_knew(session, served.case(number))
    liaison = [line for line in lines if line.who == "liaison:tiktok"]
    assert [(line.proof, line.since) for line in liaison] == [(Proof.ACKNOWLEDGED, served.clock())]
    platform = [line for line in lines if line.who == "platform:tiktok"]
    assert Proof.ACCEPTED in {line.proof for line in platform}
    assert {line.proof for line in platform} <= {Proof.ACCEPTED, Proof.SENT}
    acted = {line.who for line in lines if line.proof is Proof.ACTED}
    assert {INTAKE, REVIEWER} <= acted
    times = [line.since for line in lines if line.since is not None]
    assert times == sorted(times)


def test_a_letter_that_was_refused_is_not_counted_as_knowledge(served: Story) -> None:
    served.mailbox.refuse_recipients = {"reporter@mail.example"}
    number = served.take_in(**LAW)
    served.send_letters()
    with served.runtime.sessions.read() as session:
        [line] = [line for line in who_knew(session, served.case(number)) if line.who.startswith("party:")]
    assert (line.proof, line.since) == (Proof.NOT_TOLD, None)
    assert line.detail == "the mail server refused it"
