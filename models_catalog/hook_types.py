"""Which types of hooks can a row have, and which options has each? Only names that are registered, never a path of code.

The catalog does not know the hooks themselves: `tell` says where their types are found, and whoever starts the program calls it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from providers.types import Secret

FROM_ENVIRONMENT = "env::"
"""A secret that begins with this is the value of a variable."""
_PLACE = re.compile(r" - at `\$(?:\[\.\.\.\])?[^`]*`$")


@dataclass(frozen=True, slots=True)
class HookType:
    """`summary` says in a sentence what it does, `origin` which package has it. `options` is the struct of its options, None if
    it has none; `fault` says why its class cannot be loaded. One that is `for_all` is asked before it is known which model and
    client key a request is for."""

    name: str
    summary: str = ""
    options: type[msgspec.Struct] | None = None
    origin: str = ""
    fault: str = ""
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """`kind` is the annotated type, `secret` says that its value, or each value of its members, must never be shown."""

    name: str
    kind: Any
    required: bool
    default: Any
    description: str
    secret: bool


class UnknownHookType(LookupError):
    """No hook is registered under that name."""


class BadOptions(ValueError):
    """What is wrong with options, by their names; "" for what concerns several. No message repeats a value."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" if name else fault for name, fault in faults.items()))
        self.faults = faults


Find = Callable[[], Mapping[str, HookType]]
_found: dict[str, HookType] = {}
_faults: dict[str, Callable[[], Mapping[str, str]]] = {}
_sources: list[Find] = []


def tell(find: Find) -> None:
    """From now on these are the types; they are looked for when somebody asks."""
    _found.clear()
    _sources[:] = [find]


def tell_faults(where: str, faults: Callable[[], Mapping[str, str]]) -> None:
    """From now on this is asked for what is wrong with hooks where they run, by their names."""
    _faults[where] = faults


def running_faults() -> Mapping[str, str]:
    """Why hooks of the catalog do not run although their rows are sound, by their names, as far as this process knows."""
    return {name: text for faults in list(_faults.values()) for name, text in faults().items()}


def hook_types() -> Mapping[str, HookType]:
    """All types by name."""
    if not _found and _sources:
        _found.update(_sources[0]())
    return _found


def hook_type(name: str) -> HookType:
    """Raises `UnknownHookType`, which lists what is known."""
    found = hook_types().get(name)
    if found is None:
        raise UnknownHookType(f"unknown type {name!r}; known are {', '.join(hook_types()) or 'none'}")
    return found


def options_of(known: HookType) -> tuple[Option, ...]:
    """The options of a type, in the order of its struct."""
    return () if known.options is None else tuple(_option(field) for field in msgspec.structs.fields(known.options))


def secret_options(known: HookType) -> frozenset[str]:
    return frozenset(option.name for option in options_of(known) if option.secret)


def check_options(known: HookType, options: Mapping[str, Any]) -> None:
    """Secrets may be texts, `env::NAME` or of the type `Secret`. Raises `BadOptions`."""
    if known.options is None and not options:
        return
    if faults := dict(_option_faults(known, options)):
        raise BadOptions(faults)
    try:
        if known.options is not None:
            msgspec.convert(dict(options), known.options, dec_hook=_decoded)
    except (msgspec.ValidationError, ValueError, TypeError) as err:
        raise BadOptions(_told_apart(known, _sentence(err))) from err


def _option_faults(known: HookType, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fields = {option.name: option for option in options_of(known)}
    for name in options:
        if name not in fields:
            yield name, f"There is no such option; known are {', '.join(fields) or 'none'}."
    for name, option in fields.items():
        if name not in options:
            if option.required:
                yield name, "This option is required."
            continue
        try:
            msgspec.convert(options[name], option.kind, dec_hook=_decoded)
        except (msgspec.ValidationError, ValueError, TypeError) as err:
            yield name, _sentence(err)


def _told_apart(known: HookType, text: str) -> dict[str, str]:
    """What a struct says after its fields are read, by the option that it begins with, if it is one."""
    name, _, rest = text.partition(": ")
    named = rest and name in {option.name for option in options_of(known)}
    return {name: rest[:1].upper() + rest[1:]} if named else {"": text}


def _option(field: msgspec.structs.FieldInfo) -> Option:
    default: Any = None if field.default is msgspec.NODEFAULT else field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return Option(field.encode_name, field.type, field.required, default, _description(field.type), holds_secret(field.type))


def _description(kind: Any) -> str:
    metas = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return next((meta.description for meta in metas if meta.description), "")


def literals_in(kind: Any) -> tuple[Any, ...]:
    """The values of the first `Literal` in a type, in its order."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next((found for inner in get_args(kind) if (found := literals_in(inner))), ())


def holds_secret(kind: Any) -> bool:
    """Whether `Secret` is part of the type, however deep."""
    return kind is Secret or any(holds_secret(inner) for inner in get_args(kind) if get_origin(kind) is not None)


def _decoded(kind: type, value: Any) -> Any:
    if kind is not Secret:
        raise NotImplementedError
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("Expected `str`")  # noqa: TRY004 - msgspec tells of nothing else
    if value.startswith(FROM_ENVIRONMENT):
        variable = value.removeprefix(FROM_ENVIRONMENT)
        if not os.environ.get(variable):
            raise ValueError(f"The variable {variable} is not set")
        value = os.environ[variable]
    return Secret(value)


def _sentence(err: Exception) -> str:
    text = _PLACE.sub("", str(err)).replace("`", "").rstrip(".")
    return f"{text}."
