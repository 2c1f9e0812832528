"""Which part of the body, which side and which view a text or a header speaks of.

Words: English, with those of DICOM (PS3.16 CID 4 and annex L) and a few German ones that stand in
headers of films. What is not known here is never taken for a contradiction.
"""

import re
from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, ...]] = {
    "chest": ("chest", "thorax", "lung", "lungs", "cxr", "ribs"),
    "hand": ("hand", "hands", "finger", "fingers", "thumb", "wrist", "metacarpal"),
    "arm": ("elbow", "forearm", "humerus", "arm", "ulna", "radius"),
    "shoulder": ("shoulder", "clavicle", "scapula", "schulter"),
    "leg": ("knee", "femur", "tibia", "fibula", "leg", "thigh", "calf", "patella", "knie"),
    "foot": ("foot", "feet", "ankle", "toe", "toes", "calcaneus", "heel", "fuss"),
    "hip": ("hip", "hips", "pelvis", "becken", "acetabulum"),
    "abdomen": ("abdomen", "abdominal", "kub", "liver", "kidney", "kidneys"),
    "head": ("head", "skull", "brain", "sinus", "sinuses", "jaw", "mandible", "orbit", "orbits"),
    "spine": ("spine", "cspine", "lspine", "tspine", "ssspine", "sacrum", "lws", "bws", "hws"),
    "breast": ("breast", "breasts", "mammography", "mammogram"),
    "neck": ("neck", "larynx", "thyroid"),
}
_PART_OF = {word: part for part, words in _WORDS.items() for word in words}
# Headers of whole bodies and the like fit every part.
_ANY = frozenset({"wholebody", "body", "trunk", "torso"})
_IMAGING = re.compile(
    r"\b(?:x-?rays?|radiographs?|radiography|films?|ct|mri|views?|cxr|mammogra(?:m|phy)|kub)\b",
    re.IGNORECASE,
)
_REACH = 40
_SIDE = re.compile(
    r"\b(right|left)(?:[ -]sided)?[ -](?:[\w-]{1,30}[ ,]{1,3}){0,3}?"
    r"(?:hand|wrist|finger|thumb|elbow|forearm|arm|shoulder|clavicle|knee|leg|thigh|foot|ankle|toe"
    r"|hip|breast|lung|lobe|lower zone|upper zone|mid zone|base|apex|hemithorax|chest|pleura\w*"
    r"|pneumothorax|effusion|kidney)\b",
    re.IGNORECASE,
)
_FRONTAL = re.compile(r"\b(PA|AP)\b(?= |$|[.,;/&])")
_LATERAL_WORDS = re.compile(r"\b(?:lateral|lat|seitlich)\b(?!\s+(?:to|of|wall|aspect|costo))", re.I)
_TECHNIQUE = re.compile(
    r"\b(?P<view>PA|AP|lateral)\b[ ,-]{1,3}(?:[\w-]{1,30}[ ,]{1,3}){0,2}?(?:chest|view|film"
    r"|radiograph|projection|x-?ray|cxr)\b"
    r"|\b(?:chest|cxr|film|radiograph|x-?ray)[ ,:-]{1,3}(?P<after>PA|AP|lateral)\b",
    re.IGNORECASE,
)
_OPPOSITE = {"L": "R", "R": "L"}


def part_of(text: str) -> str | None:
    """Return the part that a header value such as "CHEST" or "C SPINE" means, if it is known."""
    plain = re.sub(r"[^a-z]", "", text.lower())
    if plain in _ANY:
        return None
    if plain in _PART_OF:
        return _PART_OF[plain]
    found = parts_in(text)
    return next(iter(found)) if len(found) == 1 else None


def parts_in(text: str) -> frozenset[str]:
    """Return every part that stands in a short text such as a description."""
    return frozenset(
        _PART_OF[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _PART_OF
    )


def parts_imaged(text: str) -> frozenset[str]:
    """Return the parts that a note says were imaged: those that stand beside the name of a method.

    A note on the chest may speak of the abdomen; only "radiograph of the abdomen" counts.
    """
    found: set[str] = set()
    for match in _IMAGING.finditer(text):
        start, stop = max(0, match.start() - _REACH), match.end() + _REACH
        before = re.split(r"[.;:\n]", text[start : match.start()])[-1]
        after = re.split(r"[.;:\n]", text[match.end() : stop])[0]
        found |= parts_in(f"{before} {match[0]} {after}")
    return frozenset(found)


def sides_in(text: str) -> frozenset[str]:
    """Return the sides, "L" and "R", that a note says something of a paired part of."""
    return frozenset(match[1][0].upper() for match in _SIDE.finditer(text))


def opposite(side: str) -> str:
    """Return the other side of "L" or "R"."""
    return _OPPOSITE[side]


def views_in(description: str) -> frozenset[str]:
    """Return the views that a description names: "PA", "AP", "lateral"."""
    found = {match[1] for match in _FRONTAL.finditer(description.upper())}
    return frozenset(found | ({"lateral"} if _LATERAL_WORDS.search(description) else set()))


def views_taken(text: str) -> frozenset[str]:
    """Return the views that a note says were taken: those that stand beside the name of a film."""
    found = [match["view"] or match["after"] for match in _TECHNIQUE.finditer(text)]
    return frozenset("lateral" if v.lower() == "lateral" else v.upper() for v in found)
