"""Is every field, item and tool that OpenAI's SDK knows carried, named or refused on conversion, and never lost in silence?"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

import openresponses_types.types as spec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from openai.types.responses.response_output_item import ResponseOutputItem
from openai.types.responses.tool_param import ToolParam
from typing_extensions import is_typeddict

from providers.errors import CallerError
from providers.wire.openai_responses.codec.items import HISTORY_ONLY, READ
from tests.unit.providers.convert.composed import to_chat, to_responses

MARK = "a-mark-of-the-test"
NAMED = HISTORY_ONLY - READ.keys()
"""Items that are left out, and named. A search for tools is, if it was the upstream's."""
CARRIED = frozenset({"function", "custom", "namespace", "tool_search"})
"""The tools that chat can have."""
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
CHAT_FUNCTION = {"type": "function", "function": {"name": "f"}}
OBEYED = {"model", "stream", "background", "previous_response_id"}
"""Fields that are the gateway's own."""
RESPONSES: dict[str, Any] = {
    "access_programs": {"cyber": MARK}, "background": True, "context_management": [{"type": MARK}], "conversation": MARK,
    "image": {"context_compression": MARK}, "include": [MARK], "input": MARK, "instructions": MARK, "max_output_tokens": 77_777,
    "max_tool_calls": 77_777, "metadata": {"a": MARK}, "moderation": {"model": MARK}, "parallel_tool_calls": True,
    "prompt": {"id": MARK}, "prompt_cache_key": MARK, "prompt_cache_options": {"mode": MARK}, "prompt_cache_retention": MARK,
    "reasoning": {"effort": MARK}, "safety_identifier": MARK, "service_tier": MARK, "store": True,
    "stream_options": {"include_obfuscation": True}, "temperature": 0.77, "text": {"verbosity": MARK},
    "tool_choice": {"type": "function", "name": "f"}, "tools": [{"type": "function", "name": MARK}], "top_logprobs": 17,
    "top_p": 0.77, "truncation": "auto", "user": MARK,
}  # fmt: skip
CHAT: dict[str, Any] = {
    "audio": {"voice": MARK}, "frequency_penalty": 0.77, "function_call": MARK, "functions": [{"name": MARK}],
    "logit_bias": {MARK: 1}, "logprobs": True, "max_completion_tokens": 77_777, "max_tokens": 77_777,
    "messages": [{"role": "user", "content": MARK}], "metadata": {"a": MARK}, "modalities": ["text", "audio"],
    "moderation": {"model": MARK}, "n": 7, "parallel_tool_calls": True, "prediction": {"type": "content", "content": MARK},
    "presence_penalty": 0.77, "prompt_cache_key": MARK, "prompt_cache_options": {"mode": MARK}, "prompt_cache_retention": MARK,
    "reasoning_effort": MARK, "response_format": {"type": MARK}, "safety_identifier": MARK, "seed": 77_777, "service_tier": MARK,
    "stop": [MARK], "store": True, "stream_options": {"include_obfuscation": True}, "temperature": 0.77,
    "tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": [{"type": "function", "function": {"name": MARK}}],
    "top_logprobs": 17, "top_p": 0.77, "user": MARK, "verbosity": MARK, "web_search_options": {"search_context_size": MARK},
}  # fmt: skip


def says(body: Any, value: Any, name: str = "") -> bool:
    """Whether the innermost of a value stands anywhere in a body; truth says something only with its name."""
    while isinstance(value, dict | list):
        name, value = ("", value[-1]) if isinstance(value, list) else ("", MARK) if MARK in value else list(value.items())[-1]
    text = json.dumps(body)
    return f'"{name}": true' in text if value is True else json.dumps(value).strip('"') in text


def tried(convert: Callable[[Any], Any], request: Any) -> tuple[Any, CallerError | None]:
    try:
        return convert(request), None
    except CallerError as error:
        return None, error


def fields_of(kind: Any) -> set[str]:
    return set(kind.__annotations__)


@pytest.mark.parametrize("field", sorted(fields_of(ResponseCreateParamsStreaming) - OBEYED | {"background"}))
def test_field_of_a_response_when_converted_is_carried_named_or_refused(field: str) -> None:
    request = {"input": "hi", "tools": [FUNCTION], "stream": True, field: RESPONSES[field]}
    made, refused = tried(to_chat, request)
    if refused is not None:
        assert refused.param == field
        return
    assert says(made.body, RESPONSES[field], field) or any(name.startswith(field) for name in made.lossy), made
    assert to_chat({field: None, "input": "hi"}).lossy == ()


@pytest.mark.parametrize("field", sorted(fields_of(CompletionCreateParamsStreaming) - OBEYED))
def test_field_of_a_chat_when_converted_is_carried_named_or_refused(field: str) -> None:
    request = {"messages": [{"role": "user", "content": "hi"}], "tools": [CHAT_FUNCTION], "stream": True, field: CHAT[field]}
    made, refused = tried(to_responses, request)
    if refused is not None:
        assert refused.param == field
        return
    told = "message.output_text.logprobs" if field == "logprobs" else CHAT[field]
    assert says(made.body, told, field) or any(name.startswith(field) for name in made.lossy), made
    assert to_responses({field: None, "messages": [{"role": "user", "content": "hi"}]}).lossy == ()


def kinds_of(union: Any) -> set[str]:
    """The values of `type` of a union's members."""
    found: set[str] = set()
    for member in get_args(union):
        kind = (
            get_type_hints(member, include_extras=True).get("type")
            if is_typeddict(member)
            else member.model_fields["type"].annotation
        )
        while get_origin(kind) is not Literal:
            kind = get_args(kind)[0]
        found |= set(get_args(kind))
    return found


ITEMS = kinds_of(ResponseInputItemParam) | kinds_of(get_args(ResponseOutputItem)[0])
SPECIFIED = {
    next(iter(kind.model_fields["type"].annotation)).value
    for name, kind in vars(spec).items()
    if name.endswith("ItemParam")
    and hasattr(kind.model_fields.get("type"), "annotation")
    and hasattr(kind.model_fields["type"].annotation, "__iter__")
}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "message": {"role": "user", "content": MARK},
    "function_call": {"call_id": "c2", "name": MARK, "arguments": "{}"},
    "custom_tool_call": {"call_id": "c2", "name": MARK, "input": "a"},
    "function_call_output": {"call_id": "c1", "output": MARK},
    "custom_tool_call_output": {"call_id": "c1", "output": MARK},
    "tool_search_call": {"call_id": "c2", "execution": "client", "arguments": {"query": MARK}},
    "tool_search_output": {"call_id": None, "execution": "server", "tools": [{"type": "function", "name": MARK}]},
    "additional_tools": {"role": "developer", "tools": [{"type": "function", "name": MARK}]},
    "agent_message": {"author": "/root", "recipient": "/root/a", "content": [{"type": "input_text", "text": MARK}]},
    "configuration_update": {"reasoning": {"effort": MARK}},
    "reasoning": {"summary": [{"type": "summary_text", "text": MARK}]},
}


@pytest.mark.parametrize("kind", sorted(ITEMS | SPECIFIED | set(READ) | {"of_tomorrow"}))
def test_item_when_converted_is_carried_named_or_refused(kind: str) -> None:
    items: list[dict[str, Any]] = [{"role": "user", "content": "hi"}, {"type": kind, "id": "x_1", **EXAMPLES.get(kind, {})}]
    if kind.endswith("call_output") and kind in EXAMPLES:
        items.insert(1, CALL)
    if kind in ("function_call", "custom_tool_call", "tool_search_call"):
        items.append({"type": "function_call_output", "call_id": "c2", "output": "1"})
    elif kind == "reasoning":
        items.append({"role": "assistant", "content": "so"})
    made, refused = tried(partial(to_chat, returns_reasoning=True), {"input": items})
    if refused is not None:
        assert kind not in EXAMPLES
        assert refused.param == "input[1]"
        assert any(word in refused.message for word in (kind, "compact", "There is no item"))
        return
    assert (kind in EXAMPLES) == says(made.body, MARK)
    assert (kind in NAMED) == (made.lossy == (f"input[1] ({kind})",))


@pytest.mark.parametrize("kind", sorted(kinds_of(ToolParam) | {"of_tomorrow"}))
@pytest.mark.parametrize("place", ["tools", "input[0].tools"])
def test_tool_when_converted_is_carried_or_named(place: str, kind: str) -> None:
    inner = {"tools": [{"type": "function", "name": "g"}]} if kind == "namespace" else {}
    tool = {"type": kind, "name": MARK, "execution": "client", "description": MARK, **inner}
    items: list[dict[str, Any]] = [
        {"type": "additional_tools", "role": "developer", "tools": [tool]},
        {"role": "user", "content": "hi"},
    ]
    made = to_chat({"input": "hi", "tools": [tool]} if place == "tools" else {"input": items})
    assert says(made.body, f"{MARK}__g" if kind == "namespace" else MARK) == (kind in CARRIED)
    assert any(f"{place}[0] ({kind})" in name for name in made.lossy) == (kind not in CARRIED)


def test_tables_when_compared_then_no_item_is_in_two() -> None:
    assert HISTORY_ONLY & READ.keys() == {"tool_search_call"}
    assert HISTORY_ONLY | READ.keys() >= ITEMS
