"""How is one request of OTLP sent, and what does its answer mean? The specification's part "OTLP/HTTP"."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import NamedTuple

import httpx

from openai_api.observing.otlp.config import OtlpConfig, headers_of

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which a client sends the same again."""
MOST_ANSWERED = 64 * 1024
LONGEST_WAIT_S = 3600.0


class Answered(NamedTuple):
    """`taken`; or `again` says whether it may be sent again, `retry_after` in how many seconds. `rejected` are the items that a
    collector did not take of those that it took."""

    taken: bool
    again: bool = False
    reason: str = ""
    retry_after: float | None = None
    rejected: int = 0


class Post:
    """Sends the requests of one signal, by one thread. `rejected_in` reads how many items an answer says were not taken."""

    def __init__(self, config: OtlpConfig, signal: str, rejected_in: Callable[[bytes], int]) -> None:
        self._url = config.address(signal)
        self._compressed = config.compressed
        self._timeout_s = config.timeout_s
        self._rejected_in = rejected_in
        self._headers = {
            "content-type": "application/x-protobuf",
            "accept-encoding": "identity",
            "user-agent": f"signalbox/{config.version or '0'}",
            **dict(headers_of(config.headers)),
        }
        if self._compressed:
            self._headers["content-encoding"] = "gzip"
        self._client: httpx.Client | None = None

    def send(self, data: bytes) -> Answered:
        """Never raises for what a collector does."""
        content = gzip.compress(data, 5) if self._compressed else data
        try:
            with self._connected().stream("POST", self._url, content=content, headers=self._headers) as response:
                return self._read(response)
        except (httpx.HTTPError, httpx.StreamError) as error:
            return Answered(taken=False, again=True, reason=type(error).__name__)
        except (httpx.InvalidURL, UnicodeError) as error:
            return Answered(taken=False, reason=type(error).__name__)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _connected(self) -> httpx.Client:
        if self._client is None:
            context = ssl.create_default_context()
            self._client = httpx.Client(timeout=self._timeout_s, trust_env=False, verify=context, follow_redirects=False)
        return self._client

    def _read(self, response: httpx.Response) -> Answered:
        status = response.status_code
        body, deadline = b"", monotonic() + self._timeout_s
        for piece in response.iter_raw():
            body += piece
            if len(body) > MOST_ANSWERED or monotonic() > deadline:
                break
        if 200 <= status < 300:
            return Answered(taken=True, rejected=self._rejected_in(body))
        wait = retry_after(response.headers.get("retry-after", ""))
        return Answered(taken=False, again=status in AGAIN, reason=f"status {status}", retry_after=wait)


def retry_after(value: str) -> float | None:
    """Seconds that a header says, as a number or a date; None if it says none."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT_S)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - time(), 0.0), LONGEST_WAIT_S) if value else None
    except (ValueError, OverflowError):
        return None
