"""Methods that replace pieces of the input by the baseline and look what g_m loses."""

import numpy as np
import torch
from captum.attr import FeatureAblation, Occlusion

from mmcore.explain.methods.grid import groups, patch
from mmcore.explain.methods.method import Attributed, Method, Request, as_array
from mmcore.language import say


def occlusion(request: Request) -> Attributed:
    """Slide a window over the input and replace what is under it by the baseline.

    The window is a patch of the image (moved by half of it), a token of the note, one observation,
    a block of time and frequency, or a locus. What g_m loses is spread evenly over the window;
    where windows overlap, their mean counts.
    """
    window = patch(request)
    has_overlap = request.encoder.grid is not None
    strides = (window[0], *(max(n // 2, 1) for n in window[1:])) if has_overlap else window
    found = Occlusion(request.marginal).attribute(
        request.inputs, window, strides=strides, baselines=request.start,
        perturbations_per_eval=request.ledger.internal_batch_size,
    )  # fmt: skip
    return Attributed(as_array(found) / float(np.prod(window)))


def feature_ablation(request: Request) -> Attributed:
    """Replace one group of elements after the other by the baseline.

    Groups are clauses of the note, else what occlusion takes away at once, without overlap. A
    group's elements share what g_m loses evenly, so every group sums to it.
    """
    ids = groups(request)
    mask = torch.from_numpy(ids)[None].to(request.inputs.device)
    found = FeatureAblation(request.marginal).attribute(
        request.inputs, request.start, feature_mask=mask,
        perturbations_per_eval=request.ledger.internal_batch_size,
    )  # fmt: skip
    return Attributed(as_array(found) / np.bincount(ids.ravel())[ids])


METHODS = (
    Method("occlusion", say("Occlusion"), "Zeiler and Fergus 2014", False, occlusion),
    Method(
        "feature_ablation", say("Ablation of groups"), "captum.attr.FeatureAblation", False,
        feature_ablation,
    ),
)  # fmt: skip
