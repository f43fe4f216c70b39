"""What can a model of Bedrock do, and in which form is it asked? Its name tells.

Reference: "Supported foundation models in Amazon Bedrock" in its user guide. Names of inference profiles have a region's in front
(`us.anthropic.…`), ARNs a path. The ARN of an application's profile does not tell the model: it is taken for one that chats.
"""

from __future__ import annotations

import re
from enum import StrEnum

from providers.capabilities import Capability
from providers.types import Wire

CHATTING = frozenset({Capability.CHAT, Capability.RESPONSES})
CLAUDE = re.compile(r"(?:^|[./])anthropic\.claude")


class Form(StrEnum):
    """The form in which a model of numbers is asked."""

    TITAN = "titan"
    TITAN_2 = "titan 2"
    TITAN_IMAGE = "titan image"
    COHERE = "cohere"
    COHERE_4 = "cohere 4"


FORMS = (
    (re.compile(r"amazon\.titan-embed-text-v2|amazon\.titan-embed-g1-text-02"), Form.TITAN_2),
    (re.compile(r"amazon\.titan-embed-image"), Form.TITAN_IMAGE),
    (re.compile(r"amazon\.titan-embed"), Form.TITAN),
    (re.compile(r"cohere\.embed-v4"), Form.COHERE_4),
    (re.compile(r"cohere\.embed"), Form.COHERE),
)
RANKING = re.compile(r"(?:cohere|amazon)\.rerank")


def form_of(model: str) -> Form | None:
    """How a model is asked for numbers, None if it gives none that are known."""
    return next((form for pattern, form in FORMS if pattern.search(model)), None)


def lacks(model: str) -> frozenset[Capability]:
    """What a model cannot do."""
    if form_of(model) is not None:
        return frozenset(Capability) - {Capability.EMBEDDING}
    if RANKING.search(model):
        return frozenset(Capability) - {Capability.RERANK}
    return frozenset(Capability) - CHATTING


def without(model: str) -> frozenset[Wire]:
    """The wires that a model does not speak: Anthropic's are asked in their own, all others by Converse."""
    return frozenset() if CLAUDE.search(model) else frozenset({Wire.ANTHROPIC_MESSAGES})
