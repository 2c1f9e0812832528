"""The engine: ledgers that add up, missing inputs that count for nothing, threads that never mix.

The pack has random weights: no number means anything here, but every law must hold.
"""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import NothingToScoreError, UnknownTargetError
from mmcore.explain import ledger as ledger_module
from mmcore.explain.path import PathAttribution, integrate
from mmcore.explain.shapley import shapley_values
from mmcore.records import Case, Explanation, GateVerdict, Modality, Patient, Prediction
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_engine, tiny_pack, untried

TARGET = "effusion"


@cache
def case(index: int = 0) -> Case:
    return phantom_case(sample_patient(SEED, index))


def without(whole: Case, *modalities: Modality) -> Case:
    """Return the case as if it had never held these modalities."""
    gone: Mapping[Modality, str] = {
        Modality.IMAGE: "studies",
        Modality.NOTE: "notes",
        Modality.OBSERVATIONS: "observations",
        Modality.RECORDING: "recordings",
        Modality.VARIANTS: "variants",
    }
    changes = {gone[m]: () for m in modalities}
    return replace(whole, digest=whole.digest + "-".join(modalities), **changes)


@cache
def explanation(index: int = 0) -> Explanation:
    with untried():
        return tiny_engine().explain(case(index), TARGET)


def test_base_and_contributions_are_the_logit_and_the_probability() -> None:
    ledger, prediction = explanation(), tiny_engine().predict(case()).target(TARGET)
    total = ledger.base + sum(c.signed for c in ledger.contributions)
    assert total == pytest.approx(ledger.logit, abs=1e-9)
    assert ledger.logit == prediction.logit
    assert prediction.probability == pytest.approx(1 / (1 + math.exp(-ledger.logit)))


def test_parts_sum_to_their_modality_within_the_stated_error() -> None:
    ledger = explanation()
    signed = {c.modality: c.signed for c in ledger.contributions}
    assert set(ledger.parts) == set(tiny_engine().modalities)
    for modality, parts in ledger.parts.items():
        assert parts.sum - signed[modality] == pytest.approx(parts.completeness_error, abs=1e-9)
        assert abs(parts.completeness_error) <= 0.02 * abs(signed[modality]) + 1e-3
        assert sum(i.signed for i in parts.items) == pytest.approx(parts.sum, abs=1e-6)


def test_the_test_of_completeness_tells_the_miss_of_what_is_shown_apart_from_its_paths() -> None:
    for parts in explanation().parts.values():
        (test,) = (t for t in parts.tests if t.name == "completeness")
        shown = f"the parts shown miss the contribution by {abs(parts.completeness_error):.3f} "
        assert str(test.words).startswith(shown)
        assert f"the worst path that they come from by {test.value:.3f} after" in str(test.words)


def test_the_overlay_holds_all_of_the_images_evidence() -> None:
    parts = explanation().parts[Modality.IMAGE]
    assert parts.overlay is not None
    assert float(parts.overlay.sum()) == pytest.approx(parts.sum, abs=1e-4)
    assert parts.overlay_box == (0.0, 0.0, 512.0, 512.0)


@pytest.mark.parametrize("dimensions", [4, 3], ids=["pixels", "tokens"])
def test_a_path_that_misses_withholds_the_overlay_even_if_the_other_hits(
    monkeypatch: pytest.MonkeyPatch, dimensions: int
) -> None:
    def missing(
        function: Callable[[Tensor], Tensor], inputs: Tensor, baselines: Tensor, **options: object
    ) -> PathAttribution:
        found = integrate(function, inputs, baselines, **options)  # type: ignore[arg-type]
        # An image has four axes; its tokens have three and are as many as the cells of its grid.
        is_image = inputs.ndim == 4 or inputs.shape[1] == 16
        if is_image and inputs.ndim == dimensions:
            return PathAttribution(found.values, found.error + 0.05, found.n_steps)
        return found

    monkeypatch.setattr(ledger_module, "integrate", missing)
    with untried():
        parts = tiny_engine().explain(case(), TARGET).parts
    assert not parts[Modality.IMAGE].passed
    assert parts[Modality.IMAGE].overlay is None
    assert parts[Modality.NOTE].passed


def test_a_network_with_other_weights_than_at_its_release_shows_no_part() -> None:
    engine = Engine.load(tiny_pack())
    torch.manual_seed(0)
    for module in engine.pack.network.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.reset_parameters()
    with untried():
        parts = engine.explain(case(), TARGET).parts
    assert not any(part.passed for part in parts.values())
    assert all("as it did at its release" in part.reason for part in parts.values())


def test_a_network_that_is_as_it_was_released_passes_that_test() -> None:
    for part in explanation().parts.values():
        (release,) = (test for test in part.tests if test.name == "release")
        assert release.passed


def test_autocast_is_not_taken_for_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmcore.encoding.SAME_ANSWER", 1e-4)  # bfloat16 moves answers by more
    engine = Engine.load(tiny_pack(), autocast=True)
    with untried():
        parts = engine.explain(case(), TARGET).parts
    for part in parts.values():
        (release,) = (test for test in part.tests if test.name == "release")
        assert release.passed


def test_a_part_of_a_network_that_learned_nothing_is_withheld_with_its_reason() -> None:
    parts = tiny_engine().explain(case(), TARGET).parts[Modality.IMAGE]
    assert not parts.passed
    assert parts.reason
    assert parts.overlay is None
    assert not parts.items
    assert not parts.places


def test_note_evidence_quotes_the_note_and_lab_evidence_names_the_code() -> None:
    ledger = explanation()
    text = case().notes[0].text
    for item in ledger.parts[Modality.NOTE].items:
        start, end = (int(x) for x in item.where)
        assert text[start:end] == item.what
    codes = {o.loinc for o in case().observations}
    assert {i.where[0] for i in ledger.parts[Modality.OBSERVATIONS].items} <= codes


@pytest.mark.parametrize("gone", list(Modality))
def test_a_missing_modality_contributes_nothing_and_is_asked_for(gone: Modality) -> None:
    partial = without(case(), gone)
    prediction = tiny_engine().predict(partial)
    ledger = tiny_engine().explain(partial, TARGET)
    assert prediction.missing == (gone,)
    contribution = next(c for c in ledger.contributions if c.modality is gone)
    assert (contribution.signed, contribution.band) == (0.0, (0.0, 0.0))
    assert gone not in ledger.parts
    if prediction.gate_of(TARGET).verdict is not GateVerdict.WITHHELD:
        assert prediction.gate_of(TARGET).helps_most is gone


def test_leaving_a_modality_out_is_what_the_coalition_table_said_it_would_be() -> None:
    whole = tiny_engine().coalition_values(case())
    no_note = tiny_engine().coalition_values(without(case(), Modality.NOTE))
    note = 1 << tiny_engine().modalities.index(Modality.NOTE)
    assert no_note[-1] == pytest.approx(whole[31 & ~note], abs=1e-5)


def test_contributions_are_the_shapley_values_of_the_published_coalitions() -> None:
    ledger = explanation()
    signed = [c.signed for c in ledger.contributions]
    assert shapley_values(ledger.coalitions) == pytest.approx(signed, abs=1e-9)


def test_the_band_holds_the_contribution_against_every_reference_patient() -> None:
    for contribution in explanation().contributions:
        low, high = contribution.band
        assert low <= high
        assert np.isfinite([low, high]).all()


def test_nothing_to_read_is_said_so_with_what_is_needed() -> None:
    with pytest.raises(NothingToScoreError) as caught:
        tiny_engine().predict(Case("empty", Patient()))
    assert caught.value.needed == tuple(Modality)
    assert caught.value.reasons == ()


def test_an_image_that_can_not_be_read_is_the_reason_why_there_is_nothing_to_score() -> None:
    study = case().studies[0]
    scan = replace(study.series[0].instances[0], dicom_modality="CT")
    series = replace(study.series[0], instances=(scan,))
    ct = replace(
        without(case(), *set(Modality) - {Modality.IMAGE}),
        digest="ct", studies=(replace(study, series=(series,)),),
    )  # fmt: skip
    with pytest.raises(NothingToScoreError) as caught:
        tiny_engine().predict(ct)
    assert caught.value.reasons == (
        "The image was not scored: it is of DICOM modality CT, not a radiograph (DX, CR).",
    )


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownTargetError, match="effusion"):
        tiny_engine().explain(case(), "fracture")


def test_scoring_twice_gives_the_same_numbers() -> None:
    fresh = Engine.load(tiny_pack())
    assert fresh.predict(case()).targets == tiny_engine().predict(case()).targets


def test_eight_threads_on_one_engine_never_mix_their_patients() -> None:
    expected = {index: explanation(index) for index in range(3)}
    engine = Engine.load(tiny_pack())

    def work(job: int) -> tuple[int, Prediction, Explanation]:
        index = job % 3
        return index, engine.predict(case(index)), engine.explain(case(index), TARGET)

    with untried(), ThreadPoolExecutor(8) as threads:
        done = list(threads.map(work, range(12)))
    for index, prediction, ledger in done:
        assert prediction.case_digest == case(index).digest
        assert ledger.logit == pytest.approx(expected[index].logit, abs=1e-6)
        ours, theirs = ledger.parts[Modality.NOTE], expected[index].parts[Modality.NOTE]
        assert [i.what for i in ours.items] == [i.what for i in theirs.items]


def test_with_autocast_the_ledger_still_adds_up_and_missed_sums_are_owned_up_to() -> None:
    engine = Engine.load(tiny_pack(), autocast=True)
    ledger = engine.explain(case(), TARGET)
    total = ledger.base + sum(c.signed for c in ledger.contributions)
    assert total == pytest.approx(ledger.logit, abs=1e-9)
    assert ledger.logit == engine.predict(case()).target(TARGET).logit
    signed = {c.modality: c.signed for c in ledger.contributions}
    for modality, parts in ledger.parts.items():
        assert parts.sum - signed[modality] == pytest.approx(parts.completeness_error, abs=1e-9)


def test_when_the_gpu_is_full_batches_shrink_then_the_cpu_takes_over_and_says_so() -> None:
    engine = Engine.load(tiny_pack())
    engine._device = torch.device("meta")  # stands for a GPU: anything that is not the CPU
    attempts: list[int] = []

    def work() -> str:
        attempts.append(engine._batch)
        if engine.device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"

    assert engine._on_device(work) == "done"
    assert attempts == [32, 8, 2, 32]
    assert "ran out of memory" in engine.predict(case()).notices[0]
