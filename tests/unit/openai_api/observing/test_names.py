"""Is the page of events the vocabulary, and the vocabulary the page?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from openai_api.hooks import EventName
from openai_api.observing.names import ATTRIBUTES, BESIDE, PROVIDERS, provider_name
from openai_api.observing.session_event import SessionEvent
from providers.registry import provider_types

PAGE = (Path(__file__).parents[4] / "docs" / "events.md").read_text()
GROUPS = {"llm.call.*": "llm.call.", "tool.*": "tool."}


def table(heading: str) -> Iterator[list[str]]:
    """The cells of the first table below the heading."""
    lines = PAGE.partition(f"\n## {heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def events_in(cell: str) -> set[str]:
    """The events that a cell names."""
    every = {event.value for event in EventName}
    if cell.startswith("all"):
        return every - set(re.findall(r"`([^`]+)`", cell))
    words = re.findall(r"`([^`]+)`", cell)
    return {event for word in words for event in every if event == word or event.startswith(GROUPS.get(word, "\0"))}


def test_page_when_it_lists_events_then_they_are_the_seven() -> None:
    assert {row[0].strip("`") for row in table("The seven events")} == {event.value for event in EventName}


def test_page_when_it_lists_fields_then_they_are_those_of_a_line() -> None:
    line = SessionEvent(name=EventName.SESSION_END, at=0.0, session_id="s", trace_id="t", span_id="p").line()
    assert [row[0].strip("`") for row in table("Fields")] == list(line)


def test_page_when_it_lists_attributes_then_they_are_those_of_the_vocabulary() -> None:
    told = {row[0].strip("`"): (row[1].strip("`"), events_in(row[2]), row[3] == "yes") for row in table("Attributes")}
    assert told == {each.name: (each.beside, {event.value for event in each.events}, each.said) for each in ATTRIBUTES}


def test_names_when_they_are_listed_then_none_is_there_twice() -> None:
    names = [each.name for each in ATTRIBUTES] + list(BESIDE.values())
    assert len(names) == len(set(names))


def test_provider_name_when_a_type_has_another_name_in_the_conventions_then_it_is_a_type_of_ours() -> None:
    types = {provider.name for provider in provider_types()}
    assert set(PROVIDERS) <= types, sorted(types)
    assert (provider_name("gemini"), provider_name("openai")) == ("gcp.gemini", "openai")
