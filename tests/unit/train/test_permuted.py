"""Labels dealt out anew: the same labels, of other patients."""

import torch

from mmcore.train.sources import permuted
from tests.unit.train.small import Small, examinations


def test_labels_and_outlines_go_to_other_patients_together_and_inputs_stay() -> None:
    whole = examinations(Small(segments=True))
    dealt = permuted(whole, seed=4)
    assert dealt.inputs is whole.inputs
    assert dealt.patients == whole.patients
    before, after = whole.labels.nan_to_num(-1.0), dealt.labels.nan_to_num(-1.0)
    assert not torch.equal(before, after)
    assert torch.equal(before.sort(0).values, after.sort(0).values)
    assert whole.regions is not None
    assert dealt.regions is not None
    pairs = {(*a.tolist(), float(b.sum())) for a, b in zip(before, whole.regions, strict=True)}
    assert all((*a.tolist(), float(b.sum())) in pairs
               for a, b in zip(after, dealt.regions, strict=True))  # fmt: skip


def test_the_same_seed_deals_them_out_alike() -> None:
    whole = examinations(Small())
    one, other = permuted(whole, seed=4), permuted(whole, seed=4)
    assert torch.equal(one.labels.nan_to_num(), other.labels.nan_to_num())
    different = permuted(whole, seed=5).labels.nan_to_num()
    assert not torch.equal(one.labels.nan_to_num(), different)
