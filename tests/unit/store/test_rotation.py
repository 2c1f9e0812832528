"""Another key: all is sealed anew, whatever is killed on the way; the old key opens nothing."""

import os
import random
import re
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import StoreError, StoreKeyError, StoreUnavailableError
from mmcore.records import Patient
from mmcore.store import LOCAL, KeptFile, Place, Progress, Store, StoredDesk
from mmcore.store import tables as declared
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.place import DATA, DATABASE, KEY_FILE, read_key
from mmcore.store.place import KEY as KEY_VARIABLE
from mmcore.store.rotation import SEALED, rotate
from mmcore.store.sealing import Seal
from mmcore.store.tables import metadata
from mmcore.store.work_records import CaseFacts, WorkQuery, WorkView
from mmcore.worklist import rekeying
from mmcore.worklist.facts import facts_of
from tests.app import factory
from tests.unit.store.kept import JANE, JOHN, KEY, sql

NEW = bytes(range(50, 82))
THIRD = bytes(range(90, 122))
KILLS = 12
ROTATE = """
import sys
from pathlib import Path
from mmcore.store import Place
from mmcore.store.rotation import rotate

folder, old, new = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
print("begin", flush=True)
rotate(Place(folder, key=old), new, person_of=lambda shown: shown["patient_id"])
print("done", flush=True)
"""


def person_of(shown: Mapping[str, str]) -> str:
    return shown["patient_id"]


def fill(store: Store, *digests: str) -> None:
    """Keep cases in which every sealed column holds something."""
    for number, digest in enumerate(digests):
        name = f"Doe^Number{number}"
        facts = CaseFacts(name=name, patient_id="ID-7", accession=f"A{number}", person="ID-7")
        files = [KeptFile(f"{number}.dcm", f"pixels {number}".encode() * 3000),
                 KeptFile("same", b"in every case" * 500)]  # fmt: skip
        store.keep_case(digest, files, label=f"label {number}", person=name, facts=facts)
        desk = StoredDesk({"said": number}, {"entered": number})
        saved = store.save_desk(
            digest, "p", desk, progress=Progress(decided=1), attached=[f"picture {number}".encode()]
        )
        store.reports.sign(
            digest, "p", document=f"signed {number}".encode(), signature={"who": name}, desk=saved
        )
        store.reports.add(digest, "p", addendum={"text": name}, after=0)
        stamp = store.reports.stamp(digest, "p")
        assert stamp is not None
        store.reports.cosign(
            digest, "p", {"name": f"second {name}"}, stamp=stamp, reader=LOCAL, by="b-20"
        )


def check(store: Store, *digests: str) -> None:
    """Expect what ``fill`` kept."""
    for number, digest in enumerate(digests):
        case = store.case(digest)
        assert case is not None
        assert (case.label, case.person) == (f"label {number}", f"Doe^Number{number}")
        assert [f.data for f in store.files(digest)] == [
            f"pixels {number}".encode() * 3000, b"in every case" * 500,
        ]  # fmt: skip
        desk = store.desk(digest, "p")
        assert (desk.reading, desk.draft) == ({"said": number}, {"entered": number})
        signed = store.reports.signed(digest, "p")
        assert signed is not None
        assert signed.signature == {"who": case.person}
        assert [dict(one) for one in signed.addenda] == [{"text": case.person}]
        assert [dict(one) for one in signed.cosignatures] == [{"name": f"second {case.person}"}]


def still_old(folder: Path, old: Seal) -> list[str]:
    """Return what in files and rows the old key still opens, or no key has sealed."""
    found = []
    for path in (folder / "blobs").rglob("?" * 64):
        try:
            old.open(path.read_bytes(), where=path.name)
        except StoreKeyError:
            continue
        found.append(path.name)
    database = Database(Place(folder))
    try:
        with database.reading() as connection:
            for name, columns in SEALED.items():
                for row in connection.execute(select(metadata.tables[name])):
                    for column, form in columns.items():
                        value = row._mapping[column]
                        if value is None:
                            continue
                        try:
                            old.open_json(value, where=form.format(**row._mapping))
                        except StoreKeyError:
                            continue
                        found.append(f"{name}.{column}")
    finally:
        database.close()
    return found


def test_every_sealed_column_is_known_here() -> None:
    """Of ``tables.py``, where each is marked; a new one must be added to ``SEALED``."""
    source = Path(str(declared.__file__)).read_text("utf-8")
    marked = {
        (table, column)
        for table, body in re.findall(r'= Table\([^"]*"(\w+)",(.*?)^\)', source, re.DOTALL | re.M)
        for column in re.findall(r'Column\("(\w+)", Text[^#\n]*# sealed', body)
    }
    assert marked == {(table, column) for table in SEALED for column in SEALED[table]}


def test_everything_opens_with_the_new_key_and_nothing_with_the_old(place: Place) -> None:
    place = replace(place, key=KEY)
    with Store(place) as store:
        fill(store, JANE, JOHN)
    done = rotate(place, NEW, person_of=person_of)
    assert done.files == 7, "two own, one common, two pictures, two signed documents"
    assert done.values == 21, "ten of each case, and the key of the journal"
    with pytest.raises(StoreKeyError):
        Store(place)
    with Store(replace(place, key=NEW)) as store:
        check(store, JANE, JOHN)
    if not place.url:
        assert still_old(place.folder, Seal(KEY)) == []


def test_cases_are_found_and_linked_as_before(place: Place) -> None:
    place = replace(place, key=KEY)

    def found(store: Store, **query: str) -> int:
        return len(store.work.page(WorkQuery(**query), WorkView()).rows)

    with Store(place) as store:
        fill(store, JANE, JOHN)
        before = [found(store, words="number1"), found(store, words="id"), found(store, like=JANE)]
    rotate(place, NEW, person_of=person_of)
    with Store(replace(place, key=NEW)) as store:
        assert before == [1, 2, 2]
        assert [
            found(store, words="number1"), found(store, words="id"), found(store, like=JANE)
        ] == before  # fmt: skip


def test_what_was_signed_can_not_be_altered_afterwards_either(place: Place) -> None:
    place = replace(place, key=KEY)
    with Store(place) as store:
        fill(store, JANE)
    rotate(place, NEW, person_of=person_of)
    with pytest.raises(Exception, match="never altered"):
        sql(place, "UPDATE signatures SET document = 'x'")


def test_a_store_in_the_clear_is_sealed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with Store(place) as store:
        fill(store, JANE)
    rotate(place, NEW, person_of=person_of)
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"Number0" not in everything
    assert b"pixels 0" not in everything
    with Store(replace(place, key=NEW)) as store:
        check(store, JANE)


def test_the_same_key_again_seals_what_is_in_the_clear_yet(tmp_path: Path) -> None:
    with Store(Place(tmp_path)) as store:
        fill(store, JANE)
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        store.prefer("local", "theme", "dark")
    assert still_old(tmp_path, Seal(None)), "stored before there was a key"
    rotate(place, KEY, person_of=person_of)
    assert still_old(tmp_path, Seal(None)) == []


def test_what_waits_to_be_sent_is_sealed_too(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        fill(store, JANE)
    note = tmp_path / "outbox" / "parcels" / "one.json"
    note.parent.mkdir(parents=True)
    digest = Blobs(tmp_path / "outbox" / "objects", Seal(KEY)).put(b"an object")
    note.write_text(Seal(KEY).seal_json({"peer": "archive"}, where="one"))
    assert rotate(place, NEW, person_of=person_of).files == 6
    assert Blobs(tmp_path / "outbox" / "objects", Seal(NEW)).get(digest) == b"an object"
    assert Seal(NEW).open_json(note.read_text(), where="one") == {"peer": "archive"}
    assert [path.name for path in note.parent.iterdir()] == ["one.json"]


def test_what_is_damaged_does_not_keep_the_rest_from_the_new_key(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        fill(store, JANE, JOHN)
        own = store._blobs.put(b"pixels 0" * 3000)
    (path,) = (tmp_path / "blobs").rglob(own)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    sql(Place(tmp_path), "UPDATE drafts SET document = 'sealed-1:AAAA' WHERE case_digest = :d",
        d=JANE)  # fmt: skip
    sql(Place(tmp_path), "UPDATE worklist SET identity = 'no JSON' WHERE case_digest = :d", d=JANE)
    assert rotate(place, NEW, person_of=person_of).damaged == 3
    with Store(replace(place, key=NEW)) as store:
        assert store.files(JOHN)[0].data == b"pixels 1" * 3000
        assert store.desk(JOHN, "p").draft == {"entered": 1}
        with pytest.raises(StoreError):
            store.files(JANE)


def test_nobody_rotates_with_a_wrong_key_or_while_the_store_is_open(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        fill(store, JANE)
        with pytest.raises(StoreUnavailableError, match="in use"):
            rotate(place, NEW, person_of=person_of)
    with pytest.raises(StoreKeyError):
        rotate(replace(place, key=THIRD), NEW, person_of=person_of)
    with pytest.raises(StoreKeyError):
        rotate(replace(place, key=None), NEW, person_of=person_of)
    with Store(place) as store:
        check(store, JANE)


def test_what_was_begun_is_finished_with_the_same_key_and_not_with_a_third(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        fill(store, JANE, JOHN)
    real, calls = Blobs.seal_anew, []

    def dies(self: Blobs, digest: str, old: Seal) -> bool:
        calls.append(digest)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, digest, old)

    monkeypatch.setattr(Blobs, "seal_anew", dies)
    with pytest.raises(KeyboardInterrupt):
        rotate(place, NEW, person_of=person_of)
    monkeypatch.undo()
    for key in (KEY, NEW):
        with pytest.raises(StoreKeyError, match="was begun"):
            Store(replace(place, key=key))
    with pytest.raises(StoreKeyError):
        rotate(place, THIRD, person_of=person_of)
    assert rotate(place, NEW, person_of=person_of).files == 4, "three were done"
    with Store(replace(place, key=NEW)) as store:
        check(store, JANE, JOHN)


def test_the_command_makes_the_key_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "site"))
    for name in (DATABASE, KEY_VARIABLE, KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    with Store(Place(tmp_path / "site")) as store:
        fill(store, JANE)
    file = tmp_path / "new.key"
    done = CliRunner().invoke(app, ["rekey", str(file), "--make"])
    assert done.exit_code == 0, done.output
    assert f"{KEY_FILE}={file}" in done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Store(Place(tmp_path / "site", key=read_key(file))) as store:
        check(store, JANE)
    again = CliRunner().invoke(app, ["rekey", str(file), "--make"])
    assert again.exit_code == 1
    assert "there already" in again.output


def test_cases_of_one_patient_are_linked_by_what_the_list_keeps_of_them() -> None:
    patient = Patient(patient_id="AB-7", name="Doe^Jane", birth_date=date(1951, 3, 12))
    case = factory.case(patient=patient)
    facts = facts_of(case)
    shown = {"name": facts.name, "patient_id": facts.patient_id, "birth_date": facts.birth_date}
    assert facts.person
    assert rekeying._person_of(shown) == facts.person


@pytest.mark.slow
def test_a_change_of_key_killed_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(11)
    digests = [f"{number:02x}" * 32 for number in range(30)]
    with Store(Place(tmp_path, key=KEY)) as store:
        fill(store, *digests)
    old, new, kills = KEY, NEW, 0
    while kills < KILLS:
        command = [sys.executable, "-c", ROTATE, str(tmp_path), old.hex(), new.hex()]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        time.sleep(rng.uniform(0.0, 0.5))
        process.kill()
        told, _ = process.communicate()
        kills += 1
        if "done" in told:
            old, new = new, os.urandom(32)
            with Store(Place(tmp_path, key=old)) as store:
                check(store, *digests)
            continue
        try:
            with Store(Place(tmp_path, key=old)) as store:
                check(store, *digests)
        except StoreError as error:
            assert "was begun" in str(error) or is_sealed_with(tmp_path, new)  # noqa: PT017
    rotate(Place(tmp_path, key=old), new, person_of=person_of)
    with Store(Place(tmp_path, key=new)) as store:
        check(store, *digests)
    assert still_old(tmp_path, Seal(old)) == []


def is_sealed_with(folder: Path, key: bytes) -> bool:
    """Whether the change was committed, and only its last word was lost."""
    with Store(Place(folder, key=key)) as store:
        return store.case("00" * 32) is not None


def test_a_sealed_column_that_is_not_known_here_is_refused_before_anything_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        fill(store, JANE)
    fewer = {name: columns for name, columns in SEALED.items() if name != "drafts"}
    monkeypatch.setattr("mmcore.store.rotation.SEALED", fewer)
    with pytest.raises(StoreKeyError, match=r"drafts\.document"):
        rotate(place, NEW, person_of=person_of)
    monkeypatch.undo()
    rotate(place, NEW, person_of=person_of)
    with Store(replace(place, key=NEW)) as store:
        check(store, JANE)
