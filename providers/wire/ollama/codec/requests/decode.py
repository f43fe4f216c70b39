"""What does a request to `/api/chat` ask? Its fields, one by one, as those of a canonical request.

Format: Ollama of August 2026, `api/types.go`, `ChatRequest` and `Options`. A stream is asked for unless `stream` says otherwise.
A field that has not the type which the format gives it is not refused here, but by whoever has to tell it in another wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Opaque, Role, ToolResult, Turn
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import NUMBER, taken
from providers.canonical.request import Request
from providers.canonical.settings import Delivery, Format, Limits, Output, Sampling, Thinking
from providers.canonical.tools import FunctionTool, OpaqueTool, Tool
from providers.wire.ollama.codec.leftovers import extra_of, left
from providers.wire.ollama.codec.messages import MESSAGE, ROLES, SILENT, blocks_of
from providers.wire.ollama.codec.words import OPTIONS, WIRE, WORDS

INTEGERS = frozenset({"top_k", "seed"})
ANY_SEED = -1
NO_LIMIT = (-1, -2)
"""Values of `num_predict`: as much as there is to say, as much as fits."""
LEVELS = ("low", "medium", "high", "max")
NEEDED = MappingProxyType(
    {
        "raw": "This model's provider cannot take a raw prompt; POST /v1/completions does.",
        "suffix": "This model's provider cannot take a suffix; POST /v1/completions does.",
    }
)
"""Fields without which a request means something else."""


def decode_request(body: Json) -> Request:
    """The request."""
    return _Reader(body).request()


class _Reader:
    """One request; what has been read is taken out of the rest."""

    def __init__(self, body: Json) -> None:
        self._rest: Json = dict(body)
        self._needs: list[Need] = []
        self._spelled: Json = {}
        self._lost: list[str] = []

    def request(self) -> Request:
        read: dict[str, Any] = {
            "turns": self._turns(),
            "tools": self._tools(),
            "output": Output(format=self._format()),
            "thinking": self._thinking(),
            "delivery": Delivery(stream=self._stream()),
        }
        limits, sampled = self._options()
        read["limits"] = Limits(**limits)
        read["sampling"] = Sampling(
            **sampled, logprobs=self._plain("logprobs", bool), top_logprobs=self._plain("top_logprobs", int)
        )
        model = self._plain("model", str) if self._rest.get("model") else None
        for name, message in NEEDED.items():
            if self._rest.get(name):
                self._needs.append(Need(message, (name,), "unsupported_parameter"))
        lost = (*left(self._rest, silent=NEEDED), *self._lost)
        extra = extra_of(self._rest, lost, self._needs, self._spelled)
        return Request(wire=WIRE, words=WORDS, model=model or "", **read, extra=extra)

    def _odd(self, place: Place, message: str) -> None:
        self._needs.append(Need(message, place, "invalid_type"))

    def _plain(self, name: str, kind: type) -> Any:
        value = taken(self._rest, name, kind)
        if value is None and self._rest.get(name) is not None:
            self._odd((name,), f"The field {name!r} must be {KINDS[kind]}.")
        return value

    def _stream(self) -> bool:
        value = self._plain("stream", bool)
        if value is None:
            self._spelled["no stream"] = True
        return value is not False

    def _turns(self) -> tuple[Turn, ...]:
        given = taken(self._rest, "messages", list) if self._rest.get("messages") else None
        if self._rest.get("messages"):
            self._odd(("messages",), "The field 'messages' must be a list.")
        return tuple(_turn(message, ("messages", number)) for number, message in enumerate(given or ()))

    def _tools(self) -> tuple[Tool, ...] | None:
        given = taken(self._rest, "tools", list)
        if self._rest.get("tools") is not None:
            self._odd(("tools",), "The field 'tools' must be a list.")
        return None if given is None else tuple(_tool(tool, ("tools", number)) for number, tool in enumerate(given))

    def _format(self) -> Format | None:
        given = self._rest.get("format")
        if given is None or given == "":
            return None
        if given == "json":
            del self._rest["format"]
            return Format(kind="json")
        if isinstance(given, dict):
            del self._rest["format"]
            return Format(kind="schema", schema=given)
        self._needs.append(Need("The field 'format' must be \"json\" or a JSON schema.", ("format",)))
        return None

    def _thinking(self) -> Thinking:
        given = self._rest.get("think")
        if type(given) is bool:
            del self._rest["think"]
            return Thinking(mode="enabled" if given else "disabled")
        if isinstance(given, str) and given in LEVELS:
            del self._rest["think"]
            return Thinking(effort=given)
        if given is not None:
            self._needs.append(Need(f"The field 'think' must be true, false or one of {', '.join(LEVELS)}.", ("think",)))
        return Thinking()

    def _options(self) -> tuple[Json, Json]:
        given = taken(self._rest, "options", dict)
        if given is None:
            if self._rest.get("options") is not None:
                self._odd(("options",), "The field 'options' must be an object.")
            return {}, {}
        rest = dict(given)
        limits: Json = {}
        if type(rest.get("num_predict")) is int and rest["num_predict"] > 0:
            limits["output_tokens"] = rest.pop("num_predict")
        stop = rest.get("stop")
        if isinstance(stop, list) and all(type(one) is str for one in stop):
            limits["stop"] = tuple(rest.pop("stop"))
        sampled: Json = {}
        for name, canonical in OPTIONS.items():
            kinds = (int,) if name in INTEGERS else NUMBER
            if type(rest.get(name)) in kinds and not (name == "seed" and rest[name] == ANY_SEED):
                sampled[canonical] = rest.pop(name)
        said = {name: value for name, value in rest.items() if not _says_nothing(name, value)}
        self._lost += left(said, of="options.")
        self._spelled["options"] = rest
        return limits, sampled


def _says_nothing(name: str, value: Any) -> bool:
    return (name == "seed" and value == ANY_SEED) or (name == "num_predict" and value in NO_LIMIT)


def _turn(message: Any, place: Place) -> Turn:
    if not isinstance(message, dict):
        return _opaque({"value": message}, place, Need("A message must be an object.", place), bare=True)
    role = message.get("role")
    known = role.lower() if isinstance(role, str) else ""  # as Ollama reads it
    if known not in ROLES:
        return _opaque(message, place, Need(f"The role {role!r} is none of {', '.join(ROLES)}.", (*place, "role")))
    needs: list[Need] = []
    odd: Callable[[Place, str], None] = lambda at, text: needs.append(Need(text, at, "invalid_type"))  # noqa: E731
    rest = {name: value for name, value in message.items() if name != "role"}
    blocks: Any = blocks_of(rest, place, odd, empty=known in (Role.SYSTEM, Role.USER))
    if known == Role.TOOL:
        name, call_id = (taken(rest, field, str) if rest.get(field) else None for field in ("tool_name", "tool_call_id"))
        blocks = (ToolResult(tuple(blocks), call_id, name=name, called="tool", place=place),)
    extra = extra_of(rest, left(rest, silent=SILENT), needs) if rest or needs else None
    return Turn(role=Role(known), blocks=tuple(blocks), called="" if role == known else str(role), place=place, extra=extra)


def _opaque(value: Json, place: Place, need: Need, *, bare: bool = False) -> Turn:
    block = Opaque(WIRE, value, need, called=MESSAGE, place=place, extra=extra_of({}, spelled={"bare": bare}))
    return Turn(role=Role.USER, blocks=(block,), called=MESSAGE, place=place)


def _tool(tool: Any, place: Place) -> Tool:
    inner = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(inner, dict) or type(inner.get("name")) is not str or not inner["name"]:
        need = Need("A tool needs 'function' with a 'name'.", place, "missing_required_parameter")
        value = tool if isinstance(tool, dict) else {"value": tool}
        extra = extra_of({}, spelled={"bare": value is not tool})
        return OpaqueTool(WIRE, value, need=need, called="tool", place=place, extra=extra)
    rest, inner = {name: value for name, value in tool.items() if name != "function"}, dict(inner)
    called = taken(rest, "type", str) if rest.get("type") else None
    name, description = inner.pop("name"), taken(inner, "description", str)
    parameters = taken(inner, "parameters", dict)
    lost = (*left(rest), *left(inner, of="function."))
    extra = extra_of(rest, lost, spelled={"inner": inner} if inner else {}) if rest or inner else None
    return FunctionTool(name, description, parameters, called=called or "", place=place, extra=extra)


KINDS: Mapping[type, str] = MappingProxyType({str: "a text", bool: "true or false", int: "an integer", list: "a list"})
