"""Does the page of OpenTelemetry name what is sent, in both versions of the conventions?"""

from __future__ import annotations

import re

from openai_api.observing import names
from openai_api.observing.otlp.conventions import ATTRIBUTES, Conventions
from openai_api.observing.otlp.measured import INSTRUMENTS
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "opentelemetry.md").read_text()
RELEASED, LATEST = Conventions.RELEASED, Conventions.LATEST


def test_attributes_when_compared_with_the_page_then_both_name_the_same() -> None:
    rows = re.findall(r"^\| ([^|`]+) \| (?:`([a-z_.]+)`)? ?\| (?:`([a-z_.]+)`)? ?\|$", PAGE, re.MULTILINE)
    told = {what.strip(): (released, latest or released) for what, released, latest in rows if what != "attribute"}
    assert told == {what: (named[RELEASED], named[LATEST]) for what, named in ATTRIBUTES.items()}
    assert len(told) > 20


def test_metrics_when_compared_with_the_page_then_both_name_the_same() -> None:
    rows = re.findall(r"^\| `(gen_ai\.[a-z_.]+)` \((\w+)\) \| (\w+) \| (yes)? ?\| (yes)? ?\|$", PAGE, re.MULTILINE)
    told = {
        version: {(name, kind, unit) for name, kind, unit, *of in rows if of[place]}
        for place, version in enumerate((RELEASED, LATEST))
    }
    assert told == {
        version: {
            (each.name, "histogram" if each.bounds else "counter", each.unit.replace("{token}", "tokens")) for each in instruments
        }
        for version, instruments in INSTRUMENTS.items()
    }


def test_events_when_their_names_beside_are_looked_up_then_the_conventions_have_them() -> None:
    known = {named[RELEASED] for named in ATTRIBUTES.values()}
    beside = {name for name in names.BESIDE.values() if name.startswith(("gen_ai.request", "gen_ai.response", "gen_ai.usage"))}
    assert beside <= known
