"""Django's `check`, which here looks at the rows of the catalog, too."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import check

from models_catalog.checks import rows_included


class Command(check.Command):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        with rows_included():
            super().handle(*app_labels, **options)
