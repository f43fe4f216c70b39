"""How did a request fail, in one word of a bounded list? OpenTelemetry's `error.type`: the gateway's own code of the error."""

from __future__ import annotations

from openai_api.observing.transcript import Transcript

LEFT = "client_closed_request"
LONGEST = 100


def error_of(transcript: Transcript) -> str:
    """The code of the error that the client was told, whole or inside a stream; "" where all went well.

    Tries that failed before another one answered are no failure of the request.
    """
    record = transcript.record
    if record.client_aborted:
        return LEFT
    if record.error:
        return record.error[:LONGEST]
    if transcript.error is not None:
        return (transcript.error.code or transcript.error.type)[:LONGEST]
    return str(record.status) if record.status >= 400 else ""
