"""What does a request ask? Its fields, one by one, as those of a canonical request.

Format: Anthropic's reference of October 2026, `POST /v1/messages`, API versions 2023-06-01 and 2026-10-21: the fields are the
same, the newer version takes fewer of them. A field that has not the type which the format gives it is not refused here, but by
whoever has to tell it in another wire: an upstream that speaks Messages may know better.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from providers.canonical.extra import Json, Need
from providers.canonical.leftovers import NUMBER, left, taken
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Delivery, Limits, Output, Sampling
from providers.canonical.tools import ToolChoice
from providers.wire.anthropic_messages.codec.media import mark_of
from providers.wire.anthropic_messages.codec.requests.settings import format_of, output_of, thinking_of
from providers.wire.anthropic_messages.codec.requests.tools import choice_of, tool_of
from providers.wire.anthropic_messages.codec.requests.turns import Turns, system_of
from providers.wire.anthropic_messages.codec.words import WIRE, WORDS, own


class Plain(NamedTuple):
    """A field that holds one value: in which group it stands, how it is called there, and its types."""

    group: str
    name: str
    kinds: tuple[type, ...]


PLAIN: Mapping[str, Plain] = MappingProxyType(
    {
        "model": Plain("request", "model", (str,)),
        "max_tokens": Plain("limits", "output_tokens", (int,)),
        "temperature": Plain("sampling", "temperature", NUMBER),
        "top_p": Plain("sampling", "top_p", NUMBER),
        "top_k": Plain("sampling", "top_k", (int,)),
        "stream": Plain("delivery", "stream", (bool,)),
    }
)
GROUPS: Mapping[str, type[Any]] = MappingProxyType({"limits": Limits, "sampling": Sampling, "delivery": Delivery})
TIERS: Mapping[str, str] = MappingProxyType({"standard_only": "default"})
"""Service tiers with another name here."""
READ = frozenset({"metadata", "anthropic_version", "anthropic_beta", "betas"})
"""Fields that are looked at apart, or say nothing to the model."""
NEEDED: Mapping[str, str] = MappingProxyType(
    {
        "safeguards": "This model's provider has no 'safeguards'.",
        "compaction": "This model's provider makes no compaction.",
    }
)
"""Fields without which the request means something else."""
OLDER = "output_format"
"""The place of the format in the time of its beta."""


def decode_request(body: Json) -> Request:
    """The request. Refuses nothing: what only Messages can say is needed, or named, where it is told in another wire."""
    return _Reading(body).request()


class _Reading:
    """One request on its way: `rest` is what has not been read."""

    def __init__(self, body: Json) -> None:
        self._rest = dict(body)
        self._needs: list[Need] = []
        self._spelled: Json = {}
        self._lost: tuple[str, ...] = ()
        self._groups: dict[str, Json] = {"request": {}, "limits": {}, "sampling": {}, "delivery": {}}

    def request(self) -> Request:
        request = self._groups["request"]
        self._tools()
        self._system()
        self._turns()
        self._plain()
        self._stop()
        self._user()
        self._settings()
        mark = mark_of(self._rest, ())
        if mark is not None:
            request["caching"] = Caching(mark=mark)
        for name, message in NEEDED.items():
            if self._rest.get(name) is not None:
                self._needs.append(Need(message, (name,), "unsupported_parameter"))
        groups = {name: kind(**self._groups[name]) for name, kind in GROUPS.items() if self._groups[name]}
        lost = (*left(self._rest, silent=READ | NEEDED.keys()), *self._lost)
        extra = own.extra_of(self._rest, lost, self._needs, self._spelled)
        return Request(wire=WIRE, words=WORDS, **request, **groups, extra=extra)

    def _need(self, message: str, name: str, code: str = "invalid_value") -> None:
        self._needs.append(Need(message, (name,), code))

    def _odd(self, name: str) -> None:
        """A field that is there and has not been taken has the wrong type."""
        if self._rest.get(name) is not None:
            self._need(f"The field {name!r} has not the type that it must have.", name, "invalid_type")

    def _tools(self) -> None:
        given = taken(self._rest, "tools", list)
        self._odd("tools")
        if given is not None:
            self._groups["request"]["tools"] = tuple(tool_of(tool, ("tools", number)) for number, tool in enumerate(given))
        choice = self._rest.get("tool_choice")
        if choice is None:
            return
        read, parallel = choice_of(choice)
        if isinstance(read, ToolChoice):
            del self._rest["tool_choice"]
            self._groups["request"] |= {"choice": read} | ({} if parallel is None else {"parallel_calls": parallel})
        else:
            self._needs.append(read)

    def _system(self) -> None:
        given = self._rest.get("system")
        system = None if given is None else system_of(given)
        if system is not None:
            del self._rest["system"]
            self._groups["request"]["system"] = system
        self._odd("system")

    def _turns(self) -> None:
        messages = self._rest.get("messages")
        if type(messages) is not list or not messages:
            self._need("The field 'messages' must be a list of messages.", "messages")
            return
        del self._rest["messages"]
        turns = Turns(self._groups["request"].get("tools", ()))
        self._groups["request"]["turns"] = tuple(
            turns.of(message, ("messages", number)) for number, message in enumerate(messages)
        )

    def _plain(self) -> None:
        for name in PLAIN.keys() & self._rest.keys():
            plain = PLAIN[name]
            value = self._rest[name]
            if type(value) in plain.kinds and (value or name != "model"):
                del self._rest[name]
                self._groups[plain.group][plain.name] = value
            elif name != "model":
                self._odd(name)
        tier = taken(self._rest, "service_tier", str)
        if tier is not None:
            self._groups["request"]["service_tier"] = TIERS.get(tier, tier)
            self._spelled |= {"tier": tier} if tier in TIERS else {}

    def _stop(self) -> None:
        stop = self._rest.get("stop_sequences")
        if type(stop) is list and all(type(one) is str for one in stop):
            del self._rest["stop_sequences"]
            self._groups["limits"]["stop"] = tuple(stop)
        self._odd("stop_sequences")

    def _user(self) -> None:
        given = self._rest.get("metadata")
        if type(given) is not dict:
            return
        inner = {**self._rest.pop("metadata")}
        user = taken(inner, "user_id", str)
        if user is not None:
            self._groups["request"]["user"] = user
        self._spelled["metadata"] = inner
        self._lost = left(inner, of="metadata.")

    def _settings(self) -> None:
        given = taken(self._rest, "output_config", dict)
        self._odd("output_config")
        config = None if given is None else {**given}
        said = taken(self._rest, "thinking", dict)
        self._odd("thinking")
        request = self._groups["request"]
        if said is not None or config is not None:
            request["thinking"] = thinking_of(said, {} if config is None else config)
        output = output_of(config)
        if output.format is None and (form := format_of(self._rest, OLDER)) is not None:
            self._spelled["older"] = True
            output = Output(format=form, extra=output.extra)
        if output.format is not None or output.extra is not None:
            request["output"] = output
        self._odd(OLDER)
