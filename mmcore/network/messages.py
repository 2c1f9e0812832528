"""A received dataset as the file it will be: bytes, not one of them decoded. PS3.10 7.1."""

from pynetdicom import evt


def part10(event: evt.Event) -> bytes:
    """Return what a C-STORE brought as a DICOM file with its file meta information."""
    return bytes(event.encoded_dataset(include_meta=True))
