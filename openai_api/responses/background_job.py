"""What is kept of a request that is answered in the background, and how does it become a call again? Without its secrets."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import invalid
from openai_api.jobs.job import Job
from openai_api.recording.events import Record
from openai_api.responses.keep_response import identified_items
from openai_api.responses.store import StoredResponse
from providers.bytes.patch import fields_of, patch
from providers.capabilities import Capability
from providers.types import Call, ResponseContext, Wire
from providers.wire.openai_responses.response_object import item_without_secrets, new_response, without_secrets

KIND = "response"
NOT_KEPT: Mapping[str, bytes | None] = MappingProxyType({"background": None, "tensorzero::credentials": None})
"""Fields that are left out of what is kept of a request."""


class Asked(msgspec.Struct):
    """The payload of a job: the request without its secrets, the response object at its beginning, and of which session the
    request is part."""

    body: msgspec.Raw
    response: msgspec.Raw
    model: str
    request_id: str
    stream: bool
    strict: bool
    previous_response_id: str | None = None
    session: str = ""
    agent: str = ""
    tenant: str = ""
    tags: dict[str, str] = {}


def asked_of(job: Job) -> Asked:
    """What a job of this kind was queued with."""
    return msgspec.json.decode(job.payload, type=Asked)


def new_job(call: Call, client: Client, record: Record) -> tuple[StoredResponse, Job, bool]:
    """The response at its beginning, the job that makes it, and whether that has secrets, which are not in it. Raises 400 for
    fields of a wrong type."""
    request: dict[str, Any] = msgspec.json.decode(call.body)
    created = time.time()
    try:
        response = new_response(request, call.response.id, int(created), call.model)
    except (TypeError, AttributeError, ValueError) as error:
        raise invalid("invalid_value", "A field of the request has the wrong type.") from error
    response |= {"status": "queued", "background": True, "previous_response_id": call.response.previous_id}
    begun = msgspec.json.encode(response)
    body = patch(call.fields, {**NOT_KEPT, **_cleaned(request)})
    asked = Asked(
        body=msgspec.Raw(body),
        response=msgspec.Raw(begun),
        model=call.model,
        request_id=call.request_id,
        stream=call.stream,
        strict=call.strict,
        previous_response_id=call.response.previous_id,
        session=record.session,
        agent=record.agent,
        tenant=record.tenant,
        tags=record.tags,
    )
    stored = StoredResponse(
        call.response.id, client.id, call.model, identified_items(call), begun, created, "queued", call.stream
    )
    job = Job(call.response.id, KIND, client.id, msgspec.json.encode(asked), created, streamed=call.stream)
    return stored, job, _has_secrets(call)


def _has_secrets(call: Call) -> bool:
    """Whether a request has something that it cannot be made anew without, and that is not kept."""
    if call.credentials or b'"tools"' not in call.body:
        return bool(call.credentials)
    request: dict[str, Any] = msgspec.json.decode(call.body)
    return any(msgspec.json.encode(request[name]) != cleaned for name, cleaned in _cleaned(request).items())


def _cleaned(request: dict[str, Any]) -> dict[str, bytes]:
    """The fields of a request that bring tools, without what lets these in elsewhere."""
    made: dict[str, bytes] = {}
    if request.get("tools"):
        made["tools"] = msgspec.json.encode(without_secrets(request["tools"]))
    if isinstance(request.get("input"), list):
        made["input"] = msgspec.json.encode([item_without_secrets(item) for item in request["input"]])
    return made


def call_of(job: Job, asked: Asked, first: Call | None) -> Call:
    """The call of a job. What came with the request and is not kept, its secrets, is known only at the `first` try."""
    body = patch(first.fields, NOT_KEPT) if first else bytes(asked.body)
    identified = (b"x-request-id", asked.request_id.encode("ascii"))
    return Call(
        capability=Capability.RESPONSES,
        wire=Wire.OPENAI_RESPONSES,
        model=asked.model,
        body=body,
        fields=fields_of(body),
        request_id=asked.request_id,
        stream=asked.stream,
        strict=asked.strict,
        response=ResponseContext(id=job.id, previous_id=asked.previous_response_id),
        credentials=first.credentials if first else {},
        headers=first.headers if first else (identified,),
    )
