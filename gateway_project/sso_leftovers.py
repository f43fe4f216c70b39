"""What is left of an account when single sign-on and second factors are switched off, or their extra is gone? Unused rows.

Their tables still refer to the account: it could not be deleted if they were not deleted with it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.db.models.signals import pre_delete

TABLES = frozenset({"mfa_authenticator", "socialaccount_socialaccount", "account_emailaddress"})


def connect() -> None:
    """While the extra is in force, Django deletes these rows by itself."""
    if not settings.GATEWAY_SSO:
        pre_delete.connect(_delete_rows, sender=User, dispatch_uid="sso-leftovers")


def _delete_rows(sender: object, instance: User, using: str, **kwargs: Any) -> None:
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in TABLES.intersection(connection.introspection.table_names(cursor)):
            cursor.execute(f"DELETE FROM {table} WHERE user_id = %s", [instance.pk])  # noqa: S608 - one of TABLES
