"""Section Z: archives are judged by their claims before anything is inflated."""

import bz2
import io
import random
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files, case_from_paths
from mmcore.intake.archive import Entry, expand
from mmcore.records import FileVerdict
from tests.clocks import computed_within


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a duplicate name is what one test wants
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, data in files:
                archive.writestr(name, data)
    return buffer.getvalue()


def refusal_of(data: bytes) -> RefusalCode:
    with computed_within(1), pytest.raises(FileRefusedError) as caught:
        list(expand(data))
    return caught.value.code


def only(data: bytes) -> Entry:
    (entry,) = expand(data)
    return entry


def test_files_come_out_as_they_went_in() -> None:
    files = (("a/one.txt", b"one"), ("two.txt", bytes(1000)))
    assert [(e.name, e.data) for e in expand(zipped(*files))] == list(files)


def test_a_bomb_that_says_so_is_refused() -> None:
    data = zipped(*((f"{i}", bytes(2**26)) for i in range(2)))
    forged = data.replace(struct.pack("<I", 2**26), struct.pack("<I", 2**31 - 1))
    assert refusal_of(forged) == RefusalCode.ARCHIVE_BOMB


def test_a_dense_entry_is_refused() -> None:
    assert refusal_of(zipped(("a", bytes(2**27)))) == RefusalCode.ARCHIVE_BOMB


def test_a_size_forged_smaller_is_refused() -> None:
    data = zipped(("a", bytes(100_000))).replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    entry = only(data)
    assert entry.data == b""
    assert entry.refusal is not None
    assert entry.refusal.code == RefusalCode.CORRUPT_ARCHIVE


def test_a_size_forged_larger_is_refused() -> None:
    data = zipped(("a", bytes(10_000))).replace(
        struct.pack("<I", 10_000), struct.pack("<I", 20_000)
    )
    refusal = only(data).refusal
    assert refusal is not None
    assert refusal.code == RefusalCode.CORRUPT_ARCHIVE


def test_entries_that_share_their_data_are_refused() -> None:
    # Both directory records point at the first entry's data.
    data = bytearray(zipped(("aa", random.randbytes(1000)), ("bb", random.randbytes(1000))))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    assert refusal_of(bytes(data)) == RefusalCode.ARCHIVE_BOMB


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/x", "C:\\x", "..\\x", "a/../../x", "photo\u202egpj.exe", "x" * 255,
     "a\u200bb", "a\nb"],
)  # fmt: skip
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    refusal = only(zipped((name, b"x"))).refusal
    assert refusal is not None
    assert refusal.code == RefusalCode.BAD_ENTRY
    assert name not in refusal.detail


def test_a_file_without_a_name_costs_no_other() -> None:
    data = zipped(("QQ", b"one"), ("b", b"two")).replace(b"QQ", b"\0Q")
    nameless, other = expand(data)
    assert nameless.refusal is not None
    assert nameless.refusal.code == RefusalCode.BAD_ENTRY
    assert (other.name, other.data, other.refusal) == ("b", b"two", None)
    case = case_from_files([RawFile("a.zip", data), RawFile("note.txt", b"FINDINGS: cough.")])
    assert [note.text for note in case.notes] == ["two", "FINDINGS: cough."]


def test_what_nobody_thought_of_costs_the_archive_and_not_the_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def expand(_: bytes) -> None:
        raise IndexError("Doe")

    monkeypatch.setattr("mmcore.intake.archive.expand", expand)
    note = RawFile("note.txt", b"FINDINGS: cough.")
    case = case_from_files([RawFile("a.zip", zipped(("a", b"one"))), note])
    assert [file.code for file in case.files] == [RefusalCode.CORRUPT_ARCHIVE, None]
    assert "Doe" not in case.files[0].reason


def test_a_zip64_record_that_outranks_a_small_directory_is_refused_unread() -> None:
    head = b"PK\x01\x02" + bytes(42)
    directory = head * 400_000
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 400_000, 400_000,
                         len(directory), 4)  # fmt: skip
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4 + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, 0)
    with computed_within(0.5), pytest.raises(FileRefusedError) as caught:
        list(expand(b"PK\x03\x04" + directory + record + locator + end))
    assert caught.value.code == RefusalCode.ARCHIVE_TOO_MANY


def test_a_name_cut_by_nul_is_refused() -> None:
    data = zipped(("a.txtXjpg", b"x")).replace(b"a.txtXjpg", b"a.txt\0jpg")
    refusal = only(data).refusal
    assert refusal is not None
    assert refusal.code == RefusalCode.BAD_ENTRY


def test_a_link_in_an_archive_is_refused() -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refusal = only(buffer.getvalue()).refusal
    assert refusal is not None
    assert refusal.code == RefusalCode.BAD_ENTRY


def test_too_many_entries_are_refused_before_they_are_listed() -> None:
    data = zipped(*((str(i), b"") for i in range(10_001)), method=zipfile.ZIP_STORED)
    assert refusal_of(data) == RefusalCode.ARCHIVE_TOO_MANY


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(method: int) -> None:
    refusal = only(zipped(("a", bytes(10**6)), method=method)).refusal
    assert refusal is not None
    assert refusal.code == RefusalCode.ARCHIVE_METHOD


def test_an_archive_of_a_later_version_is_refused() -> None:
    data = bytearray(zipped(("a", b"x")))
    at = data.index(b"PK\x01\x02") + 6  # version needed to extract, in the directory
    data[at : at + 2] = struct.pack("<H", 206)
    assert refusal_of(bytes(data)) == RefusalCode.CORRUPT_ARCHIVE


def test_duplicate_names_are_refused() -> None:
    assert refusal_of(zipped(("a", b"1"), ("a", b"2"))) == RefusalCode.ARCHIVE_DUPLICATE


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_refused(keep: float) -> None:
    data = zipped(("a", random.randbytes(5000)), ("b", random.randbytes(5000)))
    assert refusal_of(data[: int(len(data) * keep)]) == RefusalCode.CORRUPT_ARCHIVE


def test_an_office_document_is_named_as_such() -> None:
    data = zipped(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>"))
    assert refusal_of(data) == RefusalCode.UNKNOWN_KIND


def test_archives_inside_archives_are_refused_and_the_rest_is_kept() -> None:
    inner = zipped(("x.txt", b"secret"))
    outer = zipped(("inner.zip", inner), ("note.txt", b"FINDINGS: clear."))
    case = case_from_files([RawFile("outer.zip", outer)])
    codes = {file.name: file.code for file in case.files}
    assert codes == {
        "outer.zip/inner.zip": RefusalCode.ARCHIVE_NESTED,
        "outer.zip/note.txt": None,
        "outer.zip": None,
    }
    assert len(case.notes) == 1


def test_an_archive_and_its_folder_are_the_same_case(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "note.txt").write_bytes(b"FINDINGS: clear.")
    (tmp_path / "case.zip").write_bytes(zipped(("note.txt", b"FINDINGS: clear.")))
    as_folder = case_from_paths([folder])
    assert case_from_paths([tmp_path / "case.zip"]).digest == as_folder.digest


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"FINDINGS: somebody else's.")
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    case = case_from_paths([folder])
    assert case.notes == ()
    assert {file.code for file in case.files} == {RefusalCode.BAD_ENTRY}
    assert len(case.files) == 2


def test_a_compressed_tarball_is_refused_by_kind() -> None:
    case = case_from_files([RawFile("x.bz2", bz2.compress(bytes(10**6)))])
    assert case.files[0].verdict is FileVerdict.REFUSED
    assert case.files[0].code == RefusalCode.UNKNOWN_KIND
