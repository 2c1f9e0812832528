"""A module of somebody else can bring a sixth kind of file, and can cost no more than that file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.parts import Identity
from mmcore.intake.readers import register_reader, unregister_reader
from mmcore.records import FileVerdict, Modality, modality

WORDS = {
    "display": "Gait",
    "subject": "the gait",
    "inside": "inside the gait",
    "absent": "no gait",
}
NOTE = RawFile("note.txt", b"MRN: 00123\nFINDINGS: clear lungs.")


@dataclass(frozen=True)
class Gait:
    """What the toy reader makes of a file."""

    digest: str
    steps: tuple[int, ...]
    patient_id: str


def claims(name: str, data: bytes) -> bool:
    return data.startswith(b"GAIT1")


def read(data: bytes, *, digest: str) -> Gait:
    words = data.decode("ascii").split()
    if len(words) < 3:
        raise FileRefusedError(RefusalCode.EMPTY_FILE, "the file holds no step")
    return Gait(digest, tuple(int(word) for word in words[2:]), words[1])


def whose(gait: Gait) -> Identity:
    return Identity(frozenset({gait.patient_id}))


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modality]:
    """Declare the modality and its reader for one test alone."""
    monkeypatch.setattr("mmcore.records.modality._KNOWN", dict(modality._KNOWN))
    toy = Modality.declare("toy_gait", **WORDS)
    register_reader(toy, kind="gait", claims=claims, read=read, whose=whose)
    yield toy
    unregister_reader("gait")


def test_what_the_reader_made_of_a_file_is_attached_to_the_case(toy: Modality) -> None:
    case = case_from_files([NOTE, RawFile("walk", b"GAIT1 00123 3 4 5")])
    (gait,) = case.attachments[toy]
    assert isinstance(gait, Gait)
    assert gait.steps == (3, 4, 5)
    assert (case.files[1].kind, case.files[1].verdict) == ("gait", FileVerdict.USED)
    assert case.files[1].digest == gait.digest
    assert len(case.notes) == 1


def test_the_order_of_files_does_not_change_what_is_attached(toy: Modality) -> None:
    files = [RawFile(str(n), b"GAIT1 00123 %d" % n) for n in range(3)]
    cases = [case_from_files(order) for order in (files, files[::-1])]
    assert cases[0].attachments == cases[1].attachments
    assert len(cases[0].attachments[toy]) == 3


def test_an_attachment_of_another_patient_is_refused() -> None:
    labs = RawFile("labs.csv", b"mrn,name,value,unit\n00123,K,4.1,mmol/L\n")
    case = case_from_files([NOTE, labs, RawFile("walk", b"GAIT1 00777 3")])
    assert case.files[2].code == RefusalCode.PATIENT_MISMATCH
    assert case.attachments == {}


def test_the_readers_own_refusal_is_listed() -> None:
    (file,) = case_from_files([RawFile("walk", b"GAIT1 00123")]).files
    assert (file.kind, file.code, file.reason) == (
        "gait", RefusalCode.EMPTY_FILE, "the file holds no step",
    )  # fmt: skip


def test_whatever_else_the_reader_raises_costs_the_file_and_quotes_nothing() -> None:
    case = case_from_files([NOTE, RawFile("walk", b"GAIT1 00123 Doe")])
    assert case.files[1].code == RefusalCode.CORRUPT
    assert "Doe" not in case.files[1].reason
    assert len(case.notes) == 1


def test_a_reader_that_fails_to_claim_costs_nothing(toy: Modality) -> None:
    def broken(name: str, data: bytes) -> bool:
        raise ZeroDivisionError

    register_reader(toy, kind="broken", claims=broken, read=read)
    try:
        assert [f.verdict for f in case_from_files([NOTE]).files] == [FileVerdict.USED]
    finally:
        unregister_reader("broken")


def test_without_its_reader_the_file_is_an_unknown_one() -> None:
    unregister_reader("gait")
    assert case_from_files([RawFile("walk", b"GAIT1\0\1\2\3\4\5\6 00123 3")]).attachments == {}


@pytest.mark.parametrize("kind", ["gait", "dicom", "note", ""])
def test_a_kind_has_one_reader_and_the_built_in_ones_keep_theirs(kind: str, toy: Modality) -> None:
    with pytest.raises(ValueError, match="reader"):
        register_reader(toy, kind=kind, claims=claims, read=read)


def test_the_example_in_the_guide_works_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    unregister_reader("gait")
    text = Path("docs/bring-your-own-model.md").read_text("utf-8")
    section = text.partition("## Adding a modality: intake")[2]
    exec(section.partition("```python\n")[2].partition("```")[0], {"__name__": "example"})
    case = case_from_files([RawFile("walk", b"GAIT1 00123 3 4 5")])
    assert case.attachments[Modality("gait")][0].steps == (3, 4, 5)  # type: ignore[attr-defined]
