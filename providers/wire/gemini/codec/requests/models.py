"""In what do Gemini's models differ, as far as their names tell?

A model whose name tells nothing is taken for a new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NAME = re.compile(r"(?:.*/)?gemini-(\d{1,2})(?:\.(\d{1,2}))?(?:-([a-z-]+))?")
NEW = (3, 0)
"""The first version that thinks by levels and checks the signatures of calls:
https://ai.google.dev/gemini-api/docs/thinking, …/thought-signatures."""
FIXED: Mapping[str, tuple[int, int]] = MappingProxyType({"flash-lite": (3, 5), "flash": (3, 6)})
"""Kinds of models, with the first version that refuses temperature, topP and topK."""
BUDGETS: Mapping[str, int] = MappingProxyType(
    {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
)
"""Effort → tokens of thoughts, as Google's OpenAI-compatible endpoint has it for older models:
https://ai.google.dev/gemini-api/docs/openai#thinking."""


class Model(NamedTuple):
    """`thinks_in_budgets`: it has no levels. `checks_signatures`: a call without one is refused. `samples`: it takes
    temperature, topP and topK."""

    thinks_in_budgets: bool = False
    checks_signatures: bool = True
    samples: bool = True


def model_of(name: str) -> Model:
    """What is known of the model that an upstream calls so."""
    found = NAME.match(name)
    if found is None:
        return Model()
    version = (int(found[1]), int(found[2] or 0))
    kind = found[3] or ""
    since = next((first for start, first in FIXED.items() if kind.startswith(start)), None)
    is_old = version < NEW
    return Model(is_old, not is_old, since is None or version < since)
