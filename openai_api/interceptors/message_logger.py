"""Which messages went to and fro? JSON lines with the bodies of requests and answers, credentials replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from openai_api.interceptors.file_options import FileName, check_redaction
from openai_api.observing import redact, told
from openai_api.observing.files import Disk, RotatedFile
from openai_api.observing.transcript import Transcript
from openai_api.observing.whole import answer_value, value_of

SYSTEM_FIELDS = ("system", "instructions", "systemInstruction", "system_instruction")
SYSTEM_ROLES = frozenset({"system", "developer"})
MEBIBYTE = 1024 * 1024
MOST_BUFFERED = 8 * MEBIBYTE


class MessageLogger:
    """Writes the messages of requests and answers to a file, one JSON object a line."""

    name = "message_logger"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        directory: Annotated[str, Meta(min_length=1, description="the folder of the file; it is made with mode 0700")] = (
            "./message_logs"
        )
        filename: Annotated[FileName, Meta(description="the file, mode 0600")] = "message_log.jsonl"
        include_system_prompts: Annotated[
            bool, Meta(description="also what the system said: `system`, `instructions`, and messages of these roles")
        ] = True
        include_metadata: Annotated[bool, Meta(description="also `metadata`: path, method, stream, status, duration")] = True
        buffer_size: Annotated[
            int, Meta(ge=1, le=10_000, description="lines that are written together; after a second they are written anyway")
        ] = 10
        redact_credentials: Annotated[bool, Meta(description="accepted as `true` only: credentials are always replaced")] = True
        max_file_mb: Annotated[int, Meta(ge=1, description="MiB after which the file is put aside as `NAME.1`, and so on")] = 100
        backup_count: Annotated[int, Meta(ge=0, le=1000, description="how many of those are kept")] = 5

        def __post_init__(self) -> None:
            check_redaction("redact_credentials", self.redact_credentials)

    def __init__(self, options: Options) -> None:
        self._options = options
        self._file = RotatedFile(Path(options.directory) / options.filename, options.max_file_mb * MEBIBYTE, options.backup_count)
        self._disk = Disk(self.name)
        self._lines: list[bytes] = []
        self._bytes = 0

    @property
    def dropped(self) -> int:
        """Lines that could not be written."""
        return self._disk.dropped

    def observe(self, transcript: Transcript) -> None:
        for line in self._told(transcript):
            encoded = redact.strings(msgspec.json.encode(line)) + b"\n"
            self._lines.append(encoded)
            self._bytes += len(encoded)
        if len(self._lines) >= self._options.buffer_size or self._bytes > MOST_BUFFERED:
            self._flush()

    def tick(self) -> None:
        self._flush()

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._lines:
            lines, self._lines, self._bytes = self._lines, [], 0
            self._disk.attempt(len(lines), lambda: self._file.append(b"".join(lines)))

    def _told(self, transcript: Transcript) -> list[dict[str, Any]]:
        record = transcript.record
        asked = {"path": record.path, "method": record.method}
        request = self._line(transcript, record.started, "request", {**asked, "is_streaming": record.stream})
        request["request"] = self._request(transcript)
        if transcript.request_cut:
            request["truncated"] = True
        if not told.was_answered(transcript):
            code, message = told.failure_of(transcript)
            error = {"error_type": code, "error_message": message}
            return [request, {**self._line(transcript, transcript.ended, "error", asked), **error}]
        ended = {"status_code": record.status, "duration_ms": told.milliseconds(record.total_s)}
        response = self._line(transcript, transcript.ended, "response", ended)
        response["response"] = answer_value(transcript)
        if transcript.answer_cut:
            response["truncated"] = True
        if transcript.error is not None:
            response |= {"error_type": transcript.error.code or transcript.error.type, "error_message": transcript.error.message}
        return [request, response]

    def _line(self, transcript: Transcript, at: float, direction: str, metadata: dict[str, Any]) -> dict[str, Any]:
        record = transcript.record
        line = {
            "timestamp": told.iso(at),
            "session_id": record.session or None,
            "request_id": record.request_id,
            "direction": direction,
            "model": record.model,
            "provider": told.provider_of(transcript),
        }
        return {**line, "metadata": metadata} if self._options.include_metadata else line

    def _request(self, transcript: Transcript) -> Any:
        value = value_of(transcript.request)
        if self._options.include_system_prompts or not isinstance(value, dict):
            return value
        return {name: _without_system(part) for name, part in value.items() if name not in SYSTEM_FIELDS}


def _without_system(messages: Any) -> Any:
    if not isinstance(messages, list):
        return messages
    return [message for message in messages if not (isinstance(message, dict) and message.get("role") in SYSTEM_ROLES)]
