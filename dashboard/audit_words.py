"""The words for what the audit says that happened."""

from dashboard.language import Text, say
from mmcore.store import EventKind

_HAPPENED: dict[str, Text] = {
    EventKind.KEPT: say("kept"),
    EventKind.OPENED: say("opened"),
    EventKind.CLOSED: say("closed"),
    EventKind.IMAGE_SEEN: say("image shown"),
    EventKind.ANSWER_SEEN: say("answer seen"),
    EventKind.OTHERS_SEEN: say("others' readings shown"),
    EventKind.SHOWN: say("shown"),
    EventKind.REVEALED: say("revealed"),
    EventKind.DECIDED: say("decided"),
    EventKind.REPORTED: say("report written"),
    EventKind.SIGNED: say("signed"),
    EventKind.ADDED: say("addendum"),
    EventKind.COSIGNED: say("co-signed"),
    EventKind.REMOVED: say("removed"),
    EventKind.RESTORED: say("restored"),
    EventKind.DELETED: say("deleted"),
    EventKind.EXPIRED: say("expired"),
    EventKind.SIGNED_IN: say("signed in"),
    EventKind.SIGNED_OUT: say("signed out"),
    EventKind.SIGN_IN_REFUSED: say("sign-in refused"),
    EventKind.NOT_ALLOWED: say("not allowed"),
    EventKind.LOCKED: say("locked"),
    EventKind.UNLOCKED: say("unlocked"),
    EventKind.PEOPLE_CHANGED: say("people changed"),
    EventKind.SITE_CHANGED: say("site changed"),
    EventKind.AUDIT_USED: say("audit used"),
    EventKind.EXPORTED: say("exported"),
    EventKind.DEIDENTIFIED: say("de-identified files taken out"),
    EventKind.ASSIGNED: say("reader assigned"),
    EventKind.URGENCY: say("urgency changed"),
}


def of_kind(kind: str) -> str:
    """Return what a kind of entry is called; one that this version does not know as it is."""
    return _HAPPENED.get(kind, kind)
