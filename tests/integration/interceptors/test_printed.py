"""Does a gateway that prints say every request and answer on its standard output, and no secret?"""

from __future__ import annotations

import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.interceptors.traffic import KINDS, PATHS, SEEN_WITHIN_S, chat, define, hooks
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

KEY = "sk-proj-canary0123456789abcdefGHIJ"


@pytest.fixture(scope="module")
def printing(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_HOOKS=hooks({"hook": "printer", "options": {"log_body": True}}))
    define(gateway)
    return gateway


def printed(gateway: LiveGateway, start: int, mark: str) -> list[str]:
    """The lines of one exchange, from that of its request to that of its answer, once they are there: the mark is in one of
    them. Others, such as of lists of models, may stand before and after."""

    def lines() -> list[str]:
        found = [line for line in gateway.log_text(start).splitlines() if line.startswith(("-->", "<--", "    "))]
        marked = next((number for number, line in enumerate(found) if mark in line), None)
        if marked is None:
            return []
        begun = max((number for number in range(marked + 1) if found[number].startswith("-->")), default=0)
        ended = next((number for number in range(marked, len(found)) if found[number].startswith("<--")), None)
        return [] if ended is None else found[begun : ended + 1]

    assert eventually(lambda: bool(lines()), SEEN_WITHIN_S, 0.1), gateway.log_text(start)[-2000:]
    return lines()


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_when_it_ends_then_its_lines_are_printed(kind: str, printing: LiveGateway) -> None:
    start = printing.log_path.stat().st_size
    answer = KINDS[kind](printing, f"{kind} {KEY}")
    assert answer.status_code == 200, answer.text
    lines = printed(printing, start, f"{kind} [REDACTED_API_KEY]")
    (asked,) = [line for line in lines if line.startswith("-->")]
    (answered,) = [line for line in lines if line.startswith("<--")]
    assert f" POST {PATHS[kind]} " in asked
    assert (" stream" in asked) is ("stream" in kind)
    assert asked.endswith("key tests") or "session" in asked
    assert answered.startswith("<-- 200 in ")
    assert KEY not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_client_when_it_sends_control_characters_then_they_forge_no_line(printing: LiveGateway) -> None:
    start = printing.log_path.stat().st_size
    chat(printing, model="forged\n<-- 200 in 1 ms\x1b[2J")
    lines = printed(printing, start, "forged")
    assert len([line for line in lines if line.startswith("<--")]) == 1
    assert "\x1b" not in "".join(lines)
