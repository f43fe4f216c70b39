"""Is every credential found, wherever it stands and however it is written, nothing else changed, and no time lost on it?"""

from __future__ import annotations

import json
from time import perf_counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_api.observing import redact
from openai_api.observing.json_text import is_json
from openai_api.observing.redact_stream import frames_of, framing_of, stream
from providers.bytes.framing import SSE
from providers.bytes.ndjson import NDJSON

KEY = "sk-proj-canary0123456789abcdefGHIJ"
AWS = "AKIAIOSFODNN7EXAMPLE"
TOKEN = "c4n4ryTok3nOf24Characters"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"my key is {KEY}.", "my key is [REDACTED_API_KEY]."),
        (f"line\n{KEY}", "line\n[REDACTED_API_KEY]"),
        (f"line\\n{KEY}", "line\\n[REDACTED_API_KEY]"),
        (f"%3D{KEY}", "%3D[REDACTED_API_KEY]"),
        (f"KEY={KEY.upper()}", "KEY=[REDACTED_API_KEY]"),
        ("sk-ant-api03-" + "a1" * 40, "[REDACTED_API_KEY]"),
        ("gsk_" + "a1" * 20, "[REDACTED_API_KEY]"),
        ("xai-" + "a1" * 20, "[REDACTED_API_KEY]"),
        ("AIza" + "a1-" * 11 + "bc", "[REDACTED_API_KEY]"),
        ("hf_" + "a1" * 15, "[REDACTED_API_KEY]"),
        ("ghp_" + "a1" * 18, "[REDACTED_API_KEY]"),
        (f"id {AWS}!", "id [REDACTED_AWS_KEY]!"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer [REDACTED]"),
        ("authorization: Basic dXNlcjpjYW5hcnk=", "authorization: Basic [REDACTED]"),
        (f"api_key={TOKEN}&x=1", "api_key=[REDACTED]&x=1"),
        (f'"apiKey": "{TOKEN}"', '"apiKey": "[REDACTED]"'),
        (f'{{\\"api-key\\": \\"{TOKEN}\\"}}', '{\\"api-key\\": \\"[REDACTED]\\"}'),
        ("password: hunter2hunter2", "password: [REDACTED]"),
        ("secret=0123456789", "secret=[REDACTED]"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [REDACTED]"),
        (f"token={TOKEN}", "token=[REDACTED]"),
        ("postgres://user:canary-pass@db/x", "postgres://user:[REDACTED]@db/x"),
        (f"a {JWT} b", "a [REDACTED] b"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEcanary+/=\nabcdefgh\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----[REDACTED]-----END RSA PRIVATE KEY-----",
        ),
        (f"{KEY} and {AWS}", "[REDACTED_API_KEY] and [REDACTED_AWS_KEY]"),
    ],
)
def test_text_when_it_has_a_credential_then_only_that_is_replaced(said: str, shown: str) -> None:
    assert redact.text(said) == shown
    assert redact.text(shown) == shown


@pytest.mark.parametrize(
    "said",
    [
        "The password must be changed often; a secret is not a token.",
        "task-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "risk-0123456789012345678901234567890",
        "max_tokens: 4096, total_tokens=123456789",
        "token = lexer.next_token()",
        'password = os.environ["PASSWORD"]',
        "bearer of good news",
        "https://example.com:8080/a@b",
        "sk-short",
    ],
)
def test_text_when_it_only_speaks_of_credentials_then_it_is_the_same_object(said: str) -> None:
    assert redact.text(said) is said


def test_json_when_nothing_is_found_then_it_is_the_same_object() -> None:
    body = b'{"model" : "m", "max_tokens":1.0, "logprobs": {"token": " password", "n": 1e3}}'
    assert redact.json_body(body) is body


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f'{{ "a" : "{KEY}" ,"n":1.00}}', '{ "a" : "[REDACTED_API_KEY]" ,"n":1.00}'),
        (f'{{"a":"\\u0073k{KEY[2:]}"}}', '{"a":"[REDACTED_API_KEY]"}'),
        (f'{{"a":["x\\n{KEY}"]}}', '{"a":["x\\n[REDACTED_API_KEY]"]}'),
        ('{"password" : "short"}', '{"password" : "[REDACTED]"}'),
        ('{"p\\u0061ssword":"short"}', '{"p\\u0061ssword":"[REDACTED]"}'),
        ('{"authorization":"Basic dXNlcg=="}', '{"authorization":"[REDACTED]"}'),
        ('{"authorization_token":"abc"}', '{"authorization_token":"[REDACTED]"}'),
        ('{"headers":{"X-Api-Key":"abc"}}', '{"headers":{"X-Api-Key":"[REDACTED]"}}'),
        ('{"client_secret":"abc","api_key":""}', '{"client_secret":"[REDACTED]","api_key":""}'),
        (f'{{"token":"{TOKEN}"}}', '{"token":"[REDACTED]"}'),
        (f'{{"{KEY}":1}}', '{"[REDACTED_API_KEY]":1}'),
        (f'{{"{KEY}":"{AWS}"}}', '{"[REDACTED_API_KEY]":"[REDACTED_AWS_KEY]"}'),
        (f'{{"arguments":"{{\\"api_key\\":\\"{TOKEN}\\"}}"}}', '{"arguments":"{\\"api_key\\":\\"[REDACTED]\\"}"}'),
        (f'"{KEY}"', '"[REDACTED_API_KEY]"'),
        (f"no json {KEY}", "no json [REDACTED_API_KEY]"),
        (f'{{"broken": "\\n{KEY}', '{"broken": "\\n[REDACTED_API_KEY]'),
    ],
)
def test_json_when_it_has_a_credential_then_all_other_bytes_stay(body: str, shown: str) -> None:
    assert redact.json_body(body.encode()) == shown.encode()
    assert redact.json_body(shown.encode()) == shown.encode()


def test_bytes_when_they_are_no_utf8_then_a_credential_is_found_all_the_same() -> None:
    assert redact.json_body(b"\xff " + KEY.encode() + b" \xfe") == b"\xff [REDACTED_API_KEY] \xfe"


def test_json_when_it_is_nested_without_end_then_it_is_a_text() -> None:
    assert not is_json(b"[" * 100_000 + b"]" * 100_000)
    assert redact.json_body(b"[" * 100_000 + KEY.encode()).endswith(b"[REDACTED_API_KEY]")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("key=abc&alt=sse", "key=[REDACTED]&alt=sse"),
        ("api_key=abc", "api_key=[REDACTED]"),
        ("api%5Fkey=abc", "api%5Fkey=[REDACTED]"),
        ("X-Amz-Signature=abc&X-Amz-Date=1", "X-Amz-Signature=[REDACTED]&X-Amz-Date=1"),
        (f"q=%20{KEY}", "q= [REDACTED_API_KEY]"),
        ("api-version=2024-10-21&a=&b", "api-version=2024-10-21&a=&b"),
    ],
)
def test_query_when_a_parameter_carries_a_credential_then_its_value_is_replaced(asked: str, shown: str) -> None:
    assert redact.query(asked) == shown
    assert redact.url(f"http://host/path?{asked}") == f"http://host/path?{shown}"


def test_headers_when_some_carry_credentials_then_their_values_are_replaced() -> None:
    pairs = [("x-api-key", "abc"), ("x-note", f"see {KEY}"), ("accept", "a"), ("accept", "b")]
    assert redact.headers(pairs) == {"x-api-key": "[REDACTED]", "x-note": "see [REDACTED_API_KEY]", "accept": "a, b"}


# Streams


def chat(*texts: str) -> bytes:
    chunks = [json.dumps({"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]}) for text in texts]
    return "".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"]).encode()


def said(body: bytes) -> list[str]:
    data = [SSE.data_of(frame) or b"" for frame in frames_of(body, SSE)]
    return [json.loads(text)["choices"][0]["delta"]["content"] for text in data if text != b"[DONE]"]


def test_stream_when_a_key_is_cut_over_frames_then_it_is_replaced_and_other_frames_keep_their_bytes() -> None:
    body = chat("My key: s", "k-proj-can", "ary0123456", "789abcdefGHIJ, keep", " it.")
    made = stream(body, SSE)
    assert said(made.body) == ["My key: [REDACTED_API_KEY]", "", "", ", keep", " it."]
    assert frames_of(made.body, SSE)[4:] == frames_of(body, SSE)[4:]
    assert sum(made.after) == len(made.body)


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_stream_when_a_key_is_cut_anywhere_then_nothing_of_it_is_left(cut: int) -> None:
    made = stream(chat("a ", KEY[:cut], KEY[cut:], " b"), SSE)
    assert "".join(said(made.body)) == "a [REDACTED_API_KEY] b"


def test_stream_when_two_keys_share_a_frame_then_both_are_replaced() -> None:
    made = stream(chat(KEY[:9], f"{KEY[9:]} and {AWS[:5]}", AWS[5:]), SSE)
    assert said(made.body) == ["[REDACTED_API_KEY]", " and [REDACTED_AWS_KEY]", ""]


def test_stream_when_texts_of_two_choices_alternate_then_they_are_not_mixed() -> None:
    chunk = [
        f"data: {json.dumps({'choices': [{'index': number, 'delta': {'content': text}}]})}\n\n".encode()
        for number, text in ((0, KEY[:9]), (1, "other "), (0, KEY[9:]), (1, "words"))
    ]
    assert said(stream(b"".join(chunk), SSE).body) == ["[REDACTED_API_KEY]", "other ", "", "words"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "thinking_delta", "thinking": ""}},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": ""},
        {"type": "response.function_call_arguments.delta", "item_id": "m", "output_index": 0, "delta": ""},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}}]},
        {"candidates": [{"content": {"parts": [{"text": ""}]}}]},
        {"message": {"role": "assistant", "content": ""}},
    ],
)
def test_stream_of_any_wire_when_a_key_is_cut_then_it_is_replaced(event: dict[str, object]) -> None:
    encoded = json.dumps(event)
    halves = [encoded.replace('""', json.dumps(half)) for half in (f"x {KEY[:9]}", f"{KEY[9:]} y")]
    for framing, body in (
        (SSE, "".join(f"data: {half}\n\n" for half in halves)),
        (NDJSON, "".join(f"{half}\n" for half in halves)),
    ):
        made = stream(body.encode(), framing)
        assert KEY[:9].encode() not in made.body
        assert KEY[9:].encode() not in made.body
        assert b"x [REDACTED_API_KEY]" in made.body


def test_stream_when_nothing_is_found_then_it_is_the_same() -> None:
    body = b": comment\n\n" + chat("Hello", " world") + b"data: {broken"
    made = stream(body, SSE)
    assert made.body is body
    assert not made.redacted
    assert made.pieces([(1.0, 20), (2.0, len(body) - 20)]) == [(1.0, 20), (2.0, len(body) - 20)]


def test_stream_when_a_frame_is_no_json_then_it_is_searched_as_a_text() -> None:
    made = stream(f": {KEY}\n\ndata: {KEY}\n\ndata: {{cut {KEY}".encode(), SSE)
    assert KEY.encode() not in made.body
    assert made.body.count(b"[REDACTED_API_KEY]") == 3


def test_pieces_when_frames_are_redacted_then_they_add_up_to_the_body() -> None:
    body = chat("a ", KEY[:9], KEY[9:], "b")
    frames = frames_of(body, SSE)
    made = stream(body, SSE)
    assert made.redacted
    sent = [(1.0, len(frames[0]) + len(frames[1])), (2.0, len(frames[2])), (3.0, len(frames[3]) + len(frames[4]))]
    moved = made.pieces(sent)
    after = frames_of(made.body, SSE)
    assert [size for _, size in moved] == [len(after[0]) + len(after[1]), len(after[2]), len(after[3]) + len(after[4])]
    assert [moment for moment, _ in moved] == [1.0, 2.0, 3.0]
    cut = made.pieces([(1.0, len(frames[0]) + 7), (2.0, len(body) - len(frames[0]) - 7)])
    assert sum(size for _, size in cut) == len(made.body)


def test_content_type_when_it_is_of_a_stream_then_its_framing_is_known() -> None:
    assert framing_of("text/event-stream; charset=utf-8") is SSE
    assert framing_of("application/x-ndjson") is NDJSON
    assert framing_of("application/json") is None


# Hostile input

MEBIBYTE = 1 << 20
HOSTILE = [
    "token=" * 200_000 + "(",
    "sk-" * 400_000,
    "sk-" + "a" * MEBIBYTE,
    "eyJ" * 400_000,
    ("eyJ" + "a" * 20 + ".") * 40_000,
    "password" + " " * MEBIBYTE,
    "password: " * 100_000,
    "bearer " * 150_000,
    "://a:" * 200_000,
    "://" + "a:" * 500_000,
    "-----BEGIN PRIVATE KEY-----" * 40_000,
    "-----BEGIN " + "A " * 500_000,
    "authorization: basic " * 50_000,
    '\\"' * 500_000 + "api_key",
    "api_key" + "\\" * MEBIBYTE,
    "gh" * 500_000,
    "AKIA" * 250_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20].strip())
def test_text_when_it_is_hostile_then_the_time_is_bounded(text: str) -> None:
    start = perf_counter()
    redact.text(text)
    redact.json_body(msgspec.json.encode({"password": text, "x": [text]}))
    redact.query(f"a={text}&{text}")
    stream(b"data: %b\n\n" % msgspec.json.encode({"delta": text}), SSE)
    assert perf_counter() - start < 10


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(JSONS)
def test_json_of_any_shape_when_redacted_then_it_is_json_and_redacting_again_changes_nothing(value: object) -> None:
    body = json.dumps(value).encode()
    made = redact.json_body(body)
    json.loads(made)
    assert redact.json_body(made) == made


@given(st.lists(st.text(max_size=12), max_size=8), st.integers(0, 40))
def test_stream_of_any_texts_when_a_key_is_put_somewhere_then_it_is_gone(texts: list[str], place: int) -> None:
    joined = "".join(texts)
    place = min(place, len(joined))
    whole = f"{joined[:place]} {KEY} {joined[place:]}"
    cuts = [whole[start : start + 7] for start in range(0, len(whole), 7)]
    assert KEY not in "".join(said(stream(chat(*cuts), SSE).body))
