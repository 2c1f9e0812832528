"""Against a real PACS: a study found and fetched, results sent back, all of one study."""

import hashlib
from dataclasses import replace

import pytest

from mmcore.errors import PeerError
from mmcore.network import dimse, web
from mmcore.network.found import Query
from mmcore.network.peers import Web
from mmcore.results import Kind, Made
from mmcore.results.make import make_results
from tests.ports import free_port
from tests.unit.network.pacs import Pacs
from tests.unit.results.filed import STUDY, document_with, read, signed, standard_film

KINDS = (Kind.PDF, Kind.SR, Kind.MAP, Kind.CAPTURE)
WAYS = [dimse, web]


@pytest.fixture(scope="module")
def made() -> tuple[Made, ...]:
    return make_results(document_with(), [standard_film()], kinds=KINDS)


@pytest.mark.parametrize("way", WAYS, ids=["dimse", "dicomweb"])
def test_results_lie_in_the_patients_own_study_beside_the_film(
    pacs: Pacs, made: tuple[Made, ...], way
) -> None:
    pacs.upload(standard_film())
    assert [m.sop_instance_uid for m in way.store(pacs.peer, made)] == [
        m.sop_instance_uid for m in made
    ]
    (study,) = pacs.ask("studies", expand="")
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY
    assert study["PatientMainDicomTags"]["PatientID"] == "P-0042"
    assert len(study["Series"]) == 5  # the film's and one of each kind
    held = pacs.instances(STUDY)
    assert set(held) == {m.sop_instance_uid for m in made} | {read(standard_film()).SOPInstanceUID}
    back = read(pacs.file(held[made[0].sop_instance_uid]["ID"]))
    assert back.EncapsulatedDocument == read(made[0].data).EncapsulatedDocument


@pytest.mark.parametrize("way", WAYS, ids=["dimse", "dicomweb"])
def test_sending_again_changes_nothing_and_the_signed_version_comes_beside_the_draft(
    pacs: Pacs, made: tuple[Made, ...], way
) -> None:
    for _ in range(2):
        list(way.store(pacs.peer, made))
    assert len(pacs.instances(STUDY)) == len(made)
    final = make_results(signed(document_with()), [standard_film()], kinds=[Kind.SR])
    list(way.store(pacs.peer, final))
    held = pacs.instances(STUDY)
    assert len(held) == len(made) + 1
    stored = read(pacs.file(held[final[0].sop_instance_uid]["ID"]))
    assert stored.VerificationFlag == "VERIFIED"


@pytest.mark.parametrize("way", WAYS, ids=["dimse", "dicomweb"])
@pytest.mark.parametrize(
    "query",
    [
        Query(patient_id="P-0042"),
        Query(study_uid=STUDY),
        Query(accession_number="A-1047"),
        Query(patient_id="P-0042", date="20200101-20300101"),
    ],
    ids=["patient", "study", "accession", "patient and date"],
)
def test_a_study_is_found(pacs: Pacs, way, query: Query) -> None:
    pacs.upload(standard_film())
    (found,) = way.find(pacs.peer, query)
    assert found.study_uid == STUDY
    assert found.patient_name == "Rivera^Ana"
    assert found.modalities == ("DX",)
    assert found.instances == 1


def test_a_study_is_found_by_the_beginning_of_a_name(pacs: Pacs) -> None:
    pacs.upload(standard_film())
    assert [s.study_uid for s in dimse.find(pacs.peer, Query(patient_name="riv*"))] == [STUDY]


@pytest.mark.parametrize("way", WAYS, ids=["dimse", "dicomweb"])
def test_what_does_not_match_is_not_found(pacs: Pacs, way) -> None:
    pacs.upload(standard_film())
    assert way.find(pacs.peer, Query(patient_id="SOMEBODY-ELSE")) == ()


@pytest.mark.parametrize("fetch", [dimse.get, web.fetch], ids=["C-GET", "WADO"])
def test_a_study_is_fetched_with_its_pixels_as_they_are(pacs: Pacs, fetch) -> None:
    pacs.upload(standard_film())
    (data,) = fetch(pacs.peer, STUDY)
    assert data[128:132] == b"DICM"
    ours, theirs = read(standard_film()), read(data)
    assert theirs.SOPInstanceUID == ours.SOPInstanceUID
    assert hashlib.sha256(theirs.PixelData).digest() == hashlib.sha256(ours.PixelData).digest()


def test_a_peer_answers_an_echo(pacs: Pacs) -> None:
    dimse.echo(pacs.peer)


def test_a_wrong_title_is_refused_for_good(pacs: Pacs) -> None:
    where = pacs.peer.dimse
    assert where is not None
    peer = replace(pacs.peer, dimse=replace(where, ae_title="SOMEBODY"))
    with pytest.raises(PeerError, match="AE title") as raised:
        dimse.echo(peer)
    assert not raised.value.may_pass


def test_a_wrong_password_is_refused_for_good(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PACS_PASSWORD", "wrong")
    with pytest.raises(PeerError, match="sign-in") as raised:
        web.find(pacs.peer, Query(study_uid=STUDY))
    assert not raised.value.may_pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom 3.0.4
@pytest.mark.parametrize("way", WAYS, ids=["dimse", "dicomweb"])
def test_a_peer_that_is_down_may_be_up_later(pacs: Pacs, made: tuple[Made, ...], way) -> None:
    where, port = pacs.peer.dimse, free_port()
    assert where is not None
    peer = replace(
        pacs.peer, timeout=3.0, dimse=replace(where, port=port),
        web=Web(f"http://127.0.0.1:{port}/dicom-web"),
    )  # fmt: skip
    with pytest.raises(PeerError, match="can not be reached") as raised:
        list(way.store(peer, made))
    assert raised.value.may_pass


def test_a_study_that_is_not_there_is_told(pacs: Pacs) -> None:
    for fetch in (web.fetch, dimse.get):
        with pytest.raises(PeerError):
            fetch(pacs.peer, "1.2.3.4.5")
