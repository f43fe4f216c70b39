"""Which request of Converse means the same as a request of another wire?

What Converse has no word for is left out and named; what cannot be left out without changing the meaning is refused with its
place.
"""

from __future__ import annotations

import re

from providers.canonical.answerable import not_answerable
from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import SentTools
from providers.errors import Unsupported
from providers.wire.bedrock_converse.codec.requests.conversation import Conversation
from providers.wire.bedrock_converse.codec.requests.own import own_body
from providers.wire.bedrock_converse.codec.requests.sent_tools import tools_sent
from providers.wire.bedrock_converse.codec.requests.settings import additional, inference, output, thought, tier
from providers.wire.bedrock_converse.codec.words import CARRIED, OWN, WIRE

MAKERS = re.compile(
    r"\b(?:ai21|amazon|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot(?:ai)?|nvidia|openai|qwen|stability|twelvelabs"
    r"|writer|xai|zai)\."
)
"""How names of models of other makers than Anthropic begin. The profile of an application (an ARN) does not tell its model, and
is taken for one of Anthropic's, whose users need what only these have."""
CACHING = re.compile(r"\bamazon\.nova")
OFF = "disabled"


def is_claude(model: str) -> bool:
    """Whether a model is one of Anthropic's, by its name at Bedrock."""
    return "anthropic" in model or "claude" in model or MAKERS.search(model) is None


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The request. Raises 400 `Unsupported` with the place in the client's own request."""
    came = request.wire is WIRE
    losses = Losses(WIRE, request.words, OWN if came else CARRIED)
    losses.look(request)
    if not came and (need := not_answerable(request)) is not None:
        losses.needs.append(need)
    if losses.needs:
        need = losses.needs[0]
        raise Unsupported(400, need.message, code=need.code, param=exact(need.place))
    if came:
        return Encoded(own_body(request), losses.names)
    body, sent = _body(request, traits.model, losses)
    return Encoded(body, losses.names, sent)


def _body(request: Request, model: str, losses: Losses) -> tuple[Json, SentTools]:
    claude = is_claude(model)
    told = Conversation(request, losses, claude=claude, caches=claude or CACHING.search(model) is not None)
    body: Json = {"messages": told.messages()}
    if told.system:
        body["system"] = told.system
    tools, sent = tools_sent(request, told.tools, told.called, told.mark, losses)
    thinks = claude and (thought(told.thinking, losses) or {"type": OFF})["type"] != OFF
    body |= tools | inference(request, thinks=thinks, losses=losses) | output(told.thinking, told.output, losses)
    body |= additional(request, told.thinking, claude=claude, losses=losses) | tier(request, losses)
    if request.metadata:
        body["requestMetadata"] = dict(request.metadata)
    return body, sent
