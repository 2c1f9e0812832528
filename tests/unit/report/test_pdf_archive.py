"""A PDF can be kept and read aloud: what PDF/A-1b asks for, and a tag on everything."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pypdf
import pytest
from PIL import Image, ImageCms
from pypdf.generic import ContentStream, DictionaryObject, IndirectObject

from mmcore.report import render_pdf, result_document, sign
from mmcore.report.pdf.archive import srgb_profile, with_ends_of_lines
from tests.unit.report.factories import make_full_result
from tests.unit.report.test_key_images import key_image

T = datetime(2026, 3, 3, 14, 5, 7, tzinfo=UTC)
PAINTS = {b"Tj", b"TJ", b"'", b'"', b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"Do",
          b"sh", b"EI"}  # fmt: skip


@pytest.fixture(scope="module")
def data() -> bytes:
    result = replace(make_full_result(), key_images=(key_image(),), conclusion="肺炎。")
    return render_pdf(sign(result_document(result), name="王医生", account=None, at=T), "zh-Hans")


@pytest.fixture(scope="module")
def reader(data: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(data), strict=True)


def objects(reader: pypdf.PdfReader) -> list[object]:
    numbers = [number for entries in reader.xref.values() for number in entries]
    return [reader.get_object(IndirectObject(number, 0, reader)) for number in numbers]


def test_every_object_lies_where_the_table_says_and_every_stream_ends_on_a_line(
    data: bytes, reader: pypdf.PdfReader
) -> None:
    assert int(re.findall(rb"startxref\n(\d+)", data)[0]) == data.index(b"\nxref\n") + 1
    for number, offset in next(iter(reader.xref.values())).items():
        if number:
            assert data[offset:].startswith(b"%d 0 obj" % number), number
    ends = [found.start() for found in re.finditer(rb"endstream\nendobj", data)]
    assert len(ends) > 10
    assert all(data[end - 1 : end] == b"\n" for end in ends)
    for found in objects(reader):
        if isinstance(found, pypdf.generic.StreamObject):
            assert found.get_data()


def test_an_offset_moves_by_the_line_ends_put_in_before_it() -> None:
    made = with_ends_of_lines(
        b"1 0 obj\nstream\nabendstream\nendobj\n2 0 obj\nendobj\n"
        b"xref\n0 2\n0000000000 00000 n \n0000000034 00000 n \ntrailer\nstartxref\n49\n%%EOF\n"
    )
    assert made[35:].startswith(b"2 0 obj")
    assert b"0000000035 00000 n \n" in made
    assert made[50:].startswith(b"xref")
    assert made.endswith(b"startxref\n50\n%%EOF\n")


def test_every_font_is_embedded_and_says_which_characters_it_sets(
    reader: pypdf.PdfReader,
) -> None:
    fonts = [f for f in objects(reader) if isinstance(f, dict) and f.get("/Type") == "/Font"]
    names = {str(font["/BaseFont"]).partition("+")[2] for font in fonts}
    assert names == {"DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "NotoSansSC-Regular"}
    for font in fonts:
        assert "/ToUnicode" in font
        assert "/FontFile2" in font["/FontDescriptor"]


def test_nothing_is_transparent_encrypted_or_active(data: bytes, reader: pypdf.PdfReader) -> None:
    for found in objects(reader):
        if isinstance(found, dict):
            assert not {"/SMask", "/Mask", "/ca", "/CA", "/BM", "/AA", "/JS", "/OpenAction"} & set(
                found
            )
            assert "LZW" not in str(found.get("/Filter"))
    assert "/Encrypt" not in reader.trailer
    assert len(reader.trailer["/ID"]) == 2
    assert data.startswith(b"%PDF-1.4\n%")
    assert max(data[9:20]) > 127, "a comment that tells of a binary file"


def test_the_metadata_say_the_same_in_both_places_and_claim_level_b(
    reader: pypdf.PdfReader,
) -> None:
    metadata = reader.trailer["/Root"]["/Metadata"]
    assert "/Filter" not in metadata
    root = ElementTree.fromstring(metadata.get_data())
    told = {
        tag.tag.partition("}")[2]: "".join(tag.itertext()).strip()
        for tag in root.iter()
        if "rdf-syntax" not in tag.tag and "".join(tag.itertext()).strip()
    }
    assert (told["part"], told["conformance"]) == ("1", "B")
    info = reader.metadata
    assert info is not None
    assert told["title"] == info["/Title"]
    assert "已签署" in told["title"]
    assert told["description"] == info["/Subject"]
    assert told["creator"] == info["/Author"]
    assert told["CreatorTool"] == info["/Creator"]
    assert told["Producer"] == info["/Producer"]
    assert told["Keywords"] == info["/Keywords"]
    assert info.creation_date == info.modification_date == T
    assert told["CreateDate"] == told["ModifyDate"] == T.isoformat()


def test_the_colours_are_those_of_srgb(reader: pypdf.PdfReader) -> None:
    (intent,) = reader.trailer["/Root"]["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    assert intent["/DestOutputProfile"].get_data() == srgb_profile()
    own = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert own.profile.version == pytest.approx(2.1)
    colors = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    turned = ImageCms.profileToProfile(Image.fromarray(colors), own, ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(turned).astype(int) - colors).max() <= 1


def test_everything_that_is_painted_is_content_or_an_artifact_and_in_one_of_them_only(
    reader: pypdf.PdfReader,
) -> None:
    for page in reader.pages:
        depth, painted, used = 0, 0, []
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator in (b"BDC", b"BMC"):
                depth += 1
                assert depth == 1
                if operator == b"BDC":
                    used.append(operands[1]["/MCID"])
            elif operator == b"EMC":
                depth -= 1
            elif operator in PAINTS:
                painted += 1
                assert depth == 1, operator
        assert depth == 0
        assert painted > 10
        assert used == list(range(len(used)))


def kids_of(element: DictionaryObject) -> list[object]:
    found = element.get("/K", [])
    return [kid.get_object() for kid in found]


def flat(element: DictionaryObject) -> list[DictionaryObject]:
    below = [one for kid in kids_of(element) if isinstance(kid, dict) for one in flat(kid)]
    return [element, *below]


def test_the_structure_is_read_from_title_to_sign_off_with_figures_in_words(
    reader: pypdf.PdfReader,
) -> None:
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"].value is True
    assert catalog["/Lang"] == "zh-Hans"
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    tree = catalog["/StructTreeRoot"]
    (root,) = kids_of(tree)
    assert root["/S"] == "/Document"
    elements = flat(root)
    kinds = [str(element["/S"]) for element in elements]
    assert kinds.count("/H1") == 1
    assert kinds.index("/H1") < kinds.index("/H2")
    assert kinds.count("/Sect") == kinds.count("/H2") > 10
    figures = [e for e in elements if e["/S"] == "/Figure"]
    assert len(figures) >= 5
    assert all(str(figure["/Alt"]).strip() for figure in figures)
    for element in elements:
        rows = [kid for kid in kids_of(element) if isinstance(kid, dict)]
        if element["/S"] == "/Table":
            assert {row["/S"] for row in rows} <= {"/TR"}
        if element["/S"] == "/TR":
            assert {cell["/S"] for cell in rows} <= {"/TH", "/TD"}
            assert rows


def test_each_piece_of_content_belongs_to_the_element_that_the_parent_tree_names(
    reader: pypdf.PdfReader,
) -> None:
    tree = reader.trailer["/Root"]["/StructTreeRoot"]
    numbers = tree["/ParentTree"]["/Nums"]
    listed = dict(zip(numbers[::2], numbers[1::2], strict=True))
    assert len(listed) == len(reader.pages)
    count = 0
    for page in reader.pages:
        for mark, element in enumerate(listed[page["/StructParents"]].get_object()):
            found = element.get_object()
            assert found["/Pg"].get_object() == page
            assert mark in found["/K"]
            count += 1
    assert count > 100
