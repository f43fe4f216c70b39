"""How are requests taken along? As CSV of what the filters find, sent while it is read; no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from openai_api.admin.request_list import searched
from openai_api.database.request_search import BadSearch, page_of
from openai_api.models import UsageRecord

ROWS = 100_000
"""Rows of one file, the newest of them."""
BATCH = 1000
COLUMNS = (
    "started_at", "request_id", "method", "path", "status", "error", "client_aborted", "stream", "test", "client_id",
    "client_name", "tenant", "project", "person", "app", "user_agent", "session", "agent", "model", "served_model", "provider",
    "upstream_model", "tries", "cache", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "estimated",
    "cost_usd", "first_byte_ms", "upstream_ms", "gateway_ms", "total_ms", "revision",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def download(request: HttpRequest, rows: QuerySet[UsageRecord]) -> HttpResponse:
    """The file. Raises `BadRequest` for filters that cannot be."""
    try:
        wanted = searched(request, rows)
    except BadSearch as bad:
        raise BadRequest(str(bad)) from bad
    parts = lines(wanted)
    body: Any = told_later(parts) if isinstance(request, ASGIRequest) else parts
    response = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="requests.csv"'
    response["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]


def lines(rows: QuerySet[UsageRecord]) -> Iterator[str]:
    """The text of the file, a batch of rows at a time."""
    yield text_of([COLUMNS])
    before, left = "", ROWS
    while left > 0:
        page = page_of(rows, before=before, size=min(BATCH, left))
        left -= len(page.rows)
        yield text_of([cell(getattr(row, name)) for name in COLUMNS] for row in page.rows)
        before = page.older
        if not before:
            return


async def told_later(parts: Iterator[str]) -> AsyncIterator[str]:
    """The same, each batch read in a thread."""
    while (part := await sync_to_async(_next)(parts)) is not None:
        yield part


def _next(parts: Iterator[str]) -> str | None:
    return next(parts, None)


def cell(value: Any) -> str:
    """A value as a spreadsheet may read it: a text that would be a formula has a quote before it."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def text_of(rows: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
