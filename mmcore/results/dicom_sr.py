"""The structured report: TID 1500 with one measurement group per finding. PS3.16, PS3.3 A.35.3.

Numbers, the ledger between inputs and the trust verdict are content items of their own, so that
another system can count them. A withheld finding has no group; a comment says that it was withheld.
"""

from collections.abc import Iterator

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from mmcore import holding
from mmcore.report.reading import ReportedTarget
from mmcore.results import codes as said
from mmcore.results.codes import Coded
from mmcore.results.dicom_object import (
    MANUFACTURER,
    add_scheme,
    finished,
    series,
    source_dataset,
)
from mmcore.results.records import Earlier, Kind, Made
from mmcore.results.subject import Subject, cosignature_lines, made_uid

_ONE = CodedConcept("1", "UCUM", "no units")
_LOGIT = CodedConcept("{logit}", "UCUM", "log-odds")
_TOP = 3
"""Items of evidence per input: what stands in the report's table."""


def structured_report(subject: Subject, earlier: Earlier | None = None) -> Made:
    """Return the result as a Comprehensive SR; unverified until the reading was signed.

    earlier: the version that this one replaces. It is in the UID, because the document does not
    hold it.
    """
    part = "" if earlier is None else earlier.sop_instance_uid
    shown = [t for t in subject.result.targets if not t.is_withheld]
    report = MeasurementReport(
        observation_context=_context(subject),
        procedure_reported=_procedure(subject),
        imaging_measurements=[_group(subject, target) for target in shown],
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en", "RFC5646", "English")
        ),
    )
    if subject.result.conclusion:
        report[0].ContentSequence.append(_text(subject.result.conclusion, codes.DCM.Conclusion))
    for words in _comments(subject):
        report[0].ContentSequence.append(_text(words))
    signature = subject.signature
    document = ComprehensiveSR(
        evidence=[source_dataset(head) for head in subject.evidence],
        content=report[0],
        is_complete=True,
        is_final=subject.result.is_final,
        is_verified=signature is not None,
        verifying_observer_name=None if signature is None else person_name(signature.name),
        verifying_organization=None if signature is None else "not stated",
        manufacturer=MANUFACTURER,
        **series(subject, Kind.SR, part=part),
    )
    if earlier is not None:
        document.PredecessorDocumentsSequence = [_predecessor(earlier)]
    if signature is not None:
        at = signature.signed_at.strftime("%Y%m%d%H%M%S%z")
        for item in document.VerifyingObserverSequence:
            item.VerificationDateTime = at
    add_scheme(document)
    return finished(subject, Kind.SR, document)


def _predecessor(earlier: Earlier) -> Dataset:
    """Return a reference to an earlier version. PS3.3 C.17.2 and Table C.17-3."""
    instance, series_item, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = earlier.sop_class_uid
    instance.ReferencedSOPInstanceUID = earlier.sop_instance_uid
    series_item.SeriesInstanceUID = earlier.series_uid
    series_item.ReferencedSOPSequence = Sequence([instance])
    study.StudyInstanceUID = earlier.study_uid
    study.ReferencedSeriesSequence = Sequence([series_item])
    return study


def _context(subject: Subject) -> ObservationContext:
    pack = subject.result.pack
    device = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=made_uid("pack", pack.digest),
            name=f"{pack.name} {pack.version}",
            manufacturer_name=MANUFACTURER,
            model_name=pack.name,
            serial_number=pack.digest,
        ),
    )
    if subject.signature is None:
        return ObservationContext(observer_device_context=device)
    person = ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=person_name(subject.signature.name)
        ),
    )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _procedure(subject: Subject) -> CodedConcept:
    if subject.key.dicom_modality in ("CR", "DX", "RG"):
        return _concept(said.CHEST_FILM)
    if subject.key.dicom_modality == "CT":
        return _concept(said.CHEST_CT)
    return _concept(said.ours("imaging", "Imaging procedure"))


def _group(subject: Subject, target: ReportedTarget) -> MeasurementsAndQualitativeEvaluations:
    pack, key = subject.result.pack, subject.key
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=subject.uid("finding", target.name), identifier=target.name
        ),
        finding_type=_concept(said.finding_code(target)),
        algorithm_id=AlgorithmIdentification(
            name=pack.name,
            version=pack.version,
            parameters=[f"pack SHA-256 {pack.digest}"],
            family=codes.DCM.ArtificialIntelligence,
            manufacturer=MANUFACTURER,
        ),
        measurements=list(_measurements(target)),
        qualitative_evaluations=list(_evaluations(subject, target)),
        source_images=[
            SourceImageForMeasurementGroup(
                referenced_sop_class_uid=key.sop_class_uid,
                referenced_sop_instance_uid=key.sop_instance_uid,
            )
        ],
    )


def _measurements(target: ReportedTarget) -> Iterator[Measurement]:
    """Yield probability with interval, or the value of a regression, then the ledger."""
    unit = (
        _ONE if target.kind == "finding" else CodedConcept("1", "UCUM", target.unit or "no units")
    )
    ledger = _LOGIT if target.kind == "finding" else unit
    value = target.probability if target.kind == "finding" else target.logit
    name = said.PROBABILITY if target.kind == "finding" else said.finding_code(target)
    if value is None or target.interval is None:
        return
    yield _number(name, value, unit)
    for code, end in zip((said.LOW, said.HIGH), target.interval, strict=True):
        yield _number(code, end, unit)
    if target.operating_point is not None:
        yield _number(said.POINT, target.operating_point, unit)
    if target.base is not None:
        yield _number(said.base_code(target), target.base, ledger)
    for contribution in target.contributions:
        code = said.contribution_code(target, contribution.modality)
        yield _number(code, contribution.signed, ledger)


def _evaluations(subject: Subject, target: ReportedTarget) -> Iterator[QualitativeEvaluation]:
    yield QualitativeEvaluation(_concept(said.TRUST), _concept(said.VERDICT[target.gate.verdict]))
    if target.call is not None:
        yield QualitativeEvaluation(_concept(said.CALLED), _concept(said.CALL[target.call]))
    reading = subject.result.reading
    held = None if reading is None else holding.presence_of(reading, target.name, target.call)
    if held is not None:
        yield QualitativeEvaluation(_concept(said.READ), _concept(said.PRESENCE[held]))


def _comments(subject: Subject) -> Iterator[str]:
    """Yield what a reader must know of the whole, then the evidence that passed its tests."""
    result = subject.result
    yield f"{subject.label}. Research use only; not a diagnosis."
    if result.pack.is_simulated:
        yield "The model was trained on simulated patients alone; it says nothing of a real one."
    for addendum in result.addenda:
        yield f"Addendum of {addendum.name}, {addendum.added_at.isoformat()}: {addendum.text}"
    yield from cosignature_lines(result)
    yield from result.case.notices
    yield from result.notices
    for target in result.targets:
        if target.is_withheld:
            yield f"{target.display}: withheld, no score is reported. {target.gate.reason}"
            continue
        if result.reading is not None and (
            note := holding.note_on(result.reading, target.name, target.call)
        ):
            yield f"{target.display}: {note}"
        if target.gate.reason:
            yield f"{target.display}: {target.gate.verdict}. {target.gate.reason}"
        for modality, part in target.parts.items():
            if part.passed and part.top:
                items = "; ".join(
                    f"{_marked(i.what, i.mark)} {i.signed:+.2f}" for i in part.top[:_TOP]
                )
                scale = "log-odds" if target.kind == "finding" else target.unit or "value"
                yield f"{target.display}, {modality.display}: {items} ({scale})"


def _marked(what: str, mark: str) -> str:
    return f"{what} ({mark})" if mark else what


def person_name(name: str) -> str:
    """Return a name in one line as a DICOM person name, all of it as the family name."""
    plain = "".join(" " if c in "\\^=" or not c.isprintable() else c for c in name).strip()
    return f"{plain[:62]}^"


def _number(name: Coded, value: float, unit: CodedConcept) -> Measurement:
    return Measurement(name=_concept(name), value=value, unit=unit)


def _concept(code: Coded) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)


def _text(words: str, name: Code = codes.DCM.Comment) -> TextContentItem:
    return TextContentItem(
        name=name, value=" ".join(words.split()), relationship_type=RelationshipTypeValues.CONTAINS
    )
