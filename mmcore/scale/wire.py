"""Records as bytes between two processes, and back: JSON for values, safetensors for arrays.

A message is one safetensors file. Its tensor ``document`` is UTF-8 JSON; every array of the records
is a tensor of its own, named by a number, that the JSON refers to. Nothing in a message is ever
executed: what may come back is said by the annotations of the record that is asked for, and
anything else is refused.
"""

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from mmcore.errors import MessageFormatError
from mmcore.language import from_plain, to_plain
from mmcore.records import Modality

Record = TypeVar("Record")
Tensors = dict[str, npt.NDArray[np.generic]]

DOCUMENT = "document"
MAX_DEPTH = 40
_DTYPES = frozenset(
    ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64")
)
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_bytes(values: Mapping[str, object]) -> bytes:
    """Return a message that holds ``values`` by name.

    Values are records of ``mmcore.records``, texts, numbers, arrays, and tuples and mappings of
    these. Raises ``MessageFormatError`` for anything else.
    """
    tensors: Tensors = {}
    document = {name: _plain(value, tensors, where=name) for name, value in values.items()}
    encoded = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    tensors[DOCUMENT] = np.frombuffer(encoded, np.uint8)
    return save_tensors(tensors)


class Message:
    """A message that came in, from which values are taken by name and type."""

    def __init__(self, data: bytes) -> None:
        """Open ``data``. Raises ``MessageFormatError`` if it is no message."""
        try:
            self._tensors: Tensors = dict(load_tensors(data))
            document = json.loads(self._tensors.pop(DOCUMENT).tobytes())
        except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise MessageFormatError(where="message", problem=type(error).__name__) from error
        if not isinstance(document, dict):
            raise MessageFormatError(where="message", problem="not an object")
        self._document: dict[str, Any] = document

    def take(self, name: str, kind: type[Record]) -> Record:
        """Return the value of that name. Raises ``MessageFormatError`` if it is no ``kind``."""
        if name not in self._document:
            raise MessageFormatError(where=name, problem="missing")
        return cast(Record, _record(kind, self._document[name], self._tensors, name, MAX_DEPTH))


def _plain(value: object, tensors: Tensors, *, where: str) -> object:
    """Return ``value`` as JSON, with its arrays in ``tensors``."""
    match value:
        case None | bool():
            return value
        case Modality():
            return value.value
        case Enum():
            return value.value
        case str():
            return to_plain(value)
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            number = float(value)
            return number if math.isfinite(number) else str(number)
        case datetime() | date():
            return value.isoformat()
        case np.ndarray():
            return {"array": _keep(value, tensors, where)}
        case tuple() | list():
            return [_plain(v, tensors, where=f"{where}[{i}]") for i, v in enumerate(value)]
        case Mapping():
            return [
                [_plain(k, tensors, where=where), _plain(v, tensors, where=f"{where}.{k}")]
                for k, v in value.items()
            ]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: _plain(getattr(value, one.name), tensors, where=f"{where}.{one.name}")
            for one in fields(value)
        }
    raise MessageFormatError(where=where, problem=f"a {type(value).__name__} can not be sent")


def _keep(array: npt.NDArray[np.generic], tensors: Tensors, where: str) -> str:
    if array.dtype.name not in _DTYPES:
        raise MessageFormatError(where=where, problem=f"arrays of {array.dtype} can not be sent")
    name = str(len(tensors))
    tensors[name] = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return name


def _record(hint: Any, value: Any, tensors: Tensors, where: str, depth: int) -> object:
    """Return what ``value`` stands for, if it is of the type ``hint``."""
    if depth == 0:
        raise MessageFormatError(where=where, problem="nested too deeply")
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, tensors, where, depth)
    if origin is Literal:
        if value not in arguments:
            raise MessageFormatError(where=where, problem="not one of the values there are")
        return value
    if origin is np.ndarray:
        return _array(arguments[1], value, tensors, where)
    if origin is tuple:
        return _tuple(arguments, value, tensors, where, depth)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, value, tensors, where, depth)
    if is_dataclass(hint):
        return _dataclass(cast(type, hint), value, tensors, where, depth)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> object:
    try:
        if hint is type(None) and value is None:
            return None
        if hint is bool and isinstance(value, bool):
            return value
        if hint is float and not isinstance(value, bool):
            if isinstance(value, str):
                return _NOT_FINITE[value]
            if isinstance(value, int | float):
                return value
        if hint is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if hint is str:
            return from_plain(value)
        if isinstance(value, str):
            if hint is datetime:
                return datetime.fromisoformat(value)
            if hint is date:
                return date.fromisoformat(value)
            if hint is Modality or (isinstance(hint, type) and issubclass(hint, Enum)):
                return hint(value)
    except (ValueError, KeyError, TypeError) as error:
        raise MessageFormatError(where=where, problem=f"no {hint.__name__}") from error
    kind = hint.__name__ if isinstance(hint, type) else str(hint)
    raise MessageFormatError(where=where, problem=f"no {kind}")


def _one_of(hints: tuple[Any, ...], value: Any, tensors: Tensors, where: str, depth: int) -> object:
    for hint in hints:
        if hint is float and isinstance(value, str) and str in hints:
            continue  # a text that reads "nan" is a text
        try:
            return _record(hint, value, tensors, where, depth - 1)
        except MessageFormatError:
            continue
    raise MessageFormatError(where=where, problem="of none of the types that it may have")


def _array(dtype: Any, value: Any, tensors: Tensors, where: str) -> npt.NDArray[np.generic]:
    name = value.get("array") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in tensors:
        raise MessageFormatError(where=where, problem="no array")
    (wanted,) = get_args(dtype) or (np.generic,)
    array = tensors[name]
    if not np.issubdtype(array.dtype, wanted):
        raise MessageFormatError(where=where, problem=f"an array of {array.dtype}")
    return array


def _tuple(
    hints: tuple[Any, ...], value: Any, tensors: Tensors, where: str, depth: int
) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise MessageFormatError(where=where, problem="no list")
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(value)
    if len(hints) != len(value):
        raise MessageFormatError(where=where, problem=f"{len(value)} instead of {len(hints)}")
    return tuple(
        _record(hint, one, tensors, f"{where}[{i}]", depth - 1)
        for i, (hint, one) in enumerate(zip(hints, value, strict=True))
    )


def _mapping(
    hints: tuple[Any, ...], value: Any, tensors: Tensors, where: str, depth: int
) -> dict[object, object]:
    pairs = _tuple((tuple[hints], Ellipsis), value, tensors, where, depth)  # type: ignore[valid-type] # made here
    return dict(cast("tuple[tuple[object, object], ...]", pairs))


def _dataclass(kind: type, value: Any, tensors: Tensors, where: str, depth: int) -> object:
    if not isinstance(value, dict):
        raise MessageFormatError(where=where, problem=f"no {kind.__name__}")
    hints, needed = _fields_of(kind)
    if unknown := sorted(value.keys() - hints.keys()):
        raise MessageFormatError(where=where, problem=f"{unknown[0][:40]!r} is not known")
    if missing := sorted(needed - value.keys()):
        raise MessageFormatError(where=where, problem=f"{missing[0]} is missing")
    given = {
        name: _record(hints[name], one, tensors, f"{where}.{name}", depth - 1)
        for name, one in value.items()
    }
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:
        raise MessageFormatError(where=where, problem=f"no {kind.__name__}") from error


@cache
def _fields_of(kind: type) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the types of a record's fields, and the names of those that have no default."""
    hints = get_type_hints(kind)
    own = fields(kind)
    needed = frozenset(f.name for f in own if f.default is MISSING and f.default_factory is MISSING)
    return {f.name: hints[f.name] for f in own}, needed


def to_json(value: object, *, where: str) -> object:
    """Return a value without arrays as JSON. Raises ``MessageFormatError``."""
    tensors: Tensors = {}
    plain = _plain(value, tensors, where=where)
    if tensors:
        raise MessageFormatError(where=where, problem="it holds an array")
    return plain


def from_json(hint: Any, value: object, *, where: str) -> Any:
    """Return what ``to_json`` was given, of the type ``hint``. Raises ``MessageFormatError``."""
    return _record(hint, value, {}, where, MAX_DEPTH)
