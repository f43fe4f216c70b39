"""How is the gateway extended without touching it? Docs/hooks.md explains these names, with an example of each kind."""

from openai_api.hooks.answer import HookAnswer
from openai_api.hooks.context import Credentials, HookContext
from openai_api.hooks.event import StreamEvent
from openai_api.hooks.kinds import (
    AuthenticationHook,
    ErrorHook,
    EventSink,
    Grant,
    Observer,
    Refusal,
    RequestHook,
    StreamingHook,
)
from openai_api.hooks.request import HookRequest
from openai_api.observing.session_event import EventName, Level, SessionEvent
from openai_api.observing.transcript import Transcript

__all__ = [
    "AuthenticationHook",
    "Credentials",
    "ErrorHook",
    "EventName",
    "EventSink",
    "Grant",
    "HookAnswer",
    "HookContext",
    "HookRequest",
    "Level",
    "Observer",
    "Refusal",
    "RequestHook",
    "SessionEvent",
    "StreamEvent",
    "StreamingHook",
    "Transcript",
]
