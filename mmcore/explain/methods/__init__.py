"""Other methods of attribution behind one interface, for comparison with the ledger's own.

Every method attributes the same function: g_m, the Shapley-weighted marginal of one modality
(docs/method.md). To add one, call ``register_method`` in a file of your own.
"""

from mmcore.explain.methods import floor, gradients, paths, removal
from mmcore.explain.methods.apply import (
    BASELINES,
    METHODS,
    MethodResult,
    apply_method,
    check_choice,
    register_method,
    why_not,
)
from mmcore.explain.methods.method import Attributed, Method, Request

for _module in (paths, gradients, removal, floor):
    for _method in _module.METHODS:
        register_method(_method)

__all__ = [
    "BASELINES",
    "METHODS",
    "Attributed",
    "Method",
    "MethodResult",
    "Request",
    "apply_method",
    "check_choice",
    "register_method",
    "why_not",
]
