"""How is a request that came as Converse written again? As it came, wherever nobody has changed it."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.canonical.blocks import Opaque, Turn
from providers.canonical.extra import Json
from providers.canonical.request import Request
from providers.canonical.settings import Format
from providers.wire.bedrock_converse.codec.block_json import block_json
from providers.wire.bedrock_converse.codec.marks import in_order
from providers.wire.bedrock_converse.codec.requests.decode import INFERENCE, ODD
from providers.wire.bedrock_converse.codec.tools import choice_json, tools_json
from providers.wire.bedrock_converse.codec.words import own


def own_body(request: Request) -> Json:
    """The body, with all its fields."""
    body: Json = dict(own.rest_of(request.extra))
    if request.turns:
        body["messages"] = [message_of(turn) for turn in request.turns]
    if request.system:
        body["system"] = in_order([block for turn in request.system for block in turn.blocks], block_json)
    _put(body, request, "inferenceConfig", _inference(request))
    _put(body, request, "toolConfig", _tools(request))
    output: Json = {} if request.thinking.effort is None else {"effort": request.thinking.effort}
    if request.output.format is not None:
        output["textFormat"] = format_json(request.output.format)
    _put(body, request, "outputConfig", output)
    if request.metadata is not None:
        body["requestMetadata"] = dict(request.metadata)
    if request.service_tier is not None:
        body["serviceTier"] = {"type": request.service_tier}
    return body


def _put(body: Json, request: Request, name: str, said: Json) -> None:
    rest = own.spelled(request.extra, name)
    if said or rest is not None:
        body[name] = {**said, **(rest or {})}


def _inference(request: Request) -> Json:
    groups = {"limits": request.limits, "sampling": request.sampling}
    said = {name: getattr(groups[plain.group], plain.name) for name, plain in INFERENCE.items()}
    made = {name: value for name, value in said.items() if value is not None}
    return made if request.limits.stop is None else made | {"stopSequences": list(request.limits.stop)}


def _tools(request: Request) -> Json:
    made: Json = {} if request.tools is None else {"tools": tools_json(request.tools)}
    return made if request.choice is None else made | {"toolChoice": choice_json(request.choice)}


def format_json(form: Format) -> Json:
    """The schema, as the text that it was or as a new one."""
    text = own.spelled(form.extra, "schema")
    if text is None or msgspec.json.decode(text) != form.schema:
        text = msgspec.json.encode(form.schema if form.schema is not None else {"type": "object"}).decode()
    said = {name: value for name, value in (("name", form.name), ("description", form.description)) if value is not None}
    inner = {"schema": text, **said, **(own.spelled(form.extra, "inner") or {})}
    return {"type": "json_schema", "structure": {"jsonSchema": inner}, **own.rest_of(form.extra)}


def message_of(turn: Turn) -> Any:
    """The message, as it was."""
    if turn.called == ODD and len(turn.blocks) == 1 and isinstance(turn.blocks[0], Opaque):
        return block_json(turn.blocks[0])
    role = {} if own.spelled(turn.extra, "no role") else {"role": turn.role.value}
    return role | {"content": in_order(turn.blocks, block_json)} | own.rest_of(turn.extra)
