"""What does docs/interceptors.md say of options? A table for each interceptor, made of its `Options`.

`python -m tests.contract.interceptors_page` writes the tables anew, and adds a section for an interceptor that has none.
"""

from __future__ import annotations

import enum
import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from openai_api.hooks.specs import class_of
from openai_api.interceptors.registry import INTERCEPTORS
from providers.types import Secret

PAGE = Path(__file__).parents[2] / "docs" / "interceptors.md"
HEAD = "| option | type | default | meaning |\n|---|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")
NAMES: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "text", Secret: "secret", Any: "any"}
NO_OPTIONS = "It has no options.\n"


def table(name: str) -> str:
    """The options of an interceptor, in Markdown."""
    wanted = getattr(class_of(name), "Options", None)
    if wanted is None:
        return NO_OPTIONS
    hints = get_type_hints(wanted, include_extras=True)
    fields = msgspec.structs.fields(wanted)
    return HEAD + "".join(
        f"| `{field.name}` | {type_of(hints[field.name])} | {_default(field)} | {meaning(hints[field.name])} |\n"
        for field in fields
    )


def type_of(hint: Any) -> str:
    """A type, for people."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_of(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(type_of(argument) for argument in arguments if argument is not NoneType)
    if origin in (list, tuple, frozenset, set):
        item = type_of(arguments[0])
        return f"list of {item}" if "`" in item else f"list of {item}s"
    if origin is dict or hint is dict:
        return "object"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return "object"
    return NAMES[hint]


def meaning(hint: Any) -> str:
    """The description of an option. Raises `LookupError` if it has none."""
    if get_origin(hint) is not Annotated:
        raise LookupError(f"{hint} has no description")
    found = [extra.description for extra in get_args(hint)[1:] if isinstance(extra, msgspec.Meta) and extra.description]
    return " ".join(found[-1].split()).replace("|", "\\|")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value in (None, "", (), [], {}):
        return ""
    return f"`{msgspec.json.encode(value, enc_hook=str).decode()}`"


def section(page: str, name: str) -> str:
    """What the page says under the heading of an interceptor, "" if there is none."""
    return page.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]


def written(page: str) -> str:
    """The page with the tables as they must be."""
    for name in INTERCEPTORS:
        found = section(page, name)
        if not found:
            docstring = " ".join((class_of(name).__doc__ or "").split("\n\n")[0].split())
            page = f"{page.rstrip()}\n\n## `{name}`\n\n{docstring}\n\n{table(name)}"
        elif TABLE.search(found):
            page = page.replace(found, TABLE.sub(lambda _, name=name: table(name), found, count=1))  # type: ignore[misc]
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
