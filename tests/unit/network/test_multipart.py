"""Parts of an answer, cut wherever the network cuts it; half an answer is none."""

import pytest

from mmcore.network.multipart import MultipartError, parts

TYPE = 'multipart/related; type="application/dicom"; boundary="abc"'
BODIES = [b"DICM\r\n--ab\x00", b"", b"--abd\r\n\r\n" * 3]


def answer(bodies: list[bytes] = BODIES) -> bytes:
    head = b"Content-Type: application/dicom\r\n\r\n"
    return b"--abc\r\n" + b"\r\n--abc\r\n".join(head + b for b in bodies) + b"\r\n--abc--\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_parts_come_back_as_they_were_whatever_the_chunks(size: int) -> None:
    data = answer()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(parts(chunks, TYPE, most=10_000)) == BODIES


def test_a_part_without_a_head_and_a_preamble_are_allowed() -> None:
    data = b"preamble\r\n--abc\r\n\r\nbody\r\n--abc--"
    assert list(parts([data], TYPE, most=1000)) == [b"body"]


def test_an_answer_that_ends_early_is_refused() -> None:
    for end in (5, 30, len(answer()) - 6):
        with pytest.raises(MultipartError, match="ends before"):
            list(parts([answer()[:end]], TYPE, most=10_000))


def test_an_answer_larger_than_allowed_is_refused() -> None:
    with pytest.raises(MultipartError, match="larger"):
        list(parts([answer()[:50], answer()[50:]], TYPE, most=60))


def test_an_endless_head_is_refused() -> None:
    data = b"--abc\r\n" + b"X: y\r\n" * 10_000
    with pytest.raises(MultipartError, match="head"):
        list(parts([data, data], TYPE, most=10**6))


@pytest.mark.parametrize("kind", ["application/dicom+json", "multipart/related", ""])
def test_an_answer_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(MultipartError, match="boundary"):
        list(parts([answer()], kind, most=10_000))
