"""How is YAML read here? Safely; duplicate keys are told, dates stay strings, and 1e-6 is a number."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from models_catalog.config.findings import Findings

EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
FLOAT = "tag:yaml.org,2002:float"
TIMESTAMP = "tag:yaml.org,2002:timestamp"
MERGE = "tag:yaml.org,2002:merge"


class InvalidYaml(ValueError):
    """The text is not YAML. The message repeats nothing of it, which may be a secret."""


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str, findings: Findings) -> None:
        super().__init__(text)
        self.findings = findings

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE]
        if len(set(names)) < len(names):
            if not self.findings.foreign:
                raise yaml.constructor.ConstructorError(None, None, "duplicate key in a table", node.start_mark)
            self.findings.warn("", f"line {node.start_mark.line + 1}: duplicate key in a table; the last one is used")
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(FLOAT, EXPONENT, list("-+0123456789"))


def load_yaml(text: str, findings: Findings) -> object:
    """The value of a YAML text. Raises `InvalidYaml` with line and column."""
    try:
        return _Loader(text, findings).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidYaml(f"not valid YAML{where}: {_plain(error.problem or 'syntax error')}") from None
    except yaml.YAMLError:
        raise InvalidYaml("not valid YAML: it contains a character that is not allowed") from None
    except (RecursionError, ValueError):
        raise InvalidYaml("not valid YAML: it is nested too deeply, or contains an invalid value") from None


def _plain(problem: str) -> str:
    """The parser's message without what it quotes from the text."""
    return re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "…", problem)
