"""The words by which letters of authorities are read: one table per question, all languages together.

Nothing here knows a particular authority or letter. To teach the reader a language, add its words to
the tables. Every pattern is bounded, so that no text can make the reading slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# --- Where a link stands --------------------------------------------------------------------------------

CONTENT_WORDS = _any(
    r"\bURLs?\b|web-?\s?pages?|web-?\s?sites?|\blinks?\b|\bfollowing\b|\blocated (?:on|at)|\bhost(?:ed"
    r"|s)\b",
    r"\bpost(?:ed|s)?\b|\bcontents?\b|\baccounts?\b|\bprofiles?\b|\bchannels?\b|\brepositor|\bpages?\b"
    r"|\bannex",
    r"\billegal|\bunlawful|\bprohibited|\binfring|\bremov|\bdelet|\bblock|\btake down|\bdisabl|\baddress",
    r"указател|страниц|ссылк|размещ|\bсайт|\bадрес|материал|контент|аккаунт|профил|\bканал|публикац|удал"
    r"|запрещ",
    r"сілтеме|парақша|\bбет(?:і|ін|тер|те)|мекенжай|жарияла|орналас|тыйым салынған|жою",
    r"\benlaces?\b|p[áa]gina|\bdirecci[óo]n|\bsitio|contenido|repositorio|\bcuentas?\b|alojad|\bretir"
    r"|\belimin|bloque",
    r"\bcop(?:y|ies)\b|\bmirror|\bfound (?:at|here)|\bavailable (?:at|here)|зеркал|\bкопи[яи]"
    r"|доступ(?:на|ны|ен) по",
    r"链接|网址|网页|页面|账号|帐号|仓库|附件|以下|如下|违法|删除",
    r"\blien|\bcontenu|\bInhalt|\bSeite|bağlantı|içerik|посиланн|матеріал|havola|шилтеме",
)
LAW_WORDS = _any(
    r"\blegislation|\blaws?\b|\bacts?\b|\bcode\b|\bordinance|\bresolution of|terms of (?:service|use)"
    r"|\bpolic(?:y|ies)\b",
    r"закон|кодекс|постановлен|правил|заң|\bley\b|\bc[óo]digo|real decreto|normativa|法律|法规|条例|\bloi\b"
    r"|gesetz",
)
INFORMATION_WORDS = _any(
    r"(?:more|further|additional) (?:information|details)|\bvisit\b|\bfollow us|contact us"
    r"|\bour (?:official )?\w+|official",
    r"download|подробн|официальн|скачать|приложени|\bнаш\w*|ознакомиться|m[áa]s informaci[óo]n|oficial"
    r"|descarg",
    r"consult(?:ar|e)|ресми|толығырақ|танысу|官方|下载|详见|更多信息",
)
OWN_CHANNEL_WORDS = _any(
    r"follow us|\bour (?:official |own )?(?:page|channel|account|profile|site|website)|official (?:page"
    r"|channel|account)",
    r"официальн\w+ (?:канал|страниц|аккаунт|сайт|групп)|наш\w* (?:канал|страниц|аккаунт|сайт|групп)"
    r"|подписывайтесь",
    r"s[íi]ganos|nuestr[oa] (?:canal|p[áa]gina|cuenta|perfil)|(?:canal|p[áa]gina|cuenta|perfil) oficial",
    r"ресми (?:арна|парақша|бет|аккаунт|сайт)|біздің (?:арна|парақша|бет)|官方(?:账号|网站|频道)",
)
_REGISTER = r"(?:\bregist(?:er|ry)\b|реестр|тізілім|\bregistro\b|登记|名录)"
REGISTER_SENTENCE = _any(
    r"(?:information|details|list|сведени|ақпарат|мәлімет|informaci[óo]n|信息)[^.!?\n]{0,300}?"
    + _REGISTER
    + r"[^.!?\n]{0,200}?(?:availab|accessib|доступн|қолжетімді|disponible|consult|查询)",
    r"(?:information|details|list|сведени|ақпарат|мәлімет|informaci[óo]n)[^.!?\n]{0,300}?"
    r"(?:availab|accessib|доступн|қолжетімді|disponible)[^.!?\n]{0,100}?" + _REGISTER,
    r"сведени\w+ о (?:включени|внесени|наличи)[^.!?\n]{0,300}?доступн",
    r"information (?:about|on) (?:the )?(?:entering|entry|inclusion"
    r"|availability)[^.!?\n]{0,300}?(?:availab|accessib)\w+ (?:on|at)",
)
LAW_ADDRESS = re.compile(
    r"(?:^|\.)(?:zan\.kz|zakon\.kz|consultant\.ru|garant\.ru|pravo\.gov\.ru|boe\.es|eur-lex\.europa\.eu"
    r"|legislation\.gov\.uk"
    r"|elegislation\.gov\.hk|sso\.agc\.gov\.sg|flk\.npc\.gov\.cn|legifrance\.gouv\.fr"
    r"|gesetze-im-internet\.de|lex\.uz)$"
)
GOVERNMENT_ADDRESS = re.compile(
    r"(?:^|\.)(?:(?:gov|gob|gouv|gub|govt|go|gv|mil)(?:\.[a-z]{2})?|gc\.ca|europa\.eu|admin\.ch|bund\.de"
    r"|int)$"
)
APP_STORES = frozenset(
    {
        "apps.apple.com",
        "itunes.apple.com",
        "play.google.com",
        "appgallery.huawei.com",
        "rustore.ru",
        "apps.rustore.ru",
    }
)
HELP_ADDRESS = re.compile(
    r"(?:^|\.)(?:help|docs|support|about|transparency|policies|legal|safety|terms)\."
    r"|/(?:help|terms|tos|legal|policies|policy|privacy|rules|about|support|site-policy"
    r"|communitystandards)(?:[/?]|$)",
    re.IGNORECASE,
)

# --- Who writes -----------------------------------------------------------------------------------------

_STRONG_BODIES = (
    r"\b(?:Ministry|Federal (?:Service|Agency|Police)|Police|Court|Tribunal|Prosecutor\w*|Bureau|Agency"
    r"|Commission(?!er\b)"
    r"|Authority|Commissioner|Committee|Directorate|Regulator|Association|Guard)\b|\w*CERT\b"
    r"|Министерств\w*|Федеральн\w+ служб\w*|Комитет\w*|Агентств\w*|Прокуратур\w*|Управлени\w+|Полици[яи]"
    r"|Роскомнадзор\w*"
    r"|Министрлі\w*|Комитет\w*|Агентті\w*|Прокуратурас\w*|Департамент\w*|Полиция"
    r"|\bMinisterio\b|\bGuardia Civil\b|\bPolic[íi]a\b|\bJuzgado\b|\bFiscal[íi]a\b|\bAudiencia\b"
    r"|\bAgencia\b"
    r"|\bMossos d['’]Esquadra\b|\bTribunal\b|\bDirecci[óo]n General\b|\bComisi[óo]n\b"
    r"|公安部|公安局|公安厅|人民法院|检察院|办公室|委员会|协会|管理局|保卫局|\bMinist[èe]re\b|Bundes\w+|Міністерств\w*"
)
_WEAK_BODIES = (
    r"\b(?:Department|Office|Division|Service|Unit|Centre|Center|Council)\b"
    r"|Отдел\w*|Служб\w*|Центр\w*|\bUnidad\b"
)
STRONG_BODY = re.compile(_STRONG_BODIES, re.IGNORECASE)
WEAK_BODY = re.compile(_WEAK_BODIES, re.IGNORECASE)
CLOSING = re.compile(
    r"^\s*[\W_]{0,3}(?:(?:best|kind|warm)?\s*(?:regards|wishes)|(?:yours )?(?:sincerely|faithfully"
    r"|truly)|best,|thanks?\b"
    r"|с уважением|құрметпен|atentamente|un saludo|saludos|reciba|此致|敬礼|谢谢|cordialement"
    r"|mit freundlichen|з повагою)",
    re.IGNORECASE,
)
SENDER_PHRASES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bon behalf of (?:the )?([^.!?;\n]{4,160}?)(?=, (?:I|we)\b|[.!?;\n]|$)",
        r"\bmessage from (?:the )?([^.!?;]{4,200}?)(?=[.!?;]|$)",
        r"\bgreetings from (?:the )?(\S{2,60})",
        r"\b(?:I am|we are|this is)(?: an?)?(?: officer| agent| member)?(?: of| from)? (?:the )?"
        r"((?-i:[A-Z])[^.!?;\n]{3,120}?)(?=[.!?;,\n]|$)",
        r"\bот имени ([^.!?;,\n]{4,160})",
        r"我(?:代表|是)([^，。；,\n]{3,40})",
        r"\ben nombre de(?:l| la)? ([^.!?;,\n]{4,160})",
        r"signed (?:electronically )?by (?:the )?([^.!?;\n]{6,200}?)(?=[.!?;\n]|$)",
        r"подписано [^.!?;\n]{0,60}подписью ([^.!?;\n]{6,200})",
    )
)
WRAPPED = re.compile(r"(?:,|\b(?:and|of|for|in|the|de|y|и|в|по|за|сфере)|&)$", re.IGNORECASE)

COUNTRIES: dict[str, re.Pattern[str]] = {
    code: re.compile(pattern)
    for code, pattern in {
        "KZ": r"Kazakhstan|Қазақстан|Казахстан",
        "RU": r"Russian?\b|Росси|РОССИ|\bРФ\b",
        "CN": r"People's Republic of China|\bChina|Chinese|中国|中华人民共和国|我国",
        "HK": r"Hong Kong|HKSAR|香港",
        "SG": r"Singapore",
        "ES": r"Spain|Spanish|España|Español|español|Guardia Civil",
        "UA": r"Ukrain|Україн|Украин",
        "UZ": r"Uzbekistan|O.zbekiston|Ўзбекистон|Узбекистан",
        "KG": r"Kyrgyz|Кыргыз",
        "BY": r"Belarus|Беларус",
        "TR": r"Türkiye|Turkey|Turkish",
        "IN": r"\bIndian?\b",
        "FR": r"\bFrance\b|French|français",
        "DE": r"Germany|German\b|Deutschland|deutsche",
        "GB": r"United Kingdom|\bUK\b",
        "AU": r"Australia",
        "EU": r"European (?:Union|Commission)",
    }.items()
}

# --- What the letter rests on ---------------------------------------------------------------------------

_NUMBER = r"(?:№|N[oº]?\.?(?=\s?\d)|n\.?º)\s?[\w/\-]+"
_DATED = r"(?:(?:dated?|of|from|от|de)\s)?\d{1,2}[./]\d{1,2}[./]\d{2,4}(?:\s?г\.)?"
_LAW_EN = r"(?:Laws?|Code|Acts?|Ordinance|Constitution|Convention|Regulations?|Rules|Directive|Decree)\b"
_SUBJECT = r"(?:\s(?:for|on|concerning|against)\s(?:the\s)?[A-Z]\w+(?:\s(?:and\s|of\s)?[A-Z]\w+){0,6})?"
_LAW_RU = r"(?:[Зз]акон\w*|ЗАКОН\w*|[Кк]одекс\w*|Конституци\w*|\bУК\b|\bГК\b|КоАП)"
_LAW_ES = r"(?:C[óo]digo [A-Z]\w+|Ley(?: Org[áa]nica)?|Real Decreto(?:-[Ll]ey)?|Constituci[óo]n|Reglamento)"
_SIGN = r"(?:[^.;\n]|(?<=\d)\.(?=\d|\s?(?:of|\d))|(?<=\b[nN]o)\.|(?<=\bCap)\.|(?<=\b[nN])\.)"
_AFTER = rf"(?:,?\s(?:Cap\.\s?\d+|\d{{4}}\b|{_DATED}|{_NUMBER}|\d+-(?:FZ|ФЗ|V|VI|VII)\b)){{0,3}}"
LEGAL_BASES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:(?:[Pp]aragraph|[Pp]art|No\.?)\s\w{{1,4}}\sof\s)?\b(?:[AaSs](?:rticles?|ections?)|Art\."
        rf"|ARTICLE|SECTION)\s?\d[\w.\-()]*"
        rf"{_SIGN}{{0,90}}?\b{_LAW_EN}{_SUBJECT}{_AFTER}",
        r"\b(?:[A-Z][\w’'\-]{1,30} (?:(?:of|and|for|on|the) ){0,2}){1,7}(?:Ordinance|Act"
        r"|Code)(?:,? \(?(?:Cap\.? ?\d+|Chapter \d+|\d{4})\)?)",
        rf"\b(?:Federal )?Law(?: of [A-Z][a-z]+ \d{{1,2}}, \d{{4}}| {_DATED})?,?\s(?:{_NUMBER}"
        rf"|\d+-FZ\b){_AFTER}",
        r"\b(?:Regulation|Directive|Decision) \((?:EU|EC)\) (?:No )?\d{2,4}/\d+"
        r"|\b[Rr]esolution of the [A-Z]"
        r"[^.;\n]{3,80}?(?:№ ?|No\.? ?|, \d{4} )\d+(?:-\w+)?",
        rf"(?:част\w+ [\d,\- и]+ )?\b[Сс]т(?:ать\w+|атей|\.)\s?\d[\d.\-, и]*{_SIGN}{{0,60}}?{_LAW_RU}"
        rf"(?:{_SIGN}{{0,60}}?{_NUMBER}|[^.;,\n]{{0,24}}(?:Федерации|Казахстан|РФ|РК))?",
        rf"(?:Федеральн\w+\s)?[Зз]акон\w*\s(?:РК\s"
        rf"|Республики Казахстан\s)?(?:от\s[\d. \w]{{6,24}}?\s)?{_NUMBER}",
        r"(?:«[^»\n]{2,90}»\s(?:туралы\s)?)?(?:[А-ЯӘҒҚҢӨҰҮҺІ][\wәғқңөұүһі-]*\s){0,4}(?:Заң|заң"
        r"|[Кк]одекс)\w*[^.;\n]{0,24}?"
        r"\d+(?:-\d+)?-ба[пб]\w*(?:ының\s\d+-\w+)?",
        rf"\b(?:[Aa]rt[íi]culos?|[Aa]rts?\.)\s?\d[\d.]*(?:\s(?:bis|ter"
        rf"|qu[áa]ter))?(?:{_SIGN}{{0,50}}?)\b{_LAW_ES}"
        rf"(?:\s(?:n\.?º\s?)?\d+/\d{{4}})?",
        r"\b(?:Ley(?: Org[áa]nica)?|Real Decreto(?:-[Ll]ey)?)\s\d+/\d{4}",
        r"《[^》\n]{2,60}》?(?:（[^）\n]{1,12}）)?(?:第[〇零一二三四五六七八九十百千\d]+[条款项](?:之[一二三四五])?){1,3}",
        r"《[^》\n]{2,60}(?:法|条例|规定|办法|解释[^》\n]{0,8})》",
        r"(?:(?:Artikel|Article|Art[íi]culo|article)\s\d[\d.]*\s(?:Absatz\s\d+\s)?(?:der|du|del)\s)?"
        r"(?:Verordnung|Richtlinie|[Rr]èglement|Reglamento|Directiva)\s\((?:EU|UE|EG)\)\s\d{2,4}/\d+",
        r"§{1,2}\s?\d+[a-z]?(?:\sAbs\.\s?\d+)?\s(?:[A-Z][A-Za-z]{1,8}G?B?)\b"
        r"|\b[Aa]rticles?\s(?:L\.?\s?)?\d[\d\-]*\sdu\s[Cc]ode\s\w+",
    )
)

# --- Numbers --------------------------------------------------------------------------------------------

_WITH_DIGIT = r"([\w./\-]{0,40}?\d[\w./\-]{0,40})"
REFERENCES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:incident |case |our |file )?ref(?:erence|\.)(?: number"
        rf"| no\.?)?\s?[:(#]{{0,2}}\s?(?:№\s?)?{_WITH_DIGIT}",
        rf"\b(?:case|ticket|incident|report) (?:number|no\.?|id)\s?[:(#]?\s?{_WITH_DIGIT}",
        rf"\b(?:исх(?:одящий|\.)?|шығ(?:ыс|\.)?|рег\.)\s?(?:номер|нөмір\w*)?\s?(?:№|N)\s?{_WITH_DIGIT}",
        rf"\b(?:n(?:uestra)?/?\s?ref(?:erencia|\.)?|referencia|expediente|diligencias(?: previas)?"
        rf"|asunto)\s?[:.]?\s?(?:n\.?º\s?)?{_WITH_DIGIT}",
        rf"(?:number of the regist(?:er|ry) entry|regist(?:er|ry) entry (?:number"
        rf"|no\.?))(?: is)?\s?:?\s?{_WITH_DIGIT}",
        rf"номер реестровой записи\s?:?\s?{_WITH_DIGIT}",
        rf"(?:文号|编号|案号)\s?[:：]?\s?{_WITH_DIGIT}",
    )
)
_DECIDED = (
    r"(?:\b[Dd]ecision|\b[Oo]rder\b|\b[Dd]emand\b|\b[Rr]uling|\b[Jj]udge?ment|\b[Pp]rescription"
    r"|[Рр]ешени[ея]м?\b|[Тт]ребовани\w+"
    r"|[Оо]пределени\w+|[Пп]остановлени\w+|[Пп]редписани\w+|[Шш]ешім\w*|[Нн]ұсқама\w*|\b[Aa]uto\b"
    r"|\b[Ss]entencia|\b[Rr]esoluci[óo]n"
    r"|判决|裁定)"
)
DECISION = re.compile(
    rf"{_DECIDED}(?:[^.;\n]|(?<=\d)\.(?=\d)){{0,120}}?(?:{_NUMBER}|{_DATED})(?:\s(?:{_DATED}"
    rf"|{_NUMBER})){{0,2}}"
)
DECISION_IS_A_LAW = _any(r"government|правительств|cabinet|үкімет|gobierno")

# --- What is asked, and why -----------------------------------------------------------------------------

REQUESTED_ACTIONS: dict[str, re.Pattern[str]] = {
    "remove": _any(
        r"\b(?:please|kindly|request\w*|recommend|suggest\w*|ask|demand|need|measures|must|has|shall"
        r"|should|also)\b[^.!?\n]{0,120}?"
        r"\b(?:remov|delet|take ?down|taken down|eras)\w*|\bremoval of (?:these|this|the)\b",
        r"(?:прос\w+|необходимо|требу\w+|обязан\w*|мер)[^.!?\n]{0,160}?удал\w+|удалить",
        r"жою\w*|өшір\w+|(?:solicit|requ|ruego|orden|acuerd|proced)\w*[^.!?\n]{0,160}?(?:retir|elimin"
        r"|borr|supr)\w*|删除|清除|移除",
        r"\bEntfern|\bentfern|\blösch|\bretrait\b|\bsupprim|\bretirer\b|видал(?:ити|ення)|kaldır"
        r"|olib tashla",
    ),
    "restrict_in_country": _any(
        r"\b(?:please|kindly|request\w*|is to be|must|need|direct(?:ed|s)?|order(?:ed"
        r"|s)?)\b[^.!?\n]{0,80}?\b(?:block|restrict|geo-?block|disable|limit)\w*"
        r"[^.!?\n]{0,40}?\baccess|access[^.!?\n]{0,100}?\bis to be restricted",
        r"(?:доступ[^.!?\n]{0,100}?должен быть ограничен|прос\w+[^.!?\n]{0,80}?ограничить доступ)"
        r"|қолжетімділікті шектеу",
        r"bloque\w*[^.!?\n]{0,60}?(?:acceso|España)|please[^.!?\n]{0,60}?\bblock (?:them|it|these|this)"
        r"|看不到|屏蔽|not (?:be )?(?:available|visible)[^.!?\n]{0,40} in ",
    ),
    "suspend_account": _any(
        r"\b(?:shut down|ban|suspend|close|disable|terminate|deactivat)\w*[^.!?\n]{0,50}?\b(?:account"
        r"|user|publisher)",
        r"заблокир\w+[^.!?\n]{0,30}?(?:аккаунт|учетн)|аккаунтты (?:бұғатта|жаб)|(?:cierre|suspen\w+"
        r"|cancel\w+) [^.!?\n]{0,40}?cuenta|封禁",
    ),
}
REASON_WORDS = _any(
    r"\bviolat|\bcontrary to|\bcontravene|\bin breach of|\bconstitut(?:e|es|ing)\b|\bcriminal offence"
    r"|\bdefined as|\binfring",
    r"\bcontains?\b[^.!?\n]{0,12} ?(?:the )?(?:information|appeals|data|signs|propaganda|calls"
    r"|materials)|recognized[^.!?]{0,160}prohibited",
    r"\bharm(?:s|ful)?\b|could be used to|\bdue to the fact|\bcommit (?:cyber)?crime|\bdisseminat"
    r"|\bfraud|\bphishing|\bmalware",
    r"содерж(?:ит|ащ\w+ (?:призыв|признак))|в связи с тем|наруш(?:ени|а)|призыв|призна(?:на|но|ны) "
    r"|пропаганд|о способах?",
    r"бұз(?:ады|ылған|у)|қайшы|насихат|шақыр|тыйым салынған|constituye|vulnera|infring|contrav|incit"
    r"|delitos?\b(?!@)|presunt[oa]|违反|触犯|危害|邪教",
)
CONDITIONAL = _any(r"^\W*(?:in case|if|otherwise|unless|в случае|если|егер|en caso|si |如果|within \d|в течение)")

CATEGORIES: dict[str, re.Pattern[str]] = {
    "csam": _any(
        r"\bCSAM\b|child (?:sexual|porn)\w*|sexual (?:abuse|exploitation) of (?:children|minors|a child)"
        r"|детск\w+ порнограф\w*",
        r"порнограф\w+[^.\n]{0,40}несовершеннолетн\w*|балалар порнограф\w*|pornograf[íi]a infantil"
        r"|abuso sexual (?:de menores|infantil)|儿童色情",
    ),
    "grooming_or_sexual_extortion_of_minor": _any(r"\bgroom(?:ing|ed)\b|\bsextort\w+|груминг|ciberacoso sexual"),
    "cyberbullying_child": _any(r"cyber-?bull\w+|кибербуллинг\w*|травл[яеи]\w*|ciberacoso|acoso escolar|网络欺凌"),
    "suicide_or_self_harm": _any(
        r"suicid\w*|self-?harm|самоуби[йв]\w*|суицид\w*|өзін[- ]өзі өлтір\w*|өз-өзіне қол жұмса\w*|自杀"
        r"|autolesi\w+"
    ),
    "drugs": _any(
        r"\bdrugs?\b|narcotic\w*|наркотик\w*|наркотическ\w*|психотропн\w*|есірткі\w*|\bdrogas?\b"
        r"|estupefaciente\w*|毒品"
    ),
    "terrorism_extremism": _any(r"terror\w*|extremis\w*|экстремис\w*|террор\w*|лаңкес\w*|恐怖主义|极端主义"),
    "malware": _any(
        r"malware|malicious (?:app|code|software)\w*|ransomware|trojan|вредоносн\w*|зиянды бағдарлама\w*"
        r"|c[óo]digo malicioso|恶意软件"
    ),
    "fraud": _any(
        r"\bfraud\w*|phishing|\bscam\w*|\bfake\b|\bforg(?:ery|ed)\b|pyramid scheme\w*|мошенни\w*"
        r"|фишинг\w*|финансов\w+ пирамид\w*",
        r"алаяқ\w*|estafa\w*|fraude\w*|suplantaci[óo]n|诈骗|钓鱼",
    ),
    "gambling_advertising": _any(
        r"gambl\w*|\bcasinos?\b|\bbetting\b|азартн\w+|казино|букмекер\w*|құмар ойын\w*|juegos? de azar"
        r"|apuestas|赌博"
    ),
    "copyright": _any(
        r"copyright\w*|exclusive rights|авторск\w+|смежн\w+ прав|зияткерлік|propiedad intelectual"
        r"|derechos de autor|著作权|版权"
    ),
    "hate_incitement": _any(
        r"\bhate speech|\bhatred\b|incitement to (?:hatred|violence)|розн[ьи]\b|ненавист\w*|араздық\w*"
        r"|\bodio\b|仇恨"
    ),
    "privacy_personal_data": _any(
        r"personal (?:data|information) of|\bdoxx\w*|персональн\w+ данн\w+|дербес дерек\w*"
        r"|datos personales|个人信息"
    ),
    "banned_organisation": _any(
        r"\bcults?\b|\bheresy|undesirable organi[sz]ation|нежелательн\w+ организаци\w*|邪教|法轮功"
    ),
    "false_information": _any(
        r"(?:false|fake) (?:information|news)|misinformation|заведомо ложн\w*|недостоверн\w*"
        r"|жалған ақпарат|informaci[óo]n falsa|谣言"
    ),
    "political_expression": _any(
        r"national (?:honor|honour|interest)|territorial integrity|территориальн\w+\s+целостност\w*"
        r"|mass (?:riots|events)",
        r"массов\w+ (?:беспорядк|мероприят)\w*|des[óo]rdenes p[úu]blicos"
        r"|alteraci\w+ (?:graves? )?del orden p[úu]blico|manifestaciones|国家利益",
    ),
}
POLITICAL_WORDS = _any(
    r"\bcults?\b|\bheresy|territorial integrity|national (?:honor|honour|interest|dignity|unity)"
    r"|separatis|\belections?\b|referendum",
    r"\bprotests?\b|\bdemonstrations?\b|mass (?:riots|events|gatherings)|\brall(?:y|ies)\b"
    r"|insult\w*[^.\n]{0,40}(?:president|state|official|king|flag)",
    r"critici[sz]\w*[^.\n]{0,40}(?:government|official|president)|discredit|foreign agent"
    r"|undesirable organi[sz]ation|state power|subver",
    r"территориальн\w+\s+целостност|сепарат|\bвыбор(?:ы|ов|ах)\b|референдум|митинг"
    r"|массов\w+ (?:беспорядк|мероприят)|дискредитаци",
    r"иностранн\w+ агент|нежелательн\w+ организаци|неуважени\w+ к|оскорблени\w+[^.\n]{0,40}(?:президент"
    r"|власт|государств)|конституционн\w+ стро",
    r"сайлау|митинг|тұтастығ|президент\w*[^.\n]{0,30}қорла|наразылық",
    r"independentis|des[óo]rdenes|orden p[úu]blico|manifestaci[óo]n|protesta|elecciones|refer[ée]ndum"
    r"|injurias a|ultraje|enaltecimiento",
    r"邪教|法轮功|颠覆|分裂国家|国家荣誉|国家利益|选举|抗议|政治",
)
EXTREMISM_WORDS = _any(r"extremis|экстремис|极端主义")
VIOLENCE_WORDS = _any(
    r"terror|violen|\bkill|\bbomb|weapon|explos|террор|насили|убий|взрыв|оружи|лаңкес|зорлық|кісі өлтір"
    r"|armas|恐怖|暴力"
)
ACCOUNT_NAMES = re.compile(
    r"(?:\busers?(?:names?)?|\baccounts?|пользовател\w*|аккаунт\w*|usuarios?|cuentas?|用户|账号|帐号"
    r"|пайдаланушы\w*)\s?:?\s?(?:@|[‘'“\"«「])"
    r"([\w.\-]{2,40})[’'”\"»」]?(?:\s?(?:,|and|и|y|және|和|、)\s?(?:@|[‘'“\"«「])([\w.\-]{2,40})[’'”\"»」]?)?",
    re.IGNORECASE,
)


def words_found(pattern: re.Pattern[str], texts: Iterable[str]) -> int:
    """How many times the words of a table occur."""
    return sum(1 for text in texts for _ in pattern.finditer(text))
