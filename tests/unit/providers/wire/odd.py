"""Which values are nearly those of a format, but odd somewhere? For tests of codecs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["x", "extra", "cache_control", "type", "name", "id", "", "rest", "inner", "index"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(["", "a", "b"])
)
ANY = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=5)


def odd(draw: Callable[[st.SearchStrategy[Any]], Any], value: Any, most: int = 3) -> Any:
    """The value with a few fields, anywhere in it, that are unknown, left out, null, or of another type."""
    made = copy.deepcopy(value)
    for _ in range(draw(st.integers(0, most))):
        objects = list(_objects(made))
        inside = objects[draw(st.integers(0, len(objects) - 1))]
        known = sorted(inside)
        change = draw(st.sampled_from(["add", "drop", "null", "replace"]))
        name = draw(st.sampled_from(known)) if known else "x"
        if change == "add":
            inside[draw(NAMES)] = draw(ANY)
        elif change == "drop":
            inside.pop(name, None)
        else:
            inside[name] = None if change == "null" else draw(ANY)
    return made


def _objects(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)


def same(made: Any, body: Any) -> None:
    """As JSON: true is no 1 there, although it is in Python."""
    assert made == body
    assert json.dumps(made, sort_keys=True) == json.dumps(body, sort_keys=True)
