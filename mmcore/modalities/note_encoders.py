"""Text encoders: a fixed number of token ids in, one token for each out, padding visible."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.modalities.channel import Encoder
from mmcore.modalities.recurrent import CellKind, Recurrent
from mmcore.model.vision import import_torchvision

if TYPE_CHECKING:
    from mmcore.modalities.note import NoteConfig

SHORTEST_PART = 15  # tokens of a note that still count as one


class NoteEncoder(Encoder):
    """What all note encoders share: token ids in, padding that is visible (ADR 0003).

    Padding is not masked: an empty note is then the same input for every note length, so that
    "no note", "baseline note" and the start of the attribution path are one thing.
    """

    def __init__(self, config: "NoteConfig") -> None:
        super().__init__()
        self._length = config.max_tokens
        self._padding = config.pad_id

    def words(self) -> nn.Embedding:
        """Return the table of word embeddings, one row per token id."""
        raise NotImplementedError

    def embed(self, inputs: Tensor) -> Tensor:
        """Return (B, T, E) word embeddings for (B, T) token ids."""
        return cast(Tensor, self.words()(inputs))

    def baseline_input(self) -> Tensor:
        """Return the empty note: nothing but padding."""
        return torch.full((self._length,), self._padding, dtype=torch.long)

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Leave padding out."""
        return (inputs != self._padding).to(tokens.dtype)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return (B, T) ids of which 5 % became padding."""
        is_lost = torch.rand(inputs.shape, generator=generator) < 0.05
        return inputs.masked_fill(is_lost, self._padding)

    def leave_out(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return of each note one run of at least ``SHORTEST_PART`` tokens, moved to the start."""
        parts = torch.full_like(inputs, self._padding)
        for row, note in enumerate(inputs):
            length = int((note != self._padding).sum())
            share = float(torch.rand(1, generator=generator))
            keep = min(length, max(SHORTEST_PART, round(share * length)))
            start = round(float(torch.rand(1, generator=generator)) * (length - keep))
            parts[row, :keep] = note[start : start + keep]
        return parts


def import_transformers() -> ModuleType:
    """Return transformers. Its models import torchvision, which must be importable first."""
    import_torchvision()
    import transformers

    return transformers


class BertNoteEncoder(NoteEncoder):
    """A BERT over a fixed number of tokens. arguments: of ``transformers.BertConfig``."""

    def __init__(self, config: "NoteConfig", embed_dim: int) -> None:
        super().__init__(config)
        transformers = import_transformers()
        self.bert = transformers.BertModel(
            transformers.BertConfig(max_position_embeddings=config.max_tokens, **config.arguments),
            add_pooling_layer=False,
        )
        self.projection = nn.Linear(self.bert.config.hidden_size, embed_dim)

    def words(self) -> nn.Embedding:
        """Return BERT's own table."""
        return cast(nn.Embedding, self.bert.embeddings.word_embeddings)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, T, E) word embeddings."""
        hidden = self.bert(inputs_embeds=embedded).last_hidden_state
        return cast(Tensor, self.projection(hidden))


class AutoNoteEncoder(NoteEncoder):
    """Any encoder that transformers knows, from a local folder. Nothing is ever fetched.

    ``NoteConfig.folder`` gives weights to start from; ``arguments`` hold the folder's
    ``config.json``, so that a pack needs the folder no more. Only safetensors are read, and no
    code that comes with a model is run.
    """

    def __init__(self, config: "NoteConfig", embed_dim: int) -> None:
        super().__init__(config)
        transformers = import_transformers()
        values = dict(config.arguments)
        known = transformers.AutoConfig.for_model(values.pop("model_type"), **values)
        if known.is_encoder_decoder:
            raise ConfigError(key="note.arguments", problem="an encoder without decoder is needed")
        places = getattr(known, "max_position_embeddings", config.max_tokens)
        if places < config.max_tokens:
            problem = f"the encoder has places for {places} tokens only"
            raise ConfigError(key="note.max_tokens", problem=problem)
        if config.folder:
            try:
                self.encoder = transformers.AutoModel.from_pretrained(
                    config.folder, config=known, local_files_only=True, use_safetensors=True,
                    trust_remote_code=False, dtype=torch.float32,
                )  # fmt: skip
            except (OSError, ValueError) as error:
                raise ConfigError(key="note.folder", problem=str(error)) from error
        else:
            self.encoder = transformers.AutoModel.from_config(known)
        # The vector for a whole text is not read; parameters that nothing trains have no place.
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None
        self.projection = nn.Linear(known.hidden_size, embed_dim)

    def words(self) -> nn.Embedding:
        """Return the encoder's own table."""
        return cast(nn.Embedding, self.encoder.get_input_embeddings())

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, T, E) word embeddings."""
        hidden = self.encoder(inputs_embeds=embedded).last_hidden_state
        return cast(Tensor, self.projection(hidden))


class RecurrentNoteEncoder(NoteEncoder):
    """Word embeddings and a recurrent network.

    arguments: ``vocab_size``, ``embedding`` (size of a word's vector), ``hidden``, ``layers``,
    ``both_ways`` (whether it also reads from the end). Where words have meaning before training,
    ``load_vectors`` puts it there.
    """

    def __init__(self, config: "NoteConfig", embed_dim: int, kind: CellKind, **usual: int) -> None:
        super().__init__(config)
        values = {**usual, **config.arguments}
        try:
            self.table = nn.Embedding(values.pop("vocab_size"), values.pop("embedding"))
            self.recurrent = Recurrent(kind, self.table.embedding_dim, **values)
        except (TypeError, KeyError) as error:
            raise ConfigError(key="note.arguments", problem=f"unusable: {error}") from error
        self.projection = nn.Linear(self.recurrent.width, embed_dim)

    def words(self) -> nn.Embedding:
        """Return the table that is learned or loaded."""
        return self.table

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, T, E) word embeddings."""
        return cast(Tensor, self.projection(self.recurrent(embedded)))


class LstmNoteEncoder(RecurrentNoteEncoder):
    """Word embeddings and one LSTM that reads from start to end."""

    def __init__(self, config: "NoteConfig", embed_dim: int) -> None:
        super().__init__(config, embed_dim, "lstm", embedding=128, hidden=128, layers=1)


class GruNoteEncoder(RecurrentNoteEncoder):
    """Word vectors of 300 numbers and a GRU of two layers that reads both ways."""

    def __init__(self, config: "NoteConfig", embed_dim: int) -> None:
        super().__init__(
            config, embed_dim, "gru", embedding=300, hidden=128, layers=2, both_ways=True
        )


NOTE_ENCODERS: dict[str, Any] = {
    "bert": BertNoteEncoder,
    "auto": AutoNoteEncoder,
    "lstm": LstmNoteEncoder,
    "gru": GruNoteEncoder,
}


def load_vectors(encoder: NoteEncoder, vocabulary: dict[str, int], path: Path) -> int:
    """Put word vectors of a local text file into the encoder's table; return how many were found.

    path: lines of a word and its numbers, separated by spaces, as word2vec and GloVe write them; a
    first line of two counts is passed over. ``vocabulary``: token to id, as
    ``Tokenizer.get_vocab`` gives it. Words that the file lacks keep their chance vectors, and
    padding keeps its own. Raises ``ConfigError`` if the vectors have another size.
    """
    table = encoder.words().weight
    found = 0
    with path.open(encoding="utf-8", errors="replace") as lines, torch.no_grad():
        for line in lines:
            word, *numbers = line.rstrip().split(" ")
            row = vocabulary.get(word)
            if row is None or word == "[PAD]" or len(numbers) == 1:
                continue
            try:
                vector = torch.tensor([float(number) for number in numbers])
            except ValueError as error:
                raise ConfigError(key=path.name, problem=f"{word!r} has no numbers") from error
            if len(vector) != table.shape[1] or not bool(vector.isfinite().all()):
                problem = f"{word!r} has no vector of {table.shape[1]} finite numbers"
                raise ConfigError(key=path.name, problem=problem)
            table[row] = vector
            found += 1
    return found
