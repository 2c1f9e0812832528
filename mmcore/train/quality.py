"""Learning what a good film looks like, from good films and faults planted in them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from mmcore.datasets.faults import FAULTS, plant
from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import simulated
from mmcore.encoding import SeenImage, see_image
from mmcore.errors import ConfigError
from mmcore.evaluate.card import read_facts
from mmcore.evaluate.measure import read_cases, validation_only
from mmcore.gate.quality import (
    GOOD,
    FloatArray,
    Quality,
    measure,
    shrink,
    standard_measures,
    standardised,
    to_arrays,
    tones_of,
)
from mmcore.gate.suitability import choose_image
from mmcore.modalities.image import prepare_image
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import load_pack
from mmcore.records import Instance

FILMS = 600  # in which every fault is planted
FALSE_ALARMS = 0.03  # of good films, held out in turn
FOLDS = 5
STRENGTH = 1.0  # of the fit; the inverse of its penalty
STRENGTH_OF_SIDES = 1e-3


def fit_quality(network: FusionNetwork, films: Iterable[tuple[str, Instance]]) -> Quality:
    """Return what tells good films from faulty ones.

    films: patient and instance of good frontal films that the model was trained on. All of them say
    which side is which; the first ``FILMS`` are given every fault. The threshold is the
    quantile of good films, each judged by a model of other patients, that lets ``FALSE_ALARMS`` of
    them be called faulty.
    """
    config = network.config.image
    if config is None:
        raise ValueError("the model reads no image")
    classes = (GOOD, *FAULTS)
    small: list[FloatArray] = []
    asymmetries: list[FloatArray] = []
    patients: list[str] = []
    kept: list[tuple[npt.NDArray[np.float16], FloatArray, SeenImage]] = []
    for number, (patient, film) in enumerate(films):
        good = prepare_image(film, config).values
        small.append(shrink(good[0]))
        asymmetries.append(_seen(network, good).asymmetry)
        patients.append(patient)
        if len(kept) >= FILMS * len(classes):
            continue
        draw = np.random.default_rng(number)
        for name in classes:
            shown = film if name == GOOD else plant(film, FAULTS[name], draw)
            square = prepare_image(shown, config).values
            seen = _seen(network, square)
            kept.append((square[0].astype(np.float16), tones_of(shown.pixels[0]), seen))
    folds = _folds(np.array(patients))
    template = standardised(np.mean(small, axis=0))
    # A film that had a say in what is left and what is right would seem surer of it than new ones.
    views = np.stack(asymmetries)
    sides_of_others = [_sides(views[folds != fold]) for fold in range(FOLDS)]
    folds = folds[: len(kept) // len(classes)].repeat(len(classes))
    measures = np.stack(
        [
            measure(
                square.astype(np.float32),
                tones,
                seen.lungs,
                float((seen.asymmetry * sides_of_others[fold]).sum()),
                template,
            )
            for (square, tones, seen), fold in zip(kept, folds, strict=True)
        ]
    )
    labels = np.tile(np.arange(len(classes)), len(kept) // len(classes))
    return _fit(measures, labels, folds, classes, template, _sides(views))


def _seen(network: FusionNetwork, square: FloatArray) -> SeenImage:
    with torch.inference_mode():
        return see_image(network, torch.from_numpy(square)[None])


def _folds(patients: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Return (N,) the fold of each film; all films of a patient are in one."""
    _, patient = np.unique(patients, return_inverse=True)
    result: npt.NDArray[np.int64] = patient % FOLDS
    return result


def teach_quality(folder: Path, cases: Iterable[LabelledCase]) -> Quality:
    """Fit what tells good films from faulty ones, and write it into the pack.

    cases: patients that the pack was trained on.
    """
    pack = load_pack(folder)
    films = [
        (labelled.patient, film)
        for labelled in cases
        if (film := choose_image(labelled.case.instances)[0]) is not None
    ]
    order = np.random.default_rng(0).permutation(len(films))
    quality = fit_quality(pack.network, [films[i] for i in order])
    path = folder / "reference.npz"
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays.update(to_arrays(quality))
    np.savez_compressed(path, **arrays)
    return quality


def training_cases(folder: Path, data: Path | None) -> Iterable[LabelledCase]:
    """Return patients that a pack was trained on, as its card says.

    Raises ``ConfigError`` where a pack of real patients is not given their ``data``.
    """
    training = read_facts(folder)["training"]
    if load_pack(folder).identity.is_simulated:
        return simulated(int(training["seed"]), FILMS)
    if data is None:
        raise ConfigError(key="data", problem="the folder of the training patients is needed")
    kept_back = {c.patient for c in validation_only(folder, read_cases(data))}
    return (c for c in read_cases(data) if c.patient not in kept_back)


def _sides(asymmetries: FloatArray) -> FloatArray:
    """Return (D, 7, 7) weights that tell (N, D, 7, 7) asymmetries from those of mirror images."""
    rows = asymmetries.reshape(len(asymmetries), -1)
    spread = rows.std(0) + 1e-6
    fitted = LogisticRegression(C=STRENGTH_OF_SIDES, fit_intercept=False, max_iter=2000).fit(
        np.concatenate([rows, -rows]) / spread, np.repeat([1, 0], len(rows))
    )
    weights = fitted.coef_[0] / spread
    result: FloatArray = weights.reshape(asymmetries.shape[1:]).astype(np.float32)
    return result


def _fit(
    measures: FloatArray,
    labels: npt.NDArray[np.int64],
    folds: npt.NDArray[np.int64],
    classes: Sequence[str],
    template: FloatArray,
    sides: FloatArray,
) -> Quality:
    good = labels == 0
    center = measures[good].mean(0)
    scale = measures[good].std(0) + 1e-3
    rows = standard_measures(measures, center, scale)
    # As many good films, by weight, as faulty ones.
    weights = np.where(good, len(classes) - 1.0, 1.0)
    held_out = np.empty(len(rows))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any():
            held_out[inside] = (
                _regression()
                .fit(rows[~inside], labels[~inside], sample_weight=weights[~inside])
                .predict_proba(rows[inside])[:, 0]
            )
    fitted = _regression().fit(rows, labels, sample_weight=weights)
    return Quality(
        template=template,
        sides=sides,
        center=center,
        scale=scale,
        weights=fitted.coef_.astype(np.float32),
        bias=fitted.intercept_.astype(np.float32),
        classes=tuple(classes),
        threshold=float(np.quantile(held_out[good], FALSE_ALARMS)),
    )


def _regression() -> LogisticRegression:
    return LogisticRegression(C=STRENGTH, max_iter=2000)
