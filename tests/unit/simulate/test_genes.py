"""The panel is made up, says so, and leans towards what it is tied to without telling."""

import re
from functools import lru_cache
from math import log

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmcore.simulate import FINDINGS, PhantomExtras, sample_extras
from mmcore.simulate.genes import LEADS_TO, P_NO_CALL, PANEL

CAUSES = {"heart_failure", "infection", "smoker"}


@lru_cache
def cohort(count: int = 1500) -> tuple[PhantomExtras, ...]:
    return tuple(sample_extras(77, index) for index in range(count))


def test_no_locus_can_be_taken_for_a_real_one():
    assert len(PANEL) == 24
    for locus in PANEL:
        assert re.fullmatch(r"SIMG\d\d", locus.gene)
        assert re.fullmatch(r"simv\d{4}", locus.variant_id)
    assert {v.chromosome for e in cohort() for v in e.variants} == {"simulated_1"}


def test_loci_are_tied_to_findings_or_to_their_causes():
    assert {locus.tied_to for locus in PANEL} == {*FINDINGS, *CAUSES, ""}
    assert set(LEADS_TO) == CAUSES
    for finding in FINDINGS:
        assert any(locus.tied_to == finding for locus in PANEL)


def test_the_effect_of_a_variant_gives_nothing_away():
    tied = {locus.effect for locus in PANEL if locus.tied_to}
    neutral = {locus.effect for locus in PANEL if not locus.tied_to}
    assert len(tied & neutral) >= 3


def test_reported_loci_are_in_order_and_now_and_then_one_is_missing():
    counts = [len(extras.variants) for extras in cohort()]
    assert np.mean(counts) == pytest.approx(24 * (1 - P_NO_CALL), abs=0.1)
    for extras in cohort()[:50]:
        positions = [v.position for v in extras.variants]
        assert positions == sorted(set(positions))
        assert {v.copies for v in extras.variants} <= {0, 1, 2}


def test_a_risk_variant_is_as_frequent_as_the_table_says():
    locus = next(x for x in PANEL if x.tied_to == "pneumothorax")
    for present, frequency in ((True, locus.among), (False, locus.frequency)):
        copies = [
            v.copies
            for e in cohort()
            if e.findings["pneumothorax"] is present
            for v in e.variants
            if v.gene == locus.gene
        ]
        assert np.mean(copies) / 2 == pytest.approx(frequency, abs=0.04)


def test_the_weight_of_a_genotype_is_its_log_likelihood_ratio():
    locus = next(x for x in PANEL if x.tied_to == "nodule")
    p, q = locus.frequency, locus.among
    expected = {
        0: log((1 - q) ** 2 / (1 - p) ** 2),
        1: log(2 * q * (1 - q) / (2 * p * (1 - p))),
        2: log(q**2 / p**2),
    }
    seen = {t.copies: t.weight for e in cohort() for t in e.variant_truth if t.gene == locus.gene}
    assert seen == pytest.approx(expected)


def test_truth_names_only_reported_variants_and_never_a_neutral_one():
    neutral = {locus.gene for locus in PANEL if not locus.tied_to}
    for extras in cohort()[:200]:
        reported = {v.variant_id: v.copies for v in extras.variants}
        for truth in extras.variant_truth:
            assert reported[truth.variant_id] == truth.copies
            assert truth.gene not in neutral


@pytest.mark.parametrize("finding", FINDINGS)
def test_the_panel_alone_leans_towards_a_finding_and_does_not_tell(finding):
    evidence = [
        sum(t.weight for t in e.variant_truth if t.finding == finding and t.is_direct)
        for e in cohort()
    ]
    present = [e.findings[finding] for e in cohort()]
    assert 0.65 < roc_auc_score(present, evidence) < 0.8
