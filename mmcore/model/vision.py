"""The one door to timm, with torchvision made importable beside a CPU-only torch.

timm imports torchvision. The registry's torchvision wheel is a CUDA build; beside a CPU build of
torch its compiled operators are absent, and ``torchvision._meta_registrations`` fails while it
registers fake kernels for them. timm needs none of these operators, so on exactly that error the
registrations are replaced by an empty module. A matching pair is left untouched.
"""

import importlib
import sys
from types import ModuleType

_META = "torchvision._meta_registrations"


def import_torchvision() -> ModuleType:
    """Return torchvision, whether or not its compiled operators fit the installed torch."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]
    sys.modules[_META] = ModuleType(_META)
    return importlib.import_module("torchvision")


def import_timm() -> ModuleType:
    """Return timm, after making sure that its torchvision import will succeed."""
    import_torchvision()
    return importlib.import_module("timm")
