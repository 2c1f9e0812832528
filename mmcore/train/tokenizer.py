"""A WordPiece tokenizer learned from the training notes, with every ASCII character known.

The same texts give the same tokenizer, which a resumed run relies on: it learns its tokenizer again
and must find the ids that its weights were trained with. The trainer of the library ``tokenizers``
does not promise that (0.23 numbers pieces in the order of a hash table, and ties fall by chance),
so the pieces are learned here and the library only applies them.
"""

import heapq
import string
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from mmcore.errors import ConfigError

PAD, UNKNOWN, MASK = "[PAD]", "[UNK]", "[MASK]"
SPECIAL = (PAD, UNKNOWN, MASK)
INSIDE = "##"  # before a piece that does not start a word


def train_tokenizer(notes: Sequence[str], *, vocab_size: int) -> Tokenizer:
    """Return a lower-casing WordPiece tokenizer; ``[PAD]`` has id 0, ``[MASK]`` id 2.

    Only pre-training reads ``[MASK]`` (mmcore/train/pretrain.py).
    Source: Schuster and Nakajima 2012, as in BERT (Devlin et al. 2019).
    """
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts = Counter(
        word
        for note in notes
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(note))
    )
    pieces = learn_pieces(counts, size=vocab_size - len(SPECIAL))
    vocabulary = {piece: i for i, piece in enumerate((*SPECIAL, *pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def read_tokenizer(folder: Path, *, vocab_size: int, pad_id: int) -> Tokenizer:
    """Return the tokenizer of a local transformers encoder, without its own cutting.

    Raises ``ConfigError`` if there is none or it does not fit the note section of the model.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises bare Exception
        problem = f"{folder.name!r} holds no readable tokenizer.json"
        raise ConfigError(key="start.note", problem=problem) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if tokenizer.get_vocab_size() > vocab_size:
        problem = f"is {vocab_size}; the tokenizer has {tokenizer.get_vocab_size()} word pieces"
        raise ConfigError(key="model.note.arguments.vocab_size", problem=problem)
    if tokenizer.token_to_id(PAD) != pad_id:
        problem = f"is {pad_id}; {PAD} of the tokenizer is {tokenizer.token_to_id(PAD)}"
        raise ConfigError(key="model.note.pad_id", problem=problem)
    return tokenizer


def learn_pieces(counts: Mapping[str, int], *, size: int) -> list[str]:
    """Return up to ``size`` pieces of the words counted: all characters, then frequent joints.

    Again and again the two neighbours that stand together most often become one piece; of equally
    frequent ones the first in the order of characters. Characters are never left out, even if they
    are more than ``size``.
    """
    words = [[word[0], *(INSIDE + c for c in word[1:])] for word in sorted(counts)]
    times = [counts[word] for word in sorted(counts)]
    known = sorted({*string.printable[:94], *(c for word in counts for c in word)})
    known += sorted({piece for word in words for piece in word if piece not in set(known)})
    result = dict.fromkeys(known)
    pairs: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += times[row]
            places[pair].add(row)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap and len(result) < size:
        count, pair = heapq.heappop(heap)
        if pairs[pair] != -count or not count:
            continue  # an entry from before a joint took some of its places
        joint = pair[0] + pair[1].removeprefix(INSIDE)
        result[joint] = None
        changed: set[tuple[str, str]] = set()
        for row in places.pop(pair):
            before = words[row]
            words[row] = after = _joined(before, pair, joint)
            for sign, pieces in ((-1, before), (1, after)):
                for near in pairwise(pieces):
                    pairs[near] += sign * times[row]
                    changed.add(near)
                    if sign == 1:
                        places[near].add(row)
        for near in changed:
            heapq.heappush(heap, (-pairs[near], near))
    return list(result)


def _joined(word: Sequence[str], pair: tuple[str, str], joint: str) -> list[str]:
    result: list[str] = []
    for piece in word:
        if result and (result[-1], piece) == pair:
            result[-1] = joint
        else:
            result.append(piece)
    return result
