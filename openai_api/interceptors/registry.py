"""Which name has each interceptor? The place of its class, which is imported when it is configured."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INTERCEPTORS: Mapping[str, str] = MappingProxyType(
    {
        "cylestio_trace": "openai_api.interceptors.cylestio_trace:CylestioTrace",
        "event_recorder": "openai_api.interceptors.event_recorder:EventRecorder",
        "guard": "openai_api.interceptors.guard.guard:Guard",
        "http_recorder": "openai_api.interceptors.http_recorder:HttpRecorder",
        "message_logger": "openai_api.interceptors.message_logger:MessageLogger",
        "printer": "openai_api.interceptors.printer:Printer",
        "prompt_decorator": "openai_api.interceptors.prompt_decorator:PromptDecorator",
        "session_tagger": "openai_api.interceptors.session_tagger:SessionTagger",
        "tracer": "openai_api.interceptors.tracer:Tracer",
        "webhook": "openai_api.interceptors.webhook:Webhook",
    }
)
"""Name → `module:Class`. Packages offer more under the entry point group `signalbox.hooks`."""
