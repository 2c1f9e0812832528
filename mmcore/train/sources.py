"""From a run file to prepared examinations: the patients, the tokenizer, the measured scales."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.thorax import is_validation, read_texts, read_thorax
from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig
from mmcore.records import Modality
from mmcore.train.cohort import CODES, Cohort, build_cohort
from mmcore.train.config import RunConfig, StartConfig
from mmcore.train.dataset import TrainingSet, from_cases, from_cohort
from mmcore.train.start import locate
from mmcore.train.teacher import build_evidence, teacher_terms
from mmcore.train.tokenizer import read_tokenizer, train_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LOGARITHMIC = frozenset({"6690-2", "1988-5", "33959-8", "33762-6", "67151-1", "2532-0", "2039-6",
                         "2160-0", "751-8", "731-0"})  # fmt: skip
"""Observations whose healthy distribution is skewed: standardised after the logarithm."""

Values = dict[str, list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What one run learns from. ``model`` holds the scales measured on the training patients.

    texts: everything a note encoder may read before any label is shown to it.
    """

    model: ModelConfig
    tokenizer: "Tokenizer | None"
    train: TrainingSet
    validation: TrainingSet
    texts: tuple[str, ...]
    is_simulated: bool


def open_source(run: RunConfig, *, work: Path, data: Path | None) -> Source:
    """Return the prepared patients of a run.

    ``work`` keeps simulated shards. ``data``: folder of real patients, where the run names one.
    Raises ``ConfigError`` if it is missing.
    """
    if run.data.kind == "phantom":
        source = _phantoms(run, work / "cohorts")
    elif data is None:
        raise ConfigError(key="data.kind", problem=f"{run.data.kind} needs a folder: --data")
    else:
        source = _thorax(run, data)
    if run.data.permuted:
        return replace(source, train=permuted(source.train, seed=run.data.seed))
    return source


def permuted(examinations: TrainingSet, *, seed: int) -> TrainingSet:
    """Return the examinations with labels and outlines dealt out anew, each patient's together.

    What a teacher says of a patient goes with the labels.

    Source: data randomisation of Adebayo et al. 2018.
    """
    order = torch.randperm(len(examinations), generator=torch.Generator().manual_seed(seed))
    regions, known = examinations.regions, examinations.known
    return replace(
        examinations,
        labels=examinations.labels[order],
        evidence=None if examinations.evidence is None else examinations.evidence[order],
        regions=None if regions is None else regions[order],
        known=None if known is None else known[order],
    )


def _phantoms(run: RunConfig, folder: Path) -> Source:
    size = run.model.image.size if run.model.image is not None else 224
    whom = ((run.data.seed, run.data.train), (run.data.seed + 1, run.data.validation))
    train, validation = [
        build_cohort(folder, seed=seed, patients=patients, size=size) for seed, patients in whom
    ]
    source = prepare_cohorts(
        run.model, train, validation, run.start, is_private=run.privacy is not None
    )
    if not run.data.teacher:
        return source
    taught = [
        replace(
            part, evidence=teacher_terms(source.model, build_evidence(folder, seed=s, patients=n))
        )
        for part, (s, n) in zip((source.train, source.validation), whom, strict=True)
    ]
    return replace(source, train=taught[0], validation=taught[1])


def prepare_cohorts(
    model: ModelConfig,
    train: Cohort,
    validation: Cohort,
    start: StartConfig | None = None,
    *,
    is_private: bool = False,
) -> Source:
    """Return two simulated cohorts as a source.

    is_private: whether words and scales are those of ``validation``, so that nothing but the steps
    of the training tells of ``train``.
    """
    known = validation if is_private else train
    tokenizer = _tokenizer(model, known.notes, start or StartConfig())
    values = {
        code: known.values[known.observed[:, column], column].astype(float).tolist()
        for column, code in enumerate(CODES)
    }
    measured = with_scales(model, values)
    return Source(
        model=measured,
        tokenizer=tokenizer,
        train=from_cohort(train, measured, tokenizer),
        validation=from_cohort(validation, measured, tokenizer),
        texts=known.notes,
        is_simulated=True,
    )


def _thorax(run: RunConfig, folder: Path) -> Source:
    cases: tuple[list[LabelledCase], list[LabelledCase]] = ([], [])
    for labelled in read_thorax(folder):
        cases[is_validation(labelled.patient, seed=run.data.seed, parts=run.data.parts)].append(
            labelled
        )
    kept_back = {note.text for labelled in cases[1] for note in labelled.case.notes}
    is_private = run.privacy is not None
    texts = tuple(text for text in read_texts(folder) if (text in kept_back) is is_private)
    tokenizer = _tokenizer(run.model, texts, run.start)
    values: Values = {}
    for labelled in cases[is_private]:
        for observation in labelled.case.observations:
            values.setdefault(observation.loinc, []).append(observation.value)
    measured = with_scales(run.model, values)
    return Source(
        model=measured,
        tokenizer=tokenizer,
        train=from_cases(_repeated(cases[0], run.data.repeat), measured, tokenizer),
        validation=from_cases(cases[1], measured, tokenizer),
        texts=texts,
        is_simulated=False,
    )


def _repeated(cases: Sequence[LabelledCase], times: Mapping[str, int]) -> Iterator[LabelledCase]:
    """Yield every case, and those with a named label or outline as often as it says."""
    for labelled in cases:
        has = {*labelled.labels, *labelled.regions}
        for _ in range(max((count for name, count in times.items() if name in has), default=1)):
            yield labelled


def _tokenizer(model: ModelConfig, texts: Sequence[str], start: StartConfig) -> "Tokenizer | None":
    """Return the tokenizer of what the note encoder starts from, or one learned from ``texts``."""
    note = model.note
    if note is None:
        return None
    if start.note or note.folder:
        folder = locate(start.note, start) if start.note else Path(note.folder)
        return read_tokenizer(folder, vocab_size=note.vocab_size, pad_id=note.pad_id)
    return train_tokenizer(texts, vocab_size=note.vocab_size)


def with_scales(model: ModelConfig, values: Values) -> ModelConfig:
    """Return the model with ["linear" or "log", mean, deviation] of each code's training values."""
    if model.observations is None:
        return model
    scales: dict[str, list[object]] = {}
    for code in model.observations.codes:
        known = np.array(values.get(code, []), dtype=np.float64)
        if len(known) < 2 or not known.std() > 0:
            raise ConfigError(
                key="observations.codes", problem=f"{code} has no spread in the training patients"
            )
        kind = "log" if code in LOGARITHMIC else "linear"
        if kind == "log":
            known = np.log(np.maximum(known, 1e-6))
        scales[code] = [kind, round(float(known.mean()), 6), round(float(known.std()), 6)]
    section = replace(model.observations, scales=scales)
    return model.with_input(Modality.OBSERVATIONS, section)
