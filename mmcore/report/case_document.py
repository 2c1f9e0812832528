"""The part of the result document on the case itself: who, what came in, and what to show of it."""

from collections.abc import Collection

from mmcore.records import (
    Case,
    Explanation,
    Instance,
    Modality,
    Observation,
    Recording,
    SourceFile,
    Study,
    Variant,
)
from mmcore.report.images import display_png, key_instance, to_base64
from mmcore.report.plain import iso, maybe, number, pair
from mmcore.report.spectrogram import TOP_HZ, spectrogram

MAX_VARIANTS = 200
"""At most so many called variants, those that an explanation names before all others."""
MOST_QUESTION = 500
"""Characters of the question; longer ones are cut."""

Document = dict[str, object]


def case_document(case: Case, explanations: Collection[Explanation]) -> Document:
    """Return the case as plain values; ``explanations`` say which variants matter most.

    It holds neither sound that could be played nor the text of a note, but for the question that
    one asks. Raises ``NonFiniteResultError`` for a number that is not finite.
    """
    patient = case.patient
    instance, recording = key_instance(case), key_recording(case)
    return {
        "digest": case.digest,
        "patient": {
            "id": patient.patient_id,
            "name": patient.name,
            "birth_date": iso(patient.birth_date),
            "sex": patient.sex,
            "age_years": maybe(patient.age_years, "age"),
        },
        "files": [_file(file) for file in case.files],
        "notices": list(case.notices),
        "contradictions": [
            {"kind": str(one.kind), "words": str(one.sentence), "files": list(one.files)}
            for one in case.contradictions
        ],
        "as_of": iso(case.as_of),
        "question": _question(case),
        "studies": [_study(study) for study in case.studies],
        "notes": [
            {
                "digest": note.digest,
                "title": note.title,
                "authored_at": iso(note.authored_at),
                "characters": len(note.text),
            }
            for note in case.notes
        ],
        "observations": [_observation(observation) for observation in case.observations],
        "recordings": [_recording(recording) for recording in case.recordings],
        "panel": _panel(case),
        "variants": [_variant(v) for v in _told(case.variants, _named(explanations))],
        "attachments": {str(m): len(held) for m, held in case.attachments.items()},
        "key_image": None if instance is None else _key_image(instance),
        "key_recording": None
        if recording is None
        else _recording(recording) | {"spectrogram": _spectrogram(recording, explanations)},
    }


def _question(case: Case) -> Document | None:
    """Return why the patient was examined, as the first note with such a section says."""
    for note in case.notes:
        for section in note.sections:
            if section.kind != "indication":
                continue
            _, _, body = note.text[section.start : section.end].partition(section.title)
            text = " ".join(body.lstrip(" \t\n:*_#-").split())
            if text:
                return {"text": text[:MOST_QUESTION], "digest": note.digest, "title": note.title}
    return None


def key_recording(case: Case) -> Recording | None:
    """Return the recording that stands for the case: the one that a model reads."""
    if len(case.recordings) < 2:
        return next(iter(case.recordings), None)
    # Imported here because it brings torch, which who only draws a document does without.
    from mmcore.modalities.recording import choose_recording

    return choose_recording(case.recordings)


def _file(file: SourceFile) -> Document:
    return {
        "name": file.name,
        "digest": file.digest,
        "size_bytes": file.size_bytes,
        "kind": file.kind,
        "verdict": str(file.verdict),
        "code": None if file.code is None else str(file.code),
        "reason": file.reason,
    }


def _study(study: Study) -> Document:
    return {
        "study_uid": study.study_uid,
        "description": study.description,
        "started_at": iso(study.started_at),
        "accession_number": study.accession_number,
        "series": [
            {
                "series_uid": series.series_uid,
                "dicom_modality": series.dicom_modality,
                "description": series.description,
                "instances": len(series.instances),
            }
            for series in study.series
        ],
    }


def _observation(observation: Observation) -> Document:
    name = f"observation {observation.loinc}"
    return {
        "loinc": observation.loinc,
        "display": observation.display,
        "value": number(observation.value, name),
        "unit": observation.unit,
        "comparator": observation.comparator,
        "time": iso(observation.time),
        "reference": [
            maybe(observation.reference_low, f"{name} reference"),
            maybe(observation.reference_high, f"{name} reference"),
        ],
        "given": observation.given,
        "digest": observation.digest,
    }


def _key_image(instance: Instance) -> Document:
    png, (rows, columns) = display_png(instance)
    stored_rows, stored_columns = instance.pixels.shape[1:3]
    return {
        "digest": instance.digest,
        "dicom_modality": instance.dicom_modality,
        "view_position": instance.view_position,
        "body_part": instance.body_part,
        "laterality": instance.laterality,
        "acquired_at": iso(instance.acquired_at),
        "notices": list(instance.notices),
        "stored": [stored_rows, stored_columns],
        "spacing_mm": None if instance.spacing_mm is None else pair(instance.spacing_mm, "spacing"),
        "rows": rows,
        "columns": columns,
        "scale": [stored_rows / rows, stored_columns / columns],
        "png": to_base64(png),
    }


def _recording(recording: Recording) -> Document:
    return {
        "digest": recording.digest,
        "title": recording.title,
        "site": recording.site,
        "recorded_at": iso(recording.recorded_at),
        "seconds": number(recording.seconds, "length of the recording"),
        "sample_rate_hz": recording.sample_rate_hz,
        "notices": list(recording.notices),
    }


def _spectrogram(recording: Recording, explanations: Collection[Explanation]) -> Document:
    boxes = [
        part.overlay_box
        for explanation in explanations
        if (part := explanation.parts.get(Modality.RECORDING)) and part.overlay_box and part.passed
    ]
    shown = spectrogram(recording, top_hz=max([TOP_HZ, *(box[2] for box in boxes)]))
    rows, columns = shown.levels.shape
    return {
        "rows": rows,
        "columns": columns,
        "seconds": shown.seconds,
        "range_db": shown.range_db,
        "edges_hz": [number(edge, "edge of the spectrogram") for edge in shown.edges_hz],
        "data": to_base64(shown.levels.tobytes()),
    }


def _panel(case: Case) -> Document | None:
    if not case.variants:
        return None
    called = sum(variant.copies > 0 for variant in case.variants)
    return {"loci": len(case.variants), "called": called}


def _named(explanations: Collection[Explanation]) -> set[float | str]:
    """Return the identifiers of the variants that some explanation speaks of."""
    parts = [e.parts[Modality.VARIANTS] for e in explanations if Modality.VARIANTS in e.parts]
    return {item.where[0] for part in parts for item in part.items if item.where}


def _told(variants: tuple[Variant, ...], named: set[float | str]) -> list[Variant]:
    called = [variant for variant in variants if variant.copies > 0]
    return sorted(called, key=lambda v: v.variant_id not in named)[:MAX_VARIANTS]


def _variant(variant: Variant) -> Document:
    return {
        "variant_id": variant.variant_id,
        "gene": variant.gene,
        "chromosome": variant.chromosome,
        "position": variant.position,
        "reference": variant.reference,
        "alternate": variant.alternate,
        "copies": variant.copies,
        "effect": variant.effect,
        "digest": variant.digest,
    }
