"""Is a catalog that is brought up to date the same as one that is read anew, whatever was written in between?"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from models_catalog import keys
from models_catalog.compiler import compile_newer, compile_snapshot
from models_catalog.models import (
    AccessGroup,
    Budget,
    ClientKey,
    Limit,
    ModelDefinition,
    Person,
    Project,
    Tenant,
)
from models_catalog.snapshot import CatalogSnapshot
from tests.unit.models_catalog.rows import model, provider

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = 25


@pytest.fixture(autouse=True)
def _catalog() -> None:
    upstream = provider(kind="dummy")
    for name in ("a", "b", "c", "d-*"):
        model(name, [upstream])
    for number in range(2):
        tenant = Tenant.objects.create(name=f"tenant {number}")
        Person.objects.create(tenant=tenant, name="person")
        project = Project.objects.create(tenant=tenant, name="project", aliases={"alias": "a"}, all_models=bool(number))
        project.allowed_models.set(ModelDefinition.objects.filter(name__in=["a", "d-*"]))
    AccessGroup.objects.create(name="group")
    for number in range(8):
        keys.create_client_key(f"key {number}")


def _one(rows: type, dice: random.Random) -> object:
    found = list(rows.objects.order_by("pk"))  # type: ignore[attr-defined]
    return dice.choice(found) if found else None


def _key(dice: random.Random) -> ClientKey:
    return _one(ClientKey, dice) or keys.create_client_key("another")[0]  # type: ignore[return-value]


def _save(dice: random.Random) -> None:
    key = _key(dice)
    key.aliases = dice.choice([{}, {"mine": "b"}, {"alias": "c"}])
    key.all_models, key.enabled = dice.random() < 0.5, dice.random() < 0.8
    key.allowed_networks = dice.choice([[], ["10.0.0.0/8"]])
    key.labels = dice.choice([{}, {"team": "x"}])
    key.project, key.person = _one(Project, dice), _one(Person, dice)  # type: ignore[assignment]
    key.expires_at = dice.choice([None, timezone.now()])
    key.save()


def _damage(dice: random.Random) -> None:
    ClientKey.objects.filter(pk=_key(dice).pk).update(key_hash=f"damaged {dice.random()}")


def _past_the_orm(dice: random.Random) -> None:
    """A key that is deleted without a trace, as by a restored table, and another write that tells of a change."""
    with connection.cursor() as cursor:
        for table in ("limit", "budget", "clientkey_allowed_models", "clientkey_access_groups"):
            column = "client_key_id" if table in ("limit", "budget") else "clientkey_id"
            cursor.execute(f"DELETE FROM models_catalog_{table} WHERE {column} = %s", [_key_id(dice)])
        cursor.execute("DELETE FROM models_catalog_clientkey WHERE id = %s", [_key_id(dice)])
    keys.create_client_key("after")


def _key_id(dice: random.Random) -> Any:
    pk = ClientKey.objects.order_by("pk").values_list("pk", flat=True)[0]
    return pk.hex if connection.vendor == "sqlite" else pk


def _rule(dice: random.Random) -> None:
    if dice.random() < 0.5:
        Limit.objects.create(client_key=_key(dice), amount=dice.randint(1, 9))
    else:
        Budget.objects.create(model=_one(ModelDefinition, dice), amount=dice.randint(1, 9))  # type: ignore[misc]


def _wrong_rule(dice: random.Random) -> None:
    Limit.objects.bulk_create([Limit(tenant=_one(Tenant, dice), project=_one(Project, dice), amount=1)])  # type: ignore[misc]


WRITES: tuple[Callable[[random.Random], object], ...] = (
    _save,
    _save,
    _save,
    _damage,
    _past_the_orm,
    _rule,
    _rule,
    _wrong_rule,
    lambda dice: Limit.objects.filter(client_key=_key(dice)).delete(),
    lambda dice: Budget.objects.update(enabled=dice.random() < 0.5),
    lambda dice: Limit.objects.filter(amount=1).update(enabled=False),
    lambda dice: keys.create_client_key("new", models=list(ModelDefinition.objects.filter(name="b"))),
    lambda dice: keys.revoke_client_key(_key(dice)),
    lambda dice: _key(dice).delete(),
    lambda dice: _key(dice).allowed_models.set(dice.sample(list(ModelDefinition.objects.all()), 2)),
    lambda dice: _key(dice).access_groups.set(AccessGroup.objects.all()),
    lambda dice: AccessGroup.objects.get().models.set(dice.sample(list(ModelDefinition.objects.all()), 1)),
    lambda dice: Project.objects.order_by("pk")[0].allowed_models.clear(),
    lambda dice: Project.objects.update(enabled=dice.random() < 0.8),
    lambda dice: Tenant.objects.filter(name="tenant 1").update(enabled=dice.random() < 0.8),
    lambda dice: Person.objects.update(name=f"person {dice.random()}"),
    lambda dice: ModelDefinition.objects.filter(name__startswith="c").update(name=f"c{dice.randint(0, 9)}"),
    lambda dice: ModelDefinition.objects.filter(name="b").delete(),
)


def _seen(snapshot: CatalogSnapshot) -> tuple[object, ...]:
    clients = dict(snapshot.clients.items())
    assert all(snapshot.client(client.id) == client for client in clients.values())
    return clients, set(snapshot.problems), dict(snapshot.model_bounds), snapshot.version


@pytest.mark.parametrize("seed", range(4))
def test_catalog_when_brought_up_to_date_then_it_is_the_same_as_one_read_anew(seed: int) -> None:
    dice = random.Random(seed)
    snapshot = compile_snapshot()
    for _ in range(STEPS):
        with transaction.atomic():
            for write in dice.sample(WRITES, dice.randint(1, 2)):
                write(dice)
        snapshot = compile_newer(snapshot)
        assert _seen(snapshot) == _seen(compile_snapshot())


def test_clients_when_one_key_changes_then_those_of_the_others_stay_the_same_objects() -> None:
    row, _ = keys.create_client_key("changed")
    before = compile_snapshot()
    known = {digest: before.clients[digest] for digest in before.clients}
    row.name = "other"
    row.save()
    after = compile_newer(before)
    changed = [client.name for digest, client in known.items() if after.clients[digest] is not client]
    assert changed == ["changed"]
    assert bytes.fromhex(row.key_hash) in before.clients, "a snapshot stays as it is"
