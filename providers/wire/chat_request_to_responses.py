"""How does a chat request become a Responses request, for an upstream that only speaks Responses?

Formats: OpenAI OpenAPI document of August 2026, `/chat/completions`, to `/responses`. What Responses has no word for is
left out and named; what cannot be left out without changing the meaning is refused with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from providers.errors import CallerError
from providers.wire.chat_tools_to_responses import tool_fields
from providers.wire.openai_responses.tools import Json, refused
from providers.wire.responses_parts_to_chat import BREAKPOINT

COPIED = (
    "temperature", "top_p", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "service_tier", "moderation",
)  # fmt: skip
"""Fields that Responses has under the same name."""
OURS = frozenset(
    {"model", "messages", "stream", "stream_options", "store", "n", "tools", "tool_choice", "parallel_tool_calls",
     "response_format", "verbosity", "max_completion_tokens", "max_tokens", "reasoning_effort", "logprobs", "top_logprobs",
     "web_search_options"}
)  # fmt: skip
"""Fields that are converted below, or that the gateway itself reads."""
SAYING_NOTHING: Mapping[str, Any] = MappingProxyType(
    {"presence_penalty": 0, "frequency_penalty": 0, "modalities": ["text"], "stop": [], "logit_bias": {}}
)
"""Values that are what counts without the field, so that nothing is lost with them."""
WITHIN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "stream_options": frozenset({"include_usage", "include_obfuscation"}),
        "response_format": frozenset({"type", "json_schema"}),
    }
)
"""Fields with fields of their own, and those that are converted or that the gateway obeys."""
OLD = MappingProxyType({"functions": "tools", "function_call": "tool_choice"})
"""Fields whose answers have a form of their own, and what took their place."""
MIN_OUTPUT_TOKENS = 16
GATEWAY = "tensorzero::"
SILENT = frozenset({"role", "reasoning_content", "reasoning", "reasoning_details", "annotations"})
"""Fields of a message that say nothing to the model when they come back."""
TOLD = MappingProxyType(
    {
        "system": frozenset({"content"}),
        "developer": frozenset({"content"}),
        "user": frozenset({"content"}),
        "assistant": frozenset({"content", "refusal", "tool_calls"}),
        "tool": frozenset({"content", "tool_call_id"}),
    }
)
"""The roles, and the fields of a message that are converted."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The Responses request without its model; `lossy` names the fields that were left out, each once."""

    body: Json
    lossy: tuple[str, ...]


def to_responses(request: Json) -> Converted:
    """The Responses request that means the same; nothing is stored upstream unless the client asked for it.

    Raises 400 `CallerError`s that name the place.
    """
    try:
        return _converted(request)
    except (AttributeError, TypeError) as error:
        raise CallerError(400, "A field of the request has the wrong type.", code="invalid_value") from error


def _converted(request: Json) -> Converted:
    _refuse(request)
    lossy = list(_left_out(request))
    body: Json = {"input": _Items(lossy).of(request.get("messages"))}
    body |= {name: request[name] for name in COPIED if request.get(name) is not None}
    body |= _limit(request, lossy)
    body |= tool_fields(request, lossy)
    body |= _text_fields(request)
    if request.get("reasoning_effort") is not None:
        body["reasoning"] = {"effort": request["reasoning_effort"]}
    if request.get("logprobs") or request.get("top_logprobs"):
        body |= {"include": ["message.output_text.logprobs"], "top_logprobs": request.get("top_logprobs") or 0}
    body["store"] = request.get("store") is True
    body |= _stream_fields(request)
    return Converted(body, tuple(dict.fromkeys(lossy)))


def _refuse(request: Json) -> None:
    """What would give another kind of answer than the one that was asked."""
    if request.get("n") not in (None, 1):
        raise refused("This model's provider gives one choice; 'n' can only be 1.", "n", "unsupported_parameter")
    if "audio" in (request.get("modalities") or ()):
        raise refused("This model's provider gives no audio.", "modalities", "unsupported_parameter")
    for name, successor in OLD.items():
        if request.get(name) is not None:
            raise refused(f"This model's provider does not take {name!r}; use {successor!r}.", name, "unsupported_parameter")


def _left_out(request: Json) -> Iterator[str]:
    for name, value in request.items():
        if name in WITHIN and isinstance(value, dict):
            yield from _others(value, WITHIN[name], f"{name}.")
        if value is None or name in OURS or name in COPIED or name.startswith(GATEWAY):
            continue
        if name not in SAYING_NOTHING or value != SAYING_NOTHING[name]:
            yield name


def _others(value: Json, known: Collection[str], place: str) -> Iterator[str]:
    """The fields of an object that are not known, and say something."""
    return (f"{place}{name}" for name, said in value.items() if said is not None and name not in known)


def _limit(request: Json, lossy: list[str]) -> Json:
    name = "max_tokens" if request.get("max_completion_tokens") is None else "max_completion_tokens"
    limit = request.get(name)
    if limit is None:
        return {}
    if not isinstance(limit, int) or limit < 1:
        raise refused(f"The field {name!r} must be a positive integer.", name)
    if limit < MIN_OUTPUT_TOKENS:
        lossy.append(name)
    return {"max_output_tokens": max(limit, MIN_OUTPUT_TOKENS)}


def _text_fields(request: Json) -> Json:
    text: Json = {}
    form = request.get("response_format")
    if form is not None:
        if not isinstance(form, dict) or not form.get("type"):
            raise refused("The field 'response_format' must be an object with a 'type'.", "response_format")
        text["format"] = {"type": form["type"]}
        if form["type"] == "json_schema":
            schema = form.get("json_schema")
            if not isinstance(schema, dict):
                raise refused("A format of type json_schema needs 'json_schema'.", "response_format.json_schema")
            given = {name: value for name, value in schema.items() if value is not None}
            text["format"] = {"type": "json_schema", "strict": False, **given}
    if request.get("verbosity") is not None:
        text["verbosity"] = request["verbosity"]
    return {"text": text} if text else {}


def _stream_fields(request: Json) -> Json:
    if not request.get("stream"):
        return {}
    obfuscation = (request.get("stream_options") or {}).get("include_obfuscation")
    return {"stream": True} | ({} if obfuscation is None else {"stream_options": {"include_obfuscation": obfuscation}})


class _Items:
    """Input items, made of messages one after the other."""

    def __init__(self, lossy: list[str]) -> None:
        self._lossy = lossy
        self._items: list[Json] = []
        self._calls: dict[str, str] = {}
        """Call → the type of its item."""
        self._results: dict[str, Json] = {}
        self._place = ""

    def of(self, messages: Any) -> list[Json]:
        if not isinstance(messages, list) or not messages:
            raise refused("The field 'messages' must be a list of messages.", "messages")
        for number, message in enumerate(messages):
            self._place = f"messages[{number}]"
            if not isinstance(message, dict):
                raise refused("A message must be an object.", self._place)
            role = str(message.get("role"))
            if role not in TOLD:
                roles = ", ".join(TOLD)
                raise refused(f"The role {message.get('role')!r} is none of {roles}.", f"{self._place}.role")
            told = TOLD[role] | SILENT
            self._lossy += _others(message, told, "messages[].")
            TAKERS[role](self, message)
        if not self._items:
            raise refused("The messages are empty.", "messages")
        return self._items

    def said(self, message: Json) -> None:
        """What anybody but the assistant said. A text stays a text, which every upstream takes."""
        content = message.get("content")
        said = content if isinstance(content, str) else self._parts(content, INPUT)
        self._items.append({"type": "message", "role": message["role"], "content": said})

    def answered(self, message: Json) -> None:
        """What the assistant said, and then what it called."""
        content, refusal = message.get("content"), message.get("refusal")
        said = content if isinstance(content, str) or content is None else self._parts(content, OUTPUT)
        if refusal:
            before = [_output_text({"text": said})] if isinstance(said, str) and said else said or []
            said = [*before, {"type": "refusal", "refusal": refusal}]
        if said:
            self._items.append({"type": "message", "role": "assistant", "content": said})
        for number, call in enumerate(message.get("tool_calls") or ()):
            self._call(call, f"{self._place}.tool_calls[{number}]")

    def _call(self, call: Any, place: str) -> None:
        custom = isinstance(call, dict) and call.get("type") == "custom"
        called = call.get("custom" if custom else "function") if isinstance(call, dict) else None
        if not isinstance(called, dict) or not called.get("name") or not call.get("id"):
            raise refused("A tool call needs an 'id' and what it calls, with its 'name'.", place, "missing_required_parameter")
        kind = "custom" if custom else "function"
        self._lossy += _others(call, ("id", "type", "index", kind), "messages[].tool_calls[].")
        self._lossy += _others(called, ("name", "input" if custom else "arguments"), f"messages[].tool_calls[].{kind}.")
        common = {"call_id": call["id"], "name": called["name"]}
        if custom:
            self._items.append({"type": "custom_tool_call", **common, "input": called.get("input") or ""})
        else:
            arguments = called.get("arguments") or "{}"
            text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
            self._items.append({"type": "function_call", **common, "arguments": text})
        self._calls[call["id"]] = self._items[-1]["type"]
        self._results.pop(call["id"], None)

    def returned(self, message: Json) -> None:
        """What a tool gave back."""
        call_id, content = message.get("tool_call_id"), message.get("content")
        if not isinstance(call_id, str) or call_id not in self._calls:
            raise refused(f"No tool call found for the output of {call_id!r}.", f"{self._place}.tool_call_id")
        output = content if isinstance(content, str) else self._parts(content or [], INPUT)
        made = {"type": f"{self._calls[call_id]}_output", "call_id": call_id, "output": output or ""}
        if self._results.get(call_id) != made:  # the same told twice is one result: Responses takes no more
            self._items.append(made)
        self._results[call_id] = made

    def _parts(self, parts: Any, known: Mapping[str, Callable[[Json], Json | None]]) -> list[Json]:
        """Raises 400 for parts that Responses has not."""
        if not isinstance(parts, list):
            raise refused("The content must be a text or a list of parts.", f"{self._place}.content")
        made = []
        for number, part in enumerate(parts):
            kind = part.get("type") if isinstance(part, dict) else None
            make = known.get(str(kind))
            converted = make(part) if make else None
            if converted is None:
                where = f"{self._place}.content[{number}]"
                raise refused(f"This model's provider cannot take a part of type {kind!r} like this.", where)
            inner = part.get(str(kind))
            self._lossy += _others(part, ("type", str(kind), BREAKPOINT), "messages[].content[].")
            if isinstance(inner, dict):
                self._lossy += _others(inner, INNER.get(str(kind), ()), f"messages[].content[].{kind}.")
            if part.get(BREAKPOINT) is not None:
                converted[BREAKPOINT] = part[BREAKPOINT]
            made.append(converted)
        return made


TAKERS: Mapping[str, Callable[[_Items, Json], None]] = MappingProxyType(
    {
        "system": _Items.said,
        "developer": _Items.said,
        "user": _Items.said,
        "assistant": _Items.answered,
        "tool": _Items.returned,
    }
)


def _input_text(part: Json) -> Json:
    return {"type": "input_text", "text": part.get("text") or ""}


def _output_text(part: Json) -> Json:
    return {"type": "output_text", "text": part.get("text") or "", "annotations": []}


def _refusal(part: Json) -> Json:
    return {"type": "refusal", "refusal": part.get("refusal") or ""}


def _image(part: Json) -> Json | None:
    image = part.get("image_url")
    image = {"url": image} if isinstance(image, str) else image or {}
    if not image.get("url"):
        return None
    return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail") or "auto"}


def _audio(part: Json) -> Json | None:
    return {"type": "input_audio", "input_audio": part["input_audio"]} if part.get("input_audio") else None


def _file(part: Json) -> Json | None:
    file = part.get("file") or {}
    known = {name: file[name] for name in ("file_id", "file_data", "filename") if file.get(name)}
    return {"type": "input_file", **known} if "file_id" in known or "file_data" in known else None


INPUT = MappingProxyType({"text": _input_text, "image_url": _image, "input_audio": _audio, "file": _file})
OUTPUT = MappingProxyType({"text": _output_text, "refusal": _refusal})
INNER = MappingProxyType(
    {
        "image_url": frozenset({"url", "detail"}),
        "file": frozenset({"file_id", "file_data", "filename"}),
        "input_audio": frozenset({"data", "format"}),
    }
)
"""What is carried of the object within a part."""
