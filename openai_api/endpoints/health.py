"""Is the gateway alive, and should it be sent requests? Answers without authentication and without any upstream call."""

from __future__ import annotations

from time import monotonic

import msgspec

from openai_api.context import Gateway, Inbound
from openai_api.pipeline.respond import send_json


async def livez(gateway: Gateway, inbound: Inbound) -> None:
    """200 as long as the event loop turns."""
    await send_json(inbound, b'{"status":"ok"}')


async def readyz(gateway: Gateway, inbound: Inbound) -> None:
    """200 when a catalog is loaded and the server is not shutting down, else 503."""
    checks = {"catalog": gateway.catalog.loaded, "serving": not gateway.state.draining}
    ready = all(checks.values())
    body = {"status": "ok" if ready else "unavailable"} | {name: "ok" if good else "error" for name, good in checks.items()}
    await send_json(inbound, msgspec.json.encode(body), 200 if ready else 503)


async def health(gateway: Gateway, inbound: Inbound) -> None:
    """200 `{"gateway":"ok","catalog":"ok"}`, or 503 with `"catalog":"error"` before the first catalog is loaded."""
    loaded = gateway.catalog.loaded
    body = {"gateway": "ok", "catalog": "ok" if loaded else "error"}
    await send_json(inbound, msgspec.json.encode(body), 200 if loaded else 503)


async def status(gateway: Gateway, inbound: Inbound) -> None:
    """`{"status", "version", "uptime_s", "catalog_version", "models", "problems", "recorder"}`: numbers, no names."""
    catalog = gateway.catalog.current
    body = {
        "status": "draining" if gateway.state.draining else "ok",
        "version": gateway.state.version,
        "uptime_s": round(monotonic() - gateway.state.started, 1),
        "catalog_version": catalog.version,
        "models": sum(1 for _ in catalog.entries()),
        "problems": len(catalog.problems),
        "recorder": gateway.recorder.status(),
    }
    await send_json(inbound, msgspec.json.encode(body))
