"""Sites differ as planned, share no patient, and read their own folder alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mmcore.errors import ConfigError
from mmcore.federated.plan import FederationConfig, SimulatedSite, read_plan
from mmcore.federated.sites import deal_patients, prepare_part, read_site, write_sites
from mmcore.records import Modality
from mmcore.simulate import write_cohort
from mmcore.train.sources import prepare_cohorts
from tests.tiny import tiny_cohort, tiny_run
from tests.unit.federated.tiny_plan import SITES, plan_values, write_plan, write_values


def federation(**sites: SimulatedSite) -> FederationConfig:
    return FederationConfig(rounds=1, seed=1, pool=30, sites=sites)


def test_no_patient_is_at_two_sites_or_in_both_parts() -> None:
    config = federation(a=SimulatedSite(8, 4), b=SimulatedSite(9, 5))
    dealt = deal_patients(tiny_cohort(), config)
    notes = [part.cohort.notes for parts in dealt.values() for part in parts]
    assert [len(part) for part in notes] == [8, 4, 9, 5]
    own = {note: row for row, note in enumerate(tiny_cohort().notes)}
    rows = [own[note] for part in notes for note in part]
    assert len(set(rows)) == 26


def test_another_deal_gives_other_patients_and_the_same_deal_the_same() -> None:
    config = federation(a=SimulatedSite(8, 4), b=SimulatedSite(9, 5))
    one, again, other = (
        deal_patients(tiny_cohort(), replace(config, deal=deal))["a"][0].cohort.notes
        for deal in (0, 0, 1)
    )
    assert one == again
    assert one != other


def test_odds_bring_patients_with_the_finding() -> None:
    few, many = (
        deal_patients(
            tiny_cohort(),
            federation(a=SimulatedSite(8, 4, odds={"effusion": odds}), b=SimulatedSite(1, 1)),
        )["a"]
        for odds in (1e-6, 1e6)
    )
    column = 1  # effusion
    assert all(not part.cohort.findings[:, column].any() for part in few)
    with_it = int(tiny_cohort().findings[:, column].sum())
    assert sum(int(part.cohort.findings[:, column].sum()) for part in many) == min(12, with_it)


def test_what_a_site_does_not_take_is_absent_and_its_noise_is_its_own() -> None:
    site = SimulatedSite(8, 4, absent={"variants": 1.0}, noise={"image": 0.1, "observations": 0.2})
    clean = SimulatedSite(8, 4)
    noisy, plain = (
        deal_patients(tiny_cohort(), federation(a=one, b=SimulatedSite(1, 1)))["a"][0]
        for one in (site, clean)
    )
    source = prepare_cohorts(tiny_run().model, tiny_cohort(), tiny_cohort())
    prepared = prepare_part(noisy, source.model, source.tokenizer)
    column = source.model.modalities.index(Modality.VARIANTS)
    assert not prepared.presence[:, column].any()
    assert prepared.presence.sum() == 8 * (len(source.model.modalities) - 1)
    apart = noisy.cohort.images.astype(float) - plain.cohort.images
    assert 10.0 < apart.std() < 26.0  # 0.1 of 255, less what black and white cut off
    seen = plain.cohort.observed
    ratio = noisy.cohort.values[seen] / plain.cohort.values[seen]
    assert ratio.std() == pytest.approx(0.2, abs=0.05)


def test_a_site_reads_what_was_written_for_it(tmp_path: Path) -> None:
    plan = read_plan(write_plan(tmp_path))
    folders = write_sites(plan, tmp_path / "sites", work=tmp_path)
    source = prepare_cohorts(plan.run.model, tiny_cohort(), tiny_cohort())
    dealt = deal_patients(tiny_cohort(), plan.federation)
    for folder, (name, (train, held_out)) in zip(folders, dealt.items(), strict=True):
        site = read_site(folder, source.model, source.tokenizer)
        assert site.name == name
        assert (len(site.train), len(site.held_out)) == (
            SITES[name]["train"], SITES[name]["held_out"],
        )  # fmt: skip
        expected = prepare_part(train, source.model, source.tokenizer)
        assert torch.equal(site.train.labels, expected.labels)
        for modality, own in expected.inputs.items():
            assert torch.equal(site.train.inputs[modality], own)
        assert np.array_equal(site.held_out.labels[:, 0], held_out.cohort.findings[:, 0])


def test_a_folder_of_patients_is_split_by_who_they_are(tmp_path: Path) -> None:
    write_cohort(tmp_path / "clinic", patients=6, seed=5)
    source = prepare_cohorts(tiny_run().model, tiny_cohort(), tiny_cohort())
    site = read_site(tmp_path / "clinic", source.model, source.tokenizer)
    assert site.name == "clinic"
    assert len(site.train) + len(site.held_out) == 6
    assert not set(site.train.patients) & set(site.held_out.patients)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"algorithm": "fedsgd"}, "federation.algorithm"),
        ({"algorithm": "fedprox"}, "federation.proximal"),
        ({"proximal": 0.1}, "federation.proximal"),
        ({"least": 4}, "federation.sites"),
        ({"secure": True, "least": 2}, "federation.least"),
        ({"pool": 20}, "federation.pool"),
        ({"sites": {"a": {"train": 1, "held_out": 1, "absent": {"scent": 1.0}}}},
         "federation.sites.absent.scent"),
        ({"turns": 3}, "federation.turns"),
    ],
)  # fmt: skip
def test_a_plan_that_can_not_be_followed_is_refused_by_its_key(
    tmp_path: Path, changes: dict[str, object], key: str
) -> None:
    write = write_plan if "pool" in changes else write_values
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        write_sites(read_plan(path), tmp_path / "sites", work=tmp_path)
    assert caught.value.key == key


def test_what_needs_more_than_gradients_of_a_site_is_refused(tmp_path: Path) -> None:
    values = plan_values() | {"loss": {"pos_weight_cap": 5.0}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(ConfigError, match=r"loss\.pos_weight_cap"):
        read_plan(tmp_path / "plan.yaml")
