"""A run file that would train something else than it names is refused."""

from dataclasses import replace

import pytest

from mmcore.errors import ConfigError
from mmcore.train.run import check_targets
from tests.tiny import tiny_run


def test_the_shipped_run_names_the_labels_of_a_cohort() -> None:
    check_targets(tiny_run().model)


def test_targets_in_another_order_are_refused_not_trained_on_each_others_labels() -> None:
    model = tiny_run().model
    first, second, *rest = model.targets
    for targets in ((second, first, *rest), (first, *rest), tuple(rest)):
        with pytest.raises(ConfigError, match="in this order"):
            check_targets(replace(model, targets=targets))
