"""Where do session events go? To the sinks that the settings name; built where the recorder runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.conf import settings

from gateway_project.opentelemetry import otlp_sink
from openai_api.database.session_rows import SessionSink
from openai_api.hooks import EventSink
from openai_api.observing.fold import Bodies, Fold
from openai_api.observing.fold.memory import Kept
from openai_api.observing.sinks.jsonl import JsonlSink
from openai_api.observing.sinks.null import NullSink

FOLDER = "events"
"""In the data directory: the files of events, and what is remembered of sessions."""
MEMORY = "sessions.state"


def build_fold() -> Fold:
    """What makes events of exchanges, for the sinks and for observers that want some. For the latter alone it remembers nothing
    beyond its own end."""
    kept = Kept(settings.GATEWAY_DATA_DIR / FOLDER / MEMORY) if settings.GATEWAY_EVENTS else None
    return Fold(Bodies(settings.GATEWAY_EVENTS_BODIES), settings.GATEWAY_SESSION_IDLE_S, kept)


def event_sinks() -> list[tuple[str, EventSink]]:
    """The sinks of `GATEWAY_EVENTS` under their names, in its order."""
    return [(name, SINKS[name]()) for name in settings.GATEWAY_EVENTS if name in SINKS]


def _database() -> EventSink:
    return SessionSink(settings.GATEWAY_EVENTS_DAYS, settings.GATEWAY_SESSION_IDLE_S)


def _jsonl() -> EventSink:
    return JsonlSink(settings.GATEWAY_DATA_DIR / FOLDER, settings.GATEWAY_EVENTS_DAYS)


SINKS: Mapping[str, Callable[[], EventSink]] = MappingProxyType(
    {"database": _database, "jsonl": _jsonl, "otlp": otlp_sink, "null": NullSink}
)
