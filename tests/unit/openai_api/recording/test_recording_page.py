"""Does the page on recording name every metric with its labels and kind, and every column, and nothing else?"""

from __future__ import annotations

import re
from pathlib import Path

from openai_api.models import UsageRecord
from openai_api.recording.exposition import METRICS
from openai_api.recording.metrics import BUCKETS
from openai_api.recording.rows import COLUMNS

PAGE = (Path(__file__).parents[4] / "docs" / "recording.md").read_text()


def kind(name: str) -> str:
    return "histogram" if name in BUCKETS else "counter" if name.endswith("_total") else "gauge"


def test_metrics_when_compared_with_the_page_are_the_same() -> None:
    found = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]*)\|", PAGE, re.MULTILINE)
    told = {name: (said, tuple(re.findall(r"`(\w+)`", labels))) for name, said, labels in found}
    assert told == {name: (kind(name), labels) for name, (_, labels) in METRICS.items()}


def test_columns_when_compared_with_the_page_and_the_table_are_the_same() -> None:
    section = PAGE.partition("## A row")[2].partition("\n## ")[0]
    named = [name for cell in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(COLUMNS)
    assert set(COLUMNS) == {field.column for field in UsageRecord._meta.concrete_fields}
