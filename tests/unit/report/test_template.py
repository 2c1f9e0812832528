"""A site's letterhead, footer and choice of sections, and what in them is refused by name."""

import io
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image

from mmcore.errors import ReportTemplateError
from mmcore.report import render_pdf, result_document
from mmcore.report.template import PLAIN, TEMPLATE, Section, Template, read_template, template_of
from tests.unit.report.factories import make_full_result

WHOLE = """
department: Radiology, Example Hospital
address: [1 Example Street, 12345 Example, Tel. 555 0100]
logo: logo.png
footer: Reports are kept for ten years.
sections: [question, evidence, reader]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logo = np.zeros((40, 100, 4), np.uint8)
    logo[10:30, 20:80] = (200, 30, 30, 255)
    Image.fromarray(logo).save(tmp_path / "logo.png")
    return tmp_path


def template(folder: Path, text: str = WHOLE) -> Template:
    path = folder / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return read_template(path)


def pages_of(found: Template, language: str = "en") -> list[str]:
    data = render_pdf(result_document(make_full_result()), language, found)
    reader = pypdf.PdfReader(io.BytesIO(data))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def test_the_environment_names_the_template_and_none_is_the_plain_one(folder: Path) -> None:
    template(folder)
    found = template_of({TEMPLATE: f" {folder / 'template.yaml'} "})
    assert found.department == "Radiology, Example Hospital"
    assert found.sections == {Section.QUESTION, Section.EVIDENCE, Section.READER}
    assert template_of({}) is PLAIN
    assert PLAIN.sections == set(Section)


def test_letterhead_and_footer_are_on_every_page_and_the_status_stays(folder: Path) -> None:
    pages = pages_of(template(folder, WHOLE.replace("sections", "# sections")))
    assert len(pages) > 1
    for page in pages:
        for words in (
            "Radiology, Example Hospital",
            "1 Example Street \u00b7 12345 Example \u00b7 Tel. 555 0100",
            "Explainable multimodal case report \u00b7 Consilium",
            "Reports are kept for ten years.",
            "DRAFT \u2013 unsigned",
            "Research use only",
        ):
            assert words in page, words


def test_a_logo_lies_on_white_and_is_drawn_on_every_page(folder: Path) -> None:
    found = template(folder)
    assert found.logo is not None
    assert found.logo.shape == (40, 100, 3)
    assert found.logo[0, 0].tolist() == [255, 255, 255]
    assert found.logo[20, 50].tolist() == [200, 30, 30]
    data = render_pdf(result_document(make_full_result()), "en", found)
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        assert (100, 40) in [image.image.size for image in page.images]


def test_a_section_that_the_site_leaves_out_is_gone_and_what_must_be_told_is_not(
    folder: Path,
) -> None:
    whole, part = (" ".join(pages_of(found)) for found in (PLAIN, template(folder)))
    for words in ("Technique", "Gene panel \u2013", "Sound recording \u2013", "Source files",
                  "Labs and vitals, latest"):  # fmt: skip
        assert words in whole
        assert words not in part
    bare = " ".join(pages_of(template(folder, "sections: []")))
    assert "Key finding" not in bare
    for words in ("Rivera, Ana", "AI summary", "Missing inputs", "Limits of this report", "Model",
                  "Sign-off", "DRAFT"):  # fmt: skip
        assert words in bare


def test_the_same_template_gives_the_same_bytes(folder: Path) -> None:
    document = result_document(make_full_result())
    first, again = (render_pdf(document, "zh-Hans", template(folder)) for _ in range(2))
    assert first == again
    assert first != render_pdf(document, "zh-Hans")


def test_a_department_may_be_written_in_chinese(folder: Path) -> None:
    assert "示例医院放射科" in pages_of(template(folder, "department: 示例医院放射科"))[0]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("department: [a]", "department"),
        ("department: " + "x" * 201, "department"),
        ('department: "two\\nlines"', "department"),
        ("departement: Radiology", "departement"),
        ("address: one line", "address"),
        ("address: [1, 2]", "address"),
        ("address: [a, b, c, d]", "address"),
        ("footer: 3", "footer"),
        ("sections: [question, limits]", "sections"),
        ("sections: question", "sections"),
        ("logo: none.png", "logo"),
        ("logo: template.yaml", "logo"),
        ("- a", TEMPLATE),
        ("", TEMPLATE),
        ("a: [", TEMPLATE),
        ("a: !!python/object/apply:os.getcwd []", TEMPLATE),
    ],
)
def test_what_can_not_be_a_template_is_refused_by_its_name(
    folder: Path, text: str, where: str
) -> None:
    with pytest.raises(ReportTemplateError) as refused:
        template(folder, text)
    assert refused.value.where == where
    assert where in str(refused.value)


def test_a_file_that_can_not_be_read_is_refused(folder: Path) -> None:
    with pytest.raises(ReportTemplateError, match="can not be read"):
        template_of({TEMPLATE: str(folder / "nowhere.yaml")})
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ReportTemplateError, match="no YAML"):
        read_template(folder / "bytes.yaml")


def test_a_logo_of_the_wrong_kind_or_size_is_refused(folder: Path) -> None:
    Image.new("RGB", (6000, 6000)).save(folder / "large.png")
    Image.new("RGB", (10, 10)).save(folder / "logo.gif")
    (folder / "heavy.png").write_bytes(bytes(4 * 1024 * 1024 + 1))
    for name in ("large.png", "logo.gif", "heavy.png"):
        with pytest.raises(ReportTemplateError, match="logo"):
            template(folder, f"logo: {name}")
