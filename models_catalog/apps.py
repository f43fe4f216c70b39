"""Starts the catalog: writes raise its version, and `manage.py check` looks at its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models import signals
from django.utils import timezone


class ModelsCatalogConfig(AppConfig):
    name = "models_catalog"
    verbose_name = "Model catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from models_catalog import checks
        from models_catalog.publication.checks import check_publication

        self.connect_signals()
        self.watch_rows()
        for check, tags in checks.CHECKS:
            register(check, *tags)
        register(check_publication, checks.CATALOG)

    def connect_signals(self) -> None:
        """Makes every single-row write of a row that is compiled raise the version."""
        from models_catalog.models import CatalogModel
        from models_catalog.models.revised import RevisedModel, link_written, raw_row_written
        from models_catalog.publish import Part, client_key_written, row_written

        receivers = {Part.ROUTING: row_written, Part.CLIENT_KEYS: client_key_written}
        for model in self.get_models():
            if not issubclass(model, CatalogModel):
                continue
            receiver = receivers[model.part]
            for signal in (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete):
                signal.connect(receiver, sender=model, dispatch_uid=f"catalog-version-{model.__name__}")
            linked: Callable[..., None] = receiver
            if issubclass(model, RevisedModel):
                linked = link_written
                signals.pre_save.connect(raw_row_written, sender=model, dispatch_uid=f"catalog-revision-{model.__name__}")
            for field in model._meta.many_to_many:
                through = field.remote_field.through
                signals.m2m_changed.connect(linked, sender=through, dispatch_uid=f"catalog-version-{field}")

    def watch_rows(self) -> None:
        """Makes every change of what people edit an entry of the audit log."""
        from django.contrib.auth.models import Group, User

        from models_catalog.audit.capture import watch
        from models_catalog.models import CatalogModel, ChangeSet, KeyRequest, ManagementToken

        watch(*(model for model in self.get_models() if issubclass(model, CatalogModel)))
        watch(KeyRequest, ChangeSet, ManagementToken, User, Group)
        signals.pre_delete.connect(revoke_tokens_of, sender=User, dispatch_uid="tokens-of-deleted-accounts")


def revoke_tokens_of(instance: Any, **kwargs: Any) -> None:
    """A token may no more than its maker: one that has lost him may nothing."""
    from models_catalog.models import ManagementToken

    ManagementToken.objects.filter(created_by=instance, revoked_at=None).update(revoked_at=timezone.now())
