"""Two packs are compared on the same patients, and a pack does not differ from itself."""

from collections.abc import Iterator

import pytest

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.phantoms import simulated
from mmcore.errors import ConfigError
from mmcore.evaluate import versus
from mmcore.evaluate.versus import versus_markdown
from tests.tiny import tiny_engine


def cases() -> Iterator[LabelledCase]:
    return simulated(6, 6)


def test_a_pack_does_not_differ_from_itself() -> None:
    table = versus_markdown(tiny_engine(), tiny_engine(), cases)
    assert "phantom" in table
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| severity")]
    assert [row[4].split()[0] for row in rows] == ["+0.000"] * len(rows)
    assert {row[1] for row in rows} == {"mae", "correlation"}


def test_cases_that_one_pack_can_not_read_are_not_compared_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = versus.run(tiny_engine(), cases())
    outputs = iter([whole, versus.run(tiny_engine(), simulated(6, 5))])
    monkeypatch.setattr(versus, "run", lambda *_: next(outputs))
    with pytest.raises(ConfigError, match="same cases"):
        versus_markdown(tiny_engine(), tiny_engine(), cases)
