"""What does one request add to the metrics? The instruments of both versions of the conventions, with the bounds that they want.

`gen_ai.client.*` is the gateway as a client of providers: from the first try of an upstream to the end, all tries together.
`gen_ai.server.*` is what the gateway's own clients saw: from the first byte of the request to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from openai_api.observing.names import operation_of, provider_name
from openai_api.observing.otlp.conventions import EMBEDDINGS, ITSELF, Conventions
from openai_api.observing.otlp.errors import error_of
from openai_api.observing.otlp.meter import Instrument, Labels, Meter, labels_of
from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Record
from providers.types import Usage

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
EACH_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

SERVED = Instrument("gen_ai.server.request.duration", "s", "What a request took its client.", SECONDS)
FIRST = Instrument("gen_ai.server.time_to_first_token", "s", "What it took to the first token, of streams.", FIRST_TOKEN)
EACH = Instrument("gen_ai.server.time_per_output_token", "s", "What each token after the first took, of streams.", EACH_TOKEN)
TOKEN_USAGE = Instrument("gen_ai.client.token.usage", "{token}", "Tokens that a request used.", TOKENS)


def _seconds(name: str, what: str) -> Instrument:
    return Instrument(name, "s", what, SECONDS)


DURATION, CHUNK = "What upstreams took for a request, with all tries.", "What upstreams took to the first piece, of streams."
DURATIONS: Mapping[Conventions, tuple[Instrument, Instrument]] = MappingProxyType(
    {
        Conventions.RELEASED: (_seconds("gen_ai.client.operation.duration", DURATION),) * 2,
        Conventions.LATEST: (
            _seconds("gen_ai.client.inference.duration", DURATION),
            _seconds("gen_ai.client.embeddings.duration", DURATION),
        ),
    }
)
"""Of whatever is no embedding, and of embeddings."""
CHUNKS: Mapping[Conventions, Instrument] = MappingProxyType(
    {
        Conventions.RELEASED: _seconds("gen_ai.client.operation.time_to_first_chunk", CHUNK),
        Conventions.LATEST: _seconds("gen_ai.client.inference.time_to_first_chunk", CHUNK),
    }
)


def _used(name: str) -> Instrument:
    return Instrument(f"gen_ai.client.inference.usage.{name}", "{token}", "Tokens used.")


def _spread(name: str) -> Instrument:
    return Instrument(f"gen_ai.client.{name}", "{token}", "Tokens that a request used.", TOKENS)


USED: Mapping[str, Instrument] = MappingProxyType(
    {
        "input_tokens": _used("input_tokens"),
        "output_tokens": _used("output_tokens"),
        "cached_tokens": _used("cache_read.input_tokens"),
        "cache_write_tokens": _used("cache_write.input_tokens"),
        "reasoning_tokens": _used("reasoning.output_tokens"),
    }
)
"""Fields of `Usage` → the counters of `latest`."""
INPUT, OUTPUT = _spread("inference.operation.input_tokens"), _spread("inference.operation.output_tokens")
EMBEDDED = _spread("embeddings.operation.input_tokens")
INSTRUMENTS: Mapping[Conventions, tuple[Instrument, ...]] = MappingProxyType(
    {
        Conventions.RELEASED: (
            DURATIONS[Conventions.RELEASED][0],
            CHUNKS[Conventions.RELEASED],
            TOKEN_USAGE,
            SERVED,
            FIRST,
            EACH,
        ),
        Conventions.LATEST: (
            *DURATIONS[Conventions.LATEST],
            CHUNKS[Conventions.LATEST],
            *USED.values(),
            INPUT,
            OUTPUT,
            EMBEDDED,
            SERVED,
            FIRST,
            EACH,
        ),
    }
)
"""All that there are."""


def measure(meter: Meter, transcript: Transcript, conventions: Conventions) -> None:
    """Adds one exchange. What was no request to a model is left out."""
    record = transcript.record
    operation = operation_of(record.capability)
    if not operation:
        return
    labels, failed = _labels(record, operation), labels_of([("error.type", error_of(transcript))])
    meter.record(SERVED, labels + failed, record.total_s)
    first_s = record.first_byte_s
    if record.stream and first_s is not None and not failed:
        meter.record(FIRST, labels, first_s)
        if record.usage is not None and record.usage.output_tokens > 1:
            meter.record(EACH, labels, max(record.total_s - first_s, 0.0) / (record.usage.output_tokens - 1))
    if not record.attempts:
        return
    asked_s = max(record.attempts[0].began - record.clock, 0.0)
    duration = DURATIONS[conventions][operation == EMBEDDINGS]
    meter.record(duration, labels + failed, max(record.total_s - asked_s, 0.0))
    if record.stream and first_s is not None:
        meter.record(CHUNKS[conventions], labels, max(first_s - asked_s, 0.0))
    if record.usage is not None and not record.counted_apart:
        TOKENS_IN[conventions](meter, labels, operation, record.usage)


def _labels(record: Record, operation: str) -> Labels:
    last = record.attempts[-1] if record.attempts else None
    model = record.model or ""
    return labels_of(
        [
            ("gen_ai.operation.name", operation),
            ("gen_ai.provider.name", provider_name(last.vendor or last.provider) if last else ITSELF),
            ("gen_ai.request.model", record.pattern or model if last or record.served_model else ""),
            ("gen_ai.response.model", last.upstream_model if last and last.outcome == "ok" and not record.pattern else ""),
            ("server.address", last.server if last else ""),
        ]
    )


def _released(meter: Meter, labels: Labels, operation: str, usage: Usage) -> None:
    meter.record(TOKEN_USAGE, (*labels, ("gen_ai.token.type", "input")), usage.input_tokens)
    if operation != EMBEDDINGS:
        meter.record(TOKEN_USAGE, (*labels, ("gen_ai.token.type", "output")), usage.output_tokens)


def _latest(meter: Meter, labels: Labels, operation: str, usage: Usage) -> None:
    if operation == EMBEDDINGS:
        meter.record(EMBEDDED, labels, usage.input_tokens)
        return
    for field, instrument in USED.items():
        meter.record(instrument, (*labels, ("gen_ai.token.modality", "unknown")), getattr(usage, field))
    meter.record(INPUT, labels, usage.input_tokens)
    meter.record(OUTPUT, labels, usage.output_tokens)


TOKENS_IN = MappingProxyType({Conventions.RELEASED: _released, Conventions.LATEST: _latest})
