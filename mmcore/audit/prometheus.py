"""Figures of use for Prometheus, on a port of its own. The door of the library prometheus_client.

Counted anew from the audit when they are asked for, at most every few seconds. They name nobody.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from mmcore.audit.figures import Figures, Share, Times
from mmcore.errors import ConfigError

PORT = "CONSILIUM_METRICS_PORT"
LOOPBACK = "127.0.0.1"
_AGE_SECONDS = 10.0


class UseCollector(Collector):
    """Tells the figures that ``counted`` returns; None where they can not be had just now."""

    def __init__(self, counted: Callable[[], Figures | None]) -> None:
        self._counted, self._lock = counted, threading.Lock()
        self._at = -math.inf
        self._found: Figures | None = None

    def collect(self) -> Iterable[Metric]:
        """Yield every figure."""
        found = self._figures()
        up = GaugeMetricFamily("consilium_audit_up", "Whether the audit could be read.")
        up.add_metric([], float(found is not None))
        yield up
        if found is None:
            return
        yield _counter("consilium_cases", "Cases read in.", found.cases)
        yield _counter("consilium_answers", "Answers of a model that a reader saw.", found.answered)
        entries = CounterMetricFamily(
            "consilium_audit_entries", "Entries of the audit.", labels=["kind"]
        )
        gate = CounterMetricFamily(
            "consilium_gate_verdicts", "Findings of answers seen, by verdict.", labels=["verdict"]
        )
        for family, numbers in ((entries, found.by_kind), (gate, found.gates)):
            for label, number in sorted(numbers.items()):
                family.add_metric([label], number)
            yield family
        yield from _share("consilium_switches", "Minds changed after the answer.", found.switched)
        yield from _share("consilium_overrides", "Answers rejected.", found.overridden)
        yield from _times("consilium_time_to_answer", "From opening to answer.", found.to_answer)
        yield from _times("consilium_time_to_signature", "From opening to signing.",
                          found.to_signature)  # fmt: skip

    def _figures(self) -> Figures | None:
        with self._lock:
            if time.monotonic() - self._at >= _AGE_SECONDS:
                self._found, self._at = self._counted(), time.monotonic()
            return self._found


def port_of(environment: Mapping[str, str]) -> int | None:
    """Return the port that the site has set, None for no endpoint. Raises ``ConfigError``."""
    words = environment.get(PORT, "").strip()
    if not words:
        return None
    if not words.isdigit() or not 0 < int(words) < 65536:
        raise ConfigError(key=PORT, problem="not a port, 1 to 65535")
    return int(words)


def serve(port: int, counted: Callable[[], Figures | None]) -> Callable[[], None]:
    """Answer Prometheus on this machine's own address; return what ends it.

    Raises ``ConfigError`` where the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(UseCollector(counted))
    try:
        server, thread = start_http_server(port, LOOPBACK, registry)
    except OSError as error:
        raise ConfigError(key=PORT, problem=f"port {port} can not be used") from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


def _counter(name: str, words: str, number: int) -> Metric:
    family = CounterMetricFamily(name, words)
    family.add_metric([], number)
    return family


def _share(name: str, words: str, share: Share) -> Iterable[Metric]:
    yield _counter(name, words, share.part)
    yield _counter(f"{name}_of", f"{words} Of so many decisions.", share.whole)


def _times(name: str, words: str, times: Times) -> Iterable[Metric]:
    family = GaugeMetricFamily(f"{name}_seconds", words, labels=["quantile"])
    for label, span in (("0.25", times.low), ("0.5", times.middle), ("0.75", times.high)):
        if span is not None:
            family.add_metric([label], span.total_seconds())
    yield family
