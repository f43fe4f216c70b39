"""Which values have the types of an SDK? Every field at least once, every member of every union: one base and its variants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from os import PathLike
from types import NoneType, UnionType
from typing import IO, Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import is_typeddict

PLAIN: Mapping[Any, Any] = {
    str: "text",
    int: 7,
    float: 0.5,
    bool: True,
    NoneType: None,
    object: {"a": 1},
    Any: {"a": 1},
    datetime: "2026-11-29T00:00:00Z",
}
WRAPPING = (Required, NotRequired)
FILES = (IO, PathLike)
"""What an SDK takes in the place of a text, and sends as one."""
DEPTH = 8


@cache
def values_of(kind: Any, depth: int = 0) -> tuple[Any, ...]:
    """Values of a type; the first has all its fields."""
    if kind in PLAIN or isinstance(kind, ForwardRef) or depth > DEPTH:
        return (PLAIN.get(kind),)
    if hasattr(kind, "__value__"):
        return values_of(kind.__value__, depth)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return args
    if origin in (Union, UnionType):
        return tuple(
            value for member in args if (get_origin(member) or member) not in FILES for value in values_of(member, depth)
        )
    if hasattr(kind, "__metadata__") or origin in WRAPPING:
        return values_of(args[0], depth)
    if is_typeddict(kind):
        return tuple(_objects(get_type_hints(kind), depth))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        hints = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return tuple(_objects(hints, depth))
    return _collections(origin or kind, args, depth)


def _collections(origin: Any, args: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return tuple({"key": value} for value in values_of(args[1], depth + 1)) if args else ({"key": 1},)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return ([*values_of(args[0], depth + 1)], []) if args else ([],)
    raise TypeError(f"no values of {origin!r} are known")


def _objects(hints: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    """An object with all fields, and one for each further value of one of them."""
    known = {name: values_of(kind, depth + 1) for name, kind in hints.items()}
    base = {name: values[0] for name, values in known.items()}
    yield base
    for name, values in known.items():
        for value in values[1:]:
            yield {**base, name: value}
