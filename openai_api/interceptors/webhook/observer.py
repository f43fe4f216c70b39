"""Who writes the messages? An observer, where records are kept; it hands them to the outbox a few times a second."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic

from openai_api.errors import StoreUnavailable
from openai_api.interceptors.webhook import message, options, outbox
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript

log = logging.getLogger("gateway.webhooks")
LISTING = "GET"
"""Lists of models, stored responses: nothing is asked of a model."""
FLUSH_S = 0.25
FLUSH_MESSAGES = 200
MOST_BYTES = 32 * 1024 * 1024
"""What may wait in memory while the outbox is away. Further messages are dropped."""
TELL_S = 60.0
"""How often the log says that messages are dropped."""


class Webhook:
    """Tells another program of requests and session events: signed messages to an address, sent again until they are taken."""

    name = "webhook"
    fail_open = True
    Options = options.Options

    def __init__(self, given: options.Options) -> None:
        self._options = given
        self._events = frozenset(given.events)
        self._outbox = outbox.outbox()
        self._waiting: list[outbox.Message] = []
        self._bytes = 0
        self._flushed = 0.0
        self._dropped = 0
        self._told = -TELL_S

    def observe(self, transcript: Transcript) -> None:
        if transcript.record.method != LISTING and message.kind_of(transcript) in self._events:
            owner = transcript.record.client_id or ""
            self._take(owner, transcript.ended, message.of_exchange(transcript, self._options))

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        for event in events:
            if event.name in self._events:
                self._take(event.client_id, event.at, message.of_event(event, self._options))

    def tick(self) -> None:
        self._flush()
        self._tell()

    def close(self) -> None:
        self._flush()
        self._dropped += len(self._waiting)
        self._told = -TELL_S
        self._tell()

    def _take(self, owner: str, at: float, body: bytes) -> None:
        if self._bytes + len(body) > MOST_BYTES:
            self._dropped += 1
            return
        self._bytes += len(body)
        self._waiting.append(outbox.new_message(self._options, owner, at, body))
        if len(self._waiting) >= FLUSH_MESSAGES or monotonic() - self._flushed >= FLUSH_S:
            self._flush()

    def _flush(self) -> None:
        self._flushed = monotonic()
        if not self._waiting:
            return
        try:
            kept = self._outbox.put(self._waiting, self._options.max_pending)
        except StoreUnavailable:
            return  # they stay in memory
        self._dropped += len(self._waiting) - kept
        self._waiting, self._bytes = [], 0

    def _tell(self) -> None:
        if self._dropped and monotonic() - self._told >= TELL_S:
            log.warning("webhook messages were dropped: too many wait", extra={"messages": self._dropped})
            self._told, self._dropped = monotonic(), 0
