"""Scores without an explanation, by the exported encoders of a pack.

A worklist or an archive needs a score of every case and an explanation of few. Here encoders run as
ONNX graphs (``mmcore/model/exported.py``), and the fusion is asked once, about everything that is
there, instead of about all coalitions. Where a finding comes near its operating point, or an input
near what the gate lets pass, the network itself answers, as it does for every case that is opened:
what stands beside a ledger is what it adds up to (docs/decisions/0039).
"""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from scipy.special import expit, logit

from mmcore.encoding import EncodedCase, Encoding, judge_image
from mmcore.engine import Engine
from mmcore.errors import NonFiniteResultError
from mmcore.gate.novelty import unit
from mmcore.modalities.channel import FloatArray64
from mmcore.modalities.image import PreparedImage
from mmcore.model.exported import ASYMMETRY, LUNGS, TOKENS, Exported, GraphRunner, Within
from mmcore.model.facts import novelty
from mmcore.model.pack import Pack
from mmcore.model.prepared import PreparedCase
from mmcore.records import Case, Modality, Prediction


class Screening:
    """The exported encoders of a pack before the fusion of its network.

    Uses the network: whoever owns that lets one call in at a time.
    """

    def __init__(self, pack: Pack, exported: Exported, *, threads: int | None = None) -> None:
        self._pack, self._within = pack, exported.within
        self._runner = GraphRunner(exported, pack=pack.identity.name, threads=threads)

    def answer(self, encoding: Encoding, prepared: PreparedCase) -> EncodedCase:
        """Return ``encode`` of a case, or near a threshold what the network itself makes of it.

        Raises ``NonFiniteResultError`` if any answer is not a number.
        """
        seen = self.encode(encoding, prepared)
        is_near = margins(self._pack, seen).is_near(self._within)
        return encoding.encode(prepared) if is_near else seen

    def encode(self, encoding: Encoding, prepared: PreparedCase) -> EncodedCase:
        """Return the case as ``Encoding.encode`` does, with one coalition: everything there is.

        Raises ``NonFiniteResultError`` if any answer is not a number.
        """
        started = time.perf_counter()
        network = encoding.network
        inputs = dict(prepared.inputs)
        encoded = dict(encoding.baseline)
        embeddings = {}
        with torch.no_grad():
            for modality in encoding.present(prepared):
                array = np.asarray(inputs[modality].values)[None]
                values = torch.from_numpy(array)
                if modality in self._runner:
                    found = self._runner.run(modality, array)
                    tokens = torch.from_numpy(found[TOKENS])
                    image = inputs[modality]
                    if isinstance(image, PreparedImage):
                        lungs = expit(found[LUNGS][0]) if LUNGS in found else None
                        asymmetry = found[ASYMMETRY][0]
                        inputs[modality] = replace(image, lungs=lungs, asymmetry=asymmetry)
                else:
                    tokens = network.tokenise(modality, network.embed(modality, values))
                encoded[modality] = network.project(modality, tokens)
                summary = network.summarise(modality, values, tokens)
                embeddings[modality] = unit(summary.numpy())
            outputs = network.decide(encoded, encoding.baseline).double().numpy()
        values_of = [c.apply(outputs[:, i]) for i, c in enumerate(encoding.calibrations)]
        answers = np.stack(values_of, axis=1)
        if not np.isfinite(answers).all():
            raise NonFiniteResultError(what="the exported encoders' output for this case")
        prepared = replace(prepared, inputs=inputs)
        seconds = time.perf_counter() - started
        return EncodedCase(prepared, {}, {}, embeddings, answers, outputs[0], seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """How far a case is from everything that decides what is said of it; see ``Within``.

    score: (F,) of findings, above 0 where they are called present. quality: above 0 for a good
    film; NaN where nothing was learned of it. novelty: (P,) of the inputs that an 8-bit graph read;
    float graphs move nothing.
    """

    score: FloatArray64
    quality: float
    novelty: FloatArray64

    def is_near(self, within: Within) -> bool:
        """Say whether one of them is so small that it may be on the other side of its threshold.

        A film that does not look good always is: a person is told what is wrong with it.
        """
        return (
            bool((np.abs(self.score) <= within.score).any())
            or self.quality <= within.quality
            or bool((np.abs(self.novelty) <= within.novelty).any())
        )


def margins(pack: Pack, case: EncodedCase) -> Margins:
    """Return how far a case is from its thresholds; ``pack`` says how its inputs are read."""
    graphs = {} if pack.exported is None else pack.exported.graphs
    rough = [m for m in case.embeddings if m in graphs and graphs[m].kind == "int8"]
    points = [pack.calibration[target.name].operating_point for target in pack.config.targets]
    known = [k for k, point in enumerate(points) if point is not None]
    quality = pack.reference.quality
    _, good = judge_image(quality, case.prepared.inputs.get(Modality.IMAGE))
    return Margins(
        score=case.values[-1, known] - logit(np.array([points[k] for k in known], np.float64)),
        quality=np.nan if quality is None else float(logit(good) - logit(quality.threshold)),
        novelty=np.array([novelty(pack, m, case.embeddings[m]) - 1.0 for m in rough]),
    )


class Screener:
    """An engine whose scores come from the exported encoders of its pack, where that is safe.

    Without exported encoders, and on a GPU, it is the engine's own ``predict``.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._screening: Screening | None = None
        if engine.pack.exported is not None and engine.device == "cpu":
            self._screening = Screening(engine.pack, engine.pack.exported)

    @property
    def is_faster(self) -> bool:
        """Whether anything but the network itself is at work."""
        return self._screening is not None

    def predict(self, case: Case) -> Prediction:
        """Score every target of the case and judge whether each score may be shown.

        Raises what ``Engine.predict`` raises.
        """
        if self._screening is None:
            return self._engine.predict(case)
        return self._engine.predict_by(case, self._screening.answer)


class Predicts(Protocol):
    """Whatever scores cases: an engine here, or one behind a server."""

    def predict(self, case: Case) -> Prediction:
        """Score every target of the case and judge whether each score may be shown."""


@lru_cache(maxsize=4)  # as many models as a process has; a session takes a while to make
def screener_of(scorer: Predicts) -> Predicts:
    """Return what scores without explaining as ``scorer`` would; itself, if it is no engine here.

    Raises ``MissingLibraryError`` for a pack with graphs without the library that runs them.
    """
    return Screener(scorer) if isinstance(scorer, Engine) else scorer
