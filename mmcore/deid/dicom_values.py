"""A data set reduced to what is allowed, each value treated by its value representation.

Runs in the decoding process. Whether a value is kept depends on ``Plan``, which the parent makes:
new UIDs and the pseudonym are made there, so the key never comes near an untrusted file.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from mmcore.deid.allowed import (
    ALLOWED,
    CHARACTERISTICS,
    CODES,
    DESCRIPTIONS,
    EMPTIED,
    EMPTIED_IF_PRESENT,
    vocabulary,
)
from mmcore.deid.profile import row_of
from mmcore.deid.records import SafePrivate

OLDEST = 90  # years: HIPAA 45 CFR 164.514(b)(2)(i)(C), ages over 89 are one category
DUMMY_DATETIME = "19000101000000"
MAX_COUNTER = 99_999  # a larger running number may be somebody's

_WORDS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC"})
_INTEGERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "US or SS"})
_FLOATS = frozenset({"FL", "FD", "OF", "OD"})
_TABLES = frozenset({"OW", "OB", "OB or OW", "US or OW", "US or SS or OW"})
_TABLES_OF = {"LUTData": "LUTDescriptor"} | {
    f"{c}PaletteColorLookupTableData": f"{c}PaletteColorLookupTableDescriptor"
    for c in ("Red", "Green", "Blue")
}
_COUNTERS = frozenset(
    [
        "InstanceNumber",
        "SeriesNumber",
        "AcquisitionNumber",
        "FrameAcquisitionNumber",
        "ReferencedFrameNumber",
    ]
)
_NUMBER = re.compile(r"[+-]?(\d{1,16}\.?\d{0,16}|\.\d{1,16})([eE][+-]?\d{1,3})?")
_ORIENTATION = re.compile(r"[APRLHF]{1,3}")
_AGE = re.compile(r"\d{3}[DWMY]")
_WORD = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the values of one data set.

    uids: the new UID of every old one. days: by which dates move, ``None`` to remove them.
    names: words of known names, in capitals, which leave descriptions whatever else they mean.
    """

    uids: Mapping[str, str]
    pseudonym: str
    days: int | None
    keeps_characteristics: bool
    keeps_descriptions: bool
    names: frozenset[str] = frozenset()
    safe_private: tuple[SafePrivate, ...] = ()


def reduce_dataset(dataset: Dataset, plan: Plan, counts: Counter[str]) -> Dataset:
    """Return a new data set that holds nothing but what is allowed, at every level."""
    kept = Dataset()
    for element in _elements(dataset, counts):
        if element.tag.is_private:
            _take_private(dataset, element, plan, kept, counts)
            continue
        keyword = keyword_for_tag(element.tag)
        if keyword in EMPTIED_IF_PRESENT:
            kept.add(DataElement(element.tag, dictionary_VR(element.tag), _nothing(keyword)))
            counts["emptied"] += 1
        elif not _is_allowed(keyword, plan):
            counts["removed"] += 1
        else:
            _take(element, keyword, plan, kept, counts)
    _drop_odd_tables(kept, counts)
    return kept


def empty_required(dataset: Dataset, counts: Counter[str]) -> None:
    """Add what every image must have, empty: type 2 attributes that were not kept."""
    for keyword in sorted(EMPTIED):
        if keyword not in dataset:
            setattr(dataset, keyword, "")
            counts["emptied"] += 1


def _elements(dataset: Dataset, counts: Counter[str]) -> Iterator[DataElement]:
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            _ = element.value
        except Exception:  # noqa: BLE001 - pydicom raises what a conversion raises
            counts["removed"] += 1
            continue
        yield element


def _is_allowed(keyword: str, plan: Plan) -> bool:
    if keyword in CHARACTERISTICS:
        return plan.keeps_characteristics
    if keyword in DESCRIPTIONS:
        return plan.keeps_descriptions
    return keyword in ALLOWED


def _nothing(keyword: str) -> Any:
    return Sequence() if keyword.endswith("Sequence") else ""


def _take(
    element: DataElement, keyword: str, plan: Plan, kept: Dataset, counts: Counter[str]
) -> None:
    """Add the element as far as its value can stay."""
    vr = dictionary_VR(element.tag)
    if vr == "SQ":
        _take_items(element, keyword, plan, kept, counts)
        return
    values = _values(element.value)
    if not values:
        new: list[Any] = []
    elif vr == "UI":
        new = [value for value in (_uid(str(v), plan, counts) for v in values) if value]
    elif vr in ("DA", "TM", "DT"):
        new = _moment(element.tag, vr, values, plan)
        counts["dates moved" if new and plan.days is not None else "dates removed"] += 1
    elif vr in _TABLES:
        _take_table(element, kept)
        return
    else:
        new = _plain(keyword, vr, values, plan)
    is_moment = vr in ("DA", "TM", "DT")
    if values and not new:
        counts["emptied"] += not is_moment
    elif values and vr != "UI" and not is_moment:
        counts["kept" if [str(v) for v in new] == [str(v) for v in values] else "cleaned"] += 1
    try:
        kept.add(
            DataElement(
                element.tag, _settled(vr, element), new[0] if len(new) == 1 else new or None
            )
        )
    except (ValueError, TypeError, OverflowError):
        counts["removed"] += 1


def _values(value: Any) -> list[Any]:
    if value is None or (isinstance(value, str | bytes) and not value):
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def _settled(vr: str, element: DataElement) -> str:
    """Return one VR where the dictionary leaves a choice."""
    if " or " not in vr:
        return vr
    own = str(element.VR)
    return own if own in vr.split(" or ") else vr.split(" or ")[0]


def _take_items(
    element: DataElement, keyword: str, plan: Plan, kept: Dataset, counts: Counter[str]
) -> None:
    if not isinstance(element.value, Sequence):
        counts["removed"] += 1
        return
    if keyword in CODES:
        items = [item for item in (_code(item, plan, counts) for item in element.value) if item]
    else:
        items = [reduce_dataset(item, plan, counts) for item in element.value]
    if len(items) < len(element.value):
        counts["removed"] += len(element.value) - len(items)
    kept.add(DataElement(element.tag, "SQ", Sequence(items)))


def _take_table(element: DataElement, kept: Dataset) -> None:
    """Keep a lookup table: whole numbers, whose length the image's own checks bound."""
    vr = str(element.VR)
    if isinstance(element.value, bytes):
        kept.add(DataElement(element.tag, vr if vr in ("OB", "OW") else "OW", element.value))
    elif all(isinstance(value, int) for value in _values(element.value)):
        kept.add(DataElement(element.tag, vr if vr in ("US", "SS") else "US", element.value))


def _drop_odd_tables(kept: Dataset, counts: Counter[str]) -> None:
    """Drop lookup tables that nothing looks up or that are longer than they say. PS3.3 C.7.9."""
    for data, descriptor in _TABLES_OF.items():
        if data not in kept and descriptor not in kept:
            continue
        is_palette = data.endswith("PaletteColorLookupTableData")
        is_used = not is_palette or kept.get("PhotometricInterpretation") == "PALETTE COLOR"
        says = _values(kept[descriptor].value) if descriptor in kept else []
        value = kept[data].value if data in kept else None
        count = (says[0] or 65_536) if len(says) == 3 and isinstance(says[0], int) else -1
        if isinstance(value, bytes):
            fits = len(value) in (count, count + count % 2, 2 * count)
        else:
            fits = len(_values(value)) == count
        if not (is_used and fits):
            for keyword in (data, descriptor):
                if keyword in kept:
                    del kept[keyword]
                    counts["removed"] += 1


def _uid(uid: str, plan: Plan, counts: Counter[str]) -> str:
    if uid in UID_dictionary:  # a UID of the standard: of a class, a syntax, a frame of reference
        return uid
    counts["UIDs"] += 1
    return plan.uids.get(uid, "")


def _moment(tag: int, vr: str, values: list[Any], plan: Plan) -> list[str]:
    """Return dates moved by whole days; times stay then, to the second. PS3.5 6.2."""
    if plan.days is None:
        row = row_of(tag)
        return [DUMMY_DATETIME] if vr == "DT" and (row is None or "D" in row.action) else []
    text = str(values[0]).strip()
    if vr == "TM":
        digits = text.replace(":", "").split(".")[0]
        return [digits] if re.fullmatch(r"\d{2}(\d{2}){0,2}", digits) else []
    match = re.match(r"(\d{4})\.?(\d{2})\.?(\d{2})(\d{6})?", text)
    try:
        day = datetime.strptime("".join(match.group(1, 2, 3)), "%Y%m%d") if match else None
        moved = day + timedelta(days=plan.days) if day else None
    except (ValueError, OverflowError):
        return []
    if match is None or moved is None:
        return []
    return [f"{moved:%Y%m%d}" + ((match[4] or "") if vr == "DT" else "")]


def _plain(keyword: str, vr: str, values: list[Any], plan: Plan) -> list[Any]:
    """Return the values that can stay, all or none of them; [] for a kind that never can."""
    if vr in ("DS", "IS"):
        texts = [str(getattr(value, "original_string", value)).strip() for value in values]
        if not all(_NUMBER.fullmatch(text) for text in texts):
            return []
        if keyword in _COUNTERS and any(abs(float(text)) > MAX_COUNTER for text in texts):
            return []
        return texts
    if vr in _INTEGERS or vr == "AT":
        return values if all(isinstance(value, int) for value in values) else []
    if vr in _FLOATS:
        return values if all(isinstance(value, int | float) for value in values) else []
    if vr == "AS":
        return [age for age in (_age(str(value).strip()) for value in values) if age]
    if vr == "CS":
        return _terms(keyword, [str(value).strip() for value in values], plan)
    if vr in _WORDS:
        return [" ".join(clean_words(str(value), plan.names)) for value in values]
    return []


def _age(text: str) -> str:
    if not _AGE.fullmatch(text):
        return ""
    years = int(text[:3]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[text[3]]
    return f"{OLDEST:03d}Y" if years >= OLDEST else text


def _terms(keyword: str, values: list[str], plan: Plan) -> list[str]:
    """Return coded strings of known words; what else an image type says beyond two is dropped."""
    known = [
        _ORIENTATION.fullmatch(value) is not None
        if keyword == "PatientOrientation"
        else value == "" or _is_known(value, plan.names)
        for value in values
    ]
    if keyword in ("ImageType", "FrameType"):
        return [value for value, is_known in zip(values, known, strict=True) if is_known]
    return values if all(known) else []


def _is_known(term: str, names: frozenset[str]) -> bool:
    words = re.split(r"[\s_]+", term)
    return all(word in vocabulary() and word not in names for word in words)


def clean_words(text: str, names: frozenset[str]) -> list[str]:
    """Return the words of a description that are in the vocabulary and are no known name."""
    return [
        word
        for word in _WORD.findall(text)
        if word.upper() in vocabulary() and word.upper() not in names
    ]


@cache
def _meanings() -> Mapping[tuple[str, str], str]:
    """Return the meaning of every code of PS3.16's context groups by scheme and value."""
    from pydicom.sr._concepts_dict import concepts
    from pydicom.sr._snomed_dict import mapping

    schemes: Mapping[str, Any] = concepts
    found = {
        (scheme, code): meaning
        for scheme, by_keyword in schemes.items()
        for codes in by_keyword.values()
        for code, (meaning, *_) in codes.items()
    }
    old = {
        ("SRT", code): found[("SCT", current)]
        for code, current in mapping["SRT"].items()
        if ("SCT", current) in found
    }
    return found | old


def _code(item: Dataset, plan: Plan, counts: Counter[str]) -> Dataset | None:
    """Return a coded concept in the standard's own words, with its modifiers; else ``None``."""
    scheme, value = str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))
    scheme = {"SNM3": "SRT", "99SDM": "SRT"}.get(scheme.strip(), scheme.strip())
    meaning = _meanings().get((scheme, value.strip()))
    if meaning is None:
        return None
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = value.strip(), scheme
    code.CodeMeaning = meaning[:64]
    for element in _elements(item, counts):
        keyword = keyword_for_tag(element.tag)
        if keyword in CODES:
            _take_items(element, keyword, plan, code, counts)
    return code


def _take_private(
    dataset: Dataset, element: DataElement, plan: Plan, kept: Dataset, counts: Counter[str]
) -> None:
    """Keep a private number that the site calls harmless, under the creator it names."""
    if element.tag.is_private_creator:
        return
    group, block = element.tag.group, element.tag.element >> 8
    place = Tag(group, block)
    creator = str(dataset[place].value).strip() if place in dataset else ""
    wanted = SafePrivate(creator, group, element.tag.element & 0xFF)
    numbers = _private_numbers(element) if wanted in plan.safe_private else []
    if not numbers:
        counts["private"] += 1
        return
    kept.add_new(place, "LO", creator)
    kept.add_new(element.tag, str(element.VR), numbers[0] if len(numbers) == 1 else numbers)
    counts["private kept"] += 1


def _private_numbers(element: DataElement) -> list[Any]:
    vr = str(element.VR)
    is_number = vr in ("DS", "IS", "AT") or vr in _INTEGERS or vr in _FLOATS
    return _plain("", vr, _values(element.value), _NO_PLAN) if is_number else []


_NO_PLAN = Plan({}, "", None, keeps_characteristics=False, keeps_descriptions=False)
