"""What an admin does and sees: each asks for the right to it, whatever the page has drawn."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from dashboard import people
from mmcore.audit import Entry, Fault, Head, anchors
from mmcore.audit.anchors import Noted
from mmcore.audit.checking import checked
from mmcore.audit.figures import Figures, figures
from mmcore.people import Account, Action, Role
from mmcore.store import EventKind, Store


@dataclass(frozen=True, slots=True)
class AuditState:
    """What is known of the audit without looking through it. file: where heads are noted."""

    head: Head | None
    noted: tuple[Noted, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class Checked:
    """What looking through the whole audit found. compared: with so many noted heads."""

    count: int
    faults: tuple[Fault, ...]
    compared: int


def accounts() -> tuple[Account, ...]:
    """Return every account. Raises ``NotAllowedError``."""
    people.require(Action.MANAGE_PEOPLE)
    return people.everybody().accounts()


def add_account(
    name: str, display: str, roles: Collection[Role], *, is_supervised: bool = False
) -> str:
    """Make an account; return the password for its first signing in. Raises ``PeopleError``."""
    admin = people.require(Action.MANAGE_PEOPLE)
    return people.everybody().add(admin, name, display, roles, is_supervised=is_supervised)


def set_roles(account_id: str, roles: Collection[Role]) -> None:
    """Give an account these roles alone. Raises ``PeopleError``."""
    people.everybody().set_roles(people.require(Action.MANAGE_PEOPLE), account_id, roles)


def set_supervised(account_id: str, *, is_supervised: bool) -> None:
    """Let the reports of an account ask for a co-signature, or not. Raises ``PeopleError``."""
    admin = people.require(Action.MANAGE_PEOPLE)
    people.everybody().set_supervised(admin, account_id, is_supervised=is_supervised)


def set_disabled(account_id: str, *, is_disabled: bool) -> None:
    """Let an account in no longer, or again. Raises ``PeopleError``."""
    admin = people.require(Action.MANAGE_PEOPLE)
    people.everybody().set_disabled(admin, account_id, is_disabled=is_disabled)


def renew_password(account_id: str) -> str:
    """Return a new password for an account's next signing in. Raises ``PeopleError``."""
    return people.everybody().renew_password(people.require(Action.MANAGE_PEOPLE), account_id)


def used() -> Figures | None:
    """Return the figures of use; None where nothing is kept. Raises ``NotAllowedError``."""
    people.require(Action.SEE_FIGURES)
    store = people.journal()
    return None if store is None else figures(store.journal.entries())


def audit_state() -> AuditState | None:
    """Return where the audit stands; None where there is none. Raises ``NotAllowedError``."""
    people.require(Action.SEE_AUDIT)
    store = people.journal()
    if store is None:
        return None
    file = anchors.file_of(store.place.folder)
    return AuditState(store.journal.head(), anchors.noted(file), file)


def check_audit() -> Checked | None:
    """Look through the whole audit. Raises ``NotAllowedError`` and ``AuditError``."""
    admin = people.require(Action.SEE_AUDIT)
    store = people.journal()
    if store is None:
        return None
    heads = [one.head for one in anchors.noted(anchors.file_of(store.place.folder))]
    count, faults = checked(store.journal, heads)
    _tell(store, admin.id, f"checked, {count} entries, {len(faults)} faults")
    return Checked(count, tuple(faults), len(heads))


def last_entries(number: int) -> tuple[Entry, ...]:
    """Return the last entries of the audit, newest first. Raises ``NotAllowedError``."""
    people.require(Action.SEE_AUDIT)
    store = people.journal()
    return () if store is None else store.journal.last(number)


def audit_file(since: int) -> Callable[[], bytes]:
    """Return what makes a zip of the audit as FHIR Bundles, later and in another thread.

    since: only entries after this number. It is made for who may see the audit at that moment, and
    its being taken is in the audit before. Raises ``NotAllowedError`` and ``StoreError`` then.
    """
    from mmcore.audit.fhir import zipped

    token, whose = people.token(), people.person().id

    def take() -> bytes:
        admin = people.holder(token, Action.SEE_AUDIT, whose).id
        store = people.journal()
        if store is None:
            return zipped(())
        _tell(store, admin, f"taken out as FHIR from entry {since + 1} on")
        return zipped(store.journal.entries(since=since))

    return take


def _tell(store: Store, admin: str, what: str) -> None:
    store.tell(EventKind.AUDIT_USED, "", reader=admin, detail=what)
