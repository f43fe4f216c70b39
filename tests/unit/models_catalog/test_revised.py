"""Does every write of a key, an owner or a rule stamp the rows that it changes, and no others?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import serializers
from django.db import transaction

from models_catalog import keys, publish
from models_catalog.compiler import compile_snapshot
from models_catalog.models import AccessGroup, ClientKey, Limit, ModelDefinition, Project, Tenant
from tests.unit.models_catalog.rows import model, provider, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _catalog() -> None:
    model("gpt", [provider()])
    keys.create_client_key("written")
    keys.create_client_key("left alone")
    group = AccessGroup.objects.create(name="group")
    group.models.add(ModelDefinition.objects.get())
    Project.objects.create(tenant=Tenant.objects.create(name="tenant"), name="project")
    stored()


def _key() -> ClientKey:
    return ClientKey.objects.get(name="written")


def _save() -> None:
    _key().save()


def _revoke() -> None:
    keys.revoke_client_key(_key())


def _update() -> None:
    ClientKey.objects.filter(name="written").update(enabled=False)


def _bulk_update() -> None:
    ClientKey.objects.bulk_update([_key()], ["enabled"])


def _upsert() -> None:
    key = _key()
    row = ClientKey(name="written", key_hash=key.key_hash, last_four="abcd")
    ClientKey.objects.bulk_create([row], update_conflicts=True, unique_fields=["key_hash"], update_fields=["last_four"])


def _fixture() -> None:
    text = serializers.serialize("json", [_key()])
    with transaction.atomic():
        for row in serializers.deserialize("json", text):
            row.save()


def _in_a_routing_change() -> None:
    with transaction.atomic():
        ModelDefinition.objects.update(enabled=False)
        _update()


def _after_a_rollback() -> None:
    with transaction.atomic():
        try:
            with transaction.atomic():
                _update()
                raise LookupError
        except LookupError:
            _save()


KEY_WRITES: dict[str, Callable[[], object]] = {
    "save": _save,
    "some_columns": _revoke,
    "update": _update,
    "bulk_update": _bulk_update,
    "upsert": _upsert,
    "fixture": _fixture,
    "m2m_add": lambda: _key().allowed_models.add(ModelDefinition.objects.get()),
    "m2m_set": lambda: _key().allowed_models.set(ModelDefinition.objects.all()),
    "m2m_group": lambda: _key().access_groups.add(AccessGroup.objects.get()),
    "m2m_other_side": lambda: ModelDefinition.objects.get().client_keys.add(_key()),
    "routing_too": _in_a_routing_change,
    "after_a_rollback": _after_a_rollback,
}


@pytest.mark.parametrize("write", KEY_WRITES)
def test_key_when_written_then_it_has_the_version_of_the_write_and_no_other_key_has(write: str) -> None:
    before = publish.current_version()
    KEY_WRITES[write]()
    after = publish.current_version()
    assert after > before
    assert dict(ClientKey.objects.filter(revision__gt=before).values_list("name", "revision")) == {"written": after}


def test_links_when_cleared_from_the_other_side_then_the_keys_that_had_them_are_stamped() -> None:
    _key().allowed_models.add(ModelDefinition.objects.get())
    before = publish.current_version()
    ModelDefinition.objects.get().client_keys.clear()
    assert list(ClientKey.objects.filter(revision__gt=before).values_list("name", flat=True)) == ["written"]


def test_keys_when_made_in_bulk_then_all_are_stamped() -> None:
    before = publish.current_version()
    ClientKey.objects.bulk_create([ClientKey(name=f"k{number}", key_hash=f"{number:064x}") for number in range(20)])
    assert ClientKey.objects.filter(revision=before + 1).count() == 20


OTHERS: dict[str, Callable[[], object]] = {
    "tenant": lambda: Tenant.objects.update(enabled=False),
    "project": lambda: Project.objects.get().save(),
    "models_of_a_project": lambda: Project.objects.get().allowed_models.add(ModelDefinition.objects.get()),
    "models_of_a_group": lambda: AccessGroup.objects.get().models.set([]),
    "rule": lambda: Limit.objects.create(tenant=Tenant.objects.get(), amount=1),
    "rules": lambda: Limit.objects.bulk_create([Limit(tenant=Tenant.objects.get(), amount=1)]),
}


@pytest.mark.parametrize("write", OTHERS)
def test_other_row_when_written_then_it_is_stamped_and_keys_are_not(write: str) -> None:
    before = publish.current_versions()
    OTHERS[write]()
    after = publish.current_versions()
    assert (after.number > before.number, after.routing) == (True, before.routing)
    stamped = [row for table in (AccessGroup, Limit, Project, Tenant) for row in table.objects.filter(revision=after.number)]
    assert len(stamped) == 1
    assert not ClientKey.objects.filter(revision__gt=before.number).exists()


@pytest.mark.parametrize("bulk", [False, True], ids=["row", "rows"])
def test_key_when_deleted_then_the_one_that_replaced_it_keeps_its_limits(bulk: bool) -> None:
    first = _key()
    Limit.objects.create(client_key=first, amount=7)
    second, _ = keys.rotate_client_key(first, timedelta(hours=1))
    _, key = keys.rotate_client_key(second, timedelta(hours=1))
    before = publish.current_version()
    if bulk:
        ClientKey.objects.filter(pk=first.pk).delete()
    else:
        first.delete()
    client = compile_snapshot().clients[bytes.fromhex(keys.hash_key(key))]
    assert ([rule.amount for rule in client.bounds.limits], client.lineage) == ([7], str(second.pk))
    assert ClientKey.objects.filter(revision__gt=before).count() == 2
