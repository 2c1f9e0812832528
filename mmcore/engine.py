"""The engine: one loaded pack that scores and explains cases, safely for many sessions.

It owns the network, the device and the lock. Every modality of a case is encoded exactly once; the
fusion is then asked about all coalitions of modalities in one batch, and prediction and ledger are
read from that same table, so they can not disagree.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from mmcore.encoding import EncodedCase, Encoding, KeptCases, judge_image
from mmcore.errors import (
    MMCoreError,
    NonFiniteResultError,
    NothingToScoreError,
    UnknownTargetError,
)
from mmcore.explain.ledger import explain_target
from mmcore.explain.marginal import Ledger
from mmcore.explain.methods import METHODS, MethodResult, apply_method, why_not
from mmcore.gate.suitability import choose_image
from mmcore.gate.verdict import STRANGER_NOTICE, judge_targets
from mmcore.language import say, word
from mmcore.modalities.image import PreparedImage
from mmcore.modalities.note import choose_note
from mmcore.model.allocator import keep_freed_memory
from mmcore.model.facts import gate_facts
from mmcore.model.outlines import draw_outlines
from mmcore.model.pack import Pack, load_pack
from mmcore.model.predicted import predict_targets
from mmcore.model.prepared import PreparedCase, prepare_case
from mmcore.records import (
    Case,
    Explanation,
    Instance,
    Modality,
    Note,
    PackIdentity,
    Prediction,
)

Result = TypeVar("Result")
Progress = Callable[[float, str], None]
Encode = Callable[[Encoding, PreparedCase], EncodedCase]
CACHED_CASES = 4
FIRST_BATCH = 32


class Engine:
    """Scores and explains cases with one pack. Every public method may be called by any thread."""

    def __init__(self, pack: Pack, *, device: str | None = None, autocast: bool = False) -> None:
        self.pack = pack
        self._autocast = autocast
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        # Attributions need float32 products that are float32 (docs/decisions/0008).
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self._network = pack.network.to(self._device)
        self._lock = threading.RLock()
        self._cases = KeptCases()
        self._encoding: Encoding | None = None  # made on first use, as encoding takes a while
        self._batch = FIRST_BATCH
        self._notices: list[str] = []

    @classmethod
    def load(cls, folder: Path, *, device: str | None = None, autocast: bool = False) -> "Engine":
        """Load a pack folder. Raises ``PackIntegrityError`` if it is not whole and sound.

        ``device``: the GPU if there is one, else the CPU. ``autocast``: bfloat16 where the device
        is faster with it; ledgers still add up, but more parts miss their contribution by so much
        that they are withheld (docs/decisions/0008).
        """
        keep_freed_memory()
        return cls(load_pack(folder), device=device, autocast=autocast)

    @property
    def identity(self) -> PackIdentity:
        """Name, version and digest of the pack."""
        return self.pack.identity

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The model's inputs, in the order of the coalition bits."""
        return self.pack.config.modalities

    @property
    def device(self) -> str:
        """Where the network lies now, e.g. "cpu" or "cuda"."""
        return str(self._device)

    @property
    def card_markdown(self) -> str:
        """The model card as Markdown."""
        return self.pack.card_markdown

    @property
    def card_facts(self) -> Mapping[str, Any]:
        """The model facts of ``card.yaml``."""
        return self.pack.card

    @property
    def target_names(self) -> Mapping[str, str]:
        """What a reader is shown for each target, by its name."""
        return {target.name: word(target.display) for target in self.pack.config.targets}

    def warm_up(self) -> None:
        """Encode baselines and reference patients, so that the first case does not wait."""
        with self._lock:
            self._on_device(self._ready)

    def model_image(self, case: Case) -> Instance | None:
        """Return the instance that the model looks at, or None if none is suitable."""
        return choose_image(case.instances)[0]

    def model_note(self, case: Case) -> Note | None:
        """Return the note that the model reads: the latest, or the first if none has a time."""
        return choose_note(case.notes)

    def prepare(self, case: Case) -> PreparedCase:
        """Return the arrays that the model reads of ``case``, with notices on what it leaves."""
        return prepare_case(case, self.pack.config, self.pack.tokenizer)

    def coalition_values(self, case: Case) -> npt.NDArray[np.float64]:
        """Return (2^M, K) calibrated values: bit m of the row says if modality m is the case's."""
        with self._lock:
            return self._encode(case).values.copy()

    @property
    def outlined_regions(self) -> tuple[str, ...]:
        """What the model outlines on the image, in order."""
        segmentation = self.pack.config.segmentation
        return () if segmentation is None else segmentation.regions

    def outlines(self, case: Case) -> dict[str, npt.NDArray[np.float32]]:
        """Return, by region, the (rows, columns) probability over the stored image.

        Empty without an image, or if the model outlines nothing.
        """
        with self._lock:
            encoded = self._encode(case)
            image = encoded.prepared.inputs.get(Modality.IMAGE)
            stored = self.model_image(case)
            if stored is None or not isinstance(image, PreparedImage):
                return {}
            rows, columns = stored.pixels.shape[1:3]
            drawn = self._on_device(
                lambda: draw_outlines(
                    self._network,
                    encoded.embedded[Modality.IMAGE],
                    image.box,
                    shape=(rows, columns),
                )
            )
            if not drawn:
                return {}
            return dict(zip(self.outlined_regions, drawn, strict=True))

    def image_quality(self, case: Case) -> tuple[str, float]:
        """Return the fault that the image's pixels look like, or "good", and how likely "good" is.

        NaN for a pack that was taught nothing of it, and without a radiograph.
        """
        with self._lock:
            return self._quality(self._encode(case).prepared)

    def predict_all(self, cases: Sequence[Case]) -> list[Prediction | MMCoreError]:
        """Score several cases, encoded together; each gets its prediction or its own error."""
        with self._lock:
            self._encode_together(cases)
            found: list[Prediction | MMCoreError] = []
            for case in cases:
                try:
                    found.append(self.predict(case))
                except MMCoreError as error:
                    found.append(error)
            return found

    def predict(self, case: Case) -> Prediction:
        """Score every target of the case and judge whether each score may be shown.

        Raises ``NothingToScoreError`` if no input of the model is there.
        """
        started = time.perf_counter()
        with self._lock:
            return self._prediction(case, self._encode(case), started)

    def predict_by(self, case: Case, encode: Encode) -> Prediction:
        """Score a case by what ``encode`` makes of it, which is not kept; see ``predict``.

        A case that the network has seen already gets the network's own answer.
        """
        started = time.perf_counter()
        with self._lock:
            if self._cases.found(case.digest) is not None:
                return self.predict(case)
            return self._prediction(case, encode(self._ready(), self._some(case)), started)

    def _prediction(self, case: Case, encoded: EncodedCase, started: float) -> Prediction:
        present = tuple(encoded.embeddings)
        names = [t.name for t in self.pack.config.targets]
        facts = gate_facts(self.pack, case.patient, encoded.prepared, encoded.embeddings)
        effects = {name: self.pack.calibration[name].effects for name in names}
        return Prediction(
            case_digest=case.digest,
            pack=self.identity,
            device=self.device,
            present=present,
            missing=tuple(m for m in self.modalities if m not in present),
            targets=predict_targets(
                self.pack.config.targets,
                self._ready().calibrations,
                values=encoded.values[-1],
                raw=encoded.raw,
                coalition=sum(1 << i for i, m in enumerate(self.modalities) if m in present),
            ),
            gate=judge_targets(self._inputs_of_targets(), facts, effects),
            timings={"encode": encoded.seconds, "predict": time.perf_counter() - started},
            notices=(
                *((STRANGER_NOTICE,) if facts.is_of_strangers else ()),
                *encoded.prepared.notices,
                *self._notices,
            ),
        )

    def explain(self, case: Case, target: str, *, progress: Progress | None = None) -> Explanation:
        """Return the ledger of one target: base, contributions, interactions and their parts.

        Raises ``UnknownTargetError``, ``NothingToScoreError``, ``LedgerNotAdditiveError``.
        """
        return self.with_ledger(
            case,
            target,
            lambda ledger, prepared: explain_target(ledger, prepared, progress=progress),
        )

    def explain_with(
        self,
        case: Case,
        target: str,
        modality: Modality,
        method: str,
        *,
        baseline: str = "stored",
    ) -> MethodResult:
        """Return the parts of one modality by another method, for comparison with our own.

        Raises what ``with_ledger`` and ``mmcore.explain.methods.apply_method`` raise.
        """
        return self.with_ledger(
            case,
            target,
            lambda ledger, prepared: apply_method(
                method, ledger, prepared, modality, baseline=baseline
            ),
        )

    def not_applicable(self, case: Case, target: str, modality: Modality) -> dict[str, str]:
        """Return of every other method why it does not apply to the modality there, or "".

        Raises what ``with_ledger`` raises.
        """
        return self.with_ledger(
            case, target, lambda ledger, _: {n: why_not(n, ledger, modality) for n in METHODS}
        )

    def self_test(self) -> bool | None:
        """Return whether reference patients get the answers of the release, computed anew.

        None for a pack that does not say. Raises what a broken device raises.
        """
        with self._lock:
            return self._ready().answers_as_released(self.pack)

    def with_ledger(
        self, case: Case, target: str, work: Callable[[Ledger, PreparedCase], Result]
    ) -> Result:
        """Return what ``work`` makes of the case inside the network, while nothing else runs there.

        ``work`` may be called again, with smaller batches or on the CPU, if memory runs out.
        Raises ``UnknownTargetError``, ``NothingToScoreError`` and what ``work`` raises.
        """
        names = tuple(t.name for t in self.pack.config.targets)
        if target not in names:
            raise UnknownTargetError(target=target, known=names)
        column = names.index(target)
        with self._lock:
            encoded = self._encode(case)
            return self._on_device(lambda: work(self._ledger(encoded, column), encoded.prepared))

    def _ledger(self, encoded: EncodedCase, column: int) -> Ledger:
        encoding = self._ready()
        target = self.pack.config.targets[column].name
        speakers = self._inputs_of_targets()[target]
        return Ledger(
            network=encoding.network,
            target=target,
            column=column,
            calibration=encoding.calibrations[column],
            values=encoded.values[:, column],
            reference_values=encoding.band(encoded, column),
            present=tuple(m for m in speakers if m in encoded.prepared.inputs),
            embedded=encoded.embedded,
            encoded=encoded.encoded,
            baseline=encoding.baseline,
            internal_batch_size=self._batch,
            kept=encoded.kept,
            is_as_released=encoding.is_as_released,
            reference_inputs={m: self.pack.reference.patients[m.value] for m in self.modalities},
        )

    def _ready(self) -> Encoding:
        """Return the network with its encoded baselines and reference patients."""
        if self._encoding is None:
            self._encoding = Encoding(self.pack, self._network, self._device)
        return self._encoding

    def _inputs_of_targets(self) -> dict[str, tuple[Modality, ...]]:
        config = self.pack.config
        return {target.name: config.inputs_of(target) for target in config.targets}

    def _encode(self, case: Case) -> EncodedCase:
        """Return the encoded case, from the few last ones if it was seen before."""
        if (seen := self._cases.found(case.digest)) is not None:
            return seen
        prepared = self._some(case)
        encoded = self._on_device(lambda: self._ready().encode(prepared))
        self._cases.keep(case.digest, encoded, most=CACHED_CASES)
        return encoded

    def _some(self, case: Case) -> PreparedCase:
        """Return ``prepare`` of a case that has something for the model to read."""
        prepared = self.prepare(case)
        if not self._ready().present(prepared):
            needed = tuple(m.value for m in self.modalities)
            raise NothingToScoreError(needed=needed, reasons=prepared.notices)
        return prepared

    def _encode_together(self, cases: Sequence[Case]) -> None:
        """Encode what was not seen before in one batch; what fails so is left to ``_encode``."""
        new = {c.digest: self.prepare(c) for c in cases if c.digest not in self._cases}
        able = {digest: one for digest, one in new.items() if self._ready().present(one)}
        if len(able) < 2:
            return
        try:
            encoded = self._precisely(lambda: self._ready().encode_all(list(able.values())))
        except (NonFiniteResultError, torch.OutOfMemoryError):
            return
        for digest, one in zip(able, encoded, strict=True):
            self._cases.keep(digest, one, most=max(CACHED_CASES, len(cases)))

    def _quality(self, prepared: PreparedCase) -> tuple[str, float]:
        return judge_image(self.pack.reference.quality, prepared.inputs.get(Modality.IMAGE))

    def _on_device(self, work: Callable[[], Result]) -> Result:
        """Run ``work``; when the GPU's memory is spent, with smaller batches, then on the CPU."""
        while True:
            try:
                return self._precisely(work)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                if self._batch > 4:
                    self._batch //= 4
                    continue
                if self._device.type == "cpu":
                    raise
                self._move_to_cpu()

    def _precisely(self, work: Callable[[], Result]) -> Result:
        """Run ``work`` in the precision that was asked for."""
        if not self._autocast:
            return work()
        with torch.autocast(self._device.type, torch.bfloat16, cache_enabled=False):
            return work()

    def _move_to_cpu(self) -> None:
        self._device = torch.device("cpu")
        self._network = self.pack.network.to(self._device)
        self._encoding = None
        self._ready()
        for case in self._cases.values():
            case.embedded = {m: t.cpu() for m, t in case.embedded.items()}
            case.encoded = {m: t.cpu() for m, t in case.encoded.items()}
            case.kept.clear()
        self._batch = FIRST_BATCH
        self._notices.append(say("The GPU ran out of memory; the model went on with the CPU."))
