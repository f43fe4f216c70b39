"""Starts the catalog: writes raise its version, and `manage.py check` looks at its rows."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.db.models import signals


class ModelsCatalogConfig(AppConfig):
    name = "models_catalog"
    verbose_name = "Model catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from models_catalog import checks

        self.connect_signals()
        for check, tags in checks.CHECKS:
            register(check, *tags)

    def connect_signals(self) -> None:
        """Makes every single-row write of a row that is compiled raise the version."""
        from models_catalog.models import CatalogModel
        from models_catalog.publish import Part, client_key_written, row_written

        receivers = {Part.ROUTING: row_written, Part.CLIENT_KEYS: client_key_written}
        for model in self.get_models():
            if not issubclass(model, CatalogModel):
                continue
            receiver = receivers[model.part]
            for signal in (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete):
                signal.connect(receiver, sender=model, dispatch_uid=f"catalog-version-{model.__name__}")
            for field in model._meta.many_to_many:
                through = field.remote_field.through
                signals.m2m_changed.connect(receiver, sender=through, dispatch_uid=f"catalog-version-{field}")
