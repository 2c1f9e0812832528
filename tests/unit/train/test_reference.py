"""What a pack remembers: ordinary patients, with much or with little known of them."""

import numpy as np
import torch

from mmcore.modalities.note import SHORTEST_PART
from mmcore.records import Modality
from tests.tiny import tiny_engine, tiny_source


def parts(modality: Modality) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the inputs of thirty patients as they are, and with a part of each left out."""
    whole = tiny_source().train.batch(torch.arange(30)).inputs[modality]
    encoder = tiny_engine().pack.network.encoder(modality)
    return whole, encoder.leave_out(whole, torch.Generator().manual_seed(0))


def test_observations_are_left_out_whole_and_one_always_stays() -> None:
    whole, part = parts(Modality.OBSERVATIONS)
    kept = part[:, :, 0, 1] == 1
    assert (kept.sum(1) >= 1).all()
    assert kept.sum() < (whole[:, :, 0, 1] == 1).sum()
    assert torch.equal(part[kept], whole[kept])
    assert (part[~kept] == 0).all()


def test_a_part_of_a_note_reads_as_a_note_of_its_own() -> None:
    whole, part = parts(Modality.NOTE)
    for note, piece in zip(whole.tolist(), part.tolist(), strict=True):
        tokens = [t for t in piece if t]
        assert len(tokens) >= SHORTEST_PART
        assert piece[: len(tokens)] == tokens  # starts at the beginning, padding behind
        joined = ",".join(map(str, note))
        assert ",".join(map(str, tokens)) in joined


def test_images_stay_whole() -> None:
    whole, part = parts(Modality.IMAGE)
    assert part is whole


def test_a_gene_panel_keeps_at_least_some_of_its_loci() -> None:
    whole, part = parts(Modality.VARIANTS)
    assert (part[..., 1].sum(1) > 0).all()
    assert part[..., 1].sum() < whole[..., 1].sum()


def test_every_modality_has_a_threshold_that_lets_ordinary_patients_pass() -> None:
    reference = tiny_engine().pack.reference
    for modality in tiny_engine().modalities:
        assert reference.thresholds[modality.value] > 0
        assert np.isfinite(reference.embeddings[modality.value]).all()
