"""Is what a client knows of an object still so? An ETag is made from the object's content, so that it needs no column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from openai_api.manage.problems import Problem
from openai_api.manage.resources.base import Data, Resource


def etag_of(resource: Resource, row: Any, shown: Data) -> str:
    """A strong ETag: equal for equal content, secrets included."""
    content = {name: value for name, value in shown.items() if name not in resource.volatile}
    text = json.dumps([content, resource.sealed(row)], sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _told(headers: Mapping[str, str], name: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in (headers.get(name) or "").split(",") if part.strip()]


def check_preconditions(headers: Mapping[str, str], etag: str | None) -> None:
    """`If-Match` and `If-None-Match` of a write; `etag` is None where there is no such object. Raises `Problem`."""
    wanted, unwanted = _told(headers, "If-Match"), _told(headers, "If-None-Match")
    if wanted and (etag is None or not {"*", etag} & set(wanted)):
        what = "has been deleted" if etag is None else "has been changed"
        raise Problem(412, "stale", f"The object {what} since you have read it. Read it again.")
    if unwanted and etag is not None and {"*", etag} & set(unwanted):
        raise Problem(412, "exists", "There is such an object already.")


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client of a read has it already."""
    return bool({"*", etag} & set(_told(headers, "If-None-Match")))
