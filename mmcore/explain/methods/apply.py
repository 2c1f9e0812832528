"""Runs a method of attribution on one modality of one ledger and measures what it costs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mmcore.errors import MethodNotApplicableError, UnknownMethodError
from mmcore.explain.ledger import ABSOLUTE_TOLERANCE, PASSING_ERROR, PASSING_FLOOR
from mmcore.explain.marginal import Ledger, weighted_marginal
from mmcore.explain.methods.grid import overlay_of
from mmcore.explain.methods.method import Attributed, Method, Request, embedded_references
from mmcore.explain.shapley import shapley_values
from mmcore.language import say
from mmcore.modalities import Encoder
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality, PartItem, Parts

BASELINES = ("stored", "blur", "reference")
BLUR = 0.1  # standard deviation of the blurred baseline, as a share of the image's side
REFERENCES = 4  # patients whose mean is the baseline "reference"

_METHODS: dict[str, Method] = {}
METHODS: Mapping[str, Method] = MappingProxyType(_METHODS)
"""Every registered method by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class MethodResult:
    """One method's parts of one modality, and what they cost.

    parts: as of the ledger's own method, without tests. Their ``completeness_error`` is against the
        modality's contribution, whatever the baseline; a method that is not complete makes no
        promise about it.
    change: what the method itself aims at, in logits: the contribution where the baseline is the
        stored one.
    seconds: wall time. forwards, backwards: rows that went through the modality's encoder, and rows
        whose gradient came back through it.
    """

    method: str
    baseline: str
    parts: Parts
    change: float
    seconds: float
    forwards: int
    backwards: int


def register_method(method: Method) -> None:
    """Make a method known everywhere. Raises ``ValueError`` if its name is taken."""
    if method.name in _METHODS:
        raise ValueError(f"{method.name} is a method already")
    _METHODS[method.name] = method


def find_method(name: str) -> Method:
    """Return a registered method. Raises ``UnknownMethodError``."""
    if name not in _METHODS:
        raise UnknownMethodError(what="method", name=name, known=tuple(_METHODS))
    return _METHODS[name]


def check_choice(name: str, baseline: str) -> Method:
    """Return the method of that name. Raises ``UnknownMethodError`` for it or for the baseline."""
    if baseline not in BASELINES:
        raise UnknownMethodError(what="baseline", name=baseline, known=BASELINES)
    return find_method(name)


def why_not(name: str, ledger: Ledger, modality: Modality) -> str:
    """Return why a method can not be applied, or "". Raises ``UnknownMethodError``."""
    method = find_method(name)
    if modality not in ledger.present:
        return say("nothing of {input} speaks of this target in this case", input=modality.subject)
    return method.applies_to(ledger, modality)


def apply_method(
    name: str,
    ledger: Ledger,
    prepared: PreparedCase,
    modality: Modality,
    *,
    baseline: str = "stored",
    seed: int = 0,
) -> MethodResult:
    """Attribute one modality's contribution with the method of that name.

    ``baseline``: "stored" (the pack's), "blur" (the patient's own image, blurred until no lesion is
    left to see) or "reference" (the mean of a few reference patients). layer_gradcam, saliency,
    noise_tunnel, input_x_gradient and random ignore it; gradient_shap takes it as one baseline
    beside the reference patients. What is in the other modalities' place never depends on it.

    Raises ``UnknownMethodError`` for a name that is not registered, ``MethodNotApplicableError``
    where the method would give nonsense.
    """
    method = check_choice(name, baseline)
    started = time.perf_counter()
    if modality not in ledger.network.modalities:
        unread = say("the model does not read it")
        raise MethodNotApplicableError(method=name, modality=modality.value, reason=unread)
    signed = shapley_values(ledger.values)[ledger.network.modalities.index(modality)]
    contribution = float(signed)
    with count_passes(ledger.network.encoder(modality)) as passes:
        if reason := why_not(name, ledger, modality):
            raise MethodNotApplicableError(method=name, modality=modality.value, reason=reason)
        start = _start(method, ledger, modality, baseline)
        change = contribution if baseline == "stored" else _change(ledger, modality, start)
        inputs = ledger.embedded[modality].detach().clone().requires_grad_()
        request = Request(ledger, modality, prepared.inputs[modality], inputs, start, change, seed)
        found = method.run(request)
    parts = _parts(method, request, found, contribution)
    return MethodResult(
        method=name,
        baseline=baseline,
        parts=parts,
        change=change if found.change is None else found.change,
        seconds=time.perf_counter() - started,
        forwards=passes.forwards,
        backwards=passes.backwards,
    )


@dataclass(slots=True)
class Passes:
    """Rows that went through an encoder, and rows whose gradient came back."""

    forwards: int = 0
    backwards: int = 0


@contextmanager
def count_passes(encoder: Encoder) -> Iterator[Passes]:
    """Count the rows that go through ``encoder`` inside the block."""
    passes = Passes()

    def count_backward(gradient: Tensor) -> None:
        passes.backwards += len(gradient)

    def count_forward(_: torch.nn.Module, __: tuple[Tensor, ...], tokens: Tensor) -> None:
        passes.forwards += len(tokens)
        if tokens.requires_grad:
            tokens.register_hook(count_backward)  # type: ignore[no-untyped-call] # torch has no types for it

    handle = encoder.register_forward_hook(count_forward)
    try:
        yield passes
    finally:
        handle.remove()


def _start(method: Method, ledger: Ledger, modality: Modality, baseline: str) -> Tensor:
    """Return the baseline (1, ...) in the embedded input's space."""
    network = ledger.network
    own = ledger.embedded[modality].detach()
    with torch.no_grad():
        stored = network.embed(modality, network.baseline(modality)[None])
    if baseline == "blur":
        if network.encoder(modality).grid is None:
            reason = say("only an image can be blurred")
            raise MethodNotApplicableError(
                method=method.name, modality=modality.value, reason=reason
            )
        deviation = BLUR * own.shape[-1]
        blurred = gaussian_filter(own.cpu().numpy(), deviation, axes=(-2, -1), mode="nearest")
        return torch.from_numpy(blurred).to(own)
    if baseline == "reference":
        references = embedded_references(ledger, modality)
        if not len(references):
            reason = say("the pack's reference patients are not at hand")
            raise MethodNotApplicableError(
                method=method.name, modality=modality.value, reason=reason
            )
        return references[:REFERENCES].to(own).mean(0, keepdim=True)
    return stored.to(own)


def _change(ledger: Ledger, modality: Modality, start: Tensor) -> float:
    marginal = weighted_marginal(ledger, modality, ledger.network.encode)
    with torch.no_grad():
        low, high = marginal(torch.cat([start, ledger.embedded[modality]])).double().tolist()
    return float(high - low)


def _parts(method: Method, request: Request, found: Attributed, contribution: float) -> Parts:
    """Name the parts; those of a complete method must keep the bound that ours must keep."""
    values = overlay_of(request, found.values)
    total = float(values.sum())
    change = request.change if found.change is None else found.change
    miss = abs(total - change) if found.miss is None else found.miss
    allowed = max(PASSING_ERROR * abs(change), PASSING_FLOOR)
    parts = Parts(
        modality=request.modality,
        sum=total,
        completeness_error=total - contribution,
        passed=not method.is_complete or miss <= allowed,  # NaN does not pass
        reason="",
        items=(),
        n_steps=found.n_steps,
    )
    if not parts.passed:
        reason = say(
            "its parts miss what they explain by {miss:.3f} logit; allowed is {allowed:.3f}",
            miss=miss,
            allowed=allowed,
        )
        return replace(parts, reason=reason)
    evidence = request.prepared.name_parts(values)
    # Padding and missing values are no evidence of ours, but some methods credit them.
    rest = total - sum(item.signed for item in evidence.items)
    beside = (PartItem(say("rest of {input}", input=request.modality.subject), (), rest),)
    return replace(
        parts,
        items=evidence.items + (beside if abs(rest) > ABSOLUTE_TOLERANCE else ()),
        overlay=evidence.overlay,
        overlay_box=evidence.overlay_box,
        overlay_stack=evidence.overlay_stack,
        overlay_of=evidence.overlay_of,
        places=evidence.places,
    )
