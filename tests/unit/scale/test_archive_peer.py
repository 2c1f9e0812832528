"""An archive behind a real PACS: asked for by day, fetched study by study."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmcore.errors import PeerError
from mmcore.network import web
from mmcore.network.found import Query
from mmcore.scale.spreading import Scoring
from mmcore.scale.studies import WebSource, days
from tests.tiny import tiny_pack
from tests.unit.network.pacs import PASSWORD, VARIABLE, Pacs, running_pacs
from tests.unit.scale.archives import study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    with running_pacs(tmp_path_factory.mktemp("orthanc")) as running:
        for number in range(5):
            running.upload(study(number)[1])
        yield running


@pytest.fixture
def known(pacs: Pacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pacs:
    """Name the PACS in the site's file of peers."""
    peers = tmp_path / "peers.yaml"
    assert pacs.peer.web is not None
    peers.write_text(
        "peers:\n  - name: pacs\n    dicomweb:\n"
        f"      url: {pacs.peer.web.url}\n      user: {pacs.peer.web.user}\n"
        f"      password_env: {VARIABLE}\n"
    )
    monkeypatch.setenv("CONSILIUM_PEERS", str(peers))
    monkeypatch.setenv(VARIABLE, PASSWORD)
    return pacs


def test_its_studies_are_scored(known: Pacs) -> None:
    source = WebSource("pacs", *days("20240228-20240301"), modality="DX")
    found = list(source.studies())
    assert sorted(one.key for one in found) == sorted(study(number)[0] for number in range(5))
    outcomes = Scoring(str(tiny_pack()), source, "cpu", 1).outcomes(found[:2])
    assert [one.row["status"] for one in outcomes if one.row is not None] == ["scored"] * 2


def test_more_studies_than_one_answer_holds_are_all_found(
    known: Pacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MAX_ANSWERS", 2)
    found = [one.study_uid for one in web.find_all(known.peer, Query(modality="DX"))]
    assert sorted(found) == sorted(study(number)[0] for number in range(5))
    assert len(web.find(known.peer, Query(modality="DX"))) == 2
    assert list(web.find_all(known.peer, Query(modality="CT"))) == []


def test_a_peer_that_is_away_leaves_its_studies_for_another_run(known: Pacs) -> None:
    assert known.peer.web is not None
    away = replace(known.peer, web=replace(known.peer.web, url="http://127.0.0.1:9/dicom-web"))
    with pytest.raises(PeerError) as raised:
        list(web.find_all(away, Query(modality="DX")))
    assert raised.value.may_pass
