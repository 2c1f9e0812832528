"""Two identical inputs must get equal shares: the symmetry of Shapley values, through a fusion."""

import pytest
import torch

from mmcore.explain.shapley import coalition_presence, shapley_values
from mmcore.model.config import FusionConfig, FusionKind
from mmcore.model.fusion import build_fusion
from mmcore.records import Modality

TWIN, OTHER_TWIN, ODD = Modality.RECORDING, Modality.VARIANTS, Modality.NOTE
ALL = (ODD, TWIN, OTHER_TWIN)


@pytest.mark.parametrize("kind", ["attention", "late"])
def test_two_identical_inputs_get_equal_shares(kind: FusionKind) -> None:
    torch.manual_seed(0)
    fusion = build_fusion(FusionConfig(embed_dim=8, depth=2, num_heads=2, kind=kind), ALL, 1).eval()
    weights = fusion.state_dict()
    for name in list(weights):
        if f".{OTHER_TWIN.value}" in name:
            weights[name] = weights[name.replace(f".{OTHER_TWIN.value}", f".{TWIN.value}")]
    fusion.load_state_dict(weights)
    own = {m: torch.randn(1, 4, 8) for m in ALL}
    own[OTHER_TWIN] = own[TWIN]
    baseline = {m: torch.zeros(1, 4, 8) for m in ALL}
    with torch.no_grad():
        projected, blank = (
            {m: fusion.project(m, tokens[m]) for m in ALL} for tokens in (own, baseline)
        )
        presence = torch.from_numpy(coalition_presence(len(ALL)))
        variants = {m: torch.cat([blank[m], projected[m]]) for m in ALL}
        vectors = fusion.forward_each(variants, presence.long())
        values = (vectors[:, 0] @ torch.randn(8)).double().numpy()
    odd, twin, other = shapley_values(values)
    assert abs(twin - other) <= 1e-4
    assert abs(twin) > 1e-3, "else they are equal because nothing counts"
    assert abs(odd - twin) > 1e-3, "the third is no twin"
