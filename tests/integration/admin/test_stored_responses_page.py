"""What does an operator see of stored responses, and can they be deleted?"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import pytest

from models_catalog import keys
from models_catalog.models import ClientKey
from openai_api.models import ResponseEventsRow, StoredResponseRow
from tests.integration.admin.pages import Pages, address

SAID = b"what was said is nobody's business"


@pytest.fixture
def row(db: None) -> StoredResponseRow:
    owner = str(keys.create_client_key("it")[0].pk)
    packed, now = zlib.compress(SAID), datetime.now(UTC)
    row = StoredResponseRow.objects.create(
        id="resp_1", owner=owner, model="gpt", items=packed, body=packed, created_at=now, expires_at=now + timedelta(days=1),
        status="in_progress", streamed=True, request=packed,
    )  # fmt: skip
    ResponseEventsRow.objects.create(response=row, first=0, last=1, frames=packed)
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
    assert not StoredResponseRow.objects.exists()
    assert not ResponseEventsRow.objects.exists()


def test_response_when_operators_look_then_nobody_can_add_or_change_one(pages: Pages, row: StoredResponseRow) -> None:
    pages.open(address(StoredResponseRow, "add"), 403)
    assert pages.client.post(address(StoredResponseRow, "change", row), {"model": "other"}).status_code == 403
