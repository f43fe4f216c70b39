"""Which fields and headers does a request have at each host of the Messages API?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from providers.anthropic.betas import BEDROCK
from providers.anthropic.rules import MessageRules, bedrock_fields, in_headers, vertex_fields
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.errors import Unsupported
from providers.types import Call, TargetConfig, Wire

OWN = (b"anthropic-version", b"2023-06-01")
BETAS = (b"anthropic-beta", b"advanced-tool-use-2025-11-20,claude-code-20250219")
BODY = {"model": "public", "max_tokens": 5, "stream": False, "messages": [], "temperature": 1, "x_unknown": 1.5}


def rules(known: Mapping[str, str] | None = None, **fields: Any) -> MessageRules:
    return MessageRules(
        TargetConfig(id="t", provider="p", provider_type="anthropic", upstream_model="up", **fields), "anthropic", known
    )


def call(*headers: tuple[bytes, bytes], strict: bool = False, **fields: Any) -> Call:
    body = json.dumps({**BODY, **fields}).encode()
    return Call(
        capability=Capability.CHAT,
        wire=Wire.ANTHROPIC_MESSAGES,
        model="public",
        body=body,
        fields=fields_of(body),
        request_id="r",
        headers=headers,
        strict=strict,
    )


def test_body_when_nothing_differs_then_all_bytes_but_the_model() -> None:
    made = call(OWN)
    of = rules()
    assert of.body(made, of.asked(made), {}) == made.body.replace(b'"public"', b'"up"')


def test_body_when_the_operator_adds_fields_and_the_client_has_ours_then_only_theirs_are_sent() -> None:
    of = rules(extra_body={"service_tier": b'"standard_only"'})
    fields: dict[str, Any] = {"tensorzero::tags": {}, "service_tier": "auto", "fallbacks": "default"}
    made = call(OWN, **fields)
    sent = json.loads(bytes(of.body(made, of.asked(made), {})))
    assert sent == {**BODY, "model": "up", "service_tier": "standard_only"}
    assert of.asked(made).lossy == ("fallbacks",)


def test_tool_when_the_upstream_runs_it_with_a_model_then_that_is_the_operators() -> None:
    tools = [
        {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus"},
        {"name": "model", "input_schema": {"model": 1}},
    ]
    of = rules()
    made = call(OWN, tools=tools)
    sent = json.loads(bytes(of.body(made, of.asked(made), {})))
    assert sent["tools"] == [{"type": "advisor_20260301", "name": "advisor"}, tools[1]]
    assert of.asked(made).lossy == ("tools[0].model",)


@pytest.mark.parametrize(
    ("headers", "options", "version", "lossy"),
    [
        ((), {}, "2023-06-01", ()),
        ((), {"api_version": "2026-10-21"}, "2026-10-21", ("temperature",)),
        ((OWN,), {"api_version": "2026-10-21"}, "2023-06-01", ()),
        (((b"anthropic-version", b"2026-10-21"),), {}, "2026-10-21", ()),
    ],
    ids=["default", "the operator's", "the client's", "the client's, who knows"],
)
def test_version_when_it_is_chosen_then_the_clients_own_goes_before_the_operators(
    headers: tuple[tuple[bytes, bytes], ...], options: dict[str, str], version: str, lossy: tuple[str, ...]
) -> None:
    of, made = rules(options=options), call(*headers)
    asked = of.asked(made)
    assert in_headers(asked) == ((b"anthropic-version", version.encode()),)
    assert asked.lossy == lossy
    sent = json.loads(bytes(of.body(made, asked, {})))
    assert ("temperature" in sent) is (not lossy)


def test_call_when_it_is_strict_and_something_would_be_left_out_then_refused() -> None:
    with pytest.raises(Unsupported, match="claude-code-20250219"):
        rules(BEDROCK).asked(call(OWN, BETAS, strict=True))


def test_bedrock_when_it_is_asked_then_version_and_betas_stand_in_the_body_and_the_model_in_the_path() -> None:
    of, made = rules(BEDROCK), call(OWN, BETAS)
    asked = of.asked(made)
    sent = json.loads(bytes(of.body(made, asked, bedrock_fields(asked))))
    kept = {name: value for name, value in BODY.items() if name not in ("model", "stream")}
    betas = ["tool-search-tool-2025-10-19"]
    assert sent == {**kept, "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": betas}
    assert asked.lossy == ("anthropic-beta: claude-code-20250219",)


@pytest.mark.parametrize(("version", "name"), [("2023-06-01", "vertex-2023-10-16"), ("2026-10-21", "2026-10-21")])
def test_vertex_when_it_is_asked_then_the_version_has_its_name_there(version: str, name: str) -> None:
    of, made = rules(), call((b"anthropic-version", version.encode()))
    asked = of.asked(made)
    sent = json.loads(bytes(of.body(made, asked, vertex_fields(asked))))
    assert (sent["anthropic_version"], "model" in sent, sent["stream"]) == (name, False, False)


def test_counting_when_the_request_was_made_here_then_without_what_an_answer_needs() -> None:
    of = rules()
    for made, kept in ((call(), {"messages", "model"}), (call(OWN), set(BODY))):
        asked = of.asked(made)
        assert set(json.loads(bytes(of.body(made, asked, of.counted(made, asked))))) == kept
