"""Who may do what: the table as it was agreed, word by word."""

import pytest

from mmcore.people import LOCAL_READER, MATRIX, Action, Person, Role, roles_of
from mmcore.people.roles import words_of

AGREED = {
    "open a case": "reader reviewer",
    "record a reading": "reader reviewer",
    "sign a report": "reader reviewer",
    "see others' readings": "reviewer",
    "co-sign a report": "reviewer",
    "assign a reader": "reviewer",
    "export a report": "reviewer",
    "de-identify a case": "reviewer",
    "remove a case": "reviewer",
    "see figures of use": "reviewer admin",
    "manage people": "admin",
    "manage retention and keys": "admin",
    "see the audit": "admin",
}


def person(*roles: Role) -> Person:
    return Person("7f", "Dr Li", frozenset(roles))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_the_matrix_is_the_one_that_was_agreed(action: Action, role: Role) -> None:
    assert person(role).may(action) is (role in AGREED[action].split())


def test_every_action_is_somebodys() -> None:
    assert set(MATRIX) == set(Action)
    assert {action.value for action in Action} == set(AGREED)
    assert all(MATRIX.values())


def test_who_has_no_role_may_do_nothing_and_several_roles_add_up() -> None:
    assert not any(person().may(action) for action in Action)
    assert all(person(*Role).may(action) for action in Action)


def test_where_nobody_signs_in_the_local_reader_may_do_everything() -> None:
    assert LOCAL_READER.is_anonymous
    assert all(LOCAL_READER.may(action) for action in Action)


def test_roles_are_kept_as_words_and_a_word_that_is_none_gives_no_right() -> None:
    roles = frozenset({Role.ADMIN, Role.READER})
    assert words_of(roles) == "reader admin"
    assert roles_of("reader admin") == roles
    assert roles_of("root admin,reader") == frozenset()
