"""How is a configuration file imported in the admin? Its entries are shown, and those with a tick are applied together."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

from django import forms
from django.http import HttpRequest

from models_catalog.admin import ui
from models_catalog.admin.tenancy import reach_of
from models_catalog.admin.upload import CannotImport, Preview, UploadForm, UploadingAdmin
from models_catalog.config.choice import ALL, Choice, Entry
from models_catalog.config.detect import READERS
from models_catalog.config.findings import InvalidConfiguration
from models_catalog.config.importing import Outcome, import_text

ROWS = ("modeldefinition", "route", "fallback", "price", "provider", "credential", "clientkey", "hook")
RIGHTS = tuple(f"models_catalog.{verb}_{row}" for verb in ("add", "change", "delete") for row in ROWS)
"""What a file may do."""
MOST_LINES = 50


class ConfigForm(UploadForm):
    form = forms.ChoiceField(
        label="Format", choices=[("auto", "by its content"), *((name, name) for name in READERS)], widget=ui.Select()
    )
    prune = forms.BooleanField(
        required=False, widget=ui.Switch(), label="Remove the rest", help_text="Also show what the file does not have."
    )


class ConfigUpload(UploadingAdmin):
    upload_form = ConfigForm
    upload_title = "Import a configuration"
    upload_text = "Signalbox's or TensorZero's TOML, or LiteLLM's YAML. Its changes are shown first, and each can be left out."

    def has_upload_permission(self, request: HttpRequest) -> bool:
        """For who may change all that a file holds, and need not draft it."""
        return request.user.has_perms(RIGHTS) and reach_of(request) is None and self.has_change_permission(request)

    def imported(
        self,
        request: HttpRequest,
        content: io.BytesIO,
        name: str,
        options: dict[str, Any],
        *,
        dry_run: bool,
        left_out: Collection[str] = (),
    ) -> Preview:
        choice = Choice(skipped=left_out) if left_out else ALL
        try:
            text = content.getvalue().decode("utf-8-sig")
            told = import_text(text, name=name, form=options["form"], prune=options["prune"], dry_run=dry_run, choice=choice)
        except UnicodeDecodeError:
            raise CannotImport(["The file is not UTF-8 text."]) from None
        except InvalidConfiguration as error:
            raise CannotImport([str(finding) for finding in error.findings.errors[:MOST_LINES]]) from None
        ids = [entry.id for entry in told.entries]
        return Preview(
            ("Kind", "Name", "Changes"), [_row(entry) for entry in told.entries], _lines(told), _summary(told), (), ids
        )


def _row(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.name, "\n".join(str(change) for change in entry.changes)


def _lines(told: Outcome) -> list[str]:
    left_out = [f"Left out: {finding}" for finding in told.left_out]
    return [*left_out, *(f"Not imported: {finding}" for finding in told.warnings)][:MOST_LINES]


def _summary(told: Outcome) -> str:
    return f"{len(told.chosen)} of {len(told.entries)} entries change" if told.entries else "Nothing to change"
