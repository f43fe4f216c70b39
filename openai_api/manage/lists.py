"""Which part of a list is asked for? By known query parameters, from a cursor on."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework import exceptions

from models_catalog.config.table import nearest
from openai_api.manage.problems import flat, invalid
from openai_api.manage.resources.base import Resource

USUAL, MOST = 100, 500
LONGEST = 1000
PAGING = {"limit": f"how many at most, up to {MOST}; {USUAL} if not given", "cursor": "`next` of the page before"}


def parameters_of(query: QueryDict, known: Iterable[str]) -> dict[str, str]:
    """The query parameters, each at most once. Raises `Problem` for unknown ones."""
    names = sorted(known)
    found: dict[str, str] = {}
    for name, texts in query.lists():
        if name not in names:
            raise invalid({name[:60]: [f"Unknown parameter{nearest(name, names)}; known are {', '.join(names)}."]})
        if len(texts) > 1:
            raise invalid({name: ["Give it once."]})
        if "\0" in texts[0] or len(texts[0]) > LONGEST or not texts[0].isprintable():
            raise invalid({name: [f"Enter up to {LONGEST} printable characters."]})
        found[name] = texts[0]
    return found


def limit_of(parameters: Mapping[str, str], usual: int = USUAL, most: int = MOST) -> int:
    """How many objects are asked for. Raises `Problem`."""
    text = parameters.get("limit", str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= most):
        raise invalid({"limit": [f"Enter a whole number from 1 to {most}."]})
    return int(text)


def page(resource: Resource, rows: QuerySet[Any, Any], query: QueryDict) -> tuple[list[Any], str | None]:
    """The rows of the page and the cursor of the next one, None at the end."""
    parameters = parameters_of(query, {*resource.filters, *PAGING})
    for name, (_, chosen) in resource.filters.items():
        if name in parameters:
            rows = _filtered(rows, name, chosen, parameters[name])
    limit, column = limit_of(parameters), resource.address
    rows = rows.order_by(column)
    if "cursor" in parameters:
        rows = rows.filter(**{f"{column}__gt": _after(parameters["cursor"], resource)})
    found = list(rows[: limit + 1])
    following = encoded(str(getattr(found[limit - 1], column))) if len(found) > limit else None
    return found[:limit], following


def _filtered(rows: QuerySet[Any, Any], name: str, chosen: Any, text: str) -> QuerySet[Any, Any]:
    try:
        found: QuerySet[Any, Any] = chosen(rows, text)
    except ValidationError as error:
        raise invalid({name: error.messages}) from None
    except exceptions.ValidationError as error:
        raise invalid({name: [message for _, message in flat(error.detail)]}) from None
    return found


def encoded(value: Any) -> str:
    """A cursor."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def decoded(text: str) -> Any:
    """What a cursor holds. Raises `Problem`."""
    try:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid({"cursor": ["This is not the `next` of a page."]}) from None


def _after(text: str, resource: Resource) -> Any:
    found = decoded(text)
    if isinstance(found, str) and "\0" not in found:
        if resource.named:
            return found
        try:
            return uuid.UUID(found)
        except ValueError:
            pass
    raise invalid({"cursor": ["This is not the `next` of a page."]})
