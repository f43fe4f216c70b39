"""How long, how random, how thoughtful is an upstream of Messages asked to be, as far as its model lets that be said?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.codec import Traits
from providers.errors import Unsupported
from tests.unit.providers.wire.anthropic_messages.asking import (
    ADAPTIVE,
    BUDGET,
    GEMINI,
    HI,
    NEW,
    NEWEST,
    OLD,
    SCHEMA,
    TOOL,
    Json,
    chat,
    responses,
    sent,
)


def call(call_id: str, arguments: str = "{}", name: str = "f") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(call_id: str, content: Any = "ok") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Limits, sampling, thinking


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("", 4096),
        ("my-deployment", 4096),
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-haiku-20241022", 8192),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 32_000),
        ("claude-opus-4@20250514", 32_000),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 32_000),
        ("claude-fable-5-2", 32_000),
    ],
)
def test_limit_when_the_client_sets_none_then_that_of_the_model(model: str, most: int) -> None:
    assert chat(traits=Traits(model=model)).body["max_tokens"] == most


def test_limit_when_set_then_as_said_and_none_of_nothing() -> None:
    assert chat(max_tokens=7).body["max_tokens"] == 7
    made = sent(
        {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": {"maxOutputTokens": 0}}, wire=GEMINI
    )
    assert made.body["max_tokens"] == 4096
    assert made.lossy == ("generationConfig.maxOutputTokens",)


def test_stop_when_a_sequence_is_blank_then_it_is_left_out_and_named() -> None:
    made = chat(stop=["END", "\n", ""])
    assert made.body["stop_sequences"] == ["END"]
    assert made.lossy == ("stop",)
    assert "stop_sequences" not in chat(stop="\n").body


SAMPLED = {"temperature": 0.5, "top_p": 0.9, "top_k": 3}


@pytest.mark.parametrize(
    ("traits", "kept"),
    [
        (OLD, ["temperature", "top_k", "top_p"]),
        (BUDGET, ["temperature", "top_k"]),
        (Traits(), ["temperature", "top_k"]),
        (Traits(model="claude-sonnet-4-5", api_version="2023-06-01"), ["temperature", "top_k"]),
        (Traits(model="claude-sonnet-4-5", api_version="2026-10-21"), []),
        (NEW, []),
        (NEWEST, []),
    ],
    ids=lambda value: f"{value.model} {value.api_version}" if isinstance(value, Traits) else "",
)
def test_sampling_when_the_model_or_the_version_refuses_it_then_it_is_left_out_and_named(traits: Traits, kept: list[str]) -> None:
    generation = {"temperature": 0.5, "topP": 0.9, "topK": 3}
    made = sent({"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": generation}, traits, GEMINI)
    assert sorted(made.body.keys() & SAMPLED.keys()) == kept
    assert len(made.lossy) == len(SAMPLED) - len(kept)


def test_sampling_when_the_model_thinks_then_it_is_left_out_and_named() -> None:
    made = chat(reasoning_effort="low", temperature=0.5, top_p=0.9, max_tokens=9000, traits=BUDGET)
    assert not made.body.keys() & SAMPLED.keys()
    assert made.lossy == ("temperature", "top_p")
    kept = chat(reasoning_effort="low", top_p=0.97, max_tokens=9000, traits=BUDGET)
    assert kept.body["top_p"] == 0.97


def test_temperature_when_it_is_too_high_then_it_is_the_highest_and_named() -> None:
    made = chat(temperature=1.7)
    assert made.body["temperature"] == 1
    assert made.lossy == ("temperature",)


@pytest.mark.parametrize(
    ("effort", "traits", "expected", "lossy"),
    [
        ("low", ADAPTIVE, ({"type": "adaptive"}, "low"), ()),
        ("minimal", NEWEST, ({"type": "adaptive"}, "low"), ("reasoning_effort",)),
        ("xhigh", ADAPTIVE, ({"type": "adaptive"}, "high"), ("reasoning_effort",)),
        ("xhigh", NEW, ({"type": "adaptive"}, "xhigh"), ()),
        ("none", NEW, (None, None), ()),
        ("high", BUDGET, ({"type": "enabled", "budget_tokens": 16_384}, None), ()),
        ("high", OLD, (None, None), ("reasoning_effort",)),
    ],
)
def test_effort_when_sent_then_as_the_model_takes_it(effort: str, traits: Traits, expected: Any, lossy: tuple[str, ...]) -> None:
    made = chat(reasoning_effort=effort, traits=traits)
    assert (made.body.get("thinking"), made.body.get("output_config", {}).get("effort")) == expected
    assert made.lossy == lossy


def test_budget_when_it_is_of_an_effort_then_it_fits_the_limit_or_nothing_is_thought() -> None:
    body = chat(reasoning_effort="high", max_tokens=2000, traits=BUDGET).body
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (1999, 2000)
    made = chat(reasoning_effort="high", max_tokens=1024, traits=BUDGET)
    assert "thinking" not in made.body
    assert made.lossy == ("reasoning_effort",)


def gemini_thinking(budget: int, traits: Traits, most: int = 2000) -> Any:
    config = {"maxOutputTokens": most, "thinkingConfig": {"thinkingBudget": budget}}
    return sent({"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": config}, traits, GEMINI)


def test_budget_when_it_is_not_below_the_limit_then_the_limit_is_raised_and_named() -> None:
    made = gemini_thinking(4000, BUDGET)
    assert (made.body["thinking"], made.body["max_tokens"]) == ({"type": "enabled", "budget_tokens": 4000}, 6000)
    assert made.lossy == ("generationConfig.maxOutputTokens",)


def test_budget_when_it_is_too_small_then_it_is_the_least_and_named_and_none_is_no_thinking() -> None:
    made = gemini_thinking(100, BUDGET)
    assert made.body["thinking"]["budget_tokens"] == 1024
    assert made.lossy == ("generationConfig.thinkingConfig.thinkingBudget",)
    assert "thinking" not in gemini_thinking(0, BUDGET).body


def test_budget_when_the_model_knows_none_then_it_thinks_as_it_sees_fit_and_that_is_named() -> None:
    made = gemini_thinking(4000, NEW)
    assert made.body["thinking"] == {"type": "adaptive"}
    assert made.body["max_tokens"] == 2000
    assert made.lossy == ("generationConfig.thinkingConfig.thinkingBudget",)


def test_thinking_when_a_tool_is_forced_then_it_is_left_out() -> None:
    made = chat(tools=[TOOL], tool_choice="required", reasoning_effort="high", traits=ADAPTIVE)
    assert "thinking" not in made.body
    assert made.body["tool_choice"] == {"type": "any"}


def test_thinking_when_calls_are_answered_that_nobody_has_thought_of_then_a_model_with_a_budget_does_not_think() -> None:
    messages = (HI, calling(call("a")), result("a"))
    made = chat(*messages, tools=[TOOL], reasoning_effort="high", traits=BUDGET)
    assert "thinking" not in made.body
    assert made.lossy == ("reasoning_effort",)
    assert chat(*messages, tools=[TOOL], reasoning_effort="high", traits=ADAPTIVE).body["thinking"] == {"type": "adaptive"}


def test_thoughts_when_they_are_to_be_shown_then_the_display_says_so() -> None:
    body = responses(
        {"type": "message", "role": "user", "content": "x"}, reasoning={"effort": "low", "summary": "auto"}, traits=NEW
    ).body
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


# Format, the rest


def schema(value: Json, **more: Any) -> Json:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": value, **more}}}


def test_format_when_it_is_a_schema_then_output_config_has_it_beside_the_effort() -> None:
    made = chat(reasoning_effort="low", **schema(SCHEMA, strict=True), traits=ADAPTIVE)
    assert made.body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert made.lossy == ()


def test_format_when_the_schema_is_open_then_it_is_closed_and_named() -> None:
    value = {
        "type": "object",
        "properties": {"a": {"type": ["object", "null"]}, "b": {"type": "array", "items": [{"type": "object"}]}},
    }
    made = chat(**schema(value))
    told = made.body["output_config"]["format"]["schema"]
    assert told["additionalProperties"] is False
    assert told["properties"]["a"]["additionalProperties"] is False
    assert told["properties"]["b"]["items"][0]["additionalProperties"] is False
    assert made.lossy == ("response_format.json_schema.schema",)
    assert "additionalProperties" not in value


def test_format_when_it_is_json_or_the_model_is_old_then_it_is_named() -> None:
    assert chat(response_format={"type": "json_object"}).lossy == ("response_format",)
    assert chat(**schema(SCHEMA), traits=OLD).lossy == ("response_format",)


@pytest.mark.parametrize(("more", "param"), [({"n": 2}, "n"), ({"modalities": ["text", "audio"]}, "modalities")])
def test_request_when_another_kind_of_answer_is_asked_then_it_is_refused(more: Json, param: str) -> None:
    with pytest.raises(Unsupported) as error:
        chat(**more)
    assert error.value.param == param


def test_user_and_tier_when_sent_then_they_have_their_places() -> None:
    body = chat(user="u", service_tier="default").body
    assert (body["metadata"], body["service_tier"]) == ({"user_id": "u"}, "standard_only")
    assert chat(safety_identifier="s").body["metadata"] == {"user_id": "s"}
    assert chat(service_tier="flex").lossy == ("service_tier",)


def test_marks_when_there_are_too_many_then_the_last_four_count_and_that_is_named() -> None:
    parts = [{"type": "text", "text": str(number), "prompt_cache_breakpoint": {"ttl": "1h"}} for number in range(6)]
    made = chat({"role": "user", "content": parts})
    content = made.body["messages"][0]["content"]
    assert [part["text"] for part in content if "cache_control" in part] == ["2", "3", "4", "5"]
    assert content[5]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert len(made.lossy) == 1
