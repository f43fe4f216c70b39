"""Which fields of a request are the operator's, and not sent? Those that choose a model or a provider beside `model`.

A client key may be limited to some models; with such a field it would get another one at the upstream. The provider's option
`allowed_request_fields` names those that clients may set all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.registry import ALLOWED_FIELDS
from providers.types import Call, Wire
from providers.wire.openai.field_names import PROMPT, TOOL_MODELS, folded, operators_fields
from providers.wire.openai_responses.items import Json

NAMING = ("model", "models")
HOSTED_IN_CHAT = b'"openrouter:'
HOSTED: Mapping[Wire, bytes] = MappingProxyType({Wire.ANTHROPIC_MESSAGES: b'"advisor_', Wire.OPENAI_RESPONSES: b""})
"""How the types of tools begin that an upstream runs with a model of their own, where not as in chat; of responses any may."""
MORE_TOOLS = b'"additional_tools"'
"""The type of items that bring tools."""
MAY_NAME = (b'"model', b"\\u")
"""One of these stands in the text of whatever has such a field; names may be escaped."""
OWN = frozenset({"function", "custom", "namespace", None})
"""Types of tools that the client runs; names in them are its own."""
Changes = dict[str, bytes | None]
"""Fields of a JSON body to be set (JSON text) or removed (None)."""


class OperatorsFields:
    """The fields that clients may not set at one target, and what becomes of a request that has them."""

    def __init__(self, kind: str, options: Mapping[str, Any], extra_body: Mapping[str, bytes]) -> None:
        reserved = operators_fields(kind).difference(options.get(ALLOWED_FIELDS) or ())
        self.may_name_by_prompt = PROMPT not in reserved
        self._tools = TOOL_MODELS in reserved
        self._reserved = reserved - {PROMPT, TOOL_MODELS}
        self._extra = {folded(name): name for name in extra_body}

    def _absent(self, call: Call) -> bool:
        """Whether a JSON request cannot have any of them: most have neither such a field nor tools."""
        spans = call.fields.spans
        tools = self._tools and ("tools" in spans or call.wire is Wire.OPENAI_RESPONSES)
        return not tools and self._reserved.isdisjoint(spans)

    def changes(self, call: Call) -> Changes:
        """What is to be changed in a JSON request, so that it has none of them, nor one that could be taken for one of the
        operator's `extra_body`."""
        if not self._extra and self._absent(call):
            return {}
        spans = call.fields.spans
        changes: Changes = dict.fromkeys(self._reserved.intersection(spans)) if not self._reserved.isdisjoint(spans) else {}
        if self._extra:
            changes |= {name: None for name in spans if self._extra.get(folded(name), name) != name}
        if self._tools and (raw := _hosted(call)) is not None:
            tools, names = without_models(msgspec.json.decode(raw), "tools")
            if names:
                changes["tools"] = msgspec.json.encode(tools)
        if self._tools and (raw := _items(call)) is not None:
            items, names = items_without_models(raw)
            if names:
                changes["input"] = msgspec.json.encode(items)
        return changes

    def sent(self, call: Call) -> list[str]:
        """Those that the client has sent, for `lossy`."""
        if call.form is not None:
            return [part.plain_name for part in call.form.parts if part.plain_name in self._reserved]
        if self._absent(call):
            return []
        spans = call.fields.spans
        named: list[str] = []
        if not self._reserved.isdisjoint(spans):
            named = sorted(name for name in self._reserved.intersection(spans) if call.fields.raw(name) != b"null")
        if self._tools and (raw := _hosted(call)) is not None:
            named += without_models(msgspec.json.decode(raw), "tools")[1]
        if self._tools and (raw := _items(call)) is not None:
            named += items_without_models(raw)[1]
        return named


def _hosted(call: Call) -> bytes | None:
    """The text of the tools, if the upstream may run some of them with a model of their own; None for most."""
    raw = call.fields.raw("tools")
    if raw is None or HOSTED.get(call.wire, HOSTED_IN_CHAT) not in raw:
        return None
    return raw if any(mark in raw for mark in MAY_NAME) else None


def _items(call: Call) -> bytes | None:
    """The text of the items of a request for a response, if some bring tools; None for most."""
    if call.wire is not Wire.OPENAI_RESPONSES or MORE_TOOLS not in call.body:
        return None
    raw = call.fields.raw("input") or b""
    return raw if raw.startswith(b"[") else None


def without_models(tools: Any, where: str) -> tuple[Any, list[str]]:
    """The tools without the models that hosted ones name, and where these stood."""
    names: list[str] = []
    for place, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("type") not in OWN:
            _strip(tool, f"{where}[{place}]", names)
    return tools, names


def items_without_models(raw: bytes) -> tuple[list[Any], list[str]]:
    """The same for the tools in items `additional_tools`; all other items as they came."""
    items: list[Any] = msgspec.json.decode(raw, type=list[msgspec.Raw])
    names: list[str] = []
    for place, one in enumerate(items):
        if MORE_TOOLS in bytes(one) and isinstance(item := msgspec.json.decode(one), dict):
            item["tools"], found = without_models(item.get("tools"), f"input[{place}].tools")
            if found:
                items[place] = item
                names += found
    return items, names


def _strip(value: Json, where: str, names: list[str]) -> None:
    for name in [name for name in value if folded(name) in NAMING]:
        del value[name]
        names.append(f"{where}.{name}")
    for name, inner in value.items():
        if isinstance(inner, dict):
            _strip(inner, f"{where}.{name}", names)
