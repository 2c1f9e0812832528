"""The evidence for a finding is taught to lie where somebody outlined it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.attribution import FORGIVEN, AttributionLoss
from mmcore.train.dataset import Batch
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig
from tests.unit.train.small import Small, examinations, network

CPU = torch.device("cpu")
SMALL = Small(segments=True)
OUTLINED = {"oedema": "lungs"}
LOSS = LossConfig(attribution=OUTLINED, weights={"segmentation": 0.0, "regressions": 0.0})


@pytest.fixture
def built() -> FusionNetwork:
    return network(SMALL)


def batch(*, outlined: Tensor, labels: Tensor) -> Batch:
    """Return rows that all have their image; outlined: (B, 56, 56); labels: (B,) of oedema."""
    made = examinations(SMALL).batch(torch.arange(len(labels)))
    severity = torch.full_like(labels, torch.nan)
    return replace(
        made,
        presence=torch.ones_like(made.presence),
        labels=torch.stack([labels, severity], 1),
        regions=outlined[:, None],
    )


def left(count: int, part: float = 0.5) -> Tensor:
    """Return (count, 56, 56) outlines of the left part of the image."""
    outlines = torch.zeros(count, 56, 56)
    outlines[:, :, : int(56 * part)] = 1.0
    return outlines


def costs(built: FusionNetwork, given: Batch) -> Tensor:
    assert given.regions is not None
    torch.manual_seed(0)
    tokens = built(given.inputs, given.presence).tokens
    return AttributionLoss(built.config, OUTLINED)(built, tokens, given.labels, given.regions)


def test_evidence_wholly_inside_costs_nothing_and_wholly_outside_most(
    built: FusionNetwork,
) -> None:
    everywhere = costs(built, batch(outlined=left(4, part=1.0), labels=torch.ones(4)))
    assert torch.allclose(everywhere, torch.zeros(4), atol=0.03)
    corner = torch.zeros(4, 56, 56)
    corner[:, :7, :7] = 1.0
    small = costs(built, batch(outlined=corner, labels=torch.ones(4)))
    assert bool((small > everywhere).all())
    assert bool((small <= -torch.tensor(FORGIVEN).log() + 1e-5).all())


def test_halves_share_the_evidence(built: FusionNetwork) -> None:
    one = costs(built, batch(outlined=left(4), labels=torch.ones(4)))
    other = costs(built, batch(outlined=1.0 - left(4), labels=torch.ones(4)))
    inside = (-one).exp() + (-other).exp() - 2 * FORGIVEN
    assert torch.allclose(inside, torch.ones(4), atol=1e-3)


def test_what_tokens_are_credited_with_adds_up_to_the_change_of_the_logit(
    built: FusionNetwork,
) -> None:
    built.eval()
    given = batch(outlined=left(4), labels=torch.ones(4))
    without = given.presence.clone()
    without[:, built.modalities.index(Modality.IMAGE)] = False
    seen, blind = built(given.inputs, given.presence), built(given.inputs, without)
    loss, column = AttributionLoss(built.config, OUTLINED), torch.zeros(4, dtype=torch.long)
    torch.manual_seed(1)
    drawn = [loss.attribute(built, seen.tokens, column).detach().sum(1) for _ in range(200)]
    change = (seen.logits - blind.logits)[:, 0].detach()
    assert torch.allclose(torch.stack(drawn).mean(0), change, atol=0.02)


@pytest.mark.parametrize("lacks", ["finding", "label", "outline", "known outline"])
def test_a_row_of_which_nobody_knows_the_place_teaches_nothing(
    built: FusionNetwork, lacks: str
) -> None:
    labels, outlines = torch.ones(3), left(3)
    labels[1] = {"finding": 0.0, "label": torch.nan}.get(lacks, 1.0)
    outlines[1] = {"outline": 0.0, "known outline": torch.nan}.get(lacks, outlines[1])
    found = costs(built, batch(outlined=outlines, labels=labels))
    assert found.isnan().tolist() == [False, True, False]


def test_learning_moves_the_evidence_into_the_outline() -> None:
    learner = Learner(network(SMALL), LOSS).train()
    given = batch(outlined=left(8, part=0.3), labels=torch.ones(8))
    optimizer = torch.optim.Adam(learner.network.parameters(), lr=0.01)
    torch.manual_seed(2)
    course = []
    for _ in range(40):
        optimizer.zero_grad()
        total, losses = learner(given, CPU)
        total.backward()
        optimizer.step()
        course.append(losses["attribution"])
    assert sum(course[-5:]) < 0.5 * sum(course[:5])


def test_an_image_that_dropped_out_is_not_asked_where() -> None:
    learner = Learner(network(SMALL), LOSS).train()
    given = batch(outlined=left(4), labels=torch.ones(4))
    dropped = replace(given, presence=torch.zeros_like(given.presence))
    assert learner(dropped, CPU)[1]["attribution"] == 0.0
    assert learner(given, CPU)[1]["attribution"] > 0.0


def test_validation_asks_nothing_of_it() -> None:
    learner = Learner(network(SMALL), LOSS).eval()
    with torch.inference_mode():
        losses = learner(batch(outlined=left(4), labels=torch.ones(4)), CPU)[1]
    assert losses["attribution"] == 0.0


@pytest.mark.parametrize(
    ("outlined", "segments"),
    [({"severity": "lungs"}, True), ({"oedema": "heart"}, True), (OUTLINED, False)],
)
def test_a_finding_or_an_outline_that_the_model_lacks_is_refused(
    outlined: dict[str, str], segments: bool
) -> None:
    built = network(replace(SMALL, segments=segments))
    with pytest.raises(ConfigError, match=r"loss\.attribution"):
        Learner(built, LossConfig(attribution=outlined))
