"""An answer says what stands in its own words, line by line; what it quotes and what it tells in prose says nothing."""

from __future__ import annotations

import time

import pytest

from casework.mail_answer import own_words, read_answer
from casework.vocabulary import Outcome

QUOTED = "> Please acknowledge with the one line “ACK”.\n> ACK\n> 1: removed_globally\n"
OURS = "Our number      KZ-2026-000123/2\nPlease answer.\n\n1: removed_globally\n\nACK\n"
ATTRIBUTIONS = (
    "On Tue, 10 Mar 2026 at 10:05, Unit <notices@ministry.example> wrote:",
    "On Tue, 10 Mar 2026 at 10:05, Unit for the Safety of Children\n<notices@ministry.example> wrote:",
    "On Tue, 10 Mar 2026\nUnit for the Safety of Children\n<notices@ministry.example> wrote:",
    "10.03.2026 10:05, Unit пишет:", "10 марта 2026 г., 10:05, Unit написал(а):", "Unit жазды:",
    "2026 ж. 10 наурыз, 10:05, Unit <notices@ministry.example> жазды:",
    "Вторник, 10 марта 2026, 10:05 +05:00 от Unit <notices@ministry.example>:",
    "Am 10.03.2026 um 10:05 schrieb Unit:", "Le mar. 10 mars 2026 à 10:05, Unit a écrit :",
)  # fmt: skip
SEPARATORS = (
    "-----Original Message-----", "---------- Forwarded message ---------", "-----Исходное сообщение-----",
    "-------- Пересылаемое сообщение --------", "-----Бастапқы хабарлама-----", "Begin forwarded message:",
    "From: Unit\nSent: Tuesday\nTo: A\nSubject: Case", "*From:* Unit\n*Date:* Tuesday", "От: Unit\nОтправлено: вторник",
    "От кого: Unit\nКому: А", "Кімнен: Unit\nЖіберілді: сейсенбі", "Von: Unit\nGesendet: Dienstag",
    "=" * 78,
)  # fmt: skip


# --- Acknowledgement -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cases", "every"),
    [
        ("ACK", (), False), ("ack", (), False), ("  Ack. ", (), False), ("“ACK”", (), False), ("«ACK»!", (), False),
        ("*ACK*", (), False), ("ACK KZ-2026-000123", ("KZ-2026-000123",), False),
        ("ack: kz-2026-000123", ("KZ-2026-000123",), False), ("KZ-2026-000123: ACK", ("KZ-2026-000123",), False),
        ("KZ-2026-000123, KZ-2026-000456: ACK", ("KZ-2026-000123", "KZ-2026-000456"), False),
        ("ACK KZ-2026-000123, KZ-2026-000456", ("KZ-2026-000123", "KZ-2026-000456"), False),
        ("ALL: ACK", (), True), ("ACK ALL", (), True), ("all - ack", (), True),
    ],
)  # fmt: skip
def test_a_line_that_is_ack_acknowledges(line: str, cases: tuple[str, ...], every: bool) -> None:
    answer = read_answer(f"Good morning\n{line}\nAigerim\n")
    assert (answer.acknowledges, answer.cases, answer.all_cases) == (True, cases, every)


@pytest.mark.parametrize(
    "line",
    ["no ACK", "We cannot ACK this.", "ACKNOWLEDGED", "ACK?", "back", "ACK tomorrow", "NACK", "ACK KZ-2026", "A C K",
     "not ALL: ACK", "> ACK", " > ACK", ">ACK", ""],
)  # fmt: skip
def test_a_line_that_only_contains_ack_does_not_acknowledge(line: str) -> None:
    assert not read_answer(f"Good morning\n{line}\nAigerim\n").acknowledges


# --- What is quoted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_is_quoted_says_nothing_and_what_stands_below_it_does(attribution: str) -> None:
    above = read_answer(f"We look at it.\n\n{attribution}\n\n{QUOTED}")
    assert (above.acknowledges, above.outcomes, above.own_words) == (False, (), "We look at it.")
    below = read_answer(f"{attribution}\n{QUOTED}\nACK\n2: not_found\n")
    assert (below.acknowledges, below.outcomes) == (True, ((2, Outcome.NOT_FOUND),))
    between = read_answer(f"{attribution}\n> first\n3: no_action\n{QUOTED}")
    assert (between.acknowledges, between.outcomes) == (False, ((3, Outcome.NO_ACTION),))


@pytest.mark.parametrize("attribution", ATTRIBUTIONS[:3])
def test_what_follows_an_attribution_without_a_mark_is_taken_for_quoted(attribution: str) -> None:
    answer = read_answer(f"We look at it.\n\n{attribution}\n\nACK\n1: removed_globally\n")
    assert (answer.acknowledges, answer.outcomes) == (False, ())


@pytest.mark.parametrize("separator", SEPARATORS)
def test_what_stands_under_a_forwarded_letters_head_is_quoted(separator: str) -> None:
    answer = read_answer(f"We look at it.\n\n{separator}\n\n{OURS}")
    assert (answer.acknowledges, answer.outcomes, answer.own_words) == (False, (), "We look at it.")


@pytest.mark.parametrize("number", ["Our number", "Исходящий номер", "Шығыс нөмірі"])
def test_a_copy_of_our_letter_without_any_mark_is_known_by_its_own_lines(number: str) -> None:
    answer = read_answer("We look at it.\n\n" + OURS.replace("Our number", number))
    assert (answer.acknowledges, answer.outcomes) == (False, ())


@pytest.mark.parametrize(
    "line", ["From our side it is done.", "From: our side", "He wrote: nothing", "On Monday we decide:", "To: do"]
)
def test_a_sentence_that_begins_like_a_header_ends_nothing(line: str) -> None:
    assert read_answer(f"{line}\nand so on.\nACK\n").acknowledges


def test_nothing_but_a_signature_is_no_word() -> None:
    assert read_answer(f"\n-- \nAigerim\n\n{QUOTED}").own_words == ""
    assert read_answer("Thank you.\n-- \nAigerim").own_words == "Thank you.\n--\nAigerim"


def test_a_signature_neither_acknowledges_nor_asks() -> None:
    answer = read_answer("Thank you.\n-- \nACK\nPlease provide feedback on our service.")
    assert (answer.acknowledges, answer.asks) == (False, False)


# --- Outcomes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize(
    "shape", ["{n}: {w}", "{n} - {w}.", "{n}) {W}", "Item {n}: {w}", "№ {n} = {w}", "*{n}.* {s}", "{n}:{d}"]
)
def test_an_outcome_is_a_number_and_one_of_our_words(shape: str, outcome: Outcome) -> None:
    word = outcome.value
    line = shape.replace("*", "").format(n=12, w=word, W=word.upper(), s=word.replace("_", " ").title(),
                                         d=word.replace("_", "-"))  # fmt: skip
    assert read_answer(f"Hello\n{line}\n").outcomes == ((12, outcome),)


@pytest.mark.parametrize(
    "line",
    ["removed_globally", "1: removed", "1: removed_globally?", "1: not removed_globally", "1-3: no_action",
     "0: no_action",
     "1: no_action and not_found", "We removed 1 globally", "1: удалено", "12345: no_action", "1 2: no_action",
     "Item one: no_action", "> 1: no_action", "-1: no_action"],
)  # fmt: skip
def test_nothing_else_is_an_outcome(line: str) -> None:
    assert read_answer(f"Hello\n{line}\n").outcomes == ()


def test_an_item_to_which_two_lines_say_different_things_has_no_outcome() -> None:
    assert read_answer("1: no_action\n2: not_found\n1: removed_globally\n2: not_found\n").outcomes == (
        (2, Outcome.NOT_FOUND),
    )


# --- Questions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["1: more_info_needed", "Please provide the exact link.", "Could you please send us\nthe date of the post?",
     "We need more information about item 2.", "More information is required.", "Please clarify.",
     "Просим предоставить точную ссылку.", "Уточните, пожалуйста, дату.", "Требуется дополнительная информация.",
     "Қосымша ақпарат керек.", "Сілтемені жіберуіңізді сұраймыз.", "Күнін нақтылаңыз."],
)  # fmt: skip
def test_a_question_to_us_is_seen(text: str) -> None:
    assert read_answer(f"Good morning.\n\n{text}\n\nAigerim").asks


@pytest.mark.parametrize(
    "text",
    ["We have all we need.", "We need no further information.", "We do not need more information.",
     "If you need more information, call us.", "Дополнительная информация не требуется.", "Қосымша ақпарат қажет емес.",
     "We provide an answer tomorrow.", "Спасибо, информация получена.", "> Please provide the exact link.",
     "1: removed_globally", "How are you?"],
)  # fmt: skip
def test_what_asks_for_nothing_opens_nothing(text: str) -> None:
    assert not read_answer(f"Good morning.\n\n{text}\n\nAigerim").asks


# --- Time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    ["ACK ", "ACK\n", "KZ-2026-000123,", "- ", "-", "_ ", "> \n", "On 1 wrote", "1 пишет: \n", "нужн", "could you ",
     "1:", "From: x\n", "10:05 x:\n", "\n", "a.", "On 10 wrote:\n>x\n", "=", " "],
)  # fmt: skip
def test_a_text_made_to_keep_a_reader_busy_takes_little_time(piece: str) -> None:
    began = time.process_time()
    read_answer(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 3


def test_own_words_keep_their_lines() -> None:
    assert own_words("One.\n\n\n\nTwo.\n> quoted\n>quoted\n  > quoted") == "One.\n\nTwo."
