"""Is every job run by one worker at a time, tried as often as its kind says, and ended once, whatever its kind is?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.services import running_jobs

Told = Callable[[str], Any]


@pytest.fixture(params=["sqlite", "postgres"])
def told(request: pytest.FixtureRequest) -> Told:
    """What comes of a story, once on each kind of database."""
    env: Mapping[str, str] = request.getfixturevalue(f"{request.param}_env")
    return lambda story: running_jobs.told(env, story)


def test_job_when_its_tries_fail_then_it_is_tried_again_not_too_soon_and_no_event_number_is_used_twice(told: Told) -> None:
    found = told("retried")
    assert found["row"] == ["j", "done", 2, "", False]
    assert found["waited"] == [False, True]
    begun = "begun by its payload"
    assert found["heard"] == [f"0 {begun}", f"1 {begun}", f"2 {begun}", "3 done"]
    assert found["kept"] == [f"2 {begun}", "3 done"]


def test_job_when_its_tries_are_spent_or_its_kind_is_broken_then_it_has_failed_and_says_so(told: Told) -> None:
    found = told("spent")
    begun = "begun by its payload"
    assert found["again"] == [["again", "failed", 1, "", False], [f"1 {begun}", "2 broken"]]
    assert found["raises"] == [["raises", "failed", 0, "", False], [f"0 {begun}", "1 broken"]]
    assert found["begun"] == [2, 1]
    assert found["logged"] == ["a job failed"]


def test_jobs_when_their_worker_is_lost_then_are_tried_again_or_failed_by_who_knows_their_kind(told: Told) -> None:
    found = told("lost")
    assert found["again"] == [["again", "done", 1, "", False], ["2 begun by its payload", "3 done"]]
    assert found["once"] == [["once", "failed", 0, "", False], ["0 by gone", "1 by gone", "2 lost"]]
    assert found["late"] == [False, False]
    assert found["others"] == [["unknown", "running", 0, "gone", True], ["waits", "queued", 0, "", True]]
    assert found["logged"] == []


def test_job_when_cancelled_by_another_worker_then_its_run_stops_and_a_second_time_changes_nothing(told: Told) -> None:
    found = told("cancelled")
    assert found["asked"] == [None, "cancelled", "cancelled"]
    assert found["row"] == ["j", "cancelled", 0, "", False]
    assert found["kept"][-1].endswith("cancelled")
    assert len([event for event in found["kept"] if event.endswith("cancelled")]) == 1
    assert found["none"] is None


def test_jobs_when_their_worker_ends_then_are_done_by_another_or_have_failed_if_none_can(told: Told) -> None:
    found = told("handed_over")
    assert found["given"] == [
        ["bound", "failed", 0, "", False],
        ["j", "queued", 0, "", True],
        ["late", "queued", 0, "", True],
    ]
    assert [row[:3] for row in found["then"]] == [["bound", "failed", 0], ["j", "done", 0], ["late", "done", 0]]
    begun = "begun by its payload"
    assert found["kept"]["bound"] == [f"0 {begun}", "1 handed_over"]
    assert found["kept"]["j"] == [f"1 {begun}", "2 done"]


def test_jobs_when_a_worker_has_no_place_then_wait_for_one(told: Told) -> None:
    assert told("places") == {"at_first": ["running", "queued", "queued"], "most": 1}


def test_rows_beside_a_job_when_refused_then_the_job_is_as_it_was(told: Told) -> None:
    other, after = ["other", "queued", 0, "", True], ["other", "queued", 7, "", True]
    assert told("beside") == ["StoreUnavailable", [other], [after, ["written", "done", 0, "", False]]]
