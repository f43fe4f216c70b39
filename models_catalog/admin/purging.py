"""How are the cached answers of rows forgotten? By an action of their list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from models_catalog import cache_names
from models_catalog.models import ClientKey, ModelDefinition, Tenant
from models_catalog.purges import purge


def name_of(row: ClientKey | ModelDefinition | Tenant) -> str:
    """Under which name the row's answers are purged."""
    if isinstance(row, ModelDefinition):
        return cache_names.of_model(row.name)
    if isinstance(row, Tenant):
        return cache_names.of_tenant(str(row.pk))
    return cache_names.of_key(str(row.lineage or row.pk))


class PurgingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list of rows with the action."""

    @admin.action(description="Purge cached answers", permissions=["change"])
    def purge_cached(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Forgets what the cache has of the rows, in all workers."""
        purge(map(name_of, rows))
        self.message_user(request, "Cached answers are purged: within a second no worker gives them any more.", messages.SUCCESS)
