"""A JSON value that knows its place, so that every complaint about it can name that place."""

import base64
import math
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from mmcore.errors import ResultFormatError
from mmcore.records import Modality

Word = TypeVar("Word", bound=StrEnum)
Choice = TypeVar("Choice", bound=str)
_MAX_NAME = 60


def _undeclared(name: str) -> Modality:
    """Return a modality that whoever wrote the document had, in plain words.

    It is not declared: a file must not add an input to every page and model of this process.
    """
    modality = str.__new__(Modality, name)
    words = name.replace("_", " ")
    modality.display, modality.subject = words.capitalize(), words
    modality.inside, modality.absent = f"inside {words}", f"no {words}"
    modality.is_plural = False
    return modality


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document at the path ``where``; every method raises ``ResultFormatError``.

    A complaint says what was expected and never quotes the value: it may be a patient's name.
    """

    value: object
    where: str = "document"

    def error(self, problem: str) -> ResultFormatError:
        """Return the error that names this place."""
        return ResultFormatError(where=self.where, problem=problem)

    @property
    def is_null(self) -> bool:
        """Whether the value is JSON's null."""
        return self.value is None

    def field(self, name: str) -> "Node":
        """Return a member of an object."""
        if not isinstance(self.value, dict):
            raise self.error("expected an object")
        if name not in self.value:
            raise self.error(f"{name} is missing")
        return Node(self.value[name], f"{self.where}.{name}")

    def maybe_field(self, name: str) -> "Node":
        """Return a member of an object, or null where an older document does not have it."""
        if isinstance(self.value, dict) and name not in self.value:
            return Node(None, f"{self.where}.{name}")
        return self.field(name)

    def members(self) -> dict[str, "Node"]:
        """Return every member of an object by its name."""
        if not isinstance(self.value, dict):
            raise self.error("expected an object")
        return {str(name): Node(v, f"{self.where}.{name}") for name, v in self.value.items()}

    def items(self, *, length: int | None = None) -> tuple["Node", ...]:
        """Return the items of an array, of exactly ``length`` where one is given."""
        if not isinstance(self.value, list):
            raise self.error("expected an array")
        if length is not None and len(self.value) != length:
            raise self.error(f"expected {length} items, found {len(self.value)}")
        return tuple(Node(v, f"{self.where}[{i}]") for i, v in enumerate(self.value))

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.value, str):
            raise self.error("expected a string")
        return self.value

    def maybe_text(self) -> str | None:
        """Return a string, or None for null."""
        return None if self.is_null else self.text()

    def texts(self) -> tuple[str, ...]:
        """Return an array of strings."""
        return tuple(item.text() for item in self.items())

    def literal(self, *choices: Choice) -> Choice:
        """Return the one of the given strings that the value is."""
        text = self.text()
        for choice in choices:
            if text == choice:
                return choice
        raise self.error(f"expected one of {', '.join(choices)}")

    def flag(self) -> bool:
        """Return a boolean."""
        if not isinstance(self.value, bool):
            raise self.error("expected true or false")
        return self.value

    def number(self) -> float:
        """Return a finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error("expected a number")
        try:
            number = float(self.value)
        except OverflowError as error:
            raise self.error("the number is too large") from error
        if not math.isfinite(number):
            raise self.error("expected a finite number")
        return number

    def maybe_number(self) -> float | None:
        """Return a finite number, or None for null."""
        return None if self.is_null else self.number()

    def count(self) -> int:
        """Return a whole number that is not negative."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.error("expected a whole number that is not negative")
        return self.value

    def pair(self) -> tuple[float, float]:
        """Return an array of two finite numbers."""
        first, second = self.items(length=2)
        return first.number(), second.number()

    def maybe_pair(self) -> tuple[float, float] | None:
        """Return two finite numbers, or None for null."""
        return None if self.is_null else self.pair()

    def word(self, words: type[Word]) -> Word:
        """Return one of the words of an enumeration."""
        try:
            return words(self.text())
        except ValueError as error:
            raise self.error(f"expected one of {', '.join(words)}") from error

    def modality(self) -> Modality:
        """Return a modality; one that is not declared here goes by its name in the document."""
        name = self.text()
        if not (name.isidentifier() and name.islower() and len(name) <= _MAX_NAME):
            raise self.error("expected the lower-case name of a modality")
        return Modality(name) if name in tuple(Modality) else _undeclared(name)

    def maybe_modality(self) -> Modality | None:
        """Return a modality, or None for null."""
        return None if self.is_null else self.modality()

    def maybe_word(self, words: type[Word]) -> Word | None:
        """Return one of the words of an enumeration, or None for null."""
        return None if self.is_null else self.word(words)

    def maybe_date(self) -> date | None:
        """Return an ISO 8601 date, or None for null."""
        if self.is_null:
            return None
        try:
            return date.fromisoformat(self.text())
        except ValueError as error:
            raise self.error("expected an ISO 8601 date") from error

    def maybe_time(self) -> datetime | None:
        """Return an ISO 8601 date and time, or None for null."""
        if self.is_null:
            return None
        try:
            return datetime.fromisoformat(self.text())
        except ValueError as error:
            raise self.error("expected an ISO 8601 date and time") from error

    def data(self) -> bytes:
        """Return the bytes of a base64 string."""
        try:
            return base64.b64decode(self.text(), validate=True)
        except ValueError as error:
            raise self.error("expected base64") from error
