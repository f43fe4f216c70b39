"""How is a client key edited? By a form in which lists are lines, and an expiry may be a number of days from now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from models_catalog.admin import ui
from models_catalog.admin.fields import AliasesField, NetworksField
from models_catalog.admin.once import OnceForm
from models_catalog.admin.pages.projects import ALIASES
from models_catalog.models import ClientKey

DAYS = (1, 7, 30, 90, 180, 365)
EXPIRES_IN = [("", "As the date says"), *((str(days), f"In {days} days" if days > 1 else "In a day") for days in DAYS)]
OWNER = ("project", "person")
ACCESS = ("all_models", "allowed_models", "access_groups", "aliases", "allowed_networks")
BEHAVIOUR = ("record_bodies", "max_wait_s", "ends_streams")
EXPIRY = ("expires_in", "expires_at")


class ClientKeyForm(OnceForm):
    """`owned` says that a key must have a project."""

    owned = False
    aliases = AliasesField(required=False, widget=ui.Lines(), help_text=ALIASES)
    allowed_networks = NetworksField(
        label="Allowed addresses",
        required=False,
        widget=ui.Lines(),
        help_text="One a line: addresses and ranges from which it may be used, like 10.0.0.0/8. Empty: from everywhere.",
    )
    expires_in = forms.ChoiceField(
        label="Expires", choices=EXPIRES_IN, required=False, widget=ui.Select(), help_text="A number of days replaces the date."
    )

    class Meta:
        model = ClientKey
        fields = ("name", "enabled", *OWNER, *ACCESS, *BEHAVIOUR, "expires_at")
        labels = {
            "all_models": "All models",
            "allowed_models": "Models",
            "access_groups": "Access groups",
            "record_bodies": "Record bodies",
            "max_wait_s": "Longest wait (s)",
            "ends_streams": "End running streams",
            "expires_at": "Expires at (UTC)",
        }
        help_texts = {
            "name": "Who or what uses it, e.g. the name of a program.",
            "project": "Bounds what it may use; its limits and budgets count.",
            "person": "Limits and budgets of the person count all of the person's keys.",
            "expires_at": "Empty: never. A date alone: the end of that day.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = data.get("allowed_models") or data.get("access_groups")
        if not data.get("all_models", True) and not chosen and "allowed_models" not in self.errors:
            self.add_error("allowed_models", "Choose at least one model, or allow all models.")
        self.check_owner(data)
        if days := data.get("expires_in"):
            data["expires_at"] = timezone.now().replace(microsecond=0) + timedelta(days=int(days))
            self.errors.pop("expires_at", None)
        expires_at = data.get("expires_at")
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            self.add_error("expires_at", "This time has passed.")
        return data

    def check_owner(self, data: dict[str, Any]) -> None:
        project, person = data.get("project"), data.get("person")
        if self.owned and "project" in self.fields and project is None and "project" not in self.errors:
            self.add_error("project", "Choose the project that it is for.")
        if project and person and project.tenant_id != person.tenant_id:
            self.add_error("person", "The person and the project must belong to the same tenant.")


class OwnedKeyForm(ClientKeyForm):
    """For accounts that see the keys of their tenants only: a key without a project would be nobody's."""

    owned = True
