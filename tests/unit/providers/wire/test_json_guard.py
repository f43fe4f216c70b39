"""Is exactly what is dangerous in a JSON text refused?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.wire.json_guard import MAX_DEPTH, UnsafeJson, check_text, depth_exceeds

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
    assert depth_exceeds(json.dumps(value).encode(), limit) is (depth_of(value) > limit)


@pytest.mark.parametrize("number", ["1e309", "-1E400", "1.5e+999", "1e0400", "9999e306", "17.9E+0999"])
def test_number_when_no_float_can_hold_it_then_refused(number: str) -> None:
    with pytest.raises(UnsafeJson):
        check_text(f'{{"x":[1,{number}]}}'.encode())
    check_text(f'{{"x":"{number} \\" {number}"}}'.encode())


@pytest.mark.parametrize("number", ["1e308", "-1e-999", "0e100", "1.7e+308", "123456789012345678901234567890", "0.000e000"])
def test_number_when_a_float_or_an_integer_can_hold_it_then_taken(number: str) -> None:
    check_text(f'{{"x":{number}}}'.encode())
