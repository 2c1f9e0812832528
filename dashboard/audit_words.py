"""The words for what the audit says that happened."""

from collections import Counter
from collections.abc import Iterator, Mapping

from dashboard.language import Text, say, word
from mmcore.records import GateVerdict
from mmcore.store import EventKind
from mmcore.wording import TRUST_WORDS

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
    EventKind.BACKED_UP: say("backed up"),
    EventKind.PUT_BACK: say("put back from a backup"),
    EventKind.MOVED: say("moved to another database"),
    EventKind.EXPORTED: say("exported"),
    EventKind.DEIDENTIFIED: say("de-identified files taken out"),
    EventKind.ASSIGNED: say("reader assigned"),
    EventKind.URGENCY: say("urgency changed"),
}


def of_kind(kind: str) -> str:
    """Return what a kind of entry is called; one that this version does not know as it is."""
    return _HAPPENED.get(kind, kind)


_NAMES: dict[str, Text] = {
    "digest": say("digest"),
    "version": say("version"),
    "image": say("image"),
    "whose": say("of"),
    "response": say("response"),
    "read_first": say("read first"),
    "gate": say("gate"),
    "files": say("files"),
    "made_at": say("made at"),
    "database": say("database"),
}
_WHAT: dict[str, Text] = {
    "worklist": say("worklist"),
    "urgent": say("urgent"),
    "not urgent": say("not urgent"),
    "another key": say("another key"),
}
_SHOWN_DIGITS = 16  # of a digest; the whole one is in what is taken out


def of_details(details: Mapping[str, object]) -> tuple[Text, ...]:
    """Return the details of an entry, each whole; of the gate, how often it said what."""
    return tuple(_details(details))


def _details(details: Mapping[str, object]) -> Iterator[Text]:
    for name, value in details.items():
        if name == "gate" and isinstance(value, Mapping):
            counted = Counter(map(str, value.values()))
            for verdict, number in sorted(counted.items()):
                yield say("{verdict}: {n}", verdict=_verdict(verdict), n=number)
        elif name == "what":
            yield _WHAT.get(str(value), word(str(value)))
        elif value not in ("", None):
            yield say("{name} {value}", name=_NAMES.get(name, name), value=_value(value))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    words = str(value)
    is_digest = len(words) == 64 and all(one in "0123456789abcdef" for one in words)
    return words[:_SHOWN_DIGITS] if is_digest else _verdict(words)


def _verdict(words: str) -> str:
    known = words in set(GateVerdict)
    return TRUST_WORDS[GateVerdict(words)] if known else words
