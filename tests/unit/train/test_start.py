"""What training starts from fits whole or is refused, and nothing is fetched unasked."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.modalities.image_backbone import build_backbone
from mmcore.modalities.note import NoteConfig, build
from mmcore.modalities.note_encoders import BertNoteEncoder
from mmcore.model.vision import import_timm
from mmcore.packs import find_pack
from mmcore.train import start as module
from mmcore.train.config import StartConfig
from mmcore.train.start import load_image, load_note, locate
from mmcore.train.tokenizer import read_tokenizer, train_tokenizer

ARGUMENTS = {"channels": [8, 8, 8, 8], "stem_width": 8}
BERT = {"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16}  # fmt: skip


def backbone(in_chans: int = 1) -> nn.Module:
    torch.manual_seed(1)
    built: nn.Module = build_backbone("resnet10t", in_chans=in_chans, arguments=ARGUMENTS)
    return built.eval()


def checkpoint(path: Path, in_chans: int = 3, **changes: object) -> nn.Module:
    """Save a classifier as others would, and return it."""
    torch.manual_seed(2)
    made: nn.Module = import_timm().create_model(
        "resnet10t", in_chans=in_chans, num_classes=5, **{**ARGUMENTS, **changes}
    )
    if path.suffix == ".safetensors":
        save_file(made.state_dict(), path)
    else:
        torch.save({"state_dict": made.state_dict(), "epoch": 3}, path)
    return made.eval()


def encoder(**changes: object) -> BertNoteEncoder:
    torch.manual_seed(1)
    built = build(NoteConfig(max_tokens=12, name="bert", arguments={**BERT, **changes}), 8)
    assert isinstance(built, BertNoteEncoder)
    return built.eval()


def transformers_folder(folder: Path, **changes: object) -> nn.Module:
    """Save a BERT as transformers would, with its tokenizer, and return it."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(2)
    made = BertModel(BertConfig(**{**BERT, **changes}))
    made.save_pretrained(folder)
    train_tokenizer(["no effusion"], vocab_size=150).save(str(folder / "tokenizer.json"))
    return made.eval()  # type: ignore[no-any-return]


# --- images ---


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_a_grey_image_is_seen_as_the_colour_checkpoint_sees_it(tmp_path: Path, name: str) -> None:
    made = checkpoint(tmp_path / name)
    own = backbone()
    taken, left_out = load_image(own, tmp_path / name)
    assert sorted(left_out) == ["fc.bias", "fc.weight"]
    assert set(taken) == set(own.state_dict())
    grey = torch.randn(2, 1, 64, 64)
    colour = grey.expand(-1, 3, -1, -1)
    assert torch.allclose(own.forward_features(grey), made.forward_features(colour), atol=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize("in_chans", [1, 3])
def test_as_many_channels_are_taken_as_they_are(tmp_path: Path, in_chans: int) -> None:
    made = checkpoint(tmp_path / "a.safetensors", in_chans=in_chans).state_dict()
    own = backbone(in_chans)
    load_image(own, tmp_path / "a.safetensors")
    for name, value in own.state_dict().items():
        assert torch.equal(value, made[name]), name


def test_other_channels_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a.safetensors", in_chans=1)
    with pytest.raises(ConfigError, match=r"in_chans is 3, of the file 1"):
        load_image(backbone(3), tmp_path / "a.safetensors")


def test_another_architecture_is_refused_by_what_does_not_fit(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a.safetensors", channels=[8, 8, 8, 16])
    with pytest.raises(ConfigError, match=r"start\.image.*layer4.*of the model"):
        load_image(backbone(), tmp_path / "a.safetensors")


@pytest.mark.parametrize(("drop", "add"), [("bn1.weight", None), (None, "extra.weight")])
def test_a_weight_too_few_or_too_many_is_refused(
    tmp_path: Path, drop: str | None, add: str | None
) -> None:
    weights = {k: v.clone() for k, v in checkpoint(tmp_path / "a.pth").state_dict().items()}
    before = {k: v.clone() for k, v in backbone().state_dict().items()}
    if drop:
        del weights[drop]
    if add:
        weights[add] = torch.ones(1)
    torch.save(weights, tmp_path / "b.pth")
    own = backbone()
    with pytest.raises(ConfigError, match=str(drop or add)):
        load_image(own, tmp_path / "b.pth")
    for name, value in own.state_dict().items():
        assert torch.equal(value, before[name])  # nothing was loaded by halves


class Payload:
    """What a pickle could bring along."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_a_file_that_would_run_code_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": Payload()}, tmp_path / "a.pth")
    with pytest.raises(ConfigError, match="holds no plain weights"):
        load_image(backbone(), tmp_path / "a.pth")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04damaged"])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_file_without_weights_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"start\.image"):
        load_image(backbone(), tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        load_image(backbone(), tmp_path / "a.pth")


def test_our_own_backbone_has_no_timm_checkpoint(tmp_path: Path) -> None:
    own = build_backbone("cnn", in_chans=1, arguments={})
    with pytest.raises(ConfigError, match="only a timm backbone"):
        load_image(own, tmp_path)


# --- notes ---


def test_a_note_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    made = transformers_folder(tmp_path)
    own = encoder()
    taken, left_out = load_note(own, tmp_path)
    assert left_out == ["pooler.dense.bias", "pooler.dense.weight"]
    assert len(taken) == len(own.bert.state_dict())
    ids = torch.arange(24).reshape(2, 12)
    theirs = made(input_ids=ids).last_hidden_state
    ours = own.bert(inputs_embeds=own.embed(ids)).last_hidden_state
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_names_of_other_heads_and_early_days_are_read(tmp_path: Path) -> None:
    transformers_folder(tmp_path)
    plain = load_file(tmp_path / "model.safetensors")
    old: dict[str, Tensor] = {"cls.predictions.bias": torch.zeros(200)}
    for name, value in plain.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old["bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = value
    save_file(old, tmp_path / "model.safetensors")
    own = encoder()
    _, left_out = load_note(own, tmp_path)
    assert "cls.predictions.bias" in left_out
    norm = "embeddings.LayerNorm.weight"
    assert torch.equal(own.bert.state_dict()[norm], plain[norm])


def test_what_shapes_do_not_show_is_compared_too(tmp_path: Path) -> None:
    transformers_folder(tmp_path, num_attention_heads=4)
    with pytest.raises(ConfigError, match=r"note\.arguments\.num_attention_heads: is 2.*4"):
        load_note(encoder(), tmp_path)


def test_too_few_places_for_a_note_are_refused(tmp_path: Path) -> None:
    transformers_folder(tmp_path, max_position_embeddings=8)
    with pytest.raises(ConfigError, match=r"position_embeddings.*\[8, 16\], of the model \[12, 16"):
        load_note(encoder(), tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        load_note(encoder(), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "roberta"}), "utf-8")
    with pytest.raises(ConfigError, match=r"no BERT.*note\.folder"):
        load_note(encoder(), tmp_path)


def test_the_tokenizer_of_the_folder_is_read_whole_and_uncut(tmp_path: Path) -> None:
    made = train_tokenizer(["no effusion"], vocab_size=150)
    made.enable_truncation(4)
    made.enable_padding(length=4)
    made.save(str(tmp_path / "tokenizer.json"))
    read = read_tokenizer(tmp_path, vocab_size=200, pad_id=0)
    assert len(read.encode("no effusion " * 5).ids) == 10
    with pytest.raises(ConfigError, match=r"vocab_size: is 100; the tokenizer has \d+ word pieces"):
        read_tokenizer(tmp_path, vocab_size=100, pad_id=0)
    with pytest.raises(ConfigError, match=r"pad_id: is 7; \[PAD\] of the tokenizer is 0"):
        read_tokenizer(tmp_path, vocab_size=200, pad_id=7)
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match=r"no readable tokenizer\.json"):
        read_tokenizer(tmp_path, vocab_size=200, pad_id=0)


# --- hub ---


@pytest.mark.parametrize("field", ["image", "note"])
def test_a_hub_is_refused_where_nobody_allowed_it(field: str) -> None:
    with pytest.raises(ConfigError, match=rf"start\.{field}.*start\.hub: true"):
        StartConfig(**{field: "hf-hub:owner/name"})  # type: ignore[arg-type]


def test_even_a_changed_configuration_fetches_nothing_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_fetch", lambda _: pytest.fail("fetched"))
    with pytest.raises(ConfigError, match=r"start\.hub: true"):
        locate("hf-hub:owner/name", StartConfig())
    assert locate("some/folder", StartConfig(hub=True)) == Path("some/folder")


def test_an_allowed_repository_is_fetched_at_its_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[object] = []

    def snapshot(repository: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repository, revision, allow_patterns))
        return "/cache/it"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    start = StartConfig(hub=True)
    assert locate("hf-hub:owner/name@v1", start) == Path("/cache/it")
    locate("hf-hub:owner/name", start)
    files = ["config.json", "model.safetensors", "tokenizer.json"]  # no code, no pickle
    assert asked == [("owner/name", "v1", files), ("owner/name", None, files)]


def test_a_hub_that_is_not_reached_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(ConfigError, match="could not be fetched: ConnectionError"):
        locate("hf-hub:owner/name", StartConfig(hub=True))


def test_starting_from_files_opens_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint(tmp_path / "a.safetensors")
    transformers_folder(tmp_path)
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection"))
    load_image(backbone(), tmp_path / "a.safetensors")
    load_note(encoder(), tmp_path)
    read_tokenizer(tmp_path, vocab_size=200, pad_id=0)


# --- packs ---


def test_a_pack_is_a_folder_or_the_name_of_an_embedded_one(tmp_path: Path) -> None:
    assert find_pack(tmp_path) == tmp_path
    with pytest.raises(ConfigError, match=r"no-such is no folder and no embedded pack"):
        find_pack(Path("no-such"))


def test_a_setting_that_is_one_word_is_no_list() -> None:
    with pytest.raises(ConfigError, match=r"start\.modules: must be a list"):
        replace(StartConfig(), modules="encoders")  # type: ignore[arg-type]
