"""Genotypes as sources write them, and the panel that they make.

A genotype that can not be read in one way only becomes a question; it is never taken for "as the
reference".
"""

import re
from dataclasses import dataclass, field

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import filled, joined, say
from mmcore.records import Variant

MAX_VARIANTS = 20_000
BASES = re.compile(r"[ACGTNRYSWKMBDHV]{1,10000}", re.IGNORECASE)

_CALL = re.compile(r"(\d{1,3}|\.)(?:[/|](\d{1,3}|\.))?")
_GENE = re.compile(r"[\w.@-]{1,40}", re.ASCII)
_EFFECT = re.compile(r"\w{3,60}", re.ASCII)
_IDENTIFIER = re.compile(r"[!-~]{1,100}")


def read_call(text: str, *, alternates: int) -> tuple[int, ...] | str:
    """Return the allele numbers of a VCF genotype, phased or not, or words for what is wrong.

    One number is a haploid call, as of the X chromosome in men. VCF 4.3, 1.6.2.
    """
    match = _CALL.fullmatch(text.strip())
    if match is None:
        return say("the genotype is not of one or two alleles")
    alleles = [allele for allele in match.groups() if allele is not None]
    if "." in alleles:
        return say("the genotype is missing")
    numbers = tuple(int(allele) for allele in alleles)
    if max(numbers) > alternates:
        return say("the genotype names an allele that the line does not have")
    return numbers


def gene_of(text: str) -> str:
    """Return a gene symbol as it stands, or "" where it can not be one."""
    return text if _GENE.fullmatch(text) else ""


def effect_of(text: str) -> str:
    """Return the first of the effects that a source lists, or "" where it is no plain term."""
    first = re.split(r"[&,;|]", text, maxsplit=1)[0].strip().replace(" ", "_")
    return first if _EFFECT.fullmatch(first) else ""


def identifier_of(text: str) -> str:
    """Return an identifier as it stands, or "" where there is none."""
    return text if text != "." and _IDENTIFIER.fullmatch(text) else ""


@dataclass(slots=True)
class Panel:
    """The variants of one file as they are found; what contradicts itself is left out."""

    questions: list[str] = field(default_factory=list)
    _variants: dict[str, Variant] = field(default_factory=dict)
    _contradicted: set[str] = field(default_factory=set)

    def add(self, variant: Variant, *, line: int) -> None:
        """Add a variant. Raises ``FileRefusedError`` (TOO_LARGE) beyond ``MAX_VARIANTS``."""
        known = self._variants.get(variant.variant_id)
        if known is not None and known.copies != variant.copies:
            self._contradicted.add(variant.variant_id)
            self.ask(
                line, say("the same variant stands above with another genotype; neither was used")
            )
        self._variants.setdefault(variant.variant_id, variant)
        if len(self._variants) > MAX_VARIANTS:
            raise FileRefusedError(
                RefusalCode.TOO_LARGE,
                say(
                    "the file lists more than {max_variants:,} variants, so it is no gene panel",
                    max_variants=MAX_VARIANTS,
                ),
            )

    def ask(self, line: int, words: str) -> None:
        """Say why a line was not used."""
        self.questions.append(say("line {line}: {problem}", line=line, problem=words))

    def variants(self) -> tuple[Variant, ...]:
        """Return what stands without contradiction, in the order of the genome."""
        kept = (v for key, v in self._variants.items() if key not in self._contradicted)
        return tuple(sorted(kept, key=lambda v: (v.chromosome, v.position, v.gene, v.variant_id)))


def count_aside(**counts: int) -> str:
    """Return one clause for what was set aside; the keys are those of ``_ASIDE``."""
    parts = [
        _ASIDE[key][0] if n == 1 else filled(_ASIDE[key][1], n=n) for key, n in counts.items() if n
    ]
    if not parts:
        return ""
    what = joined(parts, " and ")
    if sum(counts.values()) == 1:
        return say("{what} was kept aside", what=what)
    return say("{what} were kept aside", what=what)


_ASIDE = {
    "filtered": (
        say("1 variant that did not pass the filter"),
        say("{n} variants that did not pass the filter"),
    ),
    "symbolic": (say("1 allele without a sequence"), say("{n} alleles without a sequence")),
    "blank": (
        say("1 position without an alternate allele"),
        say("{n} positions without an alternate allele"),
    ),
}
