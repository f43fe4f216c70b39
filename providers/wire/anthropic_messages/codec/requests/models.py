"""What may a request ask of a model of Anthropic's? By the version in its name, wherever it is served.

Sources: Anthropic's reference of October 2026 ("Adaptive thinking", "Effort", "Structured outputs", "Models overview",
"Migrating to API version 2026-10-21"), AWS's page "Adaptive thinking" of 2026, and what upstreams answer: `temperature` and
`budget_tokens` are refused since Opus 4.7, messages of the system within the conversation are taken since Opus 4.8. A name
without a version is taken for a model that knows all but the latter, and little is left out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from providers.canonical.codec import Traits

STRICT_API = "2026-10-21"
"""The API version since which sampling parameters are refused, even with their defaults."""
_VERSION = re.compile(r"claude-(?:(?:[a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
UNKNOWN_OUTPUT = 4096
OUTPUTS = (((4, 0), 32_000), ((3, 7), 32_000), ((3, 5), 8192), ((0, 0), 4096))  # fmt: skip
"""Since which version → `max_tokens` where the client sets no limit: what all models of the kind can give, thoughts included."""


class Model(NamedTuple):
    """`budget` and `adaptive` are the ways to think, `efforts` the words for how much; `sampling` says that sampling parameters
    are taken, `both` that temperature and top_p may be set together, `system` that the conversation may have messages of the
    system, `schema` that an answer, or the input of a tool, may be held to a schema."""

    most: int = UNKNOWN_OUTPUT
    budget: bool = True
    adaptive: bool = True
    efforts: frozenset[str] = frozenset({"low", "medium", "high", "xhigh", "max"})
    sampling: bool = True
    both: bool = False
    system: bool = False
    schema: bool = True


def model_of(traits: Traits) -> Model:
    """The model of an upstream, asked by its version of the API."""
    model = _model(traits.model)
    refuses = traits.api_version >= STRICT_API
    return model._replace(sampling=False) if refuses and model.sampling else model


@lru_cache(maxsize=1024)
def _model(name: str) -> Model:
    found = _VERSION.search(name.lower())
    if found is None:
        return Model()
    version = (int(found[1]), int(found[2] or 0))
    efforts = {"low", "medium", "high"} if version >= (4, 5) else set()
    efforts |= ({"max"} if version >= (4, 6) else set()) | ({"xhigh"} if version >= (4, 7) else set())
    adaptive = version >= (4, 6)
    return Model(
        most=next(most for since, most in OUTPUTS if version >= since),
        budget=(3, 7) <= version < (4, 6),
        adaptive=adaptive,
        efforts=frozenset(efforts) if adaptive else frozenset(),
        sampling=version < (4, 7),
        both=version < (4, 1),
        system=version >= (4, 8),
        schema=version >= (4, 1),
    )
