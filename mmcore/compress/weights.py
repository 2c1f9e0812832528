"""A pack of half the size: weights as 8-bit integers, written only if it calls findings alike."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mmcore.compress.agreement import SAME_CALLS, Agreement, agreement, score_all
from mmcore.compress.variant import add_limits, write_variant
from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.errors import PackIntegrityError
from mmcore.model.int8 import pack_int8

WEIGHTS = "model.safetensors"


def write_int8(
    folder: Path, out: Path, cases: Iterable[LabelledCase], *, total: int | None = None
) -> Agreement:
    """Write the variant with int8 weights of the pack ``folder`` to ``out``; compare on ``cases``.

    Its version ends in ``+int8`` and its card says how well it agrees. Raises what
    ``write_variant`` raises, and ``PackIntegrityError`` if fewer than ``SAME_CALLS`` of the calls
    are alike; then nothing is left.
    """

    def change(copy: Path, head: dict[str, Any]) -> list[str]:
        weights = copy / WEIGHTS
        weights.write_bytes(save_tensors(pack_int8(load_tensors(weights.read_bytes()))))
        return []

    def check(copy: Path) -> Agreement:
        engines = Engine.load(folder), Engine.load(copy)
        found = agreement(*score_all([one.predict for one in engines], cases, total=total))
        if not found.same >= SAME_CALLS:
            problem = f"int8 calls {found.same:.1%} of {found.calls} findings alike"
            raise PackIntegrityError(pack=folder.name, problem=problem)
        limit = (
            f"Weights are 8-bit integers: {found.same:.1%} of {found.calls} calls are those of the "
            f"whole pack; probabilities differ by {found.mean:.4f} on average, by "
            f"{found.largest:.3f} at most."
        )
        add_limits(copy, [limit])
        return found

    return write_variant(folder, out, suffix="int8", change=change, check=check)
