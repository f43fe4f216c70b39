"""What does a request for a response ask? Its fields, one by one, as those of a canonical request.

Formats: OpenAI's OpenAPI document of November 2026, `/responses`, and the OpenResponses specification of 2026-04-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from providers.canonical.blocks import Role, Text, Turn
from providers.canonical.extra import Extra, Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Delivery, Limits, Output, Sampling, Thinking
from providers.wire.openai_responses.codec.items import turn_of
from providers.wire.openai_responses.codec.requests.settings import inner, output_of, refused, thinking_of
from providers.wire.openai_responses.codec.requests.tools import choice_of, tools_of
from providers.wire.openai_responses.codec.requests.types import check_types
from providers.wire.openai_responses.codec.words import WIRE, WORDS, own


class Plain(NamedTuple):
    """A field that holds one value: in which group it stands, how it is called there, and its types."""

    group: str
    name: str
    kinds: tuple[type, ...]


STR, INT, BOOL, JSON, NUMBER = (str,), (int,), (bool,), (dict,), (int, float)
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
        "presence_penalty": Plain("sampling", "presence_penalty", NUMBER),
        "frequency_penalty": Plain("sampling", "frequency_penalty", NUMBER),
        "top_logprobs": Plain("sampling", "top_logprobs", INT),
        "max_output_tokens": Plain("limits", "output_tokens", INT),
        "max_tool_calls": Plain("limits", "hosted_calls", INT),
        "prompt_cache_key": Plain("caching", "key", STR),
        "prompt_cache_retention": Plain("caching", "retention", STR),
        "stream": Plain("delivery", "stream", BOOL),
    }
)
GROUPS: Mapping[str, type[Any]] = MappingProxyType(
    {"sampling": Sampling, "limits": Limits, "caching": Caching, "delivery": Delivery}
)
LOGPROBS, SEALED = "message.output_text.logprobs", "reasoning.encrypted_content"
INCLUDED = frozenset(
    {LOGPROBS, SEALED, "message.input_image.image_url", "web_search_call.action.sources", "code_interpreter_call.outputs",
     "computer_call_output.output.image_url", "file_search_call.results"}
)  # fmt: skip
"""Values of `include` with which nothing is lost: they are told, or are about items that do not come."""
READ = frozenset({"previous_response_id", "background", "prompt", "conversation", "input", "include"})
"""Fields that the gateway itself obeys, or that are looked at apart."""
SAYING_NOTHING: Mapping[str, Any] = MappingProxyType({"truncation": "disabled"})
UPSTREAM_ONLY = ("prompt", "conversation")
"""Fields that name something which lies at the upstream."""
INSTRUCTIONS: Place = ("instructions",)
INPUT: Place = ("input",)


def decode_request(body: Json) -> Request:
    """The request. Raises 400 `Unsupported` with the place of what is none."""
    check_types(body)
    return _Reading(body).request()


class _Reading:
    """One request on its way: `rest` is what has not been read."""

    def __init__(self, body: Json) -> None:
        self._rest = dict(body)
        self._needs: list[Need] = []
        self._spelled: Json = {}
        self._lost: list[str] = []
        self._groups: dict[str, Json] = {name: {} for name in ("request", *GROUPS)}

    def request(self) -> Request:
        self._upstreams_own()
        request = self._groups["request"]
        request["system"] = self._system()
        request["turns"] = self._turns()
        self._plain()
        self._tools()
        thinking, output = self._thinking(), self._output()
        self._include()
        self._inner("prompt_cache_options", "caching", {"mode": "mode", "ttl": "ttl"}, str)
        self._inner("stream_options", "delivery", {"include_obfuscation": "obfuscation"}, bool)
        groups = {name: kind(**self._groups[name]) for name, kind in GROUPS.items() if self._groups[name]}
        if self._spelled.pop("sealed", False):
            thinking["sealed"] = True
        extra = self._extra()
        return Request(wire=WIRE, words=WORDS, thinking=Thinking(**thinking), output=output, **request, **groups, extra=extra)

    def _extra(self) -> Extra | None:
        silent = {name for name, value in SAYING_NOTHING.items() if self._rest.get(name) == value}
        lost = (*(name for name in left(self._rest, silent=READ | silent) if "::" not in name), *self._lost)
        return own.extra_of(self._rest, lost, self._needs, self._spelled)

    def _need(self, message: str, name: str) -> None:
        self._needs.append(Need(message, (name,)))

    def _upstreams_own(self) -> None:
        for name in UPSTREAM_ONLY:
            if self._rest.get(name) is not None:
                self._need(f"This model's provider has no {name!r}.", name)
        if self._rest.get("background"):
            self._need("This model's provider makes no responses in the background.", "background")

    def _system(self) -> tuple[Turn, ...]:
        given = self._rest.get("instructions")
        if given is None:
            return ()
        del self._rest["instructions"]
        if isinstance(given, str):
            self._spelled["instructions"] = "text"
            return (Turn(role=Role.SYSTEM, blocks=(Text(given, called="instructions"),), place=INSTRUCTIONS),)
        self._spelled["instructions"] = "items"
        return tuple(turn_of(item, (*INSTRUCTIONS, number)) for number, item in enumerate(given))

    def _turns(self) -> tuple[Turn, ...]:
        given = self._rest.get("input")
        if isinstance(given, str):
            del self._rest["input"]
            self._spelled["input"] = "text"
            return (Turn(role=Role.USER, blocks=(Text(given, called="input", place=INPUT),), place=INPUT),)
        if not isinstance(given, list):
            self._need("The field 'input' must be a text or a list of items.", "input")
            return ()
        for number, item in enumerate(given):
            if not isinstance(item, dict):
                raise refused("An item must be an object.", f"input[{number}]")
        del self._rest["input"]
        self._spelled["input"] = "items"
        return tuple(turn_of(item, (*INPUT, number)) for number, item in enumerate(given))

    def _plain(self) -> None:
        for name in PLAIN.keys() & self._rest.keys():
            plain = PLAIN[name]
            value = self._rest[name]
            if type(value) in plain.kinds and (value or name != "model"):
                del self._rest[name]
                self._groups[plain.group][plain.name] = value

    def _tools(self) -> None:
        given = taken(self._rest, "tools", list)
        if given is not None:
            self._groups["request"]["tools"] = tools_of(given, ("tools",))
        choice = self._rest.get("tool_choice")
        read = None if choice is None else choice_of(choice)
        if read is not None:
            del self._rest["tool_choice"]
            self._groups["request"]["choice"] = read

    def _thinking(self) -> Json:
        given = taken(self._rest, "reasoning", dict)
        if given is None:
            return {}
        made = thinking_of(given)
        return {name: getattr(made, name) for name in ("mode", "effort", "shown", "extra")}

    def _output(self) -> Output:
        given = taken(self._rest, "text", dict)
        return Output() if given is None else output_of(given, ("text",))

    def _include(self) -> None:
        """What it asks for by a field of ours, in its order with the rest of it."""
        given = taken(self._rest, "include", list)
        if given is None:
            return
        self._spelled["include"] = given
        self._lost += [f"include ({one})" for one in given if one not in INCLUDED]
        if LOGPROBS in given:
            self._groups["sampling"]["logprobs"] = True
        if SEALED in given:
            self._spelled["sealed"] = True

    def _inner(self, name: str, group: str, known: Mapping[str, str], kind: type) -> None:
        given = taken(self._rest, name, dict)
        if given is None:
            return
        rest = dict(given)
        fields = self._groups[group]
        for theirs, canonical in known.items():
            if (value := taken(rest, theirs, kind)) is not None:
                fields[canonical] = value
        fields["extra"] = inner(rest, name)
