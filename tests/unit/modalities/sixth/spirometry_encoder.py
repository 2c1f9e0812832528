"""A sixth modality: what a model reads of a flow-volume curve, and how its evidence is named."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mmcore.modalities import Channel, Encoder, Evidence, Preparation, register
from mmcore.records import Case, PartItem
from tests.unit.modalities.sixth.spirometry_file import SPIROMETRY


@dataclass(frozen=True, slots=True)
class SpirometryConfig:
    """points: of the curve, evenly spaced over its volume. hidden: of the network."""

    points: int = 24
    hidden: int = 16


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCurve:
    """values: (P, 2) float32, flow / 10 and 1 for "measured"; edges_l: where the points lie."""

    values: npt.NDArray[np.float32]
    edges_l: npt.NDArray[np.float64]

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        quarters = np.array_split(np.arange(len(attribution)), 4)
        items = [
            PartItem(
                f"flow from {self.edges_l[q[0]]:.1f} to {self.edges_l[q[-1]]:.1f} l",
                (float(self.edges_l[q].mean()),),
                float(attribution[q].sum()),
            )
            for q in quarters
        ]
        return Evidence(tuple(sorted(items, key=lambda item: -abs(item.signed))))


def prepare(case: Case, config: SpirometryConfig, tokenizer: object) -> Preparation:
    curves = cast(tuple[Any, ...], case.attachments.get(SPIROMETRY, ()))
    if not curves:
        return Preparation(None)
    curve = curves[0]
    at = np.linspace(curve.volume_l[0], curve.volume_l[-1], config.points)
    flow = np.interp(at, curve.volume_l, curve.flow_l_s) / 10.0
    values = np.stack([flow, np.ones_like(flow)], axis=1).astype(np.float32)
    return Preparation(PreparedCurve(values, at))


class SpirometryEncoder(Encoder):
    """One token per point of the curve: (B, P, 2) to (B, P, D)."""

    def __init__(self, config: SpirometryConfig, embed_dim: int) -> None:
        super().__init__()
        self._shape = (config.points, 2)
        self.layers = nn.Sequential(
            nn.Conv1d(2, config.hidden, 5, padding=2), nn.SiLU(),
            nn.Conv1d(config.hidden, embed_dim, 5, padding=2),
        )  # fmt: skip

    def baseline_input(self) -> Tensor:
        return torch.zeros(self._shape)

    def forward(self, embedded: Tensor) -> Tensor:
        return cast(Tensor, self.layers(embedded.transpose(1, 2))).transpose(1, 2)


register(Channel(SPIROMETRY, SpirometryConfig, SpirometryEncoder, prepare))
