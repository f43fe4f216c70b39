"""How likely was a token? `{"token", "logprob", "bytes", "top_logprobs"}`, bytes and others only where there are any.

Format: Ollama of August 2026, `api/types.go`, `Logprob`; `bytes` are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import TokenLogprob
from providers.canonical.extra import Json
from providers.canonical.leftovers import NUMBER, taken
from providers.errors import InvalidResponse
from providers.wire.ollama.codec.leftovers import extra_of, left, rest_of
from providers.wire.ollama.codec.words import WIRE


def logprobs_of(tokens: Any) -> tuple[TokenLogprob, ...]:
    """The log probabilities of tokens. Raises `InvalidResponse`."""
    if not isinstance(tokens, list):
        raise InvalidResponse("the log probabilities are no list")
    return tuple(map(_token_of, tokens))


def _token_of(one: Any) -> TokenLogprob:
    if not isinstance(one, dict):
        raise InvalidResponse("a log probability is no object")
    rest = dict(one)
    token, logprob = taken(rest, "token", str), taken(rest, "logprob", *NUMBER)
    if token is None or logprob is None:
        raise InvalidResponse("a log probability has no token")
    utf8, top = taken(rest, "bytes", list), taken(rest, "top_logprobs", list)
    others = () if top is None else logprobs_of(top)
    empty = {"top": True} if top == [] else {}
    return TokenLogprob(token, logprob, None if utf8 is None else tuple(utf8), others, extra_of(rest, left(rest), spelled=empty))


def logprobs_json(tokens: Sequence[TokenLogprob]) -> list[Json]:
    """The log probabilities."""
    return list(map(_token_json, tokens))


def _token_json(one: TokenLogprob) -> Json:
    made: Json = {"token": one.token, "logprob": one.logprob}
    if one.utf8 is not None:
        made["bytes"] = list(one.utf8)
    own = one.extra.fields if one.extra is not None and one.extra.wire is WIRE else {}
    if one.top or "top" in own:
        made["top_logprobs"] = logprobs_json(one.top)
    return made | rest_of(one.extra)
