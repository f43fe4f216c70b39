"""Which requests, sessions, responses and jobs does an account see? Those of its tenants, as `tenancy` says."""

from __future__ import annotations

from django.db.models import Q

from models_catalog.admin.tenancy import SCOPES, Reach, belongs, ids_as_texts, keys_within
from models_catalog.models import Budget
from openai_api.models import JobRow, LedgerEntry, SessionRow, StoredResponseRow, UsageRecord


@belongs(UsageRecord)
@belongs(SessionRow)
def _of_names(reach: Reach) -> Q:
    """Rows keep the name that the tenant had."""
    return Q(tenant__in=reach.names)


@belongs(StoredResponseRow)
@belongs(JobRow)
def _of_keys(reach: Reach) -> Q:
    return Q(owner__in=ids_as_texts(keys_within(reach)))


@belongs(LedgerEntry)
def _of_budgets(reach: Reach) -> Q:
    return Q(budget__in=ids_as_texts(Budget.objects.filter(SCOPES[Budget](reach))))
