"""The note encoder learns from texts what stands beside what, the same way each time, once."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from mmcore.errors import ConfigError
from mmcore.modalities.note import NoteConfig, build
from mmcore.modalities.note_encoders import BertNoteEncoder
from mmcore.train import pretrain as module
from mmcore.train.pretrain import (
    NOT_ASKED,
    Corpus,
    Guesser,
    Pretrained,
    crops,
    mask_tokens,
    pretrain,
    read_corpus,
)
from mmcore.train.tokenizer import MASK, train_tokenizer

SIDES, SIZES = ("left", "right"), ("small", "large", "moderate")
TEXTS = tuple(
    f"{size} effusion on the {side} side with {end} number {number}"
    for number in range(12)
    for side, end in zip(SIDES, ("oedema", "fever"), strict=True)
    for size in SIZES
)


def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, vocab_size=200)


def config(**changes: object) -> NoteConfig:
    arguments = {"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 1,
                 "num_attention_heads": 2, "intermediate_size": 16}  # fmt: skip
    return NoteConfig(**{"max_tokens": 16, "name": "bert", "arguments": arguments, **changes})  # type: ignore[arg-type]


def fresh() -> BertNoteEncoder:
    torch.manual_seed(1)
    encoder = build(config(), 8)
    assert isinstance(encoder, BertNoteEncoder)
    return encoder


def learn(folder: Path, *, epochs: int = 2, seed: int = 5) -> tuple[BertNoteEncoder, Pretrained]:
    encoder = fresh()
    corpus = read_corpus(TEXTS, tokenizer(), config())
    return encoder, pretrain(encoder, corpus, epochs=epochs, seed=seed, cache=folder / "text.pt")


# --- what is asked ---


def test_new_tokenizers_have_the_mask_beside_padding_and_unknown() -> None:
    assert [tokenizer().id_to_token(i) for i in range(3)] == ["[PAD]", "[UNK]", MASK]


def test_fifteen_in_a_hundred_tokens_are_asked_and_most_of_them_are_hidden() -> None:
    corpus = Corpus((), 500, 0, 2, torch.arange(3, 1000))
    ids = torch.full((400, 500), 7)
    ids[:, 250:] = 0
    read, truth = mask_tokens(ids, corpus, torch.Generator().manual_seed(0))
    asked = truth != NOT_ASKED
    assert not asked[:, 250:].any()  # nobody guesses padding
    assert asked[:, :250].float().mean().item() == pytest.approx(0.15, abs=0.005)
    assert torch.equal(truth[asked], ids[asked])
    assert torch.equal(read[~asked], ids[~asked])
    seen = read[asked]
    shares = [(seen == 2), (seen == 7), (seen != 2) & (seen != 7)]
    assert [s.float().mean().item() for s in shares] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert seen.min() >= 2


def test_a_long_text_is_read_in_as_many_crops_as_would_cover_it() -> None:
    corpus = Corpus((), 4, 0, 2, torch.arange(3, 9))
    texts = [torch.arange(10, 20), torch.arange(30, 32)]
    (batch,) = crops(texts, corpus, torch.Generator().manual_seed(0))
    rows = sorted(batch.tolist())
    assert len(rows) == 4  # three crops of ten tokens, one of two
    assert rows[-1] == [30, 31, 0, 0]
    assert all(row == list(range(row[0], row[0] + 4)) for row in rows[:3])


def test_words_that_the_model_may_not_read_are_not_learned_from() -> None:
    plain = read_corpus(TEXTS, tokenizer(), config())
    masked = read_corpus(TEXTS, tokenizer(), config(masked=("effusion",)))
    word = tokenizer().token_to_id("effusion")
    assert word is not None
    assert any((ids == word).any() for ids in plain.ids)
    assert not any((ids == word).any() for ids in masked.ids)
    assert word in plain.words
    assert not {0, 1, 2} & set(plain.words.tolist())


def test_a_text_that_comes_twice_is_read_once() -> None:
    assert len(read_corpus(TEXTS + TEXTS, tokenizer(), config()).ids) == len(TEXTS)


def test_a_tokenizer_without_mask_is_refused() -> None:
    from tokenizers import models

    with pytest.raises(ConfigError, match=r"no \[MASK\]"):
        read_corpus(TEXTS, Tokenizer(models.WordPiece(unk_token="[UNK]")), config())


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="no texts"):
        read_corpus(["", "  "], tokenizer(), config())


# --- how it is learned ---


def test_the_encoder_guesses_better_afterwards(tmp_path: Path) -> None:
    encoder, result = learn(tmp_path, epochs=40)
    assert result.after < 0.6 * result.before
    assert len(result.losses) == 41
    assert result.texts == len(TEXTS) - len(TEXTS) // module.HELD_OUT
    assert encoder.training


def test_the_output_table_is_the_input_table() -> None:
    guesser = Guesser(fresh()).eval()
    table = guesser.encoder.words().weight
    assert sum(p.shape == table.shape for p in guesser.parameters()) == 1
    asked = torch.zeros(1, 16, dtype=torch.bool)
    asked[0, 3] = True
    before = guesser(torch.full((1, 16), 7), asked)
    with torch.no_grad():
        table[50] *= 2.0  # a word that is not read
    after = guesser(torch.full((1, 16), 7), asked)
    assert (before != after).nonzero().tolist() == [[0, 50]]


def test_the_same_seed_gives_the_same_weights_and_leaves_chance_alone(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    one, first = learn(tmp_path / "a")
    after = torch.rand(1)
    torch.manual_seed(1)
    fresh()
    assert torch.equal(torch.rand(1), after)  # as if there had been no pre-training
    other, second = learn(tmp_path / "b")
    assert first == second
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    assert learn(tmp_path / "c", seed=6)[1] != first


def test_a_resumed_run_takes_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, first = learn(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_pretrain", lambda *_, **__: pytest.fail("learned again"))
        other, again = learn(tmp_path)
    assert again == first
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_what_other_settings_gave_is_not_taken(tmp_path: Path) -> None:
    _, first = learn(tmp_path, epochs=1)
    _, again = learn(tmp_path, epochs=2)
    assert len(first.losses) == 2
    assert len(again.losses) == 3
