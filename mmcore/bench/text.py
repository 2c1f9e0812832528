"""A scorecard as Markdown, for a terminal."""

from collections.abc import Mapping
from typing import Any


def as_markdown(scorecard: Mapping[str, Any]) -> str:
    """Return every figure of the scorecard as tables, value (interval)."""
    pack, data = scorecard["pack"], scorecard["data"]
    lines = [
        f"# {pack['name']} {pack['version']}",
        "",
        f"{scorecard['explained']} findings of {scorecard['patients']} patients "
        f"({data['kind']}), {scorecard['seconds']:.0f} s on {scorecard['device']}.",
    ]
    tables = {"": scorecard["rows"], "Randomised": scorecard["release"]["randomised"]}
    tables["Permuted labels"] = scorecard["release"].get("permuted_labels", [])
    for title, rows in tables.items():
        for modality in dict.fromkeys(row["modality"] for row in rows):
            lines += ["", f"## {title + ': ' if title else ''}{modality}", ""]
            lines += _table([row for row in rows if row["modality"] == modality])
    if scorecard["shares"] is not None:
        lines += ["", "## Shares against the causal model", "", "| Figure | Value |", "|---|---|"]
        lines += [f"| {k} | {_text(v)} |" for k, v in scorecard["shares"]["figures"].items()]
    null = scorecard["release"]["null"]
    lines += [
        "",
        f"A modality that may not speak, or is not there: at most {null['largest']:g} in "
        f"{null['checked']} contributions.",
    ]
    return "\n".join(lines)


def _table(rows: list[Mapping[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = ["| Method | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        cells = [_text(row["figures"][n]) if n in row["figures"] else "" for n in names]
        lines.append(f"| {row['method']} | " + " | ".join(cells) + " |")
    return lines


def _text(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return ""
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:.3g}"
    return f"{figure['value']:.3g} ({figure['low']:.3g} to {figure['high']:.3g})"
