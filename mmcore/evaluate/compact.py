"""A smaller pack, written only if it says what the whole one says."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mmcore.engine import Engine
from mmcore.errors import PackIntegrityError
from mmcore.evaluate.card import read_facts, write_card
from mmcore.model.int8 import pack_int8
from mmcore.model.pack import load_pack
from mmcore.records import Case
from mmcore.train.reference import reference_answers

SAME_CALLS = 0.99  # of findings that both packs call alike, at least


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a compact pack compares with the whole one.

    calls: how many findings were called. same: the part of them that both call alike. largest,
    mean: difference of probabilities. bytes_before, bytes_after: of the weights.
    """

    calls: int
    same: float
    largest: float
    mean: float
    bytes_before: int
    bytes_after: int


def write_int8(folder: Path, out: Path, cases: Iterable[Case]) -> Agreement:
    """Write the int8 variant of the pack ``folder`` to ``out`` and compare them on ``cases``.

    Its version ends in ``+int8`` and its card says how well it agrees. Raises
    ``PackIntegrityError``, and leaves nothing, if fewer than ``SAME_CALLS`` of the calls are alike.
    """
    load_pack(folder)  # refuses one that is not sound
    shutil.copytree(folder, out)
    try:
        return _compact(folder, out, cases)
    except BaseException:
        shutil.rmtree(out)
        raise


def _compact(folder: Path, out: Path, cases: Iterable[Case]) -> Agreement:
    weights = out / "model.safetensors"
    before = weights.stat().st_size
    weights.write_bytes(save_tensors(pack_int8(load_tensors(weights.read_bytes()))))
    head = yaml.safe_load((out / "pack.yaml").read_text("utf-8"))
    head["version"] += "+int8"
    (out / "pack.yaml").write_text(yaml.safe_dump(head, sort_keys=False, allow_unicode=True))
    with np.load(out / "reference.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["answers"] = reference_answers(load_pack(out).network, arrays)
    np.savez_compressed(out / "reference.npz", **arrays)
    found = _compare(Engine.load(folder), Engine.load(out), cases)
    agreement = Agreement(*found, before, weights.stat().st_size)
    if not agreement.same >= SAME_CALLS:
        problem = f"int8 calls {agreement.same:.1%} of {agreement.calls} findings alike"
        raise PackIntegrityError(pack=folder.name, problem=problem)
    facts = read_facts(out)
    facts["version"] = head["version"]
    facts["limits"] = [
        *facts["limits"],
        f"Weights are 8-bit integers: {agreement.same:.1%} of {agreement.calls} calls are those of "
        f"the whole pack; probabilities differ by {agreement.mean:.4f} on average, by "
        f"{agreement.largest:.3f} at most.",
    ]
    shutil.rmtree(out / "figures", ignore_errors=True)
    write_card(out, facts, figures=None)
    return agreement


def _compare(
    whole: Engine, small: Engine, cases: Iterable[Case]
) -> tuple[int, float, float, float]:
    same: list[bool] = []
    differences: list[float] = []
    for case in cases:
        for ours, theirs in zip(
            whole.predict(case).targets, small.predict(case).targets, strict=True
        ):
            if ours.probability is not None and theirs.probability is not None:
                same.append(ours.is_positive == theirs.is_positive)
                differences.append(abs(ours.probability - theirs.probability))
    if not same:
        raise ValueError("there is no case to compare on")
    return len(same), float(np.mean(same)), max(differences), float(np.mean(differences))
