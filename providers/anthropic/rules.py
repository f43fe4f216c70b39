"""What does a target of the Messages API send that its client has not, and what does it leave out?

Bytes of the client's are patched, so unknown fields go on as they came. A version and betas of the client's own go on, too, and a
request without a version is one that was made of another wire's, or by a client that leaves the choice to the operator.

Format: Anthropic SDK 2.14; for the fields of other hosts, what its clients for Bedrock and Vertex send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from providers.anthropic.betas import HEADER, NO_BETAS, Betas, Passed, betas_in, passed
from providers.bytes.patch import patched
from providers.errors import Unsupported
from providers.openai_compatible.operators_fields import Changes, OperatorsFields
from providers.transport import Pieces, RequestHeader
from providers.types import Call, TargetConfig
from providers.wire.openai.field_names import PREFIX

VERSION = b"anthropic-version"
FIRST_VERSION = "2023-06-01"
WITHOUT_SAMPLING = "2026-10-21"
"""From this version on, fields of `SAMPLING` are refused, whatever they say."""
SAMPLING = ("temperature", "top_p", "top_k")
COUNTED = frozenset(
    {
        "messages", "model", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed",
        "context_management", "mcp_servers",
    }
)  # fmt: skip
"""What a request that is counted may have; others are refused."""
NO_HEADERS: Mapping[bytes, str] = MappingProxyType({})
ON_BEDROCK: Mapping[str, str] = MappingProxyType({FIRST_VERSION: "bedrock-2023-05-31"})
ON_VERTEX: Mapping[str, str] = MappingProxyType({FIRST_VERSION: "vertex-2023-10-16"})
"""What a host calls the first version; it has Anthropic's names of the later ones."""


class Asked(NamedTuple):
    """How a call is put to a target: the version and the betas, which fields are `dropped`, and what is told of as left out.
    `chosen` says that the version is the client's own."""

    version: str
    betas: tuple[str, ...]
    dropped: tuple[str, ...]
    lossy: tuple[str, ...]
    chosen: bool


class MessageRules:
    """The rules of one target. `kind` is its type, `known` the betas that its host knows, None if it takes all. `own` are the
    operator's headers that say the version and betas: the former as the option does, the latter are sent beside the client's."""

    def __init__(
        self, config: TargetConfig, kind: str, known: Betas | None = None, own: Mapping[bytes, str] = NO_HEADERS
    ) -> None:
        self._known = known
        self.version = str(config.options.get("api_version") or own.get(VERSION) or FIRST_VERSION)
        self.betas = betas_in([(HEADER, own[HEADER].encode("latin-1", "replace"))]) if HEADER in own else ()
        self._extra = config.extra_body
        self._model = msgspec.json.encode(config.upstream_model)
        self._operators = OperatorsFields(kind, config.options, config.extra_body)

    def asked(self, call: Call) -> Asked:
        """How the call is put. Raises `Unsupported` for a strict one of which something would be left out."""
        said = dict(call.headers)
        own = said.get(VERSION, b"").decode("latin-1")
        version = own or self.version
        betas = self._betas(call, said[HEADER]) if HEADER in said else NO_BETAS
        if self.betas:
            betas = Passed(tuple(dict.fromkeys((*self.betas, *betas.sent))), betas.left_out)
        dropped = () if own or version < WITHOUT_SAMPLING else tuple(name for name in SAMPLING if name in call.fields.spans)
        told = [name for name in dropped if call.fields.raw(name) != b"null"]
        lossy = (*self._operators.sent(call), *told, *betas.left_out)
        if lossy and call.strict:
            message = f"This model's provider does not take {lossy[0]!r}."
            raise Unsupported(400, message, code="unsupported_parameter", param=lossy[0])
        return Asked(version, betas.sent, dropped, lossy, bool(own))

    def _betas(self, call: Call, said: bytes) -> Passed:
        if self._known is None:
            return Passed(betas_in(call.headers) if self.betas else (said.decode("latin-1"),))
        return passed(betas_in(call.headers), self._known)

    def body(self, call: Call, asked: Asked, more: Mapping[str, bytes | None]) -> bytes | Pieces:
        """The client's body with the upstream's model, the host's fields (`more`) and the operator's, and without what is not
        sent."""
        fields = call.fields
        changes: Changes = {"model": self._model, **self._operators.changes(call), **dict.fromkeys(asked.dropped), **more}
        changes.update(self._extra)
        changes.update((name, None) for name in fields.spans if name.startswith(PREFIX))
        return patched(fields, changes)

    def counted(self, call: Call, asked: Asked) -> dict[str, bytes | None]:
        """What differs when the tokens of a call are counted: every host wants the model in the body, and fields that have to do
        with the answer alone are not sent, unless the client itself has asked to have them counted."""
        answers = () if asked.chosen else (name for name in call.fields.spans if name not in COUNTED)
        return {**dict.fromkeys(answers), "model": self._model}


def in_headers(asked: Asked) -> tuple[RequestHeader, ...]:
    """The version and the betas as Anthropic itself wants them."""
    return ((VERSION, asked.version.encode("latin-1")), *betas_header(asked.betas))


def betas_header(betas: Sequence[str]) -> tuple[RequestHeader, ...]:
    return ((HEADER, ",".join(betas).encode("latin-1")),) if betas else ()


def bedrock_fields(asked: Asked) -> dict[str, bytes | None]:
    """What `InvokeModel` of Bedrock wants in the body; the model and whether it streams stand in the path."""
    betas = msgspec.json.encode(asked.betas) if asked.betas else None
    return {"model": None, "stream": None, "anthropic_version": _version(asked, ON_BEDROCK), "anthropic_beta": betas}


def vertex_fields(asked: Asked) -> dict[str, bytes | None]:
    """What Vertex wants in the body; the model stands in the path. Betas stay in the header."""
    return {"model": None, "anthropic_version": _version(asked, ON_VERTEX)}


def _version(asked: Asked, names: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(names.get(asked.version, asked.version))
