"""What counts as naming a marker, where markers are put, and what the two models are told."""

from pathlib import Path

import numpy as np
import pytest

from mmcore.bench import shortcut
from mmcore.bench.shortcut import Asked, draw_marker, figures, mark_cohort, names_marker
from mmcore.errors import ConfigError
from mmcore.records import Modality, PartItem, Parts, Place
from mmcore.simulate import sample_patient
from mmcore.simulate.marker import plant_marker
from tests.tiny import tiny_cohort


def parts(**changes: object) -> Parts:
    """Return shown parts whose evidence lies in a lung, with changes."""
    values: dict[str, object] = {
        "modality": Modality.IMAGE,
        "sum": 1.0,
        "completeness_error": 0.0,
        "passed": True,
        "reason": "",
        "items": (
            PartItem("region in the left lower zone", (3.0, 4.0), 0.8),
            PartItem("the rest", (), 5.0),
        ),
        "n_steps": 9,
        "places": (Place("left lower zone", 0.8, 0.0), Place("text marker", 0.2, 0.0, True)),
    }
    return Parts(**{**values, **changes})  # type: ignore[arg-type] # a test's own factory


def asked(*, named: bool | None, **changes: object) -> Asked:
    values: dict[str, object] = {
        "patient": "p", "is_marked": True, "has_finding": True, "logit": 1.0, "is_called": True,
        "is_withheld": False, "is_named": named, "passed": True,
    }  # fmt: skip
    return Asked(**{**values, **changes})  # type: ignore[arg-type] # a test's own factory


def test_evidence_in_the_lung_beside_a_little_at_a_marker_names_none() -> None:
    assert not names_marker(parts())


@pytest.mark.parametrize(
    "changes",
    [
        {"items": (PartItem("region at a text marker", (3.0, 4.0), 0.8, "at a text marker"),)},
        {"places": (Place("text marker", 0.6, 0.0, True), Place("left lower zone", 0.5, -3.0))},
        {"passed": False, "reason": "90% of the evidence lies outside, most at: text marker"},
    ],
)
def test_each_way_of_saying_marker_counts(changes: dict[str, object]) -> None:
    assert names_marker(parts(**changes))


def test_a_marker_region_that_is_not_the_strongest_does_not_count() -> None:
    weaker = PartItem("region at a text marker", (3.0, 4.0), 0.3, "at a text marker")
    assert not names_marker(parts(items=(*parts().items, weaker)))


def test_what_is_withheld_for_another_reason_names_no_marker() -> None:
    marked = (PartItem("region", (3.0, 4.0), 0.8, "at a text marker"),)
    assert not names_marker(parts(passed=False, reason="too noisy", items=marked))


def test_evidence_against_at_a_marker_is_not_named_by_place() -> None:
    only = (Place("text marker", 0.0, -2.0, True),)
    assert not names_marker(parts(places=only, items=()))


def test_markers_lie_outside_the_lungs_and_inside_the_film() -> None:
    patient = sample_patient(31, 0, rows=256)
    for seed in range(40):
        marker = draw_marker(np.random.default_rng(seed), patient.truth.lungs)
        film = plant_marker(patient.pixels, marker)
        assert film.mask.any()
        assert not (film.mask & patient.truth.lungs).any()
        rows, columns = np.nonzero(film.mask)
        assert min(rows.min(), columns.min()) > 2
        assert max(rows.max(), columns.max()) < 253


def test_only_marked_films_change_and_only_a_little() -> None:
    cohort = tiny_cohort()
    marked, is_marked = mark_cohort(cohort, seed=5)
    differs = (marked.images != cohort.images).reshape(len(is_marked), -1).mean(1)
    assert (differs[is_marked] > 0).all()
    assert (differs < 0.05).all()
    assert not differs[~is_marked].any()
    assert 0 < is_marked.sum() < len(is_marked)
    assert (marked.findings == cohort.findings).all()


def test_the_shortcut_is_told_the_marker_and_nothing_else() -> None:
    marked, is_marked = mark_cohort(tiny_cohort(), seed=5)
    told = shortcut.labelled_by_marker(marked, is_marked)
    assert (told.label("effusion") == is_marked).all()
    assert (told.label("nodule") == marked.label("nodule")).all()
    assert (marked.label("effusion") != is_marked).any()


def test_figures_count_what_they_say() -> None:
    bare = asked(named=None, is_marked=False, is_called=False)
    taught = [(asked(named=True, passed=False), bare)] * 3
    taught += [(asked(named=False), asked(named=False, is_marked=False))]
    taught += [(asked(named=None, is_called=False), bare)]
    control = [
        (asked(named=False), asked(named=False, is_marked=False)),
        (asked(named=True), asked(named=False, is_marked=False)),
        (asked(named=True, has_finding=False), bare),
    ]
    found = figures({"shortcut": taught, "control": control})
    counts = {name: (r["count"], r["cases"]) for name, r in found["shortcut"].items()}
    assert list(counts.values()) == [(4, 5), (3, 4), (3, 4), (3, 4), (0, 4)]
    control_counts = [(r["count"], r["cases"]) for r in found["control"].values()]
    assert control_counts == [(4, 5), (1, 2), (0, 2), (4, 4)]


def test_a_seed_that_was_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="learn from seed"):
        shortcut.shortcut_report(
            shortcut.Lessons(),
            work=tmp_path,
            seed=2027,
            cases=1,
            on_patient=lambda: None,
        )
