"""How is the proxy's file read? Safely: bounded in size, and in what its aliases amount to; `${NAME}` stands for a variable."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1024 * 1024
MAX_VALUES = 10_000
"""Values in a file, each as often as an alias repeats it."""
MAX_DEPTH = 30
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class BadFile(Exception):
    """The file cannot be used; the message names what is wrong, and repeats no values."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if len(set(names)) < len(names):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice in a table", node.start_mark)
        return super().construct_mapping(node, deep=deep)


class Unset(str):
    """A text `${NAME}` whose variable is not set."""

    __slots__ = ()


class FromEnvironment(str):
    """A text that a variable stood for: it may be a secret."""

    __slots__ = ()


def plain(value: Any) -> Any:
    """The value with plain texts only."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def read(path: Path, variables: Mapping[str, str]) -> Any:
    """The value of the file, its variables put in. Raises `BadFile`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadFile(f"{path} is larger than {MAX_BYTES // 1024} KiB")
    return _with_variables(_value(data), variables)


def _value(data: bytes) -> Any:
    try:
        loader = _Loader(data.decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is None:
            return {}
        _check_size(node)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadFile(f"not valid YAML{where}: {re.sub('[^ -~]', ' ', _plain(error.problem or 'syntax error'))}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadFile("not valid YAML: it contains a character that is not allowed") from None
    except (RecursionError, ValueError):
        raise BadFile("not valid YAML: it is nested too deeply, or contains an invalid value") from None


def _check_size(root: yaml.Node) -> None:
    """Raises `BadFile` for what would be too much with its aliases written out, or has no end. Each node is counted once."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise BadFile(f"the file is nested more than {MAX_DEPTH} deep, or an alias contains itself")
        if id(node) not in sizes:
            sizes[id(node)] = 1 + sum(size(child, depth + 1) for child in _children(node))
        return sizes[id(node)]

    if size(root, 0) > MAX_VALUES:
        raise BadFile(f"the file has more than {MAX_VALUES} values, its aliases written out")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _with_variables(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with each text that is `${NAME}` and nothing else replaced."""
    if isinstance(value, dict):
        return {key: _with_variables(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_variables(item, variables) for item in value]
    if isinstance(value, str) and (match := VARIABLE.fullmatch(value)):
        return FromEnvironment(variables[match[1]]) if match[1] in variables else Unset(value)
    return value


def _plain(problem: str) -> str:
    """The parser's message without what it quotes from the text."""
    return re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "…", problem)
