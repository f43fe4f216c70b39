"""What do all requests to an OpenAI-compatible vendor have in common? Their heads, their bodies, and what answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import msgspec

from providers.bytes import multipart
from providers.bytes.halves import without_halves
from providers.bytes.patch import Fields, patched
from providers.capabilities import Capability
from providers.errors import Unsupported
from providers.http_vendor import HttpVendor
from providers.offload import offload
from providers.openai_compatible.address import auth_header, bare
from providers.openai_compatible.either_form import OpenAIStream, as_whole
from providers.openai_compatible.operators_fields import Changes, OperatorsFields
from providers.openai_compatible.presets import NO_NAMES, Preset, Quirk
from providers.refusals import NONE, refusals_of
from providers.signing import KeyHeader
from providers.transport import Head, Origin, Pieces, Transport, UpstreamReply, UpstreamRequest
from providers.types import Call, Reply, TargetConfig, Wire
from providers.wire.openai import good_answer
from providers.wire.openai_chat import request as openai_chat

TEXTUAL = frozenset({Capability.CHAT, Capability.COMPLETION})
FORMS = frozenset(
    {Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION, Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION}
)
"""Capabilities whose requests may be forms; each says what it is."""


class VendorBase(HttpVendor):
    """One target of a vendor that is described by a preset. The capabilities are in classes that build upon this one."""

    listed_at = "/models"

    def __init__(self, config: TargetConfig, preset: Preset) -> None:
        super().__init__(config, preset, KeyHeader(config.credential, partial(auth_header, preset.auth)))
        self.preset = preset
        self._model = msgspec.json.encode(config.upstream_model)
        self.form_model: str | None = config.upstream_model
        """The model as a form names it; None where the path does."""
        self.returns_reasoning = Quirk.RETURNS_REASONING in preset.quirks
        self.refusals = refusals_of(config)
        self._asks_usage = Quirk.NO_STREAM_OPTIONS not in preset.quirks
        self.operators = OperatorsFields(preset.name, config.options, config.extra_body)
        self._drops = {of: [old for old, new in names.items() if not new] for of, names in preset.renames.items()}
        first = next(iter(preset.paths))
        self._heads[first] = self.head_for(first)  # finds a bad address at once; the other heads are made when needed

    async def json(self, call: Call, transport: Transport, field: str, changes: Changes | None = None) -> Reply:
        answer = await transport.fetch(self.request(call, self.body(call, changes)))
        fields = await self.whole(answer, call, field)
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=self.dropped(call))

    async def whole(self, answer: UpstreamReply, call: Call, field: str) -> Fields:
        """A good answer, which must have that field, in the wire of the call. Raises what any other means."""
        body = self.good(answer, call.wire)
        return await offload(len(body), _whole, body, call.wire, field)

    def dropped(self, call: Call) -> tuple[str, ...]:
        """The client's fields that its preset says a vendor does not take: `lossy` of every answer. Raises as `left_out`."""
        names = self.operators.sent(call)
        if drops := self._drops.get(call.capability):
            names = [name for name in drops if _has(call, name)] + names
        return self.left_out(call, names) if names else ()

    def body(self, call: Call, more: Changes | None = None, refused: frozenset[str] = NONE) -> bytes | Pieces:
        """The JSON body for the upstream: the client's, with the upstream's model and what the preset says, without what the
        gateway would add and the upstream has `refused`. Raises `Unsupported` for a field that the vendor does not take, if
        the call is strict."""
        fields = call.fields
        changes: Changes = {"model": self._model}
        if call.stream and call.capability in TEXTUAL:
            asks = self._asks_usage and ("stream_options" not in refused or "stream_options" in fields.spans)
            changes["stream_options"] = openai_chat.asking_usage(fields.raw("stream_options")) if asks else None
        changes.update(self.operators.changes(call))
        if call.strict:
            self.dropped(call)  # the call may end here
        if names := self.preset.renames.get(call.capability):
            changes.update(_renamed(fields, names))
        if more:
            changes.update(more)
        for name in refused:
            if name not in fields.spans:
                changes[name] = None
        changes.update(self.config.extra_body)
        for name in fields.spans:
            if name.startswith("tensorzero::"):
                changes[name] = None
        return patched(fields, changes)

    def head_for(self, capability: Capability) -> Head:
        """The head of a capability's requests. Raises `ConfigurationError`."""
        return self.head(self.path_for(capability), json=capability not in FORMS)

    def path_for(self, capability: Capability) -> str:
        """The path of a capability below the base address, with its query."""
        return self.preset.paths[capability]

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        return super().place_of(bare(address))

    async def stream(
        self, request: UpstreamRequest, call: Call, transport: Transport, *, named_by_client: bool = False
    ) -> OpenAIStream:
        """The stream that answers a request, once its status is good. Raises as `good`."""
        stream = await self.opened(request, call.wire, transport, named_by_client=named_by_client)
        return OpenAIStream(stream, call.wire, self.dropped(call), request.timeouts.total)

    def encoded(self, call: Call, changes: dict[str, str | None]) -> UpstreamRequest:
        """The request of a form, with some of its text fields changed, and as the preset says. Raises as `body`."""
        form = call.form or multipart.Form()
        changes = {
            "model": self.form_model,
            **self._renamed_texts(call, form),
            **changes,
            **_texts(self.config.extra_body),
        }
        changes |= {part.plain_name: None for part in form.parts if part.name.startswith("tensorzero::")}
        changes |= dict.fromkeys(self.operators.sent(call))
        body = multipart.FormBody(multipart.changed(form, changes))
        return self.request(call, body, content_type=body.content_type)

    def left_out(self, call: Call, names: Iterable[str]) -> tuple[str, ...]:
        """The parameters that the vendor cannot take, for `lossy`. Raises `Unsupported` if the call is strict."""
        found = tuple(names)
        if found and call.strict:
            message = f"{self.preset.label} does not support the parameter {found[0]!r}."
            raise Unsupported(400, message, code="unsupported_parameter", param=found[0])
        return found

    def _renamed_texts(self, call: Call, form: multipart.Form) -> dict[str, str | None]:
        self.dropped(call)  # a strict call ends here
        changes: dict[str, str | None] = {}
        for name, vendors_name in self.preset.renames.get(call.capability, NO_NAMES).items():
            if form.first(name) is not None:
                changes |= {name: None, vendors_name: form.text(name)} if vendors_name else {name: None}
        return changes


def _whole(body: bytes, wire: Wire, field: str) -> Fields:
    body = as_whole(body, wire)
    if wire is Wire.OPENAI_RESPONSES:
        body = without_halves(body)  # responses are kept, and read again
    return good_answer.answer_of(body, field)


def _has(call: Call, name: str) -> bool:
    """Whether the client sent that field, and not as null."""
    return call.form.first(name) is not None if call.form else call.fields.raw(name) not in (None, b"null")


def _renamed(fields: Fields, names: Mapping[str, str]) -> Changes:
    changes: Changes = {}
    for name, vendors_name in names.items():
        value = fields.raw(name)
        if value is not None:
            changes[name] = None
            if vendors_name and vendors_name not in fields.spans:
                changes[vendors_name] = value
    return changes


def _texts(values: Mapping[str, bytes]) -> dict[str, str | None]:
    """JSON texts as a form has them: a text as it is, all else as JSON."""
    return {name: str(msgspec.json.decode(raw)) if raw.startswith(b'"') else raw.decode() for name, raw in values.items()}
