"""What does a chat request ask? Its fields, one by one, as those of a canonical request.

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`; `top_k`, `min_p` and `repetition_penalty` of vLLM and
others. A field that has not the type which the format gives it is not refused here, but by whoever has to tell it in another
wire: an upstream that speaks chat may know better.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from providers.canonical.extra import Extra, Json, Need
from providers.canonical.leftovers import NOTHING, NUMBER, left, taken
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Delivery, Format, Limits, Output, Sampling, Thinking
from providers.canonical.tools import Tool, ToolChoice
from providers.wire.openai_chat.codec.leftovers import extra_of
from providers.wire.openai_chat.codec.requests.tools import SEARCH, choice_of, search_tool, tool_of
from providers.wire.openai_chat.codec.requests.turns import Turns
from providers.wire.openai_chat.codec.words import OLD_WORDS, WIRE, WORDS


class Plain(NamedTuple):
    """A field that holds one value: in which group it stands, how it is called there, and its types."""

    group: str
    name: str
    kinds: tuple[type, ...]


STR, INT, BOOL, JSON = (str,), (int,), (bool,), (dict,)
PLAIN: Mapping[str, Plain] = MappingProxyType(
    {
        "model": Plain("request", "model", STR),
        "parallel_tool_calls": Plain("request", "parallel_calls", BOOL),
        "metadata": Plain("request", "metadata", JSON),
        "user": Plain("request", "user", STR),
        "safety_identifier": Plain("request", "safety_user", STR),
        "service_tier": Plain("request", "service_tier", STR),
        "store": Plain("request", "store", BOOL),
        "moderation": Plain("request", "moderation", JSON),
        "temperature": Plain("sampling", "temperature", NUMBER),
        "top_p": Plain("sampling", "top_p", NUMBER),
        "top_k": Plain("sampling", "top_k", INT),
        "min_p": Plain("sampling", "min_p", NUMBER),
        "presence_penalty": Plain("sampling", "presence_penalty", NUMBER),
        "frequency_penalty": Plain("sampling", "frequency_penalty", NUMBER),
        "repetition_penalty": Plain("sampling", "repetition_penalty", NUMBER),
        "seed": Plain("sampling", "seed", INT),
        "logit_bias": Plain("sampling", "logit_bias", JSON),
        "n": Plain("sampling", "choices", INT),
        "logprobs": Plain("sampling", "logprobs", BOOL),
        "top_logprobs": Plain("sampling", "top_logprobs", INT),
        "reasoning_effort": Plain("thinking", "effort", STR),
        "verbosity": Plain("output", "verbosity", STR),
        "prompt_cache_key": Plain("caching", "key", STR),
        "prompt_cache_retention": Plain("caching", "retention", STR),
        "stream": Plain("delivery", "stream", BOOL),
    }
)
OLD: Mapping[str, str] = MappingProxyType({"functions": "tools", "function_call": "tool_choice"})
"""Fields of the time before tools, whose answers have a form of their own, and what took their place."""
LIMITS = ("max_completion_tokens", "max_tokens")
GROUPS: Mapping[str, type[Any]] = MappingProxyType(
    {"sampling": Sampling, "thinking": Thinking, "output": Output, "caching": Caching, "delivery": Delivery, "limits": Limits}
)


def decode_request(body: Json) -> Request:
    """The request. Refuses nothing: what only chat can say is needed, or named, where it is told in another wire."""
    return _Reading(body).request()


class _Reading:
    """One request on its way: `rest` is what has not been read."""

    def __init__(self, body: Json) -> None:
        self._rest = dict(body)
        self._needs: list[Need] = []
        self._spelled: Json = {}
        self._silent: list[str] = []
        self._groups: dict[str, Json] = {name: {} for name in ("request", *GROUPS)}

    def request(self) -> Request:
        request = self._groups["request"]
        request["turns"] = self._turns()
        self._plain()
        self._limit()
        self._stop()
        self._modalities()
        self._tools()
        self._choice()
        self._refuse_old()
        self._options()
        words = OLD_WORDS if self._spelled.get("limit") == LIMITS[1] else WORDS
        groups = {name: kind(**self._groups[name]) for name, kind in GROUPS.items() if self._groups[name]}
        return Request(wire=WIRE, words=words, **request, **groups, extra=self._extra())

    def _extra(self) -> Extra | None:
        return extra_of(self._rest, left(self._rest, silent=self._silent), self._needs, self._spelled)

    def _need(self, message: str, *place: str, code: str = "invalid_value") -> None:
        self._needs.append(Need(message, place, code))

    def _odd(self, name: str) -> None:
        """A field that is there and has not been taken has the wrong type."""
        if self._rest.get(name) is not None:
            self._need(f"The field {name!r} has not the type that it must have.", name, code="invalid_type")

    def _turns(self) -> tuple[Any, ...]:
        messages = self._rest.get("messages")
        if not isinstance(messages, list) or not messages:
            self._need("The field 'messages' must be a list of messages.", "messages")
            return ()
        del self._rest["messages"]
        turns = Turns()
        return tuple(turns.of(message, ("messages", number)) for number, message in enumerate(messages))

    def _plain(self) -> None:
        for name in PLAIN.keys() & self._rest.keys():
            plain = PLAIN[name]
            value = taken(self._rest, name, *plain.kinds)
            if not value and name == "model" and value is not None:  # none is named, as where a path has it
                self._rest[name] = value
            elif value is None:
                self._odd(name)
            else:
                self._groups[plain.group][plain.name] = value

    def _limit(self) -> None:
        name = next((name for name in LIMITS if self._rest.get(name) is not None), None)
        if name is None:
            return
        value = self._rest[name]
        if type(value) is not int or value < 1:
            self._need(f"The field {name!r} must be a positive integer.", name)
            return
        del self._rest[name]
        self._groups["limits"]["output_tokens"] = value
        if name == LIMITS[1]:
            self._spelled["limit"] = name
        self._silent += LIMITS  # the older name says nothing beside the newer

    def _stop(self) -> None:
        stop = self._rest.get("stop")
        if type(stop) is str:
            self._spelled["stop"] = "text"
            stop = [stop]
        if isinstance(stop, list) and all(type(one) is str for one in stop):
            del self._rest["stop"]
            self._groups["limits"]["stop"] = tuple(stop)
        self._odd("stop")

    def _modalities(self) -> None:
        said = self._rest.get("modalities")
        if isinstance(said, list) and all(type(one) is str for one in said):
            del self._rest["modalities"]
            self._groups["output"]["modalities"] = tuple(said)
        self._odd("modalities")

    def _tools(self) -> None:
        given = taken(self._rest, "tools", list)
        self._odd("tools")
        tools: list[Tool] = [tool_of(tool, ("tools", number)) for number, tool in enumerate(given or ())]
        search = taken(self._rest, SEARCH, dict)
        if search is not None:
            tools.append(search_tool(search))
        elif self._rest.get(SEARCH) is not None:
            self._need(f"The field {SEARCH!r} must be an object.", SEARCH, code="invalid_type")
        if given is not None or tools:
            self._groups["request"]["tools"] = tuple(tools)
        if given == []:
            self._spelled["no tools"] = True

    def _choice(self) -> None:
        given = self._rest.get("tool_choice")
        if given is None:
            return
        choice = choice_of(given)
        if isinstance(choice, ToolChoice):
            del self._rest["tool_choice"]
            self._groups["request"]["choice"] = choice
        else:
            self._needs.append(choice)

    def _refuse_old(self) -> None:
        for name, successor in OLD.items():
            if self._rest.get(name) is not None:
                message = f"This model's provider does not take {name!r}; use {successor!r}."
                self._need(message, name, code="unsupported_parameter")

    def _options(self) -> None:
        """The fields that have fields of their own."""
        self._format()
        self._inner("audio", "output", {"voice": ("voice", (str, dict)), "format": ("audio_format", STR)})
        self._inner("prompt_cache_options", "caching", {"mode": ("mode", STR), "ttl": ("ttl", STR)})
        said = {"include_usage": ("usage", BOOL), "include_obfuscation": ("obfuscation", BOOL)}
        self._inner("stream_options", "delivery", said)

    def _inner(self, name: str, group: str, known: Mapping[str, tuple[str, tuple[type, ...]]]) -> None:
        given = taken(self._rest, name, dict)
        if given is None:
            self._odd(name)
            return
        inner, fields = dict(given), self._groups[group]
        said = {canonical: taken(inner, chats, *kinds) for chats, (canonical, kinds) in known.items()}
        fields |= {canonical: value for canonical, value in said.items() if value is not None}
        spelling = {"beside": {name: True}}
        extra = extra_of(inner, left(inner, of=f"{name}."), spelled=spelling) if inner or len(inner) == len(given) else None
        if extra is not None:
            fields["extra"] = extra

    def _format(self) -> None:
        given = self._rest.get("response_format")
        if given is None:
            return
        if not isinstance(given, dict) or not given.get("type") or not isinstance(given["type"], str):
            self._need("The field 'response_format' must be an object with a 'type'.", "response_format")
            return
        rest = {name: value for name, value in given.items() if name != "type"}
        kind, schema, inner = FORMATS.get(given["type"], given["type"]), None, None
        if given["type"] == "json_schema":
            inner = taken(rest, "json_schema", dict)
            if inner is None:
                self._need("A format of type json_schema needs 'json_schema'.", "response_format", "json_schema")
                return
        del self._rest["response_format"]
        said = dict(inner or NOTHING)
        schema = {name: taken(said, name, *kinds) for name, kinds in SCHEMA.items()}
        lost = (*left(rest, of="response_format."), *left(said, of="response_format.json_schema."))
        extra = extra_of(rest, lost, spelled={"inner": said} if said else NOTHING)
        self._groups["output"]["format"] = Format(kind=kind, **schema, extra=extra)


FORMATS: Mapping[str, str] = MappingProxyType({"text": "text", "json_object": "json", "json_schema": "schema"})
SCHEMA: Mapping[str, tuple[type, ...]] = MappingProxyType({"name": STR, "schema": JSON, "strict": BOOL, "description": STR})
