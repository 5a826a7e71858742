"""A letter of an authority is read for the exact content it wants removed, and for why.

The letters written here are invented and use reserved names. The real ones are read where the shared
data is at hand; only what holds for all of them together is asserted.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from casework.letter_reader import LONGEST_LETTER, LetterReading, LetterRefused, read_letter
from casework.vocabulary import RequestedAction

REAL_LETTERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "government-letters.jsonl"

SPANISH = """MINISTERIO DEL INTERIOR
DIRECCIÓN GENERAL DE LA POLICÍA

Ref.: CGI-2021/00452
Asunto: solicitud de retirada de contenido

Estimados señores:

En el marco de las actuaciones seguidas por un presunto delito de estafa del artículo 248 del Código
Penal, se ha
dictado auto de fecha 12/03/2021 por el que se acuerda la retirada del contenido alojado en los
siguientes enlaces:

- https://github.example/banco-falso/kit
- https://banco-falso.github-io.example/acceso
- https://banco-falso.test/login

El contenido suplanta a una entidad bancaria y constituye un delito de estafa, conforme a la Ley
Orgánica 10/1995.
La normativa puede consultarse en https://www.boe.es/buscar/act.php?id=BOE-A-1995-25444.
Para más información pueden visitar nuestro sitio web https://www.policia.test o escribir a
unidad@policia.test.

Atentamente,

Inspector Jefe
Policía Nacional de España"""

KAZAKH = """Қазақстан Республикасының Мәдениет және ақпарат министрлігі
Ақпарат комитеті

Шығ. № 03-12/1457

Құрметті әріптестер!

«Масс-медиа туралы» Қазақстан Республикасы Заңының 40-бабына сәйкес балаға қатысты кибербуллинг фактісі
анықталды.
Төмендегі сілтемелер бойынша орналасқан материал балаға зиян келтіреді және заң талаптарын бұзады:

1) https://www.instagram.example/p/AbC123/?igsh=xx
2) https://www.tiktok.example/@user/video/73

Осы материалды жоюды сұраймыз. Толық ақпарат: https://www.gov.kz/memleket/entities/mam

Құрметпен,
Ақпарат комитеті"""

RUSSIAN = """Исх. № 12-03/77 от 05.02.2026

В соответствии со статьей 41-1 Закона Республики Казахстан от 5 июля 2004 года № 567-II «О связи»
просим ограничить
доступ к материалам, размещенным по следующим ссылкам: https://t-me.example/kanal/55,
https://vk.example/wall-1_22 и
https://plohoysite.test/igra.
Материалы содержат рекламу онлайн-казино, что нарушает закон «Об игорном бизнесе».
Текст закона: https://adilet.zan.kz/rus/docs/Z070000219_
Наш официальный канал: https://t.me/example_committee
Сведения о включении страниц в реестр доступны круглосуточно по адресу https://registry.test/ .

С уважением,
Комитет информации Республики Казахстан"""

CHINESE = """您好！我是某市公安局网络安全保卫支队。贵平台用户“abc123”发布诈骗信息，
违反《中华人民共和国网络安全法》第四十六条，
请删除以下链接：https://github.example/abc123/fake，https://evil.test/a。谢谢。"""

ENGLISH = """We are the Online Safety Commission of Freedonia. Our reference: OSC/2026/0099

The account @badguy on your service posts a phishing kit that impersonates a bank. The material can be
found here:
https[:]//x[.]example/badguy/status/123456789. A copy is at https://mirror.test/v/9.

This is contrary to section 12 of the Online Safety Act 2021. You must remove it within 24 hours.
Information about
our powers is available on our website at https://www.osc.test/powers. Your rules:
https://help.x.com/en/rules.
In case you fail to act, websites containing the information that violates the law will be blocked.

Yours sincerely,
Jane Doe
Senior Investigator, Online Safety Commission"""


def content(reading: LetterReading) -> list[str]:
    return [link.key for link in reading.content_links]


def roles(reading: LetterReading) -> dict[str, str]:
    return {urlsplit(link.canonical).hostname or "": role for link, role in reading.other_links}


def test_a_spanish_letter_is_read() -> None:
    reading = read_letter(SPANISH)
    assert content(reading) == [
        "github:repository:banco-falso/kit",
        "github:site:banco-falso:acceso",
        "web:banco-falso.test:/login",
    ]
    assert roles(reading) == {"www.boe.es": "law", "www.policia.test": "authority"}
    assert reading.languages == ("es",)
    assert reading.issuing_authority == "Policía Nacional de España"
    assert reading.issuing_country == "ES"
    assert reading.legal_bases == ("artículo 248 del Código Penal", "Ley Orgánica 10/1995")
    assert reading.reference == "CGI-2021/00452"
    assert reading.decision_reference == "auto de fecha 12/03/2021"
    assert reading.requested_action == "remove"
    assert reading.suspected_category == "fraud"
    assert any("constituye un delito" in reason for reason in reading.reason_phrases)


def test_a_kazakh_letter_is_read() -> None:
    reading = read_letter(KAZAKH)
    assert content(reading) == ["instagram:media:AbC123", "tiktok:video:73"]
    assert roles(reading) == {"www.gov.kz": "authority"}
    assert (reading.main_language, reading.issuing_country) == ("kk", "KZ")
    assert reading.issuing_authority == "Ақпарат комитеті"
    assert reading.legal_bases == ("«Масс-медиа туралы» Қазақстан Республикасы Заңының 40-бабына",)
    assert (reading.reference, reading.requested_action) == ("03-12/1457", "remove")
    assert reading.suspected_category == "cyberbullying_child"
    assert not reading.political_speech_hint


def test_a_russian_letter_is_read_and_its_register_law_and_own_channel_are_told_apart() -> None:
    reading = read_letter(RUSSIAN)
    assert content(reading) == ["telegram:msg:kanal:55", "vk:wall:-1_22", "web:plohoysite.test:/igra"]
    assert roles(reading) == {"adilet.zan.kz": "law", "t.me": "authority", "registry.test": "registry"}
    assert reading.legal_bases == ("статьей 41-1 Закона Республики Казахстан от 5 июля 2004 года № 567-II",)
    assert reading.requested_action == "restrict_in_country"
    assert reading.suspected_category == "gambling_advertising"
    assert reading.issuing_country == "KZ"


def test_a_chinese_letter_is_read_though_nothing_separates_its_links_from_the_words() -> None:
    reading = read_letter(CHINESE)
    assert content(reading) == ["github:repository:abc123/fake", "web:evil.test:/a"]
    assert reading.accounts == ("abc123",)
    assert reading.legal_bases == ("《中华人民共和国网络安全法》第四十六条",)
    assert (reading.main_language, reading.issuing_country) == ("zh", "CN")
    assert "公安局" in (reading.issuing_authority or "")


def test_an_english_letter_with_defanged_links_is_read() -> None:
    reading = read_letter(ENGLISH)
    assert content(reading) == ["x:post:123456789", "web:mirror.test:/v/9"]
    assert roles(reading) == {"www.osc.test": "other", "help.x.com": "help"}
    assert reading.accounts == ("badguy",)
    assert reading.issuing_authority == "Online Safety Commission"
    assert reading.legal_bases == ("section 12 of the Online Safety Act 2021",)
    assert reading.reference == "OSC/2026/0099"


def test_a_threat_is_no_reason() -> None:
    assert not any("In case" in reason for reason in read_letter(ENGLISH).reason_phrases)


def test_the_title_of_a_register_is_no_reason() -> None:
    letter = (
        'This is a notice of entry into the "Register of pages containing information that violates'
        ' the law of the country and is prohibited for distribution": https://github.example/a/b'
    )
    assert read_letter(letter).reason_phrases == ()


def test_a_letter_in_two_languages_names_both_though_no_blank_line_parts_them() -> None:
    reading = read_letter(RUSSIAN.replace("\n\n", "\n") + "\n" + ENGLISH)
    assert set(reading.languages) == {"ru", "en"}
    assert reading.main_language == reading.languages[0]


def test_a_link_cited_twice_is_content_when_one_mention_says_so() -> None:
    letter = (
        "Visit our website https://copy.test/a for more information.\n\n"
        "Please remove the following links:\nhttps://copy.test/a"
    )
    assert content(read_letter(letter)) == ["web:copy.test:/a"]


def test_a_list_is_led_in_by_the_line_above_it_however_long_it_is() -> None:
    links = "\n".join(f"{number}. https://casino{number}.test/play" for number in range(1, 60))
    reading = read_letter(f"Please block the following web pages:\n\n{links}\n\nOur website: https://office.test/")
    assert len(reading.content_links) == 59
    assert roles(reading) == {"office.test": "other"}


def test_an_app_in_a_store_is_content_only_for_the_store_itself() -> None:
    letter = "Remove the app at the following link: https://play.google.com/store/apps/details?id=test.app"
    assert roles(read_letter(letter)) == {"play.google.com": "app_store"}
    assert len(read_letter(letter, ["play.google.com"]).content_links) == 1


def test_a_link_that_cannot_be_used_is_reported_and_not_dropped() -> None:
    reading = read_letter("Remove the content at https://user:pw@www.example.org/x")
    assert [refused.rule for refused in reading.refused_links] == ["link.credentials"]


def test_an_empty_letter_says_nothing() -> None:
    reading = read_letter("")
    assert content(reading) == []
    assert (reading.issuing_authority, reading.reference, reading.requested_action) == (None, None, None)
    assert reading.suspected_category is None


@pytest.mark.parametrize(
    "sentence",
    [
        "The article calls for actions aimed at violating the territorial integrity of the state.",
        "The repository belongs to a cult that is banned in our country.",
        "Контент содержит призывы к участию в несанкционированном митинге.",
        "La aplicación convoca protestas y desórdenes públicos.",
        "The post insults the President of the Republic.",
        "The page contains extremist materials.",
    ],
)
def test_a_letter_about_political_speech_is_flagged(sentence: str) -> None:
    assert read_letter(f"{sentence} https://github.example/a/b").political_speech_hint


@pytest.mark.parametrize(
    "sentence",
    [
        "The page sells drugs to minors.",
        "Страница содержит информацию о способах самоубийства.",
        "It is a phishing kit.",
    ],
)
def test_a_letter_about_other_harm_is_not_flagged_as_political(sentence: str) -> None:
    assert not read_letter(f"{sentence} https://github.example/a/b").political_speech_hint


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("The link leads to child sexual abuse material.", "csam"),
        ("Материал содержит информацию о способах самоубийства.", "suicide_or_self_harm"),
        ("Парақшада есірткі сатылады.", "drugs"),
        ("Violation of exclusive rights to objects of copyright.", "copyright"),
        ("The source code is used to build malware.", "malware"),
        ("该网站涉及赌博。", "gambling_advertising"),
    ],
)
def test_the_words_of_a_letter_suggest_a_category(sentence: str, category: str) -> None:
    reading = read_letter(sentence)
    assert (reading.suspected_category, reading.category_found_in) == (category, "letter")


def test_a_category_that_only_the_link_suggests_is_marked_as_such() -> None:
    reading = read_letter("Please remove https://github.example/a/casino-bonus")
    assert (reading.suspected_category, reading.category_found_in) == ("gambling_advertising", "link")


def test_a_letter_longer_than_any_letter_is_refused() -> None:
    with pytest.raises(LetterRefused, match="characters"):
        read_letter("a" * (LONGEST_LETTER + 1))


HOSTILE = [
    "Article 1 of ", "статья 1 ", "《", "«", "on behalf of the ", "please ", "user 'a ", "Court of\n", "§",
    "\n", "1", "a@", "Regards,\n", "information register ", "see https://a.example/b and ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_repeated_phrase_makes_the_reading_slow(piece: str) -> None:
    assert seconds_to_read(piece * (60_000 // len(piece))) < 2


def test_a_hostile_letter_of_a_million_characters_is_read_within_seconds() -> None:
    assert seconds_to_read("".join(piece * (66_000 // len(piece)) for piece in HOSTILE)) < 2


def seconds_to_read(text: str) -> float:
    read_letter("The language model is loaded once, and not on this clock.")
    started = time.process_time()
    read_letter(text)
    return time.process_time() - started


@pytest.fixture(scope="module")
def real_readings() -> list[tuple[dict[str, str], LetterReading]]:
    if not REAL_LETTERS.is_file():
        pytest.skip("the shared real letters (shared/data/government-letters.jsonl) are not at hand")
    rows = [json.loads(line) for line in REAL_LETTERS.read_text(encoding="utf-8").split("\n") if line]
    return [(row, read_letter(row["text"])) for row in rows]


COUNTRY_CODES = {"China": "CN", "Hong Kong": "HK", "Russia": "RU", "Singapore": "SG", "Spain": "ES"}


def test_every_real_letter_yields_content_an_authority_and_its_country(
    real_readings: list[tuple[dict[str, str], LetterReading]],
) -> None:
    for row, reading in real_readings:
        assert reading.content_links, row["id"]
        assert reading.issuing_authority, row["id"]
        assert reading.issuing_country == COUNTRY_CODES[row["country"]], row["id"]


def test_no_real_letter_offers_a_register_a_law_or_a_help_page_as_content(
    real_readings: list[tuple[dict[str, str], LetterReading]],
) -> None:
    """Almost all of them ask one code host; what else they want removed is named outright."""
    hosts = [urlsplit(link.canonical).hostname or "" for _, reading in real_readings for link in reading.content_links]
    elsewhere = [host for host in hosts if not host.endswith(("github.com", "github.io", "githubusercontent.com"))]
    assert len(elsewhere) <= 1
    assert not [host for host in hosts if host.endswith((".gov.ru", "apple.com", "google.com"))]
    assert not [host for host in hosts if host.startswith(("help.", "docs."))]


def test_no_link_of_a_real_letter_is_lost(real_readings: list[tuple[dict[str, str], LetterReading]]) -> None:
    for row, reading in real_readings:
        linked = {link.original for link in reading.content_links} | {link.original for link, _ in reading.other_links}
        assert len(linked) >= 1, row["id"]
        assert reading.refused_links == (), row["id"]


def test_thin_and_political_real_letters_show_as_such(
    real_readings: list[tuple[dict[str, str], LetterReading]],
) -> None:
    readings = [reading for _, reading in real_readings]
    assert sum(1 for reading in readings if reading.legal_bases) >= 14
    assert sum(1 for reading in readings if not reading.reason_phrases) >= 30
    assert 5 <= sum(1 for reading in readings if reading.political_speech_hint) <= 10
    assert {code for reading in readings for code in reading.languages} == {"ru", "en", "zh"}


def test_the_action_a_real_letter_asks_for_is_a_word_of_the_case_file(
    real_readings: list[tuple[dict[str, str], LetterReading]],
) -> None:
    actions = {reading.requested_action for _, reading in real_readings}
    assert actions <= {None, *(action.value for action in RequestedAction)}
    assert RequestedAction.REMOVE.value in actions
