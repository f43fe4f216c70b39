"""Is of every usage what is good of it counted, however a vendor spells it?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bytes.patch import fields_of
from providers.types import Usage
from providers.wire.openai.usage import usage_in, usage_of


def used(usage: Any, name: str = "usage") -> Usage | None:
    return usage_of(fields_of(json.dumps({name: usage}).encode()))


def chat(sent: Any = 500, received: Any = 200, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": sent, "completion_tokens": received, **more}


@pytest.mark.parametrize("odd", [[], "", 0, 1, True, "x", [1], {"cached_tokens": []}, {"reasoning_tokens": "many"}, None])
@pytest.mark.parametrize("name", ["prompt_tokens_details", "completion_tokens_details"])
def test_details_when_odd_are_absent_and_the_rest_counts(name: str, odd: Any) -> None:
    assert used(chat(total_tokens=700, **{name: odd})) == Usage(500, 200)


@pytest.mark.parametrize(
    ("number", "count"),
    [
        ("12", 12), (" 12 ", 12), ("12.0", 12), (12.0, 12), (0.0, 0), ("0", 0), (2**53, 2**53),
        (-1, 0), ("-1", 0), (1.5, 0), ("1.5", 0), ("", 0), ("nan", 0), ("inf", 0), ("1" * 30, 0), (True, 0), (False, 0),
        ([], 0), ({}, 0), (2**53 + 1, 0), (10**20, 0), (1e300, 0), (None, 0),
    ],
)  # fmt: skip
def test_number_when_it_can_be_read_counts_and_otherwise_is_absent(number: Any, count: int) -> None:
    assert used(chat(received=number)) == Usage(500, count)
    details = {"completion_tokens_details": {"reasoning_tokens": number}}
    assert used(chat(total_tokens=700, **details)) == Usage(500, 200, reasoning_tokens=count)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # Gemini's OpenAI endpoint: thoughts are in the total alone
        (chat(66, 6, total_tokens=100), Usage(66, 34, reasoning_tokens=28)),
        # xAI: completion_tokens without the reasoning
        (chat(66, 6, total_tokens=100, completion_tokens_details={"reasoning_tokens": 28}), Usage(66, 34, reasoning_tokens=28)),
        (chat(66, 6, total_tokens=100, prompt_tokens_details={"cached_tokens": 28},
              completion_tokens_details={"reasoning_tokens": 28}), Usage(66, 34, cached_tokens=28, reasoning_tokens=28)),
        # OpenAI: the reasoning is in completion_tokens
        (chat(66, 40, total_tokens=106, completion_tokens_details={"reasoning_tokens": 34}), Usage(66, 40, reasoning_tokens=34)),
        # a total of what was read from the cache too, which the prompt does not contain
        (chat(10, 6, total_tokens=116, prompt_tokens_details={"cached_tokens": 100}), Usage(110, 6, cached_tokens=100)),
        (chat(10, 6, total_tokens=136, cache_read_input_tokens=100, cache_creation_input_tokens=20),
         Usage(130, 6, cached_tokens=100, cache_write_tokens=20)),
        # the same proxies with a prompt that contains it
        (chat(130, 6, total_tokens=136, cache_read_input_tokens=100, cache_creation_input_tokens=20),
         Usage(130, 6, cached_tokens=100, cache_write_tokens=20)),
        # Anthropic's own
        ({"input_tokens": 10, "output_tokens": 6, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
         Usage(130, 6, cached_tokens=100, cache_write_tokens=20)),
        # DeepSeek
        (chat(30, 6, total_tokens=36, prompt_cache_hit_tokens=20, prompt_cache_miss_tokens=10), Usage(30, 6, cached_tokens=20)),
        ({"completion_tokens": 6, "prompt_cache_hit_tokens": 20, "prompt_cache_miss_tokens": 10}, Usage(30, 6, cached_tokens=20)),
        # Moonshot, Mistral, Alibaba, Perplexity
        (chat(30, 6, total_tokens=36, cached_tokens=20), Usage(30, 6, cached_tokens=20)),
        (chat(30, 6, total_tokens=36, num_cached_tokens=20, prompt_audio_seconds={}), Usage(30, 6, cached_tokens=20)),
        (chat(30, 6, prompt_tokens_details={"cached_tokens": 5, "cache_creation_input_tokens": 9, "cache_type": "ephemeral"}),
         Usage(30, 6, cached_tokens=5, cache_write_tokens=9)),
        (chat(30, 6, total_tokens=36, citation_tokens=900, reasoning_tokens=70), Usage(30, 6, reasoning_tokens=70)),
        # what is larger than the whole, where no total says otherwise
        (chat(66, 6, completion_tokens_details={"reasoning_tokens": 28}), Usage(66, 34, reasoning_tokens=28)),
        (chat(10, 6, prompt_tokens_details={"cached_tokens": 100}), Usage(110, 6, cached_tokens=100)),
        # OpenRouter
        (chat(30, 6, total_tokens=36, cost=0.01, cost_details={"upstream_inference_cost": None}, is_byok=False), Usage(30, 6)),
        # a total that is less than its parts, or odd, says nothing
        (chat(66, 6, total_tokens=10), Usage(66, 6)),
        (chat(66, 6, total_tokens=-100), Usage(66, 6)),
        (chat(66, 6, total_tokens="x"), Usage(66, 6)),
        # what one part lacks the total tells
        (chat(66, None, total_tokens=100), Usage(66, 34)),
        (chat(None, 34, total_tokens=100), Usage(66, 34)),
        (chat("?", 34, total_tokens="100"), Usage(66, 34)),
        ({"total_tokens": 7}, Usage(7)),
        (chat(-1, 2), Usage(0, 2)),
        ([], None), ("many", None), (True, None), ({}, None), ({"prompt_tokens": "x"}, None), ({"cost": 1}, None),
    ],
)  # fmt: skip
def test_usage_when_of_a_vendor_is_what_it_counts(usage: Any, expected: Usage | None) -> None:
    assert used(usage) == expected
    assert usage_in(usage) == expected


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"billed_units": {"input_tokens": 5, "output_tokens": 2}, "tokens": {"input_tokens": 9}}, Usage(5, 2)),
        ({"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 9}}, Usage(9, searches=1)),
        ({"billed_units": {"search_units": 1}}, Usage(searches=1)),
        ({"billed_units": []}, None),
        ("x", None),
    ],
)
def test_usage_when_coheres_is_in_meta(meta: Any, expected: Usage | None) -> None:
    assert used(meta, "meta") == expected


@pytest.mark.parametrize("odd", [{}, {"completion_tokens_details": []}])
def test_usage_when_groqs_own_is_read_alike(odd: dict[str, Any]) -> None:
    assert used({"id": "x", "usage": chat(3, 4, **odd)}, "x_groq") == Usage(3, 4)


NAMES = st.sampled_from(
    ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "cached_tokens", "reasoning_tokens",
     "prompt_tokens_details", "completion_tokens_details", "prompt_cache_hit_tokens"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES | st.dictionaries(NAMES, VALUES))
def test_usage_when_anything_at_all_counts_nothing_below_zero(usage: Any) -> None:
    found = used(usage)
    assert found is None or min(found.input_tokens, found.output_tokens, found.cached_tokens, found.reasoning_tokens) >= 0
