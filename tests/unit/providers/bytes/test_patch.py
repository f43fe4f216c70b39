"""Are the top-level fields of a JSON object found exactly, and is nothing else touched when they change?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bytes.patch import COPIED, PIECE_BYTES, DuplicateKey, InvalidJson, Patched, fields_of, patch, patched

Pairs = list[tuple[str, Any]]

NAMES = st.sampled_from(["model", "stream", "a", "é", "模", "😀", 'quo"te', "back\\slash", "", "model ", "a\nb"]) | st.text(
    max_size=5
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(['{"model":"x"}', '"model":"x"', "\\", '"', "}{", "]["])
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6, unique_by=lambda pair: pair[0])
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def quoted(draw: st.DrawFn, text: str) -> str:
    """The text as a JSON string, in one of its spellings."""
    style = draw(st.sampled_from(["plain", "ascii", "escaped"]))
    if style == "escaped":
        units = text.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2)) + '"'
    return json.dumps(text, ensure_ascii=style == "ascii")


@st.composite
def rendered(draw: st.DrawFn, value: Any) -> str:
    """The value as JSON in any layout."""

    def space() -> str:
        return draw(SPACE)

    if isinstance(value, str):
        return draw(quoted(value))
    if isinstance(value, list):
        return "[" + ",".join(space() + draw(rendered(item)) + space() for item in value) + space() + "]"
    if isinstance(value, dict):
        members = [space() + draw(quoted(k)) + space() + ":" + space() + draw(rendered(v)) + space() for k, v in value.items()]
        return "{" + ",".join(members) + space() + "}"
    return json.dumps(value)


@st.composite
def members(draw: st.DrawFn, pairs: Pairs) -> list[tuple[str, str]]:
    """Each pair as the text up to its value, with the comma before it, and the text of its value."""
    out = []
    for number, (name, value) in enumerate(pairs):
        lead = draw(SPACE) + ("," if number else "{") + draw(SPACE) + draw(quoted(name)) + draw(SPACE) + ":" + draw(SPACE)
        out.append((lead, draw(rendered(value))))
    return out


def joined(parts: list[tuple[str, str]], tail: str) -> bytes:
    return ("".join(lead + value for lead, value in parts) + ("" if parts else "{") + tail).encode()


def replaceable(pairs: Pairs) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([name for name, _ in pairs]), VALUES) if pairs else st.just({})


def encoded(changes: dict[str, Any]) -> dict[str, bytes | None]:
    return {name: json.dumps(value).encode() for name, value in changes.items()}


@given(st.data(), PAIRS)
def test_fields_when_found_then_each_span_is_exactly_its_key_and_its_value(data: st.DataObject, pairs: Pairs) -> None:
    parts = data.draw(members(pairs))
    body = joined(parts, data.draw(SPACE) + "}" + data.draw(SPACE))
    fields = fields_of(body)
    assert list(fields.spans) == [name for name, _ in pairs]
    for (name, value), (_, text) in zip(pairs, parts, strict=True):
        key, start, stop = fields.spans[name]
        assert body[start:stop] == fields.raw(name) == text.encode()
        assert json.loads(body[start:stop]) == value
        quoted_name, colon, rest = body[key:start].rpartition(b":")
        assert (json.loads(quoted_name), colon, rest.strip()) == (name, b":", b"")
        assert body[key : key + 1] == b'"'


def test_fields_when_spaced_in_more_than_one_way_then_each_is_still_found() -> None:
    body = b'{\n  "c": "",\n  "ab"\n  : "1",\n  "c2":\t"",""\n  :"a",\t"b"\t:\t[1,2],"\\u00e9": null,"d":"" \t}'
    for _ in range(2):  # the names are known the second time
        fields = fields_of(body)
        found = {name: fields.raw(name) for name in fields.spans}
        assert found == {"c": b'""', "ab": b'"1"', "c2": b'""', "": b'"a"', "b": b"[1,2]", "é": b"null", "d": b'""'}
        assert [body[span[0] : span[0] + 1] for span in fields.spans.values()] == [b'"'] * 7


USUAL_NAMES = ("model", "messages", "stream", "é", 'quo"te')
USUAL = st.lists(st.tuples(st.sampled_from(USUAL_NAMES), VALUES), min_size=1, max_size=5)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (", ", ":"), (",", ": ")])


@given(USUAL, SEPARATORS, st.booleans(), st.sampled_from([("", ""), (" ", ""), ("", "\n")]))
def test_fields_when_names_are_known_and_spaced_alike_then_found_and_duplicates_refused(
    pairs: Pairs, separators: tuple[str, str], ascii_only: bool, around: tuple[str, str]
) -> None:
    comma, colon = separators
    for name in USUAL_NAMES:  # known from here on, in both spellings
        fields_of(json.dumps({name: 1}, ensure_ascii=ascii_only).encode())
    members = [(json.dumps(name, ensure_ascii=ascii_only), json.dumps(value, separators=separators)) for name, value in pairs]
    body = (around[0] + "{" + comma.join(name + colon + value for name, value in members) + "}" + around[1]).encode()
    if len({name for name, _ in pairs}) < len(pairs):
        with pytest.raises(DuplicateKey):
            fields_of(body)
        return
    fields = fields_of(body)
    for (name, _), (key, value) in zip(pairs, members, strict=True):
        start, at, stop = fields.spans[name]
        assert body[start:at].decode() == key + colon
        assert body[at:stop].decode() == value


@given(st.data(), PAIRS)
def test_patch_when_only_replacing_then_every_other_byte_is_the_same(data: st.DataObject, pairs: Pairs) -> None:
    parts = data.draw(members(pairs))
    tail = data.draw(SPACE) + "}" + data.draw(SPACE)
    changes = encoded(data.draw(replaceable(pairs)))
    replaced = [
        (lead, (changes[name] or b"").decode() if name in changes else value)
        for (name, _), (lead, value) in zip(pairs, parts, strict=True)
    ]
    assert patch(fields_of(joined(parts, tail)), changes) == joined(replaced, tail)


@given(st.data(), PAIRS, st.dictionaries(NAMES, VALUES, max_size=3))
def test_patch_when_replacing_adding_and_removing_then_the_object_is_the_expected_one(
    data: st.DataObject, pairs: Pairs, additions: dict[str, Any]
) -> None:
    body = joined(data.draw(members(pairs)), data.draw(SPACE) + "}" + data.draw(SPACE))
    names = [name for name, _ in pairs] or ["absent"]
    removed = data.draw(st.sets(st.sampled_from([*names, "not there"])))
    changes = {**encoded(additions), **dict.fromkeys(removed)}
    expected = dict(pairs)
    expected.update(additions)
    changed = patch(fields_of(body), changes)
    fields_of(changed)
    assert json.loads(changed) == {name: value for name, value in expected.items() if name not in removed}


@given(st.data(), PAIRS.filter(bool), VALUES)
def test_fields_when_one_occurs_twice_then_refused_wherever_it_stands(data: st.DataObject, pairs: Pairs, value: Any) -> None:
    name, first = data.draw(st.sampled_from(pairs))
    second = data.draw(st.sampled_from([first, value, 1, 12]))
    place = data.draw(st.integers(0, len(pairs)))
    body = joined(data.draw(members([*pairs[:place], (name, second), *pairs[place:]])), "}")
    with pytest.raises(DuplicateKey):
        fields_of(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":12,"a":1}',
        b'{"a":1,"a":12}',
        b'{"a":12,"b":0,"a":1}',
        b'{"a":"x","b":0,"a":"x"}',
        b'{"b":0,"a":[1],"a":[1]}',
        b'{"a":1,"\\u0061":2}',
        b'{"\\u0061":1,"a":1,"c":2}',
        b'{"a":1,"b":{"a":1},"a":{"a":1}}',
        b'{"":1,"":2}',
    ],
)
def test_fields_when_a_key_is_repeated_then_duplicate_key(body: bytes) -> None:
    with pytest.raises(DuplicateKey):
        fields_of(body)


def test_fields_when_a_nested_key_is_repeated_then_accepted() -> None:
    assert fields_of(b'{"a":{"b":1,"b":2},"b":3}').raw("b") == b"3"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[1]", id="an array"),
        pytest.param(b'{"a":1', id="cut"),
        pytest.param(b'{"a":1}x', id="something after it"),
        pytest.param(b'{"a":1}{"b":2}', id="two objects"),
        pytest.param(b'{"a":1,}', id="comma at the end"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":tru}', id="half a word"),
        pytest.param(b'{"a":"\\ud800"}', id="lone surrogate in a value"),
        pytest.param(b'{"\\ud800":1}', id="lone surrogate in a key"),
        pytest.param(b'{"\xff":1}', id="key that is not UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="100,000 levels"),
    ],
)
def test_fields_when_the_text_is_no_json_object_then_invalid_json(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        fields_of(body)


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        (b"{}", {"a": b"1"}, b'{"a":1}'),
        (b" { } ", {"a": b"1", "b": b"2"}, b' {"a":1,"b":2 } '),
        (b'{"a" : 1 }', {"b": b"2"}, b'{"a" : 1,"b":2 }'),
        (b'{"a":1, "b":2}', {"a": None, "b": None}, b"{}"),
        (b'{"a":1, "b":2}', {"b": None, "c": b"3"}, b'{"a":1,"c":3}'),
        (b'{"m":"x","n":{"m":"x"}}', {"m": b'"y"'}, b'{"m":"y","n":{"m":"x"}}'),
        (b'{"a":1}', {"\u00e9\n": b"2"}, '{"a":1,"é\\n":2}'.encode()),
        (b'{"a":1}', {}, b'{"a":1}'),
    ],
)
def test_patch_when_applied_then_these_bytes(body: bytes, changes: dict[str, bytes | None], expected: bytes) -> None:
    assert patch(fields_of(body), changes) == expected


@given(st.data(), PAIRS)
def test_patch_when_the_object_is_large_is_the_same_in_pieces(data: st.DataObject, pairs: Pairs) -> None:
    body = joined(data.draw(members([*pairs, ("pad", "x" * COPIED)])), "}")
    changes: dict[str, Any] = data.draw(replaceable(pairs)) | {"added": [1]}
    removed = dict.fromkeys(data.draw(st.sets(st.sampled_from(["model", "pad", "a", "nothing"]))))
    fields = fields_of(body)
    made = patched(fields, encoded(changes) | removed)
    assert isinstance(made, Patched)
    assert bytes(made) == b"".join(made) == b"".join(made) == patch(fields, encoded(changes) | removed)
    assert len(made) == len(bytes(made))
    assert max(map(len, made)) <= PIECE_BYTES
