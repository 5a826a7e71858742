"""Builds the context of any letter: sample people, links and dates that belong to nobody."""

from __future__ import annotations

from typing import Any, cast

from casework.letters import LETTERS, LetterContext, Phrase
from casework.vocabulary import Recipient

Words = dict[str, Any]

_MONTHS = {
    "en": {6: "June"},
    "ru": {6: "июня"},
    "kk": {6: "маусым"},
}

_SAMPLE: dict[str, Words] = {
    "en": {
        "authority": {
            "name": "Ministry of Culture and Information of the Republic of Kazakhstan",
            "unit": "Information Committee, Unit for Online Content",
            "address": "Astana, Mangilik El 8",
            "email": "cases@ministry.example",
            "phone": "+7 7172 00 00 00",
            "duty_phone": "+7 7172 00 00 01",
            "signatory": "A. Sample",
            "signatory_position": "Head of unit",
        },
        "recipient": {
            "reporter": "",
            "platform": "Legal representative",
            "authority": "Prosecutor General's Office",
            "police": "Cyber unit on duty",
        },
        "liaison": "Regional liaison",
        "instrument": "Request of the authorised body",
        "ground": "Local law and platform rules",
        "requested_action": "Not show the items in the stated countries",
        "priority": "P2 (high)",
        "category": "Advertising of online casinos",
        "child_category": "Cyberbullying of a child",
        "territory": "Kazakhstan",
        "law": "Law “On Online Platforms and Online Advertising”, Art. 9(4)(2)",
        "law_title": "Consideration of the request of the authorised body",
        "other_law": "Law “On Communications”, Art. 41-1(1)",
        "other_law_title": "Suspension of access to unlawful information",
        "policy": "Community standards: restricted goods and services",
        "own_rules": "Our rules for handling reports",
        "own_counted": [
            "Report received on 24 June 2026.",
            "Three working days; the day of receipt is not counted.",
        ],
        "acted": ("Removed everywhere", "Not shown in the country"),
        "reasons": "The posts advertise a casino that has no licence in Kazakhstan.",
        "kinds": ("Post", "Video"),
        "outcomes": ("No answer yet", "Not shown in the country"),
        "item_reason": "Names the casino and gives a code for a bonus.",
        "counted": [
            "Notice received by the platform on 24 June 2026 at 15:00.",
            "24 hours run without a break.",
        ],
        "missing": ["The exact link to the post.", "The day on which you saw it."],
        "question": "Is the account still active?",
        "rungs": ("Reminder to the platform", "Letter to the regional liaison"),
        "overdue": "1 day 2 hours",
        "disposition": "The platform acted on everything",
        "redress": "You may object in writing within three months, or turn to the administrative court.",
        "emergency": ["112: emergency services", "111: help for children and families"],
        "authentic": "Kazakh",
        "zone": "Astana time",
        "duty_name": "Consideration by the expert group",
        "extended_counted": ["Report received on 24 June 2026.", "Three working days, extended by one working day."],
        "extension_reasons": "The expert group is waiting for a translation of the report.",
    },
    "ru": {
        "authority": {
            "name": "Министерство культуры и информации Республики Казахстан",
            "unit": "Комитет информации, отдел по работе с онлайн-контентом",
            "address": "г. Астана, пр. Мәңгілік Ел, 8",
            "email": "cases@ministry.example",
            "phone": "+7 7172 00 00 00",
            "duty_phone": "+7 7172 00 00 01",
            "signatory": "А. Образцов",
            "signatory_position": "Руководитель отдела",
        },
        "recipient": {
            "reporter": "",
            "platform": "Законному представителю",
            "authority": "Генеральная прокуратура",
            "police": "Дежурная часть",
        },
        "liaison": "Региональному представителю",
        "instrument": "Запрос уполномоченного органа",
        "ground": "Закон страны и правила платформы",
        "requested_action": "Не показывать материалы в указанных странах",
        "priority": "P2 (высокий)",
        "category": "Реклама онлайн-казино",
        "child_category": "Кибербуллинг в отношении ребенка",
        "territory": "Казахстан",
        "law": "Закон «Об онлайн-платформах и онлайн-рекламе», ст. 9, п. 4, пп. 2)",
        "law_title": "Рассмотрение запроса уполномоченного органа",
        "other_law": "Закон «О связи», ст. 41-1, п. 1",
        "other_law_title": "Приостановление доступа к противоправной информации",
        "policy": "Нормы сообщества: товары и услуги с ограничениями",
        "own_rules": "Наш порядок работы с заявлениями",
        "own_counted": [
            "Заявление получено 24 июня 2026 года.",
            "Три рабочих дня; день получения не считается.",
        ],
        "acted": ("Удалено везде", "Не показывается в стране"),
        "reasons": "Публикации рекламируют казино, не имеющее лицензии в Казахстане.",
        "kinds": ("Публикация", "Видео"),
        "outcomes": ("Ответа пока нет", "Не показывается в стране"),
        "item_reason": "Называет казино и дает код на бонус.",
        "counted": [
            "Уведомление получено платформой 24 июня 2026 года в 15:00.",
            "24 часа текут непрерывно.",
        ],
        "missing": ["Точная ссылка на публикацию.", "День, когда вы ее увидели."],
        "question": "Аккаунт еще действует?",
        "rungs": ("Напоминание платформе", "Письмо региональному представителю"),
        "overdue": "1 день 2 часа",
        "disposition": "Платформа приняла все меры",
        "redress": "Вы можете подать жалобу в течение трех месяцев или обратиться в административный суд.",
        "emergency": ["112: экстренные службы", "111: помощь детям и семьям"],
        "authentic": "казахский",
        "zone": "время Астаны",
        "duty_name": "Рассмотрение экспертной группой",
        "extended_counted": [
            "Заявление получено 24 июня 2026 года.",
            "Три рабочих дня, продлены на один рабочий день.",
        ],
        "extension_reasons": "Экспертная группа ждет перевода заявления.",
    },
    "kk": {
        "authority": {
            "name": "Қазақстан Республикасының Мәдениет және ақпарат министрлігі",
            "unit": "Ақпарат комитеті, онлайн-контентпен жұмыс бөлімі",
            "address": "Астана қ., Мәңгілік Ел даңғылы, 8",
            "email": "cases@ministry.example",
            "phone": "+7 7172 00 00 00",
            "duty_phone": "+7 7172 00 00 01",
            "signatory": "А. Үлгібаев",
            "signatory_position": "Бөлім басшысы",
        },
        "recipient": {
            "reporter": "",
            "platform": "Заңды өкілге",
            "authority": "Бас прокуратура",
            "police": "Кезекші бөлім",
        },
        "liaison": "Өңірлік өкілге",
        "instrument": "Уәкілетті органның сұратуы",
        "ground": "Ел заңы және платформа қағидалары",
        "requested_action": "Материалдарды аталған елдерде көрсетпеу",
        "priority": "P2 (жоғары)",
        "category": "Онлайн-казино жарнамасы",
        "child_category": "Балаға қатысты кибербуллинг",
        "territory": "Қазақстан",
        "law": "«Онлайн-платформалар және онлайн-жарнама туралы» Заң, 9-бап, 4-тармақ, 2) тармақша",
        "law_title": "Уәкілетті органның сұратуын қарау",
        "other_law": "«Байланыс туралы» Заң, 41-1-бап, 1-тармақ",
        "other_law_title": "Құқыққа қайшы ақпаратқа қол жеткізуді тоқтата тұру",
        "policy": "Қоғамдастық нормалары: шектелген тауарлар мен қызметтер",
        "own_rules": "Өтініштермен жұмыс істеу тәртібіміз",
        "own_counted": ["Өтініш 2026 жылғы 24 маусымда түсті.", "Үш жұмыс күні; түскен күн есептелмейді."],
        "acted": ("Барлық жерден жойылды", "Елде көрсетілмейді"),
        "reasons": "Жарияланымдар Қазақстанда лицензиясы жоқ казиноны жарнамалайды.",
        "kinds": ("Жарияланым", "Бейнежазба"),
        "outcomes": ("Әзірге жауап жоқ", "Елде көрсетілмейді"),
        "item_reason": "Казиноны атап, бонус кодын береді.",
        "counted": [
            "Платформа хабарламаны 2026 жылғы 24 маусымда 15:00-де алды.",
            "24 сағат үзіліссіз есептеледі.",
        ],
        "missing": ["Жарияланымның нақты сілтемесі.", "Оны көрген күніңіз."],
        "question": "Аккаунт әлі жұмыс істей ме?",
        "rungs": ("Платформаға еске салу", "Өңірлік өкілге хат"),
        "overdue": "1 күн 2 сағат",
        "disposition": "Платформа барлық шараны қолданды",
        "redress": "Үш ай ішінде шағым бере аласыз немесе әкімшілік сотқа жүгіне аласыз.",
        "emergency": ["112: жедел қызметтер", "111: балалар мен отбасыларға көмек"],
        "authentic": "қазақ тілі",
        "zone": "Астана уақыты",
        "duty_name": "Сараптама тобының қарауы",
        "extended_counted": ["Өтініш 2026 жылғы 24 маусымда түсті.", "Үш жұмыс күні, бір жұмыс күніне ұзартылды."],
        "extension_reasons": "Сараптама тобы өтініштің аудармасын күтіп отыр.",
    },
}

LINKS = ("hxxps://instagram[.]example/p/AbC123", "hxxps://instagram[.]example/reel/XyZ789")
"""Defanged and under a reserved name: nobody can ever be behind them."""

_ESCALATED = {"liaison_escalation": 1, "liaison_head_escalation": 2, "authority_escalation": 2}
_OVERDUE = {"platform_reminder", "overdue_reminder", *_ESCALATED}
_URGENT = {"police_referral", "duty_alert"}
_OWN_DUTY_BY_LAW = {"extension_notice", "overdue_reminder"}
_DUE = {"extension_notice": (30, 18), "overdue_reminder": (29, 18)}
_COUNTED = {"extension_notice": "extended_counted", "overdue_reminder": "own_counted"}
_WITHOUT_DEADLINE = {"decline", "closure", "police_referral"}


def moment(language: str, day: int, hour: int, minute: int = 0) -> Phrase:
    """A moment of June 2026, told in Asia/Almaty (+05:00) and in UTC."""
    month = _MONTHS[language][6]
    date = {
        "en": f"{day} {month} 2026",
        "ru": f"{day} {month} 2026 года",
        "kk": f"2026 жылғы {day} {month}",
    }[language]
    zone = _SAMPLE[language]["zone"]
    return {
        "local": f"{date}, {hour:02}:{minute:02} ({zone}, UTC+05:00)",
        "utc": f"2026-06-{day:02} {hour - 5:02}:{minute:02} UTC",
    }


def context(letter: str, language: str, **overrides: object) -> LetterContext:
    """The context of one letter in one language; any key may be overridden."""
    words = _SAMPLE[language]
    recipient = LETTERS[letter].recipient
    urgent = letter in _URGENT
    child = bool(overrides.get("child", urgent))
    own_by_law = letter in _OWN_DUTY_BY_LAW
    statutory = own_by_law or (recipient is not Recipient.REPORTER and not urgent)
    outcomes = words["acted"] if letter == "closure" else words["outcomes"]
    built: LetterContext = {
        "language": language,
        "letter_number": "12-07/418",
        "case_number": "KZ-2026-000123",
        "submission_number": "KZ-2026-000123/1",
        "written": moment(language, 30, 20) if letter == "overdue_reminder" else moment(language, 26, 17),
        "received": moment(language, 24, 9, 30),
        "submitted": moment(language, 24, 15),
        "recipient_name": words["recipient"].get(recipient.value, words["liaison"]),
        "authority": words["authority"],
        "platform": "Instagram",
        "platform_legal_entity": "Example Platforms Ltd",
        "platform_reference": "EX-778899",
        "instrument": words["instrument"],
        "instrument_code": "request",
        "ground": words["ground"],
        "requested_action": words["requested_action"],
        "priority": "P0" if urgent else words["priority"],
        "category": words["child_category"] if child else words["category"],
        "territories": [words["territory"]],
        "legal_basis": [
            {"citation": words["law"], "title": words["law_title"], "verified": True},
            {"citation": words["other_law"], "title": words["other_law_title"], "verified": False},
        ],
        "policy_basis": [words["policy"]],
        "reasons": words["extension_reasons" if letter == "extension_notice" else "reasons"],
        "items": [
            {
                "number": number,
                "link": link,
                "kind": kind,
                "category": words["category"],
                "outcome": outcome,
                "reason": words["item_reason"],
            }
            for number, (link, kind, outcome) in enumerate(zip(LINKS, words["kinds"], outcomes, strict=True), start=1)
        ],
        "deadline": None
        if letter in _WITHOUT_DEADLINE
        else {
            "due": moment(language, *_DUE.get(letter, (25, 15) if statutory else (29, 18))),
            "counted": words[_COUNTED.get(letter, "counted" if statutory else "own_counted")],
            "source": words["other_law" if own_by_law else "law" if statutory else "own_rules"],
            "verified": not statutory,
            "statutory": statutory,
            "qualitative": "",
        },
        "overdue": words["overdue"] if letter in _OVERDUE else "",
        "duty_name": words["duty_name"] if letter == "overdue_reminder" else "",
        "repeat": 0,
        "missing": words["missing"],
        "question": words["question"],
        "rungs": [
            {"number": n, "name": name, "sent": moment(language, 25, 15 + n), "acknowledged": False}
            for n, name in enumerate(words["rungs"][: _ESCALATED.get(letter, 0)], start=1)
        ],
        "rung": _ESCALATED.get(letter, 0) + 1,
        "ack_due": moment(language, 27, 17) if letter.startswith("liaison") else None,
        "preserve": True,
        "child": child,
        "disposition": words["disposition"],
        "disposition_code": "action_taken",
        "statement": "",
        "redress": words["redress"],
        "emergency_numbers": words["emergency"],
        "reply_to": "reply@ministry.example",
        "authentic_language": words["authentic"],
    }
    unknown = overrides.keys() - LetterContext.__annotations__.keys()
    if unknown:
        raise KeyError(f"not in LetterContext: {', '.join(sorted(unknown))}")
    return cast(LetterContext, {**built, **overrides})
