"""How do programs bring in files, and take the catalog out as one? By what the commands and the admin's upload forms call."""

from __future__ import annotations

import io
from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.response import Response

from models_catalog.changes.state import load
from models_catalog.config.choice import ALL, Choice, Entry
from models_catalog.config.detect import READERS
from models_catalog.config.findings import InvalidConfiguration
from models_catalog.config.gateway.write import write_gateway
from models_catalog.config.importing import Outcome, import_text
from models_catalog.consistent_read import consistent_read
from models_catalog.key_import.clients.importing import import_client_keys
from models_catalog.key_import.clients.reading import Form, Keys
from models_catalog.key_import.clients.reading import Options as ClientOptions
from models_catalog.key_import.clients.report import warning_lines
from models_catalog.key_import.importing import import_keys
from models_catalog.key_import.reading import Options as ProviderOptions
from models_catalog.key_import.rows import BadRows, KeyImportError
from models_catalog.key_import.source import Format
from openai_api.manage.fields import Count, Flag, Numbers, Text, Texts, body
from openai_api.manage.lists import parameters_of
from openai_api.manage.operations import Data, Operation
from openai_api.manage.problems import Problem, invalid
from openai_api.manage.resources.providers import check_storing
from openai_api.manage.views import View

MOST_FINDINGS = 100
DRY_RUN = Flag(required=False, default=False, help_text="Only say what would change.")
CONFIG = body("Configuration", {"text": Text(help_text="TOML, without secrets and client keys, as `export_config` writes it.")})
IMPORT = body(
    "ConfigImport",
    {
        "text": Text(help_text="The file."),
        "name": Text(required=False, default="", help_text="Its name, by which the format is known."),
        "format": Text(required=False, default="auto", bounds={"enum": ["auto", *READERS]}),
        "prune": Flag(required=False, default=False, help_text="Also remove what it does not have."),
        "strict": Flag(required=False, default=False, help_text="Refuse a file that cannot be imported completely."),
        "dry_run": DRY_RUN,
        "only": Texts(required=False, default=None, allow_null=True, help_text="Entries, as ids or names; null: all."),
        "skip": Texts(required=False, default=list, help_text="Entries that stay as they are, as ids or names."),
    },
)
ENTRY = body(
    "ImportEntry",
    {
        "id": Text(help_text="KIND:NAME, for `only` and `skip`."),
        "kind": Text(),
        "name": Text(),
        "sign": Text(bounds={"enum": ["+", "~", "-"]}, help_text="Added, changed or removed."),
        "changes": Texts(help_text="A line for each row."),
        "chosen": Flag(),
        "needed_by": Text(help_text="The entry for which it was chosen, too; empty: it was chosen itself."),
    },
)
IMPORTED = body(
    "ConfigImported",
    {
        "entries": ENTRY(many=True),
        "left_out": Texts(help_text="Entries of another program's file that cannot be served."),
        "warnings": Texts(),
        "written": Flag(),
    },
)


class Configuration(View):
    """The catalog as a file"""

    scope = "config"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        parameters_of(request.query_params, ())
        with consistent_read():
            return Response({"text": write_gateway(load(published=False))})


class ImportConfig(Operation):
    """Import a configuration file, all of it or chosen entries"""

    scope, taken = "config", IMPORT
    http_method_names = ["post"]

    @sensitive_variables()
    def post(self, request: Any) -> Response:
        data = self.told(request)
        choice = ALL if data["only"] is None and not data["skip"] else Choice(data["only"], data["skip"])
        options = {name: data[name] for name in ("name", "prune", "dry_run", "strict")}
        check_storing(not data["dry_run"])
        try:
            done = import_text(data["text"], form=data["format"], choice=choice, **options)
        except InvalidConfiguration as error:
            fields: dict[str, list[str]] = {}
            for finding in error.findings.errors[:MOST_FINDINGS]:
                fields.setdefault(finding.place or "text", []).append(finding.message)
            raise invalid(fields) from None
        return Response(_shown(done, written=not data["dry_run"] and bool(done.changes)))


def _shown(done: Outcome, *, written: bool) -> Data:
    chosen = {entry.key for entry in done.chosen}
    needed = {entry.key: needed_by for entry, needed_by in done.followed}
    return {
        "entries": [_entry(entry, entry.key in chosen, needed.get(entry.key, "")) for entry in done.entries],
        "left_out": list(map(str, done.left_out)),
        "warnings": list(map(str, done.warnings)),
        "written": written,
    }


def _entry(entry: Entry, chosen: bool, needed_by: str) -> Data:
    plain = {"id": entry.id, "kind": entry.kind, "name": entry.name, "sign": entry.sign}
    return {**plain, "changes": list(map(str, entry.changes)), "chosen": chosen, "needed_by": needed_by}


# Keys

WITHOUT = Numbers(required=False, default=list, help_text="Numbers of rows that are left out.")
FILE = {
    "text": Text(help_text="The file."),
    "name": Text(required=False, default="", help_text="Its name, by which the format is known."),
}
KEYS = body(
    "ClientKeyImport",
    {
        **FILE,
        "format": Text(required=False, default="auto", bounds={"enum": [str(one) for one in Form]}),
        "keys": Text(required=False, default="auto", bounds={"enum": [str(one) for one in Keys]}),
        "tenant": Text(required=False, default="", help_text="Of projects and people whose row names none."),
        "without": WITHOUT,
        "dry_run": DRY_RUN,
    },
)
PROVIDER_KEYS = body(
    "ProviderKeyImport",
    {
        **FILE,
        "format": Text(required=False, default="auto", bounds={"enum": [str(one) for one in Format]}),
        "encrypted": Flag(required=False, default=False, help_text="The values are RSA-encrypted."),
        "without": WITHOUT,
        "dry_run": DRY_RUN,
    },
)
ROW = body("ImportedRow", {"number": Count(), "outcome": Text(), "name": Text(), "last_four": Text()})
ROWS = body("ImportedRows", {"data": ROW(many=True), "warnings": Texts(), "written": Flag()})


def _refused(error: KeyImportError) -> Problem:
    """With the rows that are wrong."""
    if not isinstance(error, BadRows):
        return invalid({"text": [str(error)]})
    return invalid({f"row {problem.number}": [problem.message] for problem in error.problems[:MOST_FINDINGS]})


class ImportClientKeys(Operation):
    """Import client keys from a file, all rows or none but those that are left out"""

    scope, taken = "keys", KEYS
    http_method_names = ["post"]

    @sensitive_variables()
    def post(self, request: Any) -> Response:
        data = self.told(request)
        stream = io.BytesIO(data["text"].encode())
        options = ClientOptions(Form(data["format"]), Keys(data["keys"]), data["tenant"])
        try:
            report = import_client_keys(
                stream,
                data["name"],
                options,
                dry_run=data["dry_run"],
                within=self.caller.tenants,
                without=frozenset(data["without"]),
            )
        except KeyImportError as error:
            raise _refused(error) from None
        rows = [
            {"number": one.number, "outcome": str(one.outcome), "name": one.key.name, "last_four": one.key.last_four}
            for one in report.changes
        ]
        return Response({"data": rows, "warnings": list(warning_lines(report)), "written": not data["dry_run"]})


class ImportProviderKeys(Operation):
    """Import keys of providers from a file, all rows or none but those that are left out"""

    scope, taken = "credentials", PROVIDER_KEYS
    http_method_names = ["post"]

    @sensitive_variables()
    def post(self, request: Any) -> Response:
        self.caller.require("providers:write")
        data = self.told(request)
        options = ProviderOptions(format=Format(data["format"]), encrypted=data["encrypted"])
        stream, without = io.BytesIO(data["text"].encode()), frozenset(data["without"])
        try:
            report = import_keys(stream, data["name"], options, dry_run=data["dry_run"], without=without)
        except KeyImportError as error:
            raise _refused(error) from None
        rows = [
            {
                "number": one.number,
                "outcome": str(one.outcome),
                "name": one.provider.name,
                "last_four": one.credential.last_four,
            }
            for one in report.changes
        ]
        skipped = [f"row {one.number}: {one.reason}" for one in report.skipped]
        return Response({"data": rows, "warnings": skipped, "written": not data["dry_run"]})
