"""The model card, and what is put into it later."""

from pathlib import Path

import yaml

from mmcore.evaluate.card import read_facts, rewrite_card, write_card

FACTS = {
    "name": "tiny",
    "version": "1",
    "display": "Tiny",
    "intended_use": "Tests.",
    "not_for": "Anybody.",
    "training_data": "None.",
    "training": {"seed": 1},
    "limits": ["All."],
    "licence": "None.",
}
FIGURES = {"how": "On nobody.", "table": "| a |\n|---|", "values": {"a": 1}, "pictures": {}}
RATE = {"value": 0.95, "low": 0.9, "high": 0.98}
GATE = {"how": "With faults.", "films": {"turned": {"stopped": RATE, "named": RATE, "films": 40}}}


def test_what_the_gate_catches_is_added_and_figures_stay(tmp_path: Path) -> None:
    write_card(tmp_path, FACTS, figures=FIGURES)
    before = (tmp_path / "card.md").read_text("utf-8")
    rewrite_card(tmp_path, {"gate": GATE})
    after = (tmp_path / "card.md").read_text("utf-8")
    assert "| turned | 95.0% (90.0% to 98.0%) | 95.0% (90.0% to 98.0%) | 40 |" in after
    assert after.replace(after[after.index("## Gate") : after.index("## Limits")], "") == before
    card = yaml.safe_load((tmp_path / "card.yaml").read_text("utf-8"))
    assert card["figures"] == {"a": 1}
    assert card["gate"] == GATE


def test_adding_it_again_replaces_it(tmp_path: Path) -> None:
    write_card(tmp_path, FACTS, figures=FIGURES)
    rewrite_card(tmp_path, {"gate": GATE})
    once = (tmp_path / "card.md").read_text("utf-8")
    rewrite_card(tmp_path, {"gate": GATE})
    assert (tmp_path / "card.md").read_text("utf-8") == once


def test_new_figures_keep_what_the_gate_catches(tmp_path: Path) -> None:
    write_card(tmp_path, FACTS, figures=FIGURES)
    rewrite_card(tmp_path, {"gate": GATE})
    write_card(tmp_path, read_facts(tmp_path), figures={**FIGURES, "how": "Anew."})
    text = (tmp_path / "card.md").read_text("utf-8")
    assert "Anew." in text
    assert "| turned |" in text
