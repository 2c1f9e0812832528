"""Masked-language pre-training: the note encoder reads plain texts before it is shown a label.

15 % of the tokens are to be guessed from the others; of these 80 % read ``[MASK]``, 10 % another
word piece and 10 % themselves, so that the encoder can not tell which ones are asked for (Devlin
et al. 2019). What is guessed is told by the table of word embeddings itself (Press and Wolf 2017),
so that rare words get gradients from both sides.

Texts are read as notes are: blanked where ``NoteConfig.masked`` says so, cut to ``max_tokens`` and
padded with visible padding (ADR 0003). Padding is never asked for.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from mmcore.errors import ConfigError
from mmcore.modalities.note import NoteConfig, mask_text
from mmcore.modalities.note_encoders import BertNoteEncoder
from mmcore.train.tokenizer import MASK

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ASKED = 0.15  # of the tokens; Devlin et al. 2019
HELD_OUT = 20  # one text in so many is not learned from and judges
BATCH = 32
# For small encoders over few steps. Of 12 epochs of 3,287 reports with 96 hidden units the held-out
# loss was 3.87 at 5e-3 in batches of 32, 4.07 at 2e-3 of 16, 4.26 at 1e-3 of 8; 8.33 before.
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.01
WARMUP = 0.1  # of the steps
LARGE = 192  # hidden units from which on the rate of large encoders is taken
LARGE_RATE = 1e-4  # Devlin et al. 2019
NOT_ASKED = -100  # what cross-entropy leaves out


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Texts as token ids, each (T,) int64 of its own length, and what reading them needs.

    length: tokens that the encoder reads at once. words: ids that stand for something, from
        which other word pieces are drawn.
    """

    ids: tuple[Tensor, ...]
    length: int
    pad_id: int
    mask_id: int
    words: Tensor


@dataclass(frozen=True, slots=True)
class Pretrained:
    """How pre-training went, for the card.

    losses: mean negative log-likelihood (nats) of a masked token of texts that were not learned
        from, before pre-training and after each epoch. texts: distinct ones that were learned from.
    """

    losses: tuple[float, ...]
    texts: int

    @property
    def before(self) -> float:
        """The loss of the encoder that training would have started with."""
        return self.losses[0]

    @property
    def after(self) -> float:
        """The loss of the encoder that training starts with."""
        return self.losses[-1]


def read_corpus(texts: Sequence[str], tokenizer: "Tokenizer", config: NoteConfig) -> Corpus:
    """Return the distinct texts as the note encoder reads them.

    Raises ``ConfigError`` if the tokenizer has no ``[MASK]`` or there are too few texts.
    """
    mask_id = tokenizer.token_to_id(MASK)
    if mask_id is None:
        raise ConfigError(key="start.text_epochs", problem=f"the tokenizer has no {MASK}")
    distinct = list(dict.fromkeys(mask_text(text, config.masked) for text in texts))
    encoded = tokenizer.encode_batch(distinct, add_special_tokens=False)
    ids = tuple(torch.tensor(x.ids, dtype=torch.long) for x in encoded if x.ids)
    if len(ids) < 2:
        raise ConfigError(key="start.text_epochs", problem="there are no texts to learn from")
    special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    words = [i for i in sorted(tokenizer.get_vocab().values()) if i not in special]
    return Corpus(ids, config.max_tokens, config.pad_id, mask_id, torch.tensor(words))


def pretrain(
    encoder: BertNoteEncoder, corpus: Corpus, *, epochs: int, seed: int, cache: Path
) -> Pretrained:
    """Pre-train ``encoder`` in place, on its own device.

    A function of its arguments alone, and it leaves the global random numbers as they were. With
    the same arguments as those of ``cache``, what was learned then is taken from there.
    """
    given = _fingerprint(encoder, corpus, epochs=epochs, seed=seed)
    if cache.exists():
        stored = torch.load(cache, map_location="cpu", weights_only=True)
        if stored["given"] == given:
            encoder.bert.load_state_dict(stored["bert"])
            return Pretrained(tuple(stored["losses"]), stored["texts"])
    device = encoder.words().weight.device
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        result = _pretrain(encoder, corpus, epochs=epochs, seed=seed)
    partial = cache.with_suffix(".partial")
    bert = {name: tensor.cpu() for name, tensor in encoder.bert.state_dict().items()}
    torch.save(
        {"given": given, "bert": bert, "losses": list(result.losses), "texts": result.texts},
        partial,
    )
    partial.rename(cache)
    return result


def read_pretrained(cache: Path) -> Pretrained | None:
    """Return how the pre-training that ``cache`` holds went, or None where there is none."""
    if not cache.exists():
        return None
    stored = torch.load(cache, map_location="cpu", weights_only=True)
    return Pretrained(tuple(stored["losses"]), stored["texts"])


class Guesser(nn.Module):
    """The encoder with a head that says which word piece stood at a place; the head is not kept."""

    def __init__(self, encoder: BertNoteEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        words, width = encoder.words().weight.shape
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words))
        self.to(encoder.words().weight.device)

    def forward(self, read: Tensor, asked: Tensor) -> Tensor:
        """Return (n, V) logits of the n places where ``asked`` (B, T) is true, in row order."""
        hidden = self.encoder.bert(inputs_embeds=self.encoder.embed(read)).last_hidden_state
        return functional.linear(
            self.transform(hidden[asked]), self.encoder.words().weight, self.bias
        )


def mask_tokens(ids: Tensor, corpus: Corpus, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (B, T) what is read and (B, T) what is to be guessed, ``NOT_ASKED`` elsewhere."""
    draw = torch.rand(ids.shape, generator=generator)
    kind = torch.rand(ids.shape, generator=generator)
    others = torch.randint(len(corpus.words), ids.shape, generator=generator)
    asked = (draw < ASKED) & (ids != corpus.pad_id)
    read = torch.where(asked & (kind < 0.8), corpus.mask_id, ids)
    read = torch.where(asked & (kind >= 0.9), corpus.words[others], read)
    return read, torch.where(asked, ids, NOT_ASKED)


def crops(texts: Sequence[Tensor], corpus: Corpus, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield (B, T) padded ids: as many random crops of each text as would cover it, shuffled."""
    rows = [row for row, text in enumerate(texts) for _ in range(-(-len(text) // corpus.length))]
    order = torch.randperm(len(rows), generator=generator).tolist()
    for first in range(0, len(order), BATCH):
        batch = torch.full((len(order[first : first + BATCH]), corpus.length), corpus.pad_id)
        for line, place in enumerate(order[first : first + BATCH]):
            text = texts[rows[place]]
            spare = max(0, len(text) - corpus.length)
            start = int(torch.randint(spare + 1, (1,), generator=generator))
            piece = text[start : start + corpus.length]
            batch[line, : len(piece)] = piece
        yield batch


def _pretrain(encoder: BertNoteEncoder, corpus: Corpus, *, epochs: int, seed: int) -> Pretrained:
    order = torch.randperm(len(corpus.ids), generator=_random(seed, 0)).tolist()
    kept = max(1, len(order) // HELD_OUT)
    held_out = [corpus.ids[i] for i in order[:kept]]
    learned = [corpus.ids[i] for i in order[kept:]]
    guesser = Guesser(encoder)
    large = encoder.words().weight.shape[1] >= LARGE
    rate = LARGE_RATE if large else LEARNING_RATE
    matrices = [p for p in guesser.parameters() if p.ndim > 1]
    vectors = [p for p in guesser.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=rate, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY,
    )  # fmt: skip
    windows = sum(-(-len(text) // corpus.length) for text in learned)
    steps = epochs * math.ceil(windows / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, steps))
    was_training = encoder.training
    losses = [judge(guesser, held_out, corpus, seed=seed)]
    with tqdm(total=steps, desc="reading", unit="step", mininterval=5) as bar:
        for epoch in range(1, epochs + 1):
            guesser.train()
            generator = _random(seed, epoch)
            for ids in crops(learned, corpus, generator):
                cost, count = _cost(guesser, *mask_tokens(ids, corpus, generator))
                if count:
                    optimizer.zero_grad(set_to_none=True)
                    torch.autograd.backward(cost / count)
                    nn.utils.clip_grad_norm_(guesser.parameters(), 1.0)
                    optimizer.step()
                schedule.step()
                bar.update()
            losses.append(judge(guesser, held_out, corpus, seed=seed))
            bar.set_postfix_str(f"held out {losses[-1]:.3f}")
    encoder.train(was_training)
    return Pretrained(tuple(losses), len(learned))


def judge(guesser: Guesser, texts: Sequence[Tensor], corpus: Corpus, *, seed: int) -> float:
    """Return the mean loss per masked token, with the same crops and masks each time."""
    guesser.eval()
    generator = _random(seed, -1)
    whole, asked = 0.0, 0
    with torch.inference_mode():
        for ids in crops(texts, corpus, generator):
            cost, count = _cost(guesser, *mask_tokens(ids, corpus, generator))
            whole, asked = whole + float(cost), asked + count
    return whole / max(asked, 1)


def _cost(guesser: Guesser, read: Tensor, truth: Tensor) -> tuple[Tensor, int]:
    """Return the summed loss and over how many tokens."""
    device = guesser.bias.device
    asked = truth != NOT_ASKED
    logits = guesser(read.to(device), asked.to(device))
    cost = functional.cross_entropy(logits, truth[asked].to(device), reduction="sum")
    return cost, int(asked.sum())


def _factor(step: int, steps: int) -> float:
    """Return linear warm-up, then linear decay to nothing, as in BERT."""
    warmup = max(1, round(WARMUP * steps))
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))


def _random(seed: int, part: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + part + 1)


def _fingerprint(encoder: BertNoteEncoder, corpus: Corpus, *, epochs: int, seed: int) -> str:
    """Return a digest of everything that pre-training is a function of."""
    digest = hashlib.sha256(f"{epochs}/{seed}/{corpus.length}/{corpus.mask_id}".encode())
    for ids in corpus.ids:
        digest.update(ids.numpy().tobytes() + b"|")
    for tensor in encoder.bert.state_dict().values():
        digest.update(cast(Tensor, tensor).cpu().numpy().tobytes())
    return digest.hexdigest()
