"""torchvision imports beside a CPU-only torch, and a matching pair is left alone."""

import subprocess
import sys

PROBE = """
import sys
from mmcore.model.vision import import_timm, import_torchvision
torchvision = import_torchvision()
timm = import_timm()
assert timm.create_model("resnet10t", num_classes=0).num_features == 512
again = import_torchvision()
assert again is torchvision
print(torchvision.__version__)
"""

FAKE_PAIR = """
import sys, types
fake = types.ModuleType("torchvision")
sys.modules["torchvision"] = fake
from mmcore.model.vision import import_torchvision
assert import_torchvision() is fake
assert "torchvision._meta_registrations" not in sys.modules
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_timm_imports_and_builds_a_model_with_the_installed_pair() -> None:
    done = run(PROBE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_torchvision_that_imports_is_not_touched() -> None:
    done = run(FAKE_PAIR)
    assert done.returncode == 0, done.stderr
