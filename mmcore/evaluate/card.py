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
    (folder / "card.md").write_text(_markdown(facts, figures), "utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of an existing card, without its figures."""
    facts: dict[str, Any] = yaml.safe_load((folder / "card.yaml").read_text("utf-8"))
    return {k: v for k, v in facts.items() if k not in ("figures", "figures_measured_on")}


def _markdown(facts: Mapping[str, Any], figures: Mapping[str, Any] | None) -> str:
    training = "\n".join(
        f"- {key.replace('_', ' ')}: {value}" for key, value in facts["training"].items()
    )
    limits = "\n".join(f"- {limit}" for limit in facts["limits"])
    measured = NOT_MEASURED
    if figures:
        pictures = "\n".join(f"![{t}]({path})" for t, path in figures["pictures"].items())
        measured = f"{figures['how']}\n\n{figures['table']}\n{pictures}".rstrip()
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

## Limits

{limits}

## Licence

{facts["licence"]}
"""
