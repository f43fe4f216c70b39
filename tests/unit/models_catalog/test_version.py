"""Does every write of the catalog raise its version, in its own transaction and once?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core import serializers
from django.db import IntegrityError, transaction
from django.utils import timezone

from models_catalog import keys, publish
from models_catalog.models import CatalogVersion, ClientKey, Credential, Fallback, ModelDefinition, Provider, Route, RouteCheck
from tests.unit.models_catalog.rows import fall_back, migrate, model, provider, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _catalog() -> None:
    upstream = provider()
    row = model("gpt", [upstream])
    fall_back(row, model("other"))
    keys.create_client_key("app")
    stored()


@pytest.fixture
def announced() -> Iterator[list[int]]:
    """The versions that were in the database when a commit was announced in this process."""
    versions: list[int] = []

    def note() -> None:
        versions.append(publish.current_version())

    publish.add_refresh_callback(note)
    yield versions
    publish.remove_refresh_callback(note)


def _save(row: object) -> None:
    row.save()  # type: ignore[attr-defined]


def _clear(row: ClientKey) -> None:
    row.allowed_models.clear()


def _reload() -> None:
    text = serializers.serialize("json", Provider.objects.all())
    with transaction.atomic():
        for row in serializers.deserialize("json", text):
            row.save()


WRITES: dict[str, Callable[[], object]] = {
    "create": lambda: provider("new"),
    "save": lambda: _save(Provider.objects.get()),
    "save of a route": lambda: _save(Route.objects.get()),
    "save of a fallback": lambda: _save(Fallback.objects.get()),
    "save of a credential": lambda: _save(Credential.objects.get()),
    "deserialized save": _reload,
    "delete of a row": lambda: Route.objects.get().delete(),
    "delete with cascade": lambda: ModelDefinition.objects.get(name="gpt").delete(),
    "queryset update": lambda: Provider.objects.update(enabled=False),
    "queryset delete": lambda: Route.objects.all().delete(),
    "filtered update": lambda: ModelDefinition.objects.filter(name="gpt").update(enabled=False),
    "related update": lambda: ModelDefinition.objects.get(name="gpt").routes.update(position=3),
    "related create": lambda: ModelDefinition.objects.get(name="other").routes.create(provider=Provider.objects.get()),
    "related delete": lambda: ModelDefinition.objects.get(name="gpt").routes.all().delete(),
    "update_or_create": lambda: Provider.objects.update_or_create(name="openai", defaults={"enabled": False}),
    "bulk_create": lambda: Provider.objects.bulk_create([Provider(name="a", type="openai"), Provider(name="b", type="openai")]),
    "bulk_update": lambda: Provider.objects.bulk_update(Provider.objects.all(), ["enabled"]),
    "m2m add": lambda: ClientKey.objects.get().allowed_models.add(ModelDefinition.objects.get(name="gpt")),
    "m2m set": lambda: ClientKey.objects.get().allowed_models.set(ModelDefinition.objects.all()),
    "m2m clear": lambda: _clear(ClientKey.objects.get()),
    "m2m from the other side": lambda: ModelDefinition.objects.get(name="gpt").client_keys.add(ClientKey.objects.get()),
}


@pytest.mark.parametrize("write", WRITES)
def test_write_when_committed_then_version_is_one_higher_and_announced_once(write: str, announced: list[int]) -> None:
    before = publish.current_version()
    WRITES[write]()
    assert publish.current_version() == before + 1
    assert announced == [before + 1]


CLIENT_KEY_WRITES: dict[str, Callable[[], object]] = {
    "m2m add": WRITES["m2m add"],
    "m2m set": WRITES["m2m set"],
    "m2m clear": WRITES["m2m clear"],
    "m2m from the other side": WRITES["m2m from the other side"],
    "key made": lambda: keys.create_client_key("other"),
    "key made for some models": lambda: keys.create_client_key("other", models=ModelDefinition.objects.all()),
    "key saved": lambda: _save(ClientKey.objects.get()),
    "key revoked": lambda: keys.revoke_client_key(ClientKey.objects.get()),
    "key deleted": lambda: ClientKey.objects.get().delete(),
    "keys updated": lambda: ClientKey.objects.update(enabled=False),
    "keys deleted": lambda: ClientKey.objects.all().delete(),
    "keys changed in bulk": lambda: ClientKey.objects.bulk_update(ClientKey.objects.all(), ["enabled"]),
}


@pytest.mark.parametrize("write", CLIENT_KEY_WRITES)
def test_write_when_of_client_keys_alone_then_the_version_of_the_routing_stays(write: str, announced: list[int]) -> None:
    before = publish.current_versions()
    CLIENT_KEY_WRITES[write]()
    after = publish.current_versions()
    assert (after.number, after.routing) == (before.number + 1, before.routing)
    assert announced == [after.number]


@pytest.mark.parametrize("write", sorted(WRITES.keys() - CLIENT_KEY_WRITES.keys()))
def test_write_when_of_anything_else_then_the_version_of_the_routing_is_one_higher(write: str) -> None:
    before = publish.current_versions()
    WRITES[write]()
    after = publish.current_versions()
    assert (after.routing, after.client_keys) == (before.routing + 1, before.client_keys)


def test_write_when_a_client_key_comes_first_then_the_routing_is_raised_as_well(announced: list[int]) -> None:
    before = publish.current_versions()
    with transaction.atomic():
        keys.create_client_key("other")
        provider("new")
        keys.create_client_key("another")
    after = publish.current_versions()
    assert (after.routing, after.client_keys) == (before.routing + 1, before.client_keys + 1)
    assert set(announced) == {after.number}


@pytest.mark.parametrize("write", CLIENT_KEY_WRITES)
def test_write_when_of_client_keys_and_rolled_back_then_nothing_is_raised(write: str, announced: list[int]) -> None:
    before = publish.current_versions()
    with transaction.atomic():
        CLIENT_KEY_WRITES[write]()
        transaction.set_rollback(True)
    assert publish.current_versions() == before
    assert announced == []


@pytest.mark.parametrize("write", WRITES)
def test_write_when_rolled_back_then_nothing_is_raised_or_announced(write: str, announced: list[int]) -> None:
    before = publish.current_version()
    with transaction.atomic():
        WRITES[write]()
        assert publish.current_version() == before + 1
        transaction.set_rollback(True)
    assert publish.current_version() == before
    assert announced == []


def test_write_when_many_in_one_transaction_then_raises_once(announced: list[int]) -> None:
    before = publish.current_version()
    with transaction.atomic():
        for write in ("create", "queryset update", "m2m set"):
            WRITES[write]()
    assert announced == [before + 1]


def test_write_when_savepoint_was_rolled_back_before_then_later_write_still_raises(announced: list[int]) -> None:
    before = publish.current_version()
    with transaction.atomic():
        with transaction.atomic():
            Provider.objects.update(enabled=False)
            transaction.set_rollback(True)
        Provider.objects.update(enabled=False)
    assert publish.current_version() == before + 1
    assert announced == [before + 1]


def test_write_when_it_fails_then_version_stays(announced: list[int]) -> None:
    before = publish.current_version()
    with pytest.raises(IntegrityError):
        provider("openai")
    assert publish.current_version() == before
    assert announced == []


def test_read_when_done_then_version_stays(announced: list[int]) -> None:
    before = publish.current_version()
    list(ModelDefinition.objects.prefetch_related("routes", "fallbacks"))
    Provider.objects.get_or_create(name="openai")
    assert publish.current_version() == before
    assert announced == []


def test_outcome_of_a_test_call_when_stored_then_version_stays(announced: list[int]) -> None:
    before = publish.current_version()
    row = RouteCheck.objects.create(route=Route.objects.get(), capability="chat", outcome="ok", tested_at=timezone.now())
    row.save()
    RouteCheck.objects.all().delete()
    assert publish.current_version() == before
    assert announced == []


def test_version_when_its_row_is_missing_then_starts_again() -> None:
    CatalogVersion.objects.all().delete()
    assert publish.current_version() == 0
    provider("new")
    assert publish.current_version() == 1


def test_version_when_an_older_database_is_migrated_then_stays_and_counts_for_the_routing() -> None:
    before = publish.current_version()
    try:
        migrate("0003_encrypted_headers")
    finally:
        migrate()
    assert publish.current_versions() == publish.Version(before, client_keys=0)
    keys.create_client_key("other")
    assert publish.current_versions() == publish.Version(before + 1, client_keys=1)


def test_write_when_model_save_is_bypassed_outside_a_transaction_then_announcement_comes_after_it() -> None:
    text = serializers.serialize("json", Provider.objects.all())
    Provider.objects.update(enabled=False)
    states: list[bool] = []

    def note() -> None:
        states.append(Provider.objects.get().enabled)

    publish.add_refresh_callback(note)
    try:
        for row in serializers.deserialize("json", text):
            row.save()
    finally:
        publish.remove_refresh_callback(note)
    assert states[-1] is True


def test_announcement_when_a_callback_fails_then_write_is_kept() -> None:
    def fail() -> None:
        raise RuntimeError

    publish.add_refresh_callback(fail)
    try:
        provider("new")
    finally:
        publish.remove_refresh_callback(fail)
    assert Provider.objects.filter(name="new").exists()


def test_announcement_when_transaction_is_open_then_waits_for_the_commit(announced: list[int]) -> None:
    with transaction.atomic():
        provider("new")
        assert announced == []
    assert len(announced) == 1
