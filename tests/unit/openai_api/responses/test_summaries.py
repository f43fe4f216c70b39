"""Can only the key that asked for a compaction have it read?"""

from __future__ import annotations

import pytest

from openai_api.responses.summaries import PREFIX, Summaries

TEXT = "Der Kater heißt Tom.\n\0"


@pytest.mark.parametrize("text", ["a", TEXT, "word " * 20_000])
def test_summary_when_sealed_is_opened_by_the_same_owner(text: str) -> None:
    summaries = Summaries([b"one"])
    content = summaries.seal("me", text)
    assert content.startswith(PREFIX)
    assert len(text) < 9 or text not in content
    assert summaries.open("me", content) == text


def test_summary_when_keys_were_changed_is_opened_while_the_old_one_is_known() -> None:
    content = Summaries([b"old"]).seal("me", TEXT)
    assert Summaries([b"new", b"old"]).open("me", content) == TEXT
    with pytest.raises(ValueError, match="no key"):
        Summaries([b"new"]).open("me", content)


def test_summary_when_anothers_or_changed_is_refused() -> None:
    summaries = Summaries([b"one"])
    content = summaries.seal("me", TEXT)
    spoiled = [
        content[:-4],
        content[:-8] + "AAAA" + content[-4:],
        content + "AAAA",
        PREFIX,
        PREFIX + "é",
        PREFIX + "====",
        PREFIX + "A",
    ]
    for other in spoiled:
        with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise
            summaries.open("me", other)
    with pytest.raises(ValueError, match="no key"):
        summaries.open("you", content)


@pytest.mark.parametrize("content", ["", "gAAAAABpM0Yj", "signalbox", "Signalbox.1.AAAA", "é"])
def test_content_when_an_upstream_made_it_is_nothing_of_ours(content: str) -> None:
    assert Summaries([b"one"]).open("me", content) is None
