"""What did clients and the gateway say to each other? Files to be read, replayed and served, as docs/recordings.md has them."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from openai_api.interceptors.file_options import check_redaction
from openai_api.observing import redact, told
from openai_api.observing.files import Disk, NumberedFiles
from openai_api.observing.json_text import is_json
from openai_api.observing.redact_stream import framing_of, stream
from openai_api.observing.transcript import Transcript

PREFIX = "recording"
MEBIBYTE = 1024 * 1024
LINES = 2
"""Of an exchange: its request, and how it ended."""


class HttpRecorder:
    """Records requests and answers with their bodies, to be read and replayed."""

    name = "http_recorder"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        output_dir: Annotated[str, Meta(min_length=1, description="the folder of the recording; it is made with mode 0700")] = (
            "./http_recordings"
        )
        max_events_per_file: Annotated[int, Meta(ge=2, description="lines of a file, of which an exchange has two")] = 100
        include_headers: Annotated[bool, Meta(description="also headers, without those that carry credentials")] = True
        include_timing: Annotated[
            bool, Meta(description="also `start_time`, `end_time`, `first_byte_ms`, and when each piece of a stream was sent")
        ] = True
        max_body_size_mb: Annotated[int, Meta(ge=0, description="MiB; a longer body is left out, and the line says so")] = 100
        redact_sensitive_headers: Annotated[bool, Meta(description="accepted as `true` only: credentials are never recorded")] = (
            True
        )

        def __post_init__(self) -> None:
            check_redaction("redact_sensitive_headers", self.redact_sensitive_headers)

    def __init__(self, options: Options) -> None:
        self._options = options
        self._files = NumberedFiles(Path(options.output_dir), PREFIX, options.max_events_per_file)
        self._disk = Disk(self.name)

    @property
    def dropped(self) -> int:
        """Exchanges that could not be written."""
        return self._disk.dropped

    def observe(self, transcript: Transcript) -> None:
        ended = self._response(transcript) if told.was_answered(transcript) else self._error(transcript)
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in (self._request(transcript), ended))
        self._disk.attempt(1, lambda: self._files.append(data, LINES))

    def _request(self, transcript: Transcript) -> dict[str, Any]:
        record = transcript.record
        line = {
            "type": "request",
            "timestamp": told.iso(record.started),
            "request_id": record.request_id,
            "method": record.method,
            "url": redact.url(transcript.url),
            "path": redact.text(record.path),
            "query": redact.query(transcript.query) if transcript.query else None,
            "headers": redact.headers(transcript.request_headers) if self._options.include_headers else {},
            "body": self._body(transcript.request, transcript.request_cut, record.body_bytes),
            "session_id": record.session or None,
            "provider": told.provider_of(transcript),
            "model": record.model,
            "is_streaming": record.stream,
            "wire": transcript.wire,
            "dialect": transcript.dialect,
        }
        return {**line, "start_time": record.started} if self._options.include_timing else line

    def _response(self, transcript: Transcript) -> dict[str, Any]:
        record, error = transcript.record, transcript.error
        line = {
            **self._begun(transcript, "response"),
            "status_code": record.status,
            "headers": self._answer_headers(transcript) if self._options.include_headers else {},
            "content_type": transcript.content_type,
            **self._answer(transcript),
            "is_streaming": transcript.streamed,
            "duration_ms": told.milliseconds(record.total_s),
            "complete": transcript.complete,
            "error": None if error is None else {"type": error.type, "code": error.code, "message": redact.text(error.message)},
        }
        if self._options.include_timing:
            first = record.first_byte_s
            line |= {"end_time": transcript.ended, "first_byte_ms": None if first is None else told.milliseconds(first)}
        return line

    def _answer_headers(self, transcript: Transcript) -> dict[str, str]:
        """The headers, with those two that are written last."""
        written = {"content-type": transcript.content_type, "x-request-id": transcript.record.request_id}
        return {name: value for name, value in written.items() if value} | redact.headers(transcript.answer_headers)

    def _error(self, transcript: Transcript) -> dict[str, Any]:
        record = transcript.record
        code, message = told.failure_of(transcript)
        return {
            **self._begun(transcript, "error"),
            "error_type": code,
            "error_message": redact.text(message),
            "method": record.method,
            "path": redact.text(record.path),
            "duration_ms": told.milliseconds(record.total_s),
        }

    def _begun(self, transcript: Transcript, kind: str) -> dict[str, Any]:
        record = transcript.record
        return {
            "type": kind,
            "timestamp": told.iso(transcript.ended),
            "request_id": record.request_id,
            "session_id": record.session or None,
        }

    def _answer(self, transcript: Transcript) -> dict[str, Any]:
        """The body, and of a stream with known times its pieces."""
        framing = framing_of(transcript.content_type) if transcript.streamed else None
        if framing is None or self._too_long(transcript.answer, transcript.answer_cut):
            return {"body": self._body(transcript.answer, transcript.answer_cut)}
        made = stream(transcript.answer, framing)
        body = _text(made.body, len(transcript.answer), made.redacted)
        if not (self._options.include_timing and transcript.pieces):
            return {"body": body}
        return {"body": body, "frames": [[round(moment, 3), size] for moment, size in made.pieces(transcript.pieces)]}

    def _body(self, body: bytes, cut: bool, size: int = 0) -> dict[str, Any]:
        if self._too_long(body, cut):
            told_size = len(body) or size
            return {"size": told_size, "type": "text", "content": "The body is too long, and was left out.", "truncated": True}
        if not is_json(body):
            made = redact.raw_text(body) if _is_text(body) else body
            return _text(made, len(body), made is not body)
        made = redact.strings(body)
        return _json(made, len(body), made is not body)

    def _too_long(self, body: bytes, cut: bool) -> bool:
        return cut or len(body) > self._options.max_body_size_mb * MEBIBYTE


def _json(body: bytes, size: int, redacted: bool) -> dict[str, Any]:
    """JSON stands in the line byte for byte, which must stay one line. Line breaks are only between values: those in strings are
    escaped."""
    bare = body.strip(b" \t\r\n").replace(b"\n", b"").replace(b"\r", b"")
    made: dict[str, Any] = {"size": size, "type": "json", "content": msgspec.Raw(bare)}
    if bare != body:
        made["exact"] = body.decode()
    return {**made, "redacted": True} if redacted else made


def _text(body: bytes, size: int, redacted: bool) -> dict[str, Any]:
    if not body:
        return {"size": size, "content": None}
    try:
        made: dict[str, Any] = {"size": size, "type": "text", "content": body.decode()}
    except UnicodeDecodeError:
        made = {"size": size, "type": "binary", "content": b64encode(body).decode()}
    return {**made, "redacted": True} if redacted else made


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
