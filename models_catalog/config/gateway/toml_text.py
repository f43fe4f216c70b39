"""How is a table written in TOML? One line for each value, so that files read like those that people write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tomli_w


def write_table(path: Sequence[str], values: Mapping[str, object]) -> str:
    """The table at that path: its header and a line for each value."""
    lines = [f"[{'.'.join(map(_key, path))}]", *(f"{_key(name)} = {_value(value)}" for name, value in values.items())]
    return "".join(f"{line}\n" for line in lines)


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).removesuffix(" = 0\n")


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").removesuffix("\n")
