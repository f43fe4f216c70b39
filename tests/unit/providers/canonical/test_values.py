"""Places in words, addresses of sources, and signatures that travel through another wire."""

from __future__ import annotations

import pytest

from providers.canonical.blocks import Source, SourceKind
from providers.canonical.extra import Place, exact, pattern
from providers.canonical.signature import Signature, carried, signature_in
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.types import Wire


@pytest.mark.parametrize(
    ("place", "one", "all_of_it"),
    [
        ((), "", ""),
        (("model",), "model", "model"),
        (("messages", 3, "content", 10), "messages[3].content[10]", "messages[].content[]"),
        (("input", 0), "input[0]", "input[]"),
    ],
)
def test_place_when_put_into_words_then_it_is_that_of_one_or_of_all(place: Place, one: str, all_of_it: str) -> None:
    assert (exact(place), pattern(place)) == (one, all_of_it)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source(SourceKind.URL, "https://x/y"), "https://x/y"),
        (Source(SourceKind.URL, "data:image/png;base64,AA"), "data:image/png;base64,AA"),
        (Source(SourceKind.BASE64, "AA", "image/png"), "data:image/png;base64,AA"),
        (Source(SourceKind.BASE64, "AA"), "data:application/octet-stream;base64,AA"),
        (Source(SourceKind.STORAGE, "s3://b/k"), "s3://b/k"),
        (Source(SourceKind.FILE, "file-1"), None),
        (Source(SourceKind.TEXT, "words"), None),
    ],
)
def test_source_when_asked_for_an_address_then_it_has_one_unless_it_lies_at_an_upstream(
    source: Source, address: str | None
) -> None:
    assert source.url() == address


@pytest.mark.parametrize("value", ["EqQB+/=", "", "a.b.c", "signalboxer.x.y"])
@pytest.mark.parametrize("through", [Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES])
def test_signature_when_it_travels_through_any_wire_then_it_comes_back_to_its_maker(value: str, through: Wire) -> None:
    signature = Signature(value, Wire.OPENAI_CHAT)
    text = carried(signature, through)
    assert signature_in(text, through) == signature
    assert (text == value) is (through is Wire.OPENAI_CHAT)


def test_signature_when_its_maker_is_not_known_then_it_is_that_of_the_wire_as_it_is() -> None:
    text = "signalbox.telegraph.abc"
    assert signature_in(text, Wire.OPENAI_CHAT) == Signature(text, Wire.OPENAI_CHAT)


def test_sent_tools_when_some_are_allowed_then_only_those_may_be_called() -> None:
    assert NOTHING_SENT.may_call("f")
    sent = SentTools(allowed=frozenset({"f"}))
    assert sent.may_call("f")
    assert not sent.may_call("g")
