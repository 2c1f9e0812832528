"""A gene panel from a table with one row per variant: gene, variant and genotype or zygosity.

A table may name a variant without its place in the genome, as laboratories do in reports; then
chromosome and alleles are empty and the position is 0.
"""

import re
from collections.abc import Mapping

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
from mmcore.intake.parts import VariantsPart
from mmcore.intake.table import (
    DELIMITERS,
    PATIENT_COLUMNS,
    check_heading,
    delimiter_of,
    find_roles,
    first_line,
    identity_of,
    plain,
    rows_of,
    whose,
)
from mmcore.intake.text import decode_text
from mmcore.language import joined, say
from mmcore.records import Patient, Variant

_COLUMNS: Mapping[str, frozenset[str]] = {
    "gene": frozenset({"gene", "gene_symbol", "symbol", "gene_name", "hgnc_symbol"}),
    "variant": frozenset({"variant", "variant_id", "rsid", "rs_id", "dbsnp", "hgvs", "hgvs_c",
                          "cdna", "cdna_change", "coding_change", "mutation"}),
    "genotype": frozenset({"genotype", "gt", "zygosity", "copies", "dosage"}),
    "effect": frozenset({"effect", "consequence", "variant_effect", "molecular_consequence"}),
    "chromosome": frozenset({"chromosome", "chrom", "chr", "contig"}),
    "position": frozenset({"position", "pos", "start"}),
    "reference": frozenset({"reference", "ref", "reference_allele"}),
    "alternate": frozenset({"alternate", "alt", "alternate_allele"}),
    "filter": frozenset({"filter"}),
    **PATIENT_COLUMNS,
}  # fmt: skip
_PLACE = ("chromosome", "position", "reference", "alternate")
_COPIES: dict[str, int] = {
    **dict.fromkeys(("wt", "wild_type", "wildtype", "hom_ref", "homozygous_reference", "reference",
                     "ref", "not_detected", "negative", "0"), 0),
    **dict.fromkeys(("het", "heterozygous", "heterozygote", "compound_heterozygous", "hemi",
                     "hemizygous", "1"), 1),
    **dict.fromkeys(("hom", "homozygous", "homozygote", "hom_alt", "homozygous_alternate",
                     "homozygous_variant", "2"), 2),
}  # fmt: skip
_MISSING = frozenset({"", "na", "n_a", "nc", "no_call", "missing", "unknown", "failed"})
_LETTERS = re.compile(r"([ACGT]{1,200})[/|]([ACGT]{1,200})", re.IGNORECASE)
_IN_GENE = re.compile(r"[cgmnp]\.\S+")
_FULL = re.compile(r"([\w.]{1,40})[:-](\d{1,10})[:-]([ACGT]{1,200})[>:/-]([ACGT]{1,200})", re.I)
_PASSED = frozenset({"", "pass", "passed", "."})


def looks_like_panel(text: str) -> bool:
    """Whether the heading of plain text is that of a table of variants."""
    first = first_line(text)
    if not any(delimiter in first for delimiter in DELIMITERS):
        return False
    roles = find_roles([plain(cell) for cell in first.split(delimiter_of(first))], _COLUMNS).keys()
    names_variant = "variant" in roles or {"chromosome", "position"} <= roles
    return "gene" in roles and (names_variant or "genotype" in roles)


def read_panel(data: bytes, *, digest: str) -> VariantsPart:
    """Return the genotypes of a table with a header row.

    Raises ``FileRefusedError`` with TOO_LARGE, BAD_TEXT, RAGGED_ROW, DUPLICATE_KEY,
    MISSING_COLUMN or PATIENT_MISMATCH.
    """
    text, notices = decode_text(data)
    rows = rows_of(text, delimiter_of(first_line(text)))
    _, header = next(rows, (0, []))
    roles = _check_header([plain(cell) for cell in header])
    panel = Panel()
    patients = set()
    n_filtered = 0
    for line, row in rows:
        cells = {role: row[index].strip() for role, index in roles.items()}
        patients.add(whose(cells))
        if plain(cells.get("filter", "")) not in _PASSED:
            n_filtered += 1
            continue
        found = _read_row(cells, digest)
        if isinstance(found, str):
            panel.ask(line, found)
        else:
            panel.add(found, line=line)
    identity = identity_of(patients)
    return VariantsPart(
        variants=panel.variants(),
        identity=identity,
        patient=Patient(
            min(identity.patient_ids, default=None), identity.name, identity.birth_date
        ),
        questions=tuple(panel.questions),
        aside=count_aside(filtered=n_filtered),
        notices=notices,
    )


def _check_header(header: list[str]) -> dict[str, int]:
    check_heading(header)
    roles = find_roles(header, _COLUMNS)
    missing = [role for role in ("gene", "genotype") if role not in roles]
    if "variant" not in roles and not set(_PLACE) <= roles.keys():
        missing.append("variant")
    if missing:
        raise FileRefusedError(
            RefusalCode.MISSING_COLUMN,
            say("the table lacks a column for: {columns}", columns=joined(missing, ", ")),
            attribute=missing[0],
        )
    return roles


def _read_row(cells: Mapping[str, str], digest: str) -> Variant | str:
    gene = gene_of(cells["gene"])
    if not gene:
        return say("the gene is missing or is not one symbol")
    place = _place(cells)
    if isinstance(place, str):
        return place
    chromosome, position, reference, alternate = place
    named = cells.get("variant", "").replace(" ", "")
    if _IN_GENE.fullmatch(named):  # c.35G>A is another place in every gene
        named = f"{gene}:{named}"
    named = identifier_of(named) or (
        f"{chromosome}:{position}:{reference}>{alternate}" if chromosome else ""
    )
    if not named:
        return say("the variant is missing or is not one name")
    copies = _copies(cells["genotype"], reference, alternate)
    if isinstance(copies, str):
        return copies
    return Variant(
        variant_id=named,
        gene=gene,
        chromosome=chromosome,
        position=position,
        reference=reference,
        alternate=alternate,
        copies=copies,
        effect=effect_of(cells.get("effect", "")),
        digest=digest,
    )


def _place(cells: Mapping[str, str]) -> tuple[str, int, str, str] | str:
    """Return the place in the genome from its columns, or from a name that spells it out."""
    texts = [cells.get(role, "") for role in _PLACE]
    if not any(texts) and (match := _FULL.fullmatch(cells.get("variant", ""))):
        texts = list(match.groups())
    if not all(texts):
        return "", 0, "", ""
    chromosome, position, reference, alternate = texts
    if not (re.fullmatch(r"[0-9]{1,10}", position) and re.fullmatch(r"[!-~]{1,100}", chromosome)):
        return say("the chromosome or the position can not be read")
    if not (BASES.fullmatch(reference) and BASES.fullmatch(alternate)):
        return say("the alleles are not one sequence each")
    return chromosome, int(position), reference.upper(), alternate.upper()


def _copies(text: str, reference: str, alternate: str) -> int | str:
    """Return how often the alternate allele is there, from a word, a call or letters."""
    word = plain(text)
    if word in _MISSING:
        return say("the genotype is missing")
    if word in _COPIES:
        return _COPIES[word]
    if match := _LETTERS.fullmatch(text):
        alleles = [allele.upper() for allele in match.groups()]
        if not reference or not set(alleles) <= {reference, alternate}:
            return say("the genotype is in letters that are not the alleles of the row")
        return alleles.count(alternate)
    call = read_call(text, alternates=1)
    return call if isinstance(call, str) else call.count(1)
