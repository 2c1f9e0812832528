"""The gene panel of a simulated patient: made-up loci of made-up genes, and what each says.

No gene, locus or variant here exists. ``SIMG01`` to ``SIMG24`` lie on a contig of their own, so
nothing can be looked up and no claim is made about a person. A risk variant is as frequent as in
everybody among those without what it is tied to, and more frequent among those with it; the
genotype is two independent draws (Hardy-Weinberg). Terms of effect are of the Sequence Ontology;
they are drawn from neutral and risk loci alike, so the term gives nothing away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np

from mmcore.records import Variant
from mmcore.simulate.causal import FINDINGS, Disease, Finding

CONTIG = "simulated_1"
CONTIG_LENGTH = 1_000_000
P_NO_CALL = 0.03  # of loci of which the laboratory could not say anything; they are not reported


@dataclass(frozen=True, slots=True)
class Locus:
    """One place of the panel.

    tied_to: finding or cause (a latent of ``causal``) with which the variant is more or less
        frequent; "" for a locus that means nothing.
    frequency, among: of the alternate allele without what it is tied to, and with it.
    """

    gene: str
    variant_id: str
    position: int
    reference: str
    alternate: str
    effect: str
    frequency: float
    tied_to: str = ""
    among: float = 0.0


_TABLE: tuple[tuple[str, str, str, float, str, float], ...] = (
    ("A", "G", "missense_variant", 0.14, "heart_failure", 0.36),
    ("C", "T", "missense_variant", 0.22, "heart_failure", 0.42),
    ("G", "A", "synonymous_variant", 0.30, "", 0.0),
    ("T", "C", "splice_region_variant", 0.16, "cardiomegaly", 0.36),
    ("GA", "G", "frameshift_variant", 0.08, "cardiomegaly", 0.24),
    ("C", "A", "intron_variant", 0.35, "", 0.0),
    ("G", "T", "missense_variant", 0.15, "edema", 0.35),
    ("A", "C", "5_prime_UTR_variant", 0.25, "edema", 0.46),
    ("T", "G", "missense_variant", 0.12, "pneumothorax", 0.32),  # connective tissue, as it were
    ("C", "T", "stop_gained", 0.06, "pneumothorax", 0.18),
    ("A", "T", "splice_donor_variant", 0.14, "pneumothorax", 0.30),
    ("G", "C", "missense_variant", 0.24, "", 0.0),
    ("C", "G", "missense_variant", 0.13, "nodule", 0.32),
    ("T", "A", "intron_variant", 0.20, "nodule", 0.40),
    ("G", "A", "missense_variant", 0.40, "nodule", 0.24),  # the one that protects
    ("AT", "A", "frameshift_variant", 0.10, "", 0.0),
    ("A", "G", "missense_variant", 0.16, "consolidation", 0.36),
    ("C", "T", "upstream_gene_variant", 0.22, "consolidation", 0.42),
    ("G", "T", "missense_variant", 0.16, "infection", 0.28),
    ("GCTC", "G", "inframe_deletion", 0.10, "effusion", 0.27),
    ("T", "C", "missense_variant", 0.18, "effusion", 0.37),
    ("A", "C", "synonymous_variant", 0.28, "", 0.0),
    ("C", "A", "missense_variant", 0.20, "smoker", 0.38),
    ("G", "C", "stop_gained", 0.05, "", 0.0),
)
PANEL: tuple[Locus, ...] = tuple(
    Locus(
        gene=f"SIMG{number:02d}",
        variant_id=f"simv{number:04d}",
        position=20_000 + 39_000 * number,
        reference=reference,
        alternate=alternate,
        effect=effect,
        frequency=frequency,
        tied_to=tied_to,
        among=among,
    )
    for number, (reference, alternate, effect, frequency, tied_to, among) in enumerate(_TABLE, 1)
)

# Which findings a cause leads to, so a variant tied to the cause bears on them; see ``causal``.
LEADS_TO: Mapping[str, tuple[Finding, ...]] = {
    "heart_failure": ("cardiomegaly", "edema", "effusion"),
    "infection": ("consolidation", "effusion"),
    "smoker": ("nodule", "pneumothorax"),
}


@dataclass(frozen=True, slots=True)
class TruthVariant:
    """What one reported genotype says of one finding.

    is_direct: the locus is tied to the finding itself, else to a cause of it.
    weight: log of P(copies | with) over P(copies | without) what the locus is tied to: above 0
        where the genotype speaks for it, below 0 against. The whole evidence where it is direct;
        for a finding behind a cause it is more than the genotype can say.
    """

    variant_id: str
    gene: str
    finding: Finding
    copies: int
    is_direct: bool
    weight: float


def sample_variants(
    rng: np.random.Generator, disease: Disease, *, digest: str
) -> tuple[tuple[Variant, ...], tuple[TruthVariant, ...]]:
    """Draw the panel and say which genotype bears on which finding, present or absent.

    Loci without a call are left out; the others are all reported, also with 0 copies.
    """
    draws = rng.random((len(PANEL), 2))
    is_called = rng.random(len(PANEL)) >= P_NO_CALL
    has: dict[str, bool] = dict(disease.latents)
    has |= {finding: state.present for finding, state in disease.states.items()}
    variants: list[Variant] = []
    truth: list[TruthVariant] = []
    for locus, alleles, called in zip(PANEL, draws, is_called, strict=True):
        frequency = locus.among if has.get(locus.tied_to, False) else locus.frequency
        copies = int((alleles < frequency).sum())
        if not called:
            continue
        variants.append(
            Variant(
                variant_id=locus.variant_id,
                gene=locus.gene,
                chromosome=CONTIG,
                position=locus.position,
                reference=locus.reference,
                alternate=locus.alternate,
                copies=copies,
                effect=locus.effect,
                digest=digest,
            )
        )
        truth.extend(_says(locus, copies))
    return tuple(variants), tuple(truth)


def _says(locus: Locus, copies: int) -> list[TruthVariant]:
    if not locus.tied_to:
        return []
    weight = copies * log(locus.among / locus.frequency) + (2 - copies) * log(
        (1 - locus.among) / (1 - locus.frequency)
    )
    behind = LEADS_TO.get(locus.tied_to)
    findings = behind if behind is not None else (_finding(locus.tied_to),)
    return [
        TruthVariant(
            locus.variant_id, locus.gene, finding, copies,
            is_direct=behind is None, weight=weight,
        )
        for finding in findings
    ]  # fmt: skip


def _finding(name: str) -> Finding:
    return next(finding for finding in FINDINGS if finding == name)
