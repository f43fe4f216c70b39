"""What do people fill in at /me?"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from models_catalog import validation
from models_catalog.models import ClientKey, KeyRequest, Person, Project
from openai_api.me.own_keys import in_force, keys_of, projects_of

DAYS = [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never")]


class NewKeyForm(forms.Form):
    """`key_id` is chosen with the page: sending it twice makes no second key."""

    key_id = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)
    name = forms.CharField(
        max_length=200,
        validators=[validation.check_name],
        help_text="What will use it, e.g. the name of a program.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(queryset=Project.objects.none(), empty_label=None)
    expires = forms.ChoiceField(choices=DAYS, required=False)

    def __init__(self, person: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        project: Any = self.fields["project"]
        project.queryset = projects_of(person)
        project.label_from_instance = lambda row: row.name

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires"]
        return timezone.now().replace(microsecond=0) + timedelta(days=int(days)) if days else None


class ReplaceForm(forms.Form):
    """As `NewKeyForm`, for a key that takes the place of another one."""

    key_id = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)
    grace = forms.ChoiceField(
        label="The old key ends",
        choices=[("24", "In a day"), ("1", "In an hour"), ("168", "In 7 days"), ("0", "At once")],
        help_text="Until then both work, and are counted as one.",
    )

    @property
    def grace_time(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["grace"]))


class AskForm(forms.ModelForm):  # type: ignore[type-arg]
    """A wish for one key, or for all of them together."""

    class Meta:
        model = KeyRequest
        fields = ("client_key", "wanted", "model_name", "amount", "per", "period", "reason")
        labels = {
            "client_key": "For the key",
            "wanted": "What you need",
            "model_name": "Model",
            "amount": "How much, in all",
            "per": "Requests or tokens in a",
            "period": "Budget for a",
            "reason": "What it is for",
        }
        help_texts = {
            "client_key": "",
            "model_name": "For a model: its name, as it stands in requests.",
            "amount": "For a limit or a budget: requests, tokens or US dollars, not how much more.",
            "per": "For a limit.",
            "period": "For a budget.",
            "reason": "Your operator reads it.",
        }
        widgets = {"reason": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, person: Person, data: Any = None) -> None:
        super().__init__(data, instance=KeyRequest(person=person))
        key: Any = self.fields["client_key"]
        key.queryset, key.empty_label = in_force(keys_of(person)), "All my keys together"
        key.label_from_instance = called


def called(row: ClientKey) -> str:
    """A key as its owner knows it."""
    return f"{row.name} (…{row.last_four})"
