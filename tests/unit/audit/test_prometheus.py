"""What Prometheus reads: the figures of use, on this machine alone, and nobody's name."""

import socket
import urllib.request
from datetime import timedelta

import pytest

from mmcore.audit.figures import Figures, Share, Times
from mmcore.audit.prometheus import PORT, port_of, serve
from mmcore.errors import ConfigError
from mmcore.records import GateVerdict
from tests.ports import free_port

FOUND = Figures(
    cases=3,
    answered=2,
    to_answer=Times(2, timedelta(seconds=90), timedelta(seconds=60), timedelta(seconds=120)),
    switched=Share(1, 4),
    overridden=Share(2, 5),
    gates={GateVerdict.SCORED: 7, GateVerdict.CAUTION: 4, GateVerdict.WITHHELD: 1},
    by_kind={"signed in": 6},
)


def scrape(port: int) -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode().splitlines()


def test_the_figures_are_told_in_prometheus_own_words() -> None:
    port, asked = free_port(), []
    end = serve(port, lambda: asked.append(1) or FOUND)
    try:
        lines = scrape(port)
        for line in (
            "consilium_audit_up 1.0", "consilium_cases_total 3.0", "consilium_answers_total 2.0",
            'consilium_audit_entries_total{kind="signed in"} 6.0',
            'consilium_gate_verdicts_total{verdict="scored with caution"} 4.0',
            'consilium_gate_verdicts_total{verdict="withheld"} 1.0',
            "consilium_switches_total 1.0", "consilium_switches_of_total 4.0",
            "consilium_overrides_total 2.0", "consilium_overrides_of_total 5.0",
            'consilium_time_to_answer_seconds{quantile="0.5"} 90.0',
        ):  # fmt: skip
            assert line in lines
        scrape(port)
        assert len(asked) == 1, "who asks often does not read the whole audit each time"
    finally:
        end()


def test_an_audit_that_can_not_be_read_is_told_as_down() -> None:
    port = free_port()
    end = serve(port, lambda: None)
    try:
        assert [line for line in scrape(port) if not line.startswith("#")] == [
            "consilium_audit_up 0.0"
        ]
    finally:
        end()


def test_a_port_that_is_none_or_taken_is_refused() -> None:
    assert port_of({}) is None
    assert port_of({PORT: "9464"}) == 9464
    for words in ("x", "0", "70000"):
        with pytest.raises(ConfigError):
            port_of({PORT: words})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="can not be used"):
            serve(taken.getsockname()[1], lambda: FOUND)
