"""What every fusion is: two steps, the second blind to the order of its inputs."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mmcore.model.config import FusionConfig
from mmcore.records import Modality


class Fusion(nn.Module):
    """From (B, T, D) tokens per modality to (B, K, D), one vector per target.

    Rows of a batch never meet, and every function used is smooth: Integrated Gradients walk through
    a fusion (docs/decisions/0007).
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__()
        if not modalities:
            raise ValueError("a fusion needs a modality")
        self.config = config
        self.modalities = modalities
        self.num_targets = num_targets

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, T', F) for ``tokens`` (B, T, D); looks at no other modality."""
        raise NotImplementedError

    def forward(self, projected: Mapping[Modality, Tensor]) -> Tensor:
        """Return (B, K, D) for what ``project`` made of every modality, in any order."""
        raise NotImplementedError

    def forward_each(
        self,
        variants: Mapping[Modality, Tensor],
        choice: Tensor,
        asked: Sequence[int] | None = None,
    ) -> Tensor:
        """Return (R, K, D) for R rows that read few different inputs of every modality.

        variants: (V, T', F) by modality. choice: (R, M), which variant of each modality a row
        reads. ``asked``: the targets that are wanted, (R, len(asked), D); all, if None. A fusion
        may do better than to lay every row's input out, as is done here.
        """
        vectors: Tensor = self(
            {m: variants[m][choice[:, i]] for i, m in enumerate(self.modalities)}
        )
        return vectors if asked is None else vectors[:, asked]

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return (B, K) in [0, 1] per modality: how far each is let into each target's vector.

        Empty where the fusion has no such weights. They describe the network and explain no score:
        a modality may have a large weight and say nothing. The ledger is the explanation.
        """
        return {}

    def in_order(self, projected: Mapping[Modality, Tensor]) -> list[Tensor]:
        """Return the values in the fixed order of ``modalities``.

        Raises ``ValueError`` for a modality too few or too many: what is absent comes as baseline.
        """
        if set(projected) != set(self.modalities):
            got, need = (", ".join(sorted(m)) for m in (projected, self.modalities))
            raise ValueError(f"the fusion joins {need}; it got {got or 'nothing'}")
        return [projected[m] for m in self.modalities]
