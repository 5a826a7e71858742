"""Practice reports in any number, and a runtime to take them in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tasks.logs import configure_logs
from tasks.runtime import Runtime, build
from tasks.settings import ROOT, Settings

AT = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
"""The time at which everything is measured: a working day, nine in the morning in Astana."""

INTAKE, REVIEWER = "aigerim", "daniyar"


def practice_runtime(home: Path, *, now: Callable[[], datetime] = lambda: AT, **settings: Any) -> Runtime:
    """A runtime on a SQLite file in ``home``, as in production. Log lines are made, and shown to nobody."""
    configure_logs(as_json=True)
    logging.getLogger("qorgan").handlers = [logging.NullHandler()]
    return build(Settings(home=home, users_file=ROOT / "examples" / "users.yaml", **settings), now=now)


_LINKS = (
    "https://www.tiktok.com/@{account}/video/73{number:017d}?is_from_webapp=1&sender_device=pc",
    "https://www.instagram.com/p/Cx{number:09d}/?igsh=MzRlODBiNWFlZA==&utm_source=qr",
    "https://www.instagram.com/{account}/reel/Cy{number:09d}/",
    "https://m.facebook.com/{account}/posts/12{number:013d}?mibextid=xyz",
    "https://www.facebook.com/groups/{account}/posts/{number:015d}/",
    "https://www.youtube.com/watch?v=yt{number:09d}&t=42s",
    "https://youtu.be/ys{number:09d}?si=practice",
    "https://t.me/{account}/{number}",
    "https://vk.com/wall-10{number}_31",
    "https://x.com/{account}/status/18{number:017d}?s=20",
    "https://{account}.example/2026/03/article-{number}.html?utm_source=share",
)
_CATEGORIES = (
    "fraud", "fraud", "fraud", "drugs", "drugs", "gambling_advertising", "gambling_advertising",
    "privacy_personal_data", "hate_incitement", "false_information", "cyberbullying_child", "dangerous_challenge",
    "harmful_to_child_development", "suicide_or_self_harm", "terrorism_extremism", "malware", "unclassified",
)  # fmt: skip
_TEXTS = {
    "kk": (
        "Қысқа бейнеде онлайн-казино жарнамаланады, тіркелу бонусы ұсынылады.",
        "Арна тыйым салынған тауарды қала бойынша жеткізіп беруді ұсынады.",
        "Жазба сегізінші сынып оқушысын мазақ етеді, оның аты-жөні көрсетілген.",
    ),
    "ru": (
        "Обещают удвоить вклад и просят перевести деньги на карту.",
        "Сообщение канала предлагает запрещённый товар с доставкой по городу.",
        "Публикация высмеивает ученика восьмого класса, его отметили по имени.",
    ),
    "en": (
        "The video promises to double a deposit and asks for a transfer.",
        "The channel offers forbidden goods with delivery across the city.",
        "The post mocks a pupil of the eighth grade and names the pupil.",
    ),
}  # fmt: skip


def practice_reports(count: int, seed: int = 1) -> bytes:
    """A JSONL file of ``count`` different reports, no two of the same item; equal seeds give equal bytes."""
    chance = Random(seed)
    reports = (_report(chance, number) for number in range(count))
    return b"\n".join(json.dumps(report, ensure_ascii=False).encode() for report in reports)


def _report(chance: Random, number: int) -> dict[str, Any]:
    language = chance.choices(("ru", "kk", "en"), (6, 3, 1))[0]
    texts = _TEXTS[language]
    seen = AT - timedelta(minutes=chance.randrange(60, 20_000))
    links = chance.choices((1, 2, 3), (7, 2, 1))[0]
    report: dict[str, Any] = {
        "reference": f"BENCH-{number:06d}",
        "category": chance.choice(_CATEGORIES),
        "links": [_link(chance, 10 * number + place) for place in range(links)],
        "observed_at": seen.isoformat(),
        "description": " ".join(chance.choices(texts, k=chance.randrange(1, 9))),
        "quote": chance.choice(texts),
        "why_unlawful": chance.choice(texts),
        "age_band": chance.choices(("adult", "nobody", "unknown", "13_17", "under_13"), (5, 4, 2, 2, 1))[0],
        "policy_line": "Practice policy line",
        "reporter": _reporter(chance, number),
    }
    # One reporter in ten leaves the language to be found out.
    if chance.random() < 0.9:
        report["language"] = language
    if chance.random() < 0.01:
        report["indicators"] = ["threat_to_life_of_child"]
    return report


def _link(chance: Random, number: int) -> str:
    return chance.choice(_LINKS).format(account=f"practice{chance.randrange(500)}", number=number)


def _reporter(chance: Random, number: int) -> dict[str, Any]:
    """Most can be answered; some give a name only, some nothing."""
    drawn = chance.random()
    if drawn < 0.25:
        return {}
    name = {"name": f"Practice Reporter {number}"}
    return name if drawn < 0.4 else {**name, "email": f"reporter{number}@mail.example"}
