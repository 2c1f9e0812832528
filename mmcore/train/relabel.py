"""Cross-fitted soft labels: what models that never saw a patient say of them, mixed into the truth.

Labels mined from reports are wrong now and then, and a network can learn a wrong label by heart.
The training patients are split by a hash of who they are; a model is trained on all parts but one
and asked about that one. The network is then trained on (1 - share) * label + share * answer, which
pulls a label that nobody else's example supports towards doubt. Unknown labels stay unknown.

After the cross-fitting of Northcutt, Jiang and Chuang 2021 (confident learning) and the mixing of
Reed et al. 2015 (soft bootstrapping).
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.train.config import RelabelConfig
from mmcore.train.dataset import TrainingSet
from mmcore.train.sources import Source

CHUNK = 32


def fold_of(patient: str, folds: int) -> int:
    """Return the part of a patient, by a hash of who they are."""
    digest = hashlib.sha256(f"relabel/{patient}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % folds


def relabel(
    source: Source,
    config: RelabelConfig,
    train_on: Callable[[Source, Path], FusionNetwork],
    *,
    folder: Path,
) -> Source:
    """Return the source with mixed labels of its training patients.

    ``train_on`` trains a network on a part of the patients, with a folder for its checkpoints.
    ``folder`` keeps the answers, so that a resumed run does not ask again.
    """
    kept = folder / "answers.pt"
    if kept.exists():
        answers: Tensor = torch.load(kept, weights_only=True)
    else:
        folds = [fold_of(patient, config.folds) for patient in source.train.patients]
        answers = torch.full_like(source.train.labels, torch.nan)
        for part in sorted(set(folds)):
            inside = [row for row, fold in enumerate(folds) if fold == part]
            outside = [row for row, fold in enumerate(folds) if fold != part]
            work = folder / f"part-{part}"
            work.mkdir(parents=True, exist_ok=True)
            network = train_on(replace(source, train=source.train.subset(outside)), work)
            answers[inside] = probabilities(network, source.train.subset(inside))
        torch.save(answers, kept)
    labels = mix(source.model, source.train.labels, answers, share=config.share)
    return replace(source, train=replace(source.train, labels=labels))


def probabilities(network: FusionNetwork, examinations: TrainingSet) -> Tensor:
    """Return (N, K) probabilities of the findings; regressions hold NaN."""
    device = next(network.parameters()).device
    is_finding = torch.tensor([t.kind == "finding" for t in network.config.targets])
    answers = []
    network.eval()
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(examinations)), CHUNK):
            batch = examinations.batch(rows)
            inputs = {m: x.to(device) for m, x in batch.inputs.items()}
            logits = network(inputs, batch.presence.to(device)).logits.float().cpu()
            answers.append(torch.where(is_finding, logits.sigmoid(), torch.nan))
    return torch.cat(answers)


def mix(model: ModelConfig, labels: Tensor, answers: Tensor, *, share: float) -> Tensor:
    """Return labels moved by ``share`` towards the answers, where both are known.

    Findings of a group stay as they are: their labels say together which one is true.
    """
    apart = torch.tensor([t.kind == "finding" and not t.group for t in model.targets])
    both = apart & ~labels.isnan() & ~answers.isnan()
    return torch.where(both, (1.0 - share) * labels + share * answers.nan_to_num(), labels)
