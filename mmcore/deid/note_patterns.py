"""Identifiers in English and Chinese notes by their form or by the words that announce them.

The eighteen kinds are those of the HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i). A form that also
fits clinical numbers (a date without year, six digits) counts only after words that announce it.
"""

# ruff: noqa: E501, RUF001 - an expression is read in one line; Chinese has its own punctuation

import re
from dataclasses import dataclass

from mmcore.deid.records import SpanKind

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_LONG_MONTH = (
    r"(?:january|february|march|april|june|july|august|september|october|november|december)"
)
_WEEKDAY = r"(?:mon|tue|tues|wed|weds|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:(?:19|20)\d{2})"
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]"
    r"|T[NX]|UT|V[AT]|W[AIVY])"
)
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Close"
    r"|Terrace|Square|Sq|Highway|Hwy|Parkway|Pkwy|Crescent|Gardens|Row|Mews)"
)
_CAP = r"[A-Z][\w'’.&-]{0,30}"
_BARE = r"[A-Z][\w'’&-]{0,30}"
_CODE = r"(?=[A-Za-z/.-]{0,12}\d)[A-Za-z0-9](?:[A-Za-z0-9./-]{0,30}[A-Za-z0-9])?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """kind of the group "it", or of the whole match where the expression has no such group."""

    kind: SpanKind
    expression: re.Pattern[str]


def _of(kind: SpanKind, expression: str, *, ignore_case: bool = True) -> Pattern:
    return Pattern(kind, re.compile(expression, re.IGNORECASE if ignore_case else 0))


DATES = (
    _of(SpanKind.DATE, rf"(?<![\d.-]){_YEAR}(?P<s>[-/.])(?:0?[1-9]|1[0-2])(?P=s){_DAY}(?!\d)"),
    _of(SpanKind.DATE, rf"(?<![\d/.-])\d{{1,2}}(?P<s>[-/.])\d{{1,2}}(?P=s){_YEAR}(?!\d)"),
    _of(SpanKind.DATE, r"(?<![\d/.-])\d{1,2}(?P<s>[-/])\d{1,2}(?P=s)\d{2}(?![\d/-])"),
    _of(
        SpanKind.DATE,
        r"(?<![\d/.-])(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])\.\d{2}(?![\d.])",
    ),
    _of(
        SpanKind.DATE,
        rf"\b{_DAY}(?:st|nd|rd|th)?(?: of)?[ -]?{_MONTH}\b\.?(?:[ ,-]{{1,2}}(?:{_YEAR}|'?\d{{2}}\b))?",
    ),
    _of(
        SpanKind.DATE,
        rf"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?{_MONTH}\b\.? {_DAY}(?:st|nd|rd|th)?\b(?!\.\d|%)(?:,? {_YEAR}|,? '\d{{2}}\b)?",
    ),
    _of(SpanKind.DATE, rf"\b{_MONTH}\b\.?[ ,-]{{1,2}}{_YEAR}\b"),
    _of(SpanKind.DATE, rf"(?<![\w.]){_DAY}{_MONTH}(?:{_YEAR}|\d{{2}})?(?!\w)"),
    _of(SpanKind.DATE, rf"\b{_MONTH}{_DAY}(?:{_YEAR})?(?!\w)"),
    _of(
        SpanKind.DATE,
        rf"\b{_WEEKDAY}\b\.?,? (?:the )?{_DAY}(?:st|nd|rd|th)?\b(?!\.\d|%|:)(?:[ -]{_MONTH}\b|[/.](?:0?[1-9]|1[0-2])\b)?(?:[ /.-]{_YEAR}\b)?",
    ),
    _of(SpanKind.DATE, rf"\b(?:in|since|until|till|last|next|early|mid|late|end of|during) (?P<it>{_LONG_MONTH})\b"),
    _of(SpanKind.DATE, rf"(?m)^[ \t]*(?:\[|\()?(?!(?:[1-6]/6|\d{{1,2}}/(?:0?7|10|12|52))\b)(?P<it>{_DAY}/(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])/{_DAY})(?![\d./%])"),
    _of(
        SpanKind.DATE,
        rf"\b(?:on|dated?|from|since|until|till|by|seen|reviewed|signed|visit|admitted|adm|transferred|discharged?|home|booked|due)\b[ :]*(?:{_WEEKDAY}\b\.? )?"
        rf"(?P<it>(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01]))(?![\d/%])(?! ?(?:weeks?|days?|months?|min|hours?|pain|tab|doses?|ago|way|of|full|strength)\b)",
    ),
    _of(
        SpanKind.DATE,
        rf"\b(?:film|cxr|ct|mri|us|xr|echo|read|reported|round|list|repeat|am|pm|od|bd|tds|qds)\b[ :]*(?:{_WEEKDAY}\b\.? )?(?!(?:[1-6]/6|[1-5]/[2-5]|\d{{1,2}}/(?:0?7|10|12|52))\b)"
        rf"(?P<it>(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01]))(?![\d/%])(?! ?(?:weeks?|days?|months?|min|hours?|pain|tab|doses?|ago|way|of|full|strength)\b)",
    ),
    _of(
        SpanKind.DATE,
        r"(?:[A-Z]{2} |\b[A-Z][a-z]{2} |[a-z]{3} )(?!(?:[1-6]/6|[1-5]/[2-5]|\d{1,2}/(?:0?7|10|12|52))\b)(?P<it>(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2]))"
        r"(?=\s*(?:$|\n|[.,;)] ))",
        ignore_case=False,
    ),
    _of(SpanKind.DATE, r"(?:交班|查房|记录|急诊|入院|出院|手术|日期|复查)\s?(?P<it>\d{1,2}[./]\d{1,2})(?![\d./])"),
    _of(SpanKind.DATE, r"(?<![\d/.])(?P<it>\d{1,2}[./]\d{1,2})(?=(?:急诊|入院|出院|手术|复查|转入|来院))"),
    _of(SpanKind.DATE, r"[一二三〇○零四五六七八九]{4}年(?:[一二三四五六七八九十]{1,2}月(?:[一二三四五六七八九十]{1,3}[日号])?)?"),
    _of(SpanKind.DATE, rf"(?<![\d/.-])(?:0?[1-9]|1[0-2])[/-]{_YEAR}(?![\d/-])"),
    _of(SpanKind.DATE, r"\b(?:on|dated|date:|dob:?|since) (?P<it>(?:0?[1-9]|[12]\d|3[01])/\d{1,2})(?![\d/])"),
    _of(SpanKind.DATE, r"(?<!\d)(?:19|20)\d{2}(?=(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\D|$))\d{4}(?!\d)"),
    _of(SpanKind.DATE, r"(?:\d{4}\s?年\s?)?\d{1,2}\s?月\s?\d{1,2}\s?[日号]|\d{4}\s?年\s?\d{1,2}\s?月"),
    _of(SpanKind.DATE, r"\b(?:born|dob)\b(?: in|:)? (?P<it>(?:19|20)\d{2})\b"),
)  # fmt: skip

AGES = (
    _of(
        SpanKind.AGE,
        r"\b(?P<it>1[0-2]\d|9\d)(?=[ -]?(?:years?|yrs?|y)(?:[ -]?o(?:ld)?\b|[/ ]o\b|\b)|[ -]?[MF]\b|岁)",
    ),
    _of(SpanKind.AGE, r"\b(?:aged?|is)(?: of|:)? ?(?P<it>1[0-2]\d|9\d)(?= ?(?:years|yrs|y\b|[,.;)]|and\b))"),
    _of(SpanKind.AGE, r"(?<=[A-Za-z] \()(?P<it>1[0-2]\d|9\d)(?=[,;]? ?(?:[MFmf]\b|bed|room|years|\)))"),
    _of(SpanKind.AGE, r"年龄\s?[:：]?\s?(?P<it>1[0-2]\d|9\d)(?!\d)"),
    _of(SpanKind.AGE, r"(?<!\d)(?P<it>1[0-2]\d|9\d)\s?岁"),
    _of(SpanKind.AGE, r"\b(?P<it>ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)(?=[- ]years?)"),
    _of(SpanKind.AGE, r"\bage[d:]? (?P<it>ninety(?:[- ]\w{3,5})?)\b"),
)  # fmt: skip

CONTACTS = (
    _of(SpanKind.EMAIL, r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"),
    _of(SpanKind.URL, r"\b(?:https?://|ftp://|www\.)[^\s<>\"')\]，。]{1,500}"),
    _of(
        SpanKind.URL,
        r"(?<![@\w.-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|io|eu|uk|de|fr|nl|it|es|pl|se|ch|at|ca|au|cn|hk|jp|in|example)"
        r"(?:/[^\s<>\"')\]，。]{0,200})?(?![\w@])",
    ),
    _of(SpanKind.URL, r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\d|\.\d)"),
    _of(SpanKind.URL, r"\b(?:[0-9a-f]{1,4}:){5,7}[0-9a-f]{1,4}\b"),
    _of(SpanKind.URL, r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"),
    _of(
        SpanKind.PHONE,
        r"\b(?:tel(?:ephone)?|phone|fax|mobile|mob|cell|call(?:ed)?(?: on| at)?"
        r"|contact(?: no| number)?)\b\.?(?: no\.?| number)?\s?[:#]?\s?(?P<it>\+?\(?\d[\d ()./-]{4,18}\d)",
    ),
    _of(
        SpanKind.PHONE,
        r"\b(?:phoned|rang|ring|text|number|no|nr|reach(?:ed)?|on)\b[ .:]{0,2}(?:(?:is|on|at|back|there is|him|her) )?(?P<it>\+?\(?\d[\d ()-]{7,18}\d)(?![\d/])",
    ),
    _of(SpanKind.PHONE, r"(?<![\w.+-])1?-?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?: ?x ?\d{1,5})?(?!\w)"),
    _of(SpanKind.PHONE, r"(?<=\d{4}) ?x ?\d{2,5}\b"),
    _of(SpanKind.PHONE, r"\b(?:p|pgr|bp)\.? ?#?(?P<it>\d{4,6})\b"),
    _of(SpanKind.PHONE, r"\b(?:ext(?:ension)?|pager|bleep)\b\.?\s?[:#]?\s?(?P<it>\d{3,8})\b"),
    _of(SpanKind.PHONE, r"(?<![\w.])\+\d{1,3}[ .-]?(?:\(?\d{1,5}\)?[ .-]?){2,5}\d\b"),
    _of(SpanKind.PHONE, r"(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)"),
    _of(SpanKind.PHONE, r"(?<![\w.])\(\d{2,5}\) ?\d{3,4}[ -]?\d{3,4}\b"),
    _of(SpanKind.PHONE, r"(?<![\w.])0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}\b"),
    _of(SpanKind.PHONE, r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"),
    _of(SpanKind.PHONE, r"(?<![\d.])0\d{2,3}[ -]\d{4} ?\d{3,4}(?!\d)"),
    _of(SpanKind.PHONE, r"(?<=[\u4e00-\u9fff]（)\d{7,8}(?=）)"),
    _of(SpanKind.PHONE, r"(?:电话|手机号?|联系方式|传真|热线|致电)(?:号码|随访)?(?:（[^）]{1,6}）)?\s?[:：]?\s?(?P<it>\+?\d[\d -]{5,18}\d)"),
)  # fmt: skip

NUMBERS = (
    _of(SpanKind.ID, r"(?<![\w-])\d{3}-\d{2}-\d{4}(?!\w)"),
    _of(SpanKind.ID, r"(?<!\d)\d{17}[\dXx](?!\d)"),
    _of(SpanKind.ID, r"(?<![\d.])\d{1,40}(?:\.\d{1,40}){4,40}"),
    _of(
        SpanKind.ID,
        r"\b(?:mrn|medical record(?: number| no)?|record (?:number|no)|hospital (?:number|no)|patient id"
        r"|pt id|id(?: number| no)?|nhs(?: number| no)?|ssn|social security(?: number| no)?|accession"
        r"(?: number| no)?|acc|case (?:number|no)|account(?: number| no)?|acct|policy(?: number| no)?"
        r"|member(?: id| number)?|health plan(?: id| number)?|insurance(?: id| number| no)?|medicare"
        r"(?: id| number| no)?|medicaid(?: id| number)?|licen[cs]e(?: plate| number| no)?|plate|dea|npi|gmc"
        r"|passport(?: number| no)?|serial(?: number| no)?|s/n|sn|device(?: id| number)|implant(?: id)"
        r"|lot(?: number| no)?|vin|certificate(?: number| no)?|visit(?: number| no| id)|encounter"
        r"(?: number| id)?|order(?: number| no| id)|specimen(?: number| id)?|study id|station|room|bed|ref)\b\.?"
        rf"\s?[:#=]?\s?#?\s?(?P<it>{_CODE})(?!\w|%)",
    ),
    _of(
        SpanKind.ID,
        r"\b(?:unit no|x-ray no|film no|scope|incident|payroll|badge|job|subject|site|interpreter id|wechat|lab(?: no)?|staff no|crew|workstation"
        r"|report no|cassette|barcode|claim(?: no)?|permit|hkid|nric|reference|prisoner(?: no| number)?|registration(?: no)?|reg no|chart(?: no)?)\b\.?"
        r"\s?[:#=]?\s?#?\s?(?P<it>(?=(?:[A-Za-z/.-]{0,12}\d){3})(?!\d{1,3}\.\d)[A-Za-z0-9](?:[A-Za-z0-9./()-]{0,30}[A-Za-z0-9)])?(?: \d{5,})?)(?!\w|%)",
    ),
    _of(SpanKind.ID, r"\b(?=[A-Z0-9]{0,16}[A-Z])(?=[A-Z0-9]{0,16}\d)[A-HJ-NPR-Z0-9]{17}\b", ignore_case=False),
    _of(SpanKind.ID, r"\b[A-Z]{1,4}-?\d{6,}\b"),
    _of(SpanKind.ID, r"(?<![\d.,])\d{7,}(?![\d.,]\d)"),
    _of(SpanKind.ID, r"(?<![\w-])[A-Z]{1,3}\d{2}[-./]\d{4,}(?!\w)", ignore_case=False),
    _of(SpanKind.ID, r"(?<![\w-])[A-Z]{1,4}[-/]\d{4,}(?!\w)", ignore_case=False),
    _of(SpanKind.ID, r"(?<![\w-])(?=(?:[A-Z]{0,12}\d){4})(?=\d{0,12}[A-Z])[A-Z0-9]{7,24}(?![\w-])", ignore_case=False),
    _of(SpanKind.ID, r"(?<!\w)No\. ?(?P<it>[A-Z]? ?\d{3,}(?:[/-]\d{1,6})?)(?!\w)", ignore_case=False),
    _of(SpanKind.ID, r"\b(?:wechat|微信|qq|skype|whatsapp)(?: id|号)?[\s:：]{0,2}(?P<it>[a-z0-9_-]{4,30})"),
    _of(SpanKind.ID, r"(?<![\d-])\d{2,4}-\d{4,}(?:-\d{1,6})?(?![\d-])"),
    _of(SpanKind.ID, r"(?<=#)\s?(?P<it>\d{5,})"),
    _of(SpanKind.ID, r"\b(?:plate|licen[cs]e)(?:: ?| )(?P<it>[A-Z]{1,3}\d{0,4}[ -]\d[A-Z0-9]{1,4})\b"),
    _of(
        SpanKind.ID,
        r"(?<![\w-])(?=(?:[A-Z-]{0,8}\d){7})[A-Z0-9]{1,16}(?:-[A-Z0-9]{1,16}){1,4}(?![\w-])",
        ignore_case=False,
    ),
    _of(
        SpanKind.ID,
        r"(?:住院号|门诊号|病历号|病案号|检查号|影像号|登记号|身份证(?:号码?)?|医保(?:卡)?号|床号|患者编号"
        r"|就诊卡号|条码号|社保号|社保卡|护照号|编号|卡号|工号|学号|警号|车牌|诊疗卡|证件号)\s?[:：]?\s?(?P<it>[A-Za-z0-9][A-Za-z0-9-]{0,30})",
    ),
)  # fmt: skip

PLACES = (
    _of(
        SpanKind.ADDRESS,
        rf"\b\d{{1,5}}[A-Za-z]?,? (?:{_CAP} ){{1,4}}{_STREET}\b\.?(?:,? (?:Apt|Suite|Unit|Flat|#)\.? ?\w+)?"
        rf"(?:,? {_CAP}(?: {_CAP}){{0,2}}(?:,? {_STATE})?(?:,? \d{{5}}(?:-\d{{4}})?)?)?",
        ignore_case=False,
    ),
    _of(SpanKind.ADDRESS, rf"\b(?:{_CAP} ){{1,3}}{_STREET}\b(?! [A-Z][a-z]+ (?:view|line))", ignore_case=False),
    _of(SpanKind.ADDRESS, r"\bP\.? ?O\.? Box \d+"),
    _of(
        SpanKind.ADDRESS,
        rf"(?:\b{_CAP}(?: {_CAP}){{0,2}},? )?\b{_STATE},? \d{{5}}(?:-\d{{4}})?\b", ignore_case=False,
    ),
    _of(SpanKind.ADDRESS, r"\b(?:zip|postal|post) ?code:? ?(?P<it>[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2,4})\b"),
    _of(SpanKind.ADDRESS, r"\bzip:? ?(?P<it>\d{5}(?:-\d{4})?)\b"),
    _of(SpanKind.ADDRESS, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b", ignore_case=False),
    _of(SpanKind.ADDRESS, r"\baddress\s?:\s?(?P<it>[^\n;|]{3,120})"),
    _of(
        SpanKind.ADDRESS,
        rf"\b(?:[Ll]ives|[Ll]iving|[Rr]esident|[Rr]esides|[Rr]esiding|[Dd]omiciled|[Bb]orn|[Tt]ravelled from"
        rf"|[Tt]raveled from|[Mm]oved from) (?:in|at|of|to|near|from)? ?"
        rf"(?P<it>{_CAP}(?: {_CAP}){{0,3}}(?:, {_CAP})?)",
        ignore_case=False,
    ),
    _of(
        SpanKind.FACILITY,
        rf"\b(?:{_CAP} |of |the |and |de |for |alla |della |di |da |du |la |le ){{0,4}}{_CAP} (?:Hospitals?|Clinic|Infirmary|Hospice"
        r"|Medical Cent(?:er|re)|Cancer Cent(?:er|re)|Health Cent(?:er|re)|Imaging Cent(?:er|re)|Institute|Health System"
        r"|Healthcare|Nursing Home|Care Home|Surgery Cent(?:er|re)|University|Medical School|Health Trust"
        r"|NHS (?:Foundation )?Trust|(?:Elementary|High|Primary|Secondary|Middle) School|Elementary|College"
        r"|Academy|Church|Prison)\b(?: of (?:the )?[A-Z]\w+| at [A-Z]\w+)?",
        ignore_case=False,
    ),
    _of(
        SpanKind.FACILITY,
        rf"\b(?!(?:Cardiac|Cardiothoracic|Thoracic|General|Vascular|Plastic|Orthop|Spin|Neuro|Bariatric|Abdominal"
        r"|Colorectal|Day|Previous|Prior|Recent|Emergency|Elective|Major|Minor|Open|Heart|Valve|Bypass|Eye|Breast"
        r"|Hip|Knee|Back|Clinical|Medical|Private|Best|Family|Laparoscopic|Robotic|Post|Pre|Lung|Brain|Head|No|Any"
        rf"|The|Her|His|After|Before|For|In|At|Standard|Of))(?:{_CAP} ){{1,3}}(?:Surgery|Practice)\b",
        ignore_case=False,
    ),
    _of(
        SpanKind.FACILITY,
        r"\b(?:HMP|HMYOI|RAF|USS|HMS|VA|CHU|Szpital|H[oô]pital|Klinikum|Krankenhaus|Klinik|Ospedale|Clinique|Cl[ií]nica|Ziekenhuis|Sjukhuset|Policlinico"
        rf"|Hospital (?:de|del|da|do|San|Santa)|Masjid|Temple|Parish of)(?: (?:{_CAP}|w|de|la|le|du|di|im|am|St))+",
        ignore_case=False,
    ),
    _of(
        SpanKind.FACILITY,
        rf"\b(?:{_BARE} ){{1,3}}(?:HC|MC|RMC|House|Lodge|Court|Manor|Hall|Gazette|Coaches|Machinery|Ltd|Inc|LLC|GmbH|Foods|Farms?|Motors|Logistics"
        r"|& Sons|Brothers|Bank|Library|Prison|Barracks|Mill|Works|Factory|School|Nursery)\b",
        ignore_case=False,
    ),
    _of(
        SpanKind.FACILITY,
        rf"\b(?:[Ww]orks?|[Ww]orked|working|employed|teacher|student|engineer|nurse|manager|clerk|cook|driver|job|driving|drives|seamstress|employer|transfer(?:red)?)(?: (?:at|for|from|to|is))?:?"
        rf" (?P<it>{_BARE}(?: {_BARE}){{0,3}})",
        ignore_case=False,
    ),
    _of(SpanKind.ADDRESS, r"(?:地址|住址|家庭住址|现住址|籍贯|户籍)\s?[:：]?\s?(?P<it>[^\s，。,;；\n]{2,60})"),
    _of(SpanKind.ADDRESS, r"(?:出差|来自|前往|赴|旅居|途经)(?P<it>[\u4e00-\u9fff]{2,3})(?=[。，,；\s]|$)"),
    _of(SpanKind.ADDRESS, r"(?:家住|现住|居住[于在]|住在|(?<=[。，；\s])住)\s?(?P<it>(?!院)[^\s，。,;；（(\n]{2,40})"),
    _of(
        SpanKind.ADDRESS,
        r"[\u4e00-\u9fff]{2,4}[省市][\u4e00-\u9fff]{1,4}[区县镇乡](?:[\u4e00-\u9fff]{1,8}?(?:路|街道?|巷|弄|村|新村|小区|苑|里))?(?:\d{1,5}[号弄栋幢室单元0-9-]*)?"
        r"|(?<=[在于到从住：:（(，,\s])[\u4e00-\u9fff]{2,4}[区县镇乡][\u4e00-\u9fff]{1,8}?(?:路|街道?|巷|弄|村|新村|小区|苑|里)(?=[，,。；;）)\s\d]|$)(?:\d{1,5}[号弄栋幢室单元0-9-]*)?"
        r"|[\u4e00-\u9fff]{2,8}(?:路|街|巷|弄|新村|小区|苑|里)\d{1,5}[号弄栋幢室][号弄栋幢室单元0-9-]*",
    ),
    _of(
        SpanKind.FACILITY,
        r"(?:(?<=[在于到从往由至赴经入出：:（(\s，,])|(?<![\u4e00-\u9fff]))(?P<it>(?![年月日号时曾])(?:(?![在于到从往赴、，我])[\u4e00-\u9fff]){1,12}?"
        r"(?:医院|院区|卫生服务中心|服务站|卫生所|体检中心|养老院|敬老院|幼儿园|[小中]学|大学|公司|集团|(?:机械|纺织|化工|食品|钢铁)?厂|(?<=市)[一二三四五六]院|[东南西北分]院))",
    ),
    _of(
        SpanKind.FACILITY,
        r"(?:(?<=[在于到从往由至赴经我])|(?<![\u4e00-\u9fff]))(?P<it>(?![年月日号时曾])(?:(?![在于到从往赴])[\u4e00-\u9fff]){2,14}?(?:医院|卫生院|卫生中心"
        r"|诊所|医科大学))",
    ),
)  # fmt: skip
