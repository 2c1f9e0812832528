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
    _of(SpanKind.AGE, r"年龄\s?[:：]?\s?(?P<it>1[0-2]\d|9\d)(?!\d)"),
    _of(SpanKind.AGE, r"(?<!\d)(?P<it>1[0-2]\d|9\d)\s?岁"),
    _of(SpanKind.AGE, r"\b(?P<it>ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)(?=[- ]years?)"),
    _of(SpanKind.AGE, r"\bage[d:]? (?P<it>ninety(?:[- ]\w{3,5})?)\b"),
)  # fmt: skip

CONTACTS = (
    _of(SpanKind.EMAIL, r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"),
    _of(SpanKind.URL, r"\b(?:https?://|ftp://|www\.)[^\s<>\"')\]，。]{1,500}"),
    _of(SpanKind.URL, r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\d|\.\d)"),
    _of(SpanKind.URL, r"\b(?:[0-9a-f]{1,4}:){5,7}[0-9a-f]{1,4}\b"),
    _of(SpanKind.URL, r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"),
    _of(
        SpanKind.PHONE,
        r"\b(?:tel(?:ephone)?|phone|fax|mobile|mob|cell|call(?:ed)?(?: on| at)?"
        r"|contact(?: no| number)?)\b\.?(?: no\.?| number)?\s?[:#]?\s?(?P<it>\+?\(?\d[\d ()./-]{4,18}\d)",
    ),
    _of(SpanKind.PHONE, r"\b(?:ext(?:ension)?|pager|bleep)\b\.?\s?[:#]?\s?(?P<it>\d{3,8})\b"),
    _of(SpanKind.PHONE, r"(?<![\w.])\+\d{1,3}[ .-]?(?:\(?\d{1,5}\)?[ .-]?){2,5}\d\b"),
    _of(SpanKind.PHONE, r"(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)"),
    _of(SpanKind.PHONE, r"(?<![\w.])\(\d{2,5}\) ?\d{3,4}[ -]?\d{3,4}\b"),
    _of(SpanKind.PHONE, r"(?<![\w.])0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}\b"),
    _of(SpanKind.PHONE, r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"),
    _of(SpanKind.PHONE, r"(?:电话|手机号?|联系方式|传真)(?:号码)?\s?[:：]?\s?(?P<it>\+?\d[\d -]{5,18}\d)"),
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
        r"(?: number| id)?|order(?: number| no| id)|specimen(?: number| id)|study id|station|room|bed|ref)\b\.?"
        rf"\s?[:#=]?\s?#?\s?(?P<it>{_CODE})(?!\w|%)",
    ),
    _of(SpanKind.ID, r"\b(?=[A-Z0-9]{0,16}[A-Z])(?=[A-Z0-9]{0,16}\d)[A-HJ-NPR-Z0-9]{17}\b", ignore_case=False),
    _of(SpanKind.ID, r"\b[A-Z]{1,4}-?\d{6,}\b"),
    _of(SpanKind.ID, r"(?<![\d.,])\d{8,}(?![\d.,]\d)"),
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
        r"|就诊卡号|条码号|社保号|护照号|编号)\s?[:：]?\s?(?P<it>[A-Za-z0-9][A-Za-z0-9-]{0,30})",
    ),
)  # fmt: skip

PLACES = (
    _of(
        SpanKind.ADDRESS,
        rf"\b\d{{1,5}}[A-Za-z]?,? (?:{_CAP} ){{1,4}}{_STREET}\b\.?(?:,? (?:Apt|Suite|Unit|Flat|#)\.? ?\w+)?"
        rf"(?:,? {_CAP}(?: {_CAP}){{0,2}}(?:,? {_STATE})?(?:,? \d{{5}}(?:-\d{{4}})?)?)?",
        ignore_case=False,
    ),
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
        rf"\b(?:[Ww]orks?|[Ww]orked|working|employed|teacher|student|engineer|nurse|manager|clerk|cook|driver|job) (?:at|for)"
        rf" (?P<it>{_BARE}(?: {_BARE}){{0,3}})",
        ignore_case=False,
    ),
    _of(SpanKind.ADDRESS, r"(?:地址|住址|家庭住址|现住址|籍贯|户籍)\s?[:：]?\s?(?P<it>[^\s，。,;；\n]{2,60})"),
    _of(
        SpanKind.FACILITY,
        r"(?:(?<=[在于到从往由至赴经我])|(?<![\u4e00-\u9fff]))(?P<it>(?![年月日号时曾])(?:(?![在于到从往赴])[\u4e00-\u9fff]){2,14}?(?:医院|卫生院|卫生中心"
        r"|诊所|医科大学))",
    ),
)  # fmt: skip
