"""What a pack remembers: ordinary patients, with much or with little known of them."""

import numpy as np
import torch

from mmcore.records import Modality
from mmcore.train.reference import SHORTEST_NOTE, leave_out
from tests.tiny import tiny_engine, tiny_tensors


def parts() -> tuple[dict[Modality, torch.Tensor], dict[Modality, torch.Tensor]]:
    _, tensors = tiny_tensors()
    whole = tensors.batch(torch.arange(30)).inputs
    return whole, leave_out(whole, torch.Generator().manual_seed(0))


def test_observations_are_left_out_whole_and_one_always_stays() -> None:
    whole, part = (side[Modality.OBSERVATIONS] for side in parts())
    kept = part[..., 1] == 1
    assert (kept.sum(1) >= 1).all()
    assert kept.sum() < (whole[..., 1] == 1).sum()
    assert torch.equal(part[kept], whole[kept])
    assert (part[~kept] == 0).all()


def test_a_part_of_a_note_reads_as_a_note_of_its_own() -> None:
    whole, part = (side[Modality.NOTE] for side in parts())
    for note, piece in zip(whole.tolist(), part.tolist(), strict=True):
        tokens = [t for t in piece if t]
        assert len(tokens) >= SHORTEST_NOTE
        assert piece[: len(tokens)] == tokens  # starts at the beginning, padding behind
        joined = ",".join(map(str, note))
        assert ",".join(map(str, tokens)) in joined


def test_images_stay_whole() -> None:
    whole, part = parts()
    assert part[Modality.IMAGE] is whole[Modality.IMAGE]


def test_every_modality_has_a_threshold_that_lets_ordinary_patients_pass() -> None:
    reference = tiny_engine().pack.reference
    for modality in (Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS):
        assert reference.thresholds[modality.value] > 0
        assert np.isfinite(reference.embeddings[modality.value]).all()
