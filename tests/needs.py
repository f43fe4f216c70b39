"""What may a test expect of the machine? What is missing skips it, or fails it where the run has promised it.

`REQUIRE_SERVICES` lists the promises, e.g. `postgres,redis,chromium,nginx,java`; `TEST_POSTGRES_URL` and `TEST_REDIS_URL` say
where the servers are.
"""

from __future__ import annotations

import os
import shutil
import socket
from urllib.parse import urlsplit

import pytest

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


def need(name: str, present: bool, missing: str) -> None:
    """Goes on if `present`; otherwise skips with the reason `missing`, or fails when `name` was promised."""
    if present:
        return
    if name in os.environ.get("REQUIRE_SERVICES", "").split(","):
        pytest.fail(f"{name} is required here: {missing}")
    pytest.skip(missing)


def answers(url: str) -> bool:
    """Whether something listens at the host and port of the URL."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
    except OSError:
        return False
    return True


def postgres_url() -> str:
    """The URL of a PostgreSQL database whose user may create others."""
    need("postgres", answers(POSTGRES_URL), f"no PostgreSQL server at {urlsplit(POSTGRES_URL).netloc} (TEST_POSTGRES_URL)")
    return POSTGRES_URL


def redis_url() -> str:
    """The URL of a Redis database that tests may flush."""
    need("redis", answers(REDIS_URL), f"no Redis server at {urlsplit(REDIS_URL).netloc} (TEST_REDIS_URL)")
    return REDIS_URL


def chromium() -> str:
    """The path of a Chromium or Chrome."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    need("chromium", found is not None, "no chromium on this machine")
    return found or ""


def program(name: str) -> str:
    """The path of `nginx` or `java`."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    need(name, found is not None, f"no {name} on this machine")
    return found or ""
