"""Which rows do two tenants have? One of every kind each; all names of the second one's have a word that must not be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from models_catalog import keys
from models_catalog.models import (
    AuditEntry,
    Budget,
    ClientKey,
    Hook,
    KeyRequest,
    Limit,
    ModelDefinition,
    Person,
    Project,
    Tenant,
)
from openai_api.database.management_tokens import create_token
from openai_api.models import JobRow, LedgerEntry, SessionRow, StoredResponseRow, UsageRecord

OWN, FOREIGN = "Acme", "Zubrowka"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3650)


@dataclass
class Rows:
    """What belongs to one tenant, by model."""

    word: str
    rows: dict[type[Model], Any] = field(default_factory=dict)

    def add(self, row: Model) -> Any:
        self.rows[type(row)] = row
        return row

    def __getitem__(self, model: type[Model]) -> Any:
        return self.rows[model]


def rows_of(word: str, model: ModelDefinition) -> Rows:
    """A tenant with one row of each kind, and an account that operates it."""
    made = Rows(word)
    tenant = made.add(Tenant.objects.create(name=f"{word} Ltd"))
    user = made.add(User.objects.create_user(f"{word.lower()}-operator", is_staff=True))
    tenant.operators.add(user)
    project = made.add(Project.objects.create(tenant=tenant, name=f"{word} project"))
    account = User.objects.create_user(f"{word.lower()}-person", email=f"{word}@example.com")
    person = made.add(Person.objects.create(tenant=tenant, name=f"{word} person", user=account))
    person.projects.add(project)
    key = keys.create_client_key(f"{word} key")[0]
    key.project, key.person = project, person
    key.save()
    made.add(key)
    made.add(Limit.objects.create(client_key=key, amount=7))
    budget = made.add(Budget.objects.create(person=person, amount=7, alert_email=f"alerts@{word.lower()}.example"))
    made.add(
        KeyRequest.objects.create(person=person, client_key=key, wanted="model", model_name=model.name, reason=f"{word} needs it")
    )
    made.add(create_token(f"{word} token", ["keys:read"], tenant=tenant)[0])
    hook = made.add(Hook.objects.create(name=f"{word} hook", type="printer", all_client_keys=False))
    hook.client_keys.add(key)
    entry_of: Any = {"at": NOW, "kind": "adjust", "counter": str(budget.pk), "period": "2026-11", "unit": "usd", "amount": 1}
    made.add(LedgerEntry.objects.create(id=f"{word}-entry", budget=str(budget.pk), reason=f"{word} reason", **entry_of))
    times: Any = {"created_at": NOW, "expires_at": LATER}
    owner = str(key.pk)
    made.add(
        StoredResponseRow.objects.create(id=f"resp_{word}", owner=owner, model=f"{word} model", items=b"", body=b"", **times)
    )
    made.add(JobRow.objects.create(id=f"job_{word}", kind=f"{word} work", owner=owner, state="running", **times))
    session = {"session_id": f"{word} session", "client_id": owner, "client_name": key.name, "agent": f"{word} agent"}
    made.add(SessionRow.objects.create(**session, tenant=tenant.name, trace="0" * 32, started_at=NOW, last_at=NOW))
    request: Any = {"request_id": f"{word}-request", "method": "POST", "path": "/v1/x", "status": 200}
    named = {"client_id": owner, "client_name": key.name, "tenant": tenant.name, "project": project.name, "person": person.name}
    made.add(UsageRecord.objects.create(**request, **named, started_at=NOW, upstream_ms=1, total_ms=1))
    made.add(entry(user, key))
    made.add(AuditEntry.objects.filter(object_id=str(key.pk))[0])
    return made


def entry(user: User, row: Model) -> LogEntry:
    """What the history says of a row."""
    of: Any = ContentType.objects.get_for_model(type(row))
    said = {"object_repr": str(row), "action_flag": CHANGE, "change_message": "Revoked."}
    return LogEntry.objects.create(user=user, content_type=of, object_id=str(row.pk), **said)


def damaged(tenant: Tenant) -> ClientKey:
    """A key that the overview complains of."""
    project = Project.objects.get(tenant=tenant)
    return ClientKey.objects.create(name=f"{tenant.name} damaged", key_hash=f"damaged {tenant.name}", project=project)


def with_role(user: User, *roles: str) -> User:
    user.groups.set(Group.objects.filter(name__in=roles))
    return user
