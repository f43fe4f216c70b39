"""Do responses that were made, or queued, before there were jobs go on as before, and does the way back lose none?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import Vendor, vendor
from tests.integration.test_background import (
    CHAT,
    LOST_WITHIN_S,
    WORDS,
    begin_stream,
    define,
    ended,
    queue,
    slowly,
    state,
    stream_again,
    text_of,
)
from tests.live import LiveGateway, error_of
from tests.services import old_responses
from tests.services.conftest import database

ASKED = ["agent", "body", "previous_response_id", "request_id", "session", "stream", "strict", "tags", "tenant"]


@pytest.fixture(params=["sqlite", "postgres"])
def running(
    request: pytest.FixtureRequest, shared_chaos: Chaos, data_template: Path, tmp_path: Path
) -> Iterator[tuple[LiveGateway, Vendor]]:
    """A gateway that hands over at once when it ends, and its upstream."""
    with vendor({}) as upstream:
        if request.param == "sqlite":
            with LiveGateway(tmp_path / "data", shared_chaos, template=data_template, GATEWAY_DRAIN_S="0.3") as gateway:
                yield gateway, upstream
            return
        server = request.getfixturevalue("postgres_url")
        with (
            database(server, request.getfixturevalue("migrated_postgres")) as url,
            LiveGateway(tmp_path, shared_chaos, DATABASE_URL=url, GATEWAY_DRAIN_S="0.3") as gateway,
        ):
            yield gateway, upstream


def test_responses_when_their_rows_become_jobs_are_taken_followed_cancelled_and_purged_as_before(
    running: tuple[LiveGateway, Vendor],
) -> None:
    gateway, upstream = running
    define(gateway, upstream)
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS)
    followed, expired = begin_stream(gateway), begin_stream(gateway)
    whole = queue(gateway)["id"]
    before = {made: ended(gateway, made) for made in (followed, expired, whole)}
    told = stream_again(gateway, followed)
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 400, pause=0.1)
    cancelled = begin_stream(gateway)
    before[cancelled] = gateway.http.post(f"/v1/responses/{cancelled}/cancel").json()
    waiting, lost, held = (begin_stream(gateway) for _ in range(3))
    assert gateway.stop() == 0

    gateway.operator.command("migrate", "openai_api", old_responses.BEFORE, "-v", "0")
    old = old_responses.done(gateway.env, "listed")
    assert {made: row[:3] for made, row in old.items()} == {
        **{made: ["completed", "", True] for made in (followed, expired, whole)},
        cancelled: ["cancelled", "", True],
        **{made: ["queued", "", True] for made in (waiting, lost, held)},
    }
    assert old[waiting][3] > 2
    assert [(row[4], row[5]) for row in (old[followed], old[whole], old[waiting])] == [(True, None), (False, None), (True, ASKED)]
    assert (old[followed][6][-1][1], old[whole][6], old[waiting][6]) == (told[-2]["sequence_number"], [], [])
    old_responses.done(gateway.env, "run", lost, "gone", 60, followed)
    old_responses.done(gateway.env, "run", held, "frozen", -3600, followed)
    old_responses.done(gateway.env, "expire", expired)
    gateway.operator.command("migrate", "-v", "0")
    rows = gateway.operator.rows("openai_api.StoredResponseRow", {})
    assert {row["id"] for row in rows if row["status"] == "queued"} == {waiting, lost, held}

    upstream.answers[CHAT] = lambda seen: slowly(*WORDS)
    gateway.restart()
    assert {made: state(gateway, made) for made in (followed, whole, cancelled)} == {
        made: before[made] for made in (followed, whole, cancelled)
    }
    assert stream_again(gateway, followed) == told
    assert stream_again(gateway, followed, starting_after="3") == told[4:]
    answer = gateway.http.get(f"/v1/responses/{whole}", params={"stream": "true"})
    assert (answer.status_code, error_of(answer)["param"]) == (400, "stream")
    assert state(gateway, held)["status"] == "in_progress"
    assert gateway.http.post(f"/v1/responses/{held}/cancel").json()["status"] == "cancelled"
    assert numbered(gateway, held) == [*told_types(told)[:3], (3, "response.cancelled")]
    assert text_of(ended(gateway, waiting)) == "Hello world."
    assert numbered(gateway, waiting)[0] == (old[waiting][3], "response.created")
    assert ended(gateway, lost, LOST_WITHIN_S)["error"]["message"] == "The worker process that generated this response was lost."
    assert numbered(gateway, lost) == [*told_types(told)[:3], (3, "response.failed")]
    assert gateway.http.get(f"/v1/responses/{expired}").status_code == 404
    left = {"JobRow": {"pk": expired}, "StoredResponseRow": {"pk": expired}, "JobEventsRow": {"job_id": expired}}
    assert eventually(lambda: not any(gateway.operator.rows(f"openai_api.{name}", row) for name, row in left.items()), 5, 0.1)
    jobs = {row["id"]: (row["kind"], row["state"], row["payload"]) for row in gateway.operator.rows("openai_api.JobRow", {})}
    assert jobs == {
        **dict.fromkeys((followed, whole, waiting), ("response", "done", None)),
        **dict.fromkeys((cancelled, held), ("response", "cancelled", None)),
        lost: ("response", "failed", None),
    }


def numbered(gateway: LiveGateway, response_id: str) -> list[tuple[int, str]]:
    """The events that are kept."""
    return told_types(stream_again(gateway, response_id))


def told_types(events: list[Any]) -> list[tuple[int, str]]:
    return [(event["sequence_number"], event["type"]) for event in events[:-1]]
