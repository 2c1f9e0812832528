"""What is filed: one result document with the study that it belongs to."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mmcore.errors import NoStudyError
from mmcore.records import Modality, Signature
from mmcore.report import Document, document_digest
from mmcore.report.reading import ReportedResult, ReportedTarget, read_document
from mmcore.results.records import AI_NOT_VERIFIED, AI_SIGNED, Head, Kind

_UNKNOWN = datetime(1900, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A result document, checked, and the headers of its images.

    digest: SHA-256 of the document. key: the image that stands for the case. evidence: every image
    used that is in the key image's study, ``key`` first.
    """

    document: Document
    result: ReportedResult
    digest: str
    key: Head
    evidence: tuple[Head, ...]

    @property
    def signature(self) -> Signature | None:
        """Who signed the reading; None while nobody did."""
        return self.result.signature

    @property
    def label(self) -> str:
        """What every object says of itself."""
        return AI_NOT_VERIFIED if self.signature is None else AI_SIGNED

    @property
    def written_at(self) -> datetime:
        """When the content was written (``written_at`` below), on the clock of the study."""
        zone = self.key.text("TimezoneOffsetFromUTC")
        return written_at(self.document, self.result, zone=zone).replace(tzinfo=None)

    def uid(self, *parts: str) -> str:
        """Return a UID under 2.25 (PS3.5 B.2) that follows from the document and ``parts``."""
        return made_uid(self.digest, *parts)

    def series_uid(self, kind: Kind) -> str:
        """Return the UID of a kind's series: one per study and model, whatever is filed later."""
        return made_uid(self.key.study_uid, self.result.pack.digest, f"series {kind}")

    def mapped(self) -> tuple[ReportedTarget, ...]:
        """Return the targets whose image evidence is filed as pictures.

        Those called present, or the most probable one if none is: a map of each finding of a pack
        would be hundreds of MB in a study. Withheld targets and failed parts are never among them.
        """
        from mmcore.report.pdf.finding_sections import key_target

        held = [t for t in self.result.targets if not t.is_withheld]
        drawn = [t for t in held if (p := t.parts.get(Modality.IMAGE)) and p.passed and p.overlay]
        called = tuple(t for t in drawn if t.called)
        key = key_target(self.result)
        return called or tuple(t for t in drawn if key is not None and t.name == key.name)


def subject_of(document: Document, heads: Mapping[str, Head]) -> Subject:
    """Return a document with its study.

    Raises ``ResultFormatError``, and ``NoStudyError`` where the document has no image or the files
    do not hold it.
    """
    result = read_document(document)
    digest = key_digest(document)
    if digest is None:
        raise NoStudyError(problem="the case holds no DICOM image, so there is no study to file in")
    if digest not in heads:
        raise NoStudyError(
            problem=f"the image with SHA-256 {digest[:16]} that the result was made from is not "
            "among the files, or its header can not be repeated"
        )
    key = heads[digest]
    others = sorted(
        (h for h in heads.values() if h.study_uid == key.study_uid and h.digest != digest),
        key=lambda h: (h.series_uid, h.sop_instance_uid),
    )
    return Subject(document, result, document_digest(document), key, (key, *others))


def key_digest(document: Document) -> str | None:
    """Return the SHA-256 of the image that stands for the case, or None where there is none."""
    case = document["case"]
    image = case.get("key_image") if isinstance(case, dict) else None
    return str(image["digest"]) if image else None


def written_at(document: Document, result: ReportedResult, *, zone: str = "") -> datetime:
    """Return the last time that the document states, with a zone.

    It is that of a co-signature, an addendum, the signature, a decision or an impression; without a
    reading the time that the case speaks of. A run's own clock is not in it: the same document
    gives the same bytes. zone: of the study, as +hhmm; without one this machine's.
    """
    moments = [image.recorded_at for image in result.key_images]
    if result.reading is not None:
        moments += [i.recorded_at for i in result.reading.impressions]
        moments += [d.decided_at for d in result.reading.decisions]
    if result.signature is not None:
        moments.append(result.signature.signed_at)
    moments += [addendum.added_at for addendum in result.addenda]
    moments += [cosignature.cosigned_at for cosignature in result.cosignatures]
    if moments:
        return max(moments).astimezone(_zone(zone))
    stated = as_of(document) or _UNKNOWN
    return stated.replace(tzinfo=_zone(zone)) if _zone(zone) else stated.astimezone()


def signers(result: ReportedResult) -> tuple[str, ...]:
    """Return the names of all who stand for a result, the one who signed it first."""
    first = () if result.signature is None else (result.signature.name,)
    return tuple(dict.fromkeys((*first, *(one.name for one in result.cosignatures))))


def cosignature_lines(result: ReportedResult) -> Iterator[str]:
    """Yield who co-signed a result and when, or that this is awaited."""
    if result.signature is not None and not result.is_final:
        yield "A co-signature is awaited: the report is preliminary."
    for one in result.cosignatures:
        yield f"Co-signed by {one.name}, {one.cosigned_at.isoformat()}."


def _zone(text: str) -> timezone | None:
    try:
        return timezone(datetime.strptime(text, "%z").utcoffset() or timedelta(0))
    except ValueError:
        return None


def as_of(document: Document) -> datetime | None:
    """Return the time that the case speaks of."""
    case = document["case"]
    text = case.get("as_of") if isinstance(case, dict) else None
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


def made_uid(*parts: str) -> str:
    """Return a UID under 2.25 (PS3.5 B.2): a name-based UUID of ``parts``."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, chr(0).join(('consilium', *parts))).int}"
