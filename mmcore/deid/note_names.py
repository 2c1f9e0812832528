"""Names of people in notes: those that the case knows, and those that words give away.

A name that is known from a header or a bundle is found in every order and spelling: "Doe, Jane",
"DOE^JANE", "J. Doe", "Mrs Doe", "Jane's". Others are found by a title, a role, a signature or a
label beside them. A name that nothing announces is not found, which is a limit said in the docs.
"""

# ruff: noqa: E501, RUF001 - an expression is read in one line; Chinese has its own punctuation

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mmcore.deid.allowed import vocabulary
from mmcore.deid.records import SpanKind

_PARTICLE = r"(?:van|von|de|del|della|der|den|di|da|dos|la|le|al|el|bin|ibn|ter|ten|St\.?)"
_WORD = r"(?:[A-ZÀ-ÖØ-ÞŠŽ][a-zà-öø-ÿšž'’]{1,30}(?:[A-Z][a-zà-öø-ÿ]{1,30})?|[A-ZÀ-ÖØ-Þ]{2,30}|(?:O|D)['’][A-Z][a-z]+)"
_PART = rf"{_WORD}(?:-{_WORD})?"
_INITIAL = r"[A-Z]\."
NAME = rf"(?:(?:{_INITIAL} ?){{0,3}}(?:{_PARTICLE} ){{0,2}}{_PART}(?: (?:{_INITIAL}|[A-Z](?= [A-Z])|{_PARTICLE}|{_PART})){{0,3}})"
_LISTED = rf"(?:{_PART},? (?:{_PART}|{_INITIAL})(?: (?:{_PART}|{_INITIAL})){{0,2}})"
_TITLE = r"(?:Dr|Drs|Prof|Professor|Doctor|Mr|Mrs|Ms|Miss|Mx|Sir|Dame|Sr|Sra|Herr|Frau|Mme|Nurse|Sister|RN|Chaplain|Rev|Reverend|Rabbi|Imam|Pastor|Officer|Sgt|Captain|Judge)"
_CREDENTIAL = r"(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|FRCR|FRCP|MRCP|MBBS|MBChB|PA-C|NP|ARNP|CRNP|FACR|RT\(R\))"
_ACT = (
    r"(?:[Ss]een|[Rr]eviewed|[Dd]ictated|[Ss]igned(?: off)?|[Rr]eported|[Rr]ead|[Ee]xamined|[Rr]eferred"
    r"|[Tt]ranscribed|[Ff]ollowed|[Bb]ooked|[Ss]een and examined|[Vv]erified|[Aa]pproved|[Aa]uthenticated|[Aa]ttested|[Pp]erformed|[Ii]nterpreted"
    r"|[Rr]equested|[Oo]rdered|[Aa]ccompanied|[Aa]ssisted|[Pp]repared|[Ww]ritten|[Ee]ntered"
    r"|[Dd]iscussed with|[Ii]nformed|[Cc]ommunicated to|[Nn]otified)"
)
_ROLE = (
    r"(?:[Pp]hysician|[Rr]adiologist|[Ss]urgeon|[Aa]ttending|[Rr]esident|[Cc]onsultant|[Rr]egistrar|[Ff]ellow"
    r"|[Tt]echnologist|[Tt]echnician|[Oo]perator|[Nn]ext of kin|NOK|[Ww]ife|[Hh]usband|[Ss]on|[Dd]aughter"
    r"|[Mm]other|[Ff]ather|[Bb]rother|[Ss]ister|[Ss]pouse|[Pp]artner|[Cc]arer|[Gg]uardian|[Cc]ardiologist"
    r"|[Pp]ulmonologist|[Oo]ncologist|GP|PCP)"
)
_LABEL = (
    r"(?:[Pp]atient(?:'s)?(?: [Nn]ame)?|PATIENT(?: NAME)?|[Nn]ame|NAME|[Pp]t|[Ss]urname|[Ff]orename"
    r"|[Gg]iven [Nn]ame|[Ff]amily [Nn]ame|[Mm]aiden [Nn]ame|[Aa]lso known as|[Aa]ka|[Rr]eferring [Pp]hysician"
    r"|[Rr]eferring|[Aa]ttending|[Rr]adiologist|[Pp]hysician|[Pp]rovider|[Aa]uthor|[Ss]igned|[Oo]rdering|[Oo]rdered|[Rr]equesting|[Rr]equested|[Cc]c|CC|[Cc]opy|COPY"
    r"|[Dd]ear|[Ss]incerely|[Cc]ontact|[Ee]mergency [Cc]ontact|[Nn]ext of [Kk]in|NOK|[Tt]echnologist"
    r"|[Oo]perator|[Rr]eported [Bb]y|[Dd]ictated [Bb]y|[Ss]igned [Bb]y|[Ee]lectronically [Ss]igned [Bb]y)"
)
# Capitalised words that stand where a name could and are none.
NOT_NAMES = frozenset(
    """
    a an the this that no not none unknown patient pt name male female man woman boy girl
    infant he she they his her emergency department ed er icu ccu itu ward team service clinic
    hospital unit floor radiology cardiology surgery medicine oncology neurology pulmonology
    pathology nursing physiotherapy infectious disease family relatives staff nurse doctor
    physician radiologist consultant surgeon resident attending ct mri xr cxr ecg ekg us chest
    lung lungs heart abdomen pelvis head neck spine left right bilateral upper lower normal
    acute chronic covid pneumonia history clinical indication findings impression comparison
    examination technique report note date time age sex dob mrn id ms mr copd chf hiv tb x-ray
    xray pa ap lateral view portable supine on in at by with for and or of to from is was has
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday stable improved admitted presents
    presented exam study image images film hours days weeks months years after before during
    since per via prior previous follow followup agree agreed discussed please thank hello lab
    labs laboratory results result blood culture xxxx bid tid qid qd po prn npo stat cc ml mg pet io institutional review
    board committee council respiratory thoracic vascular orthopaedic orthopedic coli aureus
    pneumoniae difficile diff influenzae tuberculosis epidermidis pyogenes faecalis
    dear sincerely regards faithfully hello hi son daughter wife husband mother father brother
    sister partner technologist technician manager informed scope interpreter operator signed
    checked reported dictated verified officer chaplain specialist secretary pharmacist
    enterococcus lobe lobes hilum apex base pleura effusion anterior posterior medial vein
    artery
    """.split()  # noqa: SIM905 - words read best as words
)
COMMON_NAMES = frozenset(
    """
    long short may mark art grace hope faith joy rose white brown black green grey gray young
    old best good rich head hand foot back bone chest will bill pat sue ray hart stone wells
    ward day west north south king page price small little strong wise sharp fields rivers
    hill wood field mass case read an so no do he she her his him man son my in on at to of or
    """.split()  # noqa: SIM905 - words read best as words
)  # fmt: skip
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严吴欧阳上官司徒诸葛覃武戴莫孔向汤马倪施洪翁苗葛岳殷梅乔兰柳焦康柯祝季华麦"
)

_CHINESE_NOT = r"高[热血度烧脂钾钠钙龄危敏压调流]|黄[疸痰染色]|方[便法案式]|石[棉英膏]|马[上蹄]|严[重密格]|常[规见用]|段性|金[黄属]|白[色细蛋]|于[当今术]|向[患家]|毛[玻细刺]|万[分一]|时[间有]|安[静排]|余[无未正]|胡言|孔[径源]|范围|成[人功]|雷同|夏季|季节|路[径面]|温[度和]|童[年]|汤[匙剂]|江[南北]|龙[胆]|洪[水]|钱[币包]|史[者]"
"""Words that begin with a surname and are none."""
_CHINESE_NAME = rf"(?!{_CHINESE_NOT})(?:欧阳|上官|司徒|诸葛|[{_SURNAMES}])[\u4e00-\u9fff]{{1,2}}"

_CUES = tuple(
    re.compile(expression)
    for expression in (
        rf"\b(?P<it>{_TITLE}\b\.? ?{NAME})",
        rf"\b{_TITLE}\b\.? (?P<it>(?:[A-Z]\.? ?){{1,3}}{_PART}(?:-{_PART})?)",
        r"\b(?i:dr|mr|mrs|ms|prof)\b\.? (?P<it>[a-z][A-Z][a-z]+ ?[A-Z]?[a-z]*|[A-Z]\b(?!\w))",
        rf"\b(?:SN|HCA|CNS|SpR|StR|SHO|FY1|FY2|F1|F2|CT[12]|ST\d|PGY-?\d|CRA|EMT|CRNA|Reg|Cons|Medic|PI|Op|Tech)[ :]\s?(?P<it>(?:{_INITIAL} ?)?{_PART}(?:[/ ]{_PART})?)",
        r"(?:(?<=[\s(])|^)(?P<it>[A-Z][A-Z'-]{4,30}, ?[A-Z])(?![\w.])",
        rf"\b(?:[Ii]nformed|[Cc]alled|[Cc]ontact first|[Pp]aged|[Tt]hanks|[Hh]i|[Hh]ello|[Rr]egards|[Ww]ishes),?:?\s(?P<it>{NAME})(?=[\s,.;:)]|$)",
        rf"(?P<it>\b{_LISTED}|\b{NAME}),? (?={_CREDENTIAL}(?!\w))",
        rf"\b{_ACT}(?: by| to| with| w/)?:? (?:our )?(?:{_ROLE},? )?(?P<it>{NAME})",
        rf"\b{_ROLE},? (?P<it>(?!{_ROLE}\b){NAME})(?=[ ,.;:)\n]|$)",
        rf"(?:^|(?<=[\s;|,(])){_LABEL}\s?[:|]\s?(?P<it>{_LISTED}|{NAME})",
        rf"\b[Dd]ear (?P<it>{NAME}),",
        rf"\b(?:[Ss]incerely|[Rr]egards|[Ff]aithfully),?\s{{1,4}}(?P<it>{NAME})",
        rf"\b[Tt]echnologist (?P<it>{NAME})",
        r"\b(?P<it>[A-Z][A-Za-z'-]{1,40}(?:\^[A-Za-z'.-]{1,40}){1,4})",
        rf"(?<![\w./])(?<!\d )(?P<it>(?:[A-Z]\. ?){{1,3}}{_PART})(?![\w^])",
        rf"\b(?:d/w|D/W|via|c/o) (?:the )?(?:[a-z]{{2,12}} ){{0,2}}(?P<it>(?:{_TITLE}\.? )?[A-Z]\. ?{_PART})",
        r"\b(?:[Pp]t|[Pp]atient) (?P<it>[A-Z]\.? ?[A-Z]\.)(?=[ ,]|$)",
        r"(?:姓名|患者姓名|病人姓名|联系人|家属姓名)\s?[:：]?\s?(?P<it>[\u4e00-\u9fff·]{2,4}(?=[\s，,。;；、男女]|$)|[\u4e00-\u9fff·]{2,3})",
        r"(?:医师|医生|主治医师|报告医师|审核医师|申请医生|技师|签名|护士|记录者|审核者|报告者)\s?[:：]\s?(?P<it>[\u4e00-\u9fff·]{2,4})",
        rf"(?:医师|医生|技师|签名|护士|记录者?|审核者?|复核|报告[人者]?|书写|接诊|经治|主治|住院医|主管|值班|夜班|白班|送检|申请|会诊|麻醉|术者|助手|录入|随访人|联系人)"
        rf"(?:医师|医生|人|者)?\s?[:：／/]?\s?(?P<it>(?:小)?{_CHINESE_NAME}|[小老][{_SURNAMES}])(?=[\s，,。;；、／/（(）)]|$)",
        rf"(?<=[、／/ 　]){_CHINESE_NAME}(?=[、。；\n]|$)",
        rf"(?:患者|病人|病员|家属|妻子|丈夫|儿子|女儿|儿媳|女婿|父亲|母亲|姐姐|妹妹|哥哥|弟弟|配偶|爱人|床|请|(?<=[（(]))\s?(?P<it>{_CHINESE_NAME}?)"
        r"(?=[，,。、；;（()）\s因男女于代陪诉神咳]|\d|主任|医|$)",
        rf"(?:患者|病人|请)(?P<it>[{_SURNAMES}](?:某{{1,2}}|阿姨|师傅|先生|女士|老|工|总))",
        rf"(?P<it>[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?)(?=(?:主任|副主任)?(?:医师|医生|主任|教授|护士|大夫|医嘱))",
        rf"(?P<it>[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?)(?=先生|女士|小姐|阿姨|师傅)",
    )
)


def announced_names(text: str) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a name stands beside words that give one away."""
    for cue in _CUES:
        for match in cue.finditer(text):
            start, end = match.span("it" if "it" in cue.groupindex else 0)
            end = start + _name_length(text[start:end])
            if end > start:
                yield start, end, SpanKind.NAME


def _name_length(found: str) -> int:
    """Return how much of what was found is a name: up to the first word that can not be one."""
    length, words = 0, 0
    for match in re.finditer(r"[^\s,^]+", found):
        word = match[0].strip(".,;:'’")
        if re.fullmatch(_TITLE, word):
            continue
        if len(word) > 1 and word.lower() in NOT_NAMES:
            break
        length, words = match.end(), words + (len(word) > 1 or not word.isascii())
    return length if words else 0


def surnames(text: str, spans: Iterable[tuple[int, int, SpanKind]]) -> frozenset[str]:
    """Return the words of announced names that are nothing but names, to be found elsewhere too."""
    words = {w for start, end, _ in spans for w in re.findall(r"[^\W\d_]{4,}", text[start:end])}
    usual = NOT_NAMES | COMMON_NAMES
    return frozenset(
        word
        for word in words
        if word.isascii() and word[0].isupper() and word.lower() not in usual
        and not re.search(rf"\b{word.lower()}\b", text)
        and word.upper() not in vocabulary() and not re.fullmatch(_TITLE, word)
    )  # fmt: skip


_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa"})


def folded(text: str) -> str:
    """Return ``text`` without accents, character for character."""
    return "".join(unicodedata.normalize("NFKD", character)[:1] or character for character in text)


_NOBODY = frozenset(
    [
        "patient",
        "anonymous",
        "anonymized",
        "anon",
        "test",
        "unknown",
        "name",
        "none",
        "male",
        "female",
        "phantom",
        "dummy",
    ]
)
"""Words of names that are nobody's."""


def name_parts(names: Iterable[str]) -> frozenset[str]:
    """Return the words of known names, two characters or more, accents kept and taken off."""
    parts: set[str] = set()
    for name in names:
        for word in re.split(r"[\s^=,.;()/\\_|]+", name):
            spelled = word.lower().translate(_SPELLED)
            for one in (word, folded(word), spelled, *word.split("-")):
                if (
                    len(one) >= 2
                    and not one.isdigit()
                    and one.lower() not in _NOBODY
                    and not re.fullmatch(_TITLE, one, re.I)
                ):
                    parts.add(one)
        for group in name.split("="):  # 山田^太郎 is written 山田太郎
            joined = re.sub(r"[\s^·]+", "", group)
            if re.fullmatch(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,12}", joined):
                parts |= {joined, joined[-2:]} if len(joined) in (3, 4) else {joined}
    return frozenset(parts)


def known_names(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a word of a known name stands, with a title or initials before it."""
    parts = name_parts(tuple(names))
    lead = rf"(?:\b{_TITLE}\b\.? ?)?(?:\b[A-Z]\.? ?(?=[A-Z\u3040-\uffff]))?(?:[A-Z]\. ?)?"
    letters = "".join(sorted({part[0].upper() for part in _words(names) if part[0].isascii()}))
    tail = rf"(?: (?:[A-Z]\.(?!\w)|[{letters}]\b(?![.'’-]\w)))?" if letters else ""
    for part in sorted(parts, key=len, reverse=True):
        if len(part) == 2 and part.lower() in COMMON_NAMES | NOT_NAMES:
            yield from _beside_others(text, part, parts)
            continue
        if part.lower() in COMMON_NAMES | NOT_NAMES:
            form = re.escape(part.capitalize())
        else:
            form = rf"(?i:{re.escape(part)})"
        is_east = bool(re.search(r"[\u3040-\uffff]", part))
        ends = ("", "") if is_east else (r"(?<![A-Za-z\u00c0-\u024f])", r"(?![a-z\u00c0-\u024f])")
        for match in re.finditer(rf"{lead}{ends[0]}{form}{ends[1]}{tail}", text):
            yield *match.span(), SpanKind.NAME
    yield from _known_initials(text, names)
    yield from _misread(text, parts)


_LOOKS_LIKE = str.maketrans("0oO1lLiI|5sS8bB", "oooiiiiiisssbbb")
"""One character for those that a reading machine takes for each other."""


def alike(text: str) -> str:
    """Return ``text``, character for character, as one that reads badly would see it."""
    return "".join(
        c if len(c) == 1 else " " for c in (x.lower() for x in text.translate(_LOOKS_LIKE))
    )


def _misread(text: str, parts: Iterable[str]) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a known name of five letters stands with digits for letters, or runs into capitals."""
    seen = alike(text)
    for part in parts:
        if len(part) < 5 or not part.isascii() or part.lower() in COMMON_NAMES | NOT_NAMES:
            continue
        for match in re.finditer(rf"(?<![a-z]){re.escape(alike(part))}(?![a-z])", seen):
            yield *match.span(), SpanKind.NAME
        for match in re.finditer(
            rf"(?<=[A-Z]){re.escape(part.upper())}|{re.escape(part.upper())}(?=[A-Z])", text
        ):
            yield *match.span(), SpanKind.NAME


def _beside_others(
    text: str, part: str, parts: Iterable[str]
) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield where a name that is also a little word ("He", "Do") stands beside the others."""
    others = "|".join(re.escape(o) for o in sorted(parts, key=len, reverse=True) if o != part)
    if others:
        one, other = rf"(?:{part.capitalize()}|{part.upper()})", rf"(?i:{others})"
        for form in (rf"\b{one}(?:, ?|\^| ){other}\b", rf"\b{other}(?:, ?|\^| ){one}\b"):
            for match in re.finditer(form, text):
                yield *match.span(), SpanKind.NAME


def _words(names: Iterable[str]) -> list[str]:
    return [word for name in names for word in re.split(r"[\s^=,.]+", name) if word[:1].isalpha()]


def _known_initials(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, SpanKind]]:
    """Yield "J.D." and "J. D." of a known name, in either order."""
    for name in names:
        letters = [w[0].upper() for w in re.split(r"[\s^,=]+", name) if w and w[0].isalpha()][:3]
        if len(letters) >= 2 and letters[0].isascii():
            for order in (letters, [*letters[1:], letters[0]]):
                form = r" ?".join(rf"{re.escape(letter)}\." for letter in order)
                for match in re.finditer(rf"\b{form}", text):
                    yield *match.span(), SpanKind.NAME
                plain = "".join(order)  # announced as initials, or the three of them
                lead = r"(?:\b(?:[Pp]t|[Pp]atient|[Ii]nitials|INITIALS)\s?:? |\()"
                for match in re.finditer(rf"{lead}(?P<it>{plain}|{plain[0]}{plain[-1]})\b", text):
                    yield *match.span("it"), SpanKind.NAME
