"""Where the site gives a key, what is kept is sealed; and what the environment may say."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from mmcore.errors import ConfigError, StoreKeyError
from mmcore.store import Place, Progress, Store, StoredDesk, place_of
from tests.unit.store.kept import IMAGE, JANE, JOHN, KEY, NOTE, keep, sql


def test_with_a_key_nothing_of_a_patient_is_readable_on_the_disk(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    with Store(place) as store:
        keep(store)
        store.save_desk(JANE, "p", StoredDesk({"text": "skin fold"}, {"text": "left base"}),
                        progress=Progress())  # fmt: skip
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for words in (b"Doe", b"note.txt", b"Fever.", b"pixels", b"skin fold", b"left base"):
        assert words not in stored, words
    with Store(place) as store:
        assert store.files(JANE) == (IMAGE, NOTE)
        assert store.desk(JANE, "p").reading == {"text": "skin fold"}


@pytest.mark.parametrize("key", [None, bytes(32)])
def test_without_its_key_a_store_is_not_opened(tmp_path: Path, key: bytes | None) -> None:
    Store(Place(tmp_path, key=KEY)).close()
    with pytest.raises(StoreKeyError):
        Store(Place(tmp_path, key=key))


def test_a_key_given_later_leaves_what_was_kept_before_readable(tmp_path: Path) -> None:
    with Store(Place(tmp_path)) as store:
        keep(store, JANE, NOTE)
    with Store(Place(tmp_path, key=KEY)) as store:
        keep(store, JOHN, IMAGE)
        assert store.files(JANE) == (NOTE,)
        assert [case.person for case in store.cases()] == ["Doe, Jane"] * 2


def test_a_sealed_value_opens_at_no_other_place(place: Place) -> None:
    with Store(replace(place, key=KEY)) as store:
        keep(store, JANE, NOTE)
        keep(store, JOHN, NOTE)
        sql(
            place,
            "UPDATE cases SET person = (SELECT person FROM cases WHERE digest = :other)",
            other=JANE,
        )
        with pytest.raises(StoreKeyError):
            store.case(JOHN)


def test_the_place_is_what_the_environment_says(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(base64.b64encode(KEY).decode() + "\n")
    found = place_of({"CONSILIUM_DATA": str(tmp_path), "CONSILIUM_KEY_FILE": str(file),
                      "CONSILIUM_KEEP_DAYS": "30"})  # fmt: skip
    assert found == Place(tmp_path, keep_days=30, key=KEY)
    own = place_of({"HOME": str(tmp_path)})
    assert own.folder.name == "consilium"
    assert (own.keep_days, own.key, own.url) == (None, None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"CONSILIUM_KEEP_DAYS": "-1"},
        {"CONSILIUM_KEEP_DAYS": "a week"},
        {"CONSILIUM_KEY": "too short"},
        {"CONSILIUM_KEY": base64.b64encode(b"short").decode()},
        {"CONSILIUM_KEY_FILE": "/nowhere"},
        {"CONSILIUM_KEY": base64.b64encode(KEY).decode(), "CONSILIUM_KEY_FILE": "/nowhere"},
    ],
)
def test_a_setting_that_means_nothing_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        place_of(wrong)
