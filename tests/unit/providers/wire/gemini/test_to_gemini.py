"""What is an upstream of Gemini's asked, when the client speaks another wire?"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.canonical.codec import Encoded, Traits
from providers.canonical.signature import Signature
from providers.convert.codecs import codecs
from providers.errors import Unsupported
from providers.types import Wire
from providers.wire.gemini import codec
from providers.wire.gemini.codec.signatures import SKIP, signature_of, signed

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
SIGNED = "signalbox.gemini.c2ln"
FUNCTION: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}


def asked(body: Json, wire: Wire = Wire.OPENAI_CHAT, traits: Traits | None = None) -> Encoded:
    request = codecs()[wire].decode_request(body)
    return codec.encode_request(request, traits) if traits else codec.encode_request(request)


def chat(*messages: Json, **more: Any) -> Encoded:
    return asked({"model": "m", "messages": list(messages), **more})


def contents(*messages: Json, **more: Any) -> list[Json]:
    return list(chat(*messages, **more).body["contents"])


def called(*calls: tuple[str, str, str], **more: Any) -> Json:
    """A message that calls: id, name and arguments of each."""
    made = [{"id": call_id, "type": "function", "function": {"name": name, "arguments": args}} for call_id, name, args in calls]
    return {"role": "assistant", "content": None, "tool_calls": made, **more}


def result(call_id: str, content: Any = "1") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Contents


def test_contents_when_the_model_speaks_first_then_the_user_stands_before_it() -> None:
    made = contents({"role": "assistant", "content": "Welcome."}, HI)
    assert [one["role"] for one in made] == ["user", "model", "user"]
    assert made[0]["parts"][0]["text"]


def test_contents_when_one_speaks_twice_then_that_is_one_content() -> None:
    made = contents(
        HI, {"role": "user", "content": "there"}, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}
    )
    assert made == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "there"}]},
        {"role": "model", "parts": [{"text": "a"}, {"text": "b"}]},
    ]


@pytest.mark.parametrize("content", ["", [{"type": "text", "text": ""}]])
def test_user_when_nothing_is_said_then_still_a_content_that_is_not_empty(content: Any) -> None:
    (made,) = contents({"role": "user", "content": content})
    assert made["parts"][0]["text"]


def test_system_when_it_speaks_first_then_apart_and_later_at_its_place() -> None:
    made = chat(
        {"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, HI, {"role": "system", "content": "c"}
    ).body
    assert made["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": "hi"}, {"text": "c"}]}]


def test_request_when_only_the_system_speaks_then_400_with_the_place() -> None:
    with pytest.raises(Unsupported) as caught:
        chat({"role": "system", "content": "a"})
    assert caught.value.param == "messages"


# Calls and results


def test_results_when_of_parallel_calls_then_one_content_with_the_names_of_their_calls() -> None:
    made = contents(
        HI, called(("c1", "f", '{"a":1}'), ("c2", "g", "")), result("c2"), result("c1", "2"), {"role": "user", "content": "so?"}
    )
    assert made[1]["parts"] == [
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": SKIP},
        {"functionCall": {"id": "c2", "name": "g", "args": {}}},
    ]
    assert made[2:] == [
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c2", "name": "g", "response": {"output": "1"}}},
                {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "2"}}},
                {"text": "so?"},
            ],
        }
    ]


def test_result_when_the_user_speaks_before_it_then_it_stands_first() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    said = {"type": "message", "role": "user", "content": "wait"}
    body = {"input": [HI, call, said, {"type": "function_call_output", "call_id": "c1", "output": "1"}]}
    made = asked(body, Wire.OPENAI_RESPONSES).body["contents"][2]["parts"]
    assert [next(iter(part)) for part in made] == ["functionResponse", "text"]


def test_result_when_it_is_an_error_then_it_says_so() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
    failed = [{"type": "tool_result", "tool_use_id": "t1", "content": '{"a":1}', "is_error": True}]
    made = asked({"max_tokens": 5, "messages": [HI, call, {"role": "user", "content": failed}]}, Wire.ANTHROPIC_MESSAGES)
    assert made.body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"error": '{"a":1}'}


def test_result_when_of_no_call_then_400_with_the_place() -> None:
    with pytest.raises(Unsupported) as caught:
        asked(
            {"input": [{"type": "message", "role": "user", "content": "hi"},
                       {"type": "function_call_output", "call_id": "c9", "output": "1"}]},
            Wire.OPENAI_RESPONSES,
        )  # fmt: skip
    assert caught.value.param == "input[1]"
    assert "c9" in caught.value.message


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("plain", {"output": "plain"}),
        ('{"a": 1}', {"a": 1}),
        ("[1]", {"output": "[1]"}),
        ("{broken", {"output": "{broken"}),
        ("", {"output": ""}),
    ],
)
def test_result_when_told_then_it_is_an_object(text: str, response: Json) -> None:
    made = contents(HI, called(("c1", "f", "{}")), result("c1", text))
    assert made[2]["parts"][0]["functionResponse"]["response"] == response


def test_result_when_it_has_a_picture_then_that_stands_within_it() -> None:
    output = [
        {"type": "input_text", "text": "seen"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
    ]
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    body = {
        "input": [{"role": "user", "content": "hi"}, call, {"type": "function_call_output", "call_id": "c1", "output": output}]
    }
    made = asked(body, Wire.OPENAI_RESPONSES).body["contents"][2]["parts"]
    assert made == [
        {
            "functionResponse": {
                "id": "c1",
                "name": "look",
                "response": {"output": "seen"},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
            }
        }
    ]


@pytest.mark.parametrize(("text", "args"), [("not json", {"input": "not json"}), ("[1]", {"input": [1]})])
def test_arguments_when_they_are_no_object_then_they_survive_and_are_named(text: str, args: Json) -> None:
    made = chat(HI, called(("c1", "f", text)), result("c1"))
    assert made.body["contents"][1]["parts"][0]["functionCall"]["args"] == args
    assert "messages[].tool_calls[].arguments" in made.lossy


# Signatures


def test_signature_when_geminis_own_comes_back_then_it_stands_at_its_call() -> None:
    call = called(("c1", "f", "{}"), ("c2", "f", "{}"))
    call["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": SIGNED}}
    made = chat(HI, call, result("c1"), result("c2"))
    assert [part.get("thoughtSignature") for part in made.body["contents"][1]["parts"]] == ["c2ln", None]
    assert made.lossy == ()


def test_signature_when_it_comes_back_as_sealed_thoughts_then_it_stands_at_the_call_after_them() -> None:
    details = [{"type": "reasoning.encrypted", "data": SIGNED}]
    made = chat(HI, called(("c1", "f", "{}"), reasoning_details=details), result("c1"))
    assert made.body["contents"][1]["parts"] == [
        {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    ]


def test_signature_when_responses_bring_it_back_then_it_stands_at_the_call_after_it() -> None:
    items = [
        {"role": "user", "content": "hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNED},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
    ]
    made = asked({"input": items}, Wire.OPENAI_RESPONSES)
    assert made.body["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    assert made.lossy == ()


def test_signature_when_no_call_came_of_it_then_it_stands_at_the_last_text() -> None:
    details = [{"type": "reasoning.text", "text": "", "signature": SIGNED}]
    made = chat(HI, {"role": "assistant", "content": "a", "reasoning_details": details}, HI)
    assert made.body["contents"][1]["parts"] == [{"text": "a", "thoughtSignature": "c2ln"}]


def test_signature_when_it_comes_back_twice_then_it_stands_at_its_call_alone() -> None:
    details = [{"type": "reasoning.encrypted", "data": SIGNED}]
    call = called(("c1", "f", "{}"), content="Let me look.", reasoning_details=details)
    call["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": SIGNED}}
    made = chat(HI, call, result("c1")).body["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in made] == [None, "c2ln"]


def test_signature_when_foreign_then_it_is_left_out_and_named_and_the_call_passes() -> None:
    call = called(
        ("c1", "f", "{}"),
        reasoning_details=[{"type": "reasoning.text", "text": "", "signature": "signalbox.anthropic_messages.QQ=="}],
    )
    call["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "signalbox.bedrock_converse.QQ=="}}
    made = chat(HI, call, result("c1"))
    assert made.body["contents"][1]["parts"][0]["thoughtSignature"] == SKIP
    assert "QQ==" not in str(made.body)
    assert "messages[].tool_calls[].extra_content" in made.lossy


def test_thoughts_when_foreign_then_they_go_back_only_to_who_wants_them() -> None:
    body = {"model": "m", "messages": [HI, {"role": "assistant", "content": "a", "reasoning_content": "hm"}, HI]}
    assert asked(body).body["contents"][1]["parts"] == [{"text": "a"}]
    made = asked(body, traits=Traits(returns_reasoning=True)).body["contents"][1]["parts"]
    assert made == [{"text": "hm", "thought": True}, {"text": "a"}]


@pytest.mark.parametrize("sealed", [False, True])
def test_signature_when_foreign_and_carried_to_a_client_then_it_is_base64_and_known_again(sealed: bool) -> None:
    signature = Signature("a.b/c+d==~~~~~~??????", Wire.ANTHROPIC_MESSAGES)
    text = signed(signature, sealed=sealed)
    assert set("+/") & set(text), "the two alphabets of base64 differ in it"
    assert base64.b64decode(text, validate=True)
    assert signature_of(text) == (signature, sealed)
    assert signature_of(text.replace("+", "-").replace("/", "_").rstrip("=")) == (signature, sealed)


def test_signature_when_it_only_looks_like_one_of_ours_then_it_is_geminis() -> None:
    for text in ("c2lnbmFsYm94LQ", "c2lnbmFsYm94L", "signalbox.nobody.QQ==", "c2lnbmFsYm94Lm5vYm9keS5RUT09"):
        signature, sealed = signature_of(text)
        assert signature.wire is Wire.GEMINI
        assert not sealed


# Tools


def test_tools_when_told_then_with_plain_schemas() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x"}},
        "$defs": {"x": {"const": 1}},
        "additionalProperties": False,
    }
    made = chat(HI, tools=[{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}]).body
    assert made["tools"] == [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": schema}]}]


def test_tool_when_its_name_is_none_of_googles_then_it_is_changed_and_known_again() -> None:
    made = chat(HI, tools=[{"type": "function", "function": {"name": "1 tool"}}])
    name = made.body["tools"][0]["functionDeclarations"][0]["name"]
    assert name.startswith("_1_tool_")
    answer = codec.decode_answer(
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": name, "id": "c"}}]}}]}, made.sent
    )
    assert [block.name for block in answer.choices[0].turns[0].blocks] == ["1 tool"]  # type: ignore[union-attr]


def test_custom_tool_when_called_then_its_input_comes_back_as_text() -> None:
    made = chat(HI, tools=[{"type": "custom", "custom": {"name": "patch"}}])
    call = {"functionCall": {"name": "patch", "id": "c", "args": {"input": "a\nb"}}}
    answer = codec.decode_answer({"candidates": [{"content": {"parts": [call]}}]}, made.sent)
    block = answer.choices[0].turns[0].blocks[0]
    assert (block.kind, block.arguments) == ("custom", "a\nb")  # type: ignore[union-attr]


CHOICES = [
    ("auto", {"mode": "AUTO"}),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
]


@pytest.mark.parametrize(("choice", "config"), CHOICES, ids=["auto", "none", "required", "forced"])
def test_choice_when_told_then_in_geminis_words(choice: Any, config: Json) -> None:
    made = chat(HI, tools=[FUNCTION], tool_choice=choice)
    assert made.body["toolConfig"] == {"functionCallingConfig": config}
    assert made.lossy == ()


def test_choice_when_only_some_may_be_called_then_others_are_not_sent_unless_one_must_be() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    tools = [{"type": "function", "function": {"name": "f"}}]
    for mode, names, config in (
        ("auto", ["f"], {"mode": "AUTO"}),
        ("required", ["f", "g"], {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ):
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
        made = chat(HI, tools=[FUNCTION, other], tool_choice=choice).body
        assert [one["name"] for one in made["tools"][0]["functionDeclarations"]] == names
        assert made["toolConfig"]["functionCallingConfig"] == config


def test_tools_when_googles_own_stand_beside_functions_then_that_is_said() -> None:
    made = chat(HI, tools=[FUNCTION], web_search_options={}).body
    assert {"googleSearch": {}} in made["tools"]
    assert made["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert "toolConfig" not in chat(HI, web_search_options={}).body


def test_parallel_calls_when_forbidden_then_named_and_else_not() -> None:
    assert "parallel_tool_calls" in chat(HI, tools=[FUNCTION], parallel_tool_calls=False).lossy
    assert chat(HI, tools=[FUNCTION], parallel_tool_calls=True).lossy == ()


ANTHROPIC: Json = {
    "max_tokens": 64,
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "signalbox.gemini."},
                {"type": "redacted_thinking", "data": SIGNED},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "text", "text": "so"}, {"type": "tool_result", "tool_use_id": "t1", "content": "1"}],
        },
    ],
}


def test_signature_when_messages_bring_it_back_then_it_stands_at_the_call_after_it() -> None:
    made = asked(ANTHROPIC, Wire.ANTHROPIC_MESSAGES).body["contents"]
    assert made[1]["parts"] == [{"functionCall": {"id": "t1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}]
    assert ["functionResponse" in part for part in made[2]["parts"]] == [True, False]
