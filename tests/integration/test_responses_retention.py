"""Are expired responses and jobs deleted as fast as they come?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from openai_api.database.stored_jobs import PURGE_ROWS, DatabaseJobs
from openai_api.database.stored_responses import purge_responses
from openai_api.database.threads import DatabaseThreads
from openai_api.models import JobEventsRow, JobRow, StoredResponseRow

DAY = timedelta(days=1)


@pytest.mark.django_db
def test_responses_when_more_have_expired_than_are_deleted_at_once_then_the_next_looks_delete_the_rest() -> None:
    now = datetime.now(UTC)
    ends = [now - DAY] * (2 * PURGE_ROWS + 1) + [now + DAY]
    made = [
        StoredResponseRow(id=f"resp_{n}", owner="o", model="m", items=b"", body=b"", created_at=now, expires_at=end)
        for n, end in enumerate(ends)
    ]
    StoredResponseRow.objects.bulk_create(made)
    jobs = DatabaseJobs(DatabaseThreads(), 30, "w", [purge_responses])
    for _ in range(4):
        jobs._take(1, {}, judges=False)
    assert [row.id for row in StoredResponseRow.objects.all()] == [made[-1].id]


@pytest.mark.django_db
def test_jobs_when_more_have_expired_than_are_deleted_at_once_then_the_next_looks_delete_the_rest_with_their_events() -> None:
    now = datetime.now(UTC)
    ends = [now - DAY] * (2 * PURGE_ROWS + 1) + [now + DAY]
    made = [JobRow(id=f"{n}", kind="k", owner="o", state="done", created_at=now, expires_at=end) for n, end in enumerate(ends)]
    JobRow.objects.bulk_create(made)
    JobEventsRow.objects.bulk_create(JobEventsRow(job=job, first=0, last=0, frames=b"") for job in made)
    jobs = DatabaseJobs(DatabaseThreads(), 30, "w", [purge_responses])
    for _ in range(4):
        jobs._take(1, {}, judges=False)
    assert [row.id for row in JobRow.objects.all()] == [row.job_id for row in JobEventsRow.objects.all()] == [made[-1].id]
