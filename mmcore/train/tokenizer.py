"""A WordPiece tokenizer learned from the training notes, with every ASCII character known."""

import string
from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

PAD, UNKNOWN = "[PAD]", "[UNK]"


def train_tokenizer(notes: Sequence[str], *, vocab_size: int) -> Tokenizer:
    """Return a lower-casing WordPiece tokenizer; ``[PAD]`` has id 0.

    Source: Schuster and Nakajima 2012, as in BERT (Devlin et al. 2019).
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, UNKNOWN],
        initial_alphabet=list(string.printable[:94]),
        show_progress=False,
    )
    tokenizer.train_from_iterator(notes, trainer)
    return tokenizer
