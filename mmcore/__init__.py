"""Multimodal fusion core: read a case, score it, explain the score. Knows nothing of any UI.

Importing ``mmcore`` is cheap: torch and the other heavy libraries load with the modules that use
them (``mmcore.engine``, ``mmcore.train``), so that the first page does not wait for them.
"""

import os

from mmcore.errors import MMCoreError

# Before torch loads its OpenMP runtime: a thread that waits for the others sleeps instead of
# spinning. On a machine that does anything else besides, spinning threads hold up the very one they
# wait for: one explanation took 21 s instead of 0.9 s (docs/decisions/0012).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

__all__ = ["MMCoreError", "__version__"]
