"""Layers whose answer for one patient depends on the others that they saw."""

from torch import nn

from mmcore.errors import ConfigError


def refuse_running_statistics(module: nn.Module) -> None:
    """Raise ``ConfigError`` if a layer keeps statistics of the patients that it saw.

    The mean of two sites' statistics is that of no patients, and no noise protects those whose
    statistics they are. Norms over one patient's own numbers (layer, group) keep none.
    """
    for name, layer in module.named_modules():
        if getattr(layer, "running_mean", None) is not None:
            problem = (
                f"{name} ({type(layer).__name__}) keeps statistics of the patients that it saw, "
                "which can neither be averaged over sites nor learned privately; use an encoder "
                "with group norm, such as `cnn`"
            )
            raise ConfigError(key="model", problem=problem)
