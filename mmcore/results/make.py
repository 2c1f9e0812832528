"""Every object of a result, made in one call."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from mmcore.report import Document
from mmcore.report.template import PLAIN, Template
from mmcore.results.heads import heads_in, images_used
from mmcore.results.records import Display, Earlier, Kind, Made
from mmcore.results.subject import Subject, key_digest, subject_of

DEFAULT = tuple(Kind)


def make_results(
    document: Document,
    files: Iterable[bytes],
    *,
    kinds: Collection[Kind] = DEFAULT,
    displays: Sequence[Display] = (),
    earlier: Earlier | None = None,
    template: Template = PLAIN,
) -> tuple[Made, ...]:
    """Return the objects of ``kinds``, in their order in ``Kind``.

    files: the case's source files; only the headers of the images are read. displays: how the
    reader left the images, for presentation states; the document does not hold it. earlier: what
    the structured report replaces. template: of the site, for the PDF. Raises
    ``ResultFormatError`` and ``NoStudyError``.
    """
    heads = heads_in(files, images_used(document))
    made: list[Made] = []
    is_dicom = any(kind is not Kind.FHIR for kind in kinds)
    subject = subject_of(document, heads) if is_dicom or key_digest(document) in heads else None
    if subject is not None:
        made.extend(_dicom_objects(subject, kinds, displays, earlier, template))
    if Kind.FHIR in kinds:
        from mmcore.results.fhir import fhir_bundle

        if subject is None:
            made.append(fhir_bundle(document, template=template))
        else:
            zone = subject.key.text("TimezoneOffsetFromUTC")
            uid = subject.key.study_uid
            made.append(fhir_bundle(document, study_uid=uid, zone=zone, template=template))
    return tuple(made)


def _dicom_objects(
    subject: Subject,
    kinds: Collection[Kind],
    displays: Sequence[Display],
    earlier: Earlier | None,
    template: Template,
) -> Iterator[Made]:
    # Imported here: pydicom, highdicom and the PDF load only when an object is made.
    from mmcore.results.dicom_capture import captures
    from mmcore.results.dicom_key_objects import key_objects
    from mmcore.results.dicom_map import parametric_maps
    from mmcore.results.dicom_pdf import encapsulated_pdf
    from mmcore.results.dicom_sr import structured_report
    from mmcore.results.dicom_state import presentation_states

    if Kind.PDF in kinds:
        yield encapsulated_pdf(subject, template)
    if Kind.SR in kinds:
        yield structured_report(subject, earlier)
    if Kind.MAP in kinds:
        yield from parametric_maps(subject)
    if Kind.CAPTURE in kinds:
        yield from captures(subject)
    if Kind.KEY_OBJECTS in kinds:
        yield from key_objects(subject)
    if Kind.STATE in kinds:
        yield from presentation_states(subject, displays)
