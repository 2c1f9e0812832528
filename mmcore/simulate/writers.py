"""The breath sound as a WAV file and the gene panel as VCF 4.3, byte for byte the same each time.

Both say that they are simulated and whose they are, the WAV in its INFO list.
"""

import struct

import numpy as np

from mmcore.simulate.genes import CONTIG, CONTIG_LENGTH
from mmcore.simulate.patient import PhantomPatient

SIMULATED = "Simulated, there is no patient"
_GENOTYPES = ("0/0", "0/1", "1/1")


def wave_file(patient: PhantomPatient, *, patient_id: str) -> bytes:
    """Return the recording as 16-bit PCM, one channel."""
    recording = patient.recording
    samples = np.rint(recording.samples.astype(np.float64) * 32768).astype("<i2").tobytes()
    rate = recording.sample_rate_hz
    layout = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    recorded_at = recording.recorded_at or patient.taken_at
    info = b"INFO" + b"".join(
        _chunk(key, text.encode("ascii") + b"\0")
        for key, text in (
            (b"INAM", "Simulated breath sound"),
            (b"ICMT", f"{SIMULATED}; Patient ID: {patient_id}"),
            (b"ICRD", recorded_at.isoformat(timespec="minutes")),
        )
    )
    body = b"WAVE" + _chunk(b"fmt ", layout) + _chunk(b"LIST", info) + _chunk(b"data", samples)
    return _chunk(b"RIFF", body)


def _chunk(key: bytes, body: bytes) -> bytes:
    return key + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def variant_file(patient: PhantomPatient, *, patient_id: str) -> str:
    """Return the panel with every locus that was called, also where it is as the reference."""
    columns = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = [
        "##fileformat=VCFv4.3",
        f"##fileDate={patient.taken_at:%Y%m%d}",
        "##source=Consilium simulator",
        f"##simulated={SIMULATED}; genes and loci are made up",
        "##reference=simulated",
        f"##contig=<ID={CONTIG},length={CONTIG_LENGTH}>",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=GENE,Number=1,Type=String,Description="Made-up gene">',
        '##INFO=<ID=EFFECT,Number=1,Type=String,Description="Sequence Ontology term">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "#" + "\t".join([*columns, patient_id]),
    ]
    lines += [
        "\t".join(
            (
                *(v.chromosome, str(v.position), v.variant_id, v.reference, v.alternate),
                *(".", "PASS", f"GENE={v.gene};EFFECT={v.effect}", "GT", _GENOTYPES[v.copies]),
            )
        )
        for v in patient.variants
    ]
    return "\n".join(lines) + "\n"
