"""Multimodal fusion core: read a case, score it, explain the score. Knows nothing of any UI.

Importing ``mmcore`` is cheap: torch and the other heavy libraries load with the modules that use
them (``mmcore.engine``, ``mmcore.train``), so that the first page does not wait for them.
"""

from mmcore.errors import MMCoreError

__version__ = "0.1.0"

__all__ = ["MMCoreError", "__version__"]
