"""Clinical notes: a fixed number of word-piece tokens through a text encoder."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmcore.errors import ConfigError
from mmcore.explain.phrases import sum_by_clause
from mmcore.language import say
from mmcore.modalities.channel import Channel, Evidence, Preparation
from mmcore.modalities.note_encoders import NOTE_ENCODERS, NoteEncoder
from mmcore.modalities.note_encoders import SHORTEST_PART as SHORTEST_PART
from mmcore.records import Case, Modality, Note

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

IntArray = npt.NDArray[np.int64]

LONGEST_WORD = 100  # characters; a longer word is one unknown token
CHARACTERS_PER_TOKEN = 32  # generous: how much of a long note is tokenised at first


@dataclass(frozen=True, slots=True)
class NoteConfig:
    """The note encoder.

    max_tokens: fixed length; shorter notes are padded with visible ``[PAD]`` tokens, so that an
        empty note is one well-defined input for notes of every length.
    name: "bert" (any transformers BERT), "auto" (any transformers encoder), "lstm" or "gru".
    arguments: of that encoder; see ``note_encoders``.
    masked: regular expressions, ignoring case, whose matches the model never gets to read, in
        training and in the clinic alike: words that give the answer away (label leakage).
    pad_id: what stands for padding in the tokenizer of the pack.
    folder: of "auto", a local folder of transformers whose weights training starts from. Its
        ``config.json`` becomes the arguments, and the pack does not remember the folder.
    """

    max_tokens: int
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    masked: tuple[str, ...] = ()
    pad_id: int = 0
    folder: str = field(default="", compare=False, metadata={"is_local": True})

    def __post_init__(self) -> None:
        if self.name not in NOTE_ENCODERS:
            known = ", ".join(NOTE_ENCODERS)
            raise ConfigError(key="note.name", problem=f"{self.name!r} is unknown; known: {known}")
        if self.folder:
            if self.name != "auto":
                raise ConfigError(key="note.folder", problem=f"{self.name!r} reads no folder")
            object.__setattr__(self, "arguments", _read_arguments(Path(self.folder)))
        for key in ("vocab_size", *(["model_type"] if self.name == "auto" else [])):
            if key not in self.arguments:
                raise ConfigError(key=f"note.arguments.{key}", problem="missing")
        object.__setattr__(self, "masked", tuple(self.masked))
        for pattern in self.masked:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(key="note.masked", problem=f"{pattern!r}: {error}") from error

    @property
    def vocab_size(self) -> int:
        """How many word pieces the tokenizer may have."""
        return int(self.arguments["vocab_size"])


def _read_arguments(folder: Path) -> dict[str, Any]:
    """Return the architecture that a folder of transformers holds, as plain values."""
    try:
        values = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(key="note.folder", problem="holds no config.json") from error
    if not isinstance(values, dict):
        raise ConfigError(key="note.folder", problem="its config.json is no mapping")
    names = ("_name_or_path", "transformers_version", "architectures", "auto_map", "torch_dtype",
             "dtype")  # fmt: skip
    return {key: value for key, value in values.items() if key not in names}


@dataclass(frozen=True, slots=True, eq=False)
class PreparedNote:
    """Model input of one note.

    token_ids: (T,) int64, padded. spans: (start, end) characters of each real token.
    characters_read: how much of the text the tokens cover; less than its length if it was cut.
    """

    token_ids: IntArray
    spans: tuple[tuple[int, int], ...]
    characters_read: int
    text: str

    @property
    def values(self) -> IntArray:
        """The token ids."""
        return self.token_ids

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Sum (T, E) attributions by clause."""
        per_token = attribution.sum(1)[: len(self.spans)]
        return Evidence(sum_by_clause(self.text, self.spans, per_token))


def mask_text(text: str, patterns: Sequence[str]) -> str:
    """Return ``text`` of the same length with every match of a pattern blanked out."""
    for pattern in patterns:
        text = re.sub(pattern, lambda m: " " * len(m.group()), text, flags=re.IGNORECASE)
    return text


def prepare_note(text: str, tokenizer: "Tokenizer", config: NoteConfig) -> PreparedNote:
    """Return the token ids of ``text`` with the characters each token came from."""
    seen = mask_text(text, config.masked) if config.masked else text
    encoding = _encode_start(seen, tokenizer, more_than=config.max_tokens)
    ids = encoding.ids[: config.max_tokens]
    spans = tuple((int(start), int(end)) for start, end in encoding.offsets[: config.max_tokens])
    token_ids = np.full(config.max_tokens, config.pad_id, dtype=np.int64)
    token_ids[: len(ids)] = ids
    is_cut = len(encoding.ids) > config.max_tokens
    return PreparedNote(token_ids, spans, spans[-1][1] if is_cut and spans else len(text), text)


def _encode_start(text: str, tokenizer: "Tokenizer", *, more_than: int) -> "Encoding":
    """Return the tokens of ``text``, or of a start of it that has more than ``more_than``.

    Ten megabytes of note cost ten seconds, and the model reads a page of them. A start ends between
    words where it can, so that its tokens are those of the whole.
    """
    length = CHARACTERS_PER_TOKEN * more_than
    while length < len(text):
        stop = max(text.rfind(space, length // 2, length) for space in (" ", "\n"))
        start = text[: stop if stop > 0 else length]
        encoding = tokenizer.encode(start, add_special_tokens=False)
        # Cut inside a word, as in scripts without spaces, the last word's tokens do not count.
        if len(encoding.ids) > more_than + (0 if stop > 0 else LONGEST_WORD):
            return encoding
        length *= 4
    return tokenizer.encode(text, add_special_tokens=False)


def choose_note(notes: Sequence[Note]) -> Note | None:
    """Return the note that the model reads: the latest, or the first if none has a time."""
    dated = [note for note in notes if note.authored_at is not None]
    if dated:
        # Wall-clock times: timestamp() fails on the year 1, which systems write for "unknown".
        return max(dated, key=lambda n: (n.authored_at or datetime.min).replace(tzinfo=None))
    return notes[0] if notes else None


def prepare(case: Case, config: NoteConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Choose the note of the case that the model reads, and read it."""
    chosen = choose_note(case.notes)
    if chosen is None or tokenizer is None:
        return Preparation(None)
    read = prepare_note(chosen.text, tokenizer, config)
    notices = []
    if len(case.notes) > 1:
        notices.append(say("The model read one of {count} notes.", count=len(case.notes)))
    if read.characters_read < len(chosen.text):
        notices.append(
            say(
                "The model read the first {read} of {total} characters of the note.",
                read=read.characters_read,
                total=len(chosen.text),
            )
        )
    return Preparation(read if read.spans else None, tuple(notices))


def build(config: NoteConfig, embed_dim: int) -> NoteEncoder:
    """Return the encoder that the configuration names."""
    encoder: NoteEncoder = NOTE_ENCODERS[config.name](config, embed_dim)
    return encoder


CHANNEL = Channel(Modality.NOTE, NoteConfig, build, prepare)
