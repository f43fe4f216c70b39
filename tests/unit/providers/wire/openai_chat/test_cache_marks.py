"""Do marks of Anthropic's cache, which chat's clients write into parts and tools, reach upstreams that know them?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.convert.codecs import codecs
from providers.types import Wire

SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
CHAT = codecs()[Wire.OPENAI_CHAT]


def marked(mark: Any) -> dict[str, Any]:
    """A request with the mark at every place where clients put it."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    return {
        "model": "m",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": mark}]},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {**picture, "cache_control": mark}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "cache_control": mark}],
    }


@pytest.mark.parametrize("mark", [SHORT, LONG, {}, None, "ephemeral", {"type": "x", "more": [1]}])
def test_mark_when_read_and_written_in_chat_stays_as_it_came(mark: Any) -> None:
    assert CHAT.encode_request(CHAT.decode_request(marked(mark))).body == marked(mark)


@pytest.mark.parametrize("mark", [SHORT, LONG])
def test_mark_when_told_to_anthropic_is_at_the_same_places_and_nothing_is_lost(mark: Any) -> None:
    encoded = codecs()[Wire.ANTHROPIC_MESSAGES].encode_request(CHAT.decode_request(marked(mark)))
    (system,) = encoded.body["system"]
    first, second = encoded.body["messages"][0]["content"]
    (tool,) = encoded.body["tools"]
    assert "cache_control" not in first
    assert (system["cache_control"], second["cache_control"], tool["cache_control"]) == (mark, mark, mark)
    assert encoded.lossy == ()


def test_mark_when_the_upstream_knows_none_is_named() -> None:
    encoded = codecs()[Wire.OLLAMA].encode_request(CHAT.decode_request(marked(SHORT)))
    assert "cache_control" not in str(encoded.body)
    assert "tools[].cache_control" in encoded.lossy
