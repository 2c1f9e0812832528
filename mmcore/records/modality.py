"""The input channels of a model, by name, with the words a reader is shown for each.

The five built-in ones are class attributes; a further one is declared with ``Modality.declare``
and is then as good as they are everywhere: in records, results, pages and reports.
"""

from collections.abc import Iterator
from typing import ClassVar

from mmcore.language import say, word

_KNOWN: "dict[str, Modality]" = {}


class _Known(type):
    def __iter__(cls) -> "Iterator[Modality]":
        return iter(tuple(_KNOWN.values()))

    def __len__(cls) -> int:
        return len(_KNOWN)


class Modality(str, metaclass=_Known):
    """An input channel of the model; a DICOM modality such as CR is ``dicom_modality``.

    There is one object per name, so modalities may be compared with ``is``. Iterating the class
    gives all that are declared, in that order, which is also their order in every model.

    display: as a heading, "Clinical note". subject: in a sentence, "the note". inside: where in
    it, "inside the note". absent: what is wrong when it is not there, "no note". is_plural: whether
    one says "are" of it.
    """

    display: str
    subject: str
    inside: str
    absent: str
    is_plural: bool

    IMAGE: "ClassVar[Modality]"
    NOTE: "ClassVar[Modality]"
    OBSERVATIONS: "ClassVar[Modality]"
    RECORDING: "ClassVar[Modality]"
    VARIANTS: "ClassVar[Modality]"

    def __new__(cls, name: str) -> "Modality":
        """Return the modality of that name. Raises ``ValueError`` for one never declared."""
        try:
            return _KNOWN[name]
        except KeyError:
            raise ValueError(f"{name!r} is no modality; there are {', '.join(_KNOWN)}") from None

    @classmethod
    def declare(
        cls, name: str, *, display: str, subject: str, inside: str, absent: str,
        is_plural: bool = False,
    ) -> "Modality":  # fmt: skip
        """Make ``name`` a modality, or return it if it is one already.

        Raises ``ValueError`` unless the name is a lower-case identifier: it becomes a key in pack
        files, results and weights.
        """
        if not (name.isidentifier() and name.islower()):
            raise ValueError(f"{name!r} is not a lower-case identifier")
        if name not in _KNOWN:
            made = str.__new__(cls, name)
            made.display, made.subject = word(display), word(subject)
            made.inside, made.absent = word(inside), word(absent)
            made.is_plural = is_plural
            _KNOWN[name] = made
        return _KNOWN[name]

    @property
    def value(self) -> str:
        """The name as a plain string, for files."""
        return str.__str__(self)

    def __reduce__(self) -> tuple[type["Modality"], tuple[str]]:
        """Pickle by name, so that the other side finds its own one object."""
        return Modality, (self.value,)


Modality.IMAGE = Modality.declare(
    "image",
    display=say("Image"),
    subject=say("the image"),
    inside=say("inside the image"),
    absent=say("no usable image"),
)
Modality.NOTE = Modality.declare(
    "note",
    display=say("Clinical note"),
    subject=say("the note"),
    inside=say("inside the note"),
    absent=say("no note"),
)
Modality.OBSERVATIONS = Modality.declare(
    "observations",
    display=say("Labs and vitals"),
    subject=say("the labs and vitals"),
    inside=say("among labs and vitals"),
    absent=say("no labs or vitals"),
    is_plural=True,
)
Modality.RECORDING = Modality.declare(
    "recording",
    display=say("Sound recording"),
    subject=say("the sound recording"),
    inside=say("inside the recording"),
    absent=say("no sound recording"),
)
Modality.VARIANTS = Modality.declare(
    "variants",
    display=say("Gene panel"),
    subject=say("the gene panel"),
    inside=say("inside the gene panel"),
    absent=say("no gene panel"),
)
