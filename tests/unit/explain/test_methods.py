"""Laws of the other methods of attribution: sums, null inputs, twins, costs, and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import MethodNotApplicableError, UnknownMethodError
from mmcore.explain.ledger import PASSING_ERROR, PASSING_FLOOR
from mmcore.explain.methods import (
    METHODS,
    Attributed,
    Method,
    MethodResult,
    Request,
    apply,
    apply_method,
    gradients,
    register_method,
    why_not,
)
from mmcore.explain.methods.gradients import layer_gradcam
from mmcore.explain.shapley import shapley_values
from mmcore.records import Case, Modality
from mmcore.simulate import sample_patient
from tests.tiny import tiny_engine, tiny_pack

TARGET = "effusion"
SEEDED = ("gradient_shap", "noise_tunnel", "random")
INPUTS = (
    Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS, Modality.RECORDING, Modality.VARIANTS
)  # fmt: skip
EVERY = [(name, modality) for name in METHODS for modality in INPUTS]
NAMES = [f"{name}-{modality}" for name, modality in EVERY]


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom_case(sample_patient(5, 1))


def result_of(
    engine: Engine, case: Case, name: str, modality: Modality, **options: object
) -> MethodResult | None:
    """Return what a method finds, or None where it says that it does not apply."""

    def work(ledger, prepared):
        if why_not(name, ledger, modality):
            return None
        return apply_method(name, ledger, prepared, modality, **options)

    return engine.with_ledger(case, TARGET, work)


def contribution(engine: Engine, case: Case, modality: Modality) -> float:
    values = engine.with_ledger(case, TARGET, lambda ledger, _: ledger.values)
    return float(shapley_values(values)[engine.modalities.index(modality)])


@pytest.mark.parametrize(("name", "modality"), EVERY, ids=NAMES)
def test_the_error_that_a_method_reports_is_the_one_it_makes(
    case: Case, name: str, modality: Modality
) -> None:
    found = result_of(tiny_engine(), case, name, modality)
    if found is None:
        return
    signed = contribution(tiny_engine(), case, modality)
    assert found.parts.sum - found.parts.completeness_error == pytest.approx(signed, abs=1e-9)
    shown = sum(item.signed for item in found.parts.items)
    assert shown == pytest.approx(found.parts.sum, rel=1e-4, abs=1e-4)
    assert found.parts.tests == ()
    if METHODS[name].is_complete:
        allowed = max(PASSING_ERROR * abs(signed), PASSING_FLOOR)
        assert found.parts.passed
        assert abs(found.parts.completeness_error) <= allowed


@pytest.mark.parametrize("baseline", ["blur", "reference"])
def test_from_another_baseline_the_parts_explain_the_change_from_there(
    case: Case, baseline: str
) -> None:
    found = tiny_engine().explain_with(
        case, TARGET, Modality.IMAGE, "integrated_gradients", baseline=baseline
    )
    signed = contribution(tiny_engine(), case, Modality.IMAGE)
    assert abs(found.change - signed) > 1e-6
    assert found.parts.sum == pytest.approx(found.change, rel=0.02, abs=1e-3)
    assert found.parts.completeness_error == pytest.approx(found.parts.sum - signed)


@pytest.fixture(scope="module")
def deaf() -> Engine:
    """Return an engine whose network hears nothing of image and note."""
    engine = Engine.load(tiny_pack())
    with torch.no_grad():
        for modality in (Modality.IMAGE, Modality.NOTE):
            engine.pack.network.encoder(modality).projection.weight.zero_()
    return engine


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.NOTE])
@pytest.mark.parametrize("name", METHODS)
def test_what_the_network_does_not_hear_gets_nothing(
    deaf: Engine, case: Case, name: str, modality: Modality
) -> None:
    found = result_of(deaf, case, name, modality)
    if found is None:
        return
    assert found.parts.items
    assert max(abs(item.signed) for item in found.parts.items) <= 1e-5


@pytest.mark.parametrize(
    "name", [n for n in METHODS if n not in (*SEEDED, "blended", "layer_gradcam", "deep_lift")]
)
def test_equal_values_that_play_one_role_get_equal_shares(case: Case, name: str) -> None:
    engine = Engine.load(tiny_pack())
    encoder = engine.pack.network.encoder(Modality.VARIANTS)
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.ndim and len(parameter) == len(engine.pack.config.inputs[
                Modality.VARIANTS
            ].loci):  # fmt: skip
                parameter[1] = parameter[0]
    twins = engine.pack.config.inputs[Modality.VARIANTS].loci[:2]
    variants = tuple(replace(v, copies=2) if v.variant_id in twins else v for v in case.variants)
    found = result_of(engine, replace(case, variants=variants, digest="twins"), name,
                      Modality.VARIANTS)  # fmt: skip
    assert found is not None
    signed = {item.where: item.signed for item in found.parts.items}
    first, second = (signed[(locus,)] for locus in twins)
    assert first != 0.0
    assert first == pytest.approx(second, rel=1e-4)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows that the encoders are truly given, one entry per call."""
    seen: list[int] = []
    network = tiny_engine().pack.network
    for modality in network.modalities:
        encoder = network.encoder(modality)
        genuine = encoder.forward

        def forward(embedded: Tensor, genuine=genuine) -> Tensor:
            seen.append(len(embedded))
            return genuine(embedded)

        monkeypatch.setattr(encoder, "forward", forward)
    return seen


@pytest.mark.parametrize(("name", "modality"), EVERY, ids=NAMES)
def test_every_row_through_the_encoder_is_counted(
    case: Case, rows: list[int], name: str, modality: Modality
) -> None:
    def work(ledger, prepared):
        if why_not(name, ledger, modality):
            return None
        rows.clear()
        return apply_method(name, ledger, prepared, modality)

    found = tiny_engine().with_ledger(case, TARGET, work)
    if found is not None:
        assert found.forwards == sum(rows)
        assert 0 <= found.backwards <= found.forwards
        assert found.seconds > 0.0


def test_a_gradient_is_one_pass_and_a_removal_none_back(case: Case) -> None:
    gradient = tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "saliency")
    assert (gradient.forwards, gradient.backwards) == (1, 1)
    removal = tiny_engine().explain_with(case, TARGET, Modality.VARIANTS, "occlusion")
    loci = len(tiny_engine().pack.config.inputs[Modality.VARIANTS].loci)
    assert (removal.forwards, removal.backwards) == (loci + 1, 0)


@pytest.mark.parametrize("name", SEEDED)
def test_what_is_drawn_depends_on_the_seed_alone(case: Case, name: str) -> None:
    before = np.random.get_state()[1][:5].copy()  # noqa: NPY002 - the state is the point
    maps = [
        result_of(tiny_engine(), case, name, Modality.IMAGE, seed=seed).parts.overlay
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.abs(maps[0] - maps[2]).max() > 0.0
    np.testing.assert_array_equal(before, np.random.get_state()[1][:5])  # noqa: NPY002 - as above


def test_maps_have_the_cells_of_the_overlay(case: Case) -> None:
    for name in METHODS:
        found = result_of(tiny_engine(), case, name, Modality.IMAGE)
        if found is not None:
            assert found.parts.overlay is not None
            assert found.parts.overlay.shape == (16, 16)  # of 64 model pixels
            assert found.parts.overlay.sum() == pytest.approx(found.parts.sum, rel=1e-3, abs=1e-4)


def test_grad_cam_of_an_earlier_layer_is_another_map(case: Case) -> None:
    engine = tiny_engine()
    backbone = engine.pack.network.encoder(Modality.IMAGE).backbone
    earlier = str(backbone.feature_info[-2]["module"])
    register_method(layer_gradcam(earlier, name="earlier"))
    try:
        one = engine.explain_with(case, TARGET, Modality.IMAGE, "layer_gradcam").parts.overlay
        other = engine.explain_with(case, TARGET, Modality.IMAGE, "earlier").parts.overlay
    finally:
        del apply._METHODS["earlier"]
    assert one is not None
    assert other is not None
    assert not np.allclose(one, other)


def test_anyone_can_add_a_method(case: Case) -> None:
    def all_to_the_first(request: Request) -> Attributed:
        values = np.zeros(tuple(request.inputs.shape[1:]))
        values.flat[0] = request.change
        return Attributed(values)

    toy = Method("toy", "All to the first", "this test", True, all_to_the_first)
    register_method(toy)
    try:
        found = tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "toy")
        with pytest.raises(ValueError, match="toy"):
            register_method(toy)
    finally:
        del apply._METHODS["toy"]
    assert found.parts.overlay is not None
    assert found.parts.overlay.argmax() == 0
    signed = contribution(tiny_engine(), case, Modality.IMAGE)
    assert found.parts.sum == pytest.approx(signed)


def test_parts_of_a_complete_method_that_miss_are_withheld(case: Case) -> None:
    off = Method(
        "off", "A logit too much", "this test", True,
        lambda r: Attributed(
            np.full(tuple(r.inputs.shape[1:]), (r.change + 1.0) / r.inputs.numel())
        ),
    )  # fmt: skip
    register_method(off)
    try:
        found = tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "off")
    finally:
        del apply._METHODS["off"]
    assert not found.parts.passed
    assert found.parts.items == ()
    assert found.parts.overlay is None
    assert "miss" in found.parts.reason


def test_an_unknown_method_or_baseline_is_named(case: Case) -> None:
    with pytest.raises(UnknownMethodError, match=r"'lime'.*saliency"):
        tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "lime")
    with pytest.raises(UnknownMethodError, match=r"'black'.*stored"):
        tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "saliency", baseline="black")


def test_a_method_that_does_not_apply_says_why(case: Case) -> None:
    with pytest.raises(MethodNotApplicableError, match="only images") as refused:
        tiny_engine().explain_with(case, TARGET, Modality.NOTE, "layer_gradcam")
    assert (refused.value.method, refused.value.modality) == ("layer_gradcam", "note")
    with pytest.raises(MethodNotApplicableError, match="blurred"):
        tiny_engine().explain_with(
            case, TARGET, Modality.NOTE, "integrated_gradients", baseline="blur"
        )
    without = replace(case, notes=(), digest="no note")
    with pytest.raises(MethodNotApplicableError, match="note"):
        tiny_engine().explain_with(without, TARGET, Modality.NOTE, "saliency")


def test_deep_lift_is_refused_where_it_does_not_add_up(case: Case) -> None:
    with pytest.raises(MethodNotApplicableError, match="has no rule"):
        tiny_engine().explain_with(case, TARGET, Modality.IMAGE, "deep_lift")


@pytest.mark.parametrize(("activation", "is_covered"), [(nn.ReLU(), True), (nn.SiLU(), False)])
def test_deep_lift_is_trusted_by_its_sum_alone(activation: nn.Module, is_covered: bool) -> None:
    torch.manual_seed(2)
    encoder = nn.Sequential(nn.Linear(3, 8), activation, nn.Linear(8, 1))
    inputs = torch.tensor([[2.0, -1.0, 3.0]])
    start = torch.zeros(1, 3)

    def marginal(x: Tensor) -> Tensor:
        return encoder(x)[:, 0]

    found = gradients._deep_lift(marginal, encoder, inputs, start)
    change = float((marginal(inputs) - marginal(start)).detach().sum())
    assert (gradients._deep_lift_misses(marginal, encoder, inputs, start) == "") is is_covered
    assert (abs(float(found.detach().sum()) - change) < 1e-4) is is_covered
