"""What becomes of the text that a guard holds when its circuit opens in the midst of a stream?"""

from __future__ import annotations

import json
from collections.abc import Iterable

from models_catalog.snapshot import Client
from openai_api.hooks import HookContext
from openai_api.hooks.chain import HookBook
from openai_api.hooks.specs import HookSpec, build
from openai_api.pipeline.run_hooks import HookTap
from openai_api.recording.events import Record
from providers.bytes.event import Event
from providers.types import Wire

GUARD = HookSpec(hook="guard", fail_open=True, options={"rules": [{"pattern": "secret word"}]})


def event(text: str) -> Event:
    return Event(b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode())


def tap_of(book: HookBook) -> HookTap:
    assert book.chain is not None
    context = HookContext(Record("r", "POST", "/v1/chat/completions"), {}, Client("c", "c"), "")
    return HookTap(book.chain.streaming[0], context, Wire.OPENAI_CHAT)


def text_of(events: object) -> str:
    assert isinstance(events, Iterable)
    return "".join(json.loads(made.data)["choices"][0]["delta"]["content"] for made in events)


def opened(book: HookBook) -> None:
    for _ in range(50):
        book.circuits.failed("guard")
    assert not book.circuits.allows("guard")


def test_stream_when_the_circuit_opens_in_it_then_what_was_held_goes_on_and_is_guarded() -> None:
    book = HookBook([build(GUARD)])
    tap = tap_of(book)
    told = text_of(tap.event(event("a secret ")))
    opened(book)
    told += text_of(tap.event(event("word, ")))
    told += text_of(tap.event(event("and a secr")))
    assert told + text_of(tap.end()) == "a [REDACTED], and a secr"


def test_stream_when_the_circuit_is_open_before_it_then_the_guard_is_left_out() -> None:
    book = HookBook([build(GUARD)])
    opened(book)
    assert text_of(tap_of(book).event(event("a secret word"))) == "a secret word"
