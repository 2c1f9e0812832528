"""Whether two files can be about one patient, by name, record number, birth date and sex."""

import re
import unicodedata

from mmcore.intake.parts import Identity

_NOBODY = frozenset({"ANONYMOUS", "ANONYMIZED", "ANONYMISED", "ANON", "DEIDENTIFIED", "UNKNOWN"})


def may_be_same(a: Identity, b: Identity) -> bool:
    """Whether two files can be about one patient: nothing that both state may contradict."""
    if a.birth_date and b.birth_date and a.birth_date != b.birth_date:
        return False
    ids, other_ids = record_numbers(a), record_numbers(b)
    have_ids = bool(ids and other_ids)
    if have_ids and not ids & other_ids:
        return False
    if {a.sex, b.sex} == {"F", "M"} and not have_ids:
        return False  # a shared record number outweighs it, and the disagreement is told
    ours, theirs = name_parts(a.name), name_parts(b.name)
    if not ours or not theirs:
        return True
    if have_ids:  # a shared record number outweighs a married name or another order
        return any(matches(part, theirs) for part in ours)
    few, many = sorted((ours, theirs), key=len)
    return all(matches(part, many) for part in few)


def says_whose(identity: Identity) -> bool:
    """Whether a file says anything that tells its patient from others."""
    return bool(record_numbers(identity) or name_parts(identity.name) or identity.birth_date)


def record_numbers(identity: Identity) -> frozenset[str]:
    """Return the record numbers that are somebody's: not "ANONYMOUS", not "000"."""
    return frozenset(
        number
        for number in identity.patient_ids
        if number.strip(" 0") and number.strip().upper() not in _NOBODY
    )


def name_parts(name: str | None) -> frozenset[str]:
    """Return the words of a name, free of order, case, accents and titles."""
    if not name:
        return frozenset()
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    words = {word for word in re.split(r"[\s^=,.()'-]+", plain.upper()) if word}
    words -= {"MR", "MRS", "MS", "DR"}
    return frozenset() if words & _NOBODY else frozenset(words)


def matches(part: str, others: frozenset[str]) -> bool:
    """Whether a word of a name, or the initial of one, stands among others."""
    return any(
        part == other or (min(len(part), len(other)) == 1 and part[0] == other[0])
        for other in others
    )
