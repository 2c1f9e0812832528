"""Every encoder that a configuration can name keeps the laws that the ledger rests on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from mmcore.modalities import Encoder, image, note, observations, recording, variants
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.note import NoteConfig
from mmcore.modalities.observations import ObservationsConfig
from mmcore.modalities.recording import RecordingConfig
from mmcore.modalities.variants import VariantsConfig
from tests.unit.modalities import laws

DIM = 16
BATCH = 3
CODES = ["1988-5", "718-7", "6690-2", "2160-0"]
BERT = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16}  # fmt: skip
RECURRENT = {"vocab_size": 50, "embedding": 12, "hidden": 8}
SMOOTH = {"channels": [8, 8, 16, 16], "stem_width": 16, "output_stride": 16, "smooth": True,
          "replace_stem_pool": True}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """One encoder, what it reads, and how many tokens it makes of it."""

    build: Callable[[], Encoder]
    draw: Callable[[], Tensor]
    tokens: int


def of_note(name: str, arguments: dict[str, object]) -> Subject:
    config = NoteConfig(max_tokens=20, name=name, arguments=arguments)

    def draw() -> Tensor:
        ids = torch.randint(2, 50, (BATCH, 20))
        ids[0, 8:] = ids[1, 15:] = 0
        return ids

    return Subject(lambda: note.build(config, DIM), draw, 20)


def of_observations(name: str, history: int, tokens: int) -> Subject:
    config = ObservationsConfig(CODES, {}, hidden=8, history=history, name=name)

    def draw() -> Tensor:
        inputs = torch.randn(BATCH, len(CODES), history, 3)
        inputs[..., 1] = 1.0
        inputs[..., 2].abs_()
        inputs[0, 1] = inputs[1, 2, history - 1] = 0.0
        return inputs

    return Subject(lambda: observations.build(config, DIM), draw, tokens)


def of_recording(name: str) -> Subject:
    config = RecordingConfig(seconds=2.0, n_mels=16, channels=(4, 4, 8), hidden=6, name=name)
    return Subject(
        lambda: recording.build(config, DIM), lambda: torch.randn(BATCH, *config.shape), 10
    )


def of_variants(name: str, tokens: int) -> Subject:
    config = VariantsConfig([f"rs{i}" for i in range(6)], hidden=8, name=name)

    def draw() -> Tensor:
        copies = torch.randint(0, 3, (BATCH, 6)) / 2.0
        return torch.stack([copies, torch.ones_like(copies)], dim=2)

    return Subject(lambda: variants.build(config, DIM), draw, tokens)


def of_image(name: str, arguments: dict[str, object], **more: int) -> Subject:
    config = replace(ImageConfig(name, 32, 1, arguments, 0.5, 0.25), **more)  # type: ignore[arg-type]
    return Subject(
        lambda: image.build(config, DIM),
        lambda: torch.randn(BATCH, more.get("slices", 1), 32, 32),
        8 if more.get("mirror") else 4,
    )


SUBJECTS = {
    "note-bert": of_note("bert", BERT),
    "note-auto": of_note("auto", {"model_type": "bert", "max_position_embeddings": 32, **BERT}),
    "note-auto-distilbert": of_note(
        "auto", {"model_type": "distilbert", "vocab_size": 50, "dim": 16, "n_layers": 1,
                 "n_heads": 2, "hidden_dim": 16, "max_position_embeddings": 32}),
    "note-lstm": of_note("lstm", RECURRENT),
    "note-gru": of_note("gru", RECURRENT),
    "observations-tokens": of_observations("tokens", 1, 4),
    "observations-tokens-of-3": of_observations("tokens", 3, 4),
    "observations-mlp": of_observations("mlp", 1, 1),
    "observations-mlp-of-3": of_observations("mlp", 3, 1),
    "observations-transformer": of_observations("transformer", 1, 4),
    "observations-transformer-of-3": of_observations("transformer", 3, 12),
    "observations-gru-of-3": of_observations("gru", 3, 4),
    "recording-cnn": of_recording("cnn"),
    "recording-crnn": of_recording("crnn"),
    "variants-tokens": of_variants("tokens", 6),
    "variants-mlp": of_variants("mlp", 1),
    "image-resnet10t": of_image("resnet10t", SMOOTH),
    "image-cnn": of_image("cnn", {"channels": (4, 8, 8, 16)}),
    "image-cnn-mirror": of_image("cnn", {"channels": (4, 8, 8, 16)}, mirror=True),
    "slices-cnn": of_image("cnn", {"channels": (4, 8, 8, 16)}, slices=5),
    "slices-resnet10t": of_image("resnet10t", SMOOTH, slices=3, in_chans=3),
}  # fmt: skip


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    return SUBJECTS[request.param]


@pytest.fixture
def encoder(subject: Subject) -> Encoder:
    torch.manual_seed(0)
    return subject.build().eval()


@pytest.fixture
def inputs(subject: Subject) -> Tensor:
    torch.manual_seed(1)
    return subject.draw()


def test_an_encoder_makes_its_tokens(subject: Subject, encoder: Encoder, inputs: Tensor) -> None:
    tokens = laws.tokens_of(encoder, inputs)
    assert tokens.shape == (BATCH, subject.tokens, DIM)
    views = subject.tokens // 4 if encoder.grid is not None else 1
    assert encoder.grid is None or views * encoder.grid[0] * encoder.grid[1] == subject.tokens


def test_the_rows_of_a_batch_do_not_mix(encoder: Encoder, inputs: Tensor) -> None:
    laws.assert_rows_do_not_mix(encoder, inputs)


def test_nothing_is_the_same_nothing_whoever_stands_beside_it(
    encoder: Encoder, inputs: Tensor
) -> None:
    laws.assert_absence_is_one_input(encoder, inputs)


def test_gradients_reach_every_parameter(encoder: Encoder, inputs: Tensor) -> None:
    laws.assert_gradients_reach_everything(encoder, inputs)


def test_a_path_from_nothing_sums_to_the_change(encoder: Encoder, inputs: Tensor) -> None:
    laws.assert_path_integral_converges(encoder, inputs)


def test_every_patient_has_tokens_of_their_own(encoder: Encoder, inputs: Tensor) -> None:
    laws.assert_own_tokens_fit(encoder, inputs)


def test_other_examinations_have_the_same_shape(encoder: Encoder, inputs: Tensor) -> None:
    laws.assert_changes_keep_the_shape(encoder, inputs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_too_a_path_can_be_walked_in_evaluation(encoder: Encoder, inputs: Tensor) -> None:
    # cuDNN refuses the backward pass of a recurrent network that was run in evaluation.
    embedded = encoder.cuda().embed(inputs.cuda()).detach().requires_grad_()
    (slope,) = torch.autograd.grad(encoder(embedded).square().sum(), embedded)
    assert bool(slope.isfinite().all())
    assert bool((slope != 0).any())
