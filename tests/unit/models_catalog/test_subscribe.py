"""Does the live catalog follow the database, from the own process at once and from others within a second?"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import pytest
from django.db import connection, connections, transaction
from pytest_django import DjangoAssertNumQueries

from models_catalog import keys, publish
from models_catalog.live import LiveCatalog
from models_catalog.models import ClientKey, Credential, ModelDefinition, Provider
from models_catalog.snapshot import CatalogSnapshot
from models_catalog.subscribe import CatalogRefresher
from tests.unit.models_catalog.rows import model, provider

pytestmark = pytest.mark.django_db(transaction=True)

NEVER_S = 60.0
WITHIN_S = 1.0
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def _catalog() -> None:
    model("gpt", [provider(kind="dummy")])


def work(function: Callable[[], Result]) -> Result:
    """Runs in a thread of the admin: with a connection of its own, closed afterwards."""
    try:
        return function()
    finally:
        connections.close_all()


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rename_elsewhere(name: str) -> None:
    """What another process does, without a hint."""
    with transaction.atomic():
        execute(
            "UPDATE models_catalog_catalogversion SET version = version + 1",
            f"UPDATE models_catalog_modeldefinition SET name = '{name}'",
        )


def revoke_elsewhere() -> None:
    """As above, of a client key: only the versions of the keys move."""
    with transaction.atomic():
        execute(
            "UPDATE models_catalog_catalogversion SET version = version + 1, client_keys = client_keys + 1",
            "UPDATE models_catalog_clientkey SET enabled = false",
        )


@asynccontextmanager
async def broken_table() -> AsyncIterator[None]:
    """The catalog cannot be compiled inside."""
    away = "ALTER TABLE models_catalog_route RENAME TO models_catalog_route_away"
    back = "ALTER TABLE models_catalog_route_away RENAME TO models_catalog_route"
    await asyncio.to_thread(work, lambda: execute(away))
    try:
        yield
    finally:
        await asyncio.to_thread(work, lambda: execute(back))


@asynccontextmanager
async def following(live: LiveCatalog, poll_interval_s: float = NEVER_S) -> AsyncIterator[CatalogRefresher]:
    refresher = CatalogRefresher(live, poll_interval_s=poll_interval_s)
    await refresher.start()
    try:
        yield refresher
    finally:
        await refresher.stop()


def serves(live: LiveCatalog, name: str) -> bool:
    return set(live.current.models) == {name}


async def until(condition: Callable[[], bool]) -> float:
    """Waits for the condition; the seconds that it took."""
    start = time.monotonic()
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the live catalog is polled as a request would
            await asyncio.sleep(0.005)
    return time.monotonic() - start


async def test_start_when_database_is_there_then_catalog_is_loaded_at_once() -> None:
    live = LiveCatalog()
    async with following(live):
        assert live.loaded
        assert set(live.current.models) == {"gpt"}


async def test_edit_when_in_the_same_process_then_next_read_has_it() -> None:
    live = LiveCatalog()

    def edit(name: str) -> set[str]:
        row = ModelDefinition.objects.get()
        row.name = name
        row.save()
        return set(live.current.models)

    async with following(live):
        for name in ("one", "two", "three"):
            assert await asyncio.to_thread(work, partial(edit, name)) == {name}
            assert live.current.version == await asyncio.to_thread(work, publish.current_version)


async def test_edit_when_rolled_back_then_nothing_changes() -> None:
    live = LiveCatalog()

    def edit() -> None:
        with transaction.atomic():
            ModelDefinition.objects.update(name="never")
            transaction.set_rollback(True)

    async with following(live):
        before = live.current
        await asyncio.to_thread(work, edit)
        assert live.current is before


async def test_edit_when_made_elsewhere_without_a_hint_then_is_seen_within_a_second() -> None:
    live = LiveCatalog()
    refresher = CatalogRefresher(live)
    await refresher.start()
    try:
        for name in ("one", "two"):
            await asyncio.to_thread(work, partial(rename_elsewhere, name))
            assert await until(partial(serves, live, name)) < WITHIN_S
    finally:
        await refresher.stop()


def adapters(snapshot: CatalogSnapshot) -> dict[str, object]:
    """The adapter of each target, by the name of its circuit."""
    return {circuit: target.adapter for circuit, target in snapshot.targets().items()}


def revoke(key: ClientKey) -> None:
    keys.revoke_client_key(key)


async def test_key_when_made_and_revoked_then_targets_and_adapters_stay_the_same_objects() -> None:
    live = LiveCatalog()
    async with following(live):
        before = live.current
        row, key = await asyncio.to_thread(work, partial(keys.create_client_key, "app"))
        digest = bytes.fromhex(keys.hash_key(key))
        assert live.current.clients[digest].name == "app"
        assert live.current.version == before.version + 1
        assert live.current.models is before.models
        assert live.current.wildcards is before.wildcards
        await asyncio.to_thread(work, partial(revoke, row))
        assert digest not in live.current.clients
        assert live.current.models is before.models
        await asyncio.to_thread(work, lambda: Provider.objects.update(options={}))
        assert adapters(live.current).keys() == adapters(before).keys()
        assert all(adapter is not adapters(before)[circuit] for circuit, adapter in adapters(live.current).items())


async def test_key_when_revoked_elsewhere_without_a_hint_then_is_refused_within_a_second() -> None:
    live = LiveCatalog()
    _, key = await asyncio.to_thread(work, partial(keys.create_client_key, "app"))
    digest = bytes.fromhex(keys.hash_key(key))
    refresher = CatalogRefresher(live)
    await refresher.start()
    try:
        before = live.current
        assert digest in before.clients
        await asyncio.to_thread(work, revoke_elsewhere)
        assert await until(lambda: digest not in live.current.clients) < WITHIN_S
        assert live.current.models is before.models
    finally:
        await refresher.stop()


async def test_key_when_its_model_is_renamed_then_it_may_use_the_new_name() -> None:
    live = LiveCatalog()

    def restricted() -> bytes:
        _, key = keys.create_client_key("app", models=ModelDefinition.objects.all())
        return bytes.fromhex(keys.hash_key(key))

    async with following(live):
        digest = await asyncio.to_thread(work, restricted)
        assert live.current.clients[digest].models == frozenset({"gpt"})
        await asyncio.to_thread(work, lambda: ModelDefinition.objects.update(name="later"))
        assert live.current.clients[digest].models == frozenset({"later"})


def test_refresh_when_only_keys_are_new_then_reads_no_routing_and_keeps_its_problems(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    live = LiveCatalog()
    refresher = CatalogRefresher(live)
    Credential.objects.create(name="c", source="env", location="CATALOG_TEST_ABSENT").providers.add(provider("other"))
    for name in ("bad", "good"):
        keys.create_client_key(name)
    ClientKey.objects.filter(name="bad").update(key_hash="not hex")
    refresher.refresh()
    assert [problem.where for problem in live.current.problems] == ["credential c", "provider other", "client key bad"]
    ClientKey.objects.filter(name="bad").delete()
    with django_assert_num_queries(
        7
    ):  # the version twice, the publication, the tables' status, the hashes, and the bounds of the transaction
        assert refresher.refresh()
    assert [problem.where for problem in live.current.problems] == ["credential c", "provider other"]
    assert [client.name for client in live.current.clients.values()] == ["good"]


async def test_stop_when_done_then_nothing_of_it_is_left() -> None:
    live = LiveCatalog()
    async with following(live, 0.01):
        assert "catalog-refresher" in {thread.name for thread in threading.enumerate()}
    before = live.current
    assert "catalog-refresher" not in {thread.name for thread in threading.enumerate()}
    await asyncio.to_thread(work, lambda: ModelDefinition.objects.update(name="later"))
    assert live.current is before


async def test_start_when_repeated_then_refuses_and_after_stop_starts_again() -> None:
    live = LiveCatalog()
    refresher = CatalogRefresher(live)
    await refresher.stop()
    await refresher.start()
    with pytest.raises(RuntimeError, match="already started"):
        await refresher.start()
    await refresher.stop()
    await asyncio.to_thread(work, lambda: ModelDefinition.objects.update(name="later"))
    await refresher.start()
    assert set(live.current.models) == {"later"}
    await refresher.stop()


async def test_refresh_when_compiling_fails_then_last_catalog_stays_and_one_line_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = LiveCatalog()
    async with following(live, 0.02):
        async with broken_table():
            await asyncio.to_thread(work, lambda: execute("UPDATE models_catalog_catalogversion SET version = version + 1"))
            await asyncio.sleep(0.3)
            assert set(live.current.models) == {"gpt"}
        await until(lambda: "catalog refresh recovered" in caplog.text)
        await asyncio.to_thread(work, partial(rename_elsewhere, "later"))
        await until(partial(serves, live, "later"))
    assert caplog.text.count("catalog refresh failed") == 1
    assert caplog.text.count("catalog refresh recovered") == 1


async def test_start_when_first_load_fails_then_it_is_tried_again() -> None:
    live = LiveCatalog()
    async with broken_table():
        refresher = CatalogRefresher(live, poll_interval_s=0.02)
        await refresher.start()
        assert not live.loaded
    await until(lambda: live.loaded)
    await refresher.stop()
    assert set(live.current.models) == {"gpt"}


def test_refresh_when_nothing_is_new_then_asks_for_the_version_only(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    refresher = CatalogRefresher(LiveCatalog())
    assert refresher.refresh()
    with django_assert_num_queries(1):
        assert not refresher.refresh()


def test_refresh_when_called_from_many_threads_during_writes_then_newest_version_wins() -> None:
    live = LiveCatalog()
    refresher = CatalogRefresher(live)
    versions: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            refresher.refresh()
            versions.append(live.current.version)

    def write() -> None:
        for _ in range(10):
            Provider.objects.create(name=str(uuid.uuid4()), type="dummy")

    watchers = [threading.Thread(target=work, args=[watch]) for _ in range(2)]
    writers = [threading.Thread(target=work, args=[write]) for _ in range(3)]
    for thread in (*watchers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in watchers:
        thread.join()
    refresher.refresh()
    assert live.current.version == publish.current_version() == 33
    assert versions == sorted(versions)


def test_refresh_when_a_row_stays_broken_then_its_problem_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    live = LiveCatalog()
    refresher = CatalogRefresher(live)
    Credential.objects.create(name="c", source="env", location="CATALOG_TEST_ABSENT").providers.add(provider("other"))
    for name in ("one", "two"):
        ModelDefinition.objects.update(name=name)
        assert refresher.refresh()
    assert caplog.text.count("CATALOG_TEST_ABSENT") == 1
    assert len(live.current.problems) == 2


def test_swap_when_snapshot_is_older_then_newer_one_stays() -> None:
    live = LiveCatalog()
    live.swap(CatalogSnapshot(version=0))
    assert live.loaded
    for version in (2, 1, 2, 3):
        live.swap(CatalogSnapshot(version=version))
        assert live.current.version == max(version, 2)
