"""What a key gives, and to whom."""

import hashlib
import hmac

import pytest

from mmcore.deid.secret import Secret
from mmcore.errors import ConfigError

KEY = bytes(range(32))


def test_a_uid_is_the_hmac_of_the_old_one() -> None:
    digest = hmac.new(KEY, b"consilium deid 1\0uid\x001.2.3", hashlib.sha256).digest()
    assert Secret(KEY).uid("1.2.3") == f"2.25.{int.from_bytes(digest[:16], 'big')}"


def test_uids_are_valid_and_differ() -> None:
    uids = {Secret(KEY).uid(f"1.2.{n}") for n in range(500)}
    assert len(uids) == 500
    assert all(len(uid) <= 64 and uid.startswith("2.25.") for uid in uids)
    assert not any(part.startswith("0") for uid in uids for part in uid.split(".")[2:])


def test_an_offset_is_of_the_patient_and_always_into_the_past() -> None:
    secret = Secret(KEY)
    offsets = [secret.days(str(n)) for n in range(500)]
    assert secret.days("7") == offsets[7]
    assert all(-3653 < days <= -366 for days in offsets)
    assert len(set(offsets)) > 400


def test_nothing_can_be_derived_without_the_key() -> None:
    assert Secret(KEY).pseudonym("7") != Secret(bytes(32)).pseudonym("7")
    with pytest.raises(ConfigError):
        Secret(b"guess")
