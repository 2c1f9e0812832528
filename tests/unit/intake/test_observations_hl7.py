"""HL7 v2 results: delimiters as stated, final values alone, corrections, reports as notes."""

import time
from datetime import UTC, date, datetime

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.observations_hl7 import read_hl7
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.sniff import Content, sniff

MSH = r"MSH|^~\&|LAB|H|EMR|H|20240506080000||ORU^R01^ORU_R01|1|P|2.5.1"
PID = "PID|1||00123^^^H^MR~A-9^^^X^PI||Doe^Jane^M||19700131|F"
OBR = "OBR|1||1|57021-8^CBC^LN|||20240506070809+0200"


def obx(
    value: str = "4.1", *, loinc: str = "2823-3^Potassium^LN", type_: str = "NM",
    unit: str = "mmol/L", status: str = "F", when: str = "", reference: str = "3.5-5.1",
) -> str:  # fmt: skip
    return f"OBX|1|{type_}|{loinc}||{value}|{unit}|{reference}||||{status}|||{when}"


def message(*segments: str, head: str = MSH, pid: str = PID) -> str:
    return "\r".join([head, pid, OBR, *segments]) + "\r"


def read(text: str) -> ObservationsPart:
    return read_hl7(text.encode(), digest="d")


def refusal(data: bytes) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        read_hl7(data, digest="d")
    assert not any(word in caught.value.detail for word in ("Doe", "Jane", "00123"))
    return caught.value


def test_a_result_keeps_value_unit_range_time_and_patient() -> None:
    part = read(message(obx()))
    (found,) = part.observations
    assert (found.loinc, found.value, found.unit) == ("2823-3", 4.1, "mmol/L")
    assert (found.reference_low, found.reference_high) == (3.5, 5.1)
    assert found.time == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert part.identity.patient_ids == {"00123", "A-9"}
    assert (part.patient.name, part.patient.sex) == ("Doe, Jane", "F")
    assert part.patient.birth_date == date(1970, 1, 31)


def test_the_time_of_a_result_outranks_that_of_its_order() -> None:
    (found,) = read(message(obx(when="202405061200"))).observations
    assert found.time == datetime(2024, 5, 6, 12, 0)


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ("<^0.6", "SN", ("<", 0.6)),
        ("^0.6", "SN", (None, 0.6)),
        (">100", "ST", (">", 100.0)),
        ("12.5 mg/L", "ST", (None, 12.5)),
    ],
)
def test_numbers_of_every_type(value: str, type_: str, expected: tuple[str | None, float]) -> None:
    crp = obx(value, type_=type_, loinc="1988-5^CRP^LN", unit="mg/L", reference="<5")
    (found,) = read(message(crp)).observations
    assert (found.comparator, found.value) == expected
    assert found.reference_high == 5.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (obx("4,1"), "not one number"),
        (obx("1^-^2", type_="SN"), "not one number"),
        (obx("haemolysed", type_="ST"), "not one number"),
        (obx("4.1~4.2"), "2 values"),
        (obx(""), "0 values"),
        (obx(unit=""), "has no unit"),
        (obx("4.1 mg/dL", type_="ST"), "another in its unit field"),
        (obx("41"), "outside"),
    ],
)
def test_what_is_not_one_value_with_a_unit_is_asked_about(line: str, words: str) -> None:
    part = read(message(line))
    assert part.observations == ()
    assert len(part.questions) == 1
    assert words in part.questions[0]
    assert "line 4" in part.questions[0]


def test_a_code_in_the_alternate_place_and_a_unit_in_words_are_found() -> None:
    local = obx(loinc="K^Kalium^L^2823-3^Potassium^LN", unit="x^mmol/L^L")
    assert [o.value for o in read(message(local)).observations] == [4.1]
    by_name = obx(loinc="1234^Potassium^L")
    assert [o.loinc for o in read(message(by_name)).observations] == ["2823-3"]
    foreign = obx(loinc="99999-9^Potassium^LN")
    assert read(message(foreign)).observations == ()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("P", "1 preliminary results that may still change"),
        ("R", "1 preliminary results that may still change"),
        ("S", "1 preliminary results that may still change"),
        ("I", "1 results that are not there yet"),
        ("N", "1 results that are not there yet"),
        ("X", "1 results that were withdrawn or are wrong"),
        ("", "1 results that do not say whether they are final"),
    ],
)
def test_only_final_results_are_read(status: str, words: str) -> None:
    part = read(message(obx(status=status)))
    assert part.observations == ()
    assert part.aside == words
    assert part.notices == (f"{words} were kept aside.",)


def test_a_preliminary_result_may_be_declared_final_without_being_sent_again() -> None:
    part = read(message(obx(status="P"), obx("", status="U")))
    assert [o.value for o in part.observations] == [4.1]
    assert part.notices == ()
    assert read(message(obx(status="U"))).observations == ()


def test_the_zone_of_the_message_holds_where_a_time_states_none() -> None:
    head = MSH.replace("20240506080000", "20240506080000-0500")
    order = OBR.replace("+0200", "")
    for zone, expected in ((head, 12), (MSH, None)):
        text = message(obx(), head=zone).replace(OBR, order)
        (found,) = read(text).observations
        assert found.time == datetime(2024, 5, 6, expected or 7, 8, 9, tzinfo=expected and UTC)


def test_a_result_without_a_time_of_its_own_is_as_late_as_its_report() -> None:
    written = "OBR|1||1|57021-8^CBC^LN" + "|" * 18 + "202405061400+0200"
    (found,) = read(message(obx()).replace(OBR, written)).observations
    assert found.time == datetime(2024, 5, 6, 12, tzinfo=UTC)


def test_a_report_is_as_late_as_it_was_written_and_not_as_the_film() -> None:
    written = OBR + "|" * (22 - OBR.count("|")) + "202405061400+0200"
    line = obx("Clear.", type_="TX", loinc="1^Findings^L", unit="", reference="")
    (note,) = read(message(line).replace(OBR, written)).notes
    assert note.authored_at == datetime(2024, 5, 6, 12, tzinfo=UTC)


def test_a_correction_replaces_and_a_wrong_result_is_taken_out() -> None:
    first, corrected = message(obx("4.1")), message(obx("4.4", status="C"))
    assert [o.value for o in read(first + corrected).observations] == [4.4]
    assert read(first + message(obx("4.1", status="W"))).observations == ()
    assert [o.value for o in read(first + first).observations] == [4.1, 4.1]


def test_other_delimiters_and_escapes() -> None:
    text = message(obx(loinc="2823-3^K^LN"), obx("a\\T\\b \\F\\ \\E\\ \\X41\\\\.br\\next",
                   type_="FT", loinc="1^FINDINGS^L", unit="", reference=""))  # fmt: skip
    swapped = text.translate(str.maketrans("|^~\\&", "#@*!%"))
    for given in (text, swapped):
        part = read(given)
        assert [o.value for o in part.observations] == [4.1]
    (note,) = read(text).notes
    assert note.text == "FINDINGS:\na&b | \\ A\nnext"
    assert read(swapped).notes[0].text == "FINDINGS:\na%b # ! A\nnext"


def test_the_lines_of_a_report_are_one_note() -> None:
    def line(text: str, name: str) -> str:
        return obx(text, type_="TX", loinc=f"1^{name}^L", unit="", reference="")

    part = read(message(line("Clear lungs.", "Findings"), line("No effusion.", "Findings"),
                        line("Normal.", "Impression")))  # fmt: skip
    (note,) = part.notes
    assert note.text == "Findings:\nClear lungs.\nNo effusion.\nImpression:\nNormal."
    assert [s.kind for s in note.sections] == ["findings", "impression"]
    assert (note.title, note.authored_at) == ("CBC", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "left"),
    [("C", ["No effusion."]), ("W", []), ("F", ["Large effusion.", "No effusion."])],
)
def test_a_corrected_report_replaces_the_one_before(status: str, left: list[str]) -> None:
    def report(text: str, status: str) -> str:
        return message(obx(text, type_="TX", loinc="1^Text^L", unit="", status=status), obx())

    part = read(report("Large effusion.", "F") + report("No effusion.", status))
    assert [note.text for note in part.notes] == left
    other = report("Other film.", "F").replace("OBR|1||1|", "OBR|1||2|")
    assert [n.text for n in read(other + report("New.", "C")).notes] == ["Other film.", "New."]


def test_the_stated_character_set_is_used() -> None:
    head = MSH + "|" * 6 + "GB 18030-2000"
    text = message(obx(), head=head, pid="PID|1||00123||张^三")
    part = read_hl7(text.encode("gb18030"), digest="d")
    assert part.patient.name == "张, 三"
    assert part.notices == ()
    assert refusal(text.encode("gb18030") + b"\xff").code == RefusalCode.BAD_TEXT


def test_framing_and_batches_are_tolerated() -> None:
    framed = f"\x0b{message(obx())}\x1c\r"
    batch = "FHS|^~\\&|x\rBHS|^~\\&|x\r" + message(obx()) + "BTS|1\rFTS|1\r"
    for text in (framed, batch, message(obx()).replace("\r", "\r\n")):
        assert sniff(text.encode()) is Content.HL7
        assert [o.value for o in read(text).observations] == [4.1]


def test_messages_without_results_and_enclosed_files_are_kept_aside() -> None:
    adt = message(head=MSH.replace("ORU^R01^ORU_R01", "ADT^A01"))
    enclosed = obx("^AP^^Base64^AAAA", type_="ED", loinc="1^x^L", unit="", reference="")
    part = read(adt + message(enclosed))
    assert part.notices == (
        "1 messages that hold no results and 1 files inside the message were kept aside.",
    )


def test_two_patients_in_one_file_are_refused() -> None:
    other = message(obx(), pid="PID|1||777||Roe^Ann")
    assert refusal((message(obx()) + other).encode()).code == RefusalCode.PATIENT_MISMATCH


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"MSH|^~\\&|x\rnot a segment", RefusalCode.BAD_HL7),
        (b"MSH||||||\rPID|1", RefusalCode.BAD_HL7),
        (b"PID|1", RefusalCode.BAD_HL7),
        (b"MSH|^~\\&|a\0b", RefusalCode.BAD_TEXT),
        (b"MSH|^~\\&|" + b"x" * (11 * 2**20), RefusalCode.TOO_LARGE),
        (b"MSH|^~\\&|x\r" + b"NTE|\r" * 100_001, RefusalCode.TOO_MANY_ELEMENTS),
        (b"MSH|^~\\&|x\rOBX" + b"|" * 1_000_000, RefusalCode.BAD_HL7),
    ],
)
def test_hostile_messages_are_refused_in_time(data: bytes, code: RefusalCode) -> None:
    started = time.process_time()
    assert refusal(data).code == code
    assert time.process_time() - started < 2


def test_many_escapes_and_components_take_no_time() -> None:
    started = time.process_time()
    text = "\\" * 500_001 + "^" * 500_000 + "~" * 100_000
    assert read(message(obx(text, loinc="1^x^L", type_="TX", unit=""))).observations == ()
    assert time.process_time() - started < 3


def test_the_same_result_many_times_takes_no_time() -> None:
    started = time.process_time()
    lines = "\r".join([obx("x")] * 20_000)
    assert len(read(message(lines)).questions) == 20_000
    assert time.process_time() - started < 5


def test_a_note_that_begins_with_the_letters_msh_is_no_message() -> None:
    assert sniff(b"MSH: history of multiple sclerosis\nFINDINGS: clear") is Content.TEXT


def test_a_message_is_a_file_of_the_case() -> None:
    case = case_from_files([RawFile("oru.hl7", message(obx()).encode())])
    assert [(file.kind, str(file.verdict)) for file in case.files] == [("observations", "used")]
    assert case.patient.name == "Doe, Jane"
