"""Observations, gene panels and recordings, written anew from what was read of them.

Scrubbing a bundle would leave whatever nobody thought of. Here only what a model or a reader needs
goes into a new file: code, value, unit, bounds, moved time; locus and genotype; samples.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from mmcore.deid.known import as_json
from mmcore.records import Observation, Patient, Recording, Variant

MAX_VARIANTS = 100  # beyond, and without a list of loci, the panel itself identifies
_GENDERS = {"F": "female", "M": "male", "O": "other"}
_VARIANT_ID = re.compile(
    r"(rs|COS[MV]|simv|ss|RCV|VCV)\d{1,12}|[!-~]{1,40}:\d{1,10}:[A-Z]{1,200}>[A-Z]{1,200}"
)
_GENE = re.compile(r"[A-Z][A-Z0-9-]{1,14}")
_EFFECT = re.compile(r"[a-z0-9_&-]{0,120}", re.IGNORECASE)
_CHROMOSOME = re.compile(r"(chr)?([1-9]|1\d|2[0-2]|X|Y|M|MT)|simulated_1|NC_0000\d\d\.\d{1,2}")
_GENOTYPES = ("0/0", "0/1", "1/1")


def bundle(
    observations: Sequence[Observation], patient: Patient, *, pseudonym: str, days: int | None,
    keeps_sex: bool,
) -> tuple[bytes, int]:  # fmt: skip
    """Return a FHIR R4 bundle of the observations, and how many were left out of it.

    Without times nobody could tell which of two values is the latest, so only that one is kept.
    """
    kept = list(observations)
    if days is None:
        latest = {item.loinc: item for item in kept}  # a case holds them by kind and time
        kept = list(latest.values())
    person: dict[str, Any] = {
        "resourceType": "Patient",
        "id": pseudonym,
        "identifier": [{"value": pseudonym}],
    }
    if keeps_sex and patient.sex in _GENDERS:
        person["gender"] = _GENDERS[patient.sex]
    resources = [person, *(_observation(item, pseudonym, days) for item in kept)]
    document = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }
    return as_json(document), len(observations) - len(kept)


def _observation(item: Observation, pseudonym: str, days: int | None) -> dict[str, Any]:
    quantity: dict[str, Any] = {
        "value": item.value, "unit": item.unit, "system": "http://unitsofmeasure.org",
        "code": item.unit,
    }  # fmt: skip
    if item.comparator:
        quantity["comparator"] = item.comparator
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": item.loinc}]},
        "subject": {"reference": f"Patient/{pseudonym}"},
        "valueQuantity": quantity,
    }
    if item.time is not None and item.is_dated and days is not None:
        moved = item.time + timedelta(days=days)
        exact = "%Y-%m-%dT%H:%M:%SZ" if item.precision.has_clock else "%Y-%m-%d"
        resource["effectiveDateTime"] = moved.strftime(exact)
    bounds = {
        end: {"value": value, "unit": item.unit}
        for end, value in (("low", item.reference_low), ("high", item.reference_high))
        if value is not None
    }
    if bounds:
        resource["referenceRange"] = [bounds]
    return resource


def panel(variants: Iterable[Variant], *, pseudonym: str, loci: frozenset[str]) -> tuple[str, int]:
    """Return VCF text of known loci, and how many lines were left out.

    A line whose id, gene, chromosome or effect has no known form is left out: it could be anything.
    """
    rows, left_out = [], 0
    for item in variants:
        is_plain = (
            _VARIANT_ID.fullmatch(item.variant_id)
            and (not item.gene or _GENE.fullmatch(item.gene))
            and _EFFECT.fullmatch(item.effect)
            and _CHROMOSOME.fullmatch(item.chromosome)
        )
        if not is_plain or (loci and item.variant_id not in loci):
            left_out += 1
            continue
        facts = (("GENE", item.gene), ("EFFECT", item.effect))
        info = ";".join(f"{key}={value}" for key, value in facts if value)
        place = (item.chromosome, str(item.position), item.variant_id)
        call = (item.reference, item.alternate, ".", "PASS", info or ".", "GT")
        rows.append("\t".join((*place, *call, _GENOTYPES[item.copies])))
    head = (
        "##fileformat=VCFv4.3",
        '##INFO=<ID=GENE,Number=1,Type=String,Description="Gene">',
        '##INFO=<ID=EFFECT,Number=1,Type=String,Description="Sequence Ontology term">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT",
                   pseudonym)),
    )  # fmt: skip
    return "\n".join((*head, *rows)) + "\n", left_out


def wave(recording: Recording) -> bytes:
    """Return the samples as a WAV of two chunks, 16 bits where these are exact, else floats."""
    scaled = recording.samples.astype(np.float64) * 32768
    whole = np.rint(scaled)
    is_exact = np.array_equal(whole, scaled) and whole.max() <= 32767
    samples = whole.astype("<i2") if is_exact else recording.samples.astype("<f4")
    rate, width = recording.sample_rate_hz, samples.itemsize
    layout = struct.pack("<HHIIHH", 1 if is_exact else 3, 1, rate, rate * width, width, 8 * width)
    data = samples.tobytes()
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
