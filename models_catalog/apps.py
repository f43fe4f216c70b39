"""Starts the catalog: writes raise its version, and `manage.py check` looks at its rows."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class ModelsCatalogConfig(AppConfig):
    name = "models_catalog"
    verbose_name = "Model catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from models_catalog import checks, publish

        publish.connect_signals()
        for check, tags in checks.CHECKS:
            register(check, *tags)
