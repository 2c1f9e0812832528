"""Two later forms of one draft, made in two windows, joined by what each of them changed."""

from typing import Any

from mmcore.records import MOST_KEY_IMAGES
from mmcore.store import Json

_DEPTH = {"entries": 2}  # of a draft: entries.nodule is joined no further


def merged(base: Any, mine: Any, theirs: Any, depth: int = 3) -> Any:
    """Return two later forms of one JSON value joined: what I changed is mine, the rest theirs.

    Objects are joined member by member down to ``depth``, pictures one by one. An entry on one
    finding is whole, and so is how one image was left.
    """
    if mine == base or theirs == base:
        return theirs if mine == base else mine
    if depth and isinstance(mine, dict) and isinstance(theirs, dict):
        before = base if isinstance(base, dict) else {}
        joined = {
            name: merged(
                before.get(name), mine.get(name), theirs.get(name), _DEPTH.get(name, depth) - 1
            )
            for name in {**theirs, **mine}
        }
        if "key_images" in joined:
            joined["key_images"] = _pictures(
                *(one.get("key_images", []) for one in (before, mine, theirs))
            )
        return {name: value for name, value in joined.items() if value is not None}
    return mine


def _pictures(base: list[Json], mine: list[Json], theirs: list[Json]) -> list[Json]:
    """Return the pictures of both windows, without those that either took out."""
    was, ours, their = ({one["picture"]: one for one in some} for some in (base, mine, theirs))
    left = {name: merged(was.get(name), ours.get(name), their.get(name)) for name in their | ours}
    return [image for image in left.values() if image is not None][:MOST_KEY_IMAGES]
