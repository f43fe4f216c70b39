"""Is exactly what is dangerous in a JSON text refused?"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bytes.json_guard import (
    MAX_DEPTH,
    MAX_KEYS,
    SLICE_BYTES,
    UnsafeJson,
    check_text,
    depth_exceeds,
    keys_exceed,
    structure_of,
)

PAIRS = (("[", "]"), ('{"a":', "}"), ('{"[[":', "}"), ('[1,"\\"[",', "]"))


def nested(levels: int, *pairs: tuple[str, str]) -> bytes:
    chosen = [pairs[level % len(pairs)] for level in range(levels)]
    return ("".join(opening for opening, _ in chosen) + "0" + "".join(closing for _, closing in reversed(chosen))).encode()


@pytest.mark.parametrize(
    "pairs", [PAIRS[:1], PAIRS[1:2], PAIRS[:2], PAIRS[2:], PAIRS], ids=["arrays", "objects", "both", "strings", "all"]
)
def test_depth_when_at_the_limit_then_taken_and_one_more_refused(pairs: tuple[tuple[str, str], ...]) -> None:
    json.loads(nested(MAX_DEPTH, *pairs))
    check_text(nested(MAX_DEPTH, *pairs))
    with pytest.raises(UnsafeJson):
        check_text(nested(MAX_DEPTH + 1, *pairs))


VALUES = st.recursive(
    st.integers(0, 9) | st.text('[]{}"\\x', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=2), inner, max_size=3),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, st.integers(1, 8))
def test_depth_when_of_any_value_then_that_of_its_structure(value: Any, limit: int) -> None:
    assert depth_exceeds(structure_of(json.dumps(value).encode()), limit) is (depth_of(value) > limit)


def most_keys(value: Any) -> int:
    """How many fields the largest object has."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([len(value) if isinstance(value, dict) else 0, *map(most_keys, inner)])


KEYED = st.recursive(
    st.integers(0, 9) | st.text(':{}"\\', max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(':[]{}"\\', max_size=3), inner, max_size=6),
    max_leaves=40,
)


@given(KEYED, st.integers(0, 6), st.integers(1, 20))
def test_keys_when_of_any_value_then_those_of_its_largest_object(value: Any, limit: int, slice_bytes: int) -> None:
    assert keys_exceed(structure_of(json.dumps(value).encode()), limit, slice_bytes) is (most_keys(value) > limit)


@pytest.mark.parametrize("place", ["{}", "[[{}]]", '{{"a": [{{"b": {}, "c": 1}}]}}', '[{{"a": {{}}}}, {}, {{"a": [1, 2]}}]'])
def test_keys_when_at_the_limit_then_taken_and_one_more_refused(place: str) -> None:
    def text(keys: int) -> bytes:
        fields = ((f"{number:x}", {"x": [{}]} if number % 3 else ":") for number in range(keys))
        return place.format(json.dumps(dict(fields), separators=(",", ":"))).encode()

    check_text(text(MAX_KEYS))
    with pytest.raises(UnsafeJson):
        check_text(text(MAX_KEYS + 1))


def test_keys_when_they_are_as_short_as_can_be_then_counted_too() -> None:
    with pytest.raises(UnsafeJson):
        check_text(b"{" + b",".join([b'"":1'] * (MAX_KEYS + 1)) + b"}")


@pytest.mark.parametrize("number", ["1e309", "-1E400", "1.5e+999", "1e0400", "9999e306", "17.9E+0999"])
def test_number_when_no_float_can_hold_it_then_refused(number: str) -> None:
    with pytest.raises(UnsafeJson):
        check_text(f'{{"x":[1,{number}]}}'.encode())
    check_text(f'{{"x":"{number} \\" {number}"}}'.encode())


@pytest.mark.parametrize("cut", range(8))
def test_number_when_it_lies_across_two_slices_then_refused_too(cut: int) -> None:
    text = b'{"x":1e999}'
    with pytest.raises(UnsafeJson):
        check_text(b" " * (SLICE_BYTES - len('{"x":') - cut) + text)


def is_refused(body: bytes, slice_bytes: int) -> bool:
    try:
        check_text(body, slice_bytes)
    except UnsafeJson:
        return True
    return False


PIECES = st.sampled_from(['"', "\\", "\\\\\\", "1e", "9" * 3, "1e999", "é", "世", "\U0001f600", *"[{:}], "])
EMPTY_OR_BROKEN = st.sampled_from([b"", b"\xff", b"\xe4\xb8", b"\xad"])


@given(st.lists(PIECES.map(str.encode) | EMPTY_OR_BROKEN, max_size=40), st.integers(1, 9))
def test_text_when_looked_at_in_slices_then_judged_as_a_whole(pieces: list[bytes], slice_bytes: int) -> None:
    body = b"".join(pieces)
    assert is_refused(body, slice_bytes) is is_refused(body, max(len(body), 1))


@given(VALUES | st.lists(st.floats() | st.text(), max_size=5), st.booleans(), st.integers(1, 9))
def test_json_when_looked_at_in_slices_then_judged_as_a_whole(value: Any, ascii_only: bool, slice_bytes: int) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert is_refused(body, slice_bytes) is is_refused(body, len(body))


@pytest.mark.parametrize("number", ["1e308", "-1e-999", "0e100", "1.7e+308", "123456789012345678901234567890", "0.000e000"])
def test_number_when_a_float_or_an_integer_can_hold_it_then_taken(number: str) -> None:
    check_text(f'{{"x":{number}}}'.encode())


@pytest.mark.parametrize(
    ("body", "refused"), [(rb'{"a":"\" 1e999 "}', False), (rb'{"a":"\\\\\\" ,"b":1e999}', True), (rb'{"a":"\\\" 1e999 "}', False)]
)
def test_escape_when_a_slice_would_part_it_then_stays_whole(body: bytes, refused: bool) -> None:
    json.loads(body)
    assert [is_refused(body, slice_bytes) for slice_bytes in range(1, len(body))] == [refused] * (len(body) - 1)


@pytest.mark.parametrize("text", ["1" * 200_000, "0." + "1" * 200_000, "1." * 100_000, "1" * 100_000 + "." + "2" * 100_000])
def test_number_when_very_long_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    check_text(f"[{text},1e100]".encode())
    assert time.process_time() - started < 5  # a square of the length would take minutes
