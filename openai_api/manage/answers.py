"""What is answered that is no object of the catalog? Each answer's members, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import models

from models_catalog.models import ChangeItem, ChangeSet
from openai_api.explain.result import Explanation
from openai_api.manage.fields import Amount, Count, Flag, Moment, Object, Text, Texts, body, field_of
from openai_api.models import UsageRecord

SCHEMAS = "#/components/schemas/"
EXPLAIN = "Explain"
"""Before the names of the parts of an explanation."""


def columns_said(model: type[models.Model], *names: str, **others: Any) -> dict[str, Any]:
    """A member for each of these columns of a row, or for all; `others` are those that are not answered as they are stored."""
    chosen = names or tuple(column.name for column in model._meta.concrete_fields)
    return {name: others.get(name) or field_of(model, name, read_only=True) for name in chosen}


# Usage and requests

COUNTS = ("requests", "errors", "cache_hits", "input_tokens", "output_tokens", "cached_tokens", "uncosted")
USAGE_SUM = body(
    "UsageSum",
    {
        "at": Moment(required=False, help_text="When the hour or the day begins."),
        "id": Text(required=False, help_text="Of keys, the id."),
        "name": Text(required=False, help_text="Of the group."),
        **{name: Count(told={"minimum": 0}) for name in COUNTS},
        "cost_usd": Amount(),
    },
)
USAGE = body(
    "Usage",
    {"since": Moment(), "until": Moment(), "data": USAGE_SUM(many=True), "more": Flag(help_text="Whether there are other sums.")},
)
SAID_OF_ATTEMPTS = ("target", "provider", "upstream_model", "outcome", "failure", "message")
ATTEMPT = body("Attempt", {name: Text(required=False, allow_null=True) for name in SAID_OF_ATTEMPTS}, closed=False)
REQUEST = body(
    "Request",
    columns_said(
        UsageRecord,
        attempts=ATTEMPT(many=True),
        tags=Object(allow_null=True, told={"additionalProperties": {"type": "string"}}),
        units=Object(allow_null=True),
    ),
)

# Explanations


def explanation() -> tuple[Any, dict[str, Any]]:
    """The schema of an explanation, and those of its parts by their names. Every member is always there."""
    (found,), parts = msgspec.json.schema_components([Explanation], ref_template=f"{SCHEMAS}{EXPLAIN}{{name}}")
    for part in parts.values():
        if "properties" in part:
            part["required"] = list(part["properties"])
    return found, {f"{EXPLAIN}{name}": part for name, part in parts.items()}


# Change sets

CHANGED = body(
    "ChangedObject",
    {name: field_of(ChangeItem, name, read_only=True) for name in ("kind", "name", "before", "after")},
    "One object, as a text of the file format; empty where there is none.",
)
CHANGE_MEMBERS = {
    name: field_of(ChangeSet, name, read_only=True)
    for name in (
        "id", "title", "note", "state", "author", "approved_by", "applied_by", "revision", "fault",
        "created_at", "apply_at", "applied_at",
    )
}  # fmt: skip
CHANGE_SET = body("ChangeSetHead", CHANGE_MEMBERS)
WHOLE_CHANGE_SET = body(
    "ChangeSet",
    {
        **CHANGE_MEMBERS,
        "objects": CHANGED(many=True),
        "difference": Texts(help_text="What applying it now would change, a line each."),
        "problems": Texts(help_text="Why it cannot be applied as it is."),
    },
)
