"""What do very many client keys cost a worker? First load, memory, and what a change of one key takes from the event loop.

`python -m bench.many_keys [KEYS]` fills an empty database (`DATABASE_URL`, else SQLite in a new directory) and measures in
this process, which has an event loop whose lag is watched as a worker's is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep, thread_time
from typing import Any

DEFAULT_KEYS = 100_000
CHANGES = 20
BEAT_S = 0.0005


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_KEYS
    os.environ.setdefault("GATEWAY_DATA_DIR", tempfile.mkdtemp(prefix="many-keys-"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from models_catalog.models import ClientKey

    call_command("migrate", verbosity=0)
    if not ClientKey.objects.exists():
        fill(count)
    measure()


def fill(count: int) -> None:
    """Keys of a few projects and many people, some with choices of their own."""
    from models_catalog.models import ClientKey, ModelDefinition, Person, Project, Tenant

    tenant = Tenant.objects.create(name="tenant")
    projects = [Project.objects.create(tenant=tenant, name=f"project {number}") for number in range(20)]
    people = Person.objects.bulk_create([Person(tenant=tenant, name=f"person {n}") for n in range(count // 20)], 1000)
    models = [ModelDefinition.objects.create(name=f"m{number}", capabilities=["chat"]) for number in range(20)]
    began = perf_counter()
    for start in range(0, count, 1000):
        keys = ClientKey.objects.bulk_create(
            [
                ClientKey(
                    name=f"key {number}",
                    key_hash=hashlib.sha256(b"%d" % number).hexdigest(),
                    project=projects[number % 20],
                    person=people[number % len(people)],
                    all_models=number % 10 != 0,
                )
                for number in range(start, min(count, start + 1000))
            ]
        )
        through = ClientKey.allowed_models.through
        through.objects.bulk_create(
            [
                through(clientkey_id=key.pk, modeldefinition_id=model.pk)
                for key in keys
                if not key.all_models
                for model in models[:3]
            ]
        )
    print(f"{count} keys written in {perf_counter() - began:.1f} s")


def measure() -> None:
    from models_catalog.compiler import compile_newer, compile_snapshot
    from models_catalog.models import ClientKey, Project, Tenant

    before, began = _resident(), perf_counter()
    snapshot = compile_snapshot()
    print(f"first load: {perf_counter() - began:.2f} s, {_resident() - before:.0f} MiB for {len(snapshot.clients)} keys")
    loop = Loop()
    pks = list(ClientKey.objects.values_list("pk", flat=True)[: 2 * CHANGES])
    changes: dict[str, Callable[[int], Any]] = {
        "nothing": lambda number: None,
        "a key changed": lambda number: ClientKey.objects.filter(pk=pks[number]).update(name=f"changed {number}"),
        "a key revoked": lambda number: ClientKey.objects.filter(pk=pks[number]).update(enabled=False),
        "a key deleted": lambda number: ClientKey.objects.filter(pk=pks[CHANGES + number]).delete(),
        "a project changed": lambda number: Project.objects.filter(name=f"project {number % 20}").update(
            name=f"project {number % 20}"
        ),
        "a tenant switched": lambda number: Tenant.objects.update(enabled=bool(number % 2)),
    }
    for name, change in changes.items():
        times, cpu, lags = [], [], []
        for number in range(CHANGES if "deleted" not in name else 10):
            change(number)
            loop.reset()
            began, used = perf_counter(), thread_time()
            if name != "nothing":
                snapshot = compile_newer(snapshot)
            else:
                sleep(0.05)
            times.append(perf_counter() - began)
            cpu.append(thread_time() - used)
            lags.append(loop.worst)
        print(f"{name:20} refresh {_ms(times)}  of which interpreter {_ms(cpu)}  longest lag of the loop {_ms(lags)}")


def _ms(values: list[float]) -> str:
    ordered = sorted(values)
    return f"p50 {ordered[len(ordered) // 2] * 1000:.1f} max {ordered[-1] * 1000:.1f} ms"


class Loop:
    """An event loop in a thread of its own that notes how late it wakes."""

    def __init__(self) -> None:
        self.worst = 0.0
        threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True).start()

    def reset(self) -> None:
        self.worst = 0.0

    async def _watch(self) -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(BEAT_S)
            self.worst = max(self.worst, perf_counter() - began - BEAT_S)


def _resident() -> float:
    """MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
