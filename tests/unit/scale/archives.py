"""A small archive of simulated studies in files."""

import io
from functools import cache
from pathlib import Path

from pydicom import dcmread

from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient

SEED = 515
PREFIX = "2.25.4711."


@cache
def film(number: int) -> bytes:
    """Return the radiograph of one simulated patient."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_patient(sample_patient(SEED, number), Path(folder))
        return (Path(folder) / "image.dcm").read_bytes()


def study(number: int) -> tuple[str, bytes]:
    """Return the UID and the one file of a study; few different films, as these take a while."""
    dataset = dcmread(io.BytesIO(film(number % 2)))
    dataset.StudyDate = "20240229"
    dataset.StudyInstanceUID = f"{PREFIX}{number + 1}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
        f"{PREFIX}9.{number + 1}"
    )
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return str(dataset.StudyInstanceUID), buffer.getvalue()


def write_archive(folder: Path, studies: int) -> list[str]:
    """Write so many studies, a folder each, and return their UIDs."""
    uids = []
    for number in range(studies):
        uid, data = study(number)
        place = folder / f"{number:03d}"
        place.mkdir(parents=True)
        (place / "film.dcm").write_bytes(data)
        uids.append(uid)
    return uids
