"""How does a vendor that has the Responses API answer? Bytes are patched; ids become ours on the way out.

Format: OpenAI's OpenAPI document of August 2026, `/responses`.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from types import MappingProxyType

from providers.bytes.patch import Fields, fields_of, patch
from providers.errors import InvalidResponse
from providers.http_vendor import is_good
from providers.openai_compatible.base import VendorBase
from providers.openai_compatible.operators_fields import Changes
from providers.transport import Transport, UpstreamReply
from providers.types import Action, Call, Reply, ReplyStream
from providers.wire.openai.good_answer import answer_of

DELETED = fields_of(b'{"object":"response","deleted":true}')
ANSWERS = MappingProxyType({Action.INPUT_TOKENS: "input_tokens", Action.COMPACT: "output"})
"""The field that an answer must have, by the call's `action`."""


class ResponsesMethods(VendorBase):
    """The Responses API, and what can be done with a response afterwards."""

    async def respond(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """A new response. Without a model in the request none is sent if a stored prompt may name it."""
        return await self.refusals.left_out(call.capability, call.added, partial(self._responded, call, transport))

    async def _responded(self, call: Call, transport: Transport, refused: frozenset[str]) -> Reply | ReplyStream:
        changes: Changes = {name: None for name in call.added if name in refused}
        if self.operators.may_name_by_prompt and "model" not in call.fields.spans:
            changes["model"] = None
        request = self.request(call, self.body(call, changes))
        if call.stream:
            return await self.stream(request, call, transport)
        fields = await self.whole(await transport.fetch(request), call, "output")
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=self.dropped(call))

    async def ask_response(self, call: Call, transport: Transport, method: str, path: str) -> Reply | ReplyStream:
        """Something that is done with responses there are: `path` stands below `/responses`, with its query."""
        base, _, query = self.path_for(call.capability).partition("?")
        path = base + path + (("&" if "?" in path else "?") + query if query else "")
        head = self.head(path, method=method, json=bool(call.body))
        request = self.request(call, self._about(call), head)
        if call.stream:
            return await self.stream(request, call, transport, named_by_client=True)
        answer: UpstreamReply = await transport.fetch(request)
        if method == "DELETE" and is_good(answer.status):
            deleted = _deletion(answer.body)
            return Reply(wire=call.wire, body=deleted.body, fields=deleted)
        body = self.good(answer, call.wire, named_by_client=True)
        fields = answer_of(body, ANSWERS.get(call.response.action, "object"))
        return Reply(wire=call.wire, body=body, fields=fields, lossy=self.dropped(call))

    def _about(self, call: Call) -> bytes:
        """The body of what is no new response: the client's, with the upstream's model. `extra_body` is for responses."""
        self.dropped(call)  # a strict call ends here
        changes = self.operators.changes(call)
        changes |= {name: None for name in call.fields.spans if name.startswith("tensorzero::")}
        if "model" in call.fields.spans:
            changes["model"] = self._model
        return patch(call.fields, changes) if changes else call.body


def _deletion(body: bytes) -> Fields:
    """What was said of a deletion that was done. Some upstreams say it with the response that was there, with `{}`, or without a
    word. Raises the error that an upstream says with a good status."""
    for field in ("deleted", "object"):
        with suppress(InvalidResponse):
            return answer_of(body, field)
    return DELETED
