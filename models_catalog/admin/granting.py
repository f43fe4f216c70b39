"""What happens when a request for more is approved? The limit, the budget or the models of its key or person are changed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from models_catalog.models import Budget, ClientKey, KeyRequest, Limit, ModelDefinition, Project

Wanted = KeyRequest.Wanted
LIMITS = frozenset({"models_catalog.add_limit", "models_catalog.change_limit"})
NEEDED: Mapping[str, tuple[frozenset[str], ...]] = MappingProxyType(
    {
        Wanted.MODEL: (frozenset({"models_catalog.change_clientkey"}), frozenset({"models_catalog.change_accessgroup"})),
        Wanted.REQUESTS: (LIMITS,),
        Wanted.TOKENS: (LIMITS,),
        Wanted.CONCURRENT: (LIMITS,),
        Wanted.BUDGET: (frozenset({"models_catalog.add_budget", "models_catalog.change_budget"}),),
        Wanted.OTHER: (frozenset(),),
    }
)
"""The rights that who approves must have: all of one of these sets. Nobody can grant what he could not do himself."""
Change = tuple[Model, str, bool]
"""A row that was changed, what the history says of it, and whether it is new."""


class CannotGrant(Exception):
    """The request cannot be granted as it is; the text says why."""


def may_grant(user: Any, row: KeyRequest) -> bool:
    return any(user.has_perms(rights) for rights in NEEDED[row.wanted])


def decide(request_id: Any, user: Any, answer: str, *, approve: bool) -> tuple[KeyRequest, list[Change]]:
    """Approves or declines a request that is open. Raises `CannotGrant`, and then nothing has changed."""
    with transaction.atomic():
        row = KeyRequest.objects.select_for_update(of=("self",)).select_related("person", "client_key").get(pk=request_id)
        if row.state != KeyRequest.State.OPEN:
            raise CannotGrant(f"It has been {row.get_state_display().lower()} already.")
        changes = _grant(row) if approve else []
        row.state = KeyRequest.State.APPROVED if approve else KeyRequest.State.DECLINED
        row.answer, row.decided_by, row.decided_at = answer, user, timezone.now()
        row.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    return row, changes


def _grant(row: KeyRequest) -> list[Change]:
    key = row.client_key
    if key is not None and key.revoked_at is not None:
        raise CannotGrant("The key has been revoked.")
    try:
        if row.wanted == Wanted.MODEL:
            return _add_model(row)
        if row.counts:
            at_once = row.wanted == Wanted.CONCURRENT
            return _raise_limits(row, {"counted": row.wanted, **({} if at_once else {"per": row.per})})
        return _raise_budgets(row) if row.wanted == Wanted.BUDGET else []
    except ValidationError as error:
        raise CannotGrant(" ".join(error.messages)) from error


def _add_model(row: KeyRequest) -> list[Change]:
    key, model = row.client_key, ModelDefinition.objects.filter(name=row.model_name).first()
    if key is None:
        raise CannotGrant("It does not say for which key.")
    if model is None:
        raise CannotGrant(f"There is no model {row.model_name!r}.")
    project = key.project
    if project is not None and not _has(project, model.pk):
        raise CannotGrant(f"The project {project.name} may not use {model.name}. Allow it there first.")
    if _has(key, model.pk):
        return []
    key.allowed_models.add(model)
    return [(key, f"Added the model {model.name}, as requested.", False)]


def _has(row: ClientKey | Project, model: Any) -> bool:
    if row.all_models or row.allowed_models.filter(pk=model).exists():
        return True
    return row.access_groups.filter(models=model).exists()


def _subject(row: KeyRequest) -> dict[str, Any]:
    """The columns that say whose rule it is. Keys that have replaced each other are counted together, as the first of them."""
    if row.client_key is None:
        return {"person": row.person}
    return {"client_key_id": row.client_key.lineage or row.client_key.pk}


def _raise_limits(row: KeyRequest, kind: dict[str, Any]) -> list[Change]:
    amount = int(row.amount or 0)
    found = list(Limit.objects.filter(enabled=True, each="", **kind, **_subject(row)))
    new = [] if found else [Limit(**kind, **_subject(row))]
    return [_set(rule, amount, rule in new) for rule in (*found, *new)]


def _raise_budgets(row: KeyRequest) -> list[Change]:
    kind = {"unit": Budget.Unit.USD, "period": row.period}
    found = list(Budget.objects.filter(enabled=True, each="", **kind, **_subject(row)))
    new = [] if found else [Budget(**kind, **_subject(row))]
    return [_set(rule, row.amount, rule in new) for rule in (*found, *new)]


def _set(rule: Limit | Budget, amount: Any, new: bool) -> Change:
    before = "" if new else f" It was {rule}."
    rule.amount = amount
    rule.full_clean()
    rule.save()
    return rule, f"Set to {rule}, as requested.{before}", new
