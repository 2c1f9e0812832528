"""Methods that read gradients at the patient's input, around it, or on the way of samples."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from captum.attr import (
    DeepLift,
    GradientShap,
    InputXGradient,
    LayerAttribution,
    LayerGradCam,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from mmcore.errors import MethodNotApplicableError
from mmcore.explain.marginal import Ledger, weighted_marginal
from mmcore.explain.methods.grid import is_stack
from mmcore.explain.methods.method import (
    Attributed,
    Marginal,
    Method,
    Request,
    as_array,
    embedded_references,
)
from mmcore.explain.methods.paths import has_grid
from mmcore.explain.regions import OVERLAY_CELL
from mmcore.language import say
from mmcore.records import Modality

SHAP_SAMPLES = 16
NOISE_SAMPLES = 16
NOISE = 0.15  # of the input's range, as SmoothGrad proposes (Smilkov et al. 2017)
DEEP_LIFT_ERROR = 0.05  # of the change: DeepLift is exact where its rules cover the network
DEEP_LIFT_FLOOR = 1e-4  # logits; arithmetic in single precision
DEEP_LIFT_TRIALS = (1.0, 0.75, 0.5, 0.25)  # where between baseline and input it must add up


def saliency(request: Request) -> Attributed:
    """Return the magnitude of the gradient: how sensitive g_m is, not what it owes to what."""
    return Attributed(as_array(Saliency(request.marginal).attribute(request.inputs)))


def input_x_gradient(request: Request) -> Attributed:
    """Return input times gradient; it ignores the baseline, so zero must mean "nothing"."""
    return Attributed(as_array(InputXGradient(request.marginal).attribute(request.inputs)))


def noise_tunnel(request: Request) -> Attributed:
    """Return SmoothGrad: the mean magnitude of the gradient around the patient's input."""
    inputs = request.inputs
    deviation = NOISE * float((inputs.max() - inputs.min()).detach())
    with seeded(request.seed):
        found = NoiseTunnel(Saliency(request.marginal)).attribute(
            inputs, nt_type="smoothgrad", nt_samples=NOISE_SAMPLES,
            nt_samples_batch_size=min(NOISE_SAMPLES, request.ledger.internal_batch_size),
            stdevs=deviation,
        )  # fmt: skip
    return Attributed(as_array(found))


def gradient_shap(request: Request) -> Attributed:
    """Return expected gradients over the baseline and the reference patients.

    It aims at g_m minus its mean over these baselines and sums to it in expectation only: of a few
    samples the error can be large.
    """
    baselines = torch.cat([request.start, request.references()])
    with seeded(request.seed):
        found = GradientShap(request.marginal).attribute(
            request.inputs, baselines, n_samples=SHAP_SAMPLES, stdevs=0.0
        )
    with torch.no_grad():
        at = request.marginal(torch.cat([request.inputs, baselines])).double()
    return Attributed(as_array(found), change=float(at[0] - at[1:].mean()))


def needs_references(ledger: Ledger, modality: Modality) -> str:
    """Say no where there is nobody to compare with."""
    if not len(embedded_references(ledger, modality)):
        return say("the pack's reference patients are not at hand")
    return ""


class _Explained(nn.Module):
    """g_m as a module, so that DeepLift finds the encoder's own modules to replace rules of."""

    def __init__(self, marginal: Marginal, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._marginal = marginal

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (n,) logits for (n, ...) embedded inputs."""
        return self._marginal(embedded)


def deep_lift(request: Request) -> Attributed:
    """Return DeepLift's rescale rule.

    Raises ``MethodNotApplicableError`` if it does not add up: it has rules for ReLU, sigmoid, tanh,
    softmax and pooling. Where it meets SiLU, GELU, norms or attention it silently takes the plain
    gradient, and its values then mean nothing.
    """
    asked = (request.marginal, request.encoder, request.inputs, request.start)
    if reason := _deep_lift_misses(*asked):
        raise MethodNotApplicableError(
            method="deep_lift", modality=request.modality.value, reason=reason
        )
    return Attributed(as_array(_deep_lift(*asked)))


def deep_lift_fits(ledger: Ledger, modality: Modality) -> str:
    """Try DeepLift from the stored baseline and say no if it does not add up."""
    network = ledger.network
    marginal = weighted_marginal(ledger, modality, network.encode)
    with torch.no_grad():
        start = network.embed(modality, network.baseline(modality)[None])
    inputs = ledger.embedded[modality].detach()
    return _deep_lift_misses(marginal, network.encoder(modality), inputs, start.to(inputs))


def _deep_lift(marginal: Marginal, encoder: nn.Module, inputs: Tensor, start: Tensor) -> Tensor:
    inputs = inputs.detach().clone().requires_grad_()
    with warnings.catch_warnings():
        # Captum tells everybody that it sets hooks; it takes them off again.
        warnings.filterwarnings("ignore", message=".*[Ss]etting forward, backward hooks")
        return cast(Tensor, DeepLift(_Explained(marginal, encoder)).attribute(inputs, start))


def _deep_lift_misses(marginal: Marginal, encoder: nn.Module, inputs: Tensor, start: Tensor) -> str:
    """Return why DeepLift is not to be trusted here, or "".

    It must add up at the input and on the way to it: one sum may be right by chance.
    """
    for part in DEEP_LIFT_TRIALS:
        end = start + part * (inputs.detach() - start)
        found = float(_deep_lift(marginal, encoder, end, start).detach().double().sum())
        with torch.no_grad():
            low, high = marginal(torch.cat([start, end])).double().tolist()
        allowed = DEEP_LIFT_ERROR * abs(high - low) + DEEP_LIFT_FLOOR
        if not abs(found - (high - low)) <= allowed:  # NaN fails
            return say(
                "its sum is {found:+.3f} where it should be {expected:+.3f} logit, as it has "
                "no rule for some of the network's operations",
                found=found,
                expected=high - low,
            )
    return ""


def layer_gradcam(layer: str = "", *, name: str = "layer_gradcam") -> Method:
    """Return Grad-CAM of one layer of the image backbone; by default its last stage.

    ``layer``: a name in ``backbone.named_modules()``. Signs are kept. The map is enlarged to the
    overlay's cells and not smoothed: it is coarse already. Register the result under another
    ``name`` to compare layers.
    """
    display = say("Grad-CAM of {layer}", layer=layer) if layer else say("Grad-CAM")
    return Method(
        name, display, "Selvaraju et al. 2017", False,
        partial(_grad_cam, layer=layer), has_grid, uses_baseline=False,
    )  # fmt: skip


def _grad_cam(request: Request, *, layer: str) -> Attributed:
    backbone: Any = request.encoder.backbone
    found = LayerGradCam(request.marginal, _layer(backbone, layer)).attribute(request.inputs)
    rows, columns = (n // OVERLAY_CELL for n in request.inputs.shape[-2:])
    large = LayerAttribution.interpolate(found, (rows, columns), "bilinear")
    # The map lies finer now: each cell holds its share, so that the total stays what it was.
    scale = found.shape[-2] * found.shape[-1] / (rows * columns)
    values = large[:, 0].detach().double().cpu().numpy() * scale
    return Attributed(values if is_stack(request) else values[0])


def _layer(backbone: Any, name: str) -> nn.Module:
    """Return a layer of the backbone by its name, or what makes its last feature map."""
    stages = getattr(backbone, "stages", None)
    if not name and "module" in backbone.feature_info[-1]:
        name = str(backbone.feature_info[-1]["module"])
    if not name and stages is not None:
        return cast(nn.Module, stages[-1])
    return cast(nn.Module, backbone.get_submodule(name))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make what is drawn inside the block depend on ``seed`` alone, and leave no trace."""
    before = np.random.get_state()  # noqa: NPY002 - GradientShap draws from NumPy's old generator
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - as above
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002 - as above


METHODS = (
    layer_gradcam(),
    Method(
        "gradient_shap", say("GradientSHAP"), "Lundberg and Lee 2017; Erion et al. 2021", False,
        gradient_shap, needs_references,
    ),
    Method("deep_lift", say("DeepLIFT"), "Shrikumar et al. 2017", True, deep_lift, deep_lift_fits),
    Method(
        "saliency", say("Saliency"), "Simonyan et al. 2013", False, saliency, uses_baseline=False
    ),
    Method(
        "input_x_gradient", say("Input x gradient"), "Shrikumar et al. 2016", False,
        input_x_gradient, uses_baseline=False,
    ),
    Method(
        "noise_tunnel", say("SmoothGrad"), "Smilkov et al. 2017", False, noise_tunnel,
        uses_baseline=False,
    ),
)  # fmt: skip
