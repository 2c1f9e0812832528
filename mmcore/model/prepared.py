"""What the model reads of a case: one preparation per modality, and what was left aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.modalities import Prepared, channel_of
from mmcore.model.config import ModelConfig
from mmcore.records import Case, Modality

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCase:
    """What the model reads of a case.

    inputs: the modalities that the case has, as arrays that know where they came from. notices:
    what was left aside. doubts: per modality, what makes a score one with caution.
    """

    inputs: Mapping[Modality, Prepared]
    notices: tuple[str, ...]
    doubts: Mapping[Modality, tuple[str, ...]]


def prepare_case(case: Case, config: ModelConfig, tokenizer: "Tokenizer | None") -> PreparedCase:
    """Return the arrays that a model of ``config`` reads of ``case``."""
    inputs: dict[Modality, Prepared] = {}
    notices: list[str] = []
    doubts: dict[Modality, tuple[str, ...]] = {}
    for modality in config.modalities:
        read = channel_of(modality).prepare(case, config.inputs[modality], tokenizer)
        notices.extend(read.notices)
        if read.prepared is not None:
            inputs[modality] = read.prepared
            doubts[modality] = read.doubts
    return PreparedCase(inputs, tuple(notices), doubts)


def network_input(array: npt.NDArray[np.generic]) -> Tensor:
    """Return a stored input as the network takes it: float32 or int64."""
    tensor = torch.from_numpy(np.asarray(array))
    return tensor.float() if tensor.is_floating_point() else tensor.long()
