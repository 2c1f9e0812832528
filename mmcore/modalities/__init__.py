"""The modalities a model can read, one file each, and the contract they keep."""

from mmcore.modalities import image, note, observations, recording, variants
from mmcore.modalities.channel import (
    Channel,
    Encoder,
    Evidence,
    Preparation,
    Prepared,
    channel_of,
    channels,
    register,
)

for _module in (image, note, observations, recording, variants):
    register(_module.CHANNEL)

__all__ = [
    "Channel",
    "Encoder",
    "Evidence",
    "Preparation",
    "Prepared",
    "channel_of",
    "channels",
    "register",
]
