"""Tokens may be lost while training, so that no single one is relied on; never afterwards."""

import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.records import Modality
from tests.unit.train import small

EVERYONE = torch.ones(6, 3, dtype=torch.bool)


def logits(rate: float, *, training: bool) -> torch.Tensor:
    network = small.network(small.Small()).train(training)
    network.token_dropout = {Modality.OBSERVATIONS: rate}
    inputs = small.examinations(small.Small()).batch(torch.arange(6)).inputs
    torch.manual_seed(9)
    with torch.no_grad():
        return network(inputs, EVERYONE).logits


def test_a_trained_network_loses_none() -> None:
    torch.testing.assert_close(logits(0.5, training=False), logits(0.0, training=False))


def test_while_training_some_are_lost() -> None:
    assert not torch.equal(logits(0.5, training=True), logits(0.0, training=True))


def test_a_modality_that_lost_all_of_its_tokens_is_absent() -> None:
    network = small.network(small.Small()).train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    network.token_dropout = {Modality.OBSERVATIONS: 1.0}
    inputs = small.examinations(small.Small()).batch(torch.arange(6)).inputs
    presence = EVERYONE.clone()
    with torch.no_grad():
        lost = network(inputs, presence).logits
        network.token_dropout = {}
        presence[:, network.modalities.index(Modality.OBSERVATIONS)] = False
        absent = network(inputs, presence).logits
    torch.testing.assert_close(lost, absent)


@pytest.mark.parametrize("chances", [{"image": 1.0}, {"image": -0.1}, {"odour": 0.1}])
def test_unusable_chances_are_refused(chances: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="token_dropout"):
        small.training(token_dropout=chances)
