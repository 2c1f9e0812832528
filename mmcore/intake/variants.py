"""A gene panel from VCF text, versions 4.0 to 4.5: strict, bounded, one sample.

Our own reader, as only one genotype per line is wanted and nothing else of the format. What breaks
the standard refuses the file; what is merely not readable here becomes a question by line number.
Genotypes are counted per alternate allele, so a line with several becomes several variants.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.genotypes import (
    BASES,
    Panel,
    count_aside,
    effect_of,
    gene_of,
    identifier_of,
    read_call,
)
from mmcore.intake.note import parse_date
from mmcore.intake.parts import Identity, VariantsPart
from mmcore.intake.text import decode_text
from mmcore.language import say
from mmcore.records import Patient, Variant

MAX_LINES = 200_000
MAX_LINE_CHARACTERS = 200_000
MAX_ALTERNATES = 100
MAX_BREAKEND_CHARACTERS = 1_000
MAX_POSITION = 2**31 - 1

_VERSION = re.compile(r"##fileformat=VCFv4\.[0-5]\s*")
_FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_CONTIG = re.compile(r"[!-~]{1,100}")
_SYMBOLIC = re.compile(r"<[^<>\s]{1,200}>|\*|\.[A-Za-z]{1,500}|[A-Za-z]{1,500}\.")
_WHOSE = re.compile(r"##(patient_?id|patient_?name|birth_?date|date_?of_?birth)=(.{1,120})", re.I)
# Names that laboratories give to a sample when they do not say whose it is.
_NOBODYS = re.compile(
    r"(sample|default|unknown|patient|proband|index|tumou?r|normal|germline|blood|dna|s|na)?"
    r"[ _-]?\d{0,3}",
    re.IGNORECASE,
)
_ANNOTATION_FIELDS = re.compile(r"##INFO=<ID=CSQ,.*Format: ?([^\">]{1,4000})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Header:
    """What stands above the lines of variants. csq: names of the fields of VEP's annotation."""

    width: int
    identity: Identity
    csq: tuple[str, ...]


def is_vcf(data: bytes) -> bool:
    """Whether the bytes start as VCF text must."""
    return data.removeprefix(b"\xef\xbb\xbf")[:16].startswith(b"##fileformat=VCF")


def read_vcf(data: bytes, *, digest: str) -> VariantsPart:
    """Return the genotypes of a VCF file.

    Raises ``FileRefusedError`` with TOO_LARGE, BAD_TEXT, BAD_VCF, RAGGED_ROW, MISSING_COLUMN or
    SEVERAL_SAMPLES.
    """
    text, notices = decode_text(data)
    lines = _lines(text)
    header = _read_header(lines)
    panel = Panel()
    counts = {"filtered": 0, "symbolic": 0, "blank": 0}
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != header.width:
            raise FileRefusedError(
                RefusalCode.RAGGED_ROW,
                say(
                    "line {number} has {columns} columns; the heading has {width}",
                    number=number,
                    columns=len(cells),
                    width=header.width,
                ),
            )
        _read_line(number, cells, header, panel, counts, digest)
    ids, name = header.identity.patient_ids, header.identity.name
    return VariantsPart(
        variants=panel.variants(),
        identity=header.identity,
        patient=Patient(min(ids, default=None), name, header.identity.birth_date),
        questions=tuple(panel.questions),
        aside=count_aside(**counts),
        notices=notices,
    )


def _bad(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.BAD_VCF, detail)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) without blank ones at the end."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the file has more than {max_lines:,} lines", max_lines=MAX_LINES),
        )
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise FileRefusedError(
                RefusalCode.TOO_LARGE,
                say(
                    "line {number} has more than {max_line_characters:,} characters",
                    number=number,
                    max_line_characters=MAX_LINE_CHARACTERS,
                ),
            )
        yield number, line


def _read_header(lines: Iterator[tuple[int, str]]) -> _Header:
    """Read up to the heading. VCF 4.3, 1.4 and 1.5."""
    _, first = next(lines)
    if not _VERSION.fullmatch(first):
        raise _bad(say("the file is not of VCF version 4"))
    said: dict[str, str] = {}
    csq: tuple[str, ...] = ()
    for number, line in lines:
        if line.startswith("##"):
            if match := _WHOSE.fullmatch(line):
                said.setdefault(match[1].lower().replace("_", ""), match[2].strip())
            elif match := _ANNOTATION_FIELDS.match(line):
                csq = tuple(match[1].lower().split("|"))
            continue
        columns = line.split("\t")
        if tuple(columns[:8]) != _FIXED:
            raise _bad(
                say(
                    "line {number} is not the heading that was expected, #CHROM to INFO by tabs",
                    number=number,
                )
            )
        return _Header(len(columns), _identity(_sample(columns), said), csq)
    raise _bad(say("the file ends before its heading"))


def _sample(columns: list[str]) -> str:
    if len(columns) < 10 or columns[8] != "FORMAT":
        raise FileRefusedError(
            RefusalCode.MISSING_COLUMN,
            say("the file lists variants without the genotype of anybody"),
            attribute="FORMAT",
        )
    if len(columns) > 10:
        raise FileRefusedError(
            RefusalCode.SEVERAL_SAMPLES,
            say("the file holds {samples:,} samples; one was expected", samples=len(columns) - 9),
        )
    return columns[9].strip()


def _identity(sample: str, said: Mapping[str, str]) -> Identity:
    """Return whom the file names: in its meta-information, else by the name of its sample."""
    number = said.get("patientid", "")
    if not number and not _NOBODYS.fullmatch(sample):
        number = sample
    birth_date = parse_date(said.get("birthdate", said.get("dateofbirth", "")))
    return Identity(
        frozenset({number[:64]} if number else ()),
        said.get("patientname"),
        birth_date,
    )


# Lines


def _read_line(
    number: int, cells: list[str], header: _Header, panel: Panel, counts: dict[str, int],
    digest: str,
) -> None:  # fmt: skip
    chromosome, position = cells[0], _position(number, cells[1])
    reference, alternates = cells[3].upper(), cells[4].split(",")
    if not (_CONTIG.fullmatch(chromosome) and BASES.fullmatch(reference)):
        raise _bad(say("line {number} has no chromosome or no reference allele", number=number))
    if len(alternates) > MAX_ALTERNATES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say(
                "line {number} has more than {max_alternates} alleles",
                number=number,
                max_alternates=MAX_ALTERNATES,
            ),
        )
    if not all(_is_allele(allele) for allele in alternates):
        raise _bad(say("line {number} has an alternate allele that is none", number=number))
    if cells[6] not in ("PASS", "."):
        counts["filtered"] += 1
        return
    keys, values = cells[8].split(":"), cells[9].split(":")
    if "GT" not in keys[: len(values)]:
        panel.ask(number, say("the genotype is missing"))
        return
    has_alternate = alternates != ["."]
    call = read_call(values[keys.index("GT")], alternates=len(alternates) if has_alternate else 0)
    if isinstance(call, str):
        panel.ask(number, call)
        return
    identifiers = cells[2].split(";")
    if not has_alternate and not identifier_of(identifiers[0]):
        counts["blank"] += 1
        return
    info = _info(cells[7])
    for index, allele in enumerate(alternates):
        if has_alternate and not BASES.fullmatch(allele):
            counts["symbolic"] += index + 1 in call
            continue
        fits = len(identifiers) == len(alternates)
        own = identifier_of(identifiers[index]) if fits else ""
        gene, effect = _annotation(info, allele, index, reference, header.csq)
        panel.add(
            Variant(
                variant_id=own or f"{chromosome}:{position}:{reference}>{allele.upper()}",
                gene=gene,
                chromosome=chromosome,
                position=position,
                reference=reference,
                alternate=allele.upper(),
                copies=call.count(index + 1),
                effect=effect,
                digest=digest,
            ),
            line=number,
        )


def _position(number: int, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_POSITION:
        raise _bad(say("line {number} has a position that is no number", number=number))
    return int(text)


def _is_allele(text: str) -> bool:
    if "[" in text or "]" in text:  # a breakend
        return len(text) <= MAX_BREAKEND_CHARACTERS
    return text == "." or bool(BASES.fullmatch(text) or _SYMBOLIC.fullmatch(text))


def _info(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split(";", 1000)[:1000])
    return {key.upper(): value for key, _, value in pairs if value}


def _annotation(
    info: Mapping[str, str], allele: str, index: int, reference: str, csq: tuple[str, ...]
) -> tuple[str, str]:
    """Return gene and effect of one allele: plain keys first, then SnpEff's ANN, VEP's CSQ."""
    gene, effect = "", ""
    for key in ("GENE", "SYMBOL", "GENEINFO", "GENE_SYMBOL"):
        gene = gene or gene_of(_of_allele(info.get(key, ""), index).split(":")[0].split("|")[0])
    for key in ("EFFECT", "CONSEQUENCE"):
        effect = effect or effect_of(_of_allele(info.get(key, ""), index))
    for entry in info.get("ANN", "").split(",", 100)[:100]:  # allele|effect|impact|gene|...
        fields = entry.split("|")
        if len(fields) > 3 and fields[0].upper() == allele.upper():
            gene, effect = gene or gene_of(fields[3]), effect or effect_of(fields[1])
    if csq and "CSQ" in info:
        named = _vep(info["CSQ"], allele, reference, csq)
        gene = gene or gene_of(named.get("symbol", ""))
        effect = effect or effect_of(named.get("consequence", ""))
    return gene, effect


def _of_allele(text: str, index: int) -> str:
    """Return the part of a comma-separated value that belongs to one alternate allele."""
    parts = text.split(",", index + 1)
    return parts[index] if index < len(parts) else parts[0]


def _vep(text: str, allele: str, reference: str, csq: tuple[str, ...]) -> dict[str, str]:
    """Return VEP's first annotation of an allele, which it names without the shared first base."""
    shared = allele[:1].upper() == reference[:1].upper() and len(allele) != len(reference)
    trimmed = (allele[1:] or "-") if shared else allele
    for entry in text.split(",", 100)[:100]:
        named = dict(zip(csq, entry.split("|"), strict=False))
        if named.get("allele", "").upper() in (allele.upper(), trimmed.upper()):
            return named
    return {}
