"""What do files and lists of exchanges say alike: times, who answered, how it failed?"""

from __future__ import annotations

from datetime import UTC, datetime

from openai_api.observing.transcript import Transcript

CLIENT_CLOSED = "client_closed_request"


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def provider_of(transcript: Transcript) -> str | None:
    """Who answered, or was asked last."""
    record = transcript.record
    return (record.attempts[-1].provider if record.attempts else record.provider) or None


def was_answered(transcript: Transcript) -> bool:
    """Whether the client was sent anything."""
    return bool(transcript.answer_headers or transcript.answer or transcript.answer_cut or transcript.error)


def failure_of(transcript: Transcript) -> tuple[str, str]:
    """The code and the message of an exchange without an answer."""
    if transcript.error is not None:
        return transcript.error.code or transcript.error.type, transcript.error.message
    code = CLIENT_CLOSED if transcript.record.client_aborted else transcript.record.error or "no_answer"
    return code, "The client left before there was an answer." if code == CLIENT_CLOSED else "The request had no answer."
