"""What looks at pixels: any timm model, or a plain stack of convolutions."""

from functools import partial
from typing import Any

from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.model.vision import import_timm


class PlainCnn(nn.Module):
    """Convolutions that each halve the image, with group norm and SiLU; speaks as timm does.

    channels: of the stages. feature_info: channels and reduction of every feature map, as of timm.
    """

    def __init__(self, in_chans: int, channels: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, width, 3, stride=2, padding=1),
                nn.GroupNorm(4, width), nn.SiLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.GroupNorm(4, width), nn.SiLU(),
            )
            for before, width in zip((in_chans, *channels), channels, strict=False)
        )  # fmt: skip
        self.num_features = channels[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": 2 ** (stage + 1)}
            for stage, width in enumerate(channels)
        ]

    def forward_intermediates(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the last feature map and all of them, finest first."""
        maps: list[Tensor] = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return images, maps

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the last feature map (B, F, h, w)."""
        return self.forward_intermediates(images)[0]


def build_backbone(name: str, *, in_chans: int, arguments: dict[str, Any]) -> Any:
    """Return the backbone of that name: "cnn" is ours, any other is timm's.

    The own argument ``smooth`` asks timm for group norm and SiLU. Raises ``ConfigError`` for
    arguments that our own does not have.
    """
    arguments = dict(arguments)
    if name == "cnn":
        try:
            return PlainCnn(in_chans, **arguments)
        except (TypeError, ValueError) as error:
            raise ConfigError(key="image.arguments", problem=str(error)) from error
    timm = import_timm()
    if arguments.pop("smooth", False):
        # Group norm does not mix patients of a batch, and SiLU has a continuous derivative:
        # the quadrature of Integrated Gradients converges in fewer steps than with ReLU.
        arguments["norm_layer"] = partial(timm.layers.GroupNorm, num_groups=4)
        arguments["act_layer"] = nn.SiLU
    return timm.create_model(name, pretrained=False, in_chans=in_chans, num_classes=0, **arguments)
