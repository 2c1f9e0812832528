"""The key images that a reader chose, as a Key Object Selection. PS3.3 A.35.4, TID 2010."""

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import (
    DeviceObserverIdentifyingAttributes,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
)
from pydicom.sr.codedict import codes

from mmcore.results.dicom_object import MANUFACTURER, finished, series, source_dataset
from mmcore.results.dicom_sr import person_name
from mmcore.results.records import Kind, Made
from mmcore.results.subject import Subject, made_uid

_MOST_WORDS = 1024


def key_objects(subject: Subject) -> tuple[Made, ...]:
    """Return one selection of the images shown in the reader's pictures; none without pictures.

    The captions are its description. A picture of an image outside the key image's study is left
    out: a selection lies in the study of what it selects.
    """
    heads = {head.digest: head for head in subject.evidence}
    chosen = [image for image in subject.result.key_images if image.digest in heads]
    if not chosen:
        return ()
    shown = list(dict.fromkeys(image.digest for image in chosen))
    sources = [source_dataset(heads[digest]) for digest in shown]
    words = "; ".join(" ".join(image.caption.split()) for image in chosen if image.caption.strip())
    content = KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=sources,
        observer_person_context=_person(subject),
        observer_device_context=_device(subject),
        description=f"{subject.label}. {words}"[:_MOST_WORDS],
    )
    for item in content[0].ContentSequence:
        for reference in item.get("ReferencedSOPSequence", ()):
            frames = sorted(
                {
                    image.frame + 1
                    for image in chosen
                    if heads[image.digest].sop_instance_uid == reference.ReferencedSOPInstanceUID
                    and heads[image.digest].frames > 1
                }
            )
            if frames:
                reference.ReferencedFrameNumber = frames
    document = KeyObjectSelectionDocument(
        evidence=sources, content=content, manufacturer=MANUFACTURER,
        **series(subject, Kind.KEY_OBJECTS),
    )  # fmt: skip
    return (finished(subject, Kind.KEY_OBJECTS, document),)


def _person(subject: Subject) -> ObserverContext | None:
    if subject.signature is None:
        return None
    return ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=person_name(subject.signature.name)
        ),
    )


def _device(subject: Subject) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=made_uid("pack", subject.result.pack.digest), name="Consilium"
        ),
    )
