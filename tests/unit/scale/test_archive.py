"""Every study of an archive gets one line per pack, whatever happens on the way."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmcore.errors import ArchiveError, PeerError
from mmcore.intake import RawFile, case_from_files
from mmcore.language import say
from mmcore.packs import identity_of
from mmcore.records import PackIdentity
from mmcore.scale.archive import DIED, Outcome, Spread, Summary, score_archive
from mmcore.scale.rows import NOT_SCORED, SCHEMA, Row, held, not_scored, scored
from mmcore.scale.studies import UNREADABLE, FolderSource, StudyAt, WebSource, days
from mmcore.serve.scoring import withhold
from tests.tiny import tiny_engine, tiny_pack
from tests.unit.scale.archives import study

PACK = PackIdentity("p", "1.0.0", "ab" * 32, is_simulated=False)
STUDIES = [StudyAt(f"1.2.{number}", f"{number}/film.dcm") for number in range(10)]


class Listed:
    """A source that is a list."""

    def studies(self) -> Iterator[StudyAt]:
        return iter(STUDIES)

    def load(self, study: StudyAt) -> Sequence[RawFile]:
        raise AssertionError("spread reads files, the driver does not")


def line(one: StudyAt, pack: PackIdentity = PACK) -> Row:
    return {**not_scored(one, pack, ""), "status": "scored"}


def all_of(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
    return (Outcome(one.key, line(one)) for one in studies)


def run(folder: Path, spread: Spread, *, pack: PackIdentity = PACK, part_rows: int = 3) -> Summary:
    with held(folder) as parts:
        return score_archive(Listed(), parts, pack, spread, part_rows=part_rows)


def lines(folder: Path) -> list[Row]:
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def assert_each_once(folder: Path) -> None:
    assert sorted(row["study_uid"] for row in lines(folder)) == [one.key for one in STUDIES]


def test_every_study_gets_its_line(tmp_path: Path) -> None:
    found = run(tmp_path, all_of)
    assert (found.scored, found.not_scored, found.left, found.before) == (10, 0, 0, 0)
    assert_each_once(tmp_path)
    assert [pq.read_schema(path) for path in tmp_path.glob("*.parquet")] == [SCHEMA] * 4


@pytest.mark.parametrize("after", range(len(STUDIES)))
def test_a_run_that_ends_anywhere_is_gone_on_with(tmp_path: Path, after: int) -> None:
    def ending(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        for number, one in enumerate(studies):
            if number == after:
                raise KeyboardInterrupt
            yield Outcome(one.key, line(one))

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, ending)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    found = run(tmp_path, all_of)
    assert found.before == after
    assert_each_once(tmp_path)
    assert before.items() <= {p.name: p.read_bytes() for p in tmp_path.glob("*.parquet")}.items()


def test_nothing_is_scored_again(tmp_path: Path) -> None:
    run(tmp_path, all_of)

    def never(studies: Sequence[StudyAt], batch: int) -> Iterable[Outcome]:
        raise AssertionError("asked again")

    assert run(tmp_path, never).before == 10


def test_another_pack_gets_lines_of_its_own(tmp_path: Path) -> None:
    run(tmp_path, all_of)
    other = PackIdentity("p", "1.1.0", "cd" * 32, is_simulated=False)

    def by_other(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        return (Outcome(one.key, line(one, other)) for one in studies)

    assert run(tmp_path, by_other, pack=other).scored == 10
    keys = {(row["study_uid"], row["pack_digest"]) for row in lines(tmp_path)}
    assert len(keys) == len(lines(tmp_path)) == 20


def test_a_study_that_is_told_twice_is_written_once(tmp_path: Path) -> None:
    def twice(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        for one in studies:
            yield Outcome(one.key, line(one))
            yield Outcome(one.key, line(one))

    assert run(tmp_path, twice).scored == 10
    assert_each_once(tmp_path)


def test_what_may_succeed_another_time_is_left_for_it(tmp_path: Path) -> None:
    def without_peer(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        for number, one in enumerate(studies):
            yield Outcome(one.key, None if number in (2, 5) else line(one), "no answer")

    assert run(tmp_path, without_peer).left == 2
    assert len(lines(tmp_path)) == 8
    assert run(tmp_path, all_of).scored == 2
    assert_each_once(tmp_path)


def test_a_study_that_ends_processes_costs_no_other_and_says_so(tmp_path: Path) -> None:
    batches: list[int] = []

    def dying(studies: Sequence[StudyAt], batch: int) -> Iterator[Outcome]:
        """Lose whole batches in which the bad study is."""
        batches.append(batch)
        for start in range(0, len(studies), batch):
            together = studies[start : start + batch]
            if STUDIES[4] not in together:
                yield from all_of(together, batch)

    found = run(tmp_path, dying)
    assert batches == [8, 1]
    assert (found.scored, found.not_scored, found.left) == (9, 1, 0)
    assert_each_once(tmp_path)
    (bad,) = [row for row in lines(tmp_path) if row["status"] == NOT_SCORED]
    assert (bad["study_uid"], bad["reason"]) == (STUDIES[4].key, str(DIED))


def test_two_runs_never_write_into_one_folder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(ArchiveError, match="another run"), held(tmp_path):
        raise AssertionError("held twice")
    with held(tmp_path) as parts:
        assert parts.done(PACK.digest) == set()


def test_what_was_written_halfway_is_no_part(tmp_path: Path) -> None:
    (tmp_path / ".part-0.parquet.partial").write_bytes(b"PAR1 half")
    assert run(tmp_path, all_of).scored == 10
    assert not list(tmp_path.glob(".*partial"))


def test_a_damaged_part_is_told_not_scored_over(tmp_path: Path) -> None:
    run(tmp_path, all_of)
    part = min(tmp_path.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(ArchiveError, match=f"{part.name} can not be read"):
        run(tmp_path, all_of)


def test_a_part_that_was_copied_is_told(tmp_path: Path) -> None:
    run(tmp_path, all_of)
    part = min(tmp_path.glob("*.parquet"))
    (tmp_path / "part-copy.parquet").write_bytes(part.read_bytes())
    with pytest.raises(ArchiveError, match="has its line already"):
        run(tmp_path, all_of)


def test_a_line_says_what_the_gate_and_the_model_say(tmp_path: Path) -> None:
    uid, data = study(0)
    case = case_from_files([RawFile("film.dcm", data), RawFile("bad.dcm", data[:200])])
    prediction = withhold(tiny_engine().predict(case), "nodule", reason="no film")
    with held(tmp_path) as parts:
        parts.write([scored(StudyAt(uid, "000/film.dcm"), case, prediction, seconds=1.5)])
    (row,) = lines(tmp_path)
    assert (row["study_uid"], row["status"], row["case_digest"]) == (uid, "scored", case.digest)
    assert (row["files_used"], row["files_refused"], row["seconds"]) == (1, 1, 1.5)
    assert row["pack_digest"] == identity_of(tiny_pack()).digest
    told = {target["name"]: target for target in row["targets"]}
    for gate in prediction.gate:
        line_of, target = told[gate.target], prediction.target(gate.target)
        assert (line_of["verdict"], line_of["reason"]) == (gate.verdict.value, gate.reason)
        is_shown = gate.verdict.value != "withheld"
        assert line_of["value"] == (target.logit if is_shown else None)
        assert line_of["probability"] == (target.probability if is_shown else None)
    assert (told["nodule"]["verdict"], told["nodule"]["reason"]) == ("withheld", "no film")
    assert told["effusion"]["probability"] is not None


def test_studies_of_a_folder_are_told_apart_by_their_uid(tmp_path: Path) -> None:
    (one, first), (two, second) = study(0), study(1)
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "deep" / "1.dcm").write_bytes(first)
    (tmp_path / "a" / "deep" / "note.txt").write_text("Cough.")
    (tmp_path / "b" / "1").write_bytes(first + b"\0\0")
    (tmp_path / "b" / "2").write_bytes(second)
    (tmp_path / "b" / "note.txt").write_text("Of whom?")
    (tmp_path / "b" / "broken.dcm").write_bytes(first[:300])
    (tmp_path / "link.dcm").symlink_to(tmp_path / "b" / "2")
    found = {one.key: one for one in FolderSource(tmp_path).studies()}
    assert set(found) > {one, two}
    assert set(found[one].files) == {"a/deep/1.dcm", "a/deep/note.txt", "b/1"}
    assert found[two].files == ("b/2",)
    (broken,) = set(found) - {one, two}
    assert broken.startswith(UNREADABLE)
    assert found[broken].files == ("b/broken.dcm",)
    source = FolderSource(tmp_path)
    assert [file.data for file in source.load(found[two])] == [second]


def test_of_a_file_that_is_too_large_no_more_is_read_than_gets_it_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endless.mp4").write_bytes(bytes(100))
    monkeypatch.setattr("mmcore.scale.studies.MAX_FILE_BYTES", 10)
    (file,) = FolderSource(tmp_path).load(StudyAt("1.2", "endless.mp4", ("endless.mp4",)))
    assert len(file.data) == 11


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="is no folder"):
        list(FolderSource(tmp_path / "gone").studies())


def test_days_are_read_as_a_pacs_writes_them() -> None:
    assert days("20240101-20240301") == (date(2024, 1, 1), date(2024, 3, 1))
    assert days("20240101") == (date(2024, 1, 1), date(2024, 1, 1))
    for wrong in ("2024", "20240102-20240101", "20240230", "19000101-20240101"):
        with pytest.raises(ArchiveError):
            days(wrong)


Answer = Callable[[object, object], Iterator[object]]


def test_studies_of_a_peer_are_asked_for_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcore.network.found import Query, StudyFound

    asked: list[str] = []

    def find_all(peer: object, query: Query) -> Iterator[StudyFound]:
        asked.append(query.date)
        for uid in ("1.2.9", f"1.2.{query.date}"):
            yield StudyFound(uid, query.date, "", "", "", "", (), None)

    monkeypatch.setattr("mmcore.network.web.find_all", find_all)
    monkeypatch.setattr("mmcore.network.peers.site_peers", lambda: ())
    monkeypatch.setattr("mmcore.network.peers.find_peer", lambda *_: "pacs")
    source = WebSource("pacs", *days("20240228-20240301"), modality="DX")
    assert [one.key for one in source.studies()] == [
        "1.2.9", "1.2.20240228", "1.2.20240229", "1.2.20240301",
    ]  # fmt: skip
    assert asked == ["20240228", "20240229", "20240301"]


class Failing:
    """A source of which some studies can not be had."""

    def studies(self) -> Iterator[StudyAt]:
        return iter(())

    def load(self, one: StudyAt) -> Sequence[RawFile]:
        if one.key == "away":
            raise PeerError(peer="pacs", problem=say("can not be reached"), may_pass=True)
        if one.key == "forbidden":
            raise PeerError(
                peer="pacs", problem=say("does not allow what was asked"), may_pass=False
            )
        if one.key == "note":
            return [RawFile("note.pdf", b"%PDF-nothing")]
        if one.key == "surprise":
            raise RuntimeError("Doe, Jane")
        return [RawFile("film.dcm", study(0)[1])]


def test_one_bad_study_of_a_batch_costs_no_other() -> None:
    from mmcore.scale.spreading import Scoring

    scoring = Scoring(str(tiny_pack()), Failing(), "cpu", 1)
    keys = ("good", "away", "forbidden", "note", "surprise", "good too")
    found = {one.key: one for one in scoring.outcomes([StudyAt(key, "") for key in keys])}
    assert tuple(found) == keys
    assert found["away"].row is None
    assert "can not be reached" in found["away"].problem
    rows = {key: one.row for key, one in found.items() if one.row is not None}
    assert {key: row["status"] for key, row in rows.items()} == {
        "good": "scored", "forbidden": "not scored", "note": "not scored",
        "surprise": "not scored", "good too": "scored",
    }  # fmt: skip
    assert "does not allow" in rows["forbidden"]["reason"]
    assert "no input of this model" in rows["note"]["reason"]
    assert rows["surprise"]["reason"] == "The case could not be scored (RuntimeError)."
