"""Is of a chat completion read what the gateway must know, and no more asked of it?"""

from __future__ import annotations

import pytest

from providers.bytes.patch import fields_of
from providers.types import Usage
from providers.wire.openai.usage import usage_of
from providers.wire.openai_chat.request import asking_usage


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (None, b'{"include_usage":true}'),
        (b"null", b'{"include_usage":true}'),
        (b"{}", b'{"include_usage":true}'),
        (b'{"include_usage": false, "x": 1}', b'{"include_usage": true, "x": 1}'),
        (b'{"include_obfuscation":true}', b'{"include_obfuscation":true,"include_usage":true}'),
    ],
)
def test_stream_options_when_sent_upstream_then_usage_is_asked_for(given: bytes | None, asked: bytes) -> None:
    assert asking_usage(given) == asked


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (b"null", None),
        (b'"many"', None),
        (b"{}", None),
        (b'{"input_tokens":5,"output_tokens":6,"input_tokens_details":{"cached_tokens":1}}', Usage(5, 6, cached_tokens=1)),
        (b'{"total_tokens":7}', Usage(7)),
        (b'{"type":"duration","seconds":9}', Usage(audio_seconds=9)),
        (b'{"prompt_tokens":3,"completion_tokens":4,"x":1}', Usage(input_tokens=3, output_tokens=4)),
        (b'{"prompt_tokens":3,"completion_tokens":null}', Usage(input_tokens=3)),
        (
            b'{"prompt_tokens_details":{"cached_tokens":2,"x":1},"completion_tokens_details":{"reasoning_tokens":1}}',
            Usage(cached_tokens=2, reasoning_tokens=1),
        ),
        (b'{"prompt_tokens":3,"prompt_tokens_details":null}', Usage(input_tokens=3)),
    ],
)
def test_usage_when_read_then_these_tokens(usage: bytes, expected: Usage | None) -> None:
    assert usage_of(fields_of(b'{"usage":' + usage + b"}")) == expected


def test_usage_when_absent_then_none() -> None:
    assert usage_of(fields_of(b"{}")) is None
