"""How do session events get to Cylestio's platform, or to another collector of its format? One POST an event, from a thread.

Facts of the format: `POST {api_url}/v1/telemetry` with the event as JSON and `Authorization: Bearer TOKEN`; 200 or 201 is good;
429, 502, 503 and 504 are worth another try. The platform takes tokens that Descope gives for an access key
(`POST /v1/auth/accesskey/exchange` with `Authorization: Bearer PROJECT:KEY`; the answer has `sessionJwt`, a JWT with `exp`). A
collector of one's own gets the access key itself, which goes to nobody else.
"""

from __future__ import annotations

import binascii
import logging
import os
import platform
import threading
from base64 import urlsafe_b64decode
from collections import deque
from collections.abc import Sequence
from functools import cache
from secrets import randbelow
from time import time
from typing import Annotated, Any

import httpx
import msgspec
from msgspec import Meta

from openai_api.hooks import SessionEvent
from openai_api.observing import redact
from providers.types import Secret

log = logging.getLogger("gateway.cylestio_trace")
PLATFORM = "https://api.cylestio.com"
EXCHANGE = "https://api.descope.com/v1/auth/accesskey/exchange"
PROJECT = "P2zF0Fh3eZsfOBM2cqh03EPfa6G4"
"""Cylestio's project at Descope, which is public."""
KEY_VARIABLE = "CYLESTIO_ACCESS_KEY"
BATCH = 10
BATCH_S = 0.1
TRIES = 3
AGAIN = frozenset({429, 502, 503, 504})
REFUSED = frozenset({401, 403})
MOST_EVENTS = 10_000
MOST_BYTES = 32 * 1024 * 1024
EARLY_S = 30.0
"""A token is not used in its last seconds."""
UNKNOWN_LIFE_S = 300.0
PATIENCE_S = 3.0
"""How long the end waits for events that are not sent."""
LONGEST_PAUSE_S = 30.0


class Rejected(Exception):
    """The collector does not take it, or there is no token: another try would not help."""


class Failed(Exception):
    """Another try may help."""


class CylestioTrace:
    """Sends session events to Cylestio's platform, or to a collector of its format."""

    name = "cylestio_trace"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        api_url: Annotated[
            str, Meta(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", description="the collector; `/v1/telemetry` is added")
        ] = PLATFORM
        access_key: Annotated[
            Secret | None, Meta(description="the access key, or `env::NAME`; without it that in `CYLESTIO_ACCESS_KEY`")
        ] = None
        timeout: Annotated[float, Meta(gt=0, le=300, description="seconds for each request")] = 10
        auth_url: Annotated[
            Annotated[str, Meta(pattern=r"^(https?://\S+)?$")] | None,
            Meta(
                description="where the access key is exchanged for a token, as at Descope; empty: the key itself is sent. "
                "By default that of Cylestio for Cylestio's platform, and empty for other collectors",
            ),
        ] = None
        project_id: Annotated[str, Meta(description="the project that is told to `auth_url`")] = PROJECT

        def __post_init__(self) -> None:
            if not self.key():
                raise ValueError(f"access_key is needed, or the environment variable {KEY_VARIABLE}")

        def key(self) -> Secret:
            return self.access_key or Secret(os.environ.get(KEY_VARIABLE, ""))

    def __init__(self, options: Options) -> None:
        self._sender = Sender(options)
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._some = threading.Condition()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._complained = False
        self.dropped = 0
        """Events that found no room, or that the collector did not take."""

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        told = [_encoded(event) for event in events]
        with self._some:
            for event in told:
                if len(self._waiting) >= MOST_EVENTS or self._bytes + len(event) > MOST_BYTES:
                    self._lose("no room: the collector is slower than events come")
                else:
                    self._waiting.append(event)
                    self._bytes += len(event)
            self._some.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Sends what waits, for three seconds at most."""
        self._ending.set()
        with self._some:
            self._some.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)

    def _work(self) -> None:
        with httpx.Client(timeout=self._sender.timeout, headers={"user-agent": "signalbox"}) as client:
            while (batch := self._next()) is not None:
                for event in batch:
                    self._send(client, event)
                self._ending.wait(BATCH_S if not self._ending.is_set() else 0)

    def _next(self) -> list[bytes] | None:
        """Up to ten events; None when all is sent and it ends."""
        with self._some:
            while not self._waiting:
                if self._ending.is_set():
                    return None
                self._some.wait(1)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._bytes -= sum(map(len, batch))
        return batch

    def _send(self, client: httpx.Client, event: bytes) -> None:
        reason = ""
        for number in range(TRIES):
            try:
                self._sender.send(client, event)
            except Rejected as error:
                return self._lose(str(error))
            except Failed as error:
                reason = str(error)
            else:
                self._complained = False
                return None
            if number + 1 < TRIES:
                self._ending.wait(_pause_s(number))
        return self._lose(f"{reason}, {TRIES} times")

    def _lose(self, reason: str) -> None:
        self.dropped += 1
        if not self._complained:
            self._complained = True
            log.error("events are lost: the collector did not take them", extra={"reason": reason})


class Sender:
    """Sends one event. Used by one thread."""

    def __init__(self, options: CylestioTrace.Options) -> None:
        ours = options.api_url.rstrip("/") == PLATFORM
        self.timeout = options.timeout
        self._url = f"{options.api_url.rstrip('/')}/v1/telemetry"
        self._key = options.key()
        self._auth_url = (EXCHANGE if ours else "") if options.auth_url is None else options.auth_url
        self._project = options.project_id
        self._token: Secret | None = None
        self._good_until = 0.0

    def send(self, client: httpx.Client, event: bytes) -> None:
        """Raises `Rejected` and `Failed`."""
        token = self._token_now(client)
        headers = {"authorization": f"Bearer {token.reveal()}", "content-type": "application/json"}
        status = _post(client, self._url, headers, event).status_code
        if status in REFUSED:
            self._token = None  # a new one for the next event
            raise Failed(f"the collector answered {status}") if self._auth_url else Rejected(f"the collector answered {status}")
        if status in AGAIN:
            raise Failed(f"the collector answered {status}")
        if not 200 <= status < 300:
            raise Rejected(f"the collector answered {status}")

    def _token_now(self, client: httpx.Client) -> Secret:
        if not self._auth_url:
            return self._key
        if self._token is None or time() > self._good_until - EARLY_S:
            self._token, self._good_until = self._exchanged(client)
        return self._token

    def _exchanged(self, client: httpx.Client) -> tuple[Secret, float]:
        headers = {"authorization": f"Bearer {self._project}:{self._key.reveal()}", "content-type": "application/json"}
        answer = _post(client, self._auth_url, headers, b"{}")
        if answer.status_code in AGAIN:
            raise Failed(f"the exchange of the access key answered {answer.status_code}")
        try:
            token = msgspec.json.decode(answer.content, type=Exchanged).token
        except (msgspec.MsgspecError, UnicodeDecodeError):
            token = ""
        if answer.status_code != 200 or not token:
            raise Rejected(f"the access key was not exchanged for a token: {answer.status_code}")
        return Secret(token), _expiry_of(token)


class Exchanged(msgspec.Struct, rename={"token": "sessionJwt"}):
    token: str = ""


def _post(client: httpx.Client, url: str, headers: dict[str, str], content: bytes) -> httpx.Response:
    """Raises `Failed`; redirects are not followed."""
    try:
        return client.post(url, headers=headers, content=content)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Failed(f"{type(error).__name__}") from None


def _pause_s(number: int) -> float:
    """One second, then two, and up to a third more, so that several senders do not come together."""
    return min(2.0**number * (1 + randbelow(300) / 1000), LONGEST_PAUSE_S)


def _expiry_of(token: str) -> float:
    """When a JWT expires, in seconds since the epoch. Whether it is genuine is for the collector to judge."""
    try:
        claims = token.split(".")[1]
        expiry = msgspec.json.decode(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=dict[str, Any])["exp"]
        return float(expiry)
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error, msgspec.MsgspecError):
        return time() + UNKNOWN_LIFE_S


def _encoded(event: SessionEvent) -> bytes:
    line = event.line()
    return redact.strings(msgspec.json.encode({**line, "attributes": {**machine(), **line["attributes"]}}))


@cache
def machine() -> dict[str, str]:
    """What the format wants to know of where it runs."""
    return {
        "os.type": os.uname().sysname,
        "os.version": os.uname().release,
        "env.python.version": platform.python_version(),
        "env.machine.type": platform.machine(),
        "host.name": platform.node(),
    }
