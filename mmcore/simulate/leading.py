"""The leading diagnosis: one exclusive label per patient, for models that tell classes apart."""

from collections.abc import Mapping

from mmcore.simulate.causal import FINDINGS, SEVERITY_WEIGHTS

PREFIX = "leading_"
LEADING = (f"{PREFIX}none", *(f"{PREFIX}{finding}" for finding in FINDINGS))
"""The names of the classes. Of every patient exactly one is true."""


def leading_labels(findings: Mapping[str, bool]) -> dict[str, float]:
    """Return 1 for the leading diagnosis among ``LEADING`` and 0 for the others.

    It is the present finding that can take most of the ten points of severity: what kills first
    leads, however faint it is. Strength does not count, as neither shard nor note tells it.
    """
    there = [finding for finding in FINDINGS if findings[finding]]
    leader = max(there, key=lambda finding: SEVERITY_WEIGHTS[finding], default="none")
    return {name: float(name == f"{PREFIX}{leader}") for name in LEADING}
