"""One image of a case, de-identified: the parent's side of ``mmcore.deid.dicom_process``."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mmcore.deid.allowed import TEXT_CLASSES
from mmcore.deid.note_names import name_parts
from mmcore.deid.notes import Known
from mmcore.deid.records import Box, Dates, Options
from mmcore.deid.secret import Secret
from mmcore.intake.worker import deidentify_dicom
from mmcore.records import PixelArray

_CONCEPTS = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113111": "Retain Safe Private Option",
}
"""PS3.16 CID 7050, as far as we do these things."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who the image is of, and how it is to be treated, the same for every image of a case.

    days: by which dates are moved, ``None`` to remove them.
    """

    options: Options
    secret: Secret
    known: Known
    pseudonym: str
    days: int | None


def inspect_image(data: bytes) -> dict[str, Any]:
    """Return what ``dicom_process.inspect`` finds. Raises ``FileRefusedError``."""
    return _ask("deid-inspect", {}, data)[0]


def rewrite_image(
    data: bytes, found: Mapping[str, Any], order: Order, *, boxes: Sequence[Box] | None
) -> tuple[bytes, dict[str, int], int]:
    """Return the new file, how many values were treated how, and where its pixels start.

    found: of ``inspect_image``. boxes: to black out, as a person approved; ``None`` if nobody has
    looked. Raises ``FileRefusedError``.
    """
    options = order.options
    request = {
        "uids": {uid: order.secret.uid(uid) for uid in found["uids"]},
        "pseudonym": order.pseudonym,
        "days": order.days,
        "keeps_characteristics": options.keeps_characteristics,
        "keeps_descriptions": options.keeps_descriptions,
        "names": sorted(part.upper() for part in name_parts(order.known.names)),
        "safe_private": [list(asdict(one).values()) for one in options.safe_private],
        "boxes": [[b.row, b.column, b.rows, b.columns] for b in boxes or ()],
        "is_text_approved": boxes is not None,
        "methods": [[code, _CONCEPTS[code]] for code in methods(options, boxes is not None)],
    }
    said, written = _ask("deid-rewrite", request, data)
    counts = {kind: count for kind, count in said["counts"].items() if count}
    return written.tobytes(), counts, int(said["head_bytes"])


def methods(options: Options, is_text_approved: bool) -> list[str]:
    """Return the codes of CID 7050 for what is done, and of nothing else."""
    done = {
        "113100": True,
        "113101": is_text_approved,
        "113105": options.keeps_descriptions,
        "113107": options.dates is Dates.SHIFT,
        "113108": options.keeps_characteristics,
        "113111": bool(options.safe_private),
    }
    return [code for code, is_done in done.items() if is_done]


def is_likely_text(found: Mapping[str, Any]) -> bool:
    """Whether the kind of image, or its own header, says that its pixels may hold text."""
    return bool(found["says_burned_in"]) or found["sop_class_uid"] in TEXT_CLASSES


def _ask(
    kind: Literal["deid-inspect", "deid-rewrite"], request: Mapping[str, Any], data: bytes
) -> tuple[dict[str, Any], PixelArray]:
    text = json.dumps(request).encode()
    return deidentify_dicom(kind, struct.pack("<I", len(text)) + text + data)
