"""What becomes of each field of a Responses request when chat has to answer it?

Formats: OpenAI OpenAPI document of November 2026, `/responses` and `/chat/completions`. A field that chat has too is carried,
one that the gateway itself obeys is read, and any other is named; so are the fields within a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from providers.wire.openai_responses.tools import Json, refused

COPIED = MappingProxyType(
    {name: name for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "user", "service_tier",
                             "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata", "moderation")}
    | {"max_output_tokens": "max_completion_tokens"}
)  # fmt: skip
"""Fields that chat has too, with its names."""
READ = frozenset(
    {"model", "input", "instructions", "stream", "store", "previous_response_id", "background", "tools", "tool_choice",
     "parallel_tool_calls", "top_logprobs", "prompt", "conversation"}
)  # fmt: skip
"""Fields that are converted elsewhere, or that the gateway itself obeys."""
WITHIN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "text": frozenset({"format", "verbosity"}),
        "reasoning": frozenset({"effort", "summary", "generate_summary"}),  # what the upstream thinks is told as a summary
        "prompt_cache_options": frozenset({"mode", "ttl"}),
        "stream_options": frozenset(),
    }
)
"""Fields with fields of their own: those that have their word in chat, or that any response fulfils."""
SAYING_NOTHING: Mapping[str, Any] = MappingProxyType(
    {
        "truncation": "disabled",
        "reasoning.context": "auto",
        "reasoning.mode": "standard",
        "stream_options.include_obfuscation": False,
        "prompt_cache_options.prewarm": False,
    }
)
"""Values that are what chat does anyway."""
INCLUDED = frozenset(
    {"message.output_text.logprobs", "message.input_image.image_url", "reasoning.encrypted_content",
     "web_search_call.action.sources", "code_interpreter_call.outputs", "computer_call_output.output.image_url",
     "file_search_call.results"}
)  # fmt: skip
"""Values of `include` with which nothing is lost: they are told, or are about items that do not come. Reasoning comes back as
its summary, which needs no encrypted form."""
CHOICES = ("none", "auto", "required")
PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")


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
    prompt_cache_retention: str | None = None
    prompt_cache_options: Json | None = None
    instructions: str | list[Json] | None = None
    metadata: dict[str, str] | None = None
    tool_choice: str | Json | None = None
    tools: list[Json] | None = None
    text: Json | None = None
    reasoning: Json | None = None
    include: list[str] | None = None
    stream_options: Json | None = None


def check_types(request: Json) -> None:
    """Raises 400 for a field that has not the type or the value that it must have, with its name."""
    try:
        msgspec.convert(request, _Typed)
    except msgspec.ValidationError as error:
        text = str(error)
        place = PLACE.search(text)
        param = place["place"] if place else None
        raise refused(f"{PLACE.sub('', text)} in {param!r}.", param, "invalid_type") from error
    check_format((request.get("text") or {}).get("format"), "text.format")
    choice = request.get("tool_choice")
    if isinstance(choice, str) and choice not in CHOICES:
        raise refused(f"The tool choice is none of {', '.join(CHOICES)}.", "tool_choice")


def check_format(form: Any, place: str) -> None:
    """Raises 400 for a format of the answer that cannot be asked for."""
    if form is not None and not isinstance(form, dict):
        raise refused("The format must be an object.", place, "invalid_type")
    if form and form.get("type") == "json_schema" and not (isinstance(form.get("name"), str) and form["name"]):
        raise refused("A format of JSON schema needs a name.", f"{place}.name", "missing_required_parameter")


def left_out(request: Json) -> Iterator[str]:
    """The fields that chat has no word for."""
    for name, value in request.items():
        if value is None or name in COPIED or name in READ or "::" in name:
            continue
        if name == "include":
            yield from (f"include ({one})" for one in value if one not in INCLUDED)
        elif name in WITHIN:
            inner = {f"{name}.{field}": said for field, said in value.items() if said is not None and field not in WITHIN[name]}
            yield from (place for place, said in inner.items() if said != SAYING_NOTHING.get(place))
        elif value != SAYING_NOTHING.get(name):
            yield name


def chat_fields(request: Json) -> Json:
    """The fields of the chat request that neither messages nor tools are made of."""
    body: Json = {COPIED[name]: value for name, value in request.items() if value is not None and name in COPIED}
    cache = request.get("prompt_cache_options")
    if cache and (kept := {name: cache[name] for name in ("mode", "ttl") if cache.get(name) is not None}):
        body["prompt_cache_options"] = kept
    if request.get("store"):  # chat keeps nothing unless it is told to
        body["store"] = True
    if text := request.get("text"):
        body |= _text_fields(text)
    if effort := (request.get("reasoning") or {}).get("effort"):
        body["reasoning_effort"] = effort
    if request.get("top_logprobs") or "message.output_text.logprobs" in (request.get("include") or ()):
        body |= {"logprobs": True, "top_logprobs": request.get("top_logprobs") or 0}
    if request.get("stream"):
        body["stream"] = True
    return body


def _text_fields(text: Json) -> Json:
    verbosity = {"verbosity": text["verbosity"]} if text.get("verbosity") is not None else {}
    form = text.get("format") or {}
    if form.get("type") in (None, "text"):
        return verbosity
    if form["type"] == "json_schema":
        schema = {name: form[name] for name in ("name", "schema", "strict", "description") if form.get(name) is not None}
        return verbosity | {"response_format": {"type": "json_schema", "json_schema": {"strict": False, **schema}}}
    return verbosity | {"response_format": {"type": form["type"]}}
