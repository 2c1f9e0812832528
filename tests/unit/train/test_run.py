"""A run file that would train something else than it names is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mmcore.errors import ConfigError
from mmcore.train.config import read_run
from mmcore.train.sources import open_source, prepare_cohorts
from tests.tiny import PRESET, tiny_cohort, tiny_run, tiny_source


def test_labels_go_by_name_so_the_order_of_targets_does_not_matter() -> None:
    model = tiny_run().model
    turned = replace(model, targets=tuple(reversed(model.targets)))
    labels = prepare_cohorts(turned, tiny_cohort(), tiny_cohort()).train.labels
    assert labels.flip(1).equal(tiny_source().train.labels)


def test_a_target_that_no_simulated_patient_has_is_refused_with_the_known_ones() -> None:
    model = tiny_run().model
    other = replace(model, targets=(replace(model.targets[0], name="fracture"),))
    with pytest.raises(ConfigError, match=r"fracture.*consolidation"):
        prepare_cohorts(other, tiny_cohort(), tiny_cohort())


def test_a_regression_is_learned_in_units_of_its_scale() -> None:
    column = [t.name for t in tiny_run().model.targets].index("severity")
    scaled = tiny_source().train.labels[:, column].numpy()
    assert scaled * 10.0 == pytest.approx(tiny_cohort().severity, abs=1e-5)


def test_a_run_on_real_patients_without_their_folder_is_refused(tmp_path: Path) -> None:
    run = replace(tiny_run(), data=replace(tiny_run().data, kind="thorax"))
    with pytest.raises(ConfigError, match="--data"):
        open_source(run, work=tmp_path, data=None)


@pytest.mark.parametrize(
    ("section", "key"), [("training", "epoch"), ("loss", "focal"), ("start", "packs")]
)
def test_a_setting_that_does_not_exist_is_named(tmp_path: Path, section: str, key: str) -> None:
    values = yaml.safe_load(PRESET.read_text("utf-8"))
    values.setdefault(section, {})[key] = 1
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(ConfigError, match=f"{section}.{key}"):
        read_run(tmp_path / "run.yaml")
