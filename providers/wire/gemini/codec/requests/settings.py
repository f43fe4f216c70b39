"""How is the answer to be made? `generationConfig`, and the settings beside it.

Format: google-genai 3.6.1, `GenerationConfig`, `ThinkingConfig`, `SpeechConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from providers.canonical import settings
from providers.canonical.extra import Json, Need
from providers.canonical.leftovers import NUMBER, left, taken
from providers.wire.gemini.codec.schemas import plain_schema
from providers.wire.gemini.codec.spelling import camel
from providers.wire.gemini.codec.words import CONFIG


class Plain(NamedTuple):
    """A field that holds one value: in which group it stands, how it is called there, and its types."""

    group: str
    name: str
    kinds: tuple[type, ...]


INT, BOOL = (int,), (bool,)
PLAIN: Mapping[str, Plain] = MappingProxyType(
    {
        "temperature": Plain("sampling", "temperature", NUMBER),
        "topP": Plain("sampling", "top_p", NUMBER),
        "presencePenalty": Plain("sampling", "presence_penalty", NUMBER),
        "frequencyPenalty": Plain("sampling", "frequency_penalty", NUMBER),
        "seed": Plain("sampling", "seed", INT),
        "candidateCount": Plain("sampling", "choices", INT),
        "responseLogprobs": Plain("sampling", "logprobs", BOOL),
        "logprobs": Plain("sampling", "top_logprobs", INT),
        "maxOutputTokens": Plain("limits", "output_tokens", INT),
    }
)
JSON, TEXT = "application/json", "text/plain"
TIERS: Mapping[str, str] = MappingProxyType({"standard": "default", "unspecified": "auto"})
ADAPTIVE = -1
"""The budget that leaves it to the model."""
GROUPS: Mapping[str, type[Any]] = MappingProxyType(
    {"sampling": settings.Sampling, "limits": settings.Limits, "thinking": settings.Thinking, "output": settings.Output}
)


class Settings:
    """The settings of one request, taken out of its fields. What only Gemini knows is added to `lost`."""

    def __init__(self, rest: Json, needs: list[Need], lost: list[str]) -> None:
        self._outer, self._needs, self._lost = rest, needs, lost
        given = rest.pop(CONFIG, None)
        self._rest = camel(given) if isinstance(given, dict) else {}
        if not isinstance(given, dict | None):
            self._needs.append(Need(f"The field {CONFIG!r} must be an object.", (CONFIG,), "invalid_type"))
        self._groups: dict[str, Json] = {name: {} for name in GROUPS}

    def groups(self) -> Json:
        """The groups of which something is said, and the fields of a request that stand beside them."""
        self._plain()
        self._whole_number("topK")
        self._texts("stopSequences", "limits", "stop", lower=False)
        self._texts("responseModalities", "output", "modalities", lower=True)
        self._thinking()
        self._voice()
        self._format()
        self._lost += left(self._rest, of=f"{CONFIG}.")
        made: Json = {name: kind(**self._groups[name]) for name, kind in GROUPS.items() if self._groups[name]}
        return made | self._beside()

    def _plain(self) -> None:
        for name in PLAIN.keys() & self._rest.keys():
            plain = PLAIN[name]
            value = taken(self._rest, name, *plain.kinds)
            if value is not None:
                self._groups[plain.group][plain.name] = value
            else:
                self._odd(name)

    def _odd(self, name: str) -> None:
        if self._rest.pop(name, None) is not None:
            message = f"The field '{CONFIG}.{name}' has not the type that it must have."
            self._needs.append(Need(message, (CONFIG, name), "invalid_type"))

    def _whole_number(self, name: str) -> None:
        """Google's clients write `topK` as a number with a fraction of nothing."""
        value = taken(self._rest, name, *NUMBER)
        if value is not None and value == int(value):
            self._groups["sampling"]["top_k"] = int(value)
        elif value is not None:
            self._lost.append(f"{CONFIG}.{name}")
        else:
            self._odd(name)

    def _texts(self, name: str, group: str, field: str, *, lower: bool) -> None:
        said = self._rest.get(name)
        if isinstance(said, list) and all(type(one) is str for one in said):
            del self._rest[name]
            self._groups[group][field] = tuple(one.lower() if lower else one for one in said)
        else:
            self._odd(name)

    def _thinking(self) -> None:
        given = self._rest.get("thinkingConfig")
        if not isinstance(given, dict):
            self._odd("thinkingConfig")
            return
        del self._rest["thinkingConfig"]
        inner, group = camel(given), self._groups["thinking"]
        shown, budget = taken(inner, "includeThoughts", bool), taken(inner, "thinkingBudget", int)
        level = taken(inner, "thinkingLevel", str)
        if shown is not None:
            group["shown"] = "text" if shown else "none"
        if level and not level.endswith("UNSPECIFIED"):
            group["effort"] = level.lower()
        if budget == ADAPTIVE:
            group["mode"] = "adaptive"
        elif budget == 0:
            group["effort"] = "none"
        elif budget is not None:
            group["budget"] = budget
        self._lost += left(inner, of=f"{CONFIG}.thinkingConfig.")

    def _voice(self) -> None:
        """The name of a voice; what else is said of speech is Gemini's own."""
        inner: Any = self._rest.get("speechConfig")
        for name in ("voiceConfig", "prebuiltVoiceConfig", "voiceName"):
            if not isinstance(inner, dict):
                return
            inner = camel(inner)
            others = left({other: value for other, value in inner.items() if other != name})
            self._lost += [f"{CONFIG}.speechConfig.{other}" for other in others]
            inner = inner.get(name)
        if type(inner) is str:
            del self._rest["speechConfig"]
            self._groups["output"]["voice"] = inner

    def _format(self) -> None:
        media = self._rest.get("responseMimeType")
        plain, subset = self._rest.get("responseJsonSchema"), self._rest.get("responseSchema")
        if media == TEXT or (media == JSON and plain is None and subset is None):
            del self._rest["responseMimeType"]
            self._groups["output"]["format"] = settings.Format(kind="text" if media == TEXT else "json")
        elif media == JSON and isinstance(plain if plain is not None else subset, dict):
            for name in ("responseMimeType", "responseJsonSchema", "responseSchema"):
                self._rest.pop(name, None)
            schema = plain if isinstance(plain, dict) else plain_schema(subset)
            self._groups["output"]["format"] = settings.Format(kind="schema", schema=schema)

    def _beside(self) -> Json:
        """Fields of the request itself."""
        outer, made = self._outer, {}
        tier, store, labels = (
            taken(outer, name, kind) for name, kind in (("serviceTier", str), ("store", bool), ("labels", dict))
        )
        if tier is not None:
            made["service_tier"] = TIERS.get(tier.lower(), tier.lower())
        if store is not None:
            made["store"] = store
        if labels is not None and all(type(value) is str for value in labels.values()):
            made["metadata"] = labels
        elif labels is not None:
            outer["labels"] = labels
        return made
