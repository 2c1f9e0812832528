"""The model card: ``card.yaml`` for programs and ``card.md`` for people, from the same facts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

NOT_MEASURED = "not measured yet: run `python -m mmcore evaluate --pack PACK --card`"


def write_card(
    folder: Path, facts: Mapping[str, Any], *, figures: Mapping[str, Any] | None
) -> None:
    """Write both files.

    ``figures`` holds "how", "table" (Markdown), "values" (plain) and "pictures" (paths by title).
    """
    content = {**facts, "figures": figures["values"] if figures else NOT_MEASURED}
    if figures:
        content["figures_measured_on"] = figures["how"]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    (folder / "card.yaml").write_text(text, "utf-8")
    measured = NOT_MEASURED
    if figures:
        pictures = "\n".join(f"![{t}]({path})" for t, path in figures["pictures"].items())
        measured = f"{figures['how']}\n\n{figures['table']}\n{pictures}".rstrip()
    (folder / "card.md").write_text(_markdown(facts, measured), "utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of an existing card, without its figures."""
    facts: dict[str, Any] = yaml.safe_load((folder / "card.yaml").read_text("utf-8"))
    return {k: v for k, v in facts.items() if k not in ("figures", "figures_measured_on")}


def rewrite_card(folder: Path, facts: Mapping[str, Any]) -> None:
    """Put ``facts`` into an existing card, with its figures as they are."""
    old = yaml.safe_load((folder / "card.yaml").read_text("utf-8"))
    before = read_facts(folder)
    after = {**before, **facts}
    kept = {key: old[key] for key in old if key not in before}
    text = yaml.safe_dump({**after, **kept}, sort_keys=False, allow_unicode=True, width=100)
    markdown = (folder / "card.md").read_text("utf-8")
    start, end = markdown.index("## Figures"), markdown.index("## Limits")
    figures = markdown[start:end].split("\n## Gate\n")[0].removeprefix("## Figures").strip()
    (folder / "card.yaml").write_text(text, "utf-8")
    (folder / "card.md").write_text(_markdown(after, figures), "utf-8")


def gate_table(films: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what a gate made of good and of faulty films as a Markdown table."""
    lines = ["| Planted | Stopped | Named so | Films |", "|---|---|---|---|"]
    for name, row in films.items():
        stopped, named = (
            f"{x['value']:.1%} ({x['low']:.1%} to {x['high']:.1%})"
            for x in (row["stopped"], row["named"])
        )
        lines.append(f"| {name} | {stopped} | {named} | {row['films']} |")
    return "\n".join(lines)


def _markdown(facts: Mapping[str, Any], measured: str) -> str:
    training = "\n".join(
        f"- {key.replace('_', ' ')}: {value}" for key, value in facts["training"].items()
    )
    limits = "\n".join(f"- {limit}" for limit in facts["limits"])
    gate = ""
    if "gate" in facts:
        gate = f"## Gate\n\n{facts['gate']['how']}\n\n{gate_table(facts['gate']['films'])}\n\n"
    return f"""# {facts["display"]}

Pack `{facts["name"]}`, version {facts["version"]}.

## Intended use

{facts["intended_use"]}

## Not for

{facts["not_for"]}

## Training

{facts["training_data"]}

{training}

## Figures

{measured}

{gate}## Limits

{limits}

## Licence

{facts["licence"]}
"""
