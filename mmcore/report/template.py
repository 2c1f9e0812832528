"""What a site puts around its reports: whose letterhead, which footer, which sections."""

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image

from mmcore.errors import ReportTemplateError
from mmcore.language import say

TEMPLATE = "CONSILIUM_REPORT_TEMPLATE"
MOST_ADDRESS_LINES = 3
MOST_CHARACTERS = 200
LONGEST_LOGO = 600
"""Pixels of the longer side as it is drawn, in a space of 30 by 120 points."""

_MOST_LOGO_BYTES = 4 * 1024 * 1024
_MOST_LOGO_PIXELS = 25_000_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Section(StrEnum):
    """What a site may leave out. Everything else is in every report.

    That is whose it is, what was concluded, every finding with its verdict, what is missing, the
    limits, the model, and the sign-off.
    """

    QUESTION = "question"
    TECHNIQUE = "technique"
    EVIDENCE = "evidence"
    FURTHER = "further findings"
    READER = "reader"
    SOUND = "sound"
    GENES = "genes"
    LABS = "labs"
    FILES = "files"
    KEY_IMAGES = "key images"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """How the reports of a site look.

    department: in the place of the product's name; "" where the site has set none. address: below
    it. logo: (rows, columns, 3) uint8 on white, or None. footer: on every page. sections: those
    that are drawn where the case has them.
    """

    department: str = ""
    address: tuple[str, ...] = ()
    logo: npt.NDArray[np.uint8] | None = None
    footer: str = ""
    sections: frozenset[Section] = frozenset(Section)


PLAIN = Template()


def template_of(environment: Mapping[str, str] | None = None) -> Template:
    """Return the template of this site; a plain one where it has set none.

    Raises ``ReportTemplateError`` for a file that is no template.
    """
    found = os.environ if environment is None else environment
    path = found.get(TEMPLATE, "").strip()
    return read_template(Path(path)) if path else PLAIN


def read_template(path: Path) -> Template:
    """Return the template in a YAML file; its logo lies beside it.

    Raises ``ReportTemplateError``, which names what is wrong.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportTemplateError(
            where=TEMPLATE, problem=say("the file can not be read")
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ReportTemplateError(
            where=TEMPLATE, problem=say("the file is no YAML in UTF-8")
        ) from error
    if not isinstance(values, dict):
        raise ReportTemplateError(where=TEMPLATE, problem=say("expected names with values"))
    known = ("department", "address", "logo", "footer", "sections")
    for name in values:
        if name not in known:
            problem = say("not one of {known}", known=", ".join(known))
            raise ReportTemplateError(where=str(name)[:40], problem=problem)
    address = _texts(values, "address")
    if len(address) > MOST_ADDRESS_LINES:
        raise ReportTemplateError(
            where="address", problem=say("more than {n} lines", n=MOST_ADDRESS_LINES)
        )
    logo = _text(values.get("logo"), "logo")
    return Template(
        department=_text(values.get("department"), "department"),
        address=address,
        logo=_logo(path.parent / logo) if logo else None,
        footer=_text(values.get("footer"), "footer"),
        sections=_sections(values),
    )


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ReportTemplateError(where=where, problem=say("expected a text"))
    text = value.strip()
    if len(text) > MOST_CHARACTERS or _CONTROL.search(text):
        problem = say("expected one line of at most {n} characters", n=MOST_CHARACTERS)
        raise ReportTemplateError(where=where, problem=problem)
    return text


def _texts(values: Mapping[str, Any], where: str) -> tuple[str, ...]:
    listed = values.get(where)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise ReportTemplateError(where=where, problem=say("expected a list"))
    return tuple(_text(value, where) for value in listed)


def _sections(values: Mapping[str, Any]) -> frozenset[Section]:
    if values.get("sections") is None:
        return frozenset(Section)
    named = _texts(values, "sections")
    for name in named:
        if name not in list(Section):
            problem = say("not one of {known}", known=", ".join(Section))
            raise ReportTemplateError(where="sections", problem=problem)
    return frozenset(Section(name) for name in named)


def _logo(path: Path) -> npt.NDArray[np.uint8]:
    def refused(problem: str) -> ReportTemplateError:
        return ReportTemplateError(where="logo", problem=problem)

    try:
        if path.stat().st_size > _MOST_LOGO_BYTES:
            raise refused(say("larger than {n} MB", n=_MOST_LOGO_BYTES // 1024**2))
        data = path.read_bytes()
    except OSError as error:
        raise refused(say("the file can not be read")) from error
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            if image.width * image.height > _MOST_LOGO_PIXELS:
                raise refused(say("more than {n:,} pixels", n=_MOST_LOGO_PIXELS))
            picture = image.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise refused(say("no readable PNG or JPEG")) from error
    picture.thumbnail((LONGEST_LOGO, LONGEST_LOGO), Image.Resampling.LANCZOS)
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB")).copy()
