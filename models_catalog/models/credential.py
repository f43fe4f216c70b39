"""How does the gateway authenticate at a provider?"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.querysets import CatalogManager
from models_catalog.secrets.fields import EncryptedTextField
from providers.types import Secret

SHOWN_CHARACTERS = 4
MIN_LENGTH_TO_SHOW = 12


def shown_characters(secret: Secret) -> str:
    """The last characters of a secret, by which people tell it from others; none of a short one."""
    value = secret.reveal()
    return value[-SHOWN_CHARACTERS:] if len(value) >= MIN_LENGTH_TO_SHOW else ""


class Credential(CatalogModel):
    """How the gateway authenticates at a provider: a secret stored encrypted, or where to find one."""

    class Source(models.TextChoices):
        STORED = "stored", "Stored here, encrypted"
        ENV = "env", "Environment variable"
        PATH = "path", "File"
        PATH_FROM_ENV = "path_from_env", "File named by an environment variable"
        DYNAMIC = "dynamic", "Brought by each request"
        NONE = "none", "None needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.STORED)
    location = models.CharField(
        max_length=1000, blank=True, help_text="Name of the variable, path of the file, or name of the request's credential."
    )
    secret = EncryptedTextField(blank=True, default="", editable=False)
    last_four = models.CharField(max_length=4, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    origin = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="Where it is published, if it is."
    )

    objects = CatalogManager["Credential"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Notes the last characters of a new secret, also of one that was assigned without `set_secret`."""
        if isinstance(self.secret, Secret):
            self.last_four = shown_characters(self.secret)
            if update_fields is not None and "secret" in update_fields:
                update_fields = {*update_fields, "last_four"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def check_rules(self) -> None:
        validation.clean_credential(source=self.source, location=self.location, has_secret=bool(self.secret))

    def set_secret(self, secret: Secret) -> None:
        """Makes this a stored credential with a new secret, to be encrypted when the row is saved."""
        self.source = self.Source.STORED
        self.location = ""
        self.secret = secret
        self.last_four = shown_characters(secret)
