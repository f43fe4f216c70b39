"""What are files of keys in the admin? Client keys for those who issue them, and provider keys for those who edit providers."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

from django import forms
from django.http import HttpRequest

from models_catalog.admin import ui
from models_catalog.admin.tenancy import reach_of
from models_catalog.admin.upload import Preview, UploadForm, UploadingAdmin
from models_catalog.key_import.clients.importing import import_client_keys
from models_catalog.key_import.clients.plan import Outcome
from models_catalog.key_import.clients.reading import Form, Keys
from models_catalog.key_import.clients.reading import Options as ClientOptions
from models_catalog.key_import.clients.report import summary as client_summary
from models_catalog.key_import.clients.report import warning_lines
from models_catalog.key_import.importing import import_keys
from models_catalog.key_import.plan import Outcome as ProviderOutcome
from models_catalog.key_import.reading import Options as ProviderOptions
from models_catalog.key_import.report import summary as provider_summary
from models_catalog.key_import.source import Format

PROVIDER_RIGHTS = tuple(f"models_catalog.{verb}_{row}" for verb in ("add", "change") for row in ("credential", "provider"))


class ClientKeysForm(UploadForm):
    form = forms.ChoiceField(label="Format", choices=[(one, one) for one in Form], widget=ui.Select())
    keys = forms.ChoiceField(choices=[(one, one) for one in Keys], widget=ui.Select(), help_text="auto: 64 hex digits are hashes")
    tenant = forms.CharField(required=False, widget=ui.TextInput(), help_text="Of projects and people whose row names none.")


class ClientKeyUpload(UploadingAdmin):
    upload_form = ClientKeysForm
    upload_title = "Import client keys"
    upload_text = "CSV, JSON, JSON lines, LiteLLM's list of keys, or a key on each line. All of it is imported, or nothing."

    def tenants_within(self, request: HttpRequest) -> Collection[str] | None:
        """The tenants to which the account is bound, None for all."""
        reach = reach_of(request)
        return None if reach is None else reach.names

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
        wanted = ClientOptions(Form(options["form"]), Keys(options["keys"]), options["tenant"])
        without = {int(one) for one in left_out}
        report = import_client_keys(content, name, wanted, dry_run=dry_run, within=self.tenants_within(request), without=without)
        rows = [
            (
                change.number,
                change.outcome,
                change.key.name,
                f"…{change.key.last_four}" if change.key.last_four else "hash",
                "" if change.outcome is Outcome.UNCHANGED else "all" if change.models is None else ", ".join(change.models),
                ", ".join(change.bounds),
            )
            for change in report.changes
        ]
        lines = [*(f"new {owner}" for owner in report.owners), *warning_lines(report)]
        made = [change.key for change in report.changes if change.outcome is Outcome.CREATED]
        ids = ["" if change.outcome is Outcome.UNCHANGED else str(change.number) for change in report.changes]
        return Preview(("Row", "Outcome", "Name", "Key", "Models", "Limits"), rows, lines, client_summary(report), made, ids)


class ProviderKeysForm(UploadForm):
    form = forms.ChoiceField(label="Format", choices=[(one, one) for one in Format], widget=ui.Select())
    encrypted = forms.BooleanField(required=False, widget=ui.Switch(), label="RSA-encrypted")


class ProviderKeyUpload(UploadingAdmin):
    upload_form = ProviderKeysForm
    upload_title = "Import provider keys"
    upload_text = "CSV, JSON or .env, plain or RSA-encrypted. All of it is imported, or nothing."

    def has_upload_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(PROVIDER_RIGHTS)

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
        wanted = ProviderOptions(format=Format(options["form"]), encrypted=bool(options["encrypted"]))
        report = import_keys(content, name, wanted, dry_run=dry_run, without={int(one) for one in left_out})
        rows: list[tuple[object, ...]] = [
            (change.number, change.outcome, change.provider.name, f"…{change.credential.last_four}") for change in report.changes
        ]
        rows += [(skipped.number, "skipped", skipped.reason, "") for skipped in report.skipped]
        changed = (change for change in report.changes if change.outcome != ProviderOutcome.UNCHANGED)
        made = list({change.credential.pk: change.credential for change in changed}.values())
        rows.sort(key=lambda row: int(str(row[0])))
        open_ = {change.number for change in report.changes if change.outcome != ProviderOutcome.UNCHANGED}
        ids = [str(row[0]) if row[0] in open_ else "" for row in rows]
        return Preview(("Row", "Outcome", "Provider", "Key"), rows, (), provider_summary(report), made, ids)
