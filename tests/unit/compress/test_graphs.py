"""Exported encoders: they answer as the network does, and near a threshold the network answers."""

import hashlib
import shutil
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import yaml

from mmcore.compress import graphs
from mmcore.compress.agreement import Scores, agreement
from mmcore.compress.export import FLOAT_PARITY, export_encoder, parity
from mmcore.compress.graphs import Choice, Compared, choose_graphs, write_exported
from mmcore.compress.quantise import quantise
from mmcore.datasets.phantoms import simulated
from mmcore.engine import Engine
from mmcore.errors import MissingLibraryError, NotExportableError, PackIntegrityError
from mmcore.model.exported import Graph, GraphRunner, Within
from mmcore.model.pack import load_pack
from mmcore.model.prepared import network_input
from mmcore.records import Case, GateVerdict, Modality, Prediction
from mmcore.screening import Margins, Screener, Screening, screener_of
from tests.tiny import SEED, tiny_pack


def patients(modality: Modality) -> torch.Tensor:
    return network_input(load_pack(tiny_pack()).reference.patients[modality.value])


@cache
def exported(modality: Modality) -> bytes:
    """Return the graph of an encoder of the tiny pack, which takes seconds to make."""
    return export_encoder(load_pack(tiny_pack()).network, modality, patients(modality)[:2])


@cache
def case() -> Case:
    return next(simulated(SEED, 1)).case


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny pack with its image in 8 bits and all else as float graphs."""
    out = tmp_path_factory.mktemp("exported") / "tiny"

    def seconds(work: dict) -> dict:
        return {"network": 4.0, "float": 2.0, "int8": 1.0 if len(seen) == 1 else 2.0}

    seen: list[Modality] = []
    single = graphs._single

    def watched(network: object, modality: Modality, *rest: object) -> dict:
        seen.append(modality)
        return single(network, modality, *rest)  # type: ignore[arg-type] # handed on as it came

    with (
        patch.object(graphs, "seconds_of", seconds),
        patch.object(graphs, "_single", watched),
        patch.object(graphs, "export_encoder", lambda _, modality, *__: exported(modality)),
    ):
        choices, _ = write_exported(tiny_pack(), out, simulated(SEED, 6), total=6)
    assert [c.graph.kind for c in choices if c.graph] == ["int8", *["float"] * 4]
    return out


@pytest.mark.parametrize("modality", list(load_pack(tiny_pack()).network.modalities))
def test_a_graph_answers_as_its_encoder_for_any_number_of_rows(modality: Modality) -> None:
    network, inputs = load_pack(tiny_pack()).network, patients(modality)
    graph = Graph("float", exported(modality))
    for rows in (1, 5):
        found = parity(network, modality, graph, inputs[:rows])
        assert found.largest < 1e-4
        assert found.relative < FLOAT_PARITY


def test_an_encoder_that_answers_otherwise_is_noticed() -> None:
    network, inputs = load_pack(tiny_pack()).network, patients(Modality.VARIANTS)
    graph = Graph("float", exported(Modality.VARIANTS))
    network.encoder(Modality.VARIANTS).norm.bias += 0.1
    assert parity(network, Modality.VARIANTS, graph, inputs).relative > FLOAT_PARITY


def test_8_bits_are_near_and_smaller() -> None:
    network, inputs = load_pack(tiny_pack()).network, patients(Modality.NOTE)
    plain = exported(Modality.NOTE)
    small = quantise(plain, inputs.numpy())
    assert small is not None
    assert len(small) < len(plain)
    found = parity(network, Modality.NOTE, Graph("int8", small), inputs[:3])
    assert 1e-6 < found.mean < 0.1


def test_scores_by_graphs_are_those_of_the_network(written: Path) -> None:
    network, engine = Engine.load(tiny_pack()), Engine.load(written)
    assert engine.pack.exported is not None
    screening = Screening(engine.pack, engine.pack.exported)
    one, other = network.predict(case()), engine.predict_by(case(), screening.encode)
    for ours, theirs in zip(one.targets, other.targets, strict=True):
        assert theirs.logit == pytest.approx(ours.logit, abs=0.2)
        assert theirs.operating_point == ours.operating_point
    assert one.present == other.present
    assert other.pack.version.endswith("+onnx")
    assert other.pack.digest != one.pack.digest


def test_a_missing_input_is_missing_for_graphs_too(written: Path) -> None:
    silent = replace(case(), digest="silent", recordings=(), studies=())
    engine = Engine.load(written)
    assert engine.pack.exported is not None
    screening = Screening(engine.pack, engine.pack.exported)
    found = engine.predict_by(silent, screening.encode)
    assert found.missing == (Modality.IMAGE, Modality.RECORDING)
    expected = Engine.load(tiny_pack()).predict(silent)
    assert found.targets[0].logit == pytest.approx(expected.targets[0].logit, abs=1e-3)


def test_near_a_threshold_the_network_itself_answers(written: Path) -> None:
    engine = Engine.load(written)
    exact = Engine.load(tiny_pack()).predict(case())
    exported = engine.pack.exported
    assert exported is not None
    wide = replace(engine.pack, exported=replace(exported, within=Within(score=100.0)))
    near = Screener(Engine(wide, device="cpu")).predict(case())
    assert [t.logit for t in near.targets] == [t.logit for t in exact.targets]
    none = replace(engine.pack, exported=replace(exported, within=Within()))
    with patch.object(Margins, "is_near", lambda *_: False):
        far = Screener(Engine(none, device="cpu")).predict(case())
    assert [t.logit for t in far.targets] != [t.logit for t in exact.targets]


def test_a_case_that_was_opened_keeps_the_answer_beside_its_ledger(written: Path) -> None:
    engine = Engine.load(written)
    screener = Screener(engine)
    shown = engine.predict(case())
    assert screener.is_faster
    assert screener.predict(case()).targets == shown.targets
    explained = engine.explain(case(), "effusion")
    total = explained.base + sum(c.signed for c in explained.contributions)
    of_page = next(t for t in shown.targets if t.name == "effusion")
    assert total == pytest.approx(of_page.logit, abs=1e-4)


def test_without_graphs_screening_is_the_engines_own_answer() -> None:
    engine = Engine.load(tiny_pack())
    screener = Screener(engine)
    assert not screener.is_faster
    assert screener.predict(case()).targets == engine.predict(case()).targets


def test_the_background_of_a_worklist_scores_by_graphs_where_the_pack_has_them(
    written: Path,
) -> None:
    engine = Engine.load(written)
    screener = screener_of(engine)
    assert isinstance(screener, Screener)
    assert screener.is_faster
    assert screener_of(engine) is screener  # sessions are made once

    class Remote:
        def predict(self, case: Case) -> Prediction:
            return engine.predict(case)

    remote = Remote()
    assert screener_of(remote) is remote


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (Margins(np.array([-0.5, 0.2]), 2.0, np.array([-0.5])), False),
        (Margins(np.array([-0.5, 0.05]), 2.0, np.array([-0.5])), True),
        (Margins(np.array([-0.5, 0.2]), 0.1, np.array([-0.5])), True),
        (Margins(np.array([-0.5, 0.2]), -3.0, np.array([-0.5])), True),  # a film that is not good
        (Margins(np.array([-0.5, 0.2]), float("nan"), np.array([-0.5])), False),
        (Margins(np.array([-0.5, 0.2]), 2.0, np.array([0.02])), True),
    ],
)
def test_what_is_near(margin: Margins, expected: bool) -> None:
    assert margin.is_near(Within(score=0.1, quality=0.2, novelty=0.03)) is expected


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda f, h: (f / "note.onnx").write_bytes(b"other"), "not the file"),
        (lambda f, h: (f / "note.onnx").unlink(), "missing"),
        (lambda f, h: h["encoders"]["note"].update(file="../note.onnx"), "missing"),
        (lambda f, h: h["encoders"]["note"].update(kind="int4"), "kind"),
        (lambda f, h: h["encoders"].update(gait=h["encoders"]["note"]), "no input"),
        (lambda f, h: h.update(within={"score": float("nan")}), "within"),
        (lambda f, h: h["within"].update(score=-1.0), "number"),
    ],
)
def test_a_pack_whose_graphs_are_not_what_it_says_is_refused(
    written: Path, tmp_path: Path, spoil: object, problem: str
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(written, folder)
    head = yaml.safe_load((folder / "pack.yaml").read_text("utf-8"))
    spoil(folder, head["exported"])  # type: ignore[operator] # a lambda of the list
    (folder / "pack.yaml").write_text(yaml.safe_dump(head), "utf-8")
    with pytest.raises(PackIntegrityError, match=problem):
        load_pack(folder)


def test_a_graph_that_is_none_is_refused_by_its_name(written: Path) -> None:
    pack = load_pack(written)
    assert pack.exported is not None
    broken = replace(pack.exported, graphs={Modality.NOTE: Graph("float", b"no graph")})
    with pytest.raises(PackIntegrityError, match="note encoder"):
        GraphRunner(broken, pack="tiny")


def test_an_encoder_that_can_not_be_exported_stays_with_the_network() -> None:
    pack = load_pack(tiny_pack())

    def export(_: object, modality: Modality, *__: object) -> bytes:
        if modality is Modality.NOTE:
            raise NotExportableError(modality=modality.value)
        return exported(modality)

    with (
        patch.object(graphs, "export_encoder", export),
        patch.object(graphs, "quantise", return_value=None),
        patch.object(graphs, "FASTER", 0.0),
    ):
        choices = {choice.modality: choice for choice in choose_graphs(pack)}
    assert choices.pop(Modality.NOTE).words.endswith("network (its encoder can not be exported)")
    assert all(choice.graph and choice.graph.kind == "float" for choice in choices.values())


def test_what_torch_can_not_write_is_refused_by_name() -> None:
    network, inputs = load_pack(tiny_pack()).network, patients(Modality.VARIANTS)
    refusal = torch.onnx.OnnxExporterError("a loop without an end")
    with (
        patch.object(torch.onnx, "export", side_effect=refusal),
        pytest.raises(NotExportableError, match="variants"),
    ):
        export_encoder(network, Modality.VARIANTS, inputs[:2])


def test_graphs_that_call_otherwise_are_not_written(tmp_path: Path) -> None:
    choice = Choice(
        Modality.VARIANTS,
        Graph("float", exported(Modality.VARIANTS)),
        {"network": 1.0, "float": 0.5},
        parity=None,  # type: ignore[arg-type] # not looked at here
    )  # fmt: skip
    with (
        patch.object(graphs, "choose_graphs", return_value=(choice,)),
        patch.object(graphs, "SAME_CALLS", 1.01),
        pytest.raises(PackIntegrityError, match="alike"),
    ):
        write_exported(tiny_pack(), tmp_path / "out", simulated(SEED, 2))
    assert not (tmp_path / "out").exists()


def test_the_digest_of_a_pack_covers_its_graphs(written: Path) -> None:
    head = yaml.safe_load((written / "pack.yaml").read_text("utf-8"))
    for entry in head["exported"]["encoders"].values():
        content = (written / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_without_the_library_the_pack_still_explains_and_screening_says_what_is_missing(
    written: Path,
) -> None:
    with patch.dict(sys.modules, {"onnxruntime": None}):
        engine = Engine.load(written)
        assert engine.predict(case()).targets
        with pytest.raises(MissingLibraryError, match="requirements-compress"):
            Screener(engine)


def test_what_the_network_answers_again_costs_its_time() -> None:
    found = Compared(
        graphs=None, delivered=None, again=0.25, within=Within(), faster=4.0,  # type: ignore[arg-type] # not looked at here
    )  # fmt: skip
    assert found.faster_delivered == pytest.approx(1.0 / (0.25 + 0.25))


def test_agreement_counts_calls_verdicts_and_differences() -> None:
    point = np.array([0.5, 0.5])
    first = Scores(
        ("a", "b"), np.array([[1.0, -1.0], [0.2, -0.2]]), point, np.zeros((2, 0)),
        np.array([["scored"] * 2, [str(GateVerdict.WITHHELD)] * 2]),
        np.array([[1.0, 0.0], [0.0, 1.0]]), np.array(["p", "q"]),
    )  # fmt: skip
    second = replace(
        first, logits=first.logits + np.array([[0.0, 0.0], [-0.4, 0.0]]),
        verdicts=np.array([["scored"] * 2, ["scored", str(GateVerdict.WITHHELD)]]),
    )  # fmt: skip
    found = agreement(first, second)
    assert (found.cases, found.calls) == (2, 4)
    assert found.same == 0.75
    assert found.verdicts == 0.75
    assert found.largest_logit == pytest.approx(0.4)
    assert found.mean_logit == pytest.approx(0.1)
    again = agreement(first, second.instead(first, np.array([False, True])))
    assert again.same == again.verdicts == 1.0
