"""Roles, what can be done, and the one table of who may do it."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for; an account may have several. Values never change."""

    READER = "reader"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be done, as far as roles go. Values never change: the audit holds them."""

    OPEN = "open a case"  # add files, open, close and put aside, choose its model
    READ = "record a reading"  # one's own: impressions, decisions, key images
    SIGN = "sign a report"  # one's own
    SEE_OTHERS = "see others' readings"
    COSIGN = "co-sign a report"
    ASSIGN = "assign a reader"
    EXPORT = "export a report"
    DEIDENTIFY = "de-identify a case"
    REMOVE = "remove a case"  # with what everybody recorded of it
    SEE_FIGURES = "see figures of use"
    MANAGE_PEOPLE = "manage people"
    MANAGE_SITE = "manage retention and keys"
    SEE_AUDIT = "see the audit"


_READER = frozenset({Role.READER, Role.REVIEWER})
_REVIEWER = frozenset({Role.REVIEWER})
_ADMIN = frozenset({Role.ADMIN})

MATRIX: Mapping[Action, frozenset[Role]] = {
    Action.OPEN: _READER,
    Action.READ: _READER,
    Action.SIGN: _READER,
    Action.SEE_OTHERS: _REVIEWER,
    Action.COSIGN: _REVIEWER,
    Action.ASSIGN: _REVIEWER,
    Action.EXPORT: _REVIEWER,
    Action.DEIDENTIFY: _REVIEWER,
    Action.REMOVE: _REVIEWER,
    Action.SEE_FIGURES: _REVIEWER | _ADMIN,
    Action.MANAGE_PEOPLE: _ADMIN,
    Action.MANAGE_SITE: _ADMIN,
    Action.SEE_AUDIT: _ADMIN,
}
"""Who may do what. An admin sees nothing of a patient unless they are a reader too."""


def may(roles: Iterable[Role], action: Action) -> bool:
    """Return whether somebody with these roles may do this."""
    return not MATRIX[action].isdisjoint(roles)


def roles_of(words: str) -> frozenset[Role]:
    """Return the roles that a column of the database names; a word that is none counts nothing."""
    known = {role.value: role for role in Role}
    return frozenset(known[word] for word in words.split() if word in known)


def words_of(roles: Collection[Role]) -> str:
    """Return roles as a column of the database holds them."""
    return " ".join(role.value for role in Role if role in roles)
