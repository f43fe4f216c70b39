"""Starts the catalog: writes raise its version, and `manage.py check` looks at its rows."""

from __future__ import annotations

from django.apps import AppConfig


class ModelsCatalogConfig(AppConfig):
    name = "models_catalog"
    verbose_name = "Model catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from models_catalog import publish

        publish.connect_signals()
