"""A panel gives each genotype as the laboratory called it, or asks, or is refused: no guess."""

from datetime import date

import numpy as np
import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.parts import VariantsPart
from mmcore.intake.variants import read_vcf
from mmcore.intake.variants_table import looks_like_panel, read_panel
from mmcore.records import Case, FileVerdict
from tests.clocks import computed_within

META = "##fileformat=VCFv4.3\n"
HEADING = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def row(
    *, chrom: str = "1", pos: str = "100", name: str = "rs1", ref: str = "A", alt: str = "G",
    passed: str = "PASS", info: str = "GENE=SIMG01;EFFECT=missense_variant", keys: str = "GT",
    call: str = "0/1",
) -> str:  # fmt: skip
    return "\t".join((chrom, pos, name, ref, alt, ".", passed, info, keys, call)) + "\n"


def vcf(*rows: str, sample: str = "00123", meta: str = "") -> bytes:
    return (META + meta + HEADING + sample + "\n" + "".join(rows)).encode()


def read(data: bytes) -> VariantsPart:
    return read_vcf(data, digest="d")


def code(data: bytes, *, seconds: float = 2.0) -> RefusalCode:
    with computed_within(seconds), pytest.raises(FileRefusedError) as caught:
        read(data)
    assert "00123" not in caught.value.detail
    return caught.value.code


def case(*files: RawFile) -> Case:
    return case_from_files(files)


def test_a_line_is_one_variant() -> None:
    (found,) = read(vcf(row())).variants
    assert (found.variant_id, found.gene, found.effect) == ("rs1", "SIMG01", "missense_variant")
    assert (found.chromosome, found.position) == ("1", 100)
    assert (found.reference, found.alternate, found.copies, found.digest) == ("A", "G", 1, "d")


def test_without_an_identifier_a_variant_is_called_by_its_place() -> None:
    assert read(vcf(row(name="."))).variants[0].variant_id == "1:100:A>G"


@pytest.mark.parametrize(
    ("call", "copies"),
    [("0/0", 0), ("0/1", 1), ("1/0", 1), ("1/1", 2), ("0|1", 1), ("1|1", 2), ("1", 1), ("0", 0),
     ("0/1:35:99", 1)],
)  # fmt: skip
def test_genotypes_are_counted_phased_or_not(call: str, copies: int) -> None:
    keys = "GT:DP:GQ" if ":" in call else "GT"
    assert read(vcf(row(call=call, keys=keys))).variants[0].copies == copies


@pytest.mark.parametrize("call", ["./.", ".", ".|.", "./1", "0/."])
def test_a_missing_genotype_is_asked_about_and_never_taken_for_reference(call: str) -> None:
    part = read(vcf(row(call=call)))
    assert part.variants == ()
    assert part.questions == ("line 3: the genotype is missing",)


@pytest.mark.parametrize("call", ["0/0/1", "A/G", "", "-1/0", "1/", "0/9", "2", "1000/1"])
def test_a_genotype_of_another_kind_is_asked_about(call: str) -> None:
    part = read(vcf(row(call=call)))
    assert part.variants == ()
    assert len(part.questions) == 1


def test_a_line_without_a_genotype_field_is_asked_about() -> None:
    assert len(read(vcf(row(keys="DP", call="30"))).questions) == 1
    assert len(read(vcf(row(keys="DP:GT", call="30"))).questions) == 1


def test_a_line_with_several_alternates_is_split() -> None:
    info = "GENE=SIMG01;EFFECT=missense_variant,stop_gained"
    part = read(vcf(row(alt="G,T", call="1/2", info=info, name=".")))
    assert [(v.variant_id, v.copies, v.effect) for v in part.variants] == [
        ("1:100:A>G", 1, "missense_variant"),
        ("1:100:A>T", 1, "stop_gained"),
    ]
    part = read(vcf(row(alt="G,T", call="2/2", name="rs1;rs2")))
    assert {v.variant_id: v.copies for v in part.variants} == {"rs1": 0, "rs2": 2}


def test_one_identifier_of_two_alleles_names_neither() -> None:
    part = read(vcf(row(alt="G,T", call="0/2", name="rs1")))
    assert {v.variant_id for v in part.variants} == {"1:100:A>G", "1:100:A>T"}


def test_what_did_not_pass_is_kept_aside_and_counted() -> None:
    part = read(vcf(row(), row(name="rs2", passed="q10;s50"), row(name="rs3", passed=".")))
    assert [v.variant_id for v in part.variants] == ["rs1", "rs3"]
    assert part.aside == "1 variant that did not pass the filter was kept aside"


@pytest.mark.parametrize("alt", ["<DEL>", "<DUP:TANDEM>", "*", "G]17:198982]", "[13:123457[A"])
def test_alleles_without_a_sequence_are_kept_aside_if_carried(alt: str) -> None:
    part = read(vcf(row(alt=alt)))
    assert part.variants == part.questions == ()
    assert part.aside == "1 allele without a sequence was kept aside"
    assert read(vcf(row(alt=f"G,{alt}", name="."))).aside == ""


def test_a_position_that_is_as_the_reference_counts_if_it_has_a_name() -> None:
    part = read(vcf(row(alt=".", call="0/0"), row(alt=".", name=".", call="0/0")))
    assert [(v.variant_id, v.alternate, v.copies) for v in part.variants] == [("rs1", ".", 0)]
    assert part.aside == "1 position without an alternate allele was kept aside"


def test_a_variant_that_contradicts_itself_is_not_used() -> None:
    part = read(vcf(row(), row(call="1/1"), row(name="rs2"), row(name="rs2")))
    assert [v.variant_id for v in part.variants] == ["rs2"]
    assert len(part.questions) == 1


def test_annotations_of_the_usual_tools_name_gene_and_effect() -> None:
    ann = "ANN=T|stop_gained|HIGH|OTHER|x,G|missense_variant&splice_region_variant|LOW|SIMG02|y"
    (found,) = read(vcf(row(info=ann))).variants
    assert (found.gene, found.effect) == ("SIMG02", "missense_variant")
    meta = (
        '##INFO=<ID=CSQ,Number=.,Type=String,Description="x. Format: Allele|Consequence|SYMBOL">\n'
    )
    (found,) = read(vcf(row(info="CSQ=G|stop_lost|SIMG03"), meta=meta)).variants
    assert (found.gene, found.effect) == ("SIMG03", "stop_lost")
    deletion = row(ref="AT", alt="A", info="CSQ=-|frameshift_variant|SIMG04")
    assert read(vcf(deletion, meta=meta)).variants[0].effect == "frameshift_variant"
    (found,) = read(vcf(row(info="."))).variants
    assert (found.gene, found.effect) == ("", "")


def test_text_that_is_no_symbol_does_not_become_one() -> None:
    (found,) = read(vcf(row(info="GENE=<script>;EFFECT=a b<c", name="rs1 x"))).variants
    assert (found.gene, found.effect, found.variant_id) == ("", "", "1:100:A>G")


# Whose it is


def test_the_sample_is_the_patient_unless_its_name_is_nobodys() -> None:
    assert read(vcf(row())).identity.patient_ids == {"00123"}
    for nobody in ("SAMPLE", "sample1", "Tumor", "S1", "NORMAL_01", "unknown", "12", ""):
        assert not read(vcf(row(), sample=nobody)).identity.is_known


def test_the_meta_information_goes_before_the_sample() -> None:
    meta = "##patient_id=00777\n##patient_name=Doe, Jane\n##birth_date=1970-01-31\n"
    identity = read(vcf(row(), meta=meta)).identity
    assert identity.patient_ids == {"00777"}
    assert (identity.name, identity.birth_date) == ("Doe, Jane", date(1970, 1, 31))


def test_several_samples_are_named_as_the_problem() -> None:
    data = vcf(row().rstrip("\n") + "\t0/1\n", sample="a\tb")
    with pytest.raises(FileRefusedError, match="2 samples; one was expected") as caught:
        read(data)
    assert caught.value.code == RefusalCode.SEVERAL_SAMPLES


def test_a_file_of_sites_alone_says_nothing_of_a_patient() -> None:
    heading = HEADING.removesuffix("\tFORMAT\t") + "\n"
    assert code((META + heading).encode()) == RefusalCode.MISSING_COLUMN


# Refusals


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"##fileformat=VCFv3.3\n", RefusalCode.BAD_VCF),
        (b"##fileformat=VCFv4.3", RefusalCode.BAD_VCF),
        (META.encode() + b"#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT x\n", RefusalCode.BAD_VCF),
        (META.encode() + row().encode(), RefusalCode.BAD_VCF),
        (vcf(row(pos="x")), RefusalCode.BAD_VCF),
        (vcf(row(pos="-1")), RefusalCode.BAD_VCF),
        (vcf(row(pos="9" * 11)), RefusalCode.BAD_VCF),
        (vcf(row(pos="4294967296")), RefusalCode.BAD_VCF),
        (vcf(row(chrom="")), RefusalCode.BAD_VCF),
        (vcf(row(ref="")), RefusalCode.BAD_VCF),
        (vcf(row(ref="<X>")), RefusalCode.BAD_VCF),
        (vcf(row(alt="")), RefusalCode.BAD_VCF),
        (vcf(row(alt="G,,T")), RefusalCode.BAD_VCF),
        (vcf(row(alt="G" * 10_001)), RefusalCode.BAD_VCF),
        (vcf(row(alt="[" * 5_000)), RefusalCode.BAD_VCF),
        (vcf(row(alt=",".join("G" * 101))), RefusalCode.TOO_LARGE),
        (vcf(row() + "1\t2\n"), RefusalCode.RAGGED_ROW),
        (vcf(row() + "\n" + row()), RefusalCode.RAGGED_ROW),
        (vcf(row(info="x" * 200_000)), RefusalCode.TOO_LARGE),
        (vcf(*(row(name=f"rs{n}") for n in range(20_001))), RefusalCode.TOO_LARGE),
        (META.encode() + b"##x\n" * 200_001, RefusalCode.TOO_LARGE),
        (META.encode() + b"x" * (10 * 2**20), RefusalCode.TOO_LARGE),
        (vcf(row(info="a\0b")), RefusalCode.BAD_TEXT),
    ],
)
def test_what_breaks_the_standard_or_a_bound_is_refused(data: bytes, expected: RefusalCode) -> None:
    assert code(data) == expected


def test_the_widest_file_that_is_allowed_is_read_in_bounded_time() -> None:
    info = "GENE=" + ",".join("x" * 90_000)
    wide = row(alt=",".join("G" * 100), info=info, name=".", call="0/0")
    with computed_within(5):
        read(vcf(*[wide] * 50))


def test_every_cut_of_a_file_is_read_or_refused() -> None:
    data = vcf(row(), row(name="rs2", alt="G,<DEL>", call="1/2"), row(name="rs3"))
    for cut in range(len(data)):
        try:
            part = read(data[:cut])
        except FileRefusedError:
            continue
        assert {v.variant_id for v in part.variants} <= {"rs1", "1:100:A>G", "rs3"}


def test_a_mutated_file_never_raises_anything_else() -> None:
    rng = np.random.default_rng(5)
    whole = vcf(row(), row(name="rs2", alt="G,T", call="1|2"))
    for _ in range(500):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), int(rng.integers(1, 8))):
            data[place] = int(rng.choice(list(b"\t\n,;:|/.<>[]0123456789ACGT\xff")))
        found = case(RawFile("x.vcf", bytes(data)))
        assert len(found.files) == 1


# Tables


def table(*rows: str, heading: str = "gene,variant,zygosity,effect,mrn") -> bytes:
    return "\n".join((heading, *rows)).encode()


def test_a_table_of_gene_variant_and_zygosity_is_a_panel() -> None:
    part = read_panel(table("SIMG01,c.35G>A,het,missense variant,00123"), digest="d")
    (found,) = part.variants
    assert (found.variant_id, found.gene, found.copies) == ("SIMG01:c.35G>A", "SIMG01", 1)
    assert (found.chromosome, found.position, found.effect) == ("", 0, "missense_variant")
    assert part.identity.patient_ids == {"00123"}


@pytest.mark.parametrize(
    ("text", "copies"),
    [("het", 1), ("Heterozygous", 1), ("hom", 2), ("homozygous", 2), ("wild type", 0),
     ("hemizygous", 1), ("hom_ref", 0), ("0/1", 1), ("1|1", 2), ("0/0", 0), ("2", 2)],
)  # fmt: skip
def test_zygosity_is_read_in_words_and_calls(text: str, copies: int) -> None:
    part = read_panel(table(f"SIMG01,rs1,{text},,"), digest="d")
    assert [v.copies for v in part.variants] == [copies]


@pytest.mark.parametrize("text", ["", "NA", "./.", "no call", "maybe", "A/G", "+/-", "0/2"])
def test_zygosity_that_is_not_plain_is_asked_about(text: str) -> None:
    part = read_panel(table(f"SIMG01,rs1,{text},,"), digest="d")
    assert part.variants == ()
    assert part.questions[0].startswith("line 2: ")


def test_letters_are_read_against_the_alleles_of_the_row() -> None:
    heading = "gene,chrom,pos,ref,alt,genotype"
    part = read_panel(
        table("SIMG01,1,100,A,G,A/G", "SIMG01,1,200,A,G,G|G", "SIMG01,1,300,A,G,A/T",
              heading=heading),
        digest="d",
    )  # fmt: skip
    assert [(v.variant_id, v.copies) for v in part.variants] == [("1:100:A>G", 1), ("1:200:A>G", 2)]
    assert len(part.questions) == 1


def test_a_name_that_spells_out_its_place_gives_it() -> None:
    part = read_panel(table("SIMG01,chr7:5500:g>t,het,,"), digest="d")
    (found,) = part.variants
    assert (found.chromosome, found.position, found.reference, found.alternate) == (
        "chr7", 5500, "G", "T",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (table(heading="gene,variant"), RefusalCode.MISSING_COLUMN),
        (table(heading="gene,genotype"), RefusalCode.MISSING_COLUMN),
        (table("SIMG01,rs1,het"), RefusalCode.RAGGED_ROW),
        (table("A,rs1,het,,1", "A,rs2,het,,2"), RefusalCode.PATIENT_MISMATCH),
        (table(heading="gene,gene,variant,gt"), RefusalCode.DUPLICATE_KEY),
    ],
)
def test_a_table_that_can_not_be_right_is_refused(data: bytes, expected: RefusalCode) -> None:
    with pytest.raises(FileRefusedError) as caught:
        read_panel(data, digest="d")
    assert caught.value.code == expected


def test_tables_of_other_things_are_no_panels() -> None:
    assert looks_like_panel("gene,variant,zygosity\n")
    assert looks_like_panel("Gene symbol;Chrom;Pos;Ref;Alt;GT\n")
    assert not looks_like_panel("name,value,unit\n")
    assert not looks_like_panel("The gene panel is pending, the patient is well.\n")


# In a case


def test_a_panel_is_recognised_by_content_and_joins_the_case() -> None:
    for name, data in (
        ("a.txt", vcf(row())),
        ("b", b"\xef\xbb\xbf" + vcf(row())),
        ("c.csv", table("SIMG01,rs1,het,,00123")),
        ("d.tsv", table("SIMG01,rs1,het,,00123").replace(b",", b"\t")),
    ):
        found = case(RawFile(name, data))
        assert [(f.kind, f.verdict) for f in found.files] == [("variants", FileVerdict.USED)]
        assert [v.variant_id for v in found.variants] == ["rs1"]
        assert found.patient.patient_id == "00123"


def test_what_was_not_used_is_said_with_the_file_and_the_case() -> None:
    found = case(RawFile("x.vcf", vcf(row(), row(name="rs2", call="./."), row(passed="q10"))))
    assert found.files[0].verdict is FileVerdict.USED
    assert found.files[0].reason == (
        "line 4: the genotype is missing; "
        "1 variant that did not pass the filter was kept aside"
    )  # fmt: skip
    assert "1 row of the gene panel was not used; the files say why." in found.notices


def test_a_panel_without_any_genotype_is_refused_and_one_without_variants_kept_aside() -> None:
    (blank,) = case(RawFile("x.vcf", vcf(row(call="./.")))).files
    assert blank.code == RefusalCode.NO_GENOTYPES
    found = case(RawFile("x.vcf", vcf()))
    assert found.files[0].verdict is FileVerdict.KEPT_ASIDE
    assert found.variants == ()


def test_the_panel_of_another_patient_is_refused() -> None:
    note = RawFile("note.txt", b"MRN: 00777\nFINDINGS: clear lungs.")
    labs = RawFile("labs.csv", b"mrn,name,value,unit\n00777,K,4.1,mmol/L\n")
    found = case(note, labs, RawFile("x.vcf", vcf(row())))
    assert found.files[2].code == RefusalCode.PATIENT_MISMATCH
    assert found.variants == ()


def test_panels_that_disagree_cost_the_variant_and_say_so() -> None:
    one = RawFile("a.vcf", vcf(row(), row(name="rs2")))
    other = RawFile("b.vcf", vcf(row(call="1/1"), row(name="rs3")))
    for files in ((one, other), (other, one)):
        found = case(*files)
        assert [v.variant_id for v in found.variants] == ["rs2", "rs3"]
        assert "The gene panels disagree on a variant, which was left out." in found.notices


def test_a_refused_table_is_still_called_what_it_is() -> None:
    panel = RawFile("x.csv", table("SIMG01,rs1,het"))
    labs = RawFile("y.csv", b"name,value,unit\nK,4.1,mmol/L,x\n")
    assert [f.kind for f in case(panel, labs).files] == ["variants", "observations"]
