"""What do the tests do at the same time to one database? Jobs that run in a process of its environment.

`python -m tests.services.jobs NAME ARGUMENT...` does one job and writes its result as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def start(env: Mapping[str, str], name: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a job in a process of its own."""
    command = [sys.executable, "-m", __name__, name, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> Any:
    """What the job found."""
    written, _ = process.communicate(timeout=60)
    assert process.returncode == 0, written
    return json.loads(written.splitlines()[-1])


def in_threads(count: int, work: Callable[[int], None]) -> list[str]:
    """Runs `work` with the numbers of the threads at the same time; the errors that came up."""
    from django.db import connections

    errors: list[str] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as err:  # noqa: BLE001  whatever fails is the finding
            errors.append(f"{type(err).__name__}: {err}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def write(threads: str, writes: str) -> dict[str, Any]:
    """Threads write two rows in a transaction, half of them in the opposite order, which would be a deadlock."""
    from django.db import transaction

    from models_catalog import publish
    from models_catalog.models import Provider

    def work(number: int) -> None:
        for _ in range(int(writes)):
            with transaction.atomic():
                for name in ("a", "b") if number % 2 else ("b", "a"):
                    Provider.objects.filter(name=name).update(api_base=f"http://host-{number}")

    return {"errors": in_threads(int(threads), work), "version": publish.current_version()}


def compile_while_renaming(renames: str) -> dict[str, Any]:
    """One thread renames two models together, to their version; another compiles and compares what it sees."""
    from django.db import transaction

    from models_catalog import publish
    from models_catalog.compiler import compile_snapshot
    from models_catalog.models import ModelDefinition

    done = threading.Event()
    torn: list[str] = []
    seen: set[int] = set()

    def rename() -> None:
        for _ in range(int(renames)):
            with transaction.atomic():
                publish.mark_changed()
                version = publish.current_version()
                for row in ModelDefinition.objects.order_by("pk"):
                    ModelDefinition.objects.filter(pk=row.pk).update(name=f"{row.name[0]}-{version}")

    def watch() -> None:
        while not done.is_set():
            snapshot = compile_snapshot()
            seen.add(snapshot.version)
            if set(snapshot.models) != {f"a-{snapshot.version}", f"b-{snapshot.version}"} and snapshot.version > 1000:
                torn.append(f"{snapshot.version}: {sorted(snapshot.models)}")

    def work(number: int) -> None:
        if number:
            watch()
        else:
            try:
                rename()
            finally:
                done.set()

    publish._version_model().objects.update(version=1000)  # from here on, names tell the version
    return {"errors": in_threads(2, work), "torn": torn, "seen": len(seen)}


def store(count: str) -> int:
    """Stores so many secrets; how many."""
    from models_catalog.models import Credential
    from providers.types import Secret

    rows = [Credential(name=f"c{number}", secret=Secret(f"secret-{number}")) for number in range(int(count))]
    return len(Credential.objects.bulk_create(rows))


def rotate(batch: str) -> dict[str, Any]:
    """Brings the secrets under the active key; how many from which key, and what was left."""
    from models_catalog.secrets import rotation

    found = rotation.rotate(int(batch))
    return {"moved": found.moved.total(), "failed": found.failed, "locked": found.locked}


def reveal() -> list[str]:
    """The secrets, and the ids of their keys."""
    from models_catalog import credentials
    from models_catalog.models import Credential
    from models_catalog.secrets import encryption

    rows = Credential.objects.order_by("created_at", "name")
    return sorted(f"{encryption.key_id_of(row.secret.stored)} {credentials.reveal(row).reveal()}" for row in rows)


JOBS: dict[str, Callable[..., Any]] = {
    "write": write,
    "compile_while_renaming": compile_while_renaming,
    "store": store,
    "rotate": rotate,
    "reveal": reveal,
}


def main() -> None:
    import django

    django.setup()
    sys.stdout.write(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])) + "\n")


if __name__ == "__main__":
    main()
