"""Teaches where the evidence of an image is to lie: inside what somebody outlined.

The attribution of a finding to the image's tokens is estimated on the way that the ledger walks,
from the tokens of the baseline to those of the patient, at few random points (expected gradients,
Erion et al. 2021), and the part of the evidence for the finding that lies outside its outline is
made to cost ("right for the right reasons", Ross et al. 2017). Only the fusion is differentiated
twice: what the encoder makes of a place reaches the loss through its tokens.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmcore.errors import ConfigError
from mmcore.modalities.image import ImageEncoder
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality

POINTS = 2  # of the path, one in each half of it
FORGIVEN = 0.02  # added to the part inside: evidence that lies wholly elsewhere costs 3.9, not more
_FAINT = 1e-6  # log-odds of evidence of which no place is asked


class AttributionLoss:
    """Minus the logarithm of the part of the evidence for a finding that lies in its outline."""

    def __init__(self, config: ModelConfig, outlined: Mapping[str, str]) -> None:
        """Take the region in which the evidence of a target lies: names by names of targets.

        Raises ``ConfigError`` if the model has no such finding, outline or image.
        """
        regions: Sequence[str] = config.segmentation.regions if config.segmentation else ()
        findings = [t.name for t in config.targets if t.kind == "finding"]
        for target, region in outlined.items():
            key = f"loss.attribution.{target}"
            if target not in findings:
                raise ConfigError(key=key, problem="the model has no such finding")
            if region not in regions:
                raise ConfigError(key=key, problem=f"the model outlines no {region!r}")
        names = [t.name for t in config.targets]
        self.columns = torch.tensor([names.index(target) for target in outlined], dtype=torch.long)
        self.regions = torch.tensor([regions.index(r) for r in outlined.values()], dtype=torch.long)

    def __call__(
        self,
        network: FusionNetwork,
        tokens: Mapping[Modality, Tensor],
        labels: Tensor,
        masks: Tensor,
    ) -> Tensor:
        """Return (B,) costs, NaN for rows in which no finding is both there and outlined.

        tokens: (B, T, D) by modality, as the fusion got them. labels: (B, K), NaN where unknown.
        masks: (B, R, h, w) covered fraction, NaN where unknown. Of several findings of a row one is
        drawn at random.
        """
        image = network.encoder(Modality.IMAGE)
        assert isinstance(image, ImageEncoder)
        assert image.grid is not None  # it has outlines
        labels, masks = labels[:, self.columns], masks[:, self.regions]
        seen = functional.adaptive_avg_pool2d(masks, image.grid)  # NaN stays NaN
        can_ask = (labels > 0.5) & (seen.amax((2, 3)) > 0.0)
        costs = labels.new_full((len(labels),), torch.nan)
        rows = can_ask.any(1).nonzero()[:, 0]
        if not len(rows):
            return costs
        chosen = torch.multinomial(can_ask[rows].float(), 1)[:, 0]
        own = {m: x[rows] for m, x in tokens.items()}
        by_token = self.attribute(network, own, self.columns.to(chosen.device)[chosen])
        evidence = image.as_seen(by_token[..., None])[..., 0].clamp(min=0.0)
        inside = (evidence * seen[rows, chosen].flatten(1)).sum(1) / (evidence.sum(1) + _FAINT)
        return costs.index_put((rows,), -(inside + FORGIVEN).log())

    def attribute(
        self, network: FusionNetwork, tokens: Mapping[Modality, Tensor], columns: Tensor
    ) -> Tensor:
        """Return (R, T) what each token of the image adds to the logit of its row's column."""
        blank: dict[Modality, Tensor] = {}
        with torch.no_grad():
            for m in network.modalities:
                blank[m] = network.tokenise(m, network.embed(m, network.baseline(m)[None]))
        own, start = tokens[Modality.IMAGE], blank[Modality.IMAGE]
        count = len(own)
        half = torch.arange(POINTS, device=own.device).repeat_interleave(count)
        at = (half + torch.rand(POINTS * count, device=own.device)) / POINTS
        change = (own - start).repeat(POINTS, 1, 1)
        points = start + at[:, None, None] * change
        if not points.requires_grad:  # an encoder that is frozen
            points.requires_grad_()
        encoded = {
            m: network.project(m, points if m is Modality.IMAGE else x.repeat(POINTS, 1, 1))
            for m, x in tokens.items()
        }
        baseline = {m: network.project(m, x) for m, x in blank.items()}
        with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivative
            logits = network.decide(encoded, baseline)
            asked = logits.gather(1, columns.repeat(POINTS)[:, None]).sum()
            (slopes,) = torch.autograd.grad(asked, points, create_graph=True)
        return (slopes * change).sum(2).reshape(POINTS, count, -1).mean(0)
