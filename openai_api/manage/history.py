"""Is the audit log whole, what has become of an object, and how does it become what it was?"""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from models_catalog.audit.verify import BadHead, parsed_head, verify
from models_catalog.changes.undo import CannotUndo, entries_of, undo_since
from models_catalog.models import Credential, Hook, ModelDefinition, Provider
from openai_api.manage.fields import Count, Flag, Moment, Object, Text, Texts, body, moment
from openai_api.manage.lists import parameters_of
from openai_api.manage.operations import Operation
from openai_api.manage.problems import Problem, invalid, not_found
from openai_api.manage.views import View

VERDICT = body(
    "AuditVerdict",
    {
        "whole": Flag(),
        "number": Count(help_text="Of the last sound entry."),
        "head": Text(help_text="To be kept elsewhere, and given as `head` later."),
        "fault": Text(help_text="What is wrong at the first broken entry; empty: nothing."),
    },
)
HEAD = {"head": "a head of before, which must be in the chain still"}


class VerifyAudit(View):
    """Whether the audit log is as it was written, as `manage.py verify_audit` says"""

    scope = "audit"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        given = parameters_of(request.query_params, HEAD)
        if self.caller.reach is not None:
            raise Problem(403, "forbidden", "The chain is of all tenants, and your token is bound to one.")
        try:
            found = verify(parsed_head(given["head"]) if "head" in given else None)
        except BadHead as error:
            raise invalid({"head": [str(error)]}) from None
        return Response({"whole": not found.fault, "number": found.number, "head": found.head, "fault": found.fault})


VERSIONED: dict[str, Any] = {"models": ModelDefinition, "providers": Provider, "credentials": Credential, "hooks": Hook}
RESTORE = body(
    "Restore",
    {
        "kind": Text(bounds={"enum": list(VERSIONED)}),
        "name": Text(help_text="Of the object."),
        "number": Count(bounds={"minimum": 1, "maximum": 2**63 - 1}, help_text="Of the audit entry after which it was so."),
    },
)
RESTORED = body("Restored", {"kept": Texts(help_text="What cannot be put back, as secrets: a line each.")})
VERSIONS = {"kind": "of object", "name": "of the object"}
VERSION = body(
    "Version",
    {
        "number": Count(help_text="Of the last entry of the audit log that belongs to it."),
        "at": Moment(),
        "actor": Text(),
        "revision": Count(help_text="The version of the catalog."),
        "changes": Object(help_text="Of the entry: columns, each with what it was and what it is."),
        "action": Text(),
        "row": Text(help_text="The object itself, or what belongs to it."),
    },
)
VERSION_LIST = body("VersionList", {"data": VERSION(many=True)})
MOST_VERSIONS = 200


def _versioned(kind: str, name: str) -> Any:
    row = VERSIONED[kind].objects.filter(name=name).first() if "\0" not in name else None
    if row is None:
        raise not_found(kind.removesuffix("s"), name)
    return row


class Versions(View):
    """What has changed of an object, the latest first"""

    scope = "config"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        given = parameters_of(request.query_params, VERSIONS)
        if given.get("kind") not in VERSIONED:
            raise invalid({"kind": [f"Enter one of {', '.join(VERSIONED)}."]})
        if "name" not in given:
            raise invalid({"name": ["Name the object."]})
        row = _versioned(given["kind"], given["name"])
        found = [
            {
                "number": entry.number,
                "at": moment(entry.at),
                "actor": entry.actor,
                "revision": entry.revision,
                "changes": entry.changed,
                "action": entry.action,
                "row": entry.name,
            }
            for entry in entries_of(row)[:MOST_VERSIONS]
        ]
        return Response({"data": found})


class RestoreVersion(Operation):
    """Make an object again what it was"""

    scope, taken = "config", RESTORE
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        data = self.told(request)
        try:
            kept = undo_since(_versioned(data["kind"], data["name"]), data["number"])
        except CannotUndo as error:
            raise Problem(409, "refused", str(error)) from None
        return Response({"kept": kept})
