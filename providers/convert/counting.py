"""How many tokens has a request? Its upstream says so if it counts, else it is estimated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from providers.convert.calling import wire_for
from providers.convert.converted import converted_call
from providers.convert.signed import without_foreign
from providers.errors import CallerError, ModelNotFound, ProviderError
from providers.offload import offload
from providers.protocols import CountsTokens
from providers.transport import Transport
from providers.types import Call, Reply, Target
from providers.wire.openai.usage import estimated_tokens

NO_SUCH_PATH = frozenset({404, 405, 501})
NAMED = ("model", "response", "conversation", "prompt")
"""Words in the code of a 404 that is not about the path."""
INLINE = re.compile(
    rb'"data:[^"\\]{64,}"'
    rb'|"(?:data|bytes)" ?: ?"[A-Za-z0-9+/=_-]{64,}"'
    rb'|"images" ?: ?\[ ?"[A-Za-z0-9+/=_", -]{64,}" ?\]'
)
"""A file inside a request: its bytes are no text. A `data:` address (OpenAI), and bare base64 where Anthropic and Gemini
(`data`), Bedrock (`bytes`) and Ollama (`images`) have it."""
FIELD = "input_tokens"


class Counted(NamedTuple):
    """`estimated` says that nobody has counted."""

    tokens: int
    estimated: bool


async def count(target: Target, call: Call, transport: Transport) -> Counted:
    """The tokens of a conversation's request at that target. Raises `ProviderError`."""
    asked = await offload(len(call.body), _as_sent, target, call)
    adapter = target.adapter
    if isinstance(adapter, CountsTokens):
        try:
            return Counted(await adapter.count_tokens(asked, transport), estimated=False)
        except ModelNotFound:  # a path that nobody serves has the same status; a guess does no harm where it is the model
            pass
        except ProviderError as error:
            if not lacks(error):
                raise
    return Counted(estimate(asked.body), estimated=True)


async def ask_count(target: Target, call: Call, transport: Transport) -> Reply:
    """As `count`, as an answer: `{"input_tokens": N}`, which the dialect has to shape."""
    counted = await count(target, call, transport)
    body: Mapping[str, int] = {FIELD: counted.tokens}
    return Reply(wire=call.wire, body=msgspec.json.encode(body), estimated=counted.estimated)


def estimate(body: bytes) -> int:
    """A guess at the tokens of a request: its length without the files in it."""
    return estimated_tokens(len(INLINE.sub(b"", body)))


def lacks(error: ProviderError) -> bool:
    """Whether the upstream has no such path, as far as its error tells."""
    if error.upstream_status not in NO_SUCH_PATH or isinstance(error, ModelNotFound):
        return False
    code = (error.upstream_code or "") if isinstance(error, CallerError) else ""
    param = error.param if isinstance(error, CallerError) else None
    return param is None and not any(word in code for word in NAMED)


def _as_sent(target: Target, call: Call) -> Call:
    """What the upstream would be sent. Raises `ProviderError` for what it cannot be."""
    wire = wire_for(target, call)
    return without_foreign(call)[0] if wire is call.wire else converted_call(call, wire, target.adapter)
