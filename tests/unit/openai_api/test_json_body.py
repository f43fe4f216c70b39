"""Is a broken or dangerous body refused with the right code, and with the field at fault?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import ApiError
from providers.bytes.patch import Fields
from providers.wire.openai.field_names import REFUSED, misspelt
from providers.wire.openai_chat.request import decode_request


class Inner(msgspec.Struct):
    name: str


class Outer(msgspec.Struct):
    inner: Inner


NAMES = st.text().filter(lambda name: name not in REFUSED and not misspelt([name]))
DEEP = b"[" * 100_000 + b"]" * 100_000
VALID = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def refusal(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as raised:
        typed(decode_request, json_object(body).body)
    assert raised.value.status == 400
    return raised.value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "invalid_json", id="nothing"),
        pytest.param(b" ", "invalid_json", id="space"),
        pytest.param(b"model=x", "invalid_json", id="a form"),
        pytest.param(b"[]", "invalid_json", id="an array"),
        pytest.param(b'"text"', "invalid_json", id="a string"),
        pytest.param(b"null", "invalid_json", id="null"),
        pytest.param(b'{"model":"m"', "invalid_json", id="cut"),
        pytest.param(b'{"model":"m"}}', "invalid_json", id="too long"),
        pytest.param(b'{"model":"m",}', "invalid_json", id="comma"),
        pytest.param(b'{"x":NaN}', "invalid_json", id="NaN"),
        pytest.param(b'{"x":Infinity}', "invalid_json", id="Infinity"),
        pytest.param(b'{"x":1e999}', "invalid_json", id="out of range"),
        pytest.param(b'{"x":[{"y":-1E+0400}]}', "invalid_json", id="out of range inside"),
        pytest.param(b'{"x":01}', "invalid_json", id="leading zero"),
        pytest.param(b'{"x":"\\ud800"}', "invalid_unicode", id="lone surrogate"),
        pytest.param(b'{"x":"\n"}', "invalid_json", id="line break in a string"),
        pytest.param(b'{"x":' + DEEP + b"}", "invalid_json", id="100,000 levels"),
        pytest.param(b'{"x":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}", "invalid_json", id="1,000 levels of objects"),
        pytest.param(b"{" + b",".join(b'"k%d":1' % n for n in range(10_001)) + b"}", "invalid_json", id="10,001 fields"),
        pytest.param(b"\xef\xbb\xbf{}", "invalid_json", id="byte order mark"),
        pytest.param(b'{"x":"\xff"}', "invalid_encoding", id="not UTF-8"),
        pytest.param(b'{"x":"\xed\xa0\x80"}', "invalid_encoding", id="a surrogate in UTF-8"),
        pytest.param('{"model":"é"}'.encode("latin-1"), "invalid_encoding", id="Latin-1"),
        pytest.param(json.dumps(VALID).encode("utf-16"), "invalid_encoding", id="UTF-16"),
        pytest.param(b'{"model":"a","model":"b"}', "duplicate_key", id="twice"),
        pytest.param(b'{"model":"a","x":{},"mod\\u0065l":"a"}', "duplicate_key", id="twice, escaped"),
    ],
)
def test_body_when_it_cannot_be_read_safely_then_refused(body: bytes, code: str) -> None:
    assert refusal(body).code == code


@pytest.mark.parametrize(
    ("body", "half", "param"),
    [
        (rb'{"model":"m","messages":[{"role":"user","content":"hi \ud83d"}]}', r"\ud83d at byte 54", "messages[0].content"),
        (rb'{"model":"m","messages":[{},{"content":[{"text":"\ud83d\ude00"},{"text":"\ude00 x"}]}]}', r"\ude00 at byte 73",
         "messages[1].content[1].text"),
        (rb'{"model":"\uD83D\n"}', r"\uD83D at byte 10", "model"),
        (rb'{"a":{"b":[1,[]],"c":"]}"},"d":["\"", ",", "\\\ud800"]}', r"\ud800 at byte 46", "d[2]"),
        (rb'{"x":{"y":1,"\udfff":2}}', r"\udfff at byte 13", "x"),
        (rb'{"\ud83d\ud83d":1}', r"\ud83d at byte 2", None),
        (rb'{"x":"\ud83d\\ude00"}', r"\ud83d at byte 6", "x"),
        (rb'["\ud83d"', r"\ud83d at byte 2", "[0]"),
        (rb'{"x":"' + b"a" * 2_000_000 + rb'\ud83d"}', r"\ud83d at byte 2000006", None),
        (rb'{"x":"' + rb"\n" * 400_000 + rb'\ud83d"}', r"\ud83d at byte 800006", "x"),
    ],
)  # fmt: skip
def test_body_when_a_string_holds_half_a_surrogate_pair_then_named_with_its_place(
    body: bytes, half: str, param: str | None
) -> None:
    error = refusal(body)
    assert (error.code, error.param) == ("invalid_unicode", param)
    assert half in error.message
    assert param is None or repr(param) in error.message


@pytest.mark.parametrize("body", [rb'{"x":"\\ud83d"', rb'{"x":"\ud83d\ude00"', rb'{"x":"\\\\ude00",}', rb'{"x":"\ue000" 1}'])
def test_body_when_it_is_broken_but_its_characters_are_not_then_not_called_so(body: bytes) -> None:
    assert refusal(body).code == "invalid_json"


@pytest.mark.parametrize(
    ("body", "what", "param"),
    [
        (b'{"x":"a","messages":[{"content":"\xff"}]}', "0xff at byte 33", "messages[0].content"),
        (b'{"x":"\xed\xa0\xbd"}', "0xed at byte 6", "x"),
        (b'{"x":"' + "é".encode("latin-1") + b'"}', "0xe9 at byte 6", "x"),
        (b'{"x":"' + "é".encode() * 200_000 + b'\xff"}', "0xff at byte 400006", "x"),
        (b'{"x":"' + b"a" * (256 * 1024 - 7) + "世".encode()[:2] + b'"}', "0xe4 at byte 262143", "x"),
        (b'{"x":"\xe4', "0xe4 at byte 6", "x"),
        (b"\xff{}", "0xff at byte 0", None),
    ],
)
def test_body_when_it_is_not_utf_8_then_the_byte_and_its_field_are_named(body: bytes, what: str, param: str | None) -> None:
    error = refusal(body)
    assert (error.code, error.param) == ("invalid_encoding", param)
    assert what in error.message


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_field_when_it_says_where_the_key_goes_then_refused(name: str) -> None:
    error = refusal(json.dumps({**VALID, name: "http://evil.example"}).encode())
    assert (error.code, error.param) == ("field_not_allowed", name)
    escaped = '"' + "".join(f"\\u{ord(letter):04x}" for letter in name) + '"'
    assert refusal(b'{"model":"m","messages":[1],' + escaped.encode() + b":1}").code == "field_not_allowed"
    json_object(json.dumps({**VALID, "metadata": {name: 1}}).encode())


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"model": None}, "invalid_type", "model"),
        ({"model": 7}, "invalid_type", "model"),
        ({"model": ["m"]}, "invalid_type", "model"),
        ({"messages": None}, "invalid_type", "messages"),
        ({"messages": "text"}, "invalid_type", "messages"),
        ({"messages": {}}, "invalid_type", "messages"),
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"stream": 1}, "invalid_type", "stream"),
        ({"stream_options": []}, "invalid_type", "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "invalid_type", "stream_options.include_usage"),
        ({"tensorzero::credentials": "x"}, "invalid_type", "tensorzero::credentials"),
    ],
)
def test_field_when_it_has_the_wrong_type_then_named(changes: dict[str, Any], code: str, param: str) -> None:
    error = refusal(json.dumps({**VALID, **changes}).encode())
    assert (error.code, error.param) == (code, param)
    assert repr(param) in error.message


@pytest.mark.parametrize("name", ["model", "messages"])
def test_field_when_it_is_missing_then_named(name: str) -> None:
    body = {key: value for key, value in VALID.items() if key != name}
    error = refusal(json.dumps(body).encode())
    assert (error.code, error.param) == ("missing_required_parameter", name)


def test_field_when_it_is_missing_inside_another_then_named_with_its_place() -> None:
    with pytest.raises(ApiError) as raised:
        typed(msgspec.json.Decoder(Outer).decode, b'{"inner":{}}')
    assert (raised.value.code, raised.value.param) == ("missing_required_parameter", "inner.name")


@pytest.mark.parametrize("secret", [{"k": 7}, {"k": ["sk-secret-value"]}, {"k": {"sk-secret-value": 1}}])
def test_credential_when_it_has_the_wrong_type_then_not_told(secret: Any) -> None:
    assert "sk-secret" not in refusal(json.dumps({**VALID, "tensorzero::credentials": secret}).encode()).message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"x":' + b"[" * 98 + b"]" * 98 + b"}", id="99 levels"),
        pytest.param(b'{"x":"' + b"[" * 10_000 + b'"}', id="brackets in a string"),
        pytest.param(b'{"x":"\\\\\\"' + b"[{" * 10_000 + b'"}', id="brackets after escaped quotes"),
        pytest.param(b'{"x":[' + b"[]," * 10_000 + b"{}]}", id="many, but not deep"),
        pytest.param(b'{"x":"1e999","y":1e308,"z":123456789012345678901234567890}', id="numbers"),
        pytest.param(b'{"x":"1e999 \\" 1e999"}', id="a large number in a string"),
        pytest.param('{"x":"\\ud83d\\ude00 \\u0000 é😀"}'.encode(), id="characters"),
        pytest.param(b'{"x":{"model":1,"model":2}}', id="a key twice inside"),
        pytest.param(b"{" + b",".join(b'"k%d":1' % n for n in range(10_000)) + b"}", id="10,000 fields"),
    ],
)
def test_body_when_it_only_looks_dangerous_then_taken(body: bytes) -> None:
    assert json_object(body).body == body


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.booleans(),
)
def test_body_when_it_is_any_json_object_then_taken_with_its_fields(value: dict[str, Any], ascii_only: bool) -> None:
    fields = json_object(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert {name: json.loads(fields.raw(name) or b"") for name in fields.spans} == value


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_body_when_it_is_any_bytes_then_taken_or_refused_with_400(body: bytes) -> None:
    try:
        taken: Any = json_object(body)
    except ApiError as error:
        taken = error
    assert isinstance(json.loads(body), dict) if isinstance(taken, Fields) else taken.status == 400
