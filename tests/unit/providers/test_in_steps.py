"""Is JSON that is read and written item by item the same as in one go?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bytes import in_steps
from providers.bytes.in_steps import STEP, decode_in_steps, encode_in_steps

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=40)


@given(st.dictionaries(st.text(), VALUES | st.lists(SCALARS, min_size=100, max_size=300)), st.integers(1, 40))
def test_value_when_it_is_taken_in_steps_of_any_size_then_it_is_the_same(value: dict[str, Any], step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_steps, "STEP", step)
        data = msgspec.json.encode(value)
        assert decode_in_steps(data) == msgspec.json.decode(data)
    assert encode_in_steps(value) == data


@pytest.mark.parametrize("data", [b'{"a":[1,', b"[", b"{", b'{"a":[1,2}', b'["\xff"]', b"\x00", b'{"a":1}x'])
def test_text_when_it_is_broken_then_the_decoder_says_so(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode_in_steps(data + b" " * STEP)
