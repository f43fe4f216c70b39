"""The public surface as a Django app: the usage rows and their admin page. Last of the apps with rights, it makes the roles."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as registered
from django.db.models.signals import post_migrate


class OpenAIApiConfig(AppConfig):
    name = "openai_api"
    verbose_name = "Traffic"

    def ready(self) -> None:
        post_migrate.connect(after_migrations, sender=self, dispatch_uid="roles")


def after_migrations(using: str, apps: Any = registered, **kwargs: Any) -> None:
    """`flush` tells of itself without `apps`. Not in every process are those whose pages the roles are for."""
    from models_catalog.admin.roles import make_roles

    make_roles(apps, using)
