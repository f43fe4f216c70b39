"""Is a moderation model asked about requests, answers and streams, in time, by the gateway's own routes, and is it obeyed?"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from openai_api.hooks.specs import HookSpec, HookSpecError, build
from tests.fakes.chaos.process import eventually
from tests.fakes.speaker import FORMATS, Format, Speaker, speaker, told
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

MODERATION = {"model": "says-moderation", "window": 60, "time_s": 1.0}
HOOKS = [
    {"hook": "guard", "keys": ["tests"], "options": {"moderation": MODERATION}},
    {
        "hook": "guard",
        "keys": ["lax"],
        "fail_open": True,
        "options": {"moderation": {**MODERATION, "thresholds": {"violence": 0.95}}},
    },
    {
        "hook": "guard",
        "keys": ["strict"],
        "options": {"moderation": {**MODERATION, "thresholds": {"violence": 0.1}, "where": "request"}},
    },
]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


@pytest.fixture(scope="module")
def says() -> Iterator[Speaker]:
    with speaker() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def moderated(start_gateway: StartGateway, says: Speaker) -> LiveGateway:
    gateway = start_gateway(GATEWAY_HOOKS=json.dumps(HOOKS))
    says.define(gateway)
    return gateway


@pytest.fixture(scope="module")
def keys(moderated: LiveGateway) -> dict[str, str]:
    """Keys that may use one model only, which is not the one that moderates."""
    made = {name: moderated.create_key(name, "--models", "says-chat")["key"] for name in ("lax", "strict")}
    for key in made.values():
        moderated.wait_visible("says-chat", key=key)
    return made


@pytest.fixture(autouse=True)
def _reset(says: Speaker) -> None:
    says.says, says.thinks, says.fails = ("Hello",), 0.0, False
    says.moderated.clear()


def ask(gateway: LiveGateway, form: Format, text: str = "Hi", *, stream: bool = False, key: str | None = None) -> httpx.Response:
    return gateway.http.post(form.path(stream), json=form.body("Be kind.", text, stream), headers=gateway.headers(key))


@every_format
def test_request_when_the_model_flags_it_then_it_is_refused(moderated: LiveGateway, says: Speaker, form: Format) -> None:
    answer = ask(moderated, form, "a violent text")
    assert answer.status_code == 400
    assert "moderation: violence" in answer.text
    assert says.moderated == ["a violent text"]


@every_format
def test_answer_when_the_model_flags_it_then_it_is_refused(moderated: LiveGateway, says: Speaker, form: Format) -> None:
    says.says = ("a violent ", "answer")
    answer = ask(moderated, form)
    assert answer.status_code == 400
    assert "answer" not in answer.text
    assert says.moderated == ["Hi", "a violent answer"]


@every_format
def test_stream_when_a_window_is_flagged_then_it_ends_before_that_is_told(
    moderated: LiveGateway, says: Speaker, form: Format
) -> None:
    says.says = ("Good text. " * 6, "then a vio", "lent turn of it ", "and what follows it " * 4)
    answer = ask(moderated, form, stream=True)
    assert answer.status_code == 200
    text = "".join(map(form.piece, told(answer.text)))
    assert text == says.says[0]
    assert "moderation: violence" in answer.text
    assert len(says.moderated) == 3


@every_format
def test_stream_when_nothing_is_flagged_then_all_of_it_comes(moderated: LiveGateway, says: Speaker, form: Format) -> None:
    says.says = ("Good text. ",) * 20
    answer = ask(moderated, form, stream=True)
    assert "".join(map(form.piece, told(answer.text))) == "Good text. " * 20
    assert 3 <= len(says.moderated) <= 6


def test_thresholds_when_a_score_meets_them_then_it_counts(moderated: LiveGateway, says: Speaker, keys: dict[str, str]) -> None:
    chat = FORMATS["chat"]
    assert ask(moderated, chat, "a violent text", key=keys["lax"]).status_code == 200
    assert ask(moderated, chat, "a kind text", key=keys["strict"]).json()["error"]["code"] == "content_blocked"


@pytest.mark.parametrize("fault", ["slow", "broken"])
def test_model_when_it_does_not_answer_then_the_hook_fails_open_or_closed(
    moderated: LiveGateway, says: Speaker, keys: dict[str, str], fault: str
) -> None:
    says.thinks, says.fails = (1.6, False) if fault == "slow" else (0.0, True)
    assert ask(moderated, FORMATS["chat"], key=keys["lax"]).status_code == 200
    closed = ask(moderated, FORMATS["chat"])
    assert (closed.status_code, closed.json()["error"]["code"]) == (500, "hook_failed")
    moderated.expect_errors()


def test_model_when_it_fails_in_the_midst_of_streams_then_all_of_them_go_on_in_order(
    moderated: LiveGateway, says: Speaker, keys: dict[str, str]
) -> None:
    says.says, says.fails = [f"piece {number} " for number in range(60)], True
    for _ in range(8):  # more than open a circuit
        answer = ask(moderated, FORMATS["chat"], stream=True, key=keys["lax"])
        assert answer.status_code == 200
        assert "".join(map(FORMATS["chat"].piece, told(answer.text))) == "".join(says.says)
    moderated.expect_errors()


def test_model_when_asked_then_it_has_a_record_of_its_own(moderated: LiveGateway, says: Speaker) -> None:
    answer = ask(moderated, FORMATS["chat"])
    rows = moderated.operator.rows
    where = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: len(rows("openai_api.UsageRecord", where)) == 3, 6)
    models = sorted(row["model"] for row in rows("openai_api.UsageRecord", where))
    assert models == ["says-chat", "says-moderation", "says-moderation"]


@pytest.mark.parametrize(
    ("moderation", "fault"),
    [
        ({}, "missing required field `model`"),
        ({"model": ""}, "length >= 1"),
        ({"model": "m", "action": "redact"}, "denies or logs"),
        ({"model": "m", "time_s": 0}, "> 0"),
        ({"model": "m", "window": 1}, ">= 50"),
    ],
)
def test_options_when_they_cannot_be_used_then_the_error_says_why(moderation: dict[str, object], fault: str) -> None:
    with pytest.raises(HookSpecError, match=fault):
        build(HookSpec(hook="guard", options={"moderation": moderation}))
