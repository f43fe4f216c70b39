"""How is a field spelled, and what has a client written that is said otherwise now?

Protocol buffers take a field of JSON under its own name (`mime_type`) as well as in camel case, and so does Google's server. A
repeated field may be one value without its list (`"parts": {"text": "a"}`), as many of Google's own examples have it.

What came is kept as it came (`given`). Written again, only what has been changed since is laid over it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Extra, Json, Need
from providers.canonical.leftovers import is_same
from providers.wire.gemini.codec.words import WIRE

GIVEN = "given"
NAMES = (
    "contents systemInstruction generationConfig toolConfig safetySettings cachedContent serviceTier topP topK candidateCount"
    " maxOutputTokens stopSequences responseLogprobs presencePenalty frequencyPenalty responseMimeType responseSchema"
    " responseJsonSchema responseModalities thinkingConfig includeThoughts thinkingBudget thinkingLevel speechConfig voiceConfig"
    " prebuiltVoiceConfig voiceName mediaResolution functionDeclarations parametersJsonSchema responseJsonSchema googleSearch"
    " googleSearchRetrieval codeExecution urlContext fileSearch excludeDomains functionCallingConfig allowedFunctionNames"
    " thoughtSignature inlineData mimeType displayName fileData fileUri functionCall functionResponse executableCode"
    " codeExecutionResult toolCall toolResponse toolType partMetadata videoMetadata willContinue partialArgs"
)
SNAKE: Mapping[str, str] = MappingProxyType(
    {re.sub("([A-Z])", r"_\1", name).lower(): name for name in NAMES.split() if name.lower() != name}
)
"""`mime_type` → `mimeType`, of all names that are read."""


def camel(value: Json) -> Json:
    """A copy of an object with the names that are read in camel case, where that is not there as well."""
    made = dict(value)
    for name in value:
        if "_" in name and (known := SNAKE.get(name)) is not None and known not in value:
            made[known] = made.pop(name)
    return made


def listed(value: Any) -> Any:
    """A repeated field: one object stands for a list of it."""
    return [value] if type(value) is dict else value


def kept(given: Any, lost: tuple[str, ...] = (), needs: tuple[Need, ...] = ()) -> Extra:
    """What came, whole."""
    return Extra(WIRE, {GIVEN: given}, lost, needs)


def named(lost: tuple[str, ...]) -> Extra | None:
    """The names of what only Gemini knows; what came stands in the whole request or answer."""
    return Extra(WIRE, {}, lost) if lost else None


def given_in(extra: Extra | None) -> Any:
    """What came, None if it came in another wire."""
    return extra.fields.get(GIVEN) if extra is not None and extra.wire is WIRE else None


def laid_over(given: Any, before: Any, after: Any) -> Any:
    """What came, with the difference between `before`, which was made of it, and `after`, which is made of it now."""
    if is_same(before, after):
        return given
    if isinstance(given, dict) and isinstance(before, dict) and isinstance(after, dict):
        made = {name: value for name, value in given.items() if name in after or name not in before}
        for name, value in after.items():
            if name not in before or not is_same(before[name], value):
                made[name] = laid_over(given.get(name), before.get(name), value)
        return made
    lists = (given, before, after)
    if all(isinstance(one, list) for one in lists) and len({len(one) for one in lists}) == 1:
        return [laid_over(*three) for three in zip(*lists, strict=True)]
    return after
