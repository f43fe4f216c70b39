"""Does the page show the endpoints beside chat once they are measured, and nothing of them before?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import results
from bench.report import ENDPOINTS, endpoints_part


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)


def test_endpoints_when_not_measured_are_left_out() -> None:
    assert list(endpoints_part()) == []


def test_endpoints_when_measured_are_rows_that_compare_them_with_chat() -> None:
    rounds = {f"{name}: requests/s": [1000.0] for name in ENDPOINTS}
    rounds |= {f"{name}: CPU µs/request": [10.0 * place, 30.0 * place] for place, name in enumerate(ENDPOINTS, 1)}
    rounds |= {"chat: CPU µs/event": [4.0], "chat: added first event p50": [0.5]}
    rounds |= {"responses by chat: CPU µs/event": [41.0], "responses by chat: added first event p50": [0.9]}
    rounds |= {"upload of 25 MiB: added": [299.0]}
    results.save("endpoints", {"rounds": 2, "seconds": 1.0, "figures": {"ours": rounds}})
    head, _words, table, goals = endpoints_part()
    assert head.startswith("## Other endpoints")
    chat, responses, *_ = table.splitlines()[2:]
    assert chat == "| chat completions | 1000 | 20 (10 to 30) | 1 | 4 | 0.50 |"
    assert responses == "| responses | 1000 | 40 (20 to 60) | 2 |  |  |"
    assert len(table.splitlines()) == 2 + len(ENDPOINTS)
    assert [line.split(" | ")[-1] for line in goals.splitlines()[2:]] == ["**short** |", "reached |", "reached |"]
