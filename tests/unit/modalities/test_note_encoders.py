"""Text encoders: where their words come from, and that a pack remembers no folder."""

import json
from pathlib import Path

import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.modalities import note
from mmcore.modalities.note import NoteConfig
from mmcore.modalities.note_encoders import RecurrentNoteEncoder, import_transformers, load_vectors
from mmcore.model.config import plain, read_section

TINY = {"vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 8, "max_position_embeddings": 16}  # fmt: skip


def saved_encoder(folder: Path) -> torch.nn.Module:
    transformers = import_transformers()
    torch.manual_seed(4)
    model = transformers.BertModel(transformers.BertConfig(**TINY))
    model.save_pretrained(folder)
    return model


def test_a_local_encoder_brings_its_weights(tmp_path: Path) -> None:
    model = saved_encoder(tmp_path)
    encoder = note.build(NoteConfig(max_tokens=16, name="auto", folder=str(tmp_path)), 8)
    theirs = model.embeddings.word_embeddings.weight
    assert torch.equal(encoder.words().weight, theirs)


def test_a_pack_knows_the_architecture_and_forgets_the_folder(tmp_path: Path) -> None:
    saved_encoder(tmp_path)
    config = NoteConfig(max_tokens=16, name="auto", folder=str(tmp_path))
    written = json.loads(json.dumps(plain(config)))
    assert str(tmp_path) not in json.dumps(written)
    again = read_section(NoteConfig, written, where="note")
    assert again == config
    shapes = {k: v.shape for k, v in note.build(config, 8).state_dict().items()}
    assert {k: v.shape for k, v in note.build(again, 8).state_dict().items()} == shapes


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        NoteConfig(max_tokens=16, name="auto", folder=str(tmp_path))


def test_weights_that_are_pickled_are_not_read(tmp_path: Path) -> None:
    model = saved_encoder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    config = NoteConfig(max_tokens=16, name="auto", folder=str(tmp_path))
    with pytest.raises(ConfigError, match="safetensors"):
        note.build(config, 8)


def test_an_encoder_that_is_too_short_for_the_note_is_refused() -> None:
    config = NoteConfig(max_tokens=17, name="auto", arguments={"model_type": "bert", **TINY})
    with pytest.raises(ConfigError, match="16 tokens only"):
        note.build(config, 8)


@pytest.mark.parametrize(
    ("name", "arguments", "key"),
    [
        ("rnn", {"vocab_size": 9}, "rnn"),
        ("gru", {}, "vocab_size"),
        ("auto", TINY, "model_type"),
    ],
)
def test_what_a_configuration_lacks_is_named(
    name: str, arguments: dict[str, object], key: str
) -> None:
    with pytest.raises(ConfigError, match=key):
        NoteConfig(max_tokens=8, name=name, arguments=arguments)


def test_an_argument_that_the_network_lacks_is_refused() -> None:
    config = NoteConfig(max_tokens=8, name="lstm", arguments={"vocab_size": 9, "heads": 2})
    with pytest.raises(ConfigError, match="heads"):
        note.build(config, 8)


def test_word_vectors_of_a_file_become_the_words(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("2 3\nfever 1 2 3\nunheard 9 9 9\n[PAD] 7 7 7\n", "utf-8")
    config = NoteConfig(max_tokens=8, name="gru", arguments={"vocab_size": 4, "embedding": 3})
    encoder = note.build(config, 8)
    before = encoder.words().weight.detach().clone()
    assert load_vectors(encoder, {"[PAD]": 0, "[UNK]": 1, "fever": 2, "cough": 3}, path) == 1
    after = encoder.words().weight
    assert after[2].tolist() == [1.0, 2.0, 3.0]
    assert torch.equal(after[[0, 1, 3]], before[[0, 1, 3]])


@pytest.mark.parametrize("line", ["fever 1 2", "fever 1 2 x", "fever 1 2 nan"])
def test_word_vectors_that_do_not_fit_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(line, "utf-8")
    config = NoteConfig(max_tokens=8, name="gru", arguments={"vocab_size": 4, "embedding": 3})
    with pytest.raises(ConfigError, match="fever"):
        load_vectors(note.build(config, 8), {"fever": 2}, path)


def test_a_recurrent_network_tells_the_order_of_words() -> None:
    config = NoteConfig(max_tokens=4, name="lstm", arguments={"vocab_size": 9, "hidden": 8})
    torch.manual_seed(0)
    encoder = note.build(config, 8).eval()
    one, other = torch.tensor([[2, 3, 0, 0]]), torch.tensor([[3, 2, 0, 0]])
    last = [encoder(encoder.embed(ids))[0, -1] for ids in (one, other)]
    assert not torch.allclose(last[0], last[1], atol=1e-3)


def test_recurrent_cells_are_told_that_they_train_for_the_sake_of_gradients() -> None:
    config = NoteConfig(max_tokens=4, name="gru", arguments={"vocab_size": 9, "hidden": 8})
    encoder = note.build(config, 8).eval()
    assert isinstance(encoder, RecurrentNoteEncoder)
    assert not encoder.training
    assert encoder.recurrent.cells.training
    assert encoder.recurrent.cells.dropout == 0.0  # so that it makes no difference
