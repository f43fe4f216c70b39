"""How does a Responses request become a chat request, for an upstream that only has chat?

Formats: OpenResponses specification of 2026-04-24 and OpenAI OpenAPI document of August 2026, `/responses`, to
`/chat/completions`. What chat has no word for is left out and named; what cannot be left out without changing the
meaning is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from providers.wire.pieced_text import PiecedText
from providers.wire.responses_tools import SEPARATOR, Json, Tools, refused, tool_fields

COPIED = MappingProxyType(
    {name: name for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "user")}
    | {"max_output_tokens": "max_completion_tokens"}
)
"""Fields that chat has too, with its names."""
OURS = frozenset(
    {"model", "input", "instructions", "stream", "stream_options", "store", "metadata", "include", "previous_response_id",
     "background", "service_tier", "truncation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
     "safety_identifier", "max_tool_calls", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning",
     "top_logprobs"}
)  # fmt: skip
"""Fields that the gateway itself reads, or that are hints and change no answer."""
PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
MISFITS = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""
CHOICES = ("none", "auto", "required")
UPSTREAM_ONLY = ("prompt", "conversation")
"""Fields that name something which lies at the upstream."""
HISTORY_ONLY = frozenset(
    {"web_search_call", "file_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
     "image_generation_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
     "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_call", "mcp_approval_request",
     "mcp_approval_response", "tool_search_call", "tool_search_output", "compaction_trigger"}
)  # fmt: skip
"""Items of tools that the upstream has not; what they brought is in the messages after them."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The chat request without its model; `lossy` names the fields that were left out."""

    body: Json
    tools: Tools
    lossy: tuple[str, ...]


def to_chat(request: Json, *, returns_reasoning: bool = False) -> Converted:
    """The chat request that means the same. With `returns_reasoning` the upstream wants its reasoning back.

    Raises 400 `CallerError`s that name the place.
    """
    check_types(request)
    try:
        return _converted(request, returns_reasoning)
    except MISFITS as error:
        raise refused("A field of the request has not the type that it must have.", None, "invalid_type") from error


class _Typed(msgspec.Struct):
    """The types of the fields that chat gets, or that the response repeats."""

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None
    background: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    instructions: str | list[Json] | None = None
    metadata: dict[str, str] | None = None
    tool_choice: str | Json | None = None
    tools: list[Json] | None = None
    text: Json | None = None
    reasoning: Json | None = None
    include: list[str] | None = None


def check_types(request: Json) -> None:
    """Raises 400 for a field that has not the type or the value that it must have, with its name."""
    try:
        msgspec.convert(request, _Typed)
    except msgspec.ValidationError as error:
        text = str(error)
        place = PLACE.search(text)
        param = place["place"] if place else None
        raise refused(f"{PLACE.sub('', text)} in {param!r}.", param, "invalid_type") from error
    _check_format((request.get("text") or {}).get("format"))
    choice = request.get("tool_choice")
    if isinstance(choice, str) and choice not in CHOICES:
        raise refused(f"The tool choice is none of {', '.join(CHOICES)}.", "tool_choice")


def _check_format(form: Any) -> None:
    if form is not None and not isinstance(form, dict):
        raise refused("The format must be an object.", "text.format", "invalid_type")
    if form and form.get("type") == "json_schema" and not (isinstance(form.get("name"), str) and form["name"]):
        raise refused("A format of JSON schema needs a name.", "text.format.name", "missing_required_parameter")


def _converted(request: Json, returns_reasoning: bool) -> Converted:
    for name in UPSTREAM_ONLY:
        if request.get(name) is not None:
            raise refused(f"This model's provider has no {name!r}.", name)
    if request.get("background"):
        raise refused("This model's provider makes no responses in the background.", "background")
    lossy = [
        name for name, value in request.items() if value is not None and not (name in OURS or name in COPIED or "::" in name)
    ]
    messages = _Messages(returns_reasoning)
    if request.get("instructions"):
        messages.add({"role": "system", "content": _instructions(request["instructions"])})
    messages.take(items_of(request.get("input")))
    tools = Tools()
    body: Json = {"messages": messages.done()}
    body |= {chat: request[name] for name, chat in COPIED.items() if request.get(name) is not None}
    body |= tool_fields(request, tools, lossy)
    body |= _text_fields(request.get("text") or {}, lossy)
    if effort := (request.get("reasoning") or {}).get("effort"):
        body["reasoning_effort"] = effort
    if request.get("top_logprobs") or "message.output_text.logprobs" in (request.get("include") or ()):
        body |= {"logprobs": True, "top_logprobs": request.get("top_logprobs") or 0}
    if request.get("stream"):
        body["stream"] = True
    return Converted(body, tools, tuple(lossy + messages.lossy))


def items_of(value: Any) -> list[Json]:
    """The input as items. Raises 400 for anything but a text or objects."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if not isinstance(value, list):
        raise refused("The field 'input' must be a text or a list of items.", "input")
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise refused("An item must be an object.", f"input[{place}]")
    return value


class _Messages:
    """Chat messages, made of items one after the other."""

    def __init__(self, returns_reasoning: bool) -> None:
        self.lossy: list[str] = []
        self._messages: list[Json] = []
        self._images: list[Json] = []
        self._reasoning = PiecedText()
        self._caller: Json = {}
        """The last message that called."""
        self._returns_reasoning = returns_reasoning
        self._calls: set[str] = set()
        self._held: list[Json] = []
        """What was said before the results of the calls before it, which must follow these at once."""
        self._place = ""

    def add(self, message: Json) -> None:
        """Images that tools gave stand after all results of the turn: chat's tool messages have only text."""
        if self._calls and message["role"] in ("user", "system"):
            self._held.append(message)
            return
        if message["role"] != "tool" and self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []
        self._messages.append(message)

    def take(self, items: Sequence[Json]) -> None:
        for number, item in enumerate(items):
            self._place = f"input[{number}]"
            kind = item.get("type") or ("message" if "role" in item else None)
            if kind in HISTORY_ONLY:
                self.lossy.append(f"{self._place} ({kind})")
                continue
            take = TAKERS.get(str(kind))
            if take is None:
                raise refused(f"This model's provider cannot take an item of type {kind!r}.", self._place)
            try:
                take(self, item)
            except MISFITS as error:
                raise refused("A field of the item has not the type that it must have.", self._place, "invalid_type") from error

    def done(self) -> list[Json]:
        if self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []
        if not self._messages:
            raise refused("The field 'input' is empty.", "input")
        if self._calls:
            raise refused(f"No tool output found for function call {min(self._calls)}.", "input")
        for message in self._messages:
            message |= {name: str(text) for name, text in message.items() if isinstance(text, PiecedText)}
        return self._messages

    def message(self, item: Json) -> None:
        role = {"developer": "system"}.get(str(item.get("role")), item.get("role"))
        if role not in ("system", "user", "assistant"):
            raise refused(f"The role {role!r} is none of user, assistant, system and developer.", f"{self._place}.role")
        content = content_of(item.get("content"), self._place)
        if role == "assistant":
            self._assistant({"content": _joined(content)} | self._refusal(item), pending=bool(self._calls))
        else:
            self.add({"role": role, "content": _joined(content) if role == "system" else _compact(content)})

    def call(self, item: Json) -> None:
        custom = item["type"] == "custom_tool_call"
        arguments = msgspec.json.encode({"input": item.get("input", "")}).decode() if custom else item.get("arguments") or "{}"
        name, call_id = item.get("name"), item.get("call_id")
        if not name or not call_id:
            raise refused("A call needs 'name' and 'call_id'.", self._place, "missing_required_parameter")
        full = f"{item['namespace']}{SEPARATOR}{name}" if item.get("namespace") else name
        pending = bool(self._calls)
        self._calls.add(call_id)
        made = {"id": call_id, "type": "function", "function": {"name": full, "arguments": arguments}}
        self._assistant({"tool_calls": [made]}, pending=pending)

    def output(self, item: Json) -> None:
        call_id = item.get("call_id")
        if call_id not in self._calls:
            raise refused(f"No tool call found for the output of {call_id!r}.", self._place)
        self._calls.remove(call_id)
        output = item.get("output")
        parts = [{"type": "text", "text": output}] if isinstance(output, str) else content_of(output, self._place)
        self.add({"role": "tool", "tool_call_id": call_id, "content": _joined(parts)})
        self._images += [part for part in parts if part["type"] not in ("text", "refusal")]
        if not self._calls:
            held, self._held = self._held, []
            for message in held:
                self.add(message)

    def reasoning(self, item: Json) -> None:
        parts = item.get("content") or item.get("summary") or []
        self._reasoning.add("".join(part.get("text") or "" for part in parts if isinstance(part, dict)))

    def compaction(self, item: Json) -> None:
        raise refused("This model's provider cannot read a compaction that another one has made.", self._place)

    def reference(self, item: Json) -> None:
        raise refused(f"There is no item {item.get('id')!r}.", self._place, "item_not_found")

    def _assistant(self, more: Json, *, pending: bool) -> None:
        """What the assistant said and called in one turn is one message. While results are `pending` nothing but them may follow
        the message that called."""
        last = self._messages[-1] if self._messages else {}
        if pending:
            last = self._caller
            if "content" in more:
                more["content"] = _line_after(last.get("content"), more["content"])
        elif last.get("role") != "assistant" or ("content" in more and last.get("content")):
            last = {"role": "assistant", "content": None}
            self.add(last)
        if self._reasoning and self._returns_reasoning:
            last.setdefault("reasoning_content", PiecedText()).add(str(self._reasoning))
        self._reasoning = PiecedText()
        if calls := more.pop("tool_calls", None):
            last.setdefault("tool_calls", []).extend(calls)
            self._caller = last
        last |= more

    @staticmethod
    def _refusal(item: Json) -> Json:
        parts = item.get("content")
        said = [part.get("refusal", "") for part in parts if part.get("type") == "refusal"] if isinstance(parts, list) else []
        return {"refusal": "".join(said)} if said else {}


TAKERS: Mapping[str, Callable[[_Messages, Json], None]] = MappingProxyType(
    {
        "message": _Messages.message,
        "function_call": _Messages.call,
        "custom_tool_call": _Messages.call,
        "function_call_output": _Messages.output,
        "custom_tool_call_output": _Messages.output,
        "reasoning": _Messages.reasoning,
        "compaction": _Messages.compaction,
        "item_reference": _Messages.reference,
    }
)


def _text_part(part: Json) -> Json:
    return {"type": "text", "text": part.get("text") or ""}


def _image_part(part: Json) -> Json | None:
    url = part.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if not url:
        return None
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _file_part(part: Json) -> Json | None:
    known = {name: part[name] for name in ("file_id", "file_data", "filename") if part.get(name)}
    return {"type": "file", "file": known} if "file_id" in known or "file_data" in known else None


def _as_it_is(part: Json) -> Json:
    return part


PARTS: Mapping[str, Callable[[Json], Json | None]] = MappingProxyType(
    {
        "input_text": _text_part,
        "output_text": _text_part,
        "text": _text_part,
        "summary_text": _text_part,
        "input_image": _image_part,
        "input_file": _file_part,
        "input_audio": _as_it_is,
    }
)


def content_of(content: Any, place: str) -> list[Json]:
    """A message's content as chat's parts. Refusals are no part of it. Raises 400 for parts that chat has not."""
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content or ""}]
    if not isinstance(content, list):
        raise refused("The content must be a text or a list of parts.", f"{place}.content")
    made = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        make = PARTS.get(str(kind))
        converted = make(part) if make else None
        if converted is not None:
            made.append(converted)
        elif kind != "refusal":
            where = f"{place}.content[{number}]"
            raise refused(f"This model's provider cannot take a part of type {kind!r} like this.", where)
    return made


def _joined(parts: Sequence[Json]) -> str:
    return "".join(part["text"] for part in parts if part["type"] == "text")


def _line_after(said: Any, more: str) -> PiecedText | None:
    """What was said with one more line."""
    text = said if isinstance(said, PiecedText) else PiecedText(said or "")
    text.add("\n" + more if text and more else more)
    return text or None


def _compact(parts: list[Json]) -> str | list[Json]:
    """One text is sent as a text: some upstreams know nothing else."""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _instructions(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(_joined(content_of(item.get("content"), "instructions")) for item in items_of(value))


def _text_fields(text: Json, lossy: list[str]) -> Json:
    if text.get("verbosity") not in (None, "medium"):
        lossy.append("text.verbosity")
    form = text.get("format") or {}
    if form.get("type") in (None, "text"):
        return {}
    if form["type"] == "json_schema":
        schema = {name: form[name] for name in ("name", "schema", "strict", "description") if form.get(name) is not None}
        return {"response_format": {"type": "json_schema", "json_schema": {"strict": False, **schema}}}
    return {"response_format": {"type": form["type"]}}
