"""Which passwords are refused, and what is kept of the others."""

import pytest

from mmcore.errors import PasswordRefusedError
from mmcore.people import passwords


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Xk3!vq9zLp1", "short"),  # eleven
        ("x7" * 129, "long"),
        ("password1234", "common"),
        ("P@ssw0rd2026!", "common"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("abcabcabcabcabc", "common"),
        ("qwertyuiop[123", "common"),
        ("123456789012345", "common"),
        ("zyxwvutsrqponm", "common"),
        ("Consilium2026!", "common"),
        ("drli-drli-2026", "common"),
        ("welcomewelcome1", "common"),
        ("correcthorsebatterystaple", "common"),
    ],
)
def test_what_is_guessed_first_is_refused(password: str, reason: str) -> None:
    with pytest.raises(PasswordRefusedError) as refused:
        passwords.check(password, name="drli", display="Dr Li")
    assert refused.value.reason == reason
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    [
        "tram over the lake", "kettle-9-violin-moss", "Xk3!vq9zLp1#", "七只白鹤飞过了青山和绿水边",
        "passwords need tea", pytest.param(passwords.made_up(), id="made up"),
    ],
)  # fmt: skip
def test_length_is_asked_for_and_no_kinds_of_characters(password: str) -> None:
    passwords.check(password, name="drli", display="Dr Li")


def test_what_is_kept_is_a_salted_argon2id_hash() -> None:
    kept = passwords.hashed("tram over the lake")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert kept != passwords.hashed("tram over the lake"), "each has its salt"
    assert passwords.is_right(kept, "tram over the lake")
    assert not passwords.is_right(kept, "tram over the lake ")
    assert not passwords.is_right(None, "tram over the lake")
    assert not passwords.is_right("no hash", "tram over the lake")
    assert not passwords.is_outdated(kept)


def test_a_password_is_the_same_however_the_keyboard_composes_it() -> None:
    kept = passwords.hashed("Zu\u0308rich see tram")
    assert passwords.is_right(kept, "Z\u00fcrich see tram")


def test_a_hash_made_with_less_is_known_to_be_outdated() -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("tram over the lake")
    assert passwords.is_right(weak, "tram over the lake")
    assert passwords.is_outdated(weak)
