"""What does a publication of very many client keys cost its reader? The first load, a comparison, one change, and memory.

`python -m bench.published_keys [KEYS]` publishes keys of three models each in a Redis of its own and reads them into an empty
database (`DATABASE_URL`, else SQLite in a new directory).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter, process_time, sleep

import redis

DEFAULT_KEYS = 100_000
CHANGES = 10
PORT = 6399
MODELS = 3


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_KEYS
    directory = tempfile.mkdtemp(prefix="published-keys-")
    os.environ.setdefault("GATEWAY_DATA_DIR", directory)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    events = ["--notify-keyspace-events", "Kg$hx"]
    command = ["redis-server", "--port", str(PORT), "--bind", "127.0.0.1", "--save", "", "--dir", directory, *events]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        measure(publish(count), count)
    finally:
        server.kill()
        server.wait()


def publish(count: int) -> redis.Redis:
    """Keys by their hashes, and one in ten by its own text."""
    client = redis.Redis(port=PORT)
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            sleep(0.05)
    for start in range(0, count, 1000):
        with client.pipeline(transaction=False) as pipeline:
            for number in range(start, min(count, start + 1000)):
                pipeline.set(*published(number), ex=86400)
            pipeline.execute()
    return client


def published(number: int) -> tuple[str, str]:
    """The Redis key of a client key, and its value."""
    key = f"bud_client_{number:032d}"
    models = {
        f"model-{n}": {"endpoint_id": f"e-{n}", "model_id": f"m-{n}", "project_id": f"p-{number % 50}"} for n in range(MODELS)
    }
    if number % 10 == 0:
        return f"api_key:{key}", json.dumps({key: models})
    told = {"api_key_id": f"id-{number}", "user_id": f"user-{number % 5000}", "api_key_project_id": f"p-{number % 50}"}
    name = hashlib.sha256(b"bud-" + key.encode()).hexdigest()
    return f"api_key:{name}", json.dumps({**models, "__metadata__": told})


def measure(client: redis.Redis, count: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from models_catalog.models import ClientKey, Publication
    from models_catalog.publication.reader import PublicationReader

    call_command("migrate", verbosity=0)

    def load(what: str) -> tuple[PublicationReader, threading.Thread]:
        Publication.objects.update(read_at=None)
        reader = PublicationReader(f"redis://127.0.0.1:{PORT}/0")
        began, used, before = perf_counter(), process_time(), _resident()
        thread = threading.Thread(target=reader.run, daemon=True)
        thread.start()
        while not Publication.objects.filter(read_at__isnull=False).exists():
            sleep(0.02)
        took, cpu = perf_counter() - began, process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{what}: {took:.2f} s, of which processor {cpu:.2f} s; {before:.0f} -> {_resident():.0f} MiB, peak {peak:.0f}")
        return reader, thread

    print(f"load average {os.getloadavg()[0]:.1f}")
    reader, thread = load(f"first load of {count} keys")
    assert ClientKey.objects.count() == count, ClientKey.objects.count()
    reader.stop()
    thread.join()
    reader, thread = load("comparison that finds nothing")
    times = []
    for number in range(CHANGES):
        name, value = published(count + number)
        began = perf_counter()
        client.set(name, value)
        while ClientKey.objects.count() != count + number + 1:
            sleep(0.005)
        times.append(perf_counter() - began)
    print(f"a key more: {' '.join(f'{time * 1000:.0f}' for time in sorted(times))} ms")
    reader.stop()
    thread.join()
    print(f"load average {os.getloadavg()[0]:.1f}")


def _resident() -> float:
    """MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
