"""A time is written with no more of it than is known, on the page and in the PDF."""

from datetime import UTC, datetime

import pytest

from dashboard import formatting
from mmcore.records import Precision
from mmcore.report.pdf import case_sections

AT = datetime(2024, 5, 6, 7, 8, 9)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [(Precision.CLOCK, "6 May 2024, 07:08"), (Precision.HOUR, "6 May 2024, 07:08"),
     (Precision.DAY, "6 May 2024"), (Precision.MONTH, "May 2024"), (Precision.YEAR, "2024")],
)  # fmt: skip
def test_the_page_tells_what_is_known_of_a_time(precision: Precision, expected: str) -> None:
    assert formatting.clock(AT, precision) == expected
    assert formatting.clock(AT.replace(tzinfo=UTC), precision) == expected


def test_the_pdf_tells_a_day_without_a_clock_as_a_day() -> None:
    assert case_sections._when(AT) == "2024-05-06 07:08"
    assert case_sections._when(datetime(2024, 5, 6)) == "2024-05-06"
    assert case_sections._when(None) == "unknown"
