"""What a finished case costs to write down: document, PDF, objects for the archive."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Clock, Row, side_by_side
from mmcore.engine import Engine
from mmcore.intake import case_from_paths
from mmcore.packs import find_pack
from mmcore.report import result_document
from mmcore.report.pdf import render_pdf
from mmcore.results.make import make_results
from mmcore.serve.scoring import score_case
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient

GROUP = "writing down a case"
SEED = 609
TRUTH = "truth.json"


def rows(rounds: int) -> Iterator[Row]:
    """Measure each kind of output of one case with all of its findings explained."""
    engine = Engine.load(find_pack(Path("phantom")))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_patient(sample_patient(SEED, 0), folder)
        files = [path for path in sorted(folder.iterdir()) if path.name != TRUTH]
        result = score_case(engine, case_from_paths(files))
        document = result_document(result)
        contents = [path.read_bytes() for path in files]
        works = {
            "the document (JSON)": lambda: result_document(result),
            "the report (PDF/A)": lambda: render_pdf(document),
            "all objects for PACS and EHR": lambda: make_results(document, contents),
        }
        for name, work in works.items():
            yield from side_by_side(GROUP, {name: work}, rounds=rounds, clock=Clock.WALL)
