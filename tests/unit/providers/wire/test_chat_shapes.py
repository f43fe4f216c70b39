"""Is a chunk that differs from the one before in its text relayed alike, and what is new in it still seen?"""

from __future__ import annotations

from tests.unit.providers.wire.test_openai_chat_stream import DONE, USAGE, chunk, expected_of, relayed, stream_of, told


def test_relay_when_only_the_text_differs_then_what_is_new_in_it_is_still_seen() -> None:
    first, usual = chunk("a"), [chunk("b"), chunk('"c"'), chunk("\\"), chunk(""), chunk("error"), chunk("usage"), chunk("d")]
    two = chunk("e", "stop")
    two["choices"].append(chunk("f")["choices"][0])
    used = {"id": "c1", "object": "chat.completion.chunk", "model": "upstream", "usage": USAGE, "choices": first["choices"]}
    for last in (two, used, chunk("g", model="other")):
        values = [first, *usual, last]
        out, relay = relayed(stream_of(*values) + DONE)
        assert told(out) == expected_of(values)
        assert (relay.finished, relay.usage is not None, relay.events) == (last is two, last is used, len(values))
    inside = chunk("g")
    inside["choices"][0]["delta"] = {"content": "g", "error": {"content": "h"}}
    assert told(relayed(stream_of(first, *usual, inside) + DONE)[0]) == expected_of([first, *usual, inside])
