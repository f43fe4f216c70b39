"""What if a chat upstream does not know a field that the converted request brings along? It is asked again without it.

Fields of a Responses request that OpenAI's chat has too are carried, and codex sends `prompt_cache_key` with every one. Groq,
Cerebras, Gemini and Mistral refuse fields that they do not know ("property 'prompt_cache_key' is unsupported"). A hint that was
refused is left out for that target from then on, and named in every answer.
"""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

from providers.bytes.patch import patch
from providers.errors import CallerError
from providers.protocols import Chat
from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream

HINTS = ("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "metadata", "store",
         "service_tier", "verbosity")  # fmt: skip
"""Fields without which the answer says the same."""
UNKNOWN = re.compile(
    r"unknown|unrecogni[sz]ed|unsupported|not supported|does not support|extra|not permitted|not allowed|only allowed|unexpected"
    r"|additional propert|no such",
    re.IGNORECASE,
)
"""Words with which upstreams say that they do not take a field."""
_refused: WeakKeyDictionary[Chat, frozenset[str]] = WeakKeyDictionary()


async def asked(adapter: Chat, call: Call, transport: Transport) -> tuple[Reply | ReplyStream, tuple[str, ...]]:
    """The answer to a chat call, and the hints that were left out. A strict call is asked once. Raises `ProviderError`."""
    left_out = _in(call, _refused.get(adapter, frozenset())) if not call.strict else ()
    call = _without(call, left_out)
    while True:
        try:
            return await (adapter.stream_chat if call.stream else adapter.chat)(call, transport), left_out
        except CallerError as error:
            told = f"{error.param} {error.message}"
            names = _in(call, frozenset(name for name in HINTS if re.search(rf"\b{name}\b", told)))
            if call.strict or not names or not UNKNOWN.search(told):
                raise
        _refused[adapter] = _refused.get(adapter, frozenset()) | set(names)
        call, left_out = _without(call, names), (*left_out, *names)


def _in(call: Call, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in HINTS if name in names and name in call.fields.spans)


def _without(call: Call, names: tuple[str, ...]) -> Call:
    if not names:
        return call
    return call.with_body(patch(call.fields, dict.fromkeys(names)))
