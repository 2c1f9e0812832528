"""Files of several patients on the Cases page: a case each, and nobody's file by guess."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import keeping, services, several, site, state
from dashboard.services import DemoCase
from mmcore.errors import RefusalCode
from mmcore.store import StoredCase
from mmcore.store.place import DATA, KEEP_DAYS
from tests.app.conftest import Stage, html
from tests.unit.intake.make_dicom import make_dicom, ramp

File = tuple[str, bytes]
NAMELESS = ("nameless.txt", b"FINDINGS: clear.")


def film(name: str, number: str, grey: int, folder: str = "") -> File:
    pixels = ramp()
    pixels[0, 0] = grey
    data = make_dicom(
        pixels, PatientName=name, PatientID=number, PatientBirthDate="19600102",
        SOPInstanceUID=f"1.2.{grey}", StudyInstanceUID=f"1.3.{grey}",
    )  # fmt: skip
    return f"{folder}{number}.dcm", data


JANE, JOHN = film("Doe^Jane", "11", 1), film("Roe^John", "22", 2)


@pytest.fixture
def kept(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    monkeypatch.delenv(KEEP_DAYS)


def drop(stage: Stage, monkeypatch: pytest.MonkeyPatch, files: Sequence[File]) -> AppTest:
    """Drop files in: the demonstration patient's button stands for the drop zone."""

    def read_demo(_: DemoCase) -> None:
        several.read(files)

    monkeypatch.setattr(services, "read_demo", read_demo)
    return stage.open_case("jane")


def press(app: AppTest, label: str, number: int = 0) -> AppTest:
    return [b for b in app.button if b.label == label][number].click().run()


def session(app: AppTest) -> state.Session:
    found: state.Session = app.session_state["consilium_session"]
    return found


def stored() -> tuple[StoredCase, ...]:
    store = keeping.store()
    assert store is not None
    return store.cases()


def names_of(case: StoredCase) -> list[str]:
    store = keeping.store()
    assert store is not None
    return [file.name for file in store.files(case.digest)]


@pytest.mark.usefixtures("kept")
def test_each_patient_becomes_a_case_of_the_list_and_the_first_is_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drop(stage, monkeypatch, [JOHN, JANE])
    page = html(app)
    assert [h.value for h in app.subheader][-1] == "The files were of 2 patients: a case for each"
    assert page.count('data-testid="one-patient"') == 2
    assert "11 · " in page
    assert "born 2 Jan 1960 · 1 file" in page
    assert sorted(case.person for case in stored()) == ["Doe, Jane", "Roe, John"]
    assert {case.person: names_of(case) for case in stored()}["Roe, John"] == ["22.dcm"]
    assert [work.case.patient.patient_id for work in session(app).cases.values()] == ["11"]


@pytest.mark.usefixtures("kept")
def test_the_next_patient_is_opened_from_the_list(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = press(drop(stage, monkeypatch, [JANE, JOHN]), "Open")
    work = session(app).cases[session(app).active_digest or ""]
    assert work.case.patient.patient_id == "22"
    app = press(app, "Close this list")
    assert "one-patient" not in html(app)
    assert len(session(app).cases) == 2


@pytest.mark.usefixtures("kept")
def test_nothing_is_opened_before_it_is_said_whose_a_nameless_file_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drop(stage, monkeypatch, [JANE, JOHN, NAMELESS])
    assert [h.value for h in app.subheader][-1] == "These files are of 2 patients"
    assert stored() == ()
    assert session(app).cases == {}
    asked = app.selectbox(key="several-whose-0-False")
    assert asked.label == r"nameless\.txt \(Clinical note\)"
    assert asked.value == -1, "nobody's, unless somebody says otherwise"
    asked.select(1).run()
    app = press(app, "Open 2 cases")
    assert {case.person: names_of(case) for case in stored()} == {
        "Doe, Jane": ["11.dcm"],
        "Roe, John": ["22.dcm", "nameless.txt"],
    }


@pytest.mark.usefixtures("kept")
def test_a_file_left_aside_is_named_and_in_no_case(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = press(drop(stage, monkeypatch, [JANE, JOHN, NAMELESS]), "Open 2 cases")
    assert [names_of(case) for case in stored()] == [["22.dcm"], ["11.dcm"]]
    assert '<ul data-testid="several-aside"><li>nameless.txt</li></ul>' in html(app)


@pytest.mark.usefixtures("kept")
def test_folders_say_whose_a_file_is_only_where_a_person_lets_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [film("Doe^Jane", "11", 1, "a/"), film("Roe^John", "22", 2, "b/"),
             ("b/note.txt", NAMELESS[1]), ("stray.txt", b"FINDINGS: a nodule.")]  # fmt: skip
    app = drop(stage, monkeypatch, files)
    assert {s.value for s in app.selectbox if "whose" in str(s.key)} == {-1}
    app.toggle(key="several-by-folder").set_value(True).run()
    assert app.selectbox(key="several-whose-0-True").value == 1
    assert app.selectbox(key="several-whose-1-True").value == -1, "lies in no patient's folder"


@pytest.mark.usefixtures("kept")
def test_a_choice_can_not_put_one_patient_s_file_into_another_s_case(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table whose columns are unknown may turn out to name somebody once they are known."""
    odd = ("odd.csv", b"thing,number,of,who\n2823-3,4.1,mmol/L,22\n")
    app = drop(stage, monkeypatch, [JANE, JOHN, odd])
    app.selectbox(key="several-whose-0-False").select(0).run()
    app = press(app, "Open 2 cases")
    for role, heading in {
        "code": "thing", "value": "number", "unit": "of", "patient_id": "who"
    }.items():  # fmt: skip
        app = choice(app, role).select(heading).run()
    app = press(app, "Read it with this mapping")
    (work,) = session(app).cases.values()
    assert {file.name: file.code for file in work.case.files} == {
        "11.dcm": None, "odd.csv": RefusalCode.PATIENT_MISMATCH,
    }  # fmt: skip


def choice(app: AppTest, role: str) -> Any:
    return next(s for s in app.selectbox if str(s.key).endswith(f"-{role}"))


def test_where_nothing_is_stored_the_other_patients_are_opened_from_memory(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = press(drop(stage, monkeypatch, [JANE, JOHN]), "Open")
    ids = [work.case.patient.patient_id for work in session(app).cases.values()]
    assert ids == ["11", "22"]
    assert "one-patient" in html(app), "the list stays until it is closed"


@pytest.mark.usefixtures("kept")
def test_what_could_not_be_read_is_told_with_its_reason(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drop(stage, monkeypatch, [JANE, JOHN, ("<b>.dcm", b"")])
    assert "<li><b>&lt;b&gt;.dcm</b> The file is empty." in html(app)


@pytest.mark.usefixtures("kept")
def test_a_zip_of_several_patients_is_a_case_for_each(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in (JANE, JOHN):
            archive.writestr(name, data)
    drop(stage, monkeypatch, [("all.zip", sink.getvalue())])
    assert sorted(name for case in stored() for name in names_of(case)) == [
        "all.zip/11.dcm", "all.zip/22.dcm",
    ]  # fmt: skip


@pytest.mark.usefixtures("kept")
def test_the_cases_wait_to_be_read_again_as_what_they_are(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    app = press(drop(stage, monkeypatch, [JANE, JOHN]), "Open")
    assert {case.digest for case in stored()} == set(session(app).cases)


def test_a_nameless_file_of_one_patient_is_named_on_the_page_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drop(stage, monkeypatch, [JANE, NAMELESS])
    page = html(app)
    assert "1 of 2 files does not say whose it is" in page
    assert "Without saying whose: nameless.txt." in page
    (work,) = session(app).cases.values()
    assert not any("nameless.txt" in notice for notice in work.case.notices)
