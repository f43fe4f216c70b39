"""Which hooks run, with which options, and for whom?"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.client_key import ClientKey
from models_catalog.models.columns import FAIL_OPEN, FAULTS, NAMES, column
from models_catalog.models.querysets import CatalogManager
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import EncryptedHeadersField, headers_of
from providers.types import Secret

MOST_TIME_S = 60.0
UNREADABLE = "(does not decrypt)"


class Hook(CatalogModel):
    """A hook of a registered type, its options, and what it runs for. Hooks run in the order of `position`, then of their names,
    after those of the settings."""

    class OnFault(models.TextChoices):
        AS_TYPE = "", "As the type says"
        OPEN = "open", "The request goes on without it"
        CLOSED = "closed", "The request fails"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    type = column(models.CharField(max_length=100, help_text="The registered name of an interceptor."), always=True)
    enabled = column(models.BooleanField(default=True), listed="")
    position = column(
        models.PositiveIntegerField(
            "order",
            default=0,
            db_index=True,
            validators=[MaxValueValidator(10**6)],
            help_text="Lower numbers run first; after an answer, in the reverse order.",
        ),
        file="order",
        listed="order",
    )
    options = column(models.JSONField(default=dict, blank=True), special=True, listed="")
    secrets = column(EncryptedHeadersField(default=dict, blank=True, editable=False), special=True, listed="")
    """The values of options that are secrets, by the names of the options; of a member as `option.member`."""
    model_names = column(
        models.JSONField(
            "models",
            default=list,
            blank=True,
            help_text="Public names, one a line; a * at the end stands for any rest. Empty: all models.",
        ),
        kind=NAMES,
        file="models",
        listed="models",
    )
    all_client_keys = models.BooleanField(default=True, help_text="Off: only the client keys chosen below.")
    client_keys = models.ManyToManyField(ClientKey, blank=True, related_name="hooks")
    on_fault = column(
        models.CharField(
            "if it fails",
            max_length=10,
            blank=True,
            default="",
            choices=OnFault.choices,
            help_text="What becomes of a request when the hook raises an error, or takes longer than its time limit.",
        ),
        kind=FAIL_OPEN,
        file="fail_open",
        listed="fail_open",
    )
    time_limit_s = column(
        models.FloatField(
            "time limit (s)",
            null=True,
            blank=True,
            validators=[MinValueValidator(0.001), MaxValueValidator(MOST_TIME_S), validation.check_finite],
            help_text="For each call of the hook; empty: what its type says, mostly 1 second.",
        )
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CatalogManager["Hook"]()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def fail_open(self) -> bool | None:
        """None where the type says it."""
        return FAULTS.get(self.on_fault)

    def kept_secrets(self) -> dict[str, Secret]:
        """What is in `secrets`. Raises `EncryptionError`."""
        return headers_of(self, "secrets")

    def secret_names(self) -> list[str]:
        """Which secrets are stored, also if they do not decrypt: then one that is called so."""
        try:
            return list(self.kept_secrets())
        except encryption.EncryptionError:
            return [UNREADABLE]

    def all_options(self) -> dict[str, Any]:
        """The options with the secrets among them, as `Secret`. Raises `EncryptionError`."""
        return with_secrets(self.options, self.kept_secrets())

    def check_rules(self) -> None:
        """Options whose secrets do not decrypt are looked at when the row is compiled."""
        try:
            options: object = self.all_options() if isinstance(self.options, dict) else self.options
        except encryption.EncryptionError:
            options = None
        validation.clean_hook(
            hook_type=self.type,
            options=options,
            plain=self.options,
            models=self.model_names,
            for_some=bool(self.model_names) or not self.all_client_keys,
        )


def with_secrets(options: dict[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the secrets in their places."""
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in options.items()}
    for place, secret in secrets.items():
        name, _, member = place.partition(".")
        if member:
            members = found.setdefault(name, {})
            if isinstance(members, dict):
                members[member] = secret
        else:
            found[name] = secret
    return found
