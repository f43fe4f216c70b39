"""What does an operator see of stored responses, and can they be deleted?"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import pytest

from models_catalog import keys
from models_catalog.models import ClientKey
from openai_api.models import JobEventsRow, JobRow, StoredResponseRow
from tests.integration.admin.pages import Pages, address

SAID = b"what was said is nobody's business"


@pytest.fixture
def row(db: None) -> StoredResponseRow:
    owner = str(keys.create_client_key("it")[0].pk)
    packed, now = zlib.compress(SAID), datetime.now(UTC)
    times = {"created_at": now, "expires_at": now + timedelta(days=1)}
    row = StoredResponseRow.objects.create(
        id="resp_1", owner=owner, model="gpt", items=packed, body=packed, status="queued", **times
    )
    job = JobRow.objects.create(
        id=row.pk, kind="response", owner=owner, payload=packed, state="running", worker="w1", beat_at=now, streamed=True, **times
    )
    JobEventsRow.objects.create(job=job, first=0, last=1, frames=packed)
    return row


def test_responses_when_listed_and_opened_then_shown_without_what_was_said(pages: Pages, row: StoredResponseRow) -> None:
    listed = pages.open(address(StoredResponseRow)).content
    opened = pages.open(address(StoredResponseRow, "change", row)).content
    key = ClientKey.objects.get()
    for content in (listed, opened):
        assert all(text in content for text in (b"resp_1", b"gpt", b"in_progress", address(ClientKey, "change", key).encode()))
        assert SAID not in content


def test_response_when_deleted_in_the_admin_then_gone_with_its_events(pages: Pages, row: StoredResponseRow) -> None:
    answer = pages.client.post(address(StoredResponseRow, "delete", row), {"post": "yes"})
    assert answer.status_code == 302
    assert not any(model.objects.exists() for model in (StoredResponseRow, JobRow, JobEventsRow))


def test_responses_when_chosen_in_the_list_and_deleted_then_gone_with_their_jobs(pages: Pages, row: StoredResponseRow) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    assert pages.client.post(address(StoredResponseRow), chosen).status_code == 302
    assert not any(model.objects.exists() for model in (StoredResponseRow, JobRow, JobEventsRow))


def test_responses_when_filtered_by_status_then_that_of_the_job_counts(pages: Pages, row: StoredResponseRow) -> None:
    def found(status: str) -> list[StoredResponseRow]:
        return list(pages.client.get(address(StoredResponseRow), {"status": status}).context["cl"].result_list)

    assert (found("in_progress"), found("queued"), found("completed")) == ([row], [], [])
    JobRow.objects.update(state="queued")
    assert (found("in_progress"), found("queued"), found("completed")) == ([], [row], [])
    StoredResponseRow.objects.update(status="completed")
    assert (found("in_progress"), found("queued"), found("completed")) == ([], [], [row])


def test_jobs_when_listed_and_opened_then_shown_without_their_payloads_and_nobody_can_change_one(
    pages: Pages, row: StoredResponseRow
) -> None:
    job = JobRow.objects.get()
    listed = pages.open(address(JobRow)).content
    opened = pages.open(address(JobRow, "change", job)).content
    key = ClientKey.objects.get()
    for content in (listed, opened):
        assert all(text in content for text in (b"resp_1", b"running", b"w1", address(ClientKey, "change", key).encode()))
        assert SAID not in content
    pages.open(address(JobRow, "add"), 403)
    for page, sent in (("change", {"state": "done"}), ("delete", {"post": "yes"})):
        assert pages.client.post(address(JobRow, page, job), sent).status_code == 403
    assert JobRow.objects.get().state == "running"


def test_response_when_operators_look_then_nobody_can_add_or_change_one(pages: Pages, row: StoredResponseRow) -> None:
    pages.open(address(StoredResponseRow, "add"), 403)
    assert pages.client.post(address(StoredResponseRow, "change", row), {"model": "other"}).status_code == 403
