"""The language of a text is guessed with a warning when the guess is weak."""

from __future__ import annotations

import pytest

from casework.language import KNOWN_LANGUAGES, UnknownLanguage, check_language, detect_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Please remove this material from your platform as soon as possible.", "en"),
        ("Просим вас удалить указанный материал в течение двадцати четырёх часов.", "ru"),
        ("Қазақстан Республикасының Заңына сәйкес материалды жоюды сұраймыз.", "kk"),
        ("Төмендегі сілтемелер бойынша орналасқан материал балаға зиян келтіреді.", "kk"),
        ("Кыргыз Республикасынын мыйзамы боюнча материалды өчүрүңүз деп суранабыз.", "ky"),
        ("Просимо видалити цей матеріал, оскільки він порушує закон України.", "uk"),
        ("O'zbekiston Respublikasi qonuniga muvofiq materialni o'chirishingizni so'raymiz.", "uz"),
        ("Solicitamos la retirada del contenido alojado en los siguientes enlaces.", "es"),
        ("根据我国法律法规，建议贵公司清除以下链接中的违法信息，并封禁发布者账号。", "zh"),
        ("Wir bitten um die Entfernung der folgenden rechtswidrigen Inhalte.", "de"),
        ("Nous demandons le retrait du contenu illicite suivant.", "fr"),
        ("Bu içeriğin platformunuzdan kaldırılmasını talep ediyoruz.", "tr"),
    ],
)
def test_a_sentence_is_enough(text: str, code: str) -> None:
    guess = detect_language(text)
    assert guess.code == code
    assert guess.certain


def test_one_kazakh_name_does_not_make_a_russian_letter_kazakh() -> None:
    text = "Просим ограничить доступ к материалу, размещённому пользователем Әсел, согласно закону страны."
    assert detect_language(text).code == "ru"


@pytest.mark.parametrize(("text", "code"), [("Сәлем", "kk"), ("Құрметпен", "kk"), ("违法", "zh")])
def test_a_few_letters_may_show_the_language_and_are_still_not_certain(text: str, code: str) -> None:
    guess = detect_language(text)
    assert (guess.code, guess.certain) == (code, False)


@pytest.mark.parametrize("text", ["", "12345 -- !!", "\n"])
def test_a_text_without_letters_is_english_and_not_certain(text: str) -> None:
    assert detect_language(text).code == "en"
    assert not detect_language(text).certain


def test_a_language_code_is_checked_and_written_in_lower_case() -> None:
    assert check_language(" KK ") == "kk"
    assert {"kk", "ru", "en", "ky", "uz", "es", "zh"} <= KNOWN_LANGUAGES


@pytest.mark.parametrize("code", ["", "xx", "kazakh", "k", "<b>", "рус"])
def test_an_unknown_language_code_is_refused(code: str) -> None:
    with pytest.raises(UnknownLanguage, match="ISO 639-1"):
        check_language(code)
