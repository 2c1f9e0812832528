"""The page that compares presets: tables, charts, and in sentences which one wins where.

Everything between two marks is written anew from the figures; what stands outside of them, such as
the discussion of why, is left as it was. No figure is typed by hand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmcore.evaluate.compare import Difference
from mmcore.evaluate.fusions import Row
from mmcore.evaluate.resample import Figure
from mmcore.evaluate.svg import Axis, Chart

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TITLE = "# Ways to join modalities, compared"
MISSING = (
    "Macro AUROC by the number of missing inputs, the mean over all subsets of the inputs that "
    "lack so many. What is missing is at its baseline input, as in training."
)
NOISE = (
    "Macro AUROC with all inputs, one of which was disturbed. No model was trained on such "
    "disturbances, beyond the usual augmentation."
)
LINE_HEIGHT = 0.045  # of the chart's height, between the names of two lines


@dataclass(frozen=True, slots=True)
class Conditions:
    """On whom all presets were trained and measured; rows of other conditions do not mix.

    default, default_digest: the preset that the others are compared with, and which one it was.
    findings: those that all presets have. held_out_*: patients that had no part in training.
    """

    default: str
    default_digest: str
    findings: tuple[str, ...]
    train_seed: int
    train_patients: int
    held_out_seed: int
    held_out_patients: int


def write_page(out: Path, folder: Path, rows: Sequence[Row], conditions: Conditions) -> None:
    """Write the measured part of the page ``out`` and its charts into ``folder``."""
    charts = {
        "missing-two": [row for row in rows if len(row.inputs) <= 2],
        "missing-more": [row for row in rows if len(row.inputs) > 2],
    }
    drawn = []
    for name, shown in charts.items():
        if shown:
            (folder / f"{name}.svg").write_text(missing_svg(shown), "utf-8")
            drawn.append(f"![Macro AUROC by missing inputs]({folder.name}/{name}.svg)")
    before, after = f"{TITLE}\n\n", "\n"
    if out.exists():
        text = out.read_text("utf-8")
        if text.count(BEGIN) == text.count(END) == 1:
            before, _, rest = text.partition(BEGIN)
            after = rest.partition(END)[2]
    out.write_text(
        f"{before}{BEGIN}\n{measured_part(rows, conditions, drawn)}{END}{after}", "utf-8"
    )


def measured_part(rows: Sequence[Row], conditions: Conditions, charts: Sequence[str] = ()) -> str:
    """Return the measured part of the page as Markdown."""
    return (
        "\n\n".join(
            [
                _how(conditions),
                "## All presets",
                main_table(rows, conditions.default),
                "## Which wins, and where",
                which_wins(rows, conditions),
                "## By finding",
                _by_finding(rows, conditions.findings),
                "## When inputs are missing",
                MISSING,
                _missing_table(rows),
                *charts,
                "## One input alone",
                _alone_table(rows),
                "## Noise",
                NOISE,
                _noise_table(rows),
                "## Tasks that not all presets have",
                _tasks_table(rows),
            ]
        )
        + "\n"
    )


def _how(c: Conditions) -> str:
    return (
        f"Trained on the first {c.train_patients:,} simulated patients of seed {c.train_seed}, "
        f"measured on the first {c.held_out_patients:,} of seed {c.held_out_seed}, on whom nothing "
        "was trained, calibrated or chosen. Values are followed by their 95 % bootstrap interval "
        "over patients. Reproduce everything with `python -m mmcore compare`, or single lines with "
        "`python -m mmcore compare --presets b d`."
    )


def main_table(rows: Sequence[Row], default: str) -> str:
    """Return inputs, fusion, cost, macro AUROC and difference to the default of every preset."""
    head = ["Preset", "Inputs", "Fusion", "Parameters", "Training, min", "ms per case",
            "of default's ms", "Macro AUROC", f"Difference to `{default}`"]  # fmt: skip
    return _table(
        head,
        [
            [
                f"`{row.about.name}`", ", ".join(row.inputs), row.about.fusion,
                _parameters(row.about.parameters), f"{row.about.minutes:.1f}",
                f"{row.about.ms:.1f}", f"{row.about.ms_ratio:.2f}",
                _words(row.auroc), _difference(row, default),
            ]
            for row in rows
        ],
    )  # fmt: skip


def which_wins(rows: Sequence[Row], conditions: Conditions) -> str:
    """Return in sentences who is first in what, from the figures alone."""
    lines = []
    best = _first(rows, lambda row: row.auroc.value)
    lines.append(f"Highest macro AUROC of all: {_named(best)} with {_words(best.auroc)}.")
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.inputs, []).append(row)
    for inputs, group in groups.items():
        if len(group) < 2:
            continue
        among = f"Among presets that read {', '.join(inputs[:-1])} and {inputs[-1]}"
        ranked = sorted(group, key=lambda row: -row.auroc.value)
        order = ", ".join(f"{_named(row)} {row.auroc.value:.3f}" for row in ranked)
        lines.append(f"{among}: {order}.")
        lost = len(inputs) - 1
        last = _first(group, lambda row: row.missing[-1].value)
        lines.append(
            f"{among}, with {lost} of {len(inputs)} inputs missing: {_named(last)} leads with "
            f"{_words(last.missing[-1])}."
        )
        for finding in conditions.findings:
            first = _first(group, lambda row, f=finding: row.per_finding[f])  # type: ignore[misc] # mypy does not infer lambdas with defaults
            lines.append(f"{among}, {finding}: {_named(first)}, {first.per_finding[finding]:.3f}.")
        for kind in dict.fromkeys(kind for row in group for kind in row.noise):
            steady = _first(group, lambda row, k=kind: row.noise[k].value - row.auroc.value)  # type: ignore[misc] # as above
            change = steady.noise[kind].value - steady.auroc.value
            lines.append(f"{among}, {kind}: {_named(steady)} changes least, by {change:+.3f}.")
    verdicts: dict[str, list[str]] = {}
    for row in rows:
        if row.difference is not None and row.about.name != conditions.default:
            verdicts.setdefault(_verdict(row.difference), []).append(_named(row))
    for verdict, names in sorted(verdicts.items()):
        line = f"By the paired interval, {verdict} `{conditions.default}`: {', '.join(names)}."
        lines.append(line)
    fast, small = (
        _first(rows, lambda row: -row.about.ms), _first(rows, lambda row: -row.about.parameters)
    )  # fmt: skip
    lines.append(
        f"Fastest: {_named(fast)}, {fast.about.ms_ratio:.2f} of the default's time per case. "
        f"Smallest: {_named(small)}, {_parameters(small.about.parameters)} parameters."
    )
    return "\n".join(f"- {line}" for line in lines)


def _verdict(difference: Difference) -> str:
    if difference.low > 0.0:
        return "better than"
    return "worse than" if difference.high < 0.0 else "not told apart from"


def missing_svg(rows: Sequence[Row]) -> str:
    """Return the missing-modality curve of several presets; every line ends in its name."""
    most = max(len(row.missing) for row in rows)
    values = [figure for row in rows for figure in row.missing]
    low = math.floor(min(figure.low for figure in values) * 20) / 20
    high = math.ceil(max(figure.high for figure in values) * 20) / 20
    described = " ".join(
        f"{row.about.name}: " + ", ".join(f"{figure.value:.3f}" for figure in row.missing) + "."
        for row in rows
    )
    ticks = tuple(float(n) for n in range(most))
    chart = Chart(
        "Macro AUROC when inputs are missing",
        f"Mean over the subsets that lack 0, 1, ... inputs. {described}",
        x=Axis(
            "Inputs missing", -0.15, (most - 1) * 1.75, ticks, tuple(str(n) for n in range(most))
        ),
        y=Axis("Macro AUROC", low, high),
    )
    for row in rows:
        chart.line([float(n) for n in range(len(row.missing))], [f.value for f in row.missing])
        for n, figure in enumerate(row.missing):
            chart.whisker(float(n), figure.low, figure.high)
            chart.dot(float(n), figure.value, hint=f"{row.about.name}: {_words(figure)}")
    for row, height in _spread_names(rows, gap=LINE_HEIGHT * (high - low)):
        chart.words(float(len(row.missing) - 1), height, row.about.name)
    return chart.render(subtitle="95 % intervals; the mean over subsets of the inputs")


def _spread_names(rows: Sequence[Row], *, gap: float) -> list[tuple[Row, float]]:
    """Return where the name of each line stands: at its end, or just above the name below it."""
    placed: list[tuple[Row, float]] = []
    below: dict[int, float] = {}
    for row in sorted(rows, key=lambda row: row.missing[-1].value):
        end = len(row.missing)
        height = max(row.missing[-1].value, below.get(end, -math.inf) + gap)
        below[end] = height
        placed.append((row, height))
    return placed


def _by_finding(rows: Sequence[Row], findings: Sequence[str]) -> str:
    return _table(
        ["AUROC", *findings],
        [[f"`{r.about.name}`", *(f"{r.per_finding[f]:.3f}" for f in findings)] for r in rows],
    )


def _missing_table(rows: Sequence[Row]) -> str:
    most = max(len(row.missing) for row in rows)
    head = ["Preset", *(f"{n} missing" for n in range(most))]
    return _table(
        head,
        [
            [f"`{r.about.name}`", *(_words(f) for f in r.missing), *[""] * (most - len(r.missing))]
            for r in rows
        ],
    )


def _alone_table(rows: Sequence[Row]) -> str:
    inputs = list(dict.fromkeys(m for row in rows for m in row.inputs))
    return _table(
        ["Macro AUROC", *inputs],
        [
            [f"`{r.about.name}`", *(_value(r.subsets.get(m)) for m in inputs)] for r in rows
        ],
    )  # fmt: skip


def _noise_table(rows: Sequence[Row]) -> str:
    kinds = list(dict.fromkeys(kind for row in rows for kind in row.noise))
    return _table(
        ["Preset", "undisturbed", *kinds],
        [
            [f"`{r.about.name}`", f"{r.auroc.value:.3f}",
             *(_words(r.noise[k]) if k in r.noise else "" for k in kinds)]
            for r in rows
        ],
    )  # fmt: skip


def _tasks_table(rows: Sequence[Row]) -> str:
    tasks = list(dict.fromkeys(task for row in rows for task in row.tasks))
    return _table(
        ["Preset", *tasks],
        [
            [f"`{r.about.name}`", *(_words(r.tasks[t]) if t in r.tasks else "" for t in tasks)]
            for r in rows
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _first(rows: Sequence[Row], key: Callable[[Row], float]) -> Row:
    return max(rows, key=key)


def _named(row: Row) -> str:
    return f"`{row.about.name}`"


def _parameters(count: int) -> str:
    return f"{count / 1e6:.2f} M"


def _difference(row: Row, default: str) -> str:
    if row.about.name == default:
        return "default"
    gap = row.difference
    if gap is None:
        return "not measured"
    return f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _words(figure: Figure) -> str:
    if not math.isfinite(figure.value):
        return "n/a"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
