"""What does a request of Converse ask?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseRequest`. The model stands in the path. What is not as the format has it is
not refused here, but by whoever has to tell it in another wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from providers.canonical.blocks import Opaque, Role, Turn
from providers.canonical.extra import Extra, Json, Need, Place
from providers.canonical.leftovers import NUMBER, left, taken
from providers.canonical.request import Request
from providers.canonical.settings import Format, Limits, Output, Sampling, Thinking
from providers.canonical.tools import Tool, ToolChoice
from providers.wire.bedrock_converse.codec.blocks import blocks_of
from providers.wire.bedrock_converse.codec.tools import choice_of, tools_of
from providers.wire.bedrock_converse.codec.words import WIRE, WORDS, own

ROLES: Mapping[str, Role] = MappingProxyType({"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM})
NEEDED = ("guardrailConfig", "promptVariables")
"""Fields that say what another upstream could not do: what must not be let through, and what the prompt is."""
ODD = "odd"
"""What a turn is called that cannot be read."""


class Plain(NamedTuple):
    """A field that holds one value: its group, its canonical name and its types."""

    group: str
    name: str
    kinds: tuple[type, ...]


INFERENCE: Mapping[str, Plain] = MappingProxyType(
    {
        "maxTokens": Plain("limits", "output_tokens", (int,)),
        "temperature": Plain("sampling", "temperature", NUMBER),
        "topP": Plain("sampling", "top_p", NUMBER),
    }
)


def decode_request(body: Json) -> Request:
    """The request. Refuses nothing."""
    return _Reading(body).request()


class _Reading:
    """One request on its way: `rest` is what has not been read."""

    def __init__(self, body: Json) -> None:
        self._rest = dict(body)
        self._needs: list[Need] = []
        self._lost: list[str] = []
        self._spelled: Json = {}
        self._groups: dict[str, Json] = {"limits": {}, "sampling": {}, "thinking": {}, "output": {}}

    def request(self) -> Request:
        turns, system = self._turns(), self._system()
        self._inference()
        said = self._tools()
        self._output()
        tier = self._tier()
        metadata = taken(self._rest, "requestMetadata", dict)
        for name in NEEDED:
            if self._rest.get(name):
                self._need(f"This model's provider does not take {name!r}.", name, code="unsupported_parameter")
        groups = self._groups
        return Request(
            wire=WIRE,
            words=WORDS,
            system=system,
            turns=turns,
            **said,
            limits=Limits(**groups["limits"]),
            sampling=Sampling(**groups["sampling"]),
            thinking=Thinking(**groups["thinking"]),
            output=Output(**groups["output"]),
            metadata=metadata,
            service_tier=tier,
            extra=self._extra(),
        )

    def _extra(self) -> Extra | None:
        lost = (*left(self._rest, silent=NEEDED), *self._lost)
        return own.extra_of(self._rest, lost, self._needs, self._spelled)

    def _need(self, message: str, *place: str, code: str = "invalid_value") -> None:
        self._needs.append(Need(message, place, code))

    def _turns(self) -> tuple[Turn, ...]:
        messages = self._rest.get("messages")
        if not isinstance(messages, list) or not messages:
            self._need("The field 'messages' must be a list of messages.", "messages")
            return ()
        del self._rest["messages"]
        return tuple(turn_of(message, ("messages", number)) for number, message in enumerate(messages))

    def _system(self) -> tuple[Turn, ...]:
        given = self._rest.get("system")
        if not isinstance(given, list):
            return ()
        del self._rest["system"]
        return (Turn(role=Role.SYSTEM, blocks=blocks_of(given, ("system",)), place=("system",)),)

    def _group(self, name: str) -> tuple[Json, bool]:
        """The fields of an object, and whether it is one."""
        given = self._rest.get(name)
        if not isinstance(given, dict):
            return {}, False
        del self._rest[name]
        return dict(given), True

    def _keep(self, name: str, rest: Json) -> None:
        """Keeps what an object said beyond what was read of it."""
        self._spelled[name] = rest
        self._lost += left(rest, of=f"{name}.")

    def _inference(self) -> None:
        rest, given = self._group("inferenceConfig")
        if not given:
            return
        for name, plain in INFERENCE.items():
            value = taken(rest, name, *plain.kinds)
            if value is not None:
                self._groups[plain.group][plain.name] = value
        stop = rest.get("stopSequences")
        if isinstance(stop, list) and all(type(one) is str for one in stop):
            self._groups["limits"]["stop"] = tuple(rest.pop("stopSequences"))
        self._keep("inferenceConfig", rest)

    def _tools(self) -> Json:
        rest, given = self._group("toolConfig")
        if not given:
            return {}
        tools: tuple[Tool, ...] | None = None
        if isinstance(rest.get("tools"), list):
            tools = tools_of(rest.pop("tools"), ("toolConfig", "tools"))
        choice = None
        if rest.get("toolChoice") is not None:
            found = choice_of(rest["toolChoice"], ("toolConfig", "toolChoice"))
            if isinstance(found, ToolChoice):
                choice = found
                del rest["toolChoice"]
            else:
                self._needs.append(found)
        self._keep("toolConfig", rest)
        return {"tools": tools, "choice": choice}

    def _output(self) -> None:
        rest, given = self._group("outputConfig")
        if not given:
            return
        effort = taken(rest, "effort", str)
        if effort is not None:
            self._groups["thinking"]["effort"] = effort
        form = _format(rest)
        if form is not None:
            self._groups["output"]["format"] = form
        self._keep("outputConfig", rest)

    def _tier(self) -> str | None:
        tier = self._rest.get("serviceTier")
        if isinstance(tier, dict) and tier.keys() == {"type"} and type(tier["type"]) is str:
            del self._rest["serviceTier"]
            return str(tier["type"])
        return None


def _format(rest: Json) -> Format | None:
    """The schema that an answer must keep to, which is told as a text."""
    given = rest.get("textFormat")
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return None
    structure = given.get("structure")
    inner = structure.get("jsonSchema") if isinstance(structure, dict) and structure.keys() == {"jsonSchema"} else None
    schema = _decoded(inner.get("schema")) if isinstance(inner, dict) else None
    if schema is None:
        return None
    del rest["textFormat"]
    more: Json = dict(inner or {})
    said = {name: taken(more, name, str) for name in ("name", "description")}
    text = more.pop("schema")
    outer = {name: value for name, value in given.items() if name not in ("type", "structure")}
    lost = (*left(outer, of="outputConfig.textFormat."), *left(more, of="outputConfig.textFormat.structure.jsonSchema."))
    extra = own.extra_of(outer, lost, spelled={"inner": more, "schema": text})
    return Format(kind="schema", schema=schema, **said, extra=extra)


def _decoded(text: Any) -> Json | None:
    try:
        value = msgspec.json.decode(text) if isinstance(text, str) else None
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def turn_of(message: Any, place: Place, *, answer: bool = False) -> Turn:
    """The turn of a message."""
    content = message.get("content") if isinstance(message, dict) else None
    role = message.get("role") if isinstance(message, dict) else None
    known = ROLES.get(role) if isinstance(role, str) else None
    if not isinstance(content, list) or (known is None and not answer):
        need = Need("A message needs a 'role' of user, assistant or system, and a list 'content'.", place)
        value = message if isinstance(message, dict) else {"value": message}
        bare = own.extra_of({}, spelled={"bare": True}) if value is not message else None
        odd = Opaque(WIRE, value, None if answer else need, called=ODD, place=place, extra=bare)
        return Turn(role=Role.USER, blocks=(odd,), called=ODD, place=place)
    rest = {name: said for name, said in message.items() if name not in ("role", "content")}
    if known is None and "role" in message:
        rest["role"] = role
    blocks = blocks_of(content, (*place, "content"), answer=answer)
    spelled = {} if known else {"no role": True}
    extra = own.extra_of(rest, left(rest, silent=("role",)), spelled=spelled)
    return Turn(role=known or Role.ASSISTANT, blocks=blocks, called=str(role or ""), place=place, extra=extra)
