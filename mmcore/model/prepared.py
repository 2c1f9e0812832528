"""What the model reads of a case: the arrays, where they came from, and what was left aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmcore.gate.suitability import choose_image, judge_image
from mmcore.model.config import ModelConfig
from mmcore.model.inputs import (
    PreparedImage,
    PreparedNote,
    PreparedObservations,
    prepare_image,
    prepare_note,
    prepare_observations,
)
from mmcore.records import Case, Instance, Modality, Note

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCase:
    """What the model reads of a case, as arrays, with where each came from."""

    image: PreparedImage | None
    instance: Instance | None
    note: PreparedNote | None
    note_text: str
    observations: PreparedObservations | None
    notices: tuple[str, ...]
    doubts: tuple[str, ...]

    def array(self, modality: Modality) -> npt.NDArray[np.generic] | None:
        """Return the network input of ``modality`` without its batch axis, or None if absent."""
        match modality:
            case Modality.IMAGE:
                return None if self.image is None else self.image.values
            case Modality.NOTE:
                return None if self.note is None else self.note.token_ids
            case Modality.OBSERVATIONS:
                return None if self.observations is None else self.observations.values


def choose_note(notes: Sequence[Note]) -> Note | None:
    """Return the note that the model reads: the latest, or the first if none has a time."""
    dated = [note for note in notes if note.authored_at is not None]
    if dated:
        # Wall-clock times: timestamp() fails on the year 1, which systems write for "unknown".
        return max(dated, key=lambda n: (n.authored_at or datetime.min).replace(tzinfo=None))
    return notes[0] if notes else None


def prepare_case(case: Case, config: ModelConfig, tokenizer: "Tokenizer | None") -> PreparedCase:
    """Return the arrays that a model of ``config`` reads of ``case``."""
    notices: list[str] = []
    doubts: tuple[str, ...] = ()
    image = note = observations = None
    instance, why = choose_image(case.instances)
    if config.image is not None and instance is not None:
        image = prepare_image(instance, config.image)
        doubts = judge_image(instance).doubts
        if len(case.instances) > 1:
            notices.append(f"The model read one of {len(case.instances)} images.")
    elif config.image is not None and case.instances:
        notices.append(f"{why[0].upper()}{why[1:]}.")
    chosen = choose_note(case.notes)
    text = chosen.text if chosen is not None else ""
    if config.note is not None and tokenizer is not None and chosen is not None:
        read = prepare_note(text, tokenizer, config.note)
        note = read if read.spans else None
        if len(case.notes) > 1:
            notices.append(f"The model read one of {len(case.notes)} notes.")
        if read.characters_read < len(text):
            notices.append(
                f"The model read the first {read.characters_read} of {len(text)} "
                "characters of the note."
            )
    if config.observations is not None and case.observations:
        known = prepare_observations(case.observations, config.observations)
        observations = known if any(known.used) else None
    return PreparedCase(
        image=image,
        instance=instance if image is not None else None,
        note=note,
        note_text=text,
        observations=observations,
        notices=tuple(notices),
        doubts=doubts,
    )
