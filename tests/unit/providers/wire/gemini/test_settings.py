"""Which settings and files is an upstream of Gemini's told, when the client speaks another wire?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.codec import Traits
from providers.convert.codecs import codecs
from providers.errors import Unsupported
from providers.types import Wire
from providers.wire.gemini import codec
from providers.wire.gemini.codec.requests.models import Model, model_of
from providers.wire.gemini.codec.signatures import SKIP
from tests.unit.providers.wire.gemini.test_to_gemini import HI, Json, asked, chat, contents


def config(**more: Any) -> Json:
    return dict(chat(HI, **more).body.get("generationConfig", {}))


def test_stop_when_more_than_five_then_they_are_cut_and_named() -> None:
    request = codecs()[Wire.OPENAI_CHAT].decode_request({"messages": [HI], "stop": list("abcdef")})
    made = codec.encode_request(request)
    assert made.body["generationConfig"]["stopSequences"] == list("abcde")
    assert made.lossy == ("stop",)


def test_format_when_a_schema_then_plain_with_its_name_within() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    made = chat(HI, response_format=form)
    assert made.body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"title": "n", **schema},
    }
    assert made.lossy == ()
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format={"type": "text"}) == {}


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [
        ("none", {"thinkingBudget": 0}),
        ("minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("xhigh", {"thinkingLevel": "XHIGH", "includeThoughts": True}),
    ],
)
def test_effort_when_told_then_it_is_a_level(effort: str, thinking: Json) -> None:
    assert config(reasoning_effort=effort) == {"thinkingConfig": thinking}


def test_effort_when_nobody_knows_it_then_named() -> None:
    assert chat(HI, reasoning_effort="heroic").lossy == ("reasoning_effort",)


def test_metadata_when_no_label_of_googles_then_named() -> None:
    made = chat(HI, metadata={"a": "b", "Team": "x", "c": "Long text!"})
    assert made.body["labels"] == {"a": "b"}
    assert made.lossy == ("metadata",)


@pytest.mark.parametrize(("tier", "made"), [("default", "standard"), ("flex", "flex"), ("auto", None)])
def test_tier_when_told_then_in_geminis_word(tier: str, made: str | None) -> None:
    encoded = chat(HI, service_tier=tier)
    assert encoded.body.get("serviceTier") == made
    assert encoded.lossy == ()


# Files


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("data:image/webp;base64,AAAA", {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}}),
        ("https://a.example/a.PNG?b=c.d", {"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/a.PNG?b=c.d"}}),
        ("https://[a.example/b", {"fileData": {"fileUri": "https://[a.example/b"}}),
        ("gs://bucket/a.webp", {"fileData": {"mimeType": "image/webp", "fileUri": "gs://bucket/a.webp"}}),
    ],
)
def test_picture_when_told_then_inline_or_by_its_address(url: str, part: Json) -> None:
    made = contents({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})
    assert made[0]["parts"] == [part]


def test_picture_when_its_data_url_is_none_then_400_with_the_place() -> None:
    with pytest.raises(Unsupported) as caught:
        contents({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,raw"}}]})
    assert caught.value.param == "messages[0].content[0]"


@pytest.mark.parametrize(
    ("said", "thinking"),
    [
        ({"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4096},
            {"thinkingBudget": 2048, "includeThoughts": True},
        ),
        ({"thinking": {"type": "adaptive"}}, {"includeThoughts": True}),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, {"includeThoughts": False}),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
            {"thinkingLevel": "XHIGH", "includeThoughts": True},
        ),
    ],
)
def test_thinking_when_messages_ask_for_it_then_in_geminis_words(said: Json, thinking: Json) -> None:
    body = {"max_tokens": 64, "messages": [HI], **said}
    assert asked(body, Wire.ANTHROPIC_MESSAGES).body["generationConfig"]["thinkingConfig"] == thinking


# What models differ in


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("", Model()),
        ("my-tuned-one", Model()),
        ("gemini-2.5-pro", Model(thinks_in_budgets=True, checks_signatures=False)),
        ("publishers/google/models/gemini-2.0-flash-001", Model(thinks_in_budgets=True, checks_signatures=False)),
        ("gemini-3-pro-preview", Model()),
        ("gemini-3.5-flash", Model()),
        ("gemini-3.6-flash", Model(samples=False)),
        ("models/gemini-3.5-flash-lite-preview-09", Model(samples=False)),
        ("gemini-4-flash", Model(samples=False)),
        ("gemini-4-pro", Model()),
    ],
)
def test_model_when_its_name_tells_its_version_then_what_it_takes(model: str, known: Model) -> None:
    assert model_of(model) == known


def test_request_when_for_an_older_model_then_budgets_and_no_word_for_signatures() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        HI,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ]
    body = {"messages": messages, "reasoning_effort": "medium", "temperature": 0.5}
    old = asked(body, traits=Traits(model="gemini-2.5-flash"))
    assert old.body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 8192, "includeThoughts": True}
    assert "thoughtSignature" not in old.body["contents"][1]["parts"][0]
    new = asked(body, traits=Traits(model="gemini-3.6-flash"))
    assert new.body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "MEDIUM", "includeThoughts": True}}
    assert new.body["contents"][1]["parts"][0]["thoughtSignature"] == SKIP
    assert (old.lossy, new.lossy) == ((), ("temperature",))
