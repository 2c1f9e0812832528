"""One target's ledger: base + modalities = logit, and every modality = the sum of its parts.

Between modalities: exact Shapley values of v(S), the calibrated logit when the modalities in S are
the patient's own and the others are at their baseline. Within modality m: Integrated Gradients of

    g_m(x) = sum over S without m of w(S) * [f(S + {m: x}) - v(S)]

from m's baseline input to the patient's. g_m is 0 at the baseline and the Shapley value of m at the
patient's input, so its parts sum to the modality's contribution up to the quadrature error, which
is measured and reported. An image is walked along its tokens; what they got is carried on to its
pixels, and the two results are blended (docs/method.md).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.errors import LedgerNotAdditiveError
from mmcore.explain.marginal import Ledger, Marginal, weighted_marginal
from mmcore.explain.path import PathAttribution, integrate, roughly
from mmcore.explain.shapley import (
    interaction_index,
    shapley_values,
)
from mmcore.explain.trials import LEAST, Trial, try_parts
from mmcore.language import joined, say
from mmcore.modalities import channel_of
from mmcore.model.prepared import PreparedCase
from mmcore.records import (
    Contribution,
    Explanation,
    Interaction,
    Modality,
    Parts,
    PartTest,
    Place,
)

ADDITIVITY = 1e-4  # logits by which base + contributions may miss the logit
RELATIVE_TOLERANCE = 0.02  # of a modality's contribution, before more quadrature points are spent
ABSOLUTE_TOLERANCE = 1e-4  # logits; below this, arithmetic in single precision decides
PASSING_ERROR = 0.05  # of the contribution: parts that miss it by more are withheld
PASSING_FLOOR = 0.02  # logits: an error below this changes nothing that a reader sees
FIRST_TOKEN_STEPS = 9
ROUGH_STEPS = 1  # of the maps that are only compared with each other
MOST_OUTSIDE = 0.5  # of the evidence; with more of it elsewhere it is not about the chest


def explain_target(
    ledger: Ledger,
    prepared: PreparedCase,
    *,
    progress: Callable[[float, str], None] | None = None,
) -> Explanation:
    """Return the whole ledger of one target.

    Raises ``LedgerNotAdditiveError`` if base plus contributions misses the logit.
    """
    modalities = ledger.network.modalities
    signed = shapley_values(ledger.values)
    base, logit = float(ledger.values[0]), float(ledger.values[-1])
    error = base + float(signed.sum()) - logit
    if not abs(error) <= ADDITIVITY:
        raise LedgerNotAdditiveError(target=ledger.target, error=error, tolerance=ADDITIVITY)
    total = float(np.abs(signed).sum())
    bands = np.percentile(shapley_values(ledger.reference_values), [5, 95], axis=1)
    index = interaction_index(ledger.values)
    parts: dict[Modality, Parts] = {}
    for done, modality in enumerate(ledger.present):
        if progress is not None:
            doing = say("Tracing {input}", input=modality.subject)
            progress(done / len(ledger.present), doing)
        contribution = float(signed[modalities.index(modality)])
        parts[modality] = _parts(ledger, modality, contribution, prepared)
    if progress is not None:
        progress(1.0, say("Done"))
    return Explanation(
        target=ledger.target,
        base=base,
        logit=logit,
        modalities=modalities,
        contributions=tuple(
            Contribution(
                modality,
                float(signed[m]),
                float(abs(signed[m])) / total if total else 0.0,
                (float(bands[0, m]), float(bands[1, m])),
            )
            for m, modality in enumerate(modalities)
        ),
        interactions=tuple(
            Interaction(modalities[a], modalities[b], float(index[a, b]))
            for a in range(len(modalities))
            for b in range(a + 1, len(modalities))
            if modalities[a] in ledger.present and modalities[b] in ledger.present
        ),
        coalitions=ledger.values.copy(),
        parts=parts,
    )


def _parts(
    ledger: Ledger, modality: Modality, contribution: float, prepared: PreparedCase
) -> Parts:
    attribution, worst = attribute_by_path(ledger, modality, contribution)
    evidence = prepared.inputs[modality].name_parts(attribution.values)
    tests = (
        *_release(ledger),
        _completeness(worst, attribution.error, contribution, attribution.n_steps),
        *try_parts(_trial(ledger, modality), attribution.values, contribution),
        *_anatomy(evidence.places, contribution),
    )
    reasons = [test.words for test in tests if test.passed is False]
    if not abs(contribution) >= LEAST:
        reasons.insert(
            0,
            say(
                "it moved the score by {contribution:+.3f}, too little to have parts",
                contribution=contribution,
            ),
        )
    shown = Parts(
        modality=modality,
        sum=float(attribution.values.sum()),
        completeness_error=attribution.error,
        passed=not reasons,
        reason=joined(reasons, "; ") if reasons else "",
        items=(),
        n_steps=attribution.n_steps,
        tests=tests,
    )
    if reasons:
        return shown
    return replace(
        shown,
        items=evidence.items,
        overlay=evidence.overlay,
        overlay_box=evidence.overlay_box,
        overlay_stack=evidence.overlay_stack,
        overlay_of=evidence.overlay_of,
        places=evidence.places,
    )


def _completeness(worst: float, error: float, contribution: float, n_steps: int) -> PartTest:
    allowed = max(PASSING_ERROR * abs(contribution), PASSING_FLOOR)
    words = say(
        "the parts shown miss the contribution by {error:.3f} logit, and the worst path that they "
        "come from by {worst:.3f} after {n_steps} steps; allowed is {allowed:.3f}",
        error=abs(error),
        worst=worst,
        n_steps=n_steps,
        allowed=allowed,
    )
    passed = worst <= allowed  # NaN does not pass
    return PartTest(say("completeness"), passed, worst, allowed, words)


def _release(ledger: Ledger) -> tuple[PartTest, ...]:
    """Say whether this network is still the one that was examined before it was shipped."""
    if ledger.is_as_released is None:
        return ()
    words = say("the network answers for reference patients as it did at its release")
    if not ledger.is_as_released:
        words = say("the network no longer answers for reference patients as it did at its release")
    return (PartTest(say("release"), ledger.is_as_released, 0.0, 0.0, words),)


def _anatomy(places: tuple[Place, ...], contribution: float) -> tuple[PartTest, ...]:
    """Say how much of what speaks in the contribution's own direction lies outside the chest."""
    total = sum(_spoken(place, contribution) for place in places)
    if not total:
        return ()
    outside = [place for place in places if place.is_outside]
    share = sum(_spoken(place, contribution) for place in outside) / total
    words = say(
        "{share:.0%} of the evidence lies outside lungs, heart and mediastinum", share=share
    )
    if outside and share > MOST_OUTSIDE:
        most = max(outside, key=lambda place: _spoken(place, contribution))
        words = say(
            "{share:.0%} of the evidence lies outside lungs, heart and mediastinum, most of that "
            "at: {place}",
            share=share,
            place=most.name,
        )
    return (PartTest(say("anatomy"), share <= MOST_OUTSIDE, share, MOST_OUTSIDE, words),)


def _spoken(place: Place, contribution: float) -> float:
    return place.positive if contribution > 0 else -place.negative


def _trial(ledger: Ledger, modality: Modality) -> Trial:
    network = ledger.network
    encoder = network.encoder(modality)
    with torch.no_grad():
        start = network.embed(modality, network.baseline(modality)[None])

    def outlines(embedded: Tensor) -> list[npt.NDArray[np.float64]]:
        """Attribute roughly, through the tokens where they form a grid: few steps, no check."""
        away, g = start, weighted_marginal(ledger, modality, network.encode)
        if encoder.grid is not None:
            with torch.no_grad():
                embedded = network.tokenise(modality, embedded)
                away = network.tokenise(modality, start)
            g = weighted_marginal(ledger, modality, network.project)
        found = roughly(g, embedded, away.expand_as(embedded), n_steps=ROUGH_STEPS)
        maps = found.double().cpu().numpy()
        return [own.sum(-1) if encoder.grid is not None else encoder.pieces(own) for own in maps]

    # Asked of all targets at once, for which every input of the case is in play.
    everything = tuple(m for m in network.modalities if m in ledger.embedded)
    marginal = Marginal(ledger, modality, everything)
    return Trial(
        encoder=encoder,
        own=ledger.embedded[modality],
        baseline=start,
        ask=lambda embedded: marginal.ask(network.encode(modality, embedded)),
        weigh=marginal.weigh,
        outlines=outlines,
        kept=ledger.kept.setdefault(modality, {}),
    )


def attribute_by_path(
    ledger: Ledger, modality: Modality, contribution: float, *, start: Tensor | None = None
) -> tuple[PathAttribution, float]:
    """Walk from the baseline to the patient's input; with a grid return the overlay's cells.

    ``start``: an embedded input (1, ...) to walk from instead of the stored baseline;
    ``contribution`` is then g_m's change from there.

    What has a grid of tokens is walked along the tokens first. What these got is then carried on
    to the input by a second path, through the encoder alone, and the two are blended. The number
    beside the result is the largest miss of any path: a blend must not make a bad one look good.
    """
    network = ledger.network
    if start is None:
        start = network.embed(modality, network.baseline(modality)[None])
    end = ledger.embedded[modality]

    def walk(
        function: Callable[[Tensor], Tensor], to: Tensor, away: Tensor, change: float, first: int
    ) -> PathAttribution:
        tolerance = RELATIVE_TOLERANCE * abs(contribution) + ABSOLUTE_TOLERANCE
        return integrate(
            function, to, away, change=change, tolerance=tolerance, first_steps=first,
            internal_batch_size=ledger.internal_batch_size,
        )  # fmt: skip

    first_steps = channel_of(modality).first_steps
    if network.encoder(modality).grid is None:
        g = weighted_marginal(ledger, modality, network.encode)
        found = walk(g, end, start, contribution, first_steps)
        return found, abs(found.error)
    with torch.no_grad():
        first, last = network.tokenise(modality, start), network.tokenise(modality, end)
    g = weighted_marginal(ledger, modality, network.project)
    by_token = walk(g, last, first, contribution, FIRST_TOKEN_STEPS)
    slopes = _mean_gradient(by_token.values, last - first)
    by_input = walk(
        lambda x: (network.tokenise(modality, x) * slopes).sum((1, 2)),
        end,
        start,
        float(by_token.values.sum()),
        first_steps,
    )
    overlay = network.encoder(modality).blend(by_input.values, by_token.values)
    steps = max(by_input.n_steps, by_token.n_steps)
    blended = PathAttribution(overlay, float(overlay.sum()) - contribution, steps)
    misses = [by_input.error + by_token.error, by_token.error]
    return blended, float(np.max(np.abs(misses)))


def _mean_gradient(values: npt.NDArray[np.float64], change: Tensor) -> Tensor:
    """Return (1, T, D): the mean of the gradient along a path that gave ``values`` (T, D).

    0 where the path does not move: whatever the gradient is there, nothing can be due to it.
    """
    moved = change[0].double().cpu().numpy()
    slopes = np.divide(values, moved, out=np.zeros_like(values), where=moved != 0.0)
    return torch.from_numpy(slopes)[None].to(change)
